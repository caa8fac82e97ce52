//! The market on a tape: what follows what, what is shown when, and quotes that agree.

use chrono::TimeDelta;
use rust_decimal::{Decimal, dec};
use tomking::{
    instrument::{Instrument, OptionContract, Product, Right, Series, Settlement},
    market::{Market, MarketError, ModelledMarket, OptionQuote, SimulatedTape, tape::Tape},
    money::to_f64,
};

use crate::support::{Hands, date, instant, july_tape, market, now, series, simulated};

/// Half past ten on an ordinary Friday.
const FRIDAY: &str = "2026-11-20T15:30:00Z";

fn option(series: &Series, strike: Decimal, right: Right) -> OptionContract {
    OptionContract { series: series.clone(), strike, right }
}

fn quote(market: &ModelledMarket<impl Tape>, contract: &OptionContract) -> OptionQuote {
    now(market.quotes(std::slice::from_ref(contract))).unwrap().remove(0)
}

fn last(market: &ModelledMarket<impl Tape>, product: Product) -> Decimal {
    now(market.underlying(product, None)).unwrap().last
}

/// The listed strike nearest to the price.
fn at_the_money(market: &ModelledMarket<impl Tape>, product: Product) -> Decimal {
    (last(market, product) / dec!(5)).round() * dec!(5)
}

#[test]
fn the_followers_follow_the_index() {
    let market = simulated(&Hands::at(FRIDAY));
    let spx = last(&market, Product::Spx);
    assert_eq!(last(&market, Product::Es), last(&market, Product::Mes));
    let basis = last(&market, Product::Es) / spx - Decimal::ONE;
    // 28 days to the third Friday of December at 3.7 %.
    assert!((basis - dec!(0.00284)).abs() < dec!(0.0001), "{basis}");
    assert_eq!(last(&market, Product::Es) % dec!(0.25), dec!(0));
    assert!((last(&market, Product::Xsp) - spx / dec!(10)).abs() <= dec!(0.005));
    assert!((last(&market, Product::Spy) - spx / dec!(10.03)).abs() <= dec!(0.005));
    let es = now(market.underlying(Product::Es, None)).unwrap();
    assert_eq!(es.future.as_deref(), Some("ESZ6"));
    assert_eq!(es.ask.unwrap() - es.bid.unwrap(), dec!(0.25));
    assert_eq!(now(market.underlying(Product::Spx, None)).unwrap().bid, None);
}

#[test]
fn the_open_is_known_from_half_past_nine_on_and_the_last_print_keeps_its_instant() {
    let clock = Hands::at("2026-11-20T14:29:59Z");
    let market = simulated(&clock);
    let shown = |product| now(market.underlying(product, None)).unwrap();
    let before = shown(Product::Spx);
    assert_eq!((before.open, before.at), (None, instant("2026-11-19T21:00:00Z")));
    assert_eq!(shown(Product::Es).open, None);
    clock.set("2026-11-20T14:30:00Z");
    let bell = shown(Product::Spx);
    assert_eq!((bell.open, bell.at), (Some(bell.last), instant("2026-11-20T14:30:00Z")));
    let future = shown(Product::Es);
    assert_eq!(future.open, Some(future.last));
    clock.set("2026-11-20T20:59:59.5Z");
    assert_eq!(shown(Product::Spx).at, instant("2026-11-20T20:59:59.5Z"));
    assert_eq!(shown(Product::Spx).open, bell.open, "the same all day");
    clock.set("2026-11-20T23:00:00Z");
    assert_eq!(shown(Product::Spx).at, instant("2026-11-20T21:00:00Z"));
    clock.set("2026-11-21T15:00:00Z");
    assert_eq!(shown(Product::Spx).open, None, "Saturday has no open");
}

