//! The way from C into a cage and back: results become -1 and `errno`, and panics end here.
//!
//! Knows neither what calls do nor how arguments look. Every exported function goes through [`enter`] or one of its
//! two variants, most by the macro `call!`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use imfs::Cage;
use imfs::abi::{Errno, Result};
use libc::{c_int, c_long, c_void};

use crate::{cages, trace};

/// What a call returns on success, and how C sees it.
pub(crate) trait Answer {
    /// The C type.
    type C;
    /// What C gets on failure.
    const FAIL: Self::C;
    /// What C gets on success.
    fn into_c(self) -> Self::C;
    /// The same as a number, for the trace.
    fn number(&self) -> i64;
}

/// Results that are numbers in C, with -1 for failure.
macro_rules! numbers {
    ($($rust:ty => $c:ty;)*) => {$(
        impl Answer for $rust {
            type C = $c;
            const FAIL: $c = -1_i64 as $c;
            fn into_c(self) -> $c {
                self as $c
            }
            fn number(&self) -> i64 {
                *self as i64
            }
        }
    )*};
}

numbers! {
    i32 => c_int;
    u32 => u32;
    usize => isize;
    i64 => c_long;
}

impl Answer for () {
    type C = c_int;
    const FAIL: c_int = -1;
    fn into_c(self) -> c_int {
        0
    }
    fn number(&self) -> i64 {
        0
    }
}

impl<T> Answer for *mut T {
    type C = *mut T;
    const FAIL: *mut T = ptr::null_mut();
    fn into_c(self) -> *mut T {
        self
    }
    fn number(&self) -> i64 {
        self.addr() as i64
    }
}

/// A mapping, which fails with `MAP_FAILED`.
pub(crate) struct Mapped(pub(crate) *mut c_void);

impl Answer for Mapped {
    type C = *mut c_void;
    const FAIL: *mut c_void = libc::MAP_FAILED;
    fn into_c(self) -> *mut c_void {
        self.0
    }
    fn number(&self) -> i64 {
        self.0.addr() as i64
    }
}

/// Makes a call of a cage that does not wait for anybody.
#[inline]
pub(crate) fn enter<T: Answer>(
    name: &str,
    cage_id: c_int,
    call: impl FnOnce(&Cage) -> Result<T>,
    show: impl FnOnce(i64, &mut String),
) -> T::C {
    finish(name, Some(cage_id), || cages::with(cage_id, call), show)
}

/// Makes a call of a cage that may wait.
#[inline]
pub(crate) fn enter_waiting<T: Answer>(
    name: &str,
    cage_id: c_int,
    call: impl FnOnce(&Cage) -> Result<T>,
    show: impl FnOnce(i64, &mut String),
) -> T::C {
    finish(name, Some(cage_id), || call(&*cages::hold(cage_id)?), show)
}

/// Makes a call that is not one of a cage, or finds its cages itself.
#[inline]
pub(crate) fn finish<T: Answer>(
    name: &str,
    cage_id: Option<c_int>,
    call: impl FnOnce() -> Result<T>,
    show: impl FnOnce(i64, &mut String),
) -> T::C {
    // A panic is a bug of the core. It leaves no lock held and must not reach C; the call has failed, that is all.
    let result = catch_unwind(AssertUnwindSafe(call)).unwrap_or(Err(Errno::EIO));
    if trace::is_on() {
        trace::call(name, cage_id, result.as_ref().map(Answer::number).map_err(|errno| *errno), show);
    }
    match result {
        Ok(value) => value.into_c(),
        Err(errno) => {
            set_errno(errno);
            T::FAIL
        }
    }
}

/// Sets the C library's `errno`.
pub(crate) fn set_errno(errno: Errno) {
    // SAFETY: the location is the calling thread's own.
    unsafe { *libc::__errno_location() = errno.raw() };
}

/// One call: its name and parameters, each with the kind of argument that it is (see `arguments`), and what it does with the
/// values in the cage. `wait` marks those that may wait for somebody.
macro_rules! call {
    ($name:ident($cage:ident $(, $arg:ident: $kind:ty)*) => |$c:ident| $body:expr) => {
        call!(enter $name($cage $(, $arg: $kind)*) => |$c| $body)
    };
    (wait $name:ident($cage:ident $(, $arg:ident: $kind:ty)*) => |$c:ident| $body:expr) => {
        call!(enter_waiting $name($cage $(, $arg: $kind)*) => |$c| $body)
    };
    ($enter:ident $name:ident($cage:ident $(, $arg:ident: $kind:ty)*) => |$c:ident| $body:expr) => {
        $crate::boundary::$enter(
            concat!("imfs_", stringify!($name)),
            $cage,
            |$c| {
                $(
                    // SAFETY: the C caller's promise, which is that of the call's man page.
                    let $arg = unsafe { <$kind as $crate::arguments::Argument>::read($arg) }?;
                )*
                $body
            },
            |_result, _to| {
                $($crate::arguments::show::<$kind>($arg, _result, _to);)*
            },
        )
    };
}
