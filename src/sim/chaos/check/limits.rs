//! Invariant 6: no limit is exceeded at the moment of sending.
//!
//! When an order that opens reaches the broker, the rulebook's figures are held against the venue's
//! truth by plain arithmetic, none of it the gate's: the entry window (of Friday 0DTE by §4.1; of the
//! others as their rule gives it), orders a minute and a day (§5, 13), most open positions of the
//! strategy by phase (§2), for same-day trades the loss of the trade at 5 % (§5, 8) and what all open
//! same-day trades can lose against the phase's cap on buying power (§1, §2: each of them is of
//! defined risk, and takes at least what it can lose after its credit), and that no other order is of
//! unknown fate (§5, 1).
//!
//! The lag: an order may arrive late on the wire, so the window is held against the daemon's instant
//! of the send. The entry ladder may go on for its 60 s after the last instant at which it may
//! begin. Net liquidation is the venue's cash with all that is held at its average price; the gate's
//! balances, with marks, may lie 1 % off.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{NaiveTime, TimeDelta};
use rust_decimal::{Decimal, dec};

use super::{
    Broken, Invariant, Moment, Scene,
    eyes::{Eyes, Ledger, Venue, intent_of},
    latch::opens,
    written_down::send_of,
};
use crate::{
    account::{Fill, Leg, NetPrice, PositionId, StrategyId},
    calendar::{Exchange, NEW_YORK, new_york_date},
    clock::Timestamp,
    config::rulebook::Phase,
    desk::{
        intent::{AttemptStatus, IntentRecord},
        read,
    },
    instrument::{Instrument, OptionContract, Product, Right},
    money::Usd,
    sim::chaos::board::{Arrival, Sent},
    strategy::{Intent, Rule, rule},
};

/// What net liquidation may be off here, as a share.
const MARKS: Decimal = dec!(0.01);

/// The invariant.
pub(super) struct Limits(pub(super) Eyes);

/// An opening order on its way into the venue.
struct Entry<'a> {
    scene: &'a Scene<'a>,
    ledger: &'a Ledger,
    venue: &'a Venue,
    arrival: &'a Arrival,
    record: &'a IntentRecord,
    /// The daemon's instant of the send.
    left: Timestamp,
    units: u32,
    legs: &'a [Leg],
    limit: NetPrice,
}

impl Invariant for Limits {
    fn number(&self) -> u8 {
        6
    }

    fn look(&mut self, scene: &Scene<'_>, moment: Moment<'_>) -> Result<(), Broken> {
        let Moment::Wire(arrival) = moment else { return Ok(()) };
        let ledger = self.0.ledger(scene)?;
        let Some(venue) = self.0.venue(scene)? else { return Ok(()) };
        if !opens(&ledger, &arrival.sent) {
            return Ok(());
        }
        let record = intent_of(arrival.sent.external_id()).and_then(|id| ledger.intents.get(&id));
        let Some((record, send)) = record.zip(send_of(&ledger, arrival)) else { return Ok(()) };
        let (legs, units, limit) = match &arrival.sent {
            Sent::Submit(order) => (order.legs.as_slice(), order.units, order.limit),
            Sent::Replace { limit, .. } => {
                (send.legs.as_deref().unwrap_or(&record.intent.legs), send.units, *limit)
            }
        };
        let (ledger, venue, left) = (&*ledger, &*venue, send.at);
        let entry = Entry { scene, ledger, venue, arrival, record, left, units, legs, limit };
        entry.in_window()?;
        entry.in_rate()?;
        entry.nothing_unknown()?;
        entry.in_capital()
    }
}

