//! Regular files: reading, writing, and changes of size, with what they do to the attributes.
//!
//! The bytes themselves are the data layer's. One lock a file makes reads and writes atomic against each other.

use super::{Credentials, Inode, Object};
use crate::abi::{Errno, MAX_FILE_SIZE, MAX_RW_COUNT, Result};
use crate::data::{Contents, Sink, Source, Space};
use crate::sync::biased::{BiasedLock, WriteGuard};
use crate::sync::lock::rank;

/// How many accesses of a file it takes until its lock favours somebody: more than most short-lived files see, and so many
/// that what they cost is more than a revocation.
const PATIENCE: u32 = 512;

/// A regular file's own part.
#[derive(Debug)]
pub struct Regular {
    /// The bytes. The size and the blocks in the attributes are copies that are written under this lock.
    pub(super) contents: BiasedLock<Contents, { rank::CONTENTS }, PATIENCE>,
}

impl Default for Regular {
    fn default() -> Self {
        Self { contents: BiasedLock::new(Contents::new()) }
    }
}

/// How bytes are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Reading {
    /// Whether the access time stays as it is (O_NOATIME).
    pub noatime: bool,
    /// Whether the bytes behind are probably read next.
    pub sequential: bool,
}

/// Where a write goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteAt {
    /// To this offset.
    Offset(u64),
    /// To the end, as one step with finding it (O_APPEND).
    End,
}

/// The first bytes of a source, where a limit ends the write before the source does.
struct Front<'a, S: ?Sized> {
    source: &'a mut S,
    left: usize,
}

impl<S: Source + ?Sized> Source for Front<'_, S> {
    fn len(&self) -> usize {
        self.source.len().min(self.left)
    }

    fn take(&mut self, into: &mut [u8]) -> usize {
        let taken = self.source.take(into);
        self.left = self.left.saturating_sub(taken);
        taken
    }
}

impl Regular {
    /// Gives all space back.
    pub(super) fn release(&self, space: &Space) {
        self.contents.write_another().release(space);
    }
}

impl Inode {
    /// The contents of a regular file.
    ///
    /// # Errors
    /// EISDIR: a directory. EINVAL: anything else that has none.
    #[inline]
    pub(crate) fn regular(&self) -> Result<&Regular> {
        match &self.object {
            Object::Regular(regular) => Ok(regular),
            Object::Directory(_) => Err(Errno::EISDIR),
            _ => Err(Errno::EINVAL),
        }
    }

    /// Reads from a regular file (pread(2)): as many bytes as the sink takes and the file has.
    ///
    /// # Errors
    /// EISDIR, EINVAL, EFAULT (the sink took nothing)
    #[inline]
    pub fn read_at<S: Sink + ?Sized>(&self, offset: u64, sink: &mut S, how: Reading) -> Result<usize> {
        let contents = self.regular()?.contents.read();
        // First of all, for the processor looks ahead no further than some hundred instructions.
        if how.sequential {
            contents.read_ahead(offset, sink.len());
        }
        // Looked at before the copy: what is loaded behind it waits for what it stores.
        let atime = if how.noatime { None } else { self.due_atime() };
        let read = contents.read(offset, sink)?;
        drop(contents);
        if let Some(now) = atime {
            self.set_atime(now);
        }
        Ok(read)
    }

    /// Writes to a regular file (pwrite(2)). Returns where the write ended and how many bytes it was: fewer than there
    /// were if the space or the source ended midway, or at the largest size of a file.
    ///
    /// # Errors
    /// EISDIR, EINVAL, EFBIG, ENOSPC, ENOMEM, EFAULT; then nothing was written. After ENOSPC and EFAULT the times have
    /// moved, as in the kernel.
    #[inline]
    pub fn write_at<S: Source + ?Sized>(
        &self,
        at: WriteAt,
        source: &mut S,
        cred: &Credentials,
    ) -> Result<(u64, usize)> {
        let regular = self.regular()?;
        if source.len() > MAX_RW_COUNT {
            return Err(Errno::EINVAL);
        }
        let mut contents = regular.contents.write();
        let offset = match at {
            WriteAt::Offset(offset) => offset,
            WriteAt::End => contents.size(),
        };
        if source.is_empty() {
            return Ok((offset, 0));
        }
        let len = source.len();
        let room = cred.may_write(offset, len as u64)?;
        self.remove_privs(cred);
        let space = &self.sb.space;
        let written = if room == len as u64 {
            contents.write(space, offset, source)
        } else {
            contents.write(space, offset, &mut Front { source, left: room as usize })
        };
        let written = written.inspect_err(|error| self.write_failed(&contents, *error))?;
        self.contents_changed(&contents);
        Ok((offset + written as u64, written))
    }

