//! poll(2), select(2) and their kin, over descriptors of IMFS and of the runtime together.

use imfs::abi::{Errno, FdSet, PollFd, PollFlags, Result, Timespec};

use crate::call::{Call, calls};
use crate::foreign;
use crate::layout;
use crate::memory::Place;

calls! {
    #[wait] 7 poll(fds: Struct, count: Size, timeout: Int) |c| poll(c, fds, count, millis(timeout));
    #[wait] 271 ppoll(fds: Struct, count: Size, timeout: Struct, _mask: Struct, _size: Size) |c|
        poll(c, fds, count, given(timeout, layout::read_timespec)?);
    #[wait] 23 select(nfds: Int, read: Struct, write: Struct, except: Struct, timeout: Struct) |c|
        select(c, nfds, [read, write, except], given(timeout, layout::read_timeout)?);
    #[wait] 270 pselect6(nfds: Int, read: Struct, write: Struct, except: Struct, timeout: Struct, _mask: Struct) |c|
        select(c, nfds, [read, write, except], given(timeout, layout::read_timespec)?);
}

/// The timeout of poll(2): milliseconds, or without end.
fn millis(timeout: i32) -> Option<Timespec> {
    let millis = i64::from(timeout);
    (timeout >= 0).then(|| Timespec { sec: millis / 1000, nsec: (millis % 1000) as u32 * 1_000_000 })
}

/// A timeout in memory; NULL is without end.
fn given(
    timeout: Place,
    read: impl FnOnce(&[u8; layout::TIME]) -> Result<Timespec>,
) -> Result<Option<Timespec>> {
    if timeout.is_null() { Ok(None) } else { read(&timeout.get()?).map(Some) }
}

/// poll(2), ppoll(2). Signals and their masks are the runtime's.
fn poll(call: &Call<'_>, place: Place, count: u64, timeout: Option<Timespec>) -> Result<usize> {
    /// The most descriptors that a cage can have; more is EINVAL in any case.
    const MOST: u64 = 1 << 20;
    const RECORD: usize = 8;
    let count = u64::from(count as u32);
    if count > MOST {
        return Err(Errno::EINVAL);
    }
    let mut records = Vec::new();
    records.try_reserve_exact(count as usize * RECORD).map_err(|_| Errno::ENOMEM)?;
    records.resize(count as usize * RECORD, 0);
    place.fill(&mut records)?;
    let mut fds = Vec::new();
    fds.try_reserve_exact(count as usize).map_err(|_| Errno::ENOMEM)?;
    fds.extend(records.as_chunks::<RECORD>().0.iter().map(|record| {
        let [f0, f1, f2, f3, e0, e1, _, _] = *record;
        PollFd::new(
            i32::from_le_bytes([f0, f1, f2, f3]),
            PollFlags::from_bits_retain(u16::from_le_bytes([e0, e1])),
        )
    }));
    let ready = call
        .cage()
        .ppoll_with(&mut fds, timeout, &mut |_, fd, events| foreign::ready(call.caller(), fd, events))?;
    for (record, fd) in records.as_chunks_mut::<RECORD>().0.iter_mut().zip(&fds) {
        record[6..].copy_from_slice(&fd.revents.bits().to_le_bytes());
    }
    place.put(&records)?;
    Ok(ready)
}

/// The words of a set of 1,024 descriptors.
const WORDS: usize = 16;

/// select(2), pselect(2). The time that is left is not told, as POSIX has it.
fn select(call: &Call<'_>, nfds: i32, places: [Place; 3], timeout: Option<Timespec>) -> Result<usize> {
    if nfds < 0 {
        return Err(Errno::EINVAL);
    }
    // Only the words that have bits below `nfds` are the caller's to give.
    let used = (nfds as usize).div_ceil(64).min(WORDS);
    let mut words = [[0_u64; WORDS]; 3];
    for (set, place) in words.iter_mut().zip(places).filter(|(_, place)| !place.is_null()) {
        let mut bytes = [0; WORDS * 8];
        place.fill(&mut bytes[..used * 8])?;
        for (word, bytes) in set.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
    }
    let mut index = 0;
    let sets = words.each_mut().map(|set| {
        let place = places[index];
        index += 1;
        (!place.is_null()).then(|| FdSet::new(set))
    });
    let nfds = nfds.min((WORDS * 64) as i32);
    let ready = call
        .cage()
        .select_with(nfds, sets, timeout, &mut |_, fd, events| foreign::ready(call.caller(), fd, events))?;
    for (set, place) in words.iter().zip(places).filter(|(_, place)| !place.is_null()) {
        let bytes = set.map(u64::to_le_bytes);
        place.put(&bytes.as_flattened()[..used * 8])?;
    }
    Ok(ready)
}
