//! Cages and the runtime that holds them; and [`Run`], by which a test starts the first one.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::CString;
use std::io::{Read as _, Seek as _, Write as _};
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use wasmtime::{Config, Engine, Module};

use crate::instance::{self, Workers};
use crate::memory::CageMemory;

/// Takes a lock, whoever panicked with it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a cage runs: replaced by exec.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) module: Module,
    pub(crate) memory: Arc<CageMemory>,
    pub(crate) args: Arc<Vec<CString>>,
    pub(crate) env: Arc<Vec<CString>>,
}

/// Descriptors of a cage, as a cage shares them with its child until one of them changes its own.
pub(crate) type Descriptors = BTreeMap<i32, Arc<OwnedFd>>;

/// One cage.
pub(crate) struct Cage {
    pub(crate) id: u64,
    pub(crate) parent: u64,
    program: RwLock<Program>,
    pub(crate) descriptors: Mutex<Descriptors>,
    pub(crate) workers: Workers,
    /// The handlers of its calls, by number: see [`Handler`].
    handlers: Box<[AtomicU64]>,
    /// The status of wait4, once it has ended.
    status: Mutex<Option<i32>>,
    ended: AtomicBool,
    pub(crate) next_thread: AtomicU64,
}

impl Cage {
    pub(crate) fn new(id: u64, parent: u64, program: Program, descriptors: Descriptors) -> Arc<Self> {
        Arc::new(Self {
            id,
            parent,
            program: RwLock::new(program),
            descriptors: Mutex::new(descriptors),
            workers: Workers::default(),
            handlers: (0..NUMBERS).map(|_| AtomicU64::new(0)).collect(),
            status: Mutex::new(None),
            ended: AtomicBool::new(false),
            next_thread: AtomicU64::new(1),
        })
    }

    pub(crate) fn program(&self) -> Program {
        self.program.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_program(&self, program: Program) {
        *self.program.write().unwrap_or_else(PoisonError::into_inner) = program;
    }

    pub(crate) fn memory(&self) -> Arc<CageMemory> {
        Arc::clone(&self.program.read().unwrap_or_else(PoisonError::into_inner).memory)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Who answers a call of this cage, if not the runtime.
    pub(crate) fn handler(&self, number: u32) -> Option<Handler> {
        Handler::unpack(self.handlers.get(number as usize)?.load(Ordering::Acquire))
    }

    pub(crate) fn set_handler(&self, number: u32, handler: Handler) {
        if let Some(place) = self.handlers.get(number as usize) {
            place.store(handler.pack(), Ordering::Release);
        }
    }

    /// Takes over all handlers of another cage.
    pub(crate) fn copy_handlers(&self, from: &Cage) {
        for (place, handler) in self.handlers.iter().zip(&from.handlers) {
            let handler = handler.load(Ordering::Acquire);
            if handler != 0 {
                place.store(handler, Ordering::Release);
            }
        }
    }
}

/// System calls have numbers below this.
const NUMBERS: usize = 1024;

/// The index of a handler in its grate's table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Handler {
    pub(crate) grate: u64,
    pub(crate) index: u64,
}

impl Handler {
    /// As one word, which is 0 for no handler.
    fn pack(self) -> u64 {
        self.grate << 32 | self.index
    }

    fn unpack(word: u64) -> Option<Self> {
        (word != 0).then_some(Self { grate: word >> 32, index: word & 0xffff_ffff })
    }
}

thread_local! {
    /// Cages that this thread asked for, the last one first. A thread belongs to one runtime.
    static RECENT: RefCell<Vec<Arc<Cage>>> = const { RefCell::new(Vec::new()) };
}

/// All cages, and what they share.
pub struct Runtime {
    pub(crate) engine: Engine,
    pub(crate) root: PathBuf,
    cages: RwLock<BTreeMap<u64, Arc<Cage>>>,
    modules: Mutex<HashMap<PathBuf, Module>>,
    next_id: AtomicU64,
    violations: Mutex<Vec<String>>,
    /// The numbers that some cage registered a handler for, and those whose handlers were called.
    registered: Box<[AtomicBool]>,
    called: Box<[AtomicBool]>,
    /// How many bytes forks copied.
    pub(crate) fork_bytes: AtomicU64,
    /// A cage ended; with the lock of nothing but itself.
    ended: (Mutex<u64>, Condvar),
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("root", &self.root).finish_non_exhaustive()
    }
}

impl Runtime {
    /// An engine that can run grates.
    pub fn engine() -> Engine {
        let mut config = Config::new();
        config.wasm_threads(true).shared_memory(true).wasm_bulk_memory(true).memory_reservation(1 << 32);
        Engine::new(&config).expect("the configuration is one that wasmtime has")
    }

