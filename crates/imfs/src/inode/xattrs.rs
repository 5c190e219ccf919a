//! The extended attributes of an inode: getxattr(2), setxattr(2), listxattr(2), removexattr(2) (fs/xattr.c,
//! fs/posix_acl.c).
//!
//! The rules are those of [`xattr`] and [`acl`]; here they meet an inode.

use super::acl::{self, Acl, AclKind, RawAcl};
use super::attributes::{APPEND_ONLY, HAS_ACL, HAS_CAPABILITY, HAS_DEFAULT_ACL, IMMUTABLE, Stamp};
use super::permission::{owner_or_capable, permission};
use super::xattr::{self, CAPABILITY_NAME, Facts};
use super::{Capabilities, Credentials, Inode};
use crate::abi::{Errno, Mode, Result, XattrFlags};
use crate::sync::epoch;
use crate::sync::refcount::{Ref, Slot};

use super::extras::Extras;

impl Inode {
    /// Copies the value of an attribute and returns its length; an empty `buffer` asks for the length alone
    /// (getxattr(2)).
    ///
    /// # Errors
    /// ENODATA, EOPNOTSUPP, ERANGE, EACCES, EPERM, EINVAL
    pub fn getxattr(&self, name: &[u8], buffer: &mut [u8], cred: &Credentials) -> Result<usize> {
        xattr::check_name(name)?;
        let Some(kind) = AclKind::of_name(name) else {
            xattr::may_get(name, &self.facts(cred), |want| permission(self, cred, want))?;
            self.can_have_xattrs()?;
            let extras = self.extras().ok_or(Errno::ENODATA)?;
            return extras.xattrs.lock().get(name, buffer);
        };
        acl::check_get(self.file_type())?;
        self.can_have_xattrs()?;
        let guard = epoch::pin();
        let acl = self.extras().and_then(|extras| extras.acl(kind).load(&guard)).ok_or(Errno::ENODATA)?;
        acl.encode(buffer)
    }

    /// Sets an attribute (setxattr(2)).
    ///
    /// # Errors
    /// EEXIST, ENODATA (against `flags`), EOPNOTSUPP, ERANGE, E2BIG, EINVAL, EACCES, EPERM, ENOSPC, ENOMEM
    pub fn setxattr(&self, name: &[u8], value: &[u8], flags: XattrFlags, cred: &Credentials) -> Result<()> {
        xattr::check_set(name, value.len(), flags)?;
        if let Some(kind) = AclKind::of_name(name) {
            return self.set_acl(kind, RawAcl::parse(value)?, cred);
        }
        xattr::may_set(name, value, &self.facts(cred), |want| permission(self, cred, want))?;
        self.can_have_xattrs()?;
        let mut xattrs = self.make_extras()?.xattrs.lock();
        xattrs.set(name, value, flags, &*self.sb)?;
        self.changed(name, true);
        Ok(())
    }

    /// Copies the names of all attributes, each with a NUL behind it, and returns the length; an empty `buffer` asks
    /// for the length alone (listxattr(2)).
    ///
    /// # Errors
    /// ERANGE, E2BIG
    pub fn listxattr(&self, buffer: &mut [u8], cred: &Credentials) -> Result<usize> {
        let Some(extras) = self.extras() else { return Ok(0) };
        let kinds = [AclKind::Access, AclKind::Default].into_iter();
        let acls = kinds.filter(|&kind| !extras.acl(kind).is_empty()).map(|kind| -> &[u8] { kind.name() });
        let xattrs = extras.xattrs.lock();
        xattrs.list(acls, cred.capable(Capabilities::SYS_ADMIN), buffer)
    }

    /// Removes an attribute (removexattr(2)).
    ///
    /// # Errors
    /// ENODATA, EOPNOTSUPP, ERANGE, EACCES, EPERM
    pub fn removexattr(&self, name: &[u8], cred: &Credentials) -> Result<()> {
        xattr::check_name(name)?;
        if let Some(kind) = AclKind::of_name(name) {
            return self.set_acl(kind, None, cred);
        }
        xattr::may_remove(name, &self.facts(cred), |want| permission(self, cred, want))?;
        self.can_have_xattrs()?;
        let mut xattrs = self.extras().ok_or(Errno::ENODATA)?.xattrs.lock();
        xattrs.remove(name, &*self.sb)?;
        self.changed(name, false);
        Ok(())
    }

    /// Sets an access list or removes it (`vfs_set_acl`, `set_posix_acl`, `simple_set_acl`).
    fn set_acl(&self, kind: AclKind, acl: Option<RawAcl<'_>>, cred: &Credentials) -> Result<()> {
        self.can_have_xattrs()?;
        let owner = self.attributes.owner();
        if owner.flags & (IMMUTABLE | APPEND_ONLY) != 0 {
            return Err(Errno::EPERM);
        }
        if !acl::check_set(kind, acl.is_none(), self.file_type(), owner_or_capable(owner.uid, cred))? {
            return Ok(());
        }
        let acl = acl.map(RawAcl::validate).transpose()?;
        let acl = acl.map(|acl| Ref::try_new(acl).ok_or(Errno::ENOMEM)).transpose()?;
        let extras = match &acl {
            Some(_) => Some(self.make_extras()?),
            None => self.extras(),
        };
        let lock = extras.map(|extras| extras.xattrs.lock());
        let now = self.sb.now();
        let mut replaced = None;
        let _changing = (kind == AclKind::Access && self.is_dir()).then(|| self.sb.paths.changing());
        self.attributes.change(|a| {
            let mut stores = acl.is_some();
            if kind == AclKind::Access {
                let owner = a.owner();
                let keeps_set_gid = cred.in_group(owner.gid) || cred.capable(Capabilities::FSETID);
                let mode;
                (mode, stores) = acl::update_mode(acl.as_deref(), Mode::from_raw(owner.mode), keeps_set_gid);
                a.set_permissions(mode);
            }
            let stored = if stores { acl.clone() } else { None };
            a.set_flag(if kind == AclKind::Access { HAS_ACL } else { HAS_DEFAULT_ACL }, stores);
            a.set(Stamp::Change, now);
            // What is replaced is dropped after the step.
            replaced = extras.and_then(|extras| extras.acl(kind).swap(stored));
        });
        drop(lock);
        Ok(())
    }

    /// # Errors
    /// EOPNOTSUPP: a nameless pipe, whose file system has no attributes.
    fn can_have_xattrs(&self) -> Result<()> {
        if self.dev() == self.sb.dev { Ok(()) } else { Err(Errno::EOPNOTSUPP) }
    }

    /// Notes that an attribute was set, or is gone. The caller has the extras locked.
    fn changed(&self, name: &[u8], set: bool) {
        let now = self.sb.now();
        self.attributes.change(|a| {
            if name == CAPABILITY_NAME {
                a.set_flag(HAS_CAPABILITY, set);
            }
            a.set(Stamp::Change, now);
        });
    }

    fn facts(&self, cred: &Credentials) -> Facts {
        let owner = self.attributes.owner();
        Facts {
            file: self.file_type(),
            mode: Mode::from_raw(owner.mode),
            fixed: owner.flags & (IMMUTABLE | APPEND_ONLY) != 0,
            owner_or_capable: owner_or_capable(owner.uid, cred),
            sys_admin: cred.capable(Capabilities::SYS_ADMIN),
            setfcap: cred.capable(Capabilities::SETFCAP),
        }
    }
}

impl Extras {
    fn acl(&self, kind: AclKind) -> &Slot<Acl> {
        match kind {
            AclKind::Access => &self.access_acl,
            AclKind::Default => &self.default_acl,
        }
    }
}
