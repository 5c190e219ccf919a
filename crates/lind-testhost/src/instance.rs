//! Instances: what runs the code of a cage. One for its main thread, one for each further thread, and in a grate one
//! for each of its workers, all over the one memory of the cage.

use std::ffi::CString;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use wasmtime::{Caller, Error, Extern, Global, Instance, Linker, Module, Store, TypedFunc, Val};

use crate::cage::{Cage, Program, Runtime, lock};
use crate::fork;
use crate::memory::CageMemory;

/// What the runtime calls a handler with: its index, the grate, and six arguments with their cages.
type Entry = (i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64, i64);

/// How many workers a grate has.
const WORKERS: u64 = 32;
const STACK: u64 = 8 << 20;
/// A guard page lies below each stack.
const SLOT: u64 = STACK + 4096;
/// What a trap in a handler gives the caller.
pub(crate) const TRAPPED: i32 = -0x1fff_0003;
/// The native stack of a cage's thread: handlers run on the stacks of their callers.
const NATIVE_STACK: usize = 16 << 20;

/// What an instance is doing with its stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    Normal,
    /// It unwinds, to fork this child.
    Unwinding(u64),
    /// It rewinds up to the call that forked, which gives this.
    Rewinding(i32),
}

/// What an instance belongs to.
pub(crate) struct Context {
    pub(crate) runtime: Arc<Runtime>,
    pub(crate) cage: Arc<Cage>,
    pub(crate) flow: Flow,
}

/// How the run of an instance ends before its entry function returns.
#[derive(Debug, Clone)]
pub(crate) enum Ended {
    /// The cage exits.
    Exit(i32),
    /// Only this thread does.
    ThreadExit,
    /// Another program takes its place.
    Exec,
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

impl std::error::Error for Ended {}

fn initial_bytes(module: &Module) -> u64 {
    let memory = module.imports().find_map(|import| import.ty().memory().map(|memory| memory.minimum()));
    memory.unwrap_or(0) << 16
}

fn is_grate(module: &Module) -> bool {
    module.get_export("pass_fptr_to_wt").is_some()
}

/// A program with a memory of its own.
pub(crate) fn load(
    runtime: &Runtime,
    module: Module,
    args: Vec<CString>,
    env: Vec<CString>,
) -> wasmtime::Result<Program> {
    let initial = initial_bytes(&module);
    let memory = Arc::new(CageMemory::new(&runtime.engine, initial)?);
    if is_grate(&module) {
        memory.map_stacks(initial, WORKERS * SLOT);
    }
    Ok(Program { module, memory, args: Arc::new(args), env: Arc::new(env) })
}

/// An instance of the cage's program.
pub(crate) struct Live {
    pub(crate) store: Store<Context>,
    pub(crate) instance: Instance,
}

impl Live {
    pub(crate) fn new(runtime: &Arc<Runtime>, cage: &Arc<Cage>) -> wasmtime::Result<Self> {
        let program = cage.program();
        let context = Context { runtime: Arc::clone(runtime), cage: Arc::clone(cage), flow: Flow::Normal };
        let mut store = Store::new(&runtime.engine, context);
        let mut linker = Linker::new(&runtime.engine);
        link(&mut linker)?;
        linker.define(&store, "env", "memory", Extern::SharedMemory(program.memory.wasm.clone()))?;
        let instance = linker.instantiate(&mut store, &program.module)?;
        Ok(Self { store, instance })
    }

    pub(crate) fn global(&mut self, name: &str) -> wasmtime::Result<Global> {
        let found = self.instance.get_global(&mut self.store, name);
        found.ok_or_else(|| Error::msg(format!("no global {name}")))
    }

    pub(crate) fn read_global(&mut self, name: &str) -> wasmtime::Result<i32> {
        let global = self.global(name)?;
        Ok(global.get(&mut self.store).i32().unwrap_or(0))
    }

