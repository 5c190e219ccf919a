//! pipe(2), pipe2(2), F_GETPIPE_SZ, F_SETPIPE_SZ.

use std::io::{IoSlice, IoSliceMut};
use std::thread;

use imfs::Imfs;
use imfs::abi::{AT_FDCWD, AtFlags, Errno, FdFlags, Mode, OFlags, PIPEFS_MAGIC, RwFlags, Whence};
use imfs::inode::Credentials;
use imfs::inode::pipe::PipeLimits;

use crate::{RW, read, root, until};

#[test]
fn bytes_go_from_the_second_to_the_first() {
    let (_fs, cage) = root();
    let [r, w] = cage.pipe().unwrap();
    assert_eq!([r, w], [3, 4]);
    assert_eq!(cage.write(w, b"hello").unwrap(), 5);
    assert_eq!(read(&cage, r, 3).unwrap(), b"hel");
    assert_eq!(cage.writev(w, &[IoSlice::new(b" wo"), IoSlice::new(b"rld")]).unwrap(), 6);
    let (mut a, mut b) = ([0; 4], [0; 20]);
    assert_eq!(cage.readv(r, &mut [IoSliceMut::new(&mut a), IoSliceMut::new(&mut b)]).unwrap(), 8);
    assert_eq!((&a, &b[..4]), (b"lo w", &b"orld"[..]));
    cage.close(w).unwrap();
    assert_eq!(read(&cage, r, 3).unwrap(), b"");
}

#[test]
fn ends_have_their_direction_and_no_offset() {
    let (_fs, cage) = root();
    let [r, w] = cage.pipe().unwrap();
    assert_eq!(read(&cage, w, 1), Err(Errno::EBADF));
    assert_eq!(cage.write(r, b"x"), Err(Errno::EBADF));
    for fd in [r, w] {
        assert_eq!(cage.pread(fd, &mut [0], 0), Err(Errno::ESPIPE));
        assert_eq!(cage.pwrite(fd, b"x", 0), Err(Errno::ESPIPE));
        assert_eq!(cage.pread(fd, &mut [0], -1), Err(Errno::EINVAL));
        assert_eq!(cage.lseek(fd, 0, Whence::Cur), Err(Errno::ESPIPE));
        assert_eq!(cage.ftruncate(fd, 0), Err(Errno::EINVAL));
        assert_eq!(cage.fsync(fd), Err(Errno::EINVAL));
        assert_eq!(cage.fchdir(fd), Err(Errno::ENOTDIR));
    }
    assert_eq!(cage.getfl(r).unwrap().access_mode(), OFlags::RDONLY);
    assert_eq!(cage.getfl(w).unwrap().access_mode(), OFlags::WRONLY);
}

#[test]
fn attributes_are_those_of_pipefs() {
    let fs = Imfs::builder().inodes(1).build().unwrap();
    let cage = fs.create_cage(1, Credentials::new(5, 6)).unwrap();
    let [r, w] = cage.pipe().unwrap();
    let stat = cage.fstat(r).unwrap();
    assert_eq!((stat.mode, stat.nlink, stat.uid, stat.gid, stat.size), (0o010600, 1, 5, 6, 0));
    assert_eq!(cage.fstat(w).unwrap().ino, stat.ino);
    assert_ne!(stat.dev, cage.stat("/").unwrap().dev);
    assert_eq!(cage.fstatfs(r).unwrap().kind, PIPEFS_MAGIC);
    cage.fchmod(w, RW).unwrap();
    assert_eq!(cage.fstat(r).unwrap().mode, 0o010644);
    // It does not count as an inode, coming or going.
    cage.close(r).unwrap();
    cage.close(w).unwrap();
    assert_eq!(cage.statfs("/").unwrap().ffree, 0);
}

#[test]
fn a_pipe_gets_no_name() {
    let (_fs, cage) = root();
    let [r, _] = cage.pipe().unwrap();
    let link = cage.linkat(r, "", AT_FDCWD, "/name", AtFlags::EMPTY_PATH);
    assert_eq!(link, Err(Errno::EXDEV));
}

#[test]
fn flags() {
    let (_fs, cage) = root();
    let [r, w] = cage.pipe2(OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::DIRECT).unwrap();
    assert_eq!(cage.getfd(r).unwrap(), FdFlags::CLOEXEC);
    assert_eq!(cage.getfd(w).unwrap(), FdFlags::CLOEXEC);
    assert_eq!(cage.getfl(r).unwrap(), OFlags::NONBLOCK);
    assert_eq!(cage.getfl(w).unwrap(), OFlags::WRONLY | OFlags::NONBLOCK | OFlags::DIRECT);
    assert_eq!(read(&cage, r, 1), Err(Errno::EAGAIN));
    // Packets: a read takes one, and what it does not take is gone.
    assert_eq!(cage.write(w, b"first").unwrap(), 5);
    assert_eq!(cage.write(w, b"second").unwrap(), 6);
    assert_eq!(read(&cage, r, 2).unwrap(), b"fi");
    assert_eq!(read(&cage, r, 20).unwrap(), b"second");
    cage.exec().expect("exec");
    assert_eq!(cage.getfd(r), Err(Errno::EBADF));
    for flag in [OFlags::APPEND, OFlags::CREAT, OFlags::from_bits_retain(1)] {
        assert_eq!(cage.pipe2(flag), Err(Errno::EINVAL));
    }
    assert_eq!(cage.pipe2(OFlags::EXCL), Err(Errno::ENOPKG));
}

