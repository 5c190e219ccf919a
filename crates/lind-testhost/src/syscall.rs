//! What a call by `make-syscall` becomes: one of 3i's own, one for a handler, or one that the runtime answers as the
//! target cage.

use std::ffi::{CStr, CString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::cage::{Cage, Handler, Runtime, lock};
use crate::fork::{Pending, postpone};
use crate::instance::{self, Begin};
use crate::memory::Checked;

const REGISTER_HANDLER: u32 = 1001;
const COPY_DATA: u32 = 1002;
const COPY_HANDLER_TABLE: u32 = 1003;

/// A host pointer of an argument, if all of what it points to is mapped in its cage.
pub(crate) fn pointer(runtime: &Runtime, arg: (u64, u64), len: u64, prot: i32) -> Result<*mut u8, i32> {
    let cage = runtime.cage(arg.1).ok_or(libc::EFAULT)?;
    match cage.memory().check(arg.0, len, prot) {
        Checked::Fine => Ok(arg.0 as *mut u8),
        _ => Err(libc::EFAULT),
    }
}

/// A string argument.
pub(crate) fn string(runtime: &Runtime, arg: (u64, u64)) -> Result<CString, i32> {
    for len in 1..=4096 {
        let last = pointer(runtime, (arg.0 + len - 1, arg.1), 1, libc::PROT_READ)?;
        // SAFETY: just checked.
        if unsafe { *last } == 0 {
            // SAFETY: all bytes up to the NUL were checked.
            return Ok(unsafe { CStr::from_ptr(arg.0 as *const libc::c_char) }.to_owned());
        }
    }
    Err(libc::ENAMETOOLONG)
}

/// The strings of an array of host pointers.
fn strings(runtime: &Runtime, arg: (u64, u64)) -> Result<Vec<CString>, i32> {
    let mut list = Vec::new();
    for n in 0.. {
        let place = pointer(runtime, (arg.0 + n * 8, arg.1), 8, libc::PROT_READ)?;
        // SAFETY: just checked.
        let at = unsafe { place.cast::<u64>().read_unaligned() };
        if at == 0 {
            break;
        }
        list.push(string(runtime, (at, arg.1))?);
    }
    Ok(list)
}

/// The i32 of the interface.
pub(crate) fn encode(result: Result<i64, i32>) -> i32 {
    match result {
        Ok(value) => value as i32,
        Err(errno) => -errno,
    }
}

impl Runtime {
    /// Says something on the standard error of a cage.
    pub(crate) fn say(&self, cage: &Cage, text: &str) {
        use std::os::fd::AsRawFd as _;
        if let Some(stderr) = lock(&cage.descriptors).get(&2) {
            // SAFETY: a live slice.
            unsafe { libc::write(stderr.as_raw_fd(), text.as_ptr().cast(), text.len()) };
        }
    }

    /// Where a path of a cage is on the host.
    pub(crate) fn host_path(&self, path: &[u8]) -> PathBuf {
        let relative = path.iter().position(|byte| *byte != b'/').map_or(&[][..], |at| &path[at..]);
        self.root.join(std::ffi::OsStr::from_bytes(relative))
    }

    /// A call that `cage` makes.
    pub(crate) fn syscall(
        self: &Arc<Self>,
        cage: &Arc<Cage>,
        number: u32,
        me: u64,
        target: u64,
        args: &[(u64, u64); 6],
    ) -> wasmtime::Result<i32> {
        match number {
            REGISTER_HANDLER => {
                let [(cage, number), (_, grate), (index, _), ..] = *args;
                self.register(cage, number as u32, Handler { grate, index });
                return Ok(0);
            }
            COPY_DATA => return self.copy_or_trap(args[0], args[1], args[2].0, args[3].0),
            COPY_HANDLER_TABLE => {
                let (Some(from), Some(to)) = (self.cage(args[0].0), self.cage(args[1].0)) else {
                    return Ok(-libc::ESRCH);
                };
                to.copy_handlers(&from);
                return Ok(0);
            }
            _ => {}
        }
        if me == cage.id
            && let Some(Handler { grate, index }) = cage.handler(number)
            && let Some(grate) = self.cage(grate)
        {
            self.note_called(number);
            return Ok(instance::dispatch(self, &grate, index, args));
        }
        Ok(match self.cage(target) {
            Some(target) => encode(self.answer(&target, number, args)),
            None => -libc::ESRCH,
        })
    }

    /// What the runtime does for a cage.
    fn answer(self: &Arc<Self>, cage: &Arc<Cage>, number: u32, args: &[(u64, u64); 6]) -> Result<i64, i32> {
        match number {
            56 => self.clone_cage(cage, args),
            59 => self.exec(cage, args),
            60 | 231 => {
                let code = args[0].0 as i32;
                postpone(
                    cage.id,
                    if number == 60 && instance::is_further_thread() {
                        Pending::ThreadExit
                    } else {
                        Pending::Exit(code)
                    },
                );
                if number == 231 || !instance::is_further_thread() {
                    // Threads end at their next call.
                    self.end(cage, (code & 0xff) << 8);
                }
                Ok(0)
            }
            61 => self.wait4(cage, args),
            9 => self.mmap(cage, args),
            10 => cage.memory().mprotect(args[0].0, args[1].0, args[2].0 as i32).map(|()| 0),
            11 => cage.memory().munmap(args[0].0, args[1].0).map(|()| 0),
            _ => self.forward(cage, number, args),
        }
    }

    fn clone_cage(self: &Arc<Self>, cage: &Arc<Cage>, args: &[(u64, u64); 6]) -> Result<i64, i32> {
        const CLONE_THREAD: u64 = 0x1_0000;
        const WORDS: usize = 11;
        const STACK: usize = 5;
        const STACK_SIZE: usize = 6;
        const TLS: usize = 7;
        let place = pointer(self, args[0], WORDS as u64 * 8, libc::PROT_READ)?;
        // SAFETY: just checked.
        let words = unsafe { place.cast::<[u64; WORDS]>().read_unaligned() };
        if words[0] & CLONE_THREAD != 0 {
            let stack = (words[STACK] + words[STACK_SIZE]) as i32;
            instance::start(self, cage, Begin::Thread { stack, word: words[TLS] as i32 });
            return Ok(1_000_000 + cage.next_thread.fetch_add(1, Ordering::Relaxed) as i64);
        }
        let id = self.new_id();
        let descriptors = lock(&cage.descriptors).clone();
        // Its memory is copied when the parent's stack is unwound.
        let child = Cage::new(id, cage.id, cage.program(), descriptors);
        self.add(&child);
        child.copy_handlers(cage);
        postpone(cage.id, Pending::Fork { child: id });
        Ok(id as i64)
    }

    fn exec(&self, cage: &Arc<Cage>, args: &[(u64, u64); 6]) -> Result<i64, i32> {
        let path = string(self, args[0])?;
        let module = self.module(&self.host_path(path.as_bytes()))?;
        let (argv, envp) = (strings(self, args[1])?, strings(self, args[2])?);
        let program = instance::load(self, module, argv, envp).map_err(|_| libc::ENOMEM)?;
        postpone(cage.id, Pending::Exec(Box::new(program)));
        Ok(0)
    }

    fn wait4(&self, cage: &Cage, args: &[(u64, u64); 6]) -> Result<i64, i32> {
        const WNOHANG: u64 = 1;
        let pid = args[0].0 as i32;
        // As on Lind, WNOHANG counts only for any child.
        let hang = args[2].0 & WNOHANG == 0 || pid != -1;
        loop {
            if let Some((id, status)) = self.reap(cage.id, pid)? {
                if args[1].0 != 0 {
                    let place = pointer(self, args[1], 4, libc::PROT_WRITE)?;
                    // SAFETY: just checked.
                    unsafe { place.cast::<i32>().write_unaligned(status) };
                }
                return Ok(id as i64);
            }
            if !hang {
                return Ok(0);
            }
            self.wait_for_an_end();
        }
    }

    fn mmap(&self, cage: &Cage, args: &[(u64, u64); 6]) -> Result<i64, i32> {
        let [at, len, prot, flags, fd, offset] = args.map(|arg| arg.0);
        let file = if flags as i32 & libc::MAP_ANONYMOUS != 0 {
            None
        } else {
            let file = lock(&cage.descriptors).get(&(fd as i32)).cloned().ok_or(libc::EBADF)?;
            Some((file.try_clone().map_err(|_| libc::EMFILE)?, offset))
        };
        cage.memory().mmap(at, len, prot as i32, flags as i32, file).map(|at| at as i64)
    }
}
