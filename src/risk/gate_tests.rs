//! The gate, limit by limit of rulebook §5, each on both sides of its bound.

use std::sync::{Arc, LazyLock};

use chrono::{Days, TimeDelta};
use proptest::prelude::*;
use rust_decimal::{Decimal, dec};

use super::{
    BuyingPower, BuyingPowerSource, Figure, Refusal, buying_power::utilisation, capital::capital,
    gate, loss_warning,
};
use crate::{
    account::{
        IntentId, NetPrice, Position, StrategyId,
        hold::{Hold, Level},
    },
    config::{Rulebook, rulebook::CrisisMode},
    instrument::{Instrument, Product, Right},
    market::{EventDay, EventKind, MacroEvent, MarketError},
    money::{FxRate, Usd},
    strategy::{
        CALL_SPREAD, Candidate, Intent, Ladder, PUT_SPREAD, Purpose, Snapshot,
        friday_0dte::fixture::*,
    },
};

#[path = "gate_book_tests.rs"]
mod book;
#[path = "gate_figures_tests.rs"]
mod figures;

/// One order before the gate.
#[derive(Clone)]
struct Case {
    snapshot: Snapshot,
    candidate: Candidate,
    power: BuyingPower,
}

impl Case {
    fn new() -> Self {
        static FAIR: LazyLock<Case> = LazyLock::new(|| {
            let power = BuyingPower {
                requirement_usd: Usd(dec!(1200)),
                round_trip_fees_usd: Usd(dec!(20)),
                source: BuyingPowerSource::Model,
            };
            Case { snapshot: snapshot(), candidate: candidate(), power }
        });
        FAIR.clone()
    }

    fn rules(&mut self) -> &mut Rulebook {
        Arc::make_mut(&mut self.snapshot.rulebook)
    }

    /// The stable name of the limit that refused; `None` when approved.
    fn limit(&self) -> Option<String> {
        self.refusal().map(|why| why.row().limit)
    }

    fn refusal(&self) -> Option<Refusal> {
        gate(&self.snapshot, &self.candidate, &self.power, id()).err().map(|refused| refused.why)
    }
}

fn id() -> IntentId {
    IntentId("zdte-20240802-1".to_owned())
}

fn changed(change: impl FnOnce(&mut Case)) -> Option<String> {
    let mut case = Case::new();
    change(&mut case);
    case.limit()
}

#[allow(clippy::unnecessary_wraps)] // stands beside `None` in the cases
fn refused(limit: &str) -> Option<String> {
    Some(limit.to_owned())
}

/// Sets net liquidation in pounds, at the fixture's rate.
fn worth(case: &mut Case, gbp: Decimal) {
    case.snapshot.balances.as_mut().unwrap().net_liquidation_usd = Usd(gbp * dec!(1.28));
}

fn entry_intent(case: &Case, id: &str) -> Intent {
    let approved = gate(&case.snapshot, &case.candidate, &case.power, IntentId(id.to_owned()));
    approved.unwrap().into_inner()
}

fn open_position(id: &str) -> Position {
    let mut position = position(&candidate(), dec!(6));
    position.id.0 = id.to_owned();
    position
}

#[test]
fn an_approved_candidate_becomes_the_intent_the_desk_works() {
    let case = Case::new();
    let intent = gate(&case.snapshot, &case.candidate, &case.power, id()).unwrap().into_inner();
    let wanted = Intent {
        id: id(),
        strategy: StrategyId::Friday0dte,
        product: Product::Es,
        purpose: Purpose::Entry,
        slot: at("10:30:00"),
        legs: case.candidate.legs.clone(),
        units: 1,
        ladder: Ladder::Entry,
        limit: NetPrice(dec!(2)),
        tick: dec!(0.05),
        width: Some(dec!(30)),
        max_loss_usd: case.candidate.max_loss_usd,
        requirement_usd: Usd(dec!(1200)),
    };
    assert_eq!(intent, wanted);
}

