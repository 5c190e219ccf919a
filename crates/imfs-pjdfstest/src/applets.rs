//! The host's commands that scripts use on their files, as far as they use them: the server does them in a cage.

use imfs::abi::{AT_FDCWD, AtFlags, Errno, FileType, Mode, OFlags, SetTime};

use crate::flags::number;
use crate::session::{Failure, Session};

/// All of them.
pub(crate) const NAMES: [&str; 15] = [
    "cat", "chmod", "chown", "dd", "df", "id", "ln", "mkdir", "mkfifo", "mv", "rm", "rmdir", "sleep",
    "touch", "truncate",
];

type Result<T> = std::result::Result<T, Failure>;

/// Whether a command works on the IMFS: it names a file there, or asks about where it is. `inside` says that its working
/// directory is one of the IMFS, `is_ours` that a path is.
pub(crate) fn is_for_imfs(
    name: &[u8],
    words: &[Vec<u8>],
    inside: bool,
    is_ours: impl Fn(&[u8]) -> bool,
) -> bool {
    let operands = || words.iter().filter(|word| !word.starts_with(b"-") && !word.is_empty());
    match name {
        b"dd" => Dd::parse(words).is_ok_and(|dd| dd.from.into_iter().chain(dd.to).any(is_ours)),
        b"df" => operands().next().map_or(inside, |path| is_ours(path)),
        // Inside, scripts are root and own their time.
        b"id" => inside && matches!(words, [option] if matches!(&option[..], b"-u" | b"-g")),
        b"sleep" => inside,
        // The first operand is a mode or an owner.
        b"chmod" | b"chown" => operands().skip(1).any(|path| is_ours(path)),
        // The first operand of a symbolic link is only text.
        b"ln" => operands().next_back().is_some_and(|path| is_ours(path)),
        _ => operands().any(|path| is_ours(path)),
    }
}

/// The operands of dd.
#[derive(Debug, Default)]
pub(crate) struct Dd<'a> {
    pub(crate) from: Option<&'a [u8]>,
    pub(crate) to: Option<&'a [u8]>,
    pub(crate) block: u64,
    pub(crate) count: Option<u64>,
    pub(crate) skip: u64,
    pub(crate) seek: u64,
    pub(crate) keep: bool,
}

impl<'a> Dd<'a> {
    /// # Errors
    /// An operand that is not known here, in words.
    pub(crate) fn parse(words: &'a [Vec<u8>]) -> std::result::Result<Self, String> {
        let mut dd = Self { block: 512, ..Self::default() };
        for word in words {
            let unknown = || format!("dd: unknown operand {}", String::from_utf8_lossy(word));
            let at = word.iter().position(|byte| *byte == b'=').ok_or_else(unknown)?;
            let value = &word[at + 1..];
            match &word[..at] {
                b"if" => dd.from = Some(value),
                b"of" => dd.to = Some(value),
                b"bs" => dd.block = size(value).filter(|size| *size > 0).ok_or_else(unknown)?,
                b"count" => dd.count = Some(size(value).ok_or_else(unknown)?),
                b"skip" => dd.skip = size(value).ok_or_else(unknown)?,
                b"seek" => dd.seek = size(value).ok_or_else(unknown)?,
                b"conv" => dd.keep = value.split(|byte| *byte == b',').any(|conv| conv == b"notrunc"),
                b"status" => {}
                _ => return Err(unknown()),
            }
        }
        Ok(dd)
    }
}

/// A number with a unit: `12`, `1k`, `2M`.
fn size(text: &[u8]) -> Option<u64> {
    let (digits, unit) = match text {
        [digits @ .., b'k' | b'K'] => (digits, 1 << 10),
        [digits @ .., b'm' | b'M'] => (digits, 1 << 20),
        [digits @ .., b'g' | b'G'] => (digits, 1 << 30),
        digits => (digits, 1),
    };
    std::str::from_utf8(digits).ok()?.parse::<u64>().ok()?.checked_mul(unit)
}

/// The letters of all options, the value of `-m`, `-s` or what else takes one, and the operands.
struct Words<'a> {
    letters: Vec<u8>,
    value: Option<&'a [u8]>,
    operands: Vec<&'a [u8]>,
}

