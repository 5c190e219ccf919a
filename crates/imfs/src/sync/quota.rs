//! A count with a limit, which many threads change without a cache line that all of them write, and which is exact.
//!
//! While the limit is far the count is *spread*: each thread counts in a shard, which takes credit from the common count in
//! batches. Near the limit the shards are closed, their credit is called in, and everybody counts in the common word. A
//! charge fails only there, with all shards closed, so whatever is free can be had. Credit goes between shards and the
//! common count only under the lock of the mode, so none is under way when a charge fails.

use super::epoch;
use super::lock::{Mutex, MutexGuard, rank};
use super::primitives::atomic::{AtomicU64, Ordering::Relaxed};

/// A power of two.
const SHARDS: usize = if cfg!(imfs_model) { 2 } else { 16 };
/// What a shard holds while it is closed.
const CLOSED: u64 = u64::MAX;

/// How much is charged of what there is.
#[derive(Debug)]
pub(crate) struct Quota {
    limit: u64,
    batch: u64,
    /// What is charged, and the credit of the shards.
    taken: AtomicU64,
    /// Whether the shards are open.
    open: Mutex<bool, { rank::LEAF }>,
    /// The credit of each.
    shards: [Shard; SHARDS],
}

/// On cache lines of its own (in pairs, as they are prefetched).
#[derive(Debug)]
#[repr(align(128))]
struct Shard(AtomicU64);

type Open<'a> = MutexGuard<'a, bool, { rank::LEAF }>;

impl Quota {
    /// Nothing is charged of `limit`. Shards take `batch` at a time.
    pub(crate) fn new(limit: u64, batch: u64) -> Self {
        let shards = std::array::from_fn(|_| Shard(CLOSED.into()));
        Self { limit, batch, taken: AtomicU64::new(0), open: Mutex::new(false), shards }
    }

    /// The limit.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// What is charged; about so much while others charge.
    pub(crate) fn used(&self) -> u64 {
        let _open = self.open.lock();
        let credit =
            |shard: &Shard| Some(shard.0.load(Relaxed)).filter(|credit| *credit != CLOSED).unwrap_or(0);
        self.taken.load(Relaxed).saturating_sub(self.shards.iter().map(credit).sum())
    }

    /// Charges `amount`, if so much is free.
    #[inline]
    pub(crate) fn charge(&self, amount: u64) -> bool {
        let less = |credit: u64| if credit == CLOSED { None } else { credit.checked_sub(amount) };
        self.shard().fetch_update(Relaxed, Relaxed, less).is_ok() || self.charge_common(amount)
    }

    /// Takes back a charge of `amount`.
    #[inline]
    pub(crate) fn refund(&self, amount: u64) {
        let more = |credit: u64| Some(credit.checked_add(amount)?).filter(|more| *more <= 2 * self.batch);
        if self.shard().fetch_update(Relaxed, Relaxed, more).is_err() {
            self.refund_common(amount);
        }
    }

    fn shard(&self) -> &AtomicU64 {
        &self.shards[epoch::thread_number() % SHARDS].0
    }

    #[cold]
    fn charge_common(&self, amount: u64) -> bool {
        let mut open = self.open.lock();
        // It opens where there is more room than it needs to stay open, so that it does not go to and fro.
        let margin = 2 * self.batch * SHARDS as u64;
        if !*open && self.has_room(2 * margin) {
            self.shards.iter().for_each(|shard| shard.0.store(0, Relaxed));
            *open = true;
        }
        if *open {
            if self.has_room(margin) && self.take(amount.saturating_add(self.batch)) {
                self.shard().fetch_add(self.batch, Relaxed);
                return true;
            }
            self.close(&mut open);
        }
        self.take(amount)
    }

    #[cold]
    fn refund_common(&self, amount: u64) {
        let open = self.open.lock();
        let mut back = amount;
        if *open {
            // The shard keeps a batch, if it has as much.
            let keep = |credit: u64| Some(credit.min(self.batch));
            let had = self.shard().fetch_update(Relaxed, Relaxed, keep).unwrap_or_default();
            back += had.saturating_sub(self.batch);
        }
        self.taken.fetch_sub(back, Relaxed);
    }

    fn close(&self, open: &mut Open<'_>) {
        for shard in &self.shards {
            self.taken.fetch_sub(shard.0.swap(CLOSED, Relaxed), Relaxed);
        }
        **open = false;
    }

    fn has_room(&self, amount: u64) -> bool {
        self.limit.saturating_sub(self.taken.load(Relaxed)) >= amount
    }

    /// Takes from the common count. The caller has the lock of the mode, so that it only shrinks meanwhile.
    fn take(&self, amount: u64) -> bool {
        let fits = self.has_room(amount);
        if fits {
            self.taken.fetch_add(amount, Relaxed);
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_can_be_had_and_no_more() {
        // With one shard's worth and with many, so that it opens and closes.
        for limit in [0, 1, 5, 1_000] {
            let quota = Quota::new(limit, 3);
            for round in 0..3 {
                for n in 0..limit {
                    assert_eq!(quota.used(), n, "round {round}");
                    assert!(quota.charge(1), "{n} of {limit}");
                }
                assert!(!quota.charge(1) && quota.used() == limit);
                for n in (0..limit).rev() {
                    quota.refund(1);
                    assert_eq!(quota.used(), n);
                }
            }
            assert!(!quota.charge(limit + 1) && quota.charge(limit));
        }
    }

    #[test]
    fn threads_share_the_limit_to_the_unit() {
        let limit = if cfg!(miri) { 200 } else { 50_000 };
        let quota = Quota::new(limit, 4);
        let had: u64 = std::thread::scope(|scope| {
            let take = || std::iter::repeat_with(|| quota.charge(1)).take_while(|had| *had).count() as u64;
            let threads = [(); 3].map(|()| scope.spawn(take));
            threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
        });
        assert_eq!((had, quota.used()), (limit, limit));
        // As many threads as units, each with at most one: nobody is refused.
        quota.refund(3);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..limit / 50 {
                        assert!(quota.charge(1));
                        quota.refund(1);
                    }
                });
            }
        });
        assert_eq!(quota.used(), limit - 3);
    }
}
