//! The records of getdents64(2).

use super::FileType;

/// Where the name starts in a record.
const NAME_AT: usize = 19;

/// The bytes of a record (`d_reclen`) with a name that long.
pub const fn dirent_len(name_len: usize) -> usize {
    (NAME_AT + name_len + 1).next_multiple_of(8)
}

/// One entry of a directory, `struct linux_dirent64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dirent<'a> {
    /// The number of the inode.
    pub ino: u64,
    /// The offset that continues after this entry.
    pub off: i64,
    /// `d_type`; 0 (`DT_UNKNOWN`) if it is not known.
    pub dtype: u8,
    /// The name, without NUL.
    pub name: &'a [u8],
}

impl Dirent<'_> {
    /// The type of the entry.
    pub fn file_type(&self) -> Option<FileType> {
        FileType::from_dtype(self.dtype)
    }
}

/// Puts records in a buffer, as many as fit.
pub struct DirentWriter<'b> {
    buf: &'b mut [u8],
    len: usize,
}

impl<'b> DirentWriter<'b> {
    /// Starts at the beginning of `buf`.
    pub fn new(buf: &'b mut [u8]) -> DirentWriter<'b> {
        DirentWriter { buf, len: 0 }
    }

    /// Adds a record; `false`, and nothing written, if it does not fit.
    #[must_use]
    pub fn push(&mut self, entry: &Dirent<'_>) -> bool {
        let size = dirent_len(entry.name.len());
        let Ok(reclen) = u16::try_from(size) else { return false };
        let Some(record) = self.buf[self.len..].get_mut(..size) else { return false };
        record[..8].copy_from_slice(&entry.ino.to_le_bytes());
        record[8..16].copy_from_slice(&entry.off.to_le_bytes());
        record[16..18].copy_from_slice(&reclen.to_le_bytes());
        record[18] = entry.dtype;
        let (name, rest) = record[NAME_AT..].split_at_mut(entry.name.len());
        name.copy_from_slice(entry.name);
        rest.fill(0);
        self.len += size;
        true
    }

    /// The bytes written.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Nothing is written yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Reads the records of a buffer; ends at the first that is cut or broken.
#[derive(Clone, Debug)]
pub struct Dirents<'a> {
    rest: &'a [u8],
}

impl<'a> Dirents<'a> {
    /// The records of what getdents64(2) wrote.
    pub fn new(bytes: &'a [u8]) -> Dirents<'a> {
        Dirents { rest: bytes }
    }
}

impl<'a> Iterator for Dirents<'a> {
    type Item = Dirent<'a>;

    fn next(&mut self) -> Option<Dirent<'a>> {
        let reclen = u16::from_le_bytes(self.rest.get(16..18)?.try_into().ok()?);
        let (record, rest) = self.rest.split_at_checked(usize::from(reclen))?;
        let name = record.get(NAME_AT..)?;
        let entry = Dirent {
            ino: u64::from_le_bytes(record[..8].try_into().ok()?),
            off: i64::from_le_bytes(record[8..16].try_into().ok()?),
            dtype: record[18],
            name: &name[..name.iter().position(|b| *b == 0)?],
        };
        self.rest = rest;
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_go_both_ways() {
        let entries = [
            Dirent { ino: 1, off: 1, dtype: 4, name: b"." },
            Dirent { ino: 7, off: i64::MAX, dtype: 8, name: b"four" },
            Dirent { ino: 9, off: 3, dtype: 0, name: &[b'x'; 255] },
        ];
        let mut buf = [0xff; 24 + 24 + 280];
        let mut writer = DirentWriter::new(&mut buf);
        assert!(entries.iter().all(|e| writer.push(e)));
        assert!(!writer.push(&entries[0]));
        assert_eq!(writer.len(), 24 + 24 + 280);
        assert!(Dirents::new(&buf).eq(entries));
        assert_eq!(Dirents::new(&buf[..60]).count(), 2);
        assert_eq!(Dirents::new(&[0; 64]).count(), 0);
    }
}
