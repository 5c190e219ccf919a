//! The kernel's side: real system calls of forked processes, chrooted into a tmpfs in a mount namespace of their own.
//!
//! [`Kernel`] belongs to the thread that made it, because that thread lives in the private mount namespace. Each case
//! gets a fresh tmpfs and fresh processes; they hear of their steps through shared memory ([`mailbox`]), for a
//! descriptor would take a number from the case.

mod mailbox;
mod raw;
mod tree;
mod worker;

use crate::call::Call;
use crate::case::{Act, Limits, Record, Side, Step};
use crate::outcome::Outcome;
use crate::touch;
use mailbox::{Order, PROCESSES, Shared};
use std::ffi::CString;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A thread's private mount namespace and the directory in it on which each case finds its tmpfs.
pub struct Kernel {
    dir: CString,
    shared: &'static Shared,
    _thread_bound: std::marker::PhantomData<*const ()>,
}

/// How long a step may take before the case is given up: far more than any step needs on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(20);

impl Kernel {
    /// Takes this thread into a mount namespace of its own.
    ///
    /// # Panics
    /// When the process may not do that.
    pub fn new() -> Self {
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("imfs-oracle-{}-{n}", std::process::id()));
        std::fs::create_dir(&path).expect("a directory to mount on");
        let dir = CString::new(path.into_os_string().into_encoded_bytes()).expect("no NUL in a path");
        // SAFETY: plain system calls; the strings outlive them.
        unsafe {
            assert_eq!(libc::unshare(libc::CLONE_NEWNS), 0, "unshare: {}", std::io::Error::last_os_error());
            let private = libc::MS_REC | libc::MS_PRIVATE;
            let r = libc::mount(c"none".as_ptr(), c"/".as_ptr(), std::ptr::null(), private, std::ptr::null());
            assert_eq!(r, 0, "make mounts private: {}", std::io::Error::last_os_error());
        }
        Kernel { dir, shared: Shared::map(), _thread_bound: std::marker::PhantomData }
    }

    fn mount(&self, limits: Limits) {
        let options = format!("size={},nr_inodes={},mode=0755", limits.size, limits.inodes);
        let options = CString::new(options).expect("no NUL");
        let flags = if limits.noatime { libc::MS_NOATIME } else { 0 };
        // SAFETY: all strings outlive the call.
        let r = unsafe {
            libc::mount(
                c"oracle".as_ptr(),
                self.dir.as_ptr(),
                c"tmpfs".as_ptr(),
                flags,
                options.as_ptr().cast(),
            )
        };
        assert_eq!(r, 0, "mount a tmpfs: {}", std::io::Error::last_os_error());
    }

    fn unmount(&self) {
        // SAFETY: a plain system call on a string that outlives it.
        unsafe { libc::umount2(self.dir.as_ptr(), libc::MNT_DETACH) };
    }
}

impl Default for Kernel {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        self.unmount();
        let _ = std::fs::remove_dir(self.dir.to_str().expect("made of a str"));
        self.shared.unmap();
    }
}

impl Side for Kernel {
    fn name(&self) -> &'static str {
        "kernel"
    }

    fn run(&mut self, limits: Limits, steps: &[Step]) -> Record {
        self.shared.reset();
        self.mount(limits);
        let mut processes = Processes { shared: self.shared, pids: [0; PROCESSES] };
        processes.pids[0] = worker::spawn(self.shared, &self.dir, steps);
        let outcomes = processes.run(steps);
        let mut state = processes.descriptors();
        state.extend(tree::walk(&self.dir, &self.shared.ticks()));
        processes.end();
        self.unmount();
        Record { outcomes, state }
    }
}

/// The processes of one case.
struct Processes {
    shared: &'static Shared,
    pids: [i32; PROCESSES],
}

impl Processes {
    fn run(&mut self, steps: &[Step]) -> Vec<Outcome> {
        let mut out = Vec::new();
        let mut i = 0;
        while i < steps.len() {
            let step = &steps[i];
            let alive = step.proc < PROCESSES && self.pid(step.proc) != 0;
            let mut upto = i + 1;
            match &step.act {
                _ if !alive => out.push(Outcome::broken("(no such process)")),
                Act::Finish if !self.shared.pending(step.proc) => {
                    out.push(Outcome::broken("(nothing was started)"));
                }
                Act::Finish => out.extend(self.wait(step.proc, true)),
                _ if self.shared.pending(step.proc) => {
                    out.push(Outcome::broken("(still in a call)"));
                }
                Act::Start(_) => {
                    self.shared.order(step.proc, Order::Run, i..upto);
                    let blocked = self.wait_blocked(step.proc);
                    out.push(Outcome::noted(0, if blocked { "blocks" } else { "does not block" }.into()));
                }
                Act::Call(Call::MapWriteWithin { slot, off, data }) => {
                    out.push(self.store_within(step.proc, *slot, *off, &data.bytes()));
                }
                Act::Call(_) => {
                    let waiting: Vec<_> = (0..PROCESSES).filter(|p| self.shared.pending(*p)).collect();
                    while waiting.is_empty()
                        && upto < steps.len()
                        && steps[upto].proc == step.proc
                        && matches!(&steps[upto].act, Act::Call(c) if !matches!(c, Call::MapWriteWithin { .. }))
                    {
                        upto += 1;
                    }
                    self.shared.order(step.proc, Order::Run, i..upto);
                    out.extend(self.wait(step.proc, true));
                    while out.len() < upto {
                        out.push(Outcome::broken("(no such process)"));
                    }
                    // Who was woken goes on before the next step.
                    waiting.into_iter().for_each(|p| _ = self.wait_blocked(p));
                }
            }
            i = upto;
        }
        out
    }

