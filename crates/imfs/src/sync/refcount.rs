//! Counted references to shared objects, and slots that hold one and can be read without a lock.
//!
//! A count that many threads change at once is *spread*: each thread then counts in a cache line of its own. A spread
//! count cannot tell its zero, so it is gathered before the reference is dropped that keeps it above zero: that of a
//! directory entry, say. The scheme is Linux's `percpu_ref`, without its grace period: a gathered stripe is closed, and
//! whoever finds it so counts in the middle. While stripes are open, or being opened or closed, the middle alone says
//! nothing (a reference may be made in a stripe and dropped in the middle), so as long it carries a bias that keeps it
//! from 0.
//!
//! An object is *evicted*, that is told by [`Evict::evict`] that it is out of use, as soon as its last [`Ref`] is
//! dropped; its memory is freed when no pinned reader can still see it. So a reader may hold [`Shared`], a reference
//! to an object that has just been evicted: it can look at it, but no longer turn it into a `Ref`.

use crate::sync::primitives::atomic::{AtomicIsize, AtomicPtr, AtomicUsize, Ordering, fence};
use std::alloc::Layout;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;

use super::alloc::OnceBox;
use super::epoch::{self, Guard};
use super::lock::{Mutex, rank};
use crate::platform::barrier;

/// What an object does when nobody uses it any more.
pub trait Evict: Send + Sync + Sized + 'static {
    /// Called once, when the last [`Ref`] was dropped, in the thread that dropped it. Gives up at once what others
    /// wait for: space, locks, ends of pipes.
    fn evict(&self) {}

    /// About how many bytes it keeps outside of itself until its memory is freed: much is freed sooner.
    fn bytes(&self) -> usize {
        0
    }
}

#[repr(C)]
struct Counted<T> {
    /// How many `Ref`s there are, those in slots included, less those counted in stripes, plus [`BIAS`] while stripes
    /// are open. Once 0 it stays 0.
    count: AtomicUsize,
    /// Where threads count while the count is spread; once made it stays.
    stripes: OnceBox<Stripes>,
    value: T,
}

/// A power of two.
const STRIPES: usize = 16;
/// What a stripe holds when it is not counted in. Counts stay far from it: each stands for a `Ref` in memory.
const CLOSED: isize = isize::MIN;

/// What the middle has in addition while not all stripes are closed: more than there can be references.
const BIAS: usize = 1 << (usize::BITS - 2);

/// The counts of threads: each may be negative, for references are dropped by other threads than made them.
#[derive(Debug)]
struct Stripes {
    counts: [Stripe; STRIPES],
    /// Whether they are open. Held while that changes.
    open: Mutex<bool, { rank::LEAF }>,
}

#[derive(Debug)]
#[repr(align(128))]
struct Stripe(AtomicIsize);

impl<T> Counted<T> {
    /// Adds `by` to this thread's stripe, if the count is spread.
    #[inline]
    fn add_to_stripe(&self, by: isize) -> bool {
        match self.stripes.get() {
            Some(stripes) => stripes.add(by),
            None => false,
        }
    }

    /// Opens all stripes, if there is somebody who will gather.
    #[cold]
    fn spread(&self, anchored: impl Fn() -> bool) {
        let Some(stripes) = self.stripes.get_or_make(Stripes::closed) else { return };
        // With the light barrier of `gather`: if that does not see the stripes, we see what came before it.
        barrier::heavy();
        let mut open = stripes.open.lock();
        // Who gathers before us made this false before it took the lock; who gathers after us finds them open.
        if *open || !anchored() {
            return;
        }
        self.count.fetch_add(BIAS, Ordering::AcqRel);
        for stripe in &stripes.counts {
            stripe.0.store(0, Ordering::Release);
        }
        *open = true;
    }

    /// Closes all stripes, and counts in the middle again. The caller has a reference.
    #[inline]
    fn gather(&self) {
        barrier::light();
        if let Some(stripes) = self.stripes.get() {
            stripes.close(&self.count);
        }
    }
}

impl Stripes {
    fn closed() -> Self {
        let counts = std::array::from_fn(|_| Stripe(AtomicIsize::new(CLOSED)));
        Self { counts, open: Mutex::new(false) }
    }

