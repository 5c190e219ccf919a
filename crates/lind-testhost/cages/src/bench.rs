//! What calls cost: each line of the output is a name, a number of threads, and nanoseconds a call.
//!
//! `bench` measures the handlers that its cage has. `null` is a grate that gives its cage handlers which do nothing but
//! the copies that the call cannot do without.

use core::fmt::Write as _;
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};

use crate::basic::*;
use crate::shim::{Out, at, exit, fork, nap, sys, thread, wait};

const PAGE: usize = 4096;
const THREADS: usize = 4;
const STACK: usize = 64 << 10;
/// The best of many short batches counts: other load of the machine only ever adds.
const BATCHES: u32 = 60;
const CALLS: u32 = 400;

/// Two for each thread, in turns: the last one may still be on its way out.
static mut STACKS: [[u8; STACK]; 2 * THREADS] = [[0; STACK]; 2 * THREADS];
static mut PAGES: [Aligned; THREADS] = [const { Aligned([7; PAGE]) }; THREADS];
/// Which operation the threads are to do, and how many are done.
static OPERATION: AtomicU32 = AtomicU32::new(0);
static DONE: AtomicU32 = AtomicU32::new(0);
/// The best batch of each thread, nanoseconds a call.
static BEST: [AtomicU64; THREADS] = [const { AtomicU64::new(0) }; THREADS];
static DESCRIPTORS: [AtomicI32; THREADS] = [const { AtomicI32::new(-1) }; THREADS];

const NAMES: [&str; 7] =
    ["lseek", "pread 4096", "pwrite 4096", "stat depth 1", "stat depth 4", "open+close", "umask"];

fn now() -> u64 {
    let mut time = [0_u64; 2];
    sys(228, &[1, at(time.as_mut_ptr())]);
    time[0] * 1_000_000_000 + time[1]
}

fn path(thread: usize) -> [u8; 16] {
    let mut path = *b"/bench-x\0\0\0\0\0\0\0\0";
    path[7] = b'a' + thread as u8;
    path
}

fn deep(thread: usize) -> [u8; 16] {
    let mut path = *b"/a/b/c/x\0\0\0\0\0\0\0\0";
    path[7] = b'a' + thread as u8;
    path
}

/// Does the operation for one thread.
fn work(thread: usize) {
    let fd = DESCRIPTORS[thread].load(Ordering::Relaxed) as u64;
    let page = at(&raw const PAGES) + (thread * PAGE) as u64;
    let (path, deep, stat) = (path(thread), deep(thread), [0_u8; 104]);
    let (path, deep, stat) = (at(path.as_ptr()), at(deep.as_ptr()), at(stat.as_ptr()));
    let operation = OPERATION.load(Ordering::Relaxed);
    let mut best = u64::MAX;
    for _ in 0..BATCHES {
        let start = now();
        for _ in 0..CALLS {
            match operation {
                0 => sys(8, &[fd, 0, 0]),
                1 => sys(17, &[fd, page, PAGE as u64, 0]),
                2 => sys(18, &[fd, page, PAGE as u64, 0]),
                3 => sys(4, &[path, stat]),
                4 => sys(4, &[deep, stat]),
                5 => {
                    let opened = sys(2, &[path, RDWR, 0]);
                    sys(3, &[opened as u64])
                }
                _ => sys(95, &[0o22]),
            };
        }
        best = best.min((now() - start) / u64::from(CALLS));
    }
    BEST[thread].store(best, Ordering::SeqCst);
}

/// A further thread: works, and ends.
pub fn thread_start(word: u32) {
    work(word as usize);
    DONE.fetch_add(1, Ordering::SeqCst);
    sys(60, &[0]);
}

