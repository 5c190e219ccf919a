//! Files of the host's memory (memfd_create(2)), to back the mappings of a file: only the host can make several mappings
//! of one file coherent, and stop those that reach beyond its end.
//!
//! Where the host has none, none can be created.

use crate::abi::{Errno, Result, Timespec};

/// What fstat(2) says of a [`Memfd`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MemfdStat {
    pub(crate) size: u64,
    /// The space that it takes, in units of 512 bytes.
    pub(crate) blocks: u64,
    /// The last change of its bytes, through a mapping too.
    pub(crate) mtime: Timespec,
}

#[cfg(all(target_os = "linux", not(miri)))]
pub(crate) use linux::Memfd;
#[cfg(all(target_os = "linux", not(miri)))]
pub(super) use linux::last_error;
#[cfg(not(all(target_os = "linux", not(miri))))]
pub(crate) use none::Memfd;

#[cfg(all(target_os = "linux", not(miri)))]
mod linux {
    use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

    use super::{Errno, MemfdStat, Result, Timespec};

    /// A file of the host's memory. Its offset is of no use: see [`Memfd::seek_data`].
    #[derive(Debug)]
    pub(crate) struct Memfd(OwnedFd);

    /// What the last call of this thread failed with.
    pub(crate) fn last_error() -> Errno {
        std::io::Error::last_os_error().raw_os_error().and_then(Errno::from_raw).unwrap_or(Errno::EIO)
    }

    /// Repeats a call that a signal interrupted.
    fn call(mut call: impl FnMut() -> i64) -> Result<u64> {
        loop {
            match u64::try_from(call()) {
                Ok(result) => return Ok(result),
                Err(_) => match last_error() {
                    Errno::EINTR => {}
                    error => return Err(error),
                },
            }
        }
    }

    impl Memfd {
        /// A new, empty file.
        ///
        /// # Errors
        /// EMFILE, ENFILE, ENOMEM
        pub(crate) fn create() -> Result<Self> {
            // SAFETY: the name is a C string.
            let fd = call(|| i64::from(unsafe { libc::memfd_create(c"imfs".as_ptr(), libc::MFD_CLOEXEC) }))?;
            // SAFETY: a new descriptor that nobody else has.
            Ok(Self(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
        }

        /// The host's descriptor, for mmap(2).
        pub(crate) fn raw(&self) -> i32 {
            self.0.as_raw_fd()
        }

        /// pread(2)
        pub(crate) fn read(&self, offset: u64, into: &mut [u8]) -> Result<usize> {
            // SAFETY: the buffer is valid for writes of its length.
            call(|| unsafe {
                libc::pread(self.raw(), into.as_mut_ptr().cast(), into.len(), offset as i64) as i64
            })
            .map(|n| n as usize)
        }

        /// pwrite(2)
        pub(crate) fn write(&self, offset: u64, from: &[u8]) -> Result<usize> {
            // SAFETY: the buffer is valid for reads of its length.
            call(|| unsafe {
                libc::pwrite(self.raw(), from.as_ptr().cast(), from.len(), offset as i64) as i64
            })
            .map(|n| n as usize)
        }

        /// ftruncate(2)
        pub(crate) fn set_len(&self, len: u64) -> Result<()> {
            // SAFETY: takes only integers.
            call(|| i64::from(unsafe { libc::ftruncate(self.raw(), len as i64) })).map(drop)
        }

        fn fallocate(&self, mode: i32, offset: u64, len: u64) -> Result<()> {
            // SAFETY: takes only integers.
            call(|| i64::from(unsafe { libc::fallocate(self.raw(), mode, offset as i64, len as i64) }))
                .map(drop)
        }

        /// fallocate(2) with `FALLOC_FL_KEEP_SIZE`
        pub(crate) fn allocate(&self, offset: u64, len: u64) -> Result<()> {
            self.fallocate(libc::FALLOC_FL_KEEP_SIZE, offset, len)
        }

        /// fallocate(2) with `FALLOC_FL_PUNCH_HOLE`
        pub(crate) fn punch_hole(&self, offset: u64, len: u64) -> Result<()> {
            self.fallocate(libc::FALLOC_FL_KEEP_SIZE | libc::FALLOC_FL_PUNCH_HOLE, offset, len)
        }

        fn seek(&self, offset: u64, whence: i32) -> Option<u64> {
            // SAFETY: takes only integers.
            call(|| unsafe { libc::lseek(self.raw(), offset as i64, whence) }).ok()
        }

        /// `SEEK_DATA` of lseek(2); `None` if no data follow. The result does not depend on the offset, so several
        /// threads may ask.
        pub(crate) fn seek_data(&self, offset: u64) -> Option<u64> {
            self.seek(offset, libc::SEEK_DATA)
        }

        /// `SEEK_HOLE` of lseek(2); `None` from the end on.
        pub(crate) fn seek_hole(&self, offset: u64) -> Option<u64> {
            self.seek(offset, libc::SEEK_HOLE)
        }

        /// futimens(2): makes the time of the last change 0.
        pub(crate) fn reset_mtime(&self) {
            let zero = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            // SAFETY: two valid time stamps.
            unsafe { libc::futimens(self.raw(), [zero; 2].as_ptr()) };
        }

        /// fstat(2)
        pub(crate) fn stat(&self) -> Result<MemfdStat> {
            // SAFETY: all zeros are a valid `stat`.
            let mut stat: libc::stat = unsafe { std::mem::zeroed() };
            // SAFETY: `stat` is a valid place for one.
            call(|| i64::from(unsafe { libc::fstat(self.raw(), &mut stat) }))?;
            let mtime = Timespec { sec: stat.st_mtime, nsec: stat.st_mtime_nsec as u32 };
            Ok(MemfdStat { size: stat.st_size as u64, blocks: stat.st_blocks as u64, mtime })
        }
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod none {
    use super::{Errno, MemfdStat, Result};

    /// A file of the host's memory: there is none.
    #[derive(Debug)]
    pub(crate) enum Memfd {}

    impl Memfd {
        pub(crate) fn create() -> Result<Self> {
            Err(Errno::ENODEV)
        }

        pub(crate) fn raw(&self) -> i32 {
            match *self {}
        }

        pub(crate) fn read(&self, _offset: u64, _into: &mut [u8]) -> Result<usize> {
            match *self {}
        }

        pub(crate) fn write(&self, _offset: u64, _from: &[u8]) -> Result<usize> {
            match *self {}
        }

        pub(crate) fn set_len(&self, _len: u64) -> Result<()> {
            match *self {}
        }

        pub(crate) fn allocate(&self, _offset: u64, _len: u64) -> Result<()> {
            match *self {}
        }

        pub(crate) fn punch_hole(&self, _offset: u64, _len: u64) -> Result<()> {
            match *self {}
        }

        pub(crate) fn seek_data(&self, _offset: u64) -> Option<u64> {
            match *self {}
        }

        pub(crate) fn seek_hole(&self, _offset: u64) -> Option<u64> {
            match *self {}
        }

        pub(crate) fn reset_mtime(&self) {
            match *self {}
        }

        pub(crate) fn stat(&self) -> Result<MemfdStat> {
            match *self {}
        }
    }
}
