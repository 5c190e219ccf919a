//! Extended attributes of one inode: the rules of the namespaces, and the storage.
//!
//! Responsible for what `fs/xattr.c`, tmpfs's handlers and `security/commoncap.c` decide from a name, a value and a few
//! facts about file and caller. Must not know inodes, locks, paths or descriptors. Called by the inode layer, in the
//! kernel's order: [`check_set`] or [`check_name`] before the path is looked up (both belong to the call, not to
//! the file), then [`AclKind::of_name`](super::acl::AclKind::of_name), for those two names go by the rules in
//! [`super::acl`], then one of [`may_get`], [`may_set`] and [`may_remove`], then the [`Xattrs`] of the inode.
//!
//! Names are bytes without NUL. `user.`, `trusted.` and `security.` are stored, as on tmpfs since Linux 6.6.

use crate::abi::{Access, Errno, FileType, Mode, XATTR_LIST_MAX, XATTR_NAME_MAX, XATTR_SIZE_MAX, XattrFlags};

/// `XATTR_NAME_CAPS`: a program's capabilities. Writing to a file and changing its owner remove it (`cap_inode_killpriv`).
pub const CAPABILITY_NAME: &[u8] = b"security.capability";

const USER_PREFIX: &[u8] = b"user.";
const TRUSTED_PREFIX: &[u8] = b"trusted.";
const SECURITY_PREFIX: &[u8] = b"security.";
const SYSTEM_PREFIX: &[u8] = b"system.";

/// What the rules need to know of the file and of who asks.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The file's kind.
    pub file: FileType,
    /// The file's mode.
    pub mode: Mode,
    /// The file is immutable or append-only.
    pub fixed: bool,
    /// The caller owns the file or has `CAP_FOWNER` (`inode_owner_or_capable`).
    pub owner_or_capable: bool,
    /// The caller has `CAP_SYS_ADMIN`.
    pub sys_admin: bool,
    /// The caller has `CAP_SETFCAP`.
    pub setfcap: bool,
}

/// Checks the arguments that getxattr(2) and removexattr(2) refuse before they look at the path (`import_xattr_name`).
///
/// # Errors
/// `ERANGE`: the name is empty or longer than 255 bytes; `EINVAL`: it has a NUL inside, which no C string can.
pub fn check_name(name: &[u8]) -> Result<(), Errno> {
    if name.contains(&0) {
        return Err(Errno::EINVAL);
    }
    if (1..=XATTR_NAME_MAX).contains(&name.len()) { Ok(()) } else { Err(Errno::ERANGE) }
}

/// Checks the arguments that setxattr(2) refuses before it looks at the path (`setxattr_copy`).
///
/// # Errors
/// `EINVAL`: an unknown flag; `ERANGE`: as [`check_name`]; `E2BIG`: a value over 64 KiB.
pub fn check_set(name: &[u8], value_len: usize, flags: XattrFlags) -> Result<(), Errno> {
    if !flags.difference(XattrFlags::CREATE | XattrFlags::REPLACE).is_empty() {
        return Err(Errno::EINVAL);
    }
    check_name(name)?;
    if value_len > XATTR_SIZE_MAX { Err(Errno::E2BIG) } else { Ok(()) }
}

/// Whether the attribute may be read (`vfs_getxattr`). `permission` is `inode_permission` of the file for the caller; it
/// is asked only where the kernel asks.
///
/// # Errors
/// `ENODATA`: hidden from this caller, or a file that cannot have it; `EOPNOTSUPP`: no such namespace; `EINVAL`: a
/// namespace without a name; `permission`'s.
pub fn may_get(
    name: &[u8],
    facts: &Facts,
    permission: impl FnOnce(Access) -> Result<(), Errno>,
) -> Result<(), Errno> {
    namespace_permission(name, facts, Access::READ, permission)?;
    resolve(name)
}

