//! mmap(2), munmap(2), msync(2): mappings in the memory of the program, which is all cages'.

use libc::{c_int, c_void, off_t, size_t};

use crate::arguments::{Any, Int, MapSet, MsyncSet, Off, ProtSet, Size};
use crate::boundary::Mapped;

/// mmap(2). What it returns is to be unmapped by `imfs_munmap` of this cage, which also ends with the cage, and not by
/// munmap(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_mmap(
    cage_id: c_int,
    addr: *mut c_void,
    length: size_t,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: off_t,
) -> *mut c_void {
    call!(wait mmap(
        cage_id, addr: Any, length: Size, prot: ProtSet, flags: MapSet, fd: Int, offset: Off
    ) => |cage| {
        // SAFETY: the C caller's promise, which is that of the man page: what MAP_FIXED replaces is the caller's.
        let mapped = unsafe { cage.mmap(addr.raw().cast(), length, prot, flags, fd, offset) }?;
        Ok(Mapped(mapped.cast()))
    })
}

/// munmap(2), of what the cage has mapped.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_munmap(cage_id: c_int, addr: *mut c_void, length: size_t) -> c_int {
    call!(wait munmap(cage_id, addr: Any, length: Size) => |cage| cage.munmap(addr.raw().cast(), length))
}

/// msync(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_msync(
    cage_id: c_int,
    addr: *mut c_void,
    length: size_t,
    flags: c_int,
) -> c_int {
    call!(wait msync(cage_id, addr: Any, length: Size, flags: MsyncSet) => |cage| {
        cage.msync(addr.raw().cast(), length, flags)
    })
}
