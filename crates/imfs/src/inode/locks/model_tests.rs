//! Random requests against a model that notes the lock of every byte by itself.

use super::record::{Record, Records};
use super::{Owner, Range};
use crate::abi::LockKind::{self, Read, Unlock, Write};

/// The bytes of the model; its last one stands for all bytes up to `i64::MAX`.
const BYTES: usize = 12;
const OWNERS: [Owner; 3] = [Owner::Cage(1), Owner::Cage(2), Owner::Description(1)];

/// xorshift64, so that a failure is found again.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }
}

#[derive(Default)]
struct Model([[Option<LockKind>; BYTES]; 3]);

impl Model {
    fn conflicts(&self, who: usize, kind: LockKind, from: usize, to: usize) -> bool {
        let others = (0..OWNERS.len()).filter(|&other| other != who);
        others.flat_map(|other| &self.0[other][from..=to]).any(|held| match kind {
            Read => *held == Some(Write),
            Write => held.is_some(),
            Unlock => false,
        })
    }

    /// Sets the bytes and tells whether somebody may now get what he could not before.
    fn apply(&mut self, who: usize, kind: LockKind, from: usize, to: usize) -> bool {
        let mut loosened = false;
        for byte in &mut self.0[who][from..=to] {
            loosened |= match kind {
                Read => *byte == Some(Write),
                Write => false,
                Unlock => byte.is_some(),
            };
            *byte = (kind != Unlock).then_some(kind);
        }
        loosened
    }

    /// The longest runs of one kind.
    fn runs(&self, who: usize) -> Vec<Record> {
        let mut runs: Vec<Record> = Vec::new();
        for (at, held) in self.0[who].iter().enumerate() {
            let Some(kind) = *held else { continue };
            let Range { start, end } = range(at, at);
            match runs.last_mut() {
                Some(last) if last.kind == kind && last.range.end == start - 1 => last.range.end = end,
                _ => runs.push(Record { kind, range: Range { start, end } }),
            }
        }
        runs
    }
}

fn range(from: usize, to: usize) -> Range {
    Range { start: from as i64, end: if to == BYTES - 1 { i64::MAX } else { to as i64 } }
}

fn run(seed: u64, steps: usize) {
    let mut random = Random(seed);
    let (mut model, mut records) = (Model::default(), Records::default());
    let mut count = 0;
    for step in 0..steps {
        let who = random.below(3);
        let kind = [Read, Write, Unlock][random.below(3)];
        let from = random.below(BYTES);
        let to = from + random.below(BYTES - from);
        let (owner, range) = (OWNERS[who], range(from, to));
        let place = format!("seed {seed} step {step}: {owner:?} {kind:?} {range:?}");

        if kind != Unlock {
            let found = records.conflict(owner, Record { kind, range });
            assert_eq!(found.is_some(), model.conflicts(who, kind, from, to), "{place}");
            if let Some(found) = found {
                assert!(found.owner != owner && found.record.range.overlaps(range), "{place}");
                assert!(kind == Write || found.record.kind == Write, "{place}");
                continue;
            }
        }
        let change = records.apply(owner, 0, Record { kind, range }, 2).unwrap();
        assert_eq!(change.loosened, model.apply(who, kind, from, to), "{place}");
        count += change.grown;
        assert_eq!(records.count() as isize, count, "{place}");
        for (who, owner) in OWNERS.iter().enumerate() {
            assert_eq!(records.of(*owner), model.runs(who), "{place}");
        }
    }
}

#[test]
fn random_requests_do_to_ranges_what_they_do_to_bytes() {
    let (seeds, steps) = if cfg!(miri) { (2, 100) } else { (40, 2_000) };
    for seed in 1..=seeds {
        run(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed), steps);
    }
}
