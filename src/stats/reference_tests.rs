//! Oracle: empyrical 0.5.5 and quantstats 0.0.86 on one series (domain reference §6), which agree
//! where it does not say otherwise; trade figures by their definitions there.

use chrono::NaiveDate;
use proptest::prelude::*;
use rust_decimal::{Decimal, dec};

use super::*;
use crate::money::Usd;

const SERIES: [f64; 10] = [0.01, -0.02, 0.015, 0.005, -0.01, 0.02, -0.005, 0.0, 0.012, -0.008];

fn returns(values: &[f64]) -> Returns {
    Returns::new(values.iter().copied()).unwrap()
}

fn stats(values: &[f64]) -> PeriodStats {
    PeriodStats::of(&returns(values))
}

/// To 1e-12 where the reference has that many digits, else to all the digits it has.
fn close(name: &str, found: Option<f64>, wanted: f64, within: f64) {
    let found = found.unwrap_or_else(|| panic!("{name} is none"));
    assert!((found - wanted).abs() < within, "{name}: {found}, not {wanted}");
}

#[test]
fn the_figures_of_periods_are_those_of_the_libraries() {
    let found = stats(&SERIES);
    for (name, found, wanted) in [
        ("total return", found.period_total_return, 0.018_427_658_150_514_947),
        ("CAGR", found.period_cagr, 0.584_311_841_191_475_2),
        ("volatility", found.period_volatility, 0.201_278_910_966_847_22),
        ("Sharpe", found.period_sharpe, 2.378_788_705_185_629),
        ("Sortino", found.period_sortino, 3.930_033_242_902_988),
        ("drawdown", found.period_max_drawdown, -0.02),
        ("omega", found.period_profit_factor.and_then(Factor::finite), 1.441_860_465_116_279_2),
        ("win rate", found.period_win_rate, 5.0 / 9.0),
        ("historical VaR", found.tail.period_var_historical, -0.0155),
        ("historical CVaR", found.tail.period_cvar_historical, -0.02),
    ] {
        close(name, found, wanted, 1e-12);
    }
    close("Calmar", found.period_calmar, 29.2156, 5e-5);
    close("payoff", found.period_payoff, 1.153_488_372_1, 5e-11);
    close("Gaussian VaR", found.tail.period_var_gaussian, -0.018_956, 5e-7);
    close("Gaussian CVaR", found.tail.period_cvar_gaussian, -0.024_254, 5e-7);
    assert_eq!(found.period_count, 10);
    assert_eq!((found.period_best, found.period_worst), (Some(0.02), Some(-0.02)));
}

#[test]
fn a_loss_of_the_first_period_counts_as_a_drawdown() {
    close("drawdown", stats(&[-0.10, 0.05, -0.02, 0.03]).period_max_drawdown, -0.10, 1e-12);
}

#[test]
fn the_figures_of_trades_are_those_of_their_definitions() {
    let trades = [120, -80, 60, -200, 150, 90, -40].map(|usd| Usd(Decimal::from(usd)));
    let found = TradeStats::of(&trades);
    close("win rate", found.trade_win_rate, 4.0 / 7.0, 1e-12);
    close("profit factor", found.trade_profit_factor.finite(), 420.0 / 320.0, 1e-12);
    close("payoff", found.trade_payoff, 0.984_375, 1e-12);
    assert_eq!(found.trade_average_win_usd, Some(Usd(dec!(105))));
    let shown = |usd: Option<Usd>| usd.unwrap().0.round_dp(6);
    assert_eq!(shown(found.trade_average_loss_usd), dec!(-106.666667));
    assert_eq!(shown(found.trade_expectancy_usd), dec!(14.285714));
    assert_eq!(found.trade_pnl_usd, Usd(dec!(100)));
}

#[test]
fn money_paid_in_makes_no_return() {
    let stretch = |start, end| SubPeriod { start, end };
    let found =
        time_weighted(&[stretch(dec!(100000), dec!(104000)), stretch(dec!(124000), dec!(121000))]);
    close("time-weighted", found.ok(), 1.04 * (121.0 / 124.0) - 1.0, 1e-15);
    close("time-weighted", found.ok(), 0.014_838_71, 5e-9);
    let day = |n: i64| NaiveDate::from_ymd_opt(2026, 4, 1).unwrap() + chrono::TimeDelta::days(n);
    let flow = DatedFlow { date: day(10), amount: dec!(20000) };
    let (start, end) = ((day(0), dec!(100000)), (day(30), dec!(121000)));
    close("modified Dietz", modified_dietz(start, end, &[flow]).ok(), 0.008_823_53, 5e-9);
    let simple = modified_dietz(start, end, &[DatedFlow { date: day(0), ..flow }]);
    close("all at the start", simple.ok(), 0.008_333_33, 5e-9);
}

#[test]
fn what_cannot_be_had_is_refused_or_none() {
    let stretch = SubPeriod { start: dec!(0), end: dec!(1) };
    let none = FlowError::NoCapital { capital: dec!(0) };
    assert_eq!(time_weighted(&[stretch]), Err(none));
    assert_eq!(time_weighted(&[]), Ok(0.0));
    let day = |n| NaiveDate::from_ymd_opt(2026, 4, n).unwrap();
    let (start, end) = ((day(1), dec!(100)), (day(30), dec!(110)));
    let paid = |date, amount| [DatedFlow { date, amount }];
    assert_eq!(
        modified_dietz(end, start, &[]).unwrap_err().to_string(),
        "the end 2026-04-01 does not come after the start 2026-04-30"
    );
    let outside = FlowError::Outside {
        date: NaiveDate::from_ymd_opt(2026, 5, 1).unwrap(),
        start: day(1),
        end: day(30),
    };
    let late = NaiveDate::from_ymd_opt(2026, 5, 1).unwrap();
    assert_eq!(modified_dietz(start, end, &paid(late, dec!(1))), Err(outside));
    let all_out = modified_dietz(start, end, &paid(day(1), dec!(-100)));
    assert_eq!(all_out, Err(none));
}

