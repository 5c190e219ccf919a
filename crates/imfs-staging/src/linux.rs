//! The host's side on Linux.
//!
//! Responsible for replacing files without a moment at which a reader, or a failure, finds half of one: a new file has no name
//! (O_TMPFILE) until it is complete, or a temporary one beside its target where the file system knows no such files. Paths may
//! be longer than PATH_MAX.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use imfs::abi::{Dev, Errno, Stat, Timespec};
use rustix::fs::{self, AtFlags, CWD, Mode, OFlags, SeekFrom, Timestamps, XattrFlags};
use rustix::io::Errno as OsErrno;

use crate::side::{Attributes, Place, Side, Xattr};

/// The files of the Linux that this process runs on, seen from its working directory.
#[derive(Debug, Clone, Copy, Default)]
pub struct Linux;

/// An open host file.
#[derive(Debug)]
pub struct LinuxFile {
    fd: OwnedFd,
    /// The name that it has until it is published.
    temporary: Option<Near<'static>>,
}

impl Drop for LinuxFile {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            let _ = fs::unlink(&*temporary.path);
        }
    }
}

fn error(errno: OsErrno) -> Errno {
    Errno::from_raw(errno.raw_os_error()).unwrap_or(Errno::EIO)
}

/// Up to this length a path goes to the kernel as it is. It leaves room for a temporary name, and for what [`near`] puts
/// in front.
const DIRECT: usize = 3800;

/// A path that the kernel takes, however deep the tree.
#[derive(Debug)]
struct Near<'p> {
    path: Cow<'p, Path>,
    /// What the path starts at, if not where the caller's does.
    directory: Option<OwnedFd>,
}

/// Comes near a file whose path may be longer than PATH_MAX, by descriptors for the directories on the way.
fn near(name: &[u8]) -> Result<Near<'_>, Errno> {
    let (mut rest, mut directory) = (name, None);
    while rest.len() > DIRECT {
        let cut = rest[..DIRECT].iter().rposition(|byte| *byte == b'/').filter(|cut| *cut > 0);
        let (part, more) = rest.split_at(cut.ok_or(Errno::ENAMETOOLONG)?);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let from = directory.as_ref().map_or(CWD, OwnedFd::as_fd);
        directory = Some(fs::openat(from, part, flags, Mode::empty()).map_err(error)?);
        rest = &more[more.iter().position(|byte| *byte != b'/').unwrap_or(more.len())..];
    }
    let path = Path::new(OsStr::from_bytes(rest));
    let path = match &directory {
        None => Cow::Borrowed(path),
        Some(from) => Cow::Owned(open_path(from).join(path)),
    };
    Ok(Near { path, directory })
}

