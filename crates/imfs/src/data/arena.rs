//! Pages of memory: cut out of the big chunks that the host gives, counted by reference, and recycled.
//!
//! Responsible for which page is free and who may write it, and the only module of the data layer with `unsafe` code.
//! It knows nothing of files, limits or locks: [`Chunks`] are the free pages of one shard, which [`super::space`] keeps
//! behind the shard's lock.
//!
//! A chunk starts with its own description in the place of page 0; page 1 to the last are for data. The description is
//! found from a page by masking the address. A chunk belongs to one [`Chunks`] from [`Chunks::adopt`] until all its
//! pages are free again, when it can become an [`IdleChunk`] and move to another, or back to the host.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};

use crate::abi::PAGE_SIZE;
use crate::platform::pages::{self, CHUNK};

/// The bytes of a page.
pub(super) type Bytes = [u8; PAGE_SIZE];

/// The pages of a chunk, its description included.
const PAGES: usize = CHUNK / PAGE_SIZE;

/// A page with this many references or more stays for ever (as the kernel's `refcount_t` saturates).
const SATURATED: u32 = 1 << 31;

/// The description of a chunk. It is reached only through raw pointers, as its fields have different owners.
#[repr(C)]
struct Chunk {
    /// [`Chunks::home`] of the owner. Changes only while no page is in use.
    home: AtomicU64,
    /// The neighbours in the owner's list. Protected by the owner's lock, as is all up to `refs`.
    next: *mut Chunk,
    prev: *mut Chunk,
    /// How many pages are in use.
    live: u32,
    /// The first page that was never in use, hence is still zero.
    fresh: u32,
    /// How many entries `stack` has.
    recycled: u32,
    /// The free pages that were in use before, the last freed on top.
    stack: [u16; PAGES],
    /// The references to each page.
    refs: [AtomicU32; PAGES],
}

const _: () = assert!(size_of::<Chunk>() <= PAGE_SIZE && PAGES <= u16::MAX as usize);

#[repr(C, align(4096))]
struct ZeroPage(Bytes);

/// The page of space that is allocated but was never written (fallocate(2)).
static UNWRITTEN: ZeroPage = ZeroPage([0; PAGE_SIZE]);
/// The page of data that are all zero.
static ZERO: ZeroPage = ZeroPage([0; PAGE_SIZE]);

/// A reference to a page: while it lives, the page is in use. It has no `Drop`, for a page goes back to its space
/// through [`Page::part`]; a reference that is dropped leaks the page.
///
/// A page is written only by the holder of its only reference ([`Page::owned`]). Two pages are *virtual*: shared by
/// everybody, never written, and without memory of their own.
#[derive(Debug)]
pub(super) struct Page(NonNull<Bytes>);

// SAFETY: a page belongs to no thread. The bytes are read through `&Page` and written through `&mut Page` of the only
// reference; the count is atomic.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

impl Page {
    /// A virtual page: space that was allocated but never written.
    pub(super) fn unwritten() -> Self {
        Self(NonNull::from(&UNWRITTEN.0))
    }

    /// A virtual page: zeros.
    pub(super) fn zero() -> Self {
        Self(NonNull::from(&ZERO.0))
    }

    /// Whether this is [`Page::unwritten`].
    pub(super) fn is_unwritten(&self) -> bool {
        std::ptr::eq(self.0.as_ptr(), &raw const UNWRITTEN.0)
    }

    /// Whether the page has no memory of its own.
    #[inline]
    pub(super) fn is_virtual(&self) -> bool {
        self.is_unwritten() || std::ptr::eq(self.0.as_ptr(), &raw const ZERO.0)
    }

    /// The bytes.
    #[inline]
    pub(super) fn bytes(&self) -> &Bytes {
        // SAFETY: the page is initialized memory (the host gave it zeroed), in use as long as `self` lives, and written
        // only through `&mut` of an only reference, which then is `self`.
        unsafe { self.0.as_ref() }
    }

    /// The bytes to be written, if this is the only reference.
    #[inline]
    pub(super) fn owned(&mut self) -> Option<&mut Bytes> {
        // `Acquire` pairs with the `Release` of who gave up the other references: their reads are over.
        if self.is_virtual() || self.refs().load(Ordering::Acquire) != 1 {
            return None;
        }
        // SAFETY: as in `bytes`; and nobody else has a reference, nor can get one but from `self`.
        Some(unsafe { self.0.as_mut() })
    }

