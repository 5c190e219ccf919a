//! Views of regular files that somebody has mapped, and what they do to the attributes: stores to a mapping change the
//! times (`file_update_time`), and any access may give a hole a page.
//!
//! The host does not tell when that happens. So it is noted when somebody can see it: when the attributes are looked
//! at or the times are set, at msync(2), and when a view ends. As on tmpfs, only the first store to a page changes the
//! times, and none to a page that was read through the mapping before: the host sees no others.
//!
//! Where mappings are, and whose, the cage layer knows.

use super::attributes::MAPPED;
use super::{Attr, Inode, Object};
use crate::abi::{Errno, Result};
use crate::data::{Contents, View};
use crate::sync::refcount::Ref;

/// A view of a regular file, which lives as long as it.
#[derive(Debug)]
pub(crate) struct FileView {
    inode: Ref<Inode>,
    view: View,
    fd: i32,
}

impl FileView {
    /// Lets the host keep the bytes of the file, as long as there are views.
    ///
    /// # Errors
    /// ENODEV: not a regular file, or the host has no files of memory. ENOMEM: also where the instance has not the space
    /// for the holes in a writable view. ENFILE: the host has no descriptor left.
    pub(crate) fn new(inode: Ref<Inode>, view: View) -> Result<Self> {
        let Object::Regular(regular) = &inode.object else { return Err(Errno::ENODEV) };
        let mut contents = regular.contents.write();
        let fd = contents.map_shared(&inode.sb.space, view).map_err(|error| match error {
            Errno::ENOSPC => Errno::ENOMEM,
            Errno::EMFILE => Errno::ENFILE,
            other => other,
        })?;
        inode.note_mapped(&mut contents);
        drop(contents);
        Ok(Self { inode, view, fd })
    }

    /// A view of the bytes `from..to` of this one, besides it.
    ///
    /// # Errors
    /// ENOMEM: the host's memory; never the instance's space.
    pub(crate) fn part(&self, from: u64, to: u64) -> Result<Self> {
        let view = View { offset: self.view.offset + from, len: to - from, ..self.view };
        Self::new(self.inode.clone(), view)
    }

    /// The host's descriptor of the bytes, good as long as the view is there.
    pub(crate) fn fd(&self) -> i32 {
        self.fd
    }

    /// Where in the file it begins.
    pub(crate) fn offset(&self) -> u64 {
        self.view.offset
    }

    /// Notes what was written through mappings of the file.
    pub(crate) fn settle(&self) {
        self.inode.settle_mapped();
    }
}

impl Drop for FileView {
    /// The mapping is gone.
    fn drop(&mut self) {
        if let Object::Regular(regular) = &self.inode.object {
            let mut contents = regular.contents.write();
            // Before the host's file goes, and with it what it knows of stores.
            self.inode.note_mapped(&mut contents);
            contents.unmap_shared(&self.inode.sb.space, self.view);
            self.inode.note_mapped(&mut contents);
        }
    }
}

impl Inode {
    /// All attributes at one moment, with what mappings made of them.
    #[inline]
    pub(crate) fn settled_attr(&self) -> Attr {
        let attr = self.attr();
        if attr.flags & MAPPED == 0 {
            return attr;
        }
        self.settle_mapped();
        self.attr()
    }

    /// Notes what was written through mappings.
    #[cold]
    pub(crate) fn settle_mapped(&self) {
        if let Object::Regular(regular) = &self.object {
            self.note_mapped(&mut regular.contents.write());
        }
    }

    /// Whether the file is mapped, so that there may be something to settle.
    #[inline]
    pub(super) fn is_mapped(&self) -> bool {
        self.attributes.has(MAPPED)
    }

    fn note_mapped(&self, contents: &mut Contents) {
        let modified = contents.sync_mapped(&self.sb.space).then(|| self.sb.now());
        let (blocks, mapped) = (contents.blocks(), contents.is_mapped());
        if modified.is_some() || blocks != self.attr().blocks || mapped != self.is_mapped() {
            self.attributes.change(|a| {
                a.set_blocks(blocks);
                a.set_flag(MAPPED, mapped);
                if let Some(now) = modified {
                    a.modified(now);
                }
            });
        }
    }
}
