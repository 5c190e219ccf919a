//! The requests of ioctl(2) that concern files: ioctl_iflags(2) and what immutable and append-only mean to all other
//! calls, clones, and refusals.

use std::io::IoSlice;

use imfs::Cage;
use imfs::abi::ioctl::*;
use imfs::abi::{
    AT_FDCWD, Access, AtFlags, Errno, FallocFlags, FileCloneRange, FsXattr, OFlags, RwFlags, SetTime,
    StatxAttr, StatxMask, XattrFlags,
};
use imfs::cage::{IoctlArg, IoctlResult};

use super::fixture::{CLOSED, USER, World, bytes, file, mode, open};

fn set_flags(cage: &Cage, fd: i32, flags: u32) -> Result<IoctlResult, Errno> {
    cage.ioctl(fd, FS_IOC_SETFLAGS, flags as i32)
}

#[test]
fn flags_are_set_shown_and_inherited() {
    let World { root, .. } = World::new();
    let fd = open(&root, "/file");
    assert_eq!(root.ioctl(fd, FS_IOC_GETFLAGS, 0), Ok(IoctlResult::Int(0)));
    let before = root.fstat(fd).unwrap();
    set_flags(&root, fd, FS_NODUMP_FL | FS_APPEND_FL).unwrap();
    assert_eq!(root.ioctl(fd, FS_IOC_GETFLAGS, 0), Ok(IoctlResult::Int(0x60)));
    assert_eq!(
        root.ioctl(fd, FS_IOC_FSGETXATTR, 0),
        Ok(IoctlResult::FsXattr(FsXattr { xflags: 0x90, ..FsXattr::default() }))
    );
    let after = root.fstat(fd).unwrap();
    assert!(after.ctime > before.ctime && (after.mtime, after.mode) == (before.mtime, before.mode));
    let statx = root.statx(AT_FDCWD, "/file", AtFlags::empty(), StatxMask::BASIC_STATS).unwrap();
    assert_eq!(statx.attributes, StatxAttr::APPEND | StatxAttr::NODUMP);
    root.mkdir("/dir", mode(0o755)).unwrap();
    let dir = root.open("/dir", OFlags::RDONLY, mode(0)).unwrap();
    root.ioctl(dir, FS_IOC_FSSETXATTR, FsXattr { xflags: 0xc0, ..FsXattr::default() }).unwrap();
    let inside = open(&root, "/dir/file");
    assert_eq!(root.ioctl(inside, FS_IOC_GETFLAGS, 0), Ok(IoctlResult::Int(0xc0)));
    assert_eq!(root.fstat(inside).unwrap().mode, 0o100644);
}

#[test]
fn who_may_set_which_flags() {
    let world = World::new();
    let (root, user) = (&world.root, world.user());
    let fd = open(root, "/file");
    assert_eq!(set_flags(root, fd, 0x8), Err(Errno::EOPNOTSUPP));
    let project = FsXattr { projid: 1, ..FsXattr::default() };
    assert_eq!(root.ioctl(fd, FS_IOC_FSSETXATTR, project), Err(Errno::EOPNOTSUPP));
    assert_eq!(root.ioctl(fd, FS_IOC_FSSETXATTR, 0), Err(Errno::EFAULT));
    let theirs = user.open("/file", OFlags::RDONLY, mode(0)).unwrap();
    assert_eq!(set_flags(&user, theirs, 0), Err(Errno::EPERM));
    root.chown("/file", USER, USER).unwrap();
    assert_eq!(set_flags(&user, theirs, FS_NODUMP_FL), Ok(IoctlResult::Nothing));
    assert_eq!(set_flags(&user, theirs, FS_IMMUTABLE_FL), Err(Errno::EPERM));
    root.mkfifo("/fifo", mode(0o644)).unwrap();
    let fifo = root.open("/fifo", OFlags::RDWR, mode(0)).unwrap();
    assert_eq!(root.ioctl(fifo, FS_IOC_GETFLAGS, 0), Err(Errno::ENOTTY));
}

