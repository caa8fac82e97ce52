//! The VIX table: how much buying power may be used (rulebook §1).

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::config::rulebook::{CrisisMode, VixRules};

/// What a band of VIX allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VixMode {
    /// Every strategy.
    Normal,
    /// All but strangles.
    NoStrangles,
    /// Short puts only, at most one position a session.
    PutsOnly,
    /// Exits and defence only.
    ManageOnly,
}

impl VixMode {
    /// The word in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::NoStrangles => "no_strangles",
            Self::PutsOnly => "puts_only",
            Self::ManageOnly => "manage_only",
        }
    }
}

/// The band VIX lies in, and what it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VixCap {
    /// Most buying power used, percent of sizing capital.
    pub cap_percent: Decimal,
    /// What may be opened.
    pub mode: VixMode,
    /// The band.
    pub band: Band,
}

/// A band of VIX with the level in it, for people: `VIX 12.6 < 13`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// The level.
    pub vix: Decimal,
    /// Lower bound, and whether a level equal to it belongs to the band.
    pub from: Option<(Decimal, bool)>,
    /// Upper bound, and whether a level equal to it belongs to the band.
    pub to: Option<(Decimal, bool)>,
}

impl fmt::Display for Band {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = |inclusive| if inclusive { "<=" } else { "<" };
        match (self.from, self.to) {
            (Some((from, inclusive)), None) => {
                let sign = if inclusive { ">=" } else { ">" };
                write!(f, "VIX {} {sign} {from}", self.vix)
            }
            (from, to) => {
                if let Some((from, inclusive)) = from {
                    write!(f, "{from} {} ", sign(inclusive))?;
                }
                write!(f, "VIX {}", self.vix)?;
                to.map_or(Ok(()), |(to, inclusive)| write!(f, " {} {to}", sign(inclusive)))
            }
        }
    }
}

/// The cap and mode of a VIX level. A table without a band for it allows nothing.
pub fn vix_cap(rules: &VixRules, vix: Decimal) -> VixCap {
    let mut from = None;
    for band in &rules.bands {
        let to = band.below.map(|bound| (bound, band.inclusive));
        if to.is_none_or(|(bound, inclusive)| vix < bound || (inclusive && vix == bound)) {
            let mode = mode(rules.crisis, band.strangles, to.is_none());
            return VixCap { cap_percent: band.cap_percent, mode, band: Band { vix, from, to } };
        }
        from = to.map(|(bound, inclusive)| (bound, !inclusive));
    }
    let band = Band { vix, from, to: None };
    VixCap { cap_percent: Decimal::ZERO, mode: VixMode::ManageOnly, band }
}

fn mode(crisis: CrisisMode, strangles: bool, top: bool) -> VixMode {
    match (top, crisis, strangles) {
        (true, CrisisMode::PutsOnly, _) => VixMode::PutsOnly,
        (true, CrisisMode::ManageOnly, _) => VixMode::ManageOnly,
        (false, _, true) => VixMode::Normal,
        (false, _, false) => VixMode::NoStrangles,
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::config::Rulebook;

    #[test]
    fn each_band_has_its_cap_and_mode_up_to_its_bound() {
        use VixMode::{NoStrangles, Normal, PutsOnly};
        let cases = [
            (dec!(0.01), dec!(45), NoStrangles, "VIX 0.01 < 13"),
            (dec!(12.99), dec!(45), NoStrangles, "VIX 12.99 < 13"),
            (dec!(13.00), dec!(65), Normal, "13 <= VIX 13.00 < 18"),
            (dec!(17.99), dec!(65), Normal, "13 <= VIX 17.99 < 18"),
            (dec!(18.00), dec!(75), Normal, "18 <= VIX 18.00 < 25"),
            (dec!(24.99), dec!(75), Normal, "18 <= VIX 24.99 < 25"),
            (dec!(25.00), dec!(50), Normal, "25 <= VIX 25.00 <= 30"),
            (dec!(30.00), dec!(50), Normal, "25 <= VIX 30.00 <= 30"),
            (dec!(30.01), dec!(80), PutsOnly, "VIX 30.01 > 30"),
            (dec!(89.53), dec!(80), PutsOnly, "VIX 89.53 > 30"),
        ];
        let rules = Rulebook::embedded().vix;
        for (vix, cap_percent, mode, text) in cases {
            let cap = vix_cap(&rules, vix);
            let got = (cap.cap_percent, cap.mode, cap.band.to_string());
            assert_eq!(got, (cap_percent, mode, text.to_owned()), "VIX {vix}");
        }
    }

    #[test]
    fn manage_only_replaces_puts_only_above_the_last_bound_and_nowhere_else() {
        let mut rules = Rulebook::embedded().vix;
        rules.crisis = CrisisMode::ManageOnly;
        assert_eq!(vix_cap(&rules, dec!(30.01)).mode, VixMode::ManageOnly);
        assert_eq!(vix_cap(&rules, dec!(30)).mode, VixMode::Normal);
        assert_eq!(vix_cap(&rules, dec!(10)).mode, VixMode::NoStrangles);
    }

    #[test]
    fn a_table_without_a_band_for_a_level_allows_nothing() {
        let mut rules = Rulebook::embedded().vix;
        rules.bands.pop();
        let cap = vix_cap(&rules, dec!(40));
        assert_eq!((cap.cap_percent, cap.mode), (dec!(0), VixMode::ManageOnly));
    }
}
