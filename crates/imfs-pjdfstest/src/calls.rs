//! The calls that scripts make with `pjdfstest`, with the original's command line and output.
//!
//! `pjdfstest [-U umask] [-u uid] [-g gid,...] CALL ARGUMENTS [: CALL ARGUMENTS]...`: each call prints one line, 0 or what it was
//! asked for; the first that fails prints the name of its errno and ends the command.

use imfs::abi::{
    AT_FDCWD, AtFlags, Dev, Errno, FileType, Mode, OFlags, SetTime, Stat, Statx, StatxMask, UTIME_NOW,
    UTIME_OMIT,
};

use crate::flags::{self, Names};
use crate::session::{Failure, Session};

/// What an argument is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Text: a path, flags, names.
    Text,
    /// A whole number.
    Number,
    /// The place of a descriptor among those opened, `AT_FDCWD`, or `BADFD`.
    Descriptor,
}

use Kind::{Descriptor, Number, Text};

/// An argument.
enum Argument<'a> {
    /// `None` is a bad address.
    Text(Option<&'a [u8]>),
    Number(i64),
}

type Result<T> = std::result::Result<T, Failure>;

/// What a call prints.
enum Output {
    /// 0: it has succeeded.
    Done,
    /// What it was asked for.
    Line(Vec<u8>),
}

use Output::{Done, Line};

/// One call.
struct Call {
    name: &'static str,
    arguments: &'static [Kind],
    /// How many of the last may be left out.
    optional: usize,
    run: fn(&mut Session, &Arguments<'_>) -> Result<Output>,
}

/// The arguments of a call.
struct Arguments<'a>(Vec<Argument<'a>>);

impl<'a> Arguments<'a> {
    /// A path.
    fn path(&self, at: usize) -> Result<&'a [u8]> {
        match self.0.get(at) {
            Some(Argument::Text(Some(text))) => Ok(text),
            _ => Err(Errno::EFAULT.into()),
        }
    }

    /// A text that is no path.
    fn text(&self, at: usize) -> Result<&'a [u8]> {
        self.path(at).map_err(|_| Failure::Usage(format!("wrong argument {at}")))
    }

    fn number(&self, at: usize) -> i64 {
        if let Some(Argument::Number(number)) = self.0.get(at) { *number } else { 0 }
    }

    fn fd(&self, at: usize) -> i32 {
        self.number(at) as i32
    }

    fn id(&self, at: usize) -> u32 {
        self.number(at) as u32
    }

    fn mode(&self, at: usize) -> Mode {
        Mode::from_bits_retain(self.number(at) as u32)
    }

    fn flags(&self, at: usize, names: &Names) -> Result<u32> {
        flags::parse(names, self.text(at)?)
            .map_err(|flag| Failure::Usage(format!("unknown flag '{}'", String::from_utf8_lossy(flag))))
    }

    fn at_flags(&self, at: usize, names: &Names) -> Result<AtFlags> {
        self.flags(at, names).map(AtFlags::from_bits_retain)
    }
}

/// Makes the table: each row is a call with the kinds of its arguments, and what it does.
macro_rules! calls {
    ($($name:ident($($kind:ident)* $(; $optional:ident)*) |$session:ident, $with:ident| $run:expr;)*) => {
        static CALLS: &[Call] = &[$(Call {
            name: stringify!($name),
            arguments: &[$($kind,)* $($optional,)*],
            optional: 0 $(+ { let _ = $optional; 1 })*,
            run: |$session, $with| {
                let output: Output = { $run };
                Ok(output)
            },
        }),*];
    };
}

/// The output of a call without one.
fn done(_: ()) -> Output {
    Done
}

