//! IMFS as a Lind grate: a WebAssembly module that answers the file system calls of a program in the Lind sandbox.
//!
//! A door: it translates the calls of the 3i interface into calls of IMFS's cage layer, and holds no rule of a file
//! system. It needs nothing of Lind's toolchain, no libc, and is linked by `make grate`. `docs/lind.md` tells how to use it.
//!
//! - `lind`: the interface; `memory`, `layout`: what arguments point to.
//! - `call`, `calls`: the table of calls, and what makes handlers of its rows.
//! - `worker`, `heap`, `clock`: what the module needs to be a program at all.
//! - `process`, `foreign`, `mapping`, `exec`: what is left of an operating system.
//! - `life`, `options`, `host`: from the command line to the exit status.
//!
//! Handlers run in parallel in instances that share nothing but memory. They do not panic; if one traps all the same, its
//! locks are released, and what they protect is as it was left.

#![cfg(target_family = "wasm")]
#![feature(alloc_error_hook)]

mod call;
mod calls;
mod clock;
mod exec;
mod foreign;
mod heap;
mod host;
mod layout;
mod life;
mod lind;
mod mapping;
mod memory;
mod options;
mod process;
mod worker;

use lind::number;
use options::{Options, USAGE};

#[global_allocator]
static HEAP: heap::Heap = heap::Heap::new();

/// The memory that the module starts with, as the linker is told (`mk/grate.mk`).
pub(crate) const INITIAL_MEMORY: u64 = 2 << 20;

unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// clone, exec and exit_group unwind the stack of the module, and the stack has to be instrumented for that: this
/// function and `_start` are, and no other may be on the stack when one of these calls is made.
#[unsafe(no_mangle)]
#[inline(never)]
extern "C" fn lind_unwinding_call(number: u32, a1: u64, a2: u64, a3: u64) -> i32 {
    let me = lind::me();
    lind::call_as(me, number, &[(a1, me), (a2, me), (a3, me), (0, me), (0, me), (0, me)])
}

/// The arguments of a plain fork: flags, then the signal at its end in the fifth word.
static CLONE_ARGS: [u64; 11] = [0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0];

/// Where the runtime starts the module.
#[unsafe(no_mangle)]
pub extern "C" fn _start() -> i32 {
    // Calling them here keeps the linker from calling them around every export. There are none.
    // SAFETY: no other code of the module has run.
    unsafe { __wasm_call_ctors() };
    let code = match begin() {
        Err(code) => code,
        Ok(start) => {
            let child = lind_unwinding_call(number::CLONE, lind::host(&raw const CLONE_ARGS), 0, 0);
            if child == 0 {
                match in_child(start) {
                    None => life::FAILED,
                    Some([path, argv, envp]) => {
                        let result = lind_unwinding_call(number::EXEC, path, argv, envp);
                        life::not_executed(&start.options, result)
                    }
                }
            } else {
                in_parent(start, child)
            }
        }
    };
    lind_unwinding_call(number::EXIT_GROUP, code.into(), 0, 0);
    code as i32
}

/// What both sides of the fork know.
struct Start {
    grate: u64,
    gate: life::Gate,
    options: Options,
}

/// Before the fork.
///
/// # Errors
/// The status to exit with.
#[inline(never)]
fn begin() -> Result<&'static Start, u32> {
    const USAGE_ERROR: u32 = 2;
    lind::find_self();
    worker::ensure_thread_locals();
    worker::release_locks_at_panics();
    let args = lind::args();
    let options = Options::read(args.get(1..).unwrap_or_default()).map_err(|error| {
        life::say(&format!("{error}\n{USAGE}"));
        USAGE_ERROR
    })?;
    let gate = life::Gate::new().ok_or(life::FAILED)?;
    life::hide_stacks(true);
    Ok(Box::leak(Box::new(Start { grate: lind::me(), gate, options })))
}

/// In the child, which runs in a copy of the memory.
#[inline(never)]
fn in_child(start: &Start) -> Option<[u64; 3]> {
    lind::find_self();
    worker::ensure_thread_locals();
    life::become_program(&start.options, &start.gate, start.grate)
}

/// In the parent, from the fork to the end.
#[inline(never)]
fn in_parent(start: &Start, child: i32) -> u32 {
    life::hide_stacks(false);
    let Ok(child) = lind::result(child) else {
        life::say("cannot fork");
        return life::FAILED;
    };
    match life::prepare(&start.options, &start.gate, child) {
        Ok(()) => {
            let status = life::wait_for(child);
            life::conclude(&start.options, status)
        }
        Err(()) => life::give_up(child),
    }
}