/// Whether the attribute may be set to `value` (`vfs_setxattr`); `permission` as in [`may_get`].
///
/// An empty `security.capability` needs no privilege, as in the kernel: `cap_convert_nscap`, which asks for it, sees
/// only values that have bytes.
///
/// # Errors
/// `EPERM`: not for this caller or this file; `EINVAL`: not a `security.capability` value; as [`may_get`].
pub fn may_set(
    name: &[u8],
    value: &[u8],
    facts: &Facts,
    permission: impl FnOnce(Access) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let is_capability = name == CAPABILITY_NAME;
    if is_capability && !value.is_empty() {
        CapabilityForm::of(value).ok_or(Errno::EINVAL)?;
        if !facts.setfcap {
            return Err(Errno::EPERM);
        }
    }
    namespace_permission(name, facts, Access::WRITE, permission)?;
    if name.starts_with(SECURITY_PREFIX) && !is_capability && !facts.sys_admin {
        return Err(Errno::EPERM);
    }
    resolve(name)
}

/// Whether the attribute may be removed (`vfs_removexattr`); `permission` as in [`may_get`].
///
/// # Errors
/// `EPERM`: not for this caller or this file; as [`may_get`].
pub fn may_remove(
    name: &[u8],
    facts: &Facts,
    permission: impl FnOnce(Access) -> Result<(), Errno>,
) -> Result<(), Errno> {
    namespace_permission(name, facts, Access::WRITE, permission)?;
    if name.starts_with(SECURITY_PREFIX) {
        let allowed = if name == CAPABILITY_NAME { facts.setfcap } else { facts.sys_admin };
        if !allowed {
            return Err(Errno::EPERM);
        }
    }
    resolve(name)
}

/// `xattr_permission`. A name of no namespace is still first a matter of the file's permissions.
fn namespace_permission(
    name: &[u8],
    facts: &Facts,
    access: Access,
    permission: impl FnOnce(Access) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let writes = access.contains(Access::WRITE);
    let refusal = if writes { Errno::EPERM } else { Errno::ENODATA };
    if writes && facts.fixed {
        return Err(Errno::EPERM);
    }
    if name.starts_with(SECURITY_PREFIX) || name.starts_with(SYSTEM_PREFIX) {
        return Ok(());
    }
    if name.starts_with(TRUSTED_PREFIX) {
        return if facts.sys_admin { Ok(()) } else { Err(refusal) };
    }
    if name.starts_with(USER_PREFIX) {
        let directory = facts.file == FileType::Directory;
        if facts.file != FileType::Regular && !directory {
            return Err(refusal);
        }
        if directory && writes && facts.mode.contains(Mode::SVTX) && !facts.owner_or_capable {
            return Err(Errno::EPERM);
        }
    }
    permission(access)
}

/// `xattr_resolve_name`, with the handlers of tmpfs.
fn resolve(name: &[u8]) -> Result<(), Errno> {
    let handlers = [USER_PREFIX, TRUSTED_PREFIX, SECURITY_PREFIX];
    match handlers.iter().find_map(|prefix| name.strip_prefix(*prefix)) {
        None => Err(Errno::EOPNOTSUPP),
        Some([]) => Err(Errno::EINVAL),
        Some(_) => Ok(()),
    }
}

/// The account that attributes are charged to: on tmpfs the bytes behind `nr_inodes`, 1,024 each.
pub trait XattrSpace {
    /// Takes `bytes`.
    ///
    /// # Errors
    /// `ENOSPC`: so many are not left; nothing is taken.
    fn charge(&self, bytes: u64) -> Result<(), Errno>;
    /// Gives `bytes` back that were charged.
    fn refund(&self, bytes: u64);
}

/// What one attribute costs (`simple_xattr_space`).
fn cost(name_len: usize, value_len: usize) -> u64 {
    (40 + name_len + value_len) as u64
}

/// One attribute: name and value in one allocation.
#[derive(Debug)]
struct Attr {
    bytes: Box<[u8]>,
    name_len: u8,
}

