//! Invariant 4: cash is conserved to the cent.
//!
//! Always: the venue's cash is the sum of its transactions, and the ledger's figures of what was
//! traded and of fees are the sums of its fills and of what the journal says was settled. Whenever
//! the ledger has read every transaction of the venue and has every fill of our orders, and at the
//! end: what the ledger expects is what the broker has.
//!
//! The lag: a fill is taken from its order and its transaction is read some time later, so between
//! the two both sides may differ by that fill. The comparison waits until neither is outstanding,
//! not for a time; at the end nothing may be outstanding.

use super::{
    Broken, Invariant, Moment, Scene,
    eyes::{Eyes, Ledger, Venue},
    positions::booked,
};
use crate::{account::Fill, desk::tables::CashBook, money::Usd};

/// The invariant.
pub(super) struct Cash(pub(super) Eyes);

impl Invariant for Cash {
    fn number(&self) -> u8 {
        4
    }

    fn look(&mut self, scene: &Scene<'_>, moment: Moment<'_>) -> Result<(), Broken> {
        if matches!(moment, Moment::Wire(_)) {
            return Ok(());
        }
        let ledger = self.0.ledger(scene)?;
        let Some(venue) = self.0.venue(scene)? else { return Ok(()) };
        let booked: Usd =
            venue.state.transactions.iter().map(|row| row.cash_usd - row.fees_usd).sum();
        if booked != venue.state.account.cash_usd {
            return Err(Broken(format!(
                "the venue has {}, its transactions add up to {booked}",
                venue.state.account.cash_usd
            )));
        }
        let Some(book) = &ledger.cash else { return Ok(()) };
        adds_up(book, &ledger)?;
        let outstanding = outstanding(book, &ledger, &venue);
        match (outstanding, moment) {
            (Some(what), Moment::End) => Err(Broken(format!("at the end {what}"))),
            (Some(_), _) => Ok(()),
            (None, _) => same(book, &venue),
        }
    }
}

fn adds_up(book: &CashBook, ledger: &Ledger) -> Result<(), Broken> {
    let traded: Usd = ledger.fills().map(|(_, fill)| fill.cash()).sum();
    let fees: Usd = ledger.fills().map(|(_, fill)| fill.fees).sum();
    let (traded, fees) = (traded + ledger.moved.cash, fees + ledger.moved.fees);
    if (book.traded_usd, book.fees_usd) == (traded, fees) {
        return Ok(());
    }
    Err(Broken(format!(
        "the cash book has {} traded and {} fees, fills and settlements add up to {traded} and {fees}",
        book.traded_usd, book.fees_usd
    )))
}

/// What the ledger has not read of the venue yet, in words.
fn outstanding(book: &CashBook, ledger: &Ledger, venue: &Venue) -> Option<String> {
    let last = venue.state.account.last_transaction;
    if book.last_transaction != last {
        return Some(format!("{} of {last} transactions were read", book.last_transaction));
    }
    let has = |order: u64, fill: &Fill| {
        ledger.fills().any(|(_, known)| known.id == fill.id || booked(&known.id) == Some(order))
    };
    let mut made =
        venue.ours().flat_map(|(_, order, fills)| fills.iter().map(|fill| (order.id, fill)));
    let (_, lacking) = made.find(|(order, fill)| !has(*order, fill))?;
    Some(format!("fill `{}` was not taken over", lacking.id))
}

fn same(book: &CashBook, venue: &Venue) -> Result<(), Broken> {
    let expected = book.opening_usd + book.traded_usd - book.fees_usd + book.foreign_usd;
    let cash = venue.state.account.cash_usd;
    if expected == cash {
        return Ok(());
    }
    Err(Broken(format!(
        "the broker has {cash}, the ledger expects {expected}: opening {}, traded {}, fees {}, \
         foreign {}, {} transactions read",
        book.opening_usd, book.traded_usd, book.fees_usd, book.foreign_usd, book.last_transaction
    )))
}
