//! The ladder, clause by clause of rulebook §4.5.

use std::{collections::BTreeMap, sync::Arc};

use chrono::Days;
use rust_decimal::{Decimal, dec};

use super::*;
use crate::{
    account::{Effect, ExitReason, NetPrice, Side},
    config::Rulebook,
    instrument::Right,
    market::OptionQuote,
    strategy::{
        Candidate, Filter, Ladder,
        closing::Scope,
        far_fixture::{chain, filled, product_data, quote, seen_at, snapshot_of},
        friday_0dte::fixture::{at, friday, rulebook, vix},
        ladder::Urgency,
        manage::ExitAction,
    },
};

const LAST: Decimal = dec!(500);
const VOL: f64 = 0.20;

/// SPY at 500 with strikes of 5 points a year ahead.
fn spy(days: &[u64]) -> ProductData {
    let chains = days.iter().map(|days| chain(Product::Spy, LAST, *days, FAR, VOL));
    product_data(Product::Spy, LAST, chains.collect())
}

const FAR: (Decimal, Decimal, Decimal) = (dec!(60), dec!(0), dec!(1));

fn with(change: impl FnOnce(&mut Snapshot)) -> Decision {
    let mut snapshot = snapshot_of(Product::Spy, spy(&[322, 367, 413]));
    change(&mut snapshot);
    LeapLadder.decide(&snapshot)
}

fn failed(decision: &Decision) -> Vec<&str> {
    decision.filters.iter().filter(|f| !f.passed).map(|f| f.name.as_str()).collect()
}

fn filter<'a>(decision: &'a Decision, name: &str) -> &'a Filter {
    let named = decision.filters.iter().find(|filter| filter.name == name);
    named.unwrap_or_else(|| panic!("no filter {name} in {:#?}", decision.filters))
}

fn rung_of(candidate: &Candidate) -> (Decimal, i64) {
    let Instrument::Option(contract) = &candidate.legs[0].instrument else { panic!("an option") };
    (contract.strike, (contract.series.expiration - friday().date).num_days())
}

#[test]
fn a_put_of_12_to_14_deltas_is_sold_a_year_ahead() {
    let decision = with(|_| {});
    assert_eq!(failed(&decision), Vec::<&str>::new());
    let [rung] = &decision.candidates[..] else { panic!("{decision:#?}") };
    assert_eq!((rung.units, rung.legs.len(), rung.width), (1, 1, None));
    assert_eq!((rung.legs[0].side, rung.legs[0].effect), (Side::Sell, Effect::Open));
    let delta = rung.quotes[0].delta;
    assert!((-0.14..=-0.12).contains(&delta), "{delta}");
    assert_eq!(rung_of(rung).1, 367);
    assert_eq!(rung.minimum, NetPrice(rung.quotes[0].bid), "never below the bid");
}

#[test]
fn vix_says_how_many_contracts_and_every_filter_is_written_down_all_the_same() {
    let cases = [(dec!(14.99), 0), (dec!(15), 1), (dec!(19.99), 1), (dec!(20), 2), (dec!(45), 2)];
    let whole = with(|_| {}).filters.len();
    for (level, contracts) in cases {
        let decision = with(|snapshot| snapshot.vix = Some(vix(level)));
        let units = decision.candidates.first().map_or(0, |rung| rung.units);
        assert_eq!(units, contracts, "VIX {level}");
        assert_eq!(decision.filters.len(), whole, "VIX {level}");
        let ladder = filter(&decision, "vix_ladder");
        assert_eq!(ladder.value, format!("{level}, {contracts} contracts"));
        assert_eq!(ladder.passed, contracts > 0);
    }
    let none = with(|snapshot| snapshot.vix = None);
    assert_eq!(none.candidates, []);
    assert!(filter(&none, "spy.put.delta").passed);
}

#[test]
fn each_filter_stops_the_rung_alone() {
    type Change = fn(&mut Snapshot);
    let quotes = |change: fn(&mut OptionQuote)| {
        let mut data = spy(&[367]);
        data.chains[0].chain.quotes.iter_mut().for_each(change);
        data
    };
    let cases: [(Change, &str); 5] = [
        (|s| Arc::make_mut(&mut s.rulebook).leap_ladder.enabled = false, "enabled"),
        (|s| s.now = at("09:59:59"), "window"),
        (|s| s.now = at("15:45:01"), "window"),
        (|s| s.products = [(Product::Spy, spy(&[299, 431]))].into(), "spy.series"),
        (
            |s| {
                let rules = &mut Arc::make_mut(&mut s.rulebook).leap_ladder;
                (rules.delta.from, rules.delta.to) = (dec!(0.98), dec!(0.99));
            },
            "spy.put.delta",
        ),
    ];
    for (change, name) in cases {
        let decision = with(change);
        assert!(failed(&decision).contains(&name), "{name}: {:?}", failed(&decision));
        assert_eq!(decision.candidates, [], "{name}");
    }
    let wide = with(|s| {
        let wide = quotes(|quote| quote.ask += dec!(2));
        s.products = [(Product::Spy, wide)].into();
    });
    assert_eq!(failed(&wide), ["spy.put.spread"]);
    let old = with(|s| {
        let old = quotes(|quote| quote.at -= chrono::TimeDelta::seconds(61));
        s.products = [(Product::Spy, old)].into();
    });
    assert_eq!(failed(&old), ["spy.put.quote"]);
}

