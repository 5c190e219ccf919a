//! The programs of the tests, one for each first argument.

#![no_std]
#![feature(stdarch_wasm_atomic_wait)]

#[macro_use]
mod shim;
mod basic;

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
        _ => exit(99),
    }
    exit(i32::from(any_failed()))
}
