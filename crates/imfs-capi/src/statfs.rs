//! statfs(2), fstatfs(2), statvfs(3), fstatvfs(3), sync(2), syncfs(2), fsync(2), fdatasync(2).

use imfs::abi::Statfs;
use libc::{c_char, c_int, c_ulong, statfs, statvfs};

use crate::arguments::{Int, Out, Text};

/// statfs(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_statfs(cage_id: c_int, path: *const c_char, buf: *mut statfs) -> c_int {
    call!(statfs(cage_id, path: Text, buf: Out<statfs>) => |cage| buf.put_bytes(&cage.statfs(path)?.encode()))
}

/// fstatfs(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fstatfs(cage_id: c_int, fd: c_int, buf: *mut statfs) -> c_int {
    call!(fstatfs(cage_id, fd: Int, buf: Out<statfs>) => |cage| buf.put_bytes(&cage.fstatfs(fd)?.encode()))
}

/// statvfs(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_statvfs(cage_id: c_int, path: *const c_char, buf: *mut statvfs) -> c_int {
    call!(statvfs(cage_id, path: Text, buf: Out<statvfs>) => |cage| buf.put(as_statvfs(&cage.statfs(path)?)))
}

/// fstatvfs(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fstatvfs(cage_id: c_int, fd: c_int, buf: *mut statvfs) -> c_int {
    call!(fstatvfs(cage_id, fd: Int, buf: Out<statvfs>) => |cage| buf.put(as_statvfs(&cage.fstatfs(fd)?)))
}

fn as_statvfs(from: &Statfs) -> statvfs {
    /// The C library does not show this flag of the kernel's.
    const ST_VALID: c_ulong = 0x20;
    // SAFETY: a structure of numbers, which may be zero; some fields have no name.
    let mut to: statvfs = unsafe { std::mem::zeroed() };
    to.f_bsize = from.bsize as c_ulong;
    to.f_frsize = from.frsize as c_ulong;
    to.f_blocks = from.blocks;
    to.f_bfree = from.bfree;
    to.f_bavail = from.bavail;
    to.f_files = from.files;
    to.f_ffree = from.ffree;
    to.f_favail = from.ffree;
    to.f_fsid = u64::from(from.fsid[0] as u32) | u64::from(from.fsid[1] as u32) << 32;
    to.f_flag = from.flags as c_ulong & !ST_VALID;
    to.f_namemax = from.namelen as c_ulong;
    to
}

/// sync(2): nothing is ever behind.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_sync(cage_id: c_int) {
    let _: c_int = call!(sync(cage_id) => |cage| {
        cage.sync();
        Ok(())
    });
}

/// syncfs(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_syncfs(cage_id: c_int, fd: c_int) -> c_int {
    call!(syncfs(cage_id, fd: Int) => |cage| cage.syncfs(fd))
}

/// fsync(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fsync(cage_id: c_int, fd: c_int) -> c_int {
    call!(fsync(cage_id, fd: Int) => |cage| cage.fsync(fd))
}

/// fdatasync(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fdatasync(cage_id: c_int, fd: c_int) -> c_int {
    call!(fdatasync(cage_id, fd: Int) => |cage| cage.fdatasync(fd))
}
