//! Intents and positions as sums of fills, under every order of partial fills, repeats and
//! cancels.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rust_decimal::{Decimal, dec};

use super::world::at;
use crate::{
    account::{
        BrokerOrderId, Effect, ExitReason, Fill, IntentId, Leg, NetPrice, PositionId, Side,
        StrategyId,
    },
    broker::{BrokerOrder, OrderStatus},
    calendar::Calendar,
    desk::{
        book,
        intent::{IntentRecord, IntentState, remainder},
    },
    instrument::{Instrument, OptionContract, Product, Right, Settlement, expiration},
    money::Usd,
    strategy::{Intent, Ladder, Purpose},
};

fn legs() -> Vec<Leg> {
    let date = at("10:30:00").date_naive();
    let listed = expiration::listed(&Calendar::default(), Product::Es, date, 0);
    let series = listed.into_iter().find(|s| s.settlement == Settlement::Pm).unwrap();
    let leg = |strike: i64, right, side| Leg {
        instrument: Instrument::Option(OptionContract {
            series: series.clone(),
            strike: Decimal::from(strike),
            right,
        }),
        side,
        ratio: 1,
        effect: Effect::Open,
    };
    vec![
        leg(5300, Right::Put, Side::Sell),
        leg(5270, Right::Put, Side::Buy),
        leg(5500, Right::Call, Side::Sell),
        leg(5530, Right::Call, Side::Buy),
    ]
}

fn intent(units: u32) -> Intent {
    Intent {
        id: IntentId("zdte-20240802-1".to_owned()),
        strategy: StrategyId::Friday0dte,
        product: Product::Es,
        purpose: Purpose::Entry,
        slot: at("10:30:00"),
        legs: legs(),
        units,
        ladder: Ladder::Entry,
        limit: NetPrice(dec!(2)),
        tick: dec!(0.05),
        width: Some(dec!(30)),
        max_loss_usd: Usd(dec!(1000)),
        requirement_usd: Usd(dec!(1500)),
    }
}

fn fill(id: usize, leg: &Leg, quantity: u32, cents: i64) -> Fill {
    Fill {
        id: format!("fill-{id}"),
        instrument: leg.instrument.clone(),
        side: leg.side,
        quantity,
        price: Decimal::new(cents, 2),
        fees: Usd(dec!(0.87)),
        at: at("10:30:05"),
    }
}

fn told(attempt: u32, status: OrderStatus, record: &IntentRecord, fills: Vec<Fill>) -> BrokerOrder {
    BrokerOrder {
        id: BrokerOrderId(format!("broker-{attempt}")),
        external_id: Some(format!("{}/{attempt}", record.id())),
        status,
        legs: record.intent.legs.clone(),
        units: record.intent.units,
        limit: NetPrice(dec!(3)),
        fills,
        reject_reason: None,
        updated_at: at("10:30:05"),
    }
}

/// A plan of sends: of each, how many units fill (by leg, perhaps unevenly) and how it ends.
fn plans() -> impl Strategy<Value = (u32, Vec<([u32; 4], bool)>)> {
    let send = (proptest::array::uniform4(0_u32..4), any::<bool>());
    (1_u32..6, proptest::collection::vec(send, 1..8))
}

