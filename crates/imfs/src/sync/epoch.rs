//! Epoch-based reclamation: memory that was unlinked is freed when no reader can still hold a reference into it.
//!
//! A reader is *pinned* while it holds a [`Guard`]: it noted the global epoch in a slot of its own thread, so pinning
//! writes no cache line that others write. What is *retired* at epoch e is freed when the epoch has reached e + 3; the
//! epoch advances only when every pinned thread has seen the present one. (Fraser, "Practical lock-freedom", 2004,
//! chapter 5; crossbeam-epoch is the same scheme, but needs thread-locals with destructors, which a Lind grate lacks.)
//! Pinning costs two plain stores where the platform has an asymmetric barrier.
//!
//! # Why three epochs
//! The step of the epoch from k to k + 1 has a heavy barrier, H(k), between the reading of k and the look at the notes.
//! A thread that unlinks something and then reads epoch r did both before H(r + 1), for after that it would read more. So
//! a reader that does not see the unlinking made its loads before H(r + 1), and its note before them: the step that
//! follows H(r + 1) finds the note. It goes on only if the note says r + 1, and then the next step does not. So while
//! that reader is pinned the epoch is at most r + 2. (Two epochs are enough where unlinking and the reading of the epoch
//! are ordered by a fence of their own.)
//!
//! This module, `bag`, `pool`, `refcount` and `biased` beside it, the page arena and the platform are the places with `unsafe`: above them
//! everything is checked by the compiler.

use crate::sync::primitives::atomic::{
    AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};
use std::alloc::Layout;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::bag::{Bag, Retired};
use super::biased;
use super::pool::{self, Pool};
pub use super::reclaim::flush;
use super::reclaim::{FEW, LARGE, collect_due};
use crate::platform::{barrier, thread};

/// A word that threads read all the time and write seldom, away from others.
#[repr(align(128))]
pub(super) struct Apart<T>(pub(super) T);

/// The global epoch. Starts above 0, which in a slot means "not pinned".
pub(super) static EPOCH: Apart<AtomicU64> = Apart(AtomicU64::new(2));
/// All slots that ever were; they are used again, and never freed.
static SLOTS: AtomicPtr<ThreadSlot> = AtomicPtr::new(std::ptr::null_mut());
/// How many there are.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// One thread's place: aligned so that two threads never write one cache line.
#[repr(align(128))]
pub(super) struct ThreadSlot {
    /// The epoch that the thread is pinned at, or 0. Written by its thread, read by those who advance the epoch.
    pub(super) pinned: AtomicU64,
    /// How many guards the thread holds. Its thread's alone.
    depth: Cell<u32>,
    /// Whether a thread has this slot.
    pub(super) taken: AtomicBool,
    /// Whether its thread retired so much since it last freed things that it should do so when it is not pinned any
    /// more. Its thread's alone.
    pub(super) due: AtomicBool,
    /// How many things that is: see `reclaim`. Its thread's alone.
    pub(super) many: AtomicUsize,
    /// Whether things of many bytes came since it last tried. Its thread's alone.
    pub(super) large: AtomicBool,
    /// How often it tried. Its thread's alone.
    pub(super) tries: AtomicU32,
    /// Whether its thread is freeing things, so that what it drops does not start to free again. Its thread's alone.
    pub(super) freeing: AtomicBool,
    /// What this thread retired, and nobody freed yet.
    pub(super) bag: Bag,
    /// Memory for its new objects. Its thread's alone.
    pub(super) pool: Pool,
    /// The next slot of the list; immutable once published.
    next: *mut ThreadSlot,
    /// The biased locks that its thread has without having taken them, by their addresses, or 0.
    pub(super) holding: [AtomicUsize; biased::PLACES],
    /// How many slots were made before this one.
    pub(super) number: usize,
}

// SAFETY: `next` is immutable once published, `depth` and `pool` are used by the thread alone that has the slot, the rest is
// `Sync`.
unsafe impl Sync for ThreadSlot {}

/// The proof that this thread is pinned. References that were loaded under it live as long as it does.
///
/// A guard is held for one operation and never while its holder waits for another caller.
#[derive(Debug)]
pub struct Guard {
    slot: *const ThreadSlot,
    /// A guard belongs to its thread.
    not_send: PhantomData<*mut ()>,
}

impl std::fmt::Debug for ThreadSlot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ThreadSlot").field("pinned", &self.pinned).finish_non_exhaustive()
    }
}

