//! pipe(2), pipe2(2), and what fcntl(2) does with pipes.

use crate::sync::primitives::atomic::Ordering;

use super::Cage;
use super::description::{Description, Vacant};
use super::table::FIRST;
use crate::abi::{Errno, OFlags, Result};
use crate::inode::{Capabilities, Credentials, Inode, Object};
use crate::sync::epoch;
use crate::sync::refcount::Ref;

impl Cage {
    /// A new pipe: its reading and its writing end.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM
    pub fn pipe(&self) -> Result<[i32; 2]> {
        self.pipe2(OFlags::empty())
    }

    /// pipe with `O_CLOEXEC`, `O_NONBLOCK` and `O_DIRECT` (packets).
    ///
    /// # Errors
    /// As [`pipe`](Self::pipe); EINVAL: other flags; ENOPKG: `O_EXCL`, which asks for a queue of notifications.
    pub fn pipe2(&self, flags: OFlags) -> Result<[i32; 2]> {
        let known = OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::DIRECT;
        if !(flags - known - OFlags::EXCL).is_empty() {
            return Err(Errno::EINVAL);
        }
        if flags.contains(OFlags::EXCL) {
            return Err(Errno::ENOPKG);
        }
        let number = || self.table.reserve(FIRST, self.limit());
        let [first, second] = [number()?, number()?];
        let vacant = || Description::reserve(&self.tree.sb);
        let vacant = [vacant()?, vacant()?];
        let (inode, [reader, writer]) = {
            let guard = epoch::pin();
            Inode::pipe(&self.tree.sb, self.cred(&guard)?)?
        };
        let opener = self.identity.load(Ordering::Relaxed);
        let status = flags & OFlags::NONBLOCK;
        let [for_reader, for_writer] = vacant;
        let reader = for_reader.of_pipe(inode.clone(), reader, OFlags::RDONLY | status, opener);
        let status = flags & (OFlags::NONBLOCK | OFlags::DIRECT);
        let writer = for_writer.of_pipe(inode, writer, OFlags::WRONLY | status, opener);
        let cloexec = flags.contains(OFlags::CLOEXEC);
        Ok([first.fill(reader, cloexec), second.fill(writer, cloexec)])
    }

    /// F_GETPIPE_SZ of fcntl(2): how many bytes the pipe holds.
    ///
    /// # Errors
    /// EBADF: not a pipe.
    pub fn getpipe_sz(&self, fd: i32) -> Result<usize> {
        self.with_pipe(fd, |pipe, _| Ok(pipe.capacity()))
    }

    /// F_SETPIPE_SZ of fcntl(2): sets how many bytes the pipe holds, rounded up. Returns the size that it has then.
    ///
    /// # Errors
    /// EBADF: not a pipe. EBUSY: it holds more now. EINVAL: more than 2 GiB. EPERM: beyond the limit. ENOMEM
    pub fn setpipe_sz(&self, fd: i32, size: u32) -> Result<usize> {
        self.with_pipe(fd, |pipe, cred| {
            pipe.set_capacity(size, cred.capable(Capabilities::SYS_RESOURCE), cred.above_pipe_limits())
        })
    }

    fn with_pipe<R>(
        &self,
        fd: i32,
        act: impl FnOnce(&crate::inode::pipe::Pipe, &Credentials) -> Result<R>,
    ) -> Result<R> {
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        match &description.opened(&guard)?.get().object {
            Object::Pipe(pipe) => act(pipe, self.cred(&guard)?),
            _ => Err(Errno::EBADF),
        }
    }

    /// Opens a FIFO, and waits for the other side if it has to (`fifo_open`).
    ///
    /// # Errors
    /// ENXIO: nobody reads it (O_WRONLY and O_NONBLOCK). EINVAL: O_DIRECT. EINTR, ENFILE, ENOMEM
    pub(super) fn open_fifo(
        &self,
        inode: Ref<Inode>,
        flags: OFlags,
        privileged: bool,
        vacant: Vacant<'_>,
    ) -> Result<Ref<Description>> {
        let Object::Pipe(pipe) = &inode.object else { return Err(Errno::EINVAL) };
        let end = pipe.open(flags, privileged, &self.interrupts)?;
        if flags.contains(OFlags::DIRECT) {
            // As the kernel, which opens first and then finds that a FIFO can't do direct I/O.
            pipe.close(&end);
            return Err(Errno::EINVAL);
        }
        Ok(vacant.of_pipe(inode, end, flags, self.identity.load(Ordering::Relaxed)))
    }
}
