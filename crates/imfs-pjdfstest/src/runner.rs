//! Finds the scripts, gives them what they need to find, runs them, and prints the table.

use std::ffi::OsString;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use crate::report::{Outcome, total};
use crate::server::Server;
use crate::{applets, client};

const USAGE: &str = "usage: imfs-pjdfstest [--jobs N] DIRECTORY [FILTER]

Runs the scripts of a classic pjdfstest, in DIRECTORY or its subdirectory tests, whose paths contain FILTER, against one IMFS.
Needs neither a mount nor root.";

/// The shell file that is read before each script.
const LAYER: &str = include_str!("layer.sh");
/// How long a script may take.
const SECONDS: &str = "600";

/// The runner's command line.
struct Options {
    jobs: usize,
    directory: PathBuf,
    filter: String,
}

impl Options {
    fn parse(arguments: &[OsString]) -> Option<Self> {
        let mut jobs = std::thread::available_parallelism().map_or(2, usize::from);
        let mut operands = Vec::new();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            match argument.as_bytes() {
                b"--jobs" => jobs = arguments.next()?.to_str()?.parse().ok().filter(|jobs| *jobs > 0)?,
                b"" => {}
                [b'-', ..] => return None,
                _ => operands.push(argument),
            }
        }
        let (directory, filter) = match operands[..] {
            [directory] => (directory, String::new()),
            [directory, filter] => (directory, filter.to_str()?.to_owned()),
            _ => return None,
        };
        Some(Self { jobs, directory: directory.into(), filter })
    }
}

/// The runner. 0: all passed; 1: something failed; 2: there was nothing to run.
pub(crate) fn main(arguments: &[OsString]) -> ExitCode {
    let Some(options) = Options::parse(arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("imfs-pjdfstest: {error}");
            ExitCode::from(2)
        }
    }
}

/// A directory of our own that goes with us.
struct Place(PathBuf);

impl Place {
    fn new() -> io::Result<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("imfs-pjdfstest-{}-{number}", std::process::id()));
            match std::fs::create_dir(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                made => {
                    made?;
                    // Without symbolic links, so that the shell sees the same path.
                    return path.canonicalize().map(Self);
                }
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What all scripts share.
struct Stage {
    place: Place,
    server: std::sync::Arc<Server>,
}

impl Stage {
    /// Puts beside each other what the scripts look for: the `pjdfstest` above them, and our commands in a directory.
    fn new(tests: &Path) -> io::Result<Self> {
        let place = Place::new()?;
        let program = std::env::current_exe()?;
        let link = |name: &str| std::os::unix::fs::symlink(&program, place.0.join(name));
        link("pjdfstest")?;
        std::fs::create_dir(place.0.join("commands"))?;
        link("commands/imfs-cd")?;
        applets::NAMES.iter().try_for_each(|name| link(&format!("commands/{name}")))?;
        std::os::unix::fs::symlink(tests, place.0.join("tests"))?;
        std::fs::write(place.0.join("layer.sh"), LAYER)?;
        let server = Server::start(&place.0.join("socket"), place.0.join("root").as_os_str().as_bytes())?;
        Ok(Self { place, server })
    }

    /// Runs one script, in an empty directory of its own.
    fn run(&self, script: &str) -> io::Result<Outcome> {
        let place = &self.place.0;
        let root = place.join("root");
        let directory = root.join(script.replace('/', "-"));
        std::fs::create_dir_all(&directory)?;
        self.server.make_directory(directory.as_os_str().as_bytes())?;
        let commands = place.join("commands");
        let mut path = commands.clone().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let output = Command::new("timeout")
            .args(["--kill-after=5", SECONDS, "sh", "-c", ". \"$IMFS_CLASSIC_LAYER\"; . \"$0\""])
            .arg(place.join("tests").join(script))
            .current_dir(&directory)
            .env("PATH", path)
            .env("IMFS_CLASSIC_LAYER", place.join("layer.sh"))
            .env(client::SOCKET, place.join("socket"))
            .env(client::ROOT, root)
            .env(client::SCRIPT, script)
            .env(client::COMMANDS, commands)
            .stdin(Stdio::null())
            .output()?;
        let mut end = (!output.status.success()).then(|| format!("it ended with {}", output.status));
        if let Some(end) = &mut end
            && let Some(last) = String::from_utf8_lossy(&output.stderr).lines().last()
        {
            *end += &format!(": {last}");
        }
        Ok(Outcome::read(&String::from_utf8_lossy(&output.stdout), end))
    }
}

/// The scripts below a directory, as paths from there.
fn scripts(directory: &Path, below: &str, found: &mut Vec<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().map(|name| format!("{below}{name}")) else { continue };
        if entry.path().is_dir() {
            scripts(&entry.path(), &format!("{name}/"), found)?;
        } else if name.ends_with(".t") {
            found.push(name);
        }
    }
    Ok(())
}

fn run(options: &Options) -> io::Result<bool> {
    let directory = options
        .directory
        .canonicalize()
        .map_err(|error| io::Error::other(format!("{}: {error}", options.directory.display())))?;
    let tests = if directory.join("tests").is_dir() { directory.join("tests") } else { directory };
    let mut found = Vec::new();
    scripts(&tests, "", &mut found)?;
    found.retain(|script| script.contains(&options.filter));
    found.sort();
    if found.is_empty() {
        return Err(io::Error::other(format!("no scripts with '{}' in {}", options.filter, tests.display())));
    }
    let stage = Stage::new(&tests)?;
    let outcomes = run_all(&stage, &found, options.jobs);
    print!("{}", total(&outcomes));
    Ok(outcomes.iter().all(|outcome| outcome.failures.is_empty()))
}

/// Runs some scripts at a time, and prints the table in order as soon as that can be.
fn run_all(stage: &Stage, scripts: &[String], jobs: usize) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let mut outcomes: Vec<Option<Outcome>> = vec![None; scripts.len()];
    std::thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..jobs.min(scripts.len()) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let outcome = stage.run(script).unwrap_or_else(|error| Outcome {
                        failures: vec![format!("it could not be run: {error}")],
                        ..Outcome::default()
                    });
                    let _ = sender.send((script, outcome));
                }
            });
        }
        drop(sender);
        let mut shown = 0;
        for (script, outcome) in results {
            if let Some(at) = scripts.iter().position(|other| other == script) {
                outcomes[at] = Some(outcome);
            }
            while let Some((name, Some(outcome))) = scripts.get(shown).zip(outcomes.get(shown)) {
                print!("{}", outcome.lines(name));
                let _ = io::stdout().flush();
                shown += 1;
            }
        }
    });
    outcomes.into_iter().flatten().collect()
}
