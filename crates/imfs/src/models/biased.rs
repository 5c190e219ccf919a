//! The biased lock: writers are alone, whoever was favoured before; nothing that was written is missed.

use std::sync::Arc;

use super::{play, together};
use crate::sync::biased::BiasedLock;
use crate::sync::lock::rank;
use crate::sync::primitives::atomic::{AtomicU32, Ordering};

/// It favours a thread after its second access.
struct Scene {
    lock: BiasedLock<[u32; 2], { rank::CONTENTS }, 1>,
    inside: AtomicU32,
}

/// What a writer adds to the count of those inside.
const WRITER: u32 = 1 << 16;

impl Scene {
    fn new() -> Arc<Self> {
        Arc::new(Self { lock: BiasedLock::new([0; 2]), inside: AtomicU32::new(0) })
    }

    fn write(&self) {
        let mut value = self.lock.write();
        assert_eq!(self.inside.fetch_add(WRITER, Ordering::SeqCst), 0, "a writer is alone");
        value[0] += 1;
        shuttle::thread::yield_now();
        value[1] += 1;
        self.inside.fetch_sub(WRITER, Ordering::SeqCst);
    }

    fn read(&self) -> u32 {
        let value = self.lock.read();
        assert!(self.inside.fetch_add(1, Ordering::SeqCst) < WRITER, "nobody writes under a reader");
        let [a, b] = *value;
        assert_eq!(a, b);
        self.inside.fetch_sub(1, Ordering::SeqCst);
        a
    }
}

/// So that the thread has a slot, as one has that makes a call.
fn with_a_slot(act: impl FnOnce() + Send + 'static) -> Box<dyn FnOnce() + Send> {
    Box::new(move || {
        drop(crate::sync::epoch::pin());
        act();
    })
}

#[test]
fn a_bias_to_one_thread_ends_before_others_come_in() {
    play(2_000, || {
        let scene = Scene::new();
        let [a, b, c] = [scene.clone(), scene.clone(), scene.clone()];
        together([
            with_a_slot(move || (0..4).for_each(|_| a.write())),
            with_a_slot(move || (0..2).for_each(|_| b.write())),
            with_a_slot(move || assert!(c.read() <= c.read())),
        ]);
        assert_eq!(scene.read(), 6);
    });
}

#[test]
fn a_bias_to_readers_ends_before_a_writer_comes_in() {
    play(2_000, || {
        let scene = Scene::new();
        let [a, b, c] = [scene.clone(), scene.clone(), scene.clone()];
        let reader = |scene: Arc<Scene>| {
            with_a_slot(move || {
                let mut last = 0;
                for _ in 0..4 {
                    let seen = scene.read();
                    assert!(seen >= last);
                    last = seen;
                }
            })
        };
        together([reader(a), reader(b), with_a_slot(move || (0..2).for_each(|_| c.write()))]);
        assert_eq!(scene.read(), 2);
    });
}
