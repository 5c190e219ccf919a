//! readlink(2), readlinkat(2).

use super::Cage;
use crate::abi::{AT_FDCWD, Errno, Result};
use crate::sync::epoch;

impl Cage {
    /// Copies where a symbolic link points to, without a NUL and cut to the buffer, and returns how many bytes it was.
    ///
    /// # Errors
    /// EACCES, EINVAL (not a symbolic link; an empty buffer), ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
    pub fn readlink(&self, path: impl AsRef<[u8]>, buf: &mut [u8]) -> Result<usize> {
        self.readlinkat(AT_FDCWD, path, buf)
    }

    /// The same relative to a directory; an empty path means a link that was itself opened with O_PATH and O_NOFOLLOW.
    ///
    /// # Errors
    /// As [`readlink`](Self::readlink); EBADF; ENOENT: an empty path and not a symbolic link.
    pub fn readlinkat(&self, dirfd: i32, path: impl AsRef<[u8]>, buf: &mut [u8]) -> Result<usize> {
        if buf.is_empty() {
            return Err(Errno::EINVAL);
        }
        let guard = epoch::pin();
        let path = path.as_ref();
        let inode = self.find_at(dirfd, path, false, true, &guard)?;
        let error = if path.is_empty() { Errno::ENOENT } else { Errno::EINVAL };
        let target = inode.get().symlink().ok_or(error)?;
        inode.touch_atime();
        let len = target.len().min(buf.len());
        buf[..len].copy_from_slice(&target[..len]);
        Ok(len)
    }
}
