use std::thread;

use super::*;

const NB: OFlags = OFlags::NONBLOCK;
const NONE: OFlags = OFlags::RDONLY;

fn pair() -> (Pipe, [End; 2]) {
    Pipe::pair(Arc::default(), false).unwrap()
}

fn fifo() -> Pipe {
    Pipe::fifo(Arc::default())
}

fn until(condition: impl Fn() -> bool) {
    while !condition() {
        thread::yield_now();
    }
}

fn read(pipe: &Pipe, n: usize, flags: OFlags, interrupts: &Interrupts) -> Result<Vec<u8>> {
    let mut buffer = vec![0; n];
    let got = pipe.read(&mut &mut buffer[..], flags, interrupts)?;
    buffer.truncate(got);
    Ok(buffer)
}

fn write(pipe: &Pipe, bytes: &[u8], flags: OFlags, interrupts: &Interrupts) -> Result<usize> {
    pipe.write(&mut &bytes[..], flags, interrupts)
}

#[test]
fn a_reader_waits_for_bytes_and_for_the_last_writer() {
    let ((pipe, [_, writer]), cage) = (pair(), Interrupts::new());
    assert_eq!(read(&pipe, 10, NB, &cage), Err(Errno::EAGAIN));
    assert_eq!(read(&pipe, 0, NONE, &cage), Ok(vec![]));
    thread::scope(|scope| {
        let reader = scope.spawn(|| (read(&pipe, 10, NONE, &cage), read(&pipe, 10, NONE, &cage)));
        until(|| cage.blocked() == 1);
        assert_eq!(write(&pipe, b"hello", NONE, &cage), Ok(5));
        until(|| pipe.readable_bytes() == 0 && cage.blocked() == 1);
        pipe.close(&writer);
        assert_eq!(reader.join().unwrap(), (Ok(b"hello".to_vec()), Ok(vec![])));
    });
}

#[test]
fn a_writer_waits_for_room_and_for_the_last_reader() {
    let ((pipe, [reader, _]), cage) = (pair(), Interrupts::new());
    let big: Vec<u8> = (0..200_000u32).map(|i| i as u8).collect();
    thread::scope(|scope| {
        let writer = scope.spawn(|| write(&pipe, &big, NONE, &cage));
        let mut got = Vec::new();
        while got.len() < big.len() {
            got.extend(read(&pipe, 7_000, NONE, &Interrupts::new()).unwrap());
        }
        assert_eq!(writer.join().unwrap(), Ok(big.len()));
        assert!(got == big);
        let writer = scope.spawn(|| (write(&pipe, &big, NONE, &cage), write(&pipe, b"x", NONE, &cage)));
        until(|| cage.blocked() == 1);
        pipe.close(&reader);
        assert_eq!(writer.join().unwrap(), (Ok(65536), Err(Errno::EPIPE)));
    });
    assert_eq!(write(&pipe, b"", NONE, &cage), Ok(0));
}

#[test]
fn small_writes_are_one_piece() {
    let ((pipe, [_, writer]), cage) = (pair(), Interrupts::new());
    let rounds = if cfg!(miri) { 5 } else { 300 };
    let (writers, left) = (4u8, std::sync::atomic::AtomicU32::new(4));
    thread::scope(|scope| {
        for id in 0..writers {
            let (pipe, cage, left) = (&pipe, &cage, &left);
            scope.spawn(move || {
                for _ in 0..rounds {
                    assert_eq!(write(pipe, &[id; 1000], NONE, cage), Ok(1000));
                }
                if left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) == 1 {
                    pipe.close(&writer);
                }
            });
        }
        let mut run = (0, 0);
        loop {
            // Reads of other sizes than the writes: pieces show only if they are torn.
            let bytes = read(&pipe, 700, NONE, &cage).unwrap();
            if bytes.is_empty() {
                break;
            }
            for byte in bytes {
                if byte == run.0 {
                    run.1 += 1;
                } else {
                    assert_eq!(run.1 % 1000, 0);
                    run = (byte, 1);
                }
            }
        }
    });
}

#[test]
fn many_readers_and_writers_lose_nothing() {
    let ((pipe, [_, writer]), cage) = (pair(), Interrupts::new());
    let rounds = if cfg!(miri) { 3 } else { 200 };
    let total = thread::scope(|scope| {
        let readers: Vec<_> = (0..3)
            .map(|i| {
                let (pipe, cage) = (&pipe, &cage);
                scope.spawn(move || {
                    let mut sum = 0;
                    loop {
                        match read(pipe, 3_000 + i, NONE, cage).unwrap().len() {
                            0 => return sum,
                            n => sum += n,
                        }
                    }
                })
            })
            .collect();
        let writers: Vec<_> = (0..3)
            .map(|i| {
                let (pipe, cage) = (&pipe, &cage);
                scope.spawn(move || {
                    (0..rounds).map(|_| write(pipe, &vec![1; 5_000 + i], NONE, cage).unwrap()).sum::<usize>()
                })
            })
            .collect();
        let written: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        pipe.close(&writer);
        (written, readers.into_iter().map(|reader| reader.join().unwrap()).sum::<usize>())
    });
    assert_eq!(total.0, total.1);
    assert_eq!(cage.blocked(), 0);
}

#[test]
fn interruption_gives_eintr_or_what_was_written() {
    let ((pipe, _), cage) = (pair(), Interrupts::new());
    thread::scope(|scope| {
        let reader = scope.spawn(|| read(&pipe, 1, NONE, &cage));
        until(|| cage.blocked() == 1);
        cage.interrupt();
        assert_eq!(reader.join().unwrap(), Err(Errno::EINTR));
        let writer = scope.spawn(|| write(&pipe, &[0; 70_000], NONE, &cage));
        until(|| cage.blocked() == 1);
        cage.interrupt();
        assert_eq!(writer.join().unwrap(), Ok(65536));
        let writer = scope.spawn(|| write(&pipe, b"more", NONE, &cage));
        until(|| cage.blocked() == 1);
        cage.exit();
        assert_eq!(writer.join().unwrap(), Err(Errno::EINTR));
    });
}

