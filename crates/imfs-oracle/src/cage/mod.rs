//! Our side: the same steps through the cages of a fresh instance.
//!
//! A process of a case is a cage. Its calls run on the test's thread, watched by a second one that interrupts those that
//! block; a call that is started to block runs on a thread of its own.

mod answers;
mod call;
mod clock;
mod memory;
mod tree;

use crate::call::Call;
use crate::case::{Act, Limits, Record, Side, Step};
use crate::maps::Maps;
use crate::outcome::{Entry, Outcome};
use crate::users::{ROOT, USERS, capabilities};
use clock::SteppedClock;
use imfs::abi::{AT_FDCWD, Mode};
use imfs::inode::{Atime, Capabilities, Credentials, Protections};
use imfs::{Cage, Imfs};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a step may take before the case is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs cases through cages.
pub struct Cages {
    watched: Arc<Watched>,
    watcher: Option<JoinHandle<()>>,
    permitted: Capabilities,
    protections: Protections,
}

/// What the watching thread looks at.
#[derive(Default)]
struct Watched {
    /// The cage that the test's thread has a call in.
    cage: Mutex<Option<Arc<Cage>>>,
    end: AtomicBool,
}

impl Cages {
    /// Cages as the kernel is here: with the capabilities that root has and the protections that are switched on.
    pub fn new() -> Self {
        let watched = Arc::new(Watched::default());
        let seen = Arc::clone(&watched);
        let watcher = std::thread::spawn(move || seen.watch());
        Cages {
            watched,
            watcher: Some(watcher),
            permitted: host_capabilities(),
            protections: host_protections(),
        }
    }
}

impl Default for Cages {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Cages {
    fn drop(&mut self) {
        self.watched.end.store(true, Ordering::Relaxed);
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
    }
}

impl Watched {
    fn watch(&self) {
        while !self.end.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
            let cage = self.cage.lock().expect("nobody panics with it").clone();
            if let Some(cage) = cage.filter(|c| c.interrupts().blocked() > 0) {
                cage.interrupt();
            }
        }
    }
}

impl Side for Cages {
    fn name(&self) -> &'static str {
        "imfs"
    }

    fn run(&mut self, limits: Limits, steps: &[Step]) -> Record {
        let clock = SteppedClock::new();
        let imfs = Imfs::builder()
            .size(limits.size)
            .inodes(limits.inodes)
            .nofile(1024)
            .atime(if limits.noatime { Atime::Never } else { Atime::Relative })
            .mode(Mode::from_bits_retain(0o755))
            .protections(self.protections)
            .clock(clock.clone())
            .build()
            .expect("an instance");
        let mut run = Run { side: self, imfs, clock, processes: HashMap::new() };
        let root = credentials(ROOT, run.side.permitted);
        let cage = run.imfs.create_cage(0, root.clone()).expect("the first cage");
        run.processes.insert(0, Process::new(cage));
        let outcomes = steps.iter().map(|s| run.step(s)).collect();
        let mut state = run.descriptors();
        let walker = run.imfs.create_cage(u64::MAX, root).expect("a cage for the walk");
        state.extend(tree::walk(&walker, &run.clock.ticks()));
        run.end();
        Record { outcomes, state }
    }
}

/// One case.
struct Run<'a> {
    side: &'a Cages,
    imfs: Arc<Imfs>,
    clock: SteppedClock,
    processes: HashMap<usize, Process>,
}

/// One process of a case.
struct Process {
    cage: Arc<Cage>,
    local: Option<Local>,
    started: Option<Started>,
}

/// A call that goes on, in a thread of its own.
struct Started {
    thread: JoinHandle<(Outcome, Local)>,
    /// The host's number of the thread.
    number: Arc<AtomicI32>,
}

