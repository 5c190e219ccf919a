//! The programs of `tests/c`, as users build and run them: by gcc and clang, against the static and the shared library, plain,
//! with AddressSanitizer, and under valgrind. A tool that is not installed leaves its test out.

use std::ffi::OsStr;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::SystemTime;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// What a program links with beside the static library.
const SYSTEM: [&str; 4] = ["-lgcc_s", "-lpthread", "-lm", "-ldl"];
const WARNINGS: [&str; 5] = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1"];

#[derive(Clone, Copy)]
enum Link {
    Static,
    Shared,
}

/// Runs a command to its end. One that hangs fails.
fn run(program: &str, arguments: &[&OsStr], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new("timeout");
    command.arg("120").arg(program).args(arguments).env_remove("IMFS_LOG");
    command.envs(environment.iter().copied());
    command.output().unwrap()
}

/// Runs a command that must succeed.
fn succeed(program: &str, arguments: &[&OsStr], environment: &[(&str, &str)]) -> Output {
    let output = run(program, arguments, environment);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn is_installed(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
    if !found {
        eprintln!("left out: there is no {tool}");
    }
    found
}

/// Where the tests here put things; one directory each.
fn place(name: &str) -> PathBuf {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("c").join(name);
    std::fs::create_dir_all(&place).unwrap();
    place
}

/// The archive that cargo built along with these tests: the newest, and not older than its sources.
fn archive() -> PathBuf {
    let deps = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let modified = |path: &Path| path.metadata().and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let archives = std::fs::read_dir(&deps).unwrap().map(|entry| entry.unwrap().path()).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("libimfs_capi") && name.ends_with(".a")
    });
    let archive = archives.max_by_key(|path| modified(path)).expect("cargo built no static library");
    for source in std::fs::read_dir(Path::new(ROOT).join("src")).unwrap() {
        let source = source.unwrap().path();
        assert!(modified(&source) <= modified(&archive), "{} is newer than {archive:?}", source.display());
    }
    archive
}

/// The directory with libimfs.a and libimfs.so, made once for all tests, which may be processes or threads.
fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let out = place("lib");
        let lock = File::create(place("lock").join("lib")).unwrap();
        lock.lock().unwrap();
        let (archive, made) = (archive(), out.join("made-of"));
        let source = format!("{archive:?} {:?}", archive.metadata().unwrap().modified().unwrap());
        if std::fs::read_to_string(&made).is_ok_and(|of| of == source) {
            return out;
        }
        let script = Path::new(ROOT).join("build-lib");
        // Without what only debuggers need the many links here are fast.
        let strip = OsStr::new("--strip-debug");
        succeed(script.to_str().unwrap(), &[archive.as_os_str(), out.as_os_str(), strip], &[]);
        std::fs::write(made, source).unwrap();
        out
    })
}

/// Compiles and links one program.
fn build(compiler: &str, source: &Path, link: Link, more: &[&str], out: &Path) -> PathBuf {
    let program = out.join(source.file_stem().unwrap());
    let (include, library) = (format!("-I{ROOT}/include"), library());
    let mut arguments: Vec<&OsStr> = vec![include.as_ref(), "-I".as_ref(), source.parent().unwrap().as_ref()];
    arguments.extend(WARNINGS.iter().chain(more).map(OsStr::new));
    arguments.extend(["-o".as_ref(), program.as_os_str(), source.as_os_str()]);
    let (archive, search) = (library.join("libimfs.a"), format!("-L{}", library.display()));
    let path = format!("-Wl,-rpath,{}", library.display());
    match link {
        Link::Static => arguments.push(archive.as_ref()),
        Link::Shared => arguments.extend([search.as_ref(), "-limfs".as_ref(), OsStr::new(&path)]),
    }
    arguments.extend(SYSTEM.iter().map(OsStr::new));
    succeed(compiler, &arguments, &[]);
    program
}

/// The programs, with one that is made at `generated`.
fn sources(generated: &Path) -> Vec<PathBuf> {
    let directory = Path::new(ROOT).join("tests/c");
    let mut sources: Vec<PathBuf> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "c"))
        .collect();
    sources.sort();
    sources.push(every_call(generated));
    sources
}

