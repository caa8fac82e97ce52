//! How an order should work at a moment: its price by the ladders, on fresh quotes, or not at all.

use chrono::TimeDelta;
use rust_decimal::Decimal;

use super::{
    Desk,
    intent::{Attempt, AttemptStatus, IntentRecord, IntentState},
    latch::Leaving,
    watch::elapsed,
};
use crate::{
    account::{Effect, Leg, NetPrice, Side, hold::Level},
    calendar::new_york_date,
    clock::Timestamp,
    config::execution::span,
    instrument::{Instrument, OptionContract, tick::round_up},
    planted::{self, Bug},
    strategy::{
        Ladder, Purpose,
        closing::certain_sign,
        ladder::{self, Book, Sign, Urgency},
        rule,
    },
};

/// Most sends of one intent: an exit walks at most the width, a tick each five seconds.
const SENDS_MAX: u32 = 1000;
/// Most sends of a resting order that keeps being cancelled from outside.
const SENDS_MAX_RESTING: u32 = 5;

impl Desk {
    /// How the order should work at this moment.
    pub(super) async fn wish(&self, record: &IntentRecord, now: Timestamp) -> Wish {
        if let Some(reason) = &record.cancel {
            return Wish::gone(IntentState::Cancelled, reason.clone());
        }
        if !self.in_session(now) {
            return Wish::gone(IntentState::Expired, "the session is over");
        }
        match record.intent.ladder {
            Ladder::Entry => self.entry_wish(record, now).await,
            Ladder::Resting => self.resting_wish(record, now),
            Ladder::Exit => self.exit_wish(record, now).await,
        }
    }

    async fn entry_wish(&self, record: &IntentRecord, now: Timestamp) -> Wish {
        // What changes an open position is defence, and goes on where entries do not (§6).
        let leaving = if record.is_entry() { Leaving::Opening } else { Leaving::Closing };
        if let Err(stopped) = self.latch.check(leaving, now) {
            return Wish::gone(IntentState::Cancelled, format!("missed: {stopped}"));
        }
        if let Some(AttemptStatus::NotSent { reason }) = record.attempts.last().map(|a| &a.status) {
            return Wish::gone(IntentState::Cancelled, format!("missed: not sent, {reason}"));
        }
        if let Some(since) = record.uneven_since {
            return self.completion_wish(record, since, now).await;
        }
        let rules = &self.parts.rulebook.common.entry_ladder;
        let begun = record.begun_at.unwrap_or(record.created_at);
        let elapsed = elapsed(begun, now).num_seconds();
        if elapsed >= i64::from(rules.cancel_after_seconds) {
            let why = if record.begun_at.is_none() { "no fresh quotes" } else { "price" };
            return Wish::gone(IntentState::Cancelled, format!("missed: {why}"));
        }
        let start = match record.start {
            Some(start) => start,
            None => match self.book(record, now).await {
                Some(book) => book,
                None => return Wish::Keep(self.soon(now)),
            },
        };
        let intent = &record.intent;
        match ladder::entry_price(rules, &start, intent.limit, intent.tick, elapsed) {
            Some(NetPrice(limit)) if planted::on(Bug::FranticEntry) => {
                let flicker = intent.tick * Decimal::from(elapsed % 2);
                Wish::Price(NetPrice(limit + flicker), begun + TimeDelta::seconds(elapsed + 1))
            }
            Some(limit) => {
                let step = i64::from(rules.step_seconds.max(1));
                Wish::Price(limit, begun + TimeDelta::seconds((elapsed / step + 1) * step))
            }
            None => Wish::gone(IntentState::Cancelled, "missed: price"),
        }
    }

