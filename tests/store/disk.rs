//! A disk made of bytes: it records what is done to it, can break, and can be rebuilt as a power
//! failure would leave it.

use std::{
    io::{Error, ErrorKind, Result},
    sync::{Arc, Mutex},
};

use rand::{RngExt, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;
use tomking::store::StorageBackend;

/// What was done to the disk.
#[derive(Debug, Clone)]
pub enum Op {
    Write(usize, Vec<u8>),
    SetLen(usize),
    Sync,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    ops: Vec<Op>,
    /// Operations that still succeed, and how the one after them fails.
    breaks_after: Option<(usize, ErrorKind)>,
}

/// The backend; clones are one disk.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    pub fn of(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State { bytes, ..State::default() })))
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().bytes.clone()
    }

    pub fn ops(&self) -> Vec<Op> {
        self.0.lock().unwrap().ops.clone()
    }

    pub fn ops_count(&self) -> usize {
        self.0.lock().unwrap().ops.len()
    }

    pub fn forget_ops(&self) {
        self.0.lock().unwrap().ops.clear();
    }

    /// After `count` more operations each one fails, as a full or dying disk does.
    pub fn break_after(&self, count: usize, how: ErrorKind) {
        self.0.lock().unwrap().breaks_after = Some((count, how));
    }

    fn act(&self, op: Op) -> Result<()> {
        let mut state = self.0.lock().unwrap();
        match &mut state.breaks_after {
            Some((0, how)) => return Err(Error::from(*how)),
            Some((left, _)) => *left -= 1,
            None => {}
        }
        apply(&mut state.bytes, &op);
        state.ops.push(op);
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64> {
        Ok(self.0.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let state = self.0.lock().unwrap();
        let from = usize::try_from(offset).unwrap();
        let found = state.bytes.get(from..from + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.act(Op::SetLen(usize::try_from(len).unwrap()))
    }

    fn sync_data(&self) -> Result<()> {
        self.act(Op::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.act(Op::Write(usize::try_from(offset).unwrap(), data.to_vec()))
    }
}

pub fn apply(bytes: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Write(offset, data) => {
            let end = offset + data.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[*offset..end].copy_from_slice(data);
        }
        Op::SetLen(len) => bytes.resize(*len, 0),
        Op::Sync => {}
    }
}

/// What becomes of the writes since the last sync when the power fails.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    /// All reached the disk.
    Kept,
    /// None did.
    Lost,
    /// All did, the last only in part.
    Torn,
    /// Some did, in another order, some of them in part.
    Reordered,
}

pub const FATES: [Fate; 4] = [Fate::Kept, Fate::Lost, Fate::Torn, Fate::Reordered];

/// The unit a disk writes whole.
const SECTOR: usize = 512;

/// What is on the disk after the power failed, `pending` being unsynced.
pub fn after_failure(synced: &[u8], pending: &[Op], fate: Fate, rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = synced.to_vec();
    match fate {
        Fate::Kept => pending.iter().for_each(|op| apply(&mut bytes, op)),
        Fate::Lost => {}
        Fate::Torn => {
            if let Some((last, before)) = pending.split_last() {
                for op in before {
                    apply(&mut bytes, op);
                }
                apply(&mut bytes, &cut_anywhere(last, rng));
            }
        }
        Fate::Reordered => {
            let mut some: Vec<&Op> = pending.iter().filter(|_| rng.random_bool(0.6)).collect();
            some.shuffle(rng);
            for op in some {
                for piece in sectors(op, rng) {
                    apply(&mut bytes, &piece);
                }
            }
        }
    }
    bytes
}

/// The first bytes of a write, however few.
fn cut_anywhere(op: &Op, rng: &mut ChaCha8Rng) -> Op {
    match op {
        Op::Write(offset, data) => {
            Op::Write(*offset, data[..rng.random_range(0..=data.len())].to_vec())
        }
        other => other.clone(),
    }
}

/// Half of the time the whole write, else each of its sectors or not.
fn sectors(op: &Op, rng: &mut ChaCha8Rng) -> Vec<Op> {
    let Op::Write(offset, data) = op else { return vec![op.clone()] };
    if rng.random_bool(0.5) {
        return vec![op.clone()];
    }
    let pieces = data.chunks(SECTOR).enumerate();
    pieces
        .filter(|_| rng.random_bool(0.5))
        .map(|(n, piece)| Op::Write(offset + n * SECTOR, piece.to_vec()))
        .collect()
}
