//! The universal exit (rulebook §4.7): 21 days before its nearest expiration a position closes, in
//! profit always, at a loss unless its strategy says otherwise. Assignment risk, the other half of
//! §4.7, is the desk's and holds for every short option (`strategy::assignment`).

use rust_decimal::Decimal;

use super::{closing::Scope, manage::Watched, mark::Mark};
use crate::{
    account::{ExitReason, StrategyId},
    config::rulebook::UniversalRules,
};

/// Strategies with clocks of their own: 0DTE and the butterfly end the same day, IPMCC rolls its
/// weeklies, LEAPs are rolled long before, boxes are held to the end. LT112 closes its naked puts at
/// 30 days, and what is left of it is the hedge, which is exempt.
pub fn is_exempt(strategy: StrategyId) -> bool {
    match strategy {
        StrategyId::Friday0dte
        | StrategyId::Lt112
        | StrategyId::Ipmcc
        | StrategyId::LeapLadder
        | StrategyId::Butterfly
        | StrategyId::Box
        | StrategyId::External => true,
        StrategyId::Strangle | StrategyId::Ratio | StrategyId::Diagonal => false,
    }
}

/// [`ExitReason::Dte`] once the nearest expiration of a part is at most so many days away, `mark`
/// being that of the part. A losing one stays where `losing_stays` names its strategy, and waits
/// for a usable mark there. Before the day's first marks nothing closes for this reason.
pub fn days_exit(watched: &Watched<'_>, scope: Scope, mark: Mark) -> Option<ExitReason> {
    let rules = &watched.rulebook.common.universal;
    let strategy = watched.position.strategy;
    let near = watched.days_left(scope).is_some_and(|days| days <= i64::from(rules.days));
    if is_exempt(strategy) || !mark.is_expected() || !near {
        return None;
    }
    let in_profit = watched.profit(scope, mark).is_some_and(|profit| profit > Decimal::ZERO);
    (in_profit || !loser_stays(rules, strategy)).then_some(ExitReason::Dte)
}

/// A losing position of the strategy is left to its own exits.
fn loser_stays(rules: &UniversalRules, strategy: StrategyId) -> bool {
    rules.losing_stays.iter().any(|name| name == strategy.name())
}

#[cfg(test)]
mod tests {
    use chrono::{Days, NaiveDate};
    use rust_decimal::dec;

    use super::*;
    use crate::{
        instrument::Instrument,
        strategy::friday_0dte::fixture::{at, candidate, friday, position, rulebook},
    };

    #[test]
    fn at_21_days_a_position_closes_unless_it_is_exempt_or_its_loser_stays() {
        use Mark::{Blind, Usable, Wide};
        use StrategyId::{Diagonal, Friday0dte, Lt112, Strangle};
        let (profit, loss) = (Usable { cost: dec!(2) }, Usable { cost: dec!(8) });
        let even = Usable { cost: dec!(6) };
        // strategy, days, mark of a credit of 6, losers stay, closes
        let cases = [
            (Strangle, 21, profit, false, true),
            (Strangle, 22, profit, false, false),
            (Strangle, 21, loss, false, true),
            (Strangle, 21, loss, true, false),
            (Strangle, 5, loss, true, false),
            (Strangle, 21, profit, true, true),
            (Strangle, 21, even, true, false),
            (Strangle, 20, Wide, false, true), // time needs no mark
            (Strangle, 20, Wide, true, false),
            (Strangle, 20, Blind, false, false),
            (Diagonal, 21, loss, false, true),
            (Lt112, 5, profit, false, false),
            (Friday0dte, 0, profit, false, false),
        ];
        for (strategy, days, mark, stays, closes) in cases {
            let mut rules = rulebook();
            rules.common.universal.losing_stays =
                if stays { vec![strategy.name().to_owned()] } else { Vec::new() };
            let mut position = position(&candidate(), dec!(6));
            position.strategy = strategy;
            let expiration: NaiveDate = friday().date + Days::new(days);
            for leg in &mut position.legs {
                let Instrument::Option(contract) = &mut leg.instrument else { panic!("an option") };
                contract.series.expiration = expiration;
            }
            let session = friday();
            let watched = Watched {
                rulebook: &rules,
                session: &session,
                position: &position,
                quotes: &[],
                underlying: None,
                vix: None,
                tick: dec!(0.05),
                now: at("11:00:00"),
            };
            let wanted = closes.then_some(ExitReason::Dte);
            let found = days_exit(&watched, Scope::All, mark);
            assert_eq!(found, wanted, "{strategy} at {days} days, {mark:?}, stays: {stays}");
        }
    }
}
