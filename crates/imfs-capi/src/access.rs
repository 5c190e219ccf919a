//! access(2), faccessat(2), euidaccess(3).

use imfs::abi::{AT_FDCWD, AtFlags};
use libc::{c_char, c_int};

use crate::arguments::{AccessSet, At, AtSet, Text};

/// access(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_access(cage_id: c_int, path: *const c_char, mode: c_int) -> c_int {
    call!(access(cage_id, path: Text, mode: AccessSet) => |cage| cage.access(path, mode))
}

/// faccessat(2), with all flags of faccessat2(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_faccessat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    mode: c_int,
    flags: c_int,
) -> c_int {
    call!(faccessat(cage_id, dirfd: At, path: Text, mode: AccessSet, flags: AtSet) => |cage| {
        cage.faccessat(dirfd, path, mode, flags)
    })
}

/// euidaccess(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_euidaccess(cage_id: c_int, path: *const c_char, mode: c_int) -> c_int {
    call!(euidaccess(cage_id, path: Text, mode: AccessSet) => |cage| {
        cage.faccessat(AT_FDCWD, path, mode, AtFlags::EACCESS)
    })
}
