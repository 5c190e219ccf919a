//! Instances: an in-memory file system with its limits and policies, and its cages by id.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::abi::{Dev, Errno, Mode, Result};
use crate::cage::Cage;
use crate::inode::pipe::PipeLimits;
use crate::inode::{Atime, Credentials, Inode, Protections, Setup, Superblock, take_apart};
use crate::platform::clock::{Clock, CoarseClock};
use crate::platform::entropy::{Entropy, HostEntropy};
use crate::sync::alloc::try_arc;
use crate::sync::epoch;
use crate::sync::lock::{RwLock, rank};
use crate::sync::refcount::Ref;

/// The tree of an instance: alive while the instance or any of its cages is.
#[derive(Debug)]
pub(crate) struct Tree {
    pub(crate) sb: Ref<Superblock>,
    /// `None` only while it is dropped.
    root: Option<Ref<Inode>>,
}

impl Tree {
    /// The root directory.
    pub(crate) fn root(&self) -> &Ref<Inode> {
        self.root.as_ref().expect("only drop takes the root")
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        if let Some(root) = self.root.take() {
            root.gather();
            take_apart(root);
        }
        self.sb.gather();
        epoch::flush();
    }
}

/// The cages by their ids: a map that can be refused memory.
type Cages = HashMap<u64, Arc<Cage>, BuildHasherDefault<IdHasher>>;

/// Ids are chosen by the door, not by cages, so no secret is needed to spread them.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, id: u64) {
        // An odd multiple, its high bits below: the map uses both ends.
        self.0 = (self.0 ^ id).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// An in-memory file system.
pub struct Imfs {
    tree: Arc<Tree>,
    cages: RwLock<Cages, { rank::CAGES }>,
    nofile: usize,
}

impl fmt::Debug for Imfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Imfs").field("tree", &self.tree).finish_non_exhaustive()
    }
}

/// Makes an [`Imfs`].
pub struct Builder {
    size: u64,
    inodes: u64,
    nofile: usize,
    files: u64,
    mode: Mode,
    uid: u32,
    gid: u32,
    atime: Atime,
    protections: Protections,
    clock: Box<dyn Clock>,
    entropy: Box<dyn Entropy>,
    pipes: PipeLimits,
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("size", &self.size)
            .field("inodes", &self.inodes)
            .finish_non_exhaustive()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            size: u64::MAX,
            inodes: u64::MAX / 1024,
            nofile: 1 << 20,
            files: u64::MAX,
            mode: Mode::RWXUGO,
            uid: 0,
            gid: 0,
            atime: Atime::default(),
            protections: Protections::DEFAULT,
            clock: Box::new(CoarseClock),
            entropy: Box::new(HostEntropy),
            pipes: PipeLimits::default(),
        }
    }
}

impl Builder {
    /// The most bytes that files can have together, rounded up to pages of 4 KiB; no limit by default.
    pub fn size(mut self, bytes: u64) -> Self {
        self.size = bytes;
        self
    }

    /// The most inodes; no limit by default. Extended attributes take from them, 1,024 bytes an inode, as on tmpfs.
    pub fn inodes(mut self, count: u64) -> Self {
        self.inodes = count.min(u64::MAX / 1024);
        self
    }

    /// The lowest descriptor number that new cages can not have (RLIMIT_NOFILE); 1,048,576 by default.
    pub fn nofile(mut self, limit: usize) -> Self {
        self.nofile = limit.min(i32::MAX as usize);
        self
    }

    /// The most open file descriptions of all cages together (`fs.file-max`); no limit by default.
    pub fn files(mut self, count: u64) -> Self {
        self.files = count;
        self
    }

    /// The permission bits of the root directory; 0777 by default. (A tmpfs has 01777.)
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The owner of the root directory; 0 by default.
    pub fn uid(mut self, uid: u32) -> Self {
        self.uid = uid;
        self
    }

    /// The group of the root directory; 0 by default.
    pub fn gid(mut self, gid: u32) -> Self {
        self.gid = gid;
        self
    }

    /// When reading moves access times; [`Atime::Relative`] by default.
    pub fn atime(mut self, atime: Atime) -> Self {
        self.atime = atime;
        self
    }

    /// What is restricted beyond POSIX (`fs.protected_*`); [`Protections::DEFAULT`] by default.
    pub fn protections(mut self, protections: Protections) -> Self {
        self.protections = protections;
        self
    }

