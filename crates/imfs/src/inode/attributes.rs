//! The attributes of an inode: mode, owner, links, size, time stamps. Read without a lock, changed under a sequence
//! lock, so that stat(2) shows all of a change or none of it.
//!
//! Knows no rule about who may change what: `setattr` does.

use crate::sync::primitives::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering::Relaxed};

use crate::abi::{FileType, Mode, PAGE_SIZE, Timespec, ioctl};
use crate::sync::seq::SeqLock;

/// A flag: an access list says more than the mode.
pub(crate) const HAS_ACL: u32 = 1 << 31;
/// A flag: new entries of this directory inherit an access list.
pub(crate) const HAS_DEFAULT_ACL: u32 = 1 << 30;
/// A flag: nobody changes, links or removes it (`FS_IMMUTABLE_FL`).
pub(crate) const IMMUTABLE: u32 = ioctl::FS_IMMUTABLE_FL << FILE_FLAGS_SHIFT;
/// A flag: it only grows (`FS_APPEND_FL`).
pub(crate) const APPEND_ONLY: u32 = ioctl::FS_APPEND_FL << FILE_FLAGS_SHIFT;
/// A flag: backups leave it out (`FS_NODUMP_FL`).
pub(crate) const NODUMP: u32 = ioctl::FS_NODUMP_FL << FILE_FLAGS_SHIFT;
/// A flag: reading does not move the access time (`FS_NOATIME_FL`).
pub(crate) const NOATIME: u32 = ioctl::FS_NOATIME_FL << FILE_FLAGS_SHIFT;
/// The flags that FS_IOC_SETFLAGS of ioctl(2) sets, and where they stand (`SHMEM_FL_USER_MODIFIABLE`).
pub(crate) const FILE_FLAGS: u32 = IMMUTABLE | APPEND_ONLY | NODUMP | NOATIME;
pub(crate) const FILE_FLAGS_SHIFT: u32 = 16;
/// Three bits: the hint of F_SET_RW_HINT.
pub(crate) const WRITE_HINT: u32 = 7 << WRITE_HINT_SHIFT;
pub(crate) const WRITE_HINT_SHIFT: u32 = 24;
/// A flag: a file without a name that may be given one (`I_LINKABLE`).
pub(crate) const LINKABLE: u32 = 1 << 29;
/// A flag: it has `security.capability`, which a write removes. Set and cleared under the lock of the extras.
pub(crate) const HAS_CAPABILITY: u32 = 1 << 28;
/// A flag: it is or was mapped, and mappings may have changed times and blocks that are not noted yet.
pub(crate) const MAPPED: u32 = 1 << 27;
/// The flags, which stand above `st_mode` in one word with it, so that a check needs one load.
const FLAGS: u32 = HAS_ACL | HAS_DEFAULT_ACL | FILE_FLAGS | WRITE_HINT | LINKABLE | HAS_CAPABILITY | MAPPED;
const _: () = assert!(FLAGS & 0xffff == 0);

/// The time stamps of an inode, by their place in [`Attributes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// Last access.
    Access = 0,
    /// Last change of the contents.
    Modify = 1,
    /// Last change of the inode.
    Change = 2,
    /// Creation.
    Birth = 3,
}

/// The blocks of 512 bytes that a page is: space is charged by the page.
const PAGE_BLOCKS: u64 = PAGE_SIZE as u64 / 512;

fn pages(blocks: u64) -> u32 {
    debug_assert!(blocks.is_multiple_of(PAGE_BLOCKS));
    u32::try_from(blocks / PAGE_BLOCKS).unwrap_or(u32::MAX)
}

/// The attributes as they are kept. Every field is written only inside [`Attributes::change`].
#[derive(Debug, Default)]
pub(crate) struct Attributes {
    seq: SeqLock,
    /// `st_mode` and the flags.
    mode: AtomicU32,
    uid: AtomicU32,
    gid: AtomicU32,
    nlink: AtomicU32,
    nsec: [AtomicU32; 4],
    sec: [AtomicI64; 4],
    size: AtomicU64,
    /// Pages of [`PAGE_BLOCKS`] blocks: more than 2^32 need more memory than any host has.
    pages: AtomicU32,
}

