//! The programs of the tests, one for each first argument.

#![no_std]
// Memory is read and written by system calls, behind the compiler's back.
#![allow(unused_assignments)]
#![feature(stdarch_wasm_atomic_wait)]

#[macro_use]
mod shim;
mod attributes;
mod basic;
mod bench;
mod data;
mod descriptors;
mod hostile;
mod mapping;
mod paths;
mod processes;
mod threads;
mod traps;
mod waiting;
mod xattr;

use shim::{any_failed, arg, exit};

#[unsafe(no_mangle)]
pub extern "C" fn _start() -> i32 {
    unsafe extern "C" {
        fn __wasm_call_ctors();
    }
    // SAFETY: there are none; calling them keeps the linker from wrapping exports.
    unsafe { __wasm_call_ctors() };
    match arg(1) {
        b"status" => exit(i32::from(arg(2).first().map_or(0, |digit| digit - b'0'))),
        b"trap" => core::arch::wasm32::unreachable(),
        b"basic" => basic::run(),
        b"calls" => {
            paths::run();
            attributes::run();
            data::run();
            descriptors::run();
            xattr::run();
            waiting::run();
            mapping::run();
            processes::fork();
            processes::exec_and_exit();
        }
        b"executed" => processes::executed(),
        b"copy" => basic::copy(arg(2), arg(3)),
        b"exec-imfs" => processes::exec_of_imfs(),
        b"hostile" => hostile::run(),
        b"crowd" => waiting::crowd(),
        b"crowd-of-foreign" => waiting::crowd_of_foreign(),
        b"threads" => threads::run(),
        b"traps" => traps::run(),
        b"bench" => bench::run(),
        b"null" => bench::null(),
        _ => exit(99),
    }
    exit(i32::from(any_failed()))
}

/// Where a further thread begins.
#[unsafe(no_mangle)]
pub extern "C" fn thread_start(word: u32) {
    match arg(1) {
        b"bench" => bench::thread_start(word),
        _ => threads::thread_start(word),
    }
}

/// Where calls of another cage come in, when this is the grate `null`.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments, reason = "the form that the runtime calls")]
pub extern "C" fn pass_fptr_to_wt(
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
    bench::dispatch(handler, grate, [a1, c1, a2, c2, a3, c3, a4, c4, a5, c5, a6, c6])
}