calls! {
    open(Text Text; Number) |s, a| open(s, a, AT_FDCWD, 0)?;
    openat(Descriptor Text Text; Number) |s, a| open(s, a, a.fd(0), 1)?;
    create(Text Number) |s, a| {
        let fd = s.cage.open(a.path(0)?, OFlags::CREAT | OFlags::EXCL, a.mode(1))?;
        done(s.cage.close(fd)?)
    };
    unlink(Text) |s, a| done(s.cage.unlink(a.path(0)?)?);
    unlinkat(Descriptor Text Text) |s, a| {
        done(s.cage.unlinkat(a.fd(0), a.path(1)?, a.at_flags(2, flags::UNLINK)?)?)
    };
    mkdir(Text Number) |s, a| done(s.cage.mkdir(a.path(0)?, a.mode(1))?);
    mkdirat(Descriptor Text Number) |s, a| done(s.cage.mkdirat(a.fd(0), a.path(1)?, a.mode(2))?);
    rmdir(Text) |s, a| done(s.cage.rmdir(a.path(0)?)?);
    link(Text Text) |s, a| done(s.cage.link(a.path(0)?, a.path(1)?)?);
    linkat(Descriptor Text Descriptor Text Text) |s, a| {
        done(s.cage.linkat(a.fd(0), a.path(1)?, a.fd(2), a.path(3)?, a.at_flags(4, flags::LINK)?)?)
    };
    symlink(Text Text) |s, a| done(s.cage.symlink(a.path(0)?, a.path(1)?)?);
    symlinkat(Text Descriptor Text) |s, a| done(s.cage.symlinkat(a.path(0)?, a.fd(1), a.path(2)?)?);
    rename(Text Text) |s, a| done(s.cage.rename(a.path(0)?, a.path(1)?)?);
    renameat(Descriptor Text Descriptor Text) |s, a| {
        done(s.cage.renameat(a.fd(0), a.path(1)?, a.fd(2), a.path(3)?)?)
    };
    mkfifo(Text Number) |s, a| done(s.cage.mkfifo(a.path(0)?, a.mode(1))?);
    mkfifoat(Descriptor Text Number) |s, a| {
        done(s.cage.mknodat(a.fd(0), a.path(1)?, FileType::Fifo.with(a.mode(2)), Dev::default())?)
    };
    mknod(Text Text Number Number Number) |s, a| mknod(s, a, AT_FDCWD, 0)?;
    mknodat(Descriptor Text Text Number Number Number) |s, a| mknod(s, a, a.fd(0), 1)?;
    bind(Text) |s, a| done(s.cage.bind(socket_path(a.path(0)?))?);
    connect(Text) |s, a| connect(s, socket_path(a.path(0)?))?;
    chmod(Text Number) |s, a| done(s.cage.chmod(a.path(0)?, a.mode(1))?);
    fchmod(Descriptor Number) |s, a| done(s.cage.fchmod(a.fd(0), a.mode(1))?);
    lchmod(Text Number) |s, a| {
        done(s.cage.fchmodat(AT_FDCWD, a.path(0)?, a.mode(1), AtFlags::SYMLINK_NOFOLLOW)?)
    };
    fchmodat(Descriptor Text Number Text) |s, a| {
        done(s.cage.fchmodat(a.fd(0), a.path(1)?, a.mode(2), a.at_flags(3, flags::NOFOLLOW)?)?)
    };
    chown(Text Number Number) |s, a| done(s.cage.chown(a.path(0)?, a.id(1), a.id(2))?);
    fchown(Descriptor Number Number) |s, a| done(s.cage.fchown(a.fd(0), a.id(1), a.id(2))?);
    lchown(Text Number Number) |s, a| done(s.cage.lchown(a.path(0)?, a.id(1), a.id(2))?);
    fchownat(Descriptor Text Number Number Text) |s, a| {
        done(s.cage.fchownat(a.fd(0), a.path(1)?, a.id(2), a.id(3), a.at_flags(4, flags::NOFOLLOW)?)?)
    };
    truncate(Text Number) |s, a| done(s.cage.truncate(a.path(0)?, a.number(1))?);
    ftruncate(Descriptor Number) |s, a| done(s.cage.ftruncate(a.fd(0), a.number(1))?);
    posix_fallocate(Descriptor Number Number) |s, a| {
        done(s.cage.posix_fallocate(a.fd(0), a.number(1), a.number(2))?)
    };
    stat(Text Text) |s, a| show(s, AT_FDCWD, a.path(0)?, AtFlags::empty(), a.text(1)?)?;
    lstat(Text Text) |s, a| show(s, AT_FDCWD, a.path(0)?, AtFlags::SYMLINK_NOFOLLOW, a.text(1)?)?;
    fstat(Descriptor Text) |s, a| show(s, a.fd(0), b"", AtFlags::EMPTY_PATH, a.text(1)?)?;
    fstatat(Descriptor Text Text Text) |s, a| {
        show(s, a.fd(0), a.path(1)?, a.at_flags(2, flags::NOFOLLOW)?, a.text(3)?)?
    };
    pathconf(Text Text) |s, a| limit(s.cage.pathconf(a.path(0)?, limit_name(a)?)?);
    fpathconf(Descriptor Text) |s, a| limit(s.cage.fpathconf(a.fd(0), limit_name(a)?)?);
    write(Descriptor Text) |s, a| {
        s.cage.write(a.fd(0), a.path(1)?)?;
        Done
    };
    pread(Descriptor Number; Number) |s, a| pread(s, a)?;
    utimensat(Descriptor Text Number Text Number Text Text) |s, a| {
        let (atime, mtime) = (time(a, 2)?, time(a, 4)?);
        done(s.cage.utimensat(a.fd(0), a.path(1)?, atime, mtime, a.at_flags(6, flags::NOFOLLOW)?)?)
    };
}

