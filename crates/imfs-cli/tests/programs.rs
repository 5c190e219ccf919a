//! Programs that know nothing of IMFS, on a mount of it.

mod harness;

use std::fs::{self, File};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::process::Command;

use harness::{MountPoint, Running, Said, is_root, unmount};

/// Runs `script` in a fresh mount, with `$1` for `argument` and `$SCRATCH` for a directory of the host; it has to succeed,
/// silently on standard error, and the mount has to end well.
fn on_mount(name: &str, script: &str, argument: &str) -> String {
    if !is_root() {
        return String::new();
    }
    let (point, mut running) = mounted(name);
    let mut command = Command::new("sh");
    command.args(["-euc", script, "sh", argument]).current_dir(point.path());
    command.env("SCRATCH", point.scratch.at("")).env("LC_ALL", "C").env("HOME", point.path());
    command.env_remove("PYTHONDONTWRITEBYTECODE");
    let said = Said::of(command);
    assert!(said.status.success(), "{}{}", said.out, said.err);
    assert_eq!(said.err, "");
    unmount(&point.path());
    assert_eq!(running.status().code(), Some(0));
    said.out
}

fn mounted(name: &str) -> (MountPoint, Running) {
    let point = MountPoint::new(name);
    let running = point.start(&[]);
    (point, running)
}

#[test]
fn git_clones_this_repository() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    if !repository.join(".git").exists() {
        eprintln!("skipped: the sources are no git repository");
        return;
    }
    let script = "
        export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
        git clone --quiet --no-local \"$1\" clone
        cd clone
        git fsck --full --strict --no-progress
        git -c gc.auto=0 repack -a -d -q
        git fsck --full --no-progress
        test -z \"$(git status --porcelain)\"
        test \"$(git rev-parse HEAD)\" = \"$(git -C \"$1\" rev-parse HEAD)\"
        git checkout -q -b other && git rm -rq . && git reset -q --hard && test -e Cargo.toml";
    on_mount("git", script, repository.to_str().unwrap());
}

#[test]
fn sqlite_keeps_its_promises() {
    let script = "
        for mode in delete wal; do
            sqlite3 $mode.db \"PRAGMA journal_mode=$mode; CREATE TABLE t (n INTEGER PRIMARY KEY, s TEXT);\" >/dev/null
            seq 1 200 | sed \"s/.*/INSERT INTO t (s) VALUES (hex(randomblob(500)));/\" | sqlite3 $mode.db
            (echo 'BEGIN;'; seq 1 3000 | sed 's/.*/INSERT INTO t (s) VALUES (hex(randomblob(300)));/'; echo 'COMMIT;') |
                sqlite3 $mode.db
            sqlite3 $mode.db 'BEGIN; DELETE FROM t; ROLLBACK; DELETE FROM t WHERE n % 3 = 0; VACUUM;
                CREATE INDEX i ON t (s); PRAGMA integrity_check; SELECT count(*) FROM t;'
        done";
    let out = on_mount("sqlite", script, "");
    assert!(!is_root() || out == "ok\n2134\nok\n2134\n", "{out}");
}

#[test]
fn sqlite_readers_and_a_writer_share_a_log() {
    // A reader keeps its snapshot in WAL mode while a writer in another process goes on: they share an index in memory.
    let script = "
import sqlite3, subprocess, sys
one = sqlite3.connect('w.db', isolation_level=None)
one.execute('PRAGMA journal_mode=wal')
one.execute('CREATE TABLE t (n)')
one.execute('INSERT INTO t VALUES (1)')
one.execute('BEGIN')
assert one.execute('SELECT count(*) FROM t').fetchone() == (1,)
other = 'import sqlite3; c = sqlite3.connect(\"w.db\"); c.executemany(\"INSERT INTO t VALUES (?)\", ((n,) for n in range(1000))); c.commit()'
subprocess.run([sys.executable, '-c', other], check=True)
assert one.execute('SELECT count(*) FROM t').fetchone() == (1,)
one.execute('COMMIT')
print(one.execute('SELECT count(*) FROM t').fetchone(), one.execute('PRAGMA integrity_check').fetchone())
";
    let out = on_mount("wal", "/usr/bin/python3 -c \"$1\"", script);
    assert!(!is_root() || out == "(1001,) ('ok',)\n", "{out}");
}

