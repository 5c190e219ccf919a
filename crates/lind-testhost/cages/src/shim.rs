//! The least of a libc: system calls as Lind's libc makes them, text output, arguments.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

#[link(wasm_import_module = "lind")]
unsafe extern "C" {
    #[link_name = "make-syscall"]
    safe fn make_syscall(
        number: u32,
        name: u64,
        me: u64,
        target: u64,
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
    ) -> i32;
    #[link_name = "lind-get-memory-base"]
    pub safe fn memory_base() -> u64;
    #[link_name = "lind-get-cage-id"]
    pub safe fn cage_id() -> u64;
    fn args_sizes_get(count: *mut u32, size: *mut u32) -> i32;
    fn args_get(pointers: *mut u32, bytes: *mut u8) -> i32;
}

/// What an argument that is not used is.
const UNUSED: u64 = 0xdead_beef_dead_beef;

/// A system call; arguments that are not given are `UNUSED`, as Lind's libc has it.
pub fn sys(number: u32, args: &[u64]) -> i32 {
    let me = cage_id();
    let arg = |n: usize| args.get(n).copied().unwrap_or(UNUSED);
    make_syscall(number, 0, me, me, arg(0), me, arg(1), me, arg(2), me, arg(3), me, arg(4), me, arg(5), me)
}

/// Copies between two cages, by the grate `me`.
pub fn copy(me: u64, from: (u64, u64), to: (u64, u64), len: u64) -> i32 {
    make_syscall(1002, 0, me, me, from.0, from.1, to.0, to.1, len, 0, 0, 0, 0, 0, 0, 0)
}

/// Lets the function at a table index of a grate answer a call of this cage.
pub fn register(number: u32, grate: u64, index: u64) -> i32 {
    let me = cage_id();
    make_syscall(1001, 0, me, me, me, number.into(), 0, grate, index, 0, 0, 0, 0, 0, 0, 0)
}

/// The host address of something; NULL stays NULL.
pub fn at<T: ?Sized>(pointer: *const T) -> u64 {
    let offset = pointer.cast::<u8>() as usize as u64;
    if offset == 0 { 0 } else { memory_base() + offset }
}

/// A host address of a place at an offset of this memory.
pub fn host(offset: u32) -> u64 {
    memory_base() + u64::from(offset)
}

pub struct Out;

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        sys(1, &[1, at(text.as_ptr()), text.len() as u64]);
        Ok(())
    }
}

static FAILED: AtomicBool = AtomicBool::new(false);

/// Notes a failure, by the place in the source.
pub fn failed(line: u32, what: &str, got: i64, wanted: i64) {
    use fmt::Write as _;
    FAILED.store(true, Ordering::SeqCst);
    let _ = writeln!(Out, "line {line}: {what} is {got}, not {wanted}");
}

pub fn any_failed() -> bool {
    FAILED.load(Ordering::SeqCst)
}

/// Checks that a call gives a value.
#[macro_export]
macro_rules! gives {
    ($call:expr, $wanted:expr) => {{
        let (got, wanted) = (($call) as i64, ($wanted) as i64);
        if got != wanted {
            $crate::shim::failed(line!(), stringify!($call), got, wanted);
        }
        got
    }};
}

/// Checks that something holds.
#[macro_export]
macro_rules! holds {
    ($what:expr) => {
        if !$what {
            $crate::shim::failed(line!(), stringify!($what), 0, 1);
        }
    };
}

/// Argument `n`, without its NUL.
pub fn arg(n: usize) -> &'static [u8] {
    static mut BYTES: [u8; 8192] = [0; 8192];
    static mut LIST: [u32; 64] = [0; 64];
    // SAFETY: only the first thread asks, and the tests' arguments fit.
    unsafe {
        let (mut count, mut size) = (0, 0);
        args_sizes_get(&mut count, &mut size);
        if n >= count as usize || count as usize > 64 || size > 8192 {
            return b"";
        }
        args_get((&raw mut LIST).cast(), (&raw mut BYTES).cast());
        let start = LIST[n] as usize as *const u8;
        let mut len = 0;
        while *start.add(len) != 0 {
            len += 1;
        }
        core::slice::from_raw_parts(start, len)
    }
}

pub fn exit(code: i32) -> ! {
    sys(231, &[code as u64]);
    core::arch::wasm32::unreachable()
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    use fmt::Write as _;
    let _ = writeln!(Out, "{info}");
    exit(101)
}

/// fork: 0 in the child.
pub fn fork() -> i32 {
    let words: [u64; 11] = [0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0];
    sys(56, &[at(words.as_ptr())])
}

/// wait4 for one child: its status.
pub fn wait(child: i32) -> i32 {
    let mut status = 0_i32;
    let got = sys(61, &[child as u64, at(&raw mut status), 0, 0]);
    if got == child { status } else { -1 }
}

/// clone with CLONE_THREAD, as the test host has it: `thread_start(word)` on the given stack.
pub fn thread(stack: u32, size: u32, word: u32) -> i32 {
    let words: [u64; 11] = [0x1_0000, 0, 0, 0, 0, stack.into(), size.into(), word.into(), 0, 0, 0];
    sys(56, &[at(words.as_ptr())])
}

/// Sleeps for a moment.
pub fn nap(nanos: i64) {
    static NEVER: core::sync::atomic::AtomicI32 = core::sync::atomic::AtomicI32::new(0);
    let word = NEVER.as_ptr();
    // SAFETY: a word that lives for ever.
    unsafe { core::arch::wasm32::memory_atomic_wait32(word, 0, nanos) };
}
