//! A tmpfs of the test's own, to compare the kernel with.
//!
//! Responsible for the mount, and for the few system calls that have no safe form in std. Knows no rule of a file system. Called by
//! the unit tests of this layer. All of it happens on a thread with its own mount namespace, umask and credentials,
//! so that tests do not see each other, and a test that fails leaves no mount behind.

use std::ffi::CString;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, io, process, ptr, thread};

use crate::abi::Errno;

/// Runs `test` on a thread of its own with the root directory, mode 0755, of an empty tmpfs mounted with `options`.
/// Where mounting is not permitted, says so and runs nothing. The mount goes with the thread.
pub(super) fn run(options: &str, test: impl FnOnce(&Path) + Send) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let unique = format!("imfs-test-{}-{}", process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let dir = std::env::temp_dir().join(unique);
    fs::create_dir(&dir).unwrap();
    let on_thread = || match mount(&dir, options) {
        Ok(()) => test(&dir),
        Err(error) => eprintln!("skipped: a private tmpfs needs root and mount namespaces: {error}"),
    };
    let outcome = thread::scope(|scope| scope.spawn(on_thread).join());
    // In the namespace of this thread, nothing was ever mounted there.
    let removed = fs::remove_dir(&dir);
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
    removed.unwrap();
}

fn mount(dir: &Path, options: &str) -> io::Result<()> {
    let ids = fs::read_to_string("/proc/self/uid_map")?;
    if !ids.split_whitespace().eq(["0", "0", "4294967295"]) {
        return Err(io::Error::other("in a user namespace, where other rules hold"));
    }
    let at = c_path(dir);
    let options = CString::new(format!("mode=755,{options}"))?;
    let private = libc::MS_REC | libc::MS_PRIVATE;
    // SAFETY: unshare has no memory effects; the strings given to mount live until it returns.
    unsafe {
        check(libc::unshare(libc::CLONE_NEWNS | libc::CLONE_FS))?;
        check(libc::mount(c"none".as_ptr(), c"/".as_ptr(), ptr::null(), private, ptr::null()))?;
        check(libc::mount(c"none".as_ptr(), at.as_ptr(), c"tmpfs".as_ptr(), 0, options.as_ptr().cast()))
    }
}

/// Sets the file-system ids and the supplementary groups of this thread alone. A user other than 0 has no capability
/// over files, but keeps `CAP_SYS_ADMIN`: see [`drop_capabilities`].
pub(super) fn become_user(uid: u32, gid: u32, groups: &[u32]) {
    // SAFETY: raw system calls, for libc would change every thread; `groups` lives until the call returns.
    unsafe {
        libc::syscall(libc::SYS_setfsuid, 0);
        let set = libc::syscall(libc::SYS_setgroups, groups.len(), groups.as_ptr());
        assert_eq!(set, 0, "setgroups: {}", io::Error::last_os_error());
        libc::syscall(libc::SYS_setfsgid, gid);
        libc::syscall(libc::SYS_setfsuid, uid);
    }
}

/// Takes every capability that matters to files from this thread until it ends or [`restore_capabilities`].
pub(super) fn drop_capabilities() {
    set_effective(|_| 0);
}

/// Gives this thread its permitted capabilities back.
pub(super) fn restore_capabilities() {
    set_effective(|permitted| permitted);
}

fn set_effective(of_permitted: impl Fn(u32) -> u32) {
    // struct __user_cap_header_struct, version 3, this thread; and two of effective, permitted, inheritable.
    let mut header = [0x2008_0522_u32, 0];
    let mut data = [[0_u32; 3]; 2];
    // SAFETY: both arrays have the layout that capget(2) and capset(2) want, and live until the calls return.
    let done = unsafe {
        libc::syscall(libc::SYS_capget, header.as_mut_ptr(), data.as_mut_ptr());
        for half in &mut data {
            half[0] = of_permitted(half[1]);
        }
        libc::syscall(libc::SYS_capset, header.as_mut_ptr(), data.as_ptr())
    };
    assert_eq!(done, 0, "capset: {}", io::Error::last_os_error());
}

