//! The kinds of arguments that C calls have: how each is read, and how a trace shows it.
//!
//! Knows nothing of single calls. The macro `call!` names one kind for each parameter.

use std::ffi::CStr;
use std::fmt::Write as _;
use std::marker::PhantomData;

use imfs::abi::{
    Access, AtFlags, CloseRangeFlags, Errno, FallocFlags, FlockOp, MapFlags, Mode, MsyncFlags, OFlags,
    ProtFlags, RenameFlags, Result, RwFlags, StatxMask, XattrFlags,
};
use libc::{c_char, c_int, c_long, c_uint, c_void, iovec, mode_t};

use crate::memory::Memory;

/// A kind of argument.
pub(crate) trait Argument {
    /// What C passes.
    type C: Copy;
    /// What the call works with.
    type Value<'a>;

    /// Reads it.
    ///
    /// # Errors
    /// EFAULT
    ///
    /// # Safety
    /// `raw` is what the call's man page asks for, until the call ends.
    unsafe fn read<'a>(raw: Self::C) -> Result<Self::Value<'a>>;

    /// Adds what a trace shows to `to`. `result` is that of the call.
    ///
    /// # Safety
    /// As for [`read`](Self::read).
    unsafe fn show(raw: Self::C, result: i64, to: &mut String);
}

/// Adds a comma and what a trace shows of an argument.
pub(crate) fn show<A: Argument>(raw: A::C, result: i64, to: &mut String) {
    to.push_str(", ");
    // SAFETY: only `call!` calls this, during the call whose argument it is.
    unsafe { A::show(raw, result, to) };
}

/// A number that is passed on as it is.
pub(crate) struct Num<T>(PhantomData<T>);

impl<T: Copy + std::fmt::Display> Argument for Num<T> {
    type C = T;
    type Value<'a> = T;
    unsafe fn read<'a>(raw: T) -> Result<Self::Value<'a>> {
        Ok(raw)
    }
    unsafe fn show(raw: T, _: i64, to: &mut String) {
        let _ = write!(to, "{raw}");
    }
}

/// A descriptor, or whatever int has no names.
pub(crate) type Int = Num<c_int>;

/// A user or group id; -1 leaves one as it is.
pub(crate) struct Id;

impl Argument for Id {
    type C = u32;
    type Value<'a> = u32;
    unsafe fn read<'a>(raw: u32) -> Result<Self::Value<'a>> {
        Ok(raw)
    }
    unsafe fn show(raw: u32, _: i64, to: &mut String) {
        let _ = write!(to, "{}", raw as i32);
    }
}

/// The descriptor of a directory, or `AT_FDCWD`.
pub(crate) struct At;

impl Argument for At {
    type C = c_int;
    type Value<'a> = c_int;
    unsafe fn read<'a>(raw: c_int) -> Result<Self::Value<'a>> {
        Ok(raw)
    }
    unsafe fn show(raw: c_int, _: i64, to: &mut String) {
        match raw {
            libc::AT_FDCWD => to.push_str("AT_FDCWD"),
            fd => {
                let _ = write!(to, "{fd}");
            }
        }
    }
}

/// A string: a path, or a name.
pub(crate) struct Text;

impl Argument for Text {
    type C = *const c_char;
    type Value<'a> = &'a [u8];
    unsafe fn read<'a>(raw: *const c_char) -> Result<Self::Value<'a>> {
        if raw.is_null() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: the caller's promise.
        Ok(unsafe { CStr::from_ptr(raw) }.to_bytes())
    }
    unsafe fn show(raw: *const c_char, _: i64, to: &mut String) {
        // SAFETY: the caller's promise.
        match unsafe { Self::read(raw) } {
            Ok(bytes) => quote(bytes, bytes.len(), to),
            Err(_) => to.push_str("NULL"),
        }
    }
}

/// A string that may be NULL.
pub(crate) struct MaybeText;

