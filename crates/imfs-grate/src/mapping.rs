//! Files of IMFS mapped into the memory of cages.
//!
//! A cage's memory is the runtime's, and mmap tells only an offset in it, not where it is in the host. So a mapping is
//! one of a scratch file of the host that is filled from IMFS: the runtime maps it as it maps any file. Shared mappings
//! of one file of IMFS share the scratch file, so cages see each other's stores at once; what they stored goes back into
//! IMFS at msync, munmap, exec and exit, page by page, and what others wrote in IMFS meanwhile comes the other way.
//!
//! Once the arguments of munmap or msync have told where a cage's memory is, mappings end exactly when they are unmapped;
//! before that, at exec or exit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, Weak};

use imfs::Cage;
use imfs::abi::{CloseRangeFlags, Errno, FileType, MapFlags, OFlags, PAGE_SIZE, ProtFlags, Result};

use crate::call::Call;
use crate::host::{HostFile, scratch_file, terminated};
use crate::lind::{self, number};
use crate::process;

const PAGE: u64 = PAGE_SIZE as u64;

type Page = [u8; PAGE_SIZE];

/// A cage of the grate's own that keeps one description open, whatever the program closes.
struct Keeper {
    cage: Arc<Cage>,
    fd: i32,
}

impl Keeper {
    /// Keeps the description that `fd` of `cage` stands for.
    fn of(cage: &Cage, fd: i32) -> Result<Self> {
        let keeper = process::system()?.imfs.fork(cage.id(), process::new_number())?;
        let keeper = Self { cage: keeper, fd };
        let number = fd.cast_unsigned();
        let none = CloseRangeFlags::empty();
        if let Some(below) = number.checked_sub(1) {
            keeper.cage.close_range(0, below, none)?;
        }
        keeper.cage.close_range(number.saturating_add(1), u32::MAX, none)?;
        Ok(keeper)
    }

    /// The bytes of a page, with zeros beyond the end of the file; and how many are in the file.
    fn read(&self, offset: u64, page: &mut Page) -> Result<usize> {
        let read = self.cage.pread(self.fd, page, offset.cast_signed())?;
        page[read..].fill(0);
        Ok(read)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Ok(system) = process::system() {
            let _ = system.imfs.exit(self.cage.id());
        }
    }
}

/// A scratch file that stands for a file of IMFS while it is mapped.
struct Backing {
    scratch: HostFile,
    keeper: Keeper,
    /// What stores go back through: there once the file was mapped, shared, from a descriptor that may write.
    writer: OnceLock<Keeper>,
    /// The pages that are filled, by their offsets, and what they last held in both files: its hash.
    pages: Mutex<Vec<(u64, u64)>>,
}

/// The shared ones, by file of IMFS: device and inode.
static SHARED: Mutex<BTreeMap<(u64, u64), Weak<Backing>>> = Mutex::new(BTreeMap::new());

/// A hash of a page: not secret, for nobody gains from a page that hashes as it did before.
fn hash(page: &Page) -> u64 {
    const K: u64 = 0x517c_c1b7_2722_0a95;
    let words = page.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
    words.fold(0, |hash: u64, word| (hash.rotate_left(5) ^ word).wrapping_mul(K))
}

impl Backing {
    fn new(keeper: Keeper) -> Result<(Self, Vec<u8>)> {
        const OWNER_ONLY: u64 = 0o600;
        let (scratch, path) = scratch_file(OWNER_ONLY)?;
        Ok((Self { scratch, keeper, writer: OnceLock::new(), pages: Mutex::default() }, path))
    }

