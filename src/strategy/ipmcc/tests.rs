//! IPMCC, clause by clause of rulebook §4.4.

use std::sync::Arc;

use rust_decimal::dec;

use super::{strike::Trend, *};
use crate::{
    account::{Effect, ExitReason, NetPrice, Position, Side},
    instrument::{Instrument, OptionContract, Right},
    market::{OptionQuote, UnderlyingQuote},
    strategy::{
        Candidate, Ladder,
        far_fixture::{chain, filled, product_data, quote, seen_at, snapshot_of, underlying},
        friday_0dte::fixture::{at, friday, rulebook},
        ladder::Urgency,
        manage::ExitAction,
    },
};

const LAST: Decimal = dec!(500);
const VOL: f64 = 0.17;

/// SPY at a price, with a series a week and one a year ahead; its closes were all at 500.
fn spy(last: Decimal, vol: f64) -> ProductData {
    let far = chain(Product::Spy, last, 371, (dec!(60), dec!(1), dec!(5)), vol);
    let near = chain(Product::Spy, last, 7, (dec!(4), dec!(1), dec!(1)), vol);
    ProductData {
        bars: crate::strategy::friday_0dte::fixture::bars(LAST, dec!(5)),
        ..product_data(Product::Spy, last, vec![far, near])
    }
}

fn with(last: Decimal, vol: f64, change: impl FnOnce(&mut Snapshot)) -> Decision {
    let mut snapshot = snapshot_of(Product::Spy, spy(last, vol));
    Arc::make_mut(&mut snapshot.rulebook).ipmcc.products = vec![Product::Spy];
    change(&mut snapshot);
    Ipmcc.decide(&snapshot)
}

fn failed(decision: &Decision) -> Vec<&str> {
    decision.filters.iter().filter(|f| !f.passed).map(|f| f.name.as_str()).collect()
}

fn contract(candidate: &Candidate, leg: usize) -> &OptionContract {
    match &candidate.legs[leg].instrument {
        Instrument::Option(contract) => contract,
        other => panic!("{other:?}"),
    }
}

fn days(contract: &OptionContract) -> i64 {
    (contract.series.expiration - friday().date).num_days()
}

#[test]
fn the_long_call_and_the_weeks_call_are_one_order() {
    let decision = with(LAST, VOL, |_| {});
    assert_eq!(failed(&decision), Vec::<&str>::new());
    let [order] = &decision.candidates[..] else { panic!("{decision:#?}") };
    let legs: Vec<_> = order.legs.iter().map(|leg| (leg.side, leg.effect, leg.ratio)).collect();
    assert_eq!(legs, [(Side::Buy, Effect::Open, 1), (Side::Sell, Effect::Open, 1)]);
    assert_eq!((days(contract(order, 0)), days(contract(order, 1))), (371, 7));
    assert!((0.80..=0.90).contains(&order.quotes[0].delta));
    assert_eq!(contract(order, 1).strike, dec!(500), "flat: at the money");
    assert!(order.mid.0 < dec!(0), "a debit");
    // 30 % of the debit times 1.5, for limit 8.
    assert_eq!(order.max_loss_usd.0, -order.mid.0 * dec!(0.45) * dec!(100));
    assert_eq!((order.units, order.minimum), (1, order.natural));
}

#[test]
fn the_long_call_is_raised_until_its_extrinsic_value_is_small() {
    // At a low volatility the first call of 80 deltas will do; at a higher one a deeper one is
    // taken, and at a very high one none up to 90 deltas is cheap enough.
    let delta = |vol| with(LAST, vol, |_| {}).candidates.first().map(|c| c.quotes[0].delta);
    let (low, high) = (delta(0.10).unwrap(), delta(0.17).unwrap());
    assert!((0.80..0.85).contains(&low), "{low}");
    assert!(high > 0.80 && high <= 0.90, "{high}");
    let dear = with(LAST, 0.60, |_| {});
    assert_eq!(dear.candidates, []);
    assert!(failed(&dear).contains(&"spy.long.extrinsic"));
}

