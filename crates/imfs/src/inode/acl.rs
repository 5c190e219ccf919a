//! POSIX access control lists as values: their xattr form, their validity, and what they decide.
//!
//! Responsible for everything that `fs/posix_acl.c` computes from an ACL and a mode. Must not know inodes, locks or
//! descriptors: callers pass plain facts (mode, ids, file kind) and store what comes back. Called by the inode layer's
//! permission check, create, chmod and xattr calls; the last tell the two names of ACLs apart from all others first.
//!
//! An [`Acl`] is always valid in the sense of `posix_acl_valid`; bytes that merely look like one are a [`RawAcl`].
//! So nothing here has the kernel's "corrupt ACL" answer (EIO).

use crate::abi::{Access, Errno, FileType, Mode};

/// `XATTR_NAME_POSIX_ACL_ACCESS`.
pub const ACCESS_NAME: &[u8] = b"system.posix_acl_access";
/// `XATTR_NAME_POSIX_ACL_DEFAULT`.
pub const DEFAULT_NAME: &[u8] = b"system.posix_acl_default";

/// `POSIX_ACL_XATTR_VERSION`, the only version there is.
const VERSION: u32 = 2;
const HEADER_LEN: usize = 4;
const ENTRY_LEN: usize = 8;
/// `ACL_UNDEFINED_ID`: the id of entries that name nobody, and never the id of a user or group.
const UNDEFINED_ID: u32 = u32::MAX;
const RWX: u32 = 0o7;

/// Which of an inode's two ACLs (`ACL_TYPE_ACCESS`, `ACL_TYPE_DEFAULT`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AclKind {
    /// Decides access to the inode itself.
    Access,
    /// Of a directory: what is created in it inherits.
    Default,
}

impl AclKind {
    /// The kind that an extended attribute name stands for (`posix_acl_type`).
    pub fn of_name(name: &[u8]) -> Option<AclKind> {
        match name {
            ACCESS_NAME => Some(AclKind::Access),
            DEFAULT_NAME => Some(AclKind::Default),
            _ => None,
        }
    }

    /// The extended attribute that carries this kind.
    pub fn name(self) -> &'static [u8] {
        match self {
            AclKind::Access => ACCESS_NAME,
            AclKind::Default => DEFAULT_NAME,
        }
    }
}

/// An entry's tag, with the values of `ACL_USER_OBJ` and its kin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Tag {
    UserObj = 0x01,
    User = 0x02,
    GroupObj = 0x04,
    Group = 0x08,
    Mask = 0x10,
    Other = 0x20,
}

/// Whether an entry has a tag that there is and, where it names somebody, an id that there can be.
fn is_mappable(entry: &[u8; ENTRY_LEN]) -> bool {
    let id = u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]]);
    let tag = Tag::from_wire(u16::from_le_bytes([entry[0], entry[1]]));
    tag.is_some_and(|tag| !tag.names_somebody() || id != UNDEFINED_ID)
}

impl Tag {
    fn from_wire(tag: u16) -> Option<Tag> {
        Some(match tag {
            0x01 => Tag::UserObj,
            0x02 => Tag::User,
            0x04 => Tag::GroupObj,
            0x08 => Tag::Group,
            0x10 => Tag::Mask,
            0x20 => Tag::Other,
            _ => return None,
        })
    }

    fn names_somebody(self) -> bool {
        matches!(self, Tag::User | Tag::Group)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    tag: Tag,
    /// The three `rwx` bits.
    perm: u8,
    /// [`UNDEFINED_ID`] unless the tag names somebody.
    id: u32,
}

impl Entry {
    /// Whether every right in `want` is granted, also when `limit` (a mask's bits) is applied.
    fn grants(self, want: u8, limit: u8) -> bool {
        self.perm & limit & want == want
    }
}

/// An ACL in its xattr form whose framing and tags are right, and whose rules nobody has checked yet.
///
/// The kernel checks the caller's right to set an ACL between the two checks, so the two are separate steps here.
#[derive(Clone, Copy, Debug)]
pub struct RawAcl<'a>(&'a [u8]);

