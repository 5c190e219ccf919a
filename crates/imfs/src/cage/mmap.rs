//! mmap(2), munmap(2), msync(2).
//!
//! A cage's mappings are made in the address space of the process that runs this code: for cages that run in it. While
//! a file is mapped the host keeps its bytes, so mappings, reads, writes and truncations are coherent, and who touches
//! what lies beyond the end of the file gets SIGBUS.
//!
//! Mappings keep their file after close(2) and unlink(2), and the open file description with its locks. They end with munmap(2), with execve(2), and with the cage; a
//! forked cage begins with none, for it is the door that gives it memory. A door sends all mmap(2), munmap(2) and
//! msync(2) here, those of anonymous memory too; descriptors that are not IMFS's own are the door's to map.

use super::Cage;
use super::description::Description;
use super::mappings::{MappedFile, Mappings, Request};
use crate::abi::{
    Errno, FileType, MAX_FILE_SIZE, MapFlags, MsyncFlags, OFlags, PAGE_SIZE, ProtFlags, Result,
};
use crate::data::View;
use crate::inode::device::Device;
use crate::inode::{FileView, Inode};
use crate::platform::mapping::LIMIT;
use crate::sync::epoch;
use crate::sync::refcount::Ref;

/// The flags that are older than `MAP_SHARED_VALIDATE`, which refuses all others (`LEGACY_MAP_MASK`): they include
/// `MAP_32BIT`, `MAP_ABOVE4G`, `MAP_UNINITIALIZED`, `MAP_HUGE_2MB` and `MAP_HUGE_1GB`.
const LEGACY: MapFlags = MapFlags::SHARED_VALIDATE
    .union(MapFlags::FIXED)
    .union(MapFlags::ANONYMOUS)
    .union(MapFlags::GROWSDOWN)
    .union(MapFlags::DENYWRITE)
    .union(MapFlags::EXECUTABLE)
    .union(MapFlags::LOCKED)
    .union(MapFlags::NORESERVE)
    .union(MapFlags::POPULATE)
    .union(MapFlags::NONBLOCK)
    .union(MapFlags::STACK)
    .union(MapFlags::HUGETLB)
    .union(MapFlags::from_bits_retain(0x40 | 0x80 | 0x400_0000 | 21 << 26 | 30 << 26));

/// A file that a cage asks to map, by a descriptor.
struct Opened {
    description: Ref<Description>,
    inode: Ref<Inode>,
    flags: OFlags,
}

/// What a mapping shows.
enum Shows {
    /// Nothing but zeros: anonymous memory, and the device zero.
    Zeros,
    /// This part of the file.
    File(Opened, View),
}

impl Cage {
    /// Maps `len` bytes, rounded up to pages, of an open file from `offset` on, or with `MAP_ANONYMOUS` fresh memory, and
    /// returns the address. `addr` is a hint, and with `MAP_FIXED` or `MAP_FIXED_NOREPLACE` the address. Space for the
    /// holes in a shared mapping that can be written is taken now.
    ///
    /// # Errors
    /// EACCES: not open for reading; shared and writable, but not open for writing; shared of an append-only file that
    /// is open for writing. EBADF. EEXIST: something is at the address (`MAP_FIXED_NOREPLACE`). EINVAL: a length of 0,
    /// an offset or a fixed address that is not a page's, no type, `MAP_HUGETLB` or `MAP_GROWSDOWN` of a file. ENODEV:
    /// what is open cannot be mapped. ENFILE: the host has no descriptor left. ENOMEM: no memory, no space in the
    /// instance, too many mappings, anonymous `MAP_HUGETLB`. EOPNOTSUPP: a flag that is not known
    /// (`MAP_SHARED_VALIDATE`). EOVERFLOW: beyond the largest file. EPERM, EAGAIN: the host's limits. ESRCH: the cage
    /// has exited.
    ///
    /// # Safety
    /// With `MAP_FIXED`, what is at the address is the cage's to give up: nobody else uses it. And what this returns is
    /// unmapped or replaced through this cage only, not by way of the host: the cage unmaps it, at the latest when it
    /// exits.
    pub unsafe fn mmap(
        &self,
        addr: *mut u8,
        len: usize,
        prot: ProtFlags,
        flags: MapFlags,
        fd: i32,
        offset: i64,
    ) -> Result<*mut u8> {
        let offset = offset as u64;
        if !offset.is_multiple_of(PAGE_SIZE as u64) {
            return Err(Errno::EINVAL);
        }
        let file = if flags.contains(MapFlags::ANONYMOUS) { None } else { Some(self.opened_to_map(fd)?) };
        if flags.contains(MapFlags::HUGETLB) {
            return Err(if file.is_some() { Errno::EINVAL } else { Errno::ENOMEM });
        }
        let len = check_place(addr.addr(), len, flags)?;
        let (shows, flags) = match file {
            None => (Shows::Zeros, flags),
            Some(file) => file.check(len as u64, prot, flags, offset)?,
        };
        let request = Request { addr: addr.expose_provenance(), len, prot: prot.bits(), flags };
        // SAFETY: the caller's promise.
        unsafe { self.map(request, shows) }.map(std::ptr::with_exposed_provenance_mut)
    }

    /// # Safety
    /// As [`mmap`](Self::mmap)
    unsafe fn map(&self, request: Request, shows: Shows) -> Result<usize> {
        let mut mappings = self.mappings.lock();
        let Shows::File(Opened { description, inode, flags }, view) = shows else {
            // SAFETY: the caller's promise.
            return unsafe { mappings.map(request, None) };
        };
        let file = MappedFile { view: FileView::new(inode.clone(), view)?, description };
        // SAFETY: the caller's promise.
        let at = unsafe { mappings.map(request, Some(file)) }?;
        if !flags.contains(OFlags::NOATIME) {
            inode.touch_atime();
        }
        Ok(at)
    }

