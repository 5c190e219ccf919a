//! A process of a case: takes its place, then makes the calls that it is told to.
//!
//! Runs in a forked child. What it inherits of the test is the list of steps and the shared memory; its descriptors
//! are 0, 1 and 2 and nothing else, its root directory is the case's tmpfs.

use super::mailbox::{Order, Shared};
use super::raw::{RawStatfs, attributes, c, fs_stat, noted, plain, statx_attributes, sys, zeroed};
use crate::args::{Bytes, Data};
use crate::call::Call;
use crate::case::{Act, Step};
use crate::maps::{Maps, SLOTS, hint};
use crate::outcome::{Entry, Outcome, Ticks, bytes, entries, identity, name_list, parse_dirents};
use crate::touch;
use crate::users::USERS;
use imfs::abi::ioctl::{FIGETBSZ, FIONREAD, FIOQSIZE, FS_IOC_FSGETXATTR, FS_IOC_FSSETXATTR, FS_IOC_GETFLAGS};
use std::collections::HashMap;
use std::ffi::CStr;
use std::ptr::{null, null_mut};

/// Makes process 0.
pub(super) fn spawn(shared: &'static Shared, root: &CStr, steps: &[Step]) -> i32 {
    // SAFETY: the child runs on, single-threaded, in code that needs no lock of the parent; the C library's own locks
    // are its to care for.
    let pid = unsafe { libc::fork() };
    assert_ne!(pid, -1, "fork: {}", std::io::Error::last_os_error());
    if pid == 0 {
        // A panic must not unwind into what the child has inherited of the test.
        let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            take_place(root, steps.iter().any(|s| matches!(s.call(), Some(Call::Chroot { .. }))));
            Worker { shared, proc: 0, steps, cookies: HashMap::new() }.serve();
        }));
        // SAFETY: ends the process.
        unsafe { libc::_exit(101) };
    }
    shared.set_pid(0, pid);
    pid
}

extern "C" fn on_signal(_: libc::c_int) {}

/// `pivot` makes the tmpfs the root of a mount namespace, so that even who has left the root directory of the process
/// finds nothing above it. It costs more than a chroot.
fn take_place(root: &CStr, pivot: bool) {
    // SAFETY: plain calls on a process of our own.
    unsafe {
        let null_fd = libc::open(c"/dev/null".as_ptr(), libc::O_RDWR);
        (0..3).for_each(|fd| _ = libc::dup2(null_fd, fd));
        libc::close_range(3, u32::MAX, 0);
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as *const () as usize;
        libc::sigaction(libc::SIGUSR1, &action, null_mut());
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        if pivot {
            libc::unshare(libc::CLONE_NEWNS);
            libc::chdir(root.as_ptr());
            libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr());
            libc::umount2(c".".as_ptr(), libc::MNT_DETACH);
        } else {
            libc::chroot(root.as_ptr());
        }
        libc::chdir(c"/".as_ptr());
        libc::umask(0o022);
        libc::setgroups(0, null());
    }
    die_with_parent();
    set_nofile(1024);
}

/// The kernel forgets this whenever the credentials change.
fn die_with_parent() {
    // SAFETY: a plain call.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

fn set_nofile(soft: u64) -> Outcome {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    let _ = sys!(SYS_prlimit64, 0, libc::RLIMIT_NOFILE, null::<libc::rlimit>(), &raw mut limit);
    limit.rlim_cur = soft;
    plain(sys!(SYS_prlimit64, 0, libc::RLIMIT_NOFILE, &raw const limit, null::<libc::rlimit>()))
}

/// Permitted and effective capabilities as capset(2) takes them.
fn set_effective(mask: u64) -> Result<i64, i32> {
    const ALL: u64 = (1 << 41) - 1;
    let header = [0x2008_0522_u32, 0];
    let mut sets = [0u32; 6];
    sys!(SYS_capget, header.as_ptr(), sets.as_mut_ptr())?;
    let mask = mask & ALL;
    (sets[0], sets[3]) = (mask as u32 & sets[1], (mask >> 32) as u32 & sets[4]);
    sys!(SYS_capset, header.as_ptr(), sets.as_ptr())
}

/// Real and effective ids become the user's. The saved id stays root's, so that there is a way back; no file call looks
/// at it.
fn become_user(who: usize) -> Result<i64, i32> {
    let keep = u32::MAX;
    sys!(SYS_setresuid, keep, 0, 0)?;
    set_effective(u64::MAX)?;
    let u = &USERS[who];
    sys!(SYS_setgroups, u.groups.len(), u.groups.as_ptr())?;
    sys!(SYS_setresgid, u.gid, u.gid, u.gid)?;
    sys!(SYS_setresuid, u.uid, u.uid, 0)?;
    die_with_parent();
    Ok(0)
}

struct Worker<'a> {
    shared: &'static Shared,
    proc: usize,
    steps: &'a [Step],
    cookies: HashMap<(i32, Vec<u8>), i64>,
}

