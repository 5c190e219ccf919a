//! A clock that stands still until a case lets time pass.

use crate::outcome::{Stamp, Ticks};
use imfs::abi::Timespec;
use imfs::platform::clock::Clock;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

/// Shared by the instance and the case.
#[derive(Clone)]
pub(super) struct SteppedClock(Arc<Mutex<Vec<Stamp>>>);

impl SteppedClock {
    /// Starts at the present second.
    pub(super) fn new() -> Self {
        let sec = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs() as i64;
        SteppedClock(Arc::new(Mutex::new(vec![Stamp { sec, nsec: 0 }])))
    }

    /// Goes on by a tick of the kernel's.
    pub(super) fn tick(&self) {
        let mut ticks = self.0.lock().expect("nobody panics with it");
        let last = *ticks.last().expect("never empty");
        let nsec = last.nsec + 4_000_000;
        ticks.push(Stamp { sec: last.sec + i64::from(nsec / 1_000_000_000), nsec: nsec % 1_000_000_000 });
    }

    /// The moments so far.
    pub(super) fn ticks(&self) -> Ticks {
        Ticks(self.0.lock().expect("nobody panics with it").clone())
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Timespec {
        let last = *self.0.lock().expect("nobody panics with it").last().expect("never empty");
        Timespec { sec: last.sec, nsec: last.nsec }
    }
}
