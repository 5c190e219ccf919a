//! A mount for a test, in a mount namespace of the test's own: whatever becomes of the test, nothing is left behind.
//!
//! A test that hangs is ended by a watchdog, since a kernel that waits for an answer cannot be interrupted.

use std::ffi::{CStr, CString};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Once};
use std::time::Duration;
use std::{fs, process, thread};

use imfs::Imfs;
use imfs_fuse::{Options, Session};

/// Far more than the slowest test takes on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// A mounted instance. Everything goes with it.
pub(crate) struct Mount {
    pub(crate) fs: Arc<Imfs>,
    pub(crate) session: Session,
    dir: PathBuf,
    _in_time: Sender<()>,
}

impl Mount {
    /// A new instance without limits worth mentioning, mounted with the default options.
    pub(crate) fn new() -> Self {
        Self::with(Imfs::builder().build().unwrap(), &Options::default())
    }

    /// This instance, with these options.
    pub(crate) fn with(fs: Arc<Imfs>, options: &Options) -> Self {
        let dir = new_directory();
        let in_time = watch(&dir);
        let session = Session::mount(&fs, &dir, options).unwrap();
        Self { fs, session, dir, _in_time: in_time }
    }

    /// Where it is mounted.
    pub(crate) fn path(&self) -> &Path {
        &self.dir
    }

    /// A path in it.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Runs a shell command in it, which has to succeed, and gives what it wrote.
    pub(crate) fn shell(&self, script: &str) -> String {
        let output = self.try_shell(script);
        assert!(output.status.success(), "{script}: {output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs a shell command in it.
    pub(crate) fn try_shell(&self, script: &str) -> Output {
        Command::new("sh").args(["-euc", script]).current_dir(&self.dir).output().unwrap()
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = self.session.unmount();
        let _ = fs::remove_dir(&self.dir);
    }
}

/// An empty directory in a mount namespace that only this thread and those that it starts are in.
pub(crate) fn new_directory() -> PathBuf {
    static DIRECTORIES: AtomicU32 = AtomicU32::new(0);
    skip_where_nothing_can_be_mounted();
    enter_namespace();
    let number = DIRECTORIES.fetch_add(1, Ordering::Relaxed);
    let dir = std::env::temp_dir().join(format!("imfs-fuse-test.{}.{number}", process::id()));
    fs::create_dir(&dir).unwrap();
    dir
}

/// A tmpfs, to compare with or to be another file system.
pub(crate) fn tmpfs() -> PathBuf {
    let dir = new_directory();
    mount(c"tmpfs", &dir, c"tmpfs", 0);
    dir
}

/// Ends the whole run well where nothing can be mounted: not root, or a container without `/dev/fuse`.
fn skip_where_nothing_can_be_mounted() {
    // SAFETY: no preconditions.
    let root = unsafe { libc::geteuid() } == 0;
    if !root || !Path::new("/dev/fuse").exists() {
        eprintln!("SKIPPED, all tests of mounts: they need root and /dev/fuse");
        process::exit(0);
    }
}

fn enter_namespace() {
    thread_local! {
        static ENTERED: Once = const { Once::new() };
    }
    ENTERED.with(|entered| {
        entered.call_once(|| {
            // SAFETY: no preconditions.
            let done = unsafe { libc::unshare(libc::CLONE_NEWNS) };
            assert_eq!(done, 0, "unshare: {}", std::io::Error::last_os_error());
            mount(c"none", Path::new("/"), c"none", libc::MS_REC | libc::MS_PRIVATE);
        });
    });
}

fn mount(source: &CStr, target: &Path, kind: &CStr, flags: libc::c_ulong) {
    let target = c_path(target);
    // SAFETY: the strings end with NUL and live until the call returns.
    let done =
        unsafe { libc::mount(source.as_ptr(), target.as_ptr(), kind.as_ptr(), flags, std::ptr::null()) };
    assert_eq!(done, 0, "mount on {target:?}: {}", std::io::Error::last_os_error());
}

/// Ends the mount and the process when nobody drops the result in time. The mount comes first: a thread that waits for
/// an answer cannot even be killed.
fn watch(dir: &Path) -> Sender<()> {
    let (in_time, watched) = channel();
    let dir = c_path(dir);
    thread::spawn(move || {
        if watched.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            eprintln!("no test takes {PATIENCE:?}: something hangs");
            // SAFETY: the string ends with NUL and lives until the call returns.
            unsafe { libc::umount2(dir.as_ptr(), libc::MNT_FORCE | libc::MNT_DETACH) };
            process::abort();
        }
    });
    in_time
}

fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap()
}

/// Does the same in a tmpfs and in a mount, both empty; the results have to be the same.
pub(crate) fn as_on_tmpfs<T: PartialEq + std::fmt::Debug>(case: impl Fn(&Path) -> T) {
    let tmpfs = tmpfs();
    let expected = case(&tmpfs);
    // SAFETY: the string ends with NUL and lives until the call returns.
    unsafe { libc::umount2(c_path(&tmpfs).as_ptr(), libc::MNT_DETACH) };
    let _ = fs::remove_dir(&tmpfs);
    let mount = Mount::new();
    assert_eq!(case(mount.path()), expected, "a mount does not as tmpfs does");
}

/// A python3 script in a process of its own, which says "ready" and then waits for a line.
///
/// What maps files of a mount has to be another process than the one that serves it: the kernel writes a mapping back
/// while it holds the address space, which the threads that answer need.
pub(crate) struct Script(Child);

impl Script {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(dir: &Path, text: &str) -> Self {
        let text = format!("{text}\nprint('ready', flush=True)\ninput()\n");
        let mut command = Command::new("python3");
        command.args(["-c", &text]).current_dir(dir).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut script = Self(command.spawn().unwrap());
        let mut line = String::new();
        BufReader::new(script.0.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        script
    }

    /// Lets it go on, to its end.
    pub(crate) fn finish(mut self) {
        self.0.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

/// Runs a python3 script; gives what it prints.
pub(crate) fn python(dir: &Path, text: &str) -> String {
    let output = Command::new("python3").args(["-c", text]).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}
