//! read(2), readv(2), pread(2), preadv(2), preadv2(2).

use std::io::IoSliceMut;

use super::Cage;
use super::description::Description;
use crate::abi::{Errno, IOV_MAX, MAX_RW_COUNT, OFlags, Result, RwFlags};
use crate::data::Sink;
use crate::inode::{Inode, Object, Reading};
use crate::sync::epoch;
use crate::sync::refcount::Shared;

impl Cage {
    /// Reads from the offset, and moves it.
    ///
    /// # Errors
    /// EBADF, EISDIR, EINVAL, EAGAIN, EINTR
    pub fn read(&self, fd: i32, buf: &mut [u8]) -> Result<usize> {
        self.read_to(fd, &mut &mut *limited(buf))
    }

    /// Reads into several buffers.
    ///
    /// # Errors
    /// As [`read`](Self::read); EINVAL: more than 1,024 buffers.
    pub fn readv(&self, fd: i32, bufs: &mut [IoSliceMut<'_>]) -> Result<usize> {
        if check_pieces(bufs.iter().map(|b| b.len()))? == 0 {
            return self.vector_of_nothing(fd, None, false);
        }
        self.read_to(fd, &mut &mut *bufs)
    }

    /// Reads into whatever takes bytes: what a door uses whose buffers are not slices.
    ///
    /// # Errors
    /// As [`read`](Self::read), and EFAULT
    pub fn read_to<S: Sink + ?Sized>(&self, fd: i32, sink: &mut S) -> Result<usize> {
        self.do_read(fd, sink, RwFlags::empty())
    }

    #[inline]
    fn do_read<S: Sink + ?Sized>(&self, fd: i32, sink: &mut S, flags: RwFlags) -> Result<usize> {
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        let inode = description.readable(&guard)?;
        if !matches!(inode.object, Object::Regular(_)) {
            let held = description.upgrade().ok_or(Errno::EBADF)?;
            // Of these only directories have an offset.
            let stream = inode.is_dir();
            drop(guard);
            if stream {
                check_area(*held.offset(), sink.len())?;
            }
            return self.read_other(&held, sink, flags);
        }
        let mut offset = description.offset();
        check_area(*offset, sink.len())?;
        check_flags(flags, false)?;
        let read = read_regular(&description, inode, *offset, sink, true)?;
        *offset += read as u64;
        Ok(read)
    }

    /// Reads at `offset`, and leaves the descriptor's alone.
    ///
    /// # Errors
    /// EBADF, EINVAL (a negative offset), EISDIR, ESPIPE
    #[inline]
    pub fn pread(&self, fd: i32, buf: &mut [u8], offset: i64) -> Result<usize> {
        self.pread_to(fd, &mut &mut *limited(buf), offset)
    }

    /// Reads into several buffers at `offset`.
    ///
    /// # Errors
    /// As [`pread`](Self::pread); EINVAL: more than 1,024 buffers.
    pub fn preadv(&self, fd: i32, bufs: &mut [IoSliceMut<'_>], offset: i64) -> Result<usize> {
        if check_pieces(bufs.iter().map(|b| b.len()))? == 0 {
            return self.vector_of_nothing(fd, Some(offset), false);
        }
        self.pread_to(fd, &mut &mut *bufs, offset)
    }

    /// preadv with flags; an offset of -1 means the descriptor's.
    ///
    /// # Errors
    /// As [`preadv`](Self::preadv); EOPNOTSUPP: unknown flags, or `RWF_NOWAIT` of a file that can't say (as on tmpfs).
    pub fn preadv2(
        &self,
        fd: i32,
        bufs: &mut [IoSliceMut<'_>],
        offset: i64,
        flags: RwFlags,
    ) -> Result<usize> {
        check_pieces(bufs.iter().map(|b| b.len()))?;
        self.preadv2_to(fd, &mut &mut *bufs, offset, flags)
    }

    /// [`preadv2`](Self::preadv2) into whatever takes bytes.
    ///
    /// # Errors
    /// As [`preadv2`](Self::preadv2), and EFAULT
    pub fn preadv2_to<S: Sink + ?Sized>(
        &self,
        fd: i32,
        sink: &mut S,
        offset: i64,
        flags: RwFlags,
    ) -> Result<usize> {
        if sink.is_empty() {
            return self.vector_of_nothing(fd, (offset != -1).then_some(offset), false);
        }
        match offset {
            -1 => self.do_read(fd, sink, flags),
            _ => self.do_pread(fd, sink, offset, flags),
        }
    }

    /// [`pread`](Self::pread) into whatever takes bytes.
    ///
    /// # Errors
    /// As [`pread`](Self::pread), and EFAULT
    #[inline]
    pub fn pread_to<S: Sink + ?Sized>(&self, fd: i32, sink: &mut S, offset: i64) -> Result<usize> {
        self.do_pread(fd, sink, offset, RwFlags::empty())
    }

    #[inline]
    fn do_pread<S: Sink + ?Sized>(
        &self,
        fd: i32,
        sink: &mut S,
        offset: i64,
        flags: RwFlags,
    ) -> Result<usize> {
        let offset = u64::try_from(offset).map_err(|_| Errno::EINVAL)?;
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        if !matches!(description.opened(&guard)?.object, Object::Regular(_)) {
            let held = description.upgrade().ok_or(Errno::EBADF)?;
            drop(guard);
            return self.pread_other(&held, sink, offset, flags);
        }
        let inode = description.readable(&guard)?;
        check_area(offset, sink.len())?;
        check_flags(flags, false)?;
        read_regular(&description, inode, offset, sink, false)
    }

    /// A vector without a byte in it is done before the file is asked: not even a time stamp moves (`vfs_readv`).
    #[cold]
    pub(super) fn vector_of_nothing(&self, fd: i32, offset: Option<i64>, writes: bool) -> Result<usize> {
        if offset.is_some_and(|offset| offset < 0) {
            return Err(Errno::EINVAL);
        }
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        if offset.is_some() && matches!(description.opened(&guard)?.object, Object::Pipe(_)) {
            return Err(Errno::ESPIPE);
        }
        if writes {
            description.writable(&guard)?
        } else {
            description.readable(&guard)?
        };
        Ok(0)
    }
}

/// Reads from a regular file through a description.
#[inline]
fn read_regular<S: Sink + ?Sized>(
    description: &Description,
    inode: Shared<'_, Inode>,
    offset: u64,
    sink: &mut S,
    sequential: bool,
) -> Result<usize> {
    let noatime = description.flags().contains(OFlags::NOATIME);
    let read = inode.read_at(offset, sink, Reading { noatime, sequential })?;
    // Closed by another thread meanwhile, and gone with that: the bytes may be too.
    if inode.evicted() { Err(Errno::EBADF) } else { Ok(read) }
}

/// A transfer that would end behind the largest offset is not begun (`rw_verify_area`).
///
/// # Errors
/// EINVAL
#[inline]
pub(super) fn check_area(offset: u64, count: usize) -> Result<()> {
    let end = offset.checked_add(count.min(MAX_RW_COUNT) as u64);
    if end.is_some_and(|end| i64::try_from(end).is_ok()) { Ok(()) } else { Err(Errno::EINVAL) }
}

/// No call moves more bytes than `MAX_RW_COUNT`.
#[inline]
fn limited(buf: &mut [u8]) -> &mut [u8] {
    let len = buf.len().min(MAX_RW_COUNT);
    &mut buf[..len]
}

/// The limits of readv(2) and writev(2). Gives the length of all buffers together.
///
/// # Errors
/// EINVAL: too many buffers, or their lengths overflow.
pub(super) fn check_pieces(mut lens: impl ExactSizeIterator<Item = usize>) -> Result<usize> {
    let count = lens.len();
    let total =
        lens.try_fold(0_usize, |sum, len| sum.checked_add(len)).filter(|n| isize::try_from(*n).is_ok());
    total.filter(|_| count <= IOV_MAX).ok_or(Errno::EINVAL)
}

/// The flags that preadv2(2) and pwritev2(2) know (`kiocb_set_rw_flags`). `nowait` says that the file can tell whether
/// it would block.
///
/// # Errors
/// EOPNOTSUPP
#[inline]
pub(super) fn check_flags(flags: RwFlags, nowait: bool) -> Result<()> {
    let mut known = RwFlags::HIPRI | RwFlags::DSYNC | RwFlags::SYNC | RwFlags::APPEND | RwFlags::NOAPPEND;
    known |= RwFlags::NOSIGNAL;
    known.set(RwFlags::NOWAIT, nowait);
    if (flags - known).is_empty() { Ok(()) } else { Err(Errno::EOPNOTSUPP) }
}
