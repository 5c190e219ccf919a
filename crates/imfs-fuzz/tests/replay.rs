//! The fuzz targets on the corpus of `fuzz/corpus`, and on inputs of a fixed seed: `IMFS_FUZZ=n` for n times as many.

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

fn replay(name: &str, inputs: u32) {
    let (_, target) = imfs_fuzz::TARGETS.into_iter().find(|(known, _)| *known == name).expect("a target");
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
    for entry in std::fs::read_dir(&corpus).expect("a corpus") {
        let data = std::fs::read(entry.expect("an entry").path()).expect("a file");
        let _now = Now(name, &data);
        target(&data);
    }
    let factor = std::env::var("IMFS_FUZZ").ok().and_then(|n| n.parse().ok()).unwrap_or(1_u32);
    let mut random = Random(0x1234_5678_9abc_def1);
    for _ in 0..inputs.saturating_mul(factor) {
        let most = if name == "paths" { 12 } else { 200 };
        let len = random.next() as usize % most;
        let mut data: Vec<u8> = (0..len).map(|_| (random.next() >> 56) as u8).collect();
        if name == "attributes" && random.next().is_multiple_of(2) && len > 6 {
            access_list(&mut data, &mut random);
        }
        let _now = Now(name, &data);
        target(&data);
    }
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
    replay("calls", 500);
}

#[test]
fn paths() {
    replay("paths", 3_000);
}

#[test]
fn attributes() {
    replay("attributes", 2_000);
}

#[test]
fn specs() {
    replay("specs", 5_000);
}
