//! getxattr(2), setxattr(2), listxattr(2), removexattr(2), each in four forms.

use imfs::abi::{Errno, Result, XATTR_LIST_MAX, XATTR_SIZE_MAX, XattrFlags};
use libc::{c_char, c_int, c_void, size_t, ssize_t};

use crate::arguments::{Any, At, AtSet, Bytes, Int, Pointer, Room, Size, Text, XattrSet};

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

/// getxattrat(2), the system call: `args` is a `struct xattr_args` of `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_getxattrat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    at_flags: c_int,
    name: *const c_char,
    args: *mut c_void,
    size: size_t,
) -> ssize_t {
    call!(getxattrat(
        cage_id, dirfd: At, path: Text, at_flags: AtSet, name: Text, args: Any, size: Size
    ) => |cage| {
        let args = XattrArgs::read(args, size)?;
        if args.flags != 0 {
            return Err(Errno::EINVAL);
        }
        fill(args.value, args.size, XATTR_SIZE_MAX, |buf| cage.getxattrat(dirfd, path, at_flags, name, buf))
    })
}

/// setxattrat(2), the system call: `args` is a `struct xattr_args` of `size` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_setxattrat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    at_flags: c_int,
    name: *const c_char,
    args: *mut c_void,
    size: size_t,
) -> c_int {
    call!(setxattrat(
        cage_id, dirfd: At, path: Text, at_flags: AtSet, name: Text, args: Any, size: Size
    ) => |cage| {
        let args = XattrArgs::read(args, size)?;
        let value = args.value.memory(args.size).to_vec(XATTR_SIZE_MAX)?;
        cage.setxattrat(dirfd, path, at_flags, name, &value, XattrFlags::from_bits_retain(args.flags))
    })
}

/// listxattrat(2), the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_listxattrat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    at_flags: c_int,
    list: *mut c_char,
    size: size_t,
) -> ssize_t {
    let list = list.cast();
    call!(listxattrat(cage_id, dirfd: At, path: Text, at_flags: AtSet, list: Room, size: Size) => |cage| {
        fill(list, size, XATTR_LIST_MAX, |buf| cage.listxattrat(dirfd, path, at_flags, buf))
    })
}

/// removexattrat(2), the system call.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_removexattrat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    at_flags: c_int,
    name: *const c_char,
) -> c_int {
    call!(removexattrat(cage_id, dirfd: At, path: Text, at_flags: AtSet, name: Text) => |cage| {
        cage.removexattrat(dirfd, path, at_flags, name)
    })
}

/// `struct xattr_args` of `include/uapi/linux/xattr.h`.
struct XattrArgs {
    value: Pointer,
    size: usize,
    flags: u32,
}

impl XattrArgs {
    /// # Errors
    /// EINVAL, E2BIG: of the structure's size, as `copy_struct_from_user`. EFAULT
    fn read(args: Pointer, size: usize) -> Result<Self> {
        /// The size of the first version, and the most that the kernel looks at.
        const SIZES: std::ops::RangeInclusive<usize> = 16..=4096;
        if size < *SIZES.start() {
            return Err(Errno::EINVAL);
        }
        let bytes = args.memory(size).to_vec(*SIZES.end())?;
        let (known, more) = bytes.split_at(*SIZES.start());
        if more.iter().any(|byte| *byte != 0) {
            return Err(Errno::E2BIG);
        }
        let half = |at: usize| known[at..at + 4].try_into().map_or(0, u32::from_ne_bytes);
        let value = known[..8].try_into().map_or(0, usize::from_ne_bytes);
        Ok(Self { value: Pointer::from_address(value), size: half(8) as usize, flags: half(12) })
    }
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
