//! A file seen through a sheet of glass: reads come from the file, writes stay in memory. With it
//! a store can be opened, repaired and examined while its file is left as it was.
//!
//! The caller sees to it that nobody writes the file meanwhile.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Error, ErrorKind, Read, Result, Seek, SeekFrom},
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use redb::StorageBackend;

const PAGE: u64 = PAGE_BYTES as u64;
const PAGE_BYTES: usize = 4096;
type Page = Box<[u8; PAGE_BYTES]>;

/// The backend.
#[derive(Debug)]
pub(crate) struct Overlay {
    sheet: Mutex<Sheet>,
}

#[derive(Debug)]
struct Sheet {
    file: File,
    /// What of the file still shows: a cut hides the rest for good.
    shown: u64,
    len: u64,
    /// Changed pages by number.
    pages: BTreeMap<u64, Page>,
}

impl Overlay {
    /// Over the file at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Self { sheet: Mutex::new(Sheet { file, shown: len, len, pages: BTreeMap::new() }) })
    }

    fn sheet(&self) -> MutexGuard<'_, Sheet> {
        self.sheet.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sheet {
    /// Fills `out` from the file; what lies beyond it is zero.
    fn read_file(&mut self, offset: u64, out: &mut [u8]) -> Result<()> {
        out.fill(0);
        let there = self.shown.saturating_sub(offset).min(out.len() as u64);
        let Some(part) = usize::try_from(there).ok().and_then(|there| out.get_mut(..there)) else {
            return Ok(());
        };
        if part.is_empty() {
            return Ok(());
        }
        self.file.seek(SeekFrom::Start(offset))?;
        self.file.read_exact(part)
    }

    fn page(&mut self, number: u64) -> Result<&mut Page> {
        if !self.pages.contains_key(&number) {
            let mut page = Box::new([0; PAGE_BYTES]);
            self.read_file(number * PAGE, page.as_mut_slice())?;
            self.pages.insert(number, page);
        }
        self.pages.get_mut(&number).ok_or_else(|| Error::from(ErrorKind::NotFound))
    }
}

/// The pages a span touches: page number, start in the page, and length.
fn spans(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, usize)> {
    let end = offset + len as u64;
    let mut at = offset;
    std::iter::from_fn(move || {
        (at < end).then(|| {
            let start = at % PAGE;
            let take = (PAGE - start).min(end - at);
            let span = (at / PAGE, start, take);
            at += take;
            span
        })
    })
    .map(|(page, start, take)| (page, small(start), small(take)))
}

fn small(n: u64) -> usize {
    usize::try_from(n).expect("at most the size of a page")
}

impl StorageBackend for Overlay {
    fn len(&self) -> Result<u64> {
        Ok(self.sheet().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let mut sheet = self.sheet();
        if offset + out.len() as u64 > sheet.len {
            return Err(Error::from(ErrorKind::UnexpectedEof));
        }
        sheet.read_file(offset, out)?;
        let mut at = 0;
        for (number, start, take) in spans(offset, out.len()) {
            if let Some(page) = sheet.pages.get(&number) {
                out[at..at + take].copy_from_slice(&page[start..start + take]);
            }
            at += take;
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        let mut sheet = self.sheet();
        if len < sheet.len {
            let cut = len.div_ceil(PAGE);
            sheet.pages.split_off(&cut);
            if !len.is_multiple_of(PAGE) {
                sheet.page(len / PAGE)?[small(len % PAGE)..].fill(0);
            }
            sheet.shown = sheet.shown.min(len);
        }
        sheet.len = len;
        Ok(())
    }

    fn sync_data(&self) -> Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        let mut sheet = self.sheet();
        let mut at = 0;
        for (number, start, take) in spans(offset, data.len()) {
            sheet.page(number)?[start..start + take].copy_from_slice(&data[at..at + take]);
            at += take;
        }
        sheet.len = sheet.len.max(offset + data.len() as u64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Write(usize, Vec<u8>),
        SetLen(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0usize..20_000, proptest::collection::vec(1u8.., 1..6000))
                .prop_map(|(offset, data)| Step::Write(offset, data)),
            (0usize..26_000).prop_map(Step::SetLen),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn it_reads_as_a_plain_copy_would_and_leaves_the_file_alone(
            steps in proptest::collection::vec(step(), 1..12)
        ) {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("file");
            let original: Vec<u8> = (0..10_000u32).map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[1]).collect();
            std::fs::write(&path, &original).unwrap();
            let overlay = Overlay::open(&path).unwrap();
            let mut plain = original.clone();
            for step in steps {
                match step {
                    Step::Write(offset, data) => {
                        overlay.write(offset as u64, &data).unwrap();
                        let end = offset + data.len();
                        plain.resize(plain.len().max(end), 0);
                        plain[offset..end].copy_from_slice(&data);
                    }
                    Step::SetLen(len) => {
                        overlay.set_len(len as u64).unwrap();
                        plain.resize(len, 0);
                    }
                }
                let mut seen = vec![0; plain.len()];
                overlay.read(0, &mut seen).unwrap();
                prop_assert!(seen == plain);
                prop_assert_eq!(overlay.len().unwrap(), plain.len() as u64);
            }
            prop_assert!(std::fs::read(&path).unwrap() == original);
        }
    }
}