/// Gives or takes some bytes, then faults.
struct Faulty(usize, usize);

impl Sink for Faulty {
    fn len(&self) -> usize {
        self.0
    }
    fn put(&mut self, bytes: &[u8]) -> usize {
        let taken = bytes.len().min(self.1);
        (self.0, self.1) = (self.0 - taken, self.1 - taken);
        taken
    }
    fn zero(&mut self, _: usize) -> usize {
        0
    }
}

impl Source for Faulty {
    fn len(&self) -> usize {
        self.0
    }
    fn take(&mut self, into: &mut [u8]) -> usize {
        let taken = into.len().min(self.1);
        (self.0, self.1) = (self.0 - taken, self.1 - taken);
        into[..taken].fill(b'f');
        taken
    }
}

#[test]
fn faults_leave_bytes_whole() {
    let ((pipe, _), cage) = (pair(), Interrupts::new());
    assert_eq!(pipe.write(&mut Faulty(5000, 4000), NB, &cage), Err(Errno::EFAULT));
    assert_eq!(pipe.readable_bytes(), 0);
    assert_eq!(pipe.write(&mut Faulty(9000, 5000), NB, &cage), Ok(4096));
    assert_eq!(write(&pipe, b"abc", NB, &cage), Ok(3));
    assert_eq!(pipe.write(&mut Faulty(10, 5), NB, &cage), Err(Errno::EFAULT));
    assert_eq!(pipe.readable_bytes(), 4099);
    assert_eq!(pipe.read(&mut Faulty(5000, 4000), NB, &cage), Err(Errno::EFAULT));
    assert_eq!(pipe.read(&mut Faulty(5000, 4098), NB, &cage), Ok(4096));
    assert_eq!(read(&pipe, 10, NB, &cage), Ok(b"abc".to_vec()));
}

#[test]
fn fifo_opens_wait_for_each_other() {
    let (pipe, cage) = (fifo(), Interrupts::new());
    thread::scope(|scope| {
        for (first, second) in [(OFlags::RDONLY, OFlags::WRONLY), (OFlags::WRONLY, OFlags::RDONLY)] {
            let (pipe, cage) = (&pipe, &cage);
            let opener = scope.spawn(move || pipe.open(first, false, cage));
            until(|| cage.blocked() == 1);
            let second = pipe.open(second, false, cage).unwrap();
            // The partner may go before the opener has noticed it.
            pipe.close(&second);
            let first = opener.join().unwrap().unwrap();
            pipe.close(&first);
        }
        let opener = scope.spawn(|| pipe.open(OFlags::RDONLY, false, &cage));
        until(|| cage.blocked() == 1);
        cage.interrupt();
        assert_eq!(opener.join().unwrap(), Err(Errno::EINTR));
    });
    assert_eq!(pipe.open(OFlags::WRONLY | NB, false, &cage), Err(Errno::ENXIO));
    assert_eq!(pipe.open(OFlags::ACCMODE, false, &cage), Err(Errno::EINVAL));
}

#[test]
fn a_fifo_forgets_when_all_have_closed_it() {
    let (pipe, cage) = (fifo(), Interrupts::new());
    let both = pipe.open(OFlags::RDWR, false, &cage).unwrap();
    assert_eq!(write(&pipe, b"bytes", NB, &cage), Ok(5));
    let reader = pipe.open(OFlags::RDONLY, false, &cage).unwrap();
    pipe.close(&both);
    assert_eq!(pipe.set_capacity(1 << 17, false, false), Ok(1 << 17));
    assert_eq!(read(&pipe, 2, NB, &cage), Ok(b"by".to_vec()));
    pipe.close(&reader);
    assert_eq!(pipe.limits.used(), 0);
    let reader = pipe.open(OFlags::RDONLY | NB, false, &cage).unwrap();
    assert_eq!(read(&pipe, 2, NB, &cage), Ok(vec![]));
    assert_eq!(pipe.capacity(), 65536);
    assert_eq!(pipe.poll(&reader), PollFlags::empty());
}

#[test]
fn limits_of_the_unprivileged() {
    let limits = Arc::new(PipeLimits::new(1 << 18, 40, 50));
    let make = |privileged| Pipe::pair(limits.clone(), privileged);
    let first = make(false).unwrap().0;
    assert_eq!(first.set_capacity(1 << 19, false, false), Err(Errno::EPERM));
    assert_eq!(first.set_capacity(1 << 18, false, false), Err(Errno::EPERM));
    assert_eq!(first.set_capacity(1 << 17, false, false), Ok(1 << 17));
    let small = make(false).unwrap().0;
    assert_eq!((small.capacity(), limits.used()), (8192, 34));
    assert_eq!(small.set_capacity(1 << 20, true, true), Ok(1 << 20));
    assert_eq!(make(false).unwrap_err(), Errno::ENFILE);
    assert_eq!(Pipe::fifo(limits.clone()).open(OFlags::RDWR, false, &Interrupts::new()), Err(Errno::ENOMEM));
    assert!(make(true).is_ok());
    assert_eq!(first.set_capacity(0, false, false), Ok(4096));
    drop((first, small));
    assert_eq!(limits.used(), 0);
}

#[cfg(all(target_os = "linux", not(miri)))]
mod kernel;