    fn new(engine: Engine, root: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            engine,
            root,
            cages: RwLock::default(),
            modules: Mutex::default(),
            next_id: AtomicU64::new(1),
            violations: Mutex::default(),
            registered: (0..NUMBERS).map(|_| AtomicBool::new(false)).collect(),
            called: (0..NUMBERS).map(|_| AtomicBool::new(false)).collect(),
            fork_bytes: AtomicU64::new(0),
            ended: (Mutex::new(0), Condvar::new()),
        })
    }

    /// A cage by its id. Each thread remembers the last few, for this is asked several times a call.
    pub(crate) fn cage(&self, id: u64) -> Option<Arc<Cage>> {
        const REMEMBERED: usize = 4;
        RECENT.with(|recent| {
            let mut recent = recent.borrow_mut();
            if let Some(cage) = recent.iter().find(|cage| cage.id == id && !cage.has_ended()) {
                return Some(Arc::clone(cage));
            }
            let cage = self.cages.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()?;
            recent.retain(|old| old.id != id);
            recent.truncate(REMEMBERED - 1);
            recent.insert(0, Arc::clone(&cage));
            Some(cage)
        })
    }

    /// Makes a handler known.
    pub(crate) fn register(&self, cage: u64, number: u32, handler: Handler) {
        if let (Some(cage), Some(noted)) = (self.cage(cage), self.registered.get(number as usize)) {
            cage.set_handler(number, handler);
            noted.store(true, Ordering::Relaxed);
        }
    }

    pub(crate) fn note_called(&self, number: u32) {
        if let Some(called) = self.called.get(number as usize)
            && !called.load(Ordering::Relaxed)
        {
            called.store(true, Ordering::Relaxed);
        }
    }

    /// The numbers whose handlers were never called.
    fn uncalled(&self) -> Vec<u32> {
        let set = |list: &[AtomicBool], n: usize| list[n].load(Ordering::Relaxed);
        let never = |n: &usize| set(&self.registered, *n) && !set(&self.called, *n);
        (0..NUMBERS).filter(never).map(|n| n as u32).collect()
    }

    pub(crate) fn add(&self, cage: &Arc<Cage>) {
        self.cages.write().unwrap_or_else(PoisonError::into_inner).insert(cage.id, Arc::clone(cage));
    }

    pub(crate) fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn note_violation(&self, what: String) {
        lock(&self.violations).push(what);
    }

    /// The module of a path below the root, compiled once.
    ///
    /// # Errors
    /// ENOENT, EACCES (not executable), ENOEXEC
    pub(crate) fn module(&self, path: &Path) -> Result<Module, i32> {
        use std::os::unix::fs::PermissionsExt as _;
        let meta = std::fs::metadata(path).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))?;
        if !meta.is_file() || meta.permissions().mode() & 0o111 == 0 {
            return Err(libc::EACCES);
        }
        let mut modules = lock(&self.modules);
        if let Some(module) = modules.get(path) {
            return Ok(module.clone());
        }
        let bytes = std::fs::read(path).map_err(|error| error.raw_os_error().unwrap_or(libc::EIO))?;
        let module = compiled(&self.engine, &bytes).map_err(|_| libc::ENOEXEC)?;
        modules.insert(path.to_path_buf(), module.clone());
        Ok(module)
    }

    /// A cage has ended, by exit or by a trap.
    pub(crate) fn end(&self, cage: &Cage, status: i32) {
        lock(&cage.status).get_or_insert(status);
        cage.ended.store(true, Ordering::Relaxed);
        lock(&cage.descriptors).clear();
        *lock(&self.ended.0) += 1;
        self.ended.1.notify_all();
    }

    /// wait4: an ended child, which is then gone. `Ok(None)`: none has ended yet.
    ///
    /// # Errors
    /// ECHILD
    pub(crate) fn reap(&self, parent: u64, pid: i32) -> Result<Option<(u64, i32)>, i32> {
        let mut cages = self.cages.write().unwrap_or_else(PoisonError::into_inner);
        let wanted = |cage: &Cage| cage.parent == parent && (pid == -1 || cage.id == pid as u64);
        let mut children = cages.values().filter(|cage| wanted(cage)).peekable();
        if children.peek().is_none() {
            return Err(libc::ECHILD);
        }
        let ended = children.find_map(|cage| Some((cage.id, (*lock(&cage.status))?)));
        if let Some((id, _)) = ended {
            cages.remove(&id);
        }
        Ok(ended)
    }

    /// Waits until some cage ends, or a while.
    pub(crate) fn wait_for_an_end(&self) {
        let count = lock(&self.ended.0);
        let _ = self.ended.1.wait_timeout(count, Duration::from_millis(5));
    }

    /// Frees the memories of all cages: they refer to each other.
    fn clear(&self) {
        let cages = std::mem::take(&mut *self.cages.write().unwrap_or_else(PoisonError::into_inner));
        for cage in cages.values() {
            cage.workers.clear();
        }
    }
}

