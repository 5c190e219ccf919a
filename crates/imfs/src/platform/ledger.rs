//! The locks that a thread holds, noted where a thread can end in the middle of a call without unwinding: a trap of a
//! WebAssembly instance leaves its locks held, and other instances over the same memory wait for them. Who calls the
//! instance again gives them back by `release`.
//!
//! On other hosts a thread that panics drops its guards, and nothing is noted.

use std::ops::{Deref, DerefMut};

/// The guard of a lock, noted for as long as it lives.
#[derive(Debug)]
pub struct Noted<G>(noting::Guard<G>);

impl<G> Noted<G> {
    /// Notes a guard of this thread.
    #[inline(always)]
    pub fn new(guard: G) -> Self {
        Self(noting::Guard::new(guard))
    }
}

impl<G: Deref> Deref for Noted<G> {
    type Target = G::Target;

    #[inline(always)]
    fn deref(&self) -> &G::Target {
        self.0.get()
    }
}

impl<G: DerefMut> DerefMut for Noted<G> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut G::Target {
        self.0.get_mut()
    }
}

/// Releases all locks of this thread whose guards were never dropped. What they protect is as their holder left it.
///
/// # Safety
/// Nothing of this thread uses a guard that it noted before, nor drops one.
#[cfg(any(target_family = "wasm", test))]
pub unsafe fn release() {
    #[cfg(not(imfs_model))]
    // SAFETY: passed on to the caller.
    unsafe {
        noting::release();
    }
}

#[cfg(all(any(target_family = "wasm", test), not(imfs_model)))]
mod noting {
    use std::cell::UnsafeCell;
    use std::mem::{ManuallyDrop, MaybeUninit};

    /// No call holds so many locks at once; what is beyond is not noted.
    const ROOM: usize = 16;

    /// The guards of std's locks are two words.
    type Bits = MaybeUninit<[usize; 2]>;

    /// A copy of a guard, and what drops it; `None` once its owner did.
    #[derive(Clone, Copy)]
    struct Note {
        guard: Bits,
        drop: Option<unsafe fn(*mut Bits)>,
    }

    struct Ledger {
        notes: [Note; ROOM],
        used: usize,
    }

    thread_local! {
        static LEDGER: UnsafeCell<Ledger> = const {
            let empty = Note { guard: MaybeUninit::uninit(), drop: None };
            UnsafeCell::new(Ledger { notes: [empty; ROOM], used: 0 })
        };
    }

    /// Runs `change` with the ledger of this thread. It must not come back here.
    #[inline(always)]
    fn with<R>(change: impl FnOnce(&mut Ledger) -> R) -> R {
        // SAFETY: it is this thread's alone, and `change` does not call us, so there is no other reference to it.
        LEDGER.with(|ledger| change(unsafe { &mut *ledger.get() }))
    }

    impl Ledger {
        /// Forgets what was dropped at the end.
        #[inline(always)]
        fn shrink(&mut self) {
            while let Some(last) = self.used.checked_sub(1)
                && self.notes.get(last).is_some_and(|note| note.drop.is_none())
            {
                self.used = last;
            }
        }
    }

    /// # Safety
    /// The place holds a copy of a guard that nobody else drops.
    unsafe fn drop_copy<G>(place: *mut Bits) {
        // SAFETY: see above; guards are no larger and no more aligned, as `Guard::new` checks.
        unsafe { place.cast::<G>().drop_in_place() };
    }

    /// A guard, and the place of its note.
    #[derive(Debug)]
    pub(super) struct Guard<G> {
        guard: ManuallyDrop<G>,
        at: usize,
    }

    impl<G> Guard<G> {
        #[inline(always)]
        pub(super) fn new(guard: G) -> Self {
            const { assert!(size_of::<G>() <= size_of::<Bits>() && align_of::<G>() <= align_of::<Bits>()) };
            let at = with(|ledger| {
                let at = ledger.used;
                if let Some(note) = ledger.notes.get_mut(at) {
                    // SAFETY: there is room for it. The copy is dropped only if the original never is.
                    unsafe { note.guard.as_mut_ptr().cast::<G>().copy_from_nonoverlapping(&guard, 1) };
                    note.drop = Some(drop_copy::<G>);
                    ledger.used = at + 1;
                }
                at
            });
            Self { guard: ManuallyDrop::new(guard), at }
        }

