//! Which of the week's calls is sold (rulebook §4.4): at the money while the averages rise or lie
//! flat, in the money where they fall or the price has run ahead; never out of the money.

use chrono::Days;
use rust_decimal::Decimal;

use crate::{
    config::ipmcc::StrikeRules,
    instrument::Right,
    market::OptionQuote,
    money::round_half_up,
    strategy::{Pick, ProductData, SeriesChain, ema::ema, moment::Moment, sheet::Sheet},
};

/// Bars may end so many days before the session: more than any run of holidays.
const BARS_AGE_DAYS: u64 = 7;

/// Fast and slow average of the daily closes, and the index's price now: all on one scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trend {
    pub(super) fast: Decimal,
    pub(super) slow: Decimal,
    pub(super) price: Decimal,
}

impl Trend {
    /// How many strikes in the money the call is sold, and why. A price far above the fast average
    /// comes first, whatever the averages say.
    pub(super) fn depth(self, rules: &StrikeRules) -> (u32, &'static str) {
        let above = |percent: Decimal| {
            (self.price - self.fast) * Decimal::ONE_HUNDRED > percent * self.fast
        };
        let apart = (self.fast - self.slow) * Decimal::ONE_HUNDRED;
        let flat = rules.flat_percent * self.slow;
        if above(rules.overstretched_percent) {
            (rules.overstretched, "far above the fast average")
        } else if above(rules.stretched_percent) {
            (rules.stretched, "above the fast average")
        } else if apart > flat {
            (0, "rising")
        } else if apart >= -flat {
            (0, "flat")
        } else if self.price < self.fast {
            (rules.falling, "falling")
        } else {
            (rules.below, "below")
        }
    }
}

/// The week's call with its chain; every filter of it is written down. `None` when there is none to
/// look at.
pub(super) fn short<'a>(
    moment: &Moment<'_>,
    data: &'a ProductData,
    pick: &Pick,
    last: Decimal,
    sheet: &mut Sheet,
) -> Option<(&'a SeriesChain, &'a OptionQuote)> {
    let rules = &moment.rulebook.ipmcc;
    let trend = trend(moment, data, sheet);
    let seen = moment.chain(data, "short.series", pick, sheet)?;
    let (depth, why) = trend?.depth(&rules.strike);
    let place = match depth {
        0 => "at the money".to_owned(),
        1 => "1 strike in the money".to_owned(),
        many => format!("{many} strikes in the money"),
    };
    let calls = seen
        .chain
        .quotes
        .iter()
        .filter(|quote| quote.contract.right == Right::Call && quote.contract.strike <= last);
    let mut calls: Vec<&OptionQuote> = calls.collect();
    calls.sort_by_key(|quote| std::cmp::Reverse(quote.contract.strike));
    let call = calls.get(usize::try_from(depth).unwrap_or(usize::MAX)).copied();
    let value =
        call.map_or_else(|| "none".to_owned(), |c| c.contract.strike.normalize().to_string());
    let bound = format!("{place} of {} ({why})", last.normalize());
    sheet.check("short.strike", value, bound, call.is_some());
    let call = call?;
    moment.leg("short", call, rules.short_spread, sheet);
    Some((seen, call))
}

/// The averages of the closes through yesterday, and the price now, on the scale of the bars.
fn trend(moment: &Moment<'_>, data: &ProductData, sheet: &mut Sheet) -> Option<Trend> {
    let rules = &moment.rulebook.ipmcc.strike;
    let today = moment.session.date;
    let oldest = today.checked_sub_days(Days::new(BARS_AGE_DAYS)).unwrap_or(today);
    let last = data.bars.last().map(|bar| bar.date);
    let through_yesterday = last.is_some_and(|last| oldest <= last && last < today);
    let closes: Vec<Decimal> = data.bars.iter().map(|bar| bar.close).collect();
    let both = ema(&closes, rules.fast_days).zip(ema(&closes, rules.slow_days));
    let value = last
        .map_or_else(|| "none".to_owned(), |last| format!("{} sessions to {last}", closes.len()));
    let bound = format!(">= {} sessions to the one before {today}", rules.slow_days);
    let both = both.filter(|_| through_yesterday);
    sheet.check("bars", value, bound, both.is_some());
    let price = data.index_last.filter(|price| *price > Decimal::ZERO);
    let Some(price) = price else {
        sheet.check("trend", "no price of the index", "one, to hold against the averages", false);
        return None;
    };
    let (fast, slow) = both?;
    let [shown_fast, shown_slow] = [fast, slow].map(|average| round_half_up(average, 2));
    let (days_fast, days_slow) = (rules.fast_days, rules.slow_days);
    let value = format!(
        "{} with EMA{days_fast} {shown_fast}, EMA{days_slow} {shown_slow}",
        price.normalize()
    );
    let trend = Trend { fast, slow, price };
    sheet.check("trend", value, format_args!("any: {}", trend.depth(rules).1), true);
    Some(trend)
}
