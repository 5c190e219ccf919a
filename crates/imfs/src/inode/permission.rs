//! May they? The permission checks of the VFS (fs/namei.c, fs/attr.c), for every operation.
//!
//! Pure questions about an inode and credentials; changes nothing.

use super::attributes::{APPEND_ONLY, HAS_ACL, IMMUTABLE, Owner};
use super::{Credentials, Inode};
use crate::abi::{Access, Errno, FileType, Mode};
use crate::inode::Capabilities;

/// `inode_permission`: whether `cred` may access the inode so.
///
/// # Errors
/// EACCES; EPERM: to write to what is immutable.
#[inline]
pub(crate) fn permission(inode: &Inode, cred: &Credentials, want: Access) -> Result<(), Errno> {
    let bits = want.bits() & 7;
    if inode.attributes.everybody_may(bits) {
        Ok(())
    } else {
        by_class(inode, &inode.attributes.owner(), cred, want)
    }
}

/// [`permission`] where mode and owner of the inode are known.
#[inline]
fn by_class(inode: &Inode, owner: &Owner, cred: &Credentials, want: Access) -> Result<(), Errno> {
    let bits = want.bits() & 7;
    if owner.flags & IMMUTABLE != 0 && want.contains(Access::WRITE) {
        return Err(Errno::EPERM);
    }
    let granted = if owner.flags & HAS_ACL == 0 {
        class(owner, cred) & bits == bits
    } else {
        inode.acl_permission(cred, bits)
    };
    if granted { Ok(()) } else { overridden(owner.mode, cred, want) }
}

/// The three bits that the mode grants to `cred`.
#[inline]
fn class(owner: &Owner, cred: &Credentials) -> u32 {
    if cred.fsuid == owner.uid {
        return owner.mode >> 6 & 7;
    }
    let (group, others) = (owner.mode >> 3 & 7, owner.mode & 7);
    // Groups are searched only where it matters (`acl_permission_check`).
    if group != others && cred.in_group(owner.gid) { group } else { others }
}

/// What capabilities allow beyond the bits.
#[cold]
fn overridden(mode: u32, cred: &Credentials, want: Access) -> Result<(), Errno> {
    let directory = mode & FileType::MASK == FileType::Directory.mode_bits();
    let reading = !want.contains(Access::WRITE) && (directory || want == Access::READ);
    if reading && cred.capable(Capabilities::DAC_READ_SEARCH) {
        return Ok(());
    }
    // Even the superuser executes only what somebody may execute.
    let executable = directory || mode & 0o111 != 0;
    if cred.capable(Capabilities::DAC_OVERRIDE) && (executable || !want.contains(Access::EXEC)) {
        return Ok(());
    }
    Err(Errno::EACCES)
}

/// `inode_owner_or_capable`: whether `cred` acts as the owner of the inode.
pub(crate) fn owner_or_capable(uid: u32, cred: &Credentials) -> bool {
    cred.fsuid == uid || cred.capable(Capabilities::FOWNER)
}

/// `may_create`: whether `cred` may make an entry in the directory, whose mode and owner these are.
///
/// # Errors
/// EACCES
#[inline]
pub(super) fn may_create(dir: &Inode, owner: &Owner, cred: &Credentials) -> Result<(), Errno> {
    by_class(dir, owner, cred, Access::WRITE | Access::EXEC)
}

/// `may_delete`: whether `cred` may take `victim` out of the directory; `as_dir` says whether by rmdir(2), or by
/// renaming a directory over it.
///
/// # Errors
/// EACCES, EPERM (sticky directory; append-only or immutable), ENOTDIR, EISDIR, EBUSY (a root directory)
#[inline]
pub(super) fn may_delete(dir: &Inode, victim: &Inode, cred: &Credentials, as_dir: bool) -> Result<(), Errno> {
    let owner = dir.attributes.owner();
    by_class(dir, &owner, cred, Access::WRITE | Access::EXEC)?;
    if owner.flags & APPEND_ONLY != 0 || victim.attributes.has(APPEND_ONLY | IMMUTABLE) {
        return Err(Errno::EPERM);
    }
    check_sticky(&owner, victim, cred)?;
    match (as_dir, victim.is_dir()) {
        (true, false) => Err(Errno::ENOTDIR),
        (false, true) => Err(Errno::EISDIR),
        _ => Ok(()),
    }
}

/// `check_sticky`: in a sticky directory only the owner of the entry, of the directory, or who acts as it, removes.
#[inline]
fn check_sticky(parent: &Owner, victim: &Inode, cred: &Credentials) -> Result<(), Errno> {
    let sticky = parent.mode & Mode::SVTX.bits() != 0;
    if sticky
        && cred.fsuid != victim.attributes.owner().uid
        && cred.fsuid != parent.uid
        && !cred.capable(Capabilities::FOWNER)
    {
        return Err(Errno::EPERM);
    }
    Ok(())
}