impl Worker<'_> {
    fn serve(&mut self) -> ! {
        loop {
            let (order, range) = self.shared.next_order(self.proc);
            match order {
                Order::Run => self.run(range),
                Order::Descriptors => self.descriptors(),
            }
            self.shared.done(self.proc);
        }
    }

    fn run(&mut self, range: std::ops::Range<usize>) {
        for i in range {
            let (Act::Call(call) | Act::Start(call)) = &self.steps[i].act else { continue };
            let outcome = self.call(call);
            self.shared.push(self.proc, &outcome);
            if matches!(call, Call::Exit {}) {
                self.shared.set_pid(self.proc, 0);
                self.shared.done(self.proc);
                // SAFETY: ends the process.
                unsafe { libc::_exit(0) };
            }
        }
    }

    /// What each open descriptor is, in order.
    fn descriptors(&self) {
        for fd in 3..1024 {
            let Ok(fd_flags) = sys!(SYS_fcntl, fd, libc::F_GETFD) else { continue };
            let fl = sys!(SYS_fcntl, fd, libc::F_GETFL).unwrap_or(-1);
            let mut st: libc::stat = zeroed();
            let about = match sys!(SYS_fstat, fd, &raw mut st) {
                Ok(_) => attributes(&st).line(&self.shared.ticks()),
                Err(e) => format!("errno {e}"),
            };
            let is_dir = st.st_mode & libc::S_IFMT == libc::S_IFDIR;
            // Where in a directory a descriptor stands is the file system's own matter.
            let at = sys!(SYS_lseek, fd, 0, libc::SEEK_CUR).unwrap_or_else(|e| -i64::from(e));
            let at = if is_dir && at > 0 { "some".into() } else { at.to_string() };
            let note = format!("fd {fd} fdflags={fd_flags} flags={fl:#o} at={at} {about}");
            self.shared.push(self.proc, &Outcome::noted(0, note));
        }
    }

    fn ticks(&self) -> Ticks {
        self.shared.ticks()
    }

    fn fork(&mut self, child: usize) -> Outcome {
        if child >= super::mailbox::PROCESSES || self.shared.pid(child) != 0 {
            return Outcome::broken("(the process exists)");
        }
        self.shared.set_maps(child, self.maps().inherited());
        // The child becomes the test's child as well, so that the test can wait for it.
        let pid = sys!(SYS_clone, libc::CLONE_PARENT | libc::SIGCHLD, 0, 0, 0, 0).expect("clone");
        if pid == 0 {
            die_with_parent();
            self.proc = child;
            self.serve();
        }
        self.shared.set_pid(child, pid as i32);
        Outcome::value(0)
    }

    fn exec(&mut self) -> Outcome {
        for slot in 0..SLOTS {
            self.unmap(slot);
        }
        for fd in 3..1024 {
            if sys!(SYS_fcntl, fd, libc::F_GETFD) == Ok(1) {
                let _ = sys!(SYS_close, fd);
            }
        }
        // The credentials become others, even where they say the same. The saved user id stays root's: see `become_user`.
        // SAFETY: these have no argument and cannot fail.
        let (uid, gid) = unsafe { (libc::geteuid(), libc::getegid()) };
        let _ = sys!(SYS_setfsuid, uid);
        let _ = sys!(SYS_setresgid, u32::MAX, gid, gid);
        let root = uid == 0;
        plain(set_effective(if root { u64::MAX } else { 0 }))
    }

    fn stat(&self, r: Result<i64, i32>, st: &libc::stat) -> Outcome {
        noted(r, |_| attributes(st).line(&self.ticks()))
    }

    fn stat_call(&self, dir: i32, path: &Bytes, flags: i32) -> Outcome {
        let mut st: libc::stat = zeroed();
        let r = sys!(SYS_newfstatat, dir, c(path).as_ptr(), &raw mut st, flags);
        self.stat(r, &st)
    }

    fn getdents(&mut self, fd: i32, size: usize) -> Result<Vec<Entry>, i32> {
        let mut buf = vec![0u8; size];
        let n = sys!(SYS_getdents64, fd, buf.as_mut_ptr(), size)?;
        let list = parse_dirents(&buf[..n as usize]);
        for e in &list {
            self.cookies.insert((fd, e.name.clone()), e.next);
        }
        Ok(list)
    }

    fn readdir(&mut self, fd: i32, size: usize) -> Outcome {
        let mut all = Vec::new();
        loop {
            match self.getdents(fd, size) {
                Ok(list) if list.is_empty() => return Outcome::noted(all.len() as i64, entries(&all)),
                Ok(list) => all.extend(list),
                Err(e) => return Outcome::noted(-i64::from(e), entries(&all)),
            }
        }
    }

    fn lock(&self, fd: i32, cmd: i32, kind: i32, whence: i32, start: i64, len: i64) -> Outcome {
        let mut l: libc::flock = zeroed();
        (l.l_type, l.l_whence, l.l_start, l.l_len) = (kind as i16, whence as i16, start, len);
        let r = sys!(SYS_fcntl, fd, cmd, &raw mut l);
        if r.is_err() || !matches!(cmd, libc::F_GETLK | libc::F_OFD_GETLK) {
            return plain(r);
        }
        let owner = match l.l_pid {
            0 | -1 => l.l_pid.to_string(),
            pid => (0..super::mailbox::PROCESSES)
                .find(|p| self.shared.pid(*p) == pid)
                .map_or("?".into(), |p| format!("p{p}")),
        };
        let what = if i32::from(l.l_type) == libc::F_UNLCK {
            "unlocked".to_string()
        } else {
            format!("type={} whence={} start={} len={} by {owner}", l.l_type, l.l_whence, l.l_start, l.l_len)
        };
        Outcome::noted(0, what)
    }

    fn map(&self, slot: usize, fd: i32, off: i64, len: usize, prot: i32, flags: i32) -> Outcome {
        let mapped = sys!(SYS_mmap, hint(flags), len, prot, flags, fd, off);
        plain(mapped.map(|at| {
            self.change_maps(|maps| maps.set(slot, at as usize, len));
            0
        }))
    }

    fn unmap(&self, slot: usize) -> Outcome {
        let mapping = self.change_maps(|maps| maps.take(slot));
        mapping.map_or(Outcome::FAULT, |(at, len)| plain(sys!(SYS_munmap, at, len)))
    }

    fn maps(&self) -> Maps {
        self.shared.maps(self.proc)
    }

    fn change_maps<T>(&self, change: impl FnOnce(&mut Maps) -> T) -> T {
        let mut maps = self.maps();
        let changed = change(&mut maps);
        self.shared.set_maps(self.proc, maps);
        changed
    }

    fn bind(&self, path: &Bytes) -> Outcome {
        let mut address: libc::sockaddr_un = zeroed();
        address.sun_family = libc::AF_UNIX as u16;
        if path.0.len() > address.sun_path.len() {
            return Outcome::error(libc::EINVAL);
        }
        for (to, from) in address.sun_path.iter_mut().zip(&path.0) {
            *to = *from as i8;
        }
        let fd = match sys!(SYS_socket, libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) {
            Ok(fd) => fd,
            Err(e) => return Outcome::error(e),
        };
        let r = sys!(SYS_bind, fd, &raw const address, 2 + path.0.len() + 1);
        let _ = sys!(SYS_close, fd);
        plain(r)
    }

    /// Makes one call.
    fn call(&mut self, call: &Call) -> Outcome {
        match call {
            Call::Open { path, flags, mode } => plain(sys!(SYS_open, c(path).as_ptr(), *flags, *mode)),
            Call::Openat { dir, path, flags, mode } => {
                plain(sys!(SYS_openat, *dir, c(path).as_ptr(), *flags, *mode))
            }
            Call::Openat2 { dir, path, flags, mode, how } => openat2(*dir, path, [*flags, *mode, *how]),
            Call::Creat { path, mode } => plain(sys!(SYS_creat, c(path).as_ptr(), *mode)),
            Call::Close { fd } => plain(sys!(SYS_close, *fd)),
            Call::CloseRange { first, last, flags } => plain(sys!(SYS_close_range, *first, *last, *flags)),
            Call::Mkdir { path, mode } => plain(sys!(SYS_mkdir, c(path).as_ptr(), *mode)),
            Call::Mkdirat { dir, path, mode } => plain(sys!(SYS_mkdirat, *dir, c(path).as_ptr(), *mode)),
            Call::Mknod { path, mode, dev } => plain(sys!(SYS_mknod, c(path).as_ptr(), *mode, *dev)),
            Call::Mknodat { dir, path, mode, dev } => {
                plain(sys!(SYS_mknodat, *dir, c(path).as_ptr(), *mode, *dev))
            }
            Call::Link { old, new } => plain(sys!(SYS_link, c(old).as_ptr(), c(new).as_ptr())),
            Call::Linkat { olddir, old, newdir, new, flags } => {
                plain(sys!(SYS_linkat, *olddir, c(old).as_ptr(), *newdir, c(new).as_ptr(), *flags))
            }
            Call::Symlink { target, path } => plain(sys!(SYS_symlink, c(target).as_ptr(), c(path).as_ptr())),
            Call::Symlinkat { target, dir, path } => {
                plain(sys!(SYS_symlinkat, c(target).as_ptr(), *dir, c(path).as_ptr()))
            }
            Call::Readlink { path, size } => {
                into_buffer(*size, |p, n| sys!(SYS_readlink, c(path).as_ptr(), p, n as i32))
            }
            Call::Readlinkat { dir, path, size } => {
                into_buffer(*size, |p, n| sys!(SYS_readlinkat, *dir, c(path).as_ptr(), p, n as i32))
            }
            Call::Unlink { path } => plain(sys!(SYS_unlink, c(path).as_ptr())),
            Call::Unlinkat { dir, path, flags } => plain(sys!(SYS_unlinkat, *dir, c(path).as_ptr(), *flags)),
            Call::Rmdir { path } => plain(sys!(SYS_rmdir, c(path).as_ptr())),
            Call::Rename { old, new } => plain(sys!(SYS_rename, c(old).as_ptr(), c(new).as_ptr())),
            Call::Renameat { olddir, old, newdir, new } => {
                plain(sys!(SYS_renameat, *olddir, c(old).as_ptr(), *newdir, c(new).as_ptr()))
            }
            Call::Renameat2 { olddir, old, newdir, new, flags } => {
                plain(sys!(SYS_renameat2, *olddir, c(old).as_ptr(), *newdir, c(new).as_ptr(), *flags))
            }
            Call::Chdir { path } => plain(sys!(SYS_chdir, c(path).as_ptr())),
            Call::Fchdir { fd } => plain(sys!(SYS_fchdir, *fd)),
            Call::Getcwd { size } => into_buffer(*size, |p, n| sys!(SYS_getcwd, p, n)),
            Call::Chroot { path } => plain(sys!(SYS_chroot, c(path).as_ptr())),
            Call::Access { path, mode } => plain(sys!(SYS_access, c(path).as_ptr(), *mode)),
            Call::Faccessat { dir, path, mode } => plain(sys!(SYS_faccessat, *dir, c(path).as_ptr(), *mode)),
            Call::Faccessat2 { dir, path, mode, flags } => {
                plain(sys!(SYS_faccessat2, *dir, c(path).as_ptr(), *mode, *flags))
            }
            Call::Truncate { path, len } => plain(sys!(SYS_truncate, c(path).as_ptr(), *len)),
            Call::Bind { path } => self.bind(path),
            Call::Read { fd, len } => into_buffer(*len, |p, n| sys!(SYS_read, *fd, p, n)),
            Call::Write { fd, data } => from_buffer(data, |p, n| sys!(SYS_write, *fd, p, n)),
            Call::Pread { fd, len, off } => into_buffer(*len, |p, n| sys!(SYS_pread64, *fd, p, n, *off)),
            Call::Pwrite { fd, data, off } => from_buffer(data, |p, n| sys!(SYS_pwrite64, *fd, p, n, *off)),
            Call::Readv { fd, lens } => into_parts(lens, |v| sys!(SYS_readv, *fd, v.as_ptr(), v.len())),
            Call::Writev { fd, parts } => from_parts(parts, |v| sys!(SYS_writev, *fd, v.as_ptr(), v.len())),
            Call::Preadv { fd, lens, off } => {
                into_parts(lens, |v| sys!(SYS_preadv, *fd, v.as_ptr(), v.len(), *off, 0))
            }
            Call::Pwritev { fd, parts, off } => {
                from_parts(parts, |v| sys!(SYS_pwritev, *fd, v.as_ptr(), v.len(), *off, 0))
            }
            Call::Preadv2 { fd, lens, off, flags } => {
                into_parts(lens, |v| sys!(SYS_preadv2, *fd, v.as_ptr(), v.len(), *off, 0, *flags))
            }
            Call::Pwritev2 { fd, parts, off, flags } => {
                from_parts(parts, |v| sys!(SYS_pwritev2, *fd, v.as_ptr(), v.len(), *off, 0, *flags))
            }
            Call::Lseek { fd, off, whence } => {
                let mut st: libc::stat = zeroed();
                let _ = sys!(SYS_fstat, *fd, &raw mut st);
                plain(sys!(SYS_lseek, *fd, *off, *whence)).in_directory(st.st_mode, *whence)
            }
            Call::Ftruncate { fd, len } => plain(sys!(SYS_ftruncate, *fd, *len)),
            Call::Fallocate { fd, mode, off, len } => plain(sys!(SYS_fallocate, *fd, *mode, *off, *len)),
            Call::CopyFileRange { from, from_off, to, to_off, len, flags } => {
                let (mut a, mut b) = (from_off.unwrap_or(0), to_off.unwrap_or(0));
                let pa = from_off.map_or(null_mut(), |_| &raw mut a);
                let pb = to_off.map_or(null_mut(), |_| &raw mut b);
                let r = sys!(SYS_copy_file_range, *from, pa, *to, pb, *len, *flags);
                noted(r, |_| format!("{a} {b}"))
            }
            Call::Sendfile { to, from, off, count } => {
                let mut o = off.unwrap_or(0);
                let p = off.map_or(null_mut(), |_| &raw mut o);
                noted(sys!(SYS_sendfile, *to, *from, p, *count), |_| o.to_string())
            }
            Call::Ficlone { to, from } => plain(sys!(SYS_ioctl, *to, libc::FICLONE, *from)),
            Call::Ficlonerange { to, from, from_off, len, to_off } => {
                let range = [i64::from(*from) as u64, *from_off, *len, *to_off];
                plain(sys!(SYS_ioctl, *to, libc::FICLONERANGE, range.as_ptr()))
            }
            Call::Ioctl { fd, request, arg } => ioctl(*fd, *request, *arg),
            Call::Fssetxattr { fd, xflags, extsize, projid } => {
                let fsxattr = [*xflags, *extsize, 0, *projid, 0, 0, 0];
                plain(sys!(SYS_ioctl, *fd, FS_IOC_FSSETXATTR, fsxattr.as_ptr()))
            }
            Call::Fsync { fd } => plain(sys!(SYS_fsync, *fd)),
            Call::Fdatasync { fd } => plain(sys!(SYS_fdatasync, *fd)),
            Call::Syncfs { fd } => plain(sys!(SYS_syncfs, *fd)),
            Call::SyncFileRange { fd, off, len, flags } => {
                plain(sys!(SYS_sync_file_range, *fd, *off, *len, *flags))
            }
            Call::Fadvise { fd, off, len, advice } => plain(sys!(SYS_fadvise64, *fd, *off, *len, *advice)),
            Call::Readahead { fd, off, count } => plain(sys!(SYS_readahead, *fd, *off, *count)),
            Call::Stat { path } => self.stat_call(libc::AT_FDCWD, path, 0),
            Call::Lstat { path } => self.stat_call(libc::AT_FDCWD, path, libc::AT_SYMLINK_NOFOLLOW),
            Call::Fstat { fd } => {
                let mut st: libc::stat = zeroed();
                let r = sys!(SYS_fstat, *fd, &raw mut st);
                self.stat(r, &st)
            }
            Call::Fstatat { dir, path, flags } => self.stat_call(*dir, path, *flags),
            Call::Statx { dir, path, flags, mask } => {
                let mut st: libc::statx = zeroed();
                let r = sys!(SYS_statx, *dir, c(path).as_ptr(), *flags, *mask, &raw mut st);
                noted(r, |_| {
                    let about = statx_attributes(&st).line(&self.ticks());
                    format!("{about} mask={:#x} attributes={:#x}", st.stx_mask, st.stx_attributes)
                })
            }
            Call::Statfs { path } => {
                let mut st: RawStatfs = [0; 15];
                noted(sys!(SYS_statfs, c(path).as_ptr(), &raw mut st), |_| fs_stat(&st).line())
            }
            Call::Fstatfs { fd } => {
                let mut st: RawStatfs = [0; 15];
                noted(sys!(SYS_fstatfs, *fd, &raw mut st), |_| fs_stat(&st).line())
            }
            Call::FreeBlocks { path } => {
                let mut st: RawStatfs = [0; 15];
                noted(sys!(SYS_statfs, c(path).as_ptr(), &raw mut st), |_| fs_stat(&st).free_blocks())
            }
            Call::Chmod { path, mode } => plain(sys!(SYS_chmod, c(path).as_ptr(), *mode)),
            Call::Fchmod { fd, mode } => plain(sys!(SYS_fchmod, *fd, *mode)),
            Call::Fchmodat { dir, path, mode } => plain(sys!(SYS_fchmodat, *dir, c(path).as_ptr(), *mode)),
            Call::Fchmodat2 { dir, path, mode, flags } => {
                plain(sys!(SYS_fchmodat2, *dir, c(path).as_ptr(), *mode, *flags))
            }
            Call::Chown { path, uid, gid } => plain(sys!(SYS_chown, c(path).as_ptr(), *uid, *gid)),
            Call::Lchown { path, uid, gid } => plain(sys!(SYS_lchown, c(path).as_ptr(), *uid, *gid)),
            Call::Fchown { fd, uid, gid } => plain(sys!(SYS_fchown, *fd, *uid, *gid)),
            Call::Fchownat { dir, path, uid, gid, flags } => {
                plain(sys!(SYS_fchownat, *dir, c(path).as_ptr(), *uid, *gid, *flags))
            }
            Call::Utimensat { dir, path, times, flags } => {
                let path = path.as_ref().map(c);
                let p = path.as_ref().map_or(null(), |p| p.as_ptr());
                let times = times.map(|t| [t[0].0, t[0].1, t[1].0, t[1].1]);
                let t = times.as_ref().map_or(null(), |t| t.as_ptr());
                plain(sys!(SYS_utimensat, *dir, p, t, *flags))
            }
            Call::Umask { mask } => plain(sys!(SYS_umask, *mask)),
            Call::Setxattr { path, name, value, flags } => from_buffer(value, |p, n| {
                sys!(SYS_setxattr, c(path).as_ptr(), c(name).as_ptr(), p, n, *flags)
            }),
            Call::Lsetxattr { path, name, value, flags } => from_buffer(value, |p, n| {
                sys!(SYS_lsetxattr, c(path).as_ptr(), c(name).as_ptr(), p, n, *flags)
            }),
            Call::Fsetxattr { fd, name, value, flags } => {
                from_buffer(value, |p, n| sys!(SYS_fsetxattr, *fd, c(name).as_ptr(), p, n, *flags))
            }
            Call::Getxattr { path, name, size } => {
                into_buffer(*size, |p, n| sys!(SYS_getxattr, c(path).as_ptr(), c(name).as_ptr(), p, n))
            }
            Call::Lgetxattr { path, name, size } => {
                into_buffer(*size, |p, n| sys!(SYS_lgetxattr, c(path).as_ptr(), c(name).as_ptr(), p, n))
            }
            Call::Fgetxattr { fd, name, size } => {
                into_buffer(*size, |p, n| sys!(SYS_fgetxattr, *fd, c(name).as_ptr(), p, n))
            }
            Call::Listxattr { path, size } => {
                into_list(*size, |p, n| sys!(SYS_listxattr, c(path).as_ptr(), p, n))
            }
            Call::Llistxattr { path, size } => {
                into_list(*size, |p, n| sys!(SYS_llistxattr, c(path).as_ptr(), p, n))
            }
            Call::Flistxattr { fd, size } => into_list(*size, |p, n| sys!(SYS_flistxattr, *fd, p, n)),
            Call::Removexattr { path, name } => {
                plain(sys!(SYS_removexattr, c(path).as_ptr(), c(name).as_ptr()))
            }
            Call::Lremovexattr { path, name } => {
                plain(sys!(SYS_lremovexattr, c(path).as_ptr(), c(name).as_ptr()))
            }
            Call::Fremovexattr { fd, name } => plain(sys!(SYS_fremovexattr, *fd, c(name).as_ptr())),
            Call::Getdents { fd, size } => match self.getdents(*fd, *size) {
                Ok(list) => Outcome::noted(list.len() as i64, entries(&list)),
                Err(e) => Outcome::error(e),
            },
            Call::Readdir { fd, size } => self.readdir(*fd, *size),
            Call::Seekdir { fd, name } => match self.cookies.get(&(*fd, name.0.clone())) {
                Some(at) => plain(sys!(SYS_lseek, *fd, *at, libc::SEEK_SET).map(|_| 0)),
                None => Outcome::broken("(the entry was not read)"),
            },
            Call::Pipe {} => {
                let mut fds = [0i32; 2];
                noted(sys!(SYS_pipe, fds.as_mut_ptr()), |_| format!("{fds:?}"))
            }
            Call::Pipe2 { flags } => {
                let mut fds = [0i32; 2];
                noted(sys!(SYS_pipe2, fds.as_mut_ptr(), *flags), |_| format!("{fds:?}"))
            }
            Call::Poll { fds } => {
                let mut list: Vec<_> = fds
                    .iter()
                    .map(|(fd, events)| libc::pollfd { fd: *fd, events: *events, revents: 0 })
                    .collect();
                let r = sys!(SYS_poll, list.as_mut_ptr(), list.len(), 0);
                noted(r, |_| format!("{:?}", list.iter().map(|p| p.revents).collect::<Vec<_>>()))
            }
            Call::Dup { fd } => plain(sys!(SYS_dup, *fd)),
            Call::Dup2 { fd, new } => plain(sys!(SYS_dup2, *fd, *new)),
            Call::Dup3 { fd, new, flags } => plain(sys!(SYS_dup3, *fd, *new, *flags)),
            Call::Fcntl { fd, cmd, arg } => plain(sys!(SYS_fcntl, *fd, *cmd, *arg)),
            Call::Lock { fd, cmd, kind, whence, start, len } => {
                self.lock(*fd, *cmd, *kind, *whence, *start, *len)
            }
            Call::Flock { fd, op } => plain(sys!(SYS_flock, *fd, *op)),
            Call::Mmap { slot, fd, off, len, prot, flags } => self.map(*slot, *fd, *off, *len, *prot, *flags),
            Call::MapRead { slot, off, len } => {
                self.maps().place(*slot, *off, *len).map_or(Outcome::FAULT, |at| touch::load(at, *len))
            }
            Call::MapWrite { slot, off, data } => {
                let (data, pid) = (data.bytes(), std::process::id() as i32);
                // SAFETY: inside of a mapping that this process made and still has.
                self.maps()
                    .own(*slot, *off, data.len())
                    .map_or(Outcome::FAULT, |at| unsafe { touch::store(pid, at, &data) })
            }
            Call::MapWriteWithin { .. } => Outcome::broken("(the process does not see where the file ends)"),
            Call::Msync { slot, off, len, flags } => match self.maps().own(*slot, 0, 0) {
                Some(p) => plain(sys!(SYS_msync, p.wrapping_add(*off), *len, *flags)),
                None => Outcome::FAULT,
            },
            Call::Munmap { slot } => self.unmap(*slot),
            Call::Fork { child } => self.fork(*child),
            Call::Exec {} => self.exec(),
            Call::Exit {} => Outcome::value(0),
            Call::User { who } => plain(become_user(*who)),
            Call::Caps { mask } => plain(set_effective(*mask)),
            Call::Setuid { uid } => became(sys!(SYS_setuid, *uid)),
            Call::Setgid { gid } => became(sys!(SYS_setgid, *gid)),
            Call::Setreuid { ruid, euid } => became(sys!(SYS_setreuid, *ruid, *euid)),
            Call::Setregid { rgid, egid } => became(sys!(SYS_setregid, *rgid, *egid)),
            Call::Setresuid { ruid, euid, suid } => became(sys!(SYS_setresuid, *ruid, *euid, *suid)),
            Call::Setresgid { rgid, egid, sgid } => became(sys!(SYS_setresgid, *rgid, *egid, *sgid)),
            Call::Setfsuid { uid } => became(sys!(SYS_setfsuid, *uid)),
            Call::Setfsgid { gid } => became(sys!(SYS_setfsgid, *gid)),
            Call::Setgroups { groups } => became(sys!(SYS_setgroups, groups.len(), groups.as_ptr())),
            Call::Whoami {} => whoami(),
            Call::Nofile { limit } => set_nofile(*limit),
            Call::Tick {} => {
                self.shared.tick();
                Outcome::value(0)
            }
        }
    }
}