impl<'a> RawAcl<'a> {
    /// Reads an xattr value (`posix_acl_from_xattr`). An empty value, or one without entries, stands for "no ACL".
    ///
    /// # Errors
    /// `EINVAL`: truncated, or an unknown tag; `EOPNOTSUPP`: another version than 2. (`E2BIG`, for values over
    /// 64 KiB, is for [`super::xattr::check_set`].)
    pub fn parse(value: &'a [u8]) -> Result<Option<RawAcl<'a>>, Errno> {
        if value.is_empty() {
            return Ok(None);
        }
        let (header, entries) = value.split_first_chunk::<HEADER_LEN>().ok_or(Errno::EINVAL)?;
        if u32::from_le_bytes(*header) != VERSION {
            return Err(Errno::EOPNOTSUPP);
        }
        let (entries, rest) = entries.as_chunks::<ENTRY_LEN>();
        if !rest.is_empty() {
            return Err(Errno::EINVAL);
        }
        if !entries.iter().all(is_mappable) {
            return Err(Errno::EINVAL);
        }
        Ok((!entries.is_empty()).then_some(RawAcl(entries.as_flattened())))
    }

    /// Checks the rules (`posix_acl_valid`): tags in order, owner, group and other exactly once, at most one mask, a
    /// mask where somebody is named, no undefined id, no bits but `rwx`. Duplicate and unsorted ids are allowed.
    ///
    /// # Errors
    /// `EINVAL`: a rule is broken; `ENOMEM`.
    pub fn validate(self) -> Result<Acl, Errno> {
        let (wire, _) = self.0.as_chunks::<ENTRY_LEN>();
        let mut entries = Vec::new();
        entries.try_reserve_exact(wire.len()).map_err(|_| Errno::ENOMEM)?;
        let mut expected = Expected::UserObj;
        let mut needs_mask = false;
        for &[t0, t1, p0, p1, ref id @ ..] in wire {
            let tag = Tag::from_wire(u16::from_le_bytes([t0, t1])).ok_or(Errno::EINVAL)?;
            let perm = u16::from_le_bytes([p0, p1]);
            let id = if tag.names_somebody() { u32::from_le_bytes(*id) } else { UNDEFINED_ID };
            if u32::from(perm) & !RWX != 0 || (tag.names_somebody() && id == UNDEFINED_ID) {
                return Err(Errno::EINVAL);
            }
            needs_mask |= tag.names_somebody();
            expected = expected.after(tag, needs_mask).ok_or(Errno::EINVAL)?;
            entries.push(Entry { tag, perm: perm as u8, id });
        }
        if expected != Expected::Nothing {
            return Err(Errno::EINVAL);
        }
        Ok(Acl { entries: entries.into_boxed_slice() })
    }
}

/// What may come next while the entries of an ACL are read: `state` of `posix_acl_valid`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expected {
    UserObj,
    UserOrGroupObj,
    GroupMaskOrOther,
    Other,
    Nothing,
}

impl Expected {
    fn after(self, tag: Tag, needs_mask: bool) -> Option<Expected> {
        match (self, tag) {
            (Expected::UserObj, Tag::UserObj) | (Expected::UserOrGroupObj, Tag::User) => {
                Some(Expected::UserOrGroupObj)
            }
            (Expected::UserOrGroupObj, Tag::GroupObj) | (Expected::GroupMaskOrOther, Tag::Group) => {
                Some(Expected::GroupMaskOrOther)
            }
            (Expected::GroupMaskOrOther, Tag::Mask) => Some(Expected::Other),
            (Expected::Other, Tag::Other) => Some(Expected::Nothing),
            (Expected::GroupMaskOrOther, Tag::Other) if !needs_mask => Some(Expected::Nothing),
            _ => None,
        }
    }
}

/// A valid POSIX ACL, immutable, 8 bytes an entry.
#[derive(Debug, PartialEq, Eq)]
pub struct Acl {
    entries: Box<[Entry]>,
}

impl Acl {
    /// The ACL that says what the permission bits of `mode` say (`posix_acl_from_mode`).
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn from_mode(mode: Mode) -> Result<Acl, Errno> {
        let entry = |tag, class| Entry { tag, perm: class_bits(mode, class), id: UNDEFINED_ID };
        Acl::from_entries(&[
            entry(Tag::UserObj, Class::Owner),
            entry(Tag::GroupObj, Class::Group),
            entry(Tag::Other, Class::Other),
        ])
    }

