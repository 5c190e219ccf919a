//! open(2), openat(2), openat2(2), creat(2), close(2), close_range(2).

use imfs::abi::{Errno, OpenHow};
use libc::{c_char, c_int, c_long, c_uint, c_void, mode_t, size_t};

use crate::arguments::{Any, At, CloseSet, Int, Num, Open, Perm, Size, Text};

/// open(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_open(cage_id: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    call!(wait open(cage_id, path: Text, flags: Open, mode: Perm) => |cage| cage.open(path, flags, mode))
}

/// openat(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_openat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
    mode: mode_t,
) -> c_int {
    call!(wait openat(cage_id, dirfd: At, path: Text, flags: Open, mode: Perm) => |cage| {
        cage.openat(dirfd, path, flags, mode)
    })
}

/// openat2(2): `how` has `size` bytes. What is beyond the fields known here must be zero (E2BIG).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_openat2(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    how: *mut c_void,
    size: size_t,
) -> c_long {
    call!(wait openat2(cage_id, dirfd: At, path: Text, how: Any, size: Size) => |cage| {
        /// The largest structure that the kernel looks at: a page.
        const MOST: usize = 4096;
        if size < OpenHow::BYTES {
            return Err(Errno::EINVAL);
        }
        let bytes = how.memory(size).to_vec(MOST)?;
        if bytes[OpenHow::BYTES..].iter().any(|byte| *byte != 0) {
            return Err(Errno::E2BIG);
        }
        let word = |at: usize| bytes[at..at + 8].try_into().map_or(0, u64::from_ne_bytes);
        let how = OpenHow { flags: word(0), mode: word(8), resolve: word(16) };
        cage.openat2(dirfd, path, &how).map(i64::from)
    })
}

/// creat(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_creat(cage_id: c_int, path: *const c_char, mode: mode_t) -> c_int {
    call!(wait creat(cage_id, path: Text, mode: Perm) => |cage| cage.creat(path, mode))
}

/// close(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_close(cage_id: c_int, fd: c_int) -> c_int {
    call!(close(cage_id, fd: Int) => |cage| cage.close(fd))
}

/// close_range(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_close_range(
    cage_id: c_int,
    first: c_uint,
    last: c_uint,
    flags: c_int,
) -> c_int {
    call!(close_range(cage_id, first: Num<c_uint>, last: Num<c_uint>, flags: CloseSet) => |cage| {
        cage.close_range(first, last, flags)
    })
}
