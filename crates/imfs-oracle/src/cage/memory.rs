//! Mappings of cages, which are in this process: mmap(2), msync(2), munmap(2), loads and stores.

use super::answers::{noted, unit};
use crate::maps::{Maps, hint};
use crate::outcome::Outcome;
use crate::touch;
use imfs::Cage;
use imfs::abi::{MapFlags, MsyncFlags, PAGE_SIZE, ProtFlags};
use std::ptr::with_exposed_provenance_mut as pointer;

impl Maps {
    /// mmap(2)
    pub(super) fn map(
        &mut self,
        cage: &Cage,
        slot: usize,
        fd: i32,
        off: i64,
        len: usize,
        [prot, flags]: [i32; 2],
    ) -> Outcome {
        if flags & libc::MAP_FIXED == libc::MAP_FIXED {
            return Outcome::broken("(no address to map at)");
        }
        let at = pointer(hint(flags));
        let (prot, flags) =
            (ProtFlags::from_bits_retain(prot as u32), MapFlags::from_bits_retain(flags as u32));
        // SAFETY: not at a fixed address, and cases unmap only through the cage.
        let mapped = unsafe { cage.mmap(at, len, prot, flags, fd, off) };
        noted(
            mapped.map(|at| {
                self.set(slot, at.expose_provenance(), len);
                0
            }),
            |_| String::new(),
        )
    }

    /// A load.
    pub(super) fn read(&self, slot: usize, off: usize, len: usize) -> Outcome {
        self.place(slot, off, len).map_or(Outcome::FAULT, |at| touch::load(at, len))
    }

    /// A store. A cage learns of it when it looks, the kernel at once: so that the times can be compared, it looks now.
    pub(super) fn write(&self, cage: &Cage, slot: usize, off: usize, data: &[u8]) -> Outcome {
        let Some(at) = self.own(slot, off, data.len()) else { return Outcome::FAULT };
        // SAFETY: inside of a mapping that the cage made and still has.
        let outcome = unsafe { touch::store(libc::getpid(), at, data) };
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
        self.take(slot).map_or(Outcome::FAULT, |(at, len)| unit(cage.munmap(at, len)))
    }
}
