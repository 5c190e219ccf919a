//! The `imfs` command: mounts an in-memory file system, or runs a program inside one.
//!
//! Responsible for namespaces, processes, signals, and words to the user. It holds no file-system rule: `imfs` does, and
//! `imfs-fuse` translates the kernel's requests for it.

mod args;
mod failure;
mod generate;
mod guardian;
mod instance;
mod mount;
mod mounts;
mod process;
mod progress;
mod run;
mod signals;
mod stage;
mod values;

use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    // Before anything else: from here on a signal waits until it is read, and can end nothing half-way.
    let mask = signals::block_all();
    let cli = match args::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let done = match cli.command {
        Command::Run(args) => run::run(&args, mask),
        Command::Mount(args) => mount::mount(&args),
        Command::Generate(args) => generate::generate(&args.directory).map(|()| 0),
    };
    match done {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            eprintln!("imfs: {failure}");
            ExitCode::from(failure.status)
        }
    }
}

/// Prints help, the version or a usage error. Under `run` 2 could be the program's, so an error is 125 there.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.exit_code() {
        0 => ExitCode::SUCCESS,
        _ if std::env::args_os().nth(1).is_some_and(|command| command == "run") => {
            ExitCode::from(failure::OWN_FAILURE)
        }
        code => ExitCode::from(code as u8),
    }
}
