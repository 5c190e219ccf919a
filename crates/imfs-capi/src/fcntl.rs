//! fcntl(2), in two forms, since C cannot say at once "an int or a pointer"; and flock(2).

use imfs::Cage;
use imfs::abi::fcntl::{
    F_GET_FILE_RW_HINT, F_GET_RW_HINT, F_GETLK, F_GETOWN_EX, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW,
    F_SET_FILE_RW_HINT, F_SET_RW_HINT, F_SETLK, F_SETLKW, F_SETOWN_EX,
};
use imfs::abi::{FOwnerEx, Flock, Result};
use imfs::cage::FcntlArg;
use libc::{c_int, c_void, flock};

use crate::arguments::{Any, FlockSet, Int, Pointer};

/// fcntl(2) with an int. Operations that need a pointer give EFAULT here: they are for `imfs_fcntl_ptr`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fcntl(cage_id: c_int, fd: c_int, op: c_int, arg: c_int) -> c_int {
    call!(wait fcntl(cage_id, fd: Int, op: Int, arg: Int) => |cage| {
        cage.fcntl(fd, op, FcntlArg::Number(arg as u64))
    })
}

/// fcntl(2) with whatever the operation takes: a pointer, or an int made one (`(void *)(intptr_t)n`).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fcntl_ptr(cage_id: c_int, fd: c_int, op: c_int, arg: *mut c_void) -> c_int {
    call!(wait fcntl_ptr(cage_id, fd: Int, op: Int, arg: Any) => |cage| with_pointer(cage, fd, op, arg))
}

fn with_pointer(cage: &Cage, fd: c_int, op: c_int, arg: Pointer) -> Result<c_int> {
    // As in the kernel, a bad descriptor is noticed before a bad pointer.
    cage.getfd(fd)?;
    match op {
        F_GETLK | F_SETLK | F_SETLKW | F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW => {
            let place = arg.place::<flock>();
            let mut raw = place.get()?;
            let mut lock = Flock {
                kind: raw.l_type,
                whence: raw.l_whence,
                start: raw.l_start,
                len: raw.l_len,
                pid: raw.l_pid,
            };
            let result = cage.fcntl(fd, op, FcntlArg::Lock(&mut lock))?;
            if matches!(op, F_GETLK | F_OFD_GETLK) {
                (raw.l_type, raw.l_whence, raw.l_start) = (lock.kind, lock.whence, lock.start);
                (raw.l_len, raw.l_pid) = (lock.len, lock.pid);
                place.put(raw)?;
            }
            Ok(result)
        }
        F_GETOWN_EX | F_SETOWN_EX => {
            let place = arg.place::<[c_int; 2]>();
            let [kind, pid] = if op == F_SETOWN_EX { place.get()? } else { [0; 2] };
            let mut owner = FOwnerEx { kind, pid };
            let result = cage.fcntl(fd, op, FcntlArg::Owner(&mut owner))?;
            if op == F_GETOWN_EX {
                place.put([owner.kind, owner.pid])?;
            }
            Ok(result)
        }
        F_GET_RW_HINT | F_SET_RW_HINT | F_GET_FILE_RW_HINT | F_SET_FILE_RW_HINT => {
            let place = arg.place::<u64>();
            let sets = matches!(op, F_SET_RW_HINT | F_SET_FILE_RW_HINT);
            let mut hint = if sets { place.get()? } else { 0 };
            let result = cage.fcntl(fd, op, FcntlArg::Hint(&mut hint))?;
            if !sets {
                place.put(hint)?;
            }
            Ok(result)
        }
        _ => cage.fcntl(fd, op, FcntlArg::Number(arg.address() as u64)),
    }
}

/// flock(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_flock(cage_id: c_int, fd: c_int, operation: c_int) -> c_int {
    call!(wait flock(cage_id, fd: Int, operation: FlockSet) => |cage| cage.flock(fd, operation))
}