proptest! {
    #[test]
    fn a_position_is_the_sum_of_its_fills_whatever_order_they_come_in(
        (units, sends) in plans(),
        prices in proptest::collection::vec(5_i64..900, 64),
    ) {
        let mut record = IntentRecord::new(intent(units), IntentState::Approved, at("10:30:00"));
        let mut position = None;
        let mut all: Vec<Fill> = Vec::new();
        for (wanted, repeat) in sends {
            let Some(attempt) = record.begin_attempt(NetPrice(dec!(3)), 0, at("10:30:00")) else { break };
            prop_assert!(record.begin_attempt(NetPrice(dec!(3)), 0, at("10:30:00")).is_none(), "two sends at once");
            let legs = attempt.legs.clone().unwrap_or_else(|| record.intent.legs.clone());
            let mut fills = Vec::new();
            for (leg, want) in legs.iter().zip(wanted) {
                let most = leg.ratio * attempt.units;
                if want.min(most) > 0 {
                    let id = all.len() + fills.len();
                    fills.push(fill(id, leg, want.min(most), prices[id % prices.len()]));
                }
            }
            all.extend(fills.iter().cloned());
            let live = told(attempt.number, OrderStatus::Live, &record, fills.clone());
            let ended = told(attempt.number, OrderStatus::Cancelled, &record, fills.clone());
            for order in if repeat { vec![live.clone(), live, ended.clone(), ended] } else { vec![ended] } {
                let fresh = record.apply(&order, at("10:30:06"));
                if !fresh.is_empty() {
                    position = book::apply_entry(position, &record, &fresh);
                }
            }
        }
        prop_assert_eq!(&record.fills, &all);
        let cash: Usd = all.iter().map(Fill::cash).sum();
        let mut held: BTreeMap<Instrument, i64> = BTreeMap::new();
        for fill in &all {
            *held.entry(fill.instrument.clone()).or_default() += fill.side.sign() * i64::from(fill.quantity);
        }
        for leg in &record.intent.legs {
            let quantity = held.get(&leg.instrument).copied().unwrap_or(0).unsigned_abs();
            prop_assert!(quantity <= u64::from(units), "a leg never takes more than was wanted");
        }
        let Some(mut position) = position else { return Ok(()) };
        prop_assert_eq!(position.cash_usd, cash);
        prop_assert_eq!(position.fees_usd, Usd(dec!(0.87)).times(Decimal::from(all.len())));
        for leg in &position.legs {
            prop_assert_eq!(leg.quantity, held[&leg.instrument]);
        }
        let points = position.credit * Decimal::from(position.units) * dec!(50);
        prop_assert!((points - cash.0).abs() < dec!(0.000001), "credit {} of {}", position.credit, cash);

        // Closed leg by leg at no price: the result is the opening cash less every fee.
        let fees = position.fees_usd;
        let open = position.legs.clone();
        for (index, leg) in open.iter().enumerate() {
            let side = if leg.quantity < 0 { Side::Buy } else { Side::Sell };
            let quantity = u32::try_from(leg.quantity.unsigned_abs()).unwrap();
            let closing = Leg { instrument: leg.instrument.clone(), side, ratio: 1, effect: Effect::Close };
            let closed = book::apply_exit(
                &mut position,
                &fill(1000 + index, &closing, quantity, 0),
                ExitReason::Stop,
                None,
            );
            prop_assert_eq!(closed, index + 1 == open.len());
        }
        let closing_fees = Usd(dec!(0.87)).times(Decimal::from(open.len()));
        prop_assert_eq!(position.pnl_usd(), cash - fees - closing_fees);
        prop_assert_eq!(position.exit_reason, Some(ExitReason::Stop));
    }

    #[test]
    fn no_order_of_reports_fills_and_cancels_makes_a_leg_exceed_its_target_or_flip(
        units in 1_u32..4,
        entry in any::<bool>(),
        steps in proptest::collection::vec((0_u8..6, any::<u16>()), 1..60),
    ) {
        let mut wanted = intent(units);
        if !entry {
            let position = PositionId("zdte-20240802-1".to_owned());
            wanted.purpose = Purpose::Exit { position, reason: ExitReason::Stop };
            wanted.ladder = Ladder::Exit;
        }
        let mut record = IntentRecord::new(wanted, IntentState::Approved, at("10:30:00"));
        // What the broker has, and every answer it ever gave: each may be heard again at any time.
        let mut orders: Vec<BrokerOrder> = Vec::new();
        let mut heard: Vec<BrokerOrder> = Vec::new();
        let mut fills = 0;
        for (kind, pick) in steps {
            let pick = usize::from(pick);
            match kind {
                0 => {
                    if let Some(attempt) = record.begin_attempt(NetPrice(dec!(3)), 0, at("10:30:00")) {
                        let lack = |leg: &Leg| {
                            let had: u32 = record.fills.iter().filter(|f| f.instrument == leg.instrument && f.side == leg.side).map(|f| f.quantity).sum();
                            units * leg.ratio - had
                        };
                        for leg in record.legs_of(&attempt) {
                            prop_assert!(leg.ratio * attempt.units <= lack(leg), "more is asked than lacks");
                            prop_assert!(record.intent.legs.iter().any(|own| own.side == leg.side && own.instrument == leg.instrument));
                        }
                        let legs = record.legs_of(&attempt).to_vec();
                        let order = told(attempt.number, OrderStatus::Live, &record, Vec::new());
                        orders.push(BrokerOrder { legs, units: attempt.units, ..order });
                    }
                }
                1 | 2 if !orders.is_empty() => {
                    // The newest order fills a leg; kind 2 an older one, told late.
                    let index = if kind == 1 { orders.len() - 1 } else { pick % orders.len() };
                    let order = &mut orders[index];
                    let leg = order.legs[pick % order.legs.len()].clone();
                    let had: u32 = order.fills.iter().filter(|f| f.instrument == leg.instrument).map(|f| f.quantity).sum();
                    if had < leg.ratio * order.units {
                        order.fills.push(fill(fills, &leg, 1, 100));
                        fills += 1;
                    }
                    let asked: u32 = order.legs.iter().map(|leg| leg.ratio * order.units).sum();
                    let done: u32 = order.fills.iter().map(|f| f.quantity).sum();
                    if done == asked || pick % 7 == 0 {
                        order.status = OrderStatus::Filled;
                    }
                }
                3 if !orders.is_empty() => {
                    let order = orders.last_mut().unwrap();
                    if !order.status.is_terminal() {
                        order.status = OrderStatus::Cancelled;
                    }
                }
                4 if !orders.is_empty() => heard.push(orders[pick % orders.len()].clone()),
                _ => {}
            }
            if kind >= 4 && !heard.is_empty() {
                let mut answer = heard[pick % heard.len()].clone();
                if pick % 3 == 0 {
                    answer.fills.reverse();
                    answer.fills.extend(answer.fills.clone());
                }
                record.apply(&answer, at("10:30:06"));
                let again = record.clone();
                prop_assert!(record.apply(&answer, at("10:30:07")).is_empty(), "a repeat brings nothing");
                prop_assert_eq!(&record, &again);
            }
            let mut ids: Vec<&str> = record.fills.iter().map(|f| f.id.as_str()).collect();
            ids.sort_unstable();
            ids.dedup();
            prop_assert_eq!(ids.len(), record.fills.len(), "a fill counts once");
            for leg in &record.intent.legs {
                let of = |side| -> u32 {
                    let of_leg = record.fills.iter().filter(|f| f.instrument == leg.instrument && f.side == side);
                    of_leg.map(|f| f.quantity).sum()
                };
                prop_assert!(of(leg.side) <= units * leg.ratio, "a leg beyond its target");
                prop_assert_eq!(of(leg.side.opposite()), 0, "a leg traded the wrong way");
            }
            prop_assert_eq!(record.uneven_since.is_some(), record.laggards().is_some());
            prop_assert_eq!(record.state == IntentState::Filled, record.remainder().is_none() && record.working().is_none());
        }
    }

    #[test]
    fn the_remainder_and_the_fills_always_make_the_whole(filled in proptest::array::uniform4(0_u32..6), units in 1_u32..6) {
        let legs = legs();
        let fills: Vec<Fill> = legs
            .iter()
            .zip(filled)
            .enumerate()
            .filter(|(_, (_, quantity))| *quantity > 0)
            .map(|(id, (leg, quantity))| fill(id, leg, quantity, 100))
            .collect();
        let rest = remainder(&legs, units, &fills);
        for (leg, done) in legs.iter().zip(filled) {
            let lacking = rest.as_ref().map_or(0, |(rest, units)| {
                rest.iter().filter(|r| r.instrument == leg.instrument).map(|r| r.ratio * units).sum()
            });
            prop_assert_eq!(lacking, units.saturating_sub(done));
        }
    }
}

