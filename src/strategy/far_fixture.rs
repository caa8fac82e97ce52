//! What the tests of strategies on far expirations stand on: Friday 2 August 2024 at 10:30, flat
//! volatility, quotes two per cent wide around their model's price.

use chrono::Days;
use rust_decimal::{Decimal, dec};

use super::{
    Candidate, ProductData, SeriesChain, Snapshot,
    friday_0dte::fixture::{at, bars, friday, snapshot},
};
use crate::{
    account::{NetPrice, Position, PositionId, PositionLeg, Side},
    clock::Timestamp,
    instrument::{
        OptionContract, Product, ProductKind, Right, Series, Settlement,
        tick::{option_ticks, round_nearest},
    },
    market::{Chain, OptionQuote, UnderlyingQuote},
    money::{Usd, to_f64},
    pricing::{Inputs, Model, price},
};

/// Interest of every quote here, a year.
const RATE: f64 = 0.04;
/// Dividends, a year.
const DIVIDEND: f64 = 0.013;

/// A PM series so many days after the fixture's Friday.
pub(super) fn series(product: Product, days: u64) -> Series {
    let expiration = friday().date + Days::new(days);
    Series {
        product,
        root: product.symbol().to_owned(),
        expiration,
        settlement: Settlement::Pm,
        last_trade: friday().close + chrono::TimeDelta::days(days.cast_signed()),
        future: (product.kind() == ProductKind::Future).then(|| format!("{product}U4")),
    }
}

/// A quote of a contract so many days ahead, by its model.
pub(super) fn quote(
    product: Product,
    last: Decimal,
    (days, strike, right): (u64, Decimal, Right),
    vol: f64,
) -> OptionQuote {
    let inputs = Inputs {
        spot: to_f64(last),
        strike: to_f64(strike),
        rate: RATE,
        dividend: DIVIDEND,
        vol,
        years: (days as f64 + 0.2) / 365.0,
        right,
    };
    let priced = price(Model::Bsm, &inputs);
    let mid = Decimal::try_from(priced.price).unwrap();
    let tick = option_ticks(product).tick_at(mid);
    let half = round_nearest(mid * dec!(0.01), tick).max(tick);
    let mid = round_nearest(mid, tick);
    OptionQuote {
        contract: OptionContract { series: series(product, days), strike, right },
        bid: (mid - half).max(dec!(0)),
        ask: mid + half,
        implied_volatility: vol,
        delta: priced.delta,
        gamma: priced.gamma,
        theta: priced.theta,
        vega: priced.vega,
        open_interest: 1000,
        at: at("10:30:00"),
    }
}

/// The chain of a series: strikes of a step, by percent of the price.
pub(super) fn chain(
    product: Product,
    last: Decimal,
    days: u64,
    (below, above, step): (Decimal, Decimal, Decimal),
    vol: f64,
) -> SeriesChain {
    let share = |percent: Decimal| last * percent / dec!(100);
    let first = ((last - share(below)) / step).ceil() * step;
    let strikes = (0..).map(|n| first + Decimal::from(n) * step);
    let strikes = strikes.take_while(|strike| *strike <= last + share(above));
    let quotes = strikes.flat_map(|strike| {
        [Right::Call, Right::Put].map(|right| quote(product, last, (days, strike, right), vol))
    });
    let chain = Chain { series: series(product, days), quotes: quotes.collect() };
    SeriesChain { chain, underlying: underlying(product, last) }
}

/// A product's price at 10:30.
pub(super) fn underlying(product: Product, last: Decimal) -> UnderlyingQuote {
    UnderlyingQuote {
        product,
        future: None,
        last,
        bid: None,
        ask: None,
        open: Some(last),
        at: at("10:30:00"),
    }
}

/// A product with these chains, whose series alone are listed.
pub(super) fn product_data(
    product: Product,
    last: Decimal,
    chains: Vec<SeriesChain>,
) -> ProductData {
    ProductData {
        underlying: Ok(underlying(product, last)),
        index_last: Some(last),
        bars: bars(last, last / dec!(90)),
        volatilities: Vec::new(),
        series: chains.iter().map(|of| of.chain.series.clone()).collect(),
        chains,
    }
}

/// The account of the 0DTE fixture with £120,000 that sees one product.
pub(super) fn snapshot_of(product: Product, data: ProductData) -> Snapshot {
    let mut snapshot = snapshot();
    if let Some(balances) = &mut snapshot.balances {
        balances.net_liquidation_usd = Usd(dec!(120000) * dec!(1.28));
        balances.cash_usd = balances.net_liquidation_usd;
    }
    snapshot.products = [(product, data)].into();
    snapshot
}

/// A candidate as the position it becomes, filled at its mid and at the mids of its legs.
pub(super) fn filled(candidate: &Candidate) -> Position {
    let leg = |(leg, quote): (&crate::account::Leg, &OptionQuote)| PositionLeg {
        instrument: leg.instrument.clone(),
        quantity: i64::from(leg.ratio * candidate.units)
            * if leg.side == Side::Sell { -1 } else { 1 },
        open_price: quote.mid(),
        ratio: leg.ratio,
    };
    let NetPrice(credit) = candidate.mid;
    Position {
        id: PositionId(format!("{}-20240802-1", candidate.strategy.id_word())),
        strategy: candidate.strategy,
        product: candidate.product,
        legs: candidate.legs.iter().zip(&candidate.quotes).map(leg).collect(),
        units: candidate.units,
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

/// Quotes as they stand, seen at another moment.
pub(super) fn seen_at(quotes: &[OptionQuote], now: Timestamp) -> Vec<OptionQuote> {
    quotes.iter().map(|quote| OptionQuote { at: now, ..quote.clone() }).collect()
}
