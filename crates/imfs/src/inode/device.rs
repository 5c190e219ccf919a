//! The devices that are nothing but their file operations: null, zero, full, random and urandom (null(4), full(4),
//! random(4)), after `drivers/char/mem.c` and `random.c`.
//!
//! An inode may carry any device number; only opening it asks whether there is such a device. None of these devices
//! has a position, blocks, or keeps anything. The cage layer calls this for an open file description.

use crate::abi::{Dev, Errno, FileType, MAX_RW_COUNT, PollFlags, Result};
use crate::data::{Sink, Source};
use crate::platform::entropy::Entropy;

/// A device that can be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// 1:3: empty to read, takes all.
    Null,
    /// 1:5: zeros without end, takes all.
    Zero,
    /// 1:7: zeros without end, always full.
    Full,
    /// 1:8: random bytes.
    Random,
    /// 1:9: the same.
    Urandom,
}

impl Device {
    /// The device of that type and number (`chrdev_open`, `memory_open`).
    ///
    /// # Errors
    /// `ENXIO`: there is none.
    pub fn open(file_type: FileType, dev: Dev) -> Result<Self> {
        match (file_type, dev.major(), dev.minor()) {
            (FileType::CharDevice, 1, 3) => Ok(Self::Null),
            (FileType::CharDevice, 1, 5) => Ok(Self::Zero),
            (FileType::CharDevice, 1, 7) => Ok(Self::Full),
            (FileType::CharDevice, 1, 8) => Ok(Self::Random),
            (FileType::CharDevice, 1, 9) => Ok(Self::Urandom),
            _ => Err(Errno::ENXIO),
        }
    }

    /// read(2) and pread(2): fills `sink`, but for null, which is at its end.
    ///
    /// # Errors
    /// `EFAULT`: the sink took nothing.
    pub fn read(self, sink: &mut (impl Sink + ?Sized), entropy: &(impl Entropy + ?Sized)) -> Result<usize> {
        let wanted = sink.len().min(MAX_RW_COUNT);
        let done = match self {
            Self::Null => return Ok(0),
            Self::Zero | Self::Full => sink.zero(wanted),
            Self::Random | Self::Urandom => put_random(sink, entropy),
        };
        if done == 0 && wanted != 0 { Err(Errno::EFAULT) } else { Ok(done) }
    }

    /// write(2) and pwrite(2). Null and zero do not even look at the bytes; what is written to random is to stir the
    /// host's generator, which has better sources.
    ///
    /// # Errors
    /// `ENOSPC`: full. `EFAULT`: random could not get the first byte.
    pub fn write(self, source: &mut (impl Source + ?Sized)) -> Result<usize> {
        match self {
            Self::Null | Self::Zero => Ok(source.len().min(MAX_RW_COUNT)),
            Self::Full => Err(Errno::ENOSPC),
            Self::Random | Self::Urandom => take_all(source),
        }
    }

    /// lseek(2): the position is 0 whatever is asked for (`null_lseek`, `noop_llseek`).
    pub fn seek(self) -> u64 {
        0
    }

    /// poll(2): always ready; random says nothing of writing once the generator is seeded (`random_poll`).
    pub fn poll(self) -> PollFlags {
        let readable = PollFlags::IN | PollFlags::RDNORM;
        match self {
            Self::Random => readable,
            _ => readable | PollFlags::OUT | PollFlags::WRNORM,
        }
    }
}

fn put_random(sink: &mut (impl Sink + ?Sized), entropy: &(impl Entropy + ?Sized)) -> usize {
    let mut block = [0; 256];
    let mut done = 0;
    loop {
        let n = sink.len().min(block.len());
        if n == 0 {
            return done;
        }
        entropy.fill(&mut block[..n]);
        let taken = sink.put(&block[..n]);
        done += taken;
        if taken < n {
            return done;
        }
    }
}

