//! getxattr(2), setxattr(2), listxattr(2), removexattr(2), each in three forms.

use imfs::abi::{Errno, Result, XATTR_LIST_MAX, XATTR_SIZE_MAX};
use libc::{c_char, c_int, c_void, size_t, ssize_t};

use crate::arguments::{Bytes, Int, Pointer, Room, Size, Text, XattrSet};

/// getxattr(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_getxattr(
    cage_id: c_int,
    path: *const c_char,
    name: *const c_char,
    value: *mut c_void,
    size: size_t,
) -> ssize_t {
    call!(getxattr(cage_id, path: Text, name: Text, value: Room, size: Size) => |cage| {
        fill(value, size, XATTR_SIZE_MAX, |buf| cage.getxattr(path, name, buf))
    })
}

/// lgetxattr(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_lgetxattr(
    cage_id: c_int,
    path: *const c_char,
    name: *const c_char,
    value: *mut c_void,
    size: size_t,
) -> ssize_t {
    call!(lgetxattr(cage_id, path: Text, name: Text, value: Room, size: Size) => |cage| {
        fill(value, size, XATTR_SIZE_MAX, |buf| cage.lgetxattr(path, name, buf))
    })
}

/// fgetxattr(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fgetxattr(
    cage_id: c_int,
    fd: c_int,
    name: *const c_char,
    value: *mut c_void,
    size: size_t,
) -> ssize_t {
    call!(fgetxattr(cage_id, fd: Int, name: Text, value: Room, size: Size) => |cage| {
        fill(value, size, XATTR_SIZE_MAX, |buf| cage.fgetxattr(fd, name, buf))
    })
}

/// setxattr(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_setxattr(
    cage_id: c_int,
    path: *const c_char,
    name: *const c_char,
    value: *const c_void,
    size: size_t,
    flags: c_int,
) -> c_int {
    call!(setxattr(
        cage_id, path: Text, name: Text, value: Bytes, size: Size, flags: XattrSet
    ) => |cage| cage.setxattr(path, name, &value.memory(size).to_vec(XATTR_SIZE_MAX)?, flags))
}

/// lsetxattr(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_lsetxattr(
    cage_id: c_int,
    path: *const c_char,
    name: *const c_char,
    value: *const c_void,
    size: size_t,
    flags: c_int,
) -> c_int {
    call!(lsetxattr(
        cage_id, path: Text, name: Text, value: Bytes, size: Size, flags: XattrSet
    ) => |cage| cage.lsetxattr(path, name, &value.memory(size).to_vec(XATTR_SIZE_MAX)?, flags))
}

/// fsetxattr(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fsetxattr(
    cage_id: c_int,
    fd: c_int,
    name: *const c_char,
    value: *const c_void,
    size: size_t,
    flags: c_int,
) -> c_int {
    call!(fsetxattr(
        cage_id, fd: Int, name: Text, value: Bytes, size: Size, flags: XattrSet
    ) => |cage| cage.fsetxattr(fd, name, &value.memory(size).to_vec(XATTR_SIZE_MAX)?, flags))
}

/// listxattr(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_listxattr(
    cage_id: c_int,
    path: *const c_char,
    list: *mut c_char,
    size: size_t,
) -> ssize_t {
    let list = list.cast();
    call!(listxattr(cage_id, path: Text, list: Room, size: Size) => |cage| {
        fill(list, size, XATTR_LIST_MAX, |buf| cage.listxattr(path, buf))
    })
}

/// llistxattr(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_llistxattr(
    cage_id: c_int,
    path: *const c_char,
    list: *mut c_char,
    size: size_t,
) -> ssize_t {
    let list = list.cast();
    call!(llistxattr(cage_id, path: Text, list: Room, size: Size) => |cage| {
        fill(list, size, XATTR_LIST_MAX, |buf| cage.llistxattr(path, buf))
    })
}

/// flistxattr(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_flistxattr(
    cage_id: c_int,
    fd: c_int,
    list: *mut c_char,
    size: size_t,
) -> ssize_t {
    let list = list.cast();
    call!(flistxattr(cage_id, fd: Int, list: Room, size: Size) => |cage| {
        fill(list, size, XATTR_LIST_MAX, |buf| cage.flistxattr(fd, buf))
    })
}

/// removexattr(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_removexattr(cage_id: c_int, path: *const c_char, name: *const c_char) -> c_int {
    call!(removexattr(cage_id, path: Text, name: Text) => |cage| cage.removexattr(path, name))
}

/// lremovexattr(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_lremovexattr(
    cage_id: c_int,
    path: *const c_char,
    name: *const c_char,
) -> c_int {
    call!(lremovexattr(cage_id, path: Text, name: Text) => |cage| cage.lremovexattr(path, name))
}

/// fremovexattr(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fremovexattr(cage_id: c_int, fd: c_int, name: *const c_char) -> c_int {
    call!(fremovexattr(cage_id, fd: Int, name: Text) => |cage| cage.fremovexattr(fd, name))
}

/// Lets the call fill a buffer as large as the caller's, but no larger than any value or list, and copies what it filled. Size
/// 0 asks for the length.
fn fill(
    to: Pointer,
    size: usize,
    most: usize,
    call: impl FnOnce(&mut [u8]) -> Result<usize>,
) -> Result<usize> {
    let mut buf = Vec::new();
    buf.try_reserve_exact(size.min(most)).map_err(|_| Errno::ENOMEM)?;
    buf.resize(size.min(most), 0);
    let len = call(&mut buf)?;
    match size {
        0 => Ok(len),
        _ => to.memory(size).fill(&buf[..len]),
    }
}
