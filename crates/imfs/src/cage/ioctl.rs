//! ioctl(2): the requests that any file answers, and FIONREAD. Cloning (FICLONE) stands with copy_file_range.

use super::Cage;
use super::description::Description;
use crate::abi::ioctl::{FIGETBSZ, FIOASYNC, FIOCLEX, FIONBIO, FIONCLEX, FIONREAD, FIOQSIZE};
use crate::abi::{Errno, FdFlags, OFlags, PAGE_SIZE, Result};
use crate::inode::device::Device;
use crate::inode::{Inode, Object};
use crate::sync::epoch;

/// What a request gives back, for the door to put where the argument points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IoctlResult {
    /// Nothing.
    Nothing,
    /// An `int`.
    Int(i32),
    /// A `loff_t`.
    Long(i64),
}

impl Cage {
    /// Answers a request whose argument, if it takes one, points to the int `arg`.
    ///
    /// # Errors
    /// EBADF; ENOTTY: the file does not know the request (which random and urandom call EINVAL).
    pub fn ioctl(&self, fd: i32, request: u32, arg: i32) -> Result<IoctlResult> {
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        let inode = description.opened(&guard)?.get();
        match request {
            FIOCLEX | FIONCLEX => {
                let flags = if request == FIOCLEX { FdFlags::CLOEXEC } else { FdFlags::empty() };
                self.setfd(fd, flags)?;
            }
            FIONBIO => description.set_flag(OFlags::NONBLOCK, arg != 0),
            FIOASYNC => {
                let change = description.flags().contains(OFlags::ASYNC) != (arg != 0);
                // Pipes send SIGIO, if their door has signals; others have nothing to signal.
                if change && !matches!(inode.object, Object::Pipe(_)) {
                    return Err(Errno::ENOTTY);
                }
                description.set_flag(OFlags::ASYNC, arg != 0);
            }
            FIOQSIZE => return qsize(inode),
            FIGETBSZ => return Ok(IoctlResult::Int(PAGE_SIZE as i32)),
            FIONREAD => return bytes_to_read(description.get(), inode),
            _ => return Err(unknown(inode)),
        }
        Ok(IoctlResult::Nothing)
    }
}

/// `ioctl_fioqsize`: the space that the file takes.
fn qsize(inode: &Inode) -> Result<IoctlResult> {
    match inode.object {
        Object::Regular(_) | Object::Directory(_) | Object::Symlink(_) => {
            Ok(IoctlResult::Long(inode.attr().blocks as i64 * 512))
        }
        _ => Err(Errno::ENOTTY),
    }
}

fn bytes_to_read(description: &Description, inode: &Inode) -> Result<IoctlResult> {
    let bytes = match &inode.object {
        // Both may be larger than an int can say; the kernel cuts them too.
        Object::Regular(_) => inode.attr().size.wrapping_sub(*description.offset.lock()) as i32,
        Object::Pipe(pipe) => pipe.readable_bytes() as i32,
        _ => return Err(unknown(inode)),
    };
    Ok(IoctlResult::Int(bytes))
}

fn unknown(inode: &Inode) -> Errno {
    let Object::Device(dev) = inode.object else { return Errno::ENOTTY };
    match Device::open(inode.file_type(), dev) {
        Ok(Device::Random | Device::Urandom) => Errno::EINVAL,
        _ => Errno::ENOTTY,
    }
}
