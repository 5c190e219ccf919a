//! A readers-writer lock that costs whoever uses it most no atomic read-modify-write and no cache line of its own.
//!
//! Beside an ordinary lock stands its *bias*: to nobody, to one thread, which then reads and writes, or to all readers.
//! Those it favours do not take the lock: each notes it in the slot of its thread, looks at the bias, and goes in if it
//! still stands. Everybody else takes the ordinary lock; who does so and finds a bias in the way *revokes* it: changes
//! it, makes all running threads pass a barrier, and waits for the notes that name the lock. The bias comes back after a
//! long run of accesses that it would have favoured, twice as long after each revocation, so that what several threads
//! write and read in turn does not pay for revocations again and again. (Dice and Kogan, "BRAVO: biased locking for
//! reader-writer locks", USENIX ATC 2019, with the slots of the epochs in the place of their table; and biased locks for
//! one thread, as in Kawachiya et al., "Lock reservation", OOPSLA 2002.)
//!
//! # Why nobody is overlooked
//! A favoured thread stores its note, passes [`barrier::light`], and loads the bias. Who revokes stores the bias, passes
//! [`barrier::heavy`], and loads the notes. So one of them sees what the other stored: the thread goes to the ordinary
//! lock, or the revoker waits for it. A bias to one thread begins when that thread lets go of the ordinary lock that it
//! has for writing, one to readers while somebody has it for reading; it ends only under the lock for writing.
//!
//! This is a place with `unsafe`: the value stands beside what protects it.

use std::cell::UnsafeCell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::epoch::{self, ThreadSlot};
use super::lock::{order, rank};
use super::primitives::atomic::{AtomicU32, AtomicUsize, Ordering};
use super::primitives::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use super::seq::pause;
use super::tally;
use crate::platform::barrier;
use crate::platform::ledger::Noted;

/// How many ranks have biased locks: a thread can be favoured by one lock of each at a time.
pub(super) const PLACES: usize = 4;

/// A lock of the given [`rank`], see [`Mutex`](super::lock::Mutex). It favours somebody after a run of
/// `PATIENCE` accesses and one more; of more, once that was revoked.
pub struct BiasedLock<T, const RANK: u8, const PATIENCE: u32> {
    real: RwLock<()>,
    /// A [`Bias`].
    bias: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: as for any readers-writer lock: it gives `&T` to several threads at once, and `&mut T` to one.
unsafe impl<T: Send + Sync, const RANK: u8, const PATIENCE: u32> Sync for BiasedLock<T, RANK, PATIENCE> {}

/// The right to read the value of a [`BiasedLock`].
#[derive(Debug)]
pub struct ReadGuard<'a, T, const RANK: u8> {
    /// Not a reference, for that would have to be alone until the end of a call that drops the guard.
    value: NonNull<T>,
    _entry: Entry<Noted<RwLockReadGuard<'a, ()>>>,
    _held: order::Held<RANK>,
}

/// The right to change the value of a [`BiasedLock`].
#[derive(Debug)]
pub struct WriteGuard<'a, T, const RANK: u8> {
    value: NonNull<T>,
    _entry: Entry<Alone<'a>>,
    _held: order::Held<RANK>,
    _unique: PhantomData<&'a mut T>,
}

/// How a holder came in.
#[derive(Debug)]
enum Entry<R> {
    Favoured { _note: Note },
    Real { _lock: R },
}

/// A note that this thread has a lock. It ends with its thread's use of the value.
#[derive(Debug)]
struct Note(&'static AtomicUsize, PhantomData<*mut ()>);

impl Drop for Note {
    #[inline]
    fn drop(&mut self) {
        barrier::store_address(self.0, 0);
    }
}

/// The ordinary lock, held for writing.
#[derive(Debug)]
struct Alone<'a> {
    bias: &'a AtomicU32,
    next: Bias,
    _real: Noted<RwLockWriteGuard<'a, ()>>,
}

impl Drop for Alone<'_> {
    /// Only now, at the end: a bias that began earlier would let the holder in a second time.
    fn drop(&mut self) {
        self.bias.store(self.next.0, Ordering::Release);
    }
}

/// Whom a lock favours, and what is remembered to decide that, in one word. From the lowest bit: how often a bias was
/// revoked, then the mode's own part, then the mode.
///
/// The part of a bias to one thread is the number of its slot. Without a bias it is the run of accesses: their number, the
/// last thread's number (cut off, so that two threads may be taken for one, which harms nobody), and whether one of them
/// wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bias(u32);

