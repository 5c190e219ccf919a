//! lseek(2).

use super::Cage;
use crate::abi::{Errno, Result, Whence};
use crate::inode::{FIRST_ENTRY, Object};
use crate::sync::epoch;

impl Cage {
    /// Moves the offset, and returns it.
    ///
    /// # Errors
    /// EBADF, EINVAL (the result is negative), ENXIO (SEEK_DATA and SEEK_HOLE beyond the end), EOVERFLOW, ESPIPE
    pub fn lseek(&self, fd: i32, offset: i64, whence: Whence) -> Result<i64> {
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        let inode = description.opened(&guard)?;
        let mut place = description.offset();
        let target = match &inode.object {
            Object::Regular(regular) => match whence {
                Whence::Data => regular.seek_data(offset)?,
                Whence::Hole => regular.seek_hole(offset)?,
                _ => relative(offset, whence, *place, inode.attributes.size())?,
            },
            Object::Directory(_) => {
                let target = match whence {
                    Whence::Set | Whence::Cur => relative(offset, whence, *place, 0)?,
                    _ => return Err(Errno::EINVAL),
                };
                if (target as u64) < FIRST_ENTRY {
                    description.rewind();
                }
                target
            }
            // Only those can be open that have no offset.
            Object::Device(_) => return Ok(0),
            Object::Pipe(_) | Object::Symlink(_) | Object::Socket => return Err(Errno::ESPIPE),
        };
        *place = target as u64;
        Ok(target)
    }
}

/// The offset that is meant (`generic_file_llseek`).
fn relative(offset: i64, whence: Whence, place: u64, size: u64) -> Result<i64> {
    let base = match whence {
        Whence::Cur => place as i64,
        Whence::End => size as i64,
        _ => 0,
    };
    // Files end at i64::MAX, so what overflows is beyond every file, and the kernel says EINVAL for that.
    base.checked_add(offset).filter(|target| *target >= 0).ok_or(Errno::EINVAL)
}
