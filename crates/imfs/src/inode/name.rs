//! A name in a directory, with its hash: computed once for each component of a path.

use crate::abi::{Errno, NAME_MAX};

/// The bytes of a name that a directory record holds without another allocation.
pub(super) const INLINE: usize = 24;

/// A name: 1 to 255 bytes without '/' and NUL, and not "." or "..".
#[derive(Debug, Clone, Copy)]
pub(crate) struct Name<'n> {
    bytes: &'n [u8],
    pub(super) hash: u32,
    /// The first bytes, padded with zeros, as little-endian words.
    pub(super) words: [u64; INLINE / 8],
}

impl<'n> Name<'n> {
    /// The name with its hash in the directories of the instance that `seed` belongs to.
    ///
    /// # Errors
    /// ENAMETOOLONG
    // Inlined by force: a name that is returned in memory is copied wider than it was written, which waits for the stores.
    #[inline(always)]
    pub(crate) fn new(bytes: &'n [u8], seed: u64) -> Result<Self, Errno> {
        if bytes.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let mut words = [word(bytes), 0, 0];
        if bytes.len() > 8 {
            words[1] = word(&bytes[8..]);
            words[2] = word(bytes.get(16..).unwrap_or_default());
        }
        Ok(Self::hashed(bytes, words, seed))
    }

    /// The component at the end of a path, from `at` on. What stands in front of it is there to be read with it, so that its
    /// length decides no branch that a processor would guess wrong.
    ///
    /// # Errors
    /// ENAMETOOLONG
    #[inline]
    pub(crate) fn last_of(path: &'n [u8], at: usize, seed: u64) -> Result<Self, Errno> {
        let bytes = &path[at..];
        match path.last_chunk::<8>() {
            Some(end) if bytes.len() <= 8 && !bytes.is_empty() => {
                let word = u64::from_le_bytes(*end) >> (64 - 8 * bytes.len());
                Ok(Self::hashed(bytes, [word, 0, 0], seed))
            }
            _ => Self::new(bytes, seed),
        }
    }

    /// The component at the front of a path: the bytes up to the first slash. A pass over them finds the end and makes
    /// the words.
    ///
    /// # Errors
    /// ENAMETOOLONG
    #[inline]
    pub(crate) fn first_of(path: &'n [u8], seed: u64) -> Result<Self, Errno> {
        let mut words = [0; INLINE / 8];
        for (at, place) in words.iter_mut().enumerate() {
            let rest = &path[(at * 8).min(path.len())..];
            let (head, len) = up_to_slash(word(rest), rest.len());
            *place = head;
            if len < 8 {
                return Ok(Self::hashed(&path[..at * 8 + len], words, seed));
            }
        }
        Self::new(&path[..path.iter().position(|b| *b == b'/').unwrap_or(path.len())], seed)
    }

    #[inline]
    fn hashed(bytes: &'n [u8], words: [u64; INLINE / 8], seed: u64) -> Self {
        let mut hash = fold(words[0] ^ seed, words[1] ^ seed.rotate_left(32) ^ bytes.len() as u64);
        if bytes.len() > 16 {
            hash = fold(hash ^ words[2], seed ^ PRIME);
        }
        if bytes.len() > INLINE {
            hash = more(hash, &bytes[INLINE..], seed);
        }
        // Names that differ in a byte differ by a multiple of a power of two, which one product leaves in a pattern.
        hash = fold(hash, PRIME ^ seed);
        Self { bytes, hash: (hash ^ (hash >> 32)) as u32, words }
    }

    /// Whether one of its bytes is NUL.
    #[inline]
    pub(super) fn has_nul(&self) -> bool {
        const LOW: u64 = 0x0101_0101_0101_0101;
        let len = self.bytes.len();
        let nul = |at: usize| {
            let word = self.words[at / 8];
            // What follows the name is NUL too, but is not its own.
            let padding = u64::MAX.checked_shl(len.saturating_sub(at) as u32 * 8).unwrap_or(0);
            let word = word | padding;
            word.wrapping_sub(LOW) & !word & (LOW << 7) != 0
        };
        nul(0) || (len > 8 && (nul(8) || nul(16))) || (len > INLINE && self.bytes[INLINE..].contains(&0))
    }

    /// The bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &'n [u8] {
        self.bytes
    }
}

/// The first 8 bytes, padded with zeros.
#[inline]
pub(crate) fn word(bytes: &[u8]) -> u64 {
    match bytes.first_chunk::<8>() {
        Some(word) => u64::from_le_bytes(*word),
        None => short_word(bytes),
    }
}

/// Up to 7 bytes, padded with zeros, by at most three loads.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    let (mut word, mut at) = (0, 0);
    if let Some(four) = bytes.first_chunk::<4>() {
        (word, at) = (u64::from(u32::from_le_bytes(*four)), 4);
    }
    if let Some(two) = bytes[at..].first_chunk::<2>() {
        word |= u64::from(u16::from_le_bytes(*two)) << (at * 8);
        at += 2;
    }
    if let Some(one) = bytes.get(at) {
        word |= u64::from(*one) << (at * 8);
    }
    word
}

