//! fcntl(2), in two forms: C cannot say at once "an int or a pointer".

use imfs::Cage;
use imfs::abi::fcntl::{
    F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_GETPIPE_SZ, F_SETFD, F_SETFL, F_SETPIPE_SZ,
};
use imfs::abi::{Errno, FdFlags, OFlags, Result};
use libc::{c_int, c_void};

use crate::arguments::{Any, Int, Pointer};

/// fcntl(2) with an int. Operations that need a pointer give EFAULT here: they are for `imfs_fcntl_ptr`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fcntl(cage_id: c_int, fd: c_int, op: c_int, arg: c_int) -> c_int {
    call!(wait fcntl(cage_id, fd: Int, op: Int, arg: Int) => |cage| {
        match with_number(cage, fd, op, arg) {
            Some(result) => result,
            None if takes_pointer(op) => Err(cage.getfd(fd).err().unwrap_or(Errno::EFAULT)),
            None => Err(cage.getfd(fd).err().unwrap_or(Errno::EINVAL)),
        }
    })
}

/// fcntl(2) with whatever the operation takes: a pointer, or an int made one (`(void *)(intptr_t)n`).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fcntl_ptr(cage_id: c_int, fd: c_int, op: c_int, arg: *mut c_void) -> c_int {
    call!(wait fcntl_ptr(cage_id, fd: Int, op: Int, arg: Any) => |cage| {
        match with_number(cage, fd, op, arg.address() as c_int) {
            Some(result) => result,
            None => with_pointer(cage, fd, op, arg),
        }
    })
}

/// The operations that take a number, or nothing; `None` for all others.
fn with_number(cage: &Cage, fd: c_int, op: c_int, arg: c_int) -> Option<Result<c_int>> {
    let done = |result: Result<()>| result.map(|()| 0);
    Some(match op {
        F_DUPFD => cage.dupfd(fd, arg, false),
        F_DUPFD_CLOEXEC => cage.dupfd(fd, arg, true),
        F_GETFD => cage.getfd(fd).map(|flags| flags.bits() as c_int),
        F_SETFD => done(cage.setfd(fd, FdFlags::from_bits_retain(arg as u32))),
        F_GETFL => cage.getfl(fd).map(|flags| flags.bits() as c_int),
        F_SETFL => done(cage.setfl(fd, OFlags::from_bits_retain(arg as u32))),
        F_GETPIPE_SZ => cage.getpipe_sz(fd).map(|size| size as c_int),
        F_SETPIPE_SZ => cage.setpipe_sz(fd, arg as u32).map(|size| size as c_int),
        _ => return None,
    })
}

/// Whether the operation is one of [`with_pointer`].
fn takes_pointer(op: c_int) -> bool {
    let _ = op;
    false
}

/// The operations that take a pointer.
fn with_pointer(cage: &Cage, fd: c_int, op: c_int, arg: Pointer) -> Result<c_int> {
    let _ = (op, arg);
    Err(cage.getfd(fd).err().unwrap_or(Errno::EINVAL))
}
