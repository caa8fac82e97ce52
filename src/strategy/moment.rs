//! What an order is chosen from, and the filters of it: the underlying, the chains, a leg's quote.
//! The same for entries, which have a snapshot, and for changes of an open position, which have what
//! was watched.

use std::fmt;

use rust_decimal::Decimal;

use super::{
    Pick, ProductData, SeriesChain, Snapshot, choose::spread_filter, manage::Watched, sheet::Sheet,
};
use crate::{
    calendar::Session,
    clock::Timestamp,
    config::{Rulebook, ranges::SpreadRules},
    market::{OptionQuote, UnderlyingQuote},
};

/// The moment an order is chosen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment<'a> {
    /// The figures in force.
    pub(super) rulebook: &'a Rulebook,
    /// The session.
    pub(super) session: &'a Session,
    /// Now.
    pub(super) now: Timestamp,
}

impl<'a> Moment<'a> {
    /// That of an entry; `None` on a day without a session.
    pub(super) fn of_entry(snapshot: &'a Snapshot) -> Option<Self> {
        let session = snapshot.session.as_ref()?;
        Some(Self { rulebook: &snapshot.rulebook, session, now: snapshot.now })
    }

    /// That of a change of an open position.
    pub(super) fn of_change(watched: &Watched<'a>) -> Self {
        let Watched { rulebook, session, now, .. } = *watched;
        Self { rulebook, session, now }
    }

    /// Writes down whether the traded underlying is present and fresh.
    pub(super) fn underlying<'b>(
        &self,
        data: Option<&'b ProductData>,
        sheet: &mut Sheet,
    ) -> Option<&'b UnderlyingQuote> {
        underlying(self.rulebook, self.now, data, sheet)
    }

    /// Writes down which series is meant, and whether its chain is there.
    pub(super) fn chain<'b>(
        &self,
        data: &'b ProductData,
        name: &str,
        pick: &Pick,
        sheet: &mut Sheet,
    ) -> Option<&'b SeriesChain> {
        let Some(series) = pick.of(&data.series, self.session) else {
            sheet.check(name, format_args!("none of {} listed", data.series.len()), pick, false);
            return None;
        };
        let days = (series.expiration - self.session.date).num_days();
        let chain = data.chain_of(series);
        let quotes = chain.map_or(0, |of| of.chain.quotes.len());
        let value = format!("{} {}, {days} days, {quotes} quotes", series.root, series.expiration);
        sheet.check(name, value, pick, quotes > 0);
        chain
    }

    /// Writes down whether a leg can be traded on: neither broken nor old, its market not too wide.
    pub(super) fn leg(
        &self,
        name: &str,
        quote: &OptionQuote,
        spread: SpreadRules,
        sheet: &mut Sheet,
    ) -> bool {
        let fresh = self.quote(name, quote, sheet);
        spread_filter(name, quote, spread.percent_of_mid, spread.ticks, sheet) && fresh
    }

    /// Writes down whether a leg's quote is neither broken nor old.
    pub(super) fn quote(
        &self,
        name: impl fmt::Display,
        quote: &OptionQuote,
        sheet: &mut Sheet,
    ) -> bool {
        super::choose::fresh_filter(self.rulebook, self.now, name, quote, sheet)
    }
}

/// Writes down whether the traded underlying is present and fresh, on whatever day.
pub(super) fn underlying<'a>(
    rulebook: &Rulebook,
    now: Timestamp,
    data: Option<&'a ProductData>,
    sheet: &mut Sheet,
) -> Option<&'a UnderlyingQuote> {
    let quote = match data.map(|data| &data.underlying) {
        Some(Ok(quote)) => quote,
        Some(Err(error)) => {
            sheet.check("data", error, "a price", false);
            return None;
        }
        None => {
            sheet.check("data", "none gathered", "a price", false);
            return None;
        }
    };
    let age = (now - quote.at).num_seconds();
    let most = i64::from(rulebook.limits.quote_age_seconds);
    let name = quote.future.as_deref().unwrap_or(quote.product.symbol());
    let value = format!("{name} {}, {age} s old", quote.last.normalize());
    let sane = quote.last > Decimal::ZERO && age <= most;
    let passed = sheet.check("data", value, format_args!("a price, <= {most} s old"), sane);
    passed.then_some(quote)
}