impl Bias {
    const DOUBT: u32 = 7;
    const PART: u32 = 3;
    const RUN: u32 = (1 << 15) - 1;
    const USER: u32 = 15;
    const USERS: u32 = (1 << 11) - 1;
    const WROTE: u32 = 1 << 26;
    const MODE: u32 = 27;
    const READERS: u32 = 1 << Self::MODE;
    const OWNER: u32 = 2 << Self::MODE;

    /// Everything but the doubt.
    #[inline]
    fn whom(self) -> u32 {
        self.0 >> Self::PART
    }

    #[inline]
    fn favours_readers(self) -> bool {
        self.whom() == Self::READERS
    }

    /// A process has far fewer threads than the part has values, so a number never reaches into the mode.
    #[inline]
    fn favours(self, slot: &ThreadSlot) -> bool {
        self.whom() == Self::OWNER | slot.number as u32
    }

    fn owned(self) -> bool {
        self.whom() >= Self::OWNER
    }

    fn nobody(self) -> bool {
        self.whom() < Self::READERS
    }

    fn with(self, whom: u32) -> Self {
        Self(whom << Self::PART | self.0 & Self::DOUBT)
    }

    /// Favours nobody from now on, and more slowly again.
    fn revoked(self) -> Self {
        let doubt = (self.0 & Self::DOUBT) + 1;
        Self(doubt.min(Self::DOUBT))
    }

    /// How long a run it takes. With other threads running a revocation takes as long as some hundred accesses save.
    fn patience(self, first: u32) -> u32 {
        const LEAST: u32 = 512;
        match self.0 & Self::DOUBT {
            0 => first,
            doubt => (first.max(LEAST) << doubt).min(Self::RUN / 2),
        }
    }

    /// After an access of the thread with this number, while it favours nobody.
    fn after(self, writes: bool, user: u32, first: u32) -> Self {
        let (run, wrote) = (self.whom() & Self::RUN, self.whom() & Self::WROTE != 0);
        let same = (self.whom() >> Self::USER) & Self::USERS == user & Self::USERS;
        // A run of reads may be of any threads, but becomes one with writes only by starting anew.
        let goes_on = if writes || wrote { same && wrote } else { true };
        let run = if goes_on { (run + 1).min(Self::RUN) } else { 0 };
        let patience = self.patience(first);
        if writes && run >= patience && user < Self::READERS {
            return self.with(Self::OWNER | user);
        }
        // Where writes come in between they find their run long enough first.
        if !writes && run >= patience << u32::from(wrote) {
            return self.with(Self::READERS);
        }
        let wrote = if writes || (wrote && same) { Self::WROTE } else { 0 };
        self.with(wrote | (user & Self::USERS) << Self::USER | run)
    }
}

impl<T, const RANK: u8, const PATIENCE: u32> BiasedLock<T, RANK, PATIENCE> {
    /// Where a thread notes that it has a lock of this rank.
    const PLACE: usize = match RANK {
        rank::OFFSET => 0,
        rank::CONTENTS => 1,
        rank::DESCRIPTORS => 2,
        rank::DIRECTORY => 3,
        _ => panic!("locks of this rank have no place for a bias"),
    };

    /// An unlocked lock, which favours nobody.
    pub const fn new(value: T) -> Self {
        Self { real: RwLock::new(()), bias: AtomicU32::new(0), value: UnsafeCell::new(value) }
    }