#[test]
fn an_append_only_file_only_grows() {
    let World { root, .. } = World::new();
    let fd = file(&root, "/file", b"text");
    set_flags(&root, fd, FS_APPEND_FL).unwrap();
    let open = |flags| root.open("/file", flags, mode(0)).map(drop);
    assert_eq!(open(OFlags::RDWR), Err(Errno::EPERM));
    assert_eq!(open(OFlags::RDONLY | OFlags::TRUNC), Err(Errno::EPERM));
    assert_eq!(open(OFlags::WRONLY | OFlags::APPEND), Ok(()));
    assert_eq!(root.ftruncate(fd, 0), Err(Errno::EPERM));
    assert_eq!(root.truncate("/file", 0), Err(Errno::EPERM));
    assert_eq!(root.unlink("/file"), Err(Errno::EPERM));
    assert_eq!(root.rename("/file", "/other"), Err(Errno::EPERM));
    assert_eq!(root.link("/file", "/other"), Err(Errno::EPERM));
    assert_eq!(root.chmod("/file", mode(0o600)), Err(Errno::EPERM));
    assert_eq!(root.setxattr("/file", "user.a", b"", XattrFlags::empty()), Err(Errno::EPERM));
    assert_eq!(root.futimens(fd, SetTime::Now, SetTime::Now), Ok(()));
    assert_eq!(root.futimens(fd, SetTime::Omit, SetTime::Now), Err(Errno::EPERM));
    assert_eq!(root.fallocate(fd, FallocFlags::empty(), 0, 1), Ok(()));
    assert_eq!(root.fallocate(fd, FallocFlags::ZERO_RANGE, 0, 1), Err(Errno::EPERM));
    assert_eq!(root.setfl(fd, OFlags::NONBLOCK), Ok(()));
    assert_eq!(root.setfl(fd, OFlags::APPEND), Err(Errno::EPERM));
    assert_eq!(root.write(fd, b"x"), Ok(1));
    let appender = root.open("/file", OFlags::WRONLY | OFlags::APPEND, mode(0)).unwrap();
    let text = [IoSlice::new(b"x")];
    assert_eq!(root.pwritev2(appender, &text, 0, RwFlags::NOAPPEND), Err(Errno::EPERM));
    assert_eq!(root.pwritev2(appender, &text, 0, RwFlags::APPEND), Ok(1));
    assert_eq!(root.access("/file", Access::WRITE), Ok(()));
}

#[test]
fn an_immutable_file_stays_as_it_is() {
    let World { root, .. } = World::new();
    let (fd, source) = (file(&root, "/file", b"text"), file(&root, "/source", b"data"));
    set_flags(&root, fd, FS_IMMUTABLE_FL).unwrap();
    assert_eq!(root.open("/file", OFlags::RDWR | OFlags::APPEND, mode(0)), Err(Errno::EPERM));
    assert_eq!(root.access("/file", Access::WRITE), Err(Errno::EPERM));
    assert_eq!(root.truncate("/file", 0), Err(Errno::EPERM));
    assert_eq!(root.unlink("/file"), Err(Errno::EPERM));
    assert_eq!(root.link("/file", "/other"), Err(Errno::EPERM));
    assert_eq!(root.chown("/file", USER, USER), Err(Errno::EPERM));
    assert_eq!(root.chown("/file", u32::MAX, u32::MAX), Ok(()));
    assert_eq!(root.futimens(fd, SetTime::Now, SetTime::Now), Err(Errno::EPERM));
    assert_eq!(root.fallocate(fd, FallocFlags::empty(), 0, 1), Err(Errno::EPERM));
    assert_eq!(root.copy_file_range(source, None, fd, None, 4, 0), Err(Errno::EPERM));
    assert_eq!(root.ficlone(fd, source), Err(Errno::EPERM));
    assert_eq!(root.removexattr("/file", "user.a"), Err(Errno::EPERM));
    assert_eq!(root.removexattr("/file", "system.posix_acl_access"), Err(Errno::EPERM));
    // Who has it open for writing already may go on.
    assert_eq!(root.write(fd, b"x"), Ok(1));
    assert_eq!(root.ftruncate(fd, 3), Ok(()));
    set_flags(&root, fd, 0).unwrap();
    assert_eq!(root.unlink("/file"), Ok(()));
}

