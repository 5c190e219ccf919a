//! pathconf(3), fpathconf(3).

use imfs::abi::Result;
use libc::{c_char, c_int};

use crate::arguments::{Int, Text};

/// pathconf(3); -1 with `errno` as it was means that there is no limit, or no such option. The result is an int, as in the
/// original.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_pathconf(cage_id: c_int, path: *const c_char, name: c_int) -> c_int {
    call!(pathconf(cage_id, path: Text, name: Int) => |cage| value(cage.pathconf(path, name)))
}

/// fpathconf(3), as `imfs_pathconf`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fpathconf(cage_id: c_int, fd: c_int, name: c_int) -> c_int {
    call!(fpathconf(cage_id, fd: Int, name: Int) => |cage| value(cage.fpathconf(fd, name)))
}

fn value(value: Result<Option<i64>>) -> Result<c_int> {
    Ok(value?.map_or(-1, |value| c_int::try_from(value).unwrap_or(c_int::MAX)))
}
