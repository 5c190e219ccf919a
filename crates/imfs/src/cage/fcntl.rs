//! fcntl(2) as one call, for doors that translate it; and those of its commands that stand nowhere else: who gets SIGIO,
//! leases, seals, hints, and questions about descriptors.

use super::Cage;
use super::description::Description;
use crate::abi::fcntl::*;
use crate::abi::{Errno, FOwnerEx, FdFlags, FileType, Flock, OFlags, Result};
use crate::inode::Inode;
use crate::sync::epoch::{self, Guard};
use crate::sync::refcount::Shared;

/// The third argument of fcntl(2), which depends on the command: a number, or memory of the caller, which the door copies
/// in before the call and out after it.
#[derive(Debug)]
pub enum FcntlArg<'a> {
    /// A number, or nothing: all commands that are not named below.
    Number(u64),
    /// `F_GETLK`, `F_SETLK`, `F_SETLKW` and those with `OFD`.
    Lock(&'a mut Flock),
    /// `F_GETOWN_EX` and `F_SETOWN_EX`.
    Owner(&'a mut FOwnerEx),
    /// `F_GET_RW_HINT` and `F_SET_RW_HINT`.
    Hint(&'a mut u64),
}

impl<'a> FcntlArg<'a> {
    fn number(&self) -> Result<u64> {
        if let FcntlArg::Number(number) = self { Ok(*number) } else { Err(Errno::EFAULT) }
    }

    fn int(&self) -> Result<i32> {
        // The kernel takes the lower half too.
        self.number().map(|number| number as i32)
    }

    fn lock(self) -> Result<&'a mut Flock> {
        if let FcntlArg::Lock(lock) = self { Ok(lock) } else { Err(Errno::EFAULT) }
    }

    fn owner(self) -> Result<&'a mut FOwnerEx> {
        if let FcntlArg::Owner(owner) = self { Ok(owner) } else { Err(Errno::EFAULT) }
    }

    fn hint(self) -> Result<&'a mut u64> {
        if let FcntlArg::Hint(hint) = self { Ok(hint) } else { Err(Errno::EFAULT) }
    }
}

/// The last signal (`_NSIG`).
const LAST_SIGNAL: u64 = 64;
/// `F_SEAL_SEAL`: no seal can be added. All files of a tmpfs have it.
const SEAL_SEAL: i32 = 1;
/// `F_ALL_SEALS`
const ALL_SEALS: u64 = 0x3f;
/// `DN_MULTISHOT`: alone it asks for nothing.
const DN_MULTISHOT: u64 = 1 << 31;

impl Cage {
    /// fcntl(2), all commands. Returns what the call does; for those without a result 0.
    ///
    /// # Errors
    /// EBADF, and EINVAL for an unknown command; EFAULT: not the argument that the command takes; and those of the
    /// command: see [`dupfd`](Self::dupfd), [`setfl`](Self::setfl), [`setlk`](Self::setlk),
    /// [`setpipe_sz`](Self::setpipe_sz).
    pub fn fcntl(&self, fd: i32, command: i32, arg: FcntlArg<'_>) -> Result<i32> {
        if !allowed_by_path(command) {
            self.really_open(fd)?;
        }
        let mut result = 0;
        match command {
            F_DUPFD => result = self.dupfd(fd, arg.int()?, false)?,
            F_DUPFD_CLOEXEC => result = self.dupfd(fd, arg.int()?, true)?,
            F_DUPFD_QUERY => result = self.dupfd_query(fd, arg.int()?)?.into(),
            F_CREATED_QUERY => result = self.created_query(fd)?.into(),
            F_GETFD => result = self.getfd(fd)?.bits() as i32,
            F_SETFD => self.setfd(fd, FdFlags::from_bits_retain(arg.int()? as u32))?,
            F_GETFL => result = self.getfl(fd)?.bits() as i32,
            F_SETFL => self.setfl(fd, OFlags::from_bits_retain(arg.int()? as u32))?,
            F_GETLK | F_OFD_GETLK => self.getlk(fd, command, arg.lock()?)?,
            F_SETLK | F_SETLKW | F_OFD_SETLK | F_OFD_SETLKW => self.setlk(fd, command, arg.lock()?)?,
            F_GETPIPE_SZ => result = self.getpipe_sz(fd)? as i32,
            F_SETPIPE_SZ => result = self.setpipe_sz(fd, arg.int()? as u32)? as i32,
            _ => return self.fcntl_on_file(fd, command, arg),
        }
        Ok(result)
    }

