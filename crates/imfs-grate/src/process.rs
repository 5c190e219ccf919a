//! The cages that the grate serves, by their ids in Lind.
//!
//! Looking one up takes no lock: the list is replaced as a whole when a cage comes or goes. A process is here from
//! before its first call until its exit; one that calls without ever having been announced is adopted.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use imfs::abi::{Errno, Result};
use imfs::inode::Credentials;
use imfs::platform::ledger::Noted;
use imfs::sync::epoch::{self, Guard, RcuBox};
use imfs::sync::wait::Crowd;
use imfs::{Cage, Imfs};

use crate::foreign;
use crate::mapping::Mappings;

/// Takes a lock, whatever happened to its last holder: all of them protect values that are whole at any time. It is
/// noted, to be released if its holder traps.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> Noted<MutexGuard<'_, T>> {
    Noted::new(mutex.lock().unwrap_or_else(PoisonError::into_inner))
}

/// One cage, and what the grate keeps beside IMFS's own state of it.
pub(crate) struct Process {
    /// Its id in Lind.
    pub(crate) id: u64,
    pub(crate) cage: Arc<Cage>,
    /// How many threads it has.
    threads: AtomicU32,
    /// Whether it has not yet executed a program: it is the child of the grate itself.
    new: AtomicBool,
    /// Held while a foreign descriptor gets its number in both tables.
    pub(crate) numbering: Mutex<()>,
    /// What it has mapped.
    pub(crate) mappings: Mutex<Mappings>,
    /// Host files that hold programs it executes.
    pub(crate) programs: Mutex<Vec<Vec<u8>>>,
}

impl Process {
    fn new(id: u64, cage: Arc<Cage>, mappings: Mappings) -> Arc<Self> {
        cage.interrupts().set_crowd(Some(&CROWD));
        Arc::new(Self {
            id,
            cage,
            threads: AtomicU32::new(1),
            new: AtomicBool::new(false),
            numbering: Mutex::new(()),
            mappings: Mutex::new(mappings),
            programs: Mutex::new(Vec::new()),
        })
    }

    /// It is the child of the grate, about to execute the program of the command line.
    pub(crate) fn set_new(&self, new: bool) {
        self.new.store(new, Ordering::Relaxed);
    }

    /// See [`set_new`](Self::set_new).
    pub(crate) fn is_new(&self) -> bool {
        self.new.load(Ordering::Relaxed)
    }

    /// A thread more.
    pub(crate) fn thread_started(&self) {
        self.threads.fetch_add(1, Ordering::Relaxed);
    }

    /// All threads but the one that calls exec are gone.
    pub(crate) fn only_thread(&self) {
        self.threads.store(1, Ordering::Relaxed);
    }

    /// A thread less. Whether it was the last.
    pub(crate) fn thread_ended(&self) -> bool {
        self.threads.fetch_sub(1, Ordering::AcqRel) <= 1
    }
}

/// The file system, and who the cages are in it.
pub(crate) struct System {
    pub(crate) imfs: Arc<Imfs>,
    pub(crate) credentials: Credentials,
}

static SYSTEM: OnceLock<System> = OnceLock::new();
/// Sorted by id. Replaced under `CHANGE`.
static PROCESSES: RcuBox<Vec<Arc<Process>>> = RcuBox::empty();
/// How many forks are under way: their children may call before they are in the list.
static CHANGE: Mutex<u32> = Mutex::new(0);
static CHANGED: Condvar = Condvar::new();
/// Cages of IMFS have numbers of their own: the id of a child in Lind is known only after its birth.
static NEXT_CAGE: AtomicU64 = AtomicU64::new(1);

/// The calls of all cages that wait: each holds one of the 32 workers. Most can wait for as long as it takes; the last few
/// workers are for those who wake them, so a call that would hold one of these is handed back after a moment.
pub(crate) static CROWD: Crowd = Crowd::new(24, Duration::from_millis(20));

/// A number for a new cage of IMFS.
pub(crate) fn new_number() -> u64 {
    NEXT_CAGE.fetch_add(1, Ordering::Relaxed)
}

/// Sets the file system up. Once, before any call.
pub(crate) fn start(system: System) {
    let _ = SYSTEM.set(system);
}

/// The file system.
///
/// # Errors
/// ENOSYS: there is none yet, which no cage can see.
pub(crate) fn system() -> Result<&'static System> {
    SYSTEM.get().ok_or(Errno::ENOSYS)
}

fn change() -> Noted<MutexGuard<'static, u32>> {
    lock(&CHANGE)
}

