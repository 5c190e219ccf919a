//! New inodes: mknod(2), mkdir(2), symlink(2), open(2) with O_CREAT and O_TMPFILE.

use super::acl::Acl;
use super::attributes::{Attributes, HAS_ACL, HAS_DEFAULT_ACL, LINKABLE, NOATIME, NODUMP, Owner};
use super::permission::may_create;
use super::pipe::{End, Pipe};
use super::{Capabilities, Credentials, Directory, Inode, Object, Regular, Superblock};
use crate::abi::{Dev, Errno, FileType, Mode, PAGE_SIZE, Timespec};

use crate::sync::alloc::{OnceBox, try_box, try_copy};
use crate::sync::epoch::Guard;
use crate::sync::refcount::{Fresh, Ref, Shared, Vacant};

/// What tmpfs counts for an entry in the size of a directory (`BOGO_DIRENT_SIZE`).
pub(super) const ENTRY_SIZE: u64 = 20;

/// What is to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewInode<'a> {
    /// Its type.
    pub kind: FileType,
    /// The mode that was asked for.
    pub mode: Mode,
    /// The bits that the mode is not to have, where no default access list decides instead.
    pub umask: Mode,
    /// The number of a device.
    pub rdev: Dev,
    /// Where a symbolic link is to point to.
    pub target: &'a [u8],
}

impl NewInode<'_> {
    /// A regular file.
    pub fn regular(mode: Mode, umask: Mode) -> Self {
        Self { kind: FileType::Regular, mode, umask, rdev: Dev::default(), target: &[] }
    }

    /// A directory.
    pub fn directory(mode: Mode, umask: Mode) -> Self {
        Self { kind: FileType::Directory, ..Self::regular(mode, umask) }
    }

    /// A FIFO, device or socket.
    pub fn node(kind: FileType, mode: Mode, umask: Mode, rdev: Dev) -> Self {
        Self { kind, rdev, ..Self::regular(mode, umask) }
    }
}

impl<'a> NewInode<'a> {
    /// A symbolic link to `target`.
    pub fn symlink(target: &'a [u8]) -> Self {
        Self { kind: FileType::Symlink, target, ..Self::regular(Mode::RWXUGO, Mode::empty()) }
    }
}

/// What a new inode is, and how it starts.
pub(super) struct Start<'a> {
    pub(super) new: &'a NewInode<'a>,
    pub(super) ino: u64,
    /// How many names it is to have.
    pub(super) nlink: u32,
    pub(super) now: Timespec,
}

/// The mode and the access lists that a new inode starts with.
struct Inherited {
    mode: Mode,
    access: Option<Ref<Acl>>,
    default: Option<Ref<Acl>>,
}

impl Inode {
    /// Makes the root directory of an instance.
    ///
    /// # Errors
    /// ENOSPC (a limit of no inodes), ENOMEM
    pub(crate) fn root(sb: &Ref<Superblock>, mode: Mode, uid: u32, gid: u32) -> Result<Ref<Inode>, Errno> {
        let object = Object::Directory(Directory::new(None, b"")?);
        let mode = FileType::Directory.with(mode);
        let attributes = Attributes::new(mode, uid, gid, 2, object.initial_size(), sb.now());
        Self::try_new(sb, sb.next_ino(), 0, || (attributes, object)).map(Fresh::share)
    }

    /// Makes an inode with a name in the directory `dir`: mknod(2), mkdir(2), symlink(2).
    ///
    /// # Errors
    /// EEXIST, ENOENT (the directory was removed), EACCES, ENOTDIR, ENAMETOOLONG, ENOSPC, ENOMEM,
    /// EPERM (a device without `CAP_MKNOD`), EMLINK
    pub fn make(
        dir: Shared<'_, Self>,
        name: &[u8],
        new: &NewInode<'_>,
        cred: &Credentials,
        guard: &Guard,
    ) -> Result<(), Errno> {
        Self::add(dir, name, new, cred, guard, |inode| (inode.share(), ()))
    }

    /// The same, with a reference to what was made: open(2).
    ///
    /// # Errors
    /// As [`make`](Self::make)
    pub fn create(
        dir: Shared<'_, Self>,
        name: &[u8],
        new: &NewInode<'_>,
        cred: &Credentials,
        guard: &Guard,
    ) -> Result<Ref<Inode>, Errno> {
        Self::add(dir, name, new, cred, guard, Fresh::share_twice)
    }

