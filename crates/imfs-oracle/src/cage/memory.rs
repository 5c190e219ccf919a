//! Mappings of cages, which are in this process: mmap(2), msync(2), munmap(2), loads and stores.

use super::answers::{noted, unit};
use crate::outcome::{Outcome, bytes};
use imfs::Cage;
use imfs::abi::{MapFlags, MsyncFlags, PAGE_SIZE, ProtFlags};

/// A mapping: where it is, as a number so that it may go to another thread, and its length.
type Place = (usize, usize);

/// The mappings of a process by slot.
#[derive(Clone, Default)]
pub(super) struct Maps([Option<Place>; 8]);

impl Maps {
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
                self.0[slot] = Some((at.expose_provenance(), len));
                0
            }),
            |_| String::new(),
        )
    }

    fn place(&self, slot: usize, off: usize, len: usize) -> Option<*mut u8> {
        let (at, size) = self.0.get(slot).copied().flatten()?;
        (off + len <= size.next_multiple_of(PAGE_SIZE))
            .then(|| std::ptr::with_exposed_provenance_mut::<u8>(at).wrapping_add(off))
    }

    /// A load.
    pub(super) fn read(&self, slot: usize, off: usize, len: usize) -> Outcome {
        match self.place(slot, off, len) {
            // SAFETY: inside of a mapping that the cage made and still has; nobody writes to it meanwhile.
            Some(at) => Outcome::noted(len as i64, bytes(unsafe { std::slice::from_raw_parts(at, len) })),
            None => Outcome::broken("(not mapped)"),
        }
    }

    /// A store. A cage learns of it when it looks, the kernel at once: so that the times can be compared, it looks now.
    pub(super) fn write(&self, cage: &Cage, slot: usize, off: usize, data: &[u8]) -> Outcome {
        match self.place(slot, off, data.len()) {
            Some(at) => {
                // SAFETY: inside of a writable mapping that the cage made and still has.
                unsafe { std::ptr::copy_nonoverlapping(data.as_ptr(), at, data.len()) };
                let _ = cage.msync(at.map_addr(|at| at & !(PAGE_SIZE - 1)), PAGE_SIZE, MsyncFlags::ASYNC);
                Outcome::value(data.len() as i64)
            }
            None => Outcome::broken("(not mapped)"),
        }
    }

    /// msync(2)
    pub(super) fn sync(&self, cage: &Cage, slot: usize, off: usize, len: usize, flags: i32) -> Outcome {
        match self.place(slot, 0, 0) {
            Some(at) => {
                unit(cage.msync(at.wrapping_add(off), len, MsyncFlags::from_bits_retain(flags as u32)))
            }
            None => Outcome::broken("(not mapped)"),
        }
    }

    /// munmap(2) of the whole mapping.
    pub(super) fn unmap(&mut self, cage: &Cage, slot: usize) -> Outcome {
        match self.0.get_mut(slot).and_then(Option::take) {
            Some((at, len)) => unit(cage.munmap(std::ptr::with_exposed_provenance_mut(at), len)),
            None => Outcome::broken("(not mapped)"),
        }
    }
}
