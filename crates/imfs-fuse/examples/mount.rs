//! Mounts an empty instance on a directory and serves it until it is unmounted:
//! `cargo run -p imfs-fuse --example mount -- DIRECTORY`, and `umount DIRECTORY` elsewhere.

use std::env;
use std::error::Error;
use std::path::PathBuf;

use imfs::Imfs;
use imfs_fuse::{Options, Session};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(env::args_os().nth(1).ok_or("which directory?")?);
    let fs = Imfs::builder().build()?;
    let session = Session::mount(&fs, &directory, &Options::default())?;
    println!("mounted on {}", directory.display());
    session.wait()?;
    Ok(())
}
