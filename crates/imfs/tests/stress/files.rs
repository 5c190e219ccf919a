//! The bytes of one file under many hands.

use imfs::abi::{Errno, FallocFlags, OFlags};

use crate::crew::{ALL, CREATE, crew, file, job, rounds, world};
use crate::tree::check;

/// O_APPEND: each record is at the end of the file as it was then, whole, and none is lost.
#[test]
fn appends_lose_nothing() {
    let (fs, cage) = world();
    file(&cage, "/log", b"");
    let records = rounds(1_500);
    let append = || {
        job(|w| {
            let fd = w.cage.open("/log", OFlags::WRONLY | OFlags::APPEND, ALL).expect("open");
            for _ in 0..records {
                assert_eq!(w.cage.write(fd, &[b'a' + w.number as u8; 13]), Ok(13));
            }
        })
    };
    let read = || {
        job(|w| {
            let fd = w.cage.open("/log", OFlags::RDONLY, ALL).expect("open");
            let mut bytes = [0; 13];
            while w.going() {
                let size = w.cage.fstat(fd).expect("fstat").size;
                assert_eq!(size % 13, 0);
                if size > 0 {
                    assert_eq!(w.cage.pread(fd, &mut bytes, size - 13), Ok(13));
                    assert!(bytes.iter().all(|byte| *byte == bytes[0]));
                }
            }
        })
    };
    crew(&fs, vec![append(), append(), append()], vec![read()]);
    assert_eq!(cage.stat("/log").unwrap().size, 3 * 13 * i64::from(records));
    check(&fs, &cage);
}

/// A read sees all of a write or nothing of it, across pages too, with truncations, holes and clones between.
#[test]
fn no_read_is_torn() {
    let (fs, cage) = world();
    const LEN: usize = 9_000;
    file(&cage, "/f", &[1; LEN]);
    let write = || {
        job(|w| {
            let fd = w.cage.open("/f", OFlags::RDWR, ALL).expect("open");
            let other = w.cage.open(format!("/{}", w.number), CREATE, ALL).expect("open");
            for n in 0..rounds(600) {
                match w.below(8) {
                    0 => w.cage.ftruncate(fd, 0).expect("ftruncate"),
                    1 => {
                        let mode = FallocFlags::PUNCH_HOLE | FallocFlags::KEEP_SIZE;
                        w.cage.fallocate(fd, mode, 0, 3 * 4096).expect("fallocate");
                    }
                    2 => w.cage.ficlone(other, fd).expect("ficlone"),
                    _ => assert_eq!(w.cage.pwrite(fd, &[n as u8; LEN], 0), Ok(LEN)),
                }
            }
        })
    };
    let read = || {
        job(|w| {
            let fd = w.cage.open("/f", OFlags::RDONLY, ALL).expect("open");
            let mut bytes = [0; LEN];
            while w.going() {
                let read = w.cage.pread(fd, &mut bytes, 0).expect("pread");
                assert!(read == 0 || read == LEN, "{read}");
                assert!(bytes[..read].iter().all(|byte| *byte == bytes[0]));
            }
        })
    };
    crew(&fs, vec![write(), write()], vec![read(), read()]);
    check(&fs, &cage);
    for name in ["/f", "/0", "/1"] {
        cage.unlink(name).unwrap();
    }
    assert_eq!(fs.statfs().bfree, fs.statfs().blocks);
}

/// Appending against truncation: the size is that of whole records, and what is between them is what was written.
#[test]
fn append_against_truncate() {
    let (fs, cage) = world();
    file(&cage, "/f", b"");
    let append = || {
        job(|w| {
            let fd = w.cage.open("/f", OFlags::WRONLY | OFlags::APPEND, ALL).expect("open");
            for _ in 0..rounds(1_500) {
                assert_eq!(w.cage.write(fd, &[7; 512]), Ok(512));
            }
        })
    };
    let cut = job(|w| {
        while w.going() {
            w.cage.truncate("/f", 512 * w.below(16) as i64).expect("truncate");
        }
    });
    let stat = job(|w| {
        while w.going() {
            let stat = w.cage.stat("/f").expect("stat");
            assert!(stat.size % 512 == 0 && stat.blocks * 512 <= (stat.size + 4095) / 4096 * 4096);
        }
    });
    crew(&fs, vec![append(), append()], vec![cut, stat]);
    check(&fs, &cage);
}

/// A shared description: each read moves the offset by what it read, and no two get the same bytes.
#[test]
fn a_shared_offset_hands_out_each_byte_once() {
    let (fs, cage) = world();
    let total = 4 * u64::from(rounds(4_000));
    file(&cage, "/f", &(0..total / 4).flat_map(|n| (n as u32).to_le_bytes()).collect::<Vec<_>>());
    let fd = cage.open("/f", OFlags::RDONLY, ALL).unwrap();
    let sum = std::sync::atomic::AtomicU64::new(0);
    let read = || {
        job(|_| {
            let mut bytes = [0; 4];
            while cage.read(fd, &mut bytes).expect("read") == 4 {
                sum.fetch_add(u64::from(u32::from_le_bytes(bytes)), std::sync::atomic::Ordering::Relaxed);
            }
        })
    };
    crew(&fs, vec![read(), read(), read()], vec![]);
    let numbers = total / 4;
    assert_eq!(sum.load(std::sync::atomic::Ordering::Relaxed), numbers * (numbers - 1) / 2);
}

/// An unlinked file that is open in many cages keeps its bytes to the last close, which frees them at once.
#[test]
fn the_last_close_frees() {
    let (fs, _cage) = world();
    let use_it = || {
        job(|w| {
            let mut bytes = [0; 100];
            for _ in 0..rounds(1_200) {
                match w.cage.open("/f", CREATE, ALL) {
                    Ok(fd) => {
                        assert_eq!(w.cage.pwrite(fd, &[5; 100], 0), Ok(100));
                        let _ = w.cage.unlink("/f");
                        assert_eq!(w.cage.pread(fd, &mut bytes, 0), Ok(100));
                        assert_eq!(bytes, [5; 100]);
                        w.cage.close(fd).expect("close");
                    }
                    Err(error) => panic!("open: {error:?}"),
                }
            }
            assert!(matches!(w.cage.unlink("/f"), Ok(()) | Err(Errno::ENOENT)));
        })
    };
    crew(&fs, vec![use_it(), use_it(), use_it()], vec![]);
    let statfs = fs.statfs();
    assert_eq!((statfs.files - statfs.ffree, statfs.bfree), (1, statfs.blocks));
}