    /// Fills the pages of a range that are not filled yet.
    fn fill(&self, offset: u64, len: u64) -> Result<()> {
        let mut pages = process::lock(&self.pages);
        let end = offset + len.next_multiple_of(PAGE);
        pages.try_reserve(((end - offset) / PAGE) as usize).map_err(|_| Errno::ENOMEM)?;
        // The scratch file is as long as any mapping of it: a page beyond its end would be a fault.
        if pages.last().is_none_or(|(last, _)| last + PAGE < end) {
            self.scratch.set_size(end)?;
        }
        let before = pages.len();
        let mut page = [0; PAGE_SIZE];
        let filled = (offset..end).step_by(PAGE_SIZE).try_for_each(|at| {
            if pages[..before].binary_search_by_key(&at, |(at, _)| *at).is_err() {
                self.keeper.read(at, &mut page)?;
                if page != [0; PAGE_SIZE] {
                    self.scratch.write_at(&page, at)?;
                }
                pages.push((at, hash(&page)));
            }
            Ok(())
        });
        pages.sort_unstable_by_key(|(at, _)| *at);
        filled
    }

    /// Makes both files equal again: what a cage stored goes into IMFS, else what was written there comes here.
    fn synchronize(&self) {
        let (mut stored, mut written) = ([0; PAGE_SIZE], [0; PAGE_SIZE]);
        for (offset, known) in process::lock(&self.pages).iter_mut() {
            let in_file = self.keeper.read(*offset, &mut written).unwrap_or(0);
            let filled = self.scratch.read_at(&mut stored, *offset).unwrap_or(0);
            stored[filled..].fill(0);
            let now = hash(&stored);
            if let Some(Keeper { cage, fd }) = self.writer.get()
                && now != *known
            {
                // What is stored beyond the end of the file is lost, as on Linux.
                let _ = cage.pwrite(*fd, &stored[..in_file], offset.cast_signed());
                *known = now;
            } else if hash(&written) != *known {
                let _ = self.scratch.write_at(&written, *offset);
                *known = hash(&written);
            }
        }
    }
}

impl Drop for Backing {
    fn drop(&mut self) {
        if self.writer.get().is_some() {
            self.synchronize();
        }
    }
}

/// One mapping of a cage.
#[derive(Clone)]
struct Mapping {
    /// Where it is in the cage's memory.
    start: u64,
    end: u64,
    shared: Option<Arc<Backing>>,
}

/// All mappings that a cage made since its last exec.
#[derive(Default)]
pub(crate) struct Mappings {
    /// By their starts; none lies over another.
    list: Vec<Mapping>,
    /// Where the cage's memory can be in the host; `None` before the first hint.
    bases: Option<Vec<u64>>,
}

impl Mappings {
    /// What the child of a fork has: the same mappings, in a memory of its own.
    ///
    /// # Errors
    /// ENOMEM
    pub(crate) fn inherited(&self) -> Result<Self> {
        let mut child = Self::default();
        child.reserve(self.list.len())?;
        child.list.extend_from_slice(&self.list);
        Ok(child)
    }

    /// The cage's memory is gone, or about to go.
    pub(crate) fn end(&mut self) {
        self.synchronize();
        *self = Self::default();
    }

    /// Makes files and mappings equal again.
    pub(crate) fn synchronize(&self) {
        for backing in self.list.iter().filter_map(|mapping| mapping.shared.as_ref()) {
            backing.synchronize();
        }
    }

    /// Makes room, before the runtime does what is then to be noted.
    fn reserve(&mut self, more: usize) -> Result<()> {
        self.list.try_reserve(more).map_err(|_| Errno::ENOMEM)
    }

    /// Notes a mapping, for which and for one more there is room.
    fn add(&mut self, start: u64, len: u64, shared: Option<Arc<Backing>>) {
        let end = start.saturating_add(len.next_multiple_of(PAGE));
        self.remove(start, end);
        let at = self.list.partition_point(|mapping| mapping.start < start);
        self.list.insert(at, Mapping { start, end, shared });
    }

    /// Forgets what lies in a range, and keeps what of it lies outside; there is room for one more.
    fn remove(&mut self, start: u64, end: u64) {
        let first = self.list.partition_point(|mapping| mapping.end <= start);
        let last = self.list.partition_point(|mapping| mapping.start < end).max(first);
        let touched = &self.list[first..last];
        let before = touched.first().filter(|mapping| mapping.start < start);
        let before = before.map(|mapping| Mapping { end: start, ..mapping.clone() });
        let after = touched.last().filter(|mapping| mapping.end > end);
        let after = after.map(|mapping| Mapping { start: end, ..mapping.clone() });
        self.list.splice(first..last, before.into_iter().chain(after));
    }

