//! Calls that are forwarded to the Linux below, as the target cage.

use std::ffi::CString;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt as _;
use std::sync::Arc;

use crate::cage::{Cage, Runtime, lock};
use crate::layout;
use crate::syscall::{pointer, string};

type Args = [(u64, u64); 6];

const READ: i32 = libc::PROT_READ;
const WRITE: i32 = libc::PROT_WRITE;

/// The result of a call of libc.
fn done(result: impl Into<i64>) -> Result<i64, i32> {
    match result.into() {
        -1 => Err(std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)),
        result => Ok(result),
    }
}

impl Cage {
    fn fd(&self, arg: (u64, u64)) -> Result<Arc<OwnedFd>, i32> {
        lock(&self.descriptors).get(&(arg.0 as i32)).cloned().ok_or(libc::EBADF)
    }

    /// Gives a descriptor of the host the lowest free number.
    fn add_descriptor(&self, fd: OwnedFd, from: i32) -> i64 {
        let mut all = lock(&self.descriptors);
        let number = (from..).find(|number| !all.contains_key(number)).unwrap_or(from);
        all.insert(number, Arc::new(fd));
        number.into()
    }
}

fn owned(fd: i64) -> OwnedFd {
    // SAFETY: a call just made it, for us.
    unsafe { OwnedFd::from_raw_fd(fd as RawFd) }
}

impl Runtime {
    fn path(&self, arg: (u64, u64)) -> Result<CString, i32> {
        let path = self.host_path(string(self, arg)?.as_bytes());
        CString::new(path.as_os_str().as_bytes()).map_err(|_| libc::EINVAL)
    }

    /// Answers a call by the host's.
    pub(crate) fn forward(&self, cage: &Cage, number: u32, args: &Args) -> Result<i64, i32> {
        let a = args.map(|arg| arg.0);
        match number {
            0 | 1 | 17 | 18 => self.transfer(cage, number, args),
            2 => {
                let path = self.path(args[0])?;
                // SAFETY: here and below: strings have their NUL, and buffers were checked.
                let fd =
                    unsafe { libc::open(path.as_ptr(), a[1] as i32 | libc::O_CLOEXEC, a[2] as libc::mode_t) };
                Ok(cage.add_descriptor(owned(done(fd)?), 3))
            }
            3 => lock(&cage.descriptors).remove(&(a[0] as i32)).map(|_| 0).ok_or(libc::EBADF),
            4..=6 => self.stat(cage, number, args),
            7 => self.poll(cage, args),
            // SAFETY: plain numbers.
            8 => done(unsafe { libc::lseek(cage.fd(args[0])?.as_raw_fd(), a[1] as i64, a[2] as i32) }),
            32 => Ok(cage.add_descriptor(cage.fd(args[0])?.try_clone().map_err(|_| libc::EMFILE)?, 0)),
            33 => {
                let file = cage.fd(args[0])?;
                lock(&cage.descriptors).insert(a[1] as i32, file);
                Ok(a[1] as i64)
            }
            53 => self.socketpair(cage, args),
            72 => self.fcntl(cage, args),
            // SAFETY: plain numbers.
            77 => done(unsafe { libc::ftruncate(cage.fd(args[0])?.as_raw_fd(), a[1] as i64) }),
            78 | 217 => {
                let place = pointer(self, args[1], a[2], WRITE)?;
                // SAFETY: the buffer was checked.
                done(unsafe {
                    libc::syscall(libc::SYS_getdents64, cage.fd(args[0])?.as_raw_fd(), place, a[2])
                })
            }
            21 | 83 | 87 | 90 => self.on_path(number, args),
            82 | 86 | 88 => self.on_paths(number, args),
            89 => {
                let (path, place) = (self.path(args[0])?, pointer(self, args[1], a[2], WRITE)?);
                // SAFETY: the buffer was checked.
                done(unsafe { libc::readlink(path.as_ptr(), place.cast(), a[2] as usize) } as i64)
            }
            189 | 190 | 191 | 194 => self.xattr(cage, number, args),
            // SAFETY: no arguments.
            102 | 107 => Ok(unsafe { libc::geteuid() }.into()),
            // SAFETY: no arguments.
            104 | 108 => Ok(unsafe { libc::getegid() }.into()),
            110 => Ok(cage.parent as i64),
            202 => self.futex(args),
            228 => {
                let place = pointer(self, args[1], 16, WRITE)?;
                // SAFETY: the place was checked.
                done(unsafe { libc::clock_gettime(a[0] as i32, place.cast()) })
            }
            280 => self.utimensat(args),
            _ => Err(libc::ENOSYS),
        }
    }

