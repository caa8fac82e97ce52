//! Which long covers which short.
//!
//! The largest saving is paired first. Adding a long then never leaves any short worse off than
//! before (the pairing is the stable matching of savings), and since each set of longs is also
//! weighed unused, one more long never costs more than its price.

use rust_decimal::Decimal;

use super::line::Line;
use crate::instrument::Right;

/// Most long lines of which every subset is weighed; beyond it all of them or none.
const SUBSET_LINES_MAX: usize = 8;

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

/// The pairings worth weighing: one for each set of longs that may cover.
///
/// `naked` is the requirement of one contract of each short when nothing covers it.
pub(super) fn pairings<'a>(
    shorts: &'a [Line],
    longs: &'a [Line],
    naked: &'a [Decimal],
) -> impl Iterator<Item = Pairing<'a>> {
    let all = (1_u32 << longs.len().min(SUBSET_LINES_MAX)) - 1;
    let sets: Vec<u32> =
        if longs.len() > SUBSET_LINES_MAX { vec![0, u32::MAX] } else { (0..=all).collect() };
    sets.into_iter().map(move |set| {
        pairing(shorts, longs, naked, |long| set == u32::MAX || set & (1 << long) != 0)
    })
}

fn pairing<'a>(
    shorts: &'a [Line],
    longs: &'a [Line],
    naked: &[Decimal],
    may_cover: impl Fn(usize) -> bool,
) -> Pairing<'a> {
    let mut savings = Vec::new();
    for (s, short) in shorts.iter().enumerate() {
        for (l, long) in longs.iter().enumerate().filter(|(l, _)| may_cover(*l)) {
            let covers = long.right == short.right && long.last_trade >= short.last_trade;
            let saving = naked[s] - width(short, long);
            if covers && saving > Decimal::ZERO {
                savings.push((saving, long.last_trade == short.last_trade, s, l));
            }
        }
    }
    savings.sort_by_key(|(saving, together, s, l)| (-*saving, !*together, *s, *l));
    let mut left_short: Vec<u32> = shorts.iter().map(|line| line.contracts).collect();
    let mut left_long: Vec<u32> = longs.iter().map(|line| line.contracts).collect();
    let mut pairs = Vec::new();
    for (_, _, s, l) in savings {
        let contracts = left_short[s].min(left_long[l]);
        if contracts > 0 {
            left_short[s] -= contracts;
            left_long[l] -= contracts;
            pairs.push(Pair { short: &shorts[s], long: &longs[l], contracts });
        }
    }
    let left = |lines: &'a [Line], left: Vec<u32>| {
        lines.iter().zip(left).filter(|(_, contracts)| *contracts > 0).collect()
    };
    Pairing { pairs, naked: left(shorts, left_short), spare: left(longs, left_long) }
}