/// Of a word of `len` bytes, or 8 if there are more, those before the first slash, and how many they are.
#[inline]
fn up_to_slash(word: u64, len: usize) -> (u64, usize) {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let diff = word ^ (LOW * b'/' as u64);
    // The lowest set bit is that of the first zero byte of `diff` (Mycroft's test is exact for the first).
    let zeros = diff.wrapping_sub(LOW) & !diff & (LOW << 7);
    let end = (zeros.trailing_zeros() as usize / 8).min(len);
    if end >= 8 { (word, 8) } else { (word & ((1 << (end * 8)) - 1), end) }
}

/// Digits of pi (any odd random number does).
const PRIME: u64 = 0x1319_8a2e_0370_7345;

/// Multiplies to 128 bits and folds: one step of wyhash. With a secret seed in both factors nobody outside can choose
/// names that collide.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

#[cold]
fn more(mut hash: u64, rest: &[u8], seed: u64) -> u64 {
    for chunk in rest.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = fold(hash ^ u64::from_le_bytes(word), seed ^ PRIME);
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_and_every_byte_matter() {
        let hash = |bytes: &[u8]| Name::new(bytes, 0x1234_5678_9abc_def1).unwrap().hash;
        for len in (1..=255).step_by(if cfg!(miri) { 30 } else { 1 }) {
            let name = vec![b'x'; len];
            let mut seen = std::collections::HashSet::from([hash(&name)]);
            for at in 0..len {
                let mut other = name.clone();
                other[at] = b'y';
                seen.insert(hash(&other));
            }
            assert!(seen.len() >= len, "{len} bytes: {} hashes", seen.len());
        }
        assert_ne!(hash(b"a"), hash(b"a\x01"));
        assert_eq!(Name::new(&[b'x'; 256], 1).unwrap_err(), Errno::ENAMETOOLONG);
    }

    #[test]
    fn nul_is_found_in_the_name_alone() {
        for len in 1..=40 {
            let mut name = vec![b'x'; len];
            assert!(!Name::new(&name, 7).unwrap().has_nul(), "{len}");
            for at in 0..len {
                name[at] = 0;
                assert!(Name::new(&name, 7).unwrap().has_nul(), "{at} of {len}");
                name[at] = if at % 2 == 0 { 1 } else { 0x80 };
            }
            assert!(!Name::new(&name, 7).unwrap().has_nul(), "{len}");
        }
    }

    #[test]
    fn the_last_component_is_the_rest() {
        let path = b"/directory/abcdefghijklmnopqrstuvwxyz0123456789";
        for start in [0, path.len() - 4, path.len() - 8, path.len() - 20] {
            for at in start..path.len() {
                let (last, whole) = (
                    Name::last_of(&path[start..], at - start, 7).unwrap(),
                    Name::new(&path[at..], 7).unwrap(),
                );
                assert_eq!((last.bytes, last.hash, last.words), (whole.bytes, whole.hash, whole.words));
            }
        }
        assert_eq!(Name::last_of(b"12345678/", 9, 7).unwrap().bytes, b"");
        assert_eq!(Name::last_of(&[b'x'; 257], 1, 7).unwrap_err(), Errno::ENAMETOOLONG);
    }

    #[test]
    fn the_first_component_is_cut_off() {
        for len in 1..=40 {
            for tail in ["", "/", "/x", "//yyyyyyyyyyyyyyyyyyyyyyyyyyyy"] {
                let name = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"[..len].to_owned();
                let path = format!("{name}{tail}");
                let (cut, whole) =
                    (Name::first_of(path.as_bytes(), 7).unwrap(), Name::new(name.as_bytes(), 7).unwrap());
                assert_eq!((cut.bytes, cut.hash, cut.words), (whole.bytes, whole.hash, whole.words));
            }
        }
        assert_eq!(Name::first_of(b"/", 7).unwrap().bytes, b"");
        assert!(Name::first_of(&[b'x'; 255], 7).is_ok());
        assert_eq!(Name::first_of(&[b'x'; 256], 7).unwrap_err(), Errno::ENAMETOOLONG);
    }

    #[test]
    fn numbered_names_spread() {
        // Chance alone fills 63.2% of as many buckets as names: see that no seed does much worse.
        for seed in 1..=if cfg!(miri) { 1 } else { 64_u64 } {
            let seed = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut used = vec![false; 1 << 10];
            for n in 0..1 << 10 {
                used[Name::new(format!("f{n}").as_bytes(), seed).unwrap().hash as usize & 0x3ff] = true;
            }
            let filled = used.iter().filter(|used| **used).count();
            assert!((580..720).contains(&filled), "seed {seed:x}: {filled}");
        }
    }
}
