//! Memory from the host in large aligned pieces, for the page arena of the data layer.
//!
//! On Linux it is anonymous mmap(2), so that memory goes back to the host at once; elsewhere (WebAssembly, Miri) it is
//! the global allocator. Nothing here knows what the memory is for.

use std::ptr::NonNull;

/// The size and alignment of one piece: a huge page where there are such, little where memory is scarce.
pub(crate) const CHUNK: usize = if cfg!(miri) {
    16 << 12
} else if cfg!(target_family = "wasm") {
    64 << 12
} else {
    512 << 12
};

/// A new piece of [`CHUNK`] bytes, aligned to its size and full of zeros. `None` if the host gives none.
pub(crate) fn map() -> Option<NonNull<u8>> {
    host::map()
}

/// Gives a piece back.
///
/// # Safety
/// `piece` came from [`map`], was not given back before, and nobody uses it any more.
pub(crate) unsafe fn unmap(piece: NonNull<u8>) {
    // SAFETY: the caller's promise is passed on.
    unsafe { host::unmap(piece) }
}

/// Asks the host to back the whole piece by one huge page (`MADV_HUGEPAGE` of madvise(2)). Only a hint.
pub(crate) fn advise_huge(piece: NonNull<u8>) {
    host::advise_huge(piece);
}

#[cfg(all(target_os = "linux", not(miri)))]
mod host {
    use super::{CHUNK, NonNull};

    fn mmap(len: usize) -> Option<NonNull<u8>> {
        let (prot, flags) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: a new anonymous mapping at an address that the kernel chooses touches nothing of ours.
        let at = unsafe { libc::mmap(std::ptr::null_mut(), len, prot, flags, -1, 0) };
        if at == libc::MAP_FAILED { None } else { NonNull::new(at.cast()) }
    }

    /// Unmaps `len` bytes from `from` on.
    ///
    /// # Safety
    /// They are a page-aligned part of a mapping of this module that nobody uses.
    unsafe fn munmap(from: *mut u8, len: usize) {
        // SAFETY: the caller says that the range is ours and unused. An empty one is EINVAL, which harms nobody.
        unsafe { libc::munmap(from.cast(), len) };
    }

    pub(super) fn map() -> Option<NonNull<u8>> {
        // Linux aligns mappings of this size by itself since 6.7; and below an aligned one the next is aligned.
        let at = mmap(CHUNK)?;
        if at.addr().get() & (CHUNK - 1) == 0 {
            return Some(at);
        }
        // SAFETY: just mapped, not handed out.
        unsafe { munmap(at.as_ptr(), CHUNK) };
        let wide = mmap(2 * CHUNK)?;
        let before = wide.as_ptr().align_offset(CHUNK);
        // SAFETY: the aligned piece lies within the `2 * CHUNK` bytes mapped, as `before < CHUNK`; what is before and
        // after it is not used by anybody.
        unsafe {
            let piece = wide.add(before);
            munmap(wide.as_ptr(), before);
            munmap(piece.add(CHUNK).as_ptr(), CHUNK - before);
            Some(piece)
        }
    }

    pub(super) unsafe fn unmap(piece: NonNull<u8>) {
        // SAFETY: the caller says that the piece is ours and unused.
        unsafe { munmap(piece.as_ptr(), CHUNK) };
    }

    pub(super) fn advise_huge(piece: NonNull<u8>) {
        // SAFETY: MADV_HUGEPAGE changes no contents, whatever the address.
        unsafe { libc::madvise(piece.as_ptr().cast(), CHUNK, libc::MADV_HUGEPAGE) };
    }
}

#[cfg(not(all(target_os = "linux", not(miri))))]
mod host {
    use super::{CHUNK, NonNull};
    use std::alloc::{Layout, alloc_zeroed, dealloc};

    const LAYOUT: Layout = match Layout::from_size_align(CHUNK, CHUNK) {
        Ok(layout) => layout,
        Err(_) => panic!("CHUNK is a power of two"),
    };

    pub(super) fn map() -> Option<NonNull<u8>> {
        // SAFETY: the size is not 0.
        NonNull::new(unsafe { alloc_zeroed(LAYOUT) })
    }

    pub(super) unsafe fn unmap(piece: NonNull<u8>) {
        // SAFETY: the caller says that it came from `map`, hence with this layout.
        unsafe { dealloc(piece.as_ptr(), LAYOUT) }
    }

    pub(super) fn advise_huge(_piece: NonNull<u8>) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_aligned_and_zero() {
        let pieces: Vec<_> = (0..4).map(|_| map().expect("memory")).collect();
        for &piece in &pieces {
            advise_huge(piece);
            assert_eq!(piece.addr().get() % CHUNK, 0);
            // SAFETY: the piece is ours, `CHUNK` bytes long, and initialized.
            let bytes = unsafe { std::slice::from_raw_parts_mut(piece.as_ptr(), CHUNK) };
            assert!(bytes[0] == 0 && bytes[CHUNK - 1] == 0 && bytes[CHUNK / 2] == 0);
            bytes[CHUNK - 1] = 1;
        }
        for piece in pieces {
            // SAFETY: each came from `map` and is given back once.
            unsafe { unmap(piece) };
        }
    }
}