#[test]
fn limit_1_the_desk_and_the_account_must_be_free() {
    let hold = |level| Hold {
        name: "operator".to_owned(),
        level,
        cause: "asked by the owner".to_owned(),
        since: at("10:00:00"),
        until: None,
    };
    for level in [Level::Reducing, Level::Flattening, Level::Halted] {
        let limit = changed(|c| c.snapshot.holds = vec![hold(Level::Active), hold(level)]);
        assert_eq!(limit, refused("latch"), "{level:?}");
    }
    assert_eq!(changed(|c| c.snapshot.holds = vec![hold(Level::Active)]), None);
    assert_eq!(changed(|c| c.snapshot.reconciled = false), refused("reconciled"));
    assert_eq!(changed(|c| c.snapshot.trading_status = None), refused("data"));
    let flag = |set: fn(&mut crate::account::TradingStatus)| {
        changed(|c| set(c.snapshot.trading_status.as_mut().unwrap()))
    };
    assert_eq!(flag(|s| s.closing_only = true), refused("account"));
    assert_eq!(flag(|s| s.frozen = true), refused("account"));
    assert_eq!(flag(|s| s.margin_call = true), refused("account"));
    assert_eq!(flag(|s| s.futures_enabled = false), refused("account"));
    let index = changed(|c| {
        c.snapshot.trading_status.as_mut().unwrap().futures_enabled = false;
        c.candidate.product = Product::Xsp;
    });
    assert_eq!(index, None, "an index option needs no futures");
}

#[test]
fn limit_1_under_the_first_phase_nothing_is_entered() {
    assert_eq!(changed(|c| worth(c, dec!(30000))), None);
    assert_eq!(changed(|c| worth(c, dec!(29999.99))), refused("phase"));
    let held = changed(|c| {
        worth(c, dec!(29999.99));
        c.snapshot.previous_phase = Some(1);
    });
    assert_eq!(held, refused("phase"));
}

#[test]
fn limit_2_every_figure_is_there_fresh_and_sane() {
    type Change = fn(&mut Case);
    let cases: [(&str, Change, bool); 24] = [
        ("no VIX", |c| c.snapshot.vix = None, false),
        ("VIX zero", |c| c.snapshot.vix = Some(vix(dec!(0))), false),
        ("VIX 60 s", |c| c.snapshot.vix.as_mut().unwrap().at = at("10:29:00"), true),
        ("VIX older", |c| c.snapshot.vix.as_mut().unwrap().at = at("10:28:59.999"), false),
        ("no balances", |c| c.snapshot.balances = None, false),
        ("balances zero", |c| worth(c, dec!(0)), false),
        ("balances negative", |c| worth(c, dec!(-1)), false),
        ("balances 60 s", |c| c.snapshot.balances.as_mut().unwrap().at = at("10:29:00"), true),
        ("balances older", |c| c.snapshot.balances.as_mut().unwrap().at = at("10:28:59"), false),
        ("no rate", |c| c.snapshot.fx = None, false),
        ("rate zero", |c| c.snapshot.fx.as_mut().unwrap().usd_per_gbp = dec!(0), false),
        ("rate 7 days", |c| rate_of(c, 7), true),
        ("rate 8 days", |c| rate_of(c, 8), false),
        ("no product", |c| c.snapshot.products.clear(), false),
        ("no underlying", |c| underlying(c, Err(MarketError::NoVix)), false),
        ("leg gone", |c| drop(c.candidate.quotes.remove(3)), false),
        ("leg 60 s", |c| c.candidate.quotes[1].at = at("10:29:00"), true),
        ("leg older", |c| c.candidate.quotes[1].at = at("10:28:59.999"), false),
        ("crossed", |c| c.candidate.quotes[1].bid = dec!(99), false),
        ("zero-asked", |c| c.candidate.quotes[1].ask = dec!(0), false),
        ("NaN delta", |c| c.candidate.quotes[1].delta = f64::NAN, false),
        ("NaN volatility", |c| c.candidate.quotes[1].implied_volatility = f64::NAN, false),
        ("infinite delta", |c| c.candidate.quotes[0].delta = f64::INFINITY, false),
        ("skew 2 s", |c| c.snapshot.clock_skew_ms = -2000, true),
    ];
    for (name, change, passes) in cases {
        let wanted = if passes { None } else { refused("data") };
        assert_eq!(changed(change), wanted, "{name}");
    }
    assert_eq!(changed(|c| c.snapshot.clock_skew_ms = 2001), refused("clock_skew"));
    assert_eq!(changed(|c| c.snapshot.clock_skew_ms = -2001), refused("clock_skew"));
}