/// The name of an open file.
fn open_path(file: &OwnedFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

/// A name beside `target` that nobody has.
fn beside(target: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    target.with_file_name(format!(".imfs-{}-{number}", std::process::id()))
}

/// The directory that holds `target`.
fn parent(target: &Path) -> &Path {
    match target.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Makes something under a temporary name, then moves it to `target`. Whatever fails, the temporary name is gone.
fn replace(target: &Path, make: impl Fn(&Path) -> Result<(), OsErrno>) -> Result<(), Errno> {
    let temporary = loop {
        let name = beside(target);
        match make(&name) {
            Err(OsErrno::EXIST) => {}
            made => break made.map(|()| name),
        }
    }
    .map_err(error)?;
    let renamed = fs::rename(&temporary, target);
    // Also after success: renaming one name of a file to another name of it does nothing.
    let _ = fs::unlink(&temporary);
    renamed.map_err(error)
}

impl Side for Linux {
    const NAME: &'static str = "on the host";

    type File<'s> = LinuxFile;

    fn look(&self, name: &[u8], follow: bool) -> Result<Stat, Errno> {
        let stat = {
            let near = near(name)?;
            if follow { fs::stat(&*near.path) } else { fs::lstat(&*near.path) }.map_err(error)?
        };
        let time = |sec: i64, nsec: u64| Timespec { sec, nsec: nsec as u32 };
        Ok(Stat {
            dev: Dev::from_raw(stat.st_dev),
            ino: stat.st_ino,
            nlink: stat.st_nlink as u64,
            mode: stat.st_mode,
            uid: stat.st_uid,
            gid: stat.st_gid,
            rdev: Dev::from_raw(stat.st_rdev),
            size: stat.st_size,
            blksize: stat.st_blksize as i64,
            blocks: stat.st_blocks,
            atime: time(stat.st_atime, stat.st_atime_nsec as u64),
            mtime: time(stat.st_mtime, stat.st_mtime_nsec as u64),
            ctime: time(stat.st_ctime, stat.st_ctime_nsec as u64),
        })
    }

    fn names(&self, name: &[u8]) -> Result<Vec<Vec<u8>>, Errno> {
        let io = |error: std::io::Error| error.raw_os_error().and_then(Errno::from_raw).unwrap_or(Errno::EIO);
        std::fs::read_dir(&near(name)?.path)
            .map_err(io)?
            .map(|entry| Ok(entry.map_err(io)?.file_name().into_vec()))
            .collect()
    }

    fn read_link(&self, name: &[u8]) -> Result<Vec<u8>, Errno> {
        Ok(fs::readlink(&*near(name)?.path, Vec::new()).map_err(error)?.into_bytes())
    }

    fn open(&self, name: &[u8]) -> Result<LinuxFile, Errno> {
        // A FIFO that has taken the file's place must not make us wait.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = fs::open(&*near(name)?.path, flags, Mode::empty()).map_err(error)?;
        let _ = fs::fadvise(&fd, 0, None, fs::Advice::Sequential);
        Ok(LinuxFile { fd, temporary: None })
    }

    fn next_data(&self, file: &LinuxFile, offset: u64) -> Result<Option<Range<u64>>, Errno> {
        let start = match fs::seek(&file.fd, SeekFrom::Data(offset)) {
            Ok(start) => start,
            Err(OsErrno::NXIO) => return Ok(None),
            // A file system that cannot tell has data everywhere, and its reads say where the end is.
            Err(OsErrno::INVAL) if offset == 0 => return Ok(Some(0..u64::MAX)),
            Err(OsErrno::INVAL) => return Ok(None),
            Err(errno) => return Err(error(errno)),
        };
        let end = fs::seek(&file.fd, SeekFrom::Hole(start)).map_err(error)?;
        Ok(Some(start..end))
    }

    fn read_at(&self, file: &LinuxFile, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
        rustix::io::retry_on_intr(|| rustix::io::pread(&file.fd, &mut *buffer, offset)).map_err(error)
    }

    fn xattrs(&self, name: &[u8]) -> Result<Vec<Xattr>, Errno> {
        let near = near(name)?;
        let file = &*near.path;
        let list = filled(|buffer| fs::listxattr(file, buffer))?;
        let mut all = Vec::new();
        for attribute in list.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
            match filled(|buffer| fs::getxattr(file, attribute, buffer)) {
                Ok(value) => all.push((attribute.to_vec(), value)),
                // Removed since, or shown in the list only.
                Err(Errno::ENODATA | Errno::EOPNOTSUPP | Errno::EPERM | Errno::EACCES) => {}
                Err(errno) => return Err(errno),
            }
        }
        Ok(all)
    }

    fn create(&self, name: &[u8]) -> Result<LinuxFile, Errno> {
        let near = near(name)?;
        let target = &*near.path;
        let flags = OFlags::WRONLY | OFlags::CLOEXEC;
        match fs::open(parent(target), flags | OFlags::TMPFILE, Mode::RUSR | Mode::WUSR) {
            Ok(fd) => return Ok(LinuxFile { fd, temporary: None }),
            Err(OsErrno::OPNOTSUPP | OsErrno::ISDIR | OsErrno::INVAL) => {}
            Err(errno) => return Err(error(errno)),
        }
        loop {
            let temporary = beside(target);
            match fs::open(&temporary, flags | OFlags::CREATE | OFlags::EXCL, Mode::RUSR | Mode::WUSR) {
                Ok(fd) => {
                    let temporary = Near { path: Cow::Owned(temporary), directory: near.directory };
                    return Ok(LinuxFile { fd, temporary: Some(temporary) });
                }
                Err(OsErrno::EXIST) => {}
                Err(errno) => return Err(error(errno)),
            }
        }
    }

    fn write_at(&self, file: &LinuxFile, mut bytes: &[u8], mut offset: u64) -> Result<(), Errno> {
        while !bytes.is_empty() {
            let written =
                rustix::io::retry_on_intr(|| rustix::io::pwrite(&file.fd, bytes, offset)).map_err(error)?;
            bytes = &bytes[written..];
            offset += written as u64;
        }
        Ok(())
    }

    fn set_size(&self, file: &LinuxFile, size: u64) -> Result<(), Errno> {
        fs::ftruncate(&file.fd, size).map_err(error)
    }

    fn set_xattr(&self, place: Place<'_, LinuxFile>, name: &[u8], value: &[u8]) -> Result<(), Errno> {
        match place {
            Place::File(file) => fs::fsetxattr(&file.fd, name, value, XattrFlags::empty()),
            Place::Path(at) => fs::lsetxattr(&*near(at)?.path, name, value, XattrFlags::empty()),
        }
        .map_err(error)
    }

    fn set_attributes(&self, place: Place<'_, LinuxFile>, attributes: &Attributes) -> Result<(), Errno> {
        let time = |time: Timespec| fs::Timespec { tv_sec: time.sec, tv_nsec: time.nsec.into() };
        let times =
            Timestamps { last_access: time(attributes.atime), last_modification: time(attributes.mtime) };
        let mode = Mode::from_raw_mode(attributes.mode.bits());
        match place {
            Place::File(file) => {
                fs::fchmod(&file.fd, mode).and_then(|()| fs::futimens(&file.fd, &times)).map_err(error)
            }
            Place::Path(at) => {
                let near = near(at)?;
                let at = &*near.path;
                let is_symlink = fs::lstat(at)
                    .map(|stat| fs::FileType::from_raw_mode(stat.st_mode).is_symlink())
                    .map_err(error)?;
                if !is_symlink {
                    fs::chmod(at, mode).map_err(error)?;
                }
                fs::utimensat(CWD, at, &times, AtFlags::SYMLINK_NOFOLLOW).map_err(error)
            }
        }
    }

    fn publish(&self, mut file: LinuxFile, name: &[u8]) -> Result<(), Errno> {
        let near = near(name)?;
        let target = &*near.path;
        if let Some(temporary) = &file.temporary {
            fs::rename(&*temporary.path, target).map_err(error)?;
            file.temporary = None;
            return Ok(());
        }
        let open = open_path(&file.fd);
        let link = |name: &Path| fs::linkat(CWD, &open, CWD, name, AtFlags::SYMLINK_FOLLOW);
        match link(target) {
            Err(OsErrno::EXIST) => replace(target, link),
            done => done.map_err(error),
        }
    }

    fn make_directory(&self, name: &[u8]) -> Result<(), Errno> {
        fs::mkdir(&*near(name)?.path, Mode::RWXU).map_err(error)
    }

    fn make_symlink(&self, link_target: &[u8], name: &[u8]) -> Result<(), Errno> {
        replace(&near(name)?.path, |temporary| fs::symlink(link_target, temporary))
    }

    fn make_link(&self, existing: &[u8], name: &[u8]) -> Result<(), Errno> {
        let existing = near(existing)?;
        replace(&near(name)?.path, |temporary| fs::link(&*existing.path, temporary))
    }

    fn owner(&self) -> (u32, u32) {
        (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw())
    }
}

/// Calls with a buffer as large as the largest value or list of names (XATTR_SIZE_MAX, XATTR_LIST_MAX).
fn filled(call: impl Fn(&mut [u8]) -> Result<usize, OsErrno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; 65536];
    let size = call(&mut buffer).map_err(error)?;
    buffer.truncate(size);
    buffer.shrink_to_fit();
    Ok(buffer)
}
