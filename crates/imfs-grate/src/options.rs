//! The command line of the grate.

/// What was asked for.
#[derive(Debug)]
pub(crate) struct Options {
    /// Whether every call is logged.
    pub(crate) log: bool,
    /// The most bytes that files can have.
    pub(crate) size: u64,
    /// The most inodes; `None` without a limit.
    pub(crate) inodes: Option<u64>,
    /// The program and its arguments.
    pub(crate) program: Vec<Vec<u8>>,
}

/// What the module's memory can hold at most, with some room for all else.
const DEFAULT_SIZE: u64 = 3 << 30;

pub(crate) const USAGE: &str = "\
usage: imfs-grate [--log] [--size BYTES] [--inodes COUNT] PROGRAM [ARGUMENT...]
  --log           log every file system call to the standard error
  --size BYTES    the most that files can hold (suffixes K, M, G); 3G by default
  --inodes COUNT  the most files and directories; no limit by default
PRELOADS names what is copied in first (path or imfs_path=host_path, separated by ':'),
DUMPS what is copied out at the end (separated by ';').";

impl Options {
    /// Reads the arguments that follow the grate's own name.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(crate) fn read(args: &[Vec<u8>]) -> Result<Self, String> {
        let mut options = Self { log: false, size: DEFAULT_SIZE, inodes: None, program: Vec::new() };
        let mut rest = args.iter();
        while let Some(arg) = rest.next() {
            let (name, attached) = match arg.iter().position(|byte| *byte == b'=') {
                Some(at) if arg.starts_with(b"--") => (&arg[..at], Some(arg[at + 1..].to_vec())),
                _ => (&arg[..], None),
            };
            match name {
                b"--log" => options.log = true,
                b"--size" => options.size = number(name, attached.as_ref().or_else(|| rest.next()))?,
                b"--inodes" => {
                    options.inodes = Some(number(name, attached.as_ref().or_else(|| rest.next()))?)
                }
                b"--" => {
                    options.program = rest.by_ref().cloned().collect();
                }
                _ if name.starts_with(b"--") => {
                    return Err(format!("unknown option {}", String::from_utf8_lossy(name)));
                }
                _ => {
                    options.program = core::iter::once(arg).chain(rest.by_ref()).cloned().collect();
                }
            }
        }
        if options.program.is_empty() { Err("no program is given".into()) } else { Ok(options) }
    }
}

/// A number with an optional suffix.
fn number(name: &[u8], value: Option<&Vec<u8>>) -> Result<u64, String> {
    let name = String::from_utf8_lossy(name);
    let value = value.ok_or_else(|| format!("{name} needs a number"))?;
    let (digits, shift) = match value.split_last() {
        Some((b'k' | b'K', digits)) => (digits, 10),
        Some((b'm' | b'M', digits)) => (digits, 20),
        Some((b'g' | b'G', digits)) => (digits, 30),
        _ => (&value[..], 0),
    };
    let parsed = core::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
    parsed
        .and_then(|number| number.checked_mul(1 << shift))
        .ok_or_else(|| format!("{name} needs a number, not {}", String::from_utf8_lossy(value)))
}
