//! The command line: what can be asked, and how it is explained.
//!
//! Responsible for turning arguments into checked values and for every word of help; the man pages and shell
//! completions are generated from these definitions too. It does nothing with the values: `main` hands them
//! to `run` and `mount`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::builder::TypedValueParser as _;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::values::{self, Assignment, Bind, Size};
use imfs_staging::Spec;

/// An in-memory file system for programs that were never told about it.
#[derive(Debug, Parser)]
#[command(name = "imfs", version, max_term_width = 100, after_help = TOP_EXAMPLES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const TOP_EXAMPLES: &str = "\
Examples:
  imfs run --preload hello.c --dump hello -- tcc hello.c -o hello
      compile in memory, and keep the one file that was asked for
  imfs mount --size 1g /mnt/scratch
      a scratch directory in memory, until it is unmounted or interrupted

`imfs run --help` and `imfs mount --help` tell the rest.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Run(RunArgs),
    Mount(MountArgs),
    Generate(GenerateArgs),
}

/// Run a program whose root directory is a fresh IMFS.
///
/// Every file that the program creates lives in memory and is gone when it ends, save what --dump names.
/// It sees the host's system directories (/usr, /bin, /sbin, /lib*) read-only, the few files of /etc that
/// programs need to start, a /proc and a /dev of its own, and an empty /tmp. Nothing else of the host is there
/// unless --preload copies it in or --bind shows it.
#[derive(Debug, Args)]
#[command(
    override_usage = "imfs run [OPTIONS] [--] PROGRAM [ARGS..]",
    after_long_help = RUN_EXAMPLES,
)]
pub(crate) struct RunArgs {
    /// Copy a host file or tree into the IMFS before the program starts: PATH, or IMFS_PATH=HOST_PATH
    ///
    /// May be given several times; a later one wins. Relative paths start at the current directory on both
    /// sides. Modes, time stamps, symlinks, hard links, holes and extended attributes are kept; the copies belong to the
    /// program's user. The variable PRELOADS adds more, separated by ':', before those given here.
    #[arg(long, value_name = "SPEC", value_parser = spec_parser())]
    pub(crate) preload: Vec<Spec>,

    /// Copy a file or tree out to the host when the program has ended: PATH, or IMFS_PATH=HOST_PATH
    ///
    /// Done whatever the program's status. A file is written beside its target and then renamed, so that a failed dump
    /// leaves the old one. The variable DUMPS adds more, separated by ';', before those given here.
    #[arg(long, value_name = "SPEC", value_parser = spec_parser())]
    pub(crate) dump: Vec<Spec>,

    #[command(flatten)]
    pub(crate) limits: Limits,

    /// Show a host directory or file inside, read-only: HOST, or HOST=PATH
    #[arg(long, value_name = "HOST[=PATH]", value_parser = bind_parser())]
    pub(crate) bind: Vec<Bind>,

    /// As --bind, but writable: what is written there reaches the host
    #[arg(long, value_name = "HOST[=PATH]", value_parser = bind_parser())]
    pub(crate) bind_rw: Vec<Bind>,

    /// Show nothing of the host's system directories and of /etc
    #[arg(long)]
    pub(crate) no_default_binds: bool,

    /// Start in this directory of the IMFS [default: the current directory if it exists there, else /]
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<PathBuf>,

    /// User id of the program [default: the caller's]
    #[arg(long, value_name = "UID", value_parser = clap::value_parser!(u32).range(..i64::from(u32::MAX)))]
    pub(crate) uid: Option<u32>,

    /// Group id of the program [default: the caller's]
    #[arg(long, value_name = "GID", value_parser = clap::value_parser!(u32).range(..i64::from(u32::MAX)))]
    pub(crate) gid: Option<u32>,

    /// Set a variable in the program's environment, which is otherwise the caller's
    #[arg(long, value_name = "NAME=VALUE", value_parser = assignment_parser())]
    pub(crate) setenv: Vec<Assignment>,

