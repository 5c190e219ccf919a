//! Small scenes of a few threads, played in many orders: `make test-models`.
//!
//! Shuttle's scheduler chooses at each atomic operation and lock who goes on, by chance (and by the PCT algorithm, which
//! finds bugs that need few switches at certain places). A failure prints the schedule, which
//! `shuttle::replay` plays again.

use std::sync::Arc;

use shuttle::thread::spawn;

mod biased;
mod counts;
mod descriptors;
mod epochs;
mod names;
mod quotas;
mod seqs;

/// Plays `scene` in many orders. `IMFS_MODELS=n` plays n times as many.
fn play(orders: usize, scene: impl Fn() + Send + Sync + 'static) {
    let factor = std::env::var("IMFS_MODELS").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let scene = Arc::new(scene);
    let also = Arc::clone(&scene);
    shuttle::check_random(move || scene(), orders * factor);
    shuttle::check_pct(move || also(), orders * factor, 3);
}

/// Runs these together, and waits for all.
fn together<const N: usize>(threads: [Box<dyn FnOnce() + Send>; N]) {
    threads.map(spawn).into_iter().for_each(|thread| thread.join().expect("a thread of the scene"));
}
