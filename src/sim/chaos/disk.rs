//! A disk made of bytes: it remembers what is not synced yet, can break, and can lose its power.

use std::{
    fmt,
    io::{Error, ErrorKind, Result},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{
    board::{Gate, Verdict},
    dice::Dice,
    life::End,
    plan::Fate,
};
use crate::store::StorageBackend;

/// The unit a disk writes whole.
const SECTOR: usize = 512;

/// What was done to a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Bytes at an offset.
    Write(usize, Vec<u8>),
    /// Another length.
    SetLen(usize),
    /// All before it is durable.
    Sync,
}

/// An operation that is not durable yet, with what it replaced.
#[derive(Debug)]
struct Pending {
    op: Op,
    len_before: usize,
    offset: usize,
    before: Vec<u8>,
}

#[derive(Debug, Default)]
struct State {
    bytes: Vec<u8>,
    pending: Vec<Pending>,
    recorded: Option<Vec<Op>>,
    /// Operations that still succeed, and how those after them fail.
    breaks_after: Option<(usize, ErrorKind)>,
}

/// The disk; clones are one disk.
#[derive(Debug, Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

impl Disk {
    /// A disk with something on it.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State { bytes, ..State::default() })))
    }

    /// The same, writing down every operation.
    #[must_use]
    pub fn recording(self) -> Self {
        self.state().recorded = Some(Vec::new());
        self
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a read gives, synced or not.
    pub fn bytes(&self) -> Vec<u8> {
        self.state().bytes.clone()
    }

    /// Bytes on it.
    pub fn size(&self) -> usize {
        self.state().bytes.len()
    }

    /// What was written down.
    pub fn ops(&self) -> Vec<Op> {
        self.state().recorded.clone().unwrap_or_default()
    }

    /// How much was written down.
    pub fn ops_count(&self) -> usize {
        self.state().recorded.as_ref().map_or(0, Vec::len)
    }

    /// Begins to write down anew.
    pub fn forget_ops(&self) {
        if let Some(ops) = &mut self.state().recorded {
            ops.clear();
        }
    }

    /// After `count` more operations each one fails, as a full or dying disk does.
    pub fn break_after(&self, count: usize, how: ErrorKind) {
        self.state().breaks_after = Some((count, how));
    }

    /// The power fails now.
    pub fn lose_power(&self, fate: Fate, dice: &mut Dice) {
        let mut state = self.state();
        let pending = std::mem::take(&mut state.pending);
        for done in pending.iter().rev() {
            state.bytes.resize(done.len_before, 0);
            let end = done.offset + done.before.len();
            state.bytes[done.offset..end].copy_from_slice(&done.before);
        }
        let ops: Vec<Op> = pending.into_iter().map(|done| done.op).collect();
        let synced = std::mem::take(&mut state.bytes);
        state.bytes = after_failure(synced, &ops, fate, dice);
    }

    fn act(&self, op: Op) -> Result<()> {
        let mut state = self.state();
        match &mut state.breaks_after {
            Some((0, how)) => return Err(Error::from(*how)),
            Some((left, _)) => *left -= 1,
            None => {}
        }
        if let Some(ops) = &mut state.recorded {
            ops.push(op.clone());
        }
        let (offset, end) = match &op {
            Op::Write(offset, data) => (*offset, offset + data.len()),
            Op::SetLen(len) => (*len, usize::MAX),
            Op::Sync => {
                state.pending.clear();
                return Ok(());
            }
        };
        let len_before = state.bytes.len();
        let from = offset.min(len_before);
        let before = state.bytes[from..end.clamp(from, len_before)].to_vec();
        apply(&mut state.bytes, &op);
        state.pending.push(Pending { op, len_before, offset: from, before });
        Ok(())
    }
}