/// After a change of the credentials.
fn became(r: Result<i64, i32>) -> Outcome {
    die_with_parent();
    plain(r)
}

fn whoami() -> Outcome {
    let (mut uids, mut gids, mut groups) = ([0u32; 4], [0u32; 4], vec![0u32; 65_536]);
    let ids = |ids: &mut [u32; 4]| [0, 1, 2].map(|i| &raw mut ids[i]);
    let [real, effective, saved] = ids(&mut uids);
    let _ = sys!(SYS_getresuid, real, effective, saved);
    let [real, effective, saved] = ids(&mut gids);
    let _ = sys!(SYS_getresgid, real, effective, saved);
    // Asked for no id they change none, and give the present one.
    uids[3] = sys!(SYS_setfsuid, -1).unwrap_or(-1) as u32;
    gids[3] = sys!(SYS_setfsgid, -1).unwrap_or(-1) as u32;
    let n = sys!(SYS_getgroups, groups.len(), groups.as_mut_ptr()).unwrap_or(0);
    groups.truncate(n as usize);
    let (header, mut sets) = ([0x2008_0522_u32, 0], [0u32; 6]);
    let _ = sys!(SYS_capget, header.as_ptr(), sets.as_mut_ptr());
    let [effective, permitted] = [0, 1].map(|i| u64::from(sets[i]));
    Outcome::noted(0, identity(uids, gids, groups, permitted, effective))
}

