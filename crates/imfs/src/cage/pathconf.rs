//! pathconf(3), fpathconf(3): what glibc answers for a file on a tmpfs.

use super::Cage;
use crate::abi::limits::*;
use crate::abi::{Errno, FileType, Result};
use crate::sync::epoch;

/// `LINUX_LINK_MAX`, what glibc says of file systems that it does not know.
const LINUX_LINK_MAX: i64 = 127;
/// `_PC_SOCK_MAXBUF`, which glibc does not know on Linux.
const PC_SOCK_MAXBUF: i32 = 12;
/// `_POSIX_CHOWN_RESTRICTED`, `_POSIX_NO_TRUNC`: yes.
const YES: Option<i64> = Some(1);
/// `MAX_CANON`, `MAX_INPUT`.
const TERMINAL_LINE: i64 = 255;

/// Where the value of a name comes from.
enum Value {
    /// It is the same for all files, and the file is not even looked at.
    Fixed(Option<i64>),
    /// It is the same for all files of the file system.
    OfFileSystem(i64),
    /// Regular files and block devices have it.
    AsyncIo,
}

impl Value {
    /// # Errors
    /// EINVAL: no such name.
    fn of(name: i32) -> Result<Self> {
        Ok(match name {
            PC_LINK_MAX => Value::OfFileSystem(LINUX_LINK_MAX),
            PC_MAX_CANON | PC_MAX_INPUT => Value::Fixed(Some(TERMINAL_LINE)),
            PC_NAME_MAX => Value::OfFileSystem(NAME_MAX as i64),
            PC_PATH_MAX => Value::Fixed(Some(PATH_MAX as i64)),
            PC_PIPE_BUF => Value::Fixed(Some(PIPE_BUF as i64)),
            PC_CHOWN_RESTRICTED | PC_2_SYMLINKS => Value::OfFileSystem(1),
            PC_NO_TRUNC => Value::Fixed(YES),
            PC_VDISABLE => Value::Fixed(Some(0)),
            PC_ASYNC_IO => Value::AsyncIo,
            PC_FILESIZEBITS => Value::OfFileSystem(32),
            PC_REC_MIN_XFER_SIZE | PC_REC_XFER_ALIGN | PC_ALLOC_SIZE_MIN => {
                Value::OfFileSystem(PAGE_SIZE as i64)
            }
            PC_SYNC_IO
            | PC_PRIO_IO
            | PC_SOCK_MAXBUF
            | PC_REC_INCR_XFER_SIZE
            | PC_REC_MAX_XFER_SIZE
            | PC_SYMLINK_MAX => Value::Fixed(None),
            _ => return Err(Errno::EINVAL),
        })
    }

    fn answer(self, file: impl FnOnce() -> Result<FileType>) -> Result<Option<i64>> {
        match self {
            Value::Fixed(value) => Ok(value),
            Value::OfFileSystem(value) => file().map(|_| Some(value)),
            Value::AsyncIo => Ok(matches!(file()?, FileType::Regular | FileType::BlockDevice).then_some(1)),
        }
    }
}

impl Cage {
    /// The value of a limit or option (`_PC_*`) for the file; `None` if there is no limit, or no such option.
    ///
    /// # Errors
    /// EINVAL: no such name. For names whose value depends on the file: EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
    pub fn pathconf(&self, path: impl AsRef<[u8]>, name: i32) -> Result<Option<i64>> {
        let path = path.as_ref();
        if path.is_empty() {
            return Err(Errno::ENOENT);
        }
        Value::of(name)?.answer(|| {
            let guard = epoch::pin();
            Ok(self.walk(&guard)?.find(path, true)?.file_type())
        })
    }

    /// The same for an open file.
    ///
    /// # Errors
    /// EINVAL: no such name. EBADF: a negative descriptor, or one that is not open if the value depends on it.
    pub fn fpathconf(&self, fd: i32, name: i32) -> Result<Option<i64>> {
        if fd < 0 {
            return Err(Errno::EBADF);
        }
        Value::of(name)?.answer(|| {
            let guard = epoch::pin();
            Ok(self.table.get(fd, &guard)?.inode(&guard)?.file_type())
        })
    }
}
