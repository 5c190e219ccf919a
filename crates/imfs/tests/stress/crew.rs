//! Threads that start together, a watchdog for them, and numbers to choose by.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::time::Duration;

use imfs::abi::{Mode, OFlags};
use imfs::inode::Credentials;
use imfs::{Cage, Imfs};

pub(crate) const ALL: Mode = Mode::RWXUGO;
pub(crate) const CREATE: OFlags = OFlags::CREAT.union(OFlags::RDWR);
/// How long a test may hang before it is a deadlock: far longer than any takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// An instance, and cage 1 of root.
pub(crate) fn world() -> (Arc<Imfs>, Arc<Cage>) {
    let fs = Imfs::new().expect("instance");
    let cage = fs.create_cage(1, Credentials::root()).expect("cage");
    cage.umask(Mode::empty());
    (fs, cage)
}

/// How often to do something, of which `few` times are quick.
pub(crate) fn rounds(few: u32) -> u32 {
    let factor = std::env::var("IMFS_STRESS").ok().and_then(|n| n.parse().ok()).unwrap_or(3_u32);
    few.saturating_mul(factor)
}

/// One of the threads of a [`crew`].
pub(crate) struct Worker<'a> {
    /// Its own cage, at the root.
    pub(crate) cage: Arc<Cage>,
    /// Its place in the crew.
    pub(crate) number: usize,
    over: &'a AtomicBool,
    state: Cell<u64>,
}

impl Worker<'_> {
    /// Whether those who work in rounds are still at it.
    pub(crate) fn going(&self) -> bool {
        !self.over.load(Ordering::Relaxed)
    }

    /// A number below `n`; the same sequence in each run.
    pub(crate) fn below(&self, n: u64) -> u64 {
        let mut state = self.state.get();
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        self.state.set(state);
        state % n
    }
}

/// What a member of a crew does.
pub(crate) type Job<'a> = Box<dyn FnOnce(&Worker<'_>) + Send + 'a>;

/// Runs jobs at once, each in a thread with a cage of its own. The `workers` do their rounds; the `watchers` look on
/// while [`Worker::going`]. Aborts if it takes too long.
pub(crate) fn crew<'a>(fs: &Imfs, workers: Vec<Job<'a>>, watchers: Vec<Job<'a>>) {
    let (done, wait) = mpsc::channel::<()>();
    let watchdog = std::thread::spawn(move || {
        if wait.recv_timeout(PATIENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
            eprintln!("a stress test hangs: a deadlock?");
            std::process::abort();
        }
    });
    let over = AtomicBool::new(false);
    let start = Barrier::new(workers.len() + watchers.len());
    let working = workers.len();
    std::thread::scope(|scope| {
        let mut threads: Vec<_> = workers
            .into_iter()
            .chain(watchers)
            .enumerate()
            .map(|(number, job)| {
                let cage = fs.create_cage(1_000 + number as u64, Credentials::root()).expect("cage");
                cage.umask(Mode::empty());
                let (over, start) = (&over, &start);
                scope.spawn(move || {
                    start.wait();
                    let state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(number as u64 + 1).into();
                    job(&Worker { cage, number, over, state });
                })
            })
            .collect();
        let watching = threads.split_off(working);
        let results: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        over.store(true, Ordering::Relaxed);
        let results = results.into_iter().chain(watching.into_iter().map(|thread| thread.join()));
        results.for_each(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
    });
    for number in 0.. {
        if fs.exit(1_000 + number).is_err() {
            break;
        }
    }
    drop(done);
    watchdog.join().expect("watchdog");
}

/// A job.
pub(crate) fn job<'a>(job: impl FnOnce(&Worker<'_>) + Send + 'a) -> Job<'a> {
    Box::new(job)
}

/// A file with these bytes.
pub(crate) fn file(cage: &Cage, path: &str, bytes: &[u8]) {
    let fd = cage.open(path, CREATE, ALL).expect(path);
    if !bytes.is_empty() {
        assert_eq!(cage.write(fd, bytes), Ok(bytes.len()));
    }
    cage.close(fd).expect("close");
}