#[test]
fn the_state_machine_allows_what_the_design_draws_and_nothing_else() {
    use IntentState as S;
    let all = [
        S::Planned,
        S::Approved,
        S::Sending,
        S::Unknown,
        S::Live,
        S::Filled,
        S::Cancelled,
        S::Expired,
        S::Rejected,
    ];
    let allowed =
        |from: S| -> Vec<S> { all.into_iter().filter(|to| from.may_become(*to)).collect() };
    assert_eq!(allowed(S::Planned), [S::Approved, S::Sending, S::Cancelled, S::Expired]);
    assert_eq!(allowed(S::Approved), [S::Sending, S::Filled, S::Cancelled, S::Expired]);
    let at_the_broker =
        [S::Approved, S::Unknown, S::Live, S::Filled, S::Cancelled, S::Expired, S::Rejected];
    for from in [S::Sending, S::Unknown, S::Live] {
        assert_eq!(allowed(from), at_the_broker, "{from:?}");
    }
    assert_eq!(allowed(S::Filled), []);
    assert_eq!(allowed(S::Rejected), []);
}

#[test]
fn a_long_ladder_keeps_its_record_small_and_still_knows_a_late_fill() {
    let mut record = IntentRecord::new(intent(1), IntentState::Approved, at("10:30:00"));
    for _ in 0..50 {
        let attempt = record.begin_attempt(NetPrice(dec!(3)), 0, at("10:30:00")).unwrap();
        let order = told(attempt.number, OrderStatus::Cancelled, &record, Vec::new());
        record.apply(&order, at("10:30:06"));
    }
    assert_eq!((record.sends, record.attempts.len()), (50, 8));
    let fills: Vec<Fill> =
        record.intent.legs.iter().enumerate().map(|(id, leg)| fill(id, leg, 1, 100)).collect();
    let late = told(3, OrderStatus::Cancelled, &record, fills);
    assert_eq!(record.apply(&late, at("10:31:00")).len(), 4);
    assert_eq!(record.state, IntentState::Filled);
    // An order of somebody else's changes nothing.
    let foreign = BrokerOrder { external_id: Some("other/1".to_owned()), ..late };
    assert!(record.apply(&foreign, at("10:31:00")).is_empty());
}