impl Argument for MaybeText {
    type C = *const c_char;
    type Value<'a> = Option<&'a [u8]>;
    unsafe fn read<'a>(raw: *const c_char) -> Result<Self::Value<'a>> {
        // SAFETY: the caller's promise.
        Ok(unsafe { Text::read(raw) }.ok())
    }
    unsafe fn show(raw: *const c_char, result: i64, to: &mut String) {
        // SAFETY: the caller's promise.
        unsafe { Text::show(raw, result, to) };
    }
}

fn quote(bytes: &[u8], len: usize, to: &mut String) {
    let _ = write!(to, "\"{}\"", bytes.escape_ascii());
    if bytes.len() < len {
        to.push_str("...");
    }
}

/// Where the call puts a `T`.
pub(crate) struct Out<T>(PhantomData<T>);

/// The place for a `T` of C.
#[derive(Debug)]
pub(crate) struct Place<T>(*mut T);

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Place<T> {}

impl<T> Place<T> {
    /// Whether it is NULL.
    pub(crate) fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// The same place seen as one of another type of that size.
    pub(crate) fn cast<U>(self) -> Place<U> {
        const { assert!(size_of::<T>() == size_of::<U>()) };
        Place(self.0.cast())
    }

    /// Puts the value there.
    ///
    /// # Errors
    /// EFAULT: NULL or misaligned.
    pub(crate) fn put(self, value: T) -> Result<()> {
        self.check()?;
        // SAFETY: not NULL and aligned; that it can be written was promised when this was made.
        unsafe { self.0.write(value) };
        Ok(())
    }

    /// What stands there, of a call that reads and writes.
    ///
    /// # Errors
    /// EFAULT: NULL or misaligned.
    pub(crate) fn get(self) -> Result<T>
    where
        T: Copy,
    {
        self.check()?;
        // SAFETY: as in `put`.
        Ok(unsafe { self.0.read() })
    }

    /// What stands there, if there is a place.
    ///
    /// # Errors
    /// EFAULT: misaligned.
    pub(crate) fn get_if_any(self) -> Result<Option<T>>
    where
        T: Copy,
    {
        if self.is_null() { Ok(None) } else { self.get().map(Some) }
    }

    /// Whether it could be used.
    ///
    /// # Errors
    /// EFAULT: NULL or misaligned.
    pub(crate) fn check(self) -> Result<()> {
        if self.0.is_null() || !self.0.is_aligned() { Err(Errno::EFAULT) } else { Ok(()) }
    }

    /// Puts the structure there whose bytes these are.
    ///
    /// # Errors
    /// EFAULT: NULL or misaligned.
    pub(crate) fn put_bytes<const N: usize>(self, bytes: &[u8; N]) -> Result<()> {
        const { assert!(size_of::<T>() == N, "the host's structure has another size") };
        self.check()?;
        // SAFETY: as in `put`; the bytes are as many as the structure has.
        unsafe { self.0.cast::<[u8; N]>().write_unaligned(*bytes) };
        Ok(())
    }
}

impl<T> Argument for Out<T> {
    type C = *mut T;
    type Value<'a> = Place<T>;
    unsafe fn read<'a>(raw: *mut T) -> Result<Self::Value<'a>> {
        Ok(Place(raw))
    }
    unsafe fn show(raw: *mut T, _: i64, to: &mut String) {
        pointer(raw.addr(), to);
    }
}

/// A structure that the call reads.
pub(crate) struct In<T>(PhantomData<T>);

impl<T: Copy> Argument for In<T> {
    type C = *const T;
    type Value<'a> = T;
    unsafe fn read<'a>(raw: *const T) -> Result<Self::Value<'a>> {
        if raw.is_null() || !raw.is_aligned() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: not NULL and aligned, and otherwise the caller's promise.
        Ok(unsafe { raw.read() })
    }
    unsafe fn show(raw: *const T, _: i64, to: &mut String) {
        pointer(raw.addr(), to);
    }
}