/// Pins this thread.
#[inline]
pub fn pin() -> Guard {
    let mut slot = thread::get().cast::<ThreadSlot>();
    if slot.is_null() {
        slot = register();
    }
    // SAFETY: slots live for ever.
    let this = unsafe { &*slot };
    let depth = this.depth.get();
    this.depth.set(depth + 1);
    if depth == 0 {
        // Release: who sees this note and not the end of what this thread was pinned for before, sees that too.
        barrier::store(&this.pinned, EPOCH.0.load(Ordering::Relaxed));
        // Orders the note before every load under the guard. Whoever advances the epoch has a heavy barrier between
        // what was unlinked before and its look at the notes.
        barrier::light();
    }
    Guard { slot, not_send: PhantomData }
}

impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: slots live for ever, and this one is still ours: a guard doesn't leave its thread.
        let this = unsafe { &*self.slot };
        let depth = this.depth.get() - 1;
        this.depth.set(depth);
        if depth == 0 {
            barrier::store(&this.pinned, 0);
            if this.due.load(Ordering::Relaxed) {
                collect_due(this);
            }
            if thread::get().is_null() {
                // Pinned while the thread was ending, after its slot had been given back.
                give_back(self.slot.cast());
            }
        }
    }
}

/// A number that this thread has alone while it runs, small if there never were many: to choose among shards.
#[inline]
pub(crate) fn thread_number() -> usize {
    let mut slot = thread::get().cast::<ThreadSlot>();
    if slot.is_null() {
        drop(pin());
        slot = thread::get().cast();
    }
    // SAFETY: null in a thread that is ending, or a slot, which lives for ever.
    unsafe { slot.as_ref() }.map_or(0, |slot| slot.number)
}

/// Takes a slot for this thread.
#[cold]
fn register() -> *const ThreadSlot {
    barrier::init();
    let slot = free_slot().unwrap_or_else(new_slot);
    // If the thread is ending already nothing is kept, and the guard's drop gives the slot back.
    thread::set(slot.cast(), give_back);
    // With that in `alone`: a thread that does not see our slot taken has unlinked what it frees before we load anything.
    fence(Ordering::SeqCst);
    slot
}

fn free_slot() -> Option<*const ThreadSlot> {
    let mut at = SLOTS.load(Ordering::Acquire).cast_const();
    while !at.is_null() {
        // SAFETY: slots live for ever.
        let slot = unsafe { &*at };
        if slot.taken.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok() {
            return Some(at);
        }
        at = slot.next;
    }
    None
}

/// A slot for a thread beyond those that ever ran at once.
///
/// It is allocated infallibly: there are as many as the door has threads, so no cage can make them grow, and each of them
/// has got a stack a thousand times as large before.
fn new_slot() -> *const ThreadSlot {
    let slot = Box::into_raw(Box::new(ThreadSlot {
        pinned: AtomicU64::new(0),
        depth: Cell::new(0),
        taken: AtomicBool::new(true),
        due: AtomicBool::new(false),
        many: AtomicUsize::new(FEW),
        large: AtomicBool::new(false),
        tries: AtomicU32::new(0),
        freeing: AtomicBool::new(false),
        bag: Bag::new(),
        pool: Pool::new(),
        next: std::ptr::null_mut(),
        holding: Default::default(),
        number: COUNT.fetch_add(1, Ordering::Relaxed),
    }));
    let mut head = SLOTS.load(Ordering::Relaxed);
    loop {
        // SAFETY: not published yet, so ours alone.
        unsafe { (*slot).next = head };
        match SLOTS.compare_exchange_weak(head, slot, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return slot,
            Err(now) => head = now,
        }
    }
}

/// What a thread does when it ends: another one takes its slot, and what is in its bag.
fn give_back(pointer: *const ()) {
    // SAFETY: the pointer is what `register` kept, and slots live for ever.
    let slot = unsafe { &*pointer.cast::<ThreadSlot>() };
    // Else a thread-local that drops later still holds a guard: its drop comes here again.
    if slot.depth.get() == 0 {
        slot.pool.clear();
        slot.taken.store(false, Ordering::Release);
    }
}