    fn transfer(&self, cage: &Cage, number: u32, args: &Args) -> Result<i64, i32> {
        let (len, offset) = (args[2].0, args[3].0 as i64);
        let reads = matches!(number, 0 | 17);
        let file = cage.fd(args[0])?;
        let place = pointer(self, args[1], len, if reads { WRITE } else { READ })?;
        let (fd, place, len) = (file.as_raw_fd(), place.cast::<libc::c_void>(), len as usize);
        // SAFETY: the buffer was checked.
        let moved = unsafe {
            match number {
                0 => libc::read(fd, place, len),
                1 => libc::write(fd, place, len),
                17 => libc::pread(fd, place, len, offset),
                _ => libc::pwrite(fd, place, len, offset),
            }
        };
        done(moved as i64)
    }

    fn stat(&self, cage: &Cage, number: u32, args: &Args) -> Result<i64, i32> {
        // SAFETY: all zeros are a stat, and it is a place for one; strings have their NUL.
        let stat = unsafe {
            let mut stat: libc::stat = std::mem::zeroed();
            let result = match number {
                4 => libc::stat(self.path(args[0])?.as_ptr(), &mut stat),
                5 => libc::fstat(cage.fd(args[0])?.as_raw_fd(), &mut stat),
                _ => libc::lstat(self.path(args[0])?.as_ptr(), &mut stat),
            };
            done(result)?;
            stat
        };
        let bytes = layout::stat(&stat);
        let place = pointer(self, args[1], bytes.len() as u64, WRITE)?;
        // SAFETY: the place was checked.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
        Ok(0)
    }

    fn poll(&self, cage: &Cage, args: &Args) -> Result<i64, i32> {
        let count = args[1].0;
        let place = pointer(self, args[0], count * 8, READ | WRITE)?.cast::<libc::pollfd>();
        let mut ready = 0;
        let mut files = Vec::new();
        for n in 0..count as usize {
            // SAFETY: the records were checked.
            let mut record = unsafe { place.add(n).read_unaligned() };
            if let Ok(file) = cage.fd((record.fd as u64, 0)) {
                record.fd = file.as_raw_fd();
                files.push(file);
                // SAFETY: one record.
                ready += done(unsafe { libc::poll(&mut record, 1, args[2].0 as i32) })?;
            } else {
                record.revents = libc::POLLNVAL;
                ready += 1;
            }
            // SAFETY: as above.
            unsafe { (&raw mut (*place.add(n)).revents).write_unaligned(record.revents) };
        }
        Ok(ready)
    }

    fn socketpair(&self, cage: &Cage, args: &Args) -> Result<i64, i32> {
        let place = pointer(self, args[3], 8, WRITE)?;
        let mut ends = [0; 2];
        // SAFETY: a place for two numbers.
        done(unsafe {
            libc::socketpair(args[0].0 as i32, args[1].0 as i32, args[2].0 as i32, ends.as_mut_ptr())
        })?;
        let numbers = ends.map(|end| cage.add_descriptor(owned(end.into()), 0) as i32);
        // SAFETY: the place was checked.
        unsafe { place.cast::<[i32; 2]>().write_unaligned(numbers) };
        Ok(0)
    }