/// With RESOLVE_BENEATH and RESOLVE_IN_ROOT a ".." gives EAGAIN when anything is renamed or mounted on the machine at that
/// moment; openat2(2) says to try again.
fn openat2(dir: i32, path: &Bytes, how: [u64; 3]) -> Outcome {
    let scoped =
        how[2] & (libc::RESOLVE_BENEATH | libc::RESOLVE_IN_ROOT) != 0 && how[2] & libc::RESOLVE_CACHED == 0;
    let mut r = Err(libc::EAGAIN);
    for _ in 0..1000 {
        r = sys!(SYS_openat2, dir, c(path).as_ptr(), how.as_ptr(), 24);
        if !(scoped && r == Err(libc::EAGAIN)) {
            break;
        }
    }
    plain(r)
}

/// No request that is made here has an argument that is larger.
fn ioctl(fd: i32, request: u32, arg: i32) -> Outcome {
    let mut room = [0i32; 64];
    room[0] = arg;
    let long = |room: &[i32]| i64::from(room[1]) << 32 | i64::from(room[0] as u32);
    noted(sys!(SYS_ioctl, fd, request, room.as_mut_ptr()), |_| match request {
        FIONREAD | FIGETBSZ | FS_IOC_GETFLAGS => room[0].to_string(),
        FIOQSIZE => long(&room).to_string(),
        FS_IOC_FSGETXATTR => format!("{:?}", &room[..5]),
        _ => String::new(),
    })
}

