//! The allocator of this test binary: it counts what is allocated, and fails when a test wants it to.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counts and fails on behalf of [`System`].
pub(crate) struct Faulty;

#[global_allocator]
static ALLOCATOR: Faulty = Faulty;

static BYTES: AtomicI64 = AtomicI64::new(0);

thread_local! {
    /// How many more allocations of this thread succeed; `None` is all of them.
    static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
    /// Whether all after the first failure fail too.
    static STAYS: Cell<bool> = const { Cell::new(false) };
    /// The size of what this thread freed last, until it allocates again: an allocator has that at hand.
    static FREED: Cell<usize> = const { Cell::new(0) };
    /// How many failed.
    static FAILED: Cell<u64> = const { Cell::new(0) };
}

/// Runs `run` with the `n`-th allocation of this thread failing, counted from 1, and if `stays` all that follow; says
/// also whether any did.
pub(crate) fn failing<R>(n: u64, stays: bool, run: impl FnOnce() -> R) -> (R, bool) {
    STAYS.set(stays);
    FAILED.set(0);
    LEFT.set(Some(n - 1));
    let result = run();
    LEFT.set(None);
    (result, FAILED.get() != 0)
}

/// Keeps the other tests from allocating meanwhile.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The bytes that are allocated now, by all threads.
pub(crate) fn bytes() -> i64 {
    BYTES.load(Ordering::SeqCst)
}

fn fails(size: usize) -> bool {
    let Some(left) = LEFT.get() else { return false };
    if FREED.replace(0) == size {
        return false;
    }
    if left > 0 {
        LEFT.set(Some(left - 1));
        return false;
    }
    if !STAYS.get() {
        LEFT.set(None);
    }
    FAILED.set(FAILED.get() + 1);
    true
}

fn count(pointer: *mut u8, by: usize, less: usize) -> *mut u8 {
    if !pointer.is_null() {
        BYTES.fetch_add(by as i64 - less as i64, Ordering::Relaxed);
    }
    pointer
}

// SAFETY: all memory comes from `System`, and null is what a failing allocator returns.
unsafe impl GlobalAlloc for Faulty {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if fails(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise is passed on.
        count(unsafe { System.alloc(layout) }, layout.size(), 0)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size() as i64, Ordering::Relaxed);
        FREED.set(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) };
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if fails(layout.size()) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise is passed on.
        count(unsafe { System.alloc_zeroed(layout) }, layout.size(), 0)
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if fails(size) {
            return std::ptr::null_mut();
        }
        // SAFETY: the caller's promise is passed on.
        count(unsafe { System.realloc(pointer, layout, size) }, size, layout.size())
    }
}