#[test]
fn no_descriptor_left_leaves_nothing_behind() {
    let limits = PipeLimits::default();
    let fs = Imfs::builder().nofile(6).files(5).pipes(limits).build().unwrap();
    let cage = fs.create_cage(1, Credentials::root()).unwrap();
    let first = cage.pipe().unwrap();
    assert_eq!(cage.pipe(), Err(Errno::EMFILE));
    let one = cage.dup(first[0]).unwrap();
    assert_eq!(one, 5);
    assert_eq!(cage.pipe(), Err(Errno::EMFILE));
    cage.set_nofile(100);
    let second = cage.pipe().unwrap();
    assert_eq!(second, [6, 7]);
    assert_eq!(cage.pipe(), Err(Errno::ENFILE));
    // Of a pipe that was made in part, the reading end is gone too: there is one description left.
    assert_eq!(cage.open("/", OFlags::RDONLY, RW), Ok(8));
    assert_eq!(cage.open("/", OFlags::RDONLY, RW), Err(Errno::ENFILE));
}

#[test]
fn sizes() {
    let (fs, cage) = root();
    let [r, w] = cage.pipe2(OFlags::NONBLOCK).unwrap();
    assert_eq!(cage.getpipe_sz(r).unwrap(), 65536);
    assert_eq!(cage.setpipe_sz(w, 5000).unwrap(), 8192);
    assert_eq!(cage.write(w, &[0; 10_000]).unwrap(), 8192);
    assert_eq!(cage.setpipe_sz(r, 1), Err(Errno::EBUSY));
    assert_eq!(cage.setpipe_sz(r, u32::MAX), Err(Errno::EINVAL));
    assert_eq!(cage.setpipe_sz(r, 1 << 21).unwrap(), 1 << 21);
    let user = fs.create_cage(2, Credentials::new(1000, 1000)).unwrap();
    let [r, _] = user.pipe().unwrap();
    assert_eq!(user.setpipe_sz(r, (1 << 20) + 1), Err(Errno::EPERM));
    assert_eq!(user.setpipe_sz(r, 1 << 20).unwrap(), 1 << 20);
    let file = cage.open("/", OFlags::RDONLY, Mode::empty()).unwrap();
    assert_eq!(cage.getpipe_sz(file), Err(Errno::EBADF));
    assert_eq!(cage.setpipe_sz(99, 1), Err(Errno::EBADF));
}

#[test]
fn nowait_is_for_one_call() {
    let (_fs, cage) = root();
    let [r, w] = cage.pipe().unwrap();
    let mut byte = [0];
    let mut bufs = [IoSliceMut::new(&mut byte)];
    assert_eq!(cage.preadv2(r, &mut bufs, -1, RwFlags::NOWAIT), Err(Errno::EAGAIN));
    assert_eq!(cage.preadv2(r, &mut bufs, 0, RwFlags::NOWAIT), Err(Errno::ESPIPE));
    let page = [0; 65536];
    assert_eq!(cage.pwritev2(w, &[IoSlice::new(&page)], -1, RwFlags::APPEND).unwrap(), 65536);
    assert_eq!(cage.pwritev2(w, &[IoSlice::new(b"x")], -1, RwFlags::NOWAIT), Err(Errno::EAGAIN));
    let unknown = RwFlags::from_bits_retain(1 << 20);
    assert_eq!(cage.pwritev2(w, &[IoSlice::new(b"x")], -1, unknown), Err(Errno::EOPNOTSUPP));
}

#[test]
fn the_time_stamps_stand_still() {
    let (_fs, cage) = root();
    let [r, w] = cage.pipe().unwrap();
    let born = cage.fstat(r).unwrap();
    cage.write(w, b"xy").unwrap();
    read(&cage, r, 1).unwrap();
    assert_eq!(cage.fstat(w).unwrap(), born);
}

#[test]
fn a_forked_cage_shares_the_pipe_and_exit_closes_it() {
    let (fs, parent) = root();
    let [r, w] = parent.pipe().unwrap();
    let child = fs.fork(1, 2).unwrap();
    parent.close(w).unwrap();
    child.close(r).unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| (read(&parent, r, 10), read(&parent, r, 10)));
        child.write(w, b"from child").unwrap();
        fs.exit(2).unwrap();
        assert_eq!(reader.join().unwrap(), (Ok(b"from child".to_vec()), Ok(vec![])));
    });
}

#[test]
fn interrupt_and_exit_end_blocked_calls() {
    let (fs, cage) = root();
    let [r, w] = cage.pipe().unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| read(&cage, r, 1));
        until(|| cage.interrupts().blocked() == 1);
        cage.interrupt();
        assert_eq!(reader.join().unwrap(), Err(Errno::EINTR));
        let writer = scope.spawn(|| cage.write(w, &[0; 100_000]));
        until(|| cage.interrupts().blocked() == 1);
        fs.exit(1).unwrap();
        assert_eq!(writer.join().unwrap(), Ok(65536));
        assert_eq!(read(&cage, r, 1), Err(Errno::EBADF));
    });
}
