//! What each thread has of its own: a pointer that is quick to reach, and a callback when the thread ends.
//!
//! The pointer is a thread-local without a destructor, which works everywhere, in a WebAssembly worker too. The end
//! of a thread is noticed only where std can tell (not on wasm32, where workers live as long as the program).

use std::cell::Cell;

thread_local! {
    static MINE: Cell<*const ()> = const { Cell::new(std::ptr::null()) };
}

/// The pointer that this thread last [`set`], else null.
#[inline(always)]
pub(crate) fn get() -> *const () {
    MINE.with(Cell::get)
}

/// Keeps `pointer` for this thread and calls `at_exit(pointer)` when the thread ends, after which `get` is null again.
/// Called while the thread is already ending, it keeps nothing and returns false.
pub(crate) fn set(pointer: *const (), at_exit: fn(*const ())) -> bool {
    let kept = watch(at_exit);
    if kept {
        MINE.with(|mine| mine.set(pointer));
    }
    kept
}

#[cfg(not(target_family = "wasm"))]
fn watch(at_exit: fn(*const ())) -> bool {
    struct AtExit(Cell<Option<fn(*const ())>>);
    impl Drop for AtExit {
        fn drop(&mut self) {
            let pointer = MINE.with(|mine| mine.replace(std::ptr::null()));
            if let (Some(call), false) = (self.0.get(), pointer.is_null()) {
                call(pointer);
            }
        }
    }
    thread_local! {
        static AT_EXIT: AtExit = const { AtExit(Cell::new(None)) };
    }
    AT_EXIT.try_with(|slot| slot.0.set(Some(at_exit))).is_ok()
}

#[cfg(target_family = "wasm")]
fn watch(_at_exit: fn(*const ())) -> bool {
    true
}
