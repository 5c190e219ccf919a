//! Finding what a server has left, and taking it away.
//!
//! Nobody is left to be told of an error, so each step is tried whatever became of the others. Nothing here waits for an answer of
//! the mount before its connection has ended: the guardian would be one more that waits for ever.

use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::process::Command;

use imfs_fuse::device;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::mount::{MountAttrFlags, UnmountFlags};
use rustix::process::{Pid, PidfdFlags, getppid, pidfd_open};
use rustix::thread::{ThreadNameSpaceType, move_into_thread_name_spaces};

use super::lifeline::FarEnd;
use crate::failure::{Failure, OrFail as _};
use crate::mounts::Detached;
use crate::process;

/// How long a killed server may take to end; one that takes longer waits for its own mount. To be wrong here does no harm.
const SOON: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// Where `fusectl` is mounted, if it is.
const CONNECTIONS: &str = "/sys/fs/fuse/connections";

/// Major and minor number of a file system.
type Device = (u32, u32);

/// Guards what will be mounted on a directory.
pub(super) fn from_directory(directory: &Path, server: &mut FarEnd) -> Result<(), Failure> {
    let before = device(directory).or_fail(|| format!("look at {}", directory.display()))?;
    let parent = getppid().ok_or(Errno::SRCH).and_then(|parent| pidfd_open(parent, PidfdFlags::empty()));
    let process = parent.or_fail(|| "watch the server".into())?;
    server.ready()?;
    let new = || device(directory).ok().filter(|now| *now != before);
    let mut ours = None;
    if !server.is_lost(|| ours = new()) {
        return Ok(());
    }
    // It may have been killed between the mount and the word.
    if let Some(ours) = ours.or_else(|| new().filter(|_| is_dead(directory))) {
        take_away(directory, ours, &process);
    }
    Ok(())
}

fn take_away(directory: &Path, ours: Device, server: &OwnedFd) {
    let is_there = || device(directory).is_ok_and(|now| now == ours);
    if is_there() && force_off(directory).is_ok() {
        return;
    }
    if !ends_soon(server) {
        abort(ours);
    }
    if is_there() {
        let _ = Command::new("fusermount3").args(["-u", "-z", "--"]).arg(directory).status();
    }
}

/// Guards what a sandbox has mounted on a directory. With its last process the sandbox is gone; but a process that waits for
/// an answer cannot go, nor can a server that waits for itself.
pub(super) fn from_sandbox(init: Pid, directory: &Path, server: &mut FarEnd) -> Result<(), Failure> {
    enter(init, directory).or_fail(|| "reach the sandbox's mount".into())?;
    server.ready()?;
    if server.is_lost(|| ()) {
        let _ = force_off(Path::new("/"));
    }
    Ok(())
}

/// Goes to a mount namespace that has nothing but the sandbox's mount, as the root directory. It must not be the sandbox's, where
/// programs could take that away, nor is the guardian one of the sandbox's processes: those die with their first, perhaps before
/// it has done its part. None of this asks the server, which does not answer yet.
fn enter(init: Pid, mount: &Path) -> io::Result<()> {
    let init = pidfd_open(init, PidfdFlags::empty())?;
    let mounts = ThreadNameSpaceType::MOUNT;
    // To enter the user namespace that one is in is refused.
    move_into_thread_name_spaces(init.as_fd(), ThreadNameSpaceType::USER | mounts)
        .or_else(|_| move_into_thread_name_spaces(init.as_fd(), mounts))?;
    process::unshare_mounts()?;
    // The old root comes to lie over the new one, and is taken off.
    rustix::process::pivot_root(mount, mount)?;
    rustix::mount::unmount("/", UnmountFlags::DETACH)?;
    // In a user namespace the root is locked to its place. Another mount of the same, over it, is not.
    Detached::tree_at(Path::new("/"), true)?.attach(Path::new("/"))
}

/// Whether the file system on `directory` has lost its server, which statfs(2) always asks. To be called for a server that was
/// killed before it could wait for itself.
fn is_dead(directory: &Path) -> bool {
    loop {
        match rustix::fs::statfs(directory) {
            // The server's files are being closed: this one reached the connection before its end.
            Err(Errno::CONNABORTED) => {}
            answer => return answer.is_err_and(|error| error == Errno::NOTCONN),
        }
    }
}

/// Ends the connection, so that nobody waits any more, and takes the mount away although it may be in use: umount2(2).
fn force_off(directory: &Path) -> rustix::io::Result<()> {
    let flags = UnmountFlags::FORCE | UnmountFlags::DETACH | UnmountFlags::NOFOLLOW;
    rustix::mount::unmount(directory, flags)
}

fn ends_soon(server: &OwnedFd) -> bool {
    poll(&mut [PollFd::new(server, PollFlags::IN)], Some(&SOON)).is_ok_and(|ended| ended > 0)
}

/// Ends the connection of a mount that this process may not unmount by force, or that has left its directory: the kernel's
/// `Documentation/filesystems/fuse.rst`, "Control filesystem".
fn abort((major, minor): Device) {
    let name = format!("{}/abort", major << 20 | minor);
    if fs::write(Path::new(CONNECTIONS).join(&name), "1").is_err() {
        // It is not mounted there. Root needs no place for it.
        let _ = Detached::new("fusectl", &[], MountAttrFlags::empty()).and_then(|connections| {
            let abort =
                rustix::fs::openat(&connections, name, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
            fs::File::from(abort).write_all(b"1")
        });
    }
}
