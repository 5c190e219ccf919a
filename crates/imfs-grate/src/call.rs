//! How a system call of a cage is answered: who calls, what the arguments mean, and what the result looks like.
//!
//! The tables in `calls` name each call's number, the kinds of its arguments and the one line that answers it; this
//! module makes handlers of the rows. It knows no single call.

use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use imfs::Cage;
use imfs::abi::{AtFlags, Errno, Mode, OFlags, PollFlags, Result};
use imfs::sync::epoch;

use crate::foreign;
use crate::lind::{self, Args};
use crate::memory::{Buffer, Buffers, PathRoom, Place};
use crate::process::{self, Process};
use crate::worker::Handler;

/// A row of the table.
pub(crate) struct Row {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    pub(crate) handler: Handler,
}

/// What a handler knows of its call before it looks at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) number: u32,
    pub(crate) name: &'static str,
    /// The kinds of the arguments that are used.
    pub(crate) kinds: &'static [Class],
    /// What its first argument, a descriptor, has to be ready for, or else the runtime may let the call wait; empty if
    /// that cannot be asked.
    pub(crate) waits: Option<PollFlags>,
}

/// What an argument is to the dispatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// A value: its cage is the caller.
    Plain,
    /// A descriptor, which may be foreign.
    Descriptor,
    /// An address: its cage may be a grate between the caller and us.
    Pointer,
}

/// One call.
#[derive(Clone, Copy)]
pub(crate) struct Call<'p> {
    pub(crate) shape: Shape,
    pub(crate) args: &'p Args,
    pub(crate) process: &'p Process,
}

impl Call<'_> {
    /// The caller, in IMFS.
    #[inline]
    pub(crate) fn cage(&self) -> &Cage {
        &self.process.cage
    }

    /// The caller's id in Lind.
    #[inline]
    pub(crate) fn caller(&self) -> u64 {
        self.process.id
    }

    /// Lets the runtime answer.
    pub(crate) fn forward(&self) -> i32 {
        lind::call_as(self.caller(), self.shape.number, self.args)
    }

    /// A descriptor argument.
    pub(crate) fn fd(&self, at: usize) -> i32 {
        self.args[at].0 as i32
    }
}

/// A kind of argument: how it is read. Kinds that need room for what they read have it on the handler's stack.
pub(crate) trait Kind {
    const CLASS: Class = Class::Plain;
    type Room: Sized;
    type Value<'r>;
    /// Empty room.
    fn room() -> Self::Room;
    /// Reads the argument at this place.
    fn read<'r>(args: &Args, at: usize, room: &'r mut Self::Room) -> Result<Self::Value<'r>>;
}

/// Kinds that are the argument itself in another type.
macro_rules! value_kinds {
    ($($(#[$doc:meta])* $name:ident($class:ident) -> $type:ty = |$arg:ident| $value:expr;)*) => { $(
        $(#[$doc])*
        pub(crate) enum $name {}
        impl Kind for $name {
            const CLASS: Class = Class::$class;
            type Room = ();
            type Value<'r> = $type;
            #[inline(always)]
            fn room() {}
            #[inline(always)]
            fn read(args: &Args, at: usize, _room: &mut ()) -> Result<$type> {
                let $arg = args[at];
                Ok($value)
            }
        }
    )* };
}

value_kinds! {
    /// A descriptor.
    Fd(Descriptor) -> i32 = |arg| arg.0 as i32;
    /// A directory that a path starts at, or `AT_FDCWD`.
    Dir(Plain) -> i32 = |arg| arg.0 as i32;
    /// An `int`.
    Int(Plain) -> i32 = |arg| arg.0 as i32;
    /// An `unsigned int`.
    Word(Plain) -> u32 = |arg| arg.0 as u32;
    /// An offset.
    Off(Plain) -> i64 = |arg| arg.0.cast_signed();
    /// A size or count.
    Size(Plain) -> u64 = |arg| arg.0;
    /// Flags of open(2).
    Open(Plain) -> OFlags = |arg| OFlags::from_bits_retain(arg.0 as u32);
    /// Permission bits.
    Perm(Plain) -> Mode = |arg| Mode::from_bits_retain(arg.0 as u32);
    /// Flags of the calls with a directory.
    At(Plain) -> AtFlags = |arg| AtFlags::from_bits_retain(arg.0 as u32);
    /// The address of a structure.
    Struct(Pointer) -> Place = |arg| Place { at: arg.0, cage: arg.1 };
}

/// A path.
pub(crate) enum Path {}

impl Kind for Path {
    const CLASS: Class = Class::Pointer;
    type Room = PathRoom;
    type Value<'r> = &'r [u8];

    #[inline(always)]
    fn room() -> PathRoom {
        PathRoom::new()
    }

    #[inline(always)]
    fn read<'r>(args: &Args, at: usize, room: &'r mut PathRoom) -> Result<&'r [u8]> {
        room.read(Place { at: args[at].0, cage: args[at].1 })
    }
}

/// A path that may be NULL.
pub(crate) enum PathOrNull {}

