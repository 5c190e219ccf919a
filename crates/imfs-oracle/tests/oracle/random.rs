//! Random sequences: fixed seeds in every run, more of them for as long as one asks.
//!
//! `IMFS_ORACLE_SEED=n` runs one seed; `IMFS_ORACLE_SECONDS=n` runs new seeds for that long.

use imfs_oracle::cage::Cages;
use imfs_oracle::compare::as_table;
use imfs_oracle::kernel::Kernel;
use imfs_oracle::random::{check, sequence};
use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How many seeds run without being asked.
const SEEDS: u64 = 60;
/// Most of a sequence's time is spent waiting for the clock or for the other side.
const THREADS: usize = 3;
/// After so many sequences a long run says how far it is.
const SIGN_OF_LIFE: u64 = 500;
/// After so many differences it is time to look at them.
const ENOUGH: usize = 3;

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|v| v.parse().unwrap_or_else(|_| panic!("{name} is not a number: {v}")))
}

/// Adds a difference to a file, for what comes once in hours must not go with a terminal.
fn keep(text: &str) {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("oracle-differences.txt");
    let kept = std::fs::OpenOptions::new().append(true).create(true).open(&path);
    match kept.and_then(|mut file| file.write_all(format!("{text}\n").as_bytes())) {
        Ok(()) => eprintln!("kept in {}", path.display()),
        Err(error) => eprintln!("not kept in {}: {error}", path.display()),
    }
}

#[test]
fn random_sequences_agree() {
    if !crate::table::may_run() {
        return;
    }
    let (seed, seconds) = (asked("IMFS_ORACLE_SEED"), asked("IMFS_ORACLE_SECONDS"));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos() as u64;
    let first = seed.unwrap_or(if seconds.is_some() { now } else { 0 });
    let until = seconds.map(|s| Instant::now() + Duration::from_secs(s));
    let more = |n: u64| match (until, seed) {
        (Some(until), _) => Instant::now() < until,
        (None, Some(_)) => n == 0,
        (None, None) => n < SEEDS,
    };
    let next = AtomicU64::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|s| {
        for _ in 0..THREADS {
            s.spawn(|| {
                let (mut oracle, mut subject) = (Kernel::new(), Cages::new());
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if !more(n) || failures.lock().expect("nobody panics with it").len() >= ENOUGH {
                        break;
                    }
                    if n > 0 && n.is_multiple_of(SIGN_OF_LIFE) {
                        eprintln!("{n} sequences from seed {first}");
                    }
                    let sequence = sequence(first.wrapping_add(n));
                    if let Some(found) = check(&mut oracle, &mut subject, &sequence) {
                        let (seed, limits) = (sequence.seed, sequence.limits);
                        let table = as_table(&found.steps);
                        let repeat =
                            format!("IMFS_ORACLE_SEED={seed} cargo nextest run -p imfs-oracle random");
                        let (what, first) = (&found.what, &found.first);
                        let first = if first == what { String::new() } else { format!("at first {first}") };
                        let text =
                            format!("seed {seed}, {limits:?}\n{first}{what}{table}\nrepeat: {repeat}\n");
                        eprintln!("{text}");
                        keep(&text);
                        failures.lock().expect("nobody panics with it").push(text);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("nobody panics with it");
    let ran = next.load(Ordering::Relaxed).saturating_sub(THREADS as u64);
    println!("{ran} sequences from seed {first}");
    assert!(failures.is_empty(), "{} sequences differ:\n\n{}", failures.len(), failures.join("\n"));
}
