//! The space of one file system instance: how many pages its files may have, and where the pages come from.
//!
//! [`Space`] charges files for pages up to the instance's limit, exactly to the page whatever threads do, and hands out
//! page memory. It does not know files. The rest of the data layer uses it, `statfs` and remounting too, and inodes
//! charge what they keep outside of files (as tmpfs does with long symbolic links).
//!
//! Memory and credit are split into shards so that threads do not meet: a thread uses the shard that its stack address
//! picks, or the next one that is not locked. While the limit is far, a shard takes credit from the common count in
//! batches; near it, page by page; and before a charge fails, the credit of all shards is called in.
//!
//! Locks: `reclaim` is taken before those of shards; who has it takes all of these in their order, others one at a time. The
//! idle list is taken with no shard locked.

use crate::sync::primitives::atomic::{AtomicU64, Ordering};

use super::arena::{Chunks, FreePage, IdleChunk, NewPage, Page};
use crate::abi::{Errno, PAGE_SIZE, Result};
use crate::sync::epoch;
use crate::sync::lock::{Mutex, MutexGuard, rank};

/// How many shards there are: more than threads that write at one time, or they meet in a few.
const SHARDS: usize = 16;
/// How many pages of credit a shard takes at once.
const BATCH: u64 = 64;
/// How many idle chunks are kept for reuse before memory goes back to the host.
const IDLE: usize = 16;
/// A limit from which it pays to ask for huge pages.
const HUGE: u64 = 512;

/// Makes the homes of shards: see [`Chunks::home`].
static HOMES: AtomicU64 = AtomicU64::new(0);

/// The page memory and page budget of one file system instance.
///
/// `used() * 8` is the sum of `st_blocks` of all files: a page shared copy-on-write is charged to every file that has
/// it, so that writing to it never meets ENOSPC.
#[derive(Debug)]
pub struct Space {
    /// In pages; `u64::MAX` is no limit.
    limit: AtomicU64,
    /// The pages charged, and the credit of all shards.
    taken: AtomicU64,
    /// Serializes charges near the limit, and changes of it.
    reclaim: Mutex<(), { rank::SPACE }>,
    idle: Mutex<[Option<IdleChunk>; IDLE], { rank::LEAF }>,
    shards: [Shard; SHARDS],
    #[cfg(any(test, feature = "fault-injection"))]
    fault: AtomicU64,
}

/// On cache lines of its own (in pairs, as they are prefetched).
#[derive(Debug)]
#[repr(align(128))]
struct Shard(Mutex<ShardState, { rank::LEAF }>);

#[derive(Debug)]
struct ShardState {
    chunks: Chunks,
    /// Pages that are counted in `taken` but not charged to anybody yet.
    credit: u64,
}

type ShardGuard<'a> = MutexGuard<'a, ShardState, { rank::LEAF }>;

/// `bytes` as a limit in pages; 0 is no limit (`size=` of tmpfs(5)).
fn pages_of(bytes: u64) -> u64 {
    match bytes {
        0 => u64::MAX,
        _ => bytes.div_ceil(PAGE_SIZE as u64),
    }
}

impl Space {
    /// A space of `limit` bytes, rounded up to pages; 0 is no limit, as `size=0` of tmpfs(5).
    pub fn new(limit: u64) -> Self {
        let homes = HOMES.fetch_add(SHARDS as u64, Ordering::Relaxed);
        let shard = |i| ShardState { chunks: Chunks::new(homes + i as u64), credit: 0 };
        Self {
            limit: AtomicU64::new(pages_of(limit)),
            taken: AtomicU64::new(0),
            reclaim: Mutex::new(()),
            idle: Mutex::new([const { None }; IDLE]),
            shards: std::array::from_fn(|i| Shard(Mutex::new(shard(i)))),
            #[cfg(any(test, feature = "fault-injection"))]
            fault: AtomicU64::new(0),
        }
    }

    /// The pages that may be charged (`f_blocks` of statfs(2)), `None` without limit.
    pub fn total(&self) -> Option<u64> {
        Some(self.limit.load(Ordering::Relaxed)).filter(|&limit| limit != u64::MAX)
    }

    /// The pages charged. While others charge and uncharge it is approximate.
    pub fn used(&self) -> u64 {
        let taken = self.taken.load(Ordering::Relaxed);
        let credit: u64 = self.shards.iter().map(|shard| shard.0.lock().credit).sum();
        taken.saturating_sub(credit)
    }