impl Kind for PathOrNull {
    const CLASS: Class = Class::Pointer;
    type Room = PathRoom;
    type Value<'r> = Option<&'r [u8]>;

    #[inline(always)]
    fn room() -> PathRoom {
        PathRoom::new()
    }

    #[inline(always)]
    fn read<'r>(args: &Args, at: usize, room: &'r mut PathRoom) -> Result<Option<&'r [u8]>> {
        if args[at].0 == 0 { Ok(None) } else { Path::read(args, at, room).map(Some) }
    }
}

/// A name of an extended attribute, which may be too long in another way than a path.
pub(crate) enum Name {}

impl Kind for Name {
    const CLASS: Class = Class::Pointer;
    type Room = PathRoom;
    type Value<'r> = &'r [u8];

    #[inline(always)]
    fn room() -> PathRoom {
        PathRoom::new()
    }

    fn read<'r>(args: &Args, at: usize, room: &'r mut PathRoom) -> Result<&'r [u8]> {
        Path::read(args, at, room).map_err(|errno| match errno {
            Errno::ENAMETOOLONG => Errno::ERANGE,
            errno => errno,
        })
    }
}

/// A buffer, in or out; the next argument is its length.
pub(crate) enum Bytes {}

impl Kind for Bytes {
    const CLASS: Class = Class::Pointer;
    type Room = Option<Buffer>;
    type Value<'r> = &'r mut Buffer;

    #[inline(always)]
    fn room() -> Option<Buffer> {
        None
    }

    #[inline(always)]
    fn read<'r>(args: &Args, at: usize, room: &'r mut Option<Buffer>) -> Result<&'r mut Buffer> {
        let place = Place { at: args[at].0, cage: args[at].1 };
        Ok(room.insert(Buffer::new(place, args[at + 1].0)?))
    }
}

/// A list of buffers, in or out; the next argument is how many.
pub(crate) enum List {}

impl Kind for List {
    const CLASS: Class = Class::Pointer;
    type Room = Option<Buffers>;
    type Value<'r> = &'r mut Buffers;

    fn room() -> Option<Buffers> {
        None
    }

    fn read<'r>(args: &Args, at: usize, room: &'r mut Option<Buffers>) -> Result<&'r mut Buffers> {
        let place = Place { at: args[at].0, cage: args[at].1 };
        Ok(room.insert(Buffers::read(place, args[at + 1].0)?))
    }
}

/// What a call can give back.
pub(crate) trait Answer {
    /// The i32 of the interface.
    ///
    /// # Errors
    /// EOVERFLOW: it does not fit.
    fn encode(self) -> Result<i32>;
}

impl Answer for () {
    #[inline(always)]
    fn encode(self) -> Result<i32> {
        Ok(0)
    }
}

/// Numbers that do not fit are never cut.
macro_rules! answers {
    ($($type:ty),*) => { $(
        impl Answer for $type {
            #[inline(always)]
            fn encode(self) -> Result<i32> {
                i32::try_from(self).map_err(|_| Errno::EOVERFLOW)
            }
        }
    )* };
}
answers!(i32, u32, usize, i64);

/// The answer of somebody else, passed on as it is.
pub(crate) struct Raw(pub(crate) i32);

impl Answer for Raw {
    fn encode(self) -> Result<i32> {
        Ok(self.0)
    }
}

#[inline(always)]
fn encode(answer: Result<impl Answer>) -> i32 {
    match answer.and_then(Answer::encode) {
        Ok(result) => result,
        Err(errno) => -errno.raw(),
    }
}

/// Whether calls are logged.
static LOG: AtomicBool = AtomicBool::new(false);

/// Logs every call to the standard error.
pub(crate) fn set_log(on: bool) {
    LOG.store(on, Ordering::Relaxed);
}

#[cold]
fn log(shape: &Shape, caller: u64, args: &Args, result: i32) {
    let shown: Vec<String> = args[..shape.kinds.len()].iter().map(|(arg, _)| format!("{arg:#x}")).collect();
    let line = format!("imfs-grate: [{caller}] {}({}) = {result}\n", shape.name, shown.join(", "));
    lind::complain(line.as_bytes());
}

/// The argument whose cage is most likely the caller: the first plain one, else the first that is not used, else a
/// pointer.
const fn caller_at(shape: &Shape) -> usize {
    let mut at = 0;
    while at < shape.kinds.len() {
        if !matches!(shape.kinds[at], Class::Pointer) {
            return at;
        }
        at += 1;
    }
    if shape.kinds.len() < 6 { shape.kinds.len() } else { 0 }
}

