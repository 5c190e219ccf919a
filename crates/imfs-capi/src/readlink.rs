//! readlink(2), readlinkat(2).

use imfs::Cage;
use imfs::abi::{AT_FDCWD, Errno, PATH_MAX, Result};
use libc::{c_char, c_int, size_t, ssize_t};

use crate::arguments::{At, Pointer, Room, Size, Text};

/// readlink(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_readlink(
    cage_id: c_int,
    path: *const c_char,
    buf: *mut c_char,
    bufsiz: size_t,
) -> ssize_t {
    let buf = buf.cast();
    call!(readlink(cage_id, path: Text, buf: Room, bufsiz: Size) => |cage| {
        target(cage, AT_FDCWD, path, buf, bufsiz)
    })
}

/// readlinkat(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_readlinkat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    buf: *mut c_char,
    bufsiz: size_t,
) -> ssize_t {
    let buf = buf.cast();
    call!(readlinkat(cage_id, dirfd: At, path: Text, buf: Room, bufsiz: Size) => |cage| {
        target(cage, dirfd, path, buf, bufsiz)
    })
}

fn target(cage: &Cage, dirfd: c_int, path: &[u8], buf: Pointer, size: usize) -> Result<usize> {
    // The system call takes an int.
    if i32::try_from(size).is_ok_and(|size| size <= 0) {
        return Err(Errno::EINVAL);
    }
    let mut target = [0; PATH_MAX];
    let len = cage.readlinkat(dirfd, path, &mut target)?.min(size);
    buf.memory(size).fill(&target[..len])
}
