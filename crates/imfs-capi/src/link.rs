//! link(2), linkat(2).

use libc::{c_char, c_int};

use crate::arguments::{At, AtSet, Text};

/// link(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_link(cage_id: c_int, oldpath: *const c_char, newpath: *const c_char) -> c_int {
    call!(link(cage_id, oldpath: Text, newpath: Text) => |cage| cage.link(oldpath, newpath))
}

/// linkat(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_linkat(
    cage_id: c_int,
    olddirfd: c_int,
    oldpath: *const c_char,
    newdirfd: c_int,
    newpath: *const c_char,
    flags: c_int,
) -> c_int {
    call!(linkat(cage_id, olddirfd: At, oldpath: Text, newdirfd: At, newpath: Text, flags: AtSet) => |cage| {
        cage.linkat(olddirfd, oldpath, newdirfd, newpath, flags)
    })
}