/// A program that makes every call there is, made of the header: with a bad cage, and with a good one and nothing else. All that is
/// asked is that the calls come back.
fn every_call(generated: &Path) -> PathBuf {
    let header = std::fs::read_to_string(Path::new(ROOT).join("include/imfs.h")).unwrap();
    let code: String = header.lines().filter(|line| !line.starts_with("//")).collect::<Vec<_>>().join(" ");
    let mut calls = String::new();
    let mut count = 0;
    for declaration in code.split(';').filter(|text| text.ends_with(')')) {
        let (start, parameters) = declaration.split_once('(').unwrap();
        let name = start.rsplit([' ', '*']).next().unwrap();
        let parameters: Vec<&str> = parameters.trim_end_matches(')').split(',').map(str::trim).collect();
        let arguments = |cage: &str| {
            let argument = |parameter: &&str| match *parameter {
                "void" => String::new(),
                "int cage_id" => cage.to_owned(),
                _ => "0".to_owned(),
            };
            parameters.iter().map(argument).collect::<Vec<_>>().join(", ")
        };
        calls += &format!("    (void){name}({});\n", arguments("-1"));
        // Without anything to wait for these wait without end.
        if !["imfs_ppoll", "imfs_select", "imfs_pselect"].contains(&name) {
            calls += &format!("    (void){name}({});\n", arguments("7"));
        }
        count += 1;
    }
    assert!(count > 100, "the header has {count} calls");
    let path = generated.join("every_call.c");
    let text = format!(
        "#define _GNU_SOURCE\n#include \"imfs.h\"\n#include <time.h>\n\nint main(void)\n{{\n{calls}    return 0;\n}}\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// Builds all programs in one way, and runs each.
fn all_programs(
    way: &str,
    compiler: &str,
    link: Link,
    more: &[&str],
    under: &[&str],
    environment: &[(&str, &str)],
) {
    if !is_installed(compiler) || under.first().is_some_and(|tool| !is_installed(tool)) {
        return;
    }
    let out = place(way);
    let mut failed = String::new();
    for source in sources(&out) {
        let program = build(compiler, &source, link, more, &out);
        let host = place(&format!("{way}/{}.host", source.file_stem().unwrap().to_str().unwrap()));
        std::fs::remove_dir_all(&host).unwrap();
        std::fs::create_dir(&host).unwrap();
        let mut line: Vec<&OsStr> = under.iter().map(OsStr::new).collect();
        line.extend([program.as_os_str(), host.as_os_str()]);
        let output = run(line[0].to_str().unwrap(), &line[1..], environment);
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            failed += &format!("{}: {}\n{said}", program.display(), output.status);
        }
    }
    assert!(failed.is_empty(), "{failed}");
}

#[test]
fn gcc_static() {
    all_programs("gcc-static", "gcc", Link::Static, &["-std=gnu11"], &[], &[]);
}

#[test]
fn gcc_shared() {
    all_programs("gcc-shared", "gcc", Link::Shared, &["-std=gnu99"], &[], &[]);
}

#[test]
fn clang_static() {
    all_programs("clang-static", "clang", Link::Static, &["-std=gnu99"], &[], &[]);
}

#[test]
fn clang_shared() {
    all_programs("clang-shared", "clang", Link::Shared, &["-std=gnu11"], &[], &[]);
}

// Shared from here on: the links are much faster.

#[test]
fn address_sanitizer() {
    let flags = ["-std=gnu11", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    all_programs("asan", "gcc", Link::Shared, &flags, &[], &[]);
}

#[test]
fn valgrind() {
    let valgrind = [
        "valgrind",
        "-q",
        "--error-exitcode=99",
        "--leak-check=full",
        "--errors-for-leak-kinds=definite",
        "--show-leak-kinds=definite",
    ];
    let environment = [("IMFS_TEST_ROUNDS", "12")];
    all_programs("valgrind", "gcc", Link::Shared, &["-std=gnu11", "-g"], &valgrind, &environment);
}

#[test]
fn the_header_is_c99_and_cplusplus() {
    let out = place("header");
    let include = format!("-I{ROOT}/include");
    for (name, compiler, standard) in [
        ("strict.c", "gcc", "-std=c99"),
        ("strict.c", "clang", "-std=c99"),
        ("gnu.c", "gcc", "-std=gnu17"),
        ("strict.cc", "g++", "-std=c++11"),
        ("strict.cc", "clang++", "-std=c++17"),
    ] {
        if !is_installed(compiler) {
            continue;
        }
        let source = out.join(name);
        std::fs::write(&source, "#include \"imfs.h\"\n#include \"imfs.h\"\nint main(void) { return 0; }\n")
            .unwrap();
        let mut arguments: Vec<&OsStr> = vec![include.as_ref(), standard.as_ref(), "-fsyntax-only".as_ref()];
        arguments.extend(WARNINGS.iter().map(OsStr::new));
        arguments.push(source.as_ref());
        succeed(compiler, &arguments, &[]);
    }
}

#[test]
fn nothing_else_is_exported() {
    let allowed = |name: &str| {
        name.starts_with("imfs_") || ["load_file", "dump_file", "preloads", "IMFS_0"].contains(&name)
    };
    let mut counts = Vec::new();
    for (file, dynamic) in [("libimfs.so", &["-D"][..]), ("libimfs.a", &["-g"][..])] {
        let path = library().join(file);
        let mut arguments: Vec<&OsStr> = vec!["--defined-only".as_ref(), "-P".as_ref()];
        arguments.extend(dynamic.iter().map(OsStr::new));
        arguments.push(path.as_ref());
        let names = String::from_utf8(succeed("nm", &arguments, &[]).stdout).unwrap();
        let names: Vec<&str> = names
            .lines()
            .filter(|line| !line.ends_with(':'))
            .map(|line| line.split([' ', '@']).next().unwrap())
            .filter(|name| *name != "IMFS_0")
            .collect();
        assert!(names.iter().all(|name| allowed(name)), "{file} exports {names:?}");
        counts.push(names.len());
    }
    assert_eq!(counts[0], counts[1], "both libraries have the same calls");
    let object = library().join("libimfs.so");
    let dynamic = succeed("readelf", &["-d".as_ref(), object.as_ref()], &[]).stdout;
    assert!(String::from_utf8_lossy(&dynamic).contains("soname: [libimfs.so.0]"));
}

#[test]
fn calls_are_traced() {
    let out = place("trace");
    let source = out.join("trace.c");
    let text = r#"
#include "imfs.h"
int main(void)
{
    imfs_init();
    int fd = imfs_open(3, "/new\n", O_CREAT | O_RDWR, 0644);
    imfs_write(3, fd, "0123456789012345678901234567890123456789", 40);
    imfs_open(3, "/none", O_RDONLY, 0);
    imfs_stat(-1, 0, 0);
    imfs_umask(3, 0);
    imfs_copy_fd_tables(3, 4);
    load_file("/no/such/file");
    return 0;
}
"#;
    std::fs::write(&source, text).unwrap();
    let program = build("gcc", &source, Link::Shared, &[], &out);
    let trace = |filter| {
        let output = run(program.to_str().unwrap(), &[], &[("IMFS_LOG", filter)]);
        String::from_utf8(output.stderr).unwrap()
    };
    let error = "imfs: cannot find /no/such/file on the host: No such file or directory\n";
    let lines = r#"imfs: imfs_init() = 0
imfs: imfs_open(3, "/new\n", O_RDWR|O_CREAT, 0644) = 3
imfs: imfs_write(3, 3, "01234567890123456789012345678901"..., 40) = 40
imfs: imfs_open(3, "/none", O_RDONLY, 000) = -1 ENOENT (No such file or directory)
imfs: imfs_stat(-1, NULL, NULL) = -1 EINVAL (Invalid argument)
imfs: imfs_umask(3, 000) = 18
imfs: imfs_copy_fd_tables(3, 4) = 0
"#;
    let load = "imfs: load_file(\"/no/such/file\") = -1 ENOENT (No such file or directory)\n";
    assert_eq!(trace("trace"), format!("{lines}{error}{load}"));
    assert_eq!(trace("imfs=trace"), trace("trace"));
    assert_eq!(trace("debug"), error);
    assert_eq!(trace("other=trace"), error);
    assert_eq!(trace("%%%"), error);
    assert_eq!(trace(""), error);
}

/// Installs the library in a place of its own, and builds the examples there as their first lines say.
#[test]
fn what_is_installed_is_found_by_pkg_config() {
    if !is_installed("pkg-config") {
        return;
    }
    let out = place("installed");
    let script = Path::new(ROOT).join("install-lib");
    let prefix = out.join("usr");
    succeed(script.to_str().unwrap(), &[library().as_ref(), "".as_ref(), prefix.as_ref()], &[]);
    let found = prefix.join("lib/pkgconfig");
    let environment = [("PKG_CONFIG_PATH", found.to_str().unwrap())];
    let options = |more: &[&str]| {
        let mut arguments = vec![OsStr::new("--cflags"), "--libs".as_ref(), "imfs".as_ref()];
        arguments.extend(more.iter().map(OsStr::new));
        let output = succeed("pkg-config", &arguments, &environment).stdout;
        String::from_utf8(output).unwrap().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let (input, result) = (out.join("input"), out.join("result"));
    std::fs::write(&input, "Hello\n").unwrap();
    let examples = Path::new(ROOT).join("../../examples/c");
    let path = prefix.join("lib");
    for (name, arguments, said) in
        [("pipe", vec![], "read: "), ("staging", vec![input.as_os_str(), result.as_os_str()], ": 6 bytes\n")]
    {
        let (source, program) = (examples.join(name).with_extension("c"), out.join(name));
        let options = options(&[]);
        let mut line = vec![OsStr::new("-o"), program.as_ref(), source.as_ref()];
        line.extend(WARNINGS.iter().map(OsStr::new));
        line.extend(options.iter().map(OsStr::new));
        line.push("-lpthread".as_ref());
        succeed("gcc", &line, &[]);
        let environment = [("LD_LIBRARY_PATH", path.to_str().unwrap())];
        let output = succeed(program.to_str().unwrap(), &arguments, &environment);
        assert!(String::from_utf8_lossy(&output.stdout).contains(said), "{name}: {output:?}");
    }
    assert_eq!(std::fs::read_to_string(&result).unwrap(), "HELLO\n");
    // The static library, where there is no shared one.
    std::fs::remove_file(path.join("libimfs.so")).unwrap();
    let (source, program) = (examples.join("pipe.c"), out.join("pipe-static"));
    let options = options(&["--static"]);
    let mut line = vec![OsStr::new("-o"), program.as_ref(), source.as_ref()];
    line.extend(options.iter().map(OsStr::new));
    succeed("gcc", &line, &[]);
    let output = succeed(program.to_str().unwrap(), &[], &[]);
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 3);
}