    pub(crate) fn set_stack(&mut self, to: i32) -> wasmtime::Result<()> {
        let global = self.global("__stack_pointer")?;
        global.set(&mut self.store, Val::I32(to))
    }
}

/// The functions that a module can import.
fn link(linker: &mut Linker<Context>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "lind",
        "make-syscall",
        #[allow(clippy::too_many_arguments, reason = "the form of the interface")]
        |mut caller: Caller<'_, Context>,
         number: i32,
         _name: i64,
         me: i64,
         target: i64,
         a1: i64,
         c1: i64,
         a2: i64,
         c2: i64,
         a3: i64,
         c3: i64,
         a4: i64,
         c4: i64,
         a5: i64,
         c5: i64,
         a6: i64,
         c6: i64| {
            let args = [(a1, c1), (a2, c2), (a3, c3), (a4, c4), (a5, c5), (a6, c6)]
                .map(|(arg, cage)| (arg as u64, cage as u64));
            fork::make_syscall(&mut caller, number as u32, me as u64, target as u64, &args)
        },
    )?;
    linker.func_wrap("lind", "lind-get-memory-base", |caller: Caller<'_, Context>| {
        caller.data().cage.memory().base() as i64
    })?;
    linker
        .func_wrap("lind", "lind-get-cage-id", |caller: Caller<'_, Context>| caller.data().cage.id as i64)?;
    linker.func_wrap("lind", "debug-panic", |_: Caller<'_, Context>, code: i64| -> wasmtime::Result<()> {
        Err(Error::msg(format!("debug-panic {code}")))
    })?;
    for module in ["lind", "wasi_snapshot_preview1"] {
        linker.func_wrap(
            module,
            "args_sizes_get",
            |caller: Caller<'_, Context>, count: i32, size: i32| {
                let program = caller.data().cage.program();
                put_sizes(&program.memory, &program.args, count, size)
            },
        )?;
        linker.func_wrap(module, "args_get", |caller: Caller<'_, Context>, list: i32, bytes: i32| {
            let program = caller.data().cage.program();
            put_strings(&program.memory, &program.args, list, bytes)
        })?;
        linker.func_wrap(
            module,
            "environ_sizes_get",
            |caller: Caller<'_, Context>, count: i32, size: i32| {
                let program = caller.data().cage.program();
                put_sizes(&program.memory, &program.env, count, size)
            },
        )?;
        linker.func_wrap(module, "environ_get", |caller: Caller<'_, Context>, list: i32, bytes: i32| {
            let program = caller.data().cage.program();
            put_strings(&program.memory, &program.env, list, bytes)
        })?;
    }
    linker.func_wrap(
        "wasi_snapshot_preview1",
        "random_get",
        |caller: Caller<'_, Context>, at: i32, len: i32| {
            let memory = caller.data().cage.memory();
            let mut bytes = vec![0_u8; len as u32 as usize];
            // SAFETY: a live slice.
            unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
            put(&memory, at as u32, &bytes)
        },
    )?;
    Ok(())
}

/// Writes into a cage's memory, or gives EFAULT in WASI's number.
fn put(memory: &CageMemory, at: u32, bytes: &[u8]) -> i32 {
    const WASI_FAULT: i32 = 21;
    let host = memory.base() + u64::from(at);
    if memory.check(host, bytes.len() as u64, libc::PROT_WRITE) != crate::memory::Checked::Fine {
        return WASI_FAULT;
    }
    // SAFETY: just checked.
    unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), host as *mut u8, bytes.len()) };
    0
}

fn put_sizes(memory: &CageMemory, strings: &[CString], count: i32, size: i32) -> i32 {
    let bytes: usize = strings.iter().map(|string| string.as_bytes_with_nul().len()).sum();
    put(memory, count as u32, &(strings.len() as u32).to_le_bytes())
        | put(memory, size as u32, &(bytes as u32).to_le_bytes())
}

fn put_strings(memory: &CageMemory, strings: &[CString], list: i32, bytes: i32) -> i32 {
    let (mut list, mut at, mut result) = (list as u32, bytes as u32, 0);
    for string in strings {
        result |= put(memory, list, &at.to_le_bytes()) | put(memory, at, string.as_bytes_with_nul());
        list += 4;
        at += string.as_bytes_with_nul().len() as u32;
    }
    result
}

/// A worker of a grate.
struct Worker {
    live: Live,
    entry: TypedFunc<Entry, i32>,
    stack_top: i32,
}

/// The workers of a grate: those that are free, and how many there are.
#[derive(Default)]
pub(crate) struct Workers {
    free: Mutex<(Vec<Worker>, u64)>,
    freed: Condvar,
}

