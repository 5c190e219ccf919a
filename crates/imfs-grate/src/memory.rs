//! The memory of cages: paths, buffers and structures that their calls point to.
//!
//! Everything is copied once, by the runtime, which checks that the memory is the cage's. A copy that fails is EFAULT.

use core::mem::MaybeUninit;

use imfs::abi::{Errno, IOV_MAX, MAX_RW_COUNT, PAGE_SIZE, PATH_MAX, Result};
use imfs::data::{Sink, Source};

use crate::lind;

/// The bytes to the end of the page that an address is in.
fn to_page_end(at: u64) -> usize {
    PAGE_SIZE - (at as usize & (PAGE_SIZE - 1))
}

/// An address in the memory of a cage.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) cage: u64,
    pub(crate) at: u64,
}

impl Place {
    pub(crate) fn is_null(self) -> bool {
        self.at == 0
    }

    /// So many bytes further on.
    pub(crate) fn offset(self, bytes: u64) -> Self {
        Self { at: self.at.wrapping_add(bytes), ..self }
    }

    /// Whether `len` bytes from here on can be memory at all.
    fn fits(self, len: usize) -> bool {
        self.at != 0 && self.at.checked_add(len as u64).is_some()
    }

    /// Reads a structure.
    ///
    /// # Errors
    /// EFAULT
    pub(crate) fn get<const N: usize>(self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// Fills a slice from here.
    ///
    /// # Errors
    /// EFAULT
    pub(crate) fn fill(self, into: &mut [u8]) -> Result<()> {
        if into.is_empty() || (self.fits(into.len()) && lind::copy_in(self.cage, self.at, into)) {
            Ok(())
        } else {
            Err(Errno::EFAULT)
        }
    }

    /// Writes a structure.
    ///
    /// # Errors
    /// EFAULT
    pub(crate) fn put(self, bytes: &[u8]) -> Result<()> {
        if bytes.is_empty() || (self.fits(bytes.len()) && lind::copy_out(self.cage, self.at, bytes)) {
            Ok(())
        } else {
            Err(Errno::EFAULT)
        }
    }
}

/// Room for a path on the stack.
pub(crate) struct PathRoom([MaybeUninit<u8>; PATH_MAX]);

impl PathRoom {
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self([MaybeUninit::uninit(); PATH_MAX])
    }

    /// Reads a path, without its NUL.
    ///
    /// No copy crosses into a page before the bytes up to it were seen to hold no NUL: the runtime does not always
    /// notice that a page after the string is not mapped.
    ///
    /// # Errors
    /// EFAULT; ENAMETOOLONG: no NUL within 4,096 bytes.
    #[inline]
    pub(crate) fn read(&mut self, from: Place) -> Result<&[u8]> {
        const FIRST: usize = 256;
        let (mut have, mut at, mut step) = (0, from.at, FIRST);
        if at == 0 {
            return Err(Errno::EFAULT);
        }
        while have < PATH_MAX {
            let len = step.min(PATH_MAX - have).min(to_page_end(at));
            // SAFETY: any bytes are good as uninitialized ones; the slice is only written to.
            let piece = unsafe { &mut *(&raw mut self.0[have..have + len] as *mut [u8]) };
            if !lind::copy_in(from.cage, at, piece) {
                return Err(Errno::EFAULT);
            }
            if let Some(nul) = first_nul(piece) {
                // SAFETY: everything before the NUL was copied.
                return Ok(unsafe { &*(&raw const self.0[..have + nul] as *const [u8]) });
            }
            have += len;
            at = at.wrapping_add(len as u64);
            step = PATH_MAX;
        }
        Err(Errno::ENAMETOOLONG)
    }
}

/// The place of the first NUL, looking at eight bytes at a time.
#[inline]
fn first_nul(bytes: &[u8]) -> Option<usize> {
    const LOW: u64 = 0x0101_0101_0101_0101;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let nul = word.wrapping_sub(LOW) & !word & (LOW << 7);
        if nul != 0 {
            return Some(index * 8 + nul.trailing_zeros() as usize / 8);
        }
    }
    rest.iter().position(|byte| *byte == 0).map(|at| words.len() * 8 + at)
}

/// A buffer of a cage, as what is left of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Buffer {
    place: Place,
    len: usize,
}

impl Buffer {
    /// A buffer of `count` bytes. No call moves more than `MAX_RW_COUNT` of them.
    ///
    /// # Errors
    /// EINVAL: the count is negative.
    #[inline]
    pub(crate) fn new(place: Place, count: u64) -> Result<Self> {
        if count.cast_signed() < 0 {
            return Err(Errno::EINVAL);
        }
        Ok(Self { place, len: count.min(MAX_RW_COUNT as u64) as usize })
    }

    fn advance(&mut self, bytes: usize) {
        self.place = self.place.offset(bytes as u64);
        self.len -= bytes;
    }

