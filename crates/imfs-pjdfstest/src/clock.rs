//! The time of the IMFS: the host's, moved on by what a script has slept.
//!
//! The scripts sleep a second wherever a time stamp has to change, minutes altogether. Here `sleep` moves the script's own time
//! on, and no other's: the server says whose time it is before it works for a script.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use imfs::abi::Timespec;
use imfs::platform::clock::Clock;

thread_local! {
    /// Nanoseconds that this thread's script has slept.
    static AHEAD: Cell<u64> = const { Cell::new(0) };
}

/// The clock of the file system.
#[derive(Debug)]
pub(crate) struct ScriptClock;

impl Clock for ScriptClock {
    fn now(&self) -> Timespec {
        let host = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = host + std::time::Duration::from_nanos(AHEAD.get());
        Timespec { sec: now.as_secs() as i64, nsec: now.subsec_nanos() }
    }
}

/// How far each script is ahead.
#[derive(Debug, Default)]
pub(crate) struct Times(Mutex<HashMap<Vec<u8>, u64>>);

impl Times {
    /// Makes this thread's time that of the script.
    pub(crate) fn enter(&self, script: &[u8]) {
        AHEAD.set(self.lock().get(script).copied().unwrap_or(0));
    }

    /// Moves the script's time on.
    pub(crate) fn sleep(&self, script: &[u8], nanoseconds: u64) {
        let mut times = self.lock();
        let time = times.entry(script.to_vec()).or_default();
        *time = time.saturating_add(nanoseconds);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Vec<u8>, u64>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
