//! The memory of a cage: 4 GiB of linear memory, of which only what was mapped can be touched.

use std::collections::BTreeMap;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use wasmtime::{Engine, MemoryType, SharedMemory};

/// The size of a page of the host.
pub(crate) const PAGE: u64 = 4096;
const SIZE: u64 = 1 << 32;
const WASM_PAGES: u32 = 1 << 16;

/// A run of pages.
#[derive(Clone)]
struct Area {
    end: u64,
    prot: i32,
    /// What it shares with a child: a file, and where in it it starts.
    shared: Option<(Arc<OwnedFd>, u64)>,
}

#[derive(Clone, Default)]
struct Areas {
    by_start: BTreeMap<u64, Area>,
    /// Pages that munmap left between others.
    holes: Vec<(u64, u64)>,
}

/// A cage's memory.
pub(crate) struct CageMemory {
    pub(crate) wasm: SharedMemory,
    areas: RwLock<Areas>,
}

/// What a check of a range found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Checked {
    Fine,
    /// Not mapped.
    Fault,
    /// It starts in mapped pages and goes on into some that were unmapped: Lind does not survive this.
    Deadly,
}

fn align(len: u64) -> u64 {
    len.next_multiple_of(PAGE)
}

impl CageMemory {
    /// A memory of which the first `initial` bytes are mapped.
    pub(crate) fn new(engine: &Engine, initial: u64) -> wasmtime::Result<Self> {
        let wasm = SharedMemory::new(engine, MemoryType::shared(WASM_PAGES, WASM_PAGES))?;
        let memory = Self { wasm, areas: RwLock::default() };
        memory.protect(0, SIZE, libc::PROT_NONE);
        if initial > 0 {
            memory.map_fixed(0, initial, libc::PROT_READ | libc::PROT_WRITE, None);
        }
        Ok(memory)
    }

