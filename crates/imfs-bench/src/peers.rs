//! The other in-memory file systems of Rust: `vfs` (MemoryFS), Wasmer's `virtual-fs`, `rsfs`. What an API cannot do
//! is left out. None of them checks permissions, keeps descriptors or walks a path as POSIX does.

use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::ops::{LARGE, Op, PAGE, next};

/// An open file of a peer.
trait File: Read + Write + Seek {}
impl<T: Read + Write + Seek> File for T {}

/// A peer, as far as the operations need it. Paths are absolute.
trait Peer {
    fn create(&self, path: &str);
    /// Opens a file for reading, and closes it.
    fn open_close(&self, path: &str);
    /// Opens a file for reading and writing.
    fn open(&self, path: &str) -> Box<dyn File>;
    fn stat(&self, path: &str);
    fn list(&self, path: &str) -> usize;
    fn rename(&self, from: &str, to: &str);
    fn unlink(&self, path: &str);
    fn mkdir(&self, path: &str);
    fn rmdir(&self, path: &str);
}

/// The operation on each peer.
pub(crate) fn make(name: &str) -> Vec<(&'static str, Op<'static>)> {
    let peers: [(&'static str, Rc<dyn Peer>); 3] = [
        ("vfs", Rc::new(Vfs::new())),
        ("virtual-fs", Rc::new(Wasmer::new())),
        ("rsfs", Rc::new(Rsfs::new())),
    ];
    peers
        .into_iter()
        .filter_map(|(peer, fs)| {
            prepare(&*fs);
            Some((peer, op(name, &fs)?))
        })
        .collect()
}

fn prepare(fs: &dyn Peer) {
    for dir in ["/a", "/a/b", "/a/b/c", "/small", "/many", "/grow"] {
        fs.mkdir(dir);
    }
    for dir in ["/a", "/a/b", "/a/b/c"] {
        (0..99).for_each(|n| fs.create(&format!("{dir}/file{n}")));
    }
    (0..10).for_each(|n| fs.create(&format!("/small/file{n}")));
    (0..1000).for_each(|n| fs.create(&format!("/many/file{n}")));
    fs.create("/large");
    let mut file = fs.open("/large");
    (0..LARGE / PAGE).for_each(|_| file.write_all(&[7; PAGE]).expect("write"));
}

fn op(name: &str, fs: &Rc<dyn Peer>) -> Option<Op<'static>> {
    let nothing = || -> Box<dyn FnMut()> { Box::new(|| ()) };
    let (one, two) = (Rc::clone(fs), Rc::clone(fs));
    let grow: Vec<String> = (0..1000).map(|n| format!("/grow/name{n}")).collect();
    let again = grow.clone();
    let mut at = 0;
    let mut turn = move || {
        at += 1;
        at % 1000
    };
    let all: fn(&dyn Peer, &[String], fn(&dyn Peer, &str)) =
        |fs, names, act| names.iter().for_each(|n| act(fs, n));
    let (mut before, mut after) = (nothing(), nothing());
    let (count, run): (usize, Box<dyn FnMut()>) = match name {
        "open_close" => (2000, Box::new(move || one.open_close("/small/file5"))),
        "stat_depth4" => (4000, Box::new(move || one.stat("/a/b/c/file50"))),
        "stat_1000" => {
            let names: Vec<String> = (0..1000).map(|n| format!("/many/file{n}")).collect();
            (4000, Box::new(move || one.stat(&names[turn() * 389 % 1000])))
        }
        "create_unlink" => (
            1000,
            Box::new(move || {
                one.create("/small/new");
                one.unlink("/small/new");
            }),
        ),
        "create_1000" => {
            after = Box::new(move || all(&*two, &again, |fs, n| fs.unlink(n)));
            (1000, Box::new(move || one.create(&grow[turn()])))
        }
        "unlink_1000" => {
            before = Box::new(move || all(&*two, &again, |fs, n| fs.create(n)));
            (1000, Box::new(move || one.unlink(&grow[turn()])))
        }
        "mkdir" => {
            after = Box::new(move || all(&*two, &again, |fs, n| fs.rmdir(n)));
            (1000, Box::new(move || one.mkdir(&grow[turn()])))
        }
        "rmdir" => {
            before = Box::new(move || all(&*two, &again, |fs, n| fs.mkdir(n)));
            (1000, Box::new(move || one.rmdir(&grow[turn()])))
        }
        "readdir_1000" => (10, Box::new(move || assert_eq!(one.list("/many"), 1000))),
        "rename_1000" => {
            let mut there = false;
            (
                1000,
                Box::new(move || {
                    let (from, to) = if there {
                        ("/many/moved", "/many/file500")
                    } else {
                        ("/many/file500", "/many/moved")
                    };
                    one.rename(from, to);
                    there = !there;
                }),
            )
        }
        "pread_4k" | "pwrite_4k" | "random_pread_4k" | "seq_read" => return Some(data(name, &*one)),
        "seq_write_reused" => {
            one.create("/rewritten");
            (LARGE / PAGE, {
                let mut file = one.open("/rewritten");
                let mut written = 0;
                Box::new(move || {
                    if written % LARGE == 0 {
                        file.seek(SeekFrom::Start(0)).expect("seek");
                    }
                    file.write_all(&[7; PAGE]).expect("write");
                    written += PAGE;
                })
            })
        }
        _ => return None,
    };
    Some(Op { count, before, run, after })
}