/// umask(2) of this thread.
pub(super) fn umask(mask: u32) {
    // SAFETY: no memory is touched.
    unsafe { libc::umask(mask) };
}

/// mknod(2).
pub(super) fn mknod(path: &Path, mode: u32) {
    let path = c_path(path);
    // SAFETY: the string lives until the call returns.
    check(unsafe { libc::mknod(path.as_ptr(), mode, libc::makedev(1, 3)) }).unwrap();
}

/// open(2) with `O_CREAT`, without keeping the descriptor.
pub(super) fn create(path: &Path, mode: u32) {
    let path = c_path(path);
    // SAFETY: the string lives until the call returns; the descriptor is ours.
    unsafe {
        let fd =
            libc::open(path.as_ptr(), libc::O_CREAT | libc::O_EXCL | libc::O_WRONLY | libc::O_CLOEXEC, mode);
        check(fd).unwrap();
        libc::close(fd);
    }
}

/// mkdir(2).
pub(super) fn mkdir(path: &Path, mode: u32) {
    let path = c_path(path);
    // SAFETY: the string lives until the call returns.
    check(unsafe { libc::mkdir(path.as_ptr(), mode) }).unwrap();
}

/// faccessat2(2) with `AT_EACCESS`: asks with this thread's file-system ids.
pub(super) fn access(path: &Path, mode: u32) -> Result<(), Errno> {
    let path = c_path(path);
    // SAFETY: the string lives until the call returns.
    let done =
        unsafe { libc::syscall(libc::SYS_faccessat2, libc::AT_FDCWD, path.as_ptr(), mode, libc::AT_EACCESS) };
    result(done as isize).map(drop)
}

/// lsetxattr(2).
pub(super) fn set(path: &Path, name: &[u8], value: &[u8], flags: u32) -> Result<(), Errno> {
    let (path, name) = (c_path(path), c_string(name));
    // SAFETY: the strings and the value live until the call returns.
    let done = unsafe {
        libc::lsetxattr(path.as_ptr(), name.as_ptr(), value.as_ptr().cast(), value.len(), flags as i32)
    };
    result(done as isize).map(drop)
}

/// lgetxattr(2).
pub(super) fn get(path: &Path, name: &[u8], buffer: &mut [u8]) -> Result<usize, Errno> {
    let (path, name) = (c_path(path), c_string(name));
    // SAFETY: the strings and the buffer live until the call returns.
    result(unsafe { libc::lgetxattr(path.as_ptr(), name.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) })
}

/// llistxattr(2).
pub(super) fn list(path: &Path, buffer: &mut [u8]) -> Result<usize, Errno> {
    let path = c_path(path);
    // SAFETY: the string and the buffer live until the call returns.
    result(unsafe { libc::llistxattr(path.as_ptr(), buffer.as_mut_ptr().cast(), buffer.len()) })
}

/// lremovexattr(2).
pub(super) fn remove(path: &Path, name: &[u8]) -> Result<(), Errno> {
    let (path, name) = (c_path(path), c_string(name));
    // SAFETY: the strings live until the call returns.
    result(unsafe { libc::lremovexattr(path.as_ptr(), name.as_ptr()) } as isize).map(drop)
}

fn c_path(path: &Path) -> CString {
    c_string(path.as_os_str().as_bytes())
}

fn c_string(bytes: &[u8]) -> CString {
    CString::new(bytes).expect("tests use no NUL")
}

fn check(returned: i32) -> io::Result<()> {
    if returned < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn result(returned: isize) -> Result<usize, Errno> {
    usize::try_from(returned).map_err(|_| {
        let raw = io::Error::last_os_error().raw_os_error();
        raw.and_then(Errno::from_raw).expect("a failed call sets errno")
    })
}

/// Numbers that look random and are the same in every run (splitmix64).
pub(super) struct Numbers(pub(super) u64);

impl Numbers {
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ z >> 31) >> 32) as u32 % bound
    }

    pub(super) fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len() as u32) as usize]
    }
}
