//! Open file descriptions (open(2)): what descriptors stand for, shared by dup(2) and fork(2).

use crate::sync::primitives::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::fmt;

use crate::abi::{Errno, FOwnerEx, OFlags, Result};
use crate::inode::pipe::End;
use crate::inode::{Inode, Object, Superblock};
use crate::sync::biased::{BiasedLock, WriteGuard};
use crate::sync::epoch::Guard;
use crate::sync::lock::rank;
use crate::sync::refcount::{self, Evict, Ref, Shared, Slot};

/// An open file description.
pub(super) struct Description {
    /// What is open, if it is an inode; empty once the last descriptor is closed.
    inode: Slot<Inode>,
    kind: Kind,
    /// The access mode and the other flags of open(2). F_SETFL changes some.
    flags: AtomicU32,
    /// The offset. Held over a read or write through it, so that those are atomic (`f_pos_lock`).
    /// It favours its first user at once.
    offset: BiasedLock<u64, { rank::OFFSET }, 0>,
    /// For directories: entries made after the stream showed its first have this cookie or a later one, and are not
    /// shown, so that a stream ends even while others rename what it shows.
    pub(crate) stream_end: AtomicU64,
    /// The identity of the credentials that it was opened with.
    opener: u64,
    /// Whether open(2) made the file.
    created: AtomicBool,
    /// Who gets a signal when there is something to read or write, and which one: kept for the door, which sends them.
    /// The owner's kind stands above the number.
    owner: AtomicU64,
    signal: AtomicI32,
}

/// What sort of thing is open.
enum Kind {
    /// An inode, and nothing more.
    Plain,
    /// One end of a pipe or FIFO.
    Pipe(End),
    /// No inode, but something foreign; and where it is counted.
    Foreign(Foreign, Ref<Superblock>),
}

/// A descriptor that IMFS does not own, in a cage's table: a door's stdin, socket or host file. It shares the number
/// space and follows dup, fork, exec and close like the rest; every other call gets EBADF and is the door's to answer.
pub struct Foreign {
    /// What it is, in the door's terms.
    pub kind: u64,
    /// Which one it is, in the door's terms.
    pub number: u64,
    /// Called when the last descriptor for it is closed.
    pub close: Option<Box<dyn Fn(u64, u64) + Send + Sync>>,
}

impl fmt::Debug for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Foreign")
            .field("kind", &self.kind)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description")
            .field("id", &self.id())
            .field("foreign", &self.foreign())
            .field("flags", &self.flags())
            .finish_non_exhaustive()
    }
}

impl Description {
    /// Counts a description and takes memory for it, before anything is made or changed that it is to stand for
    /// (`alloc_empty_file`).
    ///
    /// # Errors
    /// ENFILE: the instance has its limit of descriptions. ENOMEM.
    pub(crate) fn reserve(sb: &Superblock) -> Result<Vacant<'_>> {
        sb.count_description()?;
        let counted = CountedIn(sb);
        Ok(Vacant { memory: refcount::Vacant::try_new().ok_or(Errno::ENOMEM)?, counted })
    }

    /// Its number, which no other description of the process has while this one is open: the owner of its locks.
    pub(crate) fn id(&self) -> u64 {
        std::ptr::from_ref(self).addr() as u64
    }

    /// The identity of the credentials that it was opened with.
    pub(crate) fn opener(&self) -> u64 {
        self.opener
    }

    /// What it has open, if that is foreign.
    #[inline]
    pub(crate) fn foreign(&self) -> Option<&Foreign> {
        if let Kind::Foreign(foreign, _) = &self.kind { Some(foreign) } else { None }
    }

    /// The end of a pipe or FIFO that it has open.
    pub(crate) fn end(&self) -> Option<&End> {
        if let Kind::Pipe(end) = &self.kind { Some(end) } else { None }
    }

    /// The flags of open(2), without those that only matter at open.
    #[inline]
    pub(crate) fn flags(&self) -> OFlags {
        OFlags::from_bits_retain(self.flags.load(Ordering::Relaxed))
    }

    /// Whether open(2) made the file (`FMODE_CREATED`).
    pub(crate) fn is_created(&self) -> bool {
        self.created.load(Ordering::Relaxed)
    }

    /// Notes that open(2) made the file.
    pub(crate) fn set_created(&self) {
        self.created.store(true, Ordering::Relaxed);
    }

    /// Who gets SIGIO.
    pub(crate) fn owner(&self) -> FOwnerEx {
        let word = self.owner.load(Ordering::Relaxed);
        FOwnerEx { kind: (word >> 32) as i32, pid: word as i32 }
    }

    /// Sets who gets SIGIO.
    pub(crate) fn set_owner(&self, owner: FOwnerEx) {
        let word = u64::from(owner.kind as u32) << 32 | u64::from(owner.pid as u32);
        self.owner.store(word, Ordering::Relaxed);
    }

    /// The signal in place of SIGIO; 0 is SIGIO itself.
    pub(crate) fn signal(&self) -> i32 {
        self.signal.load(Ordering::Relaxed)
    }

    /// Sets the signal in place of SIGIO.
    pub(crate) fn set_signal(&self, signal: i32) {
        self.signal.store(signal, Ordering::Relaxed);
    }

    /// Sets or clears one flag.
    pub(crate) fn set_flag(&self, flag: OFlags, on: bool) {
        if on {
            self.flags.fetch_or(flag.bits(), Ordering::Relaxed);
        } else {
            self.flags.fetch_and(!flag.bits(), Ordering::Relaxed);
        }
    }

    /// Sets the flags that F_SETFL can change.
    pub(crate) fn set_flags(&self, flags: OFlags) {
        let mask = OFlags::SETFL_MASK.bits();
        let _ = self.flags.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |old| {
            Some(old & !mask | flags.bits() & mask)
        });
    }

    /// The offset, locked.
    #[inline]
    pub(crate) fn offset(&self) -> WriteGuard<'_, u64, { rank::OFFSET }> {
        self.offset.write()
    }

    /// The inode that is open.
    ///
    /// # Errors
    /// EBADF: it is foreign, or was just closed.
    #[inline]
    pub(crate) fn inode<'g>(&self, guard: &'g Guard) -> Result<Shared<'g, Inode>> {
        self.inode.load(guard).ok_or(Errno::EBADF)
    }

    /// Whether it is only a place in the tree (O_PATH).
    #[inline]
    pub(crate) fn is_path(&self) -> bool {
        self.flags().contains(OFlags::PATH)
    }

    /// The inode, for a call that needs a file that was really opened.
    ///
    /// # Errors
    /// EBADF: foreign, or opened with O_PATH.
    #[inline]
    pub(crate) fn opened<'g>(&self, guard: &'g Guard) -> Result<Shared<'g, Inode>> {
        if self.is_path() { Err(Errno::EBADF) } else { self.inode(guard) }
    }

    /// The inode, for reading.
    ///
    /// # Errors
    /// EBADF: foreign, or not open for reading.
    #[inline]
    pub(crate) fn readable<'g>(&self, guard: &'g Guard) -> Result<Shared<'g, Inode>> {
        let flags = self.flags();
        if flags.readable() && !flags.contains(OFlags::PATH) { self.inode(guard) } else { Err(Errno::EBADF) }
    }

    /// The inode, for writing.
    ///
    /// # Errors
    /// EBADF: foreign, or not open for writing.
    #[inline]
    pub(crate) fn writable<'g>(&self, guard: &'g Guard) -> Result<Shared<'g, Inode>> {
        let flags = self.flags();
        if flags.writable() && !flags.contains(OFlags::PATH) { self.inode(guard) } else { Err(Errno::EBADF) }
    }
}

