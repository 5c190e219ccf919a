//! Counted references to shared objects, and slots that hold one and can be read without a lock.
//!
//! An object is *evicted*, that is told by [`Evict::evict`] that it is out of use, as soon as its last [`Ref`] is
//! dropped; its memory is freed when no pinned reader can still see it. So a reader may hold [`Shared`], a reference
//! to an object that has just been evicted: it can look at it, but no longer turn it into a `Ref`.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering, fence};

use super::epoch::{self, Guard};

/// What an object does when nobody uses it any more.
pub trait Evict: Send + Sync + Sized + 'static {
    /// Called once, when the last [`Ref`] was dropped, in the thread that dropped it. Gives up at once what others
    /// wait for: space, locks, ends of pipes.
    fn evict(&self) {}
}

struct Counted<T> {
    /// How many `Ref`s there are, those in slots included. Once 0 it stays 0.
    count: AtomicUsize,
    value: T,
}

/// A counted reference: while it lives, the object is in use.
pub struct Ref<T: Evict>(NonNull<Counted<T>>, PhantomData<Counted<T>>);

// SAFETY: as for `Arc`: it gives shared access from any thread, and whichever drops the last one drops the value.
unsafe impl<T: Evict> Send for Ref<T> {}
// SAFETY: as above.
unsafe impl<T: Evict> Sync for Ref<T> {}

impl<T: Evict> Ref<T> {
    /// A new object. `None` if the host has no memory.
    pub fn try_new(value: T) -> Option<Self> {
        let boxed = super::alloc::try_box(Counted { count: AtomicUsize::new(1), value })?;
        Some(Self(NonNull::from(Box::leak(boxed)), PhantomData))
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

    /// How many references there are, at this moment.
    pub fn count(&self) -> usize {
        self.counted().count.load(Ordering::Acquire)
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
        self.counted().count.fetch_add(1, Ordering::Relaxed);
        Self(self.0, PhantomData)
    }
}

impl<T: Evict> Drop for Ref<T> {
    #[inline]
    fn drop(&mut self) {
        if self.counted().count.fetch_sub(1, Ordering::Release) == 1 {
            last(self.0);
        }
    }
}

#[cold]
fn last<T: Evict>(object: NonNull<Counted<T>>) {
    fence(Ordering::Acquire);
    // SAFETY: the count just became 0 through us, and stays 0, so nobody else retires it.
    unsafe {
        object.as_ref().value.evict();
        epoch::pin().retire_box(object.as_ptr(), size_of::<Counted<T>>());
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
        // SAFETY: as in `get`.
        let count = unsafe { &self.0.as_ref().count };
        let mut now = count.load(Ordering::Relaxed);
        while now != 0 {
            match count.compare_exchange_weak(now, now + 1, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Some(Ref(self.0, PhantomData)),
                Err(changed) => now = changed,
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
    fn drop(&mut self) {
        drop(self.swap(None));
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
