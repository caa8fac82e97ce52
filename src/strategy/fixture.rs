//! What the tests of the strategies that stay overnight stand on: Wednesday 7 August 2024 at 10:00,
//! a skewed volatility, and quotes a tick around their model's price.

use chrono::{Days, NaiveDate, NaiveTime, TimeZone};
use rust_decimal::{Decimal, dec};

use super::{
    Candidate, ProductData, SeriesChain, Snapshot,
    friday_0dte::fixture::{rulebook, snapshot},
};
use crate::{
    account::{Position, PositionId, PositionLeg, Side},
    calendar::{NEW_YORK, Session},
    clock::Timestamp,
    config::Rulebook,
    instrument::{
        Instrument, OptionContract, Product, ProductKind, Right, Series, Settlement,
        tick::{option_ticks, round_nearest},
    },
    market::{Chain, DailyBar, OptionQuote, UnderlyingQuote, VixQuote},
    money::{Usd, to_f64},
    pricing::{Inputs, MINUTES_A_YEAR, Model, price},
};

/// The first Wednesday of August 2024.
pub(crate) const WEDNESDAY: &str = "2024-08-07";

pub(crate) fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// A whole session of a date in summer time.
pub(crate) fn session(date: NaiveDate) -> Session {
    let at = |clock: &str| instant(date, clock);
    Session {
        date,
        open: at("09:30:00"),
        close: at("16:00:00"),
        early_close: false,
        projected: false,
    }
}

/// A New York time of a date.
pub(crate) fn instant(date: NaiveDate, clock: &str) -> Timestamp {
    let time: NaiveTime = clock.parse().unwrap();
    NEW_YORK.from_local_datetime(&date.and_time(time)).unwrap().to_utc()
}

/// A series so many days after a date.
pub(crate) fn series(product: Product, from: NaiveDate, days: u64) -> Series {
    let expiration = from + Days::new(days);
    let future = (product.kind() == ProductKind::Future).then(|| format!("{product}Z4"));
    Series {
        product,
        root: format!("{product}W"),
        expiration,
        settlement: Settlement::Pm,
        last_trade: instant(expiration, "16:00:00"),
        future,
    }
}

/// An option by Black-76: 16 % at the money, more below, seen at an instant.
pub(crate) fn quote(
    series: &Series,
    last: Decimal,
    strike: Decimal,
    right: Right,
    now: Timestamp,
) -> OptionQuote {
    let moneyness = libm::log(to_f64(last) / to_f64(strike));
    let vol = 0.16 + 0.4 * moneyness.max(-0.05);
    let inputs = Inputs {
        spot: to_f64(last),
        strike: to_f64(strike),
        rate: 0.0,
        dividend: 0.0,
        vol,
        years: (series.last_trade - now).num_minutes() as f64 / MINUTES_A_YEAR,
        right,
    };
    let priced = price(Model::Black76, &inputs);
    let mid = Decimal::try_from(priced.price).unwrap();
    let tick = option_ticks(series.product).tick_at(mid);
    let mid = round_nearest(mid, tick);
    OptionQuote {
        contract: OptionContract { series: series.clone(), strike, right },
        bid: (mid - tick).max(dec!(0)),
        ask: mid + tick,
        implied_volatility: vol,
        delta: priced.delta,
        gamma: priced.gamma,
        theta: priced.theta,
        vega: priced.vega,
        open_interest: 1000,
        at: now,
    }
}