impl Attr {
    fn new(name: &[u8], value: &[u8]) -> Result<Attr, Errno> {
        let name_len = u8::try_from(name.len()).map_err(|_| Errno::ERANGE)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(name.len() + value.len()).map_err(|_| Errno::ENOMEM)?;
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(value);
        Ok(Attr { bytes: bytes.into_boxed_slice(), name_len })
    }

    fn name(&self) -> &[u8] {
        &self.bytes[..usize::from(self.name_len)]
    }

    fn value(&self) -> &[u8] {
        &self.bytes[usize::from(self.name_len)..]
    }

    fn cost(&self) -> u64 {
        cost(self.name().len(), self.value().len())
    }
}

/// The stored attributes of one inode, sorted by name. POSIX ACLs are not among them.
#[derive(Debug, Default)]
pub struct Xattrs {
    attrs: Vec<Attr>,
}

impl Xattrs {
    /// No attributes, and no memory.
    pub const fn new() -> Xattrs {
        Xattrs { attrs: Vec::new() }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.attrs.is_empty()
    }

    /// What all of them were charged: what the inode gives back when it goes (`simple_xattrs_free`).
    pub fn charged(&self) -> u64 {
        self.attrs.iter().map(Attr::cost).sum()
    }

    fn find(&self, name: &[u8]) -> Result<usize, usize> {
        self.attrs.binary_search_by(|attr| attr.name().cmp(name))
    }

    /// Copies a value and returns its length; an empty `buffer` asks for the length alone (getxattr(2),
    /// `simple_xattr_get`). `security.capability` is shown as `cap_inode_getsecurity` shows it.
    ///
    /// # Errors
    /// `ENODATA`: no such attribute; `ERANGE`: `buffer` is too small; `EINVAL`: a `security.capability` without value.
    pub fn get(&self, name: &[u8], buffer: &mut [u8]) -> Result<usize, Errno> {
        let index = self.find(name).map_err(|_| Errno::ENODATA)?;
        let value = self.attrs[index].value();
        if name != CAPABILITY_NAME {
            return copy_out(&[value], buffer);
        }
        match CapabilityForm::of(value).ok_or(Errno::EINVAL)? {
            CapabilityForm::OfHost => copy_out(&[value], buffer),
            CapabilityForm::OfHostInLongForm => {
                let magic = [value[0], 0, 0, CapabilityForm::REVISION_2];
                copy_out(&[&magic, &value[4..CapabilityForm::LEN_2]], buffer)
            }
        }
    }

    /// Sets an attribute (setxattr(2), `shmem_xattr_handler_set`). `CREATE` and `REPLACE` together always fail, with
    /// the error of the one that does not hold.
    ///
    /// # Errors
    /// `ENOSPC`: as `space` says; `EEXIST`, `ENODATA`: against `flags`; `ENOMEM`. Nothing has changed then.
    pub fn set(
        &mut self,
        name: &[u8],
        value: &[u8],
        flags: XattrFlags,
        space: &impl XattrSpace,
    ) -> Result<(), Errno> {
        let bytes = cost(name.len(), value.len());
        // The kernel charges first: a full file system hides EEXIST and ENODATA, and replacing needs room for both.
        space.charge(bytes)?;
        match self.insert(name, value, flags) {
            Ok(None) => Ok(()),
            Ok(Some(old)) => {
                space.refund(old.cost());
                Ok(())
            }
            Err(errno) => {
                space.refund(bytes);
                Err(errno)
            }
        }
    }

    fn insert(&mut self, name: &[u8], value: &[u8], flags: XattrFlags) -> Result<Option<Attr>, Errno> {
        match self.find(name) {
            Ok(_) if flags.contains(XattrFlags::CREATE) => Err(Errno::EEXIST),
            Err(_) if flags.contains(XattrFlags::REPLACE) => Err(Errno::ENODATA),
            Ok(index) => Ok(Some(std::mem::replace(&mut self.attrs[index], Attr::new(name, value)?))),
            Err(index) => {
                let attr = Attr::new(name, value)?;
                // Most files that have attributes have one or two.
                if self.attrs.is_empty() {
                    self.attrs.try_reserve_exact(1).map_err(|_| Errno::ENOMEM)?;
                } else {
                    self.attrs.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
                }
                self.attrs.insert(index, attr);
                Ok(None)
            }
        }
    }

