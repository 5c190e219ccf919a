//! The caller's buffers, as the data layer sees them: a [`Sink`] takes the bytes of a read, a [`Source`] gives those of
//! a write.
//!
//! Doors implement them for their kind of memory, so that bytes are copied once, straight between page and caller.
//! This is the one call out of the core under a lock: it must not block, panic or come back into the file system.

use std::io::{IoSlice, IoSliceMut};

use crate::abi::PAGE_SIZE;

/// Where a read puts its bytes (the kernel's `iov_iter` of direction `ITER_DEST`).
pub trait Sink {
    /// How many bytes it still takes.
    fn len(&self) -> usize;

    /// Whether it takes no more.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes `bytes`, which are no more than [`len`](Self::len). Returns how many it took: fewer is a fault, after
    /// which it is not used again.
    fn put(&mut self, bytes: &[u8]) -> usize;

    /// Takes `n` zeros, `n` no more than [`len`](Self::len), else as [`put`](Self::put).
    fn zero(&mut self, n: usize) -> usize;
}

/// Where a write takes its bytes from (the kernel's `iov_iter` of direction `ITER_SOURCE`).
pub trait Source {
    /// How many bytes it still has.
    fn len(&self) -> usize;

    /// Whether it has no more.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `into`, which is no longer than [`len`](Self::len). Returns how many bytes it filled: fewer is a fault,
    /// after which it is not used again. What it did not fill it leaves as it was.
    fn take(&mut self, into: &mut [u8]) -> usize;

    /// [`take`](Self::take) into memory that was written before, so that it is probably in a cache: for a source of this
    /// process's memory by [`pieces`].
    #[inline]
    fn take_again(&mut self, into: &mut [u8]) -> usize {
        self.take(into)
    }
}

/// The bytes that are copied at a time where they are probably in a cache. From 4 KiB on glibc's memcpy(3) uses `rep movsb`
/// on processors that claim to be good at it; the loop over vector registers that it uses below is up to twice as fast there,
/// and no slower until both sides are in main memory alone.
const PIECE: usize = PAGE_SIZE / 2;

/// Copies slices of one length.
#[inline]
fn copy(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.chunks_mut(PIECE).zip(from.chunks(PIECE)) {
        to.copy_from_slice(from);
    }
}

/// Fills `into` piece by piece, as it is done fastest where both sides are probably in a cache.
#[inline]
pub fn pieces(into: &mut [u8], mut take: impl FnMut(&mut [u8]) -> usize) -> usize {
    let mut done = 0;
    for piece in into.chunks_mut(PIECE) {
        let taken = take(piece);
        done += taken;
        if taken < piece.len() {
            break;
        }
    }
    done
}

impl Sink for &mut [u8] {
    #[inline]
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> usize {
        let Some((front, rest)) = std::mem::take(self).split_at_mut_checked(bytes.len()) else { return 0 };
        copy(front, bytes);
        *self = rest;
        bytes.len()
    }

    #[inline]
    fn zero(&mut self, n: usize) -> usize {
        let Some((front, rest)) = std::mem::take(self).split_at_mut_checked(n) else { return 0 };
        front.fill(0);
        *self = rest;
        n
    }
}

impl Source for &[u8] {
    #[inline]
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    #[inline]
    fn take(&mut self, into: &mut [u8]) -> usize {
        let Some((front, rest)) = self.split_at_checked(into.len()) else { return 0 };
        into.copy_from_slice(front);
        *self = rest;
        into.len()
    }

    #[inline]
    fn take_again(&mut self, into: &mut [u8]) -> usize {
        pieces(into, |piece| self.take(piece))
    }
}

impl Sink for IoSliceMut<'_> {
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        let taken = (&mut **self).put(bytes);
        self.advance(taken);
        taken
    }

    fn zero(&mut self, n: usize) -> usize {
        let taken = (&mut **self).zero(n);
        self.advance(taken);
        taken
    }
}

impl Source for IoSlice<'_> {
    fn len(&self) -> usize {
        <[u8]>::len(self)
    }

    fn take(&mut self, into: &mut [u8]) -> usize {
        let taken = (&**self).take(into);
        self.advance(taken);
        taken
    }

    fn take_again(&mut self, into: &mut [u8]) -> usize {
        let taken = (&**self).take_again(into);
        self.advance(taken);
        taken
    }
}

/// The vector of writev(2), which the caller keeps as it is: its bytes one after another.
#[derive(Debug, Clone, Copy)]
pub struct Gather<'a> {
    list: &'a [IoSlice<'a>],
    /// How many bytes of the first are taken.
    taken: usize,
}

