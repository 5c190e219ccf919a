//! Many programs at once on one mount.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::thread;

use crate::fixture::Mount;

const THREADS: usize = 8;
const ROUNDS: usize = 50;

#[test]
fn files_of_their_own() {
    let mount = Mount::new();
    thread::scope(|scope| {
        for number in 0..THREADS {
            let dir = mount.at(&format!("d{number}"));
            scope.spawn(move || {
                fs::create_dir(&dir).unwrap();
                for round in 0..ROUNDS {
                    let (path, moved) = (dir.join(format!("f{round}")), dir.join(format!("g{round}")));
                    let text = vec![number as u8; round * 1000];
                    fs::write(&path, &text).unwrap();
                    fs::rename(&path, &moved).unwrap();
                    assert!(fs::read(&moved).unwrap() == text);
                    if round % 2 == 0 {
                        fs::remove_file(&moved).unwrap();
                    }
                }
                assert_eq!(fs::read_dir(&dir).unwrap().count(), ROUNDS / 2);
            });
        }
    });
}

#[test]
fn one_name_for_all() {
    let mount = Mount::new();
    let created: usize = thread::scope(|scope| {
        let create = |number: usize| {
            let mut created = 0;
            for round in 0..ROUNDS {
                let name = mount.at(&format!("round {round}"));
                created += usize::from(File::create_new(&name).is_ok());
                // Whoever else made it, it is there.
                OpenOptions::new()
                    .append(true)
                    .open(&name)
                    .unwrap()
                    .write_all(&[b'0' + number as u8])
                    .unwrap();
            }
            created
        };
        let threads: Vec<_> = (0..THREADS).map(|number| scope.spawn(move || create(number))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!(created, ROUNDS);
    for round in 0..ROUNDS {
        let mut text = fs::read(mount.at(&format!("round {round}"))).unwrap();
        text.sort_unstable();
        assert_eq!(text, (b'0'..b'0' + THREADS as u8).collect::<Vec<_>>());
    }
}

#[test]
fn one_file_for_all() {
    let mount = Mount::new();
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(mount.at("f")).unwrap();
    let size = 64 << 10;
    thread::scope(|scope| {
        for number in 0..THREADS {
            let file = &file;
            scope.spawn(move || {
                let text = vec![b'a' + number as u8; size];
                let mut seen = vec![0; size];
                for round in 0..ROUNDS {
                    let at = ((number + round * THREADS) * size) as u64;
                    file.write_all_at(&text, at).unwrap();
                    file.read_exact_at(&mut seen, at).unwrap();
                    assert!(seen == text);
                }
            });
        }
    });
    assert_eq!(file.metadata().unwrap().len(), (THREADS * ROUNDS * size) as u64);
}

#[test]
fn a_tree_that_moves_is_always_found() {
    let mount = Mount::new();
    for dir in ["a", "b"] {
        fs::create_dir(mount.at(dir)).unwrap();
    }
    fs::write(mount.at("a/f"), "text").unwrap();
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for _ in 0..ROUNDS * 10 {
                let texts = [fs::read_to_string(mount.at("a/f")), fs::read_to_string(mount.at("b/f"))];
                for text in texts.into_iter().flatten() {
                    assert_eq!(text, "text");
                }
            }
        });
        while !reader.is_finished() {
            fs::rename(mount.at("a/f"), mount.at("b/f")).unwrap();
            fs::rename(mount.at("b/f"), mount.at("a/f")).unwrap();
        }
    });
    assert_eq!(fs::read_to_string(mount.at("a/f")).unwrap(), "text");
}
