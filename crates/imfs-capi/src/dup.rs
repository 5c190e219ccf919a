//! dup(2), dup2(2), dup3(2).

use libc::c_int;

use crate::arguments::{Int, Open};

/// dup(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_dup(cage_id: c_int, oldfd: c_int) -> c_int {
    call!(dup(cage_id, oldfd: Int) => |cage| cage.dup(oldfd))
}

/// dup2(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_dup2(cage_id: c_int, oldfd: c_int, newfd: c_int) -> c_int {
    call!(dup2(cage_id, oldfd: Int, newfd: Int) => |cage| cage.dup2(oldfd, newfd))
}

/// dup3(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_dup3(cage_id: c_int, oldfd: c_int, newfd: c_int, flags: c_int) -> c_int {
    call!(dup3(cage_id, oldfd: Int, newfd: Int, flags: Open) => |cage| cage.dup3(oldfd, newfd, flags))
}
