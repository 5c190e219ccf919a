//! fcntl(2): commands that are not tested with dup(2), open(2), pipe(2) or flock(2).

use imfs::abi::fcntl::*;
use imfs::abi::{Errno, FOwnerEx, OFlags};
use imfs::cage::FcntlArg::{self, Hint, Number, Owner};

use super::fixture::{CLOSED, World, mode, open};

const NONE: FcntlArg<'static> = Number(0);

#[test]
fn one_entry_answers_all_commands_about_descriptors() {
    let World { root, .. } = World::new();
    let fd = open(&root, "/file");
    assert_eq!(root.fcntl(fd, F_DUPFD, Number(10)), Ok(10));
    assert_eq!(root.fcntl(fd, F_DUPFD_CLOEXEC, Number(10)), Ok(11));
    assert_eq!(root.fcntl(fd, F_DUPFD, Number(u64::MAX)), Err(Errno::EINVAL));
    assert_eq!(root.fcntl(11, F_GETFD, NONE), Ok(1));
    assert_eq!(root.fcntl(11, F_SETFD, Number(2)), Ok(0));
    assert_eq!(root.fcntl(11, F_GETFD, NONE), Ok(0));
    let append = OFlags::APPEND.bits();
    assert_eq!(root.fcntl(fd, F_SETFL, Number(append.into())), Ok(0));
    assert_eq!(
        root.fcntl(10, F_GETFL, NONE),
        Ok((OFlags::RDWR | OFlags::APPEND | OFlags::LARGEFILE).bits() as i32)
    );
    assert_eq!(root.fcntl(fd, F_DUPFD_QUERY, Number(10)), Ok(1));
    assert_eq!(root.fcntl(fd, F_DUPFD_QUERY, Number(open(&root, "/file") as u64)), Ok(0));
    assert_eq!(root.fcntl(fd, F_DUPFD_QUERY, Number(CLOSED as u64)), Err(Errno::EBADF));
    let [reader, _] = root.pipe().unwrap();
    assert_eq!(root.fcntl(reader, F_SETPIPE_SZ, Number(5000)), Ok(8192));
    assert_eq!(root.fcntl(reader, F_GETPIPE_SZ, NONE), Ok(8192));
    assert_eq!(root.fcntl(fd, F_GETPIPE_SZ, NONE), Err(Errno::EBADF));
}

#[test]
fn unknown_commands_wrong_arguments_and_descriptors_that_are_only_a_place() {
    let World { root, .. } = World::new();
    let fd = open(&root, "/file");
    let path = root.open("/file", OFlags::PATH, mode(0)).unwrap();
    assert_eq!(root.fcntl(fd, 9999, NONE), Err(Errno::EINVAL));
    assert_eq!(root.fcntl(path, 9999, NONE), Err(Errno::EBADF));
    assert_eq!(root.fcntl(CLOSED, 9999, NONE), Err(Errno::EBADF));
    assert_eq!(root.fcntl(path, F_GETFL, NONE), Ok(OFlags::PATH.bits() as i32));
    assert_eq!(root.fcntl(path, F_SETFL, NONE), Err(Errno::EBADF));
    assert_eq!(root.fcntl(path, F_GETOWN, NONE), Err(Errno::EBADF));
    assert_eq!(root.fcntl(fd, F_SETLK, NONE), Err(Errno::EFAULT));
    assert_eq!(root.fcntl(CLOSED, F_SETLK, NONE), Err(Errno::EBADF));
    assert_eq!(root.fcntl(fd, F_GET_FILE_RW_HINT, Hint(&mut 0)), Err(Errno::EINVAL));
}

#[test]
fn open_tells_whether_it_made_the_file() {
    let World { root, .. } = World::new();
    let (made, found) = (open(&root, "/file"), open(&root, "/file"));
    assert_eq!(root.fcntl(made, F_CREATED_QUERY, NONE), Ok(1));
    assert_eq!(root.fcntl(root.dup(made).unwrap(), F_CREATED_QUERY, NONE), Ok(1));
    assert_eq!(root.fcntl(found, F_CREATED_QUERY, NONE), Ok(0));
    let tmpfile = root.open("/", OFlags::TMPFILE | OFlags::RDWR, mode(0o600)).unwrap();
    assert_eq!(root.fcntl(tmpfile, F_CREATED_QUERY, NONE), Ok(0));
}

