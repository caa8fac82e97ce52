use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Factor;
use crate::money::{Usd, to_f64};

/// Figures of closed trades, from their profit after fees. A win is above zero (rulebook §7), a
/// loss below; one at zero is neither, but counts in the mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TradeStats {
    /// Closed trades.
    pub trade_count: usize,
    /// Those with a profit.
    pub trade_wins: usize,
    /// Those with a loss.
    pub trade_losses: usize,
    /// Wins of wins and losses, as a fraction; `None` without either.
    pub trade_win_rate: Option<f64>,
    /// Profits over losses: infinite without losses, zero with neither.
    pub trade_profit_factor: Factor,
    /// Everything together, exact.
    pub trade_pnl_usd: Usd,
    /// The profits, exact.
    pub trade_profits_usd: Usd,
    /// The losses, exact, at or below zero.
    pub trade_losses_usd: Usd,
    /// The mean profit of a trade: what the next one is worth if nothing changes.
    pub trade_expectancy_usd: Option<Usd>,
    /// The mean win.
    pub trade_average_win_usd: Option<Usd>,
    /// The mean loss, below zero.
    pub trade_average_loss_usd: Option<Usd>,
    /// The mean win over the size of the mean loss; `None` without one of them.
    pub trade_payoff: Option<f64>,
    /// The best trade.
    pub trade_best_usd: Option<Usd>,
    /// The worst trade.
    pub trade_worst_usd: Option<Usd>,
    /// Wins and losses in a row.
    #[serde(flatten)]
    pub streaks: Streaks,
}

/// Trades in a row that went the same way; one at zero ends a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streaks {
    /// The most wins in a row.
    #[serde(rename = "trade_longest_winning_run")]
    pub wins: usize,
    /// The most losses in a row.
    #[serde(rename = "trade_longest_losing_run")]
    pub losses: usize,
    /// The row the last trade is in.
    #[serde(rename = "trade_current_run")]
    pub current: Option<Run>,
}

/// A row of trades that went the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Wins, or losses.
    pub won: bool,
    /// How many.
    pub trades: usize,
}

impl TradeStats {
    /// Of the profits of closed trades after fees, in order of closing.
    pub fn of(pnl: &[Usd]) -> Self {
        let wins: Vec<Usd> = pnl.iter().copied().filter(|p| *p > Usd::ZERO).collect();
        let losses: Vec<Usd> = pnl.iter().copied().filter(|p| *p < Usd::ZERO).collect();
        let (profits, lost): (Usd, Usd) =
            (wins.iter().copied().sum(), losses.iter().copied().sum());
        let decided = wins.len() + losses.len();
        let all: Usd = pnl.iter().copied().sum();
        let (average_win, average_loss) = (mean(profits, wins.len()), mean(lost, losses.len()));
        let payoff = average_win.zip(average_loss);
        Self {
            trade_count: pnl.len(),
            trade_wins: wins.len(),
            trade_losses: losses.len(),
            trade_win_rate: (decided > 0).then(|| wins.len() as f64 / decided as f64),
            trade_profit_factor: Factor::of(to_f64(profits.0), to_f64(lost.0.abs())),
            trade_pnl_usd: all,
            trade_profits_usd: profits,
            trade_losses_usd: lost,
            trade_expectancy_usd: mean(all, pnl.len()),
            trade_average_win_usd: average_win,
            trade_average_loss_usd: average_loss,
            trade_payoff: payoff.map(|(win, loss)| to_f64(win.0) / to_f64(loss.0.abs())),
            trade_best_usd: pnl.iter().copied().max(),
            trade_worst_usd: pnl.iter().copied().min(),
            streaks: Streaks::of(pnl),
        }
    }
}

fn mean(sum: Usd, count: usize) -> Option<Usd> {
    (count > 0).then(|| Usd(sum.0 / Decimal::from(count)))
}

