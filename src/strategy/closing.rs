//! The order that closes a position, and what its legs' quotes say it costs.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::ladder::Sign;
use crate::{
    account::{Effect, Leg, Position, PositionLeg, Side},
    instrument::{Instrument, OptionContract, Right},
    market::OptionQuote,
};

/// How much of a position a close takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Every open leg.
    All,
    /// The short legs; longs without a bid are left behind.
    ShortsOnly,
    /// The short legs and nothing after them: what they were sold against stays.
    Sold,
    /// The long legs.
    LongsOnly,
    /// The calls.
    Calls,
    /// The puts.
    Puts,
    /// The legs at strikes below this one: the naked puts of an LT112.
    Beneath(Decimal),
    /// Every leg, but so many units of the position are kept.
    But(u32),
    /// The legs at this strike or above it: the debit spread of an LT112.
    From(Decimal),
}

impl Scope {
    /// True for a leg that belongs to the part.
    pub fn takes(self, leg: &PositionLeg) -> bool {
        let option = match &leg.instrument {
            Instrument::Option(contract) => Some(contract),
            _ => None,
        };
        match self {
            Self::All | Self::But(_) => true,
            Self::ShortsOnly | Self::Sold => leg.quantity < 0,
            Self::LongsOnly => leg.quantity > 0,
            Self::Calls => option.is_some_and(|contract| contract.right == Right::Call),
            Self::Puts => option.is_some_and(|contract| contract.right == Right::Put),
            Self::Beneath(strike) => option.is_some_and(|contract| contract.strike < strike),
            Self::From(strike) => option.is_some_and(|contract| contract.strike >= strike),
        }
    }
}

/// A closing order: its legs for one unit, and its units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// Legs for one unit, each with strict effect `close`.
    pub legs: Vec<Leg>,
    /// Units.
    pub units: u32,
}

impl Closing {
    /// Units of the position that one unit of the order closes: the leg with most of them counts
    /// where they are uneven.
    pub fn units_of(&self, position: &Position) -> Decimal {
        let of_leg = |leg: &Leg| {
            let held = position.legs.iter().find(|held| held.instrument == leg.instrument);
            Decimal::from(leg.ratio) / Decimal::from(held.map_or(1, |held| held.ratio.max(1)))
        };
        self.legs.iter().map(of_leg).max().unwrap_or(Decimal::ONE)
    }
}

/// The credit a unit of what is open in a part brought when it was opened, points.
pub fn part_credit(position: &Position, scope: Scope) -> Option<Decimal> {
    let legs = open_legs(position).filter(|leg| scope.takes(leg));
    let credit = |leg: &PositionLeg| {
        let price = leg.open_price * Decimal::from(leg.ratio);
        if leg.quantity < 0 { price } else { -price }
    };
    legs.map(credit).reduce(|sum, price| sum + price)
}

/// The order that closes what is open, in the largest unit its quantities allow: the options first,
/// then what was delivered, one by one. `None` when nothing in scope is open.
pub fn closing(position: &Position, scope: Scope) -> Option<Closing> {
    let mut legs: Vec<&PositionLeg> = open_legs(position).filter(|leg| scope.takes(leg)).collect();
    // A future or shares are traded alone: the options go first.
    let is_option = |leg: &&PositionLeg| matches!(leg.instrument, Instrument::Option(_));
    if legs.iter().any(is_option) {
        legs.retain(is_option);
    } else {
        legs.truncate(1);
    }
    let quantities = legs.iter().map(|leg| leg.quantity.unsigned_abs());
    let whole = quantities.reduce(greatest_common_divisor)?;
    let leg_of = |leg: &&PositionLeg| Leg {
        instrument: leg.instrument.clone(),
        side: if leg.quantity < 0 { Side::Buy } else { Side::Sell },
        ratio: u32::try_from(leg.quantity.unsigned_abs() / whole).unwrap_or(u32::MAX),
        effect: Effect::Close,
    };
    let kept = if let Scope::But(kept) = scope { kept } else { 0 };
    let units = u32::try_from(whole).unwrap_or(u32::MAX).saturating_sub(kept);
    if units == 0 {
        return None;
    }
    Some(Closing { legs: legs.iter().map(leg_of).collect(), units })
}

/// What legs traded together do at every price of the underlying: what is sold is never worth less
/// than what is bought (a credit), or never more (a debit). `None` where it depends on the price, as
/// with a ratio, or on more than one expiration: then the market says which it is.
pub fn certain_sign(legs: &[Leg]) -> Option<Sign> {
    if legs.iter().all(|leg| leg.side == Side::Buy) {
        return Some(Sign::Debit);
    }
    if legs.iter().all(|leg| leg.side == Side::Sell) {
        return Some(Sign::Credit);
    }
    let (least, most) = worth(legs)?;
    match (least.cmp(&Decimal::ZERO), most.cmp(&Decimal::ZERO)) {
        (Ordering::Less, Ordering::Less | Ordering::Equal) => Some(Sign::Debit),
        (Ordering::Greater | Ordering::Equal, Ordering::Greater) => Some(Sign::Credit),
        _ => None,
    }
}