    /// Legs ran ahead of others: given a moment to even out by themselves, then the laggards are
    /// sent from mid to natural, never for a price at which the whole would be worse than the
    /// entry's own worst; what cannot be had in time ends the entry, and what is held is closed.
    async fn completion_wish(
        &self,
        record: &IntentRecord,
        since: Timestamp,
        now: Timestamp,
    ) -> Wish {
        const LATE: &str = "the legs filled unevenly, and the rest was not had in time";
        let waits = self.rules();
        let even_by = since + span(waits.uneven_grace_seconds);
        let uneven_for = elapsed(since, now);
        let most = span(waits.uneven_grace_seconds) + span(waits.completion_seconds);
        if uneven_for >= most {
            return Wish::gone(IntentState::Cancelled, LATE);
        }
        let asked = record.working().map(|attempt| record.legs_of(attempt));
        let (lacking, _) = record.lacking().unwrap_or_default();
        if now < even_by && asked.is_some_and(|legs| legs != lacking) {
            return Wish::Keep(even_by);
        }
        let rules = &self.parts.rulebook.common.exit_ladder;
        let begun = even_by.min(now);
        let Walk { elapsed, next, stays } = walk(record, begun, i64::from(rules.step_seconds), now);
        if stays && asked == Some(&lacking) {
            return Wish::Keep(next);
        }
        let Some(book) = self.book(record, now).await else { return Wish::Keep(self.soon(now)) };
        let tick = record.intent.tick;
        let worst = completion_worst(record);
        let sign = sign_of(&lacking, record, &book);
        let cap = worst.map_or(Decimal::MAX, |worst| worst.0.abs().max(tick));
        let step = ladder::exit_price(rules, &book, sign, Urgency::ToNatural, cap, tick, elapsed);
        let limit =
            worst.map_or(step.limit, |worst| step.limit.max(NetPrice(round_up(worst.0, tick))));
        if sign.holds(limit.0) {
            return Wish::Price(limit, next);
        }
        Wish::gone(IntentState::Cancelled, LATE)
    }

    fn resting_wish(&self, record: &IntentRecord, now: Timestamp) -> Wish {
        let sends = record.sends;
        if record.working().is_none() && sends >= SENDS_MAX_RESTING {
            return Wish::gone(
                IntentState::Cancelled,
                format!("cancelled at the broker {sends} times"),
            );
        }
        if let Some(since) = record.uneven_since {
            let grace = span(self.rules().uneven_grace_seconds);
            if elapsed(since, now) >= grace {
                return Wish::gone(IntentState::Cancelled, "the legs filled unevenly");
            }
            return Wish::Keep(since + grace);
        }
        Wish::Price(record.intent.limit, now + span(self.rules().resting_poll_seconds))
    }

    /// The next look at an order whose price moves.
    fn soon(&self, now: Timestamp) -> Timestamp {
        now + span(self.rules().poll_seconds)
    }

    async fn exit_wish(&self, record: &IntentRecord, now: Timestamp) -> Wish {
        if record.working().is_none() && record.sends >= SENDS_MAX {
            return Wish::gone(IntentState::Cancelled, format!("{SENDS_MAX} sends"));
        }
        let rules = &self.parts.rulebook.common.exit_ladder;
        let seconds = i64::from(rules.step_seconds.max(1));
        let begun = record.begun_at.unwrap_or(now);
        let Walk { elapsed, next, stays } = walk(record, begun, seconds, now);
        // One price a step: a quote that flickers does not move a working order.
        if stays {
            return Wish::Keep(next);
        }
        let Some(market) = self.net_market(record, now).await else {
            return Wish::Keep(self.soon(now));
        };
        let cap = self.cap(record, &market);
        let (book, urgency, tick) = (&market.book, self.urgency(record, now), record.intent.tick);
        let step = |sign| ladder::exit_price(rules, book, sign, urgency, cap, tick, elapsed);
        let step = match certain_sign(&current_legs(record)) {
            Some(sign) => step(sign),
            // What can be either goes on below zero: not getting out is the greater risk.
            None => Some(step(Sign::Credit)).filter(|s| !s.at_cap).unwrap_or(step(Sign::Debit)),
        };
        Wish::Price(step.limit, next)
    }