#[test]
fn vix_outside_regular_hours_is_the_last_print() {
    let clock = Hands::at("2026-11-20T22:00:00Z");
    let market = simulated(&clock);
    let friday = now(market.vix()).unwrap();
    assert_eq!(friday.at, instant("2026-11-20T21:00:00Z"));
    clock.set("2026-11-23T14:00:00Z");
    assert_eq!(now(market.vix()).unwrap(), friday, "Monday before the open");
    clock.set("2026-11-23T15:00:00Z");
    let monday = now(market.vix()).unwrap();
    assert_eq!(monday.previous_close, Some(friday.level));
    assert_eq!(monday.at, instant("2026-11-23T15:00:00Z"));
}

#[test]
fn futures_trade_at_night_stand_still_when_closed_and_arrive_at_the_next_open() {
    let clock = Hands::at("2026-11-18T21:00:00Z");
    let market = simulated(&clock);
    let es = |text: &str| {
        clock.set(text);
        now(market.underlying(Product::Es, None)).unwrap()
    };
    let night: Vec<Decimal> =
        (0..8).map(|hour| es(&format!("2026-11-19T0{hour}:30:00Z")).last).collect();
    assert!(night.windows(2).filter(|pair| pair[0] != pair[1]).count() >= 6, "{night:?}");
    let halt = es("2026-11-18T22:30:00Z");
    assert_eq!(halt.at, instant("2026-11-18T22:00:00Z"), "17:00 to 18:00 New York");
    assert_eq!(es("2026-11-18T22:00:00Z").last, halt.last);
    let before = es("2026-11-19T14:29:59Z").last;
    let open = es("2026-11-19T14:30:00Z").last;
    assert!((before - open).abs() <= dec!(2), "{before} to {open}");
    assert_eq!(es("2026-11-21T12:00:00Z").at, instant("2026-11-20T22:00:00Z"), "Saturday");
}

#[test]
fn quotes_are_the_same_alone_together_and_in_the_chain() {
    let clock = Hands::at(FRIDAY);
    let market = simulated(&clock);
    let series = series(Product::Es, "2026-11-20", Settlement::Pm);
    let centre = at_the_money(&market, Product::Es);
    let chain = now(market.chain(&series, centre - dec!(200), centre + dec!(200))).unwrap();
    assert_eq!(chain.quotes.len(), 81 * 2);
    assert!(chain.quotes.is_sorted_by_key(|q| q.contract.strike));
    assert_eq!(chain.quotes[0].contract.strike, centre - dec!(200));
    let contracts: Vec<_> = chain.quotes.iter().rev().map(|q| q.contract.clone()).collect();
    let mut together = now(market.quotes(&contracts)).unwrap();
    together.reverse();
    assert_eq!(together, chain.quotes);
    let other = simulated(&clock);
    for contract in contracts.iter().step_by(13) {
        assert_eq!(chain.quote(contract.strike, contract.right), Some(&quote(&other, contract)));
    }
    clock.set("2026-11-20T15:30:00.9Z");
    let later = quote(&market, &contracts[80]);
    let now_ = &together[contracts.len() - 81];
    assert_eq!((later.bid, later.ask), (now_.bid, now_.ask), "one price a second");
    assert_eq!(later.at, instant("2026-11-20T15:30:00.9Z"));
}

#[test]
fn a_chain_ends_where_it_is_told_and_is_bounded() {
    let market = simulated(&Hands::at(FRIDAY));
    let series = series(Product::Xsp, "2026-11-20", Settlement::Pm);
    let strikes = |from, to| {
        let chain = now(market.chain(&series, from, to)).unwrap();
        chain.quotes.iter().map(|q| q.contract.strike).step_by(2).collect::<Vec<_>>()
    };
    assert_eq!(strikes(dec!(600.2), dec!(603)), [dec!(601), dec!(602), dec!(603)]);
    assert!(strikes(dec!(603), dec!(600)).is_empty());
    assert_eq!(strikes(dec!(-5), dec!(2)), [dec!(1), dec!(2)]);
    assert!(strikes(dec!(0), dec!(1000000)).len() <= 2000);
}

