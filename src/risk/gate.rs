//! The gate for opening orders.

use rust_decimal::Decimal;

use super::{
    Approved, BuyingPower, Refused, Verdict, buying_power,
    capital::{Capital, capital},
    concentration, counts, crisis, data, desk, duplicate, events, expiration, fees, groups,
    liquidity, price, rate,
    refusal::Refusal,
    session, size, stage, stress, trade_loss,
};
use crate::{
    account::IntentId,
    money::Usd,
    strategy::{Candidate, Intent, Ladder, Purpose, Snapshot},
};

/// Approves a candidate as the intent `id`, or refuses it with the first limit of rulebook §5 it
/// breaks. `power` is what the order takes, by the broker's dry run or the margin model.
pub fn gate(
    snapshot: &Snapshot,
    candidate: &Candidate,
    power: &BuyingPower,
    id: IntentId,
) -> Verdict {
    let checked = first_broken(snapshot, candidate, power, &id);
    let units = size::units(snapshot, candidate);
    let share = |usd: Usd| {
        if units == candidate.units {
            return usd;
        }
        Usd(usd.0 * Decimal::from(units) / Decimal::from(candidate.units.max(1))).rounded()
    };
    let intent = Intent {
        id,
        strategy: candidate.strategy,
        product: candidate.product,
        purpose: Purpose::Entry,
        slot: snapshot.slot,
        legs: candidate.legs.clone(),
        units,
        ladder: Ladder::Entry,
        limit: candidate.minimum,
        tick: candidate.tick,
        width: candidate.width,
        max_loss_usd: share(
            trade_loss::loss(snapshot, candidate).unwrap_or(candidate.max_loss_usd),
        ),
        requirement_usd: share(power.requirement_usd),
    };
    match checked {
        Ok(()) => Ok(Approved(intent)),
        Err(why) => Err(Box::new(Refused { what: intent, why })),
    }
}

fn first_broken(
    snapshot: &Snapshot,
    candidate: &Candidate,
    power: &BuyingPower,
    id: &IntentId,
) -> Result<(), Refusal> {
    let order = Order { snapshot, candidate, power, id, capital: capital(snapshot) };
    let mut asked = LIMITS.iter().filter(|limit| !limit.is_waived(snapshot));
    asked.try_for_each(|limit| (limit.check)(&order))
}

/// What the checks look at.
struct Order<'a> {
    snapshot: &'a Snapshot,
    candidate: &'a Candidate,
    power: &'a BuyingPower,
    id: &'a IntentId,
    capital: Result<Capital<'a>, Refusal>,
}

impl Order<'_> {
    fn capital(&self) -> Result<&Capital<'_>, Refusal> {
        self.capital.as_ref().map_err(Clone::clone)
    }
}

/// One limit of the table.
struct Limit {
    number: u8,
    name: &'static str,
    check: fn(&Order<'_>) -> Result<(), Refusal>,
}

impl Limit {
    /// Left out of a replay that shows what limits 6 to 11 save.
    fn is_waived(&self, snapshot: &Snapshot) -> bool {
        snapshot.rulebook.limits.waived && (6..=11).contains(&self.number)
    }
}

const fn limit(
    number: u8,
    name: &'static str,
    check: fn(&Order<'_>) -> Result<(), Refusal>,
) -> Limit {
    Limit { number, name, check }
}

/// The limits of rulebook §5 in its order; fees are those of §4.1.
const LIMITS: &[Limit] = &[
    limit(1, "desk", |o| desk::check(o.snapshot, o.candidate.product)),
    limit(1, "stage", |o| stage::check(o.snapshot)),
    limit(1, "phase", |o| o.capital().map(|_| ())),
    limit(2, "data", |o| data::check(o.snapshot, o.candidate)),
    limit(3, "session", |o| session::check(o.snapshot, o.candidate)),
    limit(4, "events", |o| events::check(o.snapshot)),
    limit(5, "vix mode", |o| crisis::check(o.snapshot, o.candidate)),
    limit(5, "stage count", |o| stage::check_count(o.snapshot, o.candidate)),
    limit(5, "count", |o| counts::check(o.snapshot, o.candidate, o.capital()?)),
    limit(5, "half size", |o| size::check(o.snapshot, o.candidate)),
    limit(6, "groups", |o| groups::check(o.snapshot, o.candidate)),
    limit(7, "expiration", |o| expiration::check(o.snapshot, o.candidate)),
    limit(8, "trade loss", |o| trade_loss::check(o.snapshot, o.candidate, o.capital()?)),
    limit(9, "buying power", |o| buying_power::check(o.snapshot, o.power, o.capital()?)),
    limit(10, "stress", |o| stress::limit::check(o.snapshot, o.candidate, o.power)),
    limit(11, "concentration", |o| {
        concentration::check(o.snapshot, o.candidate, o.power, o.capital()?)
    }),
    limit(12, "liquidity", |o| liquidity::check(o.snapshot, o.candidate)),
    limit(13, "orders", |o| rate::check(o.snapshot)),
    limit(14, "price", |o| price::check(&o.snapshot.rulebook.limits, o.candidate)),
    limit(15, "duplicate", |o| duplicate::check(o.snapshot, o.candidate, o.id)),
    limit(15, "fees", |o| fees::check(o.snapshot, o.candidate, o.power)),
];

/// Every limit by name, in the gate's order.
pub const LIMIT_NAMES: [&str; LIMITS.len()] = {
    let mut names = [""; LIMITS.len()];
    let mut i = 0;
    while i < LIMITS.len() {
        names[i] = LIMITS[i].name;
        i += 1;
    }
    names
};

/// What one limit says of an order.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// Its number in rulebook §5.
    pub number: u8,
    /// Its name, stable.
    pub name: &'static str,
    /// Why it refuses, where it does.
    pub refusal: Option<Refusal>,
}

/// What every limit says of an order, in the gate's order; the gate refuses by the first that does.
pub fn every_limit(
    snapshot: &Snapshot,
    candidate: &Candidate,
    power: &BuyingPower,
    id: &IntentId,
) -> Vec<Checked> {
    let order = Order { snapshot, candidate, power, id, capital: capital(snapshot) };
    let checked = LIMITS.iter().map(|limit| Checked {
        number: limit.number,
        name: limit.name,
        refusal: (limit.check)(&order).err(),
    });
    checked.collect()
}