/// An array of `N` structures that may be NULL.
pub(crate) struct MaybeArray<T, const N: usize>(PhantomData<T>);

impl<T: Copy, const N: usize> Argument for MaybeArray<T, N> {
    type C = *const T;
    type Value<'a> = Option<[T; N]>;
    unsafe fn read<'a>(raw: *const T) -> Result<Self::Value<'a>> {
        // SAFETY: the caller's promise.
        if raw.is_null() { Ok(None) } else { unsafe { In::<[T; N]>::read(raw.cast()) }.map(Some) }
    }
    unsafe fn show(raw: *const T, _: i64, to: &mut String) {
        pointer(raw.addr(), to);
    }
}

fn pointer(address: usize, to: &mut String) {
    let _ = if address == 0 { to.write_str("NULL") } else { write!(to, "{address:#x}") };
}

/// A pointer whose meaning the call itself knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pointer(*mut c_void);

impl Pointer {
    /// A pointer that stands as a number in a structure of the call's.
    pub(crate) fn from_address(address: usize) -> Self {
        Self(std::ptr::with_exposed_provenance_mut(address))
    }

    /// The memory there, so many bytes of it.
    pub(crate) fn memory<'a>(self, len: usize) -> Memory<'a> {
        // SAFETY: the call's promise is about as many bytes as the call's count says.
        unsafe { Memory::new(self.0.cast(), len) }
    }

    /// The place of a structure there.
    pub(crate) fn place<T>(self) -> Place<T> {
        Place(self.0.cast())
    }

    /// The place of the structure number `at` of an array there.
    pub(crate) fn element<T>(self, at: usize) -> Place<T> {
        Place(self.0.cast::<T>().wrapping_add(at))
    }

    /// The vector of readv(2) there.
    ///
    /// # Errors
    /// As [`vector`](crate::memory::vector)
    pub(crate) fn vector<'a>(self, count: c_int) -> Result<Vec<Memory<'a>>> {
        // SAFETY: the call's promise is about a vector of that length.
        unsafe { crate::memory::vector(self.0.cast_const().cast(), count) }
    }

    /// The address as a number, for calls where an argument is a pointer or a number.
    pub(crate) fn address(self) -> usize {
        self.0.addr()
    }

    /// The pointer itself.
    pub(crate) fn raw(self) -> *mut c_void {
        self.0
    }
}

/// Memory that the call writes: as many bytes as another argument says.
pub(crate) struct Room;

impl Argument for Room {
    type C = *mut c_void;
    type Value<'a> = Pointer;
    unsafe fn read<'a>(raw: *mut c_void) -> Result<Self::Value<'a>> {
        Ok(Pointer(raw))
    }
    unsafe fn show(raw: *mut c_void, result: i64, to: &mut String) {
        // SAFETY: the caller's promise; the call has written as many bytes as it returned.
        unsafe { Bytes::show(raw, result, to) };
    }
}

/// Memory that the call reads: as many bytes as another argument says, of which it took as many as it returns.
pub(crate) struct Bytes;

/// How much of a buffer a trace shows.
const SHOWN: usize = 32;

impl Argument for Bytes {
    type C = *const c_void;
    type Value<'a> = Pointer;
    unsafe fn read<'a>(raw: *const c_void) -> Result<Self::Value<'a>> {
        Ok(Pointer(raw.cast_mut()))
    }
    unsafe fn show(raw: *const c_void, result: i64, to: &mut String) {
        let Ok(len) = usize::try_from(result) else { return pointer(raw.addr(), to) };
        if raw.is_null() {
            return pointer(0, to);
        }
        // SAFETY: the caller's promise; so many bytes were written or read just now.
        let memory = unsafe { Memory::new(raw.cast_mut().cast(), len.min(SHOWN)) };
        quote(&memory.to_vec(SHOWN).unwrap_or_default(), len, to);
    }
}

