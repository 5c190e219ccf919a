//! sendfile(2), after `do_sendfile` and `fs/splice.c`.

use super::Cage;
use super::description::Description;
use crate::abi::{Errno, MAX_RW_COUNT, OFlags, PAGE_SIZE, Result};
use crate::inode::device::Device;
use crate::inode::pipe::Pipe;
use crate::inode::{Inode, Object, Reading, WriteAt};
use crate::sync::epoch;
use crate::sync::refcount::Ref;

/// How many bytes are copied at a time.
const PIECE: usize = 64 << 10;

/// One side of a copy: the description keeps it open.
struct Side {
    description: Ref<Description>,
    inode: Ref<Inode>,
}

impl Cage {
    /// Copies up to `count` bytes from one descriptor to another, without a buffer of the caller's. Reads at `offset`
    /// and moves it, or else reads at the descriptor's own. Writing into a pipe it copies what fits at once, waiting
    /// only until something does.
    ///
    /// # Errors
    /// EBADF, EINVAL (what it reads is a directory, a pipe or null; what it writes has O_APPEND or is full; negative
    /// or too large numbers), ESPIPE (`offset` for a pipe), EAGAIN, EINTR, EPIPE, ENOSPC, EFBIG, ENOMEM
    pub fn sendfile(&self, out_fd: i32, in_fd: i32, offset: Option<&mut i64>, count: usize) -> Result<usize> {
        let source = self.side(in_fd, OFlags::readable)?;
        if offset.is_some() && matches!(source.inode.object, Object::Pipe(_)) {
            return Err(Errno::ESPIPE);
        }
        let start = match &offset {
            Some(offset) => u64::try_from(**offset).map_err(|_| Errno::EINVAL)?,
            None => *source.description.offset(),
        };
        check_range(start, count)?;
        let count = count.min(MAX_RW_COUNT);
        let target = self.side(out_fd, OFlags::writable)?;
        let copied = match target.inode.object {
            Object::Pipe(_) => self.send_to_pipe(&source, start, &target, count)?,
            _ => self.send_to_file(&source, start, &target, count)?,
        };
        // Devices have no offset that would move.
        if copied > 0 && source.is_regular() {
            match offset {
                Some(offset) => *offset += copied as i64,
                None => source.set_offset(start + copied as u64),
            }
        }
        Ok(copied)
    }

    fn side(&self, fd: i32, may: fn(OFlags) -> bool) -> Result<Side> {
        let description = self.table.hold(fd)?;
        let guard = epoch::pin();
        let inode = description.opened(&guard)?.upgrade().ok_or(Errno::EBADF)?;
        drop(guard);
        if may(description.flags()) { Ok(Side { description, inode }) } else { Err(Errno::EBADF) }
    }

    /// `do_splice_direct`.
    fn send_to_file(&self, source: &Side, start: u64, target: &Side, count: usize) -> Result<usize> {
        let place = *target.description.offset();
        check_range(place, count)?;
        if target.description.flags().contains(OFlags::APPEND) {
            return Err(Errno::EINVAL);
        }
        if matches!(source.inode.object, Object::Pipe(_)) {
            return Err(Errno::EINVAL);
        }
        let copied = self.splice_to_file(source, start, target, place, count);
        // Whatever came of it, it counts as read (`splice_direct_to_actor`).
        if !source.description.flags().contains(OFlags::NOATIME) {
            source.inode.touch_atime();
        }
        copied
    }

    fn splice_to_file(
        &self,
        source: &Side,
        start: u64,
        target: &Side,
        place: u64,
        count: usize,
    ) -> Result<usize> {
        if count == 0 {
            return Ok(0);
        }
        let device = target.device();
        if device == Some(Device::Full) || !(device.is_some() || target.is_regular()) {
            return Err(Errno::EINVAL);
        }
        let copied = copy(count, |piece, done| {
            let read = source.read(start + done as u64, piece)?;
            let mut bytes = &piece[..read];
            let written = match device {
                Some(device) => device.write(&mut bytes)?,
                None => {
                    let guard = epoch::pin();
                    let at = WriteAt::Offset(place + done as u64);
                    target.inode.write_at(at, &mut bytes, self.cred(&guard)?)?.1
                }
            };
            Ok((read, written))
        })?;
        target.set_offset(place + copied as u64);
        Ok(copied)
    }

