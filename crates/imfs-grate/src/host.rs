//! The files of the host, as the runtime lets the grate see them: what staging reads and writes, and scratch files.
//!
//! Responsible for one forwarded call after another. What is copied where is `imfs-staging`'s business.

use core::ops::Range;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use imfs::abi::{Dirents, Errno, FileType, Result, Stat, XATTR_LIST_MAX, XATTR_SIZE_MAX};
use imfs_staging::{Attributes, Place, Side, Xattr};

use crate::layout;
use crate::lind::{self, call, host, number};

const O_RDONLY: u64 = 0;
const O_WRONLY: u64 = 1;
const O_RDWR: u64 = 2;
const O_CREAT_EXCL: u64 = 0o300;
const O_DIRECTORY: u64 = 0o200_000;

/// A path with its NUL.
pub(crate) fn terminated(path: &[u8]) -> Vec<u8> {
    [path, b"\0"].concat()
}

/// A call whose first argument is a path.
fn on_path(number: u32, path: &[u8], a2: u64, a3: u64) -> Result<u32> {
    let path = terminated(path);
    call(number, [host(path.as_ptr()), a2, a3, 0, 0, 0])
}

/// A call with two paths.
fn on_paths(number: u32, first: &[u8], second: &[u8]) -> Result<()> {
    let second = terminated(second);
    on_path(number, first, host(second.as_ptr()), 0).map(drop)
}

/// unlink(2).
pub(crate) fn unlink(path: &[u8]) -> Result<()> {
    on_path(number::UNLINK, path, 0, 0).map(drop)
}

/// A name that no other file of this host has, as nobody else would choose it.
fn unique(before: &[u8]) -> Vec<u8> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut salt = [0; 6];
    lind::random(&mut salt);
    let salt = salt.map(|byte| format!("{byte:02x}")).concat();
    [before, format!(".imfs-{}-{next}-{salt}", lind::me()).as_bytes()].concat()
}

/// An open host file; closed when dropped.
#[derive(Debug)]
pub(crate) struct HostFile {
    fd: u32,
    size: u64,
    /// Where the descriptor stands.
    position: AtomicU64,
    /// The name that it has until it is published.
    temporary: Option<Vec<u8>>,
}

impl Drop for HostFile {
    fn drop(&mut self) {
        let _ = call(number::CLOSE, [self.fd.into(), 0, 0, 0, 0, 0]);
        if let Some(path) = &self.temporary {
            let _ = unlink(path);
        }
    }
}

impl HostFile {
    fn new(fd: u32, size: u64, temporary: Option<Vec<u8>>) -> Self {
        Self { fd, size, position: AtomicU64::new(0), temporary }
    }

    /// Reads or writes: in sequence with the plain call, anywhere else with the one that takes an offset.
    fn transfer(&self, plain: u32, positioned: u32, at: u64, len: usize, offset: u64) -> Result<usize> {
        let fd = u64::from(self.fd);
        if offset != self.position.load(Ordering::Relaxed) {
            return call(positioned, [fd, at, len as u64, offset, 0, 0]).map(|n| n as usize);
        }
        let moved = call(plain, [fd, at, len as u64, 0, 0, 0])? as usize;
        self.position.store(offset + moved as u64, Ordering::Relaxed);
        Ok(moved)
    }

    /// pread(2).
    pub(crate) fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let (at, len) = (host(buffer.as_mut_ptr()), buffer.len());
        self.transfer(number::READ, number::PREAD, at, len, offset).map(|read| read.min(len))
    }

    /// pwrite(2), all of it.
    pub(crate) fn write_at(&self, mut bytes: &[u8], mut offset: u64) -> Result<()> {
        while !bytes.is_empty() {
            let at = host(bytes.as_ptr());
            match self.transfer(number::WRITE, number::PWRITE, at, bytes.len(), offset)? {
                0 => return Err(Errno::EIO),
                written => {
                    bytes = bytes.get(written..).ok_or(Errno::EIO)?;
                    offset += written as u64;
                }
            }
        }
        Ok(())
    }

    /// lseek(2) to the next data or hole.
    fn seek(&self, offset: u64, whence: u64) -> Result<u64> {
        let found = call(number::LSEEK, [self.fd.into(), offset, whence, 0, 0, 0]).map(u64::from)?;
        self.position.store(found, Ordering::Relaxed);
        Ok(found)
    }

    /// ftruncate(2).
    pub(crate) fn set_size(&self, size: u64) -> Result<()> {
        call(number::FTRUNCATE, [self.fd.into(), size, 0, 0, 0, 0]).map(drop)
    }
}

