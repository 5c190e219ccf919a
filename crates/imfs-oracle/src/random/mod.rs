//! Random sequences of calls of three processes, one a user, over a small tree, and the shrinking of those that differ.
//!
//! What is made depends on the seed alone. It avoids what Linux leaves to the file system: the order of a directory, and
//! offsets in one.

mod generator;

use crate::case::{Act, Limits, Side};
use crate::compare::{as_answered, difference, every_time, guarded};
use crate::prelude::*;
use generator::{Generator, SLOTS};

/// Numbers from a seed (splitmix64).
pub struct Random(u64);

impl Random {
    /// Starts at a seed.
    pub fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.number() % n as u64) as usize
    }

    fn chance(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Some of these bits.
    fn bits(&mut self, from: &[i32], one_in: usize) -> i32 {
        from.iter().fold(0, |bits, b| if self.chance(one_in) { bits | b } else { bits })
    }
}

/// A sequence.
pub struct Sequence {
    /// The seed that it was made from.
    pub seed: u64,
    /// Its file system.
    pub limits: Limits,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// The sequence of a seed: 50 to 500 calls. Half of them are on a file system without access times, where little time has
/// to pass for the stamps to tell calls apart; the others let it pass before each call. A third map files; only the others
/// ask for what is free, and run out of it, for a writable mapping takes the space of holes early here.
pub fn sequence(seed: u64) -> Sequence {
    let mut r = Random::new(seed);
    let maps = r.chance(3);
    let limits = limits(&mut r, maps);
    let (noatime, few_inodes) = (limits.noatime, limits.inodes < Limits::default().inodes);
    let mut steps = start(&mut r);
    let len = 50 + r.below(451);
    let own = if r.chance(8) { Some(chroot("/a")) } else { None };
    while steps.len() < len {
        let proc = r.below(3);
        if r.chance(80) {
            // One goes, with its locks and descriptors, and another comes in its place.
            let parent = r.below(2);
            steps.extend([
                Step { proc: 2, act: Act::Call(exit()) },
                Step { proc: parent, act: Act::Call(fork(2)) },
                Step { proc: 2, act: Act::Call(user(r.pick(&[ALICE, BOB, BOB]))) },
            ]);
            // A cage begins without mappings.
            let unmap = (0..SLOTS).map(|slot| Step { proc: 2, act: Act::Call(munmap(slot)) });
            steps.extend(unmap.filter(|_| maps));
        }
        if r.chance(20) {
            steps.extend(Generator(&mut r).waiting(proc, noatime));
            continue;
        }
        let mut calls = match maps {
            true if r.chance(4) => Generator(&mut r).mapping(),
            false if few_inodes && r.chance(20) => vec![statfs("/")],
            false if r.chance(20) => vec![free_blocks("/")],
            _ => Generator(&mut r).calls(),
        };
        if own.is_some() && r.chance(len) {
            calls.extend(own.clone());
        }
        calls.retain(|c| !few_inodes || !may_remove_directory(c));
        for c in calls {
            if if noatime { r.chance(8) } else { c.moves_stamps() || c.walks() } {
                steps.push(Step { proc, act: Act::Call(tick()) });
            }
            steps.push(Step { proc, act: Act::Call(c) });
        }
    }
    Sequence { seed, limits, steps }
}

fn limits(r: &mut Random, maps: bool) -> Limits {
    let mut limits = Limits { noatime: r.chance(2), ..Limits::default() };
    if !maps && r.chance(4) {
        limits.size = 4096 * (3 + r.below(16) as u64);
    }
    if !maps && r.chance(6) {
        limits.inodes = 14 + r.below(16) as u64;
    }
    limits
}

/// A tmpfs gives the inode of a removed directory free only after those of removed files of it that are open.
fn may_remove_directory(c: &Call) -> bool {
    matches!(c, Call::Rmdir { .. } | Call::Rename { .. } | Call::Renameat { .. })
        || matches!(c, Call::Unlinkat { flags, .. } if *flags != 0)
        || matches!(c, Call::Renameat2 { flags, .. } if flags & (RENAME_NOREPLACE | RENAME_EXCHANGE) == 0)
}

/// A small tree, three processes, and in each a few descriptors.
fn start(r: &mut Random) -> Vec<Step> {
    let mut steps = seq![
        mkdir("/a", 0o777),
        chmod("/a", 0o777),
        mkdir("/b", 0o777),
        chmod("/b", 0o1777),
        mkdir("/c", 0o755),
        chown("/c", 1001, 2000),
        chmod("/c", 0o2775),
        mkdir("/a/d", 0o777),
        chmod("/a/d", 0o777),
        symlink("a", "/d"),
        symlink("../b", "/a/e"),
        mknod("/b/f", S_IFIFO | 0o666, 0),
        umask(0),
        creat("/a/a", 0o666),
        write(3, data(10_000, 1)),
        link("/a/a", "/b/a"),
        close(3),
        creat("/f", 0o644),
        close(3),
        chmod("/", 0o777),
    ];
    if r.chance(3) {
        steps.push(chmod("/", 0o755).into());
    }
    steps.extend(seq![fork(1), fork(2)]);
    for (proc, who) in [(0, ROOT), (1, ALICE), (2, BOB)] {
        let mut calls = vec![user(who)];
        let places = ["/a/a", "/a/b", "/b/a", "/b/c", "/c/a", "/c/b", "/f", "/e", "/b/f"];
        for _ in 0..3 {
            let (f, mode) = (r.pick(&[O_RDWR, O_RDWR, O_WRONLY, O_RDONLY]), r.pick(&[0o666, 0o644, 0o4777]));
            calls.push(open(r.pick(&places), f | O_CREAT | O_NONBLOCK, mode));
        }
        calls.push(open(r.pick(&["/", "/a", "/b", "/c", "/a/d"]), r.pick(&[O_RDONLY, O_PATH]), 0));
        if r.chance(3) {
            calls.push(pipe2(O_NONBLOCK));
        }
        steps.extend(calls.into_iter().map(|c| Step { proc, act: Act::Call(c) }));
    }
    steps
}

/// How a sequence differs: the shortest one found that does, and the difference.
pub struct Found {
    /// The steps that are left.
    pub steps: Vec<Step>,
    /// What differs.
    pub what: String,
    /// What differed at first.
    pub first: String,
}

/// Runs a sequence on both sides; shrinks it if they differ.
pub fn check(oracle: &mut dyn Side, subject: &mut dyn Side, sequence: &Sequence) -> Option<Found> {
    let names = (oracle.name(), subject.name());
    let mut differs = |steps: &[Step]| {
        let a = oracle.run(sequence.limits, steps);
        let b = guarded(|| subject.run(sequence.limits, &as_answered(steps, &a)));
        // A step that the oracle itself could not make proves nothing.
        if a.outcomes.iter().any(|o| o.is_broken()) {
            return None;
        }
        difference(steps, names, &a, &b)
    };
    let first = every_time(&mut || differs(&sequence.steps))?;
    let mut found = Found { steps: sequence.steps.clone(), what: first.clone(), first };
    let mut units = with_their_ticks(&sequence.steps);
    // More is rarely needed, and it must end even if the difference comes and goes.
    let mut tries = 300;
    let mut chunk = units.len() / 2;
    while chunk > 0 && tries > 0 {
        let mut at = 0;
        let mut removed = false;
        while at < units.len() && tries > 0 {
            let end = (at + chunk).min(units.len());
            let fewer = [&units[..at], &units[end..]].concat();
            let steps = fewer.concat();
            tries -= 1;
            match differs(&steps) {
                Some(what) => {
                    found = Found { steps, what, ..found };
                    units = fewer;
                    removed = true;
                }
                None => at = end,
            }
        }
        if !removed || chunk > 1 {
            chunk /= 2;
        }
    }
    Some(found)
}

/// Steps, each with the ticks before it: without these the clocks of the two sides would make a difference of their own.
fn with_their_ticks(steps: &[Step]) -> Vec<Vec<Step>> {
    let is_tick = |step: &Step| matches!(step.call(), Some(Call::Tick {}));
    steps.chunk_by(|before, _| is_tick(before)).map(<[Step]>::to_vec).collect()
}
