//! Which long covers which short.
//!
//! Every set of covers is weighed, because leaving a short naked can be worth more than covering
//! it, beside a naked short of the other right. Since each long is also weighed unused, one more
//! long never costs more than its price.

use rust_decimal::Decimal;

use super::line::Line;
use crate::instrument::Right;

/// Most covers (a short line and a long line) of which every set is weighed; beyond it the largest
/// savings are paired, or nothing is.
const COVERS_MAX: usize = 12;

/// Contracts of one short covered by one long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair<'a> {
    pub(super) short: &'a Line,
    pub(super) long: &'a Line,
    pub(super) contracts: u32,
}

impl Pair<'_> {
    /// Both expire together.
    pub(super) fn same_expiration(&self) -> bool {
        self.short.last_trade == self.long.last_trade
    }
}

/// Every short and long, paired or left over.
#[derive(Debug, Clone, Default)]
pub(super) struct Pairing<'a> {
    pub(super) pairs: Vec<Pair<'a>>,
    pub(super) naked: Vec<(&'a Line, u32)>,
    pub(super) spare: Vec<(&'a Line, u32)>,
}

/// Most one contract of the pair loses by its strikes, dollars.
pub(super) fn width(short: &Line, long: &Line) -> Decimal {
    let points = match short.right {
        Right::Call => long.strike - short.strike,
        Right::Put => short.strike - long.strike,
    };
    points.max(Decimal::ZERO) * short.multiplier
}

/// The pairings worth weighing.
///
/// `naked` is the requirement of one contract of each short when nothing covers it.
pub(super) fn pairings<'a>(
    shorts: &'a [Line],
    longs: &'a [Line],
    naked: &[Decimal],
) -> Vec<Pairing<'a>> {
    let covers = covers(shorts, longs, naked);
    if covers.len() > COVERS_MAX {
        let gains: Vec<Cover> =
            covers.into_iter().filter(|cover| cover.saving > Decimal::ZERO).collect();
        return vec![pairing(shorts, longs, &gains), pairing(shorts, longs, &[])];
    }
    let sets = (0..1_u32 << covers.len()).map(|set| {
        let chosen = covers.iter().enumerate().filter(|(i, _)| set & (1 << i) != 0);
        chosen.map(|(_, cover)| *cover).collect::<Vec<_>>()
    });
    sets.map(|set| pairing(shorts, longs, &set)).collect()
}

/// A short line and a long line that can cover it, and what that saves a contract, dollars.
#[derive(Debug, Clone, Copy)]
struct Cover {
    short: usize,
    long: usize,
    saving: Decimal,
}

/// Every cover there could be, the largest saving first; of equals the one expiring together.
fn covers(shorts: &[Line], longs: &[Line], naked: &[Decimal]) -> Vec<Cover> {
    let mut covers = Vec::new();
    for (s, short) in shorts.iter().enumerate() {
        for (l, long) in longs.iter().enumerate() {
            if long.right == short.right && long.last_trade >= short.last_trade {
                let saving = naked[s] - width(short, long);
                covers.push(Cover { short: s, long: l, saving });
            }
        }
    }
    let later = |cover: &Cover| longs[cover.long].last_trade > shorts[cover.short].last_trade;
    covers.sort_by_key(|cover| (-cover.saving, later(cover), cover.short, cover.long));
    covers
}

/// Covers in the order given, each with as many contracts as both lines have left.
fn pairing<'a>(shorts: &'a [Line], longs: &'a [Line], covers: &[Cover]) -> Pairing<'a> {
    let mut left_short: Vec<u32> = shorts.iter().map(|line| line.contracts).collect();
    let mut left_long: Vec<u32> = longs.iter().map(|line| line.contracts).collect();
    let mut pairs = Vec::new();
    for cover in covers {
        let contracts = left_short[cover.short].min(left_long[cover.long]);
        if contracts > 0 {
            left_short[cover.short] -= contracts;
            left_long[cover.long] -= contracts;
            let (short, long) = (&shorts[cover.short], &longs[cover.long]);
            pairs.push(Pair { short, long, contracts });
        }
    }
    let left = |lines: &'a [Line], left: Vec<u32>| {
        lines.iter().zip(left).filter(|(_, contracts)| *contracts > 0).collect()
    };
    Pairing { pairs, naked: left(shorts, left_short), spare: left(longs, left_long) }
}