pub fn run() {
    for directory in [&b"/a\0"[..], b"/a/b\0", b"/a/b/c\0"] {
        sys(83, &[at(directory.as_ptr()), 0o755]);
    }
    for (thread, place) in DESCRIPTORS.iter().enumerate() {
        sys(3, &[create(&deep(thread))]);
        let fd = create(&path(thread));
        // Else there would be nothing to read.
        sys(18, &[fd, at(&raw const PAGES), PAGE as u64, 0]);
        place.store(fd as i32, Ordering::Relaxed);
    }
    for (operation, name) in NAMES.iter().enumerate() {
        OPERATION.store(operation as u32, Ordering::SeqCst);
        work(0);
        for (turn, threads) in [1, 2, 4].into_iter().enumerate() {
            DONE.store(0, Ordering::SeqCst);
            for further in 1..threads {
                let stack = &raw mut STACKS;
                // SAFETY: only the address of the thread's own stack.
                let stack = unsafe { &raw mut (*stack)[further + THREADS * (turn % 2)] };
                thread(stack as u32, STACK as u32, further as u32);
            }
            work(0);
            while DONE.load(Ordering::SeqCst) + 1 < threads as u32 {
                nap(100_000);
            }
            let slowest = BEST[..threads].iter().map(|best| best.load(Ordering::SeqCst)).max();
            let _ = writeln!(Out, "{name},{threads},{}", slowest.unwrap_or(0));
        }
    }
}

type Handler = extern "C" fn(u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64) -> i32;

/// Who the grate is: its workers share its memory.
static ME: AtomicU64 = AtomicU64::new(0);
static BASE: AtomicU64 = AtomicU64::new(0);

fn copy(from: (u64, u64), to: (u64, u64), len: u64) -> i32 {
    crate::shim::copy(ME.load(Ordering::Relaxed), from, to, len)
}

fn own<T: ?Sized>(pointer: *const T) -> (u64, u64) {
    let offset = pointer.cast::<u8>() as usize as u64;
    (BASE.load(Ordering::Relaxed) + offset, ME.load(Ordering::Relaxed))
}

macro_rules! handler {
    ($name:ident($a1:ident $c1:ident $a2:ident $c2:ident $a3:ident) $answer:expr) => {
        #[allow(unused_variables, clippy::too_many_arguments, reason = "one form for all")]
        extern "C" fn $name(
            _grate: u64,
            $a1: u64,
            $c1: u64,
            $a2: u64,
            $c2: u64,
            $a3: u64,
            _c3: u64,
            _a4: u64,
            _c4: u64,
            _a5: u64,
            _c5: u64,
            _a6: u64,
            _c6: u64,
        ) -> i32 {
            $answer
        }
    };
}

/// As pages of files are: else the copies would not be the same.
#[repr(align(4096))]
struct Aligned([u8; PAGE]);

static BUFFER: Aligned = Aligned([0; PAGE]);
handler!(nothing(a1 c1 a2 c2 a3) 3);
handler!(gives_page(a1 c1 a2 c2 a3) { copy(own(&raw const BUFFER), (a2, c1), a3); a3 as i32 });
handler!(takes_page(a1 c1 a2 c2 a3) { copy((a2, c1), own(&raw const BUFFER), a3); a3 as i32 });
handler!(takes_path(a1 c1 a2 c2 a3) { copy((a1, c1), own(&raw const BUFFER), 16); 0 });

/// `pass_fptr_to_wt` of the grate `null`.
pub fn dispatch(handler: u64, grate: u64, args: [u64; 12]) -> i32 {
    // SAFETY: the runtime passes what was registered.
    let handler: Handler = unsafe { core::mem::transmute(handler as usize) };
    let [a1, c1, a2, c2, a3, c3, a4, c4, a5, c5, a6, c6] = args;
    handler(grate, a1, c1, a2, c2, a3, c3, a4, c4, a5, c5, a6, c6)
}

/// The grate that does nothing: forks, registers, executes `bench` in the child.
pub fn null() {
    // write and exit stay the runtime's, for the results.
    let handlers: [(u32, Handler); 8] = [
        (2, takes_path),
        (3, nothing),
        (4, takes_path),
        (8, nothing),
        (17, gives_page),
        (18, takes_page),
        (83, takes_path),
        (95, nothing),
    ];
    ME.store(crate::shim::cage_id(), Ordering::SeqCst);
    BASE.store(crate::shim::memory_base(), Ordering::SeqCst);
    let grate = crate::shim::cage_id();
    let child = fork();
    if child == 0 {
        for (number, handler) in handlers {
            crate::shim::register(number, grate, handler as usize as u64);
        }
        let argv = [at(b"/cages.wasm\0"), at(b"bench\0"), 0];
        let envp = [0_u64];
        sys(59, &[at(b"/cages.wasm\0"), at(argv.as_ptr()), at(envp.as_ptr())]);
        exit(1);
    }
    exit(wait(child) >> 8);
}
