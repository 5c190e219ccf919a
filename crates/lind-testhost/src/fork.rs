//! `make-syscall` as an instance enters it: the calls after which its stack goes on elsewhere.
//!
//! A cage's clone, exec and exit may be forwarded by a grate, in whose worker the call ends up. What is to become of
//! the cage then waits for the moment when the call is back in the cage's own instance, further up the same thread.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use wasmtime::{AsContextMut, Caller, Error};

use crate::cage::{Cage, Program};
use crate::instance::{self, Begin, Context, Ended, Flow, Live};

/// What is to become of a cage.
pub(crate) enum Pending {
    Fork { child: u64 },
    Exec(Box<Program>),
    Exit(i32),
    ThreadExit,
}

thread_local! {
    /// For a cage whose call is under way on this thread.
    static PENDING: RefCell<Option<(u64, Pending)>> = const { RefCell::new(None) };
}

/// Notes what is to become of a cage once its call is back.
pub(crate) fn postpone(cage: u64, what: Pending) {
    PENDING.with(|pending| *pending.borrow_mut() = Some((cage, what)));
}

fn take_pending(cage: u64) -> Option<Pending> {
    PENDING.with(|pending| {
        let mut pending = pending.borrow_mut();
        if pending.as_ref().is_some_and(|(id, _)| *id == cage) {
            pending.take().map(|(_, what)| what)
        } else {
            None
        }
    })
}

/// The import.
pub(crate) fn make_syscall(
    caller: &mut Caller<'_, Context>,
    number: u32,
    me: u64,
    target: u64,
    args: &[(u64, u64); 6],
) -> wasmtime::Result<i32> {
    if let Flow::Rewinding(result) = caller.data().flow {
        call_export(caller, "asyncify_stop_rewind", None)?;
        caller.data_mut().flow = Flow::Normal;
        return Ok(result);
    }
    let (runtime, cage) = (Arc::clone(&caller.data().runtime), Arc::clone(&caller.data().cage));
    if cage.has_ended() {
        return Err(Error::from(Ended::ThreadExit));
    }
    let result = runtime.syscall(&cage, number, me, target, args)?;
    match take_pending(cage.id) {
        None => Ok(result),
        Some(Pending::Fork { child }) => {
            let at = prepare_unwind(caller, &cage)?;
            caller.data_mut().flow = Flow::Unwinding(child);
            call_export(caller, "asyncify_start_unwind", Some(at))?;
            Ok(0)
        }
        Some(Pending::Exec(program)) => {
            cage.set_program(*program);
            Err(Error::from(Ended::Exec))
        }
        Some(Pending::Exit(code)) => Err(Error::from(Ended::Exit(code))),
        Some(Pending::ThreadExit) => Err(Error::from(Ended::ThreadExit)),
    }
}

fn call_export(caller: &mut Caller<'_, Context>, name: &str, arg: Option<i32>) -> wasmtime::Result<()> {
    let function = caller.get_export(name).and_then(wasmtime::Extern::into_func);
    let function = function.ok_or_else(|| Error::msg(format!("a module that forks has to export {name}")))?;
    match arg {
        Some(arg) => function.typed::<i32, ()>(caller.as_context_mut())?.call(caller.as_context_mut(), arg),
        None => function.typed::<(), ()>(caller.as_context_mut())?.call(caller.as_context_mut(), ()),
    }
}

/// Where the unwound stack goes: from `__stack_low` upwards, up to the stack itself.
fn prepare_unwind(caller: &mut Caller<'_, Context>, cage: &Cage) -> wasmtime::Result<i32> {
    const HEADER: i32 = 8;
    const RED_ZONE: i32 = 256;
    let mut read = |name: &str| {
        let global = caller.get_export(name).and_then(wasmtime::Extern::into_global);
        let global = global.ok_or_else(|| Error::msg(format!("no global {name}")))?;
        Ok::<_, Error>(global.get(caller.as_context_mut()).i32().unwrap_or(0))
    };
    let (low, top) = (read("__stack_low")?, read("__stack_pointer")?);
    let memory = cage.memory();
    let header = [low + HEADER, top - RED_ZONE];
    for (at, value) in (0..).step_by(4).zip(header) {
        let place = memory.base() + low as u32 as u64 + at;
        // SAFETY: the stack of the module is mapped, and aligned.
        unsafe { (place as *mut i32).write(value) };
    }
    Ok(low)
}

/// The stack of the parent is unwound: makes the child, and lets both go on.
pub(crate) fn finish(live: &mut Live, child: u64) -> wasmtime::Result<()> {
    let stop = live.instance.get_typed_func::<(), ()>(&mut live.store, "asyncify_stop_unwind")?;
    stop.call(&mut live.store, ())?;
    let (runtime, parent) = (Arc::clone(&live.store.data().runtime), Arc::clone(&live.store.data().cage));
    let program = parent.program();
    let (memory, copied) = program.memory.fork(&runtime.engine)?;
    runtime.fork_bytes.fetch_add(copied, Ordering::Relaxed);
    let stack = live.read_global("__stack_pointer")?;
    if let Some(cage) = runtime.cage(child) {
        cage.set_program(Program { memory: Arc::new(memory), ..program });
        instance::start(&runtime, &cage, Begin::Forked { stack });
    }
    start_rewind(live, child as i32)
}

/// Makes the next call of the entry function go on where the stack was unwound.
pub(crate) fn start_rewind(live: &mut Live, result: i32) -> wasmtime::Result<()> {
    let low = live.read_global("__stack_low")?;
    live.store.data_mut().flow = Flow::Rewinding(result);
    // The next instance starts at the top of what was unwound: the header still has where that is.
    let start = live.instance.get_typed_func::<i32, ()>(&mut live.store, "asyncify_start_rewind")?;
    start.call(&mut live.store, low)
}