/// The count of a description that does not exist yet.
struct CountedIn<'s>(&'s Superblock);

impl Drop for CountedIn<'_> {
    fn drop(&mut self) {
        self.0.free_description();
    }
}

/// All that a new description needs, so that making it cannot fail.
pub(super) struct Vacant<'s> {
    memory: refcount::Vacant<Description>,
    counted: CountedIn<'s>,
}

impl Vacant<'_> {
    /// A description of an inode, with the offset at 0.
    #[inline]
    pub(crate) fn of_inode(self, inode: Ref<Inode>, flags: OFlags, opener: u64) -> Ref<Description> {
        self.fill(Slot::new(inode), Kind::Plain, flags, opener)
    }

    /// A description of one end of a pipe or FIFO, which is closed with it.
    pub(crate) fn of_pipe(self, inode: Ref<Inode>, end: End, flags: OFlags, opener: u64) -> Ref<Description> {
        self.fill(Slot::new(inode), Kind::Pipe(end), flags, opener)
    }

    /// A description of something foreign.
    pub(crate) fn of_foreign(self, sb: Ref<Superblock>, foreign: Foreign, flags: OFlags) -> Ref<Description> {
        self.fill(Slot::empty(), Kind::Foreign(foreign, sb), flags, 0)
    }

    #[inline(always)]
    fn fill(self, inode: Slot<Inode>, kind: Kind, flags: OFlags, opener: u64) -> Ref<Description> {
        // It goes back when the description is evicted.
        std::mem::forget(self.counted);
        let (flags, offset, stream_end) = (flags.bits().into(), BiasedLock::new(0), AtomicU64::new(u64::MAX));
        let (created, owner, signal) = (AtomicBool::new(false), AtomicU64::new(0), AtomicI32::new(0));
        self.memory.fill(Description {
            inode,
            kind,
            flags,
            offset,
            stream_end,
            opener,
            created,
            owner,
            signal,
        })
    }
}

fn close(inode: &Inode, end: &End) {
    if let Object::Pipe(pipe) = &inode.object {
        pipe.close(end);
    }
}

impl Evict for Description {
    /// The last descriptor was closed.
    fn evict(&self) {
        // SAFETY: this is called once, and nobody else changes what a description has open.
        if let Some(inode) = unsafe { self.inode.take_alone() } {
            inode.description_closed(self.id());
            if let Kind::Pipe(end) = &self.kind {
                close(&inode, end);
            }
            inode.sb.free_description();
        }
        if let Kind::Foreign(foreign, sb) = &self.kind {
            if let Some(close) = &foreign.close {
                close(foreign.kind, foreign.number);
            }
            sb.free_description();
        }
    }
}
