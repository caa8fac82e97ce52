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
    let mut ways = Ways { shorts, longs, covers: &covers, found: Vec::new() };
    ways.weigh(0, &mut Vec::new(), (contracts_of(shorts), contracts_of(longs)));
    ways.found
}

/// Every different pairing that a set of covers makes: a cover that finds no contracts left changes
/// nothing, so no set with it is tried.
struct Ways<'a, 'c> {
    shorts: &'a [Line],
    longs: &'a [Line],
    covers: &'c [Cover],
    found: Vec<Pairing<'a>>,
}

impl<'a> Ways<'a, '_> {
    /// All that follows from the covers chosen so far, and what they leave.
    fn weigh(&mut self, next: usize, pairs: &mut Vec<Pair<'a>>, left: (Vec<u32>, Vec<u32>)) {
        let Some(cover) = self.covers.get(next) else {
            let (naked, spare) = (left_of(self.shorts, left.0), left_of(self.longs, left.1));
            self.found.push(Pairing { pairs: pairs.clone(), naked, spare });
            return;
        };
        let contracts = left.0[cover.short].min(left.1[cover.long]);
        if contracts > 0 {
            let mut fewer = left.clone();
            fewer.0[cover.short] -= contracts;
            fewer.1[cover.long] -= contracts;
            let (short, long) = (&self.shorts[cover.short], &self.longs[cover.long]);
            pairs.push(Pair { short, long, contracts });
            self.weigh(next + 1, pairs, fewer);
            pairs.pop();
        }
        self.weigh(next + 1, pairs, left);
    }
}

fn contracts_of(lines: &[Line]) -> Vec<u32> {
    lines.iter().map(|line| line.contracts).collect()
}

fn left_of(lines: &[Line], left: Vec<u32>) -> Vec<(&Line, u32)> {
    lines.iter().zip(left).filter(|(_, contracts)| *contracts > 0).collect()
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
    let (mut left_short, mut left_long) = (contracts_of(shorts), contracts_of(longs));
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
    Pairing { pairs, naked: left_of(shorts, left_short), spare: left_of(longs, left_long) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn line(contracts: u32, strike: i64, right: Right, day: i64) -> Line {
        Line {
            contracts,
            strike: strike.into(),
            right,
            last_trade: chrono::DateTime::from_timestamp(day * 86_400, 0).unwrap(),
            value: Decimal::TEN,
            underlying: Decimal::ONE_HUNDRED,
            vol: 0.2,
            years: 0.1,
            multiplier: Decimal::TEN,
        }
    }

    /// A pairing by strikes and contracts.
    fn words(way: &Pairing) -> String {
        let pairs: Vec<String> = way
            .pairs
            .iter()
            .map(|pair| format!("{} {} {}", pair.short.strike, pair.long.strike, pair.contracts))
            .collect();
        let left = |side: &[(&Line, u32)]| {
            side.iter().map(|(line, left)| format!("{} {left}", line.strike)).collect::<Vec<_>>()
        };
        format!("{pairs:?} {:?} {:?}", left(&way.naked), left(&way.spare))
    }

    #[test]
    fn the_pairings_are_those_of_every_set_of_covers_each_once() {
        let put = |contracts, strike, day| line(contracts, strike, Right::Put, day);
        let cases = [
            (vec![put(1, 90, 30), put(2, 85, 30)], vec![put(1, 80, 30), put(3, 75, 60)]),
            (
                vec![put(1, 90, 30), put(1, 88, 30), put(1, 86, 40)],
                vec![put(1, 80, 30), put(1, 78, 40), put(1, 76, 40), put(1, 74, 50)],
            ),
            (vec![put(1, 90, 30), line(1, 110, Right::Call, 30)], vec![put(1, 80, 10)]),
            (Vec::new(), vec![put(1, 80, 30)]),
        ];
        for (shorts, longs) in &cases {
            let naked = vec![Decimal::ONE_THOUSAND; shorts.len()];
            let covers = covers(shorts, longs, &naked);
            assert!(covers.len() <= COVERS_MAX);
            let every = (0..1_u32 << covers.len()).map(|set| {
                let chosen: Vec<Cover> =
                    (0..covers.len()).filter(|i| set & (1 << i) != 0).map(|i| covers[i]).collect();
                words(&pairing(shorts, longs, &chosen))
            });
            let found: Vec<String> = pairings(shorts, longs, &naked).iter().map(words).collect();
            let different: BTreeSet<String> = every.collect();
            assert_eq!(found.iter().cloned().collect::<BTreeSet<_>>(), different);
            assert_eq!(found.len(), different.len());
        }
    }
}