    /// A copy.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn try_clone(&self) -> Result<Acl, Errno> {
        Acl::from_entries(&self.entries)
    }

    fn from_entries(entries: &[Entry]) -> Result<Acl, Errno> {
        let mut copy = Vec::new();
        copy.try_reserve_exact(entries.len()).map_err(|_| Errno::ENOMEM)?;
        copy.extend_from_slice(entries);
        Ok(Acl { entries: copy.into_boxed_slice() })
    }

    /// Bytes of memory behind the ACL.
    pub fn memory(&self) -> usize {
        size_of_val::<[Entry]>(&self.entries)
    }

    /// Length of the xattr value (`posix_acl_xattr_size`).
    pub fn encoded_len(&self) -> usize {
        HEADER_LEN + self.entries.len() * ENTRY_LEN
    }

    /// Writes the xattr value and returns its length; an empty `value` asks for the length alone (getxattr(2),
    /// `vfs_posix_acl_to_xattr`).
    ///
    /// # Errors
    /// `ERANGE`: `value` is too small.
    pub fn encode(&self, value: &mut [u8]) -> Result<usize, Errno> {
        let len = self.encoded_len();
        if value.is_empty() {
            return Ok(len);
        }
        let (header, entries) = value.get_mut(..len).ok_or(Errno::ERANGE)?.split_at_mut(HEADER_LEN);
        header.copy_from_slice(&VERSION.to_le_bytes());
        for (entry, wire) in self.entries.iter().zip(entries.as_chunks_mut::<ENTRY_LEN>().0) {
            wire[..2].copy_from_slice(&(entry.tag as u16).to_le_bytes());
            wire[2..4].copy_from_slice(&u16::from(entry.perm).to_le_bytes());
            wire[4..].copy_from_slice(&entry.id.to_le_bytes());
        }
        Ok(len)
    }

    /// The mode whose permission bits show this ACL, and whether they say all of it (`posix_acl_equiv_mode`). An access
    /// ACL of which they say all is not stored.
    pub fn equiv_mode(&self, mode: Mode) -> (Mode, bool) {
        let mode = with_class_bits(mode, Class::Owner, self.perm_of(Tag::UserObj));
        let mode = with_class_bits(mode, Class::Group, self.group_class());
        let mode = with_class_bits(mode, Class::Other, self.perm_of(Tag::Other));
        (mode, self.entries.len() == 3)
    }

    /// Whether this ACL grants `want` to the user `uid` on an inode of `owner` and `group` (`posix_acl_permission`).
    ///
    /// The caller follows `acl_permission_check`: it asks only when `uid` is not the owner and the mode has any group
    /// bit, and lets capabilities override a refusal. `in_group` is `in_group_p` of the caller's credentials.
    ///
    /// # Errors
    /// `EACCES`: not granted.
    pub fn permission(
        &self,
        uid: u32,
        owner: u32,
        group: u32,
        in_group: impl Fn(u32) -> bool,
        want: Access,
    ) -> Result<(), Errno> {
        let want = (want.bits() & RWX) as u8;
        let mut in_any_group = false;
        for entry in &self.entries {
            let (applies, masked) = match entry.tag {
                Tag::UserObj => (uid == owner, false),
                Tag::User => (uid == entry.id, true),
                Tag::GroupObj | Tag::Group => {
                    let member = in_group(if entry.tag == Tag::Group { entry.id } else { group });
                    in_any_group |= member;
                    // A group entry that does not grant everything leaves the next group a chance.
                    (member && entry.grants(want, RWX as u8), true)
                }
                Tag::Mask => (false, false),
                Tag::Other => (!in_any_group, false),
            };
            if applies {
                let limit = if masked { self.mask().unwrap_or(RWX as u8) } else { RWX as u8 };
                return if entry.grants(want, limit) { Ok(()) } else { Err(Errno::EACCES) };
            }
        }
        Err(Errno::EACCES)
    }

    /// What a new inode gets from its directory's default ACL (`posix_acl_create`): its mode, with no right that the
    /// ACL does not grant, and its access ACL, `None` when the mode says all of it.
    ///
    /// For the caller to know: the umask does not apply where there is a default ACL; a new directory also gets the
    /// default ACL itself, as its own default; symbolic links inherit nothing.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn inherit(&self, mode: Mode) -> Result<(Mode, Option<Acl>), Errno> {
        let granted = |class, perm| class_bits(mode, class) & perm;
        let new = with_class_bits(mode, Class::Owner, granted(Class::Owner, self.perm_of(Tag::UserObj)));
        let new = with_class_bits(new, Class::Group, granted(Class::Group, self.group_class()));
        let new = with_class_bits(new, Class::Other, granted(Class::Other, self.perm_of(Tag::Other)));
        if self.entries.len() == 3 {
            return Ok((new, None));
        }
        Ok((new, Some(self.with_mode(new)?)))
    }

    /// This access ACL after chmod(2) to `mode` (`posix_acl_chmod`): owner and other follow the mode, and so does the
    /// mask, or without one the group. The caller goes on with [`update_mode`], as after setting an ACL.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn chmod(&self, mode: Mode) -> Result<Acl, Errno> {
        self.with_mode(mode)
    }

    fn with_mode(&self, mode: Mode) -> Result<Acl, Errno> {
        let mut acl = self.try_clone()?;
        let group_tag = if acl.mask().is_some() { Tag::Mask } else { Tag::GroupObj };
        for entry in &mut acl.entries {
            match entry.tag {
                Tag::UserObj => entry.perm = class_bits(mode, Class::Owner),
                Tag::Other => entry.perm = class_bits(mode, Class::Other),
                tag if tag == group_tag => entry.perm = class_bits(mode, Class::Group),
                _ => {}
            }
        }
        Ok(acl)
    }

    /// The bits that the mode's group class shows: the mask, or without one the owning group's.
    fn group_class(&self) -> u8 {
        self.mask().unwrap_or_else(|| self.perm_of(Tag::GroupObj))
    }

    /// The mask. It stands directly before the last entry, which is other's.
    fn mask(&self) -> Option<u8> {
        let entry = self.entries.iter().rev().nth(1)?;
        (entry.tag == Tag::Mask).then_some(entry.perm)
    }

    fn perm_of(&self, tag: Tag) -> u8 {
        self.entries.iter().find(|e| e.tag == tag).map_or(0, |e| e.perm)
    }
}

