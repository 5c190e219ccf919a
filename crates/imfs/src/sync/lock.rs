//! A mutual exclusion lock that has a place in the lock order, and in debug builds panics when it is taken out of order.
//!
//! The order stands as a tree in the crate's documentation; [`rank`] is that tree as numbers. A thread that holds a
//! lock may take only locks of a higher rank; two of the same rank only through [`Mutex::lock_another`], whose caller
//! answers for their order.

use super::primitives::{self, MutexGuard as StdGuard, PoisonError, TryLockError};
use super::tally;
use crate::platform::ledger::Noted;
use std::ops::{Deref, DerefMut};

/// The places in the lock order, outermost first.
pub mod rank {
    /// The table of cages of an instance.
    pub const CAGES: u8 = 0;
    /// The one lock of renames that move a directory to another parent.
    pub const RENAME: u8 = 1;
    /// The entries of a directory.
    pub const DIRECTORY: u8 = 2;
    /// A descriptor table.
    pub const DESCRIPTORS: u8 = 3;
    /// The mappings of a cage.
    pub const MAPPINGS: u8 = 4;
    /// An offset of an open file description.
    pub const OFFSET: u8 = 5;
    /// The contents of a regular file.
    pub const CONTENTS: u8 = 6;
    /// The buffer of a pipe.
    pub const PIPE: u8 = 7;
    /// Extended attributes, access lists and record locks of an inode.
    pub const EXTRAS: u8 = 8;
    /// The graph of callers that wait for record locks.
    pub const DEADLOCK: u8 = 9;
    /// A queue of waiting callers.
    pub const WAIT: u8 = 10;
    /// The budget of pages of an instance, near its limit.
    pub const SPACE: u8 = 11;
    /// Lists of free pages and numbers: nothing is taken below them.
    pub const LEAF: u8 = 12;
}

/// A mutex of the given [`rank`]. A holder that panicked leaves it usable: no code of this crate panics while it holds
/// one, and if a caller's buffer does, the data are whole, for every change is published in one step.
#[derive(Debug, Default)]
pub struct Mutex<T, const RANK: u8>(primitives::Mutex<T>);

/// The right to the data of a [`Mutex`], until it is dropped.
#[derive(Debug)]
pub struct MutexGuard<'a, T, const RANK: u8>(Noted<StdGuard<'a, T>>, order::Held<RANK>);

impl<T, const RANK: u8> Mutex<T, RANK> {
    /// An unlocked mutex.
    pub const fn new(value: T) -> Self {
        Self(primitives::Mutex::new(value))
    }

    /// Waits for the lock.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T, RANK> {
        tally::locked(&self.0, RANK, true);
        let held = order::Held::first();
        MutexGuard(Noted::new(self.0.lock().unwrap_or_else(PoisonError::into_inner)), held)
    }

    /// Takes the lock if it is free.
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T, RANK>> {
        tally::locked(&self.0, RANK, true);
        let held = order::Held::first();
        let guard = match self.0.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return None,
        };
        Some(MutexGuard(Noted::new(guard), held))
    }

    /// Waits for the lock while another of the same rank is held. The caller knows why no two threads can do so in
    /// opposite order.
    #[inline]
    pub fn lock_another(&self) -> MutexGuard<'_, T, RANK> {
        tally::locked(&self.0, RANK, true);
        let held = order::Held::another();
        MutexGuard(Noted::new(self.0.lock().unwrap_or_else(PoisonError::into_inner)), held)
    }

    /// The data, without locking: nobody else can have them.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, const RANK: u8> Deref for MutexGuard<'_, T, RANK> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T, const RANK: u8> DerefMut for MutexGuard<'_, T, RANK> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// A readers-writer lock of the given [`rank`]: see [`Mutex`].
#[derive(Debug, Default)]
pub struct RwLock<T, const RANK: u8>(primitives::RwLock<T>);

/// The right to read the data of an [`RwLock`].
#[derive(Debug)]
pub struct ReadGuard<'a, T, const RANK: u8>(Noted<primitives::RwLockReadGuard<'a, T>>, order::Held<RANK>);