#[test]
fn tar_carries_the_headers_in_and_out() {
    let script = "
        mkdir in \"$SCRATCH/out\"
        tar -C /usr/include -cf - . | tar -C in -xpf -
        diff -r --no-dereference /usr/include in
        tar -C in -cf all.tar .
        tar -C \"$SCRATCH/out\" -xpf all.tar
        diff -r --no-dereference /usr/include \"$SCRATCH/out\"
        (cd /usr/include && find . -printf '%T@ %p %y %m %l\\n' | sort) >before
        (cd \"$SCRATCH/out\" && find . -printf '%T@ %p %y %m %l\\n' | sort) >after
        sed -i 's/\\.[0-9]* / /' before after
        diff before after
        rm -r in
        test ! -e in";
    on_mount("tar", script, "");
}

#[test]
fn make_and_gcc_build_a_project() {
    let script = r#"
        mkdir lib
        for n in 1 2 3 4; do echo "int f$n(int x) { return x + $n; }" >lib/f$n.c; done
        cat >main.c <<'END'
#include <stdio.h>
int f1(int), f2(int), f3(int), f4(int);
int main(void) { printf("%d\n", f1(f2(f3(f4(0))))); return 0; }
END
        cat >Makefile <<'END'
objects = main.o $(patsubst %.c,%.o,$(wildcard lib/*.c))
program: $(objects)
	gcc -o $@ $^
END
        make -j2 >/dev/null
        ./program
        make -q
        touch lib/f2.c
        if make -q; then exit 1; fi
        make >/dev/null
        strip program
        ./program"#;
    let out = on_mount("make", script, "");
    assert!(!is_root() || out == "10\n10\n", "{out}");
}

#[test]
fn a_program_shares_mappings() {
    let script = r#"
        cat >map.c <<'END'
#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
    enum { SIZE = 64 * 4096 };
    int fd = open("mapped", O_RDWR | O_CREAT | O_EXCL, 0600);
    assert(fd >= 0 && ftruncate(fd, SIZE) == 0);
    char *shared = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), buffer[16];
    char *private = mmap(0, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    assert(shared != MAP_FAILED && private != MAP_FAILED);
    strcpy(shared + 5000, "mapped");
    assert(pread(fd, buffer, 7, 5000) == 7 && strcmp(buffer, "mapped") == 0);
    assert(strcmp(private + 5000, "mapped") == 0);
    strcpy(private + 5000, "mine");
    assert(pwrite(fd, "written", 8, 9000) == 8 && strcmp(shared + 9000, "written") == 0);
    if (fork() == 0) {
        strcpy(shared + 20000, "child");
        _exit(0);
    }
    wait(0);
    assert(strcmp(shared + 20000, "child") == 0 && strcmp(shared + 5000, "mapped") == 0);
    memset(shared + 40000, 'x', 100000);
    assert(msync(shared, SIZE, MS_SYNC) == 0);
    close(fd);
    fd = open("mapped", O_RDONLY);
    assert(pread(fd, buffer, 1, 139999) == 1 && buffer[0] == 'x');
    assert(unlink("mapped") == 0);
    strcpy(shared, "still");
    assert(pread(fd, buffer, 6, 0) == 6 && strcmp(buffer, "still") == 0);
    return 0;
}
END
        gcc -Wall -o map map.c
        ./map"#;
    on_mount("mmap", script, "");
}

#[test]
fn python_imports_from_it() {
    let script = r#"
        mkdir -p package/inner
        echo 'VALUE = 40' >package/__init__.py
        echo 'from .. import VALUE; print(VALUE + 2)' >package/inner/module.py
        for round in 1 2; do /usr/bin/python3 -c 'import package.inner.module, zipfile, json, sqlite3'; done
        ls package/__pycache__ | wc -l
        /usr/bin/python3 -m zipapp package -m inner.module:VALUE -o app.pyz 2>/dev/null
        /usr/bin/python3 -m zipfile -t app.pyz"#;
    let out = on_mount("python", script, "");
    assert!(!is_root() || out == "42\n42\n1\nDone testing\n", "{out}");
}

#[test]
fn two_hundred_thousand_files_in_one_directory() {
    if !is_root() {
        return;
    }
    const FILES: usize = 200_000;
    let (point, mut running) = mounted("many");
    let directory = point.path().join("d");
    fs::create_dir(&directory).unwrap();
    for number in 0..FILES {
        File::create_new(directory.join(format!("file-{number}"))).unwrap();
    }
    let mut numbers: Vec<usize> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            name.strip_prefix("file-").unwrap().parse().unwrap()
        })
        .collect();
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..FILES), "{} names", numbers.len());
    assert!(fs::metadata(directory.join("file-123456")).unwrap().is_file());
    assert!(File::create_new(directory.join("file-199999")).is_err());
    fs::remove_file(directory.join("file-77777")).unwrap();
    assert_eq!(fs::read_dir(&directory).unwrap().count(), FILES - 1);
    unmount(&point.path());
    assert!(running.status().success());
}

#[test]
fn a_sparse_file_of_four_gigabytes() {
    if !is_root() {
        return;
    }
    const SIZE: u64 = 4 << 30;
    let (point, mut running) = mounted("sparse");
    let path = point.path().join("sparse");
    let file = File::options().read(true).write(true).create_new(true).open(&path).unwrap();
    file.write_all_at(b"first", 0).unwrap();
    file.write_all_at(b"last", SIZE - 4).unwrap();
    file.sync_all().unwrap();
    let metadata = file.metadata().unwrap();
    assert_eq!(metadata.len(), SIZE);
    assert!(metadata.blocks() <= 64, "{} blocks", metadata.blocks());
    let read = |offset| {
        let mut bytes = [1; 5];
        let length = file.read_at(&mut bytes, offset).unwrap();
        bytes[..length].to_vec()
    };
    assert_eq!((read(0), read(SIZE / 2), read(SIZE - 4)), (b"first".to_vec(), vec![0; 5], b"last".to_vec()));
    assert_eq!(read(SIZE), b"");
    let copied = Command::new("cp").arg("--sparse=auto").arg(&path).arg(point.path().join("copy")).status();
    assert!(copied.unwrap().success());
    let copy = fs::metadata(point.path().join("copy")).unwrap();
    assert!(copy.len() == SIZE && copy.blocks() <= 64, "{} blocks", copy.blocks());
    drop(file);
    unmount(&point.path());
    assert!(running.status().success());
}