impl<'a> Gather<'a> {
    /// The bytes of all of `list`.
    pub fn new(list: &'a [IoSlice<'a>]) -> Self {
        Self { list, taken: 0 }
    }
}

impl Source for Gather<'_> {
    fn len(&self) -> usize {
        self.list.iter().fold(0_usize, |sum, part| sum.saturating_add(part.len())).saturating_sub(self.taken)
    }

    fn take(&mut self, into: &mut [u8]) -> usize {
        let mut done = 0;
        while let Some((first, rest)) = self.list.split_first().filter(|_| done < into.len()) {
            let n = (first.len() - self.taken).min(into.len() - done);
            into[done..done + n].copy_from_slice(&first[self.taken..self.taken + n]);
            done += n;
            self.taken += n;
            if self.taken == first.len() {
                (self.list, self.taken) = (rest, 0);
            }
        }
        done
    }
}

/// A list of sinks is a sink, filled from the first on: the vector of readv(2). Each is left with what it still takes.
impl<S: Sink> Sink for &mut [S] {
    fn len(&self) -> usize {
        self.iter().fold(0, |sum, part| sum.saturating_add(part.len()))
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        each(self, bytes.len(), S::len, |part, at, n| part.put(&bytes[at..at + n]))
    }

    fn zero(&mut self, n: usize) -> usize {
        each(self, n, S::len, |part, _, n| part.zero(n))
    }
}

/// A list of sources is a source, emptied from the first on: the vector of writev(2).
impl<S: Source> Source for &mut [S] {
    fn len(&self) -> usize {
        self.iter().fold(0, |sum, part| sum.saturating_add(part.len()))
    }

    fn take(&mut self, into: &mut [u8]) -> usize {
        each(self, into.len(), S::len, |part, at, n| part.take(&mut into[at..at + n]))
    }

    fn take_again(&mut self, into: &mut [u8]) -> usize {
        each(self, into.len(), S::len, |part, at, n| part.take_again(&mut into[at..at + n]))
    }
}

/// Moves `n` bytes through the parts of a list in turn: `step(part, at, n)` moves the bytes `at..at + n`. Parts that
/// are done leave the list.
fn each<S>(
    list: &mut &mut [S],
    n: usize,
    len: impl Fn(&S) -> usize,
    mut step: impl FnMut(&mut S, usize, usize) -> usize,
) -> usize {
    let mut done = 0;
    while done < n {
        let Some(part) = list.first_mut() else { break };
        let piece = len(part).min(n - done);
        let moved = step(part, done, piece);
        done += moved;
        if moved < piece {
            break;
        }
        if len(part) == 0 {
            *list = std::mem::take(list).split_first_mut().map_or(&mut [], |(_, rest)| rest);
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_advance() {
        let mut buffer = [9; 6];
        let mut sink = &mut buffer[..];
        assert_eq!((sink.put(b"abc"), sink.zero(2), Sink::len(&sink)), (3, 2, 1));
        assert_eq!(buffer, *b"abc\0\0\x09");
        let mut source = &b"hello"[..];
        let mut into = [0; 3];
        assert_eq!((source.take(&mut into), source), (3, &b"lo"[..]));
        assert_eq!(into, *b"hel");
    }

    #[test]
    fn lists_span_their_parts() {
        let (mut a, mut b, mut c) = ([1; 2], [1; 0], [1; 4]);
        let mut list = [&mut a[..], &mut b[..], &mut c[..]];
        let mut sink = &mut list[..];
        assert_eq!(Sink::len(&sink), 6);
        assert_eq!((sink.put(b"xyz"), sink.zero(1), sink.put(b"w")), (3, 1, 1));
        assert_eq!((a, c), (*b"xy", *b"z\0w\x01"));

        let mut list = [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cdef")];
        let mut source = &mut list[..];
        let mut into = [0; 5];
        assert_eq!((Source::len(&source), source.take(&mut into[..3])), (6, 3));
        assert_eq!((source.take(&mut into[3..]), into, Source::len(&source)), (2, *b"abcde", 1));

        let mut buffer = [0; 3];
        let mut list = [IoSliceMut::new(&mut buffer)];
        let mut sink = &mut list[..];
        assert_eq!((sink.put(b"q"), sink.put(b"rs"), Sink::is_empty(&sink)), (1, 2, true));
        assert_eq!(buffer, *b"qrs");
    }
}
