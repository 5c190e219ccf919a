//! The time of day, as time stamps of files see it.

use crate::abi::Timespec;

/// A source of time stamps. The file system asks it once a call that needs the time.
pub trait Clock: Send + Sync {
    /// The time since 1970-01-01 00:00 UTC.
    fn now(&self) -> Timespec;
}

/// The host's clock with the grain of its timer tick, `CLOCK_REALTIME_COARSE` (clock_gettime(2)): what Linux stamps
/// files with (`ktime_get_coarse_real_ts64`), and a fifth of the price of the exact one. On a target without a clock
/// it stands at zero; there the builder must be given one.
#[derive(Debug, Default, Clone, Copy)]
pub struct CoarseClock;

impl Clock for CoarseClock {
    #[inline]
    fn now(&self) -> Timespec {
        host_now()
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
#[inline]
fn host_now() -> Timespec {
    let mut ts = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `ts` is a valid place for one timespec. The call can't fail: the clock exists since Linux 2.6.32.
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME_COARSE, &mut ts) };
    Timespec { sec: ts.tv_sec, nsec: ts.tv_nsec as u32 }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn host_now() -> Timespec {
    Timespec { sec: 0, nsec: 0 }
}