impl Workers {
    fn take(&self, runtime: &Arc<Runtime>, grate: &Arc<Cage>) -> wasmtime::Result<Worker> {
        let mut pool = lock(&self.free);
        loop {
            if let Some(worker) = pool.0.pop() {
                return Ok(worker);
            }
            if pool.1 < WORKERS {
                let slot = pool.1;
                pool.1 += 1;
                drop(pool);
                return Worker::new(runtime, grate, slot);
            }
            pool = self.freed.wait(pool).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    fn give_back(&self, worker: Worker) {
        lock(&self.free).0.push(worker);
        self.freed.notify_one();
    }

    /// Drops all that are free: they hold their cage.
    pub(crate) fn clear(&self) {
        lock(&self.free).0.clear();
    }
}

impl Worker {
    fn new(runtime: &Arc<Runtime>, grate: &Arc<Cage>, slot: u64) -> wasmtime::Result<Self> {
        let mut live = Live::new(runtime, grate)?;
        let entry = live.instance.get_typed_func(&mut live.store, "pass_fptr_to_wt")?;
        let stack_top = (initial_bytes(&grate.program().module) + (slot + 1) * SLOT) as i32;
        Ok(Self { live, entry, stack_top })
    }
}

/// Calls a handler of a grate in one of its workers; waits for one to be free.
pub(crate) fn dispatch(runtime: &Arc<Runtime>, grate: &Arc<Cage>, index: u64, args: &[(u64, u64); 6]) -> i32 {
    let Ok(mut worker) = grate.workers.take(runtime, grate) else { return TRAPPED };
    let [(a1, c1), (a2, c2), (a3, c3), (a4, c4), (a5, c5), (a6, c6)] =
        args.map(|(arg, cage)| (arg as i64, cage as i64));
    let params = (index as i64, grate.id as i64, a1, c1, a2, c2, a3, c3, a4, c4, a5, c5, a6, c6);
    let Worker { live, entry, stack_top } = &mut worker;
    let result = live.set_stack(*stack_top).and_then(|()| entry.call(&mut live.store, params));
    grate.workers.give_back(worker);
    result.unwrap_or_else(|error| {
        runtime.say(grate, &format!("testhost: a handler of cage {} trapped: {error:?}\n", grate.id));
        TRAPPED
    })
}

/// How a cage's thread begins.
pub(crate) enum Begin {
    /// At the start of its program.
    Fresh,
    /// In the middle of the call that forked it, with the parent's stack pointer.
    Forked { stack: i32 },
    /// As a further thread.
    Thread { stack: i32, word: i32 },
}

/// Starts the main thread of a cage, or a further one.
pub(crate) fn start(runtime: &Arc<Runtime>, cage: &Arc<Cage>, begin: Begin) -> JoinHandle<()> {
    let (runtime, cage) = (Arc::clone(runtime), Arc::clone(cage));
    let thread = std::thread::Builder::new().stack_size(NATIVE_STACK).name(format!("cage-{}", cage.id));
    let run = move || {
        if let Begin::Thread { stack, word } = begin {
            run_thread(&runtime, &cage, stack, word);
            return;
        }
        /// SIGSEGV, which is what a trap is to who waits.
        const SEGV: i32 = 11;
        let status = run_main(&runtime, &cage, begin).unwrap_or_else(|error| {
            runtime.say(&cage, &format!("testhost: cage {} trapped: {error:?}\n", cage.id));
            SEGV
        });
        runtime.end(&cage, status);
    };
    thread.spawn(run).expect("a thread")
}

/// Runs a cage to its end. Its status.
fn run_main(runtime: &Arc<Runtime>, cage: &Arc<Cage>, mut begin: Begin) -> wasmtime::Result<i32> {
    loop {
        let mut live = Live::new(runtime, cage)?;
        let entry = live.instance.get_typed_func::<(), i32>(&mut live.store, "_start")?;
        if let Begin::Forked { stack } = begin {
            live.set_stack(stack)?;
            fork::start_rewind(&mut live, 0)?;
        }
        begin = Begin::Fresh;
        loop {
            match entry.call(&mut live.store, ()) {
                Ok(code) => match live.store.data().flow {
                    Flow::Unwinding(child) => fork::finish(&mut live, child)?,
                    _ => return Ok((code & 0xff) << 8),
                },
                Err(error) => match error.downcast_ref::<Ended>() {
                    Some(Ended::Exit(code)) => return Ok((code & 0xff) << 8),
                    Some(Ended::ThreadExit) => return Ok(0),
                    Some(Ended::Exec) => break,
                    None => return Err(error),
                },
            }
        }
    }
}

thread_local! {
    static FURTHER: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether this thread is not the first of its cage.
pub(crate) fn is_further_thread() -> bool {
    FURTHER.get()
}

fn run_thread(runtime: &Arc<Runtime>, cage: &Arc<Cage>, stack: i32, word: i32) {
    FURTHER.set(true);
    let run = || -> wasmtime::Result<()> {
        let mut live = Live::new(runtime, cage)?;
        live.set_stack(stack)?;
        let entry = live.instance.get_typed_func::<i32, ()>(&mut live.store, "thread_start")?;
        entry.call(&mut live.store, word)
    };
    if let Err(error) = run()
        && error.downcast_ref::<Ended>().is_none()
    {
        runtime.say(cage, &format!("testhost: a thread of cage {} trapped: {error:?}\n", cage.id));
    }
}