impl Entry<'_> {
    fn broken(&self, what: &str) -> Broken {
        Broken(format!("`{}` opens: {what}", self.arrival.sent.external_id()))
    }

    fn in_window(&self) -> Result<(), Broken> {
        let rules = &self.scene.settings.rulebook;
        let date = new_york_date(self.left);
        let Some(session) = self.scene.calendar.session(Exchange::Xnys, date) else {
            return Err(self.broken(&format!("it left at {}, in no session", self.left)));
        };
        let strategy = self.record.intent.strategy;
        let ladder = TimeDelta::seconds(i64::from(rules.common.entry_ladder.cancel_after_seconds));
        if strategy != StrategyId::Friday0dte {
            let Some(rule) = rule(strategy) else { return Err(self.broken("no rule trades it")) };
            let (first, last) = rule.window(rules, &session);
            return self.left_within(first, last + ladder);
        }
        let at = |time: NaiveTime| {
            let local = date.and_time(time).and_local_timezone(NEW_YORK).earliest();
            local.map_or(session.open, |at| at.to_utc())
        };
        let mut first = at(rules.friday_0dte.entry_at);
        // An early close keeps the window's length (ARCHITECTURE.md, strategy and gate).
        let length = at(rules.friday_0dte.last_entry_at) - first;
        if session.early_close {
            let before = i64::from(rules.common.early_close.entry_minutes_before);
            first = first.min(session.close - TimeDelta::minutes(before));
        }
        self.left_within(first, first + length + ladder)
    }

    fn left_within(&self, first: Timestamp, last: Timestamp) -> Result<(), Broken> {
        if (first..=last).contains(&self.left) {
            return Ok(());
        }
        Err(self.broken(&format!("it left at {}, its window is {first} to {last}", self.left)))
    }

    fn in_rate(&self) -> Result<(), Broken> {
        let rules = &self.scene.settings.rulebook.limits;
        let now = self.arrival.at;
        let opening = self.scene.log.wire[..=self.arrival.number].iter();
        let opening = opening.filter(|other| opens(self.ledger, &other.sent));
        let (mut minute, mut day) = (0u32, 0u32);
        for other in opening {
            minute += u32::from(now - other.at < TimeDelta::minutes(1));
            day += u32::from(new_york_date(other.at) == new_york_date(now));
        }
        if minute <= rules.orders_a_minute && day <= rules.orders_a_day {
            return Ok(());
        }
        Err(self.broken(&format!(
            "{minute} opening orders in a minute (limit {}), {day} today (limit {})",
            rules.orders_a_minute, rules.orders_a_day
        )))
    }

    /// Ledger and broker cannot agree while the fate of an order is not known.
    fn nothing_unknown(&self) -> Result<(), Broken> {
        let unknown = |record: &&IntentRecord| {
            let send = record.working().filter(|send| send.status == AttemptStatus::Unknown);
            send.is_some_and(|send| send.at < self.left) && record.id() != self.record.id()
        };
        match self.ledger.intents.values().find(unknown) {
            Some(other) => {
                Err(self.broken(&format!("the fate of an order of `{}` is unknown", other.id())))
            }
            None => Ok(()),
        }
    }

    fn in_capital(&self) -> Result<(), Broken> {
        let rules = &self.scene.settings.rulebook;
        let net = self.net_liquidation();
        let strategy = self.record.intent.strategy;
        let open = self.open(|of| of == strategy);
        let Some(phase) = self.phase(net)? else { return Ok(()) };
        let (number, cap) = (phase.0, phase.1.cap_percent);
        let most = rule(strategy).map_or(0, |rule| rule.most(phase.1));
        let mes = if self.record.intent.product == Product::Mes {
            phase.1.lt112_mes_from_stage_2
        } else {
            0
        };
        let most = if strategy == StrategyId::Lt112 { most.max(mes) } else { most };
        let count = u32::try_from(open.len()).unwrap_or(u32::MAX) + 1;
        if count > most {
            return Err(self.broken(&format!(
                "with it {count} positions are open in phase {number} (limit {most}): {open:?}"
            )));
        }
        if !is_same_day(strategy) {
            return Ok(());
        }
        let loss = self.loss();
        let percent = loss / net.0 * dec!(100);
        let bound = rules.limits.trade_loss_percent;
        if percent > bound * (Decimal::ONE + MARKS) {
            return Err(self.broken(&format!(
                "it can lose ${loss}, {percent:.2} % of net liquidation {net} (limit {bound} %)"
            )));
        }
        let committed: Decimal = self
            .open(is_same_day)
            .iter()
            .filter_map(|id| self.ledger.intents.get(&crate::account::IntentId(id.0.clone())))
            .map(|record| {
                let Intent { legs, units, limit, .. } = &record.intent;
                let mut book = Book::default();
                book.order(legs, *units, *limit);
                book.worst()
            })
            .sum();
        let used = (committed + loss) / net.0 * dec!(100);
        if used > cap * (Decimal::ONE + MARKS) {
            return Err(self.broken(&format!(
                "it brings what is committed to {used:.2} % of net liquidation (cap {cap} %)"
            )));
        }
        Ok(())
    }

    /// The most the trade can lose once this order has filled: an order that completes uneven legs
    /// is the rest of a trade, and no trade of its own.
    fn loss(&self) -> Decimal {
        let mut book = Book::default();
        let trade = self.record.id();
        let mine = self.venue.ours().filter(|(id, ..)| intent_of(id).as_ref() == Some(trade));
        mine.flat_map(|(_, _, fills)| fills).for_each(|fill| book.fill(fill));
        book.order(self.legs, self.units, self.limit);
        book.worst()
    }

    fn net_liquidation(&self) -> Usd {
        let held = self.venue.state.holdings.values();
        let value: Decimal = held
            .map(|lot| {
                Decimal::from(lot.quantity) * lot.average_price * lot.instrument.multiplier()
            })
            .sum();
        Usd(self.venue.state.account.cash_usd.0 + value)
    }

    /// Positions of the strategies that the venue still holds something of or works for, this
    /// order's own left out.
    fn open(&self, of: impl Fn(StrategyId) -> bool) -> BTreeSet<PositionId> {
        let ours = |id: &PositionId| {
            let entry = self.ledger.intents.get(&crate::account::IntentId(id.0.clone()));
            entry.is_none_or(|record| of(record.intent.strategy))
        };
        let mut legs: BTreeMap<(PositionId, &Instrument), i64> = BTreeMap::new();
        let mut open = BTreeSet::new();
        for (external, order, fills) in self.venue.ours() {
            let Some(id) = self.ledger.position_of(external).filter(&ours) else { continue };
            if !order.status.is_terminal() && order.opens() {
                open.insert(id.clone());
            }
            for fill in fills {
                let held = legs.entry((id.clone(), &fill.instrument)).or_default();
                *held += fill.side.sign() * i64::from(fill.quantity);
            }
        }
        let lives = |of: &Instrument| match of {
            Instrument::Option(contract) => contract.series.last_trade > self.arrival.at,
            _ => true,
        };
        let held = legs.into_iter().filter(|((_, of), held)| *held != 0 && lives(of));
        open.extend(held.map(|((id, _), _)| id));
        open.remove(&PositionId(self.record.id().0.clone()));
        open
    }

    /// The phase by the venue's cash, with what it allows; `None` before the first rate is known. In
    /// the five percent below a threshold the higher phase may still be in force.
    fn phase(&self, net: Usd) -> Result<Option<(usize, &Phase)>, Broken> {
        let Some(rate) = self.scene.store.read(read::last_equity)?.and_then(|r| r.fx) else {
            return Ok(None);
        };
        let rules = &self.scene.settings.rulebook.phases;
        let keep = (dec!(100) - rules.down_percent) / dec!(100) * (Decimal::ONE - MARKS);
        let pounds = net.0 / rate.usd_per_gbp;
        let reached = rules.phases.iter().take_while(|p| pounds >= p.from_gbp * keep).count();
        match reached.checked_sub(1).and_then(|index| rules.phases.get(index)) {
            Some(phase) => Ok(Some((reached, phase))),
            None => Err(self.broken(&format!("net liquidation £{pounds:.2} is below phase 1"))),
        }
    }
}

