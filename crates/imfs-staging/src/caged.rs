//! The IMFS's side: a cage's own calls.
//!
//! The cage should have the capabilities of root, for it sets owners and reads files whatever their mode. It needs a
//! descriptor or two at a time, and a few more where a path is longer than PATH_MAX.

use std::ops::Range;

use imfs::Cage;
use imfs::abi::{AT_FDCWD, AtFlags, Errno, Mode, OFlags, PATH_MAX, SetTime, Stat, Whence, XattrFlags};

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
        match near(self.cage, path, |dir, name| self.cage.unlinkat(dir, name, AtFlags::empty())) {
            Err(Errno::ENOENT) => Ok(()),
            done => done,
        }
    }

    fn adopt(&self, path: &[u8]) -> Result<(), Errno> {
        let (uid, gid) = self.owner;
        near(self.cage, path, |dir, name| self.cage.fchownat(dir, name, uid, gid, AtFlags::SYMLINK_NOFOLLOW))
    }

    fn open_at(&self, path: &[u8], flags: OFlags, mode: Mode) -> Result<i32, Errno> {
        near(self.cage, path, |dir, name| self.cage.openat(dir, name, flags, mode))
    }
}

/// Calls with a directory and a path from it that is shorter than PATH_MAX, however deep the tree.
fn near<R>(cage: &Cage, path: &[u8], call: impl FnOnce(i32, &[u8]) -> Result<R, Errno>) -> Result<R, Errno> {
    let (mut rest, mut directory) = (path, None::<CagedFile<'_>>);
    let fd =
        |directory: &Option<CagedFile<'_>>| directory.as_ref().map_or(AT_FDCWD, |directory| directory.fd);
    while rest.len() >= PATH_MAX {
        let cut = rest[..PATH_MAX - 1].iter().rposition(|byte| *byte == b'/').filter(|cut| *cut > 0);
        let (part, more) = rest.split_at(cut.ok_or(Errno::ENAMETOOLONG)?);
        let opened = cage.openat(fd(&directory), part, OFlags::PATH | OFlags::DIRECTORY, Mode::empty())?;
        directory = Some(CagedFile { cage, fd: opened, unfinished: None });
        rest = &more[more.iter().position(|byte| *byte != b'/').unwrap_or(more.len())..];
    }
    call(fd(&directory), rest)
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
            let _ = near(self.cage, path, |dir, name| self.cage.unlinkat(dir, name, AtFlags::empty()));
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
        let flags = if follow { AtFlags::empty() } else { AtFlags::SYMLINK_NOFOLLOW };
        near(self.cage, path, |dir, name| self.cage.fstatat(dir, name, flags))
    }

    fn names(&self, path: &[u8]) -> Result<Vec<Vec<u8>>, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOATIME;
        let fd = self.open_at(path, flags, Mode::empty())?;
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
        let mut target = vec![0; PATH_MAX];
        let length = near(self.cage, path, |dir, name| self.cage.readlinkat(dir, name, &mut target))?;
        target.truncate(length);
        Ok(target)
    }

    fn open(&self, path: &[u8]) -> Result<CagedFile<'_>, Errno> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOATIME;
        let fd = self.open_at(path, flags, Mode::empty())?;
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
        near(self.cage, path, |dir, file| {
            let flags = AtFlags::SYMLINK_NOFOLLOW;
            let list = filled(|buffer| self.cage.listxattrat(dir, file, flags, buffer))?;
            let names = list.split(|byte| *byte == 0).filter(|name| !name.is_empty());
            let value = |name| filled(|buffer| self.cage.getxattrat(dir, file, flags, name, buffer));
            names.map(|name| Ok((name.to_vec(), value(name)?))).collect()
        })
    }

    fn set_xattr(&self, place: Place<'_, CagedFile<'_>>, name: &[u8], value: &[u8]) -> Result<(), Errno> {
        match place {
            Place::File(file) => self.cage.fsetxattr(file.fd, name, value, XattrFlags::empty()),
            Place::Path(path) => near(self.cage, path, |dir, file| {
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                self.cage.setxattrat(dir, file, flags, name, value, XattrFlags::empty())
            }),
        }
    }

    fn create(&self, path: &[u8]) -> Result<CagedFile<'_>, Errno> {
        self.clear(path)?;
        let flags = OFlags::WRONLY | OFlags::CREAT | OFlags::EXCL;
        let fd = self.open_at(path, flags, Mode::RUSR | Mode::WUSR)?;
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
            Place::Path(path) => near(self.cage, path, |dir, name| {
                let flags = AtFlags::SYMLINK_NOFOLLOW;
                if self.cage.fstatat(dir, name, flags)?.file_type() != Some(imfs::abi::FileType::Symlink) {
                    self.cage.fchmodat(dir, name, attributes.mode, AtFlags::empty())?;
                }
                self.cage.utimensat(dir, name, atime, mtime, flags)
            }),
        }
    }

    fn publish(&self, mut file: CagedFile<'_>, _path: &[u8]) -> Result<(), Errno> {
        file.unfinished = None;
        Ok(())
    }

    fn make_directory(&self, path: &[u8]) -> Result<(), Errno> {
        let make = || near(self.cage, path, |dir, name| self.cage.mkdirat(dir, name, Mode::RWXU));
        match make() {
            // What is no directory, nor a symlink to one, gives way: the later entry wins.
            Err(Errno::EEXIST) if self.look(path, true).map_or(true, |stat| !is_directory(&stat)) => {
                self.clear(path)?;
                make()?;
            }
            done => done?,
        }
        self.adopt(path)
    }

    fn make_symlink(&self, target: &[u8], path: &[u8]) -> Result<(), Errno> {
        self.clear(path)?;
        near(self.cage, path, |dir, name| self.cage.symlinkat(target, dir, name))?;
        self.adopt(path)
    }

    fn make_link(&self, existing: &[u8], path: &[u8]) -> Result<(), Errno> {
        self.clear(path)?;
        near(self.cage, existing, |from, old| {
            near(self.cage, path, |to, new| self.cage.linkat(from, old, to, new, AtFlags::empty()))
        })
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