#[test]
fn each_rung_has_an_expiration_of_its_own() {
    let first = filled(&with(|_| {}).candidates[0]);
    let second = with(|snapshot| snapshot.positions = vec![first.clone()]);
    assert_eq!(rung_of(&second.candidates[0]).1, 322, "43 days below, 48 above");
    let held = [first, filled(&second.candidates[0])];
    let third = with(|snapshot| snapshot.positions = held.to_vec());
    assert_eq!(rung_of(&third.candidates[0]).1, 413);
    let full = [held.to_vec(), vec![filled(&third.candidates[0])]].concat();
    let fourth = with(|snapshot| snapshot.positions = full);
    assert_eq!(fourth.candidates, []);
    assert_eq!(failed(&fourth), ["spy.series"]);
}

/// A rung sold for 10.00 on a put with so many days left.
struct Rung {
    rulebook: Rulebook,
    position: Position,
    quotes: Vec<OptionQuote>,
    memory: ExitMemory,
    session: Session,
}

impl Rung {
    fn new(days: u64, strike: Decimal) -> Self {
        let candidate = with(|_| {}).candidates.swap_remove(0);
        let mut position = filled(&candidate);
        let held = quote(Product::Spy, LAST, (days, strike, Right::Put), VOL);
        position.legs[0].instrument = Instrument::Option(held.contract.clone());
        position.legs[0].open_price = dec!(10);
        position.credit = dec!(10);
        Self {
            rulebook: rulebook(),
            position,
            quotes: vec![held],
            memory: ExitMemory::default(),
            session: friday(),
        }
    }

    fn watched(&self, clock: &str) -> Watched<'_> {
        Watched {
            rulebook: &self.rulebook,
            session: &self.session,
            position: &self.position,
            quotes: &self.quotes,
            underlying: None,
            vix: None,
            tick: dec!(0.01),
            now: at(clock),
        }
    }

    fn round(&mut self, clock: &str) -> Vec<ExitAction> {
        self.quotes = seen_at(&self.quotes, at(clock));
        let managed = LeapLadder.manage(&self.watched(clock), &self.memory);
        self.memory = managed.memory;
        managed.actions
    }

    fn roll(&mut self, ahead: &[u64]) -> Decision {
        let seen = BTreeMap::from([(Product::Spy, spy(ahead))]);
        self.quotes = seen_at(&self.quotes, at("10:30:00"));
        LeapLadder.adjust(&self.watched("10:30:00"), &seen, AdjustReason::Roll)
    }
}

#[test]
fn a_rung_rests_for_30_percent_of_its_credit_until_it_is_rolled_at_150_days() {
    let rest = ExitAction::RestProfit { limit: NetPrice(dec!(-7)), scope: Scope::All };
    let roll = ExitAction::Adjust { reason: AdjustReason::Roll };
    let cases = [
        (151, "10:30:00", rest),
        (150, "10:30:00", roll),
        (150, "09:44:59", rest), // no marks yet
        (20, "10:30:00", roll),  // the 21-day exit is not for LEAPs
    ];
    for (days, clock, wanted) in cases {
        assert_eq!(Rung::new(days, dec!(420)).round(clock), [wanted], "{days} days, {clock}");
    }
    let mut rung = Rung::new(150, dec!(420));
    rung.memory.adjust_tried_at = Some(at("10:00:00"));
    assert_eq!(rung.round("10:59:00"), [rest], "tried within the hour");
    assert_eq!(rung.round("11:00:00"), [roll]);
    rung.memory.closing = Some(ExitReason::AssignmentRisk);
    let close = ExitAction::Close {
        reason: ExitReason::AssignmentRisk,
        scope: Scope::All,
        urgency: Urgency::Whole,
    };
    assert_eq!(rung.round("11:01:00"), [close]);
}

#[test]
fn a_loss_however_large_is_no_stop() {
    let mut rung = Rung::new(300, dec!(520));
    for clock in ["10:30:00", "10:31:00", "10:32:00"] {
        let actions = rung.round(clock);
        assert!(matches!(actions[..], [ExitAction::RestProfit { .. }]), "{actions:?}");
    }
    assert_eq!(rung.memory.closing, None);
}

#[test]
fn a_roll_is_one_order_a_year_ahead_for_a_credit() {
    let mut rung = Rung::new(150, dec!(400));
    let decision = rung.roll(&[367]);
    assert_eq!(failed(&decision), Vec::<&str>::new());
    let [roll] = &decision.candidates[..] else { panic!("{decision:#?}") };
    let legs: Vec<_> = roll.legs.iter().map(|leg| (leg.side, leg.effect)).collect();
    assert_eq!(legs, [(Side::Buy, Effect::Close), (Side::Sell, Effect::Open)]);
    assert_eq!((roll.units, roll.ladder, roll.minimum), (1, Ladder::Entry, NetPrice(dec!(0.01))));
    assert!(roll.mid.0 > dec!(0));
    let Instrument::Option(new) = &roll.legs[1].instrument else { panic!("an option") };
    assert_eq!(new.series.expiration, friday().date + Days::new(367));
}

#[test]
fn a_roll_that_would_cost_money_is_left_and_said_so() {
    let mut tested = Rung::new(150, dec!(480));
    let decision = tested.roll(&[367]);
    assert_eq!(failed(&decision), ["roll.price"]);
    assert_eq!(decision.candidates, []);
    // With a debit allowed up to the credit taken it goes.
    tested.rulebook.leap_ladder.roll_debit_percent = dec!(100);
    let decision = tested.roll(&[367]);
    assert_eq!(failed(&decision), Vec::<&str>::new());
    assert_eq!(decision.candidates[0].minimum, NetPrice(dec!(-10)));
}

#[test]
fn a_roll_that_was_not_had_in_five_days_goes_at_natural() {
    let cases = [(150, Ladder::Entry), (146, Ladder::Entry), (145, Ladder::Exit)];
    for (days, ladder) in cases {
        let decision = Rung::new(days, dec!(380)).roll(&[367]);
        assert_eq!(decision.candidates[0].ladder, ladder, "{days} days");
    }
}
