//! Copies between cages (3i call 1002), checked against both memories.

use crate::cage::{Cage, Runtime};
use crate::memory::Checked;

/// The result that means failure.
pub(crate) const FAILED: i32 = 0xe001_0001_u32 as i32;
const MEMCPY: u64 = 0;
const STRNCPY: u64 = 1;
/// Where no memory can be. A copy from or to here ends the handler that makes it with a trap, at the moment when it holds
/// all its locks: no well-behaved handler can be made to trap otherwise.
const TRAP: u64 = 0x7472_6170_7472_6170;

impl Runtime {
    /// [`copy`](Self::copy), or the trap that a test wants.
    pub(crate) fn copy_or_trap(
        &self,
        from: (u64, u64),
        to: (u64, u64),
        len: u64,
        kind: u64,
    ) -> wasmtime::Result<i32> {
        if [from.0, to.0].contains(&TRAP) {
            return Err(wasmtime::Error::msg("a trap, as asked for"));
        }
        Ok(self.copy(from, to, len, kind))
    }

    /// Copies `len` bytes, or up to a NUL within `len`.
    fn copy(&self, from: (u64, u64), to: (u64, u64), len: u64, kind: u64) -> i32 {
        let (Some(source), Some(target)) = (self.cage(from.1), self.cage(to.1)) else { return FAILED };
        if from.1 == to.1 || from.0 == 0 || to.0 == 0 {
            return FAILED;
        }
        match kind {
            MEMCPY => {
                let checked = [
                    source.memory().check(from.0, len, libc::PROT_READ),
                    target.memory().check(to.0, len, libc::PROT_WRITE),
                ];
                if checked.contains(&Checked::Deadly) {
                    self.note_violation(format!("a copy of {len} bytes runs into a hole"));
                }
                if checked != [Checked::Fine; 2] {
                    return FAILED;
                }
                // SAFETY: both ranges are mapped, in two memories that do not overlap.
                unsafe { std::ptr::copy_nonoverlapping(from.0 as *const u8, to.0 as *mut u8, len as usize) };
            }
            STRNCPY => {
                let Some(len) = string_len(&source, from.0, len) else { return FAILED };
                if target.memory().check(to.0, len, libc::PROT_WRITE) != Checked::Fine {
                    return FAILED;
                }
                // SAFETY: as above.
                unsafe { std::ptr::copy_nonoverlapping(from.0 as *const u8, to.0 as *mut u8, len as usize) };
            }
            _ => return FAILED,
        }
        to.0 as i32
    }
}

/// The length of a string with its NUL, if that is within `limit` bytes of mapped memory.
fn string_len(cage: &Cage, at: u64, limit: u64) -> Option<u64> {
    (0..limit).find_map(|n| {
        if cage.memory().check(at + n, 1, libc::PROT_READ) != Checked::Fine {
            return Some(None);
        }
        // SAFETY: just checked.
        (unsafe { *((at + n) as *const u8) } == 0).then_some(Some(n + 1))
    })?
}
