//! chmod(2), fchmod(2), fchmodat(2), chown(2), lchown(2), fchown(2), fchownat(2).

use libc::{c_char, c_int, gid_t, mode_t, uid_t};

use crate::arguments::{At, AtSet, Id, Int, Perm, Text};

/// chmod(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_chmod(cage_id: c_int, path: *const c_char, mode: mode_t) -> c_int {
    call!(chmod(cage_id, path: Text, mode: Perm) => |cage| cage.chmod(path, mode))
}

/// fchmod(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fchmod(cage_id: c_int, fd: c_int, mode: mode_t) -> c_int {
    call!(fchmod(cage_id, fd: Int, mode: Perm) => |cage| cage.fchmod(fd, mode))
}

/// fchmodat(2), with all flags of fchmodat2(2).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fchmodat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    mode: mode_t,
    flags: c_int,
) -> c_int {
    call!(fchmodat(cage_id, dirfd: At, path: Text, mode: Perm, flags: AtSet) => |cage| {
        cage.fchmodat(dirfd, path, mode, flags)
    })
}

/// chown(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_chown(
    cage_id: c_int,
    path: *const c_char,
    owner: uid_t,
    group: gid_t,
) -> c_int {
    call!(chown(cage_id, path: Text, owner: Id, group: Id) => |cage| cage.chown(path, owner, group))
}

/// lchown(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_lchown(
    cage_id: c_int,
    path: *const c_char,
    owner: uid_t,
    group: gid_t,
) -> c_int {
    call!(lchown(cage_id, path: Text, owner: Id, group: Id) => |cage| cage.lchown(path, owner, group))
}

/// fchown(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fchown(cage_id: c_int, fd: c_int, owner: uid_t, group: gid_t) -> c_int {
    call!(fchown(cage_id, fd: Int, owner: Id, group: Id) => |cage| cage.fchown(fd, owner, group))
}

/// fchownat(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fchownat(
    cage_id: c_int,
    dirfd: c_int,
    path: *const c_char,
    owner: uid_t,
    group: gid_t,
    flags: c_int,
) -> c_int {
    call!(fchownat(cage_id, dirfd: At, path: Text, owner: Id, group: Id, flags: AtSet) => |cage| {
        cage.fchownat(dirfd, path, owner, group, flags)
    })
}