/// A new empty file of the host for the grate's own use, and its path. Its name goes when it is dropped.
///
/// # Errors
/// Those of open(2)
pub(crate) fn scratch_file(mode: u64) -> Result<(HostFile, Vec<u8>)> {
    let mut last = Errno::ENOENT;
    for directory in [&b"/tmp/"[..], b"/"] {
        let path = unique(directory);
        match on_path(number::OPEN, &path, O_RDWR | O_CREAT_EXCL, mode) {
            Ok(fd) => return Ok((HostFile::new(fd, 0, Some(path.clone())), path)),
            Err(errno) => last = errno,
        }
    }
    Err(last)
}

impl HostFile {
    /// Lets the file stay when this is dropped.
    pub(crate) fn keep(mut self) {
        self.temporary = None;
    }

    /// Its path, if it has one.
    pub(crate) fn path(&self) -> Option<Vec<u8>> {
        self.temporary.clone()
    }
}

/// Whether the runtime was found to have no calls for extended attributes.
static NO_XATTRS: AtomicBool = AtomicBool::new(false);

/// What a call puts into room of at most `most` bytes.
fn filled(most: usize, fill: impl FnOnce(&mut Vec<u8>) -> Result<u32>) -> Result<Vec<u8>> {
    let mut room = vec![0; most];
    let len = fill(&mut room)? as usize;
    room.truncate(len);
    Ok(room)
}

/// The files of the host, seen from the grate's working directory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Host {
    /// Whom new files belong to: the user and group that the runtime runs as.
    pub(crate) owner: (u32, u32),
}

impl Host {
    /// Sets times, as far as the host lets one.
    fn set_times(fd: u64, path: u64, attributes: &Attributes) {
        const NOFOLLOW: u64 = 0x100;
        let (atime, mtime) = (attributes.atime, attributes.mtime);
        let times = [atime.sec, atime.nsec.into(), mtime.sec, mtime.nsec.into()];
        let flags = if path == 0 { 0 } else { NOFOLLOW };
        let _ = call(number::UTIMENSAT, [fd, path, host(times.as_ptr()), flags, 0, 0]);
    }
}

impl Side for Host {
    const NAME: &'static str = "on the host";

    type File<'s>
        = HostFile
    where
        Self: 's;

    fn look(&self, path: &[u8], follow: bool) -> Result<Stat> {
        let mut bytes = [0; layout::STAT];
        let number = if follow { number::STAT } else { number::LSTAT };
        on_path(number, path, host(bytes.as_mut_ptr()), 0)?;
        Ok(layout::read_stat(&bytes))
    }

    fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>> {
        let fd = on_path(number::OPEN, path, O_RDONLY | O_DIRECTORY, 0)?;
        let directory = HostFile::new(fd, 0, None);
        let (mut names, mut records) = (Vec::new(), vec![0_u8; 32 << 10]);
        loop {
            let args = [directory.fd.into(), host(records.as_mut_ptr()), records.len() as u64, 0, 0, 0];
            let len = call(number::GETDENTS, args)? as usize;
            if len == 0 {
                return Ok(names);
            }
            let filled = records.get(..len).ok_or(Errno::EIO)?;
            let entries = Dirents::new(filled).filter(|entry| entry.name != b"." && entry.name != b"..");
            names.extend(entries.map(|entry| entry.name.to_vec()));
        }
    }

    fn read_link(&self, path: &[u8]) -> Result<Vec<u8>> {
        let mut target = vec![0; imfs::abi::PATH_MAX];
        let len = on_path(number::READLINK, path, host(target.as_mut_ptr()), target.len() as u64)?;
        target.truncate(len as usize);
        Ok(target)
    }

    fn open(&self, path: &[u8]) -> Result<HostFile> {
        let size = self.look(path, true)?.size.cast_unsigned();
        let fd = on_path(number::OPEN, path, O_RDONLY, 0)?;
        Ok(HostFile::new(fd, size, None))
    }

    /// A runtime that cannot tell holes has data everywhere, and so has a file for whose offsets a result has no room.
    fn next_data(&self, file: &HostFile, offset: u64) -> Result<Option<Range<u64>>> {
        const SEEK_DATA: u64 = 3;
        const SEEK_HOLE: u64 = 4;
        let rest = offset..file.size;
        if rest.is_empty() || i32::try_from(file.size).is_err() {
            return Ok((!rest.is_empty()).then_some(rest));
        }
        let found = file.seek(offset, SEEK_DATA).and_then(|data| Ok(data..file.seek(data, SEEK_HOLE)?));
        match found {
            Ok(data) if data.start >= offset && !data.is_empty() => Ok(Some(data)),
            Err(Errno::ENXIO) => Ok(None),
            _ => Ok(Some(rest)),
        }
    }

    fn read_at(&self, file: &HostFile, buffer: &mut [u8], offset: u64) -> Result<usize> {
        file.read_at(buffer, offset)
    }