impl Started {
    /// Whether the thread sleeps in a wait of the cage's, twice in a row: one that was woken runs.
    fn is_blocked(&self, cage: &Cage) -> bool {
        let sleeps = || {
            let path = format!("/proc/self/task/{}/stat", self.number.load(Ordering::Relaxed));
            let stat = std::fs::read_to_string(path).unwrap_or_default();
            stat.rsplit(')').next().is_some_and(|state| state.trim_start().starts_with('S'))
                && cage.interrupts().blocked() > 0
        };
        sleeps() && {
            std::thread::sleep(Duration::from_micros(200));
            sleeps()
        }
    }
}

/// What a process keeps besides its cage.
#[derive(Default)]
struct Local {
    /// Where a descriptor's directory goes on after a name.
    cookies: HashMap<(i32, Vec<u8>), i64>,
    maps: Maps,
}

impl Local {
    fn inherited(&self) -> Self {
        Local { cookies: self.cookies.clone(), maps: self.maps.inherited() }
    }
}

impl Process {
    fn new(cage: Arc<Cage>) -> Self {
        Process { cage, local: Some(Local::default()), started: None }
    }
}

impl Process {
    /// Waits until a call that was started has ended or blocks.
    fn settle(&self) {
        let Some(started) = &self.started else { return };
        let began = Instant::now();
        while !started.thread.is_finished() && !started.is_blocked(&self.cage) && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}

impl Run<'_> {
    fn step(&mut self, step: &Step) -> Outcome {
        let Some(process) = self.processes.get_mut(&step.proc) else {
            return Outcome::broken("(no such process)");
        };
        match (&step.act, process.started.take()) {
            (Act::Finish, None) => Outcome::broken("(nothing was started)"),
            (Act::Finish, Some(thread)) => finish(process, thread),
            (_, Some(thread)) => {
                process.started = Some(thread);
                Outcome::broken("(still in a call)")
            }
            (Act::Start(c), None) => start(process, c.clone(), self.clock.clone()),
            (Act::Call(c), None) => {
                let outcome = self.call(step.proc, c);
                // Who was woken goes on before the next step.
                self.processes.values().for_each(Process::settle);
                outcome
            }
        }
    }

    fn call(&mut self, proc: usize, c: &Call) -> Outcome {
        let ticks = self.clock.clone();
        let process = self.processes.get_mut(&proc).expect("looked up before");
        match c {
            Call::Fork { child } => self.fork(proc, *child),
            Call::Exit {} => {
                self.processes.remove(&proc);
                self.imfs.exit(proc as u64).map_or_else(|e| Outcome::error(e.raw()), |()| Outcome::value(0))
            }
            Call::User { who } => {
                let cred = credentials(*who, self.side.permitted);
                answers::unit(process.cage.set_credentials(cred))
            }
            Call::Caps { mask } => {
                let mut cred = process.cage.credentials().expect("the cage lives");
                cred.effective = Capabilities::from_bits_truncate(*mask) & self.side.permitted;
                answers::unit(process.cage.set_credentials(cred))
            }
            Call::Tick {} => {
                self.clock.tick();
                Outcome::value(0)
            }
            _ => {
                *self.side.watched.cage.lock().expect("nobody panics with it") =
                    Some(Arc::clone(&process.cage));
                let local = process.local.as_mut().expect("no call is going on");
                let outcome = call::call(&process.cage, local, &ticks, c);
                *self.side.watched.cage.lock().expect("nobody panics with it") = None;
                outcome
            }
        }
    }

    fn fork(&mut self, parent: usize, child: usize) -> Outcome {
        match self.imfs.fork(parent as u64, child as u64) {
            Ok(cage) => {
                let local = self.processes[&parent].local.as_ref().map(Local::inherited);
                self.processes.insert(child, Process { local, ..Process::new(cage) });
                Outcome::value(0)
            }
            Err(_) => Outcome::broken("(the process exists)"),
        }
    }

    fn descriptors(&mut self) -> Vec<String> {
        let mut procs: Vec<_> = self.processes.keys().copied().collect();
        procs.sort_unstable();
        let ticks = self.clock.ticks();
        let mut lines = Vec::new();
        for proc in procs {
            let process = &self.processes[&proc];
            if process.started.is_some() {
                lines.push(format!("p{proc} is still in a call"));
                continue;
            }
            lines.extend(
                answers::descriptors(&process.cage, &ticks).into_iter().map(|l| format!("p{proc} {l}")),
            );
        }
        lines
    }

