//! The life of the grate: it forks; the child waits while the parent stages files, then registers the handlers for
//! itself and executes the program; the parent waits for its end, copies results out, and exits with its status.
//!
//! Fork, exec and exit unwind the stack of the module, so they are made from `_start` alone; what is done between
//! them stands here.

use core::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use imfs::Imfs;
use imfs::abi::{Dev, Errno, Mode, Result};
use imfs::inode::Credentials;
use imfs_staging::{Caged, Observer, Transfer, dump_list, preload_list};

use crate::clock::{self, CachedClock, LindEntropy};
use crate::host::{self, Host};
use crate::lind::{self, call, host as host_address, number};
use crate::options::Options;
use crate::process::{self, System};
use crate::{call as calling, calls};

/// Exit statuses, as shells and env(1) have them.
pub(crate) const FAILED: u32 = 125;
const NOT_EXECUTABLE: u32 = 126;
const NOT_FOUND: u32 = 127;

/// Says something on the standard error.
pub(crate) fn say(text: &str) {
    lind::complain(format!("imfs-grate: {text}\n").as_bytes());
}

/// What the child waits for: a word in a page that it shares with the parent.
pub(crate) struct Gate(u32);

const CLOSED: u32 = 0;
const OPEN: u32 = 1;
const ABANDONED: u32 = 2;

impl Gate {
    /// A closed gate.
    pub(crate) fn new() -> Option<Self> {
        const PAGE: usize = 4096;
        lind::mmap_shared(PAGE).map(Self)
    }

    fn word(&self) -> &AtomicU32 {
        // SAFETY: the page is mapped as long as the module lives, aligned, and only ever used as an atomic word.
        unsafe { &*core::ptr::with_exposed_provenance(self.0 as usize) }
    }

    fn set(&self, state: u32) {
        const FUTEX_WAKE: u64 = 1;
        self.word().store(state, Ordering::SeqCst);
        let _ = call(number::FUTEX, [host_address(self.word()), FUTEX_WAKE, 1, 0, 0, 0]);
    }

    /// Waits until the parent has decided: whether to go on.
    fn wait(&self) -> bool {
        const FUTEX_WAIT: u64 = 0;
        loop {
            match self.word().load(Ordering::SeqCst) {
                OPEN => return true,
                CLOSED => {
                    let args = [host_address(self.word()), FUTEX_WAIT, CLOSED.into(), 0, 0, 0];
                    let _ = call(number::FUTEX, args);
                }
                _ => return false,
            }
        }
    }
}

/// The stacks of the workers lie behind the initial memory, where a fork would copy them: memory that is not
/// accessible is not copied.
pub(crate) fn hide_stacks(hidden: bool) {
    const FROM: u64 = crate::INITIAL_MEMORY;
    const LEN: u64 = 32 * ((8 << 20) + 4096);
    const READ_WRITE: u64 = 3;
    let at = lind::host(core::ptr::with_exposed_provenance::<u8>(FROM as usize));
    let protection = if hidden { 0 } else { READ_WRITE };
    // If it can't be, the fork takes longer.
    let _ = call(number::MPROTECT, [at, LEN, protection, 0, 0, 0]);
}

/// The value of an environment variable.
fn variable(name: &[u8]) -> Vec<u8> {
    let is_it = |entry: &Vec<u8>| entry.starts_with(name) && entry.get(name.len()) == Some(&b'=');
    let entry = lind::environ().into_iter().find(is_it);
    entry.map(|entry| entry[name.len() + 1..].to_vec()).unwrap_or_default()
}

fn user() -> Credentials {
    let id = |number| call(number, [0; 6]).unwrap_or(0);
    let (uid, gid) = (id(number::GETEUID), id(number::GETEGID));
    if uid == 0 { Credentials::root() } else { Credentials::new(uid, gid) }
}

/// Makes the file system, with what programs expect to be there.
fn make_system(options: &Options) -> Result<()> {
    let credentials = user();
    let mut builder = Imfs::builder()
        .mode(Mode::from_raw(0o755))
        .uid(credentials.uid)
        .gid(credentials.gid)
        .clock(CachedClock)
        .entropy(LindEntropy)
        .size(options.size);
    if let Some(inodes) = options.inodes {
        builder = builder.inodes(inodes);
    }
    let imfs = builder.build()?;
    let maker = imfs.create_cage(process::new_number(), Credentials::root())?;
    maker.umask(Mode::empty());
    maker.mkdir("/tmp", Mode::from_raw(0o1777))?;
    maker.mkdir("/dev", Mode::from_raw(0o755))?;
    const CHARACTER_DEVICE: u32 = 0o020_666;
    for (path, minor) in
        [("/dev/null", 3), ("/dev/zero", 5), ("/dev/full", 7), ("/dev/random", 8), ("/dev/urandom", 9)]
    {
        maker.mknod(path, CHARACTER_DEVICE, Dev::new(1, minor))?;
    }
    imfs.exit(maker.id())?;
    process::start(System { imfs, credentials });
    Ok(())
}

/// Says what staging has to say.
struct Speaker;

impl Observer for Speaker {
    fn warn(&mut self, warning: &str) {
        say(warning);
    }
}

