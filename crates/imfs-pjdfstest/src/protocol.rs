//! What client and server say to each other over a UNIX socket: one request and one answer a connection, both lists of byte
//! strings.

use std::io::{self, Read, Write};

/// What a client asks for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    /// What is to be done: [`PJDFSTEST`], [`IMPORT`], or the name of an applet.
    pub(crate) what: Vec<u8>,
    /// The script that asks: each has a time of its own.
    pub(crate) script: Vec<u8>,
    /// The working directory.
    pub(crate) directory: Vec<u8>,
    /// Bytes that go with it.
    pub(crate) input: Vec<u8>,
    /// The command line, without the program.
    pub(crate) arguments: Vec<Vec<u8>>,
}

/// The calls of a command line of pjdfstest.
pub(crate) const PJDFSTEST: &[u8] = b"pjdfstest";
/// Makes a file (or, with `symlink` as the second argument, a symbolic link) of what a redirection left on the host.
pub(crate) const IMPORT: &[u8] = b"import";
/// Tells where a `cd` leads to.
pub(crate) const CHANGE_DIRECTORY: &[u8] = b"cd";

/// What came of it, as of a process.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The exit status.
    pub(crate) status: u8,
    /// The standard output.
    pub(crate) output: Vec<u8>,
    /// The standard error output.
    pub(crate) errors: Vec<u8>,
}

impl Request {
    pub(crate) fn send(&self, to: &mut impl Write) -> io::Result<()> {
        let Request { what, script, directory, input, arguments } = self;
        let head = [what, script, directory, input];
        send(to, head.into_iter().chain(arguments).map(Vec::as_slice))
    }

    pub(crate) fn receive(from: &mut impl Read) -> io::Result<Self> {
        let mut list = receive(from)?;
        if list.len() < 4 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let arguments = list.split_off(4);
        let [what, script, directory, input] = list.try_into().unwrap_or_default();
        Ok(Self { what, script, directory, input, arguments })
    }
}

impl Answer {
    pub(crate) fn send(&self, to: &mut impl Write) -> io::Result<()> {
        send(to, [&[self.status][..], &self.output, &self.errors].into_iter())
    }

    pub(crate) fn receive(from: &mut impl Read) -> io::Result<Self> {
        let list: [Vec<u8>; 3] = receive(from)?.try_into().map_err(|_| io::ErrorKind::InvalidData)?;
        let [status, output, errors] = list;
        Ok(Self { status: status.first().copied().unwrap_or(1), output, errors })
    }
}

/// No list, and no string, is longer: a client that says so is none of ours.
const MOST: u32 = 1 << 28;

fn send<'a>(to: &mut impl Write, list: impl Iterator<Item = &'a [u8]>) -> io::Result<()> {
    let mut bytes = vec![0; 4];
    let mut count = 0_u32;
    for part in list {
        let len =
            u32::try_from(part.len()).ok().filter(|len| *len <= MOST).ok_or(io::ErrorKind::InvalidInput)?;
        bytes.extend_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(part);
        count += 1;
    }
    bytes[..4].copy_from_slice(&count.to_le_bytes());
    to.write_all(&bytes)
}

fn receive(from: &mut impl Read) -> io::Result<Vec<Vec<u8>>> {
    let count = receive_number(from)?;
    let mut list = Vec::new();
    for _ in 0..count {
        let len = receive_number(from)?;
        let mut part = Vec::new();
        if from.by_ref().take(len.into()).read_to_end(&mut part)? != len as usize {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        list.push(part);
    }
    Ok(list)
}

fn receive_number(from: &mut impl Read) -> io::Result<u32> {
    let mut bytes = [0; 4];
    from.read_exact(&mut bytes)?;
    match u32::from_le_bytes(bytes) {
        number @ 0..=MOST => Ok(number),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        let request = Request {
            what: PJDFSTEST.to_vec(),
            script: b"open/00.t".to_vec(),
            directory: b"/tmp".to_vec(),
            input: vec![0; 100_000],
            arguments: vec![b"unlink".to_vec(), vec![], b"\xff".to_vec()],
        };
        let mut bytes = Vec::new();
        request.send(&mut bytes).unwrap();
        assert_eq!(Request::receive(&mut &bytes[..]).unwrap(), request);
        assert!(Request::receive(&mut &bytes[..bytes.len() - 1]).is_err());
        assert!(Request::receive(&mut &[0xff; 64][..]).is_err());
        assert!(Request::receive(&mut &[0; 4][..]).is_err());
        let answer = Answer { status: 1, output: b"ENOENT\n".to_vec(), errors: vec![] };
        bytes.clear();
        answer.send(&mut bytes).unwrap();
        assert_eq!(Answer::receive(&mut &bytes[..]).unwrap(), answer);
    }
}
