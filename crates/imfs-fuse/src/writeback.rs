//! Getting out of the kernel what programs have written and it still keeps (`FUSE_WRITEBACK_CACHE`).
//!
//! The kernel has no request of its own for that, but to invalidate an inode's pages it first writes the changed ones,
//! and waits. The wait needs the threads that answer `FUSE_WRITE`, so none of them may invalidate: one thread here does
//! it for all. Used by `lseek`, whose answer depends on the bytes, and by the end of a session.

use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::{io, thread};

use fuser::{INodeNo, Notifier};

/// What to do once the bytes have arrived.
type Then = Box<dyn FnOnce() + Send>;

/// The thread's entrance. Empty until the session is there.
#[derive(Debug, Default)]
pub(crate) struct Writeback(OnceLock<Sender<(u64, Then)>>);

impl Writeback {
    /// Starts the thread. It ends with the last reference to this.
    pub(crate) fn start(&self, notifier: Notifier) -> io::Result<()> {
        let (sender, jobs) = channel::<(u64, Then)>();
        thread::Builder::new().name("imfs-writeback".to_owned()).spawn(move || {
            for (inode, then) in jobs {
                write_back(&notifier, inode);
                then();
            }
        })?;
        // A second start would be a second session of the same door, and there is none.
        let _ = self.0.set(sender);
        Ok(())
    }

    /// Has an inode's bytes written back, then does `then`.
    pub(crate) fn before(&self, inode: u64, then: impl FnOnce() + Send + 'static) {
        let then: Then = Box::new(then);
        match self.0.get() {
            Some(sender) => {
                if let Err(refused) = sender.send((inode, then)) {
                    (refused.0.1)();
                }
            }
            None => then(),
        }
    }
}

/// Has the kernel write an inode's changed pages and forget all of them. Never to be called by a thread that answers.
///
/// What fails is either an inode that the kernel has forgotten, and so written, or a mount that is gone.
pub(crate) fn write_back(notifier: &Notifier, inode: u64) {
    let _ = notifier.inval_inode(INodeNo(inode), 0, 0);
}
