//! The mappings of a process, by slot, on either side.

use libc::{MAP_FIXED, MAP_FIXED_NOREPLACE};
use std::ptr::with_exposed_provenance_mut as pointer;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many slots a process has.
pub(crate) const SLOTS: usize = 8;
const PAGE: usize = 4096;

/// A mapping; at address 0 there is none.
#[derive(Clone, Copy, Default)]
struct Place {
    at: usize,
    len: usize,
    /// Whether it is the parent's. A forked cage has none, and here its parent's is in the same memory: it is only looked
    /// at.
    inherited: bool,
}

/// The mappings of a process. All bits zero are a valid value: none.
#[derive(Clone, Copy, Default)]
pub(crate) struct Maps([Place; SLOTS]);

impl Maps {
    /// What a forked process has of them.
    pub(crate) fn inherited(&self) -> Self {
        Maps(self.0.map(|place| Place { inherited: true, ..place }))
    }

    /// Notes a new mapping.
    pub(crate) fn set(&mut self, slot: usize, at: usize, len: usize) {
        self.0[slot] = Place { at, len, inherited: false };
    }

    /// Takes a mapping out, to end it: address and length.
    pub(crate) fn take(&mut self, slot: usize) -> Option<(*mut u8, usize)> {
        let place = self.0.get_mut(slot).map(std::mem::take)?;
        (place.at != 0).then(|| (pointer(place.at), place.len))
    }

    /// The address `off` bytes into a mapping that has `len` bytes there.
    pub(crate) fn place(&self, slot: usize, off: usize, len: usize) -> Option<*mut u8> {
        let place = self.0.get(slot).filter(|place| place.at != 0)?;
        let within = off + len <= place.len.next_multiple_of(PAGE);
        within.then(|| pointer(place.at + off))
    }

    /// The same of a mapping of the process's own.
    pub(crate) fn own(&self, slot: usize, off: usize, len: usize) -> Option<*mut u8> {
        self.place(slot, off, len).filter(|_| !self.0[slot].inherited)
    }
}

/// Where to ask for a mapping: on either side in the same way to the page table. How many pages around a load the kernel
/// maps with it, so that it does not notice stores to them, depends on that (`do_fault_around`).
pub(crate) fn hint(flags: i32) -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1 << 44);
    const TABLE: usize = 2 << 20;
    match flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) {
        0 => NEXT.fetch_add(2 * TABLE, Ordering::Relaxed),
        _ => 0,
    }
}
