//! Every product of the rulebook on the simulated market: prices, chains, settlements, history.

use proptest::prelude::*;
use rust_decimal::{Decimal, dec};
use tomking::{
    calendar::{Calendar, Exchange},
    instrument::{Instrument, Product, Right, Series, expiration, symbol::Symbol, tick},
    market::{
        Market, ModelledMarket, SimulatedTape,
        tape::{Asset, Tape},
    },
    money::to_f64,
};

use crate::support::{Hands, date, instant, july_tape, market, now, simulated};

/// The second Tuesday of a month, ten minutes into the session.
const TUESDAY: &str = "2026-03-10T13:40:00Z";

fn last(market: &ModelledMarket<impl Tape>, product: Product) -> Decimal {
    now(market.underlying(product, None)).unwrap().last
}

#[test]
fn every_product_stands_at_a_plausible_price_on_its_tick() {
    let market = simulated(&Hands::at(TUESDAY));
    assert_eq!(now_products(&market), Product::ALL);
    for product in Product::ALL {
        let quote = now(market.underlying(*product, None)).unwrap();
        let tick = tick::underlying_tick(*product);
        assert!((quote.last % tick).is_zero(), "{product}: {} is off {tick}", quote.last);
        // One contract is worth from some thousands to some hundred thousands of dollars.
        let worth = quote.last * product.multiplier();
        assert!((dec!(1_000)..dec!(2_000_000)).contains(&worth), "{product}: {worth}");
    }
    let near = |product, least: f64, most: f64| {
        let found = to_f64(last(&market, product));
        assert!((least..most).contains(&found), "{product} {found}");
    };
    near(Product::Cl, 25.0, 200.0);
    near(Product::Zn, 90.0, 140.0);
    near(Product::Eur, 0.7, 1.8);
    near(Product::Jpy, 0.004, 0.016);
    near(Product::Zc, 150.0, 1200.0);
}

fn now_products(market: &ModelledMarket<impl Tape>) -> Vec<Product> {
    market.products()
}

#[test]
fn those_of_one_asset_move_as_one_and_the_small_is_a_share_of_the_large() {
    let market = simulated(&Hands::at(TUESDAY));
    for (large, small) in
        [(Product::Cl, Product::Mcl), (Product::Gc, Product::Mgc), (Product::Nq, Product::Mnq)]
    {
        let (large, small) = (last(&market, large), last(&market, small));
        assert!((large / small - dec!(1)).abs() < dec!(0.005), "{large} {small}");
    }
    assert!(
        (last(&market, Product::Rty) / last(&market, Product::Iwm) - dec!(10)).abs() < dec!(0.3)
    );
    let silver = last(&market, Product::Si) / last(&market, Product::Slv);
    assert!((silver - dec!(1.1)).abs() < dec!(0.05), "{silver}");
}

/// The nearest series 80 to 100 days away.
fn strangle_series(market: &ModelledMarket<impl Tape>, product: Product) -> Option<Series> {
    let today = now(market.vix()).unwrap().at.date_naive();
    let all = now(market.series(product, 100)).unwrap();
    let far = all.into_iter().filter(|s| (s.expiration - today).num_days() >= 80);
    far.min_by_key(|s| ((s.expiration - today).num_days() - 90).abs())
}

/// The credit of the strangle of rulebook §4.3 in dollars: puts of 5 to 7 delta, calls of 5 to 6,
/// each half a point wider, because strikes are as far apart as the exchange's.
fn strangle(market: &ModelledMarket<impl Tape>, product: Product) -> Option<Decimal> {
    let series = strangle_series(market, product)?;
    let price = last(market, product);
    let chain = now(market.chain(&series, price * dec!(0.4), price * dec!(2))).unwrap();
    let leg = |right, least: f64, most: f64| {
        let quotes = chain.quotes.iter().filter(|q| q.contract.right == right);
        let fits = |delta: f64| (least..=most).contains(&delta.abs());
        quotes.filter(|q| fits(q.delta)).map(tomking::market::OptionQuote::mid).next()
    };
    let (put, call) = (leg(Right::Put, 0.045, 0.075)?, leg(Right::Call, 0.045, 0.065)?);
    Some((put + call) * product.multiplier())
}