    /// Waits until nobody writes.
    #[inline]
    pub fn read(&self) -> ReadGuard<'_, T, RANK> {
        self.read_as(order::Held::first())
    }

    /// Waits until nobody reads or writes.
    #[inline]
    pub fn write(&self) -> WriteGuard<'_, T, RANK> {
        self.write_as(order::Held::first())
    }

    /// [`read`](Self::read) while another of the same rank is held; the caller answers for the order.
    pub fn read_another(&self) -> ReadGuard<'_, T, RANK> {
        self.read_as(order::Held::another())
    }

    /// [`write`](Self::write) while another of the same rank is held; the caller answers for the order.
    pub fn write_another(&self) -> WriteGuard<'_, T, RANK> {
        self.write_as(order::Held::another())
    }

    /// The value, without locking: nobody else can have it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }

    #[inline]
    fn read_as(&self, held: order::Held<RANK>) -> ReadGuard<'_, T, RANK> {
        let entry = match self.note(|bias, slot| bias.favours(slot) || bias.favours_readers()) {
            Some(note) => Entry::Favoured { _note: note },
            None => Entry::Real { _lock: Noted::new(self.read_real()) },
        };
        ReadGuard { value: self.value(), _entry: entry, _held: held }
    }

    #[inline]
    fn write_as(&self, held: order::Held<RANK>) -> WriteGuard<'_, T, RANK> {
        let entry = match self.note(Bias::favours) {
            Some(note) => Entry::Favoured { _note: note },
            None => Entry::Real { _lock: self.write_real() },
        };
        WriteGuard { value: self.value(), _entry: entry, _held: held, _unique: PhantomData }
    }

    fn value(&self) -> NonNull<T> {
        NonNull::from(&self.value).cast()
    }

    /// Notes that this thread has the lock, if that is favoured.
    #[inline]
    fn note(&self, favoured: impl Fn(Bias, &ThreadSlot) -> bool) -> Option<Note> {
        let slot = epoch::this_slot()?;
        let place = &slot.holding[Self::PLACE];
        // A look before, so that those who are not favoured pay little.
        if place.load(Ordering::Relaxed) != 0 || !favoured(Bias(self.bias.load(Ordering::Relaxed)), slot) {
            return None;
        }
        // Release: who sees this note and not the end of the one before sees what was done under that.
        barrier::store_address(place, self.address());
        let note = Note(place, PhantomData);
        barrier::light();
        // Acquire: with who gave the bias, and what it saw.
        favoured(Bias(self.bias.load(Ordering::Acquire)), slot).then_some(note)
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    #[cold]
    fn read_real(&self) -> RwLockReadGuard<'_, ()> {
        loop {
            tally::locked(&self.real, RANK, false);
            let real = self.real.read().unwrap_or_else(PoisonError::into_inner);
            // It becomes owned only under the lock for writing.
            let bias = Bias(self.bias.load(Ordering::Relaxed));
            if bias.nobody() {
                let next = bias.after(false, epoch::thread_number() as u32, PATIENCE).0;
                if next != bias.0 {
                    // If another reader was faster this one is not counted.
                    let _ = self.bias.compare_exchange(bias.0, next, Ordering::Release, Ordering::Relaxed);
                }
            }
            if !bias.owned() {
                return real;
            }
            drop(real);
            let _real = self.real.write().unwrap_or_else(PoisonError::into_inner);
            self.revoke();
        }
    }

    #[cold]
    fn write_real(&self) -> Alone<'_> {
        tally::locked(&self.real, RANK, true);
        let real = self.real.write().unwrap_or_else(PoisonError::into_inner);
        let next = self.revoke().after(true, epoch::thread_number() as u32, PATIENCE);
        Alone { bias: &self.bias, next, _real: Noted::new(real) }
    }

    /// Makes the lock favour nobody, and waits for those whom it favoured. The caller has the ordinary lock for writing.
    fn revoke(&self) -> Bias {
        let bias = Bias(self.bias.load(Ordering::Relaxed));
        if bias.nobody() {
            return bias;
        }
        let revoked = bias.revoked();
        self.bias.store(revoked.0, Ordering::Relaxed);
        barrier::heavy();
        for slot in epoch::slots() {
            let mut turn = 0;
            while slot.holding[Self::PLACE].load(Ordering::Acquire) == self.address() {
                pause(&mut turn);
            }
        }
        revoked
    }
}

impl<T, const RANK: u8, const PATIENCE: u32> fmt::Debug for BiasedLock<T, RANK, PATIENCE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bias = Bias(self.bias.load(Ordering::Relaxed));
        f.debug_struct("BiasedLock").field("bias", &bias).finish_non_exhaustive()
    }
}

impl<T, const RANK: u8> Deref for ReadGuard<'_, T, RANK> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: whoever writes is out, and stays out as long as the guard lives: see the module's documentation.
        unsafe { self.value.as_ref() }
    }
}

impl<T, const RANK: u8> Deref for WriteGuard<'_, T, RANK> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: everybody else is out, and stays out as long as the guard lives: see the module's documentation.
        unsafe { self.value.as_ref() }
    }
}

