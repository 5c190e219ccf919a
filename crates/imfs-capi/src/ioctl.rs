//! ioctl(2).

use imfs::abi::ioctl::{FICLONE, FICLONERANGE, FIOASYNC, FIONBIO, FS_IOC_FSSETXATTR, FS_IOC_SETFLAGS};
use imfs::abi::{FileCloneRange, FsXattr};
use imfs::cage::{IoctlArg, IoctlResult};
use libc::{c_int, c_ulong, c_void};

use crate::arguments::{Any, Int, Num};

/// ioctl(2); `arg` is a pointer or a number, as the request asks.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_ioctl(cage_id: c_int, fd: c_int, request: c_ulong, arg: *mut c_void) -> c_int {
    call!(ioctl(cage_id, fd: Int, request: Num<c_ulong>, arg: Any) => |cage| {
        // The kernel takes an unsigned int too.
        let request = request as u32;
        let value = match request {
            FIONBIO | FIOASYNC | FS_IOC_SETFLAGS => {
                cage.getfd(fd)?;
                IoctlArg::Int(arg.place::<c_int>().get()?)
            }
            FICLONE => IoctlArg::Int(arg.address() as c_int),
            FICLONERANGE => {
                cage.getfd(fd)?;
                IoctlArg::CloneRange(FileCloneRange::from_bytes(&arg.place().get()?))
            }
            FS_IOC_FSSETXATTR => {
                cage.getfd(fd)?;
                IoctlArg::FsXattr(FsXattr::from_bytes(&arg.place().get()?))
            }
            _ => IoctlArg::Int(0),
        };
        match cage.ioctl(fd, request, value)? {
            IoctlResult::Nothing => Ok(()),
            IoctlResult::Int(value) => arg.place::<c_int>().put(value),
            IoctlResult::Long(value) => arg.place::<i64>().put(value),
            IoctlResult::FsXattr(fsxattr) => arg.place().put(fsxattr.to_bytes()),
        }
    })
}
