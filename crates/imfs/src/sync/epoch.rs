//! Epoch-based reclamation: memory that was unlinked is freed when no reader can still hold a reference into it.
//!
//! A reader is *pinned* while it holds a [`Guard`]: it noted the global epoch in a slot of its own thread, so pinning
//! writes no cache line that others write. What is *retired* at epoch e is freed when the epoch has reached e + 2; the
//! epoch advances only when every pinned thread has seen the present one. (Fraser, "Practical lock-freedom", 2004,
//! chapter 5; crossbeam-epoch is the same scheme, but needs thread-locals with destructors, which a Lind grate lacks.)
//! Pinning costs two plain stores where the platform has an asymmetric barrier.
//!
//! This module, `refcount` beside it, the page arena and the platform are the places with `unsafe`: above them
//! everything is checked by the compiler.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use super::lock::{Mutex, rank};
use crate::platform::{barrier, thread};

/// The global epoch. Starts above 0, which in a slot means "not pinned".
static EPOCH: AtomicU64 = AtomicU64::new(2);
/// All slots that ever were; they are used again, and never freed.
static SLOTS: AtomicPtr<ThreadSlot> = AtomicPtr::new(std::ptr::null_mut());
/// How many there are.
static COUNT: AtomicUsize = AtomicUsize::new(0);
/// What ended threads had retired.
static ORPHANS: Mutex<Vec<Retired>, { rank::LEAF }> = Mutex::new(Vec::new());

/// A thread tries to free what it retired when it has this many things,
const MANY: usize = 256;
/// or things of this many bytes.
const LARGE: usize = 256 << 10;

/// One thread's place: aligned so that two threads never write one cache line.
#[repr(align(128))]
struct ThreadSlot {
    /// The epoch that the thread is pinned at, or 0. Written by its thread, read by those who advance the epoch.
    pinned: AtomicU64,
    /// How many guards the thread holds. Its thread's alone.
    depth: AtomicU32,
    /// Whether a thread has this slot.
    taken: AtomicBool,
    /// Whether its thread is freeing things, so that what it drops does not start to free again. Its thread's alone.
    freeing: AtomicBool,
    /// What this thread retired. Its thread's alone.
    bag: UnsafeCell<Bag>,
    /// The next slot of the list; immutable once published.
    next: *mut ThreadSlot,
    /// How many slots were made before this one.
    number: usize,
}

// SAFETY: `bag` is touched only by the thread that took the slot (taking and giving back synchronise through `taken`),
// `next` is immutable once published, the rest is atomic.
unsafe impl Sync for ThreadSlot {}

#[derive(Default)]
struct Bag {
    things: std::collections::VecDeque<Retired>,
    bytes: usize,
}

/// Something to be freed: a pointer and what frees it.
struct Retired {
    epoch: u64,
    bytes: usize,
    pointer: *mut (),
    free: unsafe fn(*mut ()),
}

