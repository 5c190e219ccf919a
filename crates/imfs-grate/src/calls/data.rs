//! Calls that move the bytes of files, and the entries of directories.

use imfs::abi::{Errno, FallocFlags, PollFlags, Result, RwFlags, SyncRangeFlags, Whence};

use crate::call::{Call, calls};
use crate::foreign::{self, Awaited};
use crate::lind::{self, number};
use crate::mapping;
use crate::memory::Place;

calls! {
    #[wait_in] 0 read(fd: Fd, buf: Bytes, _count: Size) |c| c.cage().read_to(fd, buf);
    #[wait_out] 1 write(fd: Fd, buf: Bytes, _count: Size) |c| c.cage().write_from(fd, buf);
    17 pread(fd: Fd, buf: Bytes, _count: Size, offset: Off) |c| c.cage().pread_to(fd, buf, offset);
    18 pwrite(fd: Fd, buf: Bytes, _count: Size, offset: Off) |c|
        c.cage().pwrite_from(fd, buf, offset, RwFlags::empty());
    #[wait_in] 19 readv(fd: Fd, list: List, _count: Size) |c| c.cage().read_to(fd, list);
    #[wait_out] 20 writev(fd: Fd, list: List, _count: Size) |c| c.cage().write_from(fd, list);
    295 preadv(fd: Fd, list: List, _count: Size, offset: Off) |c| c.cage().pread_to(fd, list, offset);
    296 pwritev(fd: Fd, list: List, _count: Size, offset: Off) |c|
        c.cage().pwrite_from(fd, list, offset, RwFlags::empty());
    #[wait_in] 327 preadv2(fd: Fd, list: List, _count: Size, offset: Off, _high: Off, flags: Word) |c|
        c.cage().preadv2_to(fd, list, offset, RwFlags::from_bits_retain(flags));
    #[wait_out] 328 pwritev2(fd: Fd, list: List, _count: Size, offset: Off, _high: Off, flags: Word) |c|
        c.cage().pwritev2_from(fd, list, offset, RwFlags::from_bits_retain(flags));
    8 lseek(fd: Fd, offset: Off, whence: Int) |c|
        c.cage().lseek(fd, offset, Whence::from_raw(whence).ok_or(Errno::EINVAL)?);
    77 ftruncate(fd: Fd, size: Off) |c| c.cage().ftruncate(fd, size);
    74 fsync(fd: Fd) |c| c.cage().fsync(fd);
    75 fdatasync(fd: Fd) |c| c.cage().fdatasync(fd);
    162 sync() |c| sync(c);
    306 syncfs(fd: Fd) |c| c.cage().syncfs(fd);
    285 fallocate(fd: Fd, mode: Word, offset: Off, len: Off) |c|
        c.cage().fallocate(fd, FallocFlags::from_bits_retain(mode), offset, len);
    221 fadvise64(fd: Fd, offset: Off, len: Off, advice: Int) |c|
        c.cage().posix_fadvise(fd, offset, len, advice);
    187 readahead(fd: Fd, offset: Off, count: Off) |c| readahead(c, fd, offset, count);
    277 sync_file_range(fd: Fd, offset: Off, len: Off, flags: Word) |c|
        c.cage().sync_file_range(fd, offset, len, SyncRangeFlags::from_bits_retain(flags));
    326 copy_file_range(input: Fd, from: Struct, out: Fd, to: Struct, len: Size, flags: Word) |c|
        copy_file_range(c, (input, from), (out, to), len, flags);
    78 getdents(fd: Fd, buf: Struct, size: Size) |c| getdents(c, fd, buf, size);
    217 getdents64(fd: Fd, buf: Struct, size: Size) |c| getdents(c, fd, buf, size);
    #[wait_out] 40 sendfile(out: Fd, input: Fd, offset: Struct, count: Size) |c| sendfile(c, out, input, offset, count);
    #[wait] 9 mmap(_at: Struct, _len: Size, _prot: Word, _flags: Word, _fd: Int, _offset: Off) |c| mapping::mmap(c);
    #[wait] 11 munmap(_at: Struct, _len: Size) |c| mapping::munmap(c);
    #[wait] 26 msync(_at: Struct, _len: Size, _flags: Word) |c| mapping::msync(c);
}

fn sync(call: &Call<'_>) -> Result<()> {
    call.cage().sync();
    Ok(())
}

