//! The beginning and the end of a process that is a copy of this one.

use std::io;

use rustix::process::Pid;

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
