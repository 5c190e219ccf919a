//! What all inodes of one instance share: limits and what is used of them, clock, randomness, policies.
//!
//! Knows no inode: inodes know it.

use crate::sync::primitives::atomic::{AtomicU64, Ordering};
use bitflags::bitflags;
use std::sync::Arc;

use super::locks::LockTable;
use super::pipe::PipeLimits;
use super::xattr::XattrSpace;
use crate::abi::{Dev, Errno, ST_NOATIME, ST_RELATIME, Timespec};
use crate::data::Space;
use crate::platform::clock::Clock;
use crate::platform::entropy::Entropy;
use crate::sync::generation::Generation;
use crate::sync::lock::{Mutex, rank};
use crate::sync::quota::Quota;
use crate::sync::refcount::Evict;

/// When reading moves the access time (mount(8)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Atime {
    /// If it is not later than the last change, or a day old: Linux's default.
    #[default]
    Relative,
    /// Always.
    Strict,
    /// Never.
    Never,
}

impl Atime {
    /// How statfs(2) shows it.
    pub(crate) fn mount_flags(self) -> i64 {
        match self {
            Atime::Relative => ST_RELATIME,
            Atime::Strict => 0,
            Atime::Never => ST_NOATIME,
        }
    }
}

bitflags! {
    /// The restrictions of the sysctls `fs.protected_*` (proc_sys_fs(5)), which Linux distributions switch on.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub struct Protections: u8 {
        /// Hard links to files that one neither owns nor may read and write.
        const HARDLINKS = 1;
        /// Others' symbolic links in sticky directories that all may write to, at the end of a path.
        const SYMLINKS = 2;
        /// O_CREAT of others' regular files in such directories.
        const REGULAR = 4;
        /// O_CREAT of others' FIFOs in such directories.
        const FIFOS = 8;
        /// The same of regular files in sticky directories that their group may write to (`fs.protected_regular` is 2).
        const GROUP_REGULAR = 16;
        /// The same of FIFOs in such directories (`fs.protected_fifos` is 2).
        const GROUP_FIFOS = 32;
    }
}

impl Protections {
    /// Each sysctl is 1, as systemd sets them.
    pub const DEFAULT: Self = Self::HARDLINKS.union(Self::SYMLINKS).union(Self::REGULAR).union(Self::FIFOS);
}

/// The shared part of an instance.
pub struct Superblock {
    /// The device number that stat(2) shows.
    pub(crate) dev: Dev,
    /// Pages of regular files.
    pub(crate) space: Space,
    /// When reading moves the access time.
    pub(crate) atime: Atime,
    /// What is restricted beyond POSIX.
    pub(crate) protections: Protections,
    /// The seed of name hashes: secret.
    pub(crate) seed: u64,
    /// Held by a rename between two directories, so that the tree above them stands still
    /// (Linux's `s_vfs_rename_mutex`).
    pub(crate) rename: Mutex<(), { rank::RENAME }>,
    /// Goes on with every change of what a path of directories leads to, or of who may search them: a directory that gets
    /// another place or is removed, or whose mode, owner or access list changes.
    pub(crate) paths: Generation,
    clock: Box<dyn Clock>,
    entropy: Box<dyn Entropy>,
    /// How much pipes may hold, and what they can hold now.
    pub(crate) pipes: Arc<PipeLimits>,
    /// The graph of waits for record locks.
    pub(crate) locks: LockTable,
    /// The room for inodes and their attributes, in bytes (`free_ispace` of tmpfs).
    inode_space: Quota,
    next_ino: AtomicU64,
    max_descriptions: u64,
    descriptions: AtomicU64,
    /// The next number for credentials.
    next_number: AtomicU64,
}

/// What an inode takes of the room for inodes (`BOGO_INODE_SIZE`).
const INODE_SIZE: u64 = 1024;
/// How much of it threads take at once while the limit is far.
const INODE_BATCH: u64 = 64 * INODE_SIZE;

impl Evict for Superblock {}