    fn xattrs(&self, path: &[u8]) -> Result<Vec<Xattr>> {
        if NO_XATTRS.load(Ordering::Relaxed) {
            return Err(Errno::EOPNOTSUPP);
        }
        let args = |room: &mut Vec<u8>| (host(room.as_mut_ptr()), room.len() as u64);
        let list = filled(XATTR_LIST_MAX, |room| {
            let (at, len) = args(room);
            on_path(number::LISTXATTR, path, at, len)
        });
        // A runtime without these calls answers with a number that is no errno's, and says so aloud each time.
        if matches!(list, Err(Errno::ENOSYS | Errno::EIO)) {
            NO_XATTRS.store(true, Ordering::Relaxed);
            return Err(Errno::EOPNOTSUPP);
        }
        let mut all = Vec::new();
        for name in list?.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            let (path, terminated_name) = (terminated(path), terminated(name));
            let value = filled(XATTR_SIZE_MAX, |room| {
                let (at, len) = args(room);
                call(number::GETXATTR, [host(path.as_ptr()), host(terminated_name.as_ptr()), at, len, 0, 0])
            });
            match value {
                Ok(value) => all.push((name.to_vec(), value)),
                // Removed since, or shown in the list only.
                Err(Errno::ENODATA | Errno::EOPNOTSUPP | Errno::EPERM | Errno::EACCES) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(all)
    }

    fn create(&self, path: &[u8]) -> Result<HostFile> {
        const OWNER_ONLY: u64 = 0o600;
        let temporary = unique(path);
        let fd = on_path(number::OPEN, &temporary, O_WRONLY | O_CREAT_EXCL, OWNER_ONLY)?;
        Ok(HostFile::new(fd, 0, Some(temporary)))
    }

    fn write_at(&self, file: &HostFile, bytes: &[u8], offset: u64) -> Result<()> {
        file.write_at(bytes, offset)
    }

    fn set_size(&self, file: &HostFile, size: u64) -> Result<()> {
        // What was written from the start to the end has its size.
        if file.position.load(Ordering::Relaxed) == size { Ok(()) } else { file.set_size(size) }
    }

    fn set_xattr(&self, place: Place<'_, HostFile>, name: &[u8], value: &[u8]) -> Result<()> {
        let name = terminated(name);
        let (name, at, len) = (host(name.as_ptr()), host(value.as_ptr()), value.len() as u64);
        match place {
            Place::File(file) => call(number::FSETXATTR, [file.fd.into(), name, at, len, 0, 0]),
            Place::Path(path) => {
                let path = terminated(path);
                call(number::LSETXATTR, [host(path.as_ptr()), name, at, len, 0, 0])
            }
        }
        .map(drop)
    }

    fn set_attributes(&self, place: Place<'_, HostFile>, attributes: &Attributes) -> Result<()> {
        const AT_FDCWD: u64 = -100_i64 as u64;
        let mode = attributes.mode.bits().into();
        match place {
            Place::File(file) => {
                let path = file.temporary.as_deref().ok_or(Errno::EBADF)?;
                on_path(number::CHMOD, path, mode, 0)?;
                let path = terminated(path);
                Self::set_times(AT_FDCWD, host(path.as_ptr()), attributes);
            }
            Place::Path(path) => {
                if self.look(path, false)?.file_type() != Some(FileType::Symlink) {
                    on_path(number::CHMOD, path, mode, 0)?;
                }
                let path = terminated(path);
                Self::set_times(AT_FDCWD, host(path.as_ptr()), attributes);
            }
        }
        Ok(())
    }

    fn publish(&self, mut file: HostFile, path: &[u8]) -> Result<()> {
        let temporary = file.temporary.as_deref().ok_or(Errno::EBADF)?;
        on_paths(number::RENAME, temporary, path)?;
        file.temporary = None;
        Ok(())
    }

    fn make_directory(&self, path: &[u8]) -> Result<()> {
        const OWNER_ONLY: u64 = 0o700;
        on_path(number::MKDIR, path, OWNER_ONLY, 0).map(drop)
    }

    fn make_symlink(&self, target: &[u8], path: &[u8]) -> Result<()> {
        clear(path)?;
        on_paths(number::SYMLINK, target, path)
    }

    fn make_link(&self, existing: &[u8], path: &[u8]) -> Result<()> {
        clear(path)?;
        on_paths(number::LINK, existing, path)
    }

    fn owner(&self) -> (u32, u32) {
        self.owner
    }
}

/// Takes away what is in the way and is no directory.
fn clear(path: &[u8]) -> Result<()> {
    match unlink(path) {
        Err(Errno::ENOENT) => Ok(()),
        done => done,
    }
}
