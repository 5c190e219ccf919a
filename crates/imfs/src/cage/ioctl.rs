//! ioctl(2): the requests that files answer (fs/ioctl.c, fs/file_attr.c), and FIONREAD of pipes.

use super::Cage;
use super::description::Description;
use crate::abi::ioctl::*;
use crate::abi::{Dev, Errno, FdFlags, FileCloneRange, FsXattr, OFlags, PAGE_SIZE, Result};
use crate::inode::device::Device;
use crate::inode::{Capabilities, Inode, Object};
use crate::sync::epoch;

/// The argument of a request. The door copies in what a pointer points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IoctlArg {
    /// An int: that which the argument points to, or for FICLONE the argument itself. Of a request that takes none, or
    /// only gives something back, it does not matter.
    Int(i32),
    /// That of FICLONERANGE.
    CloneRange(FileCloneRange),
    /// That of FS_IOC_FSSETXATTR.
    FsXattr(FsXattr),
}

impl From<i32> for IoctlArg {
    fn from(int: i32) -> Self {
        IoctlArg::Int(int)
    }
}

impl From<FileCloneRange> for IoctlArg {
    fn from(range: FileCloneRange) -> Self {
        IoctlArg::CloneRange(range)
    }
}

impl From<FsXattr> for IoctlArg {
    fn from(fsxattr: FsXattr) -> Self {
        IoctlArg::FsXattr(fsxattr)
    }
}

/// What a request gives back, for the door to put where the argument points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IoctlResult {
    /// Nothing.
    Nothing,
    /// An `int`.
    Int(i32),
    /// A `loff_t`.
    Long(i64),
    /// A `struct fsxattr`.
    FsXattr(FsXattr),
}

impl Cage {
    /// Answers a request.
    ///
    /// # Errors
    /// EBADF; ENOTTY: the file does not know the request (which random and urandom call EINVAL); EFAULT: not the
    /// argument that the request takes; and those of the request: see [`ficlonerange`](Self::ficlonerange) and
    /// [`Inode::set_fileattr`].
    pub fn ioctl(&self, fd: i32, request: u32, arg: impl Into<IoctlArg>) -> Result<IoctlResult> {
        let arg = arg.into();
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?;
        let inode = description.opened(&guard)?.get();
        let is_regular = matches!(inode.object, Object::Regular(_));
        match request {
            FIOCLEX => self.setfd(fd, FdFlags::CLOEXEC)?,
            FIONCLEX => self.setfd(fd, FdFlags::empty())?,
            FIONBIO => description.set_flag(OFlags::NONBLOCK, arg.int()? != 0),
            FIOASYNC => set_async(description.get(), inode, arg.int()? != 0)?,
            FIOQSIZE => return qsize(inode),
            FIGETBSZ => return Ok(IoctlResult::Int(PAGE_SIZE as i32)),
            FIONREAD => return bytes_to_read(description.get(), inode),
            FICLONE => self.ficlone(fd, arg.int()?)?,
            FICLONERANGE => match arg {
                IoctlArg::CloneRange(range) => self.ficlonerange(fd, &range)?,
                _ => return Err(Errno::EFAULT),
            },
            FS_IOC_GETFLAGS | FS_IOC_SETFLAGS | FS_IOC_FSGETXATTR | FS_IOC_FSSETXATTR
                if matches!(inode.object, Object::Device(_)) =>
            {
                return Err(unknown(inode));
            }
            FS_IOC_GETFLAGS => return Ok(IoctlResult::Int(inode.fileattr()? as i32)),
            FS_IOC_SETFLAGS => inode.set_fileattr(arg.int()? as u32, self.cred(&guard)?)?,
            FS_IOC_FSGETXATTR => return Ok(IoctlResult::FsXattr(FsXattr::from_flags(inode.fileattr()?))),
            FS_IOC_FSSETXATTR => match arg {
                IoctlArg::FsXattr(asked) => inode.set_fsxattr(&asked, self.cred(&guard)?)?,
                _ => return Err(Errno::EFAULT),
            },
            FIFREEZE | FITHAW if !self.cred(&guard)?.capable(Capabilities::SYS_ADMIN) => {
                return Err(Errno::EPERM);
            }
            FITHAW => return Err(Errno::EINVAL),
            FIFREEZE | FS_IOC_FIEMAP | FIDEDUPERANGE => return Err(Errno::EOPNOTSUPP),
            FIBMAP if is_regular && !self.cred(&guard)?.capable(Capabilities::SYS_RAWIO) => {
                return Err(Errno::EPERM);
            }
            FIBMAP if is_regular => return Err(Errno::EINVAL),
            _ => return Err(unknown(inode)),
        }
        Ok(IoctlResult::Nothing)
    }
}

impl IoctlArg {
    fn int(self) -> Result<i32> {
        if let IoctlArg::Int(int) = self { Ok(int) } else { Err(Errno::EFAULT) }
    }
}

/// `ioctl_fioasync`.
///
/// # Errors
/// ENOTTY: pipes and the random devices send SIGIO, if their door has signals; others have nothing to signal.
fn set_async(description: &Description, inode: &Inode, on: bool) -> Result<()> {
    let changes = description.flags().contains(OFlags::ASYNC) != on;
    let signals = match inode.object {
        Object::Pipe(_) => true,
        Object::Device(dev) => is_random(inode, dev),
        _ => false,
    };
    if changes && !signals {
        return Err(Errno::ENOTTY);
    }
    description.set_flag(OFlags::ASYNC, on);
    Ok(())
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
        Object::Regular(_) => inode.attr().size.wrapping_sub(*description.offset()) as i32,
        Object::Pipe(pipe) => pipe.readable_bytes() as i32,
        _ => return Err(unknown(inode)),
    };
    Ok(IoctlResult::Int(bytes))
}

fn unknown(inode: &Inode) -> Errno {
    match inode.object {
        Object::Device(dev) if is_random(inode, dev) => Errno::EINVAL,
        _ => Errno::ENOTTY,
    }
}

fn is_random(inode: &Inode, dev: Dev) -> bool {
    matches!(Device::open(inode.file_type(), dev), Ok(Device::Random | Device::Urandom))
}
