//! Mappings of cages, which are in this process: mmap(2), msync(2), munmap(2), loads and stores.

use super::answers::{noted, unit};
use crate::outcome::Outcome;
use crate::touch;
use imfs::Cage;
use imfs::abi::{MapFlags, MsyncFlags, PAGE_SIZE, ProtFlags};

/// A mapping.
#[derive(Clone, Copy)]
struct Place {
    /// Where it is, as a number so that it may go to another thread.
    at: usize,
    len: usize,
    /// Whether it is another cage's, which may end it at any time: it is only looked at.
    inherited: bool,
}

/// The mappings of a process by slot.
#[derive(Clone, Default)]
pub(super) struct Maps([Option<Place>; 8]);

impl Maps {
    /// What a forked process sees of them. Its cage has no mappings.
    pub(super) fn inherited(&self) -> Self {
        Maps(self.0.map(|place| place.map(|place| Place { inherited: true, ..place })))
    }

    /// mmap(2) at an address that the host chooses.
    pub(super) fn map(
        &mut self,
        cage: &Cage,
        slot: usize,
        fd: i32,
        off: i64,
        len: usize,
        [prot, flags]: [i32; 2],
    ) -> Outcome {
        let (prot, flags) =
            (ProtFlags::from_bits_retain(prot as u32), MapFlags::from_bits_retain(flags as u32));
        if flags.contains(MapFlags::FIXED) {
            return Outcome::broken("(no address to map at)");
        }
        // SAFETY: not at a fixed address, and cases unmap only through the cage.
        let mapped = unsafe { cage.mmap(std::ptr::null_mut(), len, prot, flags, fd, off) };
        noted(
            mapped.map(|at| {
                self.0[slot] = Some(Place { at: at.expose_provenance(), len, inherited: false });
                0
            }),
            |_| String::new(),
        )
    }

    /// The address `off` bytes into a mapping that has `len` bytes there.
    fn place(&self, slot: usize, off: usize, len: usize) -> Option<*mut u8> {
        let place = self.0.get(slot).copied().flatten()?;
        (off + len <= place.len.next_multiple_of(PAGE_SIZE))
            .then(|| std::ptr::with_exposed_provenance_mut::<u8>(place.at).wrapping_add(off))
    }

    /// The same of a mapping of the process's own.
    fn own(&self, slot: usize, off: usize, len: usize) -> Option<*mut u8> {
        self.place(slot, off, len).filter(|_| self.0[slot].is_some_and(|place| !place.inherited))
    }

    /// A load.
    pub(super) fn read(&self, slot: usize, off: usize, len: usize) -> Outcome {
        self.place(slot, off, len).map_or(Outcome::FAULT, |at| touch::load(at.addr(), len))
    }

    /// A store. A cage learns of it when it looks, the kernel at once: so that the times can be compared, it looks now.
    pub(super) fn write(&self, cage: &Cage, slot: usize, off: usize, data: &[u8]) -> Outcome {
        let Some(at) = self.own(slot, off, data.len()) else { return Outcome::FAULT };
        // SAFETY: inside of a mapping that the cage made and still has.
        let outcome = unsafe { touch::store(at.addr(), data) };
        let _ = cage.msync(at.map_addr(|at| at & !(PAGE_SIZE - 1)), PAGE_SIZE, MsyncFlags::ASYNC);
        outcome
    }

    /// msync(2)
    pub(super) fn sync(&self, cage: &Cage, slot: usize, off: usize, len: usize, flags: i32) -> Outcome {
        match self.own(slot, 0, 0) {
            Some(at) => {
                unit(cage.msync(at.wrapping_add(off), len, MsyncFlags::from_bits_retain(flags as u32)))
            }
            None => Outcome::FAULT,
        }
    }

    /// munmap(2) of the whole mapping.
    pub(super) fn unmap(&mut self, cage: &Cage, slot: usize) -> Outcome {
        match self.0.get_mut(slot).and_then(Option::take) {
            Some(place) => unit(cage.munmap(std::ptr::with_exposed_provenance_mut(place.at), place.len)),
            None => Outcome::FAULT,
        }
    }
}
