//! The server: one IMFS, which lives as long as the runner, and a thread for each connection.
//!
//! Each request gets a cage of its own, at the directory where the client is.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use imfs::abi::{Errno, Mode};
use imfs::inode::Credentials;
use imfs::{Cage, Imfs};

use crate::clock::{ScriptClock, Times};
use crate::protocol::{Answer, CHANGE_DIRECTORY, IMPORT, PJDFSTEST, Request};
use crate::session::{Failure, Session};
use crate::{applets, calls};

/// The file system, and whose time is when.
pub(crate) struct Server {
    fs: Arc<Imfs>,
    times: Times,
    next_cage: AtomicU64,
}

impl Server {
    /// Starts to serve at `socket`, with a directory of root's for scripts at `root`.
    pub(crate) fn start(socket: &Path, root: &[u8]) -> io::Result<Arc<Self>> {
        let fs = Imfs::builder().mode(Mode::from_raw(0o755)).clock(ScriptClock).build();
        let fs = fs.map_err(|errno| io::Error::from_raw_os_error(errno.raw()))?;
        let server = Arc::new(Self { fs, times: Times::default(), next_cage: AtomicU64::new(1) });
        server.make_directory(root)?;
        let listener = UnixListener::bind(socket)?;
        let serving = Arc::clone(&server);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = Arc::clone(&serving);
                std::thread::spawn(move || {
                    // A client that went away has no use for an answer.
                    let _ = server.serve(stream);
                });
            }
        });
        Ok(server)
    }

    /// Makes a directory, and those above it.
    pub(crate) fn make_directory(&self, path: &[u8]) -> io::Result<()> {
        let arguments = [b"-p".to_vec(), path.to_vec()];
        let done = self.with_cage(|session| applets::run(session, b"mkdir", &arguments, b""));
        match done {
            Ok(answer) if answer.status == 0 => Ok(()),
            Ok(answer) => Err(io::Error::other(String::from_utf8_lossy(&answer.errors).into_owned())),
            Err(errno) => Err(io::Error::from_raw_os_error(errno.raw())),
        }
    }

    fn with_cage(&self, act: impl FnOnce(&mut Session)) -> Result<Answer, Errno> {
        let id = self.next_cage.fetch_add(1, Ordering::Relaxed);
        let mut session = Session::new(self.fs.create_cage(id, Credentials::root())?);
        act(&mut session);
        self.fs.exit(id)?;
        Ok(session.answer)
    }

    fn serve(&self, mut stream: UnixStream) -> io::Result<()> {
        let request = Request::receive(&mut stream)?;
        self.times.enter(&request.script);
        let answer = self.with_cage(|session| self.answer(session, &request)).unwrap_or_else(|errno| {
            Answer { status: 1, output: Vec::new(), errors: format!("imfs: {errno}\n").into_bytes() }
        });
        answer.send(&mut stream)
    }

    fn answer(&self, session: &mut Session, request: &Request) {
        if let Err(errno) = enter(&session.cage, &request.directory) {
            session.complain(format!("imfs: {}: {errno}", String::from_utf8_lossy(&request.directory)));
            session.answer.status = 1;
            return;
        }
        let arguments = &request.arguments[..];
        match &request.what[..] {
            PJDFSTEST => calls::run(session, arguments),
            CHANGE_DIRECTORY => change_directory(session, arguments),
            IMPORT => import(session, arguments, &request.input),
            b"sleep" => self.sleep(session, request),
            applet => applets::run(session, applet, arguments, &request.input),
        }
    }

    fn sleep(&self, session: &mut Session, request: &Request) {
        for text in &request.arguments {
            let seconds = std::str::from_utf8(text)
                .ok()
                .and_then(|text| text.trim_end_matches('s').parse::<f64>().ok());
            match seconds {
                Some(seconds) if seconds >= 0.0 => self.times.sleep(&request.script, (seconds * 1e9) as u64),
                _ => {
                    session.complain("sleep: invalid time interval");
                    session.answer.status = 1;
                }
            }
        }
    }
}

/// Brings the cage to the client's directory. One that was removed is there, and empty, as it is for a process.
fn enter(cage: &Cage, directory: &[u8]) -> Result<(), Errno> {
    match cage.chdir(directory) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => {
            const PLACE: &str = "/.removed";
            // Others may be doing the same.
            match cage.mkdir(PLACE, Mode::RWXU) {
                Ok(()) | Err(Errno::EEXIST) => {}
                Err(errno) => return Err(errno),
            }
            match cage.chdir(PLACE) {
                Err(Errno::ENOENT) => enter(cage, directory),
                changed => {
                    changed?;
                    let _ = cage.rmdir(PLACE);
                    Ok(())
                }
            }
        }
        changed => changed,
    }
}

fn change_directory(session: &mut Session, arguments: &[Vec<u8>]) {
    let path = arguments.first().map_or(&b""[..], |path| path);
    match session.cage.chdir(path).and_then(|()| session.cage.getcwd()) {
        Ok(path) => session.say(path),
        Err(errno) => {
            session.complain(format!("cd: {}: {errno}", String::from_utf8_lossy(path)));
            session.answer.status = 1;
        }
    }
}

/// Makes a file or a symbolic link, as the shell would have: [`IMPORT`].
fn import(session: &mut Session, arguments: &[Vec<u8>], input: &[u8]) {
    let [name, what] = arguments else { return };
    session.cage.umask(Mode::empty());
    let made = if what == b"symlink" {
        session.cage.symlink(input, name).map_err(Failure::from)
    } else {
        let mode = std::str::from_utf8(what).ok().and_then(|mode| u32::from_str_radix(mode, 8).ok());
        applets::write(session, name, input, 0, false, Mode::from_raw(mode.unwrap_or(0o644)))
    };
    if let Err(failure) = made {
        session.complain(format!("{}: {failure:?}", String::from_utf8_lossy(name)));
        session.answer.status = 1;
    }
}