/// Runs `transfer` with a cage of the grate's own that may do everything, and the host.
fn staging(transfer: impl FnOnce(&Caged<'_>, &Host)) -> Result<()> {
    let system = process::system()?;
    let owner = (system.credentials.uid, system.credentials.gid);
    let cage = system.imfs.create_cage(process::new_number(), Credentials::root())?;
    transfer(&Caged::new(&cage, owner), &Host { owner });
    system.imfs.exit(cage.id())
}

/// Copies in what PRELOADS names. Whether all of it was.
fn preload() -> Result<bool> {
    let mut complete = true;
    staging(|imfs, host| {
        let mut speaker = Speaker;
        let mut transfer = Transfer::new(host, imfs, &mut speaker);
        for spec in preload_list(&variable(b"PRELOADS")) {
            if let Err(error) = transfer.copy(&spec.host_path, &spec.imfs_path) {
                say(&format!("PRELOADS: {error}"));
                complete = false;
            }
        }
    })?;
    Ok(complete)
}

/// Copies out what DUMPS names. Whether all of it was.
fn dump() -> Result<bool> {
    let mut complete = true;
    staging(|imfs, host| {
        let mut speaker = Speaker;
        let mut transfer = Transfer::new(imfs, host, &mut speaker);
        for spec in dump_list(&variable(b"DUMPS")) {
            if let Err(error) = transfer.copy(&spec.imfs_path, &spec.host_path) {
                say(&format!("DUMPS: {error}"));
                complete = false;
            }
        }
    })?;
    Ok(complete)
}

/// Makes everything ready for the program, and lets the child go.
///
/// # Errors
/// A failure that was named already.
pub(crate) fn prepare(options: &Options, gate: &Gate, child: u32) -> core::result::Result<(), ()> {
    let ready = make_system(options)
        .and_then(|()| preload())
        .and_then(|complete| process::adopt(child.into()).map(|child| (child.set_new(true), complete).1));
    calling::set_log(options.log);
    clock::set_ticking(true);
    match ready {
        Ok(true) => {
            gate.set(OPEN);
            Ok(())
        }
        failed => {
            if let Err(errno) = failed {
                say(&format!("cannot make the file system: {errno}"));
            }
            gate.set(ABANDONED);
            Err(())
        }
    }
}

/// In the child, once the gate is open: registers the handlers for itself. What it then executes: host addresses of
/// path, argv and envp. `None`: it is to exit.
pub(crate) fn become_program(options: &Options, gate: &Gate, grate: u64) -> Option<[u64; 3]> {
    if !gate.wait() {
        return None;
    }
    for row in calls::table() {
        if let Err(errno) = lind::register_handler(lind::me(), row.number, grate, row.handler as usize as u32)
        {
            say(&format!("cannot register the handler of {}: {errno}", row.name));
            return None;
        }
    }
    // They have to last until the runtime has copied them, when this memory is gone.
    let argv = addresses(&options.program);
    let envp = addresses(&lind::environ());
    let path = *argv.first()?;
    Some([path, host_address(argv.as_ptr()), host_address(envp.as_ptr())])
}

/// An array of host addresses of strings, as exec takes it.
fn addresses(strings: &[Vec<u8>]) -> &'static [u64] {
    let address = |string: &Vec<u8>| host_address(host::terminated(string).leak().as_ptr());
    let mut list: Vec<u64> = strings.iter().map(address).collect();
    list.push(0);
    list.leak()
}

/// In the child, when exec came back: what to exit with.
pub(crate) fn not_executed(options: &Options, result: i32) -> u32 {
    let errno = lind::result(result).err().unwrap_or(Errno::EIO);
    let name = options.program.first().map(|name| String::from_utf8_lossy(name)).unwrap_or_default();
    say(&format!("cannot execute {name}: {errno}"));
    if matches!(errno, Errno::ENOENT | Errno::ENOTDIR) { NOT_FOUND } else { NOT_EXECUTABLE }
}

/// Waits for the end of the child. Its status as wait(2) tells it.
///
/// The wait of the runtime would keep a processor busy, so this asks from time to time, and looks at the clock.
pub(crate) fn wait_for(child: u32) -> Option<u32> {
    const ANY_CHILD: u64 = u64::MAX;
    const WNOHANG: u64 = 1;
    const LONGEST: Duration = Duration::from_millis(2);
    let mut pause = Duration::from_micros(50);
    let mut status = 0_u32;
    loop {
        clock::tick();
        match call(number::WAIT4, [ANY_CHILD, host_address(&raw mut status), WNOHANG, 0, 0, 0]) {
            Ok(id) if id == child => return Some(status),
            Ok(_) | Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(errno) => {
                say(&format!("lost the program: {errno}"));
                return None;
            }
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST);
    }
}

/// After the program: copies results out. What the grate exits with.
pub(crate) fn conclude(options: &Options, status: Option<u32>) -> u32 {
    clock::set_ticking(false);
    // Programs that it left in the background lose the file system.
    for process in process::all() {
        process::remove(process.id);
    }
    let dumped = dump();
    if let Err(errno) = &dumped {
        say(&format!("cannot copy results out: {errno}"));
    }
    let name = options.program.first().map(|name| String::from_utf8_lossy(name)).unwrap_or_default();
    let code = match status {
        None => FAILED,
        Some(status) if status & 0x7f != 0 => {
            say(&format!("{name} was killed by signal {}", status & 0x7f));
            128 + (status & 0x7f)
        }
        Some(status) => status >> 8 & 0xff,
    };
    if code == 0 && !matches!(dumped, Ok(true)) { FAILED } else { code }
}

/// After a failed preparation: lets the child end.
pub(crate) fn give_up(child: u32) -> u32 {
    let _ = wait_for(child);
    FAILED
}