/// open, and openat with its first argument before those of open.
fn open(session: &mut Session, arguments: &Arguments<'_>, dirfd: i32, first: usize) -> Result<Output> {
    let flags = OFlags::from_bits_retain(arguments.flags(first + 1, flags::OPEN)?);
    let has_mode = arguments.0.len() == first + 3;
    if flags.contains(OFlags::CREAT) != has_mode {
        let wrong = if has_mode { "too many arguments" } else { "too few arguments" };
        return Err(Failure::Usage(wrong.into()));
    }
    let fd = session.cage.openat(dirfd, arguments.path(first)?, flags, arguments.mode(first + 2))?;
    session.descriptors.push(fd);
    Ok(Done)
}

/// mknod, and mknodat with its first argument before those of mknod.
fn mknod(session: &mut Session, arguments: &Arguments<'_>, dirfd: i32, first: usize) -> Result<Output> {
    let kind = match arguments.text(first + 1)? {
        b"c" => FileType::CharDevice,
        b"b" => FileType::BlockDevice,
        b"f" => FileType::Fifo,
        b"d" => FileType::Directory,
        b"o" => FileType::Regular,
        _ => return Err(Failure::Usage("wrong argument 1".into())),
    };
    let mode = kind.mode_bits() | arguments.number(first + 2) as u32;
    let dev = Dev::new(arguments.number(first + 3) as u32, arguments.number(first + 4) as u32);
    session.cage.mknodat(dirfd, arguments.path(first)?, mode, dev)?;
    Ok(Done)
}

/// What fits into `sun_path`: the original cuts what does not.
fn socket_path(path: &[u8]) -> &[u8] {
    const MOST: usize = 107;
    &path[..path.len().min(MOST)]
}

/// connect(2): nobody ever listens, for the process that bound the socket is gone (`unix_find_bsd`).
fn connect(session: &mut Session, path: &[u8]) -> Result<Output> {
    session.cage.stat(path)?;
    session.cage.faccessat(AT_FDCWD, path, imfs::abi::Access::WRITE, AtFlags::EACCESS)?;
    Err(Errno::ECONNREFUSED.into())
}

/// `pread FD [COUNT] OFFSET`: prints what was read.
fn pread(session: &mut Session, arguments: &Arguments<'_>) -> Result<Output> {
    const MOST: i64 = 1 << 20;
    let (count, offset) = match arguments.0.len() {
        3 => (arguments.number(1), arguments.number(2)),
        _ => (1024, arguments.number(1)),
    };
    let mut bytes = vec![0; count.clamp(0, MOST) as usize];
    let read = session.cage.pread(arguments.fd(0), &mut bytes, offset)?;
    bytes.truncate(read);
    Ok(Line(bytes))
}

