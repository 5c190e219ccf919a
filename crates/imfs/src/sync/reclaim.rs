//! When what was retired is freed: see `epoch`, which retires it.
//!
//! Each thread frees what it retired itself, once enough has come together, and now and then some of what an idle thread
//! left. Knows slots, bags and the epoch, and nothing of what it frees.

use super::bag::{Retired, Ripe};
use super::epoch::{EPOCH, ThreadSlot, pin, slots, this_slot};
use super::primitives::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use crate::platform::barrier;

/// Whether some thread is about to advance the epoch: one is enough.
static ADVANCING: AtomicBool = AtomicBool::new(false);

/// How many epochs pass before what was retired is freed.
const GRACE: u64 = 3;
/// A thread tries to free what is ripe each time when it has retired this many things: many, for the heavy barriers that it
/// takes interrupt all processors that run threads of the process;
pub(super) const MANY: usize = 8192;
/// or, while no other thread of the process has a slot, this many: few, so that their memory is still in the cache when it
/// is used again;
pub(super) const FEW: usize = 250;
/// or things of this many bytes.
pub(super) const LARGE: usize = 2 << 20;
/// A thread looks into the bag of another each time when it has tried this often.
const OFTEN: u32 = 16;

/// Frees things, now that this thread is not pinned. What is freed may pin it again, and retire more.
#[cold]
pub(super) fn collect_due(slot: &ThreadSlot) {
    if !slot.freeing.swap(true, Ordering::Relaxed) {
        slot.due.store(false, Ordering::Relaxed);
        let tries = slot.tries.load(Ordering::Relaxed).wrapping_add(1);
        slot.tries.store(tries, Ordering::Relaxed);
        collect(slot, tries.is_multiple_of(OFTEN));
        slot.freeing.store(false, Ordering::Relaxed);
    }
}

/// What an attempt to free things came to.
#[derive(Debug)]
struct Collected {
    /// Whether anything was freed.
    some: bool,
    /// Whether things are left, in some thread's bag.
    left: bool,
}

/// Frees what has been retired long enough by this thread, which is not pinned, and makes the epoch advance if that is not
/// the most of it. With `others` it also looks into the bag of another thread.
fn collect(own: &ThreadSlot, others: bool) -> Collected {
    let mut some = free_own(own);
    let alone = alone(own);
    let many = if alone { FEW } else { MANY };
    own.many.store(many, Ordering::Relaxed);
    if others || own.large.swap(false, Ordering::Relaxed) || own.bag.len() > many / 2 {
        for _ in 0..GRACE {
            if !advance(alone) {
                break;
            }
        }
        some |= free_own(own);
    }
    if others && let Some(other) = another_bag(own) {
        some |= free_other(own, other);
    }
    Collected { some, left: slots().any(|slot| slot.bag.len() != 0) }
}

/// Frees what is ripe of what this thread retired, and says whether that was anything.
fn free_own(own: &ThreadSlot) -> bool {
    let mut some = false;
    loop {
        let things = {
            let _pinned = pin();
            let ripe = ripe();
            // SAFETY: this thread has the slot and is pinned.
            unsafe { own.bag.take_own(ripe) }
        };
        let last = things.last().is_none_or(Option::is_none);
        some |= free(things);
        if last {
            return some;
        }
    }
}

/// Frees some of what is ripe of what another thread retired, if that is not pinned.
fn free_other(own: &ThreadSlot, other: &ThreadSlot) -> bool {
    if !other.bag.mark(own.number) {
        return false;
    }
    barrier::heavy();
    let idle = other.pinned.load(Ordering::Acquire) == 0;
    // SAFETY: we marked it before the barrier, and its thread was not pinned after it.
    let things = idle.then(|| unsafe { other.bag.take(ripe()) });
    other.bag.unmark();
    // Only now: what is freed may take locks that the bag's thread has while it waits for the end of our mark.
    things.is_some_and(free)
}

/// Whether something was retired long enough ago.
fn ripe() -> impl Fn(&Retired) -> bool {
    let now = EPOCH.0.load(Ordering::Acquire);
    move |thing| thing.epoch + GRACE <= now
}

/// Whether this thread is not pinned and no other has a slot. Who takes one now sees all that this thread has unlinked.
fn alone(own: &ThreadSlot) -> bool {
    fence(Ordering::SeqCst);
    own.pinned.load(Ordering::Relaxed) == 0
        && slots().all(|slot| std::ptr::eq(slot, own) || !slot.taken.load(Ordering::Acquire))
}

/// A thread that is not pinned and has something in its bag: each time another one.
fn another_bag(own: &ThreadSlot) -> Option<&'static ThreadSlot> {
    static TURN: AtomicUsize = AtomicUsize::new(0);
    let all = || {
        slots().filter(|slot| {
            !std::ptr::eq(*slot, own) && slot.bag.len() != 0 && slot.pinned.load(Ordering::Relaxed) == 0
        })
    };
    let turn = TURN.fetch_add(1, Ordering::Relaxed).checked_rem(all().count())?;
    all().nth(turn)
}

/// Frees what was taken out of a bag, and says whether that was anything.
fn free(things: Ripe) -> bool {
    let some = things[0].is_some();
    for thing in things.into_iter().flatten() {
        // SAFETY: retired long enough ago, so no guard from before its unlinking exists; and retired once.
        unsafe { (thing.free)(thing.pointer) };
    }
    some
}

/// Moves the epoch on if every pinned thread has noted the present one, and no other thread is doing so. Whether it did.
/// A thread that is `alone`, and not pinned itself, needs neither barrier nor look.
fn advance(alone: bool) -> bool {
    if ADVANCING.swap(true, Ordering::Acquire) {
        return false;
    }
    let now = EPOCH.0.load(Ordering::Relaxed);
    let seen = alone || {
        barrier::heavy();
        slots()
            .all(|slot| matches!(slot.pinned.load(Ordering::Relaxed), pinned if pinned == 0 || pinned == now))
    };
    if seen {
        // Readers that ended before are done with what they saw.
        fence(Ordering::Acquire);
        EPOCH.0.store(now + 1, Ordering::Release);
    }
    ADVANCING.store(false, Ordering::Release);
    seen
}

/// Frees all that was retired, unless some thread stays pinned, and the memory that this thread keeps for new objects; for
/// the end of an instance. To be called by a thread that is not pinned.
pub fn flush() {
    drop(pin());
    // A thread that is ending has given its slot back, and another may have it.
    let Some(slot) = this_slot() else { return };
    // What is freed retires more: descriptions hold inodes, these their directories and the instance.
    let mut vain = 0;
    while vain < 4 * GRACE {
        let Collected { some, left } = collect(slot, true);
        if !left {
            break;
        }
        vain = if some { 0 } else { vain + 1 };
    }
    slot.pool.clear();
}
