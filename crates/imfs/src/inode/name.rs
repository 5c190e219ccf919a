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
    #[inline]
    pub(crate) fn new(bytes: &'n [u8], seed: u64) -> Result<Self, Errno> {
        if bytes.len() > NAME_MAX {
            return Err(Errno::ENAMETOOLONG);
        }
        let mut head = [0; INLINE];
        let (inline, rest) = bytes.split_at(bytes.len().min(INLINE));
        head[..inline.len()].copy_from_slice(inline);
        let word = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("8 bytes"));
        let words = [word(0), word(8), word(16)];
        let mut hash = fold(words[0] ^ seed, words[1] ^ seed.rotate_left(32) ^ bytes.len() as u64);
        if bytes.len() > 16 {
            hash = fold(hash ^ words[2], seed ^ PRIME);
        }
        if !rest.is_empty() {
            hash = more(hash, rest, seed);
        }
        Ok(Self { bytes, hash: (hash ^ (hash >> 32)) as u32, words })
    }

    /// The bytes.
    #[inline]
    pub(crate) fn bytes(&self) -> &'n [u8] {
        self.bytes
    }
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
        for len in 1..=255 {
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
    fn numbered_names_spread() {
        let mut buckets = vec![0_u32; 1 << 12];
        for n in 0..1 << 12 {
            let name = format!("file{n}");
            buckets[Name::new(name.as_bytes(), 0xdead_beef_0bad_cafe).unwrap().hash as usize & 0xfff] += 1;
        }
        assert!(*buckets.iter().max().unwrap() < 12);
    }
}