        #[inline(always)]
        pub(super) fn get(&self) -> &G::Target
        where
            G: std::ops::Deref,
        {
            &self.guard
        }

        #[inline(always)]
        pub(super) fn get_mut(&mut self) -> &mut G::Target
        where
            G: std::ops::DerefMut,
        {
            &mut self.guard
        }
    }

    impl<G> Drop for Guard<G> {
        #[inline(always)]
        fn drop(&mut self) {
            with(|ledger| {
                if let Some(note) = ledger.notes.get_mut(self.at) {
                    note.drop = None;
                    ledger.shrink();
                }
            });
            // SAFETY: it is not used again.
            unsafe { ManuallyDrop::drop(&mut self.guard) };
        }
    }

    /// # Safety
    /// As [`super::release`].
    pub(super) unsafe fn release() {
        loop {
            let last = with(|ledger| {
                ledger.shrink();
                let last = ledger.used.checked_sub(1)?;
                ledger.notes.get_mut(last).map(|note| (note.guard, note.drop.take()))
            });
            let Some((mut guard, drop)) = last else { return };
            if let Some(drop) = drop {
                // SAFETY: the copy is of a guard that lives, as its note is there, and that the caller does not use.
                unsafe { drop(&raw mut guard) };
            }
        }
    }
}

#[cfg(any(not(any(target_family = "wasm", test)), imfs_model))]
mod noting {
    /// A guard, and no note.
    #[derive(Debug)]
    pub(super) struct Guard<G>(G);

    impl<G> Guard<G> {
        #[inline(always)]
        pub(super) fn new(guard: G) -> Self {
            Self(guard)
        }

        #[inline(always)]
        pub(super) fn get(&self) -> &G::Target
        where
            G: std::ops::Deref,
        {
            &self.0
        }

        #[inline(always)]
        pub(super) fn get_mut(&mut self) -> &mut G::Target
        where
            G: std::ops::DerefMut,
        {
            &mut self.0
        }
    }
}

#[cfg(all(test, not(imfs_model)))]
mod tests {
    use super::*;
    use std::sync::{Mutex, RwLock};

    #[test]
    fn locks_of_a_call_that_never_ended_are_released() {
        let (first, second, third) = (Mutex::new(1), RwLock::new(2), RwLock::new(3));
        let first_guard = Noted::new(first.lock().unwrap());
        let mut read = Noted::new(second.read().unwrap());
        assert_eq!(*read, 2);
        let mut written = Noted::new(third.write().unwrap());
        *written = 4;
        // In another order than they were taken.
        drop(read);
        read = Noted::new(second.read().unwrap());
        std::mem::forget((first_guard, read, written));
        assert!(first.try_lock().is_err() && second.try_write().is_err() && third.try_read().is_err());
        // SAFETY: all guards are forgotten.
        unsafe { release() };
        assert!(first.try_lock().is_ok() && second.try_write().is_ok());
        assert_eq!(third.try_read().ok().as_deref(), Some(&4));
    }

    #[test]
    fn what_was_dropped_is_not_released_again() {
        let lock = RwLock::new(());
        drop(Noted::new(lock.read().unwrap()));
        let _reader = lock.read().unwrap();
        // SAFETY: there are none.
        unsafe { release() };
        assert!(lock.try_write().is_err());
    }

    #[test]
    fn more_locks_than_there_is_room_for() {
        let locks: Vec<_> = (0..40).map(Mutex::new).collect();
        let guards: Vec<_> = locks.iter().map(|lock| Noted::new(lock.lock().unwrap())).collect();
        drop(guards);
        assert!(locks.iter().all(|lock| lock.try_lock().is_ok()));
        // SAFETY: there are none.
        unsafe { release() };
    }
}
