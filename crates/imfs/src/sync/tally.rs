//! What a call writes and locks, noted in unit tests: there the crate's atomics are these, which note each load and each write
//! with its address, and locks tell when they are taken. `crate::sharing` says with that which cache lines are shared.
//!
//! Plain memory is not noted. What is written there is what a lock protects, or what is not published yet; the locks
//! are noted, and what is not published is nobody else's.

#[cfg(all(test, not(any(imfs_model, miri))))]
pub(crate) use noting::*;

/// A lock is taken.
#[cfg(not(all(test, not(any(imfs_model, miri)))))]
#[inline(always)]
pub(super) fn locked<T>(_lock: &T, _rank: u8, _exclusive: bool) {}

#[cfg(all(test, not(any(imfs_model, miri))))]
mod noting {
    use std::backtrace::Backtrace;
    use std::cell::{Cell, RefCell};

    /// What happened at an address.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum Event {
        /// A load.
        Read,
        /// A store, an exchange or an addition.
        Wrote,
        /// A lock of this rank was taken, for its holder alone or with others.
        Locked { rank: u8, exclusive: bool },
    }

    /// One event, and where from.
    #[derive(Debug)]
    pub(crate) struct Note {
        address: usize,
        pub(crate) event: Event,
        pub(crate) from: Backtrace,
    }

    impl Note {
        /// The cache line.
        pub(crate) fn line(&self) -> usize {
            self.address / 64
        }
    }

    thread_local! {
        static NOTING: Cell<bool> = const { Cell::new(false) };
        static NOTES: RefCell<Vec<Note>> = const { RefCell::new(Vec::new()) };
    }

    /// What `call` does, by this thread.
    pub(crate) fn noted(call: impl FnOnce()) -> Vec<Note> {
        NOTING.set(true);
        call();
        NOTING.set(false);
        NOTES.take()
    }

    fn note(address: usize, event: Event) {
        if NOTING.get() {
            let from = Backtrace::force_capture();
            NOTES.with_borrow_mut(|notes| notes.push(Note { address, event, from }));
        }
    }

    /// A lock is taken.
    pub(in crate::sync) fn locked<T>(lock: &T, rank: u8, exclusive: bool) {
        note(std::ptr::from_ref(lock).addr(), Event::Locked { rank, exclusive });
    }

    /// std's atomics, which note what writes to them.
    pub(crate) mod atomic {
        use super::{Event, note};
        use std::ops::{Deref, DerefMut};
        pub(crate) use std::sync::atomic::{Ordering, fence};

        macro_rules! noting {
            ($name:ident [$($generic:ident)?], $value:ty, $($method:ident($($argument:ident: $type:ty),*) -> $result:ty;)*) => {
                #[derive(Default)]
                #[repr(transparent)]
                pub(crate) struct $name$(<$generic>)?(std::sync::atomic::$name$(<$generic>)?);

                impl$(<$generic>)? $name$(<$generic>)? {
                    pub(crate) const fn new(value: $value) -> Self {
                        Self(std::sync::atomic::$name::new(value))
                    }

                    #[allow(dead_code)]
                    pub(crate) fn load(&self, order: Ordering) -> $value {
                        note(std::ptr::from_ref(self).addr(), Event::Read);
                        self.0.load(order)
                    }

                    #[allow(dead_code)]
                    pub(crate) fn fetch_update(
                        &self,
                        set: Ordering,
                        fetch: Ordering,
                        update: impl FnMut($value) -> Option<$value>,
                    ) -> Result<$value, $value> {
                        note(std::ptr::from_ref(self).addr(), Event::Wrote);
                        self.0.fetch_update(set, fetch, update)
                    }

                    $(
                        #[allow(dead_code)]
                        pub(crate) fn $method(&self, $($argument: $type),*) -> $result {
                            note(std::ptr::from_ref(self).addr(), Event::Wrote);
                            self.0.$method($($argument),*)
                        }
                    )*
                }

                // All else: what there is in debug output.
                impl$(<$generic>)? Deref for $name$(<$generic>)? {
                    type Target = std::sync::atomic::$name$(<$generic>)?;
                    fn deref(&self) -> &Self::Target {
                        &self.0
                    }
                }

                // What has it alone writes no line of others.
                impl$(<$generic>)? DerefMut for $name$(<$generic>)? {
                    fn deref_mut(&mut self) -> &mut Self::Target {
                        &mut self.0
                    }
                }

                impl$(<$generic>)? std::fmt::Debug for $name$(<$generic>)? {
                    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        self.0.fmt(f)
                    }
                }

                impl$(<$generic>)? From<$value> for $name$(<$generic>)? {
                    fn from(value: $value) -> Self {
                        Self::new(value)
                    }
                }
            };
        }

        macro_rules! noting_exchanges {
            ($name:ident [$($generic:ident)?], $value:ty, $($more:tt)*) => {
                noting! {
                    $name [$($generic)?], $value,
                    store(value: $value, order: Ordering) -> ();
                    swap(value: $value, order: Ordering) -> $value;
                    compare_exchange(old: $value, new: $value, set: Ordering, fetch: Ordering) -> Result<$value, $value>;
                    compare_exchange_weak(old: $value, new: $value, set: Ordering, fetch: Ordering) -> Result<$value, $value>;
                    $($more)*
                }
            };
        }

        macro_rules! noting_integers {
            ($($name:ident $value:ty),*) => {
                $(noting_exchanges! {
                    $name [], $value,
                    fetch_add(by: $value, order: Ordering) -> $value;
                    fetch_sub(by: $value, order: Ordering) -> $value;
                    fetch_and(by: $value, order: Ordering) -> $value;
                    fetch_or(by: $value, order: Ordering) -> $value;
                    fetch_xor(by: $value, order: Ordering) -> $value;
                    fetch_max(by: $value, order: Ordering) -> $value;
                    fetch_min(by: $value, order: Ordering) -> $value;
                })*
            };
        }

        noting_integers!(AtomicU8 u8, AtomicU16 u16, AtomicU32 u32, AtomicU64 u64, AtomicUsize usize);
        noting_integers!(AtomicI32 i32, AtomicI64 i64, AtomicIsize isize);
        noting_exchanges! {
            AtomicBool [], bool,
            fetch_and(by: bool, order: Ordering) -> bool;
            fetch_or(by: bool, order: Ordering) -> bool;
        }
        noting_exchanges! { AtomicPtr [T], *mut T, }
    }
}
