//! mkdir(2), mkdirat(2), mknod(2), mknodat(2), mkfifo(3), mkfifoat(3), symlink(2), symlinkat(2), bind(2).

use imfs::abi::{Dev, Errno, FileType, Result};
use libc::{c_char, c_int, dev_t, mode_t, sockaddr, socklen_t};

use crate::arguments::{Array, At, Int, Num, Perm, Pointer, RawMode, Text};

/// mkdir(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_mkdir(cage_id: c_int, path: *const c_char, mode: mode_t) -> c_int {
    call!(mkdir(cage_id, path: Text, mode: Perm) => |cage| cage.mkdir(path, mode))
}

/// mkdirat(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_mkdirat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    mode: mode_t,
) -> c_int {
    call!(mkdirat(cage_id, dirfd: At, path: Text, mode: Perm) => |cage| cage.mkdirat(dirfd, path, mode))
}

/// mknod(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_mknod(cage_id: c_int, path: *const c_char, mode: mode_t, dev: dev_t) -> c_int {
    call!(mknod(cage_id, path: Text, mode: RawMode, dev: Num<dev_t>) => |cage| {
        cage.mknod(path, mode, Dev::from_raw(dev))
    })
}

/// mknodat(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_mknodat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    mode: mode_t,
    dev: dev_t,
) -> c_int {
    call!(mknodat(cage_id, dirfd: At, path: Text, mode: RawMode, dev: Num<dev_t>) => |cage| {
        cage.mknodat(dirfd, path, mode, Dev::from_raw(dev))
    })
}

/// mkfifo(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_mkfifo(cage_id: c_int, path: *const c_char, mode: mode_t) -> c_int {
    call!(mkfifo(cage_id, path: Text, mode: Perm) => |cage| cage.mkfifo(path, mode))
}

/// mkfifoat(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_mkfifoat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    mode: mode_t,
) -> c_int {
    call!(mkfifoat(cage_id, dirfd: At, path: Text, mode: Perm) => |cage| {
        cage.mknodat(dirfd, path, FileType::Fifo.with(mode), Dev::default())
    })
}

/// symlink(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_symlink(
    cage_id: c_int,
    target: *const c_char,
    linkpath: *const c_char,
) -> c_int {
    call!(symlink(cage_id, target: Text, linkpath: Text) => |cage| cage.symlink(target, linkpath))
}

/// symlinkat(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_symlinkat(
    cage_id: c_int,
    target: *const c_char,
    newdirfd: c_int,
    linkpath: *const c_char,
) -> c_int {
    call!(symlinkat(cage_id, target: Text, newdirfd: At, linkpath: Text) => |cage| {
        cage.symlinkat(target, newdirfd, linkpath)
    })
}

/// bind(2) of a UNIX socket to a path: it makes the inode. There are no sockets in an IMFS, so `sockfd` is the caller's own
/// and is not looked at.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_bind(
    cage_id: c_int,
    sockfd: c_int,
    addr: *const sockaddr,
    addrlen: socklen_t,
) -> c_int {
    call!(bind(cage_id, sockfd: Int, addr: Array<sockaddr>, addrlen: Num<socklen_t>) => |cage| {
        let _ = sockfd;
        cage.bind(socket_path(addr, addrlen)?)
    })
}

/// The path in a `struct sockaddr_un` (`unix_validate_addr`).
///
/// # Errors
/// EFAULT. EINVAL: the length is none of such an address, or it has no path (an abstract name, or autobind).
/// EAFNOSUPPORT: it is one of another family.
fn socket_path(addr: Pointer, len: socklen_t) -> Result<Vec<u8>> {
    const PATH_AT: usize = std::mem::offset_of!(libc::sockaddr_un, sun_path);
    let len = len as usize;
    if len > size_of::<libc::sockaddr_un>() || len < PATH_AT {
        return Err(Errno::EINVAL);
    }
    let mut bytes = addr.memory(len).to_vec(len)?;
    if bytes[..PATH_AT] != libc::AF_UNIX.to_ne_bytes()[..PATH_AT] {
        return Err(Errno::EAFNOSUPPORT);
    }
    let path = bytes.split_off(PATH_AT);
    match path.split(|byte| *byte == 0).next() {
        None | Some([]) => Err(Errno::EINVAL),
        Some(path) => Ok(path.to_vec()),
    }
}
