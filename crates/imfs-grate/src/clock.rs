//! Time and randomness from the runtime.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use imfs::abi::Timespec;
use imfs::platform::clock::Clock;
use imfs::platform::entropy::Entropy;

use crate::lind::{self, number};

const NANOS: u64 = 1_000_000_000;

/// Nanoseconds since 1970, as of the last look.
static NOW: AtomicU64 = AtomicU64::new(0);
/// Whether somebody looks every few milliseconds.
static TICKING: AtomicBool = AtomicBool::new(false);

/// A coarse clock, as Linux stamps files with: while cages run, `_start` looks at the real one every few milliseconds, and
/// calls see what it last saw.
#[derive(Debug)]
pub(crate) struct CachedClock;

impl Clock for CachedClock {
    #[inline]
    fn now(&self) -> Timespec {
        if !TICKING.load(Ordering::Relaxed) {
            tick();
        }
        let now = NOW.load(Ordering::Relaxed);
        Timespec { sec: (now / NANOS) as i64, nsec: (now % NANOS) as u32 }
    }
}

/// Looks at the real clock.
pub(crate) fn tick() {
    const REALTIME: u64 = 0;
    let mut time = [0_i64; 2];
    if lind::call(number::CLOCK_GETTIME, [REALTIME, lind::host(time.as_mut_ptr()), 0, 0, 0, 0]).is_ok() {
        let [sec, nsec] = time.map(|part| part.cast_unsigned());
        NOW.fetch_max(sec.saturating_mul(NANOS).saturating_add(nsec), Ordering::Relaxed);
    }
}

/// From now on somebody calls [`tick`] often, or no longer does.
pub(crate) fn set_ticking(ticking: bool) {
    tick();
    TICKING.store(ticking, Ordering::Relaxed);
}

/// Random bytes of the host.
#[derive(Debug)]
pub(crate) struct LindEntropy;

impl Entropy for LindEntropy {
    fn fill(&self, buf: &mut [u8]) {
        if !lind::random(buf) {
            stir(buf);
        }
    }
}

/// Where the runtime has no random bytes: what the clock and the place of memory give.
#[cold]
fn stir(buf: &mut [u8]) {
    static STATE: AtomicU64 = AtomicU64::new(0);
    tick();
    let seed = NOW.load(Ordering::Relaxed) ^ lind::host(buf.as_ptr()).rotate_left(32);
    STATE.fetch_xor(seed, Ordering::Relaxed);
    for chunk in buf.chunks_mut(8) {
        // splitmix64
        let mut z = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
    }
}