impl Guard {
    /// Frees the box when every guard that exists now is gone. Nobody may reach it any more but through such guards.
    ///
    /// `bytes` is about what it holds, so that large things are freed sooner.
    ///
    /// # Safety
    /// The pointer comes from `Box::into_raw`, was unlinked from all shared places, and is retired once.
    unsafe fn retire_box<T: Send + 'static>(&self, pointer: *mut T, bytes: usize) {
        /// # Safety
        /// `pointer` is a `Box<T>` that nobody else has.
        unsafe fn free<T>(pointer: *mut ()) {
            // SAFETY: the caller's promise.
            drop(unsafe { Box::from_raw(pointer.cast::<T>()) });
        }
        // SAFETY: the caller's promise; and it may be freed by another thread, as it is `Send`.
        unsafe { self.retire(pointer.cast(), free::<T>, bytes) }
    }

    /// Calls `free(pointer)`, in some thread, when every guard that exists now is gone; `bytes` as in `retire_box`.
    ///
    /// # Safety
    /// Then nobody can reach what is there any more, and `free` may be called with it, once and in any thread.
    pub(super) unsafe fn retire(&self, pointer: *mut (), free: unsafe fn(*mut ()), bytes: usize) {
        // Keeps the reading of the epoch behind the unlinking in this thread: see the module's documentation.
        barrier::light();
        let epoch = EPOCH.0.load(Ordering::Relaxed);
        // SAFETY: slots live for ever.
        let slot = unsafe { &*self.slot };
        // SAFETY: this thread has the slot and is pinned, which is what the guard says.
        let news = unsafe { slot.bag.put(Retired { epoch, pointer, free }, bytes) };
        let large = news.bytes >= LARGE;
        if large || news.things >= slot.many.load(Ordering::Relaxed) {
            slot.large.store(large, Ordering::Relaxed);
            slot.due.store(true, Ordering::Relaxed);
        }
    }
}

/// Memory for an object, from this thread's pool if that has any. `None` if the host has none.
#[inline]
pub(super) fn allocate(layout: Layout) -> Option<NonNull<u8>> {
    pool::allocate(own_pool(), layout)
}

/// Gives memory to this thread's pool, or back to the host.
///
/// # Safety
/// It came from [`allocate`] with the same layout, and nobody uses it any more.
#[inline]
pub(super) unsafe fn deallocate(pointer: NonNull<u8>, layout: Layout) {
    // SAFETY: the caller's promise.
    unsafe { pool::free(own_pool(), pointer, layout) }
}

/// This thread's pool, once it has a slot.
#[inline]
fn own_pool() -> Option<&'static Pool> {
    // SAFETY: null, or a slot that this thread has; these live for ever.
    unsafe { thread::get().cast::<ThreadSlot>().as_ref() }.map(|slot| &slot.pool)
}

/// This thread's slot, if it has one: it was pinned before, and is not ending.
#[inline]
pub(super) fn this_slot() -> Option<&'static ThreadSlot> {
    // SAFETY: null, or a slot, which lives for ever.
    unsafe { thread::get().cast::<ThreadSlot>().as_ref() }
}

/// All slots.
pub(super) fn slots() -> impl Iterator<Item = &'static ThreadSlot> {
    // SAFETY: null, or a slot: these live for ever.
    let at = |slot: *const ThreadSlot| unsafe { slot.as_ref() };
    std::iter::successors(at(SLOTS.load(Ordering::Acquire)), move |slot| at(slot.next))
}

/// Forgets the guards of this thread: for a door whose last call on it ended without unwinding, as a trap in a
/// WebAssembly instance does. Without that nothing would be freed any more.
///
/// # Safety
/// Nothing of this thread uses a guard that it made before, or what it loaded under one.
pub unsafe fn abandon() {
    let slot = thread::get().cast::<ThreadSlot>();
    // SAFETY: slots live for ever.
    if let Some(slot) = unsafe { slot.as_ref() } {
        slot.depth.set(0);
        slot.freeing.store(false, Ordering::Relaxed);
        slot.holding.iter().for_each(|place| place.store(0, Ordering::Release));
        slot.pinned.store(0, Ordering::Release);
    }
}

/// A box that readers see without a lock, and writers replace as a whole (read, copy, update).
///
/// Who replaces it excludes other writers by a lock.
#[derive(Debug)]
pub struct RcuBox<T: Send + Sync + 'static>(AtomicPtr<T>, PhantomData<Box<T>>);