    /// Another reference to the same page.
    pub(super) fn share(&self) -> Self {
        if !self.is_virtual() && self.refs().load(Ordering::Relaxed) < SATURATED {
            self.refs().fetch_add(1, Ordering::Relaxed);
        }
        Self(self.0)
    }

    /// Gives the reference up. If it was the last one to a page with memory, the memory is to be freed.
    pub(super) fn part(self) -> Option<FreePage> {
        if self.is_virtual() {
            return None;
        }
        let refs = self.refs();
        let last = match refs.load(Ordering::Acquire) {
            1 => true,
            SATURATED.. => false,
            _ => refs.fetch_sub(1, Ordering::Release) == 1,
        };
        if !last {
            return None;
        }
        fence(Ordering::Acquire);
        let chunk = self.chunk();
        // SAFETY: the page is still in use, so the chunk is there; `home` is atomic.
        let home = unsafe { (*chunk).home.load(Ordering::Relaxed) };
        Some(FreePage { page: self, home })
    }

    /// The chunk of a page that is not virtual.
    fn chunk(&self) -> *mut Chunk {
        self.0.as_ptr().cast::<Chunk>().map_addr(|at| at & !(CHUNK - 1))
    }

    /// The place in its chunk of a page that is not virtual.
    fn index(&self) -> usize {
        (self.0.addr().get() & (CHUNK - 1)) / PAGE_SIZE
    }

    /// The count of a page that is not virtual.
    #[inline]
    fn refs(&self) -> &AtomicU32 {
        // SAFETY: the chunk is there as long as one of its pages is in use, which this is as long as `self` lives. The
        // pointer was made from that of the whole chunk; nobody makes a `&mut` to the counts.
        unsafe { &(*self.chunk()).refs[self.index()] }
    }
}

/// A page just taken, which nobody else knows: it can be written, then becomes a [`Page`].
#[derive(Debug)]
pub(super) struct NewPage {
    page: Page,
    /// Whether the memory is known to be zero. If not, it holds old bytes of others, not to be shown.
    pub(super) zeroed: bool,
}

impl NewPage {
    /// The bytes to be written.
    pub(super) fn bytes_mut(&mut self) -> &mut Bytes {
        self.zeroed = false;
        // SAFETY: as in `Page::owned`; the only reference is `self.page`, as a new page was not shared yet.
        unsafe { self.page.0.as_mut() }
    }

    /// Makes the bytes all zero.
    pub(super) fn clear(&mut self) {
        if !self.zeroed {
            self.bytes_mut().fill(0);
            self.zeroed = true;
        }
    }

    /// The page, whose bytes are now all its user's.
    pub(super) fn finish(self) -> Page {
        self.page
    }
}

/// A page that nobody uses any more, on the way to the [`Chunks`] it came from.
#[derive(Debug)]
pub(super) struct FreePage {
    page: Page,
    home: u64,
}

impl FreePage {
    /// [`Chunks::home`] of where it belongs.
    pub(super) fn home(&self) -> u64 {
        self.home
    }
}

/// The chunks of one shard that have free pages: a list, the preferred one first.
#[derive(Debug)]
pub(super) struct Chunks {
    /// A number that no other `Chunks` of the process has or had.
    home: u64,
    head: *mut Chunk,
}

// SAFETY: the chunks of the list belong to no thread; their fields are used only through `&mut` of their `Chunks`, apart
// from the atomic ones.
unsafe impl Send for Chunks {}

impl Chunks {
    /// No chunks.
    pub(super) fn new(home: u64) -> Self {
        Self { home, head: std::ptr::null_mut() }
    }

    /// The number of this list.
    pub(super) fn home(&self) -> u64 {
        self.home
    }

