//! The sequence lock: readers see all of a change or nothing, writers exclude each other.

use std::sync::Arc;

use super::{play, together};
use crate::sync::primitives::atomic::{AtomicU32, Ordering};
use crate::sync::seq::SeqLock;

#[derive(Default)]
struct Pair {
    seq: SeqLock,
    parts: [AtomicU32; 2],
}

impl Pair {
    fn read(&self) -> [u32; 2] {
        self.seq.read(|| [0, 1].map(|part| self.parts[part].load(Ordering::Relaxed)))
    }

    fn add(&self) {
        self.seq.write(|| {
            for part in &self.parts {
                part.store(part.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            }
        });
    }
}

#[test]
fn no_change_is_seen_in_part_or_lost() {
    play(2_000, || {
        let pair = Arc::new(Pair::default());
        let [a, b, c] = [pair.clone(), pair.clone(), pair.clone()];
        let writer = |pair: Arc<Pair>| move || (0..2).for_each(|_| pair.add());
        together([
            Box::new(writer(a)),
            Box::new(writer(b)),
            Box::new(move || {
                for _ in 0..2 {
                    let [x, y] = c.read();
                    assert_eq!(x, y);
                }
            }),
        ]);
        assert_eq!(pair.read(), [4, 4]);
    });
}