/// A vector of buffers, as many as another argument says.
pub(crate) struct Vector;

impl Argument for Vector {
    type C = *const iovec;
    type Value<'a> = Pointer;
    unsafe fn read<'a>(raw: *const iovec) -> Result<Self::Value<'a>> {
        Ok(Pointer(raw.cast_mut().cast()))
    }
    unsafe fn show(raw: *const iovec, _: i64, to: &mut String) {
        pointer(raw.addr(), to);
    }
}

/// A pointer, or a number in its place.
pub(crate) struct Any;

impl Argument for Any {
    type C = *mut c_void;
    type Value<'a> = Pointer;
    unsafe fn read<'a>(raw: *mut c_void) -> Result<Self::Value<'a>> {
        Ok(Pointer(raw))
    }
    unsafe fn show(raw: *mut c_void, _: i64, to: &mut String) {
        pointer(raw.addr(), to);
    }
}

/// A pointer to structures, as many as another argument says.
pub(crate) struct Array<T>(PhantomData<T>);

impl<T> Argument for Array<T> {
    type C = *const T;
    type Value<'a> = Pointer;
    unsafe fn read<'a>(raw: *const T) -> Result<Self::Value<'a>> {
        if raw.is_aligned() { Ok(Pointer(raw.cast_mut().cast())) } else { Err(Errno::EFAULT) }
    }
    unsafe fn show(raw: *const T, _: i64, to: &mut String) {
        pointer(raw.addr(), to);
    }
}

/// The flags of open(2).
pub(crate) struct Open;

impl Argument for Open {
    type C = c_int;
    type Value<'a> = OFlags;
    unsafe fn read<'a>(raw: c_int) -> Result<Self::Value<'a>> {
        Ok(OFlags::from_bits_retain(raw as u32))
    }
    unsafe fn show(raw: c_int, _: i64, to: &mut String) {
        let flags = OFlags::from_bits_retain(raw as u32);
        to.push_str(match flags.access_mode() {
            OFlags::RDONLY => "O_RDONLY",
            OFlags::WRONLY => "O_WRONLY",
            OFlags::RDWR => "O_RDWR",
            _ => "O_ACCMODE",
        });
        let rest = flags - OFlags::ACCMODE;
        if !rest.is_empty() {
            to.push('|');
            names("O_", rest.iter_names().map(|(name, bits)| (name, bits.bits())), rest.bits(), to);
        }
    }
}

/// Permission bits.
pub(crate) struct Perm;

impl Argument for Perm {
    type C = mode_t;
    type Value<'a> = Mode;
    unsafe fn read<'a>(raw: mode_t) -> Result<Self::Value<'a>> {
        Ok(Mode::from_bits_retain(raw))
    }
    unsafe fn show(raw: mode_t, _: i64, to: &mut String) {
        octal(raw, to);
    }
}

/// Type and permission bits.
pub(crate) struct RawMode;

impl Argument for RawMode {
    type C = mode_t;
    type Value<'a> = u32;
    unsafe fn read<'a>(raw: mode_t) -> Result<Self::Value<'a>> {
        Ok(raw)
    }
    unsafe fn show(raw: mode_t, _: i64, to: &mut String) {
        octal(raw, to);
    }
}

/// As strace: at least three digits.
fn octal(bits: u32, to: &mut String) {
    let digits = format!("0{bits:o}");
    let _ = write!(to, "{digits:0>3}");
}

