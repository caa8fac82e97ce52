//! What the tests of this strategy and of the gate stand on: Friday 2 August 2024 at 10:30, flat
//! volatility, and quotes a tick or so around their model's price.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{Days, NaiveDate};
use rust_decimal::{Decimal, dec};

use super::decide;
use crate::{
    account::{
        Balances, Position, PositionId, PositionLeg, Side, StrategyId, TradingStatus,
        exposure::Book,
    },
    calendar::Session,
    clock::Timestamp,
    config::{Rulebook, stages::StageId},
    instrument::{
        OptionContract, Product, ProductKind, Right, Series, Settlement,
        tick::{option_ticks, round_nearest},
    },
    market::{
        Chain, DailyBar, EventDay, EventKind, MacroEvent, OptionQuote, UnderlyingQuote, VixQuote,
    },
    money::{FxRate, Usd, to_f64},
    pricing::{Inputs, MINUTES_A_YEAR, Model, price},
    strategy::{Candidate, ProductData, SeriesChain, Snapshot},
};

/// The rulebook's own figures.
pub(crate) fn rulebook() -> Rulebook {
    Rulebook::embedded()
}

/// Friday 2 August 2024, a whole session in summer time.
pub(crate) fn friday() -> Session {
    Session {
        date: NaiveDate::from_ymd_opt(2024, 8, 2).unwrap(),
        open: "2024-08-02T13:30:00Z".parse().unwrap(),
        close: "2024-08-02T20:00:00Z".parse().unwrap(),
        early_close: false,
        projected: false,
    }
}

/// Friday 28 November 2025, the day after Thanksgiving: closes at 13:00 New York.
pub(crate) fn early_friday() -> Session {
    Session {
        date: NaiveDate::from_ymd_opt(2025, 11, 28).unwrap(),
        open: "2025-11-28T14:30:00Z".parse().unwrap(),
        close: "2025-11-28T18:00:00Z".parse().unwrap(),
        early_close: true,
        projected: false,
    }
}

/// A New York wall time of [`friday`].
pub(crate) fn at(clock: &str) -> Timestamp {
    format!("2024-08-02T{clock}-04:00").parse().unwrap()
}

/// Today's PM series of a product.
pub(crate) fn series(product: Product) -> Series {
    let future = (product.kind() == ProductKind::Future).then(|| format!("{product}U4"));
    Series {
        product,
        root: format!("{product}W"),
        expiration: friday().date,
        settlement: Settlement::Pm,
        last_trade: friday().close,
        future,
    }
}

/// An option quote priced by Black-76 at a flat volatility, seen at 10:30.
pub(crate) fn quote(product: Product, last: Decimal, strike: Decimal, right: Right) -> OptionQuote {
    let vol = 0.27;
    let inputs = Inputs {
        spot: to_f64(last),
        strike: to_f64(strike),
        rate: 0.0,
        dividend: 0.0,
        vol,
        years: 330.0 / MINUTES_A_YEAR,
        right,
    };
    let priced = price(Model::Black76, &inputs);
    let table = option_ticks(product);
    let mid = Decimal::try_from(priced.price).unwrap();
    let tick = table.tick_at(mid);
    let mid = round_nearest(mid, tick);
    OptionQuote {
        contract: OptionContract { series: series(product), strike, right },
        bid: (mid - tick).max(dec!(0)),
        ask: mid + tick,
        implied_volatility: vol,
        delta: priced.delta,
        gamma: priced.gamma,
        theta: priced.theta,
        vega: priced.vega,
        open_interest: 1000,
        at: at("10:30:00"),
    }
}

/// The chain of a product, five per cent to either side.
pub(crate) fn chain(product: Product, last: Decimal, grid: Decimal) -> Chain {
    let reach = last * dec!(0.05);
    let first = ((last - reach) / grid).floor() * grid;
    let strikes = (0..).map(|n| first + Decimal::from(n) * grid).take_while(|s| *s <= last + reach);
    let quotes = strikes.flat_map(|strike| {
        [Right::Call, Right::Put].map(|right| quote(product, last, strike, right))
    });
    Chain { series: series(product), quotes: quotes.collect() }
}