    fn areas(&self) -> RwLockReadGuard<'_, Areas> {
        self.areas.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Areas> {
        self.areas.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host address of its first byte.
    pub(crate) fn base(&self) -> u64 {
        self.wasm.data().as_ptr() as u64
    }

    fn protect(&self, at: u64, len: u64, prot: i32) {
        // SAFETY: the range is within our own memory, of which Rust holds no references.
        let result = unsafe { libc::mprotect((self.base() + at) as *mut _, len as usize, prot) };
        assert_eq!(result, 0, "mprotect: {}", std::io::Error::last_os_error());
    }

    /// The offset of a host address.
    fn offset(&self, host: u64) -> Option<u64> {
        host.checked_sub(self.base()).filter(|offset| *offset < SIZE)
    }

    /// Looks whether a range of host addresses can be read or written.
    pub(crate) fn check(&self, host: u64, len: u64, prot: i32) -> Checked {
        let Some(start) = self.offset(host) else { return Checked::Fault };
        let Some(end) = start.checked_add(len).filter(|end| *end <= SIZE) else { return Checked::Fault };
        let areas = self.areas();
        let mut at = start;
        while at < end.max(start + 1) {
            match areas.by_start.range(..=at).next_back() {
                Some((_, area)) if area.end > at && area.prot & prot == prot => at = area.end,
                _ if at > start && areas.holes.iter().any(|(from, to)| (*from..*to).contains(&at)) => {
                    return Checked::Deadly;
                }
                _ => return Checked::Fault,
            }
        }
        Checked::Fine
    }

    /// Maps fresh zeros, or a file, over whatever is there.
    fn map_fixed(&self, at: u64, len: u64, prot: i32, shared: Option<(Arc<OwnedFd>, u64)>) {
        let (fd, offset, kind) = match &shared {
            Some((file, offset)) => (file.as_raw_fd(), *offset, libc::MAP_SHARED),
            None => (-1, 0, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE),
        };
        self.place(at, len, prot, kind, fd, offset);
        let mut areas = self.change();
        cut(&mut areas.by_start, at, at + len);
        areas.holes.retain(|(from, to)| *to <= at || *from >= at + len);
        areas.by_start.insert(at, Area { end: at + len, prot, shared });
    }

    fn place(&self, at: u64, len: u64, prot: i32, kind: i32, fd: i32, offset: u64) {
        // SAFETY: the range is within our own memory, of which Rust holds no references.
        let placed = unsafe {
            let place = (self.base() + at) as *mut libc::c_void;
            libc::mmap(place, len as usize, prot, kind | libc::MAP_FIXED, fd, offset as i64)
        };
        assert_ne!(placed, libc::MAP_FAILED, "mmap: {}", std::io::Error::last_os_error());
    }

    /// mmap: from the top down. `file` is what the descriptor stands for, if one was given.
    pub(crate) fn mmap(
        &self,
        at: u64,
        len: u64,
        prot: i32,
        flags: i32,
        file: Option<(OwnedFd, u64)>,
    ) -> Result<u64, i32> {
        let len = align(len);
        if len == 0 || len >= SIZE {
            return Err(libc::EINVAL);
        }
        let start = if flags & libc::MAP_FIXED != 0 {
            self.offset(at).filter(|at| at % PAGE == 0).ok_or(libc::EINVAL)?
        } else {
            self.find_room(len).ok_or(libc::ENOMEM)?
        };
        let is_shared = flags & libc::MAP_SHARED != 0;
        match file {
            None if is_shared => {
                // SAFETY: the name is a string, and the call makes a descriptor of its own.
                let file = unsafe {
                    use std::os::fd::FromRawFd;
                    OwnedFd::from_raw_fd(libc::memfd_create(c"shared".as_ptr(), 0))
                };
                // SAFETY: a live descriptor.
                unsafe { libc::ftruncate(file.as_raw_fd(), len as i64) };
                self.map_fixed(start, len, prot, Some((Arc::new(file), 0)));
            }
            None => self.map_fixed(start, len, prot, None),
            Some((file, offset)) if is_shared => {
                self.map_fixed(start, len, prot, Some((Arc::new(file), offset)));
            }
            Some((file, offset)) => {
                self.map_fixed(start, len, prot, None);
                self.place(start, len, prot, libc::MAP_PRIVATE, file.as_raw_fd(), offset);
            }
        }
        Ok(start)
    }

    /// The highest room of this length.
    fn find_room(&self, len: u64) -> Option<u64> {
        let areas = self.areas();
        let mut end = SIZE;
        for (start, area) in areas.by_start.iter().rev() {
            if end - area.end >= len {
                return Some(end - len);
            }
            end = *start;
        }
        None
    }

    /// munmap, of host addresses.
    pub(crate) fn munmap(&self, host: u64, len: u64) -> Result<(), i32> {
        let start = self.offset(host).filter(|at| at % PAGE == 0 && len > 0).ok_or(libc::EINVAL)?;
        let len = align(len).min(SIZE - start);
        self.place(
            start,
            len,
            libc::PROT_NONE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        );
        let mut areas = self.change();
        cut(&mut areas.by_start, start, start + len);
        areas.holes.push((start, start + len));
        Ok(())
    }

    /// mprotect, of host addresses.
    pub(crate) fn mprotect(&self, host: u64, len: u64, prot: i32) -> Result<(), i32> {
        let start = self.offset(host).filter(|at| at % PAGE == 0).ok_or(libc::EINVAL)?;
        let end = start + align(len).min(SIZE - start);
        // SAFETY: as in `protect`.
        if unsafe { libc::mprotect((self.base() + start) as *mut _, (end - start) as usize, prot) } != 0 {
            return Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL));
        }
        let mut areas = self.change();
        for (from, mut area) in cut(&mut areas.by_start, start, end) {
            area.prot = prot;
            areas.by_start.insert(from, area);
        }
        Ok(())
    }

    /// A copy for the child of a fork: what is not accessible is not copied, what is shared stays so. Also the bytes
    /// that were copied.
    pub(crate) fn fork(&self, engine: &Engine) -> wasmtime::Result<(Self, u64)> {
        let child = Self::new(engine, 0)?;
        let areas = self.areas().clone();
        let mut copied = 0;
        for (start, area) in &areas.by_start {
            let len = area.end - start;
            if len == 0 {
                continue;
            }
            child.map_fixed(*start, len, area.prot, area.shared.clone());
            if area.shared.is_none() && area.prot & libc::PROT_READ != 0 {
                child.protect(*start, len, libc::PROT_READ | libc::PROT_WRITE);
                copied += child.copy_from(self, *start, len);
                child.protect(*start, len, area.prot);
            }
        }
        Ok((child, copied))
    }

    /// Copies what is not zero.
    fn copy_from(&self, parent: &Self, start: u64, len: u64) -> u64 {
        let mut copied = 0;
        for at in (start..start + len).step_by(PAGE as usize) {
            // SAFETY: both pages are mapped in their memories, the child's for us alone. The parent's other threads
            // may write meanwhile, as on Lind.
            unsafe {
                let from = std::slice::from_raw_parts((parent.base() + at) as *const u8, PAGE as usize);
                if from.iter().any(|byte| *byte != 0) {
                    std::ptr::copy_nonoverlapping(
                        from.as_ptr(),
                        (self.base() + at) as *mut u8,
                        PAGE as usize,
                    );
                    copied += PAGE;
                }
            }
        }
        copied
    }

    /// How many bytes were touched.
    pub(crate) fn resident(&self) -> u64 {
        let areas = self.areas();
        let mut pages = 0;
        for (start, area) in &areas.by_start {
            let len = area.end - start;
            let mut states = vec![0_u8; (len / PAGE) as usize];
            // SAFETY: the range is mapped, and there is a byte for each of its pages.
            unsafe { libc::mincore((self.base() + start) as *mut _, len as usize, states.as_mut_ptr()) };
            pages += states.iter().filter(|state| **state & 1 != 0).count() as u64;
        }
        pages * PAGE
    }

    /// Maps the stacks of workers behind the initial memory.
    pub(crate) fn map_stacks(&self, at: u64, len: u64) {
        self.map_fixed(at, len, libc::PROT_READ | libc::PROT_WRITE, None);
    }
}

/// Takes a range out of the areas, and gives the pieces that lay in it.
fn cut(areas: &mut BTreeMap<u64, Area>, start: u64, end: u64) -> Vec<(u64, Area)> {
    let touched: Vec<u64> =
        areas.range(..end).filter(|(_, area)| area.end > start).map(|(from, _)| *from).collect();
    let mut inside = Vec::new();
    for from in touched {
        let Some(area) = areas.remove(&from) else { continue };
        let moved = |at: u64| area.shared.clone().map(|(file, offset)| (file, offset + (at - from)));
        if from < start {
            areas.insert(from, Area { end: start, ..area.clone() });
        }
        if area.end > end {
            areas.insert(end, Area { shared: moved(end), ..area.clone() });
        }
        let (first, last) = (from.max(start), area.end.min(end));
        inside.push((first, Area { end: last, shared: moved(first), prot: area.prot }));
    }
    inside
}
