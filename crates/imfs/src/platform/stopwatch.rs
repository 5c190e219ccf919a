//! How long something took, for waits with a time limit.

/// A running stopwatch. Where the host has no monotonic clock (a WebAssembly guest) it always reads `None`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch {
    #[cfg(not(target_family = "wasm"))]
    started: std::time::Instant,
}

impl Stopwatch {
    /// Starts one.
    pub(crate) fn start() -> Self {
        Self {
            #[cfg(not(target_family = "wasm"))]
            started: std::time::Instant::now(),
        }
    }

    /// The time since the start.
    pub(crate) fn elapsed(&self) -> Option<std::time::Duration> {
        #[cfg(not(target_family = "wasm"))]
        return Some(self.started.elapsed());
        #[cfg(target_family = "wasm")]
        return None;
    }
}