/// The caller, when the likeliest cage is not one that we know: the first of all arguments that we do know, else a
/// new one.
///
/// # Errors
/// As [`process::adopt`]
#[cold]
fn find_caller(shape: &Shape, args: &Args) -> Result<Arc<Process>> {
    let is_pointer = |at: &usize| shape.kinds.get(*at) == Some(&Class::Pointer);
    let is_plain = |at: &usize| *at < shape.kinds.len() && !is_pointer(at);
    let plain = (0..6).filter(is_plain);
    let unused = shape.kinds.len()..6;
    let pointers = (0..6).filter(is_pointer);
    let candidates = || plain.clone().chain(unused.clone()).chain(pointers.clone()).map(|at| args[at].1);
    if let Some(id) = candidates().find(|id| process::known(*id)) {
        return process::adopt(id);
    }
    let likely = |id: &u64| !matches!(*id, 0 | lind::UNUSED) && *id != lind::me();
    let id = candidates().find(likely).ok_or(Errno::ESRCH)?;
    process::adopt(id)
}

/// Answers a call that never waits: nothing shared is written to find the caller.
#[inline(always)]
pub(crate) fn answer<T: Answer>(shape: Shape, args: &Args, run: impl FnOnce(&Call<'_>) -> Result<T>) -> i32 {
    let guard = epoch::pin();
    let Some(process) = process::find(args[caller_at(&shape)].1, &guard) else {
        drop(guard);
        return answer_held(shape, args, run);
    };
    let result = encode(run(&Call { shape, args, process }));
    if result == -Errno::EBADF.raw() || LOG.load(Ordering::Relaxed) {
        let process = Arc::clone(process);
        drop(guard);
        return conclude(&Call { shape, args, process: &process }, result);
    }
    result
}

/// Answers a call that may wait, so that it must not stand in the way of reclaiming memory.
#[inline(always)]
pub(crate) fn answer_held<T: Answer>(
    shape: Shape,
    args: &Args,
    run: impl FnOnce(&Call<'_>) -> Result<T>,
) -> i32 {
    let guard = epoch::pin();
    let found = process::find(args[caller_at(&shape)].1, &guard).cloned();
    drop(guard);
    let process = match found.map_or_else(|| find_caller(&shape, args), Ok) {
        Ok(process) => process,
        Err(errno) => return -errno.raw(),
    };
    let call = Call { shape, args, process: &process };
    let result = encode(run(&call));
    if result == -Errno::EBADF.raw() || LOG.load(Ordering::Relaxed) {
        return conclude(&call, result);
    }
    result
}

/// What seldom happens after a call: its descriptor is foreign, and the runtime answers; or the call is logged.
#[cold]
fn conclude(call: &Call<'_>, mut result: i32) -> i32 {
    if result == -Errno::EBADF.raw() && foreign::concerns(call) {
        result = encode(foreign::forward(call).map(Raw));
    }
    if LOG.load(Ordering::Relaxed) {
        log(&call.shape, call.caller(), call.args, result);
    }
    result
}

/// Makes handlers, and the table of them, of rows
/// `number name(argument: Kind, ...) |call| answer;`. A row that is marked may wait: in IMFS only, or with a foreign
/// descriptor too until that can be read, can be written, or for something that cannot be asked (`wait_lock`).
macro_rules! calls {
    ($($(#[$mode:ident])? $number:literal $name:ident($($arg:ident: $kind:ident),*) |$call:ident| $answer:expr;)*) => {
        /// Each in a module of its own, so that a row can have the name of the function that it calls.
        mod handlers { $( pub(super) mod $name {
            #[allow(unused_imports, reason = "what the rows use")]
            use {super::super::*, $crate::call::Kind};
            #[allow(clippy::too_many_arguments, reason = "the form that the runtime calls")]
            pub(crate) extern "C" fn handler(
                _grate: u64,
                a1: u64, c1: u64, a2: u64, c2: u64, a3: u64, c3: u64,
                a4: u64, c4: u64, a5: u64, c5: u64, a6: u64, c6: u64,
            ) -> i32 {
                const SHAPE: $crate::call::Shape = $crate::call::Shape {
                    number: $number,
                    name: stringify!($name),
                    kinds: &[$(<$crate::call::$kind as Kind>::CLASS),*],
                    waits: $crate::call::calls!(@waits $($mode)?),
                };
                let args = [(a1, c1), (a2, c2), (a3, c3), (a4, c4), (a5, c5), (a6, c6)];
                $crate::call::calls!(@answer $($mode)?)(SHAPE, &args, #[inline(always)] |$call| {
                    let mut _at = 0..6_usize;
                    $(
                        let mut room = <$crate::call::$kind as Kind>::room();
                        let $arg =
                            <$crate::call::$kind as Kind>::read($call.args, _at.next().unwrap_or(0), &mut room)?;
                    )*
                    $answer
                })
            }
        } )* }
        pub(crate) const TABLE: &[$crate::call::Row] = &[
            $($crate::call::Row { number: $number, name: stringify!($name), handler: handlers::$name::handler }),*
        ];
    };
    (@answer) => { $crate::call::answer };
    (@answer $mode:ident) => { $crate::call::answer_held };
    (@waits) => { None };
    (@waits wait) => { None };
    (@waits wait_in) => { Some(imfs::abi::PollFlags::IN) };
    (@waits wait_out) => { Some(imfs::abi::PollFlags::OUT) };
    (@waits wait_lock) => { Some(imfs::abi::PollFlags::empty()) };
}
pub(crate) use calls;
