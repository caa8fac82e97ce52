//! Direction and strikes (rulebook §4.1).

use rust_decimal::Decimal;

use crate::{
    account::Side,
    config::rulebook::{ContractRules, Friday0dteRules},
    instrument::Right,
    strategy::{CALL_SPREAD, IRON_CONDOR, PUT_SPREAD},
};

/// What the move from the open calls for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Up more than 0.5 %: a call spread, against the move.
    FadeUp,
    /// Down more than 0.5 %: a put spread.
    FadeDown,
    /// Neither: both.
    Neutral,
}

impl Direction {
    /// By the move from `open` to `last`; exactly the bound is neutral.
    pub(super) fn of(rules: &Friday0dteRules, open: Decimal, last: Decimal) -> Self {
        let moved = (last - open) * Decimal::ONE_HUNDRED;
        let bound = rules.move_percent * open;
        if moved > bound {
            Self::FadeUp
        } else if moved < -bound {
            Self::FadeDown
        } else {
            Self::Neutral
        }
    }

    /// The structure sold.
    pub(super) fn structure(self) -> &'static str {
        match self {
            Self::FadeUp => CALL_SPREAD,
            Self::FadeDown => PUT_SPREAD,
            Self::Neutral => IRON_CONDOR,
        }
    }

    /// The sides sold.
    pub(super) fn rights(self) -> &'static [Right] {
        match self {
            Self::FadeUp => &[Right::Call],
            Self::FadeDown => &[Right::Put],
            Self::Neutral => &[Right::Put, Right::Call],
        }
    }

    /// How far from last the shorts are, in ATR.
    pub(super) fn distance(self, rules: &Friday0dteRules) -> Decimal {
        match self {
            Self::FadeUp | Self::FadeDown => rules.directional_atr,
            Self::Neutral => rules.condor_atr,
        }
    }
}

/// A leg before it has a contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strike {
    /// Call or put.
    pub(super) right: Right,
    /// Sold or bought.
    pub(super) side: Side,
    /// Points.
    pub(super) price: Decimal,
}

impl Strike {
    /// `short_put`, as filters are named.
    pub(super) fn name(self) -> &'static str {
        match (self.side, self.right) {
            (Side::Sell, Right::Put) => "short_put",
            (Side::Sell, Right::Call) => "short_call",
            (Side::Buy, Right::Put) => "long_put",
            (Side::Buy, Right::Call) => "long_call",
        }
    }
}

/// The strikes: each short `distance` points from last, rounded away from the price to the grid,
/// and its wing further out.
pub(super) fn strikes(
    contract: &ContractRules,
    direction: Direction,
    last: Decimal,
    distance: Decimal,
) -> Vec<Strike> {
    let mut legs = Vec::new();
    for &right in direction.rights() {
        let (short, long) = match right {
            Right::Put => {
                let short = ((last - distance) / contract.grid).floor() * contract.grid;
                (short, short - contract.wing)
            }
            Right::Call => {
                let short = ((last + distance) / contract.grid).ceil() * contract.grid;
                (short, short + contract.wing)
            }
        };
        legs.push(Strike { right, side: Side::Sell, price: short });
        legs.push(Strike { right, side: Side::Buy, price: long });
    }
    legs
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::{instrument::Product, strategy::friday_0dte::fixture::rulebook};

    #[test]
    fn direction_turns_only_beyond_half_a_percent() {
        let cases = [
            (dec!(5000), dec!(5025), Direction::Neutral), // +0.5 % exactly
            (dec!(5000), dec!(5025.01), Direction::FadeUp),
            (dec!(5000), dec!(4975), Direction::Neutral), // −0.5 % exactly
            (dec!(5000), dec!(4974.99), Direction::FadeDown),
            (dec!(5000), dec!(5000), Direction::Neutral),
            (dec!(541.23), dec!(543.94), Direction::FadeUp), // +0.50071 %
        ];
        let rules = rulebook().friday_0dte;
        for (open, last, expected) in cases {
            assert_eq!(Direction::of(&rules, open, last), expected, "{open} to {last}");
        }
    }

    #[test]
    fn shorts_are_rounded_away_from_the_price_and_wings_lie_further_out() {
        let rules = rulebook().friday_0dte;
        let contract = |product| rules.contracts.iter().find(|c| c.product == product).unwrap();
        let cases = [
            // last, distance, put short and long, call short and long
            (Product::Es, dec!(5431.25), dec!(40.1), [5390, 5360], [5475, 5505]),
            (Product::Es, dec!(5430), dec!(40), [5390, 5360], [5470, 5500]), // on the grid stays
            (Product::Es, dec!(5430.01), dec!(40), [5390, 5360], [5475, 5505]),
            (Product::Es, dec!(5429.99), dec!(40), [5385, 5355], [5470, 5500]),
            (Product::Xsp, dec!(543.12), dec!(4.01), [539, 536], [548, 551]),
            (Product::Xsp, dec!(543), dec!(4), [539, 536], [547, 550]),
        ];
        for (product, last, distance, puts, calls) in cases {
            let legs = strikes(contract(product), Direction::Neutral, last, distance);
            let found: Vec<Decimal> = legs.iter().map(|leg| leg.price).collect();
            let wanted = [puts[0], puts[1], calls[0], calls[1]].map(Decimal::from);
            assert_eq!(found, wanted, "{product} {last} {distance}");
            let names: Vec<&str> = legs.iter().map(|leg| leg.name()).collect();
            assert_eq!(names, ["short_put", "long_put", "short_call", "long_call"]);
        }
        let up = strikes(contract(Product::Es), Direction::FadeUp, dec!(5400), dec!(56));
        assert_eq!(up.iter().map(|l| l.price).collect::<Vec<_>>(), [dec!(5460), dec!(5490)]);
        let down = strikes(contract(Product::Es), Direction::FadeDown, dec!(5400), dec!(56));
        assert_eq!(down.iter().map(|l| l.price).collect::<Vec<_>>(), [dec!(5340), dec!(5310)]);
    }
}