    fn add(&self, by: isize) -> bool {
        let stripe = &self.counts[epoch::thread_number() % STRIPES].0;
        let mut now = stripe.load(Ordering::Relaxed);
        while now != CLOSED {
            // Release: what this thread did with the object comes before its eviction, as for the middle count.
            // Acquire: who counts in an open stripe, and in the middle afterwards, finds the bias there.
            match stripe.compare_exchange_weak(now, now + by, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(changed) => now = changed,
            }
        }
        false
    }

    #[cold]
    fn close(&self, count: &AtomicUsize) {
        let mut open = self.open.lock();
        if !*open {
            return;
        }
        for stripe in &self.counts {
            let counted = stripe.0.swap(CLOSED, Ordering::AcqRel);
            count.fetch_add(counted as usize, Ordering::AcqRel);
        }
        count.fetch_sub(BIAS, Ordering::AcqRel);
        *open = false;
    }
}

/// A counted reference: while it lives, the object is in use.
pub struct Ref<T: Evict>(NonNull<Counted<T>>, PhantomData<Counted<T>>);

// SAFETY: as for `Arc`: it gives shared access from any thread, and whichever drops the last one drops the value.
unsafe impl<T: Evict> Send for Ref<T> {}
// SAFETY: as above.
unsafe impl<T: Evict> Sync for Ref<T> {}

/// Memory for an object that is still to be made, so that nothing can fail any more when it is.
pub struct Vacant<T: Evict>(NonNull<Counted<T>>);

// SAFETY: memory that nobody else has.
unsafe impl<T: Evict> Send for Vacant<T> {}
// SAFETY: nothing can be done with a shared reference to it.
unsafe impl<T: Evict> Sync for Vacant<T> {}

impl<T: Evict> Vacant<T> {
    /// `None` if the host has no memory.
    #[inline]
    pub fn try_new() -> Option<Self> {
        epoch::allocate(Layout::new::<Counted<T>>()).map(|memory| Self(memory.cast()))
    }

    /// Makes the object.
    #[inline(always)]
    pub fn fill(self, value: T) -> Ref<T> {
        let (count, stripes) = (AtomicUsize::new(1), OnceBox::new());
        let memory = std::mem::ManuallyDrop::new(self).0;
        // SAFETY: the memory is for this type, and ours alone.
        unsafe { memory.write(Counted { count, stripes, value }) };
        Ref(memory, PhantomData)
    }

    /// The same, where the first references are still to be made.
    #[inline(always)]
    pub fn fresh(self, value: T) -> Fresh<T> {
        Fresh(self.fill(value))
    }
}

impl<T: Evict> Drop for Vacant<T> {
    fn drop(&mut self) {
        // SAFETY: it came from `allocate` for this type, and no object was made in it.
        unsafe { epoch::deallocate(self.0.cast(), Layout::new::<Counted<T>>()) };
    }
}

impl<T: Evict> fmt::Debug for Vacant<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vacant")
    }
}

/// A new object, that nobody else has yet: references to it cost nothing.
#[derive(Debug)]
pub struct Fresh<T: Evict>(Ref<T>);

impl<T: Evict> Fresh<T> {
    /// The reference to it.
    #[inline]
    pub fn share(self) -> Ref<T> {
        self.0
    }

    /// Two references to it.
    #[inline]
    pub fn share_twice(self) -> (Ref<T>, Ref<T>) {
        // Nobody else counts yet.
        self.0.counted().count.store(2, Ordering::Relaxed);
        let other = Ref(self.0.0, PhantomData);
        (self.0, other)
    }
}

impl<T: Evict> Deref for Fresh<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Evict> Ref<T> {
    /// A new object. `None` if the host has no memory.
    #[inline]
    pub fn try_new(value: T) -> Option<Self> {
        Vacant::try_new().map(|vacant| vacant.fill(value))
    }

    /// Whether both are the same object.
    #[inline]
    pub fn same(&self, other: &T) -> bool {
        std::ptr::eq::<T>(&**self, other)
    }