impl std::fmt::Debug for Superblock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Superblock")
            .field("dev", &self.dev)
            .field("inode_used", &self.inode_space.used())
            .finish_non_exhaustive()
    }
}

/// How a superblock is made.
pub(crate) struct Setup {
    pub(crate) dev: Dev,
    pub(crate) size: u64,
    pub(crate) inodes: u64,
    pub(crate) descriptions: u64,
    pub(crate) atime: Atime,
    pub(crate) protections: Protections,
    pub(crate) clock: Box<dyn Clock>,
    pub(crate) entropy: Box<dyn Entropy>,
    pub(crate) pipes: PipeLimits,
}

impl Superblock {
    pub(crate) fn new(setup: Setup) -> Self {
        let mut seed = [0; 8];
        setup.entropy.fill(&mut seed);
        Self {
            dev: setup.dev,
            space: Space::new(setup.size),
            atime: setup.atime,
            protections: setup.protections,
            seed: u64::from_le_bytes(seed),
            rename: Mutex::new(()),
            paths: Generation::default(),
            clock: setup.clock,
            entropy: setup.entropy,
            pipes: Arc::new(setup.pipes),
            locks: LockTable::default(),
            inode_space: Quota::new(setup.inodes.saturating_mul(INODE_SIZE), INODE_BATCH),
            next_ino: AtomicU64::new(1),
            max_descriptions: setup.descriptions,
            descriptions: AtomicU64::new(0),
            next_number: AtomicU64::new(1),
        }
    }

    /// The time for time stamps.
    #[inline]
    pub(crate) fn now(&self) -> Timespec {
        self.clock.now()
    }

    /// The source of random bytes.
    pub(crate) fn entropy(&self) -> &dyn Entropy {
        &*self.entropy
    }

    /// Counts a new inode; ENOSPC at the limit.
    pub(super) fn charge_inode(&self) -> Result<(), Errno> {
        self.charge(INODE_SIZE)
    }

    /// A number for an inode.
    pub(super) fn next_ino(&self) -> u64 {
        self.next_inos(1)
    }

    /// The first of so many numbers in a row.
    pub(super) fn next_inos(&self, count: u64) -> u64 {
        self.next_ino.fetch_add(count, Ordering::Relaxed)
    }

    /// Counts an inode that is gone.
    pub(super) fn refund_inode(&self) {
        self.refund(INODE_SIZE);
    }

    /// Counts a further name of a file that has one; ENOSPC at the limit of inodes.
    pub(super) fn charge_name(&self) -> Result<(), Errno> {
        self.charge(INODE_SIZE)
    }

    /// Counts that one is gone.
    pub(super) fn refund_name(&self) {
        self.refund(INODE_SIZE);
    }

    /// The most inodes, and how many more there can be.
    pub(crate) fn inodes(&self) -> (u64, u64) {
        let limit = self.inode_space.limit();
        (limit / INODE_SIZE, limit.saturating_sub(self.inode_space.used()) / INODE_SIZE)
    }

    /// Counts a new open file description; ENFILE at the limit. Without a limit there is no count, for all threads would
    /// meet in it.
    #[inline]
    pub(crate) fn count_description(&self) -> Result<(), Errno> {
        if self.max_descriptions == u64::MAX {
            return Ok(());
        }
        // Never above the limit, not even for a moment: another would see that.
        let more = |count: u64| (count < self.max_descriptions).then(|| count + 1);
        match self.descriptions.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(()),
            Err(_) => Err(Errno::ENFILE),
        }
    }

    /// A number that was not given out before.
    pub(crate) fn new_identity(&self) -> u64 {
        self.next_number.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts a description that is gone.
    #[inline]
    pub(crate) fn free_description(&self) {
        if self.max_descriptions != u64::MAX {
            self.descriptions.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl XattrSpace for Superblock {
    fn charge(&self, bytes: u64) -> Result<(), Errno> {
        if self.inode_space.charge(bytes) { Ok(()) } else { Err(Errno::ENOSPC) }
    }

    fn refund(&self, bytes: u64) {
        self.inode_space.refund(bytes);
    }
}