    /// `F_DUPFD_QUERY` of fcntl(2): whether both descriptors stand for one description.
    ///
    /// # Errors
    /// EBADF
    pub fn dupfd_query(&self, fd: i32, other: i32) -> Result<bool> {
        let guard = epoch::pin();
        Ok(self.table.get(fd, &guard)?.same(self.table.get(other, &guard)?))
    }

    /// `F_CREATED_QUERY` of fcntl(2): whether open(2) made the file.
    ///
    /// # Errors
    /// EBADF
    pub fn created_query(&self, fd: i32) -> Result<bool> {
        let guard = epoch::pin();
        Ok(self.table.get(fd, &guard)?.is_created())
    }

    /// The commands about an open file and its description.
    fn fcntl_on_file(&self, fd: i32, command: i32, arg: FcntlArg<'_>) -> Result<i32> {
        let guard = epoch::pin();
        let description = self.table.get(fd, &guard)?.get();
        let inode = description.opened(&guard)?;
        match command {
            F_GETOWN => return Ok(description.owner().as_number()),
            F_SETOWN => description.set_owner(FOwnerEx::from_number(arg.int()?).ok_or(Errno::EINVAL)?),
            F_GETOWN_EX => *arg.owner()? = description.owner(),
            F_SETOWN_EX => {
                let owner = *arg.owner()?;
                if !matches!(owner.kind, FOwnerEx::TID | FOwnerEx::PID | FOwnerEx::PGRP) {
                    return Err(Errno::EINVAL);
                }
                description.set_owner(owner);
            }
            F_GETSIG => return Ok(description.signal()),
            F_SETSIG => {
                let signal = Some(arg.number()?).filter(|&signal| signal <= LAST_SIGNAL);
                description.set_signal(signal.ok_or(Errno::EINVAL)? as i32);
            }
            F_GET_RW_HINT => *arg.hint()? = inode.write_hint(),
            F_SET_RW_HINT => inode.set_write_hint(*arg.hint()?, self.cred(&guard)?)?,
            F_GET_SEALS | F_ADD_SEALS => return seals(description, inode, command, &arg),
            F_GETLEASE => return Ok(F_UNLCK.into()),
            F_SETLEASE => return set_lease(inode, arg.int()?),
            F_NOTIFY if arg.number()? & !DN_MULTISHOT & 0xffff_ffff == 0 => {}
            F_NOTIFY if !inode.is_dir() => return Err(Errno::ENOTDIR),
            // Directory notifications (F_NOTIFY) there are not, as in a kernel built without them.
            _ => return Err(Errno::EINVAL),
        }
        Ok(0)
    }

    /// # Errors
    /// EBADF: not open, or opened with O_PATH.
    fn really_open(&self, fd: i32) -> Result<()> {
        let guard: Guard = epoch::pin();
        self.table.get(fd, &guard)?.opened(&guard).map(drop)
    }
}

/// `check_fcntl_cmd`: the commands that a descriptor of O_PATH, or a foreign one, knows.
fn allowed_by_path(command: i32) -> bool {
    matches!(
        command,
        F_CREATED_QUERY | F_DUPFD | F_DUPFD_CLOEXEC | F_DUPFD_QUERY | F_GETFD | F_SETFD | F_GETFL
    )
}

/// `memfd_fcntl`, as a file of a tmpfs answers it.
fn seals(
    description: &Description,
    inode: Shared<'_, Inode>,
    command: i32,
    arg: &FcntlArg<'_>,
) -> Result<i32> {
    let has_seals = inode.file_type() == FileType::Regular;
    if command == F_GET_SEALS {
        return if has_seals { Ok(SEAL_SEAL) } else { Err(Errno::EINVAL) };
    }
    let known = arg.number()? & !ALL_SEALS & 0xffff_ffff == 0;
    Err(if description.flags().writable() && !(known && has_seals) { Errno::EINVAL } else { Errno::EPERM })
}

/// There are no leases: none to be had (as where a file system's `setlease` is `simple_nosetlease`), and so none to give up.
fn set_lease(inode: Shared<'_, Inode>, kind: i32) -> Result<i32> {
    let unlock = kind == i32::from(F_UNLCK) && inode.file_type() == FileType::Regular;
    Err(if unlock { Errno::EAGAIN } else { Errno::EINVAL })
}