/// Compiles a module; the same bytes only once in a process.
fn compiled(engine: &Engine, bytes: &[u8]) -> wasmtime::Result<Module> {
    type Key = (usize, Vec<u8>);
    static ALL: Mutex<Vec<(Key, Module)>> = Mutex::new(Vec::new());
    let mut all = lock(&ALL);
    let known =
        all.iter().find(|((_, known), module)| known == bytes && Engine::same(module.engine(), engine));
    if let Some((_, module)) = known {
        return Ok(module.clone());
    }
    let module = Module::new(engine, bytes)?;
    all.push(((bytes.len(), bytes.to_vec()), module.clone()));
    Ok(module)
}

/// A program to run as the first cage.
#[derive(Debug)]
pub struct Run {
    engine: Engine,
    root: PathBuf,
    args: Vec<CString>,
    env: Vec<CString>,
    stdin: Vec<u8>,
}

/// How it went.
#[derive(Debug)]
pub struct Outcome {
    /// The status as wait4 tells it.
    pub status: i32,
    /// What the cages wrote to descriptor 1.
    pub stdout: Vec<u8>,
    /// And to descriptor 2.
    pub stderr: Vec<u8>,
    /// What would have killed Lind.
    pub violations: Vec<String>,
    /// How many bytes of memory forks copied.
    pub fork_bytes: u64,
    /// How many bytes of its memory the first cage has touched.
    pub resident: u64,
    /// The system calls that have a handler which was never called.
    pub uncalled: Vec<u32>,
    /// Cages that had not ended when the first one had.
    pub left_over: usize,
}

impl Outcome {
    /// The exit status, if it was not a signal.
    pub fn code(&self) -> Option<i32> {
        (self.status & 0x7f == 0).then_some(self.status >> 8 & 0xff)
    }
}

fn c_string(bytes: &[u8]) -> CString {
    CString::new(bytes).expect("no NUL in an argument")
}

fn memory_file(contents: &[u8]) -> std::fs::File {
    // SAFETY: the name is a string, and the descriptor is new and ours.
    let fd = unsafe { OwnedFd::from_raw_fd(libc::memfd_create(c"stream".as_ptr(), libc::MFD_CLOEXEC)) };
    let mut file = std::fs::File::from(fd);
    file.write_all(contents).expect("memory");
    file.rewind().expect("it is a file");
    file
}

impl Run {
    /// A run of `args`, the first of which is the path of a module below `root`.
    pub fn new(engine: &Engine, root: &Path, args: &[&[u8]]) -> Self {
        Self {
            engine: engine.clone(),
            root: root.to_path_buf(),
            args: args.iter().map(|arg| c_string(arg)).collect(),
            env: Vec::new(),
            stdin: Vec::new(),
        }
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &[u8]) -> Self {
        self.env.push(c_string(&[name.as_bytes(), b"=", value].concat()));
        self
    }

    /// Sets what there is to read on descriptor 0.
    pub fn stdin(mut self, bytes: &[u8]) -> Self {
        self.stdin = bytes.to_vec();
        self
    }

    /// Runs it until the first cage has ended. One that hangs ends the process, for its threads cannot be stopped.
    pub fn run(self) -> Outcome {
        const LONGEST: Duration = Duration::from_secs(240);
        let args = self.args.clone();
        let (running, ended) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            if ended.recv_timeout(LONGEST) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                eprintln!("testhost: {args:?} has not ended within {LONGEST:?}");
                std::process::exit(1);
            }
        });
        let runtime = Runtime::new(self.engine, self.root);
        let (input, mut stdout, mut stderr) = (memory_file(&self.stdin), memory_file(b""), memory_file(b""));
        let path = runtime.host_path(self.args[0].as_bytes());
        let module = runtime.module(&path).expect("the first module can be executed");
        let program = instance::load(&runtime, module, self.args, self.env).expect("memory for a cage");
        let streams = [Some(input), stdout.try_clone().ok(), stderr.try_clone().ok()];
        let descriptors =
            (0..).zip(streams).filter_map(|(fd, file)| Some((fd, Arc::new(OwnedFd::from(file?))))).collect();
        let cage = Cage::new(runtime.new_id(), 0, program, descriptors);
        runtime.add(&cage);
        instance::start(&runtime, &cage, instance::Begin::Fresh).join().expect("no panic in a cage");
        let status = lock(&cage.status).unwrap_or(-1);
        let read = |file: &mut std::fs::File| {
            let mut bytes = Vec::new();
            file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("it is a file");
            bytes
        };
        let cages = runtime.cages.read().unwrap_or_else(PoisonError::into_inner);
        let left_over = cages.values().filter(|cage| !cage.has_ended()).count();
        drop(cages);
        let outcome = Outcome {
            uncalled: runtime.uncalled(),
            status,
            stdout: read(&mut stdout),
            stderr: read(&mut stderr),
            violations: std::mem::take(&mut *lock(&runtime.violations)),
            fork_bytes: runtime.fork_bytes.load(Ordering::Relaxed),
            resident: cage.memory().resident(),
            left_over,
        };
        runtime.clear();
        drop(running);
        outcome
    }
}