fn index(offset: u64) -> Result<usize> {
    usize::try_from(offset).map_err(|_| Error::from(ErrorKind::InvalidInput))
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64> {
        Ok(self.size() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        let from = index(offset)?;
        let state = self.state();
        let found = state.bytes.get(from..from + out.len()).ok_or(ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(found);
        Ok(())
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.act(Op::SetLen(index(len)?))
    }

    fn sync_data(&self) -> Result<()> {
        self.act(Op::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.act(Op::Write(index(offset)?, data.to_vec()))
    }
}

/// Does an operation to bytes.
pub fn apply(bytes: &mut Vec<u8>, op: &Op) {
    match op {
        Op::Write(_, data) if data.is_empty() => {}
        Op::Write(offset, data) => {
            let end = offset + data.len();
            bytes.resize(bytes.len().max(end), 0);
            bytes[*offset..end].copy_from_slice(data);
        }
        Op::SetLen(len) => bytes.resize(*len, 0),
        Op::Sync => {}
    }
}

/// What is on the disk after the power failed, `pending` being unsynced.
pub fn after_failure(synced: Vec<u8>, pending: &[Op], fate: Fate, dice: &mut Dice) -> Vec<u8> {
    let mut bytes = synced;
    match fate {
        Fate::Kept => pending.iter().for_each(|op| apply(&mut bytes, op)),
        Fate::Lost => {}
        Fate::Torn => {
            if let Some((last, before)) = pending.split_last() {
                for op in before {
                    apply(&mut bytes, op);
                }
                apply(&mut bytes, &cut_anywhere(last, dice));
            }
        }
        Fate::Reordered => {
            let mut some: Vec<&Op> = pending.iter().filter(|_| dice.percent(60)).collect();
            dice.shuffle(&mut some);
            for op in some {
                for piece in sectors(op, dice) {
                    apply(&mut bytes, &piece);
                }
            }
        }
    }
    bytes
}

/// The first bytes of a write, however few.
fn cut_anywhere(op: &Op, dice: &mut Dice) -> Op {
    match op {
        Op::Write(offset, data) => Op::Write(*offset, data[..dice.place(data.len() + 1)].to_vec()),
        other => other.clone(),
    }
}

/// Half of the time the whole write, else each of its sectors or not.
fn sectors(op: &Op, dice: &mut Dice) -> Vec<Op> {
    let Op::Write(offset, data) = op else { return vec![op.clone()] };
    if dice.percent(50) {
        return vec![op.clone()];
    }
    let pieces = data.chunks(SECTOR).enumerate();
    pieces
        .filter(|_| dice.percent(50))
        .map(|(n, piece)| Op::Write(offset + n * SECTOR, piece.to_vec()))
        .collect()
}

/// The disk as one life of the process has it: what the switchboard says happens to each operation,
/// and after its death nothing reaches the disk.
pub struct LifeDisk {
    disk: Disk,
    gate: Gate,
}

impl LifeDisk {
    /// The disk for the life of `gate`.
    pub fn new(disk: Disk, gate: Gate) -> Self {
        Self { disk, gate }
    }

    fn act(&self, act: impl FnOnce(&Disk) -> Result<()>) -> Result<()> {
        if self.gate.life().is_cut_off() {
            return Err(Error::other("the process has ended"));
        }
        match self.gate.board().disk() {
            (Verdict::Go, _) => act(&self.disk),
            (Verdict::Refuse, _) => Err(Error::other("planned by chaos")),
            (Verdict::Kill, venue) => {
                self.gate.die(End::Killed, venue);
                Err(Error::other("the process has ended"))
            }
            (Verdict::PowerFails(fate), venue) => {
                let board = self.gate.board();
                let purpose = board.world().now().timestamp_micros().unsigned_abs();
                self.disk.lose_power(fate, &mut Dice::new(board.seed(), purpose));
                self.gate.die(End::PowerFailed, venue);
                Err(Error::other("the power has failed"))
            }
        }
    }
}

impl fmt::Debug for LifeDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the disk of life {}", self.gate.life().number())
    }
}

impl StorageBackend for LifeDisk {
    fn len(&self) -> Result<u64> {
        self.disk.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        if self.gate.life().is_cut_off() {
            return Err(Error::other("the process has ended"));
        }
        self.disk.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<()> {
        self.act(|disk| disk.set_len(len))
    }

    fn sync_data(&self) -> Result<()> {
        self.act(Disk::sync_data)
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<()> {
        self.act(|disk| disk.write(offset, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk() -> Disk {
        let disk = Disk::default();
        disk.write(0, b"abcdef").unwrap();
        disk.sync_data().unwrap();
        disk
    }

    fn left(fate: Fate, seed: u64) -> Vec<u8> {
        let disk = disk();
        disk.write(2, b"XY").unwrap();
        disk.set_len(3).unwrap();
        disk.write(5, b"z").unwrap();
        assert_eq!(disk.bytes(), b"abX\0\0z");
        disk.lose_power(fate, &mut Dice::new(seed, 1));
        disk.bytes()
    }

    #[test]
    fn a_power_failure_keeps_what_was_synced_and_does_to_the_rest_what_its_fate_says() {
        assert_eq!(left(Fate::Lost, 1), b"abcdef");
        assert_eq!(left(Fate::Kept, 1), b"abX\0\0z");
        let torn: std::collections::BTreeSet<_> = (0..20).map(|n| left(Fate::Torn, n)).collect();
        assert!(torn.contains(b"abX".as_slice()) && torn.contains(b"abX\0\0z".as_slice()));
        let some: std::collections::BTreeSet<_> =
            (0..200).map(|n| left(Fate::Reordered, n)).collect();
        assert!(some.len() > 5, "{some:?}");
        assert_eq!(left(Fate::Reordered, 7), left(Fate::Reordered, 7));
    }

    #[test]
    fn what_was_synced_is_lost_by_no_fate() {
        for fate in Fate::ALL {
            let disk = disk();
            disk.lose_power(fate, &mut Dice::new(3, 3));
            disk.lose_power(fate, &mut Dice::new(3, 4));
            assert_eq!(disk.bytes(), b"abcdef", "{fate:?}");
        }
    }
}