impl<'a> Words<'a> {
    /// `with_value` is the option that takes a value.
    fn parse(words: &'a [Vec<u8>], with_value: u8) -> Self {
        let mut parsed = Self { letters: Vec::new(), value: None, operands: Vec::new() };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match &word[..] {
                b"--" => {
                    parsed.operands.extend(words.by_ref().map(Vec::as_slice));
                }
                [b'-', letter, value @ ..] if *letter == with_value => {
                    let mut next = || words.next().map(Vec::as_slice);
                    parsed.value = if value.is_empty() { next() } else { Some(value) };
                }
                [b'-', letters @ ..] if !letters.is_empty() => parsed.letters.extend_from_slice(letters),
                operand => parsed.operands.push(operand),
            }
        }
        parsed
    }

    fn has(&self, letter: u8) -> bool {
        self.letters.contains(&letter)
    }

    fn mode(&self, otherwise: u32) -> Result<Mode> {
        self.value.map_or(Ok(Mode::from_raw(otherwise)), mode)
    }
}

fn mode(text: &[u8]) -> Result<Mode> {
    let octal = std::str::from_utf8(text).ok().and_then(|text| u32::from_str_radix(text, 8).ok());
    octal.map(Mode::from_raw).ok_or_else(|| Failure::Usage("only octal modes are known".into()))
}

/// Does one command. `input` is what a `dd` read of the host.
pub(crate) fn run(session: &mut Session, name: &[u8], words: &[Vec<u8>], input: &[u8]) {
    session.cage.umask(Mode::from_raw(0o022));
    let shown = String::from_utf8_lossy(name).into_owned();
    let result = match name {
        b"dd" => dd(session, words, input),
        b"df" => df(session, words),
        b"id" => {
            session.say("0");
            Ok(())
        }
        b"ln" => ln(session, &Words::parse(words, 0)),
        b"mv" => mv(session, &Words::parse(words, 0)),
        b"chmod" | b"chown" => change(session, name, &Words::parse(words, 0)),
        b"truncate" => each(session, &Words::parse(words, b's'), truncate),
        b"mkdir" => each(session, &Words::parse(words, b'm'), mkdir),
        b"mkfifo" => each(session, &Words::parse(words, b'm'), |session, words, path| {
            Ok(session.cage.mkfifo(path, words.mode(0o666)?)?)
        }),
        b"rmdir" => {
            each(session, &Words::parse(words, 0), |session, _, path| Ok(session.cage.rmdir(path)?))
        }
        b"rm" => each(session, &Words::parse(words, 0), rm),
        b"touch" => each(session, &Words::parse(words, 0), touch),
        b"cat" => each(session, &Words::parse(words, 0), |session, _, path| {
            let bytes = read(session, path)?;
            session.answer.output.extend_from_slice(&bytes);
            Ok(())
        }),
        _ => Err(Failure::Usage("not known".into())),
    };
    match result {
        Ok(()) => return,
        Err(Failure::Errno(errno)) => session.complain(format!("{shown}: {errno}")),
        Err(Failure::Usage(words)) => session.complain(format!("{shown}: {words}")),
    }
    session.answer.status = 1;
}

