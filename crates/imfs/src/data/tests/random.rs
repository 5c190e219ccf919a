//! Random operations on a few files, each compared with the [`Model`].
//!
//! A failure prints the seed; `IMFS_SEED=seed cargo test -p imfs data::tests::random` repeats it.

use super::model::Model;
use super::{Contents, PAGE, Space, finish};
use crate::abi::{Errno, MAX_FILE_SIZE};
use crate::data::{Origin, View};

const FILES: usize = 3;

/// The splitmix64 generator.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let x = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % n
    }

    /// An offset where something may go wrong: small, near the edge of a page, or far out in a sparse file.
    fn offset(&mut self) -> u64 {
        match self.below(10) {
            0..4 => self.below(40),
            4..6 => self.below(24) * PAGE,
            6..8 => (self.below(24) * PAGE + self.below(5)).saturating_sub(2),
            8 => self.below(24 * PAGE),
            _ => {
                let far = PAGE << (6 * self.below(6) + self.below(2));
                far + self.below(3) * PAGE + self.below(2)
            }
        }
    }

    fn len(&mut self) -> u64 {
        match self.below(8) {
            0..3 => self.below(40),
            3..5 => (1 + self.below(6)) * PAGE,
            5 => self.below(2 * PAGE),
            6 => PAGE * self.below(3) + self.below(3),
            _ => 1 + self.below(12 * PAGE),
        }
    }
}

/// Names the seed when the test fails.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this was IMFS_SEED={}", self.0);
        }
    }
}

struct World {
    random: Random,
    space: Space,
    files: [Contents; FILES],
    models: [Model; FILES],
    /// Which files are mapped.
    mapped: [bool; FILES],
    /// The size of the file before the current operation.
    size_before: u64,
}

/// A view for reading: it reserves no space.
const VIEW: View = View { offset: 0, len: 1 << 50, writable: false };

impl World {
    fn free(&self) -> u64 {
        self.space.total().expect("a limit") - self.models.iter().map(Model::used).sum::<u64>()
    }

    fn write(&mut self, i: usize, offset: u64, len: u64) {
        let start = self.random.below(250) as u8;
        let bytes: Vec<u8> = (0..len).map(|i| start.wrapping_add((i % 251) as u8) | 1).collect();
        let expected = self.models[i].write(self.free(), offset, &bytes);
        let half = (len / 2) as usize;
        let mut parts = [&bytes[..half], &bytes[half..]];
        let got = self.files[i].write(&self.space, offset, &mut &mut parts[..]);
        assert_eq!(got, expected, "write {len} at {offset}");
    }

    fn read(&mut self, i: usize, offset: u64, len: u64) {
        let expected = self.models[i].read(offset, len as usize);
        let mut got = vec![0xee; len as usize];
        let n = self.files[i].read(offset, &mut &mut got[..]).expect("slices do not fault");
        assert_eq!(n, expected.len(), "read {len} at {offset}");
        assert!(got[..n] == expected, "read {len} at {offset}: other bytes");
    }

    /// One operation that changes file `i`.
    fn step(&mut self, i: usize) {
        let (offset, len) = (self.random.offset(), self.random.len());
        self.size_before = self.files[i].size();
        let (free, keep) = (self.free(), self.random.below(2) == 0);
        // Most are aligned where they have to be.
        let align = |at: u64| if keep { at } else { at / PAGE * PAGE };
        match self.random.below(15) {
            0..4 => self.write(i, offset, len),
            4 | 5 => {
                let size = if keep { self.models[i].size } else { offset };
                assert_eq!(self.files[i].truncate(&self.space, size), self.models[i].truncate(size));
            }
            6 => assert_eq!(
                self.files[i].allocate(&self.space, offset, len, keep),
                self.models[i].allocate(free, offset, len, keep),
                "allocate {len} at {offset}"
            ),
            7 => assert_eq!(
                self.files[i].punch_hole(&self.space, offset, len),
                self.models[i].punch_hole(offset, len)
            ),
            8 => assert_eq!(
                self.files[i].zero_range(&self.space, offset, len, keep),
                self.models[i].zero_range(free, offset, len, keep),
                "zero {len} at {offset}"
            ),
            9 => {
                let (offset, len) = (align(offset), align(len));
                assert_eq!(
                    self.files[i].collapse_range(&self.space, offset, len),
                    self.models[i].collapse_range(offset, len)
                );
                self.moved(i, offset);
            }
            10 => {
                let (offset, len) = (align(offset), align(len));
                assert_eq!(
                    self.files[i].insert_range(&self.space, offset, len),
                    self.models[i].insert_range(offset, len)
                );
                self.moved(i, offset);
            }
            kind @ (11..14) => self.copy(i, kind == 13),
            _ => self.map(i),
        }
    }

    /// Begins or ends a mapping.
    fn map(&mut self, i: usize) {
        if self.mapped[i] {
            self.files[i].unmap_shared(&self.space, VIEW);
        } else if cfg!(all(target_os = "linux", not(miri))) {
            self.files[i].map_shared(&self.space, VIEW).expect("the host has memory");
        } else {
            return;
        }
        self.mapped[i] = !self.mapped[i];
    }

