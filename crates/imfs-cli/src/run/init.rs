//! The first process of the sandbox: builds what the program sees, starts it, and waits.
//!
//! Responsible for the mounts, for passing on signals, for reaping, and for ending everything when the program or `imfs`
//! ends. As the first of its process namespace it takes every other process along when it dies, and it asks
//! the kernel to die with `imfs`: so nothing stays behind, whoever is killed. It never runs beside a thread, and it
//! touches the file system only through the mount, which `imfs` answers.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::mount::{MountAttrFlags, MountPropagationFlags, UnmountFlags};
use rustix::process::{Pid, Signal, WaitOptions};

use super::launch::{self, NAMESPACES_WAY_OUT};
use super::link::{Link, Order, Passed, Report};
use super::program;
use super::{Sandbox, root};
use crate::failure::{Failure, OWN_FAILURE, OrFail as _};
use crate::mounts::Detached;
use crate::process::exit;
use crate::signals::{self, SignalReader};

/// Devices of the host that are shown.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

/// Links that programs expect in `/dev`.
const DEVICE_LINKS: [(&str, &str); 5] = [
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("pts/ptmx", "ptmx"),
];

/// Runs init, in the child that `launch` made.
pub(crate) fn main(sandbox: &Sandbox, link: Link) -> ! {
    let status = match prepare(sandbox, &link).and_then(|()| watch(sandbox, &link)) {
        Ok(status) => {
            end_all();
            link.report(&Report::Ended(status));
            0
        }
        Err(failure) => {
            link.report(&Report::Failed(failure));
            OWN_FAILURE
        }
    };
    exit(status)
}

/// Makes everything that the program sees.
fn prepare(sandbox: &Sandbox, link: &Link) -> Result<(), Failure> {
    if sandbox.user_namespace {
        launch::map_ids(sandbox.caller, sandbox.ids)
            .or_fail(|| "map user ids".into())
            .map_err(|failure| failure.way_out(NAMESPACES_WAY_OUT))?;
    }
    // Set once the credentials are final, for a change of them clears it. If `imfs` has died before, the link says so.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .or_fail(|| "ask to die with imfs".into())?;
    rustix::mount::mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .or_fail(|| "make mounts private".into())
        .map_err(|failure| failure.way_out(NAMESPACES_WAY_OUT))?;

    let from_host = FromHost::take(sandbox)?;
    let requests = root::mount(sandbox)?;
    link.report(&Report::Mounted(requests));
    match link.next_order() {
        Some(Order::Go) => {}
        _ => exit(OWN_FAILURE),
    }
    enter_root().or_fail(|| "exchange the root directory".into())?;
    from_host.attach(sandbox)
}

/// Makes the mounted file system the root directory, and lets go of the host's.
fn enter_root() -> io::Result<()> {
    rustix::process::chdir(root::MOUNT_POINT)?;
    // The old root comes to lie over the new one, where it is taken off at once: no directory is needed for it.
    rustix::process::pivot_root(".", ".")?;
    rustix::mount::unmount(".", UnmountFlags::DETACH)?;
    rustix::process::chdir("/")?;
    Ok(())
}

/// What is taken from the host while its tree can still be reached.
struct FromHost {
    shown: Vec<Detached>,
    devices: Vec<(&'static str, Detached)>,
    proc: Detached,
}

impl FromHost {
    fn take(sandbox: &Sandbox) -> Result<FromHost, Failure> {
        let mut shown = Vec::new();
        for one in &sandbox.view.shown {
            shown.push(
                Detached::tree_at(&one.host, one.writable)
                    .or_fail(|| format!("show {} inside", one.host.display()))?,
            );
        }
        let mut devices = Vec::new();
        for name in DEVICES {
            match Detached::tree_at(&Path::new("/dev").join(name), true) {
                Ok(device) => devices.push((name, device)),
                // A host without the device has programs that live without it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).or_fail(|| format!("show /dev/{name} inside")),
            }
        }
        Ok(FromHost { shown, devices, proc: new_proc()? })
    }

