//! Calls about extended attributes.

use imfs::abi::{Errno, Result, XATTR_LIST_MAX, XATTR_SIZE_MAX, XattrFlags};

use crate::call::calls;
use crate::memory::Place;

calls! {
    188 setxattr(path: Path, name: Name, value: Struct, size: Size, flags: Word) |c|
        c.cage().setxattr(path, name, &read(value, size)?, XattrFlags::from_bits_retain(flags));
    189 lsetxattr(path: Path, name: Name, value: Struct, size: Size, flags: Word) |c|
        c.cage().lsetxattr(path, name, &read(value, size)?, XattrFlags::from_bits_retain(flags));
    190 fsetxattr(fd: Fd, name: Name, value: Struct, size: Size, flags: Word) |c|
        c.cage().fsetxattr(fd, name, &read(value, size)?, XattrFlags::from_bits_retain(flags));
    191 getxattr(path: Path, name: Name, value: Struct, size: Size) |c|
        give(value, size, XATTR_SIZE_MAX, |room| c.cage().getxattr(path, name, room));
    192 lgetxattr(path: Path, name: Name, value: Struct, size: Size) |c|
        give(value, size, XATTR_SIZE_MAX, |room| c.cage().lgetxattr(path, name, room));
    193 fgetxattr(fd: Fd, name: Name, value: Struct, size: Size) |c|
        give(value, size, XATTR_SIZE_MAX, |room| c.cage().fgetxattr(fd, name, room));
    194 listxattr(path: Path, list: Struct, size: Size) |c|
        give(list, size, XATTR_LIST_MAX, |room| c.cage().listxattr(path, room));
    195 llistxattr(path: Path, list: Struct, size: Size) |c|
        give(list, size, XATTR_LIST_MAX, |room| c.cage().llistxattr(path, room));
    196 flistxattr(fd: Fd, list: Struct, size: Size) |c|
        give(list, size, XATTR_LIST_MAX, |room| c.cage().flistxattr(fd, room));
    197 removexattr(path: Path, name: Name) |c| c.cage().removexattr(path, name);
    198 lremovexattr(path: Path, name: Name) |c| c.cage().lremovexattr(path, name);
    199 fremovexattr(fd: Fd, name: Name) |c| c.cage().fremovexattr(fd, name);
}

/// Room for a value.
fn room(len: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| Errno::ENOMEM)?;
    bytes.resize(len, 0);
    Ok(bytes)
}

/// The value that a caller gives.
fn read(value: Place, size: u64) -> Result<Vec<u8>> {
    let len = usize::try_from(size).ok().filter(|len| *len <= XATTR_SIZE_MAX).ok_or(Errno::E2BIG)?;
    let mut bytes = room(len)?;
    value.fill(&mut bytes)?;
    Ok(bytes)
}

/// Gives a caller what `get` finds; without room only its length.
fn give(to: Place, size: u64, most: usize, get: impl FnOnce(&mut [u8]) -> Result<usize>) -> Result<usize> {
    let mut bytes = room(usize::try_from(size).map_or(most, |size| size.min(most)))?;
    let len = get(&mut bytes)?;
    if size > 0 {
        to.put(bytes.get(..len).ok_or(Errno::ERANGE)?)?;
    }
    Ok(len)
}