/// A product at `last` with one series so many days ahead; its index at the same price, 4 % below
/// the year's high.
pub(crate) fn product_data(
    product: Product,
    last: Decimal,
    grid: Decimal,
    days: u64,
    now: Timestamp,
) -> ProductData {
    let today = now.with_timezone(&NEW_YORK).date_naive();
    let series = series(product, today, days);
    let underlying = UnderlyingQuote {
        product,
        future: series.future.clone(),
        last,
        bid: None,
        ask: None,
        open: Some(last),
        at: now,
    };
    let first = (last * dec!(0.55) / grid).floor() * grid;
    let strikes = (0..).map(|n| first + Decimal::from(n) * grid);
    let strikes = strikes.take_while(|s| *s <= last * dec!(1.3));
    let both =
        |strike| [Right::Call, Right::Put].map(|right| quote(&series, last, strike, right, now));
    let chain = Chain { series: series.clone(), quotes: strikes.flat_map(both).collect() };
    ProductData {
        underlying: Ok(underlying.clone()),
        index_last: Some(last),
        bars: bars(last, today),
        volatilities: volatilities(today),
        series: vec![series],
        chains: vec![SeriesChain { chain, underlying }],
    }
}

/// A year of sessions to the day before, whose highest print is 4 % above `level`.
fn bars(level: Decimal, today: NaiveDate) -> Vec<DailyBar> {
    let bar = |date: NaiveDate| DailyBar {
        date,
        open: level,
        high: level / dec!(0.96),
        low: level,
        close: level,
    };
    days_before(today).into_iter().map(bar).collect()
}

/// A year of closes between 10 and 20 percent.
fn volatilities(today: NaiveDate) -> Vec<(NaiveDate, f64)> {
    let level = |n: usize| 10.0 + (n % 11) as f64;
    days_before(today).into_iter().enumerate().map(|(n, date)| (date, level(n))).collect()
}

/// 260 weekdays to the one before, oldest first.
fn days_before(today: NaiveDate) -> Vec<NaiveDate> {
    use chrono::{Datelike, Weekday};
    let weekday = |day: &NaiveDate| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun);
    let mut days: Vec<NaiveDate> = (1..)
        .filter_map(|back| today.checked_sub_days(Days::new(back)))
        .filter(weekday)
        .take(260)
        .collect();
    days.reverse();
    days
}

/// An account of £80,000 at a New York time, VIX 16, no products yet.
pub(crate) fn account(day: NaiveDate, clock: &str) -> Snapshot {
    let now = instant(day, clock);
    let mut snapshot = snapshot();
    (snapshot.slot, snapshot.now) = (now, now);
    snapshot.session = Some(session(day));
    snapshot.previous_session = Some(days_before(day)[259]);
    let rate = snapshot.fx.unwrap().usd_per_gbp;
    let balances = snapshot.balances.as_mut().unwrap();
    (balances.net_liquidation_usd, balances.cash_usd) =
        (Usd(dec!(80_000) * rate), Usd(dec!(80_000) * rate));
    balances.at = now;
    snapshot.vix = Some(VixQuote { level: dec!(16), previous_close: Some(dec!(16)), at: now });
    snapshot.products.clear();
    snapshot
}

/// A candidate as the position it becomes when it fills at mid.
pub(crate) fn position(candidate: &Candidate, opened_at: Timestamp) -> Position {
    let legs = candidate.legs.iter().zip(&candidate.quotes).map(|(leg, quote)| PositionLeg {
        instrument: leg.instrument.clone(),
        quantity: if leg.side == Side::Sell { -i64::from(leg.ratio) } else { i64::from(leg.ratio) },
        open_price: quote.mid(),
        ratio: leg.ratio,
    });
    Position {
        id: PositionId(format!("{}-20240807-1", candidate.strategy.id_word())),
        strategy: candidate.strategy,
        product: candidate.product,
        legs: legs.collect(),
        units: 1,
        credit: candidate.mid.0,
        width: candidate.width,
        opened_at,
        closed_at: None,
        exit_reason: None,
        cash_usd: Usd::ZERO,
        fees_usd: Usd::ZERO,
        closing_rate: None,
        next_close: 1,
    }
}

