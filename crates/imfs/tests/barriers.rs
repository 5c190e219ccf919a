//! The protocols that rest on the pair of a light and a heavy barrier, restated in a few lines and checked by loom in every
//! order of their memory accesses: `make test-loom`.
//!
//! Both barriers are `SeqCst` fences here. membarrier(2) gives its pair with a compiler fence the same order as a pair of
//! full fences, so what holds here holds for both kinds of `platform::barrier`. It says nothing of the code around these
//! steps: for that there are the models that shuttle plays (`src/models`), which know no weak memory, and Miri. The same
//! steps without the light barrier fail, so the models can tell.

#![cfg(imfs_loom)]

use loom::cell::UnsafeCell;
use loom::model::Builder;
use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use loom::thread;

fn heavy() {
    fence(Ordering::SeqCst);
}

fn light() {
    fence(Ordering::SeqCst);
}

/// What is left of a light barrier if the heavy side did nothing.
fn none() {}

/// In every order with up to `preemptions` switches that nobody asked for.
fn check(preemptions: usize, scene: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(scene);
}

/// `sync::biased`: the favoured thread notes that it is in and looks whether it is favoured; who revokes that takes the
/// favour away and waits until the note is gone. Never are both in.
fn biased(light: fn()) {
    struct Lock {
        favoured: AtomicBool,
        note: AtomicBool,
        value: UnsafeCell<u32>,
    }
    check(3, move || {
        let lock = Arc::new(Lock {
            favoured: AtomicBool::new(true),
            note: AtomicBool::new(false),
            value: UnsafeCell::new(0),
        });
        let own = Arc::clone(&lock);
        let favoured = thread::spawn(move || {
            for _ in 0..2 {
                own.note.store(true, Ordering::Release);
                light();
                if own.favoured.load(Ordering::Acquire) {
                    // SAFETY: what is checked.
                    own.value.with_mut(|value| unsafe { *value += 1 });
                }
                own.note.store(false, Ordering::Release);
            }
        });
        lock.favoured.store(false, Ordering::Relaxed);
        heavy();
        while lock.note.load(Ordering::Acquire) {
            thread::yield_now();
        }
        // SAFETY: what is checked.
        lock.value.with_mut(|value| unsafe { *value += 1 });
        favoured.join().unwrap();
    });
}

#[test]
fn a_bias_is_revoked_before_others_come_in() {
    biased(light);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_bias_needs_the_light_barrier() {
    biased(none);
}

/// `sync::bag`: its thread pins itself and looks for a mark; another one marks it and looks whether the thread is pinned. Never
/// do both take things out.
fn bag(light: fn()) {
    struct Bag {
        pinned: AtomicBool,
        mark: AtomicBool,
        things: UnsafeCell<u32>,
    }
    check(3, move || {
        let bag = Arc::new(Bag {
            pinned: AtomicBool::new(false),
            mark: AtomicBool::new(false),
            things: UnsafeCell::new(0),
        });
        let own = Arc::clone(&bag);
        let owner = thread::spawn(move || {
            for _ in 0..2 {
                own.pinned.store(true, Ordering::Release);
                light();
                if !own.mark.load(Ordering::Acquire) {
                    // SAFETY: what is checked.
                    own.things.with_mut(|things| unsafe { *things += 1 });
                }
                own.pinned.store(false, Ordering::Release);
            }
        });
        bag.mark.store(true, Ordering::Relaxed);
        heavy();
        if !bag.pinned.load(Ordering::Acquire) {
            // SAFETY: what is checked.
            bag.things.with_mut(|things| unsafe { *things += 1 });
        }
        bag.mark.store(false, Ordering::Release);
        owner.join().unwrap();
    });
}

#[test]
fn a_bag_is_its_threads_or_the_helpers() {
    bag(light);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn a_bag_needs_the_light_barrier() {
    bag(none);
}

/// `sync::epoch`: a reader, one who unlinks what it reads and frees it when it is ripe, and a third who moves the epoch on.
struct Epochs {
    epoch: AtomicUsize,
    advancing: AtomicBool,
    /// The reader's note; the others are never pinned.
    pinned: AtomicUsize,
    /// Which of the two values is linked.
    linked: AtomicUsize,
    values: [UnsafeCell<u32>; 2],
}

impl Epochs {
    fn read(&self, light: fn()) {
        self.pinned.store(self.epoch.load(Ordering::Relaxed), Ordering::Release);
        light();
        let seen = self.linked.load(Ordering::Acquire);
        // SAFETY: what is checked.
        self.values[seen].with(|value| assert_ne!(unsafe { *value }, FREED));
        self.pinned.store(0, Ordering::Release);
    }

    fn advance(&self) {
        if self.advancing.swap(true, Ordering::Acquire) {
            return;
        }
        let now = self.epoch.load(Ordering::Relaxed);
        heavy();
        let pinned = self.pinned.load(Ordering::Relaxed);
        if pinned == 0 || pinned == now {
            fence(Ordering::Acquire);
            self.epoch.store(now + 1, Ordering::Release);
        }
        self.advancing.store(false, Ordering::Release);
    }

    fn replace(&self, grace: usize) {
        self.linked.swap(1, Ordering::AcqRel);
        light();
        let retired = self.epoch.load(Ordering::Relaxed);
        for _ in 0..3 {
            self.advance();
        }
        if retired + grace <= self.epoch.load(Ordering::Acquire) {
            // SAFETY: what is checked.
            self.values[0].with_mut(|value| unsafe { *value = FREED });
        }
    }
}

const FREED: u32 = u32::MAX;

fn epochs(light: fn(), grace: usize) {
    check(2, move || {
        let epochs = Arc::new(Epochs {
            epoch: AtomicUsize::new(2),
            advancing: AtomicBool::new(false),
            pinned: AtomicUsize::new(0),
            linked: AtomicUsize::new(0),
            values: [UnsafeCell::new(0), UnsafeCell::new(1)],
        });
        let [reader, third] = [Arc::clone(&epochs), Arc::clone(&epochs)];
        let reader = thread::spawn(move || reader.read(light));
        let third = thread::spawn(move || third.advance());
        epochs.replace(grace);
        reader.join().unwrap();
        third.join().unwrap();
    });
}

#[test]
fn nothing_is_freed_under_a_reader() {
    epochs(light, 3);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn epochs_need_the_light_barrier() {
    epochs(none, 3);
}

#[test]
#[should_panic(expected = "Causality violation")]
fn one_epoch_of_grace_is_not_enough() {
    epochs(light, 1);
}