    /// The most an exit pays a unit, points: the width; or where the risk is not defined a multiple
    /// of the mark of what is bought back, less what the rest brings.
    fn cap(&self, record: &IntentRecord, market: &NetMarket) -> Decimal {
        let ratio = current_legs(record).iter().map(|leg| leg.ratio).max().unwrap_or(1);
        if let Some(width) = record.intent.width {
            return width * Decimal::from(ratio);
        }
        let rules = &self.parts.rulebook.common.exit_ladder;
        let sold = market.bought + market.book.mid.0;
        (ladder::undefined_risk_cap(rules, market.bought) - sold).max(Decimal::ZERO)
    }

    fn urgency(&self, record: &IntentRecord, now: Timestamp) -> Urgency {
        let reason = match &record.intent.purpose {
            Purpose::Exit { reason, .. } => *reason,
            Purpose::Adjust { .. } => return Urgency::AtNatural,
            Purpose::Entry => return Urgency::Whole,
        };
        let rule = rule(record.intent.strategy).zip(self.session(now));
        rule.map_or(Urgency::Whole, |(rule, session)| {
            rule.urgency(&self.parts.rulebook, &session, reason, now)
        })
    }

    /// A close that the latch would not let out again.
    pub(super) fn is_held_back(&self, record: &IntentRecord, now: Timestamp) -> bool {
        !record.is_entry()
            && self.latch.level() == Level::Halted
            && !self.closes_today_on_schedule(record, now)
    }

    /// The exception of rulebook §6: what expires today is closed on schedule even under a halt.
    pub(super) fn closes_today_on_schedule(&self, record: &IntentRecord, now: Timestamp) -> bool {
        let Some(session) = self.session(now) else { return false };
        let own = rule(record.intent.strategy)
            .and_then(|rule| rule.closes_from(&self.parts.rulebook, &session));
        now >= own.unwrap_or_else(|| self.zdte_times(&session).exit)
            && record.intent.ladder == Ladder::Exit
            && record.intent.legs.iter().all(|leg| match &leg.instrument {
                Instrument::Option(c) => new_york_date(c.series.last_trade) == session.date,
                _ => false,
            })
    }

    /// The net market of what the intent still lacks, on fresh prices: none crossed or zero-asked,
    /// but for a long that is closed, which may have no bid (rulebook §5).
    pub(super) async fn book(&self, record: &IntentRecord, now: Timestamp) -> Option<Book> {
        self.net_market(record, now).await.map(|market| market.book)
    }

    async fn net_market(&self, record: &IntentRecord, now: Timestamp) -> Option<NetMarket> {
        let legs = current_legs(record);
        let prices = self.prices(&legs, now).await?;
        let left_behind = |leg: &Leg| leg.effect == Effect::Close && leg.side == Side::Sell;
        if prices.iter().zip(&legs).any(|(price, leg)| price.broken && !left_behind(leg)) {
            return None;
        }
        let bought = legs.iter().zip(&prices).filter(|(leg, _)| leg.side == Side::Buy);
        let mid = |price: &LegPrice| (price.bid + price.ask) / Decimal::TWO;
        let bought = bought.map(|(leg, price)| Decimal::from(leg.ratio) * mid(price)).sum();
        let mut prices = prices.iter();
        let book = Book::net(&legs, |_| prices.next().map(|price| (price.bid, price.ask)))?;
        Some(NetMarket { book, bought })
    }

    /// Fresh prices by leg; `None` when one is missing or stale.
    async fn prices(&self, legs: &[Leg], now: Timestamp) -> Option<Vec<LegPrice>> {
        let contracts: Vec<OptionContract> = legs.iter().filter_map(contract_of).cloned().collect();
        let asked = self.parts.market.quotes(&contracts);
        let quotes = self.parts.rt.timeout(self.read_wait(), asked).await?.ok()?;
        let age = i64::from(self.parts.rulebook.limits.quote_age_seconds);
        let oldest = now - TimeDelta::seconds(age);
        let mut prices = Vec::with_capacity(legs.len());
        for leg in legs {
            let price = if let Some(contract) = contract_of(leg) {
                let quote = quotes.iter().find(|quote| quote.contract == *contract)?;
                if quote.at < oldest {
                    return None;
                }
                LegPrice { bid: quote.bid, ask: quote.ask, broken: quote.is_broken() }
            } else {
                let asked = self.parts.market.mark(&leg.instrument);
                let mark = self.parts.rt.timeout(self.read_wait(), asked).await?.ok()?;
                LegPrice { bid: mark, ask: mark, broken: mark <= Decimal::ZERO }
            };
            prices.push(price);
        }
        Some(prices)
    }
}

