//! sendfile(2).

use std::thread;

use imfs::abi::{Dev, Errno, FileType, OFlags, Whence};
use imfs::{Cage, Imfs};

use crate::{RW, mknod, read, root, until};

fn file(cage: &Cage, path: &str, flags: OFlags) -> i32 {
    cage.open(path, OFlags::CREAT | OFlags::RDWR | flags, RW).unwrap()
}

fn bytes(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 7 / 3) as u8).collect()
}

#[test]
fn from_file_to_file() {
    let (_fs, cage) = root();
    let (from, to) = (file(&cage, "/from", OFlags::empty()), file(&cage, "/to", OFlags::empty()));
    let all = bytes(200_000);
    cage.write(from, &all).unwrap();
    let mut offset = 1000;
    assert_eq!(cage.sendfile(to, from, Some(&mut offset), 150_000), Ok(150_000));
    assert_eq!(offset, 151_000);
    assert_eq!(cage.lseek(from, 0, Whence::Cur), Ok(200_000));
    assert_eq!(cage.lseek(to, 0, Whence::Cur), Ok(150_000));
    cage.lseek(from, 190_000, Whence::Set).unwrap();
    assert_eq!(cage.sendfile(to, from, None, 50_000), Ok(10_000));
    assert_eq!(cage.lseek(from, 0, Whence::Cur), Ok(200_000));
    let mut copy = vec![0; 170_000];
    assert_eq!(cage.pread(to, &mut copy, 0), Ok(160_000));
    assert!(copy[..150_000] == all[1000..151_000] && copy[150_000..160_000] == all[190_000..]);
    assert_eq!(cage.sendfile(to, from, None, 10), Ok(0));
}

#[test]
fn into_a_pipe_as_much_as_fits() {
    let (_fs, cage) = root();
    let from = file(&cage, "/from", OFlags::empty());
    let all = bytes(100_000);
    cage.write(from, &all).unwrap();
    let [r, w] = cage.pipe().unwrap();
    let mut offset = 0;
    assert_eq!(cage.sendfile(w, from, Some(&mut offset), 100_000), Ok(65536));
    thread::scope(|scope| {
        let sender = scope.spawn(|| cage.sendfile(w, from, Some(&mut offset), 100_000));
        until(|| cage.interrupts().blocked() == 1);
        assert!(read(&cage, r, 65536).unwrap() == all[..65536]);
        let sent = sender.join().unwrap().unwrap();
        assert_eq!(read(&cage, r, 65536).unwrap()[..sent], all[65536..65536 + sent]);
    });
    cage.ioctl(w, imfs::abi::ioctl::FIONBIO, 1).unwrap();
    let mut offset = 0;
    assert_eq!(cage.sendfile(w, from, Some(&mut offset), 100_000), Ok(65536));
    assert_eq!(cage.sendfile(w, from, Some(&mut offset), 0), Err(Errno::EAGAIN));
    cage.close(r).unwrap();
    assert_eq!(cage.sendfile(w, from, Some(&mut offset), 10), Err(Errno::EPIPE));
    assert_eq!(offset, 65536);
}

/// The outcomes were taken from Linux 6.18.
#[test]
fn devices() {
    let (_fs, cage) = root();
    let file = file(&cage, "/file", OFlags::empty());
    cage.write(file, b"0123456789").unwrap();
    for (minor, into, from) in [
        (3, Ok(10), Err(Errno::EINVAL)),
        (5, Ok(10), Ok(100)),
        (7, Err(Errno::EINVAL), Ok(100)),
        (8, Ok(10), Ok(100)),
        (9, Ok(10), Ok(100)),
    ] {
        let path = format!("/dev{minor}");
        mknod(&cage, &path, FileType::CharDevice, Dev::new(1, minor));
        let device = cage.open(path, OFlags::RDWR, RW).unwrap();
        cage.ftruncate(file, 10).unwrap();
        assert_eq!(cage.sendfile(device, file, Some(&mut 0), 100), into, "{minor}");
        assert_eq!(cage.sendfile(device, file, Some(&mut 0), 0), Ok(0), "{minor}");
        assert_eq!(cage.sendfile(file, device, None, 100), from, "{minor}");
        assert_eq!(cage.lseek(device, 0, Whence::Cur), Ok(0));
    }
}

#[test]
fn errors() {
    let (_fs, cage) = root();
    let (from, to) = (file(&cage, "/from", OFlags::empty()), file(&cage, "/to", OFlags::empty()));
    cage.write(from, b"0123456789").unwrap();
    let append = file(&cage, "/append", OFlags::APPEND);
    let dir = cage.open("/", OFlags::RDONLY, RW).unwrap();
    let place = cage.open("/from", OFlags::PATH, RW).unwrap();
    let only_read = cage.open("/from", OFlags::RDONLY, RW).unwrap();
    let only_written = cage.open("/from", OFlags::WRONLY, RW).unwrap();
    let [r, w] = cage.pipe().unwrap();
    let at = |out, from, mut offset: i64, count| cage.sendfile(out, from, Some(&mut offset), count);
    for (out, from) in
        [(to, 99), (99, from), (to, place), (place, from), (only_read, from), (to, only_written)]
    {
        assert_eq!(at(out, from, 0, 1), Err(Errno::EBADF));
    }
    for (out, from) in [(r, from), (to, w), (dir, from)] {
        assert_eq!(cage.sendfile(out, from, None, 1), Err(Errno::EBADF));
    }
    assert_eq!(at(append, from, 0, 1), Err(Errno::EINVAL));
    assert_eq!(at(append, from, 0, 0), Err(Errno::EINVAL));
    assert_eq!(at(to, dir, 0, 1), Err(Errno::EINVAL));
    assert_eq!(at(to, dir, 0, 0), Ok(0));
    assert_eq!(cage.sendfile(to, r, None, 1), Err(Errno::EINVAL));
    assert_eq!(at(to, r, 0, 1), Err(Errno::ESPIPE));
    assert_eq!(at(to, from, -1, 1), Err(Errno::EINVAL));
    assert_eq!(at(to, from, i64::MAX, 10), Err(Errno::EINVAL));
    assert_eq!(at(to, from, 0, usize::MAX), Err(Errno::EINVAL));
    assert_eq!(at(to, from, i64::MAX, 0), Ok(0));
    assert_eq!(at(to, from, i64::MAX - 10, 10), Ok(0));
}

#[test]
fn what_fits_before_the_disk_is_full_counts() {
    let fs = Imfs::builder().size(3 * 65536).build().unwrap();
    let cage = fs.create_cage(1, imfs::inode::Credentials::root()).unwrap();
    let (from, to) = (file(&cage, "/from", OFlags::empty()), file(&cage, "/to", OFlags::empty()));
    cage.write(from, &bytes(2 * 65536)).unwrap();
    assert_eq!(cage.sendfile(to, from, Some(&mut 0), 2 * 65536), Ok(65536));
    assert_eq!(cage.sendfile(to, from, Some(&mut 0), 2 * 65536), Err(Errno::ENOSPC));
}