fn is_same_day(strategy: StrategyId) -> bool {
    rule(strategy).is_some_and(Rule::is_same_day)
}

/// Options of one trade and the cash they brought, dollars.
#[derive(Default)]
struct Book<'a> {
    options: Vec<(&'a OptionContract, i64)>,
    cash: Decimal,
    multiplier: Decimal,
}

impl<'a> Book<'a> {
    fn fill(&mut self, fill: &'a Fill) {
        self.add(&fill.instrument, fill.side.sign() * i64::from(fill.quantity));
        self.cash += fill.cash().0;
    }

    fn order(&mut self, legs: &'a [Leg], units: u32, limit: NetPrice) {
        for leg in legs {
            self.add(&leg.instrument, leg.side.sign() * i64::from(leg.ratio * units));
        }
        self.cash += limit.0 * Decimal::from(units) * self.multiplier;
    }

    fn add(&mut self, instrument: &'a Instrument, quantity: i64) {
        self.multiplier = instrument.multiplier();
        if let Instrument::Option(contract) = instrument {
            self.options.push((contract, quantity));
        }
    }

    /// The most it can lose at expiry: the worst of the payoffs at every strike, at nothing and far
    /// beyond the last, with the cash counted.
    fn worst(&self) -> Decimal {
        let strikes = self.options.iter().map(|(contract, _)| contract.strike);
        let far = strikes.clone().max().unwrap_or_default() * dec!(10);
        let payoff = |price: Decimal| -> Decimal {
            let of = |(contract, quantity): &(&OptionContract, i64)| {
                let inside = match contract.right {
                    Right::Call => price - contract.strike,
                    Right::Put => contract.strike - price,
                };
                Decimal::from(*quantity) * inside.max(Decimal::ZERO)
            };
            self.options.iter().map(of).sum()
        };
        let least = strikes.chain([Decimal::ZERO, far]).map(payoff).min().unwrap_or_default();
        -(least * self.multiplier + self.cash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::{
            Effect,
            Side::{self, Buy, Sell},
        },
        calendar::Calendar,
        instrument::{
            Product,
            Right::{Call, Put},
            Settlement, expiration,
        },
    };

    #[test]
    fn the_worst_of_a_structure_is_its_width_less_the_credit() {
        let date = chrono::NaiveDate::from_ymd_opt(2024, 8, 2).unwrap();
        let listed = expiration::listed(&Calendar::default(), Product::Es, date, 0);
        let series = listed.into_iter().find(|s| s.settlement == Settlement::Pm).unwrap();
        let leg = |(side, right, strike): (Side, Right, i64)| Leg {
            instrument: Instrument::Option(OptionContract {
                series: series.clone(),
                strike: Decimal::from(strike),
                right,
            }),
            side,
            ratio: 1,
            effect: Effect::Open,
        };
        let puts = [(Sell, Put, 5300), (Buy, Put, 5270)];
        let calls = [(Sell, Call, 5500), (Buy, Call, 5530)];
        let condor: Vec<_> = puts.iter().chain(&calls).copied().collect();
        let cases = [
            (puts.to_vec(), dec!(5), dec!(1250)),
            (calls.to_vec(), dec!(5), dec!(1250)),
            (condor, dec!(8), dec!(1100)),
            (vec![(Sell, Put, 5300)], dec!(5), dec!(264750)), // to nothing
            (vec![(Buy, Put, 5300)], dec!(-5), dec!(250)),
        ];
        for (legs, net, expected) in cases {
            let legs: Vec<Leg> = legs.into_iter().map(leg).collect();
            let mut book = Book::default();
            book.order(&legs, 1, NetPrice(net));
            assert_eq!(book.worst(), expected, "{legs:?}");
        }
    }

    #[test]
    fn an_order_that_completes_a_spread_is_counted_with_what_it_completes() {
        let date = chrono::NaiveDate::from_ymd_opt(2024, 8, 2).unwrap();
        let listed = expiration::listed(&Calendar::default(), Product::Es, date, 0);
        let series = listed.into_iter().find(|s| s.settlement == Settlement::Pm).unwrap();
        let put = |strike: i64| {
            let strike = Decimal::from(strike);
            Instrument::Option(OptionContract { series: series.clone(), strike, right: Put })
        };
        let long = Fill {
            id: "1".to_owned(),
            instrument: put(5270),
            side: Buy,
            quantity: 1,
            price: dec!(3),
            fees: Usd::ZERO,
            at: date.and_hms_opt(14, 30, 0).unwrap().and_utc(),
        };
        let short = [Leg { instrument: put(5300), side: Sell, ratio: 1, effect: Effect::Open }];
        let mut book = Book::default();
        book.fill(&long);
        book.order(&short, 1, NetPrice(dec!(8)));
        assert_eq!(book.worst(), dec!(1250), "width 30 less 5, times 50");
    }
}
