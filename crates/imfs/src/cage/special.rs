//! Reading and writing what is not a regular file. These calls may block, so they hold their description and no guard.

use super::Cage;
use super::description::Description;
use super::read::{check_area, check_flags};
use crate::abi::{Errno, OFlags, Result, RwFlags};
use crate::data::{Sink, Source};
use crate::inode::device::Device;
use crate::inode::{Inode, Object};
use crate::sync::epoch;
use crate::sync::refcount::{Ref, Shared};

impl Cage {
    /// read(2) of a description that is open for reading.
    pub(super) fn read_other<S: Sink + ?Sized>(
        &self,
        description: &Ref<Description>,
        sink: &mut S,
        call: RwFlags,
    ) -> Result<usize> {
        let inode = held(description)?;
        check_flags(call, can_tell(&inode))?;
        let flags = status(description, call);
        match &inode.object {
            // What is read in a loop takes no flags (`do_loop_readv_writev`).
            Object::Directory(_) if !(call - RwFlags::HIPRI).is_empty() => Err(Errno::EOPNOTSUPP),
            Object::Directory(_) => Err(Errno::EISDIR),
            Object::Pipe(pipe) => {
                let read = pipe.read(sink, flags, &self.interrupts)?;
                // The times of pipes without a name stand still since Linux 6.15.
                if read > 0 && pipe.is_fifo() && !flags.contains(OFlags::NOATIME) {
                    inode.touch_atime();
                }
                Ok(read)
            }
            Object::Device(dev) => Device::open(inode.file_type(), *dev)?.read(sink, inode.sb.entropy()),
            _ => Err(Errno::EINVAL),
        }
    }

    /// write(2) of a description that is open for writing.
    pub(super) fn write_other<S: Source + ?Sized>(
        &self,
        description: &Ref<Description>,
        source: &mut S,
        flags: RwFlags,
    ) -> Result<usize> {
        let inode = held(description)?;
        check_flags(flags, can_tell(&inode))?;
        match &inode.object {
            Object::Pipe(pipe) => {
                let written = pipe.write(source, status(description, flags), &self.interrupts)?;
                if written > 0 && pipe.is_fifo() {
                    inode.touch_mtime();
                }
                Ok(written)
            }
            Object::Device(dev) => Device::open(inode.file_type(), *dev)?.write(source),
            _ => Err(Errno::EINVAL),
        }
    }

    /// pread(2) of a description that was opened. Only what has no place for an offset is found before it is known
    /// whether it may be read.
    pub(super) fn pread_other<S: Sink + ?Sized>(
        &self,
        description: &Ref<Description>,
        sink: &mut S,
        offset: u64,
        flags: RwFlags,
    ) -> Result<usize> {
        match held(description)?.object {
            Object::Pipe(_) => Err(Errno::ESPIPE),
            _ if !description.flags().readable() => Err(Errno::EBADF),
            _ => {
                check_area(offset, sink.len())?;
                self.read_other(description, sink, flags)
            }
        }
    }

    /// pwrite(2) of a description that was opened.
    pub(super) fn pwrite_other<S: Source + ?Sized>(
        &self,
        description: &Ref<Description>,
        source: &mut S,
        offset: u64,
        flags: RwFlags,
    ) -> Result<usize> {
        match held(description)?.object {
            Object::Pipe(_) => Err(Errno::ESPIPE),
            _ if !description.flags().writable() => Err(Errno::EBADF),
            _ => {
                check_area(offset, source.len())?;
                self.write_other(description, source, flags)
            }
        }
    }
}

/// The inode of a description that is held.
fn held(description: &Ref<Description>) -> Result<Ref<Inode>> {
    let guard = epoch::pin();
    Shared::upgrade(description.inode(&guard)?).ok_or(Errno::EBADF)
}

/// Whether the file can tell if it would block (`FMODE_NOWAIT`): not a FIFO, and not full, as the kernel has it.
fn can_tell(inode: &Inode) -> bool {
    match &inode.object {
        Object::Pipe(pipe) => !pipe.is_fifo(),
        Object::Device(dev) => Device::open(inode.file_type(), *dev) != Ok(Device::Full),
        _ => false,
    }
}

/// The flags of the description, and of one call.
fn status(description: &Description, call: RwFlags) -> OFlags {
    let nowait = if call.contains(RwFlags::NOWAIT) { OFlags::NONBLOCK } else { OFlags::empty() };
    description.flags() | nowait
}
