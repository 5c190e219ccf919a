//! Clocks, batches and medians.

use crate::ops::Op;

/// What is read before and after a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// The CPU time of this thread: what an in-process call or a system call costs, whatever else the machine does.
    Thread,
    /// The time of day: for calls that others answer, such as a FUSE server.
    Wall,
}

impl Clock {
    fn now(self) -> u64 {
        let id = match self {
            Self::Thread => libc::CLOCK_THREAD_CPUTIME_ID,
            Self::Wall => libc::CLOCK_MONOTONIC,
        };
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is a valid place for one timespec, and both clocks exist on every Linux.
        unsafe { libc::clock_gettime(id, &mut time) };
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }
}

/// Nanoseconds an operation, of one batch.
fn time(op: &mut Op<'_>, clock: Clock) -> f64 {
    (op.before)();
    let start = clock.now();
    for _ in 0..op.count {
        (op.run)();
    }
    let end = clock.now();
    (op.after)();
    (end - start) as f64 / op.count as f64
}

/// Nanoseconds an operation, of several batches.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    /// Runs one batch.
    pub(crate) fn batch(&mut self, op: &mut Op<'_>, clock: Clock) {
        self.0.push(time(op, clock));
    }

    /// Runs one batch that brings into the caches what another contender put out, and one that counts.
    pub(crate) fn warm_batch(&mut self, op: &mut Op<'_>, clock: Clock) {
        time(op, clock);
        self.batch(op, clock);
    }

    /// Adds a figure that was had in another way.
    pub(crate) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    /// The median, or `None` without a batch.
    pub(crate) fn median(&self) -> Option<f64> {
        self.at(0.5)
    }

    /// Half the distance between the quartiles, relative to the median.
    pub(crate) fn spread(&self) -> f64 {
        match (self.at(0.25), self.at(0.75), self.median()) {
            (Some(low), Some(high), Some(median)) if median > 0.0 => (high - low) / 2.0 / median,
            _ => 0.0,
        }
    }

    fn at(&self, part: f64) -> Option<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get((sorted.len().saturating_sub(1) as f64 * part).round() as usize).copied()
    }
}
