//! The IMFS's side: a cage's own calls.
//!
//! The cage should have the capabilities of root, for it sets owners and reads files whatever their mode. It needs a
//! descriptor or two at a time.

use std::ops::Range;

use imfs::Cage;
use imfs::abi::{AT_FDCWD, AtFlags, Errno, Mode, OFlags, SetTime, Stat, Whence, XattrFlags};

use crate::side::{Attributes, Place, Side, Xattr};

/// The files of an IMFS, seen from a cage's root and working directory.
#[derive(Debug, Clone, Copy)]
pub struct Caged<'a> {
    cage: &'a Cage,
    owner: (u32, u32),
}

impl<'a> Caged<'a> {
    /// The files that `cage` sees. What is made there belongs to `owner`, a user and a group.
    pub fn new(cage: &'a Cage, owner: (u32, u32)) -> Caged<'a> {
        Caged { cage, owner }
    }

    /// Takes away what is in the way and is no directory.
    fn clear(&self, path: &[u8]) -> Result<(), Errno> {
        match self.cage.unlink(path) {
            Err(Errno::ENOENT) => Ok(()),
            done => done,
        }
    }

    fn adopt(&self, path: &[u8]) -> Result<(), Errno> {
        self.cage.lchown(path, self.owner.0, self.owner.1)
    }
}

/// An open file of a cage.
#[derive(Debug)]
pub struct CagedFile<'a> {
    cage: &'a Cage,
    fd: i32,
    /// Its name, until it is complete.
    unfinished: Option<Vec<u8>>,
}

impl Drop for CagedFile<'_> {
    fn drop(&mut self) {
        let _ = self.cage.close(self.fd);
        if let Some(path) = &self.unfinished {
            let _ = self.cage.unlink(path);
        }
    }
}

/// Offsets are signed in every call; a larger one is beyond the end of any file.
fn signed(offset: u64) -> i64 {
    i64::try_from(offset).unwrap_or(i64::MAX)
}

