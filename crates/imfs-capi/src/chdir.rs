//! chdir(2), fchdir(2), chroot(2), getcwd(3), umask(2).

use imfs::abi::Errno;
use libc::{c_char, c_int, mode_t, size_t};

use crate::arguments::{Int, Perm, Room, Size, Text};

/// chdir(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_chdir(cage_id: c_int, path: *const c_char) -> c_int {
    call!(chdir(cage_id, path: Text) => |cage| cage.chdir(path))
}

/// fchdir(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fchdir(cage_id: c_int, fd: c_int) -> c_int {
    call!(fchdir(cage_id, fd: Int) => |cage| cage.fchdir(fd))
}

/// chroot(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_chroot(cage_id: c_int, path: *const c_char) -> c_int {
    call!(chroot(cage_id, path: Text) => |cage| cage.chroot(path))
}

/// getcwd(3), POSIX's part of it: a NULL `buf` gives EINVAL, since what is allocated here could not be given to free(3).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_getcwd(cage_id: c_int, buf: *mut c_char, size: size_t) -> *mut c_char {
    let (start, buf) = (buf, buf.cast());
    call!(getcwd(cage_id, buf: Room, size: Size) => |cage| {
        if start.is_null() || size == 0 {
            return Err(Errno::EINVAL);
        }
        let mut path = cage.getcwd()?;
        path.push(0);
        if path.len() > size {
            return Err(Errno::ERANGE);
        }
        buf.memory(size).fill(&path)?;
        Ok(start)
    })
}

/// umask(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_umask(cage_id: c_int, mask: mode_t) -> mode_t {
    call!(umask(cage_id, mask: Perm) => |cage| Ok(cage.umask(mask).bits()))
}