    /// Makes an inode with a name. `share` makes the reference for the entry, and what the caller gets.
    #[inline]
    fn add<R>(
        dir: Shared<'_, Self>,
        name: &[u8],
        new: &NewInode<'_>,
        cred: &Credentials,
        guard: &Guard,
        share: impl FnOnce(Fresh<Inode>) -> (Ref<Inode>, R),
    ) -> Result<R, Errno> {
        let directory = dir.directory()?;
        let key = dir.key(name)?;
        let mut entries = directory.entries(guard);
        if entries.find(&key).is_some() {
            return Err(Errno::EEXIST);
        }
        if entries.removed() {
            return Err(Errno::ENOENT);
        }
        let owner = dir.attributes.owner();
        may_create(&dir, &owner, cred)?;
        if new.kind.is_device() && !is_whiteout(new) && !cred.capable(Capabilities::MKNOD) {
            return Err(Errno::EPERM);
        }
        let is_dir = new.kind == FileType::Directory;
        if is_dir && dir.attributes.nlink() == u32::MAX {
            return Err(Errno::EMLINK);
        }
        let (ino, nlink) = (entries.next_ino(&dir.sb), if is_dir { 2 } else { 1 });
        let start = Start { new, ino, nlink, now: dir.sb.now() };
        let inode = Self::unnamed(dir, name, &start, &owner, cred, guard)?;
        let room = entries.reserve(&key)?;
        let (named, result) = share(inode);
        entries.insert(room, &key, named);
        dir.attributes.change(|a| {
            a.set_size(a.size() + ENTRY_SIZE);
            a.set_nlink(a.nlink() + u32::from(is_dir));
            a.modified(start.now);
        });
        Ok(result)
    }

    /// Makes a regular file without a name, as open(2) with O_TMPFILE does in `dir`: `linkable` if link(2)
    /// may give it one, once.
    ///
    /// # Errors
    /// EACCES, ENOTDIR, ENOENT (the directory was removed), ENOSPC, ENOMEM
    pub fn tmpfile(
        dir: Shared<'_, Self>,
        mode: Mode,
        umask: Mode,
        linkable: bool,
        cred: &Credentials,
        guard: &Guard,
    ) -> Result<Ref<Inode>, Errno> {
        dir.directory()?;
        let owner = dir.attributes.owner();
        may_create(&dir, &owner, cred)?;
        let new = NewInode::regular(mode, umask);
        let start = Start { new: &new, ino: dir.sb.next_ino(), nlink: 0, now: dir.sb.now() };
        let inode = Self::unnamed(dir, b"", &start, &owner, cred, guard)?;
        inode.attributes.change(|a| a.set_flag(LINKABLE, linkable));
        Ok(inode.share())
    }

    /// Makes a nameless pipe, as pipe(2) does, with its reading and its writing end. Like the kernel's, it does not
    /// count as an inode of the instance.
    ///
    /// # Errors
    /// ENFILE: above the limits of pipes. ENOMEM
    pub(crate) fn pipe(sb: &Ref<Superblock>, cred: &Credentials) -> Result<(Ref<Inode>, [End; 2]), Errno> {
        let (pipe, ends) = Pipe::pair(sb.pipes.clone(), cred.above_pipe_limits())?;
        let mode = FileType::Fifo.with(Mode::RUSR | Mode::WUSR);
        let attributes = Attributes::new(mode, cred.fsuid, cred.fsgid, 1, 0, sb.now());
        let (ino, object) = (sb.next_ino(), Object::Pipe(boxed(pipe)?));
        let inode = Inode { sb: sb.clone(), ino, attributes, object, extras: OnceBox::new() };
        Ok((Ref::try_new(inode).ok_or(Errno::ENOMEM)?, ends))
    }

    /// Makes an inode that no entry names yet, with the owner, mode and lists that one in `dir` has, whose own mode and
    /// owner are `parent` (`inode_init_owner`, `posix_acl_create`).
    pub(super) fn unnamed(
        dir: Shared<'_, Self>,
        name: &[u8],
        start: &Start<'_>,
        parent: &Owner,
        cred: &Credentials,
        guard: &Guard,
    ) -> Result<Fresh<Inode>, Errno> {
        let new = start.new;
        let is_dir = new.kind == FileType::Directory;
        let setgid_dir = parent.mode & Mode::SGID.bits() != 0;
        let gid = if setgid_dir { parent.gid } else { cred.fsgid };
        let mut mode = new.mode;
        let sgid = mode.contains(Mode::SGID) && !strips_sgid(new, setgid_dir, gid, cred);
        mode.set(Mode::SGID, sgid || (setgid_dir && is_dir));
        let inherited = dir.inherited(new, mode, parent, guard)?;
        // `SHMEM_FL_INHERITED`
        let mode = new.kind.with(inherited.mode) | parent.flags & (NODUMP | NOATIME);
        let attributes = |size| Attributes::new(mode, cred.fsuid, gid, start.nlink, size, start.now);
        let inode = if new.kind == FileType::Regular {
            Self::try_new(&dir.sb, start.ino, 0, || (attributes(0), Object::Regular(Regular::default())))?
        } else {
            let object = Self::new_object(dir, name, new)?;
            let (size, pages) = (object.initial_size(), object.own_pages());
            Self::try_new(&dir.sb, start.ino, pages, || (attributes(size), object))?
        };
        if inherited.access.is_some() || inherited.default.is_some() {
            let extras = inode.make_extras()?;
            inode.attributes.change(|a| {
                a.set_flag(HAS_ACL, inherited.access.is_some());
                a.set_flag(HAS_DEFAULT_ACL, inherited.default.is_some());
            });
            drop(extras.access_acl.swap(inherited.access));
            drop(extras.default_acl.swap(inherited.default));
        }
        Ok(inode)
    }