    /// The program, looked up in PATH inside the IMFS, and its arguments
    #[arg(
        value_name = "PROGRAM [ARGS]",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    pub(crate) program: Vec<OsString>,
}

const RUN_EXAMPLES: &str = "\
Examples:
  imfs run -- sh -c 'echo hello >/tmp/x; cat /tmp/x'
      nothing of it reaches the disk
  imfs run --preload . --dump build -- make
      build a copy of the current directory in memory, keep the directory `build`
  imfs run --preload /src/main.c=main.c --dump /src/main=./main --cwd /src -- tcc main.c -o main
      choose other names inside than outside
  imfs run --size 256m --inodes 10000 --preload job -- ./job
      bound what the program may use; past it, writes fail with ENOSPC

Exit status:
  that of PROGRAM; 128+N if signal N ended it; 127 if it was not found; 126 if it could not be started;
  125 for a failure of imfs itself, including a failed dump if the program itself succeeded.

Signals sent to imfs are passed on to the program. When the program ends, whatever it left running is killed.";

/// Mount a fresh IMFS on a directory.
///
/// It is there until it is unmounted (`fusermount3 -u DIR`, `umount DIR`) or imfs receives SIGINT or SIGTERM.
/// Then the dumps are done, and everything else is gone. If imfs is killed, nothing is dumped, and a second process
/// (mount-guardian) unmounts.
#[derive(Debug, Args)]
#[command(after_long_help = MOUNT_EXAMPLES)]
pub(crate) struct MountArgs {
    /// Copy a host file or tree into the IMFS first: PATH, or IMFS_PATH=HOST_PATH
    ///
    /// May be given several times; a later one wins. A relative IMFS_PATH starts at the root of the mount, a
    /// relative HOST_PATH at the current directory.
    #[arg(long, value_name = "SPEC", value_parser = spec_parser())]
    pub(crate) preload: Vec<Spec>,

    /// Copy a file or tree out to the host at the end: PATH, or IMFS_PATH=HOST_PATH
    #[arg(long, value_name = "SPEC", value_parser = spec_parser())]
    pub(crate) dump: Vec<Spec>,

    #[command(flatten)]
    pub(crate) limits: Limits,

    /// Permission bits of the root directory, in octal
    #[arg(long, value_name = "MODE", default_value = "0755", value_parser = values::parse_mode)]
    pub(crate) mode: u32,

    /// Owner of the root directory and of preloaded files [default: the caller]
    #[arg(long, value_name = "UID", value_parser = clap::value_parser!(u32).range(..i64::from(u32::MAX)))]
    pub(crate) uid: Option<u32>,

    /// Group of the root directory and of preloaded files [default: the caller's]
    #[arg(long, value_name = "GID", value_parser = clap::value_parser!(u32).range(..i64::from(u32::MAX)))]
    pub(crate) gid: Option<u32>,

    /// Go to the background once the mount is ready
    #[arg(long)]
    pub(crate) daemon: bool,

    /// Let other users in, as far as modes allow [default for root; others need user_allow_other in /etc/fuse.conf]
    #[arg(long)]
    pub(crate) allow_other: bool,

    /// Let nobody in but the caller [default, save for root]
    #[arg(long, conflicts_with = "allow_other")]
    pub(crate) private: bool,

    /// An existing directory to mount on
    #[arg(value_name = "DIR")]
    pub(crate) directory: PathBuf,
}

const MOUNT_EXAMPLES: &str = "\
Examples:
  imfs mount --daemon --size 1g ~/scratch
      a directory in memory; `fusermount3 -u ~/scratch` ends it
  imfs mount --preload /project=. --dump /project/out=./out /mnt/work
      work on a copy, keep one directory of it (Ctrl-C ends it)

Exit status:
  0 after a clean unmount and complete dumps; 1 for a failure; 2 for a usage error. In the background what
  fails at the end goes to the system log.";

