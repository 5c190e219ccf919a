//! The flags that FS_IOC_GETFLAGS and FS_IOC_SETFLAGS of ioctl(2) know on a tmpfs (ioctl_iflags(2); fs/file_attr.c,
//! mm/shmem.c), and the hint of F_SET_RW_HINT (fcntl(2)).

use super::attributes::{
    APPEND_ONLY, FILE_FLAGS, FILE_FLAGS_SHIFT, IMMUTABLE, Stamp, WRITE_HINT, WRITE_HINT_SHIFT,
};
use super::permission::owner_or_capable;
use super::{Capabilities, Credentials, Inode, Object};
use crate::abi::{Errno, FsXattr, Result};

/// `WRITE_LIFE_EXTREME`, the last of the hints.
const LAST_HINT: u64 = 5;

impl Inode {
    /// The flags (`FS_IMMUTABLE_FL` and its kin).
    ///
    /// # Errors
    /// ENOTTY: neither a regular file nor a directory.
    pub fn fileattr(&self) -> Result<u32> {
        if !matches!(self.object, Object::Regular(_) | Object::Directory(_)) {
            return Err(Errno::ENOTTY);
        }
        Ok(self.file_flags())
    }

    /// The flags of anything.
    pub(crate) fn file_flags(&self) -> u32 {
        (self.attributes.owner().flags & FILE_FLAGS) >> FILE_FLAGS_SHIFT
    }

    /// Sets all flags (FS_IOC_SETFLAGS).
    ///
    /// # Errors
    /// ENOTTY: neither a regular file nor a directory. EPERM: not the owner, or append-only or immutable changes
    /// without `CAP_LINUX_IMMUTABLE`. EOPNOTSUPP: other flags than immutable, append-only, nodump and noatime.
    pub fn set_fileattr(&self, flags: u32, cred: &Credentials) -> Result<()> {
        self.change_fileattr(flags, Ok(()), cred)
    }

    /// Sets all flags, and nothing else that there is in the structure (FS_IOC_FSSETXATTR).
    ///
    /// # Errors
    /// As [`set_fileattr`](Self::set_fileattr), and those of [`FsXattr::check_others`].
    pub fn set_fsxattr(&self, asked: &FsXattr, cred: &Credentials) -> Result<()> {
        self.change_fileattr(asked.flags(), asked.check_others(self.file_type()), cred)
    }

    /// `others` is what comes of what is asked besides the flags.
    fn change_fileattr(&self, flags: u32, others: Result<()>, cred: &Credentials) -> Result<()> {
        let old = self.fileattr()?;
        if !owner_or_capable(self.attributes.owner().uid, cred) {
            return Err(Errno::EPERM);
        }
        let known = FILE_FLAGS >> FILE_FLAGS_SHIFT;
        let privileged = (IMMUTABLE | APPEND_ONLY) >> FILE_FLAGS_SHIFT;
        if (old ^ flags) & privileged != 0 && !cred.capable(Capabilities::LINUX_IMMUTABLE) {
            return Err(Errno::EPERM);
        }
        others?;
        if flags & !known != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        let now = self.sb.now();
        self.attributes.change(|a| {
            a.set_flags(FILE_FLAGS, flags << FILE_FLAGS_SHIFT);
            a.set(Stamp::Change, now);
        });
        Ok(())
    }

    /// Whether it may only grow (`IS_APPEND`).
    pub(crate) fn append_only(&self) -> bool {
        self.attributes.has(APPEND_ONLY)
    }

    /// Whether nobody may change it (`IS_IMMUTABLE`).
    pub(crate) fn immutable(&self) -> bool {
        self.attributes.has(IMMUTABLE)
    }

    /// How long what is written to it is expected to live (F_GET_RW_HINT).
    pub fn write_hint(&self) -> u64 {
        u64::from((self.attributes.owner().flags & WRITE_HINT) >> WRITE_HINT_SHIFT)
    }

    /// F_SET_RW_HINT.
    ///
    /// # Errors
    /// EPERM: not the owner. EINVAL: no such hint.
    pub fn set_write_hint(&self, hint: u64, cred: &Credentials) -> Result<()> {
        if !owner_or_capable(self.attributes.owner().uid, cred) {
            return Err(Errno::EPERM);
        }
        if hint > LAST_HINT {
            return Err(Errno::EINVAL);
        }
        self.attributes.change(|a| a.set_flags(WRITE_HINT, (hint as u32) << WRITE_HINT_SHIFT));
        Ok(())
    }
}