/// Whether an ACL of `kind` (or with `removes`, its absence) may be set on an inode (`set_posix_acl`); asked after
/// [`RawAcl::parse`] and before [`RawAcl::validate`]. `Ok(false)`: there is nothing to do, and it succeeds.
/// `owner_or_capable`: the caller owns the inode or has `CAP_FOWNER`. No other permission counts, and setxattr's
/// `XATTR_CREATE` and `XATTR_REPLACE` mean nothing here. Removing an ACL that is not there succeeds.
///
/// # Errors
/// `EOPNOTSUPP`: a symbolic link; `EACCES`: a default ACL for something else than a directory; `EPERM`: not the owner.
pub fn check_set(
    kind: AclKind,
    removes: bool,
    file: FileType,
    owner_or_capable: bool,
) -> Result<bool, Errno> {
    if file == FileType::Symlink {
        return Err(Errno::EOPNOTSUPP);
    }
    if kind == AclKind::Default && file != FileType::Directory {
        return if removes { Ok(false) } else { Err(Errno::EACCES) };
    }
    if owner_or_capable { Ok(true) } else { Err(Errno::EPERM) }
}

/// Whether an inode's ACLs can be asked for (`vfs_get_acl`): they can by everybody; no ACL is `ENODATA`.
///
/// # Errors
/// `EOPNOTSUPP`: a symbolic link.
pub fn check_get(file: FileType) -> Result<(), Errno> {
    if file == FileType::Symlink { Err(Errno::EOPNOTSUPP) } else { Ok(()) }
}

/// The mode when `acl` becomes an inode's access ACL, and whether the ACL says more than that and is to be stored
/// (`posix_acl_update_mode`).
///
/// `keeps_set_gid`: the caller is in the inode's group or has `CAP_FSETID` (`in_group_or_capable`); otherwise the set-group-id
/// bit goes, also when an ACL is merely removed (which leaves the mode's permission bits as they are).
pub fn update_mode(acl: Option<&Acl>, mode: Mode, keeps_set_gid: bool) -> (Mode, bool) {
    let (mode, says_more) = match acl {
        None => (mode, false),
        Some(acl) => {
            let (mode, equivalent) = acl.equiv_mode(mode);
            (mode, !equivalent)
        }
    };
    (if keeps_set_gid { mode } else { mode.difference(Mode::SGID) }, says_more)
}

/// The three classes of permission bits, as shifts.
#[derive(Clone, Copy)]
enum Class {
    Owner = 6,
    Group = 3,
    Other = 0,
}

fn class_bits(mode: Mode, class: Class) -> u8 {
    (mode.bits() >> class as u32 & RWX) as u8
}

fn with_class_bits(mode: Mode, class: Class, perm: u8) -> Mode {
    let cleared = mode.bits() & !(RWX << class as u32);
    Mode::from_bits_retain(cleared | u32::from(perm) << class as u32)
}

#[cfg(test)]
mod tests;