    /// Learns from a host address that the cage says is the start of a mapping of this length.
    fn learn(&mut self, at: u64, len: u64) {
        /// Of more mappings of one length nothing is learnt.
        const MOST: usize = 64;
        let len = len.next_multiple_of(PAGE);
        let possible = |base: u64| {
            let fits = |mapping: &Mapping| {
                mapping.end - mapping.start == len && at.checked_sub(mapping.start) == Some(base)
            };
            self.list.iter().any(fits)
        };
        let mut bases = self.bases.take().unwrap_or_default();
        if bases.is_empty() {
            let same = || self.list.iter().filter(|mapping| mapping.end - mapping.start == len);
            if same().nth(MOST).is_none() && bases.try_reserve(MOST).is_ok() {
                bases.extend(same().filter_map(|mapping| at.checked_sub(mapping.start)));
            }
        } else if bases.iter().any(|base| possible(*base)) {
            bases.retain(|base| possible(*base));
        }
        self.bases = (!bases.is_empty()).then_some(bases);
    }

    /// The offset in the cage's memory of a host address, if that is known for sure.
    fn offset_of(&self, at: u64) -> Option<u64> {
        match self.bases.as_deref() {
            Some([base]) => at.checked_sub(*base),
            _ => None,
        }
    }
}

/// Lets the runtime map, and reads the offset that it gives.
fn forwarded(caller: u64, args: &lind::Args) -> Result<u64> {
    let raw = lind::call_as(caller, number::MMAP, args);
    // Offsets reach up to 4 GiB; only the last page of them is errors.
    if (raw as u32) > 0xffff_f000 { lind::result(raw).map(u64::from) } else { Ok(u64::from(raw as u32)) }
}

/// mmap(2).
///
/// # Errors
/// As mmap(2); ENODEV also when the host has no room for scratch files.
pub(crate) fn mmap(call: &Call<'_>) -> Result<i32> {
    let [_, len, prot, flags, _, offset] = call.args.map(|arg| arg.0);
    let (fd, flags) = (call.fd(4), MapFlags::from_bits_retain(flags as u32));
    let foreign = || crate::foreign::is_foreign(call.cage(), fd) || fd < 0;
    let mut mappings = process::lock(&call.process.mappings);
    mappings.reserve(2)?;
    let (at, shared) = if flags.contains(MapFlags::ANONYMOUS) || foreign() {
        (forwarded(call.caller(), call.args)?, None)
    } else {
        map_file(call, fd, len, ProtFlags::from_bits_retain(prot as u32), flags, offset)?
    };
    mappings.add(at, len, shared);
    Ok(at as u32 as i32)
}

/// Maps a file of IMFS.
fn map_file(
    call: &Call<'_>,
    fd: i32,
    len: u64,
    prot: ProtFlags,
    flags: MapFlags,
    offset: u64,
) -> Result<(u64, Option<Arc<Backing>>)> {
    /// More is not in a cage's memory.
    const MOST: u64 = 1 << 32;
    let cage = call.cage();
    let kind = flags & MapFlags::TYPE;
    let shared = kind == MapFlags::SHARED || kind == MapFlags::SHARED_VALIDATE;
    if len == 0 || !offset.is_multiple_of(PAGE) || !(shared || kind == MapFlags::PRIVATE) {
        return Err(Errno::EINVAL);
    }
    if len > MOST || offset.checked_add(len).is_none_or(|end| end > i64::MAX as u64) {
        return Err(Errno::ENOMEM);
    }
    let opened = cage.getfl(fd)?;
    let stat = cage.fstat(fd)?;
    if opened.contains(OFlags::PATH) {
        return Err(Errno::EBADF);
    }
    if stat.file_type() != Some(FileType::Regular) {
        return Err(Errno::ENODEV);
    }
    let writable = opened.access_mode() == OFlags::RDWR;
    if !opened.readable() || (shared && prot.contains(ProtFlags::WRITE) && !writable) {
        return Err(Errno::EACCES);
    }
    let (backing, path) = if shared {
        shared_backing(cage, fd, (stat.dev.raw(), stat.ino), writable)?
    } else {
        let (backing, path) = Backing::new(Keeper::of(cage, fd)?)?;
        (Arc::new(backing), path)
    };
    backing.fill(offset, len)?;
    // What may not be written now may not be made so by mprotect later, which the runtime answers.
    let access = if shared && writable { OFlags::RDWR } else { OFlags::RDONLY };
    let at = map_scratch(call, &path, access, offset);
    // A private mapping has what it needs now: its stores stay its own.
    Ok((at?, shared.then_some(backing)))
}

