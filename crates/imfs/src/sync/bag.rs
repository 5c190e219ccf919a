//! What a thread retired and nobody has freed yet: see `epoch`.
//!
//! A bag belongs to a thread, which uses it only while it is pinned, and then without a lock. Others take things out while
//! it is not pinned, so that what an idle thread retired does not stay: who wants to *marks* the bag, and looks, behind a
//! heavy barrier, whether its thread is pinned. The thread pins itself and looks, behind a light barrier, for the mark. One
//! of both sees the other: the thread waits for the end of a mark, the other leaves a bag alone whose thread is pinned.

use std::cell::UnsafeCell;
use std::collections::VecDeque;

use super::seq::pause;
use crate::sync::primitives::atomic::{AtomicUsize, Ordering};

/// How many things are taken out at a time.
pub(super) const BATCH: usize = 64;
/// A bag that was emptied keeps its memory only for so many.
const KEPT: usize = 1024;
/// The mark of nobody.
const NOBODY: usize = 0;

/// Something to be freed: a pointer and what frees it.
pub(super) struct Retired {
    pub(super) epoch: u64,
    pub(super) pointer: *mut (),
    pub(super) free: unsafe fn(*mut ()),
}

/// What came since the thread last took things out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct News {
    pub(super) things: usize,
    pub(super) bytes: usize,
}

/// What was taken out of a bag, in no more places than are needed, from the first on.
pub(super) type Ripe = [Option<Retired>; BATCH];

#[derive(Default)]
struct Contents {
    /// In the order of their epochs.
    things: VecDeque<Retired>,
    news: News,
}

/// One thread's bag.
pub(super) struct Bag {
    contents: UnsafeCell<Contents>,
    /// How many things are in it: written by whoever has the contents, read by all.
    len: AtomicUsize,
    /// Who marked it, as the number of their slot plus 1.
    mark: AtomicUsize,
}

// SAFETY: the contents are used by one thread at a time (see the module's documentation). They are pointers to things
// that any thread may free.
unsafe impl Sync for Bag {}
// SAFETY: as above.
unsafe impl Send for Bag {}

impl Contents {
    /// Takes out a batch of those from the front that are ripe.
    fn take(&mut self, ripe: impl Fn(&Retired) -> bool) -> Ripe {
        let batch = std::array::from_fn(|_| self.things.pop_front_if(|thing| ripe(thing)));
        if self.things.is_empty() && self.things.capacity() > KEPT {
            self.things = VecDeque::new();
        }
        batch
    }
}

impl Bag {
    pub(super) fn new() -> Self {
        Self { contents: UnsafeCell::default(), len: AtomicUsize::new(0), mark: AtomicUsize::new(NOBODY) }
    }

    /// How many things are in it.
    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Puts something in, and returns what came since the last [`take_own`](Self::take_own). If the host has no memory for
    /// a few words the thing is lost: the alternatives are to free it too soon, or to wait for readers, who may be waiting
    /// for us.
    ///
    /// # Safety
    /// The bag is this thread's, which is pinned.
    #[inline]
    pub(super) unsafe fn put(&self, thing: Retired, bytes: usize) -> News {
        self.wait_for_mark();
        // SAFETY: we are pinned and saw no mark, so nobody else uses the contents before we are not pinned any more.
        let contents = unsafe { &mut *self.contents.get() };
        contents.news.things += 1;
        contents.news.bytes += bytes;
        if contents.things.try_reserve(1).is_ok() {
            contents.things.push_back(thing);
            self.len.store(contents.things.len(), Ordering::Relaxed);
        }
        contents.news
    }

    /// Takes out a batch of what is `ripe`, and starts to count anew what comes.
    ///
    /// # Safety
    /// As for [`put`](Self::put).
    pub(super) unsafe fn take_own(&self, ripe: impl Fn(&Retired) -> bool) -> Ripe {
        self.wait_for_mark();
        // SAFETY: as in `put`.
        let contents = unsafe { &mut *self.contents.get() };
        contents.news = News::default();
        let batch = contents.take(ripe);
        self.len.store(contents.things.len(), Ordering::Relaxed);
        batch
    }

    /// Marks the bag for the thread with slot number `number`, unless another did. Whether it did.
    pub(super) fn mark(&self, number: usize) -> bool {
        self.mark.compare_exchange(NOBODY, number + 1, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Takes out a batch of what is `ripe` in another thread's bag.
    ///
    /// # Safety
    /// This thread marked it, and found its thread not pinned behind a heavy barrier after that.
    pub(super) unsafe fn take(&self, ripe: impl Fn(&Retired) -> bool) -> Ripe {
        // SAFETY: its thread uses the contents only while it is pinned, and when it is again it sees the mark and waits.
        let contents = unsafe { &mut *self.contents.get() };
        let batch = contents.take(ripe);
        self.len.store(contents.things.len(), Ordering::Relaxed);
        batch
    }

    /// Ends the mark.
    pub(super) fn unmark(&self) {
        self.mark.store(NOBODY, Ordering::Release);
    }

    /// Waits while somebody is taking things out, or finding out that it must not.
    #[inline]
    fn wait_for_mark(&self) {
        if self.mark.load(Ordering::Acquire) != NOBODY {
            self.wait();
        }
    }

    #[cold]
    fn wait(&self) {
        let mut turn = 0;
        while self.mark.load(Ordering::Acquire) != NOBODY {
            pause(&mut turn);
        }
    }
}
