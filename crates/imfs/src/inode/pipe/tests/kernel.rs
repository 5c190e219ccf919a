//! The same calls on a pipe of the kernel and on ours, which must answer alike to the byte.

use std::io::Error;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use super::*;

/// A pipe of the kernel, its ends non-blocking.
struct Theirs([OwnedFd; 2]);

fn check(result: isize) -> Result<usize> {
    match result {
        -1 => Err(Errno::from_raw(Error::last_os_error().raw_os_error().unwrap()).unwrap()),
        n => Ok(n as usize),
    }
}

fn theirs_read(fd: RawFd, n: usize) -> Result<Vec<u8>> {
    let mut buffer = vec![0u8; n];
    // SAFETY: the pointer and the length are of one live vector.
    let got = check(unsafe { libc::read(fd, buffer.as_mut_ptr().cast(), n) })?;
    buffer.truncate(got);
    Ok(buffer)
}

fn theirs_write(fd: RawFd, bytes: &[u8]) -> Result<usize> {
    // SAFETY: the pointer and the length are of one live slice. Rust's runtime ignores SIGPIPE.
    check(unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) })
}

fn theirs_poll(fd: RawFd) -> PollFlags {
    let mut poll = libc::pollfd { fd, events: !0, revents: 0 };
    // SAFETY: one live pollfd.
    unsafe { libc::poll(&mut poll, 1, 0) };
    PollFlags::from_bits_retain(poll.revents as u16)
}

fn theirs_open(path: &std::path::Path, flags: OFlags) -> Result<OwnedFd> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: the path is a live C string.
    let fd = check(unsafe { libc::open(path.as_ptr(), flags.bits() as i32) } as isize)?;
    // SAFETY: just opened.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

impl Theirs {
    fn new() -> Self {
        let mut fds = [0; 2];
        // SAFETY: room for two descriptors; both are fresh if the call succeeds.
        unsafe {
            assert_eq!(libc::pipe2(fds.as_mut_ptr(), libc::O_NONBLOCK | libc::O_CLOEXEC), 0);
            Self(fds.map(|fd| OwnedFd::from_raw_fd(fd)))
        }
    }

    fn fcntl(&self, cmd: i32, arg: u32) -> Result<usize> {
        // SAFETY: commands without pointers.
        check(unsafe { libc::fcntl(self.0[1].as_raw_fd(), cmd, arg) } as isize)
    }

    fn fionread(&self) -> usize {
        let mut n = 0i32;
        // SAFETY: room for one int.
        assert_eq!(unsafe { libc::ioctl(self.0[0].as_raw_fd(), libc::FIONREAD, &mut n) }, 0);
        n as usize
    }
}

/// A small generator of test cases (xorshift64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % sides
    }

    /// Sizes around those where something changes.
    fn size(&mut self) -> usize {
        match self.roll(6) {
            0 => self.roll(20),
            1 => self.roll(4200),
            2 => 4096 * self.roll(5) + self.roll(3),
            3 => (4096 * (1 + self.roll(20))).saturating_sub(self.roll(3)),
            4 => self.roll(80_000),
            _ => 1 + self.roll(1500),
        }
    }
}

#[test]
fn random_calls_answer_alike() {
    for seed in 1..=40u64 {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (theirs, (ours, ends), cage) = (Theirs::new(), pair(), Interrupts::new());
        if theirs.fcntl(libc::F_GETPIPE_SZ, 0) != Ok(65536) {
            // The host is above its own limit of pipe pages.
            return;
        }
        let (mut packet, mut stamp) = (OFlags::empty(), 0u8);
        for step in 0..200 {
            let at = format!("seed {seed}, step {step}");
            match dice.roll(20) {
                0..8 => {
                    let size = dice.size();
                    let bytes: Vec<u8> = (0..size).map(|i| (i as u8).wrapping_mul(31) ^ stamp).collect();
                    stamp = stamp.wrapping_add(1);
                    let expected = theirs_write(theirs.0[1].as_raw_fd(), &bytes);
                    assert_eq!(write(&ours, &bytes, NB | packet, &cage), expected, "{at}: write {size}");
                }
                8..16 => {
                    let size = dice.size();
                    let expected = theirs_read(theirs.0[0].as_raw_fd(), size);
                    let got = read(&ours, size, NB, &cage);
                    assert!(got == expected, "{at}: read {size}");
                }
                16 => {
                    packet ^= OFlags::DIRECT;
                    theirs.fcntl(libc::F_SETFL, (NB | packet).bits()).unwrap();
                }
                17 => {
                    let sizes = [0, 1, 4096, 4097, 12_000, 65536, 70_000, 262_144, (1 << 31) + 1, u32::MAX];
                    let size = sizes[dice.roll(sizes.len())];
                    let expected = theirs.fcntl(libc::F_SETPIPE_SZ, size);
                    assert_eq!(ours.set_capacity(size, false, false), expected, "{at}: F_SETPIPE_SZ {size}");
                }
                _ => {}
            }
            assert_eq!(ours.readable_bytes(), theirs.fionread(), "{at}");
            assert_eq!(Ok(ours.capacity()), theirs.fcntl(libc::F_GETPIPE_SZ, 0), "{at}");
            for (end, fd) in ends.iter().zip(&theirs.0) {
                assert_eq!(ours.poll(end), theirs_poll(fd.as_raw_fd()), "{at}: {end:?}");
            }
        }
    }
}