    /// This reference as one that a reader under `guard` has.
    #[inline]
    pub fn share<'g>(&self, _guard: &'g Guard) -> Shared<'g, T> {
        Shared(self.0, PhantomData)
    }

    /// Lets threads count in cache lines of their own, until [`gather`](Self::gather), if `anchored` says that somebody
    /// has a reference who will gather before dropping it. What makes `anchored` false must come before that gathering.
    pub fn spread(&self, anchored: impl Fn() -> bool) {
        self.counted().spread(anchored);
    }

    /// Ends what [`spread`](Self::spread) began: from now on the last drop is noticed.
    #[inline]
    pub fn gather(&self) {
        self.counted().gather();
    }

    /// Drops this reference, and if it was the last one gives the object to the caller to look at before it is evicted.
    #[inline]
    pub fn release(self) -> Option<Last<T>> {
        let this = std::mem::ManuallyDrop::new(self);
        let counted = this.counted();
        if !counted.add_to_stripe(-1) && counted.count.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            return Some(Last(this.0, PhantomData));
        }
        None
    }

    fn counted(&self) -> &Counted<T> {
        // SAFETY: while a `Ref` lives the object is not retired.
        unsafe { self.0.as_ref() }
    }
}

impl<T: Evict> Deref for Ref<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.counted().value
    }
}

impl<T: Evict> Clone for Ref<T> {
    #[inline]
    fn clone(&self) -> Self {
        let counted = self.counted();
        if !counted.add_to_stripe(1) {
            counted.count.fetch_add(1, Ordering::Relaxed);
        }
        Self(self.0, PhantomData)
    }
}

impl<T: Evict> Drop for Ref<T> {
    #[inline]
    fn drop(&mut self) {
        drop(Self(self.0, PhantomData).release());
    }
}

/// An object whose last reference was dropped. It is evicted when this is dropped.
pub struct Last<T: Evict>(NonNull<Counted<T>>, PhantomData<Counted<T>>);

impl<T: Evict> Deref for Last<T> {
    type Target = T;
    fn deref(&self) -> &T {
        // SAFETY: the object is retired when `self` is dropped.
        unsafe { &self.0.as_ref().value }
    }
}

impl<T: Evict> Drop for Last<T> {
    #[cold]
    fn drop(&mut self) {
        self.evict();
        let bytes = size_of::<Counted<T>>() + self.bytes();
        // SAFETY: the count became 0 through the reference that we were, and stays 0, so nobody else retires it; and
        // nobody but pinned readers can reach it. As it is `Send` any thread may free it.
        unsafe { epoch::pin().retire(self.0.as_ptr().cast(), free::<T>, bytes) };
    }
}

/// Ends an object, and frees its memory.
///
/// # Safety
/// `pointer` is a `Counted<T>` that [`Vacant::fill`] made, and nobody else has it.
unsafe fn free<T: Evict>(pointer: *mut ()) {
    let pointer = pointer.cast::<Counted<T>>();
    // SAFETY: the caller's promise: its memory came from `allocate`, for this type.
    unsafe {
        pointer.drop_in_place();
        epoch::deallocate(NonNull::new_unchecked(pointer).cast(), Layout::new::<Counted<T>>());
    }
}

impl<T: Evict + fmt::Debug> fmt::Debug for Ref<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

/// A reference that a pinned reader has: the memory lives as long as the guard, the object may be evicted already.
pub struct Shared<'g, T: Evict>(NonNull<Counted<T>>, PhantomData<&'g Counted<T>>);

impl<T: Evict> Clone for Shared<'_, T> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Evict> Copy for Shared<'_, T> {}

