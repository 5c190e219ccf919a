//! What paths of directories led to: a cage's memory of it, so that a walk of any depth costs about as much as one of
//! depth 1 (Tsai et al., "How to Get More Value From Your File System Directory Cache", SOSP 2015, keep such conclusions
//! by the whole path, too).
//!
//! What is remembered is that a path of names alone led from one directory to another, and that somebody might search all
//! the directories that it goes through. It holds while the instance's generation of paths is the same: see
//! [`Generation`](crate::sync::generation::Generation). Knows no rule of a walk.

use std::sync::OnceLock;

use crate::inode::{Inode, word};
use crate::sync::alloc::try_slice;
use crate::sync::epoch::Guard;
use crate::sync::generation::Stamp;
use crate::sync::primitives::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use crate::sync::refcount::{Hint, Shared};
use crate::sync::seq::SeqLock;

/// How many paths are remembered. A power of two.
const PLACES: usize = 64;
/// The longest path that is remembered, in words.
const WORDS: usize = 10;
const WORD: usize = size_of::<u64>();

/// One path, or nothing if there is no directory. Read and written under `seq`.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Place {
    seq: SeqLock,
    len: AtomicU32,
    stamp: AtomicU64,
    who: AtomicU64,
    from: Hint<Inode>,
    to: Hint<Inode>,
    path: [AtomicU64; WORDS],
}

/// The paths that a cage remembers. Walks that find one write nothing.
#[derive(Debug, Default)]
pub(crate) struct Prefixes(OnceLock<Box<[Place]>>);

/// Who walks where: what a remembered path depends on beside the generation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'p, 'g> {
    /// Where the path starts.
    pub(super) from: Shared<'g, Inode>,
    /// The path, without a slash at its beginning, and what follows it in the caller's.
    pub(super) path: &'p [u8],
    /// How long it is.
    pub(super) len: usize,
    /// The identity of the credentials.
    pub(super) who: u64,
}

impl Key<'_, '_> {
    /// The words of the path, the last one padded with zeros.
    #[inline]
    fn words(&self) -> impl Iterator<Item = u64> {
        (0..self.len).step_by(WORD).map(|at| {
            // A load of eight bytes, where that many are there, and two shifts cost less than to tell how many are ours.
            let (word, over) = (word(&self.path[at..]), (at + WORD).saturating_sub(self.len));
            (word << (8 * over)) >> (8 * over)
        })
    }

    /// The place that it may be in. Paths of one cage alone meet there, so the hash need not be secret.
    #[inline]
    fn place(&self) -> usize {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        let hash =
            self.words().fold(self.len as u64, |hash, word| (hash.rotate_left(23) ^ word).wrapping_mul(ODD));
        (hash >> (u64::BITS - PLACES.trailing_zeros())) as usize
    }
}

impl Place {
    /// Whether it is this one. Read under `seq`.
    #[inline]
    fn is(&self, key: &Key<'_, '_>, stamp: Stamp) -> bool {
        self.stamp.load(Relaxed) == stamp.number()
            && self.len.load(Relaxed) as usize == key.len
            && self.who.load(Relaxed) == key.who
            && self.from.is(key.from)
            && key.words().zip(&self.path).all(|(word, at)| at.load(Relaxed) == word)
    }
}

impl Prefixes {
    /// Where the path led. `stamp` is the generation now, read under `guard`.
    #[inline]
    pub(super) fn find<'g>(
        &self,
        key: &Key<'_, 'g>,
        stamp: Stamp,
        guard: &'g Guard,
    ) -> Option<Shared<'g, Inode>> {
        let place = &self.0.get()?[key.place()];
        // SAFETY: the generation goes on before a directory is retired that a path led to (`Inode::rmdir`, `rename`), and
        // the stamp, which is that of the place, is the one of a moment under the guard.
        place.seq.try_read(|| if place.is(key, stamp) { unsafe { place.to.get(guard) } } else { None })?
    }

    /// Notes that the path leads to `to`. `stamp` is the generation before that was found out.
    #[cold]
    pub(super) fn note(&self, key: &Key<'_, '_>, stamp: Stamp, to: Shared<'_, Inode>) {
        if key.len > WORDS * WORD {
            return;
        }
        if self.0.get().is_none() {
            // Without memory nothing is remembered.
            let Some(places) = try_slice(PLACES, Place::default) else { return };
            let _ = self.0.set(places);
        }
        let Some(places) = self.0.get() else { return };
        let place = &places[key.place()];
        place.seq.try_write(|| {
            place.len.store(key.len as u32, Relaxed);
            place.stamp.store(stamp.number(), Relaxed);
            place.who.store(key.who, Relaxed);
            place.from.set(key.from);
            place.to.set(to);
            for (at, word) in place.path.iter().zip(key.words()) {
                at.store(word, Relaxed);
            }
        });
    }
}
