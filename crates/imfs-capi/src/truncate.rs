//! truncate(2), ftruncate(2).

use libc::{c_char, c_int, off_t};

use crate::arguments::{Int, Off, Text};

/// truncate(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_truncate(cage_id: c_int, path: *const c_char, length: off_t) -> c_int {
    call!(truncate(cage_id, path: Text, length: Off) => |cage| cage.truncate(path, length))
}

/// ftruncate(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_ftruncate(cage_id: c_int, fd: c_int, length: off_t) -> c_int {
    call!(ftruncate(cage_id, fd: Int, length: Off) => |cage| cage.ftruncate(fd, length))
}
