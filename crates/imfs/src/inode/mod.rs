//! The objects of a file system, and the rules that hold for each of them: one file an object kind or an operation.
//!
//! Operations here take inodes, names and credentials, check permissions, and do all of a change or nothing. They must
//! not know paths, descriptors or cages: `walk` and `cage` above do. The cage layer and the FUSE door call them.

pub mod acl;
mod attributes;
mod create;
mod credentials;
pub mod device;
mod directory;
mod entries;
mod extras;
mod fileattr;
mod link;
pub mod locks;
mod mapping;
mod name;
mod permission;
pub mod pipe;
mod ranges;
mod regular;
mod rename;
#[cfg(all(test, target_os = "linux"))]
mod scratch_tmpfs;
mod setattr;
mod superblock;
mod times;
mod unlink;
pub mod xattr;
mod xattrs;

pub use self::attributes::Attr;
pub use self::create::NewInode;
pub use self::credentials::{Capabilities, Credentials};
pub use self::directory::Directory;
pub use self::regular::{Reading, Regular, WriteAt};
pub use self::rename::RenameEnd;
pub use self::setattr::SetAttr;
pub use self::superblock::{Atime, Protections, Superblock};

pub(crate) use self::credentials::try_groups;
pub(crate) use self::directory::FIRST_ENTRY;
pub(crate) use self::mapping::FileView;
pub(crate) use self::name::{Name, word};
pub(crate) use self::permission::{owner_or_capable, permission};
pub(crate) use self::superblock::Setup;

use self::attributes::{Attributes, MAPPED};
use self::extras::Extras;
use self::pipe::Pipe;
use self::xattr::XattrSpace;
use crate::abi::{Dev, Errno, FileType};
use crate::sync::alloc::OnceBox;
use crate::sync::epoch::{self, Guard};
use crate::sync::refcount::{Evict, Ref, Shared};

/// The device of nameless pipes, which belong to no file system that has a root (`pipefs` of Linux).
pub(crate) const PIPE_DEV: Dev = Dev::new(0, 0xf_ffff);

/// An object of the file system.
///
/// It lives while it has a name or a user: each directory entry, open file, working directory and mapping holds a
/// [`Ref`].
// What stat(2) and open(2) read stands together at the front, in two or three cache lines.
#[derive(Debug)]
#[repr(C)]
pub struct Inode {
    ino: u64,
    /// What all inodes of the instance share.
    pub(crate) sb: Ref<Superblock>,
    pub(crate) attributes: Attributes,
    pub(crate) object: Object,
    /// What few inodes have; made when it is first needed.
    extras: OnceBox<Extras>,
}

/// What an inode is. Which kind of device or other special file stands in the mode.
#[derive(Debug)]
pub(crate) enum Object {
    Directory(Directory),
    Regular(Regular),
    Symlink(Box<[u8]>),
    Device(Dev),
    Pipe(Box<Pipe>),
    Socket,
}

/// A file system has millions of them: see docs/performance.md before it grows.
#[cfg(all(target_pointer_width = "64", not(imfs_model)))]
const _: () = assert!(size_of::<Inode>() <= 184);

impl Object {
    /// The pages that it takes besides the contents of a regular file: one for the target of a symbolic link that does
    /// not fit in 127 bytes (`SHORT_SYMLINK_LEN`).
    fn own_pages(&self) -> u64 {
        const SHORT_SYMLINK_LEN: usize = 128;
        match self {
            Object::Symlink(target) => u64::from(target.len() >= SHORT_SYMLINK_LEN),
            _ => 0,
        }
    }
}

impl Inode {
    /// The inode's number, `st_ino`.
    #[inline]
    pub fn ino(&self) -> u64 {
        self.ino
    }

    /// All attributes at one moment.
    #[inline]
    pub fn attr(&self) -> Attr {
        self.attributes.get()
    }