impl<T: Send + Sync + 'static> RcuBox<T> {
    /// A box that is read so from now on.
    pub fn new(value: Box<T>) -> Self {
        Self(AtomicPtr::new(Box::into_raw(value)), PhantomData)
    }

    /// A box of nothing.
    pub const fn empty() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()), PhantomData)
    }

    /// What is in it now.
    #[inline]
    pub fn load<'g>(&self, _guard: &'g Guard) -> Option<&'g T> {
        // SAFETY: what was in the box is retired when it is replaced, and then lives as long as the guard.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Puts `value` in it. What was there is retired when the result is dropped: outside of sequence locks, please.
    /// `bytes` is about what it holds.
    pub fn replace<'g>(&self, value: Option<Box<T>>, bytes: usize, guard: &'g Guard) -> Replaced<'g, T> {
        let new = value.map_or(std::ptr::null_mut(), Box::into_raw);
        Replaced { old: self.0.swap(new, Ordering::AcqRel), bytes, guard }
    }
}

/// What was in an [`RcuBox`] before.
#[derive(Debug)]
pub struct Replaced<'g, T: Send + 'static> {
    old: *mut T,
    bytes: usize,
    guard: &'g Guard,
}

impl<T: Send + 'static> Drop for Replaced<'_, T> {
    fn drop(&mut self) {
        if !self.old.is_null() {
            // SAFETY: it came from a box, was unlinked by the swap that made us, and the swap gave it to us alone.
            unsafe { self.guard.retire_box(self.old, self.bytes) };
        }
    }
}

impl<T: Send + Sync + 'static> Drop for RcuBox<T> {
    fn drop(&mut self) {
        let value = *self.0.get_mut();
        if !value.is_null() {
            // SAFETY: nobody has a reference to the `RcuBox`, so nobody can have loaded from it under a guard that
            // still lives: whatever owns it was itself retired or never shared.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::reclaim::MANY;
    use super::*;
    use std::sync::Arc;

    struct Counts(Arc<AtomicUsize>);
    impl Drop for Counts {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn what_a_reader_holds_outlives_its_replacement() {
        let drops = Arc::new(AtomicUsize::new(0));
        let place = Arc::new(RcuBox::new(Box::new(Counts(drops.clone()))));
        let guard = pin();
        let seen = place.load(&guard).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                drop(place.replace(None, 0, &pin()));
                flush();
            });
        });
        assert_eq!(drops.load(Ordering::SeqCst), 0);
        assert!(Arc::ptr_eq(&seen.0, &drops));
        drop(guard);
        // Other tests of the process may be pinned for a moment.
        while drops.load(Ordering::SeqCst) == 0 {
            flush();
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_an_idle_thread_retired_is_freed_by_others() {
        let drops = Arc::new(AtomicUsize::new(0));
        let (done, wait) = std::sync::mpsc::channel::<()>();
        let (retired, ready) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            let drops_of_thread = drops.clone();
            scope.spawn(move || {
                let place = RcuBox::new(Box::new(Counts(drops_of_thread)));
                drop(place.replace(None, 0, &pin()));
                retired.send(()).unwrap();
                // Idle until the end.
                let _ = wait.recv();
            });
            ready.recv().unwrap();
            while drops.load(Ordering::SeqCst) == 0 {
                flush();
                std::thread::yield_now();
            }
            drop(done);
        });
    }

    #[test]
    fn what_is_retired_under_a_guard_is_freed_soon_after_it() {
        let drops = Arc::new(AtomicUsize::new(0));
        let place = RcuBox::new(Box::new(Counts(drops.clone())));
        let rounds = if cfg!(miri) { 3 } else { 20 } * MANY;
        for _ in 0..rounds {
            let guard = pin();
            drop(place.replace(Some(Box::new(Counts(drops.clone()))), 8, &guard));
        }
        // Others may have been pinned at bad moments, but not always.
        while drops.load(Ordering::SeqCst) < rounds / 2 {
            flush();
            std::thread::yield_now();
        }
    }

    #[test]
    fn readers_and_writers_at_once() {
        let place = RcuBox::new(Box::new([1_u64; 4]));
        let rounds = if cfg!(miri) { 50 } else { 20_000 };
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        let guard = pin();
                        let value = place.load(&guard).unwrap();
                        assert!(value.iter().all(|x| *x == value[0]));
                    }
                });
            }
            scope.spawn(|| {
                for n in 0..rounds {
                    drop(place.replace(Some(Box::new([n as u64; 4])), 32, &pin()));
                }
            });
        });
    }
}