/// How far an exit ladder has come.
struct Walk {
    elapsed: i64,
    next: Timestamp,
    /// What works was sent in this very step.
    stays: bool,
}

/// The place on a ladder of steps of so many seconds. Where the clock has stepped back behind the
/// first send, each send counts as a step: the ladder goes on from where it was.
fn walk(record: &IntentRecord, begun: Timestamp, seconds: i64, now: Timestamp) -> Walk {
    let seconds = seconds.max(1);
    let sent_at = record.working().map(|attempt| attempt.at);
    if begun > now {
        let span = TimeDelta::seconds(seconds);
        return Walk {
            elapsed: i64::from(record.sends) * seconds,
            next: now + span,
            stays: sent_at.is_some_and(|at| elapsed(at, now) < span),
        };
    }
    let step_of = |at: Timestamp| (at - begun).num_milliseconds().div_euclid(seconds * 1000);
    Walk {
        elapsed: (now - begun).num_seconds(),
        next: begun + TimeDelta::seconds((step_of(now) + 1) * seconds),
        stays: sent_at.is_some_and(|at| step_of(at) == step_of(now)),
    }
}

/// The net market of an order a unit.
struct NetMarket {
    book: Book,
    /// What its bought legs cost at mid, points.
    bought: Decimal,
}

/// The market of one leg.
struct LegPrice {
    bid: Decimal,
    ask: Decimal,
    broken: bool,
}

fn contract_of(leg: &Leg) -> Option<&OptionContract> {
    match &leg.instrument {
        Instrument::Option(contract) => Some(contract),
        _ => None,
    }
}

/// How an order should work.
pub(super) enum Wish {
    /// As it does, or not at all yet; look again then.
    Keep(Timestamp),
    /// At this limit; look again then.
    Price(NetPrice, Timestamp),
    /// Not at all any more.
    Gone(End),
}

/// How an intent ends.
pub(super) struct End {
    pub(super) state: IntentState,
    pub(super) reason: String,
}

impl Wish {
    fn gone(state: IntentState, reason: impl Into<String>) -> Self {
        Self::Gone(End { state, reason: reason.into() })
    }
}

/// The legs an intent is to be sent for, for one unit.
pub(super) fn current_legs(record: &IntentRecord) -> Vec<Leg> {
    record.lacking().map_or_else(|| record.intent.legs.clone(), |(legs, _)| legs)
}

/// The worst price of an entry's laggards, a unit of them: with what has filled it makes the units
/// that were begun no worse than the entry's own worst price, nor their loss more than was approved
/// at that price. `None` when nothing lags.
fn completion_worst(record: &IntentRecord) -> Option<NetPrice> {
    let (_, units) = record.laggards()?;
    let had: Decimal = record
        .fills
        .iter()
        .map(|fill| Decimal::from(-fill.side.sign() * i64::from(fill.quantity)) * fill.price)
        .sum();
    let wanted = record.intent.limit.0 * Decimal::from(record.begun_units());
    Some(NetPrice((wanted - had) / Decimal::from(units)))
}

/// Whether laggards bring or cost money, once for all their sends: for certain, or where that
/// depends by what is sent already, else by the market.
fn sign_of(legs: &[Leg], record: &IntentRecord, book: &Book) -> Sign {
    if let Some(sign) = certain_sign(legs) {
        return sign;
    }
    let same = |attempt: &&Attempt| attempt.legs.as_deref() == Some(legs);
    let sent = record.attempts.iter().find(same).map(|attempt| attempt.limit);
    Sign::of(sent.unwrap_or(book.mid)).unwrap_or(Sign::Debit)
}
