//! At what loss and what profit a position is closed, for who looks at it: the figures the exits of
//! the strategies work with.

use rust_decimal::Decimal;

use super::closing::{Scope, closing, part_credit};
use crate::account::Position;

/// The stop and the target of a part of a position, points a unit of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The part.
    pub scope: Scope,
    /// Closed at this loss; `None` where its strategy stops by something else.
    pub stop: Option<Decimal>,
    /// Closed at this profit; `None` where its strategy has no such target.
    pub target: Option<Decimal>,
}

impl Bounds {
    /// A target alone, as percent of what the whole was opened for, debit or credit.
    pub fn target(position: &Position, percent: Decimal) -> Self {
        let target = share(position.credit.abs(), percent);
        Self { scope: Scope::All, stop: None, target: Some(target) }
    }

    /// Stop in credits and target in percent of the credit of a part.
    pub fn of_credit(
        position: &Position,
        scope: Scope,
        stop_credits: Decimal,
        target_percent: Decimal,
    ) -> Self {
        let credit = credit(position, scope);
        let sold = credit > Decimal::ZERO;
        Self {
            scope,
            stop: sold.then(|| credit * stop_credits),
            target: sold.then(|| share(credit, target_percent)),
        }
    }
}

/// The credit a unit of a part brought, points; of the whole with what adjustments brought.
pub fn credit(position: &Position, scope: Scope) -> Decimal {
    if scope == Scope::All {
        return position.credit;
    }
    part_credit(position, scope).unwrap_or_default()
}

/// Units of the position that are open in a part.
pub fn open_units(position: &Position, scope: Scope) -> Decimal {
    closing(position, scope)
        .map_or(Decimal::ZERO, |order| Decimal::from(order.units) * order.units_of(position))
}