/// Does it for each operand, and goes on after a failure.
fn each(
    session: &mut Session,
    words: &Words<'_>,
    act: impl Fn(&mut Session, &Words<'_>, &[u8]) -> Result<()>,
) -> Result<()> {
    let mut result = Ok(());
    for path in &words.operands {
        if let Err(failure) = act(session, words, path) {
            result = Err(failure);
        }
    }
    result
}

fn mkdir(session: &mut Session, words: &Words<'_>, path: &[u8]) -> Result<()> {
    if !words.has(b'p') {
        return Ok(session.cage.mkdir(path, words.mode(0o777)?)?);
    }
    let ends = (1..path.len()).filter(|&at| path[at] == b'/' && path[at - 1] != b'/');
    for end in ends.chain([path.len()]) {
        match session.cage.mkdir(&path[..end], Mode::RWXUGO) {
            Err(Errno::EEXIST) if is_directory(session, &path[..end]) => {}
            made => made?,
        }
    }
    Ok(())
}

fn is_directory(session: &Session, path: &[u8]) -> bool {
    session.cage.stat(path).is_ok_and(|stat| stat.file_type() == Some(FileType::Directory))
}

fn rm(session: &mut Session, words: &Words<'_>, path: &[u8]) -> Result<()> {
    let all = words.has(b'r') || words.has(b'R');
    // What is to be removed, last first; a directory stands there again until it is empty.
    let mut left = vec![path.to_vec()];
    while let Some(path) = left.last().cloned() {
        let removed = match session.cage.unlink(&path) {
            Err(Errno::EISDIR) if all => match session.cage.rmdir(&path) {
                Err(Errno::ENOTEMPTY) => {
                    left.extend(
                        names(session, &path)?.into_iter().map(|name| [&path[..], b"/", &name].concat()),
                    );
                    continue;
                }
                removed => removed,
            },
            Err(Errno::ENOENT) if words.has(b'f') => Ok(()),
            removed => removed,
        };
        removed?;
        left.pop();
    }
    Ok(())
}

fn names(session: &Session, path: &[u8]) -> Result<Vec<Vec<u8>>> {
    let fd = session.cage.open(path, OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty())?;
    let mut names = Vec::new();
    let read = session.cage.read_directory(fd, |entry| {
        if entry.name != b"." && entry.name != b".." {
            names.push(entry.name.to_vec());
        }
        true
    });
    session.cage.close(fd)?;
    read?;
    Ok(names)
}

fn touch(session: &mut Session, _: &Words<'_>, path: &[u8]) -> Result<()> {
    let now = SetTime::Now;
    match session.cage.utimensat(AT_FDCWD, path, now, now, AtFlags::empty()) {
        Err(Errno::ENOENT) => {
            let fd = session.cage.open(path, OFlags::WRONLY | OFlags::CREAT, Mode::from_raw(0o666))?;
            Ok(session.cage.close(fd)?)
        }
        touched => Ok(touched?),
    }
}

fn truncate(session: &mut Session, words: &Words<'_>, path: &[u8]) -> Result<()> {
    let size = words.value.and_then(size).and_then(|size| i64::try_from(size).ok());
    let size = size.ok_or_else(|| Failure::Usage("-s and a size are needed".into()))?;
    let fd = session.cage.open(path, OFlags::WRONLY | OFlags::CREAT, Mode::from_raw(0o666))?;
    let result = session.cage.ftruncate(fd, size);
    session.cage.close(fd)?;
    Ok(result?)
}

fn ln(session: &mut Session, words: &Words<'_>) -> Result<()> {
    let [target, path] = words.operands[..] else {
        return Err(Failure::Usage("two operands, please".into()));
    };
    let name = target.rsplit(|byte| *byte == b'/').next().unwrap_or(target);
    let path = into_directory(session, path, name);
    if words.has(b'f') {
        let _ = session.cage.unlink(&path);
    }
    if words.has(b's') {
        session.cage.symlink(target, path)?
    } else {
        session.cage.link(target, path)?
    }
    Ok(())
}

fn mv(session: &mut Session, words: &Words<'_>) -> Result<()> {
    let [from, to] = words.operands[..] else { return Err(Failure::Usage("two operands, please".into())) };
    let name = from.rsplit(|byte| *byte == b'/').next().unwrap_or(from);
    Ok(session.cage.rename(from, into_directory(session, to, name))?)
}

/// The path, or where in it if it is a directory.
fn into_directory(session: &Session, path: &[u8], name: &[u8]) -> Vec<u8> {
    if is_directory(session, path) { [path, b"/", name].concat() } else { path.to_vec() }
}

fn change(session: &mut Session, name: &[u8], words: &Words<'_>) -> Result<()> {
    let Some((what, paths)) = words.operands.split_first() else {
        return Err(Failure::Usage("operands are missing".into()));
    };
    for path in paths {
        if name == b"chmod" {
            session.cage.chmod(path, mode(what)?)?;
            continue;
        }
        let mut ids = what.split(|byte| *byte == b':').map(|id| number(id).map(|id| id as u32));
        let unknown = || Failure::Usage("only numbers are known".into());
        let uid = ids.next().flatten().ok_or_else(unknown)?;
        let gid = ids.next().unwrap_or(Some(u32::MAX)).ok_or_else(unknown)?;
        session.cage.chown(path, uid, gid)?;
    }
    Ok(())
}

fn read(session: &Session, path: &[u8]) -> Result<Vec<u8>> {
    let fd = session.cage.open(path, OFlags::RDONLY | OFlags::NONBLOCK, Mode::empty())?;
    let mut bytes = Vec::new();
    let mut piece = vec![0; 64 << 10];
    loop {
        match session.cage.read(fd, &mut piece) {
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(&piece[..read]),
            Err(errno) => {
                session.cage.close(fd)?;
                return Err(errno.into());
            }
        }
    }
    session.cage.close(fd)?;
    Ok(bytes)
}

/// Writes a file, from an offset on.
pub(crate) fn write(
    session: &Session,
    path: &[u8],
    bytes: &[u8],
    at: i64,
    keep: bool,
    mode: Mode,
) -> Result<()> {
    let cut = if keep || at > 0 { OFlags::empty() } else { OFlags::TRUNC };
    let fd = session.cage.open(path, OFlags::WRONLY | OFlags::CREAT | cut, mode)?;
    let mut done = 0;
    let result = loop {
        if done == bytes.len() {
            break Ok(());
        }
        match session.cage.pwrite(fd, &bytes[done..], at + done as i64) {
            Ok(written) => done += written,
            Err(errno) => break Err(errno),
        }
    };
    session.cage.close(fd)?;
    Ok(result?)
}

fn dd(session: &mut Session, words: &[Vec<u8>], input: &[u8]) -> Result<()> {
    let dd = Dd::parse(words).map_err(Failure::Usage)?;
    let read_here;
    let mut bytes = input;
    // The client has read what is the host's.
    if let Some(from) = dd.from.filter(|_| input.is_empty())
        && session.cage.stat(from).is_ok()
    {
        read_here = read(session, from)?;
        let start = (dd.skip.saturating_mul(dd.block) as usize).min(read_here.len());
        let most = dd.count.map_or(usize::MAX, |count| count.saturating_mul(dd.block) as usize);
        bytes = &read_here[start..read_here.len().min(start.saturating_add(most))];
    }
    match dd.to {
        Some(to) => {
            let at = i64::try_from(dd.seek.saturating_mul(dd.block)).map_err(|_| Errno::EFBIG)?;
            write(session, to, bytes, at, dd.keep, Mode::from_raw(0o666))
        }
        None => {
            session.answer.output.extend_from_slice(bytes);
            Ok(())
        }
    }
}

fn df(session: &mut Session, words: &[Vec<u8>]) -> Result<()> {
    let paths = Words::parse(words, 0);
    let path = paths.operands.first().copied().unwrap_or(b".");
    let root = session.cage.statfs(path)?;
    let kib = |blocks: u64| blocks.saturating_mul(root.bsize as u64) / 1024;
    let (size, free) = (kib(root.blocks), kib(root.bfree));
    let kind = if paths.has(b'T') { [" Type", " tmpfs"] } else { ["", ""] };
    session.say(format!("Filesystem{} 1024-blocks Used Available Capacity Mounted on", kind[0]));
    session.say(format!("imfs{} {size} {} {free} 0% /", kind[1], size - free));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_for_imfs_if_they_name_its_files() {
        let ours = |name: &str, line: &str, inside: bool| {
            let words: Vec<Vec<u8>> = line.split_whitespace().map(|word| word.as_bytes().to_vec()).collect();
            let is_ours = |path: &[u8]| path.starts_with(b"/root/") || (inside && !path.starts_with(b"/"));
            is_for_imfs(name.as_bytes(), &words, inside, is_ours)
        };
        assert!(ours("dd", "if=/dev/zero of=file bs=1k count=1", true));
        assert!(!ours("dd", "if=/dev/urandom bs=64 count=1", true));
        assert!(
            ours("mkdir", "-p a/b", true)
                && !ours("mkdir", "-p a/b", false)
                && ours("mkdir", "/root/a", false)
        );
        assert!(ours("df", "-PT", true) && !ours("df", "-PT .", false));
        assert!(ours("id", "-u", true) && !ours("id", "-un", true));
        assert!(!ours("cat", "", true) && !ours("cat", "/etc/hosts", true) && ours("cat", "file", true));
        assert!(ours("chmod", "644 file", true) && !ours("chmod", "644 /etc/hosts", true));
        assert!(ours("ln", "-s /etc/hosts link", true));
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(
            (size(b"12345"), size(b"1k"), size(b"2M"), size(b"x"), size(b"")),
            (Some(12345), Some(1024), Some(2 << 20), None, None)
        );
    }
}
