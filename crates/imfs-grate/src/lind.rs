//! The 3i interface of Lind: the functions that the runtime gives a module, and the calls that go through the one
//! that matters, `make-syscall`.
//!
//! Responsible for the raw form of calls: argument order, host addresses, numbers. Knows nothing of IMFS. Everything
//! else in this crate reaches the runtime through here.

use core::sync::atomic::{AtomicU64, Ordering};

use imfs::abi::{Errno, Result};

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
    safe fn memory_base() -> u64;
    #[link_name = "lind-get-cage-id"]
    safe fn cage_id() -> u64;
    fn args_sizes_get(count: *mut u32, size: *mut u32) -> i32;
    fn args_get(pointers: *mut u32, bytes: *mut u8) -> i32;
    fn environ_sizes_get(count: *mut u32, size: *mut u32) -> i32;
    fn environ_get(pointers: *mut u32, bytes: *mut u8) -> i32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn random_get(bytes: *mut u8, len: usize) -> i32;
}

/// Numbers of system calls that the grate makes itself: Linux x86-64.
pub(crate) mod number {
    pub(crate) const READ: u32 = 0;
    pub(crate) const WRITE: u32 = 1;
    pub(crate) const OPEN: u32 = 2;
    pub(crate) const CLOSE: u32 = 3;
    pub(crate) const STAT: u32 = 4;
    pub(crate) const LSTAT: u32 = 6;
    pub(crate) const POLL: u32 = 7;
    pub(crate) const LSEEK: u32 = 8;
    pub(crate) const MMAP: u32 = 9;
    pub(crate) const MPROTECT: u32 = 10;
    pub(crate) const MUNMAP: u32 = 11;
    pub(crate) const PREAD: u32 = 17;
    pub(crate) const PWRITE: u32 = 18;
    pub(crate) const DUP2: u32 = 33;
    pub(crate) const CLONE: u32 = 56;
    pub(crate) const EXEC: u32 = 59;
    pub(crate) const WAIT4: u32 = 61;
    pub(crate) const FCNTL: u32 = 72;
    pub(crate) const FTRUNCATE: u32 = 77;
    pub(crate) const GETDENTS: u32 = 78;
    pub(crate) const RENAME: u32 = 82;
    pub(crate) const MKDIR: u32 = 83;
    pub(crate) const LINK: u32 = 86;
    pub(crate) const UNLINK: u32 = 87;
    pub(crate) const SYMLINK: u32 = 88;
    pub(crate) const READLINK: u32 = 89;
    pub(crate) const CHMOD: u32 = 90;
    pub(crate) const GETEUID: u32 = 107;
    pub(crate) const GETEGID: u32 = 108;
    pub(crate) const LSETXATTR: u32 = 189;
    pub(crate) const FSETXATTR: u32 = 190;
    pub(crate) const GETXATTR: u32 = 191;
    pub(crate) const LISTXATTR: u32 = 194;
    pub(crate) const FUTEX: u32 = 202;
    pub(crate) const CLOCK_GETTIME: u32 = 228;
    pub(crate) const EXIT_GROUP: u32 = 231;
    pub(crate) const UTIMENSAT: u32 = 280;
    pub(crate) const REGISTER_HANDLER: u32 = 1001;
    pub(crate) const COPY_DATA: u32 = 1002;
}

/// What an argument that is not used has for a value.
pub(crate) const UNUSED: u64 = 0xdead_beef_dead_beef;
/// The one result of a copy that means failure. Others can be negative too.
const COPY_FAILED: i32 = 0xe001_0001_u32 as i32;

static ME: AtomicU64 = AtomicU64::new(0);
static BASE: AtomicU64 = AtomicU64::new(0);

/// Asks the runtime who and where this module is: first thing in `_start`, and again in the child of a fork.
pub(crate) fn find_self() {
    ME.store(cage_id(), Ordering::Relaxed);
    BASE.store(memory_base(), Ordering::Relaxed);
}

/// The id of the cage that this module is.
#[inline]
pub(crate) fn me() -> u64 {
    ME.load(Ordering::Relaxed)
}

/// The host address of something in this module's memory.
#[inline]
pub(crate) fn host<T: ?Sized>(pointer: *const T) -> u64 {
    BASE.load(Ordering::Relaxed) + pointer.cast::<u8>().addr() as u64
}

/// The six arguments of a call, each with the cage that it belongs to.
pub(crate) type Args = [(u64, u64); 6];

/// Makes a system call as `cage`, with arguments of any cages.
#[inline]
pub(crate) fn call_as(cage: u64, number: u32, args: &Args) -> i32 {
    let [(a1, c1), (a2, c2), (a3, c3), (a4, c4), (a5, c5), (a6, c6)] = *args;
    make_syscall(number, 0, me(), cage, a1, c1, a2, c2, a3, c3, a4, c4, a5, c5, a6, c6)
}

/// Makes a system call as `cage`, with arguments of this module: plain values, and host addresses of its memory.
#[inline]
pub(crate) fn call_for(cage: u64, number: u32, args: [u64; 6]) -> Result<u32> {
    let me = me();
    result(call_as(cage, number, &args.map(|arg| (arg, me))))
}

