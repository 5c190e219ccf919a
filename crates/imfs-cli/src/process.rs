//! The beginning and the end of a process that is a copy of this one, and what it keeps of what its parent had.

use std::env;
use std::fs::OpenOptions;
use std::io;
use std::os::fd::RawFd;

use rustix::process::Pid;
use rustix::thread::UnshareFlags;

use crate::failure::{Failure, OrFail as _};

/// fork(2), before there are threads. `None` in the child.
pub(crate) fn fork() -> Result<Option<Pid>, Failure> {
    // SAFETY: the process has one thread, so that no lock of the allocator or of std is held by a thread that the child
    // does not have.
    match unsafe { libc::fork() } {
        pid if pid < 0 => Err(io::Error::last_os_error()).or_fail(|| "start a process".into()),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// Ends the process at once: nothing that `imfs` would do at its exit is the child's business.
pub(crate) fn exit(status: u8) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(i32::from(status)) }
}

/// Lets go of the caller's terminal and directory, so that neither is kept in use.
pub(crate) fn leave_surroundings() -> Result<(), Failure> {
    let null =
        OpenOptions::new().read(true).write(true).open("/dev/null").or_fail(|| "open /dev/null".into())?;
    rustix::stdio::dup2_stdin(&null)
        .and_then(|()| rustix::stdio::dup2_stdout(&null))
        .and_then(|()| rustix::stdio::dup2_stderr(&null))
        .or_fail(|| "leave the terminal".into())?;
    env::set_current_dir("/").or_fail(|| "leave the current directory".into())
}

/// Gives the process a copy of its mount namespace: unshare(2).
pub(crate) fn unshare_mounts() -> io::Result<()> {
    // SAFETY: the table of descriptors stays shared.
    Ok(unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }?)
}

/// Closes all descriptors from `first` on but `kept`.
pub(crate) fn close_others(first: RawFd, kept: RawFd) -> io::Result<()> {
    close_range(kept + 1, RawFd::MAX, 0)?;
    if first < kept { close_range(first, kept - 1, 0) } else { Ok(()) }
}

/// Gives the calling thread a table of descriptors of its own, with nothing in it but `kept`.
pub(crate) fn keep_alone(kept: RawFd) -> io::Result<()> {
    close_range(kept + 1, RawFd::MAX, libc::CLOSE_RANGE_UNSHARE)?;
    close_others(0, kept)
}

/// close_range(2).
fn close_range(first: RawFd, last: RawFd, flags: libc::c_uint) -> io::Result<()> {
    // SAFETY: it touches no memory. Who calls it uses none of these descriptors any more.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, last, flags) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