    /// After bytes from `offset` on have moved.
    fn moved(&mut self, i: usize, offset: u64) {
        if self.mapped[i] && self.files[i].size() != self.size_before {
            self.models[i].drop_unwritten(offset);
        }
    }

    fn copy(&mut self, i: usize, clone: bool) {
        let j = self.random.below(FILES as u64) as usize;
        let (mut from, mut to, mut len) = (self.random.offset(), self.random.offset(), self.random.len());
        if self.random.below(3) != 0 {
            (from, to) = (from / PAGE * PAGE, to / PAGE * PAGE);
            len = if self.random.below(3) == 0 && clone { 0 } else { len.next_multiple_of(PAGE) };
        }
        if len == 0 && self.models[j].size > 1 << 20 {
            len = PAGE;
        }
        let (free, other) = (self.free(), self.models[j].clone());
        let (model, file) = (&mut self.models[i], &mut self.files[i..]);
        let other = (i != j).then_some(&other);
        let mut mine = std::mem::take(&mut file[0]);
        let origin = if i == j { Origin::Same } else { Origin::Other(&self.files[j]) };
        let what = format!("from {from} to {to}, {len} bytes, same file: {}", i == j);
        if clone {
            let expected = model.clone_range(free, other, from, to, len);
            assert_eq!(mine.clone_range(&self.space, origin, from, to, len), expected, "clone {what}");
        } else {
            let expected = model.copy_range(free, other, from, to, len);
            assert_eq!(mine.copy_range(&self.space, origin, from, to, len), expected, "copy {what}");
        }
        self.files[i] = mine;
    }

    fn compare(&mut self) {
        for i in 0..FILES {
            let (file, model) = (&self.files[i], &self.models[i]);
            assert_eq!((file.size(), file.blocks()), (model.size, model.used() * 8));
            let offset = self.random.offset();
            assert_eq!(file.seek_data(offset), model.seek_data(offset), "data from {offset}");
            assert_eq!(file.seek_hole(offset), model.seek_hole(offset), "hole from {offset}");
            let len = self.random.len();
            self.read(i, offset, len);
        }
        assert_eq!(self.space.free(), self.free());
    }

    /// Reads all data that the models have, and looks for data that they do not have.
    fn compare_all(&mut self) {
        for i in 0..FILES {
            let mut at = 0;
            while let Ok(data) = self.models[i].seek_data(at) {
                assert_eq!(self.files[i].seek_data(at), Ok(data));
                at = self.models[i].seek_hole(data).expect("a hole follows");
                assert_eq!(self.files[i].seek_hole(data), Ok(at));
                self.read(i, data.saturating_sub(9), at - data + 9);
            }
            assert_eq!(self.files[i].seek_data(at), Err(Errno::ENXIO));
        }
    }
}

fn world(random: Random, space: Space) -> World {
    let (files, models) = Default::default();
    World { random, space, files, models, mapped: [false; FILES], size_before: 0 }
}

fn run(seed: u64, steps: usize) {
    let _seed = Seed(seed);
    let mut random = Random(seed);
    let space = Space::new((4 + random.below(40)) * PAGE);
    let mut world = world(random, space);
    for step in 0..steps {
        let i = world.random.below(FILES as u64) as usize;
        world.step(i);
        world.compare();
        if step % 64 == 63 {
            world.compare_all();
        }
    }
    world.compare_all();
    let World { space, files, .. } = world;
    finish(&space, files);
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes; the other tests run the same unsafe code")]
fn random_operations_are_as_in_the_model() {
    match std::env::var("IMFS_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => run(seed, 1000),
        None => (1..=12).for_each(|seed| run(seed, 300)),
    }
}

#[test]
#[cfg_attr(miri, ignore = "as above")]
fn the_largest_offsets_are_as_in_the_model() {
    let mut world = world(Random(1), Space::new(40 * PAGE));
    for back in [1, 2, PAGE, PAGE + 1, 3 * PAGE] {
        let at = MAX_FILE_SIZE - back;
        world.write(0, at, 5000);
        let free = world.free();
        for (offset, len) in [(at, 1), (at, back), (at, back + 1), (MAX_FILE_SIZE, 1)] {
            let (file, model) = (&mut world.files[0], &mut world.models[0]);
            assert_eq!(
                file.allocate(&world.space, offset, len, true),
                model.allocate(free, offset, len, true)
            );
            assert_eq!(file.punch_hole(&world.space, offset, len), model.punch_hole(offset, len));
            assert_eq!(file.insert_range(&world.space, 0, PAGE), model.insert_range(0, PAGE));
        }
        world.compare_all();
    }
    world.write(0, MAX_FILE_SIZE, 1);
    world.write(0, u64::MAX, 1);
    let file = &mut world.files[0];
    assert_eq!(file.truncate(&world.space, MAX_FILE_SIZE + 1), Err(Errno::EFBIG));
    assert_eq!(file.truncate(&world.space, MAX_FILE_SIZE), Ok(()));
    let World { space, files, .. } = world;
    finish(&space, files);
}
