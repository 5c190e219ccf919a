//! Random requests to a file here and to one of the kernel, which must answer alike.

use super::model_tests::Random;
use super::*;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd};

/// A traditional owner and two descriptions, by descriptor. The process is the owner of the first.
struct Kernel([File; 3]);

impl Kernel {
    fn new(size: u64) -> Kernel {
        // SAFETY: the name is a C string, and the descriptor is fresh and ours.
        let first = unsafe {
            let fd = libc::memfd_create(c"locks".as_ptr(), libc::MFD_CLOEXEC);
            assert!(fd >= 0, "{}", io::Error::last_os_error());
            File::from_raw_fd(fd)
        };
        first.set_len(size).unwrap();
        let path = format!("/proc/self/fd/{}", first.as_raw_fd());
        let open = || File::options().read(true).write(true).open(&path).unwrap();
        Kernel([first, open(), open()])
    }

    fn fcntl(&self, who: usize, command: i32, lock: &mut Flock) -> Result<()> {
        let mut raw = libc::flock {
            l_type: lock.kind,
            l_whence: lock.whence,
            l_start: lock.start,
            l_len: lock.len,
            l_pid: lock.pid,
        };
        // SAFETY: `raw` lives until the call returns.
        answer(unsafe { libc::fcntl(self.0[who].as_raw_fd(), command, &mut raw) })?;
        *lock = Flock {
            kind: raw.l_type,
            whence: raw.l_whence,
            start: raw.l_start,
            len: raw.l_len,
            pid: raw.l_pid,
        };
        Ok(())
    }

    fn flock(&self, who: usize, operation: FlockOp) -> Result<()> {
        // SAFETY: it has no memory effects.
        answer(unsafe { libc::flock(self.0[who].as_raw_fd(), operation.bits() as i32) })
    }
}

fn answer(result: i32) -> Result<()> {
    if result >= 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error().raw_os_error().and_then(Errno::from_raw).unwrap())
}

/// Mostly small numbers, which meet, and some at the edges.
fn number(random: &mut Random) -> i64 {
    match random.below(12) {
        0 => i64::MAX - random.below(3) as i64,
        1 => i64::MIN + random.below(3) as i64,
        2 => 0,
        3 => -(random.below(20) as i64),
        _ => random.below(20) as i64,
    }
}

fn run(seed: u64, steps: usize) {
    let (kernel, slot, table, nobody) =
        (Kernel::new(16), LockSlot::new(), LockTable::default(), Interrupts::new());
    let mut random = Random(seed);
    let pid = std::process::id() as i32;
    for step in 0..steps {
        let who = random.below(3);
        let caller = Caller { cage: 1, pid, description: who as u64, access: OFlags::RDWR, pos: 0, size: 16 };
        let place = format!("seed {seed} step {step}: {who}");
        if random.below(4) == 0 {
            let operation = FlockOp::from_bits_retain(4 | [1, 2, 8, 3][random.below(4)]);
            let ours = slot.flock(who as u64, operation, &nobody);
            assert_eq!(ours, kernel.flock(who, operation), "{place} {operation:?}");
            continue;
        }
        let commands = [(fcntl::F_GETLK, fcntl::F_SETLK), (fcntl::F_OFD_GETLK, fcntl::F_OFD_SETLK)];
        let (get, set) = commands[usize::from(who != 0)];
        let mut ours = Flock {
            kind: [0, 1, 2, 0, 1, 2, 3][random.below(7)],
            whence: [0, 0, 0, 1, 2, 3][random.below(6)],
            start: number(&mut random),
            len: number(&mut random),
            pid: i32::from(random.below(20) == 0),
        };
        let mut theirs = ours;
        let asked_own = who != 0 && ours.kind == fcntl::F_UNLCK;
        let asked = format!("{place} {ours:?}");
        if random.below(2) == 0 {
            let result = slot.set(&table, &caller, set, &ours, &nobody);
            assert_eq!(result, kernel.fcntl(who, set, &mut theirs), "set {asked}");
        } else {
            let result = slot.get(&caller, get, &mut ours);
            let expected = kernel.fcntl(who, get, &mut theirs);
            if asked_own && result.is_ok() && expected == Err(Errno::EINVAL) {
                // Linux before 6.6.
                continue;
            }
            assert_eq!(result, expected, "get {asked}");
            assert_eq!(ours, theirs, "get {asked}");
        }
    }
}

#[test]
fn the_kernel_answers_alike() {
    for seed in 1..=20 {
        run(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed), 1_000);
    }
}