/// Sixty sessions whose true range is always `range`, the last one yesterday.
pub(crate) fn bars(level: Decimal, range: Decimal) -> Vec<DailyBar> {
    let bar = |back: u64| DailyBar {
        date: friday().date - Days::new(back),
        open: level,
        high: level + range / dec!(2),
        low: level - range / dec!(2),
        close: level,
    };
    (1..=60).rev().map(bar).collect()
}

/// A product that opened at `open`, trades at `last`, with an index at the same price whose ATR is
/// 1.1 % of it.
pub(crate) fn product_data(product: Product, open: Decimal, last: Decimal) -> ProductData {
    let grid = if product == Product::Xsp { dec!(1) } else { dec!(5) };
    let underlying = UnderlyingQuote {
        product,
        future: series(product).future,
        last,
        bid: None,
        ask: None,
        open: Some(open),
        at: at("10:30:00"),
    };
    ProductData {
        underlying: Ok(underlying.clone()),
        index_last: Some(last),
        bars: bars(last, last / dec!(90)),
        volatilities: Vec::new(),
        series: vec![series(product)],
        chains: vec![SeriesChain { chain: chain(product, last, grid), underlying }],
    }
}

/// An account of £35,000 at 10:30 with ES, XSP and MES unmoved since the open, VIX 16: an iron
/// condor on each passes.
pub(crate) fn snapshot() -> Snapshot {
    let es = |product| (product, product_data(product, dec!(5400), dec!(5400)));
    let products = [
        es(Product::Es),
        (Product::Xsp, product_data(Product::Xsp, dec!(540), dec!(540))),
        es(Product::Mes),
    ];
    let rate = dec!(1.28);
    Snapshot {
        slot: at("10:30:00"),
        now: at("10:30:00"),
        session: Some(friday()),
        previous_session: friday().date.pred_opt(),
        rulebook: Arc::new(rulebook()),
        holds: Vec::new(),
        reconciled: true,
        balances: Some(Balances {
            cash_usd: Usd(dec!(35000) * rate),
            net_liquidation_usd: Usd(dec!(35000) * rate),
            requirement_usd: Usd::ZERO,
            at: at("10:30:00"),
        }),
        halved_at: None,
        trading_status: Some(TradingStatus { futures_enabled: true, ..TradingStatus::default() }),
        stage: StageId::Paper,
        acked_at: None,
        previous_phase: None,
        fx: FxRate::new(friday().date - Days::new(1), rate),
        vix: Some(vix(dec!(16))),
        clock_skew_ms: 0,
        positions: Vec::new(),
        closed_today: Vec::new(),
        open_intents: Vec::new(),
        owners_orders: Vec::new(),
        book: Some(Book::default()),
        slot_intents: Vec::new(),
        orders_last_minute: 0,
        orders_today: 0,
        rejections_today: 0,
        events: BTreeMap::from(EventKind::ALL.map(|kind| (kind, EventDay::Known(Vec::new())))),
        products: BTreeMap::from(products),
    }
}

/// A VIX print at 10:30.
pub(crate) fn vix(level: Decimal) -> VixQuote {
    VixQuote { level, previous_close: Some(dec!(16)), at: at("10:30:00") }
}

/// One event, as the market tells it.
pub(crate) fn event(kind: EventKind, clock: &str) -> (EventKind, EventDay) {
    (kind, EventDay::Known(vec![MacroEvent { kind, at: at(clock) }]))
}

/// The first candidate of [`snapshot`]: an ES condor.
pub(crate) fn candidate() -> Candidate {
    decide(&snapshot()).candidates.swap_remove(0)
}

/// A candidate as the position it becomes, filled at `credit` at 10:30.
pub(crate) fn position(candidate: &Candidate, credit: Decimal) -> Position {
    let leg = |leg: &crate::account::Leg| PositionLeg {
        instrument: leg.instrument.clone(),
        quantity: if leg.side == Side::Sell { -1 } else { 1 },
        open_price: dec!(1),
        ratio: 1,
    };
    Position {
        id: PositionId("zdte-20240802-1".to_owned()),
        strategy: StrategyId::Friday0dte,
        product: candidate.product,
        legs: candidate.legs.iter().map(leg).collect(),
        units: 1,
        credit,
        width: candidate.width,
        opened_at: at("10:30:10"),
        closed_at: None,
        exit_reason: None,
        cash_usd: Usd::ZERO,
        fees_usd: Usd::ZERO,
        closing_rate: None,
        next_close: 1,
    }
}