// SAFETY: only `Send` things are retired (see `retire_box`), so another thread may free them.
unsafe impl Send for Retired {}

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
    let depth = this.depth.load(Ordering::Relaxed);
    this.depth.store(depth + 1, Ordering::Relaxed);
    if depth == 0 {
        this.pinned.store(EPOCH.load(Ordering::Relaxed), Ordering::Relaxed);
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
        let depth = this.depth.load(Ordering::Relaxed) - 1;
        this.depth.store(depth, Ordering::Relaxed);
        if depth == 0 {
            this.pinned.store(0, Ordering::Release);
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

fn new_slot() -> *const ThreadSlot {
    let slot = Box::into_raw(Box::new(ThreadSlot {
        pinned: AtomicU64::new(0),
        depth: AtomicU32::new(0),
        taken: AtomicBool::new(true),
        freeing: AtomicBool::new(false),
        bag: UnsafeCell::default(),
        next: std::ptr::null_mut(),
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

/// What a thread does when it ends: others free what it retired, and another thread takes its slot.
fn give_back(pointer: *const ()) {
    // SAFETY: the pointer is what `register` kept, and slots live for ever.
    let slot = unsafe { &*pointer.cast::<ThreadSlot>() };
    if slot.depth.load(Ordering::Relaxed) != 0 {
        // A thread-local that drops later still holds a guard: its drop comes here again.
        return;
    }
    // SAFETY: still ours until `taken` is cleared.
    let bag = std::mem::take(unsafe { &mut *slot.bag.get() });
    if !bag.things.is_empty() {
        ORPHANS.lock().extend(bag.things);
    }
    slot.taken.store(false, Ordering::Release);
}

impl Guard {
    /// Frees the box when every guard that exists now is gone. Nobody may reach it any more but through such guards.
    ///
    /// `bytes` is about what it holds, so that large things are freed sooner.
    ///
    /// # Safety
    /// The pointer comes from `Box::into_raw`, was unlinked from all shared places, and is retired once.
    pub(super) unsafe fn retire_box<T: Send + 'static>(&self, pointer: *mut T, bytes: usize) {
        /// # Safety
        /// `pointer` is a `Box<T>` that nobody else has.
        unsafe fn free<T>(pointer: *mut ()) {
            // SAFETY: the caller's promise.
            drop(unsafe { Box::from_raw(pointer.cast::<T>()) });
        }
        // Orders the unlinking before the reading of the epoch, as the note of a reader is before its loads.
        barrier::light();
        let epoch = EPOCH.load(Ordering::Relaxed);
        // SAFETY: the slot is this thread's, and no other reference into the bag exists now.
        let bag = unsafe { &mut *(*self.slot).bag.get() };
        bag.things.push_back(Retired { epoch, bytes, pointer: pointer.cast(), free: free::<T> });
        bag.bytes += bytes;
        if bag.things.len().is_multiple_of(MANY) || bag.bytes >= LARGE {
            self.collect();
        }
    }

    /// Advances the epoch if it can, and frees what has been retired long enough.
    #[cold]
    pub(super) fn collect(&self) {
        // SAFETY: slots live for ever.
        let slot = unsafe { &*self.slot };
        if slot.freeing.swap(true, Ordering::Relaxed) {
            return;
        }
        advance();
        let now = EPOCH.load(Ordering::Acquire);
        loop {
            // The bag is this thread's, as in `retire_box`; the reference ends before anything is freed, because what is freed may
            // retire more things.
            let ripe = {
                // SAFETY: see above.
                let bag = unsafe { &mut *slot.bag.get() };
                match bag.things.front() {
                    Some(thing) if thing.epoch + 2 <= now => bag.things.pop_front(),
                    _ => {
                        bag.bytes = bag.things.iter().map(|thing| thing.bytes).sum();
                        None
                    }
                }
            };
            let Some(thing) = ripe else { break };
            // SAFETY: retired two epochs ago, so no guard from before its unlinking exists; and retired once.
            unsafe { (thing.free)(thing.pointer) };
        }
        free_orphans(now);
        slot.freeing.store(false, Ordering::Relaxed);
    }
}

fn free_orphans(now: u64) {
    let ripe: Vec<Retired> = {
        let mut orphans = ORPHANS.lock();
        if orphans.is_empty() {
            return;
        }
        let (ripe, rest) = orphans.drain(..).partition(|thing| thing.epoch + 2 <= now);
        *orphans = rest;
        ripe
    };
    for thing in ripe {
        // SAFETY: as in `collect`.
        unsafe { (thing.free)(thing.pointer) };
    }
}

/// Moves the epoch on if every pinned thread has noted the present one.
fn advance() {
    let now = EPOCH.load(Ordering::Relaxed);
    barrier::heavy();
    let mut at = SLOTS.load(Ordering::Acquire).cast_const();
    while !at.is_null() {
        // SAFETY: slots live for ever.
        let slot = unsafe { &*at };
        let pinned = slot.pinned.load(Ordering::Relaxed);
        if pinned != 0 && pinned != now {
            return;
        }
        at = slot.next;
    }
    // Readers that ended before are done with what they saw.
    std::sync::atomic::fence(Ordering::Acquire);
    let _ = EPOCH.compare_exchange(now, now + 1, Ordering::Release, Ordering::Relaxed);
}

/// Frees all that this and ended threads retired, unless somebody is pinned just now; for the end of an instance.
pub fn flush() {
    for _ in 0..3 {
        // A guard for each round: one that lasted would hold the epoch after its first step.
        pin().collect();
    }
}

/// A box that readers see without a lock, and writers replace as a whole (read, copy, update).
///
/// Who replaces it excludes other writers by a lock.
#[derive(Debug)]
pub struct RcuBox<T: Send + Sync + 'static>(AtomicPtr<T>, PhantomData<Box<T>>);

impl<T: Send + Sync + 'static> RcuBox<T> {
    /// A box of `value`.
    pub fn new(value: T) -> Self {
        Self(AtomicPtr::new(Box::into_raw(Box::new(value))), PhantomData)
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
        let place = Arc::new(RcuBox::new(Counts(drops.clone())));
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
    fn readers_and_writers_at_once() {
        let place = RcuBox::new([1_u64; 4]);
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