/// All attributes at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attr {
    /// Type and permission bits, `st_mode`.
    pub mode: u32,
    /// The owner.
    pub uid: u32,
    /// The group.
    pub gid: u32,
    /// How many names it has.
    pub nlink: u32,
    /// Bytes.
    pub size: u64,
    /// Blocks of 512 bytes.
    pub blocks: u64,
    /// Last access.
    pub atime: Timespec,
    /// Last change of the contents.
    pub mtime: Timespec,
    /// Last change of the inode.
    pub ctime: Timespec,
    /// Creation.
    pub btime: Timespec,
    /// `HAS_ACL` and the others.
    pub(crate) flags: u32,
}

/// What permission checks need of the attributes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) flags: u32,
}

impl Attr {
    /// The permission bits.
    pub fn permissions(&self) -> Mode {
        Mode::from_raw(self.mode)
    }

    /// The type.
    pub fn file_type(&self) -> FileType {
        // Every inode is made with a type, and chmod keeps it.
        FileType::from_mode(self.mode).unwrap_or(FileType::Regular)
    }
}

impl Attributes {
    /// The attributes of a new inode, all stamps the same. `mode` may have flags.
    #[inline]
    pub(crate) fn new(mode: u32, uid: u32, gid: u32, nlink: u32, size: u64, now: Timespec) -> Self {
        Self {
            mode: mode.into(),
            uid: uid.into(),
            gid: gid.into(),
            nlink: nlink.into(),
            size: size.into(),
            nsec: [now.nsec; 4].map(AtomicU32::new),
            sec: [now.sec; 4].map(AtomicI64::new),
            ..Self::default()
        }
    }

    /// The attributes of something new that has so many blocks.
    #[inline]
    pub(crate) fn with_blocks(self, blocks: u64) -> Self {
        Self { pages: pages(blocks).into(), ..self }
    }

    /// All of them at one moment.
    #[inline]
    pub(crate) fn get(&self) -> Attr {
        self.seq.read(|| Attr {
            mode: self.mode.load(Relaxed) & !FLAGS,
            uid: self.uid.load(Relaxed),
            gid: self.gid.load(Relaxed),
            nlink: self.nlink.load(Relaxed),
            size: self.size.load(Relaxed),
            blocks: self.blocks(),
            atime: self.load(Stamp::Access),
            mtime: self.load(Stamp::Modify),
            ctime: self.load(Stamp::Change),
            btime: self.load(Stamp::Birth),
            flags: self.mode.load(Relaxed) & FLAGS,
        })
    }

    /// Mode and owner at one moment.
    #[inline]
    pub(crate) fn owner(&self) -> Owner {
        self.seq.read(|| self.load_owner())
    }

    #[inline]
    fn load_owner(&self) -> Owner {
        let mode = self.mode.load(Relaxed);
        let (uid, gid) = (self.uid.load(Relaxed), self.gid.load(Relaxed));
        Owner { mode: mode & !FLAGS, uid, gid, flags: mode & FLAGS }
    }

    /// `st_mode`, alone.
    #[inline]
    pub(crate) fn mode(&self) -> u32 {
        self.mode.load(Relaxed) & !FLAGS
    }

    /// Mode and owner, and what `also` reads: all of one moment, if it is written inside [`change`](Self::change) too.
    pub(crate) fn owner_and<R>(&self, mut also: impl FnMut() -> R) -> (Owner, R) {
        self.seq.read(|| (self.load_owner(), also()))
    }

    /// Whether one of these flags is set.
    #[inline]
    pub(crate) fn has(&self, flags: u32) -> bool {
        self.mode.load(Relaxed) & flags != 0
    }

    /// Whether the mode grants `bits` to owner, group and others alike, and neither an access list nor a flag says
    /// otherwise: then nobody need be looked at.
    #[inline]
    pub(crate) fn everybody_may(&self, bits: u32) -> bool {
        let mode = self.mode.load(Relaxed);
        mode & (HAS_ACL | IMMUTABLE) == 0 && mode & (bits * 0o111) == bits * 0o111
    }