fn rate_of(case: &mut Case, days: u64) {
    case.snapshot.fx = FxRate::new(friday().date - Days::new(days), dec!(1.28));
}

fn underlying(case: &mut Case, found: Result<crate::market::UnderlyingQuote, MarketError>) {
    case.snapshot.products.get_mut(&Product::Es).unwrap().underlying = found;
}

/// Moves the moment of the order, with every figure as fresh as before.
fn moment(case: &mut Case, clock: &str) {
    let now = at(clock);
    let snapshot = &mut case.snapshot;
    snapshot.now = now;
    snapshot.vix.as_mut().unwrap().at = now;
    snapshot.balances.as_mut().unwrap().at = now;
    for data in snapshot.products.values_mut() {
        data.underlying.as_mut().unwrap().at = now;
    }
    case.candidate.quotes.iter_mut().for_each(|quote| quote.at = now);
}

#[test]
fn limit_3_a_session_is_open_and_the_order_is_inside_its_window() {
    let cases = [
        ("09:29:59", refused("session")),
        ("09:34:59", refused("session")), // five minutes after the open
        ("09:35:00", refused("window")),
        ("10:29:59", refused("window")),
        ("10:30:00", None),
        ("10:45:00", None),
        ("10:45:01", refused("window")),
        ("15:59:59", refused("window")),
        ("16:00:00", refused("session")),
    ];
    for (clock, wanted) in cases {
        assert_eq!(changed(|c| moment(c, clock)), wanted, "{clock}");
    }
    assert_eq!(changed(|c| c.snapshot.session = None), refused("session"));
    assert_eq!(changed(|c| c.candidate.strategy = StrategyId::External), refused("strategy"));
}

#[test]
fn limit_4_events_are_checked_again() {
    let on = |kind, at| {
        changed(|c| {
            let day = EventDay::Known(vec![MacroEvent { kind, at }]);
            c.snapshot.events.insert(kind, day);
        })
    };
    let now = at("10:30:00");
    let second = TimeDelta::seconds(1);
    let fomc = |at| on(EventKind::Fomc, at);
    assert_eq!(fomc(now + TimeDelta::hours(24)), refused("fomc"));
    assert_eq!(fomc(now + TimeDelta::hours(24) + second), None);
    assert_eq!(fomc(now - TimeDelta::hours(2)), refused("fomc"));
    assert_eq!(fomc(now - TimeDelta::hours(2) - second), None);
    for kind in [EventKind::Cpi, EventKind::Nfp] {
        assert_eq!(on(kind, at("08:30:00")), None, "10:30:00 itself is allowed");
        let early = changed(|c| {
            c.rules().friday_0dte.entry_at = "10:00:00".parse().unwrap();
            moment(c, "10:29:59");
            let (kind, day) = event(kind, "08:30:00");
            c.snapshot.events.insert(kind, day);
        });
        assert_eq!(early, refused(if kind == EventKind::Cpi { "cpi" } else { "nfp" }));
    }
    let unknown = changed(|c| drop(c.snapshot.events.insert(EventKind::Fomc, EventDay::Unknown)));
    assert_eq!(unknown, None);
}

/// Leaves the legs of one side.
fn only(case: &mut Case, right: Right) {
    let of_side = |instrument: &Instrument| matches!(instrument, Instrument::Option(contract) if contract.right == right);
    case.candidate.legs.retain(|leg| of_side(&leg.instrument));
    case.candidate.quotes.retain(|quote| quote.contract.right == right);
    case.candidate.structure = if right == Right::Put { PUT_SPREAD } else { CALL_SPREAD };
}