impl Side for Caged<'_> {
    const NAME: &'static str = "in the IMFS";

    type File<'s>
        = CagedFile<'s>
    where
        Self: 's;

    fn look(&self, path: &[u8], follow: bool) -> Result<Stat, Errno> {
        if follow { self.cage.stat(path) } else { self.cage.lstat(path) }
    }

    fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOATIME;
        let fd = self.cage.open(path, flags, Mode::empty())?;
        let directory = CagedFile { cage: self.cage, fd, unfinished: None };
        let mut names = Vec::new();
        self.cage.read_directory(directory.fd, |entry| {
            if entry.name != b"." && entry.name != b".." {
                names.push(entry.name.to_vec());
            }
            true
        })?;
        Ok(names)
    }

    fn read_link(&self, path: &[u8]) -> Result<Vec<u8>, Errno> {
        let mut target = vec![0; imfs::abi::PATH_MAX];
        let length = self.cage.readlink(path, &mut target)?;
        target.truncate(length);
        Ok(target)
    }

    fn open(&self, path: &[u8]) -> Result<CagedFile<'_>, Errno> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOATIME;
        let fd = self.cage.open(path, flags, Mode::empty())?;
        Ok(CagedFile { cage: self.cage, fd, unfinished: None })
    }

    fn next_data(&self, file: &CagedFile<'_>, offset: u64) -> Result<Option<Range<u64>>, Errno> {
        let start = match self.cage.lseek(file.fd, signed(offset), Whence::Data) {
            Err(Errno::ENXIO) => return Ok(None),
            start => start?,
        };
        let end = self.cage.lseek(file.fd, start, Whence::Hole)?;
        Ok(Some(start.cast_unsigned()..end.cast_unsigned()))
    }

    fn read_at(&self, file: &CagedFile<'_>, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
        self.cage.pread(file.fd, buffer, signed(offset))
    }

    fn xattrs(&self, path: &[u8]) -> Result<Vec<Xattr>, Errno> {
        let list = filled(|buffer| self.cage.llistxattr(path, buffer))?;
        let names = list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        names
            .map(|name| Ok((name.to_vec(), filled(|buffer| self.cage.lgetxattr(path, name, buffer))?)))
            .collect()
    }

    fn set_xattr(&self, place: Place<'_, CagedFile<'_>>, name: &[u8], value: &[u8]) -> Result<(), Errno> {
        match place {
            Place::File(file) => self.cage.fsetxattr(file.fd, name, value, XattrFlags::empty()),
            Place::Path(path) => self.cage.lsetxattr(path, name, value, XattrFlags::empty()),
        }
    }

    fn create(&self, path: &[u8]) -> Result<CagedFile<'_>, Errno> {
        self.clear(path)?;
        let flags = OFlags::WRONLY | OFlags::CREAT | OFlags::EXCL;
        let fd = self.cage.open(path, flags, Mode::RUSR | Mode::WUSR)?;
        let file = CagedFile { cage: self.cage, fd, unfinished: Some(path.to_vec()) };
        self.cage.fchown(fd, self.owner.0, self.owner.1)?;
        Ok(file)
    }

    fn write_at(&self, file: &CagedFile<'_>, mut bytes: &[u8], mut offset: u64) -> Result<(), Errno> {
        while !bytes.is_empty() {
            let written = self.cage.pwrite(file.fd, bytes, signed(offset))?;
            bytes = &bytes[written..];
            offset += written as u64;
        }
        Ok(())
    }

    fn set_size(&self, file: &CagedFile<'_>, size: u64) -> Result<(), Errno> {
        self.cage.ftruncate(file.fd, signed(size))
    }

    fn set_attributes(&self, place: Place<'_, CagedFile<'_>>, attributes: &Attributes) -> Result<(), Errno> {
        let (atime, mtime) = (SetTime::Set(attributes.atime), SetTime::Set(attributes.mtime));
        match place {
            Place::File(file) => {
                self.cage.fchmod(file.fd, attributes.mode)?;
                self.cage.futimens(file.fd, atime, mtime)
            }
            Place::Path(path) => {
                if self.cage.lstat(path)?.file_type() != Some(imfs::abi::FileType::Symlink) {
                    self.cage.chmod(path, attributes.mode)?;
                }
                self.cage.utimensat(AT_FDCWD, path, atime, mtime, AtFlags::SYMLINK_NOFOLLOW)
            }
        }
    }

    fn publish(&self, mut file: CagedFile<'_>, _path: &[u8]) -> Result<(), Errno> {
        file.unfinished = None;
        Ok(())
    }

    fn make_directory(&self, path: &[u8]) -> Result<(), Errno> {
        match self.cage.mkdir(path, Mode::RWXU) {
            // What is no directory, nor a symlink to one, gives way: the later entry wins.
            Err(Errno::EEXIST) if self.cage.stat(path).map_or(true, |stat| !is_directory(&stat)) => {
                self.clear(path)?;
                self.cage.mkdir(path, Mode::RWXU)?;
            }
            done => done?,
        }
        self.adopt(path)
    }

    fn make_symlink(&self, target: &[u8], path: &[u8]) -> Result<(), Errno> {
        self.clear(path)?;
        self.cage.symlink(target, path)?;
        self.adopt(path)
    }

    fn make_link(&self, existing: &[u8], path: &[u8]) -> Result<(), Errno> {
        self.clear(path)?;
        self.cage.link(existing, path)
    }

    fn owner(&self) -> (u32, u32) {
        self.owner
    }
}

/// Calls with a buffer as large as the largest value or list of names (XATTR_SIZE_MAX, XATTR_LIST_MAX).
fn filled(call: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; 65536];
    let size = call(&mut buffer)?;
    buffer.truncate(size);
    buffer.shrink_to_fit();
    Ok(buffer)
}

fn is_directory(stat: &Stat) -> bool {
    stat.file_type() == Some(imfs::abi::FileType::Directory)
}