/// Seconds and nanoseconds, which may be `UTIME_NOW` or `UTIME_OMIT`.
fn time(arguments: &Arguments<'_>, at: usize) -> Result<SetTime> {
    let nanoseconds = match arguments.text(at + 1)? {
        b"UTIME_NOW" => UTIME_NOW,
        b"UTIME_OMIT" => UTIME_OMIT,
        text => flags::number(text)
            .ok_or_else(|| Failure::Usage(format!("invalid argument {}, number expected", at + 1)))?,
    };
    Ok(SetTime::from_raw(arguments.number(at), nanoseconds)?)
}

fn limit_name(arguments: &Arguments<'_>) -> Result<i32> {
    let name = arguments.text(1)?;
    flags::find(flags::LIMITS, name)
        .map(|name| name as i32)
        .ok_or_else(|| Failure::Usage(format!("unknown name {}", String::from_utf8_lossy(name))))
}

fn limit(value: Option<i64>) -> Output {
    Line(value.map_or("unlimited".into(), |value| value.to_string()).into())
}

/// Prints fields of a file's attributes.
fn show(session: &Session, dirfd: i32, path: &[u8], flags: AtFlags, fields: &[u8]) -> Result<Output> {
    let stat = session.cage.fstatat(dirfd, path, flags)?;
    let statx = session.cage.statx(dirfd, path, flags, StatxMask::BTIME)?;
    let fields = fields.split(|byte| *byte == b',').filter(|field| !field.is_empty());
    let shown: Vec<String> = fields.map(|name| field(&stat, &statx, name)).collect();
    Ok(Line(shown.join(",").into()))
}

fn field(stat: &Stat, statx: &Statx, name: &[u8]) -> String {
    match name {
        b"mode" => format!("0{:o}", stat.mode & 0o7777),
        b"inode" => stat.ino.to_string(),
        b"nlink" => stat.nlink.to_string(),
        b"uid" => (stat.uid as i32).to_string(),
        b"gid" => (stat.gid as i32).to_string(),
        b"size" => stat.size.to_string(),
        b"blocks" => stat.blocks.to_string(),
        b"atime" => stat.atime.sec.to_string(),
        b"mtime" => stat.mtime.sec.to_string(),
        b"ctime" => stat.ctime.sec.to_string(),
        b"birthtime" => statx.btime.sec.to_string(),
        b"atime_ns" => stat.atime.nsec.to_string(),
        b"mtime_ns" => stat.mtime.nsec.to_string(),
        b"ctime_ns" => stat.ctime.nsec.to_string(),
        b"birthtime_ns" => statx.btime.nsec.to_string(),
        b"major" => stat.rdev.major().to_string(),
        b"minor" => stat.rdev.minor().to_string(),
        b"type" => match stat.file_type() {
            Some(FileType::Fifo) => "fifo",
            Some(FileType::CharDevice) => "char",
            Some(FileType::Directory) => "dir",
            Some(FileType::BlockDevice) => "block",
            Some(FileType::Regular) => "regular",
            Some(FileType::Symlink) => "symlink",
            Some(FileType::Socket) => "socket",
            None => "unknown",
        }
        .to_owned(),
        _ => "unknown".to_owned(),
    }
}

/// Makes the calls of a command line.
pub(crate) fn run(session: &mut Session, command_line: &[Vec<u8>]) {
    if let Err(failure) = options_and_calls(session, command_line) {
        if let Failure::Usage(words) = failure {
            session.complain(words);
        }
        session.answer.status = 1;
    }
}

fn options_and_calls(session: &mut Session, command_line: &[Vec<u8>]) -> Result<()> {
    let mut rest = options(session, command_line)?;
    loop {
        let Some((name, arguments)) = rest.split_first() else {
            return Err(Failure::Usage("too few arguments".into()));
        };
        let call = CALLS.iter().find(|call| call.name.as_bytes() == &name[..]).ok_or_else(|| {
            Failure::Usage(format!("syscall '{}' not supported", String::from_utf8_lossy(name)))
        })?;
        let end = arguments.iter().position(|argument| argument == b":").unwrap_or(arguments.len());
        let read = call.read(session, &arguments[..end])?;
        match (call.run)(session, &read) {
            Ok(Done) => session.say("0"),
            Ok(Line(line)) => session.say(line),
            Err(Failure::Errno(errno)) => {
                session.complain(format!("{} returned -1", call.name));
                session.say(errno.name());
                return Err(errno.into());
            }
            Err(failure) => return Err(failure),
        }
        match arguments.get(end + 1..) {
            Some(more) => rest = more,
            None => return Ok(()),
        }
    }
}

