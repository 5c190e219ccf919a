//! Memory of objects that were freed, kept for the next ones of that size: what is made and removed all the time need not
//! go through the allocator, which is slow where many things are freed at once, as reclamation does.
//!
//! A pool belongs to one thread and is used by it alone, so it has no lock. It keeps a bounded number of bytes. Knows
//! sizes and nothing of what is in the memory.

use std::alloc::{self, Layout};
use std::cell::Cell;
use std::ptr::NonNull;

/// Sizes are rounded up to this.
const GRAIN: usize = size_of::<Free>();
/// The largest size that is kept, in grains.
const CLASSES: usize = 64;
/// The largest alignment that is kept: the allocator gives as much unasked.
const ALIGN: usize = 16;
/// How many bytes a pool keeps, until its thread ends: about what a thread retires before it frees something, or the rest
/// would go the long way.
const MOST: usize = 2 << 20;

/// A free block.
struct Free {
    next: *mut Free,
}

/// The free blocks of one thread, a list for each size.
pub(super) struct Pool {
    lists: [Cell<*mut Free>; CLASSES],
    bytes: Cell<usize>,
}

/// The class of a layout, if blocks of it are kept.
#[inline]
fn class(layout: Layout) -> Option<usize> {
    let class = layout.size().div_ceil(GRAIN);
    // Miri is to see each object in memory of its own.
    (0 < class && class < CLASSES && layout.align() <= ALIGN && !cfg!(any(miri, imfs_model))).then_some(class)
}

/// What blocks of a class are allocated as.
#[inline]
fn block(class: usize) -> Layout {
    // SAFETY: a power of two, and a size that is far from the end of the address space.
    unsafe { Layout::from_size_align_unchecked(class * GRAIN, ALIGN) }
}

impl Pool {
    pub(super) const fn new() -> Self {
        Self { lists: [const { Cell::new(std::ptr::null_mut()) }; CLASSES], bytes: Cell::new(0) }
    }

    #[inline]
    fn take(&self, class: usize) -> Option<NonNull<u8>> {
        let first = NonNull::new(self.lists[class].get())?;
        // SAFETY: what is in a list is a block that nobody else has, and `give` wrote its `next`.
        self.lists[class].set(unsafe { first.as_ref().next });
        self.bytes.set(self.bytes.get() - class * GRAIN);
        Some(first.cast())
    }

    /// Keeps the block, if there is room.
    #[inline]
    fn give(&self, class: usize, block: NonNull<u8>) -> bool {
        let bytes = self.bytes.get() + class * GRAIN;
        if bytes > MOST {
            return false;
        }
        let block = block.cast::<Free>();
        // SAFETY: the caller gives us the block, which is large enough and aligned.
        unsafe { block.write(Free { next: self.lists[class].get() }) };
        self.lists[class].set(block.as_ptr());
        self.bytes.set(bytes);
        true
    }

    /// Gives all of it back to the allocator.
    pub(super) fn clear(&self) {
        for class in 1..CLASSES {
            while let Some(pointer) = self.take(class) {
                // SAFETY: blocks come from `allocate`, with this layout.
                unsafe { alloc::dealloc(pointer.as_ptr(), block(class)) };
            }
        }
    }
}

/// Memory for `layout`, from the pool if there is one. `None` if the host has none.
#[inline]
pub(super) fn allocate(pool: Option<&Pool>, layout: Layout) -> Option<NonNull<u8>> {
    debug_assert!(layout.size() != 0);
    let layout = match class(layout) {
        Some(class) => match pool.and_then(|pool| pool.take(class)) {
            Some(pointer) => return Some(pointer),
            None => block(class),
        },
        None => layout,
    };
    // SAFETY: the size is not 0.
    NonNull::new(unsafe { alloc::alloc(layout) })
}

/// Frees what [`allocate`] gave, with any pool or none.
///
/// # Safety
/// `pointer` came from `allocate` with the same layout, and nobody uses it any more.
#[inline]
pub(super) unsafe fn free(pool: Option<&Pool>, pointer: NonNull<u8>, layout: Layout) {
    let layout = match class(layout) {
        Some(class) => match pool {
            Some(pool) if pool.give(class, pointer) => return,
            _ => block(class),
        },
        None => layout,
    };
    // SAFETY: it was allocated with this layout.
    unsafe { alloc::dealloc(pointer.as_ptr(), layout) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_comes_again_and_a_pool_is_bounded() {
        let pool = Pool::new();
        for size in [1, 8, 9, 200, 503, 504, 505, 4096] {
            let layout = Layout::from_size_align(size, 8).unwrap();
            let mut blocks = Vec::new();
            for _ in 0..if cfg!(miri) { 10 } else { 2 * MOST / size.max(GRAIN) } {
                let block = allocate(Some(&pool), layout).unwrap();
                // SAFETY: it is that large.
                unsafe { block.as_ptr().write_bytes(0xaa, size) };
                blocks.push(block);
            }
            for block in blocks.into_iter().rev() {
                // SAFETY: it came from `allocate`, with this layout.
                unsafe { free(Some(&pool), block, layout) };
            }
            assert!(pool.bytes.get() <= MOST);
            pool.clear();
            assert_eq!(pool.bytes.get(), 0);
        }
        let layout = Layout::new::<[u64; 9]>();
        if class(layout).is_none() {
            return;
        }
        let first = allocate(Some(&pool), layout).unwrap();
        // SAFETY: as above.
        unsafe { free(Some(&pool), first, layout) };
        assert_eq!(allocate(Some(&pool), layout), Some(first));
        // SAFETY: as above; without a pool it goes to the allocator.
        unsafe { free(None, first, layout) };
    }
}