/// The right to change the data of an [`RwLock`].
#[derive(Debug)]
pub struct WriteGuard<'a, T, const RANK: u8>(Noted<primitives::RwLockWriteGuard<'a, T>>, order::Held<RANK>);

impl<T, const RANK: u8> RwLock<T, RANK> {
    /// An unlocked lock.
    pub const fn new(value: T) -> Self {
        Self(primitives::RwLock::new(value))
    }

    /// Waits until nobody writes.
    #[inline]
    pub fn read(&self) -> ReadGuard<'_, T, RANK> {
        tally::locked(&self.0, RANK, false);
        let held = order::Held::first();
        ReadGuard(Noted::new(self.0.read().unwrap_or_else(PoisonError::into_inner)), held)
    }

    /// Waits until nobody reads or writes.
    #[inline]
    pub fn write(&self) -> WriteGuard<'_, T, RANK> {
        tally::locked(&self.0, RANK, true);
        let held = order::Held::first();
        WriteGuard(Noted::new(self.0.write().unwrap_or_else(PoisonError::into_inner)), held)
    }

    /// The data, without locking: nobody else can have them.
    pub fn get_mut(&mut self) -> &mut T {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T, const RANK: u8> Deref for ReadGuard<'_, T, RANK> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T, const RANK: u8> Deref for WriteGuard<'_, T, RANK> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T, const RANK: u8> DerefMut for WriteGuard<'_, T, RANK> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// The check of the order: in release builds it is nothing.
pub(super) mod order {
    #[cfg(all(debug_assertions, not(imfs_model)))]
    mod checked {
        use std::cell::Cell;

        const RANKS: usize = 13;
        thread_local! {
            /// How many locks of each rank this thread holds.
            static HELD: Cell<[u8; RANKS]> = const { Cell::new([0; RANKS]) };
        }

        fn enter(rank: u8, same_allowed: bool) {
            let mut held = HELD.get();
            let lowest = usize::from(rank) + usize::from(same_allowed);
            if let Some(above) = (lowest..RANKS).find(|&r| held[r] != 0) {
                panic!("a lock of rank {rank} is taken while one of rank {above} is held");
            }
            held[usize::from(rank)] += 1;
            HELD.set(held);
        }

        /// A note that a lock of this rank is held.
        #[derive(Debug)]
        pub(crate) struct Held<const RANK: u8>;

        impl<const RANK: u8> Held<RANK> {
            pub(crate) fn first() -> Self {
                enter(RANK, false);
                Held
            }

            pub(crate) fn another() -> Self {
                enter(RANK, true);
                Held
            }
        }

        impl<const RANK: u8> Drop for Held<RANK> {
            fn drop(&mut self) {
                let mut held = HELD.get();
                held[usize::from(RANK)] -= 1;
                HELD.set(held);
            }
        }
    }

    #[cfg(any(not(debug_assertions), imfs_model))]
    mod unchecked {
        /// Nothing, in a release build.
        #[derive(Debug)]
        pub(crate) struct Held<const RANK: u8>;

        impl<const RANK: u8> Held<RANK> {
            #[inline(always)]
            pub(crate) fn first() -> Self {
                Held
            }

            #[inline(always)]
            pub(crate) fn another() -> Self {
                Held
            }
        }
    }

    #[cfg(all(debug_assertions, not(imfs_model)))]
    pub(crate) use checked::Held;
    #[cfg(any(not(debug_assertions), imfs_model))]
    pub(crate) use unchecked::Held;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_order_is_fine_and_out_of_order_panics() {
        let (outer, inner) = (Mutex::<_, 2>::new(1), Mutex::<_, 5>::new(2));
        drop((outer.lock(), inner.lock()));
        let _inner = inner.lock();
        if cfg!(debug_assertions) {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(outer.lock())));
            assert!(result.is_err());
        }
    }

    #[test]
    fn two_of_one_rank_need_to_say_so() {
        let (a, b) = (Mutex::<_, 2>::new(1), Mutex::<_, 2>::new(2));
        let _a = a.lock();
        drop(b.lock_another());
        if cfg!(debug_assertions) {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(b.lock())));
            assert!(result.is_err());
        }
    }
}