fn data(name: &str, fs: &dyn Peer) -> Op<'static> {
    let mut file = fs.open("/large");
    let mut buf = vec![7; PAGE];
    let (mut random, mut at) = (0x2545_f491_4f6c_dd1d_u64, 0);
    let count = if name == "seq_read" { LARGE / PAGE } else { 4000 };
    let writes = name == "pwrite_4k";
    let place: Box<dyn Fn(&mut u64, &mut usize) -> usize> = match name {
        "random_pread_4k" => Box::new(|random, _| next(random) as usize % (LARGE / PAGE) * PAGE),
        "seq_read" => Box::new(|_, at| {
            *at = (*at + PAGE) % LARGE;
            *at
        }),
        _ => Box::new(|_, _| 8192),
    };
    let run = Box::new(move || {
        file.seek(SeekFrom::Start(place(&mut random, &mut at) as u64)).expect("seek");
        if writes { file.write_all(&buf) } else { file.read_exact(&mut buf) }.expect("4 KiB");
    });
    Op { count, before: Box::new(|| ()), run, after: Box::new(|| ()) }
}

/// `vfs` reads and writes by different types, so this is one of either.
struct VfsFile {
    reads: Box<dyn vfs::SeekAndRead + Send>,
    writes: Box<dyn vfs::SeekAndWrite + Send>,
}

impl Read for VfsFile {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.reads.read(buf)
    }
}

impl Write for VfsFile {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.writes.write(buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.writes.flush()
    }
}

impl Seek for VfsFile {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.writes.seek(to)?;
        self.reads.seek(to)
    }
}

/// The crate `vfs`. Paths are joined once each, as its users must.
struct Vfs(vfs::VfsPath);

impl Vfs {
    fn new() -> Self {
        Self(vfs::VfsPath::new(vfs::MemoryFS::new()))
    }

    fn at(&self, path: &str) -> vfs::VfsPath {
        self.0.join(path.trim_start_matches('/')).expect("join")
    }
}

impl Peer for Vfs {
    fn create(&self, path: &str) {
        drop(self.at(path).create_file().expect("create"));
    }

    fn open_close(&self, path: &str) {
        drop(self.at(path).open_file().expect("open"));
    }

    fn open(&self, path: &str) -> Box<dyn File> {
        let path = self.at(path);
        let writes = path.append_file().expect("append");
        Box::new(VfsFile { reads: path.open_file().expect("open"), writes })
    }

    fn stat(&self, path: &str) {
        std::hint::black_box(self.at(path).metadata().expect("metadata"));
    }

    fn list(&self, path: &str) -> usize {
        self.at(path).read_dir().expect("read_dir").count()
    }

    fn rename(&self, from: &str, to: &str) {
        self.at(from).move_file(&self.at(to)).expect("move");
    }

    fn unlink(&self, path: &str) {
        self.at(path).remove_file().expect("remove");
    }

    fn mkdir(&self, path: &str) {
        self.at(path).create_dir().expect("create_dir");
    }