/// The names of the bits, with a prefix and bars between them; what has no name as a number.
fn names(prefix: &str, named: impl Iterator<Item = (&'static str, u32)>, bits: u32, to: &mut String) {
    let (mut rest, mut bar) = (bits, "");
    for (name, bits) in named {
        if bits != 0 {
            let _ = write!(to, "{bar}{prefix}{name}");
            (rest, bar) = (rest & !bits, "|");
        }
    }
    if rest != 0 || bits == 0 {
        let _ = write!(to, "{bar}{rest:#x}");
    }
}

/// Kinds that are sets of flags: the kind, C's type, the core's type, and the prefix of the names.
macro_rules! flag_kinds {
    ($($(#[$doc:meta])* $kind:ident: $c:ty => $flags:ty, $prefix:literal;)*) => {$(
        $(#[$doc])*
        pub(crate) struct $kind;

        impl Argument for $kind {
            type C = $c;
            type Value<'a> = $flags;
            unsafe fn read<'a>(raw: $c) -> Result<Self::Value<'a>> {
                Ok(<$flags>::from_bits_retain(raw as u32))
            }
            unsafe fn show(raw: $c, _: i64, to: &mut String) {
                let flags = <$flags>::from_bits_retain(raw as u32);
                names($prefix, flags.iter_names().map(|(name, bits)| (name, bits.bits())), raw as u32, to);
            }
        }
    )*};
}

flag_kinds! {
    /// The flags of the `*at` calls.
    AtSet: c_int => AtFlags, "AT_";
    /// The mode of access(2).
    AccessSet: c_int => Access, "MAY_";
    /// The flags of renameat2(2).
    RenameSet: c_uint => RenameFlags, "RENAME_";
    /// The flags of preadv2(2).
    RwSet: c_int => RwFlags, "RWF_";
    /// The flags of close_range(2).
    CloseSet: c_int => CloseRangeFlags, "CLOSE_RANGE_";
    /// The mask of statx(2).
    StatxSet: c_uint => StatxMask, "STATX_";
    /// The flags of setxattr(2).
    XattrSet: c_int => XattrFlags, "XATTR_";
    /// The mode of fallocate(2).
    FallocSet: c_int => FallocFlags, "FALLOC_FL_";
    /// The protection of mmap(2).
    ProtSet: c_int => ProtFlags, "PROT_";
    /// The flags of mmap(2).
    MapSet: c_int => MapFlags, "MAP_";
    /// The flags of msync(2).
    MsyncSet: c_int => MsyncFlags, "MS_";
    /// The operation of flock(2).
    FlockSet: c_int => FlockOp, "LOCK_";
}

/// An offset or size.
pub(crate) type Off = Num<c_long>;
/// A number of bytes.
pub(crate) type Size = Num<usize>;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown<A: Argument>(raw: A::C, result: i64) -> String {
        let mut to = String::new();
        show::<A>(raw, result, &mut to);
        to.split_off(2)
    }

    #[test]
    fn traces_look_as_straces_do() {
        assert_eq!(shown::<Text>(c"/a\n\"b\xff".as_ptr(), 0), r#""/a\n\"b\xff""#);
        assert_eq!(shown::<Text>(std::ptr::null(), -1), "NULL");
        assert_eq!(shown::<Open>(0, 0), "O_RDONLY");
        assert_eq!(shown::<Open>(0o101 | 0o2000000, 0), "O_WRONLY|O_CREAT|O_CLOEXEC");
        assert_eq!(shown::<Perm>(0o644, 0), "0644");
        assert_eq!(shown::<AtSet>(0x1100, 0), "AT_SYMLINK_NOFOLLOW|AT_EMPTY_PATH");
        assert_eq!(shown::<AtSet>(0, 0), "0x0");
        assert_eq!(shown::<RenameSet>(9, 0), "RENAME_NOREPLACE|0x8");
        assert_eq!(shown::<At>(-100, 0), "AT_FDCWD");
        assert_eq!(shown::<Id>(u32::MAX, 0), "-1");
        let bytes = [b'x'; 40];
        assert_eq!(shown::<Bytes>(bytes.as_ptr().cast(), 3), r#""xxx""#);
        assert_eq!(shown::<Bytes>(bytes.as_ptr().cast(), 40), format!("\"{}\"...", "x".repeat(32)));
        assert_eq!(shown::<Bytes>(std::ptr::null(), -1), "NULL");
    }
}