    /// Takes a free page, if there is one: the last freed of the first chunk, so that its bytes are still in a cache.
    pub(super) fn pop(&mut self) -> Option<NewPage> {
        let chunk = self.head;
        if chunk.is_null() {
            return None;
        }
        // SAFETY: chunks in the list are ours, and `&mut self` protects their fields. A chunk in the list has a free
        // page, so `recycled` is not 0 or `fresh` is below PAGES, and the page lies within the chunk.
        unsafe {
            let zeroed = (*chunk).recycled == 0;
            let index = if zeroed {
                (*chunk).fresh += 1;
                (*chunk).fresh as usize - 1
            } else {
                (*chunk).recycled -= 1;
                usize::from((*chunk).stack[(*chunk).recycled as usize])
            };
            (*chunk).live += 1;
            if is_full(chunk) {
                self.unlink(chunk);
            }
            (*chunk).refs[index].store(1, Ordering::Relaxed);
            let page = NonNull::new_unchecked(chunk.cast::<u8>().add(index * PAGE_SIZE)).cast();
            Some(NewPage { page: Page(page), zeroed })
        }
    }

    /// Frees a page. If that makes its chunk idle and others are left, gives the chunk, to be kept elsewhere or dropped.
    ///
    /// A page that came from another `Chunks` is leaked: freeing it here would not be sound.
    pub(super) fn push(&mut self, free: FreePage) -> Option<IdleChunk> {
        if free.home != self.home {
            debug_assert!(false, "a page is freed into another space than it came from");
            return None;
        }
        let (chunk, index) = (free.page.chunk(), free.page.index());
        // SAFETY: the page was in use until now, so its chunk is there, and is ours as its home says; so `&mut self`
        // protects its fields. `recycled` is below PAGES, for no page is on the stack twice.
        unsafe {
            let was_full = is_full(chunk);
            (*chunk).stack[(*chunk).recycled as usize] = index as u16;
            (*chunk).recycled += 1;
            (*chunk).live -= 1;
            if was_full {
                self.link(chunk);
            }
            let alone = self.head == chunk && (*chunk).next.is_null();
            if (*chunk).live == 0 && !alone {
                self.unlink(chunk);
                return Some(IdleChunk(NonNull::new_unchecked(chunk)));
            }
        }
        None
    }

    /// Makes a chunk ours.
    pub(super) fn adopt(&mut self, chunk: IdleChunk) {
        let at = chunk.0.as_ptr();
        std::mem::forget(chunk);
        // SAFETY: an idle chunk belongs to its holder alone.
        unsafe {
            (*at).home.store(self.home, Ordering::Relaxed);
            self.link(at);
        }
    }

    /// Takes out the first chunk, if none of its pages is in use.
    pub(super) fn pop_idle(&mut self) -> Option<IdleChunk> {
        let chunk = self.head;
        // SAFETY: chunks in the list are ours.
        unsafe {
            if chunk.is_null() || (*chunk).live != 0 {
                return None;
            }
            self.unlink(chunk);
            Some(IdleChunk(NonNull::new_unchecked(chunk)))
        }
    }

    /// Puts a chunk at the front of the list.
    ///
    /// # Safety
    /// The chunk is ours and not in the list.
    unsafe fn link(&mut self, chunk: *mut Chunk) {
        // SAFETY: the caller's promise, and that all in the list are ours.
        unsafe {
            (*chunk).prev = std::ptr::null_mut();
            (*chunk).next = self.head;
            if !self.head.is_null() {
                (*self.head).prev = chunk;
            }
        }
        self.head = chunk;
    }

    /// Takes a chunk out of the list.
    ///
    /// # Safety
    /// The chunk is in the list.
    unsafe fn unlink(&mut self, chunk: *mut Chunk) {
        // SAFETY: the caller's promise, and that all in the list are ours.
        unsafe {
            let (prev, next) = ((*chunk).prev, (*chunk).next);
            match prev.is_null() {
                true => self.head = next,
                false => (*prev).next = next,
            }
            if !next.is_null() {
                (*next).prev = prev;
            }
        }
    }
}

/// Gives the chunks without pages in use to the host. Others are leaked: somebody still has their pages.
impl Drop for Chunks {
    fn drop(&mut self) {
        while !self.head.is_null() {
            match self.pop_idle() {
                Some(idle) => drop(idle),
                // SAFETY: the head is in the list.
                None => unsafe { self.unlink(self.head) },
            }
        }
    }
}

/// Whether no page of the chunk is free.
///
/// # Safety
/// The chunk belongs to the caller.
unsafe fn is_full(chunk: *const Chunk) -> bool {
    // SAFETY: the caller's promise.
    unsafe { (*chunk).recycled == 0 && (*chunk).fresh as usize == PAGES }
}

/// A chunk of which no page is in use and which is in no list. Dropped, it goes back to the host.
#[derive(Debug)]
pub(super) struct IdleChunk(NonNull<Chunk>);

