//! Hints to the processor about what will be read soon.

/// Starts to load `bytes` into the caches, where the processor has an instruction for that.
#[inline]
pub(crate) fn prefetch(bytes: &[u8]) {
    const LINE: usize = 64;
    for line in bytes.chunks(LINE) {
        prefetch_line(line);
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline]
fn prefetch_line(line: &[u8]) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: every x86-64 processor has the instruction, which reads nothing as far as the program can see.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) };
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
fn prefetch_line(_line: &[u8]) {}
