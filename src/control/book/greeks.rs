//! `greeks`: of the whole book and of each position, in dollars.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::{Known, usd};
use crate::{
    account::{
        Position, PositionId, StrategyId,
        exposure::{Exposure, Holder},
    },
    clock::Timestamp,
    control::look::Marked,
    desk::describe,
    money::{Usd, to_f64},
};

/// Greeks in dollars: what the book wins by each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GreekFigures {
    /// For a rise of one percent in the underlying; in every one at once for the book.
    pub delta_one_percent_usd: Usd,
    /// What that figure grows by after such a rise.
    pub gamma_one_percent_usd: Usd,
    /// For a calendar day, or what is left to its expiry where that is less.
    pub theta_day_usd: Usd,
    /// For a rise of one point in implied volatility.
    pub vega_point_usd: Usd,
}

impl GreekFigures {
    /// Of legs with their market.
    pub fn of(legs: &[Exposure]) -> Self {
        let (mut delta, mut gamma, mut theta, mut vega) = (0.0, 0.0, 0.0, 0.0);
        for leg in legs {
            let (size, percent) = (leg.dollars_a_point(), to_f64(leg.underlying) / 100.0);
            match leg.priced() {
                Some(priced) => {
                    delta += size * priced.delta * percent;
                    gamma += size * priced.gamma * percent * percent;
                    theta += leg.theta_day_usd();
                    vega += size * priced.vega;
                }
                None => delta += size * percent,
            }
        }
        Self {
            delta_one_percent_usd: usd(delta),
            gamma_one_percent_usd: usd(gamma),
            theta_day_usd: usd(theta),
            vega_point_usd: usd(vega),
        }
    }

    /// Both together.
    #[must_use]
    fn and(self, more: Self) -> Self {
        Self {
            delta_one_percent_usd: self.delta_one_percent_usd + more.delta_one_percent_usd,
            gamma_one_percent_usd: self.gamma_one_percent_usd + more.gamma_one_percent_usd,
            theta_day_usd: self.theta_day_usd + more.theta_day_usd,
            vega_point_usd: self.vega_point_usd + more.vega_point_usd,
        }
    }
}

/// Greeks of everything held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GreeksView {
    /// This moment.
    pub at: Timestamp,
    /// Of all positions that are priced.
    pub book: GreekFigures,
    /// What a rise of one percent brings, percent of net liquidation; `None` where that is not known.
    pub rise_one_percent_of_net_percent: Option<f64>,
    /// Each position.
    pub positions: Vec<GreekLine>,
    /// Positions the market has said nothing of yet.
    pub unpriced: Vec<PositionId>,
}

/// One position's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GreekLine {
    /// The position.
    pub position: PositionId,
    /// Whose.
    pub strategy: StrategyId,
    /// In words.
    pub what: String,
    /// Its Greeks.
    #[serde(flatten)]
    pub greeks: GreekFigures,
    /// The moment of its marks.
    pub marks_at: Timestamp,
}

/// The Greeks of what is held.
pub fn of(known: &Known<'_>) -> GreeksView {
    let mut view = GreeksView {
        at: known.snapshot.now,
        book: GreekFigures::default(),
        rise_one_percent_of_net_percent: None,
        positions: Vec::new(),
        unpriced: Vec::new(),
    };
    for position in &known.snapshot.positions {
        let Some(marked) = known.marks(position) else {
            view.unpriced.push(position.id.clone());
            continue;
        };
        let greeks = GreekFigures::of(&marked.legs);
        view.book = view.book.and(greeks);
        view.positions.push(GreekLine {
            position: position.id.clone(),
            strategy: position.strategy,
            what: describe::position(position),
            greeks,
            marks_at: marked.at,
        });
    }
    let net = known.snapshot.balances.map(|balances| balances.net_liquidation_usd);
    view.rise_one_percent_of_net_percent = net.filter(|net| net.is_positive()).map(|net| {
        let share = view.book.delta_one_percent_usd.0 / net.0 * Decimal::ONE_HUNDRED;
        to_f64(share.round_dp(4))
    });
    view
}

impl Known<'_> {
    /// A position's marks, where they are of all it holds now.
    pub(super) fn marks(&self, position: &Position) -> Option<&Marked> {
        let marked = self.looked.marks.get(&Holder::Position(position.id.clone()))?;
        let mut open = position.legs.iter().filter(|leg| leg.quantity != 0);
        let whole = open.all(|leg| {
            marked
                .legs
                .iter()
                .any(|of| of.instrument == leg.instrument && of.quantity == leg.quantity)
        });
        whole.then_some(marked)
    }
}