    /// The type.
    #[inline]
    pub fn file_type(&self) -> FileType {
        FileType::from_mode(self.attributes.mode()).unwrap_or(FileType::Regular)
    }

    /// The device number of a device, else 0.
    pub fn rdev(&self) -> Dev {
        match &self.object {
            Object::Device(dev) => *dev,
            _ => Dev::default(),
        }
    }

    /// The device number that stat(2) shows: that of the instance, or that of all nameless pipes.
    #[inline]
    pub fn dev(&self) -> Dev {
        match &self.object {
            Object::Pipe(pipe) if !pipe.is_fifo() => PIPE_DEV,
            _ => self.sb.dev,
        }
    }

    /// What all inodes of the instance share.
    pub fn superblock(&self) -> &Superblock {
        &self.sb
    }

    /// Whether it is a directory.
    #[inline]
    pub fn is_dir(&self) -> bool {
        matches!(self.object, Object::Directory(_))
    }

    /// Its entries.
    ///
    /// # Errors
    /// ENOTDIR: not a directory.
    #[inline]
    pub(crate) fn directory(&self) -> Result<&Directory, Errno> {
        match &self.object {
            Object::Directory(directory) => Ok(directory),
            _ => Err(Errno::ENOTDIR),
        }
    }

    /// Where a symbolic link points to.
    #[inline]
    pub(crate) fn symlink(&self) -> Option<&[u8]> {
        match &self.object {
            Object::Symlink(target) => Some(target),
            _ => None,
        }
    }

    /// Where a symbolic link points to (readlink(2)).
    ///
    /// # Errors
    /// EINVAL: not a symbolic link.
    pub fn readlink(&self) -> Result<&[u8], Errno> {
        let target = self.symlink().ok_or(Errno::EINVAL)?;
        self.touch_atime();
        Ok(target)
    }

    /// The inode that `name` stands for in this directory, without any check of permission. `name` is neither "." nor
    /// "..".
    ///
    /// # Errors
    /// ENOTDIR, ENAMETOOLONG, ENOENT
    pub fn lookup<'g>(&self, name: &[u8], guard: &'g Guard) -> Result<Shared<'g, Inode>, Errno> {
        let directory = self.directory()?;
        directory.lookup(&self.key(name)?, guard).ok_or(Errno::ENOENT)
    }

    /// A name as this directory's entries are found by.
    ///
    /// # Errors
    /// ENAMETOOLONG, or ENOENT if the directory was removed: then nothing is looked up (`IS_DEADDIR`).
    #[inline(always)]
    pub(crate) fn key<'n>(&self, name: &'n [u8]) -> Result<Name<'n>, Errno> {
        Name::new(name, self.sb.seed)
            .map_err(|error| if self.attributes.nlink() == 0 { Errno::ENOENT } else { error })
    }

    /// The directory above a directory; a root's is itself.
    ///
    /// # Errors
    /// ENOTDIR
    pub fn parent<'g>(this: Shared<'g, Self>, guard: &'g Guard) -> Result<Shared<'g, Inode>, Errno> {
        Ok(this.get().directory()?.parent(guard).unwrap_or(this))
    }

    /// Visits the entries of a directory: `visit(cookie, name, inode)`, from the first whose cookie is `from` or more, until
    /// it returns false. "." and ".." are not among them; the first cookie is 3.
    ///
    /// # Errors
    /// ENOTDIR
    pub fn visit_entries<'g>(
        &self,
        from: u64,
        guard: &'g Guard,
        visit: impl FnMut(u64, &[u8], Shared<'g, Inode>) -> bool,
    ) -> Result<(), Errno> {
        self.directory()?.visit(from, guard, visit);
        Ok(())
    }

    /// What few inodes have.
    pub(crate) fn extras(&self) -> Option<&Extras> {
        self.extras.get()
    }

    /// The same, made now if it is not there.
    ///
    /// # Errors
    /// ENOMEM
    pub(crate) fn make_extras(&self) -> Result<&Extras, Errno> {
        self.extras.get_or_make(Extras::default).ok_or(Errno::ENOMEM)
    }
}