    /// Writes all of the bytes that a kernel had cached (`FUSE_WRITE_CACHE`). It keeps the times itself and took set-id
    /// bits away when they were written, so both stay as they are here.
    ///
    /// # Errors
    /// As [`write_at`](Self::write_at), but something may have been written: the kernel does not expect a short count.
    pub fn write_back<S: Source + ?Sized>(&self, offset: u64, source: &mut S) -> Result<()> {
        let mut contents = self.regular()?.contents.write();
        let mut done = Ok(());
        let mut at = offset;
        while !source.is_empty() && done.is_ok() {
            if at >= MAX_FILE_SIZE {
                done = Err(Errno::EFBIG);
            } else {
                done = contents.write(&self.sb.space, at, source).map(|written| at += written as u64);
            }
        }
        let (size, blocks) = (contents.size(), contents.blocks());
        self.attributes.change(|a| {
            a.set_size(size);
            a.set_blocks(blocks);
        });
        done
    }

    /// Sets the size (truncate(2)), whoever asks.
    ///
    /// # Errors
    /// EISDIR, EINVAL, EFBIG, ENOMEM
    pub fn set_size(&self, size: u64, cred: &Credentials) -> Result<()> {
        self.truncate_contents(size, cred, true)
    }

    /// The same by a path, where nothing happens to the times of a file without pages that has this size already
    /// (`shmem_setattr`).
    ///
    /// # Errors
    /// As [`set_size`](Self::set_size)
    pub fn truncate(&self, size: u64, cred: &Credentials) -> Result<()> {
        self.truncate_contents(size, cred, false)
    }

    fn truncate_contents(&self, size: u64, cred: &Credentials, times: bool) -> Result<()> {
        let mut contents = self.regular()?.contents.write();
        cred.may_resize(contents.size(), size)?;
        let moves = times || contents.size() != size || contents.blocks() != 0;
        contents.truncate(&self.sb.space, size)?;
        if moves {
            self.contents_changed(&contents);
        }
        drop(contents);
        self.remove_privs(cred);
        Ok(())
    }

    /// Locks the contents for a change that `change` makes, and notes it in the attributes.
    ///
    /// # Errors
    /// EISDIR, EINVAL, and those of `change`
    pub(crate) fn change_contents<R>(
        &self,
        cred: &Credentials,
        change: impl FnOnce(&mut WriteGuard<'_, Contents, { rank::CONTENTS }>, &Space) -> Result<R>,
    ) -> Result<R> {
        let mut contents = self.regular()?.contents.write();
        let result = change(&mut contents, &self.sb.space);
        if result.is_err() {
            // It may have got some of its pages; the last close asks whether there are any.
            self.attributes.change(|a| a.set_blocks(contents.blocks()));
            return result;
        }
        self.remove_privs(cred);
        self.contents_changed(&contents);
        result
    }

    /// The kernel moves the times before it looks for space or at the source (`file_update_time`).
    #[cold]
    fn write_failed(&self, contents: &Contents, error: Errno) {
        if error != Errno::ENOMEM {
            self.contents_changed(contents);
        }
    }

    /// Notes size, blocks and times after a change. The caller has the contents locked.
    #[inline]
    pub(super) fn contents_changed(&self, contents: &Contents) {
        let (now, size, blocks) = (self.sb.now(), contents.size(), contents.blocks());
        if !self.attributes.is_current(now, size, blocks) {
            self.attributes.change(|a| {
                a.set_size(size);
                a.set_blocks(blocks);
                a.modified(now);
            });
        }
    }
}

impl Regular {
    /// SEEK_DATA of lseek(2): the first offset from `offset` on that is not in a hole.
    ///
    /// # Errors
    /// ENXIO: there is none, or `offset` is negative or beyond the end.
    pub(crate) fn seek_data(&self, offset: i64) -> Result<i64> {
        let contents = self.contents.read();
        let from = u64::try_from(offset).map_err(|_| Errno::ENXIO)?;
        Ok(contents.seek_data(from)? as i64)
    }

    /// SEEK_HOLE of lseek(2): the first offset from `offset` on that is in a hole, or the end.
    ///
    /// # Errors
    /// ENXIO: `offset` is negative or beyond the end.
    pub(crate) fn seek_hole(&self, offset: i64) -> Result<i64> {
        let contents = self.contents.read();
        let from = u64::try_from(offset).map_err(|_| Errno::ENXIO)?;
        Ok(contents.seek_hole(from)? as i64)
    }
}