#[test]
fn the_call_sold_is_never_out_of_the_money_and_deeper_when_the_price_runs_or_falls() {
    let rules = rulebook().ipmcc.strike;
    // fast, slow, price: strikes in the money
    let cases = [
        (dec!(101), dec!(100), dec!(101), 0),    // rising
        (dec!(100), dec!(100), dec!(101), 0),    // flat
        (dec!(100.1), dec!(100), dec!(100), 0),  // 0.1 % apart is flat
        (dec!(99.9), dec!(100), dec!(90), 0),    // also below
        (dec!(99.8), dec!(100), dec!(99.8), 1),  // below
        (dec!(99.8), dec!(100), dec!(99.7), 2),  // and falling
        (dec!(101), dec!(100), dec!(103.02), 0), // 2 % above the fast one exactly
        (dec!(101), dec!(100), dec!(103.03), 2),
        (dec!(98), dec!(100), dec!(100), 2), // above 2 %, though below the slow one
        (dec!(101), dec!(100), dec!(104.03), 2), // 3 % exactly
        (dec!(101), dec!(100), dec!(104.04), 3),
    ];
    for (fast, slow, price, depth) in cases {
        let found = Trend { fast, slow, price }.depth(&rules).0;
        assert_eq!(found, depth, "EMA8 {fast}, EMA21 {slow}, price {price}");
    }
    // The closes were at 500: the same from the chain, at prices between the strikes.
    for (last, strike) in [
        (dec!(500.90), dec!(500)),
        (dec!(510.00), dec!(510)),
        (dec!(510.20), dec!(508)), // 2.04 % above: two strikes in the money
        (dec!(515.50), dec!(512)), // 3.1 %: three
    ] {
        let decision = with(last, VOL, |_| {});
        let sold = contract(&decision.candidates[0], 1).strike;
        assert_eq!(sold, strike, "{last}");
        assert!(sold <= last);
    }
}

#[test]
fn each_filter_stops_the_entry_alone_and_all_are_written_down() {
    type Change = fn(&mut Snapshot);
    let whole = with(LAST, VOL, |_| {}).filters.len();
    let data = |s: &mut Snapshot| s.products.remove(&Product::Spy).unwrap();
    let put = |s: &mut Snapshot, data: ProductData| drop(s.products.insert(Product::Spy, data));
    let cases: [(Change, &str); 4] = [
        (|s| Arc::make_mut(&mut s.rulebook).ipmcc.enabled = false, "enabled"),
        (|s| s.now = at("09:34:59"), "window"),
        (|s| s.now = at("15:45:01"), "window"),
        (|s| s.vix = None, "vix"),
    ];
    for (change, name) in cases {
        let decision = with(LAST, VOL, change);
        assert!(failed(&decision).contains(&name), "{name}: {:?}", failed(&decision));
        assert_eq!(decision.candidates, [], "{name}");
        let seen = name == "window" || decision.filters.len() >= whole - 1;
        assert!(seen, "{name}: {} filters", decision.filters.len());
    }
    let no_bars = with(LAST, VOL, |s| {
        let bars = ProductData { bars: Vec::new(), ..data(s) };
        put(s, bars);
    });
    assert_eq!(failed(&no_bars), ["spy.bars"]);
    let wide = with(LAST, VOL, |s| {
        let mut wide = data(s);
        wide.chains[1].chain.quotes.iter_mut().for_each(|quote| quote.ask += dec!(3));
        put(s, wide);
    });
    assert_eq!(failed(&wide), ["spy.short.spread"]);
    let no_week = with(LAST, VOL, |s| {
        let mut only = data(s);
        only.series.pop();
        put(s, only);
    });
    assert_eq!(failed(&no_week), ["spy.short.series"]);
}

/// A position as entered: the long call at 95, the week's call at 6 with SPY at 500.
struct Held {
    rulebook: Rulebook,
    session: Session,
    position: Position,
    quotes: Vec<OptionQuote>,
    underlying: UnderlyingQuote,
    memory: ExitMemory,
}

impl Held {
    fn new(week_days: u64, long_days: u64) -> Self {
        let candidate = with(LAST, VOL, |_| {}).candidates.swap_remove(0);
        let long = quote(Product::Spy, LAST, (long_days, dec!(420), Right::Call), VOL);
        let short = quote(Product::Spy, LAST, (week_days, dec!(500), Right::Call), VOL);
        let mut position = filled(&candidate);
        for (leg, quote) in position.legs.iter_mut().zip([&long, &short]) {
            leg.instrument = Instrument::Option(quote.contract.clone());
            leg.open_price = quote.mid();
        }
        position.legs[1].open_price = dec!(6);
        Self {
            rulebook: rulebook(),
            session: friday(),
            position,
            quotes: vec![long, short],
            underlying: underlying(Product::Spy, LAST),
            memory: ExitMemory::default(),
        }
    }

