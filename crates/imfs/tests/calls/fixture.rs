//! An instance with cages of root and of an ordinary user, and the shortest ways to make files.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use imfs::abi::{Mode, OFlags, Timespec};
use imfs::inode::Credentials;
use imfs::platform::clock::Clock;
use imfs::{Cage, Imfs};

/// The ordinary user, and its group.
pub(crate) const USER: u32 = 1000;
/// The number of a descriptor that is not open.
pub(crate) const CLOSED: i32 = 999;

/// A clock that is a second later each time it is looked at.
#[derive(Debug, Default)]
struct Ticks(AtomicI64);

impl Clock for Ticks {
    fn now(&self) -> Timespec {
        Timespec { sec: self.0.fetch_add(1, Ordering::Relaxed), nsec: 0 }
    }
}

/// An instance, and cage 1, which is root.
pub(crate) struct World {
    pub(crate) fs: Arc<Imfs>,
    pub(crate) root: Arc<Cage>,
}

impl World {
    pub(crate) fn new() -> Self {
        let fs = Imfs::builder().clock(Ticks::default()).build().unwrap();
        let root = fs.create_cage(1, Credentials::root()).unwrap();
        root.umask(Mode::empty());
        Self { fs, root }
    }

    /// A cage of the ordinary user.
    pub(crate) fn user(&self) -> Arc<Cage> {
        self.fs.create_cage(1000, Credentials::new(USER, USER)).unwrap()
    }
}

pub(crate) fn mode(bits: u32) -> Mode {
    Mode::from_raw(bits)
}

/// Opens a file for reading and writing, made with mode 0644 if it is not there.
pub(crate) fn open(cage: &Cage, path: &str) -> i32 {
    cage.open(path, OFlags::CREAT | OFlags::RDWR, mode(0o644)).unwrap()
}

/// A file with these bytes, open for reading and writing, at offset 0.
pub(crate) fn file(cage: &Cage, path: &str, bytes: &[u8]) -> i32 {
    let fd = open(cage, path);
    assert_eq!(cage.pwrite(fd, bytes, 0), Ok(bytes.len()));
    fd
}

/// All bytes of an open file.
pub(crate) fn bytes(cage: &Cage, fd: i32) -> Vec<u8> {
    let size = cage.fstat(fd).unwrap().size as usize;
    let mut bytes = vec![0; size];
    assert_eq!(cage.pread(fd, &mut bytes, 0), Ok(size));
    bytes
}
