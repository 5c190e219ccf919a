//! The set of descriptor numbers in use, which finds the lowest free one in O(log n).
//!
//! A tree of bits: each word of a level says which words of the level below are full. Knows nothing of descriptors.

use crate::abi::{Errno, Result};

const BITS: usize = u64::BITS as usize;

/// A set of small numbers.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    /// `levels[0]` has a bit for each number; a bit of `levels[n + 1]` is set if that word of `levels[n]` is full.
    levels: Vec<Vec<u64>>,
}

impl Numbers {
    /// The lowest number from `from` on that is not in the set.
    pub(super) fn lowest_free(&self, from: usize) -> usize {
        let mut at = from;
        let mut level = 0;
        // Up, until a word has a free bit at or behind `at` (or until beyond what was ever used at a level: everything there is free).
        while let Some(word) = self.levels.get(level).and_then(|words| words.get(at / BITS)) {
            let free = !word & (u64::MAX << (at % BITS));
            if free != 0 {
                at = at / BITS * BITS + free.trailing_zeros() as usize;
                break;
            }
            at = at / BITS + 1;
            level += 1;
        }
        // Down, to the first free number under it.
        while level > 0 {
            level -= 1;
            let word = self.levels[level].get(at).copied().unwrap_or(0);
            at = at * BITS + (!word).trailing_zeros() as usize % BITS;
        }
        at
    }

    /// Puts `number` in the set.
    ///
    /// # Errors
    /// ENOMEM
    pub(super) fn insert(&mut self, number: usize) -> Result<()> {
        self.reserve(number)?;
        let mut at = number;
        for words in &mut self.levels {
            words[at / BITS] |= 1 << (at % BITS);
            if words[at / BITS] != u64::MAX {
                break;
            }
            at /= BITS;
        }
        Ok(())
    }

    /// Takes `number` out.
    pub(super) fn remove(&mut self, number: usize) {
        let mut at = number;
        for words in &mut self.levels {
            let Some(word) = words.get_mut(at / BITS) else { return };
            let was_full = *word == u64::MAX;
            *word &= !(1 << (at % BITS));
            if !was_full {
                return;
            }
            at /= BITS;
        }
    }

    /// The lowest number in the set from `from` on.
    pub(super) fn next(&self, from: usize) -> Option<usize> {
        let words = self.levels.first()?;
        let mut at = from / BITS;
        let mut word = words.get(at)? & (u64::MAX << (from % BITS));
        while word == 0 {
            at += 1;
            word = *words.get(at)?;
        }
        Some(at * BITS + word.trailing_zeros() as usize)
    }

    /// Makes all levels long enough for `number`.
    fn reserve(&mut self, number: usize) -> Result<()> {
        let mut words = number / BITS + 1;
        for level in 0.. {
            if level == self.levels.len() {
                self.levels.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
                self.levels.push(Vec::new());
            }
            let this = &mut self.levels[level];
            if this.len() < words {
                this.try_reserve(words - this.len()).map_err(|_| Errno::ENOMEM)?;
                this.resize(words, 0);
                self.refill(level);
            }
            if self.levels[level].len() == 1 {
                return Ok(());
            }
            words = self.levels[level].len().div_ceil(BITS);
        }
        Ok(())
    }

    /// Sets the bits of a new level above the full words of the one below.
    fn refill(&mut self, level: usize) {
        if level == 0 {
            return;
        }
        for at in 0..self.levels[level - 1].len() {
            if self.levels[level - 1][at] == u64::MAX {
                self.levels[level][at / BITS] |= 1 << (at % BITS);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn agrees_with_a_plain_set() {
        let (mut numbers, mut model) = (Numbers::default(), BTreeSet::new());
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        let mut random = move |n: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % n) as usize
        };
        let rounds = if cfg!(miri) { 300 } else { 5_000 };
        for round in 0..rounds {
            let from = random(70);
            let free = (from..).find(|n| !model.contains(n)).unwrap();
            assert_eq!(numbers.lowest_free(from), free, "round {round}");
            if random(3) > 0 {
                numbers.insert(free).unwrap();
                model.insert(free);
            } else {
                let gone = random(model.len() as u64 + 1);
                numbers.remove(gone);
                model.remove(&gone);
            }
            assert_eq!(numbers.next(from), model.range(from..).next().copied());
        }
    }

    #[test]
    fn a_full_set_grows_level_by_level() {
        let mut numbers = Numbers::default();
        let many = if cfg!(miri) { 5_000 } else { 300_000 };
        for n in 0..many {
            assert_eq!(numbers.lowest_free(0), n);
            numbers.insert(n).unwrap();
        }
        numbers.remove(4_097);
        assert_eq!(numbers.lowest_free(0), 4_097);
        assert_eq!(numbers.lowest_free(4_098), many);
        assert_eq!(numbers.lowest_free(9_999_999), 9_999_999);
    }
}