    fn fcntl(&self, cage: &Cage, args: &Args) -> Result<i64, i32> {
        let (command, arg) = (args[1].0 as i32, args[2].0 as i32);
        let file = cage.fd(args[0])?;
        match command {
            libc::F_DUPFD | libc::F_DUPFD_CLOEXEC => {
                Ok(cage.add_descriptor(file.try_clone().map_err(|_| libc::EMFILE)?, arg))
            }
            libc::F_GETFD | libc::F_SETFD => Ok(0),
            // SAFETY: plain numbers.
            libc::F_GETFL | libc::F_SETFL => done(unsafe { libc::fcntl(file.as_raw_fd(), command, arg) }),
            _ => Err(libc::EINVAL),
        }
    }

    fn on_path(&self, number: u32, args: &Args) -> Result<i64, i32> {
        let (path, arg) = (self.path(args[0])?, args[1].0);
        // SAFETY: the string has its NUL.
        done(unsafe {
            match number {
                21 => libc::access(path.as_ptr(), arg as i32),
                83 => libc::mkdir(path.as_ptr(), arg as libc::mode_t),
                87 => libc::unlink(path.as_ptr()),
                _ => libc::chmod(path.as_ptr(), arg as libc::mode_t),
            }
        })
    }

    fn on_paths(&self, number: u32, args: &Args) -> Result<i64, i32> {
        let second = self.path(args[1])?;
        // The target of a symlink stays as it is.
        let first = if number == 88 { string(self, args[0])? } else { self.path(args[0])? };
        // SAFETY: the strings have their NUL.
        done(unsafe {
            match number {
                82 => libc::rename(first.as_ptr(), second.as_ptr()),
                86 => libc::link(first.as_ptr(), second.as_ptr()),
                _ => libc::symlink(first.as_ptr(), second.as_ptr()),
            }
        })
    }

    /// lsetxattr, fsetxattr, getxattr, listxattr: what staging needs.
    fn xattr(&self, cage: &Cage, number: u32, args: &Args) -> Result<i64, i32> {
        let len = |at: usize| args[at].0 as usize;
        let buffer = |at: usize, prot: i32| {
            pointer(self, args[at], args[at + 1].0, prot).map(|place| place.cast::<libc::c_void>())
        };
        // SAFETY: strings have their NUL, and buffers were checked.
        done(unsafe {
            match number {
                189 => {
                    let (path, name, value) = (self.path(args[0])?, string(self, args[1])?, buffer(2, READ)?);
                    libc::lsetxattr(path.as_ptr(), name.as_ptr(), value, len(3), args[4].0 as i32).into()
                }
                190 => {
                    let (file, name, value) = (cage.fd(args[0])?, string(self, args[1])?, buffer(2, READ)?);
                    let fd = file.as_raw_fd();
                    libc::fsetxattr(fd, name.as_ptr(), value, len(3), args[4].0 as i32).into()
                }
                191 => {
                    let (path, name, value) =
                        (self.path(args[0])?, string(self, args[1])?, buffer(2, WRITE)?);
                    libc::getxattr(path.as_ptr(), name.as_ptr(), value, len(3)) as i64
                }
                _ => {
                    let (path, list) = (self.path(args[0])?, buffer(1, WRITE)?);
                    libc::listxattr(path.as_ptr(), list.cast(), len(2)) as i64
                }
            }
        })
    }

    fn futex(&self, args: &Args) -> Result<i64, i32> {
        let place = pointer(self, args[0], 4, READ)?;
        let (operation, value) = (args[1].0, args[2].0);
        // SAFETY: the word was checked; waiting has no time limit, as no caller gives one.
        done(unsafe { libc::syscall(libc::SYS_futex, place, operation, value, 0_usize, 0_usize, 0) })
    }

    fn utimensat(&self, args: &Args) -> Result<i64, i32> {
        let path = self.path(args[1])?;
        let times = pointer(self, args[2], 32, READ)?;
        // SAFETY: the times were checked, and the string has its NUL.
        done(unsafe { libc::utimensat(libc::AT_FDCWD, path.as_ptr(), times.cast(), args[3].0 as i32) })
    }
}
