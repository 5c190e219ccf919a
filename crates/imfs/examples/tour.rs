//! A tour: an instance with limits, files and links, two cages that share an offset and a pipe, what is refused.
//!
//! `cargo run --package imfs --example tour`

use std::error::Error;

use imfs::Imfs;
use imfs::abi::{AT_FDCWD, Access, Errno, Mode, OFlags, RenameFlags, Whence};
use imfs::inode::Credentials;

/// rw-r--r--
const FILE: Mode = Mode::from_bits_retain(0o644);
/// rwxr-xr-x
const DIRECTORY: Mode = Mode::from_bits_retain(0o755);

/// Runs the tour.
pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let fs = Imfs::builder().size(1 << 20).inodes(100).nofile(64).mode(DIRECTORY).build()?;

    // A cage is a process as the file system sees it. This one belongs to the superuser.
    let root = fs.create_cage(1, Credentials::root())?;
    root.mkdir("/home", DIRECTORY)?;
    root.chown("/home", 1000, 1000)?;

    // This one to somebody else, who may write below /home alone.
    let user = fs.create_cage(2, Credentials::new(1000, 1000))?;
    assert_eq!(user.mkdir("/elsewhere", DIRECTORY), Err(Errno::EACCES));
    user.chdir("/home")?;
    let fd = user.open("notes", OFlags::CREAT | OFlags::RDWR, FILE)?;
    user.write(fd, b"first line\n")?;
    user.link("notes", "again")?;
    user.symlink("notes", "pointer")?;
    println!("notes has {} links and {} bytes", user.stat("pointer")?.nlink, user.stat("again")?.size);

    // Two names change places in one step.
    user.close(user.creat("draft", FILE)?)?;
    user.renameat2(AT_FDCWD, "notes", AT_FDCWD, "draft", RenameFlags::EXCHANGE)?;
    assert_eq!(user.stat("notes")?.size, 0);

    // A fork shares descriptions, and with them the offset.
    let child = fs.fork(2, 3)?;
    child.write(fd, b"second line\n")?;
    println!("after the child's write the parent stands at {}", user.lseek(fd, 0, Whence::Cur)?);

    // A pipe between the two.
    let [reader, writer] = user.pipe()?;
    let other = fs.fork(2, 4)?;
    user.close(writer)?;
    let sender = std::thread::spawn(move || {
        other.write(writer, b"through the pipe")?;
        other.close(writer)
    });
    let mut buf = [0; 64];
    let read = user.read(reader, &mut buf)?;
    println!("read: {}", String::from_utf8_lossy(&buf[..read]));
    sender.join().map_err(|_| "the sender panicked")??;
    assert_eq!(user.read(reader, &mut buf)?, 0, "no writer is left: the end of the file");

    // Limits are Linux's errors, and what fails changes nothing.
    let big = vec![0; 2 << 20];
    let written = user.pwrite(fd, &big, 0)?;
    println!("of {} bytes {written} fit", big.len());
    assert_eq!(user.pwrite(fd, &big, written as i64), Err(Errno::ENOSPC));
    user.access("draft", Access::READ | Access::WRITE)?;

    fs.exit(3)?;
    fs.exit(4)?;
    Ok(())
}