    fn watched(&self, clock: &str) -> Watched<'_> {
        Watched {
            rulebook: &self.rulebook,
            session: &self.session,
            position: &self.position,
            quotes: &self.quotes,
            underlying: Some(&self.underlying),
            vix: None,
            tick: dec!(0.01),
            now: at(clock),
        }
    }

    fn round(&mut self, clock: &str) -> Vec<ExitAction> {
        self.quotes = seen_at(&self.quotes, at(clock));
        let managed = Ipmcc.manage(&self.watched(clock), &self.memory);
        self.memory = managed.memory;
        managed.actions
    }

    fn priced(&mut self, leg: usize, mid: Decimal) -> &mut Self {
        (self.quotes[leg].bid, self.quotes[leg].ask) = (mid - dec!(0.02), mid + dec!(0.02));
        self
    }

    fn change(&mut self, clock: &str, last: Decimal, reason: AdjustReason) -> Decision {
        let mut data = spy(last, VOL);
        for of in &mut data.chains {
            of.chain.quotes = seen_at(&of.chain.quotes, at(clock));
            of.underlying.at = at(clock);
        }
        if let Ok(quote) = &mut data.underlying {
            quote.at = at(clock);
        }
        self.quotes = seen_at(&self.quotes, at(clock));
        Ipmcc.adjust(&self.watched(clock), &[(Product::Spy, data)].into(), reason)
    }
}

const WEEKLY: ExitAction = ExitAction::Adjust { reason: AdjustReason::Weekly };

fn close(reason: ExitReason, scope: Scope) -> ExitAction {
    ExitAction::Close { reason, scope, urgency: Urgency::Whole }
}

/// SPY at 500, 6.00 for the call at 500: all extrinsic, a tenth of it may be left.
fn rest() -> ExitAction {
    ExitAction::RestProfit { limit: NetPrice(dec!(-0.60)), scope: Scope::Sold }
}

#[test]
fn the_weeks_call_is_rolled_on_its_last_day_from_0935_and_rests_for_its_target_before() {
    let cases = [
        (0, "09:34:00", rest()),
        (0, "09:35:00", WEEKLY),
        (0, "15:59:00", WEEKLY),
        (7, "09:35:00", rest()),
    ];
    for (days, clock, wanted) in cases {
        let found = Held::new(days, 371).round(clock);
        assert_eq!(found, [wanted], "{days} days, {clock}");
    }
}

#[test]
fn a_roll_that_was_not_had_is_tried_each_quarter_of_an_hour_and_each_minute_from_1545() {
    let cases = [
        ("10:00:00", "10:14:00", false),
        ("10:00:00", "10:15:00", true),
        ("15:44:00", "15:45:00", true),
        ("15:45:30", "15:46:00", false),
    ];
    for (tried, clock, again) in cases {
        let mut held = Held::new(0, 371);
        held.memory.adjust_tried_at = Some(at(tried));
        let wanted = if again { vec![WEEKLY] } else { Vec::new() };
        assert_eq!(held.round(clock), wanted, "{tried}, {clock}");
    }
}

#[test]
fn the_roll_is_one_order_at_natural_from_1545_and_never_sells_more_than_is_held() {
    for (clock, ladder) in [("09:35:00", Ladder::Entry), ("15:45:00", Ladder::Exit)] {
        let decision = Held::new(0, 371).change(clock, LAST, AdjustReason::Weekly);
        assert_eq!(failed(&decision), Vec::<&str>::new());
        let [roll] = &decision.candidates[..] else { panic!("{decision:#?}") };
        let legs: Vec<_> = roll.legs.iter().map(|leg| (leg.side, leg.effect)).collect();
        assert_eq!(legs, [(Side::Buy, Effect::Close), (Side::Sell, Effect::Open)]);
        assert_eq!((days(contract(roll, 0)), days(contract(roll, 1))), (0, 7));
        assert_eq!((roll.units, roll.ladder), (1, ladder));
    }
}