#[test]
fn the_close_that_bought_the_last_short_back_is_what_ended_the_risk() {
    let entry = |units: u32| {
        let mut entry = IntentRecord::new(intent(units), IntentState::Filled, at("10:30:00"));
        entry.fills = legs().iter().enumerate().map(|(i, leg)| fill(i, leg, units, 200)).collect();
        entry
    };
    let close = |number: u32, bought: &[(usize, u32)], sold: &[(usize, u32)]| {
        let id = IntentId(format!("zdte-20240802-1-x{number}"));
        let wanted = Intent { id, ..intent(1) };
        let mut close = IntentRecord::new(wanted, IntentState::Filled, at("14:30:00"));
        let fills = |side, of: &[(usize, u32)]| -> Vec<Fill> {
            let leg = |index: usize| Leg { side, ..legs()[index].clone() };
            of.iter().map(|(index, quantity)| fill(*index, &leg(*index), *quantity, 5)).collect()
        };
        close.fills = fills(Side::Buy, bought);
        close.fills.extend(fills(Side::Sell, sold));
        close
    };
    let cases = [
        ("nothing was closed", 1, vec![], None),
        ("an order without a fill", 1, vec![close(1, &[], &[])], None),
        ("both shorts, the longs ran out", 1, vec![close(1, &[(0, 1), (2, 1)], &[])], Some("x1")),
        ("one short ran out", 1, vec![close(1, &[(0, 1)], &[(1, 1)])], None),
        ("one unit of two ran out", 2, vec![close(1, &[(0, 2), (2, 1)], &[])], None),
        (
            "the profit order took one unit, the stop the other",
            2,
            vec![close(1, &[(0, 1), (2, 1)], &[]), close(2, &[(0, 1), (2, 1)], &[])],
            Some("x2"),
        ),
        (
            "a long sold afterwards ended no risk",
            1,
            vec![close(1, &[(0, 1), (2, 1)], &[]), close(2, &[], &[(1, 1)])],
            Some("x1"),
        ),
    ];
    for (case, units, closes, wanted) in cases {
        let found = book::ended_risk(&entry(units), &closes).map(|close| close.id().0.clone());
        assert_eq!(found, wanted.map(|x| format!("zdte-20240802-1-{x}")), "{case}");
    }
}
