//! Each leg at each shock of its class.

use super::{Kind, Tables, Unclassed, Worst};
use crate::{
    account::exposure::Exposure,
    config::stress::{Shock, StressRules},
    instrument::{Instrument, Product},
    money::{round_half_up, to_f64},
};

/// The loss of what no model can price: beyond any account.
const WITHOUT_END: f64 = 1e15;

/// One shock of one class.
pub(super) struct Blow<'a> {
    /// What kind of scenario it is alone.
    pub(super) kind: Kind,
    /// The class, by its place in the table.
    pub(super) class: usize,
    /// Its place among the shocks of its kind and class.
    pub(super) place: usize,
    shock: Shock,
    /// The class or the date.
    of: &'a str,
    /// Factor of the spot.
    spot: f64,
    /// Points of volatility at 30 days, as a decimal.
    vol: f64,
}

impl Blow<'_> {
    /// `equity -5 % IV +25`, or the window's date.
    pub(super) fn name(&self) -> String {
        if self.kind == Kind::Window {
            return self.of.to_owned();
        }
        let figure = |value| round_half_up(value, 2).normalize();
        let Shock { spot_percent, iv_points } = self.shock;
        format!("{} {:+} % IV {:+}", self.of, figure(spot_percent), figure(iv_points))
    }
}

/// Every shock, in the table's order, then the windows.
pub(super) fn blows(rules: &StressRules) -> Vec<Blow<'_>> {
    let mut blows = Vec::new();
    for (class, shocks) in rules.classes.iter().enumerate() {
        for (kind, list) in [(Kind::First, &shocks.first), (Kind::Tail, &shocks.tail)] {
            for (place, shock) in list.iter().enumerate() {
                blows.push(blow(kind, class, place, *shock, &shocks.name));
            }
        }
    }
    for (place, window) in rules.windows.iter().enumerate() {
        let class = rules.classes.iter().position(|class| class.name == window.class);
        let blow = |class| blow(Kind::Window, class, place, window.shock(), &window.name);
        blows.extend(class.map(blow));
    }
    blows
}

fn blow(kind: Kind, class: usize, place: usize, shock: Shock, of: &str) -> Blow<'_> {
    let spot = 1.0 + to_f64(shock.spot_percent) / 100.0;
    Blow { kind, class, place, shock, of, spot, vol: to_f64(shock.iv_points) / 100.0 }
}

/// One leg: what it loses at each shock; nothing at those of other classes.
pub(super) struct Shocked<'a> {
    pub(super) exposure: &'a Exposure,
    /// Its class, by its place in the table.
    pub(super) class: usize,
    /// What it moves with: the place of its group, or of the first equity group.
    pub(super) block: usize,
    /// Dollars, by shock.
    pub(super) losses: Vec<f64>,
}

impl Shocked<'_> {
    /// What it loses where its block takes this alternative.
    pub(super) fn at(&self, blows: &[Blow<'_>], worst: &Worst) -> f64 {
        let wanted =
            |b: &Blow<'_>| b.kind == worst.kind && b.class == self.class && b.place == worst.place;
        let number = blows.iter().position(wanted);
        number.map_or(0.0, |number| self.losses[number])
    }
}

/// Every leg at every shock.
pub(super) fn all<'a>(
    tables: Tables<'_>,
    book: &'a [Exposure],
    blows: &[Blow<'_>],
) -> Result<Vec<Shocked<'a>>, Unclassed> {
    book.iter().map(|exposure| shocked(tables, exposure, blows)).collect()
}

fn shocked<'a>(
    tables: Tables<'_>,
    exposure: &'a Exposure,
    blows: &[Blow<'_>],
) -> Result<Shocked<'a>, Unclassed> {
    let product = exposure.instrument.product();
    let symbol = product.symbol();
    let unclassed = Unclassed(product);
    let class = tables.stress.class_of(symbol).ok_or(unclassed)?.0;
    let block = block(tables, product).ok_or(unclassed)?;
    let now = exposure.value_now();
    let underlying = to_f64(exposure.underlying);
    let share = term_share(tables.stress, exposure.days());
    let floor = to_f64(tables.stress.iv_floor) / 100.0;
    let vol = exposure.implied_volatility;
    let is_option = matches!(exposure.instrument, Instrument::Option(_));
    let loss = |blow: &Blow<'_>| {
        if blow.class != class {
            return 0.0;
        }
        let moved = if is_option { (vol + blow.vol * share).max(floor.min(vol)) } else { vol };
        let loss = now - exposure.value(underlying * blow.spot, moved);
        if vol.is_finite() && loss.is_finite() { loss } else { WITHOUT_END }
    };
    Ok(Shocked { exposure, class, block, losses: blows.iter().map(loss).collect() })
}

/// What moves with a product: its group; of the equity groups, the first.
fn block(tables: Tables<'_>, product: Product) -> Option<usize> {
    let (place, group) = tables.groups.of(product.symbol())?;
    if !group.equity {
        return Some(place);
    }
    tables.groups.table.iter().position(|group| group.equity)
}

/// How much of a shock of 30 days an expiry takes: (30 / days)^0.4 beyond, all of it before.
fn term_share(rules: &StressRules, days: f64) -> f64 {
    let at = to_f64(rules.iv_days);
    if days <= at { 1.0 } else { libm::pow(at / days, to_f64(rules.iv_power)) }
}