impl Evict for Inode {
    fn bytes(&self) -> usize {
        match &self.object {
            Object::Symlink(target) => target.len(),
            Object::Pipe(_) => size_of::<Pipe>(),
            _ => 0,
        }
    }

    /// Gives back the space at once.
    fn evict(&self) {
        match &self.object {
            // If it was mapped the blocks are not all noted.
            Object::Regular(regular) if self.attributes.blocks() != 0 || self.attributes.has(MAPPED) => {
                regular.release(&self.sb.space)
            }
            Object::Regular(_) => {}
            Object::Directory(directory) => leave_parents(directory),
            object => self.sb.space.uncharge(object.own_pages()),
        }
        if let Some(extras) = self.extras() {
            let charged = std::mem::take(&mut *extras.xattrs.lock()).charged();
            self.sb.refund(charged);
        }
        // Nameless pipes were not counted.
        if self.dev() == self.sb.dev {
            self.sb.refund_inode();
        }
    }
}

impl Drop for Inode {
    fn drop(&mut self) {
        // Who was writing while the last descriptor was closed may have brought pages back. No lock is taken: memory is
        // freed under whatever locks a thread has.
        if let Object::Regular(regular) = &mut self.object {
            regular.contents.get_mut().release(&self.sb.space);
        }
    }
}

/// Lets go of the directories above that were removed too and live only through this one: in a loop, for they can be
/// many.
fn leave_parents(directory: &Directory) {
    let mut above = directory.leave_parent();
    while let Some(last) = above.and_then(Ref::release) {
        // Its own eviction, at the end of this round, finds that it has left.
        above = match &last.object {
            Object::Directory(directory) => directory.leave_parent(),
            _ => None,
        };
    }
}

/// Takes a tree apart at the end of its instance: directories hold each other's references both ways (entry and ".."),
/// so they would never go by themselves. It goes down and up in a loop, and needs no memory.
pub(crate) fn take_apart(root: Ref<Inode>) {
    let mut at = root;
    while let Object::Directory(directory) = &at.object {
        let next = match directory.take_newest(&epoch::pin()) {
            Some(child) if child.is_dir() => Some(child),
            Some(_) => continue,
            None => directory.leave_parent(),
        };
        match next {
            Some(next) => at = next,
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::abi::Mode;

    #[test]
    fn a_directory_that_many_opened_keeps_its_parent_when_a_child_goes() {
        let fs = crate::Imfs::new().unwrap();
        let cage = fs.create_cage(1, Credentials::root()).unwrap();
        cage.mkdir("/a", Mode::RWXU).unwrap();
        let guard = epoch::pin();
        fs.root().lookup(b"a", &guard).unwrap().upgrade().unwrap().spread(|| true);
        cage.mkdir("/a/b", Mode::RWXU).unwrap();
        cage.rmdir("/a/b").unwrap();
        assert_eq!(cage.stat("/a/..").unwrap().ino, cage.stat("/").unwrap().ino);
    }

    #[test]
    fn removed_directories_above_each_other_go_in_a_loop() {
        let fs = crate::Imfs::new().unwrap();
        let cage = fs.create_cage(1, Credentials::root()).unwrap();
        let depth = if cfg!(miri) { 50 } else { 20_000 };
        for _ in 0..depth {
            cage.mkdir("d", Mode::RWXU).unwrap();
            cage.chdir("d").unwrap();
        }
        // From the lowest up; the working directory keeps all of them until the end.
        let lowest = cage.open(".", crate::abi::OFlags::RDONLY, Mode::empty()).unwrap();
        for _ in 0..depth {
            cage.chdir("..").unwrap();
            cage.rmdir("d").unwrap();
        }
        let free = fs.statfs().ffree;
        cage.close(lowest).unwrap();
        assert_eq!(fs.statfs().ffree, free + depth);
    }
}
