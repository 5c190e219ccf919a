//! The client's side: the program that scripts call, under its names, and what comes before each call.
//!
//! Knows where the server is, which commands are for it, and the shadow directories; knows no call and no applet.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::applets;
use crate::protocol::{Answer, CHANGE_DIRECTORY, IMPORT, PJDFSTEST, Request};

/// The variable with the server's socket.
pub(crate) const SOCKET: &str = "IMFS_CLASSIC_SOCKET";
/// The variable with the directory below which paths are those of the IMFS.
pub(crate) const ROOT: &str = "IMFS_CLASSIC_ROOT";
/// The variable with the name of the script.
pub(crate) const SCRIPT: &str = "IMFS_CLASSIC_SCRIPT";
/// The variable with the directory of our commands.
pub(crate) const COMMANDS: &str = "IMFS_CLASSIC_COMMANDS";

/// What the runner told by the environment, and where we are.
struct Client {
    socket: PathBuf,
    root: PathBuf,
    script: Vec<u8>,
    directory: PathBuf,
}

impl Client {
    fn new() -> io::Result<Self> {
        let variable = |name: &str| {
            let missing =
                || io::Error::other(format!("{name} is not set: scripts are started by the runner"));
            std::env::var_os(name).ok_or_else(missing)
        };
        Ok(Self {
            socket: variable(SOCKET)?.into(),
            root: variable(ROOT)?.into(),
            script: variable(SCRIPT)?.into_vec(),
            directory: std::env::current_dir()?,
        })
    }

    fn is_inside(&self) -> bool {
        self.directory.starts_with(&self.root)
    }

    fn ask(&self, what: &[u8], arguments: Vec<Vec<u8>>, input: Vec<u8>) -> io::Result<Answer> {
        let directory = self.directory.as_os_str().as_bytes().to_vec();
        let request =
            Request { what: what.to_vec(), script: self.script.clone(), directory, input, arguments };
        let mut stream = UnixStream::connect(&self.socket)?;
        request.send(&mut stream)?;
        Answer::receive(&mut stream)
    }

    /// Moves what a redirection, or a command of the host, has made in the shadow directory into the IMFS.
    fn import(&self) -> io::Result<()> {
        if !self.is_inside() {
            return Ok(());
        }
        for entry in std::fs::read_dir(&self.directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            let (path, name) = (entry.path(), entry.file_name().into_vec());
            let (arguments, input) = if kind.is_symlink() {
                (vec![name, b"symlink".to_vec()], std::fs::read_link(&path)?.into_os_string().into_vec())
            } else if kind.is_file() {
                let mode = format!("{:o}", entry.metadata()?.permissions().mode() & 0o777);
                (vec![name, mode.into_bytes()], std::fs::read(&path)?)
            } else {
                continue;
            };
            // First gone, so that another command of the same pipeline does not take it too.
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                removed => removed?,
            }
            self.ask(IMPORT, arguments, input)?;
        }
        Ok(())
    }
}

fn bytes(arguments: &[OsString]) -> Vec<Vec<u8>> {
    arguments.iter().map(|argument| argument.as_bytes().to_vec()).collect()
}

/// Shows an answer as that of this process.
fn show(answer: io::Result<Answer>) -> ExitCode {
    let answer = answer.unwrap_or_else(|error| Answer {
        status: 125,
        output: Vec::new(),
        errors: format!("imfs: {error}\n").into_bytes(),
    });
    // A reader that went away is no failure of the call.
    let _ = io::stdout().write_all(&answer.output);
    let _ = io::stderr().write_all(&answer.errors);
    ExitCode::from(answer.status)
}

/// As `pjdfstest`.
pub(crate) fn pjdfstest(arguments: &[OsString]) -> ExitCode {
    show(Client::new().and_then(|client| {
        client.import()?;
        client.ask(PJDFSTEST, bytes(arguments), Vec::new())
    }))
}

/// As `imfs-cd`: prints where a `cd` leads to in the IMFS, and makes the shadow there. 2: not in the IMFS.
pub(crate) fn change_directory(arguments: &[OsString]) -> ExitCode {
    /// The shell's own business.
    const NOT_OURS: u8 = 2;
    let [to] = arguments else { return ExitCode::from(NOT_OURS) };
    let answer = Client::new().and_then(|client| {
        let path = without_dots(&client.directory.join(to));
        if to.as_bytes() == b"-" || !path.starts_with(&client.root) {
            return Ok(Answer { status: NOT_OURS, ..Answer::default() });
        }
        client.import()?;
        let answer = client.ask(CHANGE_DIRECTORY, bytes(arguments), Vec::new())?;
        if answer.status == 0 {
            std::fs::create_dir_all(OsStr::from_bytes(answer.output.trim_ascii_end()))?;
        }
        Ok(answer)
    });
    show(answer)
}

/// The path as a shell reads it: `..` takes away what stands before it.
fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::ParentDir => drop(clean.pop()),
            std::path::Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}

/// As one of the host's commands.
pub(crate) fn applet(name: &OsStr, arguments: &[OsString]) -> ExitCode {
    let client = match Client::new() {
        Ok(client) => client,
        Err(error) => return show(Err(error)),
    };
    let is_ours = |path: &[u8]| match path {
        [b'/', ..] => Path::new(OsStr::from_bytes(path)).starts_with(&client.root),
        _ => client.is_inside(),
    };
    let words = bytes(arguments);
    if !applets::is_for_imfs(name.as_bytes(), &words, client.is_inside(), is_ours) {
        return on_host(name, arguments);
    }
    let answer = || {
        client.import()?;
        let input = match name.as_bytes() {
            b"dd" => dd_input(&words, is_ours)?,
            _ => Vec::new(),
        };
        client.ask(name.as_bytes(), words.clone(), input)
    };
    show(answer())
}

/// Becomes the host's command of that name.
fn on_host(name: &OsStr, arguments: &[OsString]) -> ExitCode {
    let ours = std::env::var_os(COMMANDS).unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let command = std::env::split_paths(&path)
        .filter(|directory| directory.as_os_str() != ours)
        .map(|directory| directory.join(name))
        .find(|command| command.is_file());
    let error = match command {
        Some(command) => Command::new(command).args(arguments).exec(),
        None => io::ErrorKind::NotFound.into(),
    };
    eprintln!("{}: {error}", name.display());
    ExitCode::from(127)
}

/// What a `dd` into the IMFS reads of the host: `count` blocks of `bs` bytes.
fn dd_input(words: &[Vec<u8>], is_ours: impl Fn(&[u8]) -> bool) -> io::Result<Vec<u8>> {
    let dd = applets::Dd::parse(words).map_err(io::Error::other)?;
    let mut input = Vec::new();
    match dd.from {
        Some(path) if is_ours(path) => {}
        Some(path) => {
            let mut file = std::fs::File::open(OsStr::from_bytes(path))?;
            if dd.skip > 0 {
                file.seek(io::SeekFrom::Start(dd.skip.saturating_mul(dd.block)))?;
            }
            let mut piece = vec![0; dd.block as usize];
            for _ in 0..dd.count.unwrap_or(u64::MAX) {
                match file.read(&mut piece)? {
                    0 => break,
                    read => input.extend_from_slice(&piece[..read]),
                }
            }
        }
        None => {
            let most = dd.count.map_or(u64::MAX, |count| count.saturating_mul(dd.block));
            io::stdin().take(most).read_to_end(&mut input)?;
        }
    }
    Ok(input)
}
