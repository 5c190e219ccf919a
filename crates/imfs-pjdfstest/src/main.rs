//! The classic pjdfstest against an IMFS: its scripts, unmodified, without a mount and without root.
//!
//! The scripts call a program `pjdfstest SYSCALL ARGUMENTS` for each step, and a few commands of the host in between. Here a
//! server in the process of the runner holds one IMFS, and this same program, under other names, is what the scripts find:
//!
//! - as `pjdfstest` it sends its command line to the server, which makes the calls in a cage of their own (`calls`);
//! - as `dd`, `touch`, `rm` and so on it does what these do, on files of the IMFS (`applets`), and is the host's command else;
//! - as `imfs-cd` it says where a `cd` leads: a shell file that is read before each script (`layer.sh`) asks.
//!
//! Paths are the same on both sides. Each directory that a script is in has a shadow on the host, so that the shell can be there;
//! what a redirection leaves in the shadow is moved into the IMFS before the next call (`client`).

mod applets;
mod calls;
mod client;
mod clock;
mod flags;
mod protocol;
mod report;
mod runner;
mod server;
mod session;

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let name = Path::new(&name).file_name().unwrap_or_default().to_owned();
    let arguments: Vec<OsString> = arguments.collect();
    match name.as_bytes() {
        b"pjdfstest" => client::pjdfstest(&arguments),
        b"imfs-cd" => client::change_directory(&arguments),
        applet if applets::NAMES.iter().any(|name| name.as_bytes() == applet) => {
            client::applet(&name, &arguments)
        }
        _ => runner::main(&arguments),
    }
}