/// Makes a system call of this module.
#[inline]
pub(crate) fn call(number: u32, args: [u64; 6]) -> Result<u32> {
    call_for(me(), number, args)
}

/// Reads the result of a call that gives small numbers or -errno.
pub(crate) fn result(raw: i32) -> Result<u32> {
    match raw {
        -255..=-1 => Err(Errno::from_raw(-raw).unwrap_or(Errno::EIO)),
        // A handler of another grate trapped, or some such.
        i32::MIN..-255 => Err(Errno::EIO),
        0.. => Ok(raw as u32),
    }
}

/// Copies `len` bytes between two cages, from and to host addresses. `false`: not all of it is mapped.
#[inline]
fn copy(from: (u64, u64), to: (u64, u64), len: usize) -> bool {
    let me = me();
    let (len, memcpy) = (len as u64, 0);
    make_syscall(number::COPY_DATA, 0, me, me, from.0, from.1, to.0, to.1, len, 0, memcpy, 0, 0, 0, 0, 0)
        != COPY_FAILED
}

/// Fills `into` from the memory of a cage.
#[inline]
pub(crate) fn copy_in(cage: u64, from: u64, into: &mut [u8]) -> bool {
    copy((from, cage), (host(into.as_mut_ptr()), me()), into.len())
}

/// Puts bytes into the memory of a cage.
#[inline]
pub(crate) fn copy_out(cage: u64, to: u64, bytes: &[u8]) -> bool {
    copy((host(bytes.as_ptr()), me()), (to, cage), bytes.len())
}

/// Makes the function at a table index of the grate answer a system call of `cage`. The caller is that cage.
pub(crate) fn register_handler(cage: u64, number: u32, grate: u64, index: u32) -> Result<u32> {
    let args = [(cage, u64::from(number)), (0, grate), (u64::from(index), 0), (0, 0), (0, 0), (0, 0)];
    let [(a1, c1), (a2, c2), (a3, c3), (a4, c4), (a5, c5), (a6, c6)] = args;
    let register = number::REGISTER_HANDLER;
    result(make_syscall(register, 0, cage, cage, a1, c1, a2, c2, a3, c3, a4, c4, a5, c5, a6, c6))
}

/// Maps `len` bytes of fresh memory; its address in this module's memory.
///
/// The first mapping ends where the memory does, at 4 GiB: a place whose address no pointer can have, so that one stays
/// unused.
pub(crate) fn mmap(len: usize) -> Option<u32> {
    const READ_WRITE: u64 = 3;
    const PRIVATE_ANONYMOUS: u64 = 0x22;
    let map = || map(len, READ_WRITE, PRIVATE_ANONYMOUS);
    map().filter(|at| at.checked_add(len as u32).is_some()).or_else(map)
}

/// Maps a page that a forked child shares.
pub(crate) fn mmap_shared(len: usize) -> Option<u32> {
    const READ_WRITE: u64 = 3;
    const SHARED_ANONYMOUS: u64 = 0x21;
    map(len, READ_WRITE, SHARED_ANONYMOUS)
}

fn map(len: usize, protection: u64, flags: u64) -> Option<u32> {
    let me = me();
    let args = [0, len as u64, protection, flags, u64::MAX, 0].map(|arg| (arg, me));
    // An address of nearly 4 GiB is no error: those are the last page.
    let at = call_as(me, number::MMAP, &args) as u32;
    (at <= 0xffff_f000 && at != 0).then_some(at)
}

/// The arguments of the module, or its environment.
fn strings(
    sizes: unsafe extern "C" fn(*mut u32, *mut u32) -> i32,
    get: unsafe extern "C" fn(*mut u32, *mut u8) -> i32,
) -> Vec<Vec<u8>> {
    let (mut count, mut size) = (0, 0);
    // SAFETY: both are places for a number.
    if unsafe { sizes(&mut count, &mut size) } != 0 {
        return Vec::new();
    }
    let mut pointers = vec![0_u32; count as usize];
    let mut bytes = vec![0_u8; size as usize];
    // SAFETY: the places are as large as the runtime said that it needs.
    if unsafe { get(pointers.as_mut_ptr(), bytes.as_mut_ptr()) } != 0 {
        return Vec::new();
    }
    bytes.split(|byte| *byte == 0).take(count as usize).map(<[u8]>::to_vec).collect()
}

/// The arguments of the module, its own name first.
pub(crate) fn args() -> Vec<Vec<u8>> {
    strings(args_sizes_get, args_get)
}

/// The environment, as `NAME=VALUE`.
pub(crate) fn environ() -> Vec<Vec<u8>> {
    strings(environ_sizes_get, environ_get)
}

/// Fills `buf` with random bytes, if the runtime has some.
pub(crate) fn random(buf: &mut [u8]) -> bool {
    // SAFETY: pointer and length are of one live slice.
    unsafe { random_get(buf.as_mut_ptr(), buf.len()) == 0 }
}

/// Writes to the standard error of the grate.
pub(crate) fn complain(text: &[u8]) {
    const STDERR: u64 = 2;
    let _ = call(number::WRITE, [STDERR, host(text.as_ptr()), text.len() as u64, 0, 0, 0]);
}
