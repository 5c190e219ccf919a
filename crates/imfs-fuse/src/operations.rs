//! The kernel's requests, one method each, in the order of `fuser::Filesystem`.
//!
//! Each finds its inodes, calls the operation of the inode layer that does the work, and answers. What is not here the
//! kernel does itself: locks, permission checks, poll of files (always ready), FIFOs, devices and sockets.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::SystemTime;

use fuser::{
    AccessFlags, BsdFileFlags, CopyFileRangeFlags, FileHandle, Filesystem, FopenFlags, INodeNo, InitFlags,
    IoctlFlags, KernelConfig, LockOwner, OpenFlags, PollEvents, PollFlags, PollNotifier, RenameFlags,
    ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry,
    ReplyIoctl, ReplyLseek, ReplyOpen, ReplyPoll, ReplyStatfs, ReplyWrite, ReplyXattr, Request, TimeOrNow,
    WriteFlags,
};
use imfs::abi::{self, Dev, Errno, FallocFlags, FileType, Mode, Whence, XattrFlags};
use imfs::inode::acl::AclKind;
use imfs::inode::{Inode, NewInode, Reading, RenameEnd, SetAttr, WriteAt};
use imfs::sync::epoch;
use imfs::sync::refcount::Ref;

use crate::caller::{checked, groups, perhaps_with_fsetid, without_fsetid};
use crate::convert::{self, errno};
use crate::door::{Door, GENERATION, attributes, bytes};

/// No handle: everything is known by the inode.
const NO_HANDLE: FileHandle = FileHandle(0);

/// The place of ".." in a directory; its entries follow, "." is before it.
const DOT_DOT: u64 = 2;

