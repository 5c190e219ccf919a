//! What is not a regular file, through a cage: pipes, FIFOs, devices, and waiting for them. A module a call.

mod device;
mod fifo;
mod ioctl;
mod pipe;
mod poll;
mod select;
mod sendfile;

use std::sync::Arc;
use std::thread;

use imfs::abi::{AT_FDCWD, Dev, FileType, Mode};
use imfs::inode::Credentials;
use imfs::{Cage, Imfs};

const RW: Mode = Mode::from_bits_retain(0o644);

fn root() -> (Arc<Imfs>, Arc<Cage>) {
    let fs = Imfs::new().unwrap();
    let cage = fs.create_cage(1, Credentials::root()).unwrap();
    (fs, cage)
}

/// Makes a FIFO or device.
fn mknod(cage: &Cage, path: &str, kind: FileType, dev: Dev) {
    cage.mknodat(AT_FDCWD, path, kind.with(RW), dev).unwrap();
}

fn fifo(cage: &Cage, path: &str) {
    mknod(cage, path, FileType::Fifo, Dev::default());
}

fn read(cage: &Cage, fd: i32, n: usize) -> imfs::abi::Result<Vec<u8>> {
    let mut buf = vec![0; n];
    let got = cage.read(fd, &mut buf)?;
    buf.truncate(got);
    Ok(buf)
}

/// Waits for something that another thread is about to do.
fn until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}
