//! One call through a cage.

use super::answers::{into_buffer, into_list, noted, stat, statfs, statx_attributes, unit, value};
use super::clock::SteppedClock;
use super::{HERE, Local, read_directory};
use crate::args::{Data, Time};
use crate::call::Call;
use crate::outcome::{FsStat, Outcome, bytes, entries, identity, parse_dirents};
use imfs::Cage;
use imfs::abi::ioctl::FS_IOC_FSSETXATTR;
use imfs::abi::*;
use imfs::cage::{FcntlArg, IoctlResult};
use imfs::inode::Credentials;
use std::io::{IoSlice, IoSliceMut};

fn o(flags: i32) -> OFlags {
    OFlags::from_bits_retain(flags as u32)
}

fn m(mode: u32) -> Mode {
    Mode::from_bits_retain(mode)
}

fn at(flags: i32) -> AtFlags {
    AtFlags::from_bits_retain(flags as u32)
}

fn acc(mode: i32) -> Access {
    Access::from_bits_retain(mode as u32)
}

fn xattr(flags: i32) -> XattrFlags {
    XattrFlags::from_bits_retain(flags as u32)
}

/// Makes the call.
pub(super) fn call(cage: &Cage, local: &mut Local, clock: &SteppedClock, call: &Call) -> Outcome {
    match call {
        Call::Open { path, flags, mode } => value(cage.open(path, o(*flags), m(*mode))),
        Call::Openat { dir, path, flags, mode } => value(cage.openat(*dir, path, o(*flags), m(*mode))),
        Call::Openat2 { dir, path, flags, mode, how } => {
            value(cage.openat2(*dir, path, &OpenHow { flags: *flags, mode: *mode, resolve: *how }))
        }
        Call::Creat { path, mode } => value(cage.creat(path, m(*mode))),
        Call::Close { fd } => unit(cage.close(*fd)),
        Call::CloseRange { first, last, flags } => {
            unit(cage.close_range(*first, *last, CloseRangeFlags::from_bits_retain(*flags)))
        }
        Call::Mkdir { path, mode } => unit(cage.mkdir(path, m(*mode))),
        Call::Mkdirat { dir, path, mode } => unit(cage.mkdirat(*dir, path, m(*mode))),
        Call::Mknod { path, mode, dev } => unit(cage.mknod(path, *mode, device(*dev))),
        Call::Mknodat { dir, path, mode, dev } => unit(cage.mknodat(*dir, path, *mode, device(*dev))),
        Call::Link { old, new } => unit(cage.link(old, new)),
        Call::Linkat { olddir, old, newdir, new, flags } => {
            unit(cage.linkat(*olddir, old, *newdir, new, at(*flags)))
        }
        Call::Symlink { target, path } => unit(cage.symlink(target, path)),
        Call::Symlinkat { target, dir, path } => unit(cage.symlinkat(target, *dir, path)),
        Call::Readlink { path, size } => into_buffer(*size, |b| cage.readlink(path, b)),
        Call::Readlinkat { dir, path, size } => into_buffer(*size, |b| cage.readlinkat(*dir, path, b)),
        Call::Unlink { path } => unit(cage.unlink(path)),
        Call::Unlinkat { dir, path, flags } => unit(cage.unlinkat(*dir, path, at(*flags))),
        Call::Rmdir { path } => unit(cage.rmdir(path)),
        Call::Rename { old, new } => unit(cage.rename(old, new)),
        Call::Renameat { olddir, old, newdir, new } => unit(cage.renameat(*olddir, old, *newdir, new)),
        Call::Renameat2 { olddir, old, newdir, new, flags } => {
            unit(cage.renameat2(*olddir, old, *newdir, new, RenameFlags::from_bits_retain(*flags)))
        }
        Call::Chdir { path } => unit(cage.chdir(path)),
        Call::Fchdir { fd } => unit(cage.fchdir(*fd)),
        Call::Getcwd { size } => getcwd(cage, *size),
        Call::Chroot { path } => unit(cage.chroot(path)),
        Call::Access { path, mode } => unit(cage.access(path, acc(*mode))),
        Call::Faccessat { dir, path, mode } => unit(cage.faccessat(*dir, path, acc(*mode), AtFlags::empty())),
        Call::Faccessat2 { dir, path, mode, flags } => {
            unit(cage.faccessat(*dir, path, acc(*mode), at(*flags)))
        }
        Call::Truncate { path, len } => unit(cage.truncate(path, *len)),
        Call::Bind { path } => unit(cage.bind(path)),
        Call::Read { fd, len } => into_buffer(*len, |b| cage.read(*fd, b)),
        Call::Write { fd, data } => value(cage.write(*fd, &data.bytes())),
        Call::Pread { fd, len, off } => into_buffer(*len, |b| cage.pread(*fd, b, *off)),
        Call::Pwrite { fd, data, off } => value(cage.pwrite(*fd, &data.bytes(), *off)),
        Call::Readv { fd, lens } => into_parts(lens, |v| cage.readv(*fd, v)),
        Call::Writev { fd, parts } => from_parts(parts, |v| cage.writev(*fd, v)),
        Call::Preadv { fd, lens, off } => into_parts(lens, |v| cage.preadv(*fd, v, *off)),
        Call::Pwritev { fd, parts, off } => from_parts(parts, |v| cage.pwritev(*fd, v, *off)),
        Call::Preadv2 { fd, lens, off, flags } => {
            into_parts(lens, |v| cage.preadv2(*fd, v, *off, RwFlags::from_bits_retain(*flags as u32)))
        }
        Call::Pwritev2 { fd, parts, off, flags } => {
            from_parts(parts, |v| cage.pwritev2(*fd, v, *off, RwFlags::from_bits_retain(*flags as u32)))
        }
        Call::Lseek { fd, off, whence } => match (cage.getfd(*fd), Whence::from_raw(*whence)) {
            (Ok(_), None) => Outcome::error(libc::EINVAL),
            (_, raw) => {
                let mode = cage.fstat(*fd).map_or(0, |st| st.mode);
                value(cage.lseek(*fd, *off, raw.unwrap_or(Whence::Set))).in_directory(mode, *whence)
            }
        },
        Call::Ftruncate { fd, len } => unit(cage.ftruncate(*fd, *len)),
        Call::Fallocate { fd, mode, off, len } => {
            unit(cage.fallocate(*fd, FallocFlags::from_bits_retain(*mode as u32), *off, *len))
        }
        Call::CopyFileRange { from, from_off, to, to_off, len, flags } => {
            let (mut a, mut b) = (from_off.unwrap_or(0), to_off.unwrap_or(0));
            let pa = from_off.is_some().then_some(&mut a);
            let pb = to_off.is_some().then_some(&mut b);
            let r = cage.copy_file_range(*from, pa, *to, pb, *len, *flags);
            noted(r, |_| format!("{a} {b}"))
        }
        Call::Ficlone { to, from } => unit(cage.ficlone(*to, *from)),
        Call::Ficlonerange { to, from, from_off, len, to_off } => {
            let range = FileCloneRange {
                src_fd: i64::from(*from),
                src_offset: *from_off,
                src_length: *len,
                dest_offset: *to_off,
            };
            unit(cage.ficlonerange(*to, &range))
        }
        Call::SyncFileRange { fd, off, len, flags } => {
            unit(cage.sync_file_range(*fd, *off, *len, SyncRangeFlags::from_bits_retain(*flags)))
        }
        Call::Fadvise { fd, off, len, advice } => unit(cage.posix_fadvise(*fd, *off, *len, *advice)),
        Call::Readahead { fd, off, count } => unit(cage.readahead(*fd, *off, *count)),
        Call::Setxattr { path, name, value, flags } => {
            unit(cage.setxattr(path, name, &value.bytes(), xattr(*flags)))
        }
        Call::Lsetxattr { path, name, value, flags } => {
            unit(cage.lsetxattr(path, name, &value.bytes(), xattr(*flags)))
        }
        Call::Fsetxattr { fd, name, value, flags } => {
            unit(cage.fsetxattr(*fd, name, &value.bytes(), xattr(*flags)))
        }
        Call::Getxattr { path, name, size } => into_buffer(*size, |b| cage.getxattr(path, name, b)),
        Call::Lgetxattr { path, name, size } => into_buffer(*size, |b| cage.lgetxattr(path, name, b)),
        Call::Fgetxattr { fd, name, size } => into_buffer(*size, |b| cage.fgetxattr(*fd, name, b)),
        Call::Listxattr { path, size } => into_list(*size, |b| cage.listxattr(path, b)),
        Call::Llistxattr { path, size } => into_list(*size, |b| cage.llistxattr(path, b)),
        Call::Flistxattr { fd, size } => into_list(*size, |b| cage.flistxattr(*fd, b)),
        Call::Removexattr { path, name } => unit(cage.removexattr(path, name)),
        Call::Lremovexattr { path, name } => unit(cage.lremovexattr(path, name)),
        Call::Fremovexattr { fd, name } => unit(cage.fremovexattr(*fd, name)),
        Call::Ioctl { fd, request, arg } => given_back(cage.ioctl(*fd, *request, *arg)),
        Call::Fssetxattr { fd, xflags, extsize, projid } => {
            let fsxattr =
                FsXattr { xflags: *xflags, extsize: *extsize, projid: *projid, ..FsXattr::default() };
            given_back(cage.ioctl(*fd, FS_IOC_FSSETXATTR, fsxattr))
        }
        Call::Fsync { fd } => unit(cage.fsync(*fd)),
        Call::Fdatasync { fd } => unit(cage.fdatasync(*fd)),
        Call::Syncfs { fd } => unit(cage.syncfs(*fd)),
        Call::Stat { path } => stat(cage.stat(path), &clock.ticks()),
        Call::Lstat { path } => stat(cage.lstat(path), &clock.ticks()),
        Call::Fstat { fd } => stat(cage.fstat(*fd), &clock.ticks()),
        Call::Fstatat { dir, path, flags } => stat(cage.fstatat(*dir, path, at(*flags)), &clock.ticks()),
        Call::Statx { dir, path, flags, mask } => {
            match cage.statx(*dir, path, at(*flags), StatxMask::from_bits_retain(*mask)) {
                Ok(st) => {
                    let about = statx_attributes(&st).line(&clock.ticks());
                    let (mask, attributes) = (st.mask.bits(), st.attributes.bits());
                    Outcome::noted(0, format!("{about} mask={mask:#x} attributes={attributes:#x}"))
                }
                Err(e) => Outcome::error(e.raw()),
            }
        }
        Call::Statfs { path } => statfs(cage.statfs(path), FsStat::line),
        Call::Fstatfs { fd } => statfs(cage.fstatfs(*fd), FsStat::line),
        Call::FreeBlocks { path } => statfs(cage.statfs(path), FsStat::free_blocks),
        Call::Chmod { path, mode } => unit(cage.chmod(path, m(*mode))),
        Call::Fchmod { fd, mode } => unit(cage.fchmod(*fd, m(*mode))),
        Call::Fchmodat { dir, path, mode } => unit(cage.fchmodat(*dir, path, m(*mode), AtFlags::empty())),
        Call::Fchmodat2 { dir, path, mode, flags } => unit(cage.fchmodat(*dir, path, m(*mode), at(*flags))),
        Call::Chown { path, uid, gid } => unit(cage.chown(path, *uid, *gid)),
        Call::Lchown { path, uid, gid } => unit(cage.lchown(path, *uid, *gid)),
        Call::Fchown { fd, uid, gid } => unit(cage.fchown(*fd, *uid, *gid)),
        Call::Fchownat { dir, path, uid, gid, flags } => {
            unit(cage.fchownat(*dir, path, *uid, *gid, at(*flags)))
        }
        Call::Utimensat { dir, path, times, flags } => match set_times(*times) {
            Ok((a, m)) => match path {
                Some(p) => unit(cage.utimensat(*dir, p, a, m, at(*flags))),
                // No path at all means the descriptor, which takes no flags; the current directory is none.
                None if *dir == HERE => Outcome::error(libc::EFAULT),
                None if *flags != 0 => Outcome::error(libc::EINVAL),
                None => unit(cage.futimens(*dir, a, m)),
            },
            Err(e) => Outcome::error(e.raw()),
        },
        Call::Umask { mask } => Outcome::value(i64::from(cage.umask(m(*mask)).bits())),
        Call::Getdents { fd, size } => {
            let mut buf = vec![0; *size];
            match cage.getdents64(*fd, &mut buf) {
                Ok(n) => {
                    let list = parse_dirents(&buf[..n]);
                    local.remember(*fd, &list);
                    Outcome::noted(list.len() as i64, entries(&list))
                }
                Err(e) => Outcome::error(e.raw()),
            }
        }
        Call::Readdir { fd, size } => {
            let (all, r) = read_directory(cage, *fd, *size);
            local.remember(*fd, &all);
            let ret = r.map_or_else(|e| -i64::from(e), |()| all.len() as i64);
            Outcome::noted(ret, entries(&all))
        }
        Call::Seekdir { fd, name } => match local.cookies.get(&(*fd, name.0.clone())) {
            Some(at) => unit(cage.lseek(*fd, *at, Whence::Set).map(|_| ())),
            None => Outcome::broken("(the entry was not read)"),
        },
        Call::Pipe {} => pair(cage.pipe()),
        Call::Pipe2 { flags } => pair(cage.pipe2(o(*flags))),
        Call::Poll { fds } => {
            let mut list: Vec<_> =
                fds.iter().map(|(fd, e)| PollFd::new(*fd, PollFlags::from_bits_retain(*e as u16))).collect();
            let r = cage.poll(&mut list, 0);
            noted(r, |_| format!("{:?}", list.iter().map(|p| p.revents.bits()).collect::<Vec<_>>()))
        }
        Call::Sendfile { to, from, off, count } => {
            let mut place = off.unwrap_or(0);
            let r = cage.sendfile(*to, *from, off.is_some().then_some(&mut place), *count);
            noted(r, |_| place.to_string())
        }
        Call::Dup { fd } => value(cage.dup(*fd)),
        Call::Dup2 { fd, new } => value(cage.dup2(*fd, *new)),
        Call::Dup3 { fd, new, flags } => value(cage.dup3(*fd, *new, o(*flags))),
        Call::Fcntl { fd, cmd, arg } => value(cage.fcntl(*fd, *cmd, FcntlArg::Number(*arg as u64))),
        Call::Lock { fd, cmd, kind, whence, start, len } => {
            let (kind, whence) = (*kind as i16, *whence as i16);
            lock(cage, *fd, *cmd, Flock { kind, whence, start: *start, len: *len, pid: 0 })
        }
        Call::Flock { fd, op } => unit(cage.flock(*fd, FlockOp::from_bits_retain(*op as u32))),
        Call::Mmap { slot, fd, off, len, prot, flags } => {
            local.maps.map(cage, *slot, *fd, *off, *len, [*prot, *flags])
        }
        Call::MapRead { slot, off, len } => local.maps.read(*slot, *off, *len),
        Call::MapWrite { slot, off, data } => local.maps.write(cage, *slot, *off, &data.bytes()),
        Call::Msync { slot, off, len, flags } => local.maps.sync(cage, *slot, *off, *len, *flags),
        Call::Munmap { slot } => local.maps.unmap(cage, *slot),
        Call::Exec {} => {
            local.maps = Default::default();
            unit(exec(cage))
        }
        Call::Setuid { uid } => unit(cage.setuid(*uid)),
        Call::Setgid { gid } => unit(cage.setgid(*gid)),
        Call::Setreuid { ruid, euid } => unit(cage.setreuid(*ruid, *euid)),
        Call::Setregid { rgid, egid } => unit(cage.setregid(*rgid, *egid)),
        Call::Setresuid { ruid, euid, suid } => unit(cage.setresuid(*ruid, *euid, *suid)),
        Call::Setresgid { rgid, egid, sgid } => unit(cage.setresgid(*rgid, *egid, *sgid)),
        Call::Setfsuid { uid } => value(cage.setfsuid(*uid)),
        Call::Setfsgid { gid } => value(cage.setfsgid(*gid)),
        Call::Setgroups { groups } => unit(cage.setgroups(groups)),
        Call::Whoami {} => whoami(cage),
        Call::Nofile { limit } => {
            cage.set_nofile(*limit as usize);
            Outcome::value(0)
        }
        Call::MapWriteWithin { .. } => Outcome::broken("(only the kernel knows where the file ends)"),
        _ => Outcome::broken("(not a call of a cage)"),
    }
}

