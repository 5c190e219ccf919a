//! Changes of a range of a regular file: fallocate(2) (fs/open.c `vfs_fallocate`) and copy_file_range(2); and lseek(2)'s
//! search for data and holes.
//!
//! Who may is decided by the open mode, above. The bytes are the data layer's.

use super::{Credentials, Inode};
use crate::abi::{Errno, FallocFlags, FileType, MAX_FILE_SIZE, MAX_RW_COUNT, Result};
use crate::data::{Contents, Origin, Space};

impl Inode {
    /// The checks of fallocate(2) that come before all that belongs to the file.
    ///
    /// # Errors
    /// EINVAL: a negative offset, or a length that is not positive. EOPNOTSUPP: flags that there are not, or that do not
    /// go together.
    pub(crate) fn check_fallocate(mode: FallocFlags, offset: i64, len: i64) -> Result<()> {
        if offset < 0 || len <= 0 {
            return Err(Errno::EINVAL);
        }
        RangeChange::of(mode).map(drop)
    }

    /// fallocate(2).
    ///
    /// # Errors
    /// EINVAL: a negative offset, a length that is not positive, a range that COLLAPSE_RANGE and INSERT_RANGE do not
    /// take. EOPNOTSUPP: other flags, or flags that do not go together. EPERM: immutable, or append-only and more than
    /// an allocation. EISDIR, ESPIPE (a FIFO), ENODEV: not a regular file. EFBIG, ENOSPC, ENOMEM
    pub fn fallocate(&self, mode: FallocFlags, offset: i64, len: i64, cred: &Credentials) -> Result<()> {
        Self::check_fallocate(mode, offset, len)?;
        let change = RangeChange::of(mode)?;
        if self.immutable() || (self.append_only() && !matches!(change, RangeChange::Allocate)) {
            return Err(Errno::EPERM);
        }
        match self.file_type() {
            FileType::Regular => {}
            FileType::Directory => return Err(Errno::EISDIR),
            FileType::Fifo => return Err(Errno::ESPIPE),
            _ => return Err(Errno::ENODEV),
        }
        let (offset, len) = (offset as u64, len as u64);
        let end = offset + len;
        if end > MAX_FILE_SIZE {
            return Err(Errno::EFBIG);
        }
        let keep_size = mode.contains(FallocFlags::KEEP_SIZE);
        self.change_contents(cred, |contents, space| {
            let size = contents.size();
            match change {
                RangeChange::Allocate | RangeChange::Zero => cred.may_resize(size, end)?,
                RangeChange::Insert => cred.may_resize(size, size.saturating_add(len))?,
                RangeChange::PunchHole | RangeChange::Collapse => {}
            }
            match change {
                RangeChange::Allocate => contents.allocate(space, offset, len, keep_size),
                RangeChange::PunchHole => contents.punch_hole(space, offset, len),
                RangeChange::Zero => contents.zero_range(space, offset, len, keep_size),
                RangeChange::Collapse => contents.collapse_range(space, offset, len),
                RangeChange::Insert => contents.insert_range(space, offset, len),
            }
        })
    }

    /// Copies between regular files of one instance, sharing pages where that is possible (copy_file_range(2)). Returns
    /// how many bytes: fewer than `len` if the source ends before, or the space does. `noatime` leaves the access time of
    /// the source alone.
    ///
    /// # Errors
    /// EISDIR: a directory. EINVAL: something else that is not a regular file, or overlapping ranges of one. EXDEV:
    /// files of two instances. EPERM: immutable. EFBIG, ENOSPC, ENOMEM
    pub fn copy_range(
        from: &Inode,
        from_offset: u64,
        to: &Inode,
        to_offset: u64,
        len: u64,
        noatime: bool,
        cred: &Credentials,
    ) -> Result<u64> {
        let len = len.min(MAX_RW_COUNT as u64);
        let mut accessed = false;
        let copied = Self::change_from(from, to, cred, |contents, space, origin| {
            let len = cred.may_write(to_offset, len)?;
            accessed = !noatime && len > 0 && from_offset < from.attributes.size();
            if accessed {
                from.touch_atime();
            }
            contents.copy_range(space, origin, from_offset, to_offset, len)
        });
        // The kernel reads before it writes, and says once more that it has read, whatever came of it
        // (`splice_direct_to_actor`): within one file the modification time has moved by then.
        if accessed {
            from.touch_atime();
        }
        copied
    }

    /// Makes a range of one regular file the same as one of another, or of itself, by sharing pages (FICLONERANGE of
    /// ioctl_ficlonerange(2)); a length of 0 is up to the end of the other.
    ///
    /// # Errors
    /// EINVAL: not in whole pages, beyond the end, overlapping in one file, or not a regular file. EISDIR, EXDEV, EPERM
    /// (immutable), EFBIG, ENOSPC, ENOMEM
    pub fn clone_range(
        from: &Inode,
        from_offset: u64,
        to: &Inode,
        to_offset: u64,
        len: u64,
        cred: &Credentials,
    ) -> Result<()> {
        Self::change_from(from, to, cred, |contents, space, origin| {
            let size = match origin {
                Origin::Other(other) => other.size(),
                Origin::Same => contents.size(),
            };
            let whole = if len == 0 { size.saturating_sub(from_offset) } else { len };
            if whole > 0 && cred.may_write(to_offset, whole)? < whole {
                return Err(Errno::EINVAL);
            }
            contents.clone_range(space, origin, from_offset, to_offset, len)?;
            Ok(whole)
        })?;
        Ok(())
    }

    /// Locks the contents of two regular files, which may be the same, for a change of `to` that `change` makes with what
    /// is in `from`; it returns how many bytes it changed.
    fn change_from(
        from: &Inode,
        to: &Inode,
        cred: &Credentials,
        change: impl FnOnce(&mut Contents, &Space, Origin<'_>) -> Result<u64>,
    ) -> Result<u64> {
        let (source, target) = (from.regular()?, to.regular()?);
        if !std::ptr::eq(from.superblock(), to.superblock()) {
            return Err(Errno::EXDEV);
        }
        if to.immutable() {
            return Err(Errno::EPERM);
        }
        let space = &to.sb.space;
        let (read, mut written);
        // Of two files the one with the lower address is locked first.
        if std::ptr::eq(from, to) {
            read = None;
            written = target.contents.write();
        } else if std::ptr::from_ref(from) < std::ptr::from_ref(to) {
            read = Some(source.contents.read());
            written = target.contents.write_another();
        } else {
            written = target.contents.write();
            read = Some(source.contents.read_another());
        }
        let origin = read.as_deref().map_or(Origin::Same, Origin::Other);
        let changed = change(&mut written, space, origin);
        // The kernel looks for space after all this.
        if matches!(changed, Ok(1..) | Err(Errno::ENOSPC)) {
            to.remove_privs(cred);
            to.contents_changed(&written);
        }
        changed
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
