//! Man pages and shell completions, from the definitions in `args`.

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Cli;
use crate::failure::{Failure, OrFail as _};

/// Writes `man1/*.1` and `completions/*` below `directory`.
pub(crate) fn generate(directory: &Path) -> Result<(), Failure> {
    man_pages(&directory.join("man1"))
        .and_then(|()| completions(&directory.join("completions")))
        .or_fail(|| format!("write into {}", directory.display()))
}

fn man_pages(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    clap_mangen::generate_to(Cli::command(), directory)
}

fn completions(directory: &Path) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        clap_complete::generate_to(shell, &mut Cli::command(), "imfs", directory)?;
    }
    Ok(())
}