thread_local! {
    /// What a read is answered from, kept by each thread that answers.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

impl Filesystem for Door {
    fn init(&mut self, _request: &Request, config: &mut KernelConfig) -> io::Result<()> {
        self.negotiate(config);
        Ok(())
    }

    fn lookup(&self, _request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.inode(parent).and_then(|dir| {
            let guard = epoch::pin();
            dir.lookup(bytes(name), &guard)?.upgrade().ok_or(Errno::ENOENT)
        });
        match found {
            Err(Errno::ENOENT) => self.answer_nothing(reply),
            found => self.answer_entry(reply, found),
        }
    }

    fn forget(&self, _request: &Request, ino: INodeNo, lookups: u64) {
        self.nodes.forget(ino.0, lookups);
    }

    fn getattr(&self, _request: &Request, ino: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        self.answer_attr(reply, self.inode(ino));
    }

    fn setattr(
        &self,
        request: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        atime: Option<TimeOrNow>,
        mtime: Option<TimeOrNow>,
        ctime: Option<SystemTime>,
        _fh: Option<FileHandle>,
        _crtime: Option<SystemTime>,
        _chgtime: Option<SystemTime>,
        _bkuptime: Option<SystemTime>,
        _flags: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let change = SetAttr {
            mode: mode.map(Mode::from_raw),
            uid,
            gid,
            atime: convert::set_time(atime),
            mtime: convert::set_time(mtime),
            ctime: ctime.map(convert::timespec),
        };
        let changed = self.inode(ino).and_then(|inode| {
            if let Some(size) = size {
                inode.set_size(size, &perhaps_with_fsetid(request))?;
            }
            inode.set_attr(&change, &checked(request))?;
            Ok(inode)
        });
        self.answer_attr(reply, changed);
    }

    fn readlink(&self, _request: &Request, ino: INodeNo, reply: ReplyData) {
        match self.inode(ino) {
            Ok(inode) => match inode.readlink() {
                Ok(target) => reply.data(target),
                Err(error) => reply.error(errno(error)),
            },
            Err(error) => reply.error(errno(error)),
        }
    }

    fn mknod(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        rdev: u32,
        reply: ReplyEntry,
    ) {
        let kind = FileType::from_mode(mode).unwrap_or(FileType::Regular);
        let new = NewInode::node(kind, Mode::from_raw(mode), Mode::from_raw(umask), Dev::decode32(rdev));
        self.answer_entry(reply, self.create_in(request, parent, name, &new));
    }

    fn mkdir(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        reply: ReplyEntry,
    ) {
        let new = NewInode::directory(Mode::from_raw(mode), Mode::from_raw(umask));
        self.answer_entry(reply, self.create_in(request, parent, name, &new));
    }

    fn unlink(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(
            reply,
            self.inode(parent).and_then(|dir| {
                let guard = epoch::pin();
                Inode::unlink(dir.share(&guard), bytes(name), &checked(request), &guard)
            }),
        );
    }

    fn rmdir(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(
            reply,
            self.inode(parent).and_then(|dir| {
                let guard = epoch::pin();
                Inode::rmdir(dir.share(&guard), bytes(name), &checked(request), &guard)
            }),
        );
    }

    fn symlink(&self, request: &Request, parent: INodeNo, name: &OsStr, target: &Path, reply: ReplyEntry) {
        let new = NewInode::symlink(bytes(target.as_os_str()));
        self.answer_entry(reply, self.create_in(request, parent, name, &new));
    }

    fn rename(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        let done = self.inode(parent).and_then(|old| {
            let new = self.inode(newparent)?;
            let guard = epoch::pin();
            let flags = abi::RenameFlags::from_bits_retain(flags.bits());
            let old = RenameEnd { dir: old.share(&guard), name: bytes(name), slash: false };
            let new = RenameEnd { dir: new.share(&guard), name: bytes(newname), slash: false };
            Inode::rename(old, new, flags, &checked(request), &guard)
        });
        answer(reply, done);
    }

    fn link(&self, request: &Request, ino: INodeNo, newparent: INodeNo, newname: &OsStr, reply: ReplyEntry) {
        let linked = self.inode(ino).and_then(|inode| {
            let dir = self.inode(newparent)?;
            let guard = epoch::pin();
            let (shared, dir) = (inode.share(&guard), dir.share(&guard));
            Inode::link(shared, dir, bytes(newname), &checked(request), &guard)?;
            Ok(inode)
        });
        self.answer_entry(reply, linked);
    }

    /// Nothing needs to be opened. The kernel need not ask again (`FUSE_NO_OPEN_SUPPORT`), and keeps what it has cached.
    fn open(&self, _request: &Request, _ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        if self.may_skip(InitFlags::FUSE_NO_OPEN_SUPPORT) {
            reply.error(fuser::Errno::ENOSYS);
        } else {
            let keep =
                if self.kernel_is_alone() { FopenFlags::FOPEN_KEEP_CACHE } else { FopenFlags::empty() };
            reply.opened(NO_HANDLE, keep);
        }
    }

    fn read(
        &self,
        _request: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let inode = match self.inode(ino) {
            Ok(inode) => inode,
            Err(error) => return reply.error(errno(error)),
        };
        BUFFER.with_borrow_mut(|buffer| {
            let size = size as usize;
            if buffer.len() < size {
                buffer.resize(size, 0);
            }
            match inode.read_at(offset, &mut &mut buffer[..size], Reading::default()) {
                Ok(read) => reply.data(&buffer[..read]),
                Err(error) => reply.error(errno(error)),
            }
        });
    }

    fn write(
        &self,
        request: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        data: &[u8],
        flags: WriteFlags,
        _open_flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let written = self.inode(ino).and_then(|inode| {
            let kill = flags.contains(WriteFlags::FUSE_WRITE_KILL_SUIDGID);
            let by = if kill { without_fsetid(request) } else { checked(request) };
            if flags.contains(WriteFlags::FUSE_WRITE_CACHE) {
                return inode.write_back(offset, &mut &data[..]).map(|()| data.len());
            }
            Ok(inode.write_at(WriteAt::Offset(offset), &mut &data[..], &by)?.1)
        });
        match written {
            Ok(written) => reply.written(written as u32),
            Err(error) => reply.error(errno(error)),
        }
    }

    /// Nothing waits here for a close. The kernel writes back what it caches, which is where a full file system is
    /// reported, and need not ask again.
    fn flush(
        &self,
        _request: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _lock_owner: LockOwner,
        reply: ReplyEmpty,
    ) {
        reply.error(fuser::Errno::ENOSYS);
    }

    fn release(
        &self,
        _request: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _flags: OpenFlags,
        _lock_owner: Option<LockOwner>,
        _flush: bool,
        reply: ReplyEmpty,
    ) {
        reply.ok();
    }

    /// What has arrived is as safe as it gets. The kernel need not ask again (it still writes back before).
    fn fsync(&self, _request: &Request, _ino: INodeNo, _fh: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        reply.error(fuser::Errno::ENOSYS);
    }

    fn opendir(&self, _request: &Request, _ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        if self.may_skip(InitFlags::FUSE_NO_OPENDIR_SUPPORT) {
            reply.error(fuser::Errno::ENOSYS);
        } else {
            let keep = FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_CACHE_DIR;
            reply.opened(NO_HANDLE, if self.kernel_is_alone() { keep } else { FopenFlags::empty() });
        }
    }

    fn readdir(
        &self,
        _request: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listed = self.list(ino, offset, |next, name, inode| {
            !reply.add(
                INodeNo(inode.ino()),
                next,
                convert::file_type(inode.file_type()),
                OsStr::from_bytes(name),
            )
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn readdirplus(
        &self,
        _request: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let lifetime = self.lifetime();
        let listed = self.list(ino, offset, |next, name, inode| {
            let attr = attributes(inode);
            let full = reply.add(attr.ino, next, OsStr::from_bytes(name), &lifetime, &attr, GENERATION);
            if !full && next > DOT_DOT + 1 {
                self.nodes.remember(inode.ino(), inode, 1);
            }
            !full
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn releasedir(
        &self,
        _request: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _flags: OpenFlags,
        reply: ReplyEmpty,
    ) {
        reply.ok();
    }

    fn fsyncdir(
        &self,
        _request: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _datasync: bool,
        reply: ReplyEmpty,
    ) {
        reply.error(fuser::Errno::ENOSYS);
    }

    fn statfs(&self, _request: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        let s = self.fs.statfs();
        let (bsize, namelen, frsize) = (s.bsize as u32, s.namelen as u32, s.frsize as u32);
        reply.statfs(s.blocks, s.bfree, s.bavail, s.files, s.ffree, bsize, namelen, frsize);
    }

    fn setxattr(
        &self,
        request: &Request,
        ino: INodeNo,
        name: &OsStr,
        value: &[u8],
        flags: i32,
        _position: u32,
        reply: ReplyEmpty,
    ) {
        let flags = XattrFlags::from_bits_retain(flags as u32);
        let name = bytes(name);
        // A list may say who keeps the set-group-id bit: a member of the file's group.
        let by = match AclKind::of_name(name) {
            Some(AclKind::Access) => perhaps_with_fsetid(request).with_groups(&groups(request)),
            _ => checked(request),
        };
        answer(reply, self.inode(ino).and_then(|inode| inode.setxattr(name, value, flags, &by)));
    }

    fn getxattr(&self, request: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        let by = checked(request);
        answer_xattr(reply, size, |buffer| self.inode(ino)?.getxattr(bytes(name), buffer, &by));
    }

    fn listxattr(&self, request: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        let by = checked(request);
        answer_xattr(reply, size, |buffer| self.inode(ino)?.listxattr(buffer, &by));
    }

    fn removexattr(&self, request: &Request, ino: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(reply, self.inode(ino).and_then(|inode| inode.removexattr(bytes(name), &checked(request))));
    }

    /// The kernel checks itself (`default_permissions`).
    fn access(&self, _request: &Request, _ino: INodeNo, _mask: AccessFlags, reply: ReplyEmpty) {
        reply.error(fuser::Errno::ENOSYS);
    }

    /// With no answer to this the kernel makes files by `mknod` and opens them itself. So it has no handle of a file that
    /// it made, and need not give it back at each close.
    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _flags: i32,
        reply: ReplyCreate,
    ) {
        if self.may_skip(InitFlags::FUSE_NO_OPEN_SUPPORT) {
            return reply.error(fuser::Errno::ENOSYS);
        }
        let new = NewInode::regular(Mode::from_raw(mode), Mode::from_raw(umask));
        match self.create_in(request, parent, name, &new) {
            Ok(inode) => {
                self.nodes.remember(inode.ino(), &inode, 1);
                let keep = FopenFlags::FOPEN_KEEP_CACHE;
                reply.created(&self.lifetime(), &attributes(&inode), GENERATION, NO_HANDLE, keep);
            }
            Err(error) => reply.error(errno(error)),
        }
    }

    fn ioctl(
        &self,
        _request: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _flags: IoctlFlags,
        _cmd: u32,
        _in_data: &[u8],
        _out_size: u32,
        reply: ReplyIoctl,
    ) {
        reply.error(fuser::Errno::ENOTTY);
    }

    /// Files are always ready, and the kernel need not ask again.
    fn poll(
        &self,
        _request: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        _notifier: PollNotifier,
        _events: PollEvents,
        _flags: PollFlags,
        reply: ReplyPoll,
    ) {
        reply.error(fuser::Errno::ENOSYS);
    }

    fn fallocate(
        &self,
        request: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        length: u64,
        mode: i32,
        reply: ReplyEmpty,
    ) {
        let mode = FallocFlags::from_bits_retain(mode as u32);
        let by = checked(request);
        answer(
            reply,
            self.inode(ino).and_then(|inode| inode.fallocate(mode, offset as i64, length as i64, &by)),
        );
    }

    /// Where data and holes are depends on what the kernel has not yet written back, so that comes first.
    fn lseek(
        &self,
        _request: &Request,
        ino: INodeNo,
        _fh: FileHandle,
        offset: i64,
        whence: i32,
        reply: ReplyLseek,
    ) {
        let inode = match self.inode(ino) {
            Ok(inode) => inode,
            Err(error) => return reply.error(errno(error)),
        };
        let seek = move || match seek(&inode, offset, whence) {
            Ok(offset) => reply.offset(offset),
            Err(error) => reply.error(errno(error)),
        };
        if self.kernel_is_alone() { self.writeback().before(ino.0, seek) } else { seek() }
    }

    fn copy_file_range(
        &self,
        request: &Request,
        ino_in: INodeNo,
        _fh_in: FileHandle,
        offset_in: u64,
        ino_out: INodeNo,
        _fh_out: FileHandle,
        offset_out: u64,
        len: u64,
        _flags: CopyFileRangeFlags,
        reply: ReplyWrite,
    ) {
        let copied = self.inode(ino_in).and_then(|from| {
            let to = self.inode(ino_out)?;
            // The answer has 32 bits for the count.
            let len = len.min(abi::MAX_RW_COUNT as u64);
            Inode::copy_range(&from, offset_in, &to, offset_out, len, false, &checked(request))
        });
        match copied {
            Ok(copied) => reply.written(copied as u32),
            Err(error) => reply.error(errno(error)),
        }
    }
}

impl Door {
    fn answer_attr(&self, reply: ReplyAttr, inode: Result<Ref<Inode>, Errno>) {
        match inode {
            Ok(inode) => reply.attr(&self.lifetime(), &attributes(&inode)),
            Err(error) => reply.error(errno(error)),
        }
    }

    fn create_in(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        new: &NewInode<'_>,
    ) -> Result<Ref<Inode>, Errno> {
        let dir = self.inode(parent)?;
        let guard = epoch::pin();
        Inode::create(dir.share(&guard), bytes(name), new, &checked(request), &guard)
    }

    /// Lists a directory from the place `offset`: `add(place of the next, name, inode)` until it refuses.
    fn list(
        &self,
        number: INodeNo,
        offset: u64,
        mut add: impl FnMut(u64, &[u8], &Ref<Inode>) -> bool,
    ) -> Result<(), Errno> {
        let dir = self.inode(number)?;
        let guard = epoch::pin();
        dir.touch_atime();
        if offset < DOT_DOT && !add(DOT_DOT, b".", &dir) {
            return Ok(());
        }
        if offset <= DOT_DOT {
            let parent = Inode::parent(dir.share(&guard), &guard)?.upgrade().ok_or(Errno::ENOENT)?;
            if !add(DOT_DOT + 1, b"..", &parent) {
                return Ok(());
            }
        }
        dir.visit_entries(offset.max(DOT_DOT + 1), &guard, |cookie, name, inode| match inode.upgrade() {
            Some(inode) => add(cookie + 1, name, &inode),
            None => true,
        })
    }
}

fn seek(inode: &Inode, offset: i64, whence: i32) -> Result<i64, Errno> {
    match Whence::from_raw(whence) {
        Some(Whence::Data) => inode.seek_data(offset),
        Some(Whence::Hole) => inode.seek_hole(offset),
        _ => Err(Errno::EINVAL),
    }
}

fn answer(reply: ReplyEmpty, done: Result<(), Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(errno(error)),
    }
}

/// Answers with what `fill` puts into a buffer of `size` bytes, or, if that is 0, with the size that it would need.
fn answer_xattr(reply: ReplyXattr, size: u32, fill: impl FnOnce(&mut [u8]) -> Result<usize, Errno>) {
    let mut buffer = vec![0; size.min(abi::XATTR_SIZE_MAX as u32) as usize];
    match fill(&mut buffer) {
        Ok(needed) if size == 0 => reply.size(needed as u32),
        Ok(filled) => reply.data(&buffer[..filled]),
        Err(error) => reply.error(errno(error)),
    }
}