fn into_buffer(len: usize, call: impl FnOnce(*mut u8, usize) -> Result<i64, i32>) -> Outcome {
    let mut buf = vec![0u8; len.min(16 << 20)];
    let r = call(buf.as_mut_ptr(), len);
    noted(r, |n| bytes(&buf[..(n as usize).min(buf.len())]))
}

fn into_list(len: usize, call: impl FnOnce(*mut u8, usize) -> Result<i64, i32>) -> Outcome {
    let mut buf = vec![0u8; len];
    let r = call(buf.as_mut_ptr(), len);
    noted(r, |n| name_list(&buf[..(n as usize).min(buf.len())]))
}

fn from_buffer(data: &Data, call: impl FnOnce(*const u8, usize) -> Result<i64, i32>) -> Outcome {
    let buf = data.bytes();
    plain(call(buf.as_ptr(), buf.len()))
}

fn into_parts(lens: &[usize], call: impl FnOnce(&[libc::iovec]) -> Result<i64, i32>) -> Outcome {
    let mut bufs: Vec<Vec<u8>> = lens.iter().map(|n| vec![0u8; *n]).collect();
    let vec: Vec<_> =
        bufs.iter_mut().map(|b| libc::iovec { iov_base: b.as_mut_ptr().cast(), iov_len: b.len() }).collect();
    let r = call(&vec);
    noted(r, |n| bytes(&bufs.concat()[..n as usize]))
}

fn from_parts(parts: &[Data], call: impl FnOnce(&[libc::iovec]) -> Result<i64, i32>) -> Outcome {
    let mut bufs: Vec<Vec<u8>> = parts.iter().map(Data::bytes).collect();
    let vec: Vec<_> =
        bufs.iter_mut().map(|b| libc::iovec { iov_base: b.as_mut_ptr().cast(), iov_len: b.len() }).collect();
    plain(call(&vec))
}
