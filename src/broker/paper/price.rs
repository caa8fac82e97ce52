//! Prices of legs: what the quotes allow of a whole order, and how a net price is shared out.

use rust_decimal::Decimal;

use super::ticks;
use crate::{
    account::{Leg, Side},
    instrument::Instrument,
};

/// The market of one leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegBook {
    /// What is traded.
    pub instrument: Instrument,
    /// Buy or sell.
    pub side: Side,
    /// Contracts in one unit.
    pub ratio: u32,
    /// Best bid, points.
    pub bid: Decimal,
    /// Best ask, points.
    pub ask: Decimal,
    /// Contracts displayed that nobody has taken yet.
    pub displayed: u32,
    /// Nothing of what is displayed was taken: then one unit always can be.
    pub untouched: bool,
}

impl LegBook {
    /// The leg with its market, or `None` when nobody stands on the side it needs.
    pub fn new(leg: &Leg, bid: Decimal, ask: Decimal, displayed: u32) -> Option<Self> {
        let sound = ask > Decimal::ZERO && bid >= Decimal::ZERO && bid <= ask;
        let met = leg.side == Side::Buy || bid > Decimal::ZERO;
        (sound && met && displayed > 0).then(|| Self {
            instrument: leg.instrument.clone(),
            side: leg.side,
            ratio: leg.ratio,
            bid,
            ask,
            displayed,
            untouched: true,
        })
    }

    /// The price at which it trades at once.
    pub fn natural(&self) -> Decimal {
        match self.side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        }
    }

    /// Points of net credit that a price brings a unit.
    fn credit(&self, price: Decimal) -> Decimal {
        Decimal::from(-self.side.sign() * i64::from(self.ratio)) * price
    }

    /// The price nearest to, and not beyond, `share` of the way from natural to the other side,
    /// on the tick; natural itself where no tick lies between.
    fn towards_far_side(&self, share: Decimal) -> Decimal {
        let way = (self.ask - self.bid) * share;
        match self.side {
            Side::Buy => ticks::up(&self.instrument, self.ask - way).min(self.ask),
            Side::Sell => ticks::down(&self.instrument, self.bid + way).max(self.bid),
        }
    }

    /// One tick better than a price, where that is still inside the quotes.
    fn better(&self, price: Decimal) -> Option<Decimal> {
        let next = match self.side {
            Side::Buy => ticks::below(&self.instrument, price),
            Side::Sell => ticks::above(&self.instrument, price),
        };
        (self.bid <= next && next <= self.ask && next > Decimal::ZERO).then_some(next)
    }
}

/// Net credit of a unit with every leg at natural.
pub fn natural(legs: &[LegBook]) -> Decimal {
    legs.iter().map(|leg| leg.credit(leg.natural())).sum()
}

/// Net credit of a unit with every leg at mid.
pub fn mid(legs: &[LegBook]) -> Decimal {
    legs.iter().map(|leg| leg.credit((leg.bid + leg.ask) / Decimal::TWO)).sum()
}

/// Net credit of a unit at the given prices.
pub fn net(legs: &[LegBook], prices: &[Decimal]) -> Decimal {
    legs.iter().zip(prices).map(|(leg, price)| leg.credit(*price)).sum()
}

/// Prices of the legs for a net of at least `limit`, which lies between natural and mid: each
/// inside its quotes and on its tick, the net as close to the limit as ticks allow and never
/// better than mid. `None` where ticks allow nothing.
pub fn share_out(legs: &[LegBook], limit: Decimal) -> Option<Vec<Decimal>> {
    let (natural, mid) = (natural(legs), mid(legs));
    if limit <= natural {
        return Some(legs.iter().map(LegBook::natural).collect());
    }
    if limit > mid {
        return None;
    }
    // The same share of every leg's half spread, rounded back towards natural; then single ticks,
    // the largest that fits first, the smallest there is when none fits.
    let share = (limit - natural) / (mid - natural) / Decimal::TWO;
    let mut prices: Vec<Decimal> = legs.iter().map(|leg| leg.towards_far_side(share)).collect();
    loop {
        let missing = limit - net(legs, &prices);
        if missing <= Decimal::ZERO {
            break;
        }
        let (index, price) = next_tick(legs, &prices, missing)?;
        prices[index] = price;
    }
    (net(legs, &prices) <= mid).then_some(prices)
}

/// The leg to move by a tick, and where to: the largest gain not above `missing`, else the
/// smallest gain; of equals the first leg.
fn next_tick(legs: &[LegBook], prices: &[Decimal], missing: Decimal) -> Option<(usize, Decimal)> {
    let moves = legs.iter().zip(prices).enumerate().filter_map(|(index, (leg, price))| {
        let next = leg.better(*price)?;
        Some((index, next, leg.credit(next) - leg.credit(*price)))
    });
    let rank = |gain: Decimal| if gain <= missing { (0, -gain) } else { (1, gain) };
    let best = moves.min_by_key(|(index, _, gain)| (rank(*gain), *index))?;
    Some((best.0, best.1))
}
