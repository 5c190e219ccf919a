//! References: the last drop against upgrades, spreading and gathering.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::{play, together};
use crate::sync::epoch;
use crate::sync::refcount::{Evict, Ref, Shared, Slot};

/// Counts evictions, and carries the number of links that anchors it.
struct Thing {
    evictions: Arc<AtomicU32>,
    links: crate::sync::primitives::atomic::AtomicU32,
}

impl Evict for Thing {
    fn evict(&self) {
        self.evictions.fetch_add(1, Ordering::SeqCst);
    }
}

fn thing(evictions: &Arc<AtomicU32>, links: u32) -> Ref<Thing> {
    Ref::try_new(Thing { evictions: evictions.clone(), links: links.into() }).expect("memory")
}

fn evictions(count: &AtomicU32) -> u32 {
    count.load(Ordering::SeqCst)
}

/// Takes a reference as open(2) does, and looks at the object.
fn use_it(slot: &Slot<Thing>, spread: bool) -> Option<Ref<Thing>> {
    let guard = epoch::pin();
    let held = slot.load(&guard).and_then(Shared::upgrade)?;
    if spread {
        held.spread(|| held.links.load(Ordering::SeqCst) > 0);
    }
    assert_eq!(evictions(&held.evictions), 0, "evicted, though there is a reference");
    Some(held)
}

/// Takes the name away, as unlink(2) does.
fn unlink(slot: &Slot<Thing>) {
    if let Some(taken) = slot.swap(None) {
        taken.links.fetch_sub(1, Ordering::SeqCst);
        taken.gather();
        assert_eq!(evictions(&taken.evictions), 0);
    }
}

#[test]
fn the_last_drop_evicts_once() {
    play(2_000, || {
        let count = Arc::default();
        let slot = Arc::new(Slot::new(thing(&count, 1)));
        let [a, b, c] = [slot.clone(), slot.clone(), slot];
        together([
            Box::new(move || drop(use_it(&a, false))),
            Box::new(move || drop(use_it(&b, false).map(|held| (held.clone(), held)))),
            Box::new(move || unlink(&c)),
        ]);
        assert_eq!(evictions(&count), 1);
    });
}

#[test]
fn a_spread_count_never_evicts_too_soon_nor_never() {
    play(3_000, || {
        let count = Arc::default();
        let slot = Arc::new(Slot::new(thing(&count, 1)));
        let [a, b, c] = [slot.clone(), slot.clone(), slot];
        together([
            Box::new(move || drop([use_it(&a, true), use_it(&a, false)])),
            Box::new(move || drop([use_it(&b, false), use_it(&b, true)])),
            Box::new(move || unlink(&c)),
        ]);
        assert_eq!(evictions(&count), 1);
    });
}

/// References are dropped by another thread than made them, while the stripes open and close: descriptors of threads
/// of one process.
#[test]
fn references_that_change_hands() {
    play(3_000, || {
        let count = Arc::default();
        let names = Arc::new([Slot::new(thing(&count, 2)), Slot::empty()]);
        let second = use_it(&names[0], true).expect("there");
        drop(names[1].swap(Some(second)));
        let (give, take) = shuttle::sync::mpsc::channel();
        let [a, b, c] = [names.clone(), names.clone(), names.clone()];
        together([
            Box::new(move || {
                for _ in 0..2 {
                    let _ = give.send(use_it(&a[1], false).expect("it has a name until the end"));
                }
            }),
            Box::new(move || {
                drop(use_it(&b[1], true));
                take.iter().for_each(drop);
            }),
            // One of two names goes.
            Box::new(move || unlink(&c[0])),
        ]);
        assert_eq!(evictions(&count), 0);
        unlink(&names[1]);
        assert_eq!(evictions(&count), 1);
    });
}

#[test]
fn two_names_go_at_once() {
    play(2_000, || {
        let count = Arc::default();
        let first = thing(&count, 2);
        first.spread(|| true);
        let names = Arc::new([Slot::new(first.clone()), Slot::new(first)]);
        let [a, b, c] = [names.clone(), names.clone(), names];
        together([
            Box::new(move || unlink(&a[0])),
            Box::new(move || unlink(&b[1])),
            Box::new(move || drop(use_it(&c[1], true))),
        ]);
        assert_eq!(evictions(&count), 1);
    });
}
