//! Calls about descriptors themselves.

use imfs::abi::fcntl::*;
use imfs::abi::ioctl as request;
use imfs::abi::{
    CloseRangeFlags, Errno, FOwnerEx, FdFlags, FileCloneRange, FlockOp, FsXattr, OFlags, Result,
};
use imfs::cage::{FcntlArg, IoctlArg, IoctlResult};

use crate::call::{Call, Raw, calls};
use crate::memory::Place;
use crate::{foreign, layout, process};

calls! {
    3 close(fd: Fd) |c| foreign::close(c, fd);
    436 close_range(first: Word, last: Word, flags: Word) |c| close_range(c, first, last, flags);
    32 dup(fd: Fd) |c| dup(c, fd);
    33 dup2(old: Int, new: Int) |c| dup2(c, old, new, None);
    292 dup3(old: Int, new: Int, flags: Open) |c| dup2(c, old, new, Some(flags));
    #[wait_lock] 72 fcntl(fd: Fd, command: Int, arg: Struct) |c| fcntl(c, fd, command, arg);
    #[wait_lock] 73 flock(fd: Fd, operation: Word) |c| c.cage().flock(fd, FlockOp::from_bits_retain(operation));
    16 ioctl(fd: Fd, request: Word, arg: Struct) |c| ioctl(c, fd, request, arg);
    22 pipe(ends: Struct) |c| pipe(c, ends, OFlags::empty());
    293 pipe2(ends: Struct, flags: Open) |c| pipe(c, ends, flags);
    #[wait] 41 socket(_domain: Int, kind: Word, _protocol: Int) |c| foreign::create(c, kind & CLOEXEC != 0);
    #[wait] 53 socketpair(_domain: Int, kind: Word, _protocol: Int, ends: Struct) |c|
        foreign::create_pair(c, kind & CLOEXEC != 0, ends);
    #[wait_in] 43 accept(_fd: Int, _address: Struct, _len: Struct) |c| foreign::create(c, false);
    #[wait_in] 288 accept4(_fd: Int, _address: Struct, _len: Struct, flags: Word) |c|
        foreign::create(c, flags & CLOEXEC != 0);
    #[wait] 213 epoll_create(_size: Int) |c| foreign::create(c, false);
    #[wait] 291 epoll_create1(flags: Word) |c| foreign::create(c, flags & CLOEXEC != 0);
    #[wait] 284 eventfd(_value: Word) |c| foreign::create(c, false);
    #[wait] 290 eventfd2(_value: Word, flags: Word) |c| foreign::create(c, flags & CLOEXEC != 0);
}

/// SOCK_CLOEXEC, EPOLL_CLOEXEC and EFD_CLOEXEC are O_CLOEXEC.
const CLOEXEC: u32 = OFlags::CLOEXEC.bits();

fn dup(call: &Call<'_>, fd: i32) -> Result<i32> {
    match call.cage().foreign(fd)? {
        Some(_) => foreign::duplicate(call, fd, 0, false),
        None => call.cage().dup(fd),
    }
}

fn dup2(call: &Call<'_>, old: i32, new: i32, flags: Option<OFlags>) -> Result<i32> {
    let cage = call.cage();
    let is_foreign = |fd| foreign::is_foreign(cage, fd);
    if old != new && (is_foreign(old) || is_foreign(new)) {
        let cloexec = flags.is_some_and(|flags| flags.contains(OFlags::CLOEXEC));
        if flags.is_some_and(|flags| !(flags - OFlags::CLOEXEC).is_empty()) {
            return Err(Errno::EINVAL);
        }
        return foreign::replace(call, old, new, cloexec);
    }
    match flags {
        Some(flags) => cage.dup3(old, new, flags),
        None => cage.dup2(old, new),
    }
}

fn close_range(call: &Call<'_>, first: u32, last: u32, flags: u32) -> Result<()> {
    let flags = CloseRangeFlags::from_bits_retain(flags);
    let foreign = foreign::in_range(call.cage(), first, last);
    call.cage().close_range(first, last, flags)?;
    foreign::close_all(call.caller(), &foreign, flags.contains(CloseRangeFlags::CLOEXEC));
    Ok(())
}

fn pipe(call: &Call<'_>, to: Place, flags: OFlags) -> Result<()> {
    let cage = call.cage();
    let ends = cage.pipe2(flags)?;
    let bytes = ends.map(i32::to_le_bytes);
    to.put(bytes.as_flattened()).inspect_err(|_| {
        for end in ends {
            let _ = cage.close(end);
        }
    })
}