/// A position that is watched: its quotes can be set, and time passes.
pub(crate) struct Watch {
    pub(crate) rulebook: Rulebook,
    pub(crate) position: Position,
    pub(crate) quotes: Vec<OptionQuote>,
    pub(crate) underlying: Option<UnderlyingQuote>,
    pub(crate) vix: Decimal,
    pub(crate) memory: super::manage::ExitMemory,
    pub(crate) tick: Decimal,
}

impl Watch {
    pub(crate) fn new(candidate: &Candidate, last: Decimal, opened_at: Timestamp) -> Self {
        Self {
            rulebook: rulebook(),
            position: position(candidate, opened_at),
            quotes: candidate.quotes.clone(),
            underlying: Some(UnderlyingQuote {
                product: candidate.product,
                future: None,
                last,
                bid: None,
                ask: None,
                open: None,
                at: opened_at,
            }),
            vix: dec!(16),
            memory: super::manage::ExitMemory::default(),
            tick: candidate.tick,
        }
    }

    /// The mid of a leg, a tick to either side.
    pub(crate) fn price(&mut self, leg: usize, mid: Decimal) -> &mut Self {
        let quote = &mut self.quotes[leg];
        (quote.bid, quote.ask) = (mid - dec!(0.05), mid + dec!(0.05));
        self
    }

    /// The |delta| of a leg.
    pub(crate) fn delta(&mut self, leg: usize, delta: f64) -> &mut Self {
        self.quotes[leg].delta = delta;
        self
    }

    pub(crate) fn last(&mut self, last: Decimal) -> &mut Self {
        self.underlying.as_mut().unwrap().last = last;
        self
    }

    /// A leg is gone.
    pub(crate) fn gone(&mut self, leg: usize) -> &mut Self {
        self.position.legs[leg].quantity = 0;
        self
    }

    /// A round at a New York time of a date, on quotes of that moment.
    pub(crate) fn round(&mut self, day: &str, clock: &str) -> super::manage::Managed {
        let now = instant(date(day), clock);
        for quote in &mut self.quotes {
            quote.at = now;
        }
        if let Some(underlying) = &mut self.underlying {
            underlying.at = now;
        }
        self.watch(day, now, |rule, watched, memory| rule.manage(watched, memory))
    }

    /// What a rule says of the position at a moment.
    pub(crate) fn watch<T: Keeps>(
        &mut self,
        day: &str,
        now: Timestamp,
        ask: impl FnOnce(&dyn super::Rule, &super::manage::Watched<'_>, &super::manage::ExitMemory) -> T,
    ) -> T {
        let session = session(date(day));
        let vix = VixQuote { level: self.vix, previous_close: None, at: now };
        let watched = super::manage::Watched {
            rulebook: &self.rulebook,
            session: &session,
            position: &self.position,
            quotes: &self.quotes,
            underlying: self.underlying.as_ref(),
            vix: Some(vix),
            tick: self.tick,
            now,
        };
        let rule = super::rule(self.position.strategy).unwrap();
        let said = ask(rule, &watched, &self.memory);
        if let Some(memory) = said.memory() {
            self.memory = memory;
        }
        said
    }
}

/// What a rule says, with what is to be remembered of it.
pub(crate) trait Keeps {
    fn memory(&self) -> Option<super::manage::ExitMemory>;
}

impl Keeps for super::manage::Managed {
    fn memory(&self) -> Option<super::manage::ExitMemory> {
        Some(self.memory.clone())
    }
}

impl Keeps for super::Decision {
    fn memory(&self) -> Option<super::manage::ExitMemory> {
        None
    }
}

/// The strike of an option's contract.
pub(crate) fn strike(instrument: &Instrument) -> Decimal {
    let Instrument::Option(contract) = instrument else { panic!("an option") };
    contract.strike
}

/// The names of the filters that failed.
pub(crate) fn failed(decision: &super::Decision) -> Vec<&str> {
    decision.filters.iter().filter(|f| !f.passed).map(|f| f.name.as_str()).collect()
}
