//! The diagonal, clause by clause of rulebook §4.6.

use std::sync::Arc;

use rust_decimal::{Decimal, dec};

use super::*;
use crate::{
    account::{ExitReason, NetPrice, Position, Side},
    instrument::{Instrument, Right},
    market::{OptionQuote, VixQuote},
    strategy::{
        closing::Scope,
        far_fixture::{chain, filled, product_data, quote, seen_at, snapshot_of},
        friday_0dte::fixture::{at, friday, rulebook, vix},
        ladder::Urgency,
        manage::ExitAction,
    },
};

const LAST: Decimal = dec!(540);
const VOL: f64 = 0.13;

fn with(change: impl FnOnce(&mut Snapshot)) -> Decision {
    let step = (dec!(15), dec!(2), dec!(1));
    let chains = [59, 28].map(|days| chain(Product::Xsp, LAST, days, step, VOL));
    let mut snapshot = snapshot_of(Product::Xsp, product_data(Product::Xsp, LAST, chains.into()));
    Arc::make_mut(&mut snapshot.rulebook).diagonal.products = vec![Product::Xsp];
    snapshot.vix = Some(vix(dec!(13)));
    change(&mut snapshot);
    Diagonal.decide(&snapshot)
}

fn failed(decision: &Decision) -> Vec<&str> {
    decision.filters.iter().filter(|f| !f.passed).map(|f| f.name.as_str()).collect()
}

#[test]
fn a_put_is_bought_two_months_ahead_and_a_lower_one_sold_a_month_ahead() {
    let decision = with(|_| {});
    assert_eq!(failed(&decision), Vec::<&str>::new());
    let order = &decision.candidates[0];
    let leg = |leg: &crate::account::Leg| match &leg.instrument {
        Instrument::Option(contract) => {
            let days = (contract.series.expiration - friday().date).num_days();
            (leg.side, contract.right, days)
        }
        other => panic!("{other:?}"),
    };
    let legs: Vec<_> = order.legs.iter().map(leg).collect();
    assert_eq!(legs, [(Side::Buy, Right::Put, 59), (Side::Sell, Right::Put, 28)]);
    assert!((-0.50..=-0.40).contains(&order.quotes[0].delta));
    assert!((-0.35..=-0.25).contains(&order.quotes[1].delta));
    assert!(order.mid.0 < dec!(0), "a debit");
    assert_eq!(order.max_loss_usd.0, -order.mid.0 * dec!(100), "the most it can lose");
}

#[test]
fn only_below_vix_15_and_every_filter_is_written_down_all_the_same() {
    let whole = with(|_| {}).filters.len();
    for (level, trades) in [(dec!(14.99), true), (dec!(15), false), (dec!(30), false)] {
        let decision = with(|snapshot| snapshot.vix = Some(vix(level)));
        assert_eq!(decision.candidates.len(), usize::from(trades), "VIX {level}");
        assert_eq!(decision.filters.len(), whole, "VIX {level}");
    }
}

#[test]
fn each_filter_stops_the_entry_alone() {
    type Change = fn(&mut Snapshot);
    let cases: [(Change, &str); 4] = [
        (|s| Arc::make_mut(&mut s.rulebook).diagonal.enabled = false, "enabled"),
        (|s| s.now = at("09:59:59"), "window"),
        (|s| Arc::make_mut(&mut s.rulebook).diagonal.near_days.from = 29, "xsp.near.series"),
        (
            |s| {
                let data = s.products.get_mut(&Product::Xsp).unwrap();
                data.chains[0].chain.quotes.iter_mut().for_each(|quote| quote.ask += dec!(5));
            },
            "xsp.far.spread",
        ),
    ];
    for (change, name) in cases {
        let decision = with(change);
        assert!(failed(&decision).contains(&name), "{name}: {:?}", failed(&decision));
        assert_eq!(decision.candidates, [], "{name}");
    }
}

/// A diagonal bought for 6.00 whose put sold has so many days left.
struct Held {
    rulebook: Rulebook,
    session: Session,
    position: Position,
    quotes: Vec<OptionQuote>,
    vix: VixQuote,
    memory: ExitMemory,
}

impl Held {
    fn new(days: u64) -> Self {
        let candidate = with(|_| {}).candidates.swap_remove(0);
        let mut position = filled(&candidate);
        let far = quote(Product::Xsp, LAST, (days + 31, dec!(535), Right::Put), VOL);
        let near = quote(Product::Xsp, LAST, (days, dec!(528), Right::Put), VOL);
        for (leg, quote) in position.legs.iter_mut().zip([&far, &near]) {
            leg.instrument = Instrument::Option(quote.contract.clone());
        }
        position.credit = dec!(-6);
        Self {
            rulebook: rulebook(),
            session: friday(),
            position,
            quotes: vec![far, near],
            vix: vix(dec!(14)),
            memory: ExitMemory::default(),
        }
    }

    fn round(&mut self, clock: &str) -> Vec<ExitAction> {
        self.quotes = seen_at(&self.quotes, at(clock));
        let watched = Watched {
            rulebook: &self.rulebook,
            session: &self.session,
            position: &self.position,
            quotes: &self.quotes,
            underlying: None,
            vix: Some(self.vix),
            tick: dec!(0.01),
            now: at(clock),
        };
        let managed = Diagonal.manage(&watched, &self.memory);
        self.memory = managed.memory;
        managed.actions
    }
}

fn close(reason: ExitReason) -> ExitAction {
    ExitAction::Close { reason, scope: Scope::All, urgency: Urgency::Whole }
}

/// 50 % on a debit of 6.00.
const REST: ExitAction = ExitAction::RestProfit { limit: NetPrice(dec!(9)), scope: Scope::All };

#[test]
fn the_sale_rests_at_half_as_much_again_as_the_debit() {
    assert_eq!(Held::new(28).round("10:30:00"), [REST]);
}

#[test]
fn it_closes_when_vix_has_stood_above_18_for_a_minute() {
    let mut held = Held::new(28);
    held.vix.level = dec!(18);
    assert_eq!(held.round("10:30:00"), [REST], "18 itself is not above");
    held.vix.level = dec!(18.01);
    assert_eq!(held.round("10:31:00"), [REST], "one print");
    held.vix.level = dec!(17);
    assert_eq!(held.round("10:32:00"), [REST], "and back");
    held.vix.level = dec!(19);
    assert_eq!(held.round("10:33:00"), [REST]);
    assert_eq!(held.round("10:34:00"), [close(ExitReason::VixAbove)]);
    held.vix.level = dec!(12);
    assert_eq!(held.round("10:35:00"), [close(ExitReason::VixAbove)], "once begun it goes on");
}

#[test]
fn it_closes_21_days_before_the_put_sold_expires() {
    for (days, wanted) in [(22, REST), (21, close(ExitReason::Dte))] {
        assert_eq!(Held::new(days).round("10:30:00"), [wanted], "{days} days");
    }
}
