//! Where threads meet: std's atomics and locks, or in a build with `--cfg imfs_model` those of shuttle, which runs all
//! threads of a test in one and switches between them at each of these, in as many orders as it is told
//! (`make test-models`), or in unit tests atomics that note what is written.
//!
//! All of the crate takes them from here, so that the whole file system can be run so.

#[cfg(not(imfs_model))]
mod chosen {
    #[cfg(all(test, not(miri)))]
    pub(crate) use crate::sync::tally::atomic;
    pub(crate) use std::hint::spin_loop;
    #[cfg(all(not(target_family = "wasm"), any(not(test), miri)))]
    pub(crate) use std::sync::atomic;
    pub(crate) use std::sync::{
        Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
    };
    pub(crate) use std::thread::yield_now;
    pub(crate) use std::thread_local;

    #[cfg(target_family = "wasm")]
    pub(crate) mod atomic {
        pub(crate) use std::sync::atomic::*;
        /// As every atomic access is sequentially consistent there, only the compiler has to keep their order.
        #[inline(always)]
        pub(crate) fn fence(order: Ordering) {
            compiler_fence(order);
        }
    }
}

#[cfg(imfs_model)]
mod chosen {
    pub(crate) use shuttle::hint::spin_loop;
    pub(crate) use shuttle::sync::{
        Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError,
    };
    pub(crate) use shuttle::thread::yield_now;
    pub(crate) use shuttle::thread_local;

    pub(crate) mod atomic {
        pub(crate) use shuttle::sync::atomic::*;
        /// Shuttle's atomics are sequentially consistent.
        pub(crate) fn fence(_order: Ordering) {}
    }
}

pub(crate) use chosen::*;