impl<'g, T: Evict> Shared<'g, T> {
    /// The object.
    #[inline]
    pub fn get(self) -> &'g T {
        // SAFETY: it was loaded under a guard that lives for 'g, and is freed after all such guards.
        unsafe { &self.0.as_ref().value }
    }

    /// A counted reference, or `None` if the object was evicted.
    #[inline]
    pub fn upgrade(self) -> Option<Ref<T>> {
        self.try_upgrade(&mut false)
    }

    /// [`upgrade`](Self::upgrade) that sets `contended` if another thread counted at the same time.
    #[inline]
    pub fn try_upgrade(self, contended: &mut bool) -> Option<Ref<T>> {
        // SAFETY: as in `get`.
        let counted = unsafe { self.0.as_ref() };
        if counted.add_to_stripe(1) {
            // It was open, so a reference that is not in a stripe keeps the object in use.
            return Some(Ref(self.0, PhantomData));
        }
        let mut now = counted.count.load(Ordering::Relaxed);
        while now != 0 {
            match counted.count.compare_exchange_weak(now, now + 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Some(Ref(self.0, PhantomData)),
                Err(changed) => {
                    *contended = true;
                    now = changed;
                }
            }
        }
        None
    }

    /// Whether the object is out of use.
    #[inline]
    pub fn evicted(self) -> bool {
        // SAFETY: as in `get`.
        unsafe { self.0.as_ref().count.load(Ordering::Acquire) == 0 }
    }

    /// Whether both are the same object.
    #[inline]
    pub fn same(self, other: Self) -> bool {
        self.0 == other.0
    }
}

impl<T: Evict> Deref for Shared<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        self.get()
    }
}

impl<T: Evict + fmt::Debug> fmt::Debug for Shared<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        T::fmt(self, f)
    }
}

/// A place that knows an object and holds no reference to it.
pub struct Hint<T: Evict>(AtomicPtr<Counted<T>>, PhantomData<fn() -> T>);

impl<T: Evict> Default for Hint<T> {
    fn default() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()), PhantomData)
    }
}

impl<T: Evict> Hint<T> {
    /// Knows `object` from now on.
    #[inline]
    pub fn set(&self, object: Shared<'_, T>) {
        self.0.store(object.0.as_ptr(), Ordering::Relaxed);
    }

    /// Whether it knows something at the address of `object`: the same, if that has not been freed since.
    #[inline]
    pub fn is(&self, object: Shared<'_, T>) -> bool {
        std::ptr::eq(self.0.load(Ordering::Relaxed), object.0.as_ptr())
    }

    /// What it knows.
    ///
    /// # Safety
    /// The object was not retired before `guard` was made.
    #[inline]
    pub unsafe fn get<'g>(&self, _guard: &'g Guard) -> Option<Shared<'g, T>> {
        NonNull::new(self.0.load(Ordering::Relaxed)).map(|object| Shared(object, PhantomData))
    }
}

impl<T: Evict> fmt::Debug for Hint<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hint({:p})", self.0.load(Ordering::Relaxed))
    }
}

/// A place that holds a counted reference or nothing, and is read without a lock.
pub struct Slot<T: Evict>(AtomicPtr<Counted<T>>, PhantomData<Ref<T>>);

impl<T: Evict> Default for Slot<T> {
    fn default() -> Self {
        Self::empty()
    }
}

impl<T: Evict> Slot<T> {
    /// A place with nothing in it.
    pub const fn empty() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()), PhantomData)
    }

    /// A place that holds `value`.
    pub fn new(value: Ref<T>) -> Self {
        Self(AtomicPtr::new(into_raw(Some(value))), PhantomData)
    }

    /// What is there now.
    #[inline]
    pub fn load<'g>(&self, _guard: &'g Guard) -> Option<Shared<'g, T>> {
        // The slot's reference keeps the object from being retired before it is taken out, and a retired object
        // lives as long as the guard.
        NonNull::new(self.0.load(Ordering::Acquire)).map(|object| Shared(object, PhantomData))
    }

    /// Whether nothing is there now.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.load(Ordering::Acquire).is_null()
    }

    /// Puts `value` there, where nothing is. The caller excludes other writers.
    #[inline]
    pub fn put(&self, value: Ref<T>) {
        debug_assert!(self.is_empty());
        self.0.store(into_raw(Some(value)), Ordering::Release);
    }

    /// Takes out what is there: [`swap`](Self::swap) without an atomic exchange.
    ///
    /// # Safety
    /// Nobody else changes the place meanwhile.
    #[inline]
    pub(crate) unsafe fn take_alone(&self) -> Option<Ref<T>> {
        let old = NonNull::new(self.0.load(Ordering::Acquire))?;
        self.0.store(std::ptr::null_mut(), Ordering::Release);
        Some(Ref(old, PhantomData))
    }

    /// Puts `value` there and returns what was.
    #[inline]
    pub fn swap(&self, value: Option<Ref<T>>) -> Option<Ref<T>> {
        let old = self.0.swap(into_raw(value), Ordering::AcqRel);
        NonNull::new(old).map(|object| Ref(object, PhantomData))
    }

    /// Exchanges what two places hold. The caller excludes other writers of both; readers may for a moment see one of
    /// the objects in both.
    pub fn exchange(&self, other: &Self) {
        let (a, b) = (self.0.load(Ordering::Acquire), other.0.load(Ordering::Acquire));
        self.0.store(b, Ordering::Release);
        other.0.store(a, Ordering::Release);
    }
}