/// The scratch file of a shared mapping, which may be there already, and its path.
fn shared_backing(cage: &Cage, fd: i32, key: (u64, u64), writable: bool) -> Result<(Arc<Backing>, Vec<u8>)> {
    let mut all = process::lock(&SHARED);
    all.retain(|_, backing| backing.strong_count() > 0);
    let (backing, path) = if let Some(backing) = all.get(&key).and_then(Weak::upgrade) {
        backing.synchronize();
        let path = backing.scratch.path().ok_or(Errno::ENODEV)?;
        (backing, path)
    } else {
        let (backing, path) = Backing::new(Keeper::of(cage, fd)?)?;
        (Arc::new(backing), path)
    };
    if writable && backing.writer.get().is_none() {
        let _ = backing.writer.set(Keeper::of(cage, fd)?);
    }
    all.insert(key, Arc::downgrade(&backing));
    Ok((backing, path))
}

/// Lets the caller's cage map the scratch file, by a descriptor that it has only for so long.
fn map_scratch(call: &Call<'_>, path: &[u8], access: OFlags, offset: u64) -> Result<u64> {
    let caller = call.caller();
    let path = terminated(path);
    let _numbering = process::lock(&call.process.numbering);
    let open = [lind::host(path.as_ptr()), access.bits().into(), 0, 0, 0, 0];
    let fd = lind::call_for(caller, number::OPEN, open)?;
    let mut args = *call.args;
    args[4].0 = fd.into();
    args[5].0 = offset;
    let at = forwarded(caller, &args);
    let _ = lind::call_for(caller, number::CLOSE, [fd.into(), 0, 0, 0, 0, 0]);
    at
}

/// munmap(2).
///
/// # Errors
/// Those of the runtime
pub(crate) fn munmap(call: &Call<'_>) -> Result<u32> {
    let [at, len, ..] = call.args.map(|arg| arg.0);
    let mut mappings = process::lock(&call.process.mappings);
    mappings.reserve(1)?;
    mappings.learn(at, len);
    mappings.synchronize();
    let result = lind::result(call.forward())?;
    if let Some(offset) = mappings.offset_of(at) {
        mappings.remove(offset, offset.saturating_add(len.next_multiple_of(PAGE)));
    }
    Ok(result)
}

/// msync(2): the runtime has nothing to do, for scratch files are nobody's to keep.
///
/// # Errors
/// EINVAL
pub(crate) fn msync(call: &Call<'_>) -> Result<()> {
    const ASYNC_AND_SYNC: u64 = 5;
    const KNOWN: u64 = 7;
    let [at, len, flags, ..] = call.args.map(|arg| arg.0);
    if flags & !KNOWN != 0 || flags & ASYNC_AND_SYNC == ASYNC_AND_SYNC || !at.is_multiple_of(PAGE) {
        return Err(Errno::EINVAL);
    }
    let mut mappings = process::lock(&call.process.mappings);
    mappings.learn(at, len);
    mappings.synchronize();
    Ok(())
}