/// readahead(2), which nothing has to be done for.
fn readahead(call: &Call<'_>, fd: i32, offset: i64, count: i64) -> Result<()> {
    call.cage().readahead(fd, offset, 0)?;
    if count < 0 { Err(Errno::EINVAL) } else { Ok(()) }
}

/// getdents64(2). If the records cannot be given to the caller the directory stays where it was.
fn getdents(call: &Call<'_>, fd: i32, buf: Place, size: u64) -> Result<usize> {
    /// What libcs ask for at most.
    const MOST: u64 = 32 << 10;
    let cage = call.cage();
    let start = cage.lseek(fd, 0, Whence::Cur)?;
    let room = u64::from(size as u32).min(MOST) as usize;
    let mut records = Vec::new();
    records.try_reserve_exact(room).map_err(|_| Errno::ENOMEM)?;
    records.resize(room, 0);
    let len = cage.getdents64(fd, &mut records)?;
    buf.put(&records[..len]).inspect_err(|_| {
        let _ = cage.lseek(fd, start, Whence::Set);
    })?;
    Ok(len)
}

/// copy_file_range(2): offsets that are given are moved, and those of the descriptors stay.
fn copy_file_range(
    call: &Call<'_>,
    (input, from): (i32, Place),
    (out, to): (i32, Place),
    len: u64,
    flags: u32,
) -> Result<usize> {
    let offset = |place: Place| match place.is_null() {
        true => Ok(None),
        false => place.get().map(|bytes| Some(i64::from_le_bytes(bytes))),
    };
    let (mut start, mut target) = (offset(from)?, offset(to)?);
    let len = usize::try_from(len).unwrap_or(usize::MAX).min(imfs::abi::MAX_RW_COUNT);
    let copied = call.cage().copy_file_range(input, start.as_mut(), out, target.as_mut(), len, flags)?;
    for (place, moved) in [(from, start), (to, target)] {
        if let Some(moved) = moved {
            place.put(&moved.to_le_bytes())?;
        }
    }
    Ok(copied)
}

/// sendfile(2), also into a socket or another descriptor that is not IMFS's.
fn sendfile(call: &Call<'_>, out: i32, input: i32, offset: Place, count: u64) -> Result<usize> {
    let cage = call.cage();
    if count.cast_signed() < 0 {
        return Err(Errno::EINVAL);
    }
    let count = count.min(imfs::abi::MAX_RW_COUNT as u64) as usize;
    let mut at = if offset.is_null() { None } else { Some(i64::from_le_bytes(offset.get()?)) };
    let to_foreign = foreign::is_foreign(cage, out) && !foreign::is_foreign(cage, input);
    let sent = if to_foreign {
        send_out(call, out, input, at.as_mut(), count)?
    } else {
        cage.sendfile(out, input, at.as_mut(), count)?
    };
    if let Some(at) = at {
        offset.put(&at.to_le_bytes())?;
    }
    Ok(sent)
}

/// Writes a part of a file to a foreign descriptor, which may take less than all.
fn send_out(call: &Call<'_>, out: i32, input: i32, at: Option<&mut i64>, count: usize) -> Result<usize> {
    const PIECE: usize = 64 << 10;
    let (cage, caller) = (call.cage(), call.caller());
    let awaited = Awaited::new(out, PollFlags::OUT);
    let start = at.as_deref().copied().map_or_else(|| cage.lseek(input, 0, Whence::Cur), Ok)?;
    let mut piece = Vec::new();
    piece.try_reserve_exact(PIECE.min(count)).map_err(|_| Errno::ENOMEM)?;
    piece.resize(PIECE.min(count), 0);
    let mut sent = 0;
    while sent < count {
        let want = piece.len().min(count - sent);
        let read = cage.pread(input, &mut piece[..want], start + sent as i64)?;
        let args = [out as u64, lind::host(piece.as_ptr()), read as u64, 0, 0, 0];
        let write = || lind::call_for(caller, number::WRITE, args);
        let written = match foreign::wait(caller, awaited, write).flatten() {
            Ok(written) => written as usize,
            Err(errno) if sent == 0 => return Err(errno),
            Err(_) => break,
        };
        sent += written;
        if written < want {
            break;
        }
    }
    match at {
        Some(at) => *at = start + sent as i64,
        None => {
            cage.lseek(input, start + sent as i64, Whence::Set)?;
        }
    }
    Ok(sent)
}