    /// `splice_file_to_pipe`, which moves no time stamp of the pipe.
    fn send_to_pipe(&self, source: &Side, start: u64, target: &Side, count: usize) -> Result<usize> {
        let Object::Pipe(pipe) = &target.inode.object else { return Err(Errno::EINVAL) };
        let flags = target.description.flags();
        loop {
            let room = pipe.wait_for_room(flags, &self.interrupts)? * PAGE_SIZE;
            match source.splice(start, pipe, count.min(room)) {
                // Others were faster to fill the room.
                Err(Errno::EAGAIN) if !flags.contains(OFlags::NONBLOCK) => {}
                result => return result,
            }
        }
    }
}

impl Side {
    fn is_regular(&self) -> bool {
        matches!(self.inode.object, Object::Regular(_))
    }

    fn device(&self) -> Option<Device> {
        match &self.inode.object {
            Object::Device(dev) => Device::open(self.inode.file_type(), *dev).ok(),
            _ => None,
        }
    }

    /// Devices have no offset.
    fn set_offset(&self, offset: u64) {
        if self.is_regular() {
            *self.description.offset() = offset;
        }
    }

    /// Reads what sendfile(2) can read.
    fn read(&self, at: u64, mut into: &mut [u8]) -> Result<usize> {
        match self.device() {
            None if self.is_regular() => {
                let noatime = self.description.flags().contains(OFlags::NOATIME);
                self.inode.read_at(at, &mut into, Reading { noatime, sequential: true })
            }
            None | Some(Device::Null) => Err(Errno::EINVAL),
            Some(device) => device.read(&mut into, self.inode.sb.entropy()),
        }
    }

    /// Moves bytes into a pipe without waiting. Each page of a file, or what is asked of it, takes a slot
    /// (`shmem_file_splice_read`). What was moved before an error counts.
    fn splice(&self, start: u64, pipe: &Pipe, count: usize) -> Result<usize> {
        let mut page = [0; PAGE_SIZE];
        let mut done = 0;
        while done < count {
            let at = start + done as u64;
            let before = if self.is_regular() { (at % PAGE_SIZE as u64) as usize } else { 0 };
            let piece = (count - done).min(PAGE_SIZE - before);
            let moved = self.read(at, &mut page[..piece]).and_then(|read| match read {
                0 => Ok(0),
                _ if pipe.put_piece(&page[..read])? => Ok(read),
                _ => Err(Errno::EAGAIN),
            });
            match moved {
                Ok(0) => break,
                Ok(moved) => done += moved,
                Err(errno) if done == 0 => return Err(errno),
                Err(_) => break,
            }
        }
        Ok(done)
    }
}

/// Calls `step` with pieces of a buffer and how many bytes were moved before, which says how many it read and how many
/// it wrote of them: until it reads nothing, which is not before the end of a file that grows by being copied into
/// itself, or writes less. What was moved before an error counts.
fn copy(count: usize, mut step: impl FnMut(&mut [u8], usize) -> Result<(usize, usize)>) -> Result<usize> {
    let mut buffer = Vec::new();
    buffer.try_reserve_exact(count.min(PIECE)).map_err(|_| Errno::ENOMEM)?;
    buffer.resize(count.min(PIECE), 0);
    let mut done = 0;
    while done < count {
        let piece = (count - done).min(PIECE);
        match step(&mut buffer[..piece], done) {
            Ok((read, written)) => {
                done += written;
                if read == 0 || written < read {
                    break;
                }
            }
            Err(errno) if done == 0 => return Err(errno),
            Err(_) => break,
        }
    }
    Ok(done)
}

/// `rw_verify_area`.
fn check_range(start: u64, count: usize) -> Result<()> {
    let end =
        i64::try_from(start).ok().zip(i64::try_from(count).ok()).and_then(|(start, n)| start.checked_add(n));
    end.map(|_| ()).ok_or(Errno::EINVAL)
}