    /// Removes an attribute (removexattr(2)).
    ///
    /// # Errors
    /// `ENODATA`: no such attribute.
    pub fn remove(&mut self, name: &[u8], space: &impl XattrSpace) -> Result<(), Errno> {
        let index = self.find(name).map_err(|_| Errno::ENODATA)?;
        space.refund(self.attrs.remove(index).cost());
        if self.attrs.is_empty() {
            self.attrs = Vec::new();
        }
        Ok(())
    }

    /// Copies the names, each with a NUL behind it, and returns the length; an empty `buffer` asks for the length alone
    /// (listxattr(2), `simple_xattr_list`). `acl_names` come first: those of the ACLs that the inode has, access before
    /// default. `trusted.` names are for a caller with `CAP_SYS_ADMIN` only. No permission is needed.
    ///
    /// # Errors
    /// `ERANGE`: `buffer` is too small; `E2BIG`: it is not, but the list is over 64 KiB.
    pub fn list<'a>(
        &'a self,
        acl_names: impl IntoIterator<Item = &'a [u8]>,
        sys_admin: bool,
        buffer: &mut [u8],
    ) -> Result<usize, Errno> {
        let query = buffer.is_empty();
        let room = buffer.len().min(XATTR_LIST_MAX);
        let too_small = if room == XATTR_LIST_MAX { Errno::E2BIG } else { Errno::ERANGE };
        // Linux 6.2 to 6.18 walk their tree from the greatest name down.
        let stored = self.attrs.iter().rev().map(Attr::name);
        let shown = stored.filter(|name| sys_admin || !name.starts_with(TRUSTED_PREFIX));
        let mut len = 0;
        for name in acl_names.into_iter().chain(shown) {
            let end = len + name.len() + 1;
            if !query {
                let place = buffer[..room].get_mut(len..end).ok_or(too_small)?;
                place[..name.len()].copy_from_slice(name);
                place[name.len()] = 0;
            }
            len = end;
        }
        Ok(len)
    }
}

fn copy_out(parts: &[&[u8]], buffer: &mut [u8]) -> Result<usize, Errno> {
    let len = parts.iter().map(|part| part.len()).sum();
    if buffer.is_empty() {
        return Ok(len);
    }
    let mut rest = buffer.get_mut(..len).ok_or(Errno::ERANGE)?;
    for part in parts {
        let (place, behind) = rest.split_at_mut(part.len());
        place.copy_from_slice(part);
        rest = behind;
    }
    Ok(len)
}

/// A valid `security.capability` value (`validheader`), told apart by how a reader is to see it.
enum CapabilityForm {
    /// As it is stored: revision 2, or revision 3 of another user namespace's root.
    OfHost,
    /// Revision 3 whose root is the host's, which reads as revision 2.
    OfHostInLongForm,
}

impl CapabilityForm {
    const REVISION_2: u8 = 2;
    const REVISION_3: u8 = 3;
    /// `sizeof(struct vfs_cap_data)`.
    const LEN_2: usize = 20;
    /// `sizeof(struct vfs_ns_cap_data)`: the same with the root's uid behind it.
    const LEN_3: usize = 24;

    fn of(value: &[u8]) -> Option<CapabilityForm> {
        // Bit 0 of the little-endian magic is VFS_CAP_FLAGS_EFFECTIVE; the top byte is the revision.
        match (value.len(), value.first_chunk()?) {
            (Self::LEN_2, [0 | 1, 0, 0, Self::REVISION_2]) => Some(CapabilityForm::OfHost),
            (Self::LEN_3, [0 | 1, 0, 0, Self::REVISION_3]) => Some(if value[Self::LEN_2..] == [0; 4] {
                CapabilityForm::OfHostInLongForm
            } else {
                CapabilityForm::OfHost
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
