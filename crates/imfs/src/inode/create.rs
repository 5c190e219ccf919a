//! New inodes: mknod(2), mkdir(2), symlink(2), open(2) with O_CREAT and O_TMPFILE.

use std::sync::OnceLock;

use super::acl::Acl;
use super::attributes::{Attributes, HAS_ACL, HAS_DEFAULT_ACL, LINKABLE, NOATIME, NODUMP};
use super::permission::may_create;
use super::pipe::{End, Pipe};
use super::{Capabilities, Credentials, Directory, Inode, Object, Regular, Superblock};
use crate::abi::{Dev, Errno, FileType, Mode, PAGE_SIZE};
use crate::sync::alloc::{try_box, try_copy};
use crate::sync::epoch::Guard;
use crate::sync::refcount::{Ref, Shared};

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
        Self::try_new(sb, object, mode, uid, gid)
    }

    /// Makes an inode with a name in the directory `dir`: mknod(2), mkdir(2), symlink(2), open(2).
    ///
    /// # Errors
    /// EEXIST, ENOENT (the directory was removed), EACCES, ENOTDIR, ENAMETOOLONG, ENOSPC, ENOMEM,
    /// EPERM (a device without `CAP_MKNOD`), EMLINK
    pub fn create(
        dir: Shared<'_, Self>,
        name: &[u8],
        new: &NewInode<'_>,
        cred: &Credentials,
        guard: &Guard,
    ) -> Result<Ref<Inode>, Errno> {
        let directory = dir.directory()?;
        let key = dir.key(name)?;
        let mut entries = directory.entries(guard);
        if entries.find(&key).is_some() {
            return Err(Errno::EEXIST);
        }
        if entries.removed() {
            return Err(Errno::ENOENT);
        }
        may_create(&dir, cred)?;
        if new.kind.is_device() && !is_whiteout(new) && !cred.capable(Capabilities::MKNOD) {
            return Err(Errno::EPERM);
        }
        let is_dir = new.kind == FileType::Directory;
        if is_dir && dir.attributes.nlink() == u32::MAX {
            return Err(Errno::EMLINK);
        }
        let inode = Self::unnamed(dir, name, new, cred, guard)?;
        let room = entries.reserve(&key)?;
        inode.attributes.change(|a| a.set_nlink(if is_dir { 2 } else { 1 }));
        entries.insert(room, &key, inode.clone());
        let now = dir.sb.now();
        dir.attributes.change(|a| {
            a.set_size(a.size() + ENTRY_SIZE);
            a.set_nlink(a.nlink() + u32::from(is_dir));
            a.modified(now);
        });
        Ok(inode)
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
        may_create(&dir, cred)?;
        let inode = Self::unnamed(dir, b"", &NewInode::regular(mode, umask), cred, guard)?;
        inode.attributes.change(|a| a.set_flag(LINKABLE, linkable));
        Ok(inode)
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
        let inode = Inode { sb: sb.clone(), ino, attributes, object, extras: OnceLock::new() };
        Ok((Ref::try_new(inode).ok_or(Errno::ENOMEM)?, ends))
    }

    /// Makes an inode that no entry names yet, with the owner, mode and lists that one in `dir` has
    /// (`inode_init_owner`, `posix_acl_create`).
    pub(super) fn unnamed(
        dir: Shared<'_, Self>,
        name: &[u8],
        new: &NewInode<'_>,
        cred: &Credentials,
        guard: &Guard,
    ) -> Result<Ref<Inode>, Errno> {
        let parent = dir.attributes.owner();
        let is_dir = new.kind == FileType::Directory;
        let setgid_dir = parent.mode & Mode::SGID.bits() != 0;
        let gid = if setgid_dir { parent.gid } else { cred.fsgid };
        let inherited =
            dir.inherited(new, setgid_dir && is_dir, strips_sgid(new, setgid_dir, gid, cred), guard)?;
        let object = match new.kind {
            FileType::Directory => Object::Directory(Directory::new(dir.upgrade(), name)?),
            FileType::Symlink => Object::Symlink(try_copy(new.target).ok_or(Errno::ENOMEM)?),
            FileType::Regular => Object::Regular(Regular::default()),
            FileType::CharDevice | FileType::BlockDevice => Object::Device(new.rdev),
            FileType::Fifo => Object::Pipe(boxed(Pipe::fifo(dir.sb.pipes.clone()))?),
            FileType::Socket => Object::Socket,
        };
        // `SHMEM_FL_INHERITED`
        let mode = new.kind.with(inherited.mode) | parent.flags & (NODUMP | NOATIME);
        let inode = Self::try_new(&dir.sb, object, mode, cred.fsuid, gid)?;
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

    fn try_new(
        sb: &Ref<Superblock>,
        object: Object,
        mode: u32,
        uid: u32,
        gid: u32,
    ) -> Result<Ref<Inode>, Errno> {
        let size = match &object {
            Object::Directory(_) => 2 * ENTRY_SIZE,
            Object::Symlink(target) => target.len() as u64,
            _ => 0,
        };
        let nlink = if matches!(object, Object::Directory(_)) { 2 } else { 0 };
        let ino = sb.new_ino()?;
        let pages = object.own_pages();
        if let Err(e) = sb.space.charge(pages) {
            sb.free_ino();
            return Err(e);
        }
        let attributes = Attributes::new(mode, uid, gid, nlink, size, sb.now());
        attributes.change(|a| a.set_blocks(pages * (PAGE_SIZE as u64 / 512)));
        let inode = Inode { sb: sb.clone(), ino, attributes, object, extras: OnceLock::new() };
        Ref::try_new(inode).ok_or_else(|| {
            sb.space.uncharge(pages);
            sb.free_ino();
            Errno::ENOMEM
        })
    }

    /// What a new inode in this directory starts with.
    fn inherited(
        &self,
        new: &NewInode<'_>,
        add_sgid: bool,
        strip_sgid: bool,
        guard: &Guard,
    ) -> Result<Inherited, Errno> {
        let is_dir = new.kind == FileType::Directory;
        let mut mode = new.mode;
        mode.set(Mode::SGID, (mode.contains(Mode::SGID) && !strip_sgid) || add_sgid);
        let has_default =
            self.attributes.owner().flags & HAS_DEFAULT_ACL != 0 && new.kind != FileType::Symlink;
        let default = self.extras().filter(|_| has_default).and_then(|e| e.default_acl.load(guard));
        let Some(default) = default.and_then(Shared::upgrade) else {
            return Ok(Inherited { mode: mode.masked(new.umask), access: None, default: None });
        };
        let (mode, access) = default.inherit(mode)?;
        let access = access.map(|acl| Ref::try_new(acl).ok_or(Errno::ENOMEM)).transpose()?;
        Ok(Inherited { mode, access, default: is_dir.then_some(default) })
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
