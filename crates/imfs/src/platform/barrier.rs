//! Asymmetric memory barriers: [`light`] on the path that runs always, [`heavy`] on the path that runs seldom.
//!
//! A `light` barrier in one thread and a `heavy` one in another order memory as two `SeqCst` fences would. Where
//! Linux has membarrier(2) the light side is only a compiler fence and the heavy side a system call that makes every
//! running thread of the process execute a fence; elsewhere both are real fences.
//!
//! In WebAssembly every atomic access is sequentially consistent whatever it asks for. So no fence has to stand between
//! such accesses: it is enough that the compiler keeps their order. And there a store is dear.

use std::sync::atomic::{AtomicU8, Ordering, compiler_fence, fence};

use crate::sync::primitives::atomic::{AtomicU64, AtomicUsize};

const UNKNOWN: u8 = 0;
const EXPEDITED: u8 = 1;
const FENCES: u8 = 2;

/// How `light` and `heavy` work in this process. It goes from `UNKNOWN` to one of the others once, and a thread that
/// still reads `UNKNOWN` uses a real fence, which pairs with either kind of heavy barrier.
static METHOD: AtomicU8 = AtomicU8::new(UNKNOWN);

/// Chooses the method. To be called before the first `heavy`; calling it again is harmless.
pub(crate) fn init() {
    if METHOD.load(Ordering::Relaxed) == UNKNOWN {
        let method = if register() { EXPEDITED } else { FENCES };
        METHOD.store(method, Ordering::SeqCst);
    }
}

/// The cheap side.
#[inline(always)]
pub(crate) fn light() {
    if cfg!(target_family = "wasm") || METHOD.load(Ordering::Relaxed) == EXPEDITED {
        compiler_fence(Ordering::SeqCst);
    } else {
        fence(Ordering::SeqCst);
    }
}

/// A store that releases, on paths that run always. Of an exchange WebAssembly engines make one instruction that is a
/// barrier, of a store a store and then a barrier.
macro_rules! stores {
    ($($name:ident($place:ty, $value:ty);)*) => { $(
        #[inline(always)]
        pub(crate) fn $name(place: &$place, value: $value) {
            if cfg!(target_family = "wasm") {
                place.swap(value, Ordering::AcqRel);
            } else {
                place.store(value, Ordering::Release);
            }
        }
    )* };
}

stores! {
    store(AtomicU64, u64);
    store_address(AtomicUsize, usize);
}

/// The dear side.
pub(crate) fn heavy() {
    init();
    fence(Ordering::SeqCst);
    if METHOD.load(Ordering::Relaxed) == EXPEDITED {
        expedite();
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
mod linux {
    const QUERY: i32 = 0;
    const PRIVATE_EXPEDITED: i32 = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: i32 = 1 << 4;

    fn membarrier(command: i32) -> i64 {
        // SAFETY: membarrier(2) takes two integers and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) }
    }

    pub(super) fn register() -> bool {
        let supported = membarrier(QUERY);
        supported > 0
            && supported & i64::from(PRIVATE_EXPEDITED) != 0
            && membarrier(REGISTER_PRIVATE_EXPEDITED) == 0
    }

    pub(super) fn expedite() {
        if membarrier(PRIVATE_EXPEDITED) != 0 {
            // A child of fork(2) may have to register again. Registered once, the call has no way to fail; and going
            // on without it would be a use after free, so the process must not.
            if !(register() && membarrier(PRIVATE_EXPEDITED) == 0) {
                std::process::abort();
            }
        }
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
use linux::{expedite, register};

#[cfg(not(all(target_os = "linux", not(miri))))]
fn register() -> bool {
    false
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn expedite() {}