/// Finds a process without a lock.
#[inline]
pub(crate) fn find(id: u64, guard: &Guard) -> Option<&Arc<Process>> {
    let list = PROCESSES.load(guard)?;
    // The first cages have neighbouring ids: most searches end where they start.
    list.binary_search_by_key(&id, |process| process.id).ok().map(|at| &list[at])
}

/// Whether there is such a process.
pub(crate) fn known(id: u64) -> bool {
    find(id, &epoch::pin()).is_some()
}

/// The process of an id, adopted if it is new: with the descriptors 0 to 2 as foreign ones.
///
/// # Errors
/// ENOMEM, ENFILE
#[cold]
pub(crate) fn adopt(id: u64) -> Result<Arc<Process>> {
    wait_for_birth(id);
    if let Some(process) = find(id, &epoch::pin()) {
        return Ok(Arc::clone(process));
    }
    let system = system()?;
    let number = new_number();
    let cage = system.imfs.create_cage(number, system.credentials.clone())?;
    foreign::add_inherited(&cage, id).inspect_err(|_| {
        let _ = system.imfs.exit(number);
    })?;
    let process = Process::new(id, cage, Mappings::default());
    Ok(insert(&mut change(), process))
}

/// Waits while a fork is under way that may have made this process.
fn wait_for_birth(id: u64) {
    /// A fork takes a fraction of a second, and one that never ends must not hold others up for ever.
    const PIECE: Duration = Duration::from_millis(20);
    const PIECES: u32 = 250;
    let mut forks = CHANGE.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..PIECES {
        if *forks == 0 || known(id) {
            return;
        }
        forks = CHANGED.wait_timeout(forks, PIECE).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Puts a process into the list; who is already there stays. Needs the lock of `CHANGE`.
fn insert(_forks: &mut u32, process: Arc<Process>) -> Arc<Process> {
    let guard = epoch::pin();
    let mut list = PROCESSES.load(&guard).cloned().unwrap_or_default();
    match list.binary_search_by_key(&process.id, |process| process.id) {
        Ok(at) => return Arc::clone(&list[at]),
        Err(at) => list.insert(at, Arc::clone(&process)),
    }
    drop(PROCESSES.replace(Some(Box::new(list)), 0, &guard));
    process
}

/// A child that is being made: the parent's state as it is at the fork.
pub(crate) struct Birth {
    cage: Option<Arc<Cage>>,
    mappings: Option<Mappings>,
}

impl Birth {
    /// Copies the parent's state, before the child exists.
    ///
    /// # Errors
    /// ENOMEM
    pub(crate) fn start(parent: &Process) -> Result<Self> {
        let mappings = lock(&parent.mappings).inherited()?;
        let cage = system()?.imfs.fork(parent.cage.id(), new_number())?;
        *change() += 1;
        Ok(Self { cage: Some(cage), mappings: Some(mappings) })
    }

    /// The child is there, as this cage of Lind.
    pub(crate) fn finish(mut self, id: u64) {
        if let (Some(cage), Some(mappings)) = (self.cage.take(), self.mappings.take()) {
            // An id that is used again: the last process of it ended without a word.
            remove(id);
            insert(&mut change(), Process::new(id, cage, mappings));
        }
    }
}

impl Drop for Birth {
    fn drop(&mut self) {
        *change() -= 1;
        CHANGED.notify_all();
        if let (Some(cage), Ok(system)) = (self.cage.take(), system()) {
            // The fork failed.
            let _ = system.imfs.exit(cage.id());
        }
    }
}

/// The end of a process: all that it has in IMFS is released.
pub(crate) fn remove(id: u64) {
    let removed = {
        let _forks = change();
        let guard = epoch::pin();
        let mut list = PROCESSES.load(&guard).cloned().unwrap_or_default();
        let Ok(at) = list.binary_search_by_key(&id, |process| process.id) else { return };
        let removed = list.remove(at);
        drop(PROCESSES.replace(Some(Box::new(list)), 0, &guard));
        removed
    };
    removed.release();
}

impl Process {
    fn release(&self) {
        lock(&self.mappings).end();
        if let Ok(system) = system() {
            let _ = system.imfs.exit(self.cage.id());
        }
        self.forget_programs();
    }

    /// Deletes the host files of programs that it executed.
    pub(crate) fn forget_programs(&self) {
        for path in core::mem::take(&mut *lock(&self.programs)) {
            let _ = crate::host::unlink(&path);
        }
    }
}

/// All processes.
pub(crate) fn all() -> Vec<Arc<Process>> {
    PROCESSES.load(&epoch::pin()).cloned().unwrap_or_default()
}

/// The id in Lind of the process whose cage has this number in IMFS, as record locks tell it.
pub(crate) fn id_of_cage(number: u64) -> Option<u64> {
    all().iter().find(|process| process.cage.id() == number).map(|process| process.id)
}
