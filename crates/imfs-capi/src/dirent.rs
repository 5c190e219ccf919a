//! opendir(3), fdopendir(3), readdir(3), telldir(3), seekdir(3), rewinddir(3), dirfd(3), closedir(3), getdents64(2).

use std::cell::UnsafeCell;
use std::sync::{Mutex, PoisonError};

use imfs::abi::{DirentWriter, Errno, NAME_MAX, Result, dirent_len};
use imfs::data::Sink;
use imfs::{Cage, Dir};
use libc::{c_char, c_int, c_long, c_void, dirent, size_t, ssize_t};

use crate::arguments::{Argument, Int, Num, Room, Size, Text};

/// An open directory stream. It belongs to the cage that opened it, and every call on it names that.
#[allow(non_camel_case_types, reason = "the name is the original's")]
pub struct I_DIR {
    /// `None` once it is closed.
    stream: Mutex<Option<Dir>>,
    /// What readdir(3) returned last. Written under the lock; read by C, which keeps its threads apart as the man page asks.
    shown: UnsafeCell<dirent>,
}

impl I_DIR {
    fn open(dir: Dir) -> *mut I_DIR {
        // SAFETY: a structure of numbers and bytes, which may be zero.
        let shown = UnsafeCell::new(unsafe { std::mem::zeroed() });
        Box::into_raw(Box::new(I_DIR { stream: Mutex::new(Some(dir)), shown }))
    }

    fn with<T>(&self, act: impl FnOnce(&mut Dir) -> Result<T>) -> Result<T> {
        act(self.stream.lock().unwrap_or_else(PoisonError::into_inner).as_mut().ok_or(Errno::EBADF)?)
    }

    /// The next entry; NULL at the end.
    fn next(&self, cage: &Cage) -> Result<*mut dirent> {
        self.with(|dir| {
            let entry = match dir.readdir(cage) {
                // A directory that was removed has no entries (readdir(3) of the C library).
                Ok(None) | Err(Errno::ENOENT) => return Ok(std::ptr::null_mut()),
                entry => entry?,
            };
            let Some(entry) = entry else { return Ok(std::ptr::null_mut()) };
            let to = self.shown.get();
            // SAFETY: written under the lock, and never read here.
            let shown = unsafe { &mut *to };
            shown.d_ino = entry.ino;
            shown.d_off = entry.off;
            shown.d_reclen = dirent_len(entry.name.len()) as u16;
            shown.d_type = entry.dtype;
            for (to, from) in shown.d_name.iter_mut().zip(entry.name.iter().chain(&[0])) {
                *to = *from as c_char;
            }
            Ok(to)
        })
    }
}

/// A stream.
struct Stream;

impl Argument for Stream {
    type C = *mut I_DIR;
    type Value<'a> = &'a I_DIR;
    unsafe fn read<'a>(raw: *mut I_DIR) -> Result<Self::Value<'a>> {
        if raw.is_null() || !raw.is_aligned() {
            return Err(Errno::EFAULT);
        }
        // SAFETY: the caller's promise that it is an open stream.
        Ok(unsafe { &*raw })
    }
    unsafe fn show(raw: *mut I_DIR, result: i64, to: &mut String) {
        // SAFETY: only the address is shown.
        unsafe { crate::arguments::Any::show(raw.cast(), result, to) };
    }
}

/// opendir(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_opendir(cage_id: c_int, name: *const c_char) -> *mut I_DIR {
    call!(opendir(cage_id, name: Text) => |cage| cage.opendir(name).map(I_DIR::open))
}

/// fdopendir(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_fdopendir(cage_id: c_int, fd: c_int) -> *mut I_DIR {
    call!(fdopendir(cage_id, fd: Int) => |cage| cage.fdopendir(fd).map(I_DIR::open))
}

/// readdir(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_readdir(cage_id: c_int, dirp: *mut I_DIR) -> *mut dirent {
    call!(readdir(cage_id, dirp: Stream) => |cage| dirp.next(cage))
}

/// telldir(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_telldir(cage_id: c_int, dirp: *mut I_DIR) -> c_long {
    call!(telldir(cage_id, dirp: Stream) => |_cage| dirp.with(|dir| Ok(dir.telldir())))
}

/// seekdir(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_seekdir(cage_id: c_int, dirp: *mut I_DIR, loc: c_long) {
    let _: c_int = call!(seekdir(cage_id, dirp: Stream, loc: Num<c_long>) => |cage| {
        dirp.with(|dir| dir.seekdir(cage, loc))
    });
}

/// rewinddir(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_rewinddir(cage_id: c_int, dirp: *mut I_DIR) {
    let _: c_int = call!(rewinddir(cage_id, dirp: Stream) => |cage| dirp.with(|dir| dir.rewinddir(cage)));
}

/// dirfd(3)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_dirfd(cage_id: c_int, dirp: *mut I_DIR) -> c_int {
    call!(dirfd(cage_id, dirp: Stream) => |_cage| dirp.with(|dir| Ok(dir.dirfd())))
}

/// closedir(3): the stream is gone, whatever the result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_closedir(cage_id: c_int, dirp: *mut I_DIR) -> c_int {
    let result = call!(closedir(cage_id, dirp: Stream) => |cage| {
        let taken = dirp.stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.ok_or(Errno::EBADF)?.closedir(cage)
    });
    if !dirp.is_null() && dirp.is_aligned() {
        // SAFETY: it came from `open`, and the caller promises not to use it any more.
        drop(unsafe { Box::from_raw(dirp) });
    }
    result
}

/// getdents64(2)
#[unsafe(no_mangle)]
pub unsafe extern "C" fn imfs_getdents64(
    cage_id: c_int,
    fd: c_int,
    dirp: *mut c_void,
    count: size_t,
) -> ssize_t {
    call!(getdents64(cage_id, fd: Int, dirp: Room, count: Size) => |cage| {
        /// The longest record.
        const LONGEST: usize = dirent_len(NAME_MAX);
        let (mut room, mut filled, mut stopped) = (dirp.memory(count), 0, None);
        cage.read_directory(fd, |entry| {
            let mut record = [0; LONGEST];
            let len = dirent_len(entry.name.len());
            stopped = if !DirentWriter::new(&mut record).push(entry) || len > Sink::len(&room) {
                Some(Errno::EINVAL)
            } else if room.put(&record[..len]) < len {
                Some(Errno::EFAULT)
            } else {
                filled += len;
                None
            };
            stopped.is_none()
        })?;
        stopped.filter(|_| filled == 0).map_or(Ok(filled), Err)
    })
}
