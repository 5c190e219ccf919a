//! What happens to cages as processes: fork(2), execve(2), _exit(2), signals, and RLIMIT_NOFILE.

use imfs::abi::Errno;
use libc::{c_int, rlim_t};

use crate::arguments::Num;
use crate::boundary::finish;
use crate::cages;

/// fork(2): makes the cage `child_id` with the descriptors of `cage_id`, for the same open file descriptions, and its places,
/// umask and credentials. EEXIST: there is such a cage, or it was used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fork(cage_id: c_int, child_id: c_int) -> c_int {
    let show = |_, to: &mut String| to.push_str(&format!(", {child_id}"));
    finish("imfs_fork", Some(cage_id), || cages::lock().fork(cage_id, child_id), show)
}

/// Gives the cage `dst` the descriptors of `src`, in the place of its own: what the original has for fork(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_copy_fd_tables(src: c_int, dst: c_int) {
    let copy = || {
        let from = cages::hold(src)?;
        let to = cages::lock().find_or_create_beside(src, dst)?;
        to.copy_descriptors(&from)
    };
    let _: c_int = finish("imfs_copy_fd_tables", Some(src), copy, |_, to| to.push_str(&format!(", {dst}")));
}

/// What execve(2) does to a cage: descriptors with close-on-exec go, and saved ids become the effective ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_exec(cage_id: c_int) -> c_int {
    call!(exec(cage_id) => |cage| {
        cage.exec()
    })
}

/// _exit(2): ends the cage. Its waiting calls end (EINTR), its descriptors are closed, its locks dropped. The id is free then,
/// and names a new cage when it is used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_exit(cage_id: c_int) -> c_int {
    finish("imfs_exit", Some(cage_id), || cages::lock().exit(cage_id), |_, _| {})
}

/// What a signal does: the waiting calls of the cage end with EINTR.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_interrupt(cage_id: c_int) -> c_int {
    call!(interrupt(cage_id) => |cage| {
        cage.interrupt();
        Ok(())
    })
}

/// setrlimit(2) of RLIMIT_NOFILE: the lowest descriptor number that is too high.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_set_nofile(cage_id: c_int, limit: rlim_t) -> c_int {
    call!(set_nofile(cage_id, limit: Num<rlim_t>) => |cage| {
        cage.set_nofile(usize::try_from(limit).map_err(|_| Errno::EINVAL)?);
        Ok(())
    })
}

/// setrlimit(2) of RLIMIT_FSIZE: the size up to which the cage may make files grow (EFBIG; no signal is raised).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_set_fsize(cage_id: c_int, limit: rlim_t) -> c_int {
    call!(set_fsize(cage_id, limit: Num<rlim_t>) => |cage| cage.set_fsize(limit))
}