    /// The pages that can still be charged (`f_bfree` of statfs(2)).
    pub fn free(&self) -> u64 {
        self.limit.load(Ordering::Relaxed).saturating_sub(self.used())
    }

    /// Changes the limit (mount(2) with `MS_REMOUNT`); `limit` is as in [`Space::new`].
    ///
    /// # Errors
    /// EINVAL: more is in use.
    pub fn set_limit(&self, limit: u64) -> Result<()> {
        let _reclaim = self.reclaim.lock();
        self.call_in(|| {
            let new = pages_of(limit);
            let old = self.limit.swap(new, Ordering::SeqCst);
            if self.taken.load(Ordering::SeqCst) <= new {
                return Ok(());
            }
            self.limit.store(old, Ordering::SeqCst);
            Err(Errno::EINVAL)
        })
    }

    /// Charges `pages`.
    ///
    /// # Errors
    /// ENOSPC: fewer are free; then nothing is charged.
    pub fn charge(&self, pages: u64) -> Result<()> {
        if self.pay(&mut self.shard(), pages) { Ok(()) } else { self.charge_tight(pages) }
    }

    /// Charges `pages` that are in use already, be it beyond the limit.
    pub(super) fn charge_anyway(&self, pages: u64) {
        if pages != 0 && !self.pay(&mut self.shard(), pages) {
            let _reclaim = self.reclaim.lock();
            // First, so that a shard that gets credit after its turn sees it.
            self.taken.fetch_add(pages, Ordering::SeqCst);
            self.call_in(|| ());
        }
    }

    /// Takes back the charge of `pages`.
    pub fn uncharge(&self, pages: u64) {
        self.repay(&mut self.shard(), pages);
    }

    /// Gives all memory that is not in use back to the host, as far as whole chunks are free.
    pub fn trim(&self) {
        for shard in &self.shards {
            let idle = shard.0.lock().chunks.pop_idle();
            drop(idle);
        }
        while let Some(idle) = self.pop_idle() {
            drop(idle);
        }
    }

    /// Makes the `n`-th page or page map node from now on fail with ENOMEM, once; 0 makes none fail. Returns what was
    /// left of the number before: 0 if that one failed. For tests.
    #[cfg(any(test, feature = "fault-injection"))]
    pub fn fail_nth(&self, n: u64) -> u64 {
        self.fault.swap(n, Ordering::Relaxed)
    }

    /// Asked before each allocation: whether a test wants it to fail.
    #[inline]
    pub(super) fn grant(&self) -> Result<()> {
        #[cfg(any(test, feature = "fault-injection"))]
        if self.fault.load(Ordering::Relaxed) != 0 && self.fault.fetch_sub(1, Ordering::Relaxed) == 1 {
            return Err(Errno::ENOMEM);
        }
        Ok(())
    }

    /// Takes a page and charges `charge`, 1 or 0 (a page in the place of one already charged).
    ///
    /// # Errors
    /// ENOSPC: the limit is reached. ENOMEM: the host gives no memory.
    pub(super) fn take_page(&self, charge: u64) -> Result<NewPage> {
        self.grant()?;
        let mut shard = self.shard();
        if !self.pay(&mut shard, charge) {
            drop(shard);
            self.charge_tight(charge)?;
            shard = self.shard();
        }
        match shard.chunks.pop() {
            Some(page) => Ok(page),
            None => {
                drop(shard);
                self.take_page_slow().inspect_err(|_| self.uncharge(charge))
            }
        }
    }

    /// Gives back one page that was charged `charge`. [`Refund`] is for many.
    pub(super) fn give_page(&self, page: Page, charge: u64) {
        let mut refund = self.refund();
        refund.page(page);
        refund.charged = charge;
    }

