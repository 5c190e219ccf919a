//! write(2), writev(2), pwrite(2), pwritev(2), pwritev2(2).
//!
//! Writing into a pipe without a reader gives EPIPE and raises no signal: that would end the program, not the cage.

use imfs::abi::RwFlags;
use libc::{c_int, c_void, iovec, off_t, size_t, ssize_t};

use crate::arguments::{Bytes, Int, Off, RwSet, Size, Vector};
use crate::read::vector;

/// write(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_write(cage_id: c_int, fd: c_int, buf: *const c_void, count: size_t) -> ssize_t {
    call!(wait write(cage_id, fd: Int, buf: Bytes, count: Size) => |cage| {
        cage.write_from(fd, &mut buf.memory(count))
    })
}

/// pwrite(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_pwrite(
    cage_id: c_int,
    fd: c_int,
    buf: *const c_void,
    count: size_t,
    offset: off_t,
) -> ssize_t {
    call!(pwrite(cage_id, fd: Int, buf: Bytes, count: Size, offset: Off) => |cage| {
        cage.pwrite_from(fd, &mut buf.memory(count), offset, RwFlags::empty())
    })
}

/// writev(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_writev(cage_id: c_int, fd: c_int, iov: *const iovec, count: c_int) -> ssize_t {
    call!(wait writev(cage_id, fd: Int, iov: Vector, count: Int) => |cage| {
        cage.write_from(fd, &mut &mut *vector(cage, fd, iov, count)?)
    })
}

/// pwritev(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_pwritev(
    cage_id: c_int,
    fd: c_int,
    iov: *const iovec,
    count: c_int,
    offset: off_t,
) -> ssize_t {
    call!(pwritev(cage_id, fd: Int, iov: Vector, count: Int, offset: Off) => |cage| {
        cage.pwrite_from(fd, &mut &mut *vector(cage, fd, iov, count)?, offset, RwFlags::empty())
    })
}

/// pwritev2(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_pwritev2(
    cage_id: c_int,
    fd: c_int,
    iov: *const iovec,
    count: c_int,
    offset: off_t,
    flags: c_int,
) -> ssize_t {
    call!(wait pwritev2(cage_id, fd: Int, iov: Vector, count: Int, offset: Off, flags: RwSet) => |cage| {
        let mut parts = vector(cage, fd, iov, count)?;
        cage.pwritev2_from(fd, &mut &mut *parts, offset, flags)
    })
}