/// Bounds of the file system.
#[derive(Debug, Args)]
pub(crate) struct Limits {
    /// Most bytes that files may hold; with k, m, g or t: powers of 1024 [default: half of the memory]
    #[arg(long, value_name = "BYTES", value_parser = values::parse_size)]
    pub(crate) size: Option<Size>,

    /// Most files, directories and other objects [default: unlimited]
    #[arg(long, value_name = "N", value_parser = values::parse_count)]
    pub(crate) inodes: Option<u64>,
}

/// Write the man pages and shell completions into a directory.
#[derive(Debug, Args)]
#[command(hide = true)]
pub(crate) struct GenerateArgs {
    /// Where to write them; made if missing
    pub(crate) directory: PathBuf,
}

fn spec_parser() -> impl clap::builder::TypedValueParser<Value = Spec> {
    clap::builder::OsStringValueParser::new().try_map(|text| values::parse_spec(&text))
}

fn bind_parser() -> impl clap::builder::TypedValueParser<Value = Bind> {
    clap::builder::OsStringValueParser::new().try_map(|text| values::parse_bind(&text))
}

fn assignment_parser() -> impl clap::builder::TypedValueParser<Value = Assignment> {
    clap::builder::OsStringValueParser::new().try_map(|text| values::parse_assignment(&text))
}

/// Parses and checks the command line; the error is ready to be printed (it also carries `--help`).
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let cli = Cli::try_parse_from(arguments)?;
    if let Command::Run(run) = &cli.command {
        check_program(&run.program[0])?;
    }
    Ok(cli)
}

/// Everything from PROGRAM on belongs to the program, so clap takes an option that it does not know for PROGRAM.
fn check_program(program: &OsString) -> Result<(), clap::Error> {
    let name = program.to_string_lossy();
    if name.starts_with('-') {
        let what = format!("unknown option '{name}' before PROGRAM ('imfs run --help' lists them all)");
        return Err(Cli::command().error(ErrorKind::UnknownArgument, what));
    }
    if name.is_empty() {
        return Err(Cli::command().error(ErrorKind::InvalidValue, "PROGRAM is empty"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(words: &[&str]) -> Result<RunArgs, clap::Error> {
        let all = ["imfs", "run"].iter().chain(words).map(OsString::from);
        match parse(all)?.command {
            Command::Run(run) => Ok(run),
            _ => unreachable!("the command is run"),
        }
    }

    #[test]
    fn definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_after_the_program_are_its_own() {
        let args = run(&["--size", "1m", "ls", "--size", "-l", "--", "x"]).unwrap();
        assert_eq!(args.limits.size, Some(Size(1 << 20)));
        assert_eq!(args.program, ["ls", "--size", "-l", "--", "x"]);
        let args = run(&["--size=8k", "--", "ls", "--help"]).unwrap();
        assert_eq!(args.limits.size, Some(Size(8 << 10)));
        assert_eq!(args.program, ["ls", "--help"]);
    }

    #[test]
    fn an_unknown_option_is_not_a_program() {
        assert_eq!(run(&["--sise", "1m", "ls"]).unwrap_err().kind(), ErrorKind::UnknownArgument);
        assert_eq!(run(&[]).unwrap_err().kind(), ErrorKind::MissingRequiredArgument);
        assert_eq!(run(&["--size", "much", "ls"]).unwrap_err().kind(), ErrorKind::ValueValidation);
        assert_eq!(run(&["--uid", "4294967295", "ls"]).unwrap_err().kind(), ErrorKind::ValueValidation);
    }

    #[test]
    fn lists_keep_their_order() {
        let args =
            run(&["--preload", "a", "--preload", "/b=c", "--setenv", "A=1", "--setenv", "B=", "x"]).unwrap();
        assert_eq!(args.preload.len(), 2);
        assert_eq!(args.preload[1].imfs_path, b"/b");
        assert_eq!(args.preload[1].host_path, b"c");
        assert_eq!(args.setenv[1].name, "B");
        assert_eq!(args.setenv[1].value, "");
    }
}
