//! The fuzz targets on the corpus of `fuzz/corpus`, on mutations of it, and on inputs made of nothing, of a fixed seed:
//! `IMFS_FUZZ=n` for n times as many, `IMFS_FUZZ_SEED=n` for others.

use std::path::Path;

/// xorshift64*
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() >> 32) as usize % n
    }

    fn byte(&mut self) -> u8 {
        (self.next() >> 56) as u8
    }
}

/// Says which input it was, if that panics.
struct Now<'a>(&'a str, &'a [u8]);

impl Drop for Now<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("target {} with {:02x?}", self.0, self.1);
        }
    }
}

fn asked(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|n| n.parse().ok())
}

fn replay(name: &str, inputs: u64) {
    let (_, target) = imfs_fuzz::TARGETS.into_iter().find(|(known, _)| *known == name).expect("a target");
    let run = |data: &[u8]| {
        let _now = Now(name, data);
        target(data);
    };
    let corpus = corpus(name);
    corpus.iter().for_each(|data| run(data));
    let mut random = Random(asked("IMFS_FUZZ_SEED").unwrap_or(0).wrapping_add(0x1234_5678_9abc_def1) | 1);
    for n in 0..inputs.saturating_mul(asked("IMFS_FUZZ").unwrap_or(1)) {
        let data = if n % 2 == 0 { mutated(&corpus, &mut random) } else { fresh(name, &mut random) };
        run(&data);
    }
}

/// The inputs that are kept, in an order that does not depend on the machine.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    let entries = std::fs::read_dir(&folder).expect("a corpus");
    let mut corpus: Vec<_> =
        entries.map(|entry| std::fs::read(entry.expect("an entry").path()).expect("a file")).collect();
    corpus.sort();
    corpus
}

/// One of the corpus after a few of the changes that libFuzzer makes, so that it is mostly still valid.
fn mutated(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut data = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(data.len() + 1);
        match random.below(6) {
            0 => data.insert(at, random.byte()),
            1 => data.truncate(at),
            2 => drop(data.splice(at.., corpus[random.below(corpus.len())].iter().copied())),
            3 => {
                let copied = data[at..(at + random.below(16)).min(data.len())].to_vec();
                data.splice(at..at, copied);
            }
            changes => {
                if let Some(byte) = data.get_mut(at) {
                    *byte = if changes == 4 { random.byte() } else { *byte ^ 1 << random.below(8) };
                }
            }
        }
    }
    data.truncate(512);
    data
}

/// An input of its own.
fn fresh(name: &str, random: &mut Random) -> Vec<u8> {
    let len = random.below(if name == "paths" { 12 } else { 200 });
    let mut data: Vec<u8> = (0..len).map(|_| random.byte()).collect();
    if name == "attributes" && random.below(2) == 0 && len > 6 {
        access_list(&mut data, random);
    }
    data
}

/// Makes the bytes nearly an access list: version 2, and entries with tags that exist.
fn access_list(data: &mut Vec<u8>, random: &mut Random) {
    data[0] = random.next() as u8 & 1;
    data[1..5].copy_from_slice(&2_u32.to_le_bytes());
    data.truncate(5);
    let middle = random.next() % 4;
    for tag in [1_u16, 2, 4, 8, 16, 32] {
        if tag == 2 || tag == 8 {
            (0..middle).for_each(|n| entry(data, tag, n as u32 * 3));
        } else if tag != 16 || !random.next().is_multiple_of(4) {
            entry(data, tag, u32::MAX);
        }
    }
    if random.next().is_multiple_of(4) {
        let at = 5 + random.next() as usize % (data.len() - 5);
        data[at] ^= 1 << (random.next() % 8);
    }
}

fn entry(data: &mut Vec<u8>, tag: u16, id: u32) {
    data.extend(tag.to_le_bytes());
    data.extend(5_u16.to_le_bytes());
    data.extend(id.to_le_bytes());
}

#[test]
fn calls() {
    replay("calls", 2_000);
}

#[test]
fn paths() {
    replay("paths", 6_000);
}

#[test]
fn attributes() {
    replay("attributes", 8_000);
}

#[test]
fn specs() {
    replay("specs", 30_000);
}
