//! What each thread has of its own: a pointer that is quick to reach, and a callback when the thread ends.
//!
//! The pointer is a thread-local without a destructor, which works everywhere, in a WebAssembly worker too. The end
//! of a thread is noticed only where std can tell (not on wasm32, where workers live as long as the program).

use std::cell::Cell;

use crate::sync::primitives::thread_local;

thread_local! {
    static MINE: Cell<*const ()> = const { Cell::new(std::ptr::null()) };
}

/// The pointer that this thread last [`set`], else null.
#[inline(always)]
pub(crate) fn get() -> *const () {
    // It is there until the end, as it has no destructor (but in models, which destroy it all the same).
    MINE.try_with(Cell::get).unwrap_or_default()
}

/// Keeps `pointer` for this thread and calls `at_exit(pointer)` when the thread ends, after which `get` is null again.
/// Called while the thread is already ending, it keeps nothing and returns false.
pub(crate) fn set(pointer: *const (), at_exit: fn(*const ())) -> bool {
    let kept = watch(pointer, at_exit);
    if kept {
        MINE.with(|mine| mine.set(pointer));
    }
    kept
}

#[cfg(not(target_family = "wasm"))]
fn watch(pointer: *const (), at_exit: fn(*const ())) -> bool {
    type Call = (fn(*const ()), *const ());
    struct AtExit(Cell<Option<Call>>);
    impl Drop for AtExit {
        fn drop(&mut self) {
            let _ = MINE.try_with(|mine| mine.set(std::ptr::null()));
            if let Some((call, pointer)) = self.0.get() {
                call(pointer);
            }
        }
    }
    thread_local! {
        static AT_EXIT: AtExit = const { AtExit(Cell::new(None)) };
    }
    AT_EXIT.try_with(|slot| slot.0.set(Some((at_exit, pointer)))).is_ok()
}

#[cfg(target_family = "wasm")]
fn watch(_pointer: *const (), _at_exit: fn(*const ())) -> bool {
    true
}
