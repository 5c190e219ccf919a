//! The calls that are measured, through a cage and as system calls: every operation is written once over [`Calls`].

use std::ffi::CStr;
use std::sync::Arc;

use imfs::abi::{Mode, OFlags};
use imfs::inode::Credentials;
use imfs::{Cage, Imfs};

/// A file system that is called the POSIX way. Errors panic: a bench that fails measures nothing.
pub(crate) trait Calls: Send + Sync {
    fn open(&self, path: &CStr, flags: OFlags) -> i32;
    fn close(&self, fd: i32);
    fn stat(&self, path: &CStr) -> u64;
    fn unlink(&self, path: &CStr);
    fn rename(&self, from: &CStr, to: &CStr);
    fn mkdir(&self, path: &CStr);
    fn rmdir(&self, path: &CStr);
    fn pread(&self, fd: i32, buf: &mut [u8], offset: i64);
    fn pwrite(&self, fd: i32, buf: &[u8], offset: i64);
    fn read(&self, fd: i32, buf: &mut [u8]) -> usize;
    fn write(&self, fd: i32, buf: &[u8]);
    fn rewind(&self, fd: i32);
    fn truncate(&self, fd: i32, size: i64);
    fn getdents(&self, fd: i32, buf: &mut [u8]) -> usize;
}

const MODE: Mode = Mode::from_bits_retain(0o644);
const DIR_MODE: Mode = Mode::from_bits_retain(0o755);

/// IMFS in process. The user is an ordinary one, so that permissions are really checked.
pub(crate) struct InProcess {
    pub(crate) fs: Arc<Imfs>,
    pub(crate) cage: Arc<Cage>,
}

impl InProcess {
    pub(crate) fn new() -> Self {
        let fs = Imfs::builder().uid(1000).gid(1000).build().expect("an instance");
        let cage = fs.create_cage(1, Credentials::new(1000, 1000)).expect("a cage");
        Self { fs, cage }
    }

    /// Another cage on the same instance, for another thread.
    pub(crate) fn another(&self, id: u64) -> Self {
        let cage = self.fs.create_cage(id, Credentials::new(1000, 1000)).expect("a cage");
        Self { fs: Arc::clone(&self.fs), cage }
    }
}

impl Calls for InProcess {
    fn open(&self, path: &CStr, flags: OFlags) -> i32 {
        self.cage.open(path.to_bytes(), flags, MODE).expect("open")
    }

    fn close(&self, fd: i32) {
        self.cage.close(fd).expect("close");
    }

    fn stat(&self, path: &CStr) -> u64 {
        self.cage.stat(path.to_bytes()).expect("stat").ino
    }

    fn unlink(&self, path: &CStr) {
        self.cage.unlink(path.to_bytes()).expect("unlink");
    }

    fn rename(&self, from: &CStr, to: &CStr) {
        self.cage.rename(from.to_bytes(), to.to_bytes()).expect("rename");
    }

    fn mkdir(&self, path: &CStr) {
        self.cage.mkdir(path.to_bytes(), DIR_MODE).expect("mkdir");
    }

    fn rmdir(&self, path: &CStr) {
        self.cage.rmdir(path.to_bytes()).expect("rmdir");
    }

    fn pread(&self, fd: i32, buf: &mut [u8], offset: i64) {
        assert_eq!(self.cage.pread(fd, buf, offset), Ok(buf.len()));
    }

    fn pwrite(&self, fd: i32, buf: &[u8], offset: i64) {
        assert_eq!(self.cage.pwrite(fd, buf, offset), Ok(buf.len()));
    }

    fn read(&self, fd: i32, buf: &mut [u8]) -> usize {
        self.cage.read(fd, buf).expect("read")
    }

    fn write(&self, fd: i32, buf: &[u8]) {
        assert_eq!(self.cage.write(fd, buf), Ok(buf.len()));
    }

    fn rewind(&self, fd: i32) {
        self.cage.lseek(fd, 0, imfs::abi::Whence::Set).expect("lseek");
    }

    fn truncate(&self, fd: i32, size: i64) {
        self.cage.ftruncate(fd, size).expect("ftruncate");
    }

    fn getdents(&self, fd: i32, buf: &mut [u8]) -> usize {
        self.cage.getdents64(fd, buf).expect("getdents64")
    }
}

/// A directory of the kernel's, by system calls: on a tmpfs, or on a FUSE mount of IMFS. Paths are absolute paths below
/// the directory's own, so that both sides walk as many components of theirs: the working directory is the mount.
pub(crate) struct Kernel;

fn check(result: i64) -> i64 {
    assert!(result >= 0, "{}", std::io::Error::last_os_error());
    result
}

/// "/a/b" is "a/b" from the working directory, which is the mount.
fn relative(path: &CStr) -> *const libc::c_char {
    let bytes = path.to_bytes_with_nul();
    let skip = usize::from(bytes.len() > 2 && bytes[0] == b'/');
    if bytes == b"/\0" { c".".as_ptr() } else { bytes[skip..].as_ptr().cast() }
}

macro_rules! system_call {
    ($($call:tt)*) => {
        // SAFETY: the pointers are of C strings and slices that outlive the call, with their true lengths.
        check(unsafe { i64::try_from($($call)*).unwrap_or(-1) })
    };
}

impl Calls for Kernel {
    fn open(&self, path: &CStr, flags: OFlags) -> i32 {
        system_call!(libc::open(relative(path), flags.bits() as i32, 0o644)) as i32
    }

    fn close(&self, fd: i32) {
        system_call!(libc::close(fd));
    }

    fn stat(&self, path: &CStr) -> u64 {
        let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
        system_call!(libc::stat(relative(path), stat.as_mut_ptr()));
        // SAFETY: the call succeeded, so it filled the structure in.
        unsafe { stat.assume_init() }.st_ino
    }

    fn unlink(&self, path: &CStr) {
        system_call!(libc::unlink(relative(path)));
    }

    fn rename(&self, from: &CStr, to: &CStr) {
        system_call!(libc::rename(relative(from), relative(to)));
    }

    fn mkdir(&self, path: &CStr) {
        system_call!(libc::mkdir(relative(path), 0o755));
    }

    fn rmdir(&self, path: &CStr) {
        system_call!(libc::rmdir(relative(path)));
    }

    fn pread(&self, fd: i32, buf: &mut [u8], offset: i64) {
        let read = system_call!(libc::pread(fd, buf.as_mut_ptr().cast(), buf.len(), offset));
        assert_eq!(read as usize, buf.len());
    }

    fn pwrite(&self, fd: i32, buf: &[u8], offset: i64) {
        let written = system_call!(libc::pwrite(fd, buf.as_ptr().cast(), buf.len(), offset));
        assert_eq!(written as usize, buf.len());
    }

    fn read(&self, fd: i32, buf: &mut [u8]) -> usize {
        system_call!(libc::read(fd, buf.as_mut_ptr().cast(), buf.len())) as usize
    }

    fn write(&self, fd: i32, buf: &[u8]) {
        let written = system_call!(libc::write(fd, buf.as_ptr().cast(), buf.len()));
        assert_eq!(written as usize, buf.len());
    }

    fn rewind(&self, fd: i32) {
        system_call!(libc::lseek(fd, 0, libc::SEEK_SET));
    }

    fn truncate(&self, fd: i32, size: i64) {
        system_call!(libc::ftruncate(fd, size));
    }

    fn getdents(&self, fd: i32, buf: &mut [u8]) -> usize {
        system_call!(libc::syscall(libc::SYS_getdents64, fd, buf.as_mut_ptr(), buf.len())) as usize
    }
}