/// Call less put is the discounted forward less the strike, within the width of the markets.
#[test]
fn calls_and_puts_agree() {
    for (product, days) in [(Product::Es, 0), (Product::Spx, 0), (Product::Spx, 40)] {
        let market = simulated(&Hands::at(FRIDAY));
        let listed = now(market.series(product, days)).unwrap();
        let series = listed.iter().rev().find(|s| s.settlement == Settlement::Pm).unwrap();
        let underlying = now(market.underlying(product, Some(series))).unwrap().last;
        let centre = at_the_money(&market, product);
        for away in [-150, 0, 150] {
            let strike = centre + Decimal::from(away);
            let call = quote(&market, &option(series, strike, Right::Call));
            let put = quote(&market, &option(series, strike, Right::Put));
            let apart = call.mid() - put.mid() - (underlying - strike);
            let carry = underlying * dec!(0.006);
            let width = call.spread() + put.spread();
            let bound = if days == 0 { width } else { width + carry };
            assert!(apart.abs() <= bound, "{product} {days} {away}: {apart} > {bound}");
            assert!((call.delta - put.delta - 1.0).abs() < 0.01);
            assert!((call.implied_volatility - put.implied_volatility).abs() < 1e-12);
        }
    }
}

#[test]
fn a_same_day_option_decays_to_its_intrinsic_value() {
    let clock = Hands::at(FRIDAY);
    let market = simulated(&clock);
    let series = series(Product::Spx, "2026-11-20", Settlement::Pm);
    let far = at_the_money(&market, Product::Spx) - dec!(300);
    let morning = quote(&market, &option(&series, far, Right::Put));
    clock.set("2026-11-20T20:59:00Z");
    let evening = quote(&market, &option(&series, far, Right::Put));
    assert!(evening.ask <= morning.ask && evening.bid == dec!(0));
    clock.set("2026-11-20T21:00:00Z");
    let settled = now(market.settlement(&series)).unwrap();
    let strike = (settled / dec!(5)).floor() * dec!(5) - dec!(100);
    let call = quote(&market, &option(&series, strike, Right::Call));
    assert!((call.mid() - (settled - strike)).abs() <= call.spread(), "{call:?}");
    assert!((call.delta - 1.0).abs() < 1e-12);
    assert_eq!(quote(&market, &option(&series, strike, Right::Put)).bid, dec!(0));
}

#[test]
fn a_half_day_spends_its_variance_by_one() {
    let clock = Hands::at("2026-11-27T17:59:30Z");
    let market = simulated(&clock);
    let series = series(Product::Es, "2026-11-27", Settlement::Pm);
    let strike = at_the_money(&market, Product::Es);
    let straddle = |market: &ModelledMarket<SimulatedTape>| {
        [Right::Call, Right::Put]
            .iter()
            .map(|r| quote(market, &option(&series, strike, *r)).mid())
            .sum::<Decimal>()
    };
    let end = straddle(&market);
    assert!(end < dec!(15), "half a minute before the close: {end}");
    clock.set("2026-11-27T15:30:00Z");
    let strike_then = at_the_money(&market, Product::Es);
    let call = quote(&market, &option(&series, strike_then, Right::Call));
    assert!(call.mid() > dec!(8), "two and a half hours before: {}", call.mid());
}