/// The least and the most that options of one expiration bring a unit when they are sold and bought
/// at what they are worth then, points: the sold ones less the bought ones, at the price of the
/// underlying where that is least, and most. What has no bound on the upside is put at the largest
/// figure there is. `None` for other legs.
pub fn worth(legs: &[Leg]) -> Option<(Decimal, Decimal)> {
    let mut options = Vec::with_capacity(legs.len());
    for leg in legs {
        let Instrument::Option(contract) = &leg.instrument else { return None };
        options.push((contract, Decimal::from(-leg.side.sign()) * Decimal::from(leg.ratio)));
    }
    let (first, _) = options.first()?;
    if options.iter().any(|(contract, _)| contract.series.expiration != first.series.expiration) {
        return None;
    }
    // Straight between two strikes, so it is least and most at one of them, at zero, or far above.
    let at = |price: Decimal| -> Decimal {
        options.iter().map(|(c, signed)| *signed * c.right.intrinsic(price, c.strike)).sum()
    };
    let strikes = options.iter().map(|(contract, _)| contract.strike);
    let values: Vec<Decimal> = strikes.chain([Decimal::ZERO]).map(at).collect();
    let (mut least, mut most) = (*values.iter().min()?, *values.iter().max()?);
    let calls = options.iter().filter(|(contract, _)| contract.right == Right::Call);
    let slope: Decimal = calls.map(|(_, signed)| *signed).sum();
    match slope.cmp(&Decimal::ZERO) {
        Ordering::Less => least = Decimal::MIN,
        Ordering::Greater => most = Decimal::MAX,
        Ordering::Equal => {}
    }
    Some((least, most))
}

/// Legs with something left.
pub fn open_legs(position: &Position) -> impl Iterator<Item = &PositionLeg> {
    position.legs.iter().filter(|leg| leg.quantity != 0)
}

/// The quote of an option; `None` for anything else.
pub fn quote_of<'a>(instrument: &Instrument, quotes: &'a [OptionQuote]) -> Option<&'a OptionQuote> {
    let Instrument::Option(contract) = instrument else { return None };
    // The strikes differ far more often than the series, whose names take longer to compare.
    let same = |other: &OptionContract| other.strike == contract.strike && other == contract;
    quotes.iter().find(|quote| same(&quote.contract))
}

/// Shorts of one series and right without as many longs beside them. What is not an option covers
/// nothing and is no short of this kind.
pub fn has_naked_short(position: &Position) -> bool {
    let sides = |leg: &PositionLeg| match &leg.instrument {
        Instrument::Option(contract) => Some((contract.series.clone(), contract.right)),
        _ => None,
    };
    open_legs(position).filter(|leg| leg.quantity < 0).any(|short| {
        let side = sides(short);
        let alike = open_legs(position).filter(|leg| sides(leg) == side);
        side.is_some() && alike.map(|leg| leg.quantity).sum::<i64>() < 0
    })
}

/// A long leg nobody bids for: closing it is impossible, leaving it costs nothing.
pub fn has_unbid_long(position: &Position, quotes: &[OptionQuote]) -> bool {
    open_legs(position).filter(|leg| leg.quantity > 0).any(|leg| is_unbid(leg, quotes))
}

/// Every open leg is a long that nobody bids for.
pub fn only_unbid_longs(position: &Position, quotes: &[OptionQuote]) -> bool {
    open_legs(position).all(|leg| leg.quantity > 0 && is_unbid(leg, quotes))
}

