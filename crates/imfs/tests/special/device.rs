//! The devices null, zero, full, random and urandom (null(4), full(4), random(4)), and those that are not there.

use std::io::{IoSlice, IoSliceMut};

use imfs::abi::{Dev, Errno, FileType, OFlags, RwFlags, Whence};
use imfs::inode::Credentials;

use crate::{RW, mknod, read, root};

fn open(cage: &imfs::Cage, minor: u32) -> i32 {
    let path = format!("/dev{minor}");
    mknod(cage, &path, FileType::CharDevice, Dev::new(1, minor));
    cage.open(path, OFlags::RDWR, RW).unwrap()
}

#[test]
fn reads_and_writes() {
    let (_fs, cage) = root();
    let [null, zero, full, random, urandom] = [3, 5, 7, 8, 9].map(|minor| open(&cage, minor));
    assert_eq!(read(&cage, null, 10).unwrap(), b"");
    assert_eq!(read(&cage, zero, 5000).unwrap(), [0; 5000]);
    assert_eq!(read(&cage, full, 10).unwrap(), [0; 10]);
    assert_ne!(read(&cage, random, 64).unwrap(), read(&cage, urandom, 64).unwrap());
    for fd in [null, zero, random, urandom] {
        assert_eq!(cage.write(fd, b"gone").unwrap(), 4);
        assert_eq!(cage.pwrite(fd, b"gone", 1 << 40).unwrap(), 4);
        assert_eq!(cage.pwrite(fd, b"gone", -1), Err(Errno::EINVAL));
    }
    assert_eq!(cage.write(full, b"x"), Err(Errno::ENOSPC));
    assert_eq!(cage.pread(zero, &mut [1; 4], 7).unwrap(), 4);
    for fd in [null, zero, full, random, urandom] {
        assert_eq!(cage.lseek(fd, 100, Whence::End).unwrap(), 0);
        assert_eq!(cage.fsync(fd), Err(Errno::EINVAL));
        assert_eq!(cage.ftruncate(fd, 0), Err(Errno::EINVAL));
        assert_eq!(cage.setfl(fd, OFlags::DIRECT), Err(Errno::EINVAL));
    }
}

#[test]
fn opens() {
    let (fs, cage) = root();
    open(&cage, 3);
    assert_eq!(cage.open("/dev3", OFlags::RDWR | OFlags::DIRECT, RW), Err(Errno::EINVAL));
    let written = cage.open("/dev3", OFlags::WRONLY | OFlags::TRUNC | OFlags::APPEND, RW).unwrap();
    assert_eq!(read(&cage, written, 1), Err(Errno::EBADF));
    assert_eq!(cage.pread(written, &mut [0], 0), Err(Errno::EBADF));
    let only_read = cage.open("/dev3", OFlags::RDONLY, RW).unwrap();
    assert_eq!(cage.pwrite(only_read, b"x", 0), Err(Errno::EBADF));
    for (n, kind, dev) in [
        (0, FileType::CharDevice, Dev::new(1, 4)),
        (1, FileType::CharDevice, Dev::new(200, 3)),
        (2, FileType::BlockDevice, Dev::new(1, 3)),
        (3, FileType::Socket, Dev::default()),
    ] {
        let path = format!("/none{n}");
        mknod(&cage, &path, kind, dev);
        assert_eq!(cage.open(&path, OFlags::RDONLY, RW), Err(Errno::ENXIO));
        assert!(cage.open(&path, OFlags::PATH, RW).is_ok());
    }
    let user = fs.create_cage(2, Credentials::new(1000, 1000)).unwrap();
    assert_eq!(user.open("/dev3", OFlags::RDWR, RW), Err(Errno::EACCES));
}

#[test]
fn flags_of_one_call() {
    let (_fs, cage) = root();
    let (zero, full) = (open(&cage, 5), open(&cage, 7));
    let mut bytes = [1; 4];
    let mut bufs = [IoSliceMut::new(&mut bytes)];
    assert_eq!(cage.preadv2(zero, &mut bufs, -1, RwFlags::NOWAIT).unwrap(), 4);
    let mut bufs = [IoSliceMut::new(&mut bytes)];
    assert_eq!(cage.preadv2(full, &mut bufs, -1, RwFlags::NOWAIT), Err(Errno::EOPNOTSUPP));
    assert_eq!(cage.pwritev2(zero, &[IoSlice::new(b"x")], 5, RwFlags::NOWAIT).unwrap(), 1);
    let unknown = RwFlags::from_bits_retain(1 << 20);
    assert_eq!(cage.pwritev2(zero, &[IoSlice::new(b"x")], 5, unknown), Err(Errno::EOPNOTSUPP));
}
