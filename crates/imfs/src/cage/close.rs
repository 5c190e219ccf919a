//! close(2), close_range(2).

use super::Cage;
use super::description::Description;
use crate::abi::{CloseRangeFlags, Errno, Result};
use crate::sync::epoch;
use crate::sync::refcount::Ref;

impl Cage {
    /// Closes a descriptor. The cage's record locks on the file go; the description goes with its last descriptor.
    ///
    /// # Errors
    /// EBADF
    pub fn close(&self, fd: i32) -> Result<()> {
        let taken = self.table.lock().take(fd)?;
        self.closed(taken);
        Ok(())
    }

    /// Closes all descriptors from `first` to `last`, or with `CLOSE_RANGE_CLOEXEC` lets exec close them. A cage's table
    /// is its own, so `CLOSE_RANGE_UNSHARE` changes nothing.
    ///
    /// # Errors
    /// EINVAL: unknown flags; `first` is more than `last`.
    pub fn close_range(&self, first: u32, last: u32, flags: CloseRangeFlags) -> Result<()> {
        if !(flags - (CloseRangeFlags::UNSHARE | CloseRangeFlags::CLOEXEC)).is_empty() || first > last {
            return Err(Errno::EINVAL);
        }
        let mut from = first as usize;
        loop {
            let mut table = self.table.lock();
            let Some((fd, _)) = table.next(from).filter(|(fd, _)| fd.unsigned_abs() <= last) else {
                return Ok(());
            };
            from = fd as usize + 1;
            // A number that another call is just opening stands for nothing yet.
            if flags.contains(CloseRangeFlags::CLOEXEC) {
                let _ = table.set_cloexec(fd, true);
                continue;
            }
            let Ok(taken) = table.take(fd) else { continue };
            // Closing may call into a door, and takes other locks.
            drop(table);
            self.closed(taken);
        }
    }

    /// What follows when a descriptor was taken out of the table (`filp_close`).
    pub(super) fn closed(&self, taken: Ref<Description>) {
        let guard = epoch::pin();
        if let Ok(inode) = taken.inode(&guard)
            && !taken.is_path()
        {
            inode.descriptor_closed(self.id);
        }
    }
}
