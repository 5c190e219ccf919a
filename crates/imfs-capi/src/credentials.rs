//! getuid(2), setuid(2), setresuid(2), setgroups(2), and their kin.

use imfs::abi::Errno;
use libc::{c_int, gid_t, size_t, uid_t};

use crate::arguments::{Array, Id, Int, Out, Size};

/// Calls that tell one id: they always succeed, in a cage that there is.
macro_rules! tell {
    ($name:ident, $cage_id:expr, $field:ident) => {{
        let cage_id = $cage_id;
        call!($name(cage_id) => |cage| cage.credentials().map(|who| who.$field))
    }};
}

/// getuid(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_getuid(cage_id: c_int) -> uid_t {
    tell!(getuid, cage_id, uid)
}

/// geteuid(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_geteuid(cage_id: c_int) -> uid_t {
    tell!(geteuid, cage_id, euid)
}

/// getgid(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_getgid(cage_id: c_int) -> gid_t {
    tell!(getgid, cage_id, gid)
}

/// getegid(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_getegid(cage_id: c_int) -> gid_t {
    tell!(getegid, cage_id, egid)
}

/// getresuid(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_getresuid(
    cage_id: c_int,
    ruid: *mut uid_t,
    euid: *mut uid_t,
    suid: *mut uid_t,
) -> c_int {
    call!(getresuid(cage_id, ruid: Out<uid_t>, euid: Out<uid_t>, suid: Out<uid_t>) => |cage| {
        let who = cage.credentials()?;
        ruid.put(who.uid)?;
        euid.put(who.euid)?;
        suid.put(who.suid)
    })
}

/// getresgid(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_getresgid(
    cage_id: c_int,
    rgid: *mut gid_t,
    egid: *mut gid_t,
    sgid: *mut gid_t,
) -> c_int {
    call!(getresgid(cage_id, rgid: Out<gid_t>, egid: Out<gid_t>, sgid: Out<gid_t>) => |cage| {
        let who = cage.credentials()?;
        rgid.put(who.gid)?;
        egid.put(who.egid)?;
        sgid.put(who.sgid)
    })
}

/// setuid(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_setuid(cage_id: c_int, uid: uid_t) -> c_int {
    call!(setuid(cage_id, uid: Id) => |cage| cage.setuid(uid))
}

/// setgid(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_setgid(cage_id: c_int, gid: gid_t) -> c_int {
    call!(setgid(cage_id, gid: Id) => |cage| cage.setgid(gid))
}

/// seteuid(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_seteuid(cage_id: c_int, euid: uid_t) -> c_int {
    call!(seteuid(cage_id, euid: Id) => |cage| {
        // As the C library does it.
        if euid == uid_t::MAX { Err(Errno::EINVAL) } else { cage.setresuid(uid_t::MAX, euid, uid_t::MAX) }
    })
}

/// setegid(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_setegid(cage_id: c_int, egid: gid_t) -> c_int {
    call!(setegid(cage_id, egid: Id) => |cage| {
        if egid == gid_t::MAX { Err(Errno::EINVAL) } else { cage.setresgid(gid_t::MAX, egid, gid_t::MAX) }
    })
}

/// setreuid(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_setreuid(cage_id: c_int, ruid: uid_t, euid: uid_t) -> c_int {
    call!(setreuid(cage_id, ruid: Id, euid: Id) => |cage| cage.setreuid(ruid, euid))
}

/// setregid(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_setregid(cage_id: c_int, rgid: gid_t, egid: gid_t) -> c_int {
    call!(setregid(cage_id, rgid: Id, egid: Id) => |cage| cage.setregid(rgid, egid))
}

/// setresuid(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_setresuid(cage_id: c_int, ruid: uid_t, euid: uid_t, suid: uid_t) -> c_int {
    call!(setresuid(cage_id, ruid: Id, euid: Id, suid: Id) => |cage| cage.setresuid(ruid, euid, suid))
}

/// setresgid(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_setresgid(cage_id: c_int, rgid: gid_t, egid: gid_t, sgid: gid_t) -> c_int {
    call!(setresgid(cage_id, rgid: Id, egid: Id, sgid: Id) => |cage| cage.setresgid(rgid, egid, sgid))
}

/// setfsuid(2): the old id, whether or not it could be changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_setfsuid(cage_id: c_int, fsuid: uid_t) -> c_int {
    call!(setfsuid(cage_id, fsuid: Id) => |cage| cage.setfsuid(fsuid).map(|old| old as c_int))
}

/// setfsgid(2): the old id, whether or not it could be changed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_setfsgid(cage_id: c_int, fsgid: gid_t) -> c_int {
    call!(setfsgid(cage_id, fsgid: Id) => |cage| cage.setfsgid(fsgid).map(|old| old as c_int))
}

/// getgroups(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_getgroups(cage_id: c_int, size: c_int, list: *mut gid_t) -> c_int {
    let list = list.cast_const();
    call!(getgroups(cage_id, size: Int, list: Array<gid_t>) => |cage| {
        let groups = cage.credentials()?.groups;
        let room = usize::try_from(size).map_err(|_| Errno::EINVAL)?;
        if room > 0 {
            if room < groups.len() {
                return Err(Errno::EINVAL);
            }
            let bytes: Vec<u8> = groups.iter().flat_map(|group| group.to_ne_bytes()).collect();
            list.memory(bytes.len()).fill(&bytes)?;
        }
        Ok(groups.len() as c_int)
    })
}

/// setgroups(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_setgroups(cage_id: c_int, size: size_t, list: *const gid_t) -> c_int {
    call!(setgroups(cage_id, size: Size, list: Array<gid_t>) => |cage| {
        /// `NGROUPS_MAX`
        const MOST: usize = 65536;
        if size > MOST {
            // Refused without a look at them: a count can be wild too.
            return cage.setgroups(&vec![0; MOST + 1]);
        }
        let bytes = size * size_of::<gid_t>();
        let groups: Vec<gid_t> = list
            .memory(bytes)
            .to_vec(bytes)?
            .chunks_exact(size_of::<gid_t>())
            .map(|one| gid_t::from_ne_bytes([one[0], one[1], one[2], one[3]]))
            .collect();
        cage.setgroups(&groups)
    })
}