#[test]
fn after_a_buy_back_the_next_friday_sells_a_new_call_alone() {
    let mut held = Held::new(7, 371);
    held.position.legs[1].quantity = 0;
    assert_eq!(held.round("09:34:00"), []);
    assert_eq!(held.round("09:35:00"), [WEEKLY], "the fixture's day is a Friday");
    held.session.date = "2024-08-01".parse().unwrap();
    assert_eq!(held.round("11:00:00"), [], "a Thursday");
    held.session = friday();
    let decision = held.change("09:35:00", LAST, AdjustReason::Weekly);
    let legs: Vec<_> =
        decision.candidates[0].legs.iter().map(|leg| (leg.side, leg.effect)).collect();
    assert_eq!(legs, [(Side::Sell, Effect::Open)]);
    assert_eq!(decision.candidates[0].units, 1);
}

#[test]
fn in_the_money_the_call_is_bought_back_when_two_marks_show_its_extrinsic_value_earned() {
    let mut held = Held::new(3, 371);
    assert_eq!(held.round("10:30:00"), [rest()]);
    held.underlying.last = dec!(510);
    held.priced(1, dec!(10.60));
    assert_eq!(held.round("10:31:00"), [rest()], "one mark");
    assert_eq!(held.round("10:31:00"), [rest()], "the same mark again");
    let part = close(ExitReason::ProfitTarget, Scope::Sold);
    assert_eq!(held.round("10:32:00"), [part]);
    assert_eq!(held.memory.closing, None, "the long call stays");
    held.priced(1, dec!(12));
    assert_eq!(held.round("10:33:00"), [part], "once begun it goes on");
    held.position.legs[1].quantity = 0;
    held.session.date = "2024-08-01".parse().unwrap();
    assert_eq!(held.round("10:34:00"), []);
    assert_eq!((held.memory.closing_part, &held.memory.sold_call), (None, &None));
}

#[test]
fn a_risk_of_assignment_closes_the_call_sold_and_nothing_else() {
    assert_eq!(Ipmcc.at_risk(), Scope::Sold);
    let mut held = Held::new(3, 371);
    held.memory.closing_part = Some((ExitReason::AssignmentRisk, Scope::Sold));
    let part = close(ExitReason::AssignmentRisk, Scope::Sold);
    assert_eq!(held.round("10:30:00"), [part]);
}

#[test]
fn all_closes_when_two_marks_show_the_long_call_down_30_percent() {
    let mut held = Held::new(3, 371);
    let paid = held.position.legs[0].open_price;
    held.priced(0, paid * dec!(0.701));
    for clock in ["10:30:00", "10:31:00", "10:32:00"] {
        assert_eq!(held.round(clock), [rest()], "29.9 % at {clock}");
    }
    held.priced(0, paid * dec!(0.70));
    assert_eq!(held.round("10:33:00"), [rest()]);
    assert_eq!(held.round("10:34:00"), [close(ExitReason::LeapLoss, Scope::All)]);
}

#[test]
fn the_long_call_is_rolled_below_90_days_in_one_order() {
    let roll = ExitAction::Adjust { reason: AdjustReason::Roll };
    for (days, wanted) in [(90, rest()), (89, roll)] {
        assert_eq!(Held::new(5, days).round("10:30:00"), [wanted], "{days} days");
    }
    for (days, ladder) in [(89, Ladder::Entry), (80, Ladder::Entry), (79, Ladder::Exit)] {
        let decision = Held::new(5, days).change("10:30:00", LAST, AdjustReason::Roll);
        assert_eq!(failed(&decision), Vec::<&str>::new());
        let roll = &decision.candidates[0];
        let legs: Vec<_> = roll.legs.iter().map(|leg| (leg.side, leg.effect)).collect();
        assert_eq!(legs, [(Side::Sell, Effect::Close), (Side::Buy, Effect::Open)]);
        assert_eq!(roll.ladder, ladder, "{days} days");
    }
}

#[test]
fn the_calls_go_back_to_fridays_whatever_the_holidays() {
    let rules = rulebook().ipmcc;
    // Friday; the Thursday before Good Friday 2024; the Monday after it; a Wednesday.
    let cases = [("2024-08-02", 7), ("2024-03-28", 8), ("2024-04-01", 4), ("2024-08-07", 9)];
    for (date, wanted) in cases {
        let Pick::Nearest { target, .. } = weekly_pick(&rules, date.parse().unwrap()) else {
            panic!("nearest")
        };
        assert_eq!(target, wanted, "{date}");
    }
}