impl<T, const RANK: u8> DerefMut for WriteGuard<'_, T, RANK> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above.
        unsafe { self.value.as_mut() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Lock<T, const PATIENCE: u32> = BiasedLock<T, { rank::CONTENTS }, PATIENCE>;

    fn whom<T, const PATIENCE: u32>(lock: &Lock<T, PATIENCE>) -> u32 {
        Bias(lock.bias.load(Ordering::Relaxed)).whom() & (Bias::READERS | Bias::OWNER)
    }

    fn elsewhere<R: Send>(act: impl FnOnce() -> R + Send) -> R {
        std::thread::scope(|scope| scope.spawn(act).join().expect("no panic"))
    }

    #[test]
    fn one_thread_is_favoured_until_another_comes() {
        let lock = Lock::<u32, 3>::new(0);
        for n in 0..3 {
            assert_eq!((whom(&lock), *lock.read()), (0, n));
            *lock.write() += 1;
        }
        assert_eq!(whom(&lock), Bias::OWNER);
        *lock.write() += 1;
        assert_eq!(elsewhere(|| *lock.read()), 4);
        assert_eq!(whom(&lock), 0);
        for n in 0..1025 {
            assert_eq!(whom(&lock), 0, "write {n}");
            *lock.write() += 1;
        }
        assert_eq!(whom(&lock), Bias::OWNER);
        elsewhere(|| *lock.write() = 7);
        assert_eq!((whom(&lock), *lock.read()), (0, 7));
    }

    #[test]
    fn readers_are_favoured_until_somebody_writes() {
        let lock = Lock::<u32, 3>::new(5);
        *lock.write() = 6;
        for reader in 0..4 {
            assert_eq!(whom(&lock), 0, "read {reader}");
            assert_eq!(elsewhere(|| *lock.read()), 6);
        }
        assert_eq!(whom(&lock), Bias::READERS);
        assert_eq!((*lock.read(), elsewhere(|| *lock.read())), (6, 6));
        *lock.write() = 7;
        assert_eq!((whom(&lock), *lock.read()), (0, 7));
    }

    #[test]
    fn who_wrote_once_and_reads_is_favoured_like_any_reader() {
        let lock = Lock::<u32, 3>::new(5);
        *lock.write() = 6;
        for read in 0..6 {
            assert_eq!((whom(&lock), *lock.read()), (0, 6), "read {read}");
        }
        assert_eq!(whom(&lock), Bias::READERS);
    }

    #[test]
    fn two_threads_that_write_in_turn_favour_nobody() {
        let lock = Lock::<u32, 3>::new(0);
        for _ in 0..20 {
            *lock.write() += 1;
            elsewhere(|| *lock.write() += 1);
        }
        assert_eq!((whom(&lock), *lock.read()), (0, 40));
    }

    #[test]
    fn a_second_lock_of_the_rank_is_taken_though_it_favours_its_thread() {
        let (a, b) = (Lock::<u32, 0>::new(1), Lock::<u32, 0>::new(2));
        *a.write() = 3;
        *b.write() = 4;
        let (first, mut second) = (a.read(), b.write_another());
        *second += *first;
        assert_eq!((whom(&a), whom(&b)), (Bias::OWNER, 0));
        drop((first, second));
        assert_eq!(*a.read(), 3);
        assert_eq!(*b.read(), 7);
    }

    /// Fresh locks again and again, so that biases begin and are revoked all the time.
    #[test]
    fn nothing_is_torn_or_lost() {
        let (rounds, threads, accesses) = if cfg!(miri) { (10, 3, 12) } else { (400, 3, 120) };
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for round in 0..rounds {
            let lock = Lock::<[u32; 16], 5>::new([0; 16]);
            // One access of so many writes.
            let rare = [2, 7, 40][round % 3];
            let starts = [(); 3].map(|()| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random
            });
            let written: u32 = std::thread::scope(|scope| {
                let all: Vec<_> = starts[..threads]
                    .iter()
                    .map(|&start| {
                        scope.spawn({
                            let lock = &lock;
                            move || run(lock, start, accesses, rare)
                        })
                    })
                    .collect();
                all.into_iter().map(|thread| thread.join().expect("no panic")).sum()
            });
            assert_eq!(*lock.read(), [written; 16]);
        }
    }

    /// Reads and writes; gives how often it wrote.
    fn run(lock: &Lock<[u32; 16], 5>, mut random: u64, accesses: usize, rare: u64) -> u32 {
        let mut written = 0;
        for _ in 0..accesses {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            if (random >> 33).is_multiple_of(rare) {
                lock.write().iter_mut().for_each(|word| *word += 1);
                written += 1;
            } else {
                let seen = lock.read();
                assert!(seen.iter().all(|word| *word == seen[0]), "{seen:?}");
            }
        }
        written
    }
}
