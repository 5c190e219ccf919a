//! Changes of a range of a regular file: fallocate(2) (fs/open.c `vfs_fallocate`) and copy_file_range(2); and lseek(2)'s
//! search for data and holes.
//!
//! Who may is decided by the open mode, above. The bytes are the data layer's.

use super::{Credentials, Inode};
use crate::abi::{Errno, FallocFlags, FileType, MAX_FILE_SIZE, MAX_RW_COUNT, Result};
use crate::data::Origin;

impl Inode {
    /// fallocate(2).
    ///
    /// # Errors
    /// EINVAL: a negative offset, a length that is not positive, a range that COLLAPSE_RANGE and INSERT_RANGE do not
    /// take. EOPNOTSUPP: other flags, or flags that do not go together. EISDIR, ESPIPE (a FIFO), ENODEV: not a
    /// regular file. EFBIG, ENOSPC, ENOMEM
    pub fn fallocate(&self, mode: FallocFlags, offset: i64, len: i64, cred: &Credentials) -> Result<()> {
        let (Ok(offset), Ok(len)) = (u64::try_from(offset), u64::try_from(len)) else {
            return Err(Errno::EINVAL);
        };
        if len == 0 {
            return Err(Errno::EINVAL);
        }
        let change = RangeChange::of(mode)?;
        match self.file_type() {
            FileType::Regular => {}
            FileType::Directory => return Err(Errno::EISDIR),
            FileType::Fifo => return Err(Errno::ESPIPE),
            _ => return Err(Errno::ENODEV),
        }
        if offset.checked_add(len).is_none_or(|end| end > MAX_FILE_SIZE) {
            return Err(Errno::EFBIG);
        }
        let keep_size = mode.contains(FallocFlags::KEEP_SIZE);
        self.change_contents(cred, |contents, space| match change {
            RangeChange::Allocate => contents.allocate(space, offset, len, keep_size),
            RangeChange::PunchHole => contents.punch_hole(space, offset, len),
            RangeChange::Zero => contents.zero_range(space, offset, len, keep_size),
            RangeChange::Collapse => contents.collapse_range(space, offset, len),
            RangeChange::Insert => contents.insert_range(space, offset, len),
        })
    }

    /// Copies between regular files of one instance, sharing pages where that is possible (copy_file_range(2)). Returns
    /// how many bytes: fewer than `len` if the source ends before, or the space does.
    ///
    /// # Errors
    /// EISDIR: a directory. EINVAL: something else that is not a regular file, or overlapping ranges of one. EXDEV:
    /// files of two instances. EFBIG, ENOSPC, ENOMEM
    pub fn copy_range(
        from: &Inode,
        from_offset: u64,
        to: &Inode,
        to_offset: u64,
        len: u64,
        cred: &Credentials,
    ) -> Result<u64> {
        let (source, target) = (from.regular()?, to.regular()?);
        if !std::ptr::eq(from.superblock(), to.superblock()) {
            return Err(Errno::EXDEV);
        }
        let len = len.min(MAX_RW_COUNT as u64);
        let space = &to.sb.space;
        if std::ptr::eq(from, to) {
            return to.change_contents(cred, |contents, space| {
                contents.copy_range(space, Origin::Same, from_offset, to_offset, len)
            });
        }
        // Of two files the one with the lower address is locked first.
        let (read, mut written);
        if std::ptr::from_ref(from) < std::ptr::from_ref(to) {
            read = source.contents.read();
            written = target.contents.write_another();
        } else {
            written = target.contents.write();
            read = source.contents.read_another();
        }
        let copied = written.copy_range(space, Origin::Other(&read), from_offset, to_offset, len)?;
        if copied > 0 {
            to.remove_privs(cred);
            to.contents_changed(&written);
        }
        drop((read, written));
        from.touch_atime();
        Ok(copied)
    }
}

impl Inode {
    /// The first offset from `offset` on that is not in a hole (`SEEK_DATA` of lseek(2)).
    ///
    /// # Errors
    /// ENXIO: there is none, or `offset` is negative or beyond the end. EISDIR, EINVAL
    pub fn seek_data(&self, offset: i64) -> Result<i64> {
        self.regular()?.seek_data(offset)
    }

    /// The first offset from `offset` on that is in a hole, or the end (`SEEK_HOLE` of lseek(2)).
    ///
    /// # Errors
    /// ENXIO: `offset` is negative or beyond the end. EISDIR, EINVAL
    pub fn seek_hole(&self, offset: i64) -> Result<i64> {
        self.regular()?.seek_hole(offset)
    }
}

/// What fallocate does, by its flags.
#[derive(Debug, Clone, Copy)]
enum RangeChange {
    Allocate,
    PunchHole,
    Zero,
    Collapse,
    Insert,
}

impl RangeChange {
    /// The checks of `vfs_fallocate`.
    fn of(mode: FallocFlags) -> Result<Self> {
        let keep = FallocFlags::KEEP_SIZE;
        if mode.is_empty() || mode == keep {
            Ok(Self::Allocate)
        } else if mode == FallocFlags::PUNCH_HOLE | keep {
            Ok(Self::PunchHole)
        } else if mode == FallocFlags::ZERO_RANGE || mode == FallocFlags::ZERO_RANGE | keep {
            Ok(Self::Zero)
        } else if mode == FallocFlags::COLLAPSE_RANGE {
            Ok(Self::Collapse)
        } else if mode == FallocFlags::INSERT_RANGE {
            Ok(Self::Insert)
        } else {
            Err(Errno::EOPNOTSUPP)
        }
    }
}
