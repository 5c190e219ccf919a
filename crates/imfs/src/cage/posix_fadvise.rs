//! posix_fadvise(2), readahead(2), sync_file_range(2): advice about memory that is all there is, so only the arguments
//! are looked at.

use super::Cage;
use crate::abi::{Errno, Fadvise, FileType, Result, SyncRangeFlags};
use crate::sync::epoch;

impl Cage {
    /// Takes advice on how a file will be used (mm/fadvise.c).
    ///
    /// # Errors
    /// EBADF; EINVAL: a negative length, or no such advice; ESPIPE: a pipe.
    pub fn posix_fadvise(&self, fd: i32, _offset: i64, len: i64, advice: i32) -> Result<()> {
        if self.opened_type(fd)? == FileType::Fifo {
            return Err(Errno::ESPIPE);
        }
        if len < 0 {
            return Err(Errno::EINVAL);
        }
        Fadvise::from_raw(advice).map(drop).ok_or(Errno::EINVAL)
    }

    /// Reads ahead (`ksys_readahead`).
    ///
    /// # Errors
    /// EBADF: not open for reading. EINVAL: not a regular file, or a count beyond `i64::MAX`.
    pub fn readahead(&self, fd: i32, _offset: i64, count: usize) -> Result<()> {
        let guard = epoch::pin();
        let inode = self.table.get(fd, &guard)?.readable(&guard)?;
        match inode.file_type() {
            FileType::Regular if i64::try_from(count).is_ok() => Ok(()),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Writes a range of a file to its store (fs/sync.c).
    ///
    /// # Errors
    /// EBADF; EINVAL: unknown flags, or a range that is negative; ESPIPE: neither a file nor a directory.
    pub fn sync_file_range(&self, fd: i32, offset: i64, nbytes: i64, flags: SyncRangeFlags) -> Result<()> {
        let kind = self.opened_type(fd)?;
        let end = offset.wrapping_add(nbytes);
        if !(flags - SyncRangeFlags::VALID).is_empty() || offset < 0 || end < offset {
            return Err(Errno::EINVAL);
        }
        match kind {
            FileType::Regular | FileType::Directory => Ok(()),
            _ => Err(Errno::ESPIPE),
        }
    }

    fn opened_type(&self, fd: i32) -> Result<FileType> {
        let guard = epoch::pin();
        Ok(self.table.get(fd, &guard)?.opened(&guard)?.file_type())
    }
}
