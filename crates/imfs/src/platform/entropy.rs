//! Random bytes: for hash seeds, and for what a cage reads from /dev/random and /dev/urandom.

/// A source of random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `buf` with random bytes.
    fn fill(&self, buf: &mut [u8]);
}

/// The host's generator, getrandom(2). On a target without one the builder must be given another source; this one
/// then only stirs a counter, which is good enough for nothing but tests.
#[derive(Debug, Default, Clone, Copy)]
pub struct HostEntropy;

impl Entropy for HostEntropy {
    fn fill(&self, buf: &mut [u8]) {
        host_fill(buf)
    }
}

#[cfg(all(target_os = "linux", not(miri)))]
fn host_fill(mut buf: &mut [u8]) {
    while !buf.is_empty() {
        // SAFETY: the pointer and the length are of one live slice.
        let n = unsafe { libc::getrandom(buf.as_mut_ptr().cast(), buf.len(), 0) };
        // An early or interrupted call is asked again; the generator has no other way to fail (getrandom(2)).
        buf = &mut buf[usize::try_from(n).unwrap_or(0)..];
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
fn host_fill(buf: &mut [u8]) {
    use std::sync::atomic::{AtomicU64, Ordering};
    static STATE: AtomicU64 = AtomicU64::new(0x9e37_79b9_7f4a_7c15);
    for chunk in buf.chunks_mut(8) {
        // splitmix64
        let mut z = STATE.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        chunk.copy_from_slice(&(z ^ (z >> 31)).to_le_bytes()[..chunk.len()]);
    }
}
