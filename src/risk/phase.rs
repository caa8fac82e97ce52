//! Account phases by net liquidation in pounds, with their hysteresis (rulebook §2).

use rust_decimal::Decimal;

use crate::{
    config::rulebook::{Phase, PhaseRules},
    money::Gbp,
};

/// The phase an account is in.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseNow<'a> {
    /// 1 to 4.
    pub number: u8,
    /// Its figures.
    pub rules: &'a Phase,
}

/// The phase of a net liquidation: up at a threshold, down only 5 % below it. `previous` is the
/// phase so far, 1 to 4. `None` below the first threshold, where nothing is entered: that bound
/// knows no hysteresis.
pub fn phase(
    rules: &PhaseRules,
    net_liquidation: Gbp,
    previous: Option<u8>,
) -> Option<PhaseNow<'_>> {
    let reached = rules.phases.iter().take_while(|p| net_liquidation.0 >= p.from_gbp).count();
    if reached == 0 {
        return None;
    }
    let keep = (Decimal::ONE_HUNDRED - rules.down_percent) / Decimal::ONE_HUNDRED;
    let held = usize::from(previous.unwrap_or(0)).min(rules.phases.len());
    let number = (reached + 1..=held)
        .rev()
        .find(|n| net_liquidation.0 > rules.phases[n - 1].from_gbp * keep)
        .unwrap_or(reached);
    let rules = rules.phases.get(number - 1)?;
    Some(PhaseNow { number: u8::try_from(number).unwrap_or(u8::MAX), rules })
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::config::Rulebook;

    #[test]
    fn up_at_the_threshold_and_down_only_five_percent_below_it() {
        let cases = [
            (dec!(29999.99), None, None),
            (dec!(29999.99), Some(1), None), // under 30k: no entries, whatever was before
            (dec!(30000), None, Some(1)),
            (dec!(39999.99), Some(1), Some(1)),
            (dec!(40000), Some(1), Some(2)),
            (dec!(39999.99), Some(2), Some(2)),
            (dec!(38000.01), Some(2), Some(2)),
            (dec!(38000), Some(2), Some(1)),
            (dec!(60000), Some(2), Some(3)),
            (dec!(57000.01), Some(3), Some(3)),
            (dec!(57000), Some(3), Some(2)),
            (dec!(75000), None, Some(4)),
            (dec!(71250.01), Some(4), Some(4)),
            (dec!(71250), Some(4), Some(3)),
            (dec!(57500), Some(4), Some(3)), // one step lower, held by the threshold of P3
            (dec!(35000), Some(4), Some(1)),
            (dec!(500000), Some(9), Some(4)), // a stored number that makes no sense
        ];
        let rules = Rulebook::embedded().phases;
        for (amount, previous, expected) in cases {
            let number = phase(&rules, Gbp(amount), previous).map(|p| p.number);
            assert_eq!(number, expected, "£{amount} after {previous:?}");
        }
    }
}
