//! ioctl(2).

use imfs::abi::ioctl::{FIGETBSZ, FIOASYNC, FIOCLEX, FIONBIO, FIONCLEX, FIONREAD, FIOQSIZE, TCGETS};
use imfs::abi::{Dev, Errno, FdFlags, FileType, OFlags, Whence};
use imfs::cage::IoctlResult::{Int, Long, Nothing};

use crate::{RW, mknod, root};

#[test]
fn fionread_counts_what_is_left() {
    let (_fs, cage) = root();
    let file = cage.open("/file", OFlags::CREAT | OFlags::RDWR, RW).unwrap();
    cage.write(file, &[0; 10_000]).unwrap();
    assert_eq!(cage.ioctl(file, FIONREAD, 0), Ok(Int(0)));
    cage.lseek(file, 1000, Whence::Set).unwrap();
    assert_eq!(cage.ioctl(file, FIONREAD, 0), Ok(Int(9000)));
    cage.lseek(file, 20_000, Whence::Set).unwrap();
    assert_eq!(cage.ioctl(file, FIONREAD, 0), Ok(Int(-10_000)));
    assert_eq!(cage.ioctl(file, FIOQSIZE, 0), Ok(Long(12288)));
    let [r, w] = cage.pipe().unwrap();
    cage.write(w, b"hello").unwrap();
    assert_eq!(cage.ioctl(r, FIONREAD, 0), Ok(Int(5)));
    assert_eq!(cage.ioctl(w, FIONREAD, 0), Ok(Int(5)));
    assert_eq!(cage.ioctl(w, FIOQSIZE, 0), Err(Errno::ENOTTY));
}

#[test]
fn flags_of_descriptor_and_description() {
    let (_fs, cage) = root();
    let [r, _] = cage.pipe().unwrap();
    let copy = cage.dup(r).unwrap();
    assert_eq!(cage.ioctl(r, FIOCLEX, 0), Ok(Nothing));
    assert_eq!((cage.getfd(r), cage.getfd(copy)), (Ok(FdFlags::CLOEXEC), Ok(FdFlags::empty())));
    assert_eq!(cage.ioctl(r, FIONCLEX, 0), Ok(Nothing));
    assert_eq!(cage.getfd(r), Ok(FdFlags::empty()));
    assert_eq!(cage.ioctl(r, FIONBIO, 1), Ok(Nothing));
    assert_eq!(cage.ioctl(r, FIOASYNC, 1), Ok(Nothing));
    assert_eq!(cage.getfl(copy), Ok(OFlags::NONBLOCK | OFlags::ASYNC));
    assert_eq!(cage.ioctl(r, FIONBIO, 0), Ok(Nothing));
    assert_eq!(cage.getfl(copy), Ok(OFlags::ASYNC));
    assert_eq!(cage.ioctl(r, FIGETBSZ, 0), Ok(Int(4096)));
}

#[test]
fn what_files_do_not_know() {
    let (_fs, cage) = root();
    mknod(&cage, "/null", FileType::CharDevice, Dev::new(1, 3));
    mknod(&cage, "/random", FileType::CharDevice, Dev::new(1, 8));
    let dir = cage.open("/", OFlags::RDONLY, RW).unwrap();
    let null = cage.open("/null", OFlags::RDWR, RW).unwrap();
    let random = cage.open("/random", OFlags::RDWR, RW).unwrap();
    for request in [FIONREAD, TCGETS, 0x1234_5678] {
        assert_eq!(cage.ioctl(dir, request, 0), Err(Errno::ENOTTY));
        assert_eq!(cage.ioctl(null, request, 0), Err(Errno::ENOTTY));
        assert_eq!(cage.ioctl(random, request, 0), Err(Errno::EINVAL));
    }
    assert_eq!(cage.ioctl(dir, FIOASYNC, 0), Ok(Nothing));
    assert_eq!(cage.ioctl(dir, FIOASYNC, 1), Err(Errno::ENOTTY));
    assert_eq!(cage.ioctl(dir, FIOQSIZE, 0), Ok(Long(0)));
    let place = cage.open("/", OFlags::PATH, RW).unwrap();
    assert_eq!(cage.ioctl(place, FIOCLEX, 0), Err(Errno::EBADF));
    assert_eq!(cage.ioctl(99, FIONREAD, 0), Err(Errno::EBADF));
}
