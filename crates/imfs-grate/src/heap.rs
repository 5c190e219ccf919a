//! The allocator: dlmalloc over memory from the mmap call, for this module may not grow its own.
//!
//! Pieces of the core's page arena (large, aligned to their size) do not pass through dlmalloc: they are cut from
//! mappings of their own and kept for the next one who asks.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use crate::lind;

/// What is asked of the runtime at once: mapping is rare then.
const STEP: usize = 1 << 20;
/// The size and alignment of pieces of the page arena.
const PIECE: usize = 256 << 10;
/// What is asked of the runtime for pieces: those that do not fit its alignment are few among many.
const PIECES: usize = 16 * PIECE;

struct Mapped;

// SAFETY: `alloc` gives memory that nobody else has, and `free` gives back what it gave.
unsafe impl dlmalloc::Allocator for Mapped {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        let size = size.next_multiple_of(STEP);
        match lind::mmap(size) {
            Some(at) => (core::ptr::with_exposed_provenance_mut(at as usize), size, 0),
            None => (core::ptr::null_mut(), 0, 0),
        }
    }

    fn remap(&self, _at: *mut u8, _old: usize, _new: usize, _can_move: bool) -> *mut u8 {
        core::ptr::null_mut()
    }

    fn free_part(&self, _at: *mut u8, _old: usize, _new: usize) -> bool {
        false
    }

    fn free(&self, at: *mut u8, size: usize) -> bool {
        lind::call(lind::number::MUNMAP, [lind::host(at), size as u64, 0, 0, 0, 0]).is_ok()
    }

    fn can_release_part(&self, _flags: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        true
    }

    fn page_size(&self) -> usize {
        4096
    }
}

/// Pieces that are free: each begins with the pointer to the next.
struct Pieces(Option<NonNull<Free>>);

struct Free {
    next: Option<NonNull<Free>>,
}

impl Pieces {
    /// A piece full of zeros.
    fn take(&mut self) -> *mut u8 {
        let Some(first) = self.0.or_else(|| self.map()) else { return core::ptr::null_mut() };
        // SAFETY: it is a free piece, hence ours, and begins with a `Free`. Apart from that it is zero.
        unsafe {
            self.0 = first.read().next;
            first.write(Free { next: None });
        }
        first.as_ptr().cast()
    }

    fn put(&mut self, piece: *mut u8) {
        let Some(piece) = NonNull::new(piece) else { return };
        // SAFETY: the caller gives the piece up, and it is mapped and aligned.
        unsafe {
            piece.write_bytes(0, PIECE);
            piece.cast::<Free>().write(Free { next: self.0 });
        }
        self.0 = Some(piece.cast());
    }

    /// Maps more, and gives the first piece of it.
    #[cold]
    fn map(&mut self) -> Option<NonNull<Free>> {
        let at = lind::mmap(PIECES)? as usize;
        let (first, end) = (at.next_multiple_of(PIECE), at + PIECES);
        let mut piece = first;
        while piece + PIECE <= end {
            let free = NonNull::new(core::ptr::with_exposed_provenance_mut::<Free>(piece))?;
            // SAFETY: just mapped, not used by anybody, and aligned.
            unsafe { free.write(Free { next: self.0 }) };
            self.0 = Some(free);
            piece += PIECE;
        }
        self.0
    }
}

/// The global allocator.
pub(crate) struct Heap {
    lock: Mutex<()>,
    small: UnsafeCell<dlmalloc::Dlmalloc<Mapped>>,
    pieces: UnsafeCell<Pieces>,
}

// SAFETY: the cells are used only under the lock.
unsafe impl Sync for Heap {}

impl Heap {
    pub(crate) const fn new() -> Self {
        Self {
            lock: Mutex::new(()),
            small: UnsafeCell::new(dlmalloc::Dlmalloc::new_with_allocator(Mapped)),
            pieces: UnsafeCell::new(Pieces(None)),
        }
    }

    fn with<R>(&self, run: impl FnOnce(&mut dlmalloc::Dlmalloc<Mapped>, &mut Pieces) -> R) -> R {
        let _held = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: we hold the lock, and nothing that `run` calls allocates.
        unsafe { run(&mut *self.small.get(), &mut *self.pieces.get()) }
    }
}

fn is_piece(layout: &Layout) -> bool {
    layout.size() == PIECE && layout.align() == PIECE
}

// SAFETY: dlmalloc keeps the contract of an allocator under the lock; pieces have the size and alignment asked for.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if is_piece(&layout) {
            return self.with(|_, pieces| pieces.take());
        }
        // SAFETY: the caller keeps the contract of `GlobalAlloc`, here and below.
        self.with(|small, _| unsafe { small.malloc(layout.size(), layout.align()) })
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        if is_piece(&layout) {
            return self.with(|_, pieces| pieces.put(at));
        }
        // SAFETY: see `alloc`.
        self.with(|small, _| unsafe { small.free(at, layout.size(), layout.align()) });
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if is_piece(&layout) {
            return self.with(|_, pieces| pieces.take());
        }
        // SAFETY: see `alloc`.
        self.with(|small, _| unsafe { small.calloc(layout.size(), layout.align()) })
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: see `alloc`. No piece is ever reallocated: their owner asks for one size only.
        self.with(|small, _| unsafe { small.realloc(at, layout.size(), layout.align(), size) })
    }
}
