//! read(2), readv(2), pread(2), preadv(2), preadv2(2), lseek(2).

use imfs::Cage;
use imfs::abi::{Errno, Result, Whence};
use libc::{c_int, c_void, iovec, off_t, size_t, ssize_t};

use crate::arguments::{Int, Off, Pointer, Room, RwSet, Size, Vector};
use crate::memory::Memory;

/// read(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_read(cage_id: c_int, fd: c_int, buf: *mut c_void, count: size_t) -> ssize_t {
    call!(wait read(cage_id, fd: Int, buf: Room, count: Size) => |cage| {
        cage.read_to(fd, &mut buf.memory(count))
    })
}

/// pread(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_pread(
    cage_id: c_int,
    fd: c_int,
    buf: *mut c_void,
    count: size_t,
    offset: off_t,
) -> ssize_t {
    call!(pread(cage_id, fd: Int, buf: Room, count: Size, offset: Off) => |cage| {
        cage.pread_to(fd, &mut buf.memory(count), offset)
    })
}

/// readv(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_readv(cage_id: c_int, fd: c_int, iov: *const iovec, count: c_int) -> ssize_t {
    call!(wait readv(cage_id, fd: Int, iov: Vector, count: Int) => |cage| {
        cage.read_to(fd, &mut &mut *vector(cage, fd, iov, count)?)
    })
}

/// preadv(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_preadv(
    cage_id: c_int,
    fd: c_int,
    iov: *const iovec,
    count: c_int,
    offset: off_t,
) -> ssize_t {
    call!(preadv(cage_id, fd: Int, iov: Vector, count: Int, offset: Off) => |cage| {
        cage.pread_to(fd, &mut &mut *vector(cage, fd, iov, count)?, offset)
    })
}

/// preadv2(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_preadv2(
    cage_id: c_int,
    fd: c_int,
    iov: *const iovec,
    count: c_int,
    offset: off_t,
    flags: c_int,
) -> ssize_t {
    call!(wait preadv2(cage_id, fd: Int, iov: Vector, count: Int, offset: Off, flags: RwSet) => |cage| {
        let mut parts = vector(cage, fd, iov, count)?;
        cage.preadv2_to(fd, &mut &mut *parts, offset, flags)
    })
}

/// The buffers of a vectored call. As in the kernel, a bad descriptor is noticed before a bad vector.
pub(crate) fn vector<'a>(cage: &Cage, fd: c_int, iov: Pointer, count: c_int) -> Result<Vec<Memory<'a>>> {
    iov.vector(count).map_err(|errno| cage.getfl(fd).err().unwrap_or(errno))
}

/// lseek(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_lseek(cage_id: c_int, fd: c_int, offset: off_t, whence: c_int) -> off_t {
    call!(lseek(cage_id, fd: Int, offset: Off, whence: Int) => |cage| {
        match Whence::from_raw(whence) {
            Some(whence) => cage.lseek(fd, offset, whence),
            None => Err(cage.getfl(fd).err().unwrap_or(Errno::EINVAL)),
        }
    })
}