#[test]
fn ninety_days_out_both_legs_of_a_strangle_stand_with_a_credit_worth_its_fees() {
    let clock = Hands::at(TUESDAY);
    let market = simulated(&clock);
    for product in [
        Product::Mcl,
        Product::Mgc,
        Product::Gld,
        Product::Tlt,
        Product::Mnq,
        Product::Slv,
        Product::Xop,
        Product::Aud,
        Product::Cl,
        Product::Gc,
        Product::Zc,
        Product::Zs,
        Product::Zw,
        Product::Eur,
        Product::Gbp,
        Product::Zb,
        Product::Zn,
        Product::He,
        Product::Le,
        Product::Nq,
        Product::Rty,
        Product::Si,
        Product::Rb,
        Product::Iwm,
        Product::Xle,
    ] {
        // Any Tuesday: on second ones the series of a month's end are never that far away.
        let tuesdays = (0..52).filter_map(|week| {
            clock.set_to(instant(TUESDAY) + chrono::TimeDelta::weeks(week));
            strangle(&market, product)
        });
        let credits: Vec<Decimal> = tuesdays.take(3).collect();
        assert_eq!(credits.len(), 3, "{product}");
        assert!(credits.iter().all(|credit| *credit >= dec!(15)), "{product}: {credits:?}");
    }
}

#[test]
fn a_future_option_and_its_future_agree_and_its_symbol_reads_back() {
    let market = simulated(&Hands::at(TUESDAY));
    let calendar = Calendar::default();
    for product in Product::ALL {
        let all = now(market.series(*product, 200)).unwrap();
        assert!(!all.is_empty(), "{product}");
        for series in all {
            let price = now(market.underlying(*product, Some(&series))).unwrap();
            assert_eq!(price.future, series.future, "{product}");
            let chain =
                now(market.chain(&series, price.last * dec!(0.97), price.last * dec!(1.03)))
                    .unwrap();
            assert!(!chain.quotes.is_empty(), "{} {}", series.root, series.expiration);
            for quote in &chain.quotes {
                let instrument = Instrument::Option(quote.contract.clone());
                let symbol = Symbol::of(&instrument).unwrap();
                let read: Symbol = symbol.to_string().parse().unwrap();
                assert_eq!(read.resolve(&calendar, date("2026-03-10")), Ok(instrument));
            }
        }
    }
}

#[test]
fn grains_stand_still_after_their_own_close() {
    let clock = Hands::at("2026-03-10T18:19:59Z");
    let market = simulated(&clock);
    let before = now(market.underlying(Product::Zc, None)).unwrap();
    assert_eq!(before.at, instant("2026-03-10T18:19:59Z"));
    clock.set("2026-03-10T19:30:00Z");
    let after = now(market.underlying(Product::Zc, None)).unwrap();
    assert_eq!(after.at, instant("2026-03-10T18:20:00Z"), "14:20 in New York");
    clock.set("2026-03-10T22:30:00Z");
    assert_eq!(now(market.underlying(Product::Zc, None)).unwrap(), after);
    let crude = now(market.underlying(Product::Cl, None)).unwrap();
    assert_eq!(crude.at, instant("2026-03-10T22:30:00Z"), "the night session");
}

#[test]
fn a_monthly_option_settles_at_its_own_hour() {
    let clock = Hands::at("2026-03-17T18:29:59Z");
    let market = simulated(&clock);
    let listed = expiration::listed(&Calendar::default(), Product::Cl, date("2026-03-17"), 0);
    let series = listed.first().expect("the April option of crude oil ends that day");
    assert!(now(market.settlement(series)).is_err());
    clock.set("2026-03-17T18:30:00Z");
    let settled = now(market.settlement(series)).unwrap();
    let price = now(market.underlying(Product::Cl, Some(series))).unwrap().last;
    assert_eq!(settled, price);
    clock.set("2026-03-20T15:00:00Z");
    assert_eq!(now(market.settlement(series)), Ok(settled));
}

#[test]
fn bars_are_in_the_points_of_the_product_and_reach_a_year_back() {
    let market = simulated(&Hands::at(TUESDAY));
    let today = date("2026-03-10");
    for product in [Product::Gc, Product::Nq, Product::Jpy, Product::Mcl, Product::Spx] {
        let bars = now(market.daily_bars(product, today, 252)).unwrap();
        assert_eq!(bars.len(), 252, "{product}");
        assert_eq!(bars[251].date, date("2026-03-09"));
        let ratio = last(&market, product) / bars[251].close;
        assert!((ratio - dec!(1)).abs() < dec!(0.1), "{product} {ratio}");
        assert!(bars.iter().all(|b| b.low <= b.open && b.open <= b.high && b.low <= b.close));
    }
}

#[test]
fn volatility_of_the_past_is_vix_for_the_index_and_the_models_for_others() {
    let market = simulated(&Hands::at(TUESDAY));
    let of = |product| now(market.iv_history(product, date("2026-03-10"), 252));
    let (index, crude) = (of(Product::Es), of(Product::Mcl));
    assert_eq!((index.len(), crude.len()), (252, 252));
    let vix = now(market.vix()).unwrap().previous_close.unwrap();
    assert_eq!(index[251], (date("2026-03-09"), to_f64(vix)));
    for ((day, vix), (same, found)) in index.iter().zip(&crude) {
        assert_eq!(day, same);
        assert!((found - (22.0 + 0.8 * vix)).abs() < 1e-9);
    }
    assert!(index.windows(2).all(|pair| pair[0].0 < pair[1].0));
    let recorded = market_of_july();
    assert_eq!(now(recorded.iv_history(Product::Mcl, date("2024-07-10"), 5)), []);
    assert!(!now(recorded.iv_history(Product::Spx, date("2024-07-10"), 5)).is_empty());
}

