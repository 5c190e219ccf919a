//! write(2), writev(2), pwrite(2), pwritev(2), pwritev2(2).

use std::io::IoSlice;

use super::Cage;
use super::description::Description;
use super::read::{check_area, check_flags, check_pieces};
use crate::abi::{Errno, MAX_RW_COUNT, OFlags, Result, RwFlags};
use crate::data::{Gather, Source};
use crate::inode::{Inode, Object, WriteAt};
use crate::sync::epoch;

impl Cage {
    /// Writes at the offset, or with O_APPEND at the end, and moves the offset.
    ///
    /// # Errors
    /// EBADF, EFBIG, EINVAL, ENOSPC, EAGAIN, EINTR, EPIPE (the door raises SIGPIPE)
    pub fn write(&self, fd: i32, buf: &[u8]) -> Result<usize> {
        self.write_from(fd, &mut limited(buf))
    }

    /// Writes from several buffers, as one write.
    ///
    /// # Errors
    /// As [`write`](Self::write); EINVAL: more than 1,024 buffers.
    pub fn writev(&self, fd: i32, bufs: &[IoSlice<'_>]) -> Result<usize> {
        if check_pieces(bufs.iter().map(|b| b.len()))? == 0 {
            return self.vector_of_nothing(fd, None, true);
        }
        self.write_from(fd, &mut Gather::new(bufs))
    }

    /// Writes from whatever gives bytes: what a door uses whose buffers are not slices.
    ///
    /// # Errors
    /// As [`write`](Self::write), and EFAULT
    pub fn write_from<S: Source + ?Sized>(&self, fd: i32, source: &mut S) -> Result<usize> {
        self.do_write(fd, source, RwFlags::empty())
    }

    #[inline]
    fn do_write<S: Source + ?Sized>(&self, fd: i32, source: &mut S, flags: RwFlags) -> Result<usize> {
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        let inode = description.writable(&guard)?;
        if !matches!(inode.object, Object::Regular(_)) {
            let held = description.upgrade().ok_or(Errno::EBADF)?;
            drop(guard);
            return self.write_other(&held, source, flags);
        }
        let mut offset = description.offset();
        check_area(*offset, source.len())?;
        check_flags(flags, false)?;
        let at = write_at(&description, &inode, *offset, flags)?;
        let (end, written) = inode.write_at(at, source, self.cred(&guard)?)?;
        if written > 0 {
            *offset = end;
        }
        Ok(written)
    }

    /// Writes at `offset`, and leaves the descriptor's alone. As on Linux, O_APPEND writes at the end all the same.
    ///
    /// # Errors
    /// EBADF, EFBIG, EINVAL (a negative offset), ENOSPC, ESPIPE
    #[inline]
    pub fn pwrite(&self, fd: i32, buf: &[u8], offset: i64) -> Result<usize> {
        self.pwrite_from(fd, &mut limited(buf), offset, RwFlags::empty())
    }

    /// Writes from several buffers at `offset`.
    ///
    /// # Errors
    /// As [`pwrite`](Self::pwrite); EINVAL: more than 1,024 buffers.
    pub fn pwritev(&self, fd: i32, bufs: &[IoSlice<'_>], offset: i64) -> Result<usize> {
        if check_pieces(bufs.iter().map(|b| b.len()))? == 0 {
            return self.vector_of_nothing(fd, Some(offset), true);
        }
        self.pwrite_from(fd, &mut Gather::new(bufs), offset, RwFlags::empty())
    }

    /// pwritev with flags; an offset of -1 means the descriptor's.
    ///
    /// # Errors
    /// As [`pwritev`](Self::pwritev); EOPNOTSUPP: unknown flags, or `RWF_NOWAIT` of a file that can't say (as on tmpfs).
    pub fn pwritev2(&self, fd: i32, bufs: &[IoSlice<'_>], offset: i64, flags: RwFlags) -> Result<usize> {
        check_pieces(bufs.iter().map(|b| b.len()))?;
        self.pwritev2_from(fd, &mut Gather::new(bufs), offset, flags)
    }

    /// [`pwritev2`](Self::pwritev2) from whatever gives bytes.
    ///
    /// # Errors
    /// As [`pwritev2`](Self::pwritev2), and EFAULT
    pub fn pwritev2_from<S: Source + ?Sized>(
        &self,
        fd: i32,
        source: &mut S,
        offset: i64,
        flags: RwFlags,
    ) -> Result<usize> {
        if source.is_empty() {
            return self.vector_of_nothing(fd, (offset != -1).then_some(offset), true);
        }
        match offset {
            -1 => self.do_write(fd, source, flags),
            _ => self.pwrite_from(fd, source, offset, flags),
        }
    }

    /// [`pwrite`](Self::pwrite) from whatever gives bytes.
    ///
    /// # Errors
    /// As [`pwrite`](Self::pwrite), and EFAULT
    #[inline]
    pub fn pwrite_from<S: Source + ?Sized>(
        &self,
        fd: i32,
        source: &mut S,
        offset: i64,
        flags: RwFlags,
    ) -> Result<usize> {
        let offset = u64::try_from(offset).map_err(|_| Errno::EINVAL)?;
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        if !matches!(description.opened(&guard)?.object, Object::Regular(_)) {
            let held = description.upgrade().ok_or(Errno::EBADF)?;
            drop(guard);
            return self.pwrite_other(&held, source, offset, flags);
        }
        let inode = description.writable(&guard)?;
        check_area(offset, source.len())?;
        check_flags(flags, false)?;
        let at = write_at(&description, &inode, offset, flags)?;
        Ok(inode.write_at(at, source, self.cred(&guard)?)?.1)
    }
}

/// Where a write goes: RWF_NOAPPEND and RWF_APPEND go before O_APPEND.
///
/// # Errors
/// EPERM: RWF_NOAPPEND of a file that is append-only.
#[inline]
fn write_at(description: &Description, inode: &Inode, offset: u64, flags: RwFlags) -> Result<WriteAt> {
    let append = description.flags().contains(OFlags::APPEND);
    let not = flags.contains(RwFlags::NOAPPEND);
    if append && not && inode.append_only() {
        return Err(Errno::EPERM);
    }
    let end = (append && !not) || flags.contains(RwFlags::APPEND);
    Ok(if end { WriteAt::End } else { WriteAt::Offset(offset) })
}

/// No call moves more bytes than `MAX_RW_COUNT`.
#[inline]
fn limited(buf: &[u8]) -> &[u8] {
    &buf[..buf.len().min(MAX_RW_COUNT)]
}
