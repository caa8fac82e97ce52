//! Exercise before expiry: the night's assignments of short American options, and exercise asked
//! for by hand.

use rust_decimal::Decimal;

use super::{
    expiry,
    fill::Draw,
    floor::Floor,
    state::{Event, SettlementLine},
};
use crate::{
    broker::{BrokerError, TransactionKind},
    calendar::{Calendar, Exchange, new_york, new_york_date},
    clock::Timestamp,
    config::paper::AssignmentSettings,
    instrument::{ExerciseStyle, Instrument, OptionContract, Product},
    money::Usd,
};

/// The first booking of early assignments strictly after an instant: before the opening of a
/// session of the stock market.
fn next_booking(
    calendar: &Calendar,
    settings: &AssignmentSettings,
    after: Timestamp,
) -> Option<Timestamp> {
    let booked = |date| new_york(date, settings.booked_at);
    let today = calendar.session(Exchange::Xnys, new_york_date(after));
    let next = || calendar.next_session(Exchange::Xnys, new_york_date(after));
    today
        .map(|day| booked(day.date))
        .filter(|at| *at > after)
        .or_else(|| Some(booked(next()?.date)))
}

/// True for a short that its holder would exercise now: deep in the money, with next to no
/// extrinsic value.
fn is_worth_assigning(
    settings: &AssignmentSettings,
    contract: &OptionContract,
    mid: Decimal,
    underlying: Decimal,
) -> bool {
    let share = |percent: Decimal| contract.strike * percent / Decimal::ONE_HUNDRED;
    let intrinsic = contract.right.intrinsic(underlying, contract.strike);
    intrinsic > Decimal::ZERO
        && intrinsic >= share(settings.depth_percent)
        && mid - intrinsic <= share(settings.extrinsic_percent)
}

/// A number for what is drawn for: the same for the same contract.
fn number_of(contract: &OptionContract) -> u64 {
    let series = &contract.series;
    let text =
        format!("{}{}{}{:?}", series.root, series.expiration, contract.strike, contract.right);
    // FNV-1a, 64 bits.
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn is_american(instrument: &Instrument) -> Option<&OptionContract> {
    match instrument {
        Instrument::Option(contract) if contract.series.style() == ExerciseStyle::American => {
            Some(contract)
        }
        _ => None,
    }
}

impl Floor {
    /// The next instant at which shorts may be assigned; `None` while none is held that could be.
    /// What is held now has been held since the last transaction, so a booking that went by while
    /// the venue was down is still due.
    pub(super) fn next_assignment(&self) -> Option<Timestamp> {
        let settings = &self.ground.settings.assignment;
        let exposed = self
            .state
            .holdings
            .values()
            .any(|lot| lot.quantity < 0 && is_american(&lot.instrument).is_some());
        if !exposed || settings.early_percent <= Decimal::ZERO {
            return None;
        }
        let traded = self.state.transactions.back().map(|row| row.at);
        let since = traded.into_iter().chain(self.state.account.assigned_until).max()?;
        next_booking(&self.ground.calendar, settings, since)
    }

    /// Books the assignments of the night that ended at `at`.
    pub(super) async fn assign_early(&mut self, at: Timestamp) {
        let settings = self.ground.settings.assignment;
        let shorts = self.state.holdings.values().filter(|lot| lot.quantity < 0);
        let shorts = shorts.filter_map(|l| Some((is_american(&l.instrument)?.clone(), l.quantity)));
        for (contract, held) in shorts.collect::<Vec<_>>() {
            let seed = self.ground.settings.fills.seed;
            let draw = Draw { seed, order: number_of(&contract), at };
            if !draw.is_within(8, settings.early_percent) || contract.series.last_trade <= at {
                continue;
            }
            let Some((mid, underlying)) = self.worth_of(&contract).await else { continue };
            if is_worth_assigning(&settings, &contract, mid, underlying) {
                let count = usize::try_from(held.unsigned_abs()).unwrap_or(usize::MAX);
                let assigned = i64::try_from(draw.choice(9, count) + 1).unwrap_or(1);
                let lines = expiry::deliver(&self.ground.settings, &contract, -assigned);
                self.record(Event::Settled { at, lines });
            }
        }
        self.record(Event::Assigned { at });
    }

    /// An option's mid and its underlying's price, in points.
    async fn worth_of(&self, contract: &OptionContract) -> Option<(Decimal, Decimal)> {
        let market = &self.ground.market;
        let quotes = market.quotes(std::slice::from_ref(contract)).await.ok()?;
        let series = &contract.series;
        let underlying = market.underlying(series.product, Some(series)).await.ok()?;
        Some((quotes.first()?.mid(), underlying.last))
    }

    /// A corporate action on an ETF: every option of it that is held goes under an adjusted root.
    /// What it delivers is not changed; orders in it are not taken.
    pub async fn adjust(&mut self, product: Product) -> Result<(), BrokerError> {
        let now = self.advance().await;
        self.alive().map_err(BrokerError::Unavailable)?;
        let mut lines = Vec::new();
        for lot in self.state.holdings.values() {
            let Instrument::Option(contract) = &lot.instrument else { continue };
            if contract.series.product != product || contract.series.is_adjusted() {
                continue;
            }
            let mut adjusted = contract.clone();
            adjusted.series.root = format!("{product}1");
            let line = |instrument, quantity| SettlementLine {
                kind: TransactionKind::Adjustment,
                instrument,
                quantity,
                price: lot.average_price,
                cash_usd: Usd::ZERO,
                fees_usd: Usd::ZERO,
            };
            lines.push(line(lot.instrument.clone(), -lot.quantity));
            lines.push(line(Instrument::Option(adjusted), lot.quantity));
        }
        self.record(Event::Settled { at: now, lines });
        self.flush().await;
        self.alive().map_err(BrokerError::Unavailable)
    }

    /// Exercises longs of a contract, or has its shorts assigned, at once: as the owner would, or
    /// the other side. No more than is held; European options only at their expiry, by themselves.
    pub async fn exercise(
        &mut self,
        contract: &OptionContract,
        contracts: u32,
    ) -> Result<(), BrokerError> {
        let now = self.advance().await;
        self.alive().map_err(BrokerError::Unavailable)?;
        let refused = |code: &str, message: String| {
            Err(BrokerError::Refused { code: code.to_owned(), message })
        };
        let held = self.state.held(&Instrument::Option(contract.clone()));
        if contract.series.style() == ExerciseStyle::European {
            let message = format!("{} options are exercised at expiry only", contract.series.root);
            return refused("exercise_not_allowed", message);
        }
        let wanted = i64::from(contracts);
        if wanted == 0 || wanted > held.abs() {
            return refused("no_position", format!("{contracts} to exercise: {} held", held.abs()));
        }
        let lines = expiry::deliver(&self.ground.settings, contract, held.signum() * wanted);
        self.record(Event::Settled { at: now, lines });
        self.flush().await;
        self.alive().map_err(BrokerError::Unavailable)
    }
}