fn market_of_july() -> ModelledMarket<tomking::market::RecordedTape> {
    market(july_tape(), &Hands::at("2024-07-10T14:00:00Z"))
}

#[test]
fn the_years_before_the_anchor_lead_up_to_it() {
    let tape = tape();
    for (asset, jump) in
        [(Asset::Spx, 0.06), (Asset::Tlt, 0.04), (Asset::Crude, 0.1), (Asset::Vix, 0.4)]
    {
        let before = tape.close(asset, date("2008-12-31")).unwrap();
        let anchor = tape.open(asset, date("2009-01-02")).unwrap();
        assert!((anchor / before).ln().abs() < jump, "{asset:?}: {before} to {anchor}");
        assert!(tape.close(asset, date("2005-01-10")).unwrap() > 0.0);
        assert_eq!(tape.daily_bars(asset, date("2005-01-10"), 252).len(), 252);
    }
    assert_eq!(tape.close(Asset::Spx, date("2003-01-02")), None);
}

#[test]
fn what_nobody_asks_for_changes_nothing() {
    // One market is asked for everything, the other for the index only.
    let (all, one) = (simulated(&Hands::at(TUESDAY)), simulated(&Hands::at(TUESDAY)));
    for product in Product::ALL {
        last(&all, *product);
    }
    assert_eq!(last(&all, Product::Spx), last(&one, Product::Spx));
    assert_eq!(now(all.vix()), now(one.vix()));
}

fn tape() -> &'static SimulatedTape {
    static TAPE: std::sync::OnceLock<SimulatedTape> = std::sync::OnceLock::new();
    TAPE.get_or_init(|| SimulatedTape::new(1, &Calendar::default()))
}

struct Shared;

impl Tape for Shared {
    fn provenance(&self) -> tomking::market::Provenance {
        tape().provenance()
    }
    fn carries(&self, asset: Asset) -> bool {
        tape().carries(asset)
    }
    fn path(
        &self,
        asset: Asset,
        session: &tomking::calendar::Session,
    ) -> Option<tomking::market::DayPath> {
        tape().path(asset, session)
    }
    fn open(&self, asset: Asset, date: chrono::NaiveDate) -> Option<f64> {
        tape().open(asset, date)
    }
    fn close(&self, asset: Asset, date: chrono::NaiveDate) -> Option<f64> {
        tape().close(asset, date)
    }
    fn daily_bars(
        &self,
        asset: Asset,
        before: chrono::NaiveDate,
        count: usize,
    ) -> Vec<tomking::market::DailyBar> {
        tape().daily_bars(asset, before, count)
    }
    fn term(&self, date: chrono::NaiveDate) -> tomking::market::tape::TermRatios {
        tape().term(date)
    }
    fn fx(&self, date: chrono::NaiveDate) -> Option<tomking::money::FxRate> {
        tape().fx(date)
    }
    fn events(
        &self,
        kind: tomking::market::EventKind,
        date: chrono::NaiveDate,
    ) -> tomking::market::EventDay {
        tape().events(kind, date)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_listed_series_can_be_quoted_and_marked(
        index in 0..Product::ALL.len(),
        day in 0_u64..7500,
        minute in 0_i64..1440,
    ) {
        let product = Product::ALL[index];
        let calendar = Calendar::default();
        let day = date("2005-01-10") + chrono::Days::new(day);
        let session = calendar.next_session(Exchange::Xnys, day).unwrap();
        let clock = Hands::at("2026-03-10T13:40:00Z");
        clock.set_to(session.open + chrono::TimeDelta::minutes(minute));
        let market = market(Shared, &clock);
        for series in now(market.series(product, 150)).unwrap() {
            let price = now(market.underlying(product, Some(&series))).unwrap();
            prop_assert!(price.last > Decimal::ZERO);
            let (from, to) = (price.last * dec!(0.99), price.last * dec!(1.02));
            let chain = now(market.chain(&series, from, to)).unwrap();
            for quote in chain.quotes {
                let crossed = quote.bid > quote.ask;
                prop_assert!(quote.ask > Decimal::ZERO || crossed);
                prop_assert!(quote.bid >= Decimal::ZERO && quote.delta.abs() <= 1.0);
                let mark = now(market.mark(&Instrument::Option(quote.contract.clone()))).unwrap();
                prop_assert_eq!(mark, quote.mid());
            }
        }
    }
}