fn into_raw<T: Evict>(value: Option<Ref<T>>) -> *mut Counted<T> {
    match value {
        Some(value) => std::mem::ManuallyDrop::new(value).0.as_ptr(),
        None => std::ptr::null_mut(),
    }
}

impl<T: Evict> Drop for Slot<T> {
    #[inline]
    fn drop(&mut self) {
        let held = std::mem::replace(self.0.get_mut(), std::ptr::null_mut());
        drop(NonNull::new(held).map(|object| Ref(object, PhantomData)));
    }
}

impl<T: Evict> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "Slot(empty)" } else { "Slot(..)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicU32;

    #[derive(Debug, Default)]
    struct Thing(Arc<AtomicU32>);
    impl Evict for Thing {
        fn evict(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn the_last_drop_evicts_at_once_and_a_reader_still_sees_it() {
        let evictions = Arc::new(AtomicU32::new(0));
        let slot = Slot::new(Ref::try_new(Thing(evictions.clone())).unwrap());
        let guard = epoch::pin();
        let seen = slot.load(&guard).unwrap();
        let held = seen.upgrade().unwrap();
        drop(slot.swap(None));
        assert_eq!(evictions.load(Ordering::SeqCst), 0);
        drop(held);
        assert_eq!(evictions.load(Ordering::SeqCst), 1);
        assert!(seen.evicted() && seen.upgrade().is_none());
        assert!(Arc::ptr_eq(&seen.get().0, &evictions));
    }

    #[test]
    fn a_spread_count_is_gathered_whatever_threads_do() {
        let rounds = if cfg!(miri) { 5 } else { 300 };
        for _ in 0..rounds {
            let evictions = Arc::new(AtomicU32::new(0));
            let slot = Slot::new(Ref::try_new(Thing(evictions.clone())).unwrap());
            let linked = std::sync::atomic::AtomicBool::new(true);
            std::thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        let mut kept = Vec::new();
                        for n in 0..20 {
                            let guard = epoch::pin();
                            let Some(held) = slot.load(&guard).and_then(Shared::upgrade) else { break };
                            if n % 5 == 0 {
                                held.spread(|| linked.load(Ordering::Relaxed));
                            }
                            assert_eq!((*held).0.load(Ordering::SeqCst), 0);
                            kept.push(held);
                            if n % 3 == 0 {
                                kept.remove(0);
                            }
                        }
                    });
                }
                scope.spawn(|| {
                    linked.store(false, Ordering::Relaxed);
                    let taken = slot.swap(None).unwrap();
                    taken.gather();
                    drop(taken);
                });
            });
            assert_eq!(evictions.load(Ordering::SeqCst), 1);
        }
    }

    #[test]
    fn upgrades_race_with_the_last_drop() {
        let rounds = if cfg!(miri) { 20 } else { 2_000 };
        for _ in 0..rounds {
            let evictions = Arc::new(AtomicU32::new(0));
            let slot = Slot::new(Ref::try_new(Thing(evictions.clone())).unwrap());
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let guard = epoch::pin();
                    if let Some(held) = slot.load(&guard).and_then(Shared::upgrade) {
                        assert_eq!((*held).0.load(Ordering::SeqCst), 0);
                    }
                });
                scope.spawn(|| drop(slot.swap(None)));
            });
            assert_eq!(evictions.load(Ordering::SeqCst), 1);
        }
    }
}