/// The commands with locks of 64 bits that libcs for 32-bit machines have.
const F_GETLK64: i32 = 12;
const F_SETLK64: i32 = 13;
const F_SETLKW64: i32 = 14;

fn fcntl(call: &Call<'_>, fd: i32, command: i32, arg: Place) -> Result<Raw> {
    if call.cage().foreign(fd)?.is_some() {
        return fcntl_foreign(call, fd, command, arg).map(Raw);
    }
    let cage = call.cage();
    let command = match command {
        F_GETLK64 => F_GETLK,
        F_SETLK64 => F_SETLK,
        F_SETLKW64 => F_SETLKW,
        command => command,
    };
    let result = match command {
        F_GETLK | F_SETLK | F_SETLKW | F_OFD_GETLK | F_OFD_SETLK | F_OFD_SETLKW => {
            let mut lock = layout::read_flock(&arg.get()?);
            let result = cage.fcntl(fd, command, FcntlArg::Lock(&mut lock))?;
            if matches!(command, F_GETLK | F_OFD_GETLK) {
                name_owner(&mut lock.pid);
                arg.put(&layout::write_flock(&lock))?;
            }
            result
        }
        F_GETOWN_EX | F_SETOWN_EX => {
            let [kind, pid] = [0, 1].map(|n| arg.get::<8>().map(|bytes| bytes.as_chunks::<4>().0[n]));
            let mut owner = FOwnerEx { kind: i32::from_le_bytes(kind?), pid: i32::from_le_bytes(pid?) };
            let result = cage.fcntl(fd, command, FcntlArg::Owner(&mut owner))?;
            arg.put([owner.kind, owner.pid].map(i32::to_le_bytes).as_flattened())?;
            result
        }
        F_GET_RW_HINT | F_SET_RW_HINT => {
            let mut hint = u64::from_le_bytes(arg.get()?);
            let result = cage.fcntl(fd, command, FcntlArg::Hint(&mut hint))?;
            arg.put(&hint.to_le_bytes())?;
            result
        }
        _ => cage.fcntl(fd, command, FcntlArg::Number(arg.at))?,
    };
    Ok(Raw(result))
}

fn fcntl_foreign(call: &Call<'_>, fd: i32, command: i32, arg: Place) -> Result<i32> {
    match command {
        F_DUPFD | F_DUPFD_CLOEXEC => foreign::duplicate(call, fd, arg.at as i32, command == F_DUPFD_CLOEXEC),
        F_SETFD => {
            call.cage().setfd(fd, FdFlags::from_bits_retain(arg.at as u32))?;
            Ok(call.forward())
        }
        F_SETLKW | F_SETLKW64 | F_OFD_SETLKW => foreign::forward(call),
        _ => Ok(call.forward()),
    }
}

/// The owner of a lock as cages know it: IMFS has numbers of its own.
fn name_owner(pid: &mut i32) {
    if let Some(id) = u64::try_from(*pid).ok().and_then(process::id_of_cage) {
        *pid = id as i32;
    }
}

fn ioctl(call: &Call<'_>, fd: i32, number: u32, arg: Place) -> Result<Raw> {
    let cage = call.cage();
    if cage.foreign(fd)?.is_some() {
        if matches!(number, request::FIOCLEX | request::FIONCLEX) {
            let on = number == request::FIOCLEX;
            cage.setfd(fd, if on { FdFlags::CLOEXEC } else { FdFlags::empty() })?;
        }
        return Ok(Raw(call.forward()));
    }
    let arg_in = match number {
        request::FIONBIO | request::FIOASYNC | request::FS_IOC_SETFLAGS => {
            IoctlArg::Int(i32::from_le_bytes(arg.get()?))
        }
        request::FICLONERANGE => IoctlArg::CloneRange(FileCloneRange::from_bytes(&arg.get()?)),
        request::FS_IOC_FSSETXATTR => IoctlArg::FsXattr(FsXattr::from_bytes(&arg.get()?)),
        _ => IoctlArg::Int(arg.at as i32),
    };
    match cage.ioctl(fd, number, arg_in)? {
        IoctlResult::Nothing => {}
        IoctlResult::Int(value) => arg.put(&value.to_le_bytes())?,
        IoctlResult::Long(value) => arg.put(&value.to_le_bytes())?,
        IoctlResult::FsXattr(value) => arg.put(&value.to_bytes())?,
    }
    Ok(Raw(0))
}