impl Call {
    fn read<'a>(&self, session: &Session, arguments: &'a [Vec<u8>]) -> Result<Arguments<'a>> {
        if arguments.len() > self.arguments.len() {
            let first = String::from_utf8_lossy(&arguments[self.arguments.len()]);
            return Err(Failure::Usage(format!("too many arguments [{first}]")));
        }
        if arguments.len() + self.optional < self.arguments.len() {
            return Err(Failure::Usage("too few arguments".into()));
        }
        let read = |(at, (kind, text)): (usize, (&Kind, &'a Vec<u8>))| {
            let number = || {
                let expected = || {
                    let text = String::from_utf8_lossy(text);
                    Failure::Usage(format!("invalid argument {at}, number expected [{text}]"))
                };
                flags::number(text).ok_or_else(expected)
            };
            Ok(match (kind, &text[..]) {
                // In the original bad addresses.
                (Text, b"NULL" | b"DEADCODE") => Argument::Text(None),
                (Text, text) => Argument::Text(Some(text)),
                (Number, _) => Argument::Number(number()?),
                (Descriptor, b"AT_FDCWD") => Argument::Number(AT_FDCWD.into()),
                (Descriptor, b"BADFD") => Argument::Number(-1),
                (Descriptor, _) => {
                    let place = number()?;
                    let fd = usize::try_from(place).ok().and_then(|place| session.descriptors.get(place));
                    let fd = fd.ok_or_else(|| Failure::Usage(format!("invalid descriptor {place}")))?;
                    Argument::Number((*fd).into())
                }
            })
        };
        self.arguments.iter().zip(arguments).enumerate().map(read).collect::<Result<_>>().map(Arguments)
    }
}

/// Reads the options, and lets the cage become who they say. Returns what follows them.
fn options<'a>(session: &mut Session, mut line: &'a [Vec<u8>]) -> Result<&'a [Vec<u8>]> {
    let (mut uid, mut gids, mut umask) = (None, None, 0);
    while let Some((option, rest)) = line.split_first().filter(|(option, _)| option.starts_with(b"-")) {
        line = rest;
        if option == b"--" {
            break;
        }
        let Some(letter @ (b'u' | b'g' | b'U')) = option.get(1) else {
            return Err(Failure::Usage(USAGE.into()));
        };
        let value = if option.len() > 2 {
            &option[2..]
        } else {
            let (value, rest) = line.split_first().ok_or_else(|| Failure::Usage(USAGE.into()))?;
            line = rest;
            &value[..]
        };
        let number = |text: &[u8]| {
            let invalid = || {
                let text = String::from_utf8_lossy(text);
                Failure::Usage(format!(
                    "invalid value '{text}' of -{} - number expected",
                    char::from(*letter)
                ))
            };
            flags::number(text).map(|number| number as u32).ok_or_else(invalid)
        };
        match letter {
            b'u' => uid = Some(number(value)?),
            b'U' => umask = number(value)?,
            _ => gids = Some(value.split(|byte| *byte == b',').map(number).collect::<Result<Vec<_>>>()?),
        }
    }
    if let Some(gids) = gids {
        session.cage.setgroups(&gids)?;
        session.cage.setresgid(u32::MAX, gids.first().copied().unwrap_or(u32::MAX), u32::MAX)?;
    }
    if let Some(uid) = uid {
        session.cage.setuid(uid)?;
    }
    session.cage.umask(Mode::from_bits_retain(umask));
    Ok(line)
}

const USAGE: &str = "usage: pjdfstest [-U umask] [-u uid] [-g gid1[,gid2[...]]] syscall args ...";