/// So many percent of an amount.
pub fn share(amount: Decimal, percent: Decimal) -> Decimal {
    amount * percent / Decimal::ONE_HUNDRED
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::{
        account::{PositionId, PositionLeg, StrategyId},
        instrument::{
            Instrument, OptionContract, Product,
            Right::{self, Call, Put},
        },
        money::Usd,
        strategy::{
            far_fixture::series,
            friday_0dte::fixture::{at, rulebook},
            table::rule,
        },
    };

    /// Days ahead, strike, right, quantity, points a contract.
    type Leg = (u64, Decimal, Right, i64, Decimal);

    fn position(
        strategy: StrategyId,
        product: Product,
        legs: &[Leg],
        width: Option<Decimal>,
    ) -> Position {
        let leg = |&(days, strike, right, quantity, open_price): &Leg| PositionLeg {
            instrument: Instrument::Option(OptionContract {
                series: series(product, days),
                strike,
                right,
            }),
            quantity,
            open_price,
            ratio: u32::try_from(quantity.unsigned_abs()).unwrap(),
        };
        Position {
            id: PositionId(format!("{}-20240802-1", strategy.id_word())),
            strategy,
            product,
            units: 1,
            credit: legs.iter().map(|leg| -Decimal::from(leg.3) * leg.4).sum(),
            legs: legs.iter().map(leg).collect(),
            width,
            opened_at: at("10:30:10"),
            closed_at: None,
            exit_reason: None,
            cash_usd: Usd::ZERO,
            fees_usd: Usd::ZERO,
            closing_rate: None,
            next_close: 1,
        }
    }

    fn bounds(position: &Position) -> Option<Bounds> {
        rule(position.strategy).expect("it is traded").bounds(&rulebook(), position)
    }

    fn check(
        strategy: StrategyId,
        legs: &[Leg],
        width: Option<Decimal>,
        (scope, stop, target): (Scope, Option<Decimal>, Option<Decimal>),
    ) {
        let position = position(strategy, Product::Es, legs, width);
        assert_eq!(bounds(&position), Some(Bounds { scope, stop, target }), "{strategy}");
    }

    /// The figures are those of rulebook §4, worked out by hand.
    #[test]
    fn every_strategy_shows_the_stop_and_the_target_of_its_paragraph() {
        let condor = |credit: Decimal| {
            let short = (credit + dec!(2)) / dec!(2);
            [
                (0, dec!(5370), Put, -1, short),
                (0, dec!(5340), Put, 1, dec!(1)),
                (0, dec!(5430), Call, -1, short),
                (0, dec!(5460), Call, 1, dec!(1)),
            ]
        };
        // §4.1: half the credit; twice the credit lost, or once where it is over a quarter of the
        // width.
        let width = Some(dec!(30));
        let whole = |stop, target| (Scope::All, Some(stop), Some(target));
        check(StrategyId::Friday0dte, &condor(dec!(4)), width, whole(dec!(8), dec!(2)));
        check(StrategyId::Friday0dte, &condor(dec!(7.5)), width, whole(dec!(15), dec!(3.75)));
        check(StrategyId::Friday0dte, &condor(dec!(7.6)), width, whole(dec!(7.6), dec!(3.8)));
        // §4.2: of the two naked puts alone, 90 % of their credit and a loss of twice it.
        let (bought, sold) =
            ((120, dec!(5000), Put, 1, dec!(80)), (120, dec!(4950), Put, -1, dec!(72)));
        let naked = (120, dec!(4200), Put, -2, dec!(10));
        let beneath = (Scope::Beneath(dec!(4950)), Some(dec!(40)), Some(dec!(18)));
        check(StrategyId::Lt112, &[bought, sold, naked], None, beneath);
        // §4.3: half the credit, a loss of twice it; of the side that is left, once one is closed.
        let (put, call) =
            ((90, dec!(4700), Put, -1, dec!(12)), (90, dec!(6000), Call, -1, dec!(8)));
        check(StrategyId::Strangle, &[put, call], None, whole(dec!(40), dec!(10)));
        let gone = (90, dec!(6000), Call, 0, dec!(8));
        let left = (Scope::Puts, Some(dec!(24)), Some(dec!(6)));
        check(StrategyId::Strangle, &[put, gone], None, left);
        // §4.4: out when the long call is down 30 %; no price is a target for the whole.
        let (long, week) =
            ((365, dec!(4500), Call, 1, dec!(1000)), (7, dec!(5400), Call, -1, dec!(50)));
        let down = (Scope::LongsOnly, Some(dec!(300)), None);
        check(StrategyId::Ipmcc, &[long, week], None, down);
        // §4.5: 30 % of the credit, and no stop.
        let rung = (365, dec!(4600), Put, -1, dec!(60));
        check(StrategyId::LeapLadder, &[rung], None, (Scope::All, None, Some(dec!(18))));
        // §4.6: half of the ratio's credit; half of what the diagonal cost.
        let (one, two) = ((45, dec!(5200), Put, 1, dec!(50)), (45, dec!(5050), Put, -2, dec!(31)));
        check(StrategyId::Ratio, &[one, two], None, (Scope::All, None, Some(dec!(6))));
        let (far, near) = ((60, dec!(5350), Put, 1, dec!(70)), (30, dec!(5250), Put, -1, dec!(30)));
        check(StrategyId::Diagonal, &[far, near], None, (Scope::All, None, Some(dec!(20))));
    }

    /// §4.6: the butterfly is flat at 15:00, the box is held to its end; an LT112 whose puts are
    /// closed is a hedge.
    #[test]
    fn what_has_neither_stop_nor_target_shows_none() {
        let wing = |strike, quantity| (0, strike, Call, quantity, dec!(5));
        let fly = [wing(dec!(5390), 1), wing(dec!(5400), -2), wing(dec!(5410), 1)];
        let spread = [(120, dec!(5000), Put, 1, dec!(80)), (120, dec!(4950), Put, -1, dec!(72))];
        let hedge = [spread[0], spread[1], (120, dec!(4200), Put, 0, dec!(10))];
        let cases: [(StrategyId, &[Leg]); 3] = [
            (StrategyId::Butterfly, &fly),
            (StrategyId::Box, &spread),
            (StrategyId::Lt112, &hedge),
        ];
        for (strategy, legs) in cases {
            let position = position(strategy, Product::Es, legs, None);
            assert_eq!(bounds(&position), None, "{strategy}");
        }
        let shown = StrategyId::TRADED.len();
        assert_eq!(shown, 9, "a further strategy belongs into one of these tests");
    }
}