#[test]
fn a_chain_does_not_jump_over_the_night_before_its_day() {
    let clock = Hands::at("2026-11-19T20:59:00Z");
    let market = simulated(&clock);
    let series = series(Product::Es, "2026-11-20", Settlement::Pm);
    let total = |text: &str| {
        clock.set(text);
        let strike = at_the_money(&market, Product::Es);
        let vol = quote(&market, &option(&series, strike, Right::Call)).implied_volatility;
        let years = (instant("2026-11-20T21:00:00Z") - instant(text)).num_seconds() as f64
            / 86_400.0
            / 365.0;
        let vix = to_f64(now(market.vix()).unwrap().level) / 100.0;
        vol * vol * years / (vix * vix) * 252.0
    };
    // In trading days of VIX: a night and a session, then the session alone.
    assert!((total("2026-11-19T20:59:00Z") - 1.0).abs() < 0.02);
    assert!((total("2026-11-20T14:29:00Z") - 0.75).abs() < 0.02);
    assert!((total("2026-11-20T14:30:00Z") - 0.75).abs() < 0.01);
    assert!((total("2026-11-20T17:45:00Z") - 0.375).abs() < 0.01);
}

#[test]
fn settlement_is_the_close_for_pm_and_the_open_for_am_and_not_known_before() {
    let clock = Hands::at("2024-07-12T19:59:59Z");
    let market = market(july_tape(), &clock);
    let settle =
        |product, settlement| now(market.settlement(&series(product, "2024-07-12", settlement)));
    let early = settle(Product::Spx, Settlement::Pm);
    assert!(matches!(early, Err(MarketError::NoPrice { .. })), "{early:?}");
    clock.set("2024-07-12T20:00:00Z");
    assert_eq!(settle(Product::Spx, Settlement::Pm), Ok(dec!(4151.18)));
    assert_eq!(settle(Product::Xsp, Settlement::Pm), Ok(dec!(415.12)));
    let es = settle(Product::Es, Settlement::Pm).unwrap();
    // 70 days and a bit to 20 September at 3.7 %: 4151.18 × e^0.00708 = 4180.66.
    assert_eq!(es, dec!(4180.75));
    let none = Series {
        expiration: date("2024-07-04"),
        ..series(Product::Spx, "2024-07-12", Settlement::Pm)
    };
    assert!(matches!(now(market.settlement(&none)), Err(MarketError::NoSeries { .. })));
}

#[test]
fn a_quarterly_friday_has_two_series_on_two_futures() {
    let clock = Hands::at("2026-12-18T15:30:00Z");
    let market = simulated(&clock);
    let listed = now(market.series(Product::Es, 0)).unwrap();
    let future = |settlement| {
        let series = listed.iter().find(|s| s.settlement == settlement).unwrap();
        (now(market.underlying(Product::Es, Some(series))).unwrap(), series)
    };
    let ((am, _), (pm, pm_series)) = (future(Settlement::Am), future(Settlement::Pm));
    assert_eq!(am.future.as_deref(), Some("ESZ6"));
    assert_eq!(pm.future.as_deref(), Some("ESH7"));
    let spx = last(&market, Product::Spx);
    assert!((am.last - spx).abs() <= dec!(0.25), "expired at the open: the index itself");
    assert!(pm.last > spx && pm.open.unwrap() > am.open.unwrap());
    // The PM option prices off the next future.
    let strike = (pm.last / dec!(5)).round() * dec!(5);
    let call = quote(&market, &option(pm_series, strike, Right::Call));
    assert!((call.delta - 0.5).abs() < 0.06, "{}", call.delta);
    clock.set("2026-12-18T21:00:00Z");
    let settled = now(market.settlement(pm_series)).unwrap();
    let close = last(&market, Product::Spx);
    assert!((settled / close - dec!(1.0092)).abs() < dec!(0.0005), "{settled} on {close}");
    let am =
        now(market.settlement(listed.iter().find(|s| s.settlement == Settlement::Am).unwrap()));
    let open = now(market.underlying(Product::Spx, None)).unwrap().open.unwrap();
    assert!((am.unwrap() - open).abs() <= dec!(0.13), "the opening print, on the future's tick");
}