fn is_unbid(leg: &PositionLeg, quotes: &[OptionQuote]) -> bool {
    quote_of(&leg.instrument, quotes).is_none_or(|quote| quote.bid <= Decimal::ZERO)
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::strategy::friday_0dte::fixture::{candidate, position};

    fn held(quantities: [i64; 4]) -> Position {
        let mut position = position(&candidate(), dec!(6));
        for (leg, quantity) in position.legs.iter_mut().zip(quantities) {
            leg.quantity = quantity;
        }
        position
    }

    #[test]
    fn a_close_takes_what_is_open_in_the_largest_unit_it_allows() {
        use Scope::{All, But, ShortsOnly};
        let cases = [
            ([-1, 1, -1, 1], All, Some((vec![1, 1, 1, 1], 1, Some(Sign::Debit)))),
            ([-3, 3, -3, 3], All, Some((vec![1, 1, 1, 1], 3, Some(Sign::Debit)))),
            ([-3, 3, -3, 3], ShortsOnly, Some((vec![1, 1], 3, Some(Sign::Debit)))),
            ([-2, 4, 0, 0], All, Some((vec![1, 2], 2, None))), // an uneven partial close
            ([-2, 3, 0, 0], All, Some((vec![2, 3], 1, None))),
            ([0, 2, 0, 2], All, Some((vec![1, 1], 2, Some(Sign::Credit)))),
            ([0, 2, 0, 2], ShortsOnly, None),
            ([0, 0, 0, 0], All, None),
            ([-3, 3, -3, 3], But(1), Some((vec![1, 1, 1, 1], 2, Some(Sign::Debit)))), // two are cut
            ([-1, 1, -1, 1], But(1), None),
        ];
        for (quantities, scope, wanted) in cases {
            let found = closing(&held(quantities), scope).map(|order| {
                assert!(order.legs.iter().all(|leg| leg.effect == Effect::Close));
                let ratios = order.legs.iter().map(|leg| leg.ratio).collect::<Vec<_>>();
                (ratios, order.units, certain_sign(&order.legs))
            });
            assert_eq!(found, wanted, "{quantities:?} {scope:?}");
        }
    }

    #[test]
    fn a_close_brings_or_costs_money_for_certain_or_as_the_market_says() {
        use Right::{Call, Put};
        use Side::{Buy, Sell};
        type Row = (Side, u32, Right, i64);
        let leg = |(side, ratio, right, strike): Row| {
            let mut leg = candidate().legs.swap_remove(0);
            let Instrument::Option(contract) = &mut leg.instrument else { panic!("an option") };
            (contract.right, contract.strike) = (right, Decimal::from(strike));
            (leg.side, leg.ratio) = (side, ratio);
            leg
        };
        let (debit, credit) = (Some(Sign::Debit), Some(Sign::Credit));
        // Each is the order that closes what its comment names.
        let cases: [(&[Row], Option<Sign>); 9] = [
            (&[(Buy, 1, Put, 5000), (Sell, 1, Put, 4970)], debit), // a short put spread
            (&[(Sell, 1, Put, 5000), (Buy, 1, Put, 4950)], credit), // a long put spread
            (&[(Sell, 1, Call, 5000), (Buy, 1, Call, 5050)], credit), // a long call spread
            (&[(Buy, 1, Call, 5000), (Sell, 1, Call, 5050)], debit), // a short call spread
            (&[(Buy, 1, Call, 5100), (Buy, 1, Put, 4800)], debit), // a strangle
            (&[(Sell, 1, Put, 5000), (Buy, 2, Put, 4900)], None),  // a put ratio
            (&[(Sell, 1, Put, 5000), (Buy, 1, Put, 4950), (Buy, 2, Put, 4500)], None), // an LT112
            (&[(Sell, 1, Put, 4990), (Buy, 2, Put, 5000), (Sell, 1, Put, 5010)], credit), // a butterfly
            (&[(Buy, 1, Call, 5000), (Sell, 1, Put, 5000)], None), // a short future's worth
        ];
        for (legs, wanted) in cases {
            let legs: Vec<Leg> = legs.iter().map(|row| leg(*row)).collect();
            assert_eq!(certain_sign(&legs), wanted, "{legs:?}");
        }
        let mut calendar = [leg((Sell, 1, Call, 5000)), leg((Buy, 1, Call, 5000))];
        let Instrument::Option(far) = &mut calendar[0].instrument else { panic!("an option") };
        far.series.expiration = far.series.expiration.succ_opt().unwrap();
        assert_eq!(certain_sign(&calendar), None);
    }

    #[test]
    fn each_leg_is_closed_against_what_is_held() {
        let order = closing(&held([-1, 1, -1, 1]), Scope::All).unwrap();
        let sides: Vec<Side> = order.legs.iter().map(|leg| leg.side).collect();
        assert_eq!(sides, [Side::Buy, Side::Sell, Side::Buy, Side::Sell]);
    }

    #[test]
    fn a_short_is_naked_without_as_many_longs_of_its_side() {
        let cases = [
            ([-1, 1, -1, 1], false),
            ([-1, 0, -1, 1], true),
            ([-2, 1, -1, 2], true), // a call does not cover a put
            ([0, 1, 0, 1], false),
            ([-1, 2, 0, 0], false),
            ([0, 0, 0, 0], false),
        ];
        for (quantities, naked) in cases {
            assert_eq!(has_naked_short(&held(quantities)), naked, "{quantities:?}");
        }
    }

    #[test]
    fn a_long_without_a_bid_or_without_a_quote_is_unbid() {
        let mut quotes = candidate().quotes;
        let position = held([-1, 1, -1, 1]);
        assert!(!has_unbid_long(&position, &quotes));
        quotes[1].bid = dec!(0);
        assert!(has_unbid_long(&position, &quotes));
        assert!(has_unbid_long(&position, &[]));
        assert!(!only_unbid_longs(&position, &[]), "the shorts are still there");
        assert!(only_unbid_longs(&held([0, 1, 0, 0]), &quotes));
        assert!(!only_unbid_longs(&held([0, 1, 0, 1]), &quotes));
    }
}