    /// Builds the rest of the tree. A failure here is mostly one of the limits.
    fn attach(self, sandbox: &Sandbox) -> Result<(), Failure> {
        for link in &sandbox.view.relinked {
            if fs::symlink_metadata(&link.inside).is_err() {
                make_parents(&link.inside)?;
                symlink(&link.target, &link.inside).or_fail(|| making(&link.inside))?;
            }
        }
        for (one, tree) in sandbox.view.shown.iter().zip(self.shown) {
            if one.yields && fs::symlink_metadata(&one.inside).is_ok() {
                continue;
            }
            make_mount_point(&one.inside, fs_is_directory(&tree)?)?;
            tree.attach(&one.inside).or_fail(|| format!("show {} inside", one.inside.display()))?;
        }
        make_mount_point(Path::new("/proc"), true)?;
        self.proc.attach(Path::new("/proc")).or_fail(|| making(Path::new("/proc")))?;
        attach_devices(self.devices)?;
        make_open_directory(Path::new("/tmp"))
    }
}

fn fs_is_directory(tree: &Detached) -> Result<bool, Failure> {
    let stat = rustix::fs::fstat(tree.as_fd()).or_fail(|| "look at a mount".into())?;
    Ok(rustix::fs::FileType::from_raw_mode(stat.st_mode).is_dir())
}

/// A `/proc` of the sandbox's own processes; where the kernel refuses (a container that masks parts of its own), the host's.
fn new_proc() -> Result<Detached, Failure> {
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    Detached::new("proc", &[], attributes)
        .or_else(|_| Detached::tree_at(Path::new("/proc"), true))
        .or_fail(|| "mount /proc".into())
}

/// Device nodes, terminals, and shared memory. The last lies in the IMFS, where it is counted.
fn attach_devices(devices: Vec<(&'static str, Detached)>) -> Result<(), Failure> {
    let dev = Path::new("/dev");
    let shm = dev.join("shm");
    make_mount_point(dev, true)?;
    make_open_directory(&shm)?;
    let shared_memory = Detached::tree_at(&shm, true).or_fail(|| making(&shm))?;
    let nosuid = MountAttrFlags::MOUNT_ATTR_NOSUID;
    let noexec = nosuid | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    Detached::new("tmpfs", &[("mode", Some("0755")), ("size", Some("64k"))], noexec)
        .and_then(|tmpfs| tmpfs.attach(dev))
        .or_fail(|| making(dev))?;
    for (name, device) in devices {
        let place = dev.join(name);
        make_mount_point(&place, false)?;
        device.attach(&place).or_fail(|| making(&place))?;
    }
    for (target, name) in DEVICE_LINKS {
        symlink(target, dev.join(name)).or_fail(|| making(&dev.join(name)))?;
    }
    make_mount_point(&shm, true)?;
    shared_memory.attach(&shm).or_fail(|| making(&shm))?;
    let pts = dev.join("pts");
    make_mount_point(&pts, true)?;
    let options = [("newinstance", None), ("ptmxmode", Some("0666")), ("mode", Some("0620"))];
    Detached::new("devpts", &options, noexec).and_then(|fresh| fresh.attach(&pts)).or_fail(|| making(&pts))
}

fn making(path: &Path) -> String {
    format!("make {} inside", path.display())
}

/// What limits say when even the sandbox's own directories do not fit.
fn too_small(failure: Failure) -> Failure {
    failure.way_out("if a limit is reached, raise --size or --inodes")
}

fn make_parents(path: &Path) -> Result<(), Failure> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o755).create(parent).or_fail(|| making(parent)).map_err(too_small)
}

/// Makes what a mount can be attached to, unless something is there.
fn make_mount_point(path: &Path, directory: bool) -> Result<(), Failure> {
    if fs::metadata(path).is_ok_and(|found| found.is_dir() == directory) {
        return Ok(());
    }
    make_parents(path)?;
    let made = if directory {
        DirBuilder::new().mode(0o755).create(path)
    } else {
        fs::OpenOptions::new().write(true).create_new(true).open(path).map(drop)
    };
    made.or_fail(|| making(path)).map_err(too_small)
}

/// Makes a directory like `/tmp`: everybody writes, nobody removes what is another's. A staged one keeps its mode.
fn make_open_directory(path: &Path) -> Result<(), Failure> {
    if fs::metadata(path).is_ok() {
        return Ok(());
    }
    make_mount_point(path, true)?;
    fs::set_permissions(path, Permissions::from_mode(0o1777)).or_fail(|| making(path))
}

/// Starts the program and waits for its end; gives its `wait` status.
fn watch(sandbox: &Sandbox, link: &Link) -> Result<i32, Failure> {
    let children = SignalReader::of(libc::SIGCHLD).or_fail(|| "read signals".into())?;
    let program = program::start(sandbox, link)?;
    loop {
        if let Some(status) = reap(program, link) {
            return Ok(status);
        }
        let mut fds = [
            PollFd::from_borrowed_fd(children.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(link.as_fd(), PollFlags::IN),
        ];
        // An interrupted poll is one that says nothing: the loop looks again.
        let _ = poll(&mut fds, None);
        let [child_ended, order_came] = [!fds[0].revents().is_empty(), !fds[1].revents().is_empty()];
        if child_ended {
            while children.next().is_some() {}
        }
        if order_came {
            match link.next_order() {
                Some(Order::Signal(number)) => link.report(&Report::Signal(pass_on(number, program))),
                Some(Order::Again(number)) => link.report(&Report::Signal(taken(number))),
                Some(Order::Go) => {}
                None => exit(OWN_FAILURE),
            }
        }
    }
}

/// Passes a signal on that `imfs` got. Init shares the program's process group (unless the program has left it) and
/// holds every signal back: if it has the signal too, the whole group got it, and the program has it already.
fn pass_on(number: i32, program: Pid) -> Passed {
    let passed = taken(number);
    if passed == Passed::ByInit {
        // SAFETY: kill has no preconditions; the program is our child and not reaped yet, so the number is its own.
        unsafe { libc::kill(program.as_raw_nonzero().get(), number) };
    }
    passed
}

/// Takes init's own copy of a signal, and so tells whether the group got it.
fn taken(number: i32) -> Passed {
    if signals::take_pending(number) { Passed::ToAll } else { Passed::ByInit }
}

/// Collects every child that has changed; gives the program's status if it has ended.
fn reap(program: Pid, link: &Link) -> Option<i32> {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
            Ok(Some((pid, status))) if pid == program => {
                if let Some(number) = status.stopping_signal() {
                    link.report(&Report::Stopped(number));
                } else {
                    return Some(status.as_raw());
                }
            }
            Ok(Some(_)) => {}
            _ => return None,
        }
    }
}

/// Ends what the program left running. When this returns their files are closed, and so all data has reached `imfs`.
fn end_all() {
    // SAFETY: in its own process namespace init reaches all but itself.
    unsafe { libc::kill(-1, libc::SIGKILL) };
    while !matches!(rustix::process::wait(WaitOptions::empty()), Err(rustix::io::Errno::CHILD)) {}
}
