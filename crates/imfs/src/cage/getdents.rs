//! getdents64(2), and opendir(3), readdir(3), telldir(3), seekdir(3), rewinddir(3), closedir(3) on top of it.

use crate::sync::primitives::atomic::Ordering;

use super::Cage;
use super::description::Description;
use crate::abi::{Dirent, DirentWriter, Dirents, Errno, Mode, OFlags, Result, Whence, dirent_len};
use crate::inode::{FIRST_ENTRY, Inode};
use crate::sync::epoch;
use crate::sync::refcount::Shared;

/// Where a stream stands that has come to the end: it shows no entry any more until it is rewound (`DIR_OFFSET_EOD`).
const END: u64 = 1 << 62;

impl Description {
    /// Whether a directory stream has shown no entry yet.
    fn stream_is_new(&self) -> bool {
        self.stream_end.load(Ordering::Relaxed) == u64::MAX
    }

    /// Lets a directory stream show what is there when it is read next.
    pub(super) fn rewind(&self) {
        self.stream_end.store(u64::MAX, Ordering::Relaxed);
    }
}

impl Cage {
    /// Fills `buf` with records of a directory (`struct linux_dirent64`), as many as fit, and moves the offset. Returns
    /// how many bytes it was; 0 at the end.
    ///
    /// # Errors
    /// EBADF, ENOTDIR, EINVAL: `buf` is too small for the next record. ENOENT: the directory was removed.
    pub fn getdents64(&self, fd: i32, buf: &mut [u8]) -> Result<usize> {
        let mut writer = DirentWriter::new(buf);
        let mut left_out = false;
        self.read_directory(fd, |entry| {
            left_out = !writer.push(entry);
            !left_out
        })?;
        if left_out && writer.is_empty() { Err(Errno::EINVAL) } else { Ok(writer.len()) }
    }

    /// Gives the entries of a directory from its offset on to `take`, until that returns false for one, and leaves the
    /// offset there: what a door uses whose records have another form.
    ///
    /// # Errors
    /// EBADF, ENOTDIR, ENOENT: the directory was removed.
    pub fn read_directory(&self, fd: i32, mut take: impl FnMut(&Dirent<'_>) -> bool) -> Result<()> {
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        let inode = description.opened(&guard)?;
        let directory = inode.get().directory()?;
        // Looked up before, because the lock of a directory comes before that of an offset.
        let newest = description.stream_is_new().then(|| directory.end());
        let mut offset = description.offset();
        if inode.attributes.nlink() == 0 {
            return Err(Errno::ENOENT);
        }
        let start = *offset;
        let mut full = false;
        let mut give = |next: u64, name: &[u8], inode: Shared<'_, Inode>| {
            let (ino, kind) = (inode.ino(), inode.file_type());
            full = !take(&Dirent { ino, off: next as i64, dtype: kind.dtype(), name });
            if !full {
                *offset = next;
            }
            !full
        };
        let dots = (start > 0 || give(1, b".", inode))
            && (start > 1 || give(2, b"..", Inode::parent(inode, &guard)?));
        if dots {
            if let Some(newest) = newest.filter(|_| description.stream_is_new()) {
                description.stream_end.store(newest, Ordering::Relaxed);
            }
            let end = description.stream_end.load(Ordering::Relaxed);
            // The offset after an entry is its cookie.
            directory.visit(start.max(FIRST_ENTRY - 1) + 1, &guard, |cookie, name, inode| {
                cookie < end && give(cookie, name, inode)
            });
            if !full {
                *offset = END;
            }
        }
        if description.flags().contains(OFlags::NOATIME) {
            return Ok(());
        }
        inode.touch_atime();
        Ok(())
    }

    /// Opens a directory as a stream: opendir(3).
    ///
    /// # Errors
    /// As [`open`](Self::open); ENOTDIR
    pub fn opendir(&self, path: impl AsRef<[u8]>) -> Result<Dir> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let fd = self.open(path, flags, Mode::empty())?;
        Ok(Dir { fd, records: Vec::new(), at: 0, place: 0 })
    }

    /// Makes a stream of an open directory, from its offset on: fdopendir(3). The descriptor belongs to the stream then.
    ///
    /// # Errors
    /// EBADF (also of O_PATH), ENOTDIR
    pub fn fdopendir(&self, fd: i32) -> Result<Dir> {
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        description.opened(&guard)?.get().directory()?;
        let place = *description.offset() as i64;
        Ok(Dir { fd, records: Vec::new(), at: 0, place })
    }
}

/// An open directory stream (`DIR`). Each method takes the cage that opened it.
///
/// It must be closed with [`closedir`](Self::closedir): dropping it leaves its descriptor open, as it must, for it does
/// not own the cage.
#[derive(Debug)]
pub struct Dir {
    fd: i32,
    /// Records that were read ahead.
    records: Vec<u8>,
    /// Where the next one starts.
    at: usize,
    /// The offset of the next one in the directory.
    place: i64,
}

/// How many bytes of records are read at once.
const AHEAD: usize = 32 << 10;

impl Dir {
    /// The next entry; `None` at the end.
    ///
    /// # Errors
    /// EBADF, ENOENT (the directory was removed), ENOMEM
    pub fn readdir(&mut self, cage: &Cage) -> Result<Option<Dirent<'_>>> {
        if self.at == self.records.len() {
            self.records.clear();
            self.records.try_reserve_exact(AHEAD).map_err(|_| Errno::ENOMEM)?;
            self.records.resize(AHEAD, 0);
            let filled = cage.getdents64(self.fd, &mut self.records);
            self.records.truncate(*filled.as_ref().unwrap_or(&0));
            self.at = 0;
            // As readdir(3) does: a removed directory has no entries.
            if filled? == 0 {
                return Ok(None);
            }
        }
        let Some(entry) = Dirents::new(&self.records[self.at..]).next() else { return Ok(None) };
        self.at += dirent_len(entry.name.len());
        self.place = entry.off;
        Ok(Some(entry))
    }

    /// The place of the next entry.
    pub fn telldir(&self) -> i64 {
        self.place
    }

    /// Goes to a place that [`telldir`](Self::telldir) told.
    ///
    /// # Errors
    /// EBADF, EINVAL (a negative place)
    pub fn seekdir(&mut self, cage: &Cage, place: i64) -> Result<()> {
        cage.lseek(self.fd, place, Whence::Set)?;
        self.records.clear();
        (self.at, self.place) = (0, place);
        Ok(())
    }

    /// Goes to the start, and shows what is there now.
    ///
    /// # Errors
    /// EBADF
    pub fn rewinddir(&mut self, cage: &Cage) -> Result<()> {
        self.seekdir(cage, 0)
    }

    /// The descriptor below: dirfd(3).
    pub fn dirfd(&self) -> i32 {
        self.fd
    }

    /// Closes the stream and its descriptor.
    ///
    /// # Errors
    /// EBADF
    pub fn closedir(self, cage: &Cage) -> Result<()> {
        cage.close(self.fd)
    }
}