#[test]
fn directories_too() {
    let World { root, .. } = World::new();
    root.mkdir("/dir", mode(0o777)).unwrap();
    let dir = root.open("/dir", OFlags::RDONLY, mode(0)).unwrap();
    set_flags(&root, dir, FS_APPEND_FL).unwrap();
    open(&root, "/dir/file");
    assert_eq!(root.unlink("/dir/file"), Err(Errno::EPERM));
    assert_eq!(root.rename("/dir/file", "/file"), Err(Errno::EPERM));
    open(&root, "/other");
    assert_eq!(root.rename("/other", "/dir/other"), Ok(()));
    set_flags(&root, dir, FS_IMMUTABLE_FL).unwrap();
    assert_eq!(root.mkdir("/dir/sub", mode(0o777)), Err(Errno::EPERM));
    assert_eq!(root.rename("/dir", "/elsewhere"), Err(Errno::EPERM));
    assert_eq!(root.rmdir("/dir"), Err(Errno::EPERM));
}

#[test]
fn a_file_may_keep_its_access_time() {
    let World { root, .. } = World::new();
    let fd = file(&root, "/file", b"text");
    set_flags(&root, fd, FS_NOATIME_FL).unwrap();
    let before = root.fstat(fd).unwrap();
    root.read(fd, &mut [0; 4]).unwrap();
    assert_eq!(root.fstat(fd).unwrap(), before);
}

#[test]
fn clones_and_refusals_go_through_the_one_entry() {
    let World { root, .. } = World::new();
    let (from, to) = (file(&root, "/from", &[1; 5000]), open(&root, "/to"));
    assert_eq!(root.ioctl(to, FICLONE, from), Ok(IoctlResult::Nothing));
    assert_eq!(bytes(&root, to), [1; 5000]);
    let range = FileCloneRange { src_fd: from.into(), src_length: 4096, dest_offset: 8192, src_offset: 0 };
    assert_eq!(root.ioctl(to, FICLONERANGE, range), Ok(IoctlResult::Nothing));
    assert_eq!(root.fstat(to).unwrap().size, 12288);
    assert_eq!(root.ioctl(to, FICLONERANGE, 5), Err(Errno::EFAULT));
    let [reader, writer] = root.pipe().unwrap();
    assert_eq!(root.ioctl(writer, FICLONE, from), Err(Errno::EXDEV));
    assert_eq!(root.ioctl(reader, FIBMAP, 0), Err(Errno::ENOTTY));
    let dir = root.open("/", OFlags::RDONLY, mode(0)).unwrap();
    let cases = [
        (from, TCGETS, Errno::ENOTTY),
        (dir, FIONREAD, Errno::ENOTTY),
        (from, 0x1234_5678, Errno::ENOTTY),
        (from, FS_IOC_GETVERSION, Errno::ENOTTY),
        (from, FIFREEZE, Errno::EOPNOTSUPP),
        (from, FITHAW, Errno::EINVAL),
        (from, FS_IOC_FIEMAP, Errno::EOPNOTSUPP),
        (from, FIDEDUPERANGE, Errno::EOPNOTSUPP),
        (from, FIBMAP, Errno::EINVAL),
        (CLOSED, TCGETS, Errno::EBADF),
    ];
    for (fd, request, errno) in cases {
        assert_eq!(root.ioctl(fd, request, IoctlArg::Int(0)), Err(errno), "{request:x}");
    }
}