#[test]
fn above_the_vix_table_only_one_put_spread_or_nothing_is_opened() {
    let crisis = |right, level| {
        changed(|c| {
            c.snapshot.vix = Some(vix(level));
            only(c, right);
        })
    };
    assert_eq!(crisis(Right::Call, dec!(30)), None);
    assert_eq!(crisis(Right::Call, dec!(30.01)), refused("vix"));
    assert_eq!(crisis(Right::Put, dec!(30.01)), None);
    let manage = changed(|c| {
        c.snapshot.vix = Some(vix(dec!(30.01)));
        only(c, Right::Put);
        c.rules().vix.crisis = CrisisMode::ManageOnly;
    });
    assert_eq!(manage, refused("vix"));
    let second = |opened: &str| {
        changed(|c| {
            worth(c, dec!(80000));
            c.snapshot.vix = Some(vix(dec!(31)));
            only(c, Right::Put);
            let mut closed = open_position("earlier");
            closed.opened_at = opened.parse().unwrap();
            c.snapshot.closed_today = vec![closed];
        })
    };
    assert_eq!(second("2024-08-02T13:40:00Z"), refused("vix"), "opened this session");
    assert_eq!(second("2024-08-01T13:40:00Z"), None, "opened in an earlier one");
}

#[test]
fn limit_5_counts_open_units_and_working_entries_by_phase() {
    // Pounds, open units, allowed with this one.
    let cases = [
        (dec!(35000), 0, true),
        (dec!(35000), 1, false),
        (dec!(40000), 1, true),
        (dec!(40000), 2, false),
        (dec!(60000), 2, true),
        (dec!(60000), 3, false),
        (dec!(75000), 3, true),
        (dec!(75000), 4, false),
    ];
    for (gbp, open, passes) in cases {
        let limit = changed(|c| {
            worth(c, gbp);
            let mut held = open_position("earlier");
            held.units = open;
            other_expiration(&mut held);
            if open > 0 {
                c.snapshot.positions = vec![held];
            }
        });
        assert_eq!(limit, if passes { None } else { refused("positions") }, "£{gbp}, {open} open");
    }
    let mut working = entry_intent(&Case::new(), "zdte-20240802-9");
    working.slot = at("10:29:00");
    working.legs.clear();
    let limit = |positions: Vec<Position>| {
        changed(|c| {
            c.snapshot.open_intents = vec![working.clone()];
            c.snapshot.positions = positions;
            worth(c, dec!(40000));
        })
    };
    assert_eq!(limit(vec![]), None, "one working entry of two");
    let mut filling = open_position("zdte-20240802-9");
    other_expiration(&mut filling);
    assert_eq!(limit(vec![filling.clone()]), None, "a filling entry counts once");
    filling.id.0 = "another".to_owned();
    assert_eq!(limit(vec![filling]), refused("positions"));
}

fn other_expiration(position: &mut Position) {
    for leg in &mut position.legs {
        if let crate::instrument::Instrument::Option(contract) = &mut leg.instrument {
            contract.series.expiration = "2024-08-09".parse().unwrap();
        }
    }
}

#[test]
fn limit_7_one_expiration_holds_one_position_of_a_strategy_and_underlying() {
    let with = |change: fn(&mut Position)| {
        changed(|c| {
            worth(c, dec!(80000));
            let mut held = open_position("earlier");
            change(&mut held);
            c.snapshot.positions = vec![held];
        })
    };
    assert_eq!(with(|_| ()), refused("expiration"));
    assert_eq!(with(other_expiration), None);
    assert_eq!(with(|p| p.strategy = StrategyId::External), None);
    assert_eq!(with(|p| p.closed_at = Some(at("10:20:00"))), None);
    let mut working = entry_intent(&Case::new(), "zdte-20240802-9");
    working.slot = at("10:29:00");
    let beside = |working: &Intent| {
        changed(|c| {
            worth(c, dec!(80000));
            c.snapshot.open_intents = vec![working.clone()];
        })
    };
    assert_eq!(beside(&working), refused("expiration"));
    let position = crate::account::PositionId("earlier".to_owned());
    working.purpose = Purpose::Exit { position, reason: crate::account::ExitReason::Stop };
    assert_eq!(beside(&working), None, "a close takes no expiration");
}

