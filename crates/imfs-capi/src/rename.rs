//! rename(2), renameat(2), renameat2(2).

use libc::{c_char, c_int, c_uint};

use crate::arguments::{At, RenameSet, Text};

/// rename(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_rename(
    cage_id: c_int,
    oldpath: *const c_char,
    newpath: *const c_char,
) -> c_int {
    call!(rename(cage_id, oldpath: Text, newpath: Text) => |cage| cage.rename(oldpath, newpath))
}

/// renameat(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_renameat(
    cage_id: c_int,
    olddirfd: c_int,
    oldpath: *const c_char,
    newdirfd: c_int,
    newpath: *const c_char,
) -> c_int {
    call!(renameat(cage_id, olddirfd: At, oldpath: Text, newdirfd: At, newpath: Text) => |cage| {
        cage.renameat(olddirfd, oldpath, newdirfd, newpath)
    })
}

/// renameat2(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_renameat2(
    cage_id: c_int,
    olddirfd: c_int,
    oldpath: *const c_char,
    newdirfd: c_int,
    newpath: *const c_char,
    flags: c_uint,
) -> c_int {
    call!(renameat2(
        cage_id, olddirfd: At, oldpath: Text, newdirfd: At, newpath: Text, flags: RenameSet
    ) => |cage| cage.renameat2(olddirfd, oldpath, newdirfd, newpath, flags))
}
