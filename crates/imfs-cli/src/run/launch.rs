//! The birth of the sandbox's init process in namespaces of its own.
//!
//! Responsible for `clone`, the user and group maps, and for never leaving init behind. It must be used while `imfs` has one
//! thread: the child is a copy of the whole process.

use std::fs;
use std::io;

use rustix::process::{Pid, Signal, WaitOptions, getegid, geteuid};

use super::link::{self, Link};
use super::{Sandbox, init};
use crate::failure::{Failure, OrFail as _};

/// The running init, as its parent sees it. Killed, with all that runs in the sandbox, when dropped.
pub(crate) struct Init {
    pub(crate) pid: Pid,
    pub(crate) link: Link,
}

/// Starts init. With a user namespace where the caller may not mount otherwise.
pub(crate) fn start(sandbox: &mut Sandbox) -> Result<Init, Failure> {
    let (ours, theirs) = link::pair().or_fail(|| "make a socket pair".into())?;
    sandbox.user_namespace = !geteuid().is_root();
    let mut born = clone(sandbox.user_namespace);
    if matches!(&born, Err(error) if error.raw_os_error() == Some(libc::EPERM)) && !sandbox.user_namespace {
        // Root without CAP_SYS_ADMIN, as in most containers.
        sandbox.user_namespace = true;
        born = clone(true);
    }
    match born.map_err(|error| no_namespaces(&error))? {
        Some(pid) => Ok(Init { pid, link: ours }),
        None => {
            drop(ours);
            init::main(sandbox, theirs)
        }
    }
}

fn no_namespaces(error: &io::Error) -> Failure {
    Failure::new(format!("cannot make namespaces: {}", crate::failure::cause(error)))
        .way_out(NAMESPACES_WAY_OUT)
}

/// What to do where a user may not make namespaces, or not mount in them.
pub(crate) const NAMESPACES_WAY_OUT: &str = "run imfs as root, or let users make namespaces \
    (sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000, \
    on Ubuntu also kernel.apparmor_restrict_unprivileged_userns=0)";

/// `clone(2)` in the manner of fork. `None` in the child.
fn clone(user_namespace: bool) -> io::Result<Option<Pid>> {
    let mut flags = libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::SIGCHLD;
    if user_namespace {
        flags |= libc::CLONE_NEWUSER;
    }
    // SAFETY: without CLONE_VM the child has its own copy of everything, and there is one thread, so that no lock
    // of the allocator or of std is held by a thread that the child does not have.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags as libc::c_ulong, 0, 0, 0, 0) };
    if pid < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(Pid::from_raw(pid as i32))
}

/// Who init is inside: the program's ids stand for the caller's. To be called in init.
pub(crate) fn map_ids(outer: (u32, u32), inner: (u32, u32)) -> io::Result<()> {
    // Without this the kernel lets nobody but root map groups.
    fs::write("/proc/self/setgroups", "deny")?;
    fs::write("/proc/self/uid_map", format!("{} {} 1", inner.0, outer.0))?;
    fs::write("/proc/self/gid_map", format!("{} {} 1", inner.1, outer.1))
}

/// The caller's effective ids.
pub(crate) fn caller() -> (u32, u32) {
    (geteuid().as_raw(), getegid().as_raw())
}

impl Drop for Init {
    fn drop(&mut self) {
        // An init that has reported the program's end has nothing left to do; any other has to be stopped.
        let _ = rustix::process::kill_process(self.pid, Signal::KILL);
        // It ends after the last process of its namespace, and with them the last mount goes.
        let _ = rustix::io::retry_on_intr(|| rustix::process::waitpid(Some(self.pid), WaitOptions::empty()));
    }
}