/// The saved id stays root's and what is permitted stays so, as on the kernel's side, for there must be a way back.
fn exec(cage: &Cage) -> Result<()> {
    let before = cage.credentials()?;
    cage.exec()?;
    let after = cage.credentials()?;
    cage.set_credentials(Credentials { suid: before.suid, permitted: before.permitted, ..after })
}

fn whoami(cage: &Cage) -> Outcome {
    match cage.credentials() {
        Ok(c) => {
            let (uids, gids) = ([c.uid, c.euid, c.suid, c.fsuid], [c.gid, c.egid, c.sgid, c.fsgid]);
            let (permitted, effective) = (c.permitted.bits(), c.effective.bits());
            Outcome::noted(0, identity(uids, gids, c.groups, permitted, effective))
        }
        Err(e) => Outcome::error(e.raw()),
    }
}

/// What ioctl(2) puts where its argument points to.
fn given_back(result: Result<IoctlResult>) -> Outcome {
    let result = match result {
        Ok(result) => result,
        Err(e) => return Outcome::error(e.raw()),
    };
    let note = match result {
        IoctlResult::Nothing => String::new(),
        IoctlResult::Int(int) => int.to_string(),
        IoctlResult::Long(long) => long.to_string(),
        IoctlResult::FsXattr(x) => {
            format!("{:?}", [x.xflags, x.extsize, x.nextents, x.projid, x.cowextsize])
        }
    };
    Outcome::noted(0, note)
}

