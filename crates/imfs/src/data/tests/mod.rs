//! Tests of the data layer: single rules, allocation failures, and random operations against a slow model.

mod cases;
mod faults;
#[cfg(all(target_os = "linux", not(miri)))]
mod mapped;
mod model;
mod random;

use super::{Contents, Sink, Source, Space};

const PAGE: u64 = 4096;

/// A number of repetitions, fewer under Miri.
fn repeat(n: usize) -> usize {
    if cfg!(miri) { n.div_ceil(20) } else { n }
}

/// All bytes of a (small) file, read in one piece.
fn bytes(contents: &Contents) -> Vec<u8> {
    let mut bytes = vec![0xee; contents.size() as usize];
    let mut sink = &mut bytes[..];
    contents.read(0, &mut sink).expect("slices do not fault");
    assert!(sink.is_empty(), "a read of the whole file is whole");
    bytes
}

/// A file with these bytes.
fn file(space: &Space, bytes: &[u8]) -> Contents {
    let mut contents = Contents::new();
    assert_eq!(contents.write(space, 0, &mut &bytes[..]), Ok(bytes.len()));
    contents
}

/// Gives up the space of the files, and asserts that then nothing is left.
fn finish<const N: usize>(space: &Space, files: [Contents; N]) {
    for mut file in files {
        file.release(space);
        assert_eq!((file.size(), file.blocks()), (0, 0));
    }
    assert_eq!(space.used(), 0, "all space is given back");
}

/// A buffer that faults once `good` bytes went through.
struct Faulty<'a, B> {
    buffer: &'a mut B,
    good: usize,
}

impl<B: Sink> Sink for Faulty<'_, B> {
    fn len(&self) -> usize {
        self.buffer.len()
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        let n = self.buffer.put(&bytes[..bytes.len().min(self.good)]);
        self.good -= n;
        n
    }

    fn zero(&mut self, n: usize) -> usize {
        let n = self.buffer.zero(n.min(self.good));
        self.good -= n;
        n
    }
}

impl<B: Source> Source for Faulty<'_, B> {
    fn len(&self) -> usize {
        self.buffer.len()
    }

    fn take(&mut self, into: &mut [u8]) -> usize {
        let n = into.len().min(self.good);
        let n = self.buffer.take(&mut into[..n]);
        self.good -= n;
        n
    }
}
