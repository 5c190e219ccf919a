//! Mappings in the host's address space: mmap(2), munmap(2), msync(2).
//!
//! Addresses are plain numbers here. The cage layer says what is mapped, and knows what is its own to unmap. Where the
//! host has no mappings, none can be made.

use crate::abi::{PAGE_SIZE, Result};

/// The first address that cannot be mapped (`TASK_SIZE`).
#[cfg(target_pointer_width = "64")]
pub(crate) const LIMIT: usize = (1 << 47) - PAGE_SIZE;
#[cfg(not(target_pointer_width = "64"))]
pub(crate) const LIMIT: usize = usize::MAX - PAGE_SIZE + 1;

#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) use linux::{map, sync, unmap};
#[cfg(not(all(target_os = "linux", not(miri))))]
pub(crate) use none::{map, sync, unmap};

#[cfg(all(target_os = "linux", not(miri)))]
mod linux {
    use std::ptr::with_exposed_provenance_mut as pointer;

    use super::super::memfd::last_error;
    use super::Result;

    /// mmap(2): with the values of `MapFlags` and `ProtFlags`, and -1 or a descriptor of the host.
    ///
    /// # Safety
    /// With `MAP_FIXED` nobody uses what is in the range any more, or what is there is to be replaced.
    ///
    /// # Errors
    /// Those of mmap(2)
    pub(crate) unsafe fn map(
        at: usize,
        len: usize,
        prot: u32,
        flags: u32,
        fd: i32,
        offset: u64,
    ) -> Result<usize> {
        // SAFETY: only a fixed address can change what is mapped, and the caller answers for that.
        let mapped = unsafe { libc::mmap(pointer(at), len, prot as i32, flags as i32, fd, offset as i64) };
        if mapped == libc::MAP_FAILED { Err(last_error()) } else { Ok(mapped.expose_provenance()) }
    }

    /// munmap(2)
    ///
    /// # Safety
    /// What is in the range was mapped with [`map`], and nobody uses it any more.
    ///
    /// # Errors
    /// ENOMEM: the host has too many mappings to split one. EINVAL
    pub(crate) unsafe fn unmap(at: usize, len: usize) -> Result<()> {
        // SAFETY: the caller answers for the range.
        if unsafe { libc::munmap(pointer(at), len) } == 0 { Ok(()) } else { Err(last_error()) }
    }

    /// msync(2)
    ///
    /// # Errors
    /// EBUSY, EINVAL, ENOMEM
    pub(crate) fn sync(at: usize, len: usize, flags: u32) -> Result<()> {
        // SAFETY: no byte of the range changes, whatever is mapped there.
        if unsafe { libc::msync(pointer(at), len, flags as i32) } == 0 { Ok(()) } else { Err(last_error()) }
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod none {
    use super::Result;
    use crate::abi::Errno;

    /// # Safety
    /// None: it maps nothing.
    pub(crate) unsafe fn map(
        _at: usize,
        _len: usize,
        _prot: u32,
        _flags: u32,
        _fd: i32,
        _offset: u64,
    ) -> Result<usize> {
        Err(Errno::ENODEV)
    }

    /// # Safety
    /// None: nothing was mapped.
    pub(crate) unsafe fn unmap(_at: usize, _len: usize) -> Result<()> {
        Err(Errno::EINVAL)
    }

    pub(crate) fn sync(_at: usize, _len: usize, _flags: u32) -> Result<()> {
        Err(Errno::ENOMEM)
    }
}