#[test]
fn open_interest_is_that_of_the_morning_all_day() {
    let clock = Hands::at(FRIDAY);
    let market = simulated(&clock);
    for (product, days) in [(Product::Es, 0), (Product::Spx, 30)] {
        let series = now(market.series(product, days)).unwrap().pop().unwrap();
        let strike = at_the_money(&market, product) - dec!(50);
        let contract = option(&series, strike, Right::Put);
        let at = |text: &str| {
            clock.set(text);
            quote(&market, &contract).open_interest
        };
        let morning = at("2026-11-20T14:30:00Z");
        assert!(morning >= 100, "{product}: {morning}");
        for time in ["14:31:07", "16:00:00", "20:59:59", "23:00:00"] {
            assert_eq!(at(&format!("2026-11-20T{time}Z")), morning, "{product} {time}");
        }
        assert_ne!(at("2026-11-23T15:00:00Z"), morning, "another session");
        clock.set(FRIDAY);
    }
}

#[test]
fn marks_are_mids_and_last_trades() {
    let market = simulated(&Hands::at(FRIDAY));
    let series = series(Product::Es, "2026-11-20", Settlement::Pm);
    let contract = option(&series, at_the_money(&market, Product::Es), Right::Put);
    let mid = quote(&market, &contract).mid();
    assert_eq!(now(market.mark(&Instrument::Option(contract))), Ok(mid));
    let code = |code: &str| Instrument::Future { product: Product::Es, code: code.to_owned() };
    assert_eq!(now(market.mark(&code("ESZ6"))), Ok(last(&market, Product::Es)));
    assert!(now(market.mark(&code("ESH7"))).unwrap() > last(&market, Product::Es));
    assert!(matches!(now(market.mark(&code("ESX6"))), Err(MarketError::NoPrice { .. })));
    let shares = Instrument::Shares { product: Product::Tlt };
    assert_eq!(now(market.mark(&shares)), Ok(last(&market, Product::Tlt)));
}

#[test]
fn bars_of_the_followers_are_those_of_the_index() {
    let market = simulated(&Hands::at(FRIDAY));
    let bars = |product| now(market.daily_bars(product, date("2026-11-20"), 20)).unwrap();
    let index = bars(Product::Spx);
    assert_eq!(index.len(), 20);
    assert_eq!(index.last().unwrap().date, date("2026-11-19"));
    for product in [Product::Es, Product::Mes, Product::Xsp, Product::Spy] {
        assert_eq!(bars(product), index, "{product}");
    }
    assert_ne!(bars(Product::Tlt), index);
}

#[test]
fn before_the_first_recorded_session_there_is_no_price() {
    let market = market(july_tape(), &Hands::at("2024-06-21T15:00:00Z"));
    let found = now(market.underlying(Product::Es, None));
    assert!(matches!(found, Err(MarketError::NoPrice { .. })), "{found:?}");
    assert_eq!(now(market.vix()), Err(MarketError::NoVix));
}

#[test]
fn a_year_of_minutes_is_asked_for_in_a_moment() {
    // A guard against something quadratic, not a benchmark: 20 sessions of minutes, unoptimised.
    let clock = Hands::at("2026-11-02T14:30:00Z");
    let market = simulated(&clock);
    let series = series(Product::Es, "2026-11-30", Settlement::Pm);
    let started = tomking::clock::Stopwatch::start();
    let strike = at_the_money(&market, Product::Es);
    let legs: Vec<_> = [-60, -30, 30, 60]
        .map(|away| option(&series, strike + Decimal::from(away), Right::Put))
        .into();
    for day in 0..28 {
        for minute in 0..390 {
            let at = instant("2026-11-02T14:30:00Z") + TimeDelta::days(day);
            clock.set_to(at + TimeDelta::minutes(minute));
            now(market.vix()).unwrap();
            now(market.quotes(&legs)).unwrap();
        }
    }
    let elapsed = started.elapsed();
    println!("{elapsed:?} for {} snapshots of four legs", 28 * 390);
    assert!(elapsed.as_secs() < 30, "{elapsed:?}");
}