    /// The file of a descriptor that is to be mapped.
    fn opened_to_map(&self, fd: i32) -> Result<Opened> {
        let description = self.table.hold(fd)?;
        let inode = description.opened(&epoch::pin())?.upgrade().ok_or(Errno::EBADF)?;
        let flags = description.flags();
        Ok(Opened { description, inode, flags })
    }

    /// Unmaps what this cage has mapped of `len` bytes, rounded up to pages, from `addr` on, and splits mappings that
    /// are not in the range as a whole. What it did not map stays, and is no error, as if nothing were there.
    ///
    /// # Errors
    /// EINVAL: not the address of a page, a length of 0, or a range that no process has. ENOMEM: a mapping cannot be
    /// split.
    pub fn munmap(&self, addr: *mut u8, len: usize) -> Result<()> {
        let start = addr.addr();
        if !start.is_multiple_of(PAGE_SIZE) || len == 0 || start > LIMIT || len > LIMIT - start {
            return Err(Errno::EINVAL);
        }
        self.mappings.lock().unmap(start, start + len.next_multiple_of(PAGE_SIZE))
    }

    /// Synchronizes mappings with their files: they always agree, so all that there is to do is to note the times of
    /// files that were written through a mapping.
    ///
    /// # Errors
    /// EINVAL: unknown flags, `MS_ASYNC` together with `MS_SYNC`, or not the address of a page. ENOMEM: not all of the
    /// range is mapped by this cage. EBUSY: `MS_INVALIDATE` of pages that are locked.
    pub fn msync(&self, addr: *mut u8, len: usize, flags: MsyncFlags) -> Result<()> {
        let (start, both) = (addr.addr(), MsyncFlags::ASYNC | MsyncFlags::SYNC);
        if !(flags - (both | MsyncFlags::INVALIDATE)).is_empty()
            || !start.is_multiple_of(PAGE_SIZE)
            || flags.contains(both)
        {
            return Err(Errno::EINVAL);
        }
        // A length that wraps when it is rounded up is one of 0, as in the kernel.
        let len = len.wrapping_add(PAGE_SIZE - 1) & !(PAGE_SIZE - 1);
        let end = start.checked_add(len).ok_or(Errno::ENOMEM)?;
        if end == start { Ok(()) } else { self.mappings.lock().sync(start, end, flags) }
    }

    /// Unmaps all that this cage has mapped.
    pub(super) fn unmap_all(&self, exits: bool) {
        Mappings::unmap_all(&mut self.mappings.lock(), exits);
    }
}

/// What does not depend on the file (`do_mmap`, `__get_unmapped_area`): returns the length in whole pages.
fn check_place(addr: usize, len: usize, flags: MapFlags) -> Result<usize> {
    if len == 0 {
        return Err(Errno::EINVAL);
    }
    let len = len.checked_next_multiple_of(PAGE_SIZE).filter(|&len| len <= LIMIT).ok_or(Errno::ENOMEM)?;
    if flags.intersects(MapFlags::FIXED | MapFlags::FIXED_NOREPLACE) {
        if addr > LIMIT - len {
            return Err(Errno::ENOMEM);
        }
        if !addr.is_multiple_of(PAGE_SIZE) {
            return Err(Errno::EINVAL);
        }
    }
    Ok(len)
}

impl Opened {
    /// What depends on the file (`do_mmap`): returns what is to be mapped, and the flags for the host.
    fn check(self, len: u64, prot: ProtFlags, flags: MapFlags, offset: u64) -> Result<(Shows, MapFlags)> {
        let kind = self.inode.file_type();
        // Only regular files end before their offsets do (`file_mmap_size_max`).
        let most = if kind == FileType::Regular { MAX_FILE_SIZE } else { u64::MAX };
        let page = PAGE_SIZE as u64;
        if offset / page > (most - len) / page {
            return Err(Errno::EOVERFLOW);
        }
        let (readable, writable) = (self.flags.readable(), self.flags.writable());
        let shared = match flags & MapFlags::TYPE {
            MapFlags::PRIVATE => false,
            MapFlags::SHARED => true,
            MapFlags::SHARED_VALIDATE if (flags - LEGACY).is_empty() => true,
            MapFlags::SHARED_VALIDATE => return Err(Errno::EOPNOTSUPP),
            _ => return Err(Errno::EINVAL),
        };
        let writes = shared && prot.contains(ProtFlags::WRITE);
        if !readable || (writes && !writable) || (shared && writable && self.inode.append_only()) {
            return Err(Errno::EACCES);
        }
        let zero = Device::open(kind, self.inode.rdev()) == Ok(Device::Zero);
        if kind != FileType::Regular && !zero {
            return Err(Errno::ENODEV);
        }
        if flags.contains(MapFlags::GROWSDOWN) {
            return Err(Errno::EINVAL);
        }
        // What is shared but may never be written is private to the host: it shows the same, and mprotect(2) cannot
        // open a way to write to the file (`VM_MAYWRITE`).
        let to_host = if shared && writable { MapFlags::SHARED } else { MapFlags::PRIVATE };
        let flags = (flags - MapFlags::TYPE) | to_host;
        if zero {
            return Ok((Shows::Zeros, flags | MapFlags::ANONYMOUS));
        }
        Ok((Shows::File(self, View { offset, len, writable: writes }), flags))
    }
}