fn take_all(source: &mut (impl Source + ?Sized)) -> Result<usize> {
    let mut block = [0; 64];
    let mut done = 0;
    loop {
        let n = source.len().min(block.len());
        if n == 0 {
            return Ok(done);
        }
        let taken = source.take(&mut block[..n]);
        done += taken;
        if taken < n {
            return if done == 0 { Err(Errno::EFAULT) } else { Ok(done) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::entropy::HostEntropy;

    const ALL: [(Device, u32); 5] =
        [(Device::Null, 3), (Device::Zero, 5), (Device::Full, 7), (Device::Random, 8), (Device::Urandom, 9)];

    #[test]
    fn open_knows_five_character_devices() {
        for (device, minor) in ALL {
            assert_eq!(Device::open(FileType::CharDevice, Dev::new(1, minor)), Ok(device));
            assert_eq!(Device::open(FileType::BlockDevice, Dev::new(1, minor)), Err(Errno::ENXIO));
        }
        for dev in [Dev::new(0, 0), Dev::new(1, 4), Dev::new(5, 3), Dev::new(200, 200)] {
            assert_eq!(Device::open(FileType::CharDevice, dev), Err(Errno::ENXIO));
        }
    }

    #[test]
    fn random_bytes_differ_and_fill_all() {
        let (mut a, mut b) = ([0; 1000], [0; 1000]);
        assert_eq!(Device::Random.read(&mut &mut a[..], &HostEntropy), Ok(1000));
        assert_eq!(Device::Urandom.read(&mut &mut b[..], &HostEntropy), Ok(1000));
        assert_ne!(a, b);
        assert_ne!(a[900..], [0; 100]);
    }

    #[test]
    fn faults_are_short_counts_or_efault() {
        struct Faulty(usize);
        impl Sink for Faulty {
            fn len(&self) -> usize {
                1000
            }
            fn put(&mut self, bytes: &[u8]) -> usize {
                let taken = bytes.len().min(self.0);
                self.0 -= taken;
                taken
            }
            fn zero(&mut self, n: usize) -> usize {
                n.min(self.0)
            }
        }
        for device in [Device::Zero, Device::Full, Device::Random] {
            assert_eq!(device.read(&mut Faulty(0), &HostEntropy), Err(Errno::EFAULT));
            assert_eq!(device.read(&mut Faulty(300), &HostEntropy), Ok(300));
        }
        assert_eq!(Device::Null.read(&mut Faulty(0), &HostEntropy), Ok(0));
    }

    /// The host's devices answer as ours.
    #[cfg(all(target_os = "linux", not(miri)))]
    #[test]
    fn as_the_kernel() {
        use std::io;
        use std::os::fd::AsRawFd;

        let result = |n: isize| match n {
            -1 => Err(io::Error::last_os_error().raw_os_error().unwrap()),
            n => Ok(n as usize),
        };
        let names = ["null", "zero", "full", "random", "urandom"];
        for ((device, _), name) in ALL.into_iter().zip(names) {
            let open = std::fs::OpenOptions::new().read(true).write(true).open(format!("/dev/{name}"));
            let Ok(file) = open else { continue };
            let fd = file.as_raw_fd();
            for len in [0usize, 1, 5000] {
                let (mut theirs, mut ours) = (vec![7u8; len], vec![7u8; len]);
                // SAFETY: the pointer and the length are of one live vector, in this call and the next.
                let read = result(unsafe { libc::read(fd, theirs.as_mut_ptr().cast(), len) });
                let expected = device.read(&mut &mut ours[..], &HostEntropy).map_err(Errno::raw);
                assert_eq!(expected, read, "{name} read {len}");
                if !matches!(device, Device::Random | Device::Urandom) {
                    assert_eq!(ours, theirs, "{name} read {len}");
                }
                // SAFETY: see above.
                let written = result(unsafe { libc::write(fd, theirs.as_ptr().cast(), len) });
                assert_eq!(device.write(&mut &ours[..]).map_err(Errno::raw), written, "{name} write {len}");
            }
            for whence in [libc::SEEK_SET, libc::SEEK_CUR, libc::SEEK_END, libc::SEEK_DATA] {
                // SAFETY: no pointers.
                assert_eq!(unsafe { libc::lseek(fd, 100, whence) }, device.seek() as i64, "{name} {whence}");
            }
            let mut poll = libc::pollfd { fd, events: !0, revents: 0 };
            // SAFETY: one live pollfd.
            unsafe { libc::poll(&mut poll, 1, 0) };
            assert_eq!(device.poll().bits(), poll.revents as u16, "{name} poll");
        }
    }
}