    /// To give back many pages.
    pub(super) fn refund(&self) -> Refund<'_> {
        Refund { space: self, shard: None, turn: 0, charged: 0 }
    }

    /// The shard of this thread, or another one that is free.
    #[inline]
    fn shard(&self) -> ShardGuard<'_> {
        let first = epoch::thread_number() % SHARDS;
        match self.shards[first].0.try_lock() {
            Some(guard) => guard,
            None => self.other_shard(first),
        }
    }

    #[cold]
    fn other_shard(&self, first: usize) -> ShardGuard<'_> {
        (first + 1..first + SHARDS)
            .find_map(|i| self.shards[i % SHARDS].0.try_lock())
            .unwrap_or_else(|| self.shards[first].0.lock())
    }

    /// Charges `pages` to the shard's credit, taking more if the limit allows.
    #[inline]
    fn pay(&self, shard: &mut ShardState, pages: u64) -> bool {
        if let Some(rest) = shard.credit.checked_sub(pages) {
            shard.credit = rest;
            return true;
        }
        let missing = pages - shard.credit;
        for (extra, margin) in [(BATCH, 2 * BATCH * SHARDS as u64), (0, 0)] {
            if self.take(missing.saturating_add(extra), margin) {
                shard.credit = extra;
                return true;
            }
        }
        false
    }

    /// Takes `pages` from the common count if `margin` more are left.
    fn take(&self, pages: u64, margin: u64) -> bool {
        let limit = self.limit.load(Ordering::SeqCst);
        let more = |taken: u64| {
            let new = taken.checked_add(pages)?;
            (new.checked_add(margin)? <= limit).then_some(new)
        };
        self.taken.fetch_update(Ordering::SeqCst, Ordering::Relaxed, more).is_ok()
    }

    /// Charges when the limit is near: alone, and with all credit called in, so that a failure is a true one.
    #[cold]
    fn charge_tight(&self, pages: u64) -> Result<()> {
        let _reclaim = self.reclaim.lock();
        self.call_in(|| if self.take(pages, 0) { Ok(()) } else { Err(Errno::ENOSPC) })
    }

    /// Calls in the credit of all shards, and keeps them locked during `then`: else a page that one thread gives back
    /// behind us, while it takes another one before us, would be missed, though there was one at every moment.
    ///
    /// Nobody else waits for a shard while it has one, so this order is as good as any.
    fn call_in<R>(&self, then: impl FnOnce() -> R) -> R {
        let mut shards: [_; SHARDS] = std::array::from_fn(|i| self.shards[i].0.lock_another());
        for state in &mut shards {
            self.taken.fetch_sub(std::mem::take(&mut state.credit), Ordering::SeqCst);
        }
        then()
    }

    /// Turns `pages` of charge into credit of the shard, which gives up what is too much: all, beyond the limit.
    fn repay(&self, shard: &mut ShardState, pages: u64) {
        shard.credit += pages;
        let beyond = self.taken.load(Ordering::SeqCst) > self.limit.load(Ordering::SeqCst);
        if shard.credit > 2 * BATCH || beyond {
            let keep = if beyond { 0 } else { BATCH };
            self.taken.fetch_sub(shard.credit - keep, Ordering::SeqCst);
            shard.credit = keep;
        }
    }

    /// A page from a chunk that was idle or is new; if there is none, from whatever shard has one.
    #[cold]
    fn take_page_slow(&self) -> Result<NewPage> {
        let huge = self.limit.load(Ordering::Relaxed) >= HUGE;
        if let Some(chunk) = self.pop_idle().or_else(|| IdleChunk::map(huge)) {
            let mut shard = self.shard();
            shard.chunks.adopt(chunk);
            return shard.chunks.pop().ok_or(Errno::ENOMEM);
        }
        self.shards.iter().find_map(|shard| shard.0.lock().chunks.pop()).ok_or(Errno::ENOMEM)
    }

    fn pop_idle(&self) -> Option<IdleChunk> {
        self.idle.lock().iter_mut().rev().find_map(Option::take)
    }

    /// Keeps an idle chunk, or gives it to the host if enough are kept.
    fn retire(&self, chunk: IdleChunk) {
        let mut idle = self.idle.lock();
        if let Some(place) = idle.iter_mut().find(|place| place.is_none()) {
            *place = Some(chunk);
            return;
        }
        // The system call comes after the lock.
        drop(idle);
        drop(chunk);
    }
}

/// Pages on their way back to the space; they are uncharged when it is dropped. It holds on to the lock of a shard for
/// a while, so no other lock may be taken meanwhile.
#[derive(Debug)]
pub(super) struct Refund<'a> {
    space: &'a Space,
    shard: Option<ShardGuard<'a>>,
    turn: u32,
    charged: u64,
}