#[test]
fn the_owner_and_the_signal_are_kept_by_the_description() {
    let World { root, .. } = World::new();
    let fd = open(&root, "/file");
    let other = root.dup(fd).unwrap();
    assert_eq!(root.fcntl(fd, F_GETOWN, NONE), Ok(0));
    assert_eq!(root.fcntl(fd, F_SETOWN, Number(-5_i64 as u64)), Ok(0));
    assert_eq!(root.fcntl(other, F_GETOWN, NONE), Ok(-5));
    let mut owner = FOwnerEx::default();
    assert_eq!(root.fcntl(fd, F_GETOWN_EX, Owner(&mut owner)), Ok(0));
    assert_eq!(owner, FOwnerEx { kind: FOwnerEx::PGRP, pid: 5 });
    owner = FOwnerEx { kind: FOwnerEx::TID, pid: 7 };
    assert_eq!(root.fcntl(fd, F_SETOWN_EX, Owner(&mut owner)), Ok(0));
    assert_eq!(root.fcntl(fd, F_GETOWN, NONE), Ok(7));
    owner.kind = 3;
    assert_eq!(root.fcntl(fd, F_SETOWN_EX, Owner(&mut owner)), Err(Errno::EINVAL));
    assert_eq!(root.fcntl(fd, F_SETOWN, Number(i32::MIN as u64)), Err(Errno::EINVAL));
    assert_eq!(root.fcntl(fd, F_SETSIG, Number(65)), Err(Errno::EINVAL));
    assert_eq!(root.fcntl(fd, F_SETSIG, Number(64)), Ok(0));
    assert_eq!(root.fcntl(other, F_GETSIG, NONE), Ok(64));
}

#[test]
fn hints_are_kept_by_the_file() {
    let world = World::new();
    let root = &world.root;
    let fd = open(root, "/file");
    let mut hint = 9;
    assert_eq!(root.fcntl(fd, F_GET_RW_HINT, Hint(&mut hint)), Ok(0));
    assert_eq!(hint, 0);
    assert_eq!(root.fcntl(fd, F_SET_RW_HINT, Hint(&mut 6)), Err(Errno::EINVAL));
    assert_eq!(root.fcntl(fd, F_SET_RW_HINT, Hint(&mut 5)), Ok(0));
    assert_eq!(root.fcntl(open(root, "/file"), F_GET_RW_HINT, Hint(&mut hint)), Ok(0));
    assert_eq!((hint, root.fstat(fd).unwrap().mode), (5, 0o100644));
    let user = world.user();
    let theirs = user.open("/file", OFlags::RDONLY, mode(0)).unwrap();
    assert_eq!(user.fcntl(theirs, F_SET_RW_HINT, Hint(&mut 1)), Err(Errno::EPERM));
}

#[test]
fn seals_leases_and_notifications_are_refused_as_on_a_tmpfs_without_them() {
    let World { root, .. } = World::new();
    let fd = open(&root, "/file");
    let reader = root.open("/file", OFlags::RDONLY, mode(0)).unwrap();
    let dir = root.open("/", OFlags::RDONLY, mode(0)).unwrap();
    assert_eq!(root.fcntl(fd, F_GET_SEALS, NONE), Ok(1));
    assert_eq!(root.fcntl(fd, F_ADD_SEALS, NONE), Err(Errno::EPERM));
    assert_eq!(root.fcntl(fd, F_ADD_SEALS, Number(1 << 20)), Err(Errno::EINVAL));
    assert_eq!(root.fcntl(reader, F_ADD_SEALS, Number(1 << 20)), Err(Errno::EPERM));
    assert_eq!(root.fcntl(dir, F_GET_SEALS, NONE), Err(Errno::EINVAL));
    assert_eq!(root.fcntl(fd, F_GETLEASE, NONE), Ok(F_UNLCK.into()));
    assert_eq!(root.fcntl(fd, F_SETLEASE, Number(2)), Err(Errno::EAGAIN));
    assert_eq!(root.fcntl(dir, F_SETLEASE, Number(2)), Err(Errno::EINVAL));
    assert_eq!(root.fcntl(fd, F_SETLEASE, Number(0)), Err(Errno::EINVAL));
    assert_eq!(root.fcntl(fd, F_NOTIFY, NONE), Ok(0));
    assert_eq!(root.fcntl(fd, F_NOTIFY, Number(1)), Err(Errno::ENOTDIR));
    assert_eq!(root.fcntl(dir, F_NOTIFY, Number(1)), Err(Errno::EINVAL));
}