    fn rmdir(&self, path: &str) {
        self.at(path).remove_dir().expect("remove_dir");
    }
}

/// The crate `rsfs`.
struct Rsfs(rsfs::mem::FS);

impl Rsfs {
    fn new() -> Self {
        Self(rsfs::mem::FS::with_mode(0o777))
    }
}

impl Peer for Rsfs {
    fn create(&self, path: &str) {
        drop(rsfs::GenFS::create_file(&self.0, path).expect("create"));
    }

    fn open_close(&self, path: &str) {
        drop(rsfs::GenFS::open_file(&self.0, path).expect("open"));
    }

    fn open(&self, path: &str) -> Box<dyn File> {
        use rsfs::OpenOptions as _;
        let mut options = rsfs::GenFS::new_openopts(&self.0);
        Box::new(options.read(true).write(true).open(path).expect("open"))
    }

    fn stat(&self, path: &str) {
        std::hint::black_box(rsfs::GenFS::metadata(&self.0, path).expect("metadata"));
    }

    fn list(&self, path: &str) -> usize {
        rsfs::GenFS::read_dir(&self.0, path).expect("read_dir").count()
    }

    fn rename(&self, from: &str, to: &str) {
        rsfs::GenFS::rename(&self.0, from, to).expect("rename");
    }

    fn unlink(&self, path: &str) {
        rsfs::GenFS::remove_file(&self.0, path).expect("remove");
    }

    fn mkdir(&self, path: &str) {
        rsfs::GenFS::create_dir(&self.0, path).expect("create_dir");
    }

    fn rmdir(&self, path: &str) {
        rsfs::GenFS::remove_dir(&self.0, path).expect("remove_dir");
    }
}

/// The crate `virtual-fs`. Its files are asynchronous but never wait.
struct Wasmer(virtual_fs::mem_fs::FileSystem);

impl Wasmer {
    fn new() -> Self {
        Self(virtual_fs::mem_fs::FileSystem::default())
    }
}

/// A file of `virtual-fs`, driven to the end of each operation.
struct WasmerFile(Box<dyn virtual_fs::VirtualFile + Send + Sync + 'static>);

impl Read for WasmerFile {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        futures_executor::block_on(tokio::io::AsyncReadExt::read(&mut self.0, buf))
    }
}

impl Write for WasmerFile {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        futures_executor::block_on(tokio::io::AsyncWriteExt::write(&mut self.0, buf))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Seek for WasmerFile {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        futures_executor::block_on(tokio::io::AsyncSeekExt::seek(&mut self.0, to))
    }
}

impl Peer for Wasmer {
    fn create(&self, path: &str) {
        use virtual_fs::FileSystem as _;
        drop(self.0.new_open_options().write(true).create(true).truncate(true).open(path).expect("create"));
    }

    fn open_close(&self, path: &str) {
        use virtual_fs::FileSystem as _;
        drop(self.0.new_open_options().read(true).open(path).expect("open"));
    }

    fn open(&self, path: &str) -> Box<dyn File> {
        use virtual_fs::FileSystem as _;
        Box::new(WasmerFile(self.0.new_open_options().read(true).write(true).open(path).expect("open")))
    }

    fn stat(&self, path: &str) {
        std::hint::black_box(virtual_fs::FileSystem::metadata(&self.0, Path::new(path)).expect("metadata"));
    }

    fn list(&self, path: &str) -> usize {
        virtual_fs::FileSystem::read_dir(&self.0, Path::new(path)).expect("read_dir").count()
    }

    fn rename(&self, from: &str, to: &str) {
        let (from, to) = (PathBuf::from(from), PathBuf::from(to));
        futures_executor::block_on(virtual_fs::FileSystem::rename(&self.0, &from, &to)).expect("rename");
    }

    fn unlink(&self, path: &str) {
        virtual_fs::FileSystem::remove_file(&self.0, Path::new(path)).expect("remove");
    }

    fn mkdir(&self, path: &str) {
        virtual_fs::FileSystem::create_dir(&self.0, Path::new(path)).expect("create_dir");
    }

    fn rmdir(&self, path: &str) {
        virtual_fs::FileSystem::remove_dir(&self.0, Path::new(path)).expect("remove_dir");
    }
}