#[test]
fn ends_that_close_answer_alike() {
    let (theirs, (ours, [reader, writer]), cage) = (Theirs::new(), pair(), Interrupts::new());
    let Theirs([their_reader, their_writer]) = theirs;
    for _ in 0..2 {
        assert_eq!(write(&ours, &[1; 5000], NB, &cage), theirs_write(their_writer.as_raw_fd(), &[1; 5000]));
    }
    ours.close(&writer);
    drop(their_writer);
    for size in [6000, 6000, 6000] {
        assert_eq!(ours.poll(&reader), theirs_poll(their_reader.as_raw_fd()));
        assert_eq!(read(&ours, size, NB, &cage), theirs_read(their_reader.as_raw_fd(), size));
    }

    let (Theirs([their_reader, their_writer]), (ours, [reader, writer])) = (Theirs::new(), pair());
    ours.close(&reader);
    drop(their_reader);
    assert_eq!(ours.poll(&writer), theirs_poll(their_writer.as_raw_fd()));
    for size in [0, 1, 100_000] {
        let bytes = vec![1; size];
        assert_eq!(write(&ours, &bytes, NB, &cage), theirs_write(their_writer.as_raw_fd(), &bytes));
    }
}

/// All sequences of up to four opens (non-blocking) and closes of a FIFO, with poll, read and write after each step.
#[test]
fn fifo_opens_answer_alike() {
    let dir = std::env::temp_dir().join(format!("imfs-fifo-{}", std::process::id()));
    std::fs::create_dir(&dir).unwrap();
    let path = dir.join("fifo");
    let c_path = std::ffi::CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: a live C string.
    assert_eq!(unsafe { libc::mkfifo(c_path.as_ptr(), 0o600) }, 0);
    let modes = [OFlags::RDONLY, OFlags::WRONLY, OFlags::RDWR];
    // Each step opens in one of three modes or closes the first that is open.
    for code in 0..4usize.pow(5) {
        let (ours, cage) = (fifo(), Interrupts::new());
        let mut open: Vec<(End, OwnedFd)> = Vec::new();
        for step in 0..5 {
            let at = format!("sequence {code:#o}, step {step}");
            match modes.get(code / 4usize.pow(step) % 4) {
                Some(&mode) => match (ours.open(mode | NB, false, &cage), theirs_open(&path, mode | NB)) {
                    (Ok(end), Ok(fd)) => open.push((end, fd)),
                    (ours, theirs) => assert_eq!(ours.err(), theirs.err(), "{at}"),
                },
                None if !open.is_empty() => ours.close(&open.remove(0).0),
                None => {}
            }
            for (end, fd) in &open {
                assert_eq!(ours.poll(end), theirs_poll(fd.as_raw_fd()), "{at}: {end:?}");
                if end.writes() && step == 2 {
                    let expected = theirs_write(fd.as_raw_fd(), b"abc");
                    assert_eq!(write(&ours, b"abc", NB, &cage), expected, "{at}: {end:?}");
                } else if end.reads() {
                    let expected = theirs_read(fd.as_raw_fd(), 2);
                    assert_eq!(read(&ours, 2, NB, &cage), expected, "{at}: {end:?}");
                }
            }
        }
        for (end, _) in open {
            ours.close(&end);
        }
    }
    std::fs::remove_dir_all(&dir).unwrap();
}
