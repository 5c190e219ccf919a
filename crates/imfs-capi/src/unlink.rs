//! unlink(2), unlinkat(2), rmdir(2), remove(3).

use libc::{c_char, c_int};

use crate::arguments::{At, AtSet, Text};

/// unlink(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_unlink(cage_id: c_int, path: *const c_char) -> c_int {
    call!(unlink(cage_id, path: Text) => |cage| cage.unlink(path))
}

/// unlinkat(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_unlinkat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
) -> c_int {
    call!(unlinkat(cage_id, dirfd: At, path: Text, flags: AtSet) => |cage| cage.unlinkat(dirfd, path, flags))
}

/// rmdir(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_rmdir(cage_id: c_int, path: *const c_char) -> c_int {
    call!(rmdir(cage_id, path: Text) => |cage| cage.rmdir(path))
}

/// remove(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_remove(cage_id: c_int, path: *const c_char) -> c_int {
    call!(remove(cage_id, path: Text) => |cage| cage.remove(path))
}
