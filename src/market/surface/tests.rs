use super::*;
use crate::{
    config::market::tests::settings,
    instrument::Right,
    pricing::{Expiry, Model},
};

const NONE: TermRatios = TermRatios { nine_days: None, three_months: None };

/// The S&P 500 at a VIX.
fn index(level: f64) -> Own {
    Own { level, long_run: settings().surface.long_run_vol, skew: 1.0 }
}

fn smile(level: f64, tenor: Tenor) -> Smile {
    Smile::new(&settings().surface, index(level), NONE, tenor, 5000.0)
}

fn days(days: f64) -> Tenor {
    Tenor { years: days / 365.0, sessions: days * 252.0 / 365.0 }
}

/// Design §9: variance left = VIX² / 252 × 0.75 × the part of the session left, as volatility on
/// the calendar minutes left.
#[test]
fn a_same_day_expiry_has_the_sessions_share_of_a_day_of_vix() {
    for left in [1.0, 330.0 / 390.0, 0.1] {
        let tenor = Tenor { years: left * 390.0 / 525_600.0, sessions: 0.75 * left };
        let vol = smile(16.0, tenor).at_forward;
        let total = vol * vol * tenor.years;
        assert!((total - 0.16 * 0.16 / 252.0 * 0.75 * left).abs() < 1e-12, "{left}");
    }
}

#[test]
fn thirty_days_is_vix_and_the_other_tenors_are_their_indices() {
    let ratios = TermRatios { nine_days: Some(1.1), three_months: Some(0.9) };
    let settings = settings().surface;
    for level in [10.0, 16.0, 40.0] {
        let vol =
            |d| Smile::new(&settings, index(level), ratios, days(d), 5000.0).at_forward * 100.0;
        assert!((vol(30.0) - level).abs() < 1e-9, "{level}");
        assert!((vol(93.0) - 0.9 * level).abs() < 1e-9, "{level}");
        let nine = vol(9.0) / level;
        assert!((nine - 1.1).abs() < 0.01, "nine days of {level}: {nine}");
    }
}

#[test]
fn without_other_indices_calm_slopes_up_and_a_storm_down() {
    let vol = |level, d| smile(level, days(d)).at_forward;
    assert!(vol(12.0, 9.0) < vol(12.0, 30.0) && vol(12.0, 30.0) < vol(12.0, 365.0));
    assert!(vol(45.0, 9.0) > vol(45.0, 30.0) && vol(45.0, 30.0) > vol(45.0, 365.0));
    assert!(vol(45.0, 365.0) > 0.21, "pulled towards the long run, not through it");
}

#[test]
fn puts_are_dearer_than_calls_and_shorter_expiries_steeper() {
    for tenor in [days(1.0), days(30.0), days(120.0)] {
        let smile = smile(16.0, tenor);
        let spread = 0.03 * 5000.0;
        assert!(smile.vol(5000.0 - spread) > smile.vol(5000.0));
        assert!(smile.vol(5000.0 - spread) > smile.vol(5000.0 + spread));
    }
    let steep = |d| smile(16.0, days(d)).vol(4950.0) / smile(16.0, days(d)).at_forward;
    assert!(steep(1.0) > steep(30.0) && steep(30.0) > steep(120.0));
}

/// No strike's price may offer a sure gain: puts rise with the strike, by no more than the
/// strike does, and ever faster (a butterfly costs something).
#[test]
fn prices_across_strikes_leave_no_sure_gain() {
    for level in [9.0, 16.0, 40.0, 80.0] {
        for tenor in [
            Tenor { years: 60.0 / 525_600.0, sessions: 0.75 * 60.0 / 390.0 },
            Tenor { years: 330.0 / 525_600.0, sessions: 0.75 * 330.0 / 390.0 },
            days(7.0),
            days(30.0),
            days(120.0),
        ] {
            let smile = smile(level, tenor);
            let expiry = Expiry::new(Model::Black76, 5000.0, 0.05, 0.0, tenor.years);
            let width = smile.deviation * 5000.0;
            // Within the range where options are worth a tick.
            let strikes = (-40..=40).map(|i| 5000.0 + f64::from(i) * width / 10.0);
            let strikes: Vec<f64> = strikes.filter(|k| *k > 500.0).collect();
            let puts: Vec<f64> =
                strikes.iter().map(|k| expiry.price(*k, smile.vol(*k), Right::Put).price).collect();
            for (i, w) in puts.windows(3).enumerate() {
                let place =
                    format!("level {level}, {} days, strike {}", tenor.days(), strikes[i + 1]);
                assert!(w[1] >= w[0] && w[1] - w[0] <= width / 10.0, "slope at {place}");
                assert!(w[0] + w[2] - 2.0 * w[1] >= -1e-9, "butterfly at {place}");
            }
        }
    }
}