#[test]
fn limit_8_a_trade_loses_at_most_five_percent_of_sizing_capital() {
    // 5 % of £35,000 at 1.28 is $2,240.
    let loss = |usd| changed(|c| c.candidate.max_loss_usd = Usd(usd));
    assert_eq!(loss(dec!(2240)), None);
    assert_eq!(loss(dec!(2240.01)), refused("trade_loss"));
    // From 2 %, $896, it is warned of.
    let warned = |usd| {
        let mut case = Case::new();
        case.candidate.max_loss_usd = Usd(usd);
        loss_warning(&case.snapshot, &case.candidate).map(|warning| warning.percent)
    };
    assert_eq!(warned(dec!(895.99)), None);
    assert_eq!(warned(dec!(896)), Some(dec!(2)));
}

#[test]
fn limit_9_buying_power_stays_under_the_smallest_cap() {
    let after = |gbp: Decimal, vix_level: Decimal, held: Decimal, order: Decimal| {
        changed(|c| {
            worth(c, gbp);
            c.snapshot.vix = Some(vix(vix_level));
            only(c, Right::Put);
            c.snapshot.balances.as_mut().unwrap().requirement_usd = Usd(held * dec!(1.28));
            c.power.requirement_usd = Usd(order * dec!(1.28));
            // Limits 10 and 11 have their own tests.
            c.rules().limits.concentration_0dte_percent = dec!(100);
            c.rules().stress.margin_multiple = dec!(1);
        })
    };
    let cases = [
        // pounds, VIX, held, order, approved
        (dec!(35000), dec!(16), dec!(16000), dec!(1500), true), // 50 %: phase 1
        (dec!(35000), dec!(16), dec!(16000), dec!(1500.01), false),
        (dec!(35000), dec!(12.99), dec!(15000), dec!(750), true), // 45 %: VIX
        (dec!(35000), dec!(12.99), dec!(15000), dec!(750.01), false),
        (dec!(50000), dec!(20), dec!(0), dec!(32500), true), // 65 %: phase 2 under VIX's 75 %
        (dec!(50000), dec!(20), dec!(0), dec!(32500.01), false),
        (dec!(80000), dec!(20), dec!(0), dec!(60000), true), // 75 %: VIX
        (dec!(80000), dec!(20), dec!(0), dec!(60000.01), false),
        (dec!(80000), dec!(30), dec!(0), dec!(40000), true), // 50 %
        (dec!(80000), dec!(30), dec!(0), dec!(40000.01), false),
        (dec!(80000), dec!(30.01), dec!(0), dec!(64000), true), // 80 %
        (dec!(80000), dec!(30.01), dec!(0), dec!(64000.01), false),
    ];
    for (gbp, vix, held, order, approved) in cases {
        let wanted = if approved { None } else { refused("buying_power") };
        assert_eq!(after(gbp, vix, held, order), wanted, "£{gbp} VIX {vix} £{held} + £{order}");
    }
}

#[test]
fn limit_13_orders_and_rejections_are_counted() {
    assert_eq!(changed(|c| c.snapshot.orders_last_minute = 19), None);
    assert_eq!(changed(|c| c.snapshot.orders_last_minute = 20), refused("orders_a_minute"));
    assert_eq!(changed(|c| c.snapshot.orders_today = 199), None);
    assert_eq!(changed(|c| c.snapshot.orders_today = 200), refused("orders_a_day"));
    assert_eq!(changed(|c| c.snapshot.rejections_today = 9), None);
    assert_eq!(changed(|c| c.snapshot.rejections_today = 10), refused("rejections"));
}