    /// Moves `len` bytes at once; if that fails page by page up to the fault. Returns how many it was.
    #[inline]
    fn transfer(&mut self, len: usize, mut copy: impl FnMut(Place, usize, usize) -> bool) -> usize {
        let len = len.min(self.len);
        if len == 0 {
            return 0;
        }
        let mut done = 0;
        if self.place.fits(len) && copy(self.place, 0, len) {
            done = len;
        } else if self.place.at != 0 {
            done = up_to_fault(self.place, len, &mut copy);
        }
        self.advance(done);
        done
    }
}

#[cold]
fn up_to_fault(place: Place, len: usize, copy: &mut dyn FnMut(Place, usize, usize) -> bool) -> usize {
    let mut done = 0;
    while done < len {
        let from = place.offset(done as u64);
        let piece = to_page_end(from.at).min(len - done);
        if from.at == 0 || !copy(from, done, piece) {
            break;
        }
        done += piece;
    }
    done
}

impl Sink for Buffer {
    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn put(&mut self, bytes: &[u8]) -> usize {
        self.transfer(bytes.len(), |to, from, len| lind::copy_out(to.cage, to.at, &bytes[from..from + len]))
    }

    fn zero(&mut self, n: usize) -> usize {
        static ZEROS: [u8; 4 * PAGE_SIZE] = [0; 4 * PAGE_SIZE];
        let mut done = 0;
        while done < n {
            let piece = ZEROS.len().min(n - done);
            let put = self.put(&ZEROS[..piece]);
            done += put;
            if put < piece {
                break;
            }
        }
        done
    }
}

impl Source for Buffer {
    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn take(&mut self, into: &mut [u8]) -> usize {
        self.transfer(into.len(), |from, at, len| lind::copy_in(from.cage, from.at, &mut into[at..at + len]))
    }
}

/// A list of buffers (readv(2), writev(2)): one after another.
#[derive(Debug)]
pub(crate) struct Buffers {
    list: Vec<Buffer>,
    /// Those before it are used up.
    first: usize,
    len: usize,
}

impl Buffers {
    /// Reads `count` records of 16 bytes: a host address, and a length of 32 bits.
    ///
    /// # Errors
    /// EINVAL: too many, or too many bytes. EFAULT. ENOMEM.
    pub(crate) fn read(place: Place, count: u64) -> Result<Self> {
        const RECORD: usize = 16;
        let count = usize::try_from(count).ok().filter(|n| *n <= IOV_MAX).ok_or(Errno::EINVAL)?;
        let mut list = Vec::new();
        list.try_reserve_exact(count).map_err(|_| Errno::ENOMEM)?;
        let mut records = Vec::new();
        records.try_reserve_exact(count * RECORD).map_err(|_| Errno::ENOMEM)?;
        records.resize(count * RECORD, 0);
        place.fill(&mut records)?;
        let (mut left, mut total) = (MAX_RW_COUNT, 0_u64);
        for record in records.as_chunks::<RECORD>().0 {
            let at = u64::from_le_bytes(record[..8].try_into().unwrap_or_default());
            let len = u32::from_le_bytes(record[8..12].try_into().unwrap_or_default());
            total += u64::from(len);
            let buffer = Buffer::new(Place { cage: place.cage, at }, u64::from(len))?;
            // What is beyond the most that one call moves is left out.
            let buffer = Buffer { len: buffer.len.min(left), ..buffer };
            left -= buffer.len;
            list.push(buffer);
        }
        if total > i64::MAX as u64 {
            return Err(Errno::EINVAL);
        }
        Ok(Self { list, first: 0, len: MAX_RW_COUNT - left })
    }

    /// Lets `each` move bytes with one buffer after another, until `n` are moved or one moves fewer than it could.
    fn spread(&mut self, n: usize, mut each: impl FnMut(&mut Buffer, usize, usize) -> usize) -> usize {
        let mut done = 0;
        while done < n {
            let Some(buffer) = self.list.get_mut(self.first) else { break };
            let piece = buffer.len.min(n - done);
            let moved = each(buffer, done, piece);
            done += moved;
            if moved < piece {
                break;
            }
            if buffer.len == 0 {
                self.first += 1;
            }
        }
        self.len -= done;
        done
    }
}

impl Sink for Buffers {
    fn len(&self) -> usize {
        self.len
    }

    fn put(&mut self, bytes: &[u8]) -> usize {
        self.spread(bytes.len(), |buffer, at, len| buffer.put(&bytes[at..at + len]))
    }

    fn zero(&mut self, n: usize) -> usize {
        self.spread(n, |buffer, _, len| buffer.zero(len))
    }
}

impl Source for Buffers {
    fn len(&self) -> usize {
        self.len
    }

    fn take(&mut self, into: &mut [u8]) -> usize {
        self.spread(into.len(), |buffer, at, len| buffer.take(&mut into[at..at + len]))
    }
}