impl Streaks {
    fn of(pnl: &[Usd]) -> Self {
        let mut found = Self::default();
        for profit in pnl {
            let won = *profit > Usd::ZERO;
            if *profit == Usd::ZERO {
                found.current = None;
                continue;
            }
            let before = found.current.filter(|run| run.won == won).map_or(0, |run| run.trades);
            let trades = before + 1;
            found.current = Some(Run { won, trades });
            let longest = if won { &mut found.wins } else { &mut found.losses };
            *longest = trades.max(*longest);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::dec;

    use super::*;

    fn of(pnl: &[Decimal]) -> TradeStats {
        TradeStats::of(&pnl.iter().map(|p| Usd(*p)).collect::<Vec<_>>())
    }

    #[test]
    fn no_trade_gives_no_figure_and_a_factor_of_zero() {
        let none = of(&[]);
        assert_eq!(none.trade_profit_factor, Factor::Finite(0.0));
        assert_eq!((none.trade_win_rate, none.trade_payoff), (None, None));
        assert_eq!((none.trade_expectancy_usd, none.trade_best_usd), (None, None));
        assert_eq!(none.streaks, Streaks::default());
        let zeros = of(&[dec!(0), dec!(0)]);
        assert_eq!((zeros.trade_count, zeros.trade_win_rate), (2, None));
        assert_eq!(zeros.trade_profit_factor, Factor::Finite(0.0));
        assert_eq!(zeros.trade_expectancy_usd, Some(Usd::ZERO));
    }

    #[test]
    fn without_a_loss_the_factor_is_infinite_and_there_is_no_payoff() {
        let wins = of(&[dec!(10), dec!(0), dec!(5)]);
        assert_eq!(wins.trade_profit_factor, Factor::Infinite);
        assert_eq!((wins.trade_win_rate, wins.trade_payoff), (Some(1.0), None));
        assert_eq!(wins.trade_expectancy_usd, Some(Usd(dec!(5))));
        let losses = of(&[dec!(-10)]);
        assert_eq!(losses.trade_profit_factor, Factor::Finite(0.0));
        assert_eq!(losses.trade_win_rate, Some(0.0));
    }

    #[test]
    fn a_row_ends_with_the_other_side_and_with_a_trade_at_zero() {
        let run = |won, trades| Some(Run { won, trades });
        let cases = [
            (vec![1, 1, -1, 1, 1, 1], 3, 1, run(true, 3)),
            (vec![-1, -1, 0, -1], 0, 2, run(false, 1)),
            (vec![1, 0], 1, 0, None),
        ];
        for (pnl, wins, losses, current) in cases {
            let pnl: Vec<Decimal> = pnl.into_iter().map(Decimal::from).collect();
            assert_eq!(of(&pnl).streaks, Streaks { wins, losses, current }, "{pnl:?}");
        }
    }

    #[test]
    fn every_name_says_that_it_is_of_trades() {
        let json = serde_json::to_value(of(&[dec!(1), dec!(-2)])).unwrap();
        let names: Vec<&String> = json.as_object().unwrap().keys().collect();
        assert!(names.iter().all(|name| name.starts_with("trade_")), "{names:?}");
    }

    proptest! {
        #[test]
        fn sums_are_exact_and_the_expectancy_is_what_wins_and_losses_make(
            cents in proptest::collection::vec(-1_000_000_i64..1_000_000, 1..60),
        ) {
            let pnl: Vec<Decimal> = cents.iter().map(|c| Decimal::new(*c, 2)).collect();
            let found = of(&pnl);
            prop_assert_eq!(found.trade_pnl_usd.0, Decimal::new(cents.iter().sum(), 2));
            prop_assert_eq!(found.trade_profits_usd + found.trade_losses_usd, found.trade_pnl_usd);
            let decided = found.trade_wins + found.trade_losses;
            prop_assert!(decided <= found.trade_count);
            if let Some(rate) = found.trade_win_rate.filter(|_| decided == pnl.len()) {
                let side = |usd: Option<Usd>| usd.map_or(0.0, |usd| to_f64(usd.0));
                let made = rate * side(found.trade_average_win_usd)
                    + (1.0 - rate) * side(found.trade_average_loss_usd);
                prop_assert!((made - side(found.trade_expectancy_usd)).abs() < 1e-6);
            }
            prop_assert!(found.trade_worst_usd <= found.trade_best_usd);
            prop_assert!(found.streaks.wins <= found.trade_wins);
            let back: TradeStats =
                serde_json::from_str(&serde_json::to_string(&found).unwrap()).unwrap();
            prop_assert_eq!(back.trade_pnl_usd, found.trade_pnl_usd);
        }
    }
}
