//! copy_file_range(2); and FICLONE and FICLONERANGE of ioctl(2), which share its checks (ioctl_ficlone(2)).

use super::Cage;
use super::description::Description;
use crate::abi::{Errno, FileCloneRange, FileType, MAX_FILE_SIZE, OFlags, Result};
use crate::inode::Inode;
use crate::sync::epoch::{self, Guard};
use crate::sync::refcount::Shared;

/// Two open files that bytes go between.
struct Pair<'g> {
    source: Shared<'g, Description>,
    target: Shared<'g, Description>,
    from: Shared<'g, Inode>,
    to: Shared<'g, Inode>,
}

impl Cage {
    /// Copies up to `len` bytes from one file to another, or within one, sharing memory where that is possible. Reads
    /// and writes at the given offsets, and moves them; without, at those of the descriptors. Returns how many bytes
    /// were copied: fewer at the end of the file.
    ///
    /// # Errors
    /// EBADF: not open for reading, or writing, or open with O_APPEND. EINVAL: flags, a negative offset, overlapping
    /// ranges of one file, or not a regular file. EISDIR, EOVERFLOW, EFBIG, ENOSPC, ENOMEM, EPERM (immutable)
    pub fn copy_file_range(
        &self,
        fd_in: i32,
        off_in: Option<&mut i64>,
        fd_out: i32,
        off_out: Option<&mut i64>,
        len: usize,
        flags: u32,
    ) -> Result<usize> {
        let guard = epoch::pin();
        let pair = self.pair(fd_in, fd_out, &guard)?;
        // As in the kernel nobody locks the offsets over the copy.
        let place = |off: &Option<&mut i64>, description: &Description| match off {
            Some(off) => **off,
            None => *description.offset() as i64,
        };
        let (pos_in, pos_out) = (place(&off_in, pair.source.get()), place(&off_out, pair.target.get()));
        if flags != 0 {
            return Err(Errno::EINVAL);
        }
        pair.check_files()?;
        let len = pair.check_ranges(pos_in, pos_out, len as u64)?;
        let (from, to) = (pos_in as u64, pos_out as u64);
        let noatime = pair.source.flags().contains(OFlags::NOATIME);
        let copied = Inode::copy_range(&pair.from, from, &pair.to, to, len, noatime, self.cred(&guard)?)?;
        if copied > 0 {
            set_place(off_in, pair.source.get(), from + copied);
            set_place(off_out, pair.target.get(), to + copied);
        }
        Ok(copied as usize)
    }

    /// FICLONE of ioctl(2): makes `fd` the same as `src_fd` from the first byte to the last of it.
    ///
    /// # Errors
    /// As [`ficlonerange`](Self::ficlonerange)
    pub fn ficlone(&self, fd: i32, src_fd: i32) -> Result<()> {
        let range = FileCloneRange { src_fd: src_fd.into(), ..FileCloneRange::default() };
        self.ficlonerange(fd, &range)
    }

    /// FICLONERANGE of ioctl(2): makes a range of `fd` the same as one of another file, sharing its memory. A length
    /// of 0 is up to the end of the other.
    ///
    /// # Errors
    /// EBADF: not open for reading, or writing, or open with O_APPEND. EINVAL: not in whole blocks, beyond the end,
    /// overlapping in one file, or not a regular file. EISDIR, EXDEV (a nameless pipe), EFBIG, ENOSPC, ENOMEM, EPERM
    /// (immutable)
    pub fn ficlonerange(&self, fd: i32, range: &FileCloneRange) -> Result<()> {
        let guard = epoch::pin();
        self.table.get(fd, &guard)?.opened(&guard)?;
        let src_fd = i32::try_from(range.src_fd).map_err(|_| Errno::EBADF)?;
        let pair = self.pair(src_fd, fd, &guard)?;
        if pair.from.dev() != pair.to.dev() {
            return Err(Errno::EXDEV);
        }
        pair.check_files()?;
        let (from, to, len) = (range.src_offset, range.dest_offset, range.src_length);
        // `remap_verify_area`
        if [from, to].iter().any(|at| at.checked_add(len).is_none_or(|end| end > MAX_FILE_SIZE)) {
            return Err(Errno::EINVAL);
        }
        if pair.to.immutable() {
            return Err(Errno::EPERM);
        }
        Inode::clone_range(&pair.from, from, &pair.to, to, len, self.cred(&guard)?)
    }

    fn pair<'g>(&self, source: i32, target: i32, guard: &'g Guard) -> Result<Pair<'g>> {
        let source = self.table.get(source, guard)?;
        let from = source.get().opened(guard)?;
        let target = self.table.get(target, guard)?;
        let to = target.get().opened(guard)?;
        Ok(Pair { source, target, from, to })
    }
}

impl Pair<'_> {
    /// `generic_file_rw_checks`
    fn check_files(&self) -> Result<()> {
        let types = [self.from.file_type(), self.to.file_type()];
        if types.contains(&FileType::Directory) {
            return Err(Errno::EISDIR);
        }
        if types != [FileType::Regular; 2] {
            return Err(Errno::EINVAL);
        }
        let (source, target) = (self.source.flags(), self.target.flags());
        if !source.readable() || !target.writable() || target.contains(OFlags::APPEND) {
            return Err(Errno::EBADF);
        }
        Ok(())
    }

    /// `generic_copy_file_checks` and `rw_verify_area`: how many bytes are to be copied.
    fn check_ranges(&self, pos_in: i64, pos_out: i64, len: u64) -> Result<u64> {
        if self.to.immutable() {
            return Err(Errno::EPERM);
        }
        // Offsets are unsigned here.
        let (from, to) = (pos_in as u64, pos_out as u64);
        if from.checked_add(len).is_none() || to.checked_add(len).is_none() {
            return Err(Errno::EOVERFLOW);
        }
        let size = self.from.attributes.size();
        let len = if pos_in >= size as i64 { 0 } else { len.min(size.wrapping_sub(from)) };
        if pos_out >= MAX_FILE_SIZE as i64 {
            return Err(Errno::EFBIG);
        }
        let len = len.min(MAX_FILE_SIZE.wrapping_sub(to));
        let same = self.from.same(self.to);
        if same && to.wrapping_add(len) > from && to < from.wrapping_add(len) {
            return Err(Errno::EINVAL);
        }
        if pos_in < 0 || pos_out < 0 { Err(Errno::EINVAL) } else { Ok(len) }
    }
}

/// Puts the offset after a copy where it came from.
fn set_place(off: Option<&mut i64>, description: &Description, place: u64) {
    match off {
        Some(off) => *off = place as i64,
        None => *description.offset() = place,
    }
}
