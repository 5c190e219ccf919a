//! stat(2), lstat(2), fstat(2), fstatat(2), statx(2).

use libc::{c_char, c_int, c_uint, stat, statx};

use crate::arguments::{At, AtSet, Int, Out, StatxSet, Text};

/// stat(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_stat(cage_id: c_int, path: *const c_char, statbuf: *mut stat) -> c_int {
    call!(stat(cage_id, path: Text, statbuf: Out<stat>) => |cage| {
        statbuf.put_bytes(&cage.stat(path)?.encode())
    })
}

/// lstat(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_lstat(cage_id: c_int, path: *const c_char, statbuf: *mut stat) -> c_int {
    call!(lstat(cage_id, path: Text, statbuf: Out<stat>) => |cage| {
        statbuf.put_bytes(&cage.lstat(path)?.encode())
    })
}

/// fstat(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fstat(cage_id: c_int, fd: c_int, statbuf: *mut stat) -> c_int {
    call!(fstat(cage_id, fd: Int, statbuf: Out<stat>) => |cage| statbuf.put_bytes(&cage.fstat(fd)?.encode()))
}

/// fstatat(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fstatat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    statbuf: *mut stat,
    flags: c_int,
) -> c_int {
    call!(fstatat(cage_id, dirfd: At, path: Text, statbuf: Out<stat>, flags: AtSet) => |cage| {
        statbuf.put_bytes(&cage.fstatat(dirfd, path, flags)?.encode())
    })
}

/// statx(2): all that is known is given, whatever `mask` asks for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_statx(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    flags: c_int,
    mask: c_uint,
    statxbuf: *mut statx,
) -> c_int {
    call!(statx(
        cage_id, dirfd: At, path: Text, flags: AtSet, mask: StatxSet, statxbuf: Out<statx>
    ) => |cage| {
        statxbuf.put_bytes(&cage.statx(dirfd, path, flags, mask)?.encode())
    })
}
