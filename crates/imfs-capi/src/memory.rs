//! The C program's memory: where reads put bytes and writes take them from, without ever making a Rust reference of it.
//!
//! Another thread of the program may change such memory at any time, and it need not be initialised: so it is
//! copied through raw pointers only. NULL is memory that faults.

use std::marker::PhantomData;

use imfs::abi::{Errno, IOV_MAX, MAX_RW_COUNT, Result};
use imfs::data::{Sink, Source};
use libc::{c_int, iovec};

/// Memory that the caller promised: `left` bytes from `at` on, or none at all if that is NULL.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory<'a> {
    at: *mut u8,
    left: usize,
    life: PhantomData<&'a ()>,
}

impl Memory<'_> {
    /// # Safety
    /// The bytes can be read (for a [`Source`]) or written (for a [`Sink`]) during the life time, unless `at` is NULL.
    pub(crate) unsafe fn new(at: *mut u8, len: usize) -> Self {
        Self { at, left: len.min(MAX_RW_COUNT), life: PhantomData }
    }

    /// Whether using it is a fault.
    fn faults(&self) -> bool {
        self.at.is_null() && self.left > 0
    }

    fn step(&mut self, bytes: usize) {
        self.at = self.at.wrapping_add(bytes);
        self.left -= bytes;
    }

    /// Copies `bytes`, or as many of them as there is room for, to its start. Returns how many that was.
    ///
    /// # Errors
    /// EFAULT: NULL.
    pub(crate) fn fill(mut self, bytes: &[u8]) -> Result<usize> {
        let len = bytes.len().min(self.left);
        if self.put(&bytes[..len]) == len { Ok(len) } else { Err(Errno::EFAULT) }
    }

    /// Its bytes, copied, at most `limit` of them.
    ///
    /// # Errors
    /// EFAULT: NULL. E2BIG: more bytes. ENOMEM.
    pub(crate) fn to_vec(mut self, limit: usize) -> Result<Vec<u8>> {
        if self.left > limit {
            return Err(Errno::E2BIG);
        }
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(self.left).map_err(|_| Errno::ENOMEM)?;
        bytes.resize(self.left, 0);
        if self.take(&mut bytes) == bytes.len() { Ok(bytes) } else { Err(Errno::EFAULT) }
    }
}

impl Sink for Memory<'_> {
    #[inline]
    fn len(&self) -> usize {
        self.left
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> usize {
        if self.faults() || bytes.len() > self.left {
            return 0;
        }
        // SAFETY: there is room (checked here), that can be written (promised to `new`). It may overlap nothing of ours.
        unsafe { self.at.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        self.step(bytes.len());
        bytes.len()
    }

    #[inline]
    fn zero(&mut self, n: usize) -> usize {
        if self.faults() || n > self.left {
            return 0;
        }
        // SAFETY: as in `put`.
        unsafe { self.at.write_bytes(0, n) };
        self.step(n);
        n
    }
}

impl Source for Memory<'_> {
    #[inline]
    fn len(&self) -> usize {
        self.left
    }

    #[inline]
    fn take(&mut self, into: &mut [u8]) -> usize {
        if self.faults() || into.len() > self.left {
            return 0;
        }
        // SAFETY: there are so many bytes (checked here), that can be read (promised to `new`).
        unsafe { self.at.copy_to_nonoverlapping(into.as_mut_ptr(), into.len()) };
        self.step(into.len());
        into.len()
    }

    #[inline]
    fn take_again(&mut self, into: &mut [u8]) -> usize {
        imfs::data::pieces(into, |piece| self.take(piece))
    }
}

/// The vectors of readv(2) and writev(2), as the kernel imports them (`import_iovec`): no more than `MAX_RW_COUNT` bytes
/// together.
///
/// # Errors
/// EINVAL: a count that is negative or more than 1,024, or a length beyond `SSIZE_MAX`. EFAULT: `list` is NULL or
/// misaligned. ENOMEM.
///
/// # Safety
/// `list` has `count` elements, each of which promises as [`Memory::new`] asks for.
pub(crate) unsafe fn vector<'a>(list: *const iovec, count: c_int) -> Result<Vec<Memory<'a>>> {
    let count = usize::try_from(count).ok().filter(|n| *n <= IOV_MAX).ok_or(Errno::EINVAL)?;
    if count == 0 {
        return Ok(Vec::new());
    }
    if list.is_null() || !list.is_aligned() {
        return Err(Errno::EFAULT);
    }
    let mut parts = Vec::new();
    parts.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
    let mut room = MAX_RW_COUNT;
    for at in 0..count {
        // SAFETY: the caller's promise.
        let part = unsafe { list.add(at).read() };
        if isize::try_from(part.iov_len).is_err() {
            return Err(Errno::EINVAL);
        }
        let len = part.iov_len.min(room);
        room -= len;
        // SAFETY: the caller's promise.
        parts.push(unsafe { Memory::new(part.iov_base.cast(), len) });
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_copied_and_null_faults() {
        let mut bytes = [9_u8; 6];
        // SAFETY: our own array.
        let mut memory = unsafe { Memory::new(bytes.as_mut_ptr(), bytes.len()) };
        assert_eq!((memory.put(b"abc"), memory.zero(2), memory.put(b"xy"), Sink::len(&memory)), (3, 2, 0, 1));
        assert_eq!(bytes, *b"abc\0\0\x09");
        // SAFETY: as above.
        let whole = unsafe { Memory::new(bytes.as_mut_ptr(), bytes.len()) };
        assert_eq!(whole.to_vec(6).unwrap(), b"abc\0\0\x09");
        assert_eq!(whole.to_vec(5), Err(Errno::E2BIG));
        // SAFETY: NULL is never used.
        let null = unsafe { Memory::new(std::ptr::null_mut(), 1) };
        assert_eq!((null.fill(b"x"), null.to_vec(1)), (Err(Errno::EFAULT), Err(Errno::EFAULT)));
        // SAFETY: nothing is read of it.
        let nothing = unsafe { Memory::new(std::ptr::null_mut(), 0) };
        assert_eq!(nothing.fill(b"x"), Ok(0));
    }

    #[test]
    fn vectors_are_limited() {
        let mut bytes = [0_u8; 4];
        let start = bytes.as_mut_ptr().cast();
        let part = |len| iovec { iov_base: start, iov_len: len };
        let list = [part(4), part(usize::MAX / 2), part(4)];
        // SAFETY: nothing is copied.
        let lens = |count| unsafe { vector(list.as_ptr(), count) }.map(|v| v.iter().map(Sink::len).collect());
        assert_eq!(lens(3), Ok(vec![4, MAX_RW_COUNT - 4, 0]));
        assert_eq!(lens(0), Ok(vec![]));
        assert_eq!((lens(-1), lens(1025)), (Err(Errno::EINVAL), Err(Errno::EINVAL)));
        let null = std::ptr::null();
        // SAFETY: NULL is not read.
        assert_eq!(unsafe { vector(null, 1) }.unwrap_err(), Errno::EFAULT);
    }
}
