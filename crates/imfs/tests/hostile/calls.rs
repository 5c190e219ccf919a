//! The calls, each with arguments of its kinds.

use std::io::{IoSlice, IoSliceMut};

use imfs::Cage;
use imfs::abi::*;
use imfs::cage::{FcntlArg, IoctlArg};

use super::arguments::Numbers;

type Call = (&'static str, fn(&Cage, &mut Numbers));

/// A table of calls: `name(cage, numbers) = expression`.
macro_rules! calls {
    ($cage:ident, $n:ident: $($name:ident => $call:expr;)*) => {
        &[$((stringify!($name), |$cage: &Cage, $n: &mut Numbers| { let _ = ($call, &$n); })),*]
    };
}

fn oflags(n: &mut Numbers) -> OFlags {
    let flags = n.pick(&[
        OFlags::RDWR,
        OFlags::CREAT | OFlags::RDWR,
        OFlags::CREAT | OFlags::WRONLY | OFlags::APPEND,
        OFlags::RDONLY,
        OFlags::DIRECTORY,
        OFlags::PATH,
        OFlags::TMPFILE | OFlags::RDWR,
        OFlags::CREAT | OFlags::EXCL | OFlags::ACCMODE,
    ]);
    if n.one_in(4) { flags | OFlags::from_bits_retain(n.flags()) } else { flags }
}

fn at(n: &mut Numbers) -> AtFlags {
    AtFlags::from_bits_retain(
        n.pick(&[0, 0, 0, 0x100, 0x200, 0x400, 0x1000, 0x1100, 0x800]) | n.flags() & 0x8000,
    )
}

fn xattr_flags(n: &mut Numbers) -> XattrFlags {
    XattrFlags::from_bits_retain(n.pick(&[0, 0, 0, 1, 2, 3, 4]))
}

/// fcntl(2) with any command and any argument.
fn fcntl(cage: &Cage, n: &mut Numbers) -> Result<i32> {
    let (fd, mut lock, mut owner, mut hint) = (n.fd(), n.lock(), n.owner(), n.size() as u64);
    let (arg, commands): (FcntlArg<'_>, &[i32]) = match n.below(4) {
        0 => (FcntlArg::Lock(&mut lock), &[5, 6, 7, 36, 37, 38]),
        1 => (FcntlArg::Owner(&mut owner), &[15, 16]),
        2 => (FcntlArg::Hint(&mut hint), &[1035, 1036, 1037]),
        _ => (
            FcntlArg::Number(n.size() as u64),
            &[0, 1, 2, 3, 4, 8, 9, 10, 11, 1024, 1025, 1026, 1027, 1028, 1030, 1031, 1032, 1033, 1034],
        ),
    };
    let command = if n.one_in(16) { n.below(1100) as i32 } else { n.pick(commands) };
    cage.fcntl(fd, command, arg)
}

fn ioctl(cage: &Cage, n: &mut Numbers) -> Result<imfs::cage::IoctlResult> {
    use imfs::abi::ioctl::*;
    let fd = n.fd();
    let requests = [
        FIONREAD,
        FIONBIO,
        FIOCLEX,
        FIONCLEX,
        FIOASYNC,
        FIOQSIZE,
        FIGETBSZ,
        FIBMAP,
        FICLONE,
        FICLONERANGE,
        FIDEDUPERANGE,
        FIFREEZE,
        FITHAW,
        FS_IOC_GETFLAGS,
        FS_IOC_SETFLAGS,
        FS_IOC_FSGETXATTR,
        FS_IOC_FSSETXATTR,
        TCGETS,
    ];
    let request = if n.one_in(16) { n.any() as u32 } else { n.pick(&requests) };
    let arg = match request {
        FICLONERANGE => IoctlArg::CloneRange(n.clone_range()),
        FS_IOC_FSSETXATTR => IoctlArg::FsXattr(n.fsxattr()),
        FS_IOC_SETFLAGS => IoctlArg::Int(if n.one_in(8) { n.int() } else { 0 }),
        FICLONE => IoctlArg::Int(n.fd()),
        _ => IoctlArg::Int(n.int()),
    };
    cage.ioctl(fd, request, arg)
}

fn directory(cage: &Cage, n: &mut Numbers) -> Result<()> {
    let mut dir = cage.opendir(n.path())?;
    for _ in 0..n.below(4) {
        let _ = dir.readdir(cage);
        let place = if n.one_in(2) { dir.telldir() } else { n.size() };
        let _ = dir.seekdir(cage, place);
    }
    dir.closedir(cage)
}

fn vectors(cage: &Cage, n: &mut Numbers) -> Result<usize> {
    let (mut first, mut second) = (n.bytes(), n.bytes());
    let (fd, offset, flags) = (n.fd(), n.size(), RwFlags::from_bits_retain(n.flags() & 0x7f));
    if n.one_in(2) {
        let mut bufs = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
        return cage.preadv2(fd, &mut bufs, offset, flags);
    }
    cage.pwritev2(fd, &[IoSlice::new(&first), IoSlice::new(&second)], offset, flags)
}

fn select(cage: &Cage, n: &mut Numbers) -> Result<usize> {
    let mut words = [n.any(), n.any()];
    let [read, write] = &mut words;
    let sets =
        [Some(FdSet::new(std::slice::from_mut(read))), None, Some(FdSet::new(std::slice::from_mut(write)))];
    let timeout = if n.one_in(2) { Some(n.timespec()) } else { None };
    cage.select(n.int(), sets, timeout)
}

/// How many bytes to copy: seldom so many that they fill all space.
fn count(n: &mut Numbers) -> usize {
    if n.one_in(16) { n.size() as usize } else { n.len() }
}

fn copy(cage: &Cage, n: &mut Numbers) -> Result<usize> {
    let (mut read, mut write) = (n.size(), n.size());
    let read = if n.one_in(2) { Some(&mut read) } else { None };
    let write = if n.one_in(2) { Some(&mut write) } else { None };
    cage.copy_file_range(n.fd(), read, n.fd(), write, count(n), n.flags() & 1)
}

/// Makes something, an open file above all, so that the calls have something to do.
fn prepare(cage: &Cage, n: &mut Numbers) -> Result<i32> {
    let path = if n.one_in(2) { n.path() } else { n.pick(&[b"/a", b"/b", b"/c", b"/d"]).to_vec() };
    match n.below(12) {
        0 => cage.mkdir(path, Mode::RWXUGO).map(|()| 0),
        1 => cage.mkfifo(path, Mode::RWXUGO).map(|()| 0),
        2 => cage.symlink(n.pick(&[&b"a"[..], b"dir", b"..", b"loop", b"/"]), path).map(|()| 0),
        3 => cage.mknod(path, 0o020666, Dev::new(1, n.pick(&[3, 5, 7, 8, 9, 1]))).map(|()| 0),
        _ => cage.open(path, OFlags::CREAT | OFlags::RDWR | OFlags::NONBLOCK, Mode::RWXUGO),
    }
}

/// Who the cage is. Rarely, or nobody would be root for long.
fn identity(cage: &Cage, n: &mut Numbers) -> Result<()> {
    if !n.one_in(64) {
        return Ok(());
    }
    match n.below(8) {
        0 => cage.setuid(n.id()),
        1 => cage.setgid(n.id()),
        2 => cage.setresuid(n.id(), n.id(), n.id()),
        3 => cage.setresgid(n.id(), n.id(), n.id()),
        4 => cage.setfsuid(n.id()).map(drop),
        5 => cage.setgroups(&[n.id(), n.id()]),
        6 => cage.setreuid(n.id(), n.id()),
        _ => cage.setregid(n.id(), n.id()),
    }
}

pub(crate) const CALLS: &[Call] = calls! { cage, n:
    prepare => prepare(cage, n);
    prepare_more => prepare(cage, n);
    prepare_most => prepare(cage, n);
    openat => cage.openat(n.dirfd(), n.path(), oflags(n), n.mode());
    openat2 => {
        let (flags, mode) = (oflags(n).bits().into(), n.below(0o10001) as u64);
        let how = OpenHow { flags, mode, resolve: n.flags().into() };
        cage.openat2(n.dirfd(), n.path(), &how)
    };
    creat => cage.creat(n.path(), n.mode());
    close => cage.close(n.fd());
    close_range => if n.one_in(8) {
        let _ = cage.close_range(n.fd() as u32, n.fd() as u32, CloseRangeFlags::from_bits_retain(n.flags() & 7));
    };
    dup => if n.one_in(4) { let _ = cage.dup(n.fd()); };
    dup2 => if n.one_in(4) { let _ = cage.dup2(n.fd(), n.fd()); };
    dup3 => cage.dup3(n.fd(), n.fd(), OFlags::from_bits_retain(n.flags()));
    fcntl => fcntl(cage, n);
    fcntl_again => fcntl(cage, n);
    flock => cage.flock(n.fd(), FlockOp::from_bits_retain(n.flags() & 0x3f));
    ioctl => ioctl(cage, n);
    read => { let mut buf = n.bytes(); cage.read(n.fd(), &mut buf) };
    pread => { let mut buf = n.bytes(); cage.pread(n.fd(), &mut buf, n.size()) };
    write => cage.write(n.fd(), &n.bytes());
    write_more => cage.write(n.fd(), &n.bytes());
    pwrite => cage.pwrite(n.fd(), &n.bytes(), n.size());
    vectors => vectors(cage, n);
    lseek => cage.lseek(n.fd(), n.size(), n.whence());
    truncate => cage.truncate(n.path(), n.size());
    ftruncate => cage.ftruncate(n.fd(), n.size());
    fallocate => {
        let mode = FallocFlags::from_bits_retain(n.pick(&[0, 1, 3, 0x10, 0x11, 8, 0x20, 0x40, 0xff]));
        cage.fallocate(n.fd(), mode, n.size(), n.size())
    };
    fallocate_pages => {
        let mode = FallocFlags::from_bits_retain(n.pick(&[3, 8, 0x20]));
        cage.fallocate(n.fd(), mode, n.size() & !4095, n.size() & !4095)
    };
    copy_file_range => copy(cage, n);
    sendfile => {
        let mut at = n.size();
        cage.sendfile(n.fd(), n.fd(), Some(&mut at), count(n))
    };
    sendfile_on => cage.sendfile(n.fd(), n.fd(), None, n.len());
    mkdirat => cage.mkdirat(n.dirfd(), n.path(), n.mode());
    mknodat => {
        let mode = n.flags() << 12 & 0o170000 | n.mode().bits();
        cage.mknodat(n.dirfd(), n.path(), mode, Dev::from_raw(n.any()))
    };
    linkat => cage.linkat(n.dirfd(), n.path(), n.dirfd(), n.path(), at(n));
    symlinkat => cage.symlinkat(n.path(), n.dirfd(), n.path());
    readlinkat => { let mut buf = n.bytes(); cage.readlinkat(n.dirfd(), n.path(), &mut buf) };
    unlinkat => cage.unlinkat(n.dirfd(), n.path(), at(n));
    unlink => cage.unlink(n.path());
    rmdir => cage.rmdir(n.path());
    remove => cage.remove(n.path());
    renameat2 => {
        let flags = RenameFlags::from_bits_retain(n.pick(&[0, 0, 1, 2, 4, 7, 8]));
        cage.renameat2(n.dirfd(), n.path(), n.dirfd(), n.path(), flags)
    };
    bind => cage.bind(n.path());
    chdir => cage.chdir(n.path());
    fchdir => cage.fchdir(n.fd());
    chroot => if n.one_in(64) { let _ = cage.chroot(n.path()); };
    getcwd => cage.getcwd();
    umask => cage.umask(n.mode());
    faccessat => cage.faccessat(n.dirfd(), n.path(), Access::from_bits_retain(n.flags() & 15), at(n));
    statx => cage.statx(n.dirfd(), n.path(), at(n), StatxMask::from_bits_retain(n.flags()));
    fstatat => cage.fstatat(n.dirfd(), n.path(), at(n));
    fstat => cage.fstat(n.fd());
    statfs => cage.statfs(n.path());
    fstatfs => cage.fstatfs(n.fd());
    fchmodat => cage.fchmodat(n.dirfd(), n.path(), n.mode(), at(n));
    fchmod => cage.fchmod(n.fd(), n.mode());
    fchownat => cage.fchownat(n.dirfd(), n.path(), n.id(), n.id(), at(n));
    fchown => cage.fchown(n.fd(), n.id(), n.id());
    utimensat => cage.utimensat(n.dirfd(), n.path(), n.set_time(), n.set_time(), at(n));
    futimens => cage.futimens(n.fd(), n.set_time(), n.set_time());
    getxattr => { let mut buf = n.bytes(); cage.getxattr(n.path(), n.xattr_name(), &mut buf) };
    fgetxattr => { let mut buf = n.bytes(); cage.fgetxattr(n.fd(), n.xattr_name(), &mut buf) };
    setxattrat => {
        let flags = at(n);
        cage.setxattrat(n.dirfd(), n.path(), flags, n.xattr_name(), &n.value(), xattr_flags(n))
    };
    fsetxattr => cage.fsetxattr(n.fd(), n.xattr_name(), &n.value(), xattr_flags(n));
    llistxattr => { let mut buf = n.bytes(); cage.llistxattr(n.path(), &mut buf) };
    flistxattr => { let mut buf = n.bytes(); cage.flistxattr(n.fd(), &mut buf) };
    lremovexattr => cage.lremovexattr(n.path(), n.xattr_name());
    fremovexattr => cage.fremovexattr(n.fd(), n.xattr_name());
    getdents64 => { let mut buf = n.bytes(); cage.getdents64(n.fd(), &mut buf) };
    directory => directory(cage, n);
    pipe2 => if n.one_in(8) {
        let flags = n.pick(&[0, 0o4000, 0o2000000, 0o40000]) | n.flags() & 1;
        let _ = cage.pipe2(OFlags::from_bits_retain(flags));
    };
    poll => {
        let mut fds = [(); 3].map(|()| PollFd::new(n.fd(), PollFlags::from_bits_retain(n.flags() as u16)));
        cage.poll(&mut fds, n.int())
    };
    select => select(cage, n);
    fsync => cage.fsync(n.fd());
    sync_file_range => {
        let flags = SyncRangeFlags::from_bits_retain(n.flags());
        cage.sync_file_range(n.fd(), n.size(), n.size(), flags)
    };
    posix_fadvise => cage.posix_fadvise(n.fd(), n.size(), n.size(), n.int());
    readahead => cage.readahead(n.fd(), n.size(), n.size() as usize);
    pathconf => cage.pathconf(n.path(), n.below(23) as i32 - 1);
    fpathconf => cage.fpathconf(n.fd(), n.int());
    identity => identity(cage, n);
    exec => if n.one_in(64) { let _ = cage.exec(); };
    limits => if n.one_in(64) {
        cage.set_nofile(n.pick(&[0, 3, 10, 30, 64]));
        let _ = cage.set_fsize(n.pick(&[0, 5000, 1 << 20, u64::MAX]));
    };
    interrupt => cage.interrupt();
};