/// Every figure of a series, by name.
fn figures(stats: &PeriodStats) -> Vec<(String, serde_json::Value)> {
    let json = serde_json::to_value(stats).unwrap();
    json.as_object().unwrap().clone().into_iter().collect()
}

#[test]
fn every_name_says_that_it_is_of_periods() {
    let names = figures(&stats(&SERIES));
    assert!(names.iter().all(|(name, _)| name.starts_with("period_")), "{names:?}");
    assert!(names.len() > 20, "{names:?}");
    // Not by way of text: serde_json reads some numbers back with another last bit.
    let json = serde_json::to_value(stats(&SERIES)).unwrap();
    assert_eq!(serde_json::from_value::<PeriodStats>(json).unwrap(), stats(&SERIES));
}

#[test]
fn too_few_returns_give_no_figure() {
    let none = stats(&[]);
    assert!(figures(&none).iter().all(|(_, value)| value.is_null() || value == 0));
    let one = stats(&[0.01]);
    assert_eq!((one.period_volatility, one.period_sharpe), (None, None));
    assert_eq!((one.period_sortino, one.period_calmar, one.period_payoff), (None, None, None));
    assert_eq!(one.period_profit_factor, Some(Factor::Infinite));
    assert_eq!((one.period_win_rate, one.period_max_drawdown), (Some(1.0), Some(0.0)));
    assert_eq!(one.tail.period_var_historical, Some(0.01));
    assert_eq!((one.tail.period_var_gaussian, one.tail.period_cvar_gaussian), (None, None));
    close("total", one.period_total_return, 0.01, 1e-15);
    close("CAGR", one.period_cagr, 1.01_f64.powi(252) - 1.0, 1e-9);
}

#[test]
fn what_does_not_vary_has_no_sharpe_ratio() {
    for value in [0.0, 0.001, -0.1] {
        let flat = stats(&[value; 7]);
        assert_eq!((flat.period_volatility, flat.period_sharpe), (Some(0.0), None), "{value}");
    }
    let zeros = stats(&[0.0; 5]);
    assert_eq!((zeros.period_cagr, zeros.period_win_rate), (Some(0.0), None));
    assert_eq!((zeros.period_sortino, zeros.period_calmar), (None, None));
    assert_eq!(zeros.period_profit_factor, Some(Factor::Finite(0.0)));
}

#[test]
fn a_loss_of_more_than_everything_has_no_yearly_rate() {
    assert_eq!(stats(&[-1.0]).period_cagr, Some(-1.0));
    assert_eq!(stats(&[-1.5]).period_cagr, None);
    assert_eq!(stats(&[f64::MAX, f64::MAX]).period_total_return, None);
}

proptest! {
    /// However wild the returns, no figure is NaN or infinite.
    #[test]
    fn no_figure_is_anything_but_a_number(
        values in proptest::collection::vec(
            prop_oneof![-2.0_f64..3.0, Just(0.0), Just(-1.0), -1e-300..1e-300, -1e300..1e300],
            0..40,
        ),
    ) {
        for (name, value) in figures(&stats(&values)) {
            let fine = value.is_null() || value.is_u64() || value == "infinite"
                || value.as_f64().is_some_and(f64::is_finite);
            prop_assert!(fine, "{name} = {value}");
        }
    }

    #[test]
    fn leverage_scales_what_scales_and_leaves_what_does_not(
        values in proptest::collection::vec(-0.02_f64..0.02, 3..60), factor in 1.1_f64..3.0,
    ) {
        let (plain, levered) =
            (stats(&values), stats(&values.iter().map(|v| v * factor).collect::<Vec<_>>()));
        let near = |a: Option<f64>, b: Option<f64>, by: f64| match (a, b) {
            (Some(a), Some(b)) => (a * by - b).abs() <= 1e-6 * b.abs().max(1e-6),
            (a, b) => a == b,
        };
        prop_assert!(near(plain.period_volatility, levered.period_volatility, factor));
        prop_assert!(near(plain.period_sharpe, levered.period_sharpe, 1.0));
        prop_assert!(near(plain.period_sortino, levered.period_sortino, 1.0));
        prop_assert!(near(plain.period_payoff, levered.period_payoff, 1.0));
        let tails = (plain.tail, levered.tail);
        prop_assert!(near(tails.0.period_var_gaussian, tails.1.period_var_gaussian, factor));
        prop_assert!(near(tails.0.period_cvar_historical, tails.1.period_cvar_historical, factor));
        prop_assert_eq!(plain.period_win_rate, levered.period_win_rate);
        prop_assert!(plain.tail.period_cvar_historical <= plain.tail.period_var_historical);
        prop_assert!(plain.tail.period_cvar_gaussian <= plain.tail.period_var_gaussian);
        prop_assert!(levered.period_max_drawdown <= plain.period_max_drawdown);
    }
}