impl Refund<'_> {
    /// Gives back a page and the charge for it.
    pub(super) fn charged_page(&mut self, page: Page) {
        self.charged += 1;
        self.page(page);
    }

    /// Gives back a page, but not the charge for it.
    pub(super) fn page(&mut self, page: Page) {
        let Some(free) = page.part() else { return };
        if let Some(idle) = self.push(free) {
            self.shard = None;
            self.space.retire(idle);
        }
    }

    fn push(&mut self, free: FreePage) -> Option<IdleChunk> {
        self.turn = (self.turn + 1) % 64;
        let shard = match self.shard.take() {
            // Now and then others get a turn.
            Some(shard) if self.turn != 0 && shard.chunks.home() == free.home() => shard,
            other => {
                drop(other);
                self.space.shards[free.home() as usize % SHARDS].0.lock()
            }
        };
        self.shard.insert(shard).chunks.push(free)
    }
}

impl Drop for Refund<'_> {
    fn drop(&mut self) {
        if self.charged != 0 {
            let mut shard = self.shard.take().unwrap_or_else(|| self.space.shard());
            self.space.repay(&mut shard, self.charged);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_exact() {
        let space = Space::new(3 * PAGE_SIZE as u64 - 1);
        assert_eq!((space.total(), space.used(), space.free()), (Some(3), 0, 3));
        space.charge(2).expect("2 of 3");
        assert_eq!(space.charge(2), Err(Errno::ENOSPC));
        space.charge(1).expect("3 of 3");
        assert_eq!((space.used(), space.free(), space.charge(1)), (3, 0, Err(Errno::ENOSPC)));
        space.uncharge(3);
        assert_eq!((space.used(), space.charge(u64::MAX)), (0, Err(Errno::ENOSPC)));
        space.charge(3).expect("all");
        space.uncharge(3);
    }

    #[test]
    fn credit_is_called_in() {
        let pages = 10_000;
        let space = Space::new(pages * PAGE_SIZE as u64);
        for _ in 0..pages {
            space.charge(1).expect("free");
        }
        assert_eq!(space.charge(1), Err(Errno::ENOSPC));
        for _ in 0..BATCH {
            space.uncharge(1);
        }
        assert_eq!((space.charge(BATCH + 1), space.charge(BATCH)), (Err(Errno::ENOSPC), Ok(())));
        space.uncharge(pages);
        assert_eq!(space.used(), 0);
    }

    #[test]
    fn limits_change_but_not_below_what_is_used() {
        let space = Space::new(0);
        assert_eq!(space.total(), None);
        space.charge(1 << 40).expect("no limit");
        assert_eq!(space.set_limit(1 << 20), Err(Errno::EINVAL));
        assert_eq!(space.set_limit(PAGE_SIZE as u64 * (1 << 40)), Ok(()));
        assert_eq!((space.free(), space.charge(1)), (0, Err(Errno::ENOSPC)));
        space.uncharge(1 << 40);
    }

    #[test]
    fn beyond_the_limit_there_is_no_credit() {
        let space = Space::new(8 * PAGE_SIZE as u64);
        space.charge(8).expect("all");
        space.charge_anyway(4);
        assert_eq!((space.used(), space.free()), (12, 0));
        space.uncharge(4);
        assert_eq!((space.used(), space.charge(1)), (8, Err(Errno::ENOSPC)));
        space.uncharge(8);
        space.charge(8).expect("all again");
        space.uncharge(8);
    }

    #[test]
    fn threads_share_the_limit_to_the_page() {
        let pages: u64 = if cfg!(miri) { 40 } else { 3000 };
        let space = Space::new(pages * PAGE_SIZE as u64);
        let taken = |_| {
            let mut pages = Vec::new();
            loop {
                match space.take_page(1) {
                    Ok(page) => pages.push(page.finish()),
                    Err(error) => break assert_eq!(error, Errno::ENOSPC),
                }
            }
            pages
        };
        let pages_of_all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..3).map(|i| scope.spawn(move || taken(i))).collect();
            threads.into_iter().flat_map(|thread| thread.join().expect("thread")).collect()
        });
        assert_eq!((pages_of_all.len() as u64, space.free()), (pages, 0));
        let mut refund = space.refund();
        pages_of_all.into_iter().for_each(|page| refund.charged_page(page));
        drop(refund);
        assert_eq!(space.used(), 0);
        space.trim();
    }

    #[test]
    fn a_failed_page_is_not_charged() {
        let space = Space::new(1 << 20);
        space.fail_nth(2);
        let page = space.take_page(1).expect("the first").finish();
        assert_eq!(space.take_page(1).expect_err("the second"), Errno::ENOMEM);
        assert_eq!(space.used(), 1);
        space.give_page(page, 1);
        assert_eq!(space.used(), 0);
    }
}