// SAFETY: an idle chunk belongs to its holder alone.
unsafe impl Send for IdleChunk {}

impl IdleChunk {
    /// A new chunk from the host, as a huge page if it is worth one. `None` if the host gives none.
    pub(super) fn map(huge: bool) -> Option<Self> {
        let piece = pages::map()?;
        if huge {
            pages::advise_huge(piece);
        }
        let chunk = piece.cast::<Chunk>();
        // SAFETY: the piece is large enough for the description, aligned more than it, ours alone, and zero, which is a
        // valid value of every field.
        unsafe { (*chunk.as_ptr()).fresh = 1 };
        Some(Self(chunk))
    }
}

impl Drop for IdleChunk {
    fn drop(&mut self) {
        // SAFETY: the chunk came from `pages::map`, is in no list, and none of its pages is in use.
        unsafe { pages::unmap(self.0.cast()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks() -> Chunks {
        let mut chunks = Chunks::new(7);
        chunks.adopt(IdleChunk::map(false).expect("memory"));
        chunks
    }

    #[test]
    fn the_last_freed_page_comes_first() {
        let mut chunks = chunks();
        let mut a = chunks.pop().expect("page");
        let b = chunks.pop().expect("page").finish();
        assert!(a.zeroed);
        a.bytes_mut()[3] = 4;
        let a = a.finish();
        let at = a.bytes().as_ptr();
        assert!(chunks.push(a.part().expect("last")).is_none());
        let mut a = chunks.pop().expect("page");
        assert!(!a.zeroed && a.page.bytes()[3] == 4);
        a.clear();
        let a = a.finish();
        assert_eq!((a.bytes().as_ptr(), a.bytes()[3]), (at, 0));
        for page in [a, b] {
            assert!(chunks.push(page.part().expect("last")).is_none(), "the only chunk stays");
        }
        assert!(chunks.pop_idle().is_some() && chunks.pop().is_none());
    }

    #[test]
    fn chunks_fill_and_become_idle() {
        let mut chunks = chunks();
        let mut pages: Vec<_> = std::iter::from_fn(|| chunks.pop()).map(NewPage::finish).collect();
        assert_eq!(pages.len(), PAGES - 1);
        chunks.adopt(IdleChunk::map(true).expect("memory"));
        pages.push(chunks.pop().expect("page").finish());
        let idle: Vec<_> =
            pages.drain(..).filter_map(|page| chunks.push(page.part().expect("last"))).collect();
        assert_eq!(idle.len(), 1);
        assert!(chunks.pop_idle().is_some() && chunks.pop_idle().is_none());
    }

    #[test]
    fn a_shared_page_is_not_written() {
        let mut chunks = chunks();
        let mut page = chunks.pop().expect("page").finish();
        page.owned().expect("owned")[0] = 1;
        let other = page.share();
        assert!(page.owned().is_none() && other.bytes()[0] == 1);
        assert!(other.part().is_none());
        assert!(page.owned().is_some());
        assert!(chunks.push(page.part().expect("last")).is_none());
    }

    #[test]
    fn virtual_pages_are_zero_and_free() {
        let (mut zero, unwritten) = (Page::zero(), Page::unwritten());
        assert!(zero.is_virtual() && !zero.is_unwritten() && zero.owned().is_none());
        assert!(unwritten.is_virtual() && unwritten.share().is_unwritten());
        assert!(zero.bytes().iter().chain(unwritten.bytes()).all(|&byte| byte == 0));
        assert!(zero.part().is_none() && unwritten.part().is_none());
    }

    #[test]
    fn pages_cross_threads() {
        let mut chunks = chunks();
        let mut page = chunks.pop().expect("page").finish();
        page.owned().expect("owned").fill(5);
        let shared = page.share();
        let freed = std::thread::scope(|scope| {
            let reader = scope.spawn(move || {
                assert_eq!(shared.bytes()[9], 5);
                shared.part()
            });
            let mine = loop {
                if let Some(bytes) = page.owned() {
                    bytes.fill(6);
                    break page.part();
                }
                std::thread::yield_now();
            };
            (reader.join().expect("reader"), mine)
        });
        assert!(freed.0.is_none());
        assert!(chunks.push(freed.1.expect("last")).is_none());
    }
}