    fn pid(&mut self, proc: usize) -> i32 {
        let pid = self.shared.pid(proc);
        if pid == 0 && self.pids[proc] != 0 {
            reap(std::mem::take(&mut self.pids[proc]));
        }
        self.pids[proc] = pid;
        pid
    }

    /// Waits until the process has done what it was ordered to. A call that blocks is interrupted, unless it was started
    /// to block.
    fn wait(&mut self, proc: usize, interrupt: bool) -> Vec<Outcome> {
        let began = Instant::now();
        while !self.shared.wait_done(proc, Duration::from_millis(2)) {
            if interrupt && self.is_blocked(proc) {
                // SAFETY: the process is our child and not reaped.
                unsafe { libc::kill(self.pids[proc], libc::SIGUSR1) };
            }
            let lost = began.elapsed() > PATIENCE || self.died(proc);
            if lost && !self.shared.is_done(proc) {
                return vec![Outcome::broken("(the process hangs or died)")];
            }
        }
        let outcomes = self.shared.take(proc);
        // An exit is complete, with all that it closes and unlocks, when the process can be reaped.
        self.pid(proc);
        outcomes
    }

    /// A store to a process's mapping, of which what lies past the end of the file is left out.
    fn store_within(&self, proc: usize, slot: usize, off: usize, data: &[u8]) -> Outcome {
        let Some(at) = self.shared.maps(proc).own(slot, off, data.len()) else { return Outcome::FAULT };
        let pid = self.pids[proc];
        let room = room_in_file(pid, at.addr()).unwrap_or(data.len());
        // SAFETY: a mapping that the process has; it uses it only through calls of its own.
        unsafe { touch::store(pid, at, &data[..data.len().min(room)]) }
    }

    fn wait_blocked(&self, proc: usize) -> bool {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if self.shared.wait_done(proc, Duration::from_millis(1)) {
                return false;
            }
            if self.is_blocked(proc) {
                return true;
            }
        }
        false
    }

    /// Whether the process sleeps, twice in a row, in the same system call.
    fn is_blocked(&self, proc: usize) -> bool {
        let look = || {
            let pid = self.pids[proc];
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            let sleeps = stat.rsplit(')').next().is_some_and(|s| s.trim_start().starts_with('S'));
            let call = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
            let number = call.split(' ').next().and_then(|n| n.parse::<i64>().ok())?;
            (sleeps && number >= 0 && number != libc::SYS_futex && number != libc::SYS_clock_nanosleep)
                .then_some(number)
        };
        let first = look();
        if first.is_none() || self.shared.is_done(proc) {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
        first == look() && !self.shared.is_done(proc)
    }

    fn died(&self, proc: usize) -> bool {
        // SAFETY: waits for nothing; the structure is written by the kernel before it is read.
        unsafe {
            let mut info: libc::siginfo_t = std::mem::zeroed();
            let flags = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
            libc::waitid(libc::P_PID, self.pids[proc] as u32, &mut info, flags) == 0 && info.si_pid() != 0
        }
    }

    fn descriptors(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for proc in 0..PROCESSES {
            if self.pid(proc) == 0 {
                continue;
            }
            if self.shared.pending(proc) {
                lines.push(format!("p{proc} is still in a call"));
                continue;
            }
            self.shared.order(proc, Order::Descriptors, 0..0);
            lines.extend(self.wait(proc, false).into_iter().map(|o| format!("p{proc} {}", o.note)));
        }
        lines
    }

    fn end(&mut self) {
        for proc in 0..PROCESSES {
            if self.pid(proc) != 0 {
                // SAFETY: our own child, not reaped yet.
                unsafe { libc::kill(self.pids[proc], libc::SIGKILL) };
                reap(self.pids[proc]);
                self.pids[proc] = 0;
            }
        }
    }
}

/// How many bytes of the mapped file there are from an address on, if the address lies in a page of it.
fn room_in_file(pid: i32, at: usize) -> Option<usize> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("the maps of a child");
    let hex = |digits| usize::from_str_radix(digits, 16).ok();
    let (start, end, offset) = maps.lines().find_map(|line| {
        let mut fields = line.split(' ');
        let (start, end) = fields.next()?.split_once('-')?;
        let (start, end, offset) = (hex(start)?, hex(end)?, hex(fields.nth(1)?)?);
        (start..end).contains(&at).then_some((start, end, offset))
    })?;
    let file = std::fs::metadata(format!("/proc/{pid}/map_files/{start:x}-{end:x}")).ok()?;
    let (size, at) = (file.len() as usize, offset + (at - start));
    (at < size.next_multiple_of(4096)).then(|| size.saturating_sub(at))
}

fn reap(pid: i32) {
    // SAFETY: a plain wait for our own child.
    while unsafe { libc::waitpid(pid, std::ptr::null_mut(), libc::__WALL) } == -1
        && std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR)
    {}
}