    fn end(&mut self) {
        for (proc, mut process) in std::mem::take(&mut self.processes) {
            let _ = self.imfs.exit(proc as u64);
            if let Some(started) = process.started.take() {
                let _ = started.thread.join();
            }
        }
    }
}

/// Starts a call that is to block, and waits until it does.
fn start(process: &mut Process, c: Call, clock: SteppedClock) -> Outcome {
    let cage = Arc::clone(&process.cage);
    let mut local = process.local.take().expect("no call is going on");
    let number = Arc::new(AtomicI32::new(0));
    let told = Arc::clone(&number);
    let thread = std::thread::spawn(move || {
        // SAFETY: a plain call.
        told.store(unsafe { libc::gettid() }, Ordering::Relaxed);
        (call::call(&cage, &mut local, &clock, &c), local)
    });
    let began = Instant::now();
    let mut blocks = false;
    while !blocks && !thread.is_finished() && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_micros(200));
        blocks = process.cage.interrupts().blocked() > 0;
    }
    process.started = Some(Started { thread, number });
    Outcome::noted(0, if blocks { "blocks" } else { "does not block" }.into())
}

fn finish(process: &mut Process, started: Started) -> Outcome {
    let began = Instant::now();
    while !started.thread.is_finished() {
        if began.elapsed() > PATIENCE {
            process.started = Some(started);
            return Outcome::broken("(the process hangs or died)");
        }
        if started.is_blocked(&process.cage) {
            process.cage.interrupt();
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    match started.thread.join() {
        Ok((outcome, local)) => {
            process.local = Some(local);
            outcome
        }
        Err(_) => Outcome::broken("(the call panicked)"),
    }
}

/// The credentials of `user(who)`: the saved id stays root's, as on the kernel's side.
fn credentials(who: usize, permitted: Capabilities) -> Credentials {
    let u = &USERS[who];
    let mut cred = Credentials::new(u.uid, u.gid).with_groups(u.groups);
    cred.suid = 0;
    (cred.permitted, cred.bounding) = (permitted, permitted);
    cred.effective = if u.uid == 0 { permitted } else { Capabilities::empty() };
    cred
}

/// The capabilities of this process: in a container root may lack some.
fn host_capabilities() -> Capabilities {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    capabilities(&status, "CapPrm:").unwrap_or(Capabilities::all())
}

/// The sysctls `fs.protected_*` of this kernel.
fn host_protections() -> Protections {
    let level = |name: &str| -> u8 {
        let value = std::fs::read_to_string(format!("/proc/sys/fs/protected_{name}")).unwrap_or_default();
        value.trim().parse().unwrap_or(1)
    };
    let mut p = Protections::empty();
    p.set(Protections::HARDLINKS, level("hardlinks") > 0);
    p.set(Protections::SYMLINKS, level("symlinks") > 0);
    p.set(Protections::REGULAR, level("regular") > 0);
    p.set(Protections::FIFOS, level("fifos") > 0);
    p.set(Protections::GROUP_REGULAR, level("regular") > 1);
    p.set(Protections::GROUP_FIFOS, level("fifos") > 1);
    p
}

/// A whole directory, from where the descriptor stands.
fn read_directory(cage: &Cage, fd: i32, size: usize) -> (Vec<Entry>, Result<(), i32>) {
    let mut all = Vec::new();
    loop {
        let mut buf = vec![0; size];
        match cage.getdents64(fd, &mut buf) {
            Ok(0) => return (all, Ok(())),
            Ok(n) => all.extend(crate::outcome::parse_dirents(&buf[..n])),
            Err(e) => return (all, Err(e.raw())),
        }
    }
}

/// `AT_FDCWD` under the name that the calls without a directory use.
const HERE: i32 = AT_FDCWD;