/// mknod(2) takes 32 bits.
fn device(dev: u64) -> Dev {
    Dev::decode32(dev as u32)
}

/// The system call writes into a buffer; the cage gives the path.
fn getcwd(cage: &Cage, size: usize) -> Outcome {
    match cage.getcwd() {
        Ok(path) if path.len() + 1 > size => Outcome::error(libc::ERANGE),
        Ok(mut path) => {
            path.push(0);
            noted(Ok(path.len()), |_| bytes(&path))
        }
        Err(e) => Outcome::error(e.raw()),
    }
}

fn set_times(times: Option<[Time; 2]>) -> Result<(SetTime, SetTime)> {
    let Some([a, m]) = times else { return Ok((SetTime::Now, SetTime::Now)) };
    Ok((SetTime::from_raw(a.0, a.1)?, SetTime::from_raw(m.0, m.1)?))
}

fn pair(r: Result<[i32; 2]>) -> Outcome {
    match r {
        Ok(fds) => Outcome::noted(0, format!("{fds:?}")),
        Err(e) => Outcome::error(e.raw()),
    }
}

/// A record lock. The owner is a process of the case, whose number is its cage's id.
fn lock(cage: &Cage, fd: i32, cmd: i32, mut flock: Flock) -> Outcome {
    let r = cage.fcntl(fd, cmd, FcntlArg::Lock(&mut flock));
    if r.is_err() || !matches!(cmd, libc::F_GETLK | libc::F_OFD_GETLK) {
        return value(r);
    }
    let owner = if flock.pid == -1 { "-1".into() } else { format!("p{}", flock.pid) };
    let what = if i32::from(flock.kind) == libc::F_UNLCK {
        "unlocked".to_string()
    } else {
        let Flock { kind, whence, start, len, .. } = flock;
        format!("type={kind} whence={whence} start={start} len={len} by {owner}")
    };
    Outcome::noted(0, what)
}

fn into_parts(lens: &[usize], call: impl FnOnce(&mut [IoSliceMut<'_>]) -> Result<usize>) -> Outcome {
    let mut bufs: Vec<Vec<u8>> = lens.iter().map(|n| vec![0u8; *n]).collect();
    let mut vec: Vec<_> = bufs.iter_mut().map(|b| IoSliceMut::new(b)).collect();
    let r = call(&mut vec);
    noted(r, |n| bytes(&bufs.concat()[..n as usize]))
}

fn from_parts(parts: &[Data], call: impl FnOnce(&[IoSlice<'_>]) -> Result<usize>) -> Outcome {
    let bufs: Vec<Vec<u8>> = parts.iter().map(Data::bytes).collect();
    let vec: Vec<_> = bufs.iter().map(|b| IoSlice::new(b)).collect();
    value(call(&vec))
}

impl Local {
    fn remember(&mut self, fd: i32, list: &[crate::outcome::Entry]) {
        self.cookies.extend(list.iter().map(|e| ((fd, e.name.clone()), e.next)));
    }
}