    /// What a new inode in this directory is, if it is no regular file.
    fn new_object(dir: Shared<'_, Self>, name: &[u8], new: &NewInode<'_>) -> Result<Object, Errno> {
        Ok(match new.kind {
            FileType::Directory => Object::Directory(Directory::new(dir.upgrade(), name)?),
            FileType::Symlink => Object::Symlink(try_copy(new.target).ok_or(Errno::ENOMEM)?),
            FileType::Regular => Object::Regular(Regular::default()),
            FileType::CharDevice | FileType::BlockDevice => Object::Device(new.rdev),
            FileType::Fifo => Object::Pipe(boxed(Pipe::fifo(dir.sb.pipes.clone()))?),
            FileType::Socket => Object::Socket,
        })
    }

    /// Makes a counted inode, and charges so many pages for it. `make` is called when nothing can fail any more, so that
    /// what it makes is written where it stays.
    #[inline(always)]
    fn try_new(
        sb: &Ref<Superblock>,
        ino: u64,
        pages: u64,
        make: impl FnOnce() -> (Attributes, Object),
    ) -> Result<Fresh<Inode>, Errno> {
        let vacant = Vacant::try_new().ok_or(Errno::ENOMEM)?;
        sb.charge_inode()?;
        if pages != 0
            && let Err(e) = sb.space.charge(pages)
        {
            sb.refund_inode();
            return Err(e);
        }
        let (attributes, object) = make();
        let attributes = attributes.with_blocks(pages * (PAGE_SIZE as u64 / 512));
        Ok(vacant.fresh(Inode { sb: sb.clone(), ino, attributes, object, extras: OnceBox::new() }))
    }

    /// What a new inode in this directory, whose flags are `parent`'s, starts with where it is to have the mode `mode`.
    #[inline]
    fn inherited(
        &self,
        new: &NewInode<'_>,
        mode: Mode,
        parent: &Owner,
        guard: &Guard,
    ) -> Result<Inherited, Errno> {
        let plain = || Ok(Inherited { mode: mode.masked(new.umask), access: None, default: None });
        if parent.flags & HAS_DEFAULT_ACL == 0 || new.kind == FileType::Symlink {
            return plain();
        }
        let default = self.extras().and_then(|extras| extras.default_acl.load(guard));
        let Some(default) = default.and_then(Shared::upgrade) else { return plain() };
        let (mode, access) = default.inherit(mode)?;
        let access = access.map(|acl| Ref::try_new(acl).ok_or(Errno::ENOMEM)).transpose()?;
        let is_dir = new.kind == FileType::Directory;
        Ok(Inherited { mode, access, default: is_dir.then_some(default) })
    }
}

impl Object {
    /// The size that it starts with.
    fn initial_size(&self) -> u64 {
        match self {
            Object::Directory(_) => 2 * ENTRY_SIZE,
            Object::Symlink(target) => target.len() as u64,
            _ => 0,
        }
    }
}

/// A device of number 0:0, which anybody may make: the mark of an overlay file system.
fn is_whiteout(new: &NewInode<'_>) -> bool {
    new.kind == FileType::CharDevice && new.rdev == Dev::default()
}

/// `mode_strip_sgid`: an executable may be set-group-id in a set-group-id directory only for members of the group.
fn strips_sgid(new: &NewInode<'_>, setgid_dir: bool, gid: u32, cred: &Credentials) -> bool {
    new.kind != FileType::Directory
        && setgid_dir
        && new.mode.contains(Mode::SGID | Mode::XGRP)
        && !cred.in_group(gid)
        && !cred.capable(Capabilities::FSETID)
}

fn boxed<T>(value: T) -> Result<Box<T>, Errno> {
    try_box(value).ok_or(Errno::ENOMEM)
}