    /// Where time stamps come from; the host's coarse clock by default.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Where random bytes come from; the host by default.
    pub fn entropy(mut self, entropy: impl Entropy + 'static) -> Self {
        self.entropy = Box::new(entropy);
        self
    }

    /// How much pipes may hold (`/proc/sys/fs/pipe-*` of proc(5)); as the kernel starts by default.
    pub fn pipes(mut self, limits: PipeLimits) -> Self {
        self.pipes = limits;
        self
    }

    /// Makes the instance, with an empty root directory.
    ///
    /// # Errors
    /// ENOSPC: a limit of no inodes. ENOMEM.
    pub fn build(self) -> Result<Arc<Imfs>> {
        /// The minor numbers of devices without a driver: each instance has its own, as each mount of a tmpfs has.
        static NEXT_DEV: AtomicU32 = AtomicU32::new(1);
        let minor = NEXT_DEV.fetch_add(1, Ordering::Relaxed) & 0xf_ffff;
        let setup = Setup {
            dev: Dev::new(0, minor),
            size: self.size,
            inodes: self.inodes,
            descriptions: self.files,
            atime: self.atime,
            protections: self.protections,
            clock: self.clock,
            entropy: self.entropy,
            pipes: self.pipes,
        };
        let sb = Ref::try_new(Superblock::new(setup)).ok_or(Errno::ENOMEM)?;
        let root = Inode::root(&sb, self.mode, self.uid, self.gid)?;
        // Each inode has a reference; the tree's own anchors them, and its drop gathers.
        sb.spread(|| true);
        let tree = Arc::new(Tree { sb, root: Some(root) });
        Ok(Arc::new(Imfs { tree, cages: RwLock::default(), nofile: self.nofile }))
    }
}

impl Imfs {
    /// Starts to make an instance.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// An instance with all defaults.
    ///
    /// # Errors
    /// ENOMEM
    pub fn new() -> Result<Arc<Self>> {
        Builder::default().build()
    }

    /// The root directory, for doors that work by inode.
    pub fn root(&self) -> &Ref<Inode> {
        self.tree.root()
    }

    /// What statfs(2) shows.
    pub fn statfs(&self) -> crate::abi::Statfs {
        self.tree.statfs()
    }

    /// [`Space::fail_nth`](crate::data::Space::fail_nth) of this instance's pages.
    #[cfg(feature = "fault-injection")]
    pub fn fail_nth_page(&self, n: u64) -> u64 {
        self.root().sb.space.fail_nth(n)
    }

    /// Makes a cage without descriptors, at the root, with umask 022.
    ///
    /// # Errors
    /// EEXIST: there is a cage of this id. ENOMEM
    pub fn create_cage(&self, id: u64, credentials: Credentials) -> Result<Arc<Cage>> {
        self.add(Cage::new(id, Arc::clone(&self.tree), credentials, self.nofile)?)
    }

    /// The cage of this id.
    ///
    /// # Errors
    /// ESRCH: there is none.
    pub fn cage(&self, id: u64) -> Result<Arc<Cage>> {
        self.cages.read().get(&id).cloned().ok_or(Errno::ESRCH)
    }

    /// fork(2): a cage with the parent's descriptors, for the same open file descriptions, and the parent's places,
    /// umask and credentials. Record locks are not inherited.
    ///
    /// # Errors
    /// ESRCH: there is no such parent. EEXIST: there is such a child. ENOMEM.
    pub fn fork(&self, parent: u64, child: u64) -> Result<Arc<Cage>> {
        let parent = self.cage(parent)?;
        self.add(parent.forked(child)?)
    }

    /// The end of a cage: its calls that wait are ended, its descriptors closed, its locks dropped.
    ///
    /// # Errors
    /// ESRCH: there is no such cage.
    pub fn exit(&self, id: u64) -> Result<()> {
        // Not under the lock: closing may call into a door.
        let cage = self.cages.write().remove(&id).ok_or(Errno::ESRCH)?;
        cage.exit();
        Ok(())
    }

    fn add(&self, cage: Cage) -> Result<Arc<Cage>> {
        let cage = try_arc(cage).ok_or(Errno::ENOMEM)?;
        let mut cages = self.cages.write();
        if cages.contains_key(&cage.id()) {
            // The cage's drop closes its descriptors, after the lock.
            drop(cages);
            return Err(Errno::EEXIST);
        }
        if cages.try_reserve(1).is_err() {
            drop(cages);
            return Err(Errno::ENOMEM);
        }
        cages.insert(cage.id(), Arc::clone(&cage));
        Ok(cage)
    }
}
