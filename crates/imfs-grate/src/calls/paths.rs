//! Calls that find, make, move and remove files by their paths.

use imfs::abi::{AT_FDCWD, Dev, Errno, OpenHow, RenameFlags, Result};

use crate::call::{Call, calls};
use crate::memory::Place;

calls! {
    #[wait] 2 open(path: Path, flags: Open, mode: Perm) |c| c.cage().open(path, flags, mode);
    #[wait] 257 openat(dir: Dir, path: Path, flags: Open, mode: Perm) |c|
        c.cage().openat(dir, path, flags, mode);
    #[wait] 437 openat2(dir: Dir, path: Path, how: Struct, size: Size) |c| openat2(c, dir, path, how, size);
    #[wait] 85 creat(path: Path, mode: Perm) |c| c.cage().creat(path, mode);
    79 getcwd(buf: Struct, size: Size) |c| getcwd(c, buf, size);
    80 chdir(path: Path) |c| c.cage().chdir(path);
    81 fchdir(fd: Fd) |c| c.cage().fchdir(fd);
    161 chroot(path: Path) |c| c.cage().chroot(path);
    82 rename(old: Path, new: Path) |c| c.cage().rename(old, new);
    264 renameat(old_dir: Dir, old: Path, new_dir: Dir, new: Path) |c|
        c.cage().renameat(old_dir, old, new_dir, new);
    316 renameat2(old_dir: Dir, old: Path, new_dir: Dir, new: Path, flags: Word) |c|
        c.cage().renameat2(old_dir, old, new_dir, new, RenameFlags::from_bits_retain(flags));
    83 mkdir(path: Path, mode: Perm) |c| c.cage().mkdir(path, mode);
    258 mkdirat(dir: Dir, path: Path, mode: Perm) |c| c.cage().mkdirat(dir, path, mode);
    84 rmdir(path: Path) |c| c.cage().rmdir(path);
    133 mknod(path: Path, mode: Word, dev: Word) |c| c.cage().mknod(path, mode, Dev::decode32(dev));
    259 mknodat(dir: Dir, path: Path, mode: Word, dev: Word) |c|
        c.cage().mknodat(dir, path, mode, Dev::decode32(dev));
    86 link(old: Path, new: Path) |c| c.cage().link(old, new);
    265 linkat(old_dir: Dir, old: Path, new_dir: Dir, new: Path, flags: At) |c|
        c.cage().linkat(old_dir, old, new_dir, new, flags);
    87 unlink(path: Path) |c| remove(c, path);
    263 unlinkat(dir: Dir, path: Path, flags: At) |c| c.cage().unlinkat(dir, path, flags);
    88 symlink(target: Path, path: Path) |c| c.cage().symlink(target, path);
    266 symlinkat(target: Path, dir: Dir, path: Path) |c| c.cage().symlinkat(target, dir, path);
    89 readlink(path: Path, buf: Struct, size: Size) |c| readlink(c, AT_FDCWD, path, buf, size);
    267 readlinkat(dir: Dir, path: Path, buf: Struct, size: Size) |c| readlink(c, dir, path, buf, size);
    76 truncate(path: Path, size: Off) |c| c.cage().truncate(path, size);
}

/// unlink(2). Lind's libc makes it of remove(3) too, which for a directory expects EISDIR and then calls rmdir.
fn remove(call: &Call<'_>, path: &[u8]) -> Result<()> {
    call.cage().unlink(path)
}

/// openat2(2): the structure may be longer than the one that we know if the rest is zero.
fn openat2(call: &Call<'_>, dir: i32, path: &[u8], how: Place, size: u64) -> Result<i32> {
    if size < OpenHow::BYTES as u64 {
        return Err(Errno::EINVAL);
    }
    if size > imfs::abi::PAGE_SIZE as u64 {
        return Err(Errno::E2BIG);
    }
    let fields = how.get::<{ OpenHow::BYTES }>()?;
    let mut rest = vec![0; size as usize - OpenHow::BYTES];
    how.offset(OpenHow::BYTES as u64).fill(&mut rest)?;
    if rest.iter().any(|byte| *byte != 0) {
        return Err(Errno::E2BIG);
    }
    let [flags, mode, resolve] = [0, 1, 2].map(|n| u64::from_le_bytes(fields.as_chunks::<8>().0[n]));
    call.cage().openat2(dir, path, &OpenHow { flags, mode, resolve })
}

/// getcwd(2): the length with the NUL.
fn getcwd(call: &Call<'_>, buf: Place, size: u64) -> Result<usize> {
    let mut path = call.cage().getcwd()?;
    path.push(0);
    if path.len() as u64 > size {
        return Err(Errno::ERANGE);
    }
    buf.put(&path)?;
    Ok(path.len())
}

fn readlink(call: &Call<'_>, dir: i32, path: &[u8], buf: Place, size: u64) -> Result<usize> {
    if size as i32 <= 0 {
        return Err(Errno::EINVAL);
    }
    let mut target = [0; imfs::abi::PATH_MAX];
    let room = target.len().min(usize::try_from(size).unwrap_or(usize::MAX));
    let len = call.cage().readlinkat(dir, path, &mut target[..room])?;
    buf.put(&target[..len])?;
    Ok(len)
}