#[test]
fn limit_14_the_price_is_sane() {
    let priced = |mid, model, width| {
        changed(|c| {
            c.candidate.mid = NetPrice(mid);
            c.candidate.minimum = NetPrice(dec!(0.20));
            c.candidate.model_value = NetPrice(model);
            c.candidate.width = width;
        })
    };
    let wide = Some(dec!(30));
    let cases = [
        (dec!(6), dec!(5), wide, None), // a fifth of 5 exactly
        (dec!(6.01), dec!(5), wide, refused("model_value")),
        (dec!(4), dec!(5), wide, None),
        (dec!(3.99), dec!(5), wide, refused("model_value")),
        (dec!(29.99), dec!(29), wide, None),
        (dec!(30), dec!(29), wide, refused("price")),
        (dec!(31), dec!(29), None, None),
        (dec!(-6), dec!(6), wide, refused("sign")),
        (dec!(0), dec!(6), wide, refused("sign")),
        (dec!(6), dec!(-6), wide, refused("sign")),
        (dec!(6), dec!(0), wide, refused("sign")),
    ];
    for (mid, model, width, wanted) in cases {
        assert_eq!(priced(mid, model, width), wanted, "{mid} against {model}");
    }
    // Small values: three ticks are more than a fifth.
    let small = |mid| {
        changed(|c| {
            c.candidate.mid = NetPrice(mid);
            c.candidate.minimum = NetPrice(dec!(0.05));
            c.candidate.model_value = NetPrice(dec!(0.40));
            c.power.round_trip_fees_usd = Usd::ZERO;
        })
    };
    assert_eq!(small(dec!(0.55)), None);
    assert_eq!(small(dec!(0.56)), refused("model_value"));
    assert_eq!(changed(|c| c.candidate.minimum = NetPrice(dec!(0))), refused("sign"));
}

#[test]
fn limit_15_a_slot_has_one_entry() {
    assert_eq!(changed(|c| c.snapshot.slot_intents = vec![id()]), refused("duplicate"));
    let other = IntentId("other-20240802-1".to_owned());
    assert_eq!(changed(|c| c.snapshot.slot_intents = vec![other]), None);
    let working = |change: fn(&mut Intent)| {
        let mut intent = entry_intent(&Case::new(), "zdte-20240802-2");
        intent.legs.clear();
        change(&mut intent);
        changed(|c| {
            worth(c, dec!(80000));
            c.snapshot.open_intents = vec![intent];
        })
    };
    assert_eq!(working(|_| ()), refused("duplicate"), "another ordinal of the same slot");
    assert_eq!(working(|i| i.slot = at("10:29:00")), None);
    assert_eq!(working(|i| i.strategy = StrategyId::External), None);
}

#[test]
fn fees_are_at_most_a_quarter_of_the_profit_target() {
    // Half of 6.00 × $50 is $150; a quarter of that $37.50.
    let fees = |usd| {
        changed(|c| {
            c.candidate.mid = NetPrice(dec!(6));
            c.candidate.model_value = NetPrice(dec!(6));
            c.power.round_trip_fees_usd = Usd(usd);
        })
    };
    assert_eq!(fees(dec!(37.50)), None);
    assert_eq!(fees(dec!(37.51)), refused("fees"));
}

#[test]
fn the_first_broken_limit_in_the_rulebooks_order_refuses() {
    type Change = fn(&mut Case);
    let mut case = Case::new();
    case.power.round_trip_fees_usd = Usd(dec!(999));
    case.snapshot.slot_intents = vec![id()];
    let order: [(&str, Change); 11] = [
        ("duplicate", |_| ()),
        ("price", |c| c.candidate.width = Some(dec!(1))),
        ("orders_a_day", |c| c.snapshot.orders_today = 200),
        ("buying_power", |c| c.power.requirement_usd = Usd(dec!(99999))),
        ("trade_loss", |c| c.candidate.max_loss_usd = Usd(dec!(99999))),
        ("positions", |c| c.snapshot.positions = vec![open_position("earlier")]),
        ("fomc", |c| {
            let (kind, day) = event(EventKind::Fomc, "14:00:00");
            c.snapshot.events.insert(kind, day);
        }),
        ("window", |c| moment(c, "10:46:00")),
        ("clock_skew", |c| c.snapshot.clock_skew_ms = 5000),
        ("phase", |c| worth(c, dec!(10000))),
        ("reconciled", |c| c.snapshot.reconciled = false),
    ];
    for (limit, change) in order {
        change(&mut case);
        assert_eq!(case.limit(), refused(limit));
    }
}

