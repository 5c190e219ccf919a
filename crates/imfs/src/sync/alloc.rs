//! Allocation that can fail: a cage must not be able to make the process abort.

use std::alloc::{Layout, alloc};
use std::fmt;
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::sync::Arc;

use super::primitives::atomic::{AtomicPtr, Ordering};

/// `Box::new` that gives `None` where the host has no memory. (`Box::try_new` is not stable.)
pub(crate) fn try_box<T>(value: T) -> Option<Box<T>> {
    let layout = Layout::new::<T>();
    if layout.size() == 0 {
        return Some(Box::new(value));
    }
    // SAFETY: the size is not 0, and the pointer, if any, is fresh memory of T's layout from the global allocator,
    // which is what a box frees.
    unsafe {
        let pointer = alloc(layout).cast::<T>();
        if pointer.is_null() {
            return None;
        }
        pointer.write(value);
        Some(Box::from_raw(pointer))
    }
}

/// `Arc::new` that gives `None` where the host has no memory. Stable Rust has no such thing, so this asks for as much
/// first and gives it back for `Arc::new` to find.
pub(crate) fn try_arc<T>(value: T) -> Option<Arc<T>> {
    let probe = try_box(MaybeUninit::<([usize; 2], T)>::uninit())?;
    // Kept from being optimised away.
    drop(std::hint::black_box(probe));
    Some(Arc::new(value))
}

/// A box that is filled once, and a pointer until then: half of what std's cell for it takes.
pub(crate) struct OnceBox<T>(AtomicPtr<T>, PhantomData<Box<T>>);

impl<T> OnceBox<T> {
    /// One that is not filled.
    pub(crate) const fn new() -> Self {
        Self(AtomicPtr::new(std::ptr::null_mut()), PhantomData)
    }

    /// What is in it.
    #[inline]
    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: null, or from a box that is neither changed nor freed while we are borrowed.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// What is in it, made now if it is not there. `None` if the host has no memory.
    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> Option<&T> {
        if self.get().is_none() {
            self.fill(try_box(make())?);
        }
        self.get()
    }

    /// Fills it, if nobody was faster: what another put there is as good.
    fn fill(&self, value: Box<T>) {
        let new = Box::into_raw(value);
        let empty = std::ptr::null_mut();
        if self.0.compare_exchange(empty, new, Ordering::AcqRel, Ordering::Acquire).is_err() {
            // SAFETY: it was not published, so it is still our own box.
            drop(unsafe { Box::from_raw(new) });
        }
    }
}

impl<T> Drop for OnceBox<T> {
    fn drop(&mut self) {
        let value = *self.0.get_mut();
        if !value.is_null() {
            // SAFETY: it came from a box, and nobody else has it any more.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for OnceBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// A copy of `bytes` on the heap.
pub(crate) fn try_copy(bytes: &[u8]) -> Option<Box<[u8]>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).ok()?;
    copy.extend_from_slice(bytes);
    Some(copy.into_boxed_slice())
}

/// `len` values on the heap, each made by `make`.
pub(crate) fn try_slice<T>(len: usize, make: impl FnMut() -> T) -> Option<Box<[T]>> {
    let mut values = Vec::new();
    values.try_reserve_exact(len).ok()?;
    values.resize_with(len, make);
    Some(values.into_boxed_slice())
}
