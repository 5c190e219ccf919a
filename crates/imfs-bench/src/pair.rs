//! Two threads, each on a CPU of its own, that do the same work alone and together: how much faster two are than one.
//!
//! What a batch must not contain: the start of a thread, its first pin of an epoch, cold caches, and a CPU that was taken
//! away for something else. So both threads live as long as the row, warm up first, meet spinning before a batch of two,
//! and note times of their own; rounds in which the scheduler took one off its CPU are left out.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

/// How long a batch takes one thread: long against a meeting of two, short against the slice of time that the
/// scheduler gives a thread.
const BATCH: f64 = 0.002;
/// Rounds without a disturbance that are enough to leave out the others.
const ENOUGH: usize = 9;

/// One thread's work: makes a closure that does it so often, in the thread itself.
pub(crate) trait Work: Sync {
    /// A batch of `count` calls by thread `number`, 0 or 1.
    fn prepare(&self, number: usize) -> Box<dyn FnMut(usize) + '_>;
}

/// What a thread notes of a round: its batch alone, and its batch beside the other.
#[derive(Debug, Clone, Copy)]
struct Round {
    alone: f64,
    together: (Instant, Instant),
    disturbed: bool,
}

/// The speed-ups of two threads against one, one a round: twice the time of one over the time until both are done with
/// as much each.
pub(crate) fn speed_ups(work: &dyn Work, rounds: usize) -> Vec<f64> {
    let meeting = Meeting { barrier: Barrier::new(2), arrived: AtomicU32::new(0) };
    let cpus = allowed_cpus();
    let count = std::thread::scope(|scope| scope.spawn(|| calibrate(work)).join()).expect("a thread");
    let run = |number: usize| {
        if let Some(cpu) = cpus.get(number).filter(|_| cpus.len() > 1) {
            pin_to(*cpu);
        }
        let mut batch = work.prepare(number);
        (0..rounds + 2).map(|_| meeting.round(number, &mut || batch(count))).collect::<Vec<_>>()
    };
    let (first, second) = std::thread::scope(|scope| {
        let threads = [scope.spawn(|| run(0)), scope.spawn(|| run(1))];
        let [first, second] = threads.map(|thread| thread.join().expect("a thread of the bench"));
        (first, second)
    });
    // The first rounds warm up.
    let pairs: Vec<(Round, Round)> = first.into_iter().zip(second).skip(2).collect();
    let undisturbed = |pair: &&(Round, Round)| !pair.0.disturbed && !pair.1.disturbed;
    let good: Vec<f64> = pairs.iter().filter(undisturbed).map(speed_up).collect();
    if good.len() >= ENOUGH { good } else { pairs.iter().map(speed_up).collect() }
}

fn speed_up((a, b): &(Round, Round)) -> f64 {
    let start = a.together.0.min(b.together.0);
    let end = a.together.1.max(b.together.1);
    (a.alone + b.alone) / (end - start).as_secs_f64()
}

/// How many calls make a batch.
fn calibrate(work: &dyn Work) -> usize {
    let mut batch = work.prepare(0);
    let mut count = 1;
    loop {
        let start = Instant::now();
        batch(count);
        let took = start.elapsed().as_secs_f64();
        if took >= BATCH / 4.0 {
            return ((count as f64 * BATCH / took) as usize).max(1);
        }
        count *= 2;
    }
}

/// Where the two wait for each other.
struct Meeting {
    barrier: Barrier,
    arrived: AtomicU32,
}

impl Meeting {
    /// A batch of the first thread alone, one of the second alone, and one of both at once.
    fn round(&self, number: usize, batch: &mut dyn FnMut()) -> Round {
        let mut alone = 0.0;
        let mut disturbed = false;
        for turn in 0..2 {
            self.barrier.wait();
            if turn == number {
                // What the other's batch threw out of the caches comes back.
                batch();
                let before = preemptions();
                let start = Instant::now();
                batch();
                alone = start.elapsed().as_secs_f64();
                disturbed |= preemptions() != before;
            }
        }
        self.barrier.wait();
        let before = preemptions();
        self.arrived.fetch_add(1, Ordering::AcqRel);
        // Sleepers wake up microseconds apart: both are awake now and leave in the same moment.
        while !self.arrived.load(Ordering::Acquire).is_multiple_of(2) {
            std::hint::spin_loop();
        }
        let start = Instant::now();
        batch();
        let end = Instant::now();
        disturbed |= preemptions() != before;
        Round { alone, together: (start, end), disturbed }
    }
}

/// How often the scheduler took this thread off its CPU although it wanted to go on.
fn preemptions() -> i64 {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is a place for one rusage, for which zeros are valid too.
    let usage = unsafe {
        libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr());
        usage.assume_init()
    };
    usage.ru_nivcsw
}

/// The CPUs that this process may run on.
pub(crate) fn allowed_cpus() -> Vec<usize> {
    // SAFETY: a cpu_set_t is an array of integers; the kernel fills in as much as it knows.
    let set = unsafe {
        let mut set = std::mem::zeroed::<libc::cpu_set_t>();
        libc::sched_getaffinity(0, size_of_val(&set), &mut set);
        set
    };
    // SAFETY: the number is within the set.
    (0..libc::CPU_SETSIZE as usize).filter(|cpu| unsafe { libc::CPU_ISSET(*cpu, &set) }).collect()
}

/// Lets this thread, and those that it starts, run on one CPU only.
pub(crate) fn pin_to(cpu: usize) {
    // SAFETY: the set is a local one, and the number within it.
    unsafe {
        let mut set = std::mem::zeroed::<libc::cpu_set_t>();
        libc::CPU_SET(cpu, &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set);
    }
}