#[test]
fn a_refusal_reads_with_its_figures_and_keeps_them_as_numbers() {
    let mut case = Case::new();
    case.snapshot.vix = Some(vix(dec!(12.6)));
    case.power.requirement_usd = Usd(dec!(35000) * dec!(0.472) * dec!(1.28));
    let why = case.refusal().unwrap();
    let text = "Refused: buying power after the order 47.2 % > 45.0 % (VIX 12.6 < 13)";
    assert_eq!(why.to_string(), text);
    let row = why.row();
    assert_eq!((row.limit.as_str(), row.unit.as_str()), ("buying_power", "percent"));
    assert_eq!((&row.value, &row.bound), (&Figure::Number(47.2), &Figure::Number(45.0)));
    let json = serde_json::to_string(&row).unwrap();
    let start = r#"{"limit":"buying_power","value":47.2,"bound":45.0,"unit":"percent","#;
    assert!(json.starts_with(start), "{json}");
    assert_eq!(serde_json::from_str::<super::RefusalRow>(&json).unwrap(), row);

    case.power.requirement_usd = Usd(dec!(35000) * dec!(0.45004) * dec!(1.28));
    let text = case.refusal().unwrap().to_string();
    assert!(text.contains("45.004 % > 45.0 %"), "figures that differ look different: {text}");

    let hold = Hold {
        name: "halt-file".to_owned(),
        level: Level::Halted,
        cause: "HALT file".to_owned(),
        since: at("10:00:00"),
        until: None,
    };
    case.snapshot.holds = vec![hold];
    let why = case.refusal().unwrap();
    assert_eq!(why.to_string(), "Refused: latch HALTED (HALT file)");
    assert_eq!(why.row().value, Figure::Text("HALTED".to_owned()));
}

proptest! {
    #[test]
    fn buying_power_after_an_approved_order_never_exceeds_the_cap(
        gbp in 25_000_i64..150_000,
        rate_cents in 90_i64..220,
        vix_cents in 1_i64..9_000,
        held_percent in 0_i64..110,
        order_usd in 0_i64..120_000,
        previous in proptest::option::of(0_u8..6),
    ) {
        let mut case = Case::new();
        let rate = Decimal::new(rate_cents, 2);
        let net = Decimal::from(gbp) * rate;
        case.snapshot.fx = FxRate::new(friday().date - Days::new(1), rate);
        case.snapshot.previous_phase = previous;
        case.snapshot.vix = Some(vix(Decimal::new(vix_cents, 2)));
        only(&mut case, Right::Put);
        let balances = case.snapshot.balances.as_mut().unwrap();
        balances.net_liquidation_usd = Usd(net);
        balances.requirement_usd = Usd(net * Decimal::new(held_percent, 2));
        case.power.requirement_usd = Usd(Decimal::from(order_usd));
        let after = balances.requirement_usd + case.power.requirement_usd;
        if case.limit().is_none() {
            let capital = capital(&case.snapshot).unwrap();
            let used = utilisation(after, &capital);
            let bands = [(13, 45), (18, 65), (25, 75)];
            let vix_cap = bands.iter().find(|(below, _)| vix_cents < below * 100);
            let table = vix_cap.map_or(if vix_cents <= 3_000 { 50 } else { 80 }, |(_, cap)| *cap);
            prop_assert!(used <= Decimal::from(table), "{} % at VIX {}", used, vix_cents);
            prop_assert!(used <= Decimal::ONE_HUNDRED);
            prop_assert!(used <= capital.phase.rules.cap_percent);
            prop_assert!(gbp >= 30_000);
        }
    }
}
