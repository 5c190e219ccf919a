//! Worker instances: the runtime calls handlers in up to 32 instances of this module at once, over one memory.
//!
//! Each has its own wasm globals, so its thread-locals have to be set up at its first call. No code but this looks at
//! which instance it runs in.

use core::alloc::Layout;
use core::cell::Cell;

/// Room for the thread-locals of an instance; the test of the module compares it with what the linker lays out.
const TLS_ROOM: usize = 4096;

thread_local! {
    /// Whether a handler runs in this instance: still set at the start of the next call, if the last one trapped.
    static BUSY: Cell<bool> = const { Cell::new(false) };
}

unsafe extern "C" {
    fn __wasm_init_tls(memory: *mut u8);
}

/// Gives this instance thread-locals, unless it has some.
///
/// Without any, their base is 0, so that their addresses are below the lowest that data can have.
#[inline]
pub(crate) fn ensure_thread_locals() {
    const LOWEST_DATA: usize = 1024;
    let at = BUSY.with(|busy| core::ptr::from_ref(busy).addr());
    if core::hint::black_box(at) < LOWEST_DATA {
        set_up();
    }
}

#[cold]
#[inline(never)]
fn set_up() {
    const LAYOUT: Layout = match Layout::from_size_align(TLS_ROOM, 128) {
        Ok(layout) => layout,
        Err(_) => panic!("a power of two"),
    };
    // Once for each of the workers, never freed. The allocator uses no thread-locals.
    // SAFETY: the layout is not empty; the memory is as large as the thread-locals need.
    unsafe {
        let room = std::alloc::alloc_zeroed(LAYOUT);
        if room.is_null() {
            std::process::abort();
        }
        __wasm_init_tls(room);
    }
}

/// Notes that a handler runs here. Whether one did already, which then has trapped.
///
/// Not inlined: a function may compute the address of a thread-local once, and before [`ensure_thread_locals`] it is
/// another.
#[inline(never)]
fn begin() -> bool {
    BUSY.replace(true)
}

/// Notes that the handler is done.
#[inline(never)]
fn end() {
    BUSY.set(false);
}

/// Gives up what the call in this instance holds: locks, and its guard against the reclaiming of memory.
///
/// # Safety
/// The call does not go on.
unsafe fn abandon() {
    // SAFETY: passed on to the caller.
    unsafe {
        imfs::platform::ledger::release();
        imfs::sync::epoch::abandon();
    }
}

/// Says what went wrong, and gives up what the call holds, for it is about to trap.
fn give_up(reason: &str) {
    crate::life::say(reason);
    // SAFETY: panics and failed allocations abort.
    unsafe { abandon() };
}

/// Makes panics and failed allocations release the locks of their call at once; after any other trap the next call in
/// the same instance does.
pub(crate) fn release_locks_at_panics() {
    std::panic::set_hook(Box::new(|panic| give_up(&panic.to_string())));
    std::alloc::set_alloc_error_hook(|_| give_up("there is no memory left"));
}

/// A handler of the runtime's form: the id of the grate, then six arguments, each followed by its cage.
pub(crate) type Handler =
    extern "C" fn(u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64, u64) -> i32;

/// Where the runtime enters with a system call of a cage: calls the handler at the table index `handler`.
///
/// # Safety
/// The index is one that this module registered.
#[unsafe(no_mangle)]
#[allow(unreachable_pub, clippy::too_many_arguments, reason = "the runtime calls it, in this form")]
pub unsafe extern "C" fn pass_fptr_to_wt(
    handler: u64,
    grate: u64,
    a1: u64,
    c1: u64,
    a2: u64,
    c2: u64,
    a3: u64,
    c3: u64,
    a4: u64,
    c4: u64,
    a5: u64,
    c5: u64,
    a6: u64,
    c6: u64,
) -> i32 {
    ensure_thread_locals();
    if begin() {
        // SAFETY: the last call of this instance has trapped; its stack is not run any more.
        unsafe { abandon() };
    }
    // SAFETY: the index is that of a `Handler`; a wrong one traps in the call.
    let handler: Handler = unsafe { core::mem::transmute(handler as usize) };
    let result = handler(grate, a1, c1, a2, c2, a3, c3, a4, c4, a5, c5, a6, c6);
    end();
    result
}
