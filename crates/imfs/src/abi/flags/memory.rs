//! Flags of mmap(2), mprotect(2) and msync(2).

use bitflags::bitflags;

bitflags! {
    /// The `prot` of mmap(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct ProtFlags: u32 {
        /// No access: no bit at all.
        const NONE = 0;
        /// Pages can be read.
        const READ = 1;
        /// Pages can be written.
        const WRITE = 2;
        /// Pages can be executed.
        const EXEC = 4;
        /// Keep the bits without a name.
        const _ = !0;
    }

    /// The `flags` of mmap(2). The low bits are a number, not a set: compare `self & TYPE`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct MapFlags: u32 {
        /// Writes reach the file.
        const SHARED = 0x01;
        /// Writes stay private.
        const PRIVATE = 0x02;
        /// As `SHARED`, and unknown flags are refused.
        const SHARED_VALIDATE = 0x03;
        /// The bits that hold the type.
        const TYPE = 0x0f;
        /// At exactly this address.
        const FIXED = 0x10;
        /// Without a file.
        const ANONYMOUS = 0x20;
        /// Grows downward.
        const GROWSDOWN = 0x100;
        /// Ignored.
        const DENYWRITE = 0x800;
        /// Ignored.
        const EXECUTABLE = 0x1000;
        /// Lock the pages.
        const LOCKED = 0x2000;
        /// Reserve no swap space.
        const NORESERVE = 0x4000;
        /// Fault the pages in.
        const POPULATE = 0x8000;
        /// With `POPULATE`: do not block.
        const NONBLOCK = 0x10000;
        /// For a stack.
        const STACK = 0x20000;
        /// Huge pages.
        const HUGETLB = 0x40000;
        /// Synchronous page faults (DAX).
        const SYNC = 0x80000;
        /// At exactly this address, unless something is there.
        const FIXED_NOREPLACE = 0x100000;
        /// Keep the bits without a name.
        const _ = !0;
    }

    /// The `flags` of msync(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct MsyncFlags: u32 {
        /// Only schedule the update.
        const ASYNC = 1;
        /// Drop other mappings of the file.
        const INVALIDATE = 2;
        /// Wait for the update.
        const SYNC = 4;
        /// Keep the bits without a name.
        const _ = !0;
    }
}
