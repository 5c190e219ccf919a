//! What the operations have in common: the instance, the inodes that the kernel knows, what its caches may keep.
//!
//! No rule of the file system is here.

use std::ffi::OsStr;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use fuser::{FileAttr, Generation, INodeNo, InitFlags, KernelConfig, ReplyEntry};
use imfs::Imfs;
use imfs::abi::{Errno, FileType};
use imfs::inode::Inode;
use imfs::sync::refcount::Ref;

use crate::nodes::Nodes;
use crate::writeback::Writeback;
use crate::{Options, convert};

/// How long answers stay right when nobody but the kernel changes anything: longer than any mount lives.
const FOREVER: Duration = Duration::from_secs(1 << 30);

/// Inode numbers are not used twice, so all inodes are of one generation.
pub(crate) const GENERATION: Generation = Generation(0);

/// The largest read or write in one request: what the kernel allows without `fs.fuse.max_pages_limit` being raised.
const MAX_TRANSFER: u32 = 1 << 20;

/// Requests that the kernel may have under way without a caller waiting: write-back and read-ahead.
const MAX_BACKGROUND: u16 = 64;

/// What answers the kernel; all threads share it.
#[derive(Clone)]
pub(crate) struct Door(Arc<Shared>);

/// The door's state.
pub(crate) struct Shared {
    pub(crate) fs: Arc<Imfs>,
    pub(crate) nodes: Nodes<Ref<Inode>>,
    writeback: Writeback,
    /// Something else changes the instance, too.
    shared: bool,
    /// What was agreed with the kernel.
    agreed: OnceLock<InitFlags>,
}

impl Deref for Door {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Door {
    /// A door to an instance, for one mount.
    pub(crate) fn new(fs: &Arc<Imfs>, options: &Options) -> Self {
        let nodes = Nodes::new(fs.root().clone());
        let writeback = Writeback::default();
        let agreed = OnceLock::new();
        Self(Arc::new(Shared { fs: fs.clone(), nodes, writeback, shared: options.shared, agreed }))
    }
}

impl Shared {
    pub(crate) fn writeback(&self) -> &Writeback {
        &self.writeback
    }

    /// The regular files that the kernel knows.
    pub(crate) fn files(&self) -> Vec<u64> {
        self.nodes.numbers(|inode| inode.file_type() == FileType::Regular)
    }

    /// The inode that the kernel means.
    pub(crate) fn inode(&self, number: INodeNo) -> Result<Ref<Inode>, Errno> {
        // The kernel asks for what it has not forgotten only.
        self.nodes.get(number.0).ok_or(Errno::ESTALE)
    }

    /// How long the kernel may keep names and attributes.
    pub(crate) fn lifetime(&self) -> Duration {
        if self.shared { Duration::ZERO } else { FOREVER }
    }

    /// Whether the kernel may answer from its caches.
    pub(crate) fn kernel_is_alone(&self) -> bool {
        !self.shared
    }

    /// Answers with a name's inode, which the kernel then knows.
    pub(crate) fn answer_entry(&self, reply: ReplyEntry, found: Result<Ref<Inode>, Errno>) {
        match found {
            Ok(inode) => {
                self.nodes.remember(inode.ino(), &inode, 1);
                reply.entry(&self.lifetime(), &attributes(&inode), GENERATION);
            }
            Err(errno) => reply.error(convert::errno(errno)),
        }
    }

    /// Answers that a name stands for nothing, which the kernel may remember, too.
    pub(crate) fn answer_nothing(&self, reply: ReplyEntry) {
        if self.shared {
            reply.error(fuser::Errno::ENOENT);
        } else {
            reply.entry(&FOREVER, &NOTHING, GENERATION);
        }
    }

    /// Whether the kernel can do without a request once it knows that it is not needed.
    pub(crate) fn may_skip(&self, flag: InitFlags) -> bool {
        self.agreed.get().is_some_and(|flags| flags.contains(flag))
    }

    /// Agrees with the kernel on what it may do on its own.
    pub(crate) fn negotiate(&self, config: &mut KernelConfig) {
        let mut wanted = InitFlags::FUSE_DO_READDIRPLUS
            | InitFlags::FUSE_READDIRPLUS_AUTO
            | InitFlags::FUSE_PARALLEL_DIROPS
            | InitFlags::FUSE_ASYNC_DIO
            | InitFlags::FUSE_HAS_IOCTL_DIR
            | InitFlags::FUSE_DONT_MASK
            | InitFlags::FUSE_POSIX_ACL;
        // Locks and FUSE_ATOMIC_O_TRUNC are not wanted: the kernel keeps locks itself, and truncates with SETATTR so
        // that it need not send an open.
        wanted |= if self.shared {
            InitFlags::FUSE_AUTO_INVAL_DATA
        } else {
            InitFlags::FUSE_WRITEBACK_CACHE
                | InitFlags::FUSE_CACHE_SYMLINKS
                | InitFlags::FUSE_NO_OPEN_SUPPORT
                | InitFlags::FUSE_NO_OPENDIR_SUPPORT
                // Lets the kernel remember that a file has nothing that a write must take away. Without it every
                // write(2) asks for security.capability first.
                | InitFlags::FUSE_HANDLE_KILLPRIV_V2
        };
        let wanted = wanted & config.capabilities();
        // Only what the kernel offers is asked for, and small enough.
        let _ = config.add_capabilities(wanted);
        let _ = self.agreed.set(wanted);
        let _ = config.set_max_write(MAX_TRANSFER);
        let _ = config.set_max_background(MAX_BACKGROUND);
    }
}

/// A name as bytes.
pub(crate) fn bytes(name: &OsStr) -> &[u8] {
    name.as_encoded_bytes()
}

/// What the kernel sees of an inode.
pub(crate) fn attributes(inode: &Inode) -> FileAttr {
    let attr = inode.attr();
    FileAttr {
        ino: INodeNo(inode.ino()),
        size: attr.size,
        blocks: attr.blocks,
        atime: convert::system_time(attr.atime),
        mtime: convert::system_time(attr.mtime),
        ctime: convert::system_time(attr.ctime),
        crtime: convert::system_time(attr.btime),
        kind: convert::file_type(attr.file_type()),
        perm: attr.permissions().bits() as u16,
        nlink: attr.nlink,
        uid: attr.uid,
        gid: attr.gid,
        rdev: inode.rdev().encode32(),
        blksize: imfs::abi::PAGE_SIZE as u32,
        flags: 0,
    }
}

/// The attributes of nothing: inode 0.
const NOTHING: FileAttr = FileAttr {
    ino: INodeNo(0),
    size: 0,
    blocks: 0,
    atime: std::time::UNIX_EPOCH,
    mtime: std::time::UNIX_EPOCH,
    ctime: std::time::UNIX_EPOCH,
    crtime: std::time::UNIX_EPOCH,
    kind: fuser::FileType::RegularFile,
    perm: 0,
    nlink: 0,
    uid: 0,
    gid: 0,
    rdev: 0,
    blksize: 0,
    flags: 0,
};
