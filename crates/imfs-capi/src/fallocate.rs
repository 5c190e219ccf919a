//! fallocate(2), posix_fallocate(3), posix_fadvise(2), readahead(2), sync_file_range(2).

use imfs::abi::{Errno, Result, SyncRangeFlags};
use libc::{c_int, c_uint, off_t, size_t, ssize_t};

use crate::arguments::{FallocSet, Int, Num, Off, Size};

/// fallocate(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fallocate(
    cage_id: c_int,
    fd: c_int,
    mode: c_int,
    offset: off_t,
    len: off_t,
) -> c_int {
    call!(fallocate(cage_id, fd: Int, mode: FallocSet, offset: Off, len: Off) => |cage| {
        cage.fallocate(fd, mode, offset, len)
    })
}

/// posix_fallocate(3): returns the error, and leaves `errno` alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_posix_fallocate(cage_id: c_int, fd: c_int, offset: off_t, len: off_t) -> c_int {
    let result: c_int = call!(posix_fallocate(cage_id, fd: Int, offset: Off, len: Off) => |cage| {
        as_number(cage.posix_fallocate(fd, offset, len))
    });
    or_bad_cage(result)
}

/// posix_fadvise(2): returns the error, and leaves `errno` alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_posix_fadvise(
    cage_id: c_int,
    fd: c_int,
    offset: off_t,
    len: off_t,
    advice: c_int,
) -> c_int {
    let result: c_int = call!(posix_fadvise(
        cage_id, fd: Int, offset: Off, len: Off, advice: Int
    ) => |cage| as_number(cage.posix_fadvise(fd, offset, len, advice)));
    or_bad_cage(result)
}

fn as_number(result: Result<()>) -> Result<c_int> {
    Ok(result.map_or_else(Errno::raw, |()| 0))
}

/// What is left to fail is finding the cage.
fn or_bad_cage(result: c_int) -> c_int {
    if result == -1 { Errno::EINVAL.raw() } else { result }
}

/// readahead(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_readahead(cage_id: c_int, fd: c_int, offset: off_t, count: size_t) -> ssize_t {
    call!(readahead(cage_id, fd: Int, offset: Off, count: Size) => |cage| {
        cage.readahead(fd, offset, count).map(|()| 0_usize)
    })
}

/// sync_file_range(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_sync_file_range(
    cage_id: c_int,
    fd: c_int,
    offset: off_t,
    nbytes: off_t,
    flags: c_uint,
) -> c_int {
    call!(sync_file_range(cage_id, fd: Int, offset: Off, nbytes: Off, flags: Num<c_uint>) => |cage| {
        cage.sync_file_range(fd, offset, nbytes, SyncRangeFlags::from_bits_retain(flags))
    })
}