    /// The number of links, alone.
    #[inline]
    pub(crate) fn nlink(&self) -> u32 {
        self.nlink.load(Relaxed)
    }

    /// The size, alone.
    #[inline]
    pub(crate) fn size(&self) -> u64 {
        self.size.load(Relaxed)
    }

    /// The number of blocks, alone.
    #[inline]
    pub(crate) fn blocks(&self) -> u64 {
        u64::from(self.pages.load(Relaxed)) * PAGE_BLOCKS
    }

    /// The times of access, modification and change.
    #[inline]
    pub(crate) fn stamps(&self) -> (Timespec, Timespec, Timespec) {
        self.seq.read(|| (self.load(Stamp::Access), self.load(Stamp::Modify), self.load(Stamp::Change)))
    }

    fn load(&self, stamp: Stamp) -> Timespec {
        let at = stamp as usize;
        Timespec { sec: self.sec[at].load(Relaxed), nsec: self.nsec[at].load(Relaxed) }
    }

    /// Changes several attributes in one step. `change` only reads and stores: it is run while readers wait.
    #[inline]
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Change<'_>) -> R) -> R {
        self.seq.write(|| change(&mut Change(self)))
    }

    /// Whether the contents' stamps are `now` already and the size is `size`, so that a write has nothing to note.
    #[inline]
    pub(crate) fn is_current(&self, now: Timespec, size: u64, blocks: u64) -> bool {
        self.seq.read(|| {
            self.size.load(Relaxed) == size
                && self.blocks() == blocks
                && self.load(Stamp::Modify) == now
                && self.load(Stamp::Change) == now
        })
    }
}

/// The right to change attributes, inside [`Attributes::change`].
#[derive(Debug)]
pub(crate) struct Change<'a>(&'a Attributes);

impl Change<'_> {
    /// What they are now.
    pub(crate) fn owner(&self) -> Owner {
        self.0.load_owner()
    }

    /// The number of links.
    pub(crate) fn nlink(&self) -> u32 {
        self.0.nlink.load(Relaxed)
    }

    /// The size.
    pub(crate) fn size(&self) -> u64 {
        self.0.size.load(Relaxed)
    }

    /// Sets the permission bits.
    pub(crate) fn set_permissions(&mut self, mode: Mode) {
        let kept = self.0.mode.load(Relaxed) & (FileType::MASK | FLAGS);
        self.0.mode.store(kept | (mode.bits() & 0o7777), Relaxed);
    }

    /// Sets owner and group.
    pub(crate) fn set_owner(&mut self, uid: u32, gid: u32) {
        self.0.uid.store(uid, Relaxed);
        self.0.gid.store(gid, Relaxed);
    }

    /// Sets the number of links.
    pub(crate) fn set_nlink(&mut self, nlink: u32) {
        self.0.nlink.store(nlink, Relaxed);
    }

    /// Sets the size.
    pub(crate) fn set_size(&mut self, size: u64) {
        self.0.size.store(size, Relaxed);
    }

    /// Sets the number of blocks.
    pub(crate) fn set_blocks(&mut self, blocks: u64) {
        self.0.pages.store(pages(blocks), Relaxed);
    }

    /// Sets those of the flags in `mask` to those of `flags`.
    pub(crate) fn set_flags(&mut self, mask: u32, flags: u32) {
        let mode = self.0.mode.load(Relaxed);
        self.0.mode.store(mode & !mask | flags & mask, Relaxed);
    }

    /// Sets or clears bits of the flags.
    pub(crate) fn set_flag(&mut self, flag: u32, on: bool) {
        let mode = self.0.mode.load(Relaxed);
        self.0.mode.store(if on { mode | flag } else { mode & !flag }, Relaxed);
    }

    /// Sets a time stamp.
    pub(crate) fn set(&mut self, stamp: Stamp, time: Timespec) {
        let at = stamp as usize;
        self.0.sec[at].store(time.sec, Relaxed);
        self.0.nsec[at].store(time.nsec, Relaxed);
    }

    /// Sets the stamps of a change of contents.
    pub(crate) fn modified(&mut self, now: Timespec) {
        self.set(Stamp::Modify, now);
        self.set(Stamp::Change, now);
    }
}
