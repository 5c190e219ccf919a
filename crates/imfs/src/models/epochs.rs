//! Reclamation: nothing is freed that a pinned reader can see, and everything is in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::{play, together};
use crate::sync::epoch::{self, RcuBox};

/// A value that knows whether it was freed.
struct Value {
    freed: Arc<AtomicBool>,
    count: Arc<AtomicU32>,
}

impl Drop for Value {
    fn drop(&mut self) {
        assert!(!self.freed.swap(true, Ordering::SeqCst), "freed twice");
        self.count.fetch_add(1, Ordering::SeqCst);
    }
}

fn value(count: &Arc<AtomicU32>) -> Box<Value> {
    Box::new(Value { freed: Arc::default(), count: count.clone() })
}

fn read(place: &RcuBox<Value>) {
    let guard = epoch::pin();
    let Some(seen) = place.load(&guard) else { return };
    let freed = seen.freed.clone();
    for _ in 0..3 {
        shuttle::thread::yield_now();
        assert!(!freed.load(Ordering::SeqCst), "freed under a reader");
    }
    // Nested guards end in any order.
    let inner = epoch::pin();
    drop(guard);
    assert!(!freed.load(Ordering::SeqCst), "freed under an inner guard");
    drop(inner);
}

#[test]
fn nothing_is_freed_under_a_reader_and_all_is_in_the_end() {
    play(2_000, || {
        let count = Arc::default();
        let place = Arc::new(RcuBox::new(value(&count)));
        let [a, b, c] = [place.clone(), place.clone(), place];
        let (new, more) = (value(&count), value(&count));
        together([
            Box::new(move || {
                read(&a);
                read(&a);
            }),
            Box::new(move || {
                drop(b.replace(Some(new), 8, &epoch::pin()));
                epoch::flush();
                drop(b.replace(Some(more), 8, &epoch::pin()));
                epoch::flush();
            }),
            Box::new(move || {
                read(&c);
                epoch::flush();
                epoch::flush();
            }),
        ]);
        epoch::flush();
        // Two were replaced, and the third went with its place.
        assert_eq!(count.load(Ordering::SeqCst), 3);
    });
}
