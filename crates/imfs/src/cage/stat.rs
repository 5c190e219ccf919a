//! stat(2), lstat(2), fstat(2), fstatat(2), statx(2).

use super::Cage;
use crate::abi::{AtFlags, Errno, PAGE_SIZE, Result, Stat, Statx, StatxAttr, StatxMask, Timespec};
use crate::inode::{Inode, PIPE_DEV};
use crate::sync::epoch::{self, Guard};
use crate::sync::refcount::Shared;

/// The attributes that are flags of the file: those of ioctl_iflags(2), with the same values.
const FILE_ATTRIBUTES: StatxAttr = StatxAttr::IMMUTABLE.union(StatxAttr::APPEND).union(StatxAttr::NODUMP);
/// `st_blksize`.
const BLKSIZE: u32 = PAGE_SIZE as u32;

impl Cage {
    /// The attributes of what `path` leads to.
    ///
    /// # Errors
    /// EACCES, ELOOP, ENAMETOOLONG, ENOENT, ENOTDIR
    #[inline]
    pub fn stat(&self, path: impl AsRef<[u8]>) -> Result<Stat> {
        let guard = epoch::pin();
        Ok(stat_of(self.walk(&guard)?.find(path.as_ref(), true)?.get()))
    }

    /// The attributes of `path`, of a symbolic link itself.
    ///
    /// # Errors
    /// As [`stat`](Self::stat)
    pub fn lstat(&self, path: impl AsRef<[u8]>) -> Result<Stat> {
        let guard = epoch::pin();
        Ok(stat_of(self.walk(&guard)?.find(path.as_ref(), false)?.get()))
    }

    /// The attributes of an open file.
    ///
    /// # Errors
    /// EBADF
    #[inline]
    pub fn fstat(&self, fd: i32) -> Result<Stat> {
        let guard = epoch::pin();
        Ok(stat_of(self.table.get(fd, &guard)?.inode(&guard)?.get()))
    }

    /// The attributes of `path` relative to a directory; `AT_SYMLINK_NOFOLLOW`, `AT_EMPTY_PATH`, `AT_NO_AUTOMOUNT`.
    ///
    /// # Errors
    /// As [`stat`](Self::stat); EBADF; EINVAL: unknown flags.
    pub fn fstatat(&self, dirfd: i32, path: impl AsRef<[u8]>, flags: AtFlags) -> Result<Stat> {
        let guard = epoch::pin();
        Ok(stat_of(&*self.find_for_stat(dirfd, path.as_ref(), flags, &guard)?))
    }

    /// The attributes with the time of birth, the mount and more: statx(2). Of what is known only the time
    /// of birth has to be asked for, as on tmpfs.
    ///
    /// # Errors
    /// As [`fstatat`](Self::fstatat); EINVAL: the reserved bit of `mask`, or both flags of `AT_STATX_SYNC_TYPE`.
    pub fn statx(
        &self,
        dirfd: i32,
        path: impl AsRef<[u8]>,
        flags: AtFlags,
        mask: StatxMask,
    ) -> Result<Statx> {
        if mask.contains(StatxMask::RESERVED) || flags.contains(AtFlags::STATX_SYNC_TYPE) {
            return Err(Errno::EINVAL);
        }
        let guard = epoch::pin();
        let inode = self.find_for_stat(dirfd, path.as_ref(), flags - AtFlags::STATX_SYNC_TYPE, &guard)?;
        let mut statx = statx_of(&inode);
        if inode.is_dir() && inode.directory()?.parent(&guard).is_none() {
            statx.attributes |= StatxAttr::MOUNT_ROOT;
        }
        if !mask.contains(StatxMask::BTIME) || inode.dev() == PIPE_DEV {
            statx.mask -= StatxMask::BTIME;
            statx.btime = Timespec::default();
        }
        if mask.contains(StatxMask::MNT_ID_UNIQUE) {
            statx.mask = (statx.mask - StatxMask::MNT_ID) | StatxMask::MNT_ID_UNIQUE;
        }
        Ok(statx)
    }

    fn find_for_stat<'g>(
        &'g self,
        dirfd: i32,
        path: &'g [u8],
        flags: AtFlags,
        guard: &'g Guard,
    ) -> Result<Shared<'g, Inode>> {
        let known = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::EMPTY_PATH;
        // A descriptor alone is looked at as fstat(2) does, without a look at the other flags (`vfs_fstatat`).
        let alone = path.is_empty() && flags.contains(AtFlags::EMPTY_PATH) && dirfd >= 0;
        if !alone && !(flags - known).is_empty() {
            return Err(Errno::EINVAL);
        }
        let follow = !flags.contains(AtFlags::SYMLINK_NOFOLLOW);
        self.find_at(dirfd, path, follow, flags.contains(AtFlags::EMPTY_PATH), guard)
    }
}

/// The attributes of an inode as stat(2) shows them.
#[inline]
pub(super) fn stat_of(inode: &Inode) -> Stat {
    let attr = inode.settled_attr();
    Stat {
        dev: inode.dev(),
        ino: inode.ino(),
        nlink: u64::from(attr.nlink),
        mode: attr.mode,
        uid: attr.uid,
        gid: attr.gid,
        rdev: inode.rdev(),
        size: attr.size as i64,
        blksize: i64::from(BLKSIZE),
        blocks: attr.blocks as i64,
        atime: attr.atime,
        mtime: attr.mtime,
        ctime: attr.ctime,
    }
}

fn statx_of(inode: &Inode) -> Statx {
    let attr = inode.settled_attr();
    Statx {
        mask: StatxMask::BASIC_STATS | StatxMask::BTIME | StatxMask::MNT_ID,
        blksize: BLKSIZE,
        attributes: StatxAttr::from_bits_retain(inode.file_flags().into()) & FILE_ATTRIBUTES,
        attributes_mask: StatxAttr::MOUNT_ROOT | FILE_ATTRIBUTES,
        nlink: attr.nlink,
        uid: attr.uid,
        gid: attr.gid,
        mode: attr.mode as u16,
        ino: inode.ino(),
        size: attr.size,
        blocks: attr.blocks,
        atime: attr.atime,
        btime: attr.btime,
        ctime: attr.ctime,
        mtime: attr.mtime,
        rdev: inode.rdev(),
        dev: inode.dev(),
        mnt_id: u64::from(inode.dev().minor()),
        dio_mem_align: 0,
        dio_offset_align: 0,
    }
}
