//! FIFOs (fifo(7)): open(2), read(2), write(2).

use std::thread;

use imfs::abi::{Errno, FileType, Mode, OFlags};
use imfs::inode::Credentials;

use crate::{RW, fifo, read, root, until};

const NB: OFlags = OFlags::NONBLOCK;

#[test]
fn opens_wait_for_the_other_side() {
    let (fs, cage) = root();
    fifo(&cage, "/f");
    let other = fs.create_cage(2, Credentials::root()).unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| cage.open("/f", OFlags::RDONLY, RW));
        until(|| cage.interrupts().blocked() == 1);
        let w = other.open("/f", OFlags::WRONLY, RW).unwrap();
        let r = reader.join().unwrap().unwrap();
        assert_eq!(other.write(w, b"through the file system").unwrap(), 23);
        assert_eq!(read(&cage, r, 100).unwrap(), b"through the file system");
        fs.exit(2).unwrap();
        assert_eq!(read(&cage, r, 100).unwrap(), b"");
    });
}

#[test]
fn opens_that_do_not_wait() {
    let (_fs, cage) = root();
    fifo(&cage, "/f");
    assert_eq!(cage.open("/f", OFlags::WRONLY | NB, RW), Err(Errno::ENXIO));
    let r = cage.open("/f", OFlags::RDONLY | NB, RW).unwrap();
    assert_eq!(read(&cage, r, 1).unwrap(), b"");
    let w = cage.open("/f", OFlags::WRONLY | NB, RW).unwrap();
    assert_eq!(read(&cage, r, 1), Err(Errno::EAGAIN));
    cage.close(r).unwrap();
    assert_eq!(cage.write(w, b"x"), Err(Errno::EPIPE));
    cage.close(w).unwrap();
    let both = cage.open("/f", OFlags::RDWR, RW).unwrap();
    assert_eq!(cage.write(both, b"self").unwrap(), 4);
    assert_eq!(read(&cage, both, 10).unwrap(), b"self");
}

#[test]
fn an_open_that_fails_is_undone() {
    let (_fs, cage) = root();
    fifo(&cage, "/f");
    thread::scope(|scope| {
        let writer = scope.spawn(|| cage.open("/f", OFlags::WRONLY, RW));
        until(|| cage.interrupts().blocked() == 1);
        cage.interrupt();
        assert_eq!(writer.join().unwrap(), Err(Errno::EINTR));
    });
    // No writer is left: a reader sees the end at once.
    let r = cage.open("/f", OFlags::RDONLY | NB, RW).unwrap();
    assert_eq!(read(&cage, r, 1).unwrap(), b"");
    assert_eq!(cage.open("/f", OFlags::RDWR | OFlags::DIRECT, RW), Err(Errno::EINVAL));
    assert_eq!(read(&cage, r, 1).unwrap(), b"");
    cage.set_nofile(4);
    assert_eq!(cage.open("/f", OFlags::RDWR, RW), Err(Errno::EMFILE));
    assert_eq!(read(&cage, r, 1).unwrap(), b"");
}

#[test]
fn the_name_may_go_and_bytes_go_with_the_last_end() {
    let (_fs, cage) = root();
    fifo(&cage, "/f");
    let both = cage.open("/f", OFlags::RDWR | OFlags::TRUNC | OFlags::APPEND, RW).unwrap();
    cage.write(both, b"bytes").unwrap();
    assert_eq!(cage.stat("/f").unwrap().size, 0);
    cage.link("/f", "/g").unwrap();
    cage.unlink("/f").unwrap();
    let other = cage.open("/g", OFlags::RDONLY | NB, RW).unwrap();
    assert_eq!(read(&cage, other, 2).unwrap(), b"by");
    cage.close(both).unwrap();
    cage.close(other).unwrap();
    let both = cage.open("/g", OFlags::RDWR | NB, RW).unwrap();
    assert_eq!(read(&cage, both, 10), Err(Errno::EAGAIN));
    cage.unlink("/g").unwrap();
    assert_eq!(cage.fstat(both).unwrap().nlink, 0);
    assert_eq!(cage.write(both, b"x").unwrap(), 1);
}

#[test]
fn permissions_and_places() {
    let (fs, cage) = root();
    fifo(&cage, "/f");
    cage.chmod("/f", Mode::from_raw(0o444)).unwrap();
    let user = fs.create_cage(2, Credentials::new(1000, 1000)).unwrap();
    assert_eq!(user.open("/f", OFlags::WRONLY | NB, RW), Err(Errno::EACCES));
    let r = user.open("/f", OFlags::RDONLY | NB, RW).unwrap();
    let place = user.open("/f", OFlags::PATH, RW).unwrap();
    assert_eq!(user.fstat(place).unwrap().mode & FileType::MASK, FileType::Fifo.with(Mode::empty()));
    assert_eq!(read(&user, place, 1), Err(Errno::EBADF));
    // A place is no reader.
    user.close(r).unwrap();
    assert_eq!(cage.open("/f", OFlags::WRONLY | NB, RW), Err(Errno::ENXIO));
    assert_eq!(cage.open("/f", OFlags::RDONLY | OFlags::DIRECTORY, RW), Err(Errno::ENOTDIR));
    assert_eq!(cage.open("/f", OFlags::CREAT | OFlags::EXCL | OFlags::RDWR, RW), Err(Errno::EEXIST));
    assert!(cage.open("/f", OFlags::CREAT | OFlags::RDWR, RW).is_ok());
}

#[test]
fn a_longest_wait_hands_the_worker_back() {
    let (_fs, cage) = root();
    fifo(&cage, "/f");
    let longest = std::time::Duration::from_millis(5);
    cage.interrupts().set_longest_wait(Some((longest, Errno::ERESTART)));
    assert_eq!(cage.open("/f", OFlags::RDONLY, RW), Err(Errno::ERESTART));
    let both = cage.open("/f", OFlags::RDWR, RW).unwrap();
    assert_eq!(read(&cage, both, 1), Err(Errno::ERESTART));
}
