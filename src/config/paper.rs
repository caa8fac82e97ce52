//! `[paper]`: the paper account and its venue.

use chrono::NaiveTime;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::instrument::Product;

/// Settings of the paper account and of its venue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperSettings {
    /// The balance the account starts with, pounds; held in dollars at the rate of the start.
    pub starting_balance_gbp: Decimal,
    /// The flags the venue reports.
    pub status: PaperStatus,
    /// When and at what price orders fill.
    pub fills: FillSettings,
    /// Who is assigned before expiry.
    pub assignment: AssignmentSettings,
    /// Fees by product: each product in one row, which may be of several.
    pub fees: Vec<FeeSettings>,
}

/// `[paper.status]`: the account's flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // the broker's own flags, one each
pub struct PaperStatus {
    /// Only closing orders are accepted.
    pub closing_only: bool,
    /// Nothing is accepted.
    pub frozen: bool,
    /// In a margin call: only closing orders are accepted.
    pub margin_call: bool,
    /// Futures and their options may be traded.
    pub futures_enabled: bool,
}

/// `[paper.fills]`: the fill model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FillSettings {
    /// Seed of the draws; the same seed and orders give the same fills.
    pub seed: u64,
    /// Seconds between looks at an order near the market, above zero.
    pub near_grid_seconds: u32,
    /// Seconds between looks at an order far from it, a multiple of the near grid.
    pub far_grid_seconds: u32,
    /// Far is a limit better than mid by more than so many half spreads of the whole order.
    pub far_half_spreads: Decimal,
    /// Chance of a fill at each look with the limit at mid, percent.
    pub chance_at_mid_percent: Decimal,
    /// The same with the limit next to natural; in between it grows evenly.
    pub chance_near_natural_percent: Decimal,
    /// Of that chance, percent, at the back of the queue: when the order has just begun to rest.
    pub queue_start_percent: Decimal,
    /// Seconds at one price until the chance is whole.
    pub queue_seconds: u32,
    /// A leg displays one contract for so many of open interest.
    pub open_interest_a_contract: u32,
    /// Most contracts a leg displays; the least is one.
    pub displayed_contracts_max: u32,
    /// Seconds until the size that a fill took is displayed again.
    pub size_back_seconds: u32,
    /// Nothing fills on a leg wider than so much of its mid, percent,
    pub wide_quote_percent: Decimal,
    /// and wider than so many ticks.
    pub wide_quote_ticks: u32,
    /// Nothing fills on a quote older than this, seconds.
    pub stale_quote_seconds: u32,
    /// Chance that a unit's legs fill one by one over several looks, percent.
    pub uneven_fill_percent: Decimal,
    /// Chance that the venue or its exchange rejects an order for no reason of ours, percent.
    pub reject_percent: Decimal,
}

/// `[paper.assignment]`: early assignment of short American options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssignmentSettings {
    /// Chance a night for each short held that is worth assigning, percent.
    pub early_percent: Decimal,
    /// Worth assigning: in the money by at least so much of the strike, percent.
    pub depth_percent: Decimal,
    /// And with at most so much extrinsic value, percent of the strike.
    pub extrinsic_percent: Decimal,
    /// When it is booked, New York, on the mornings of sessions.
    pub booked_at: NaiveTime,
}

/// `[[paper.fees]]`: what one contract (or share) of its products costs, dollars a side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeeSettings {
    /// The products, at least one.
    pub products: Vec<Product>,
    /// Commission of an option opened.
    pub option_open_usd: Decimal,
    /// Commission of an option closed.
    pub option_close_usd: Decimal,
    /// Exchange fee of an option, the proprietary index fee included, either way.
    pub option_exchange_usd: Decimal,
    /// Clearing fee of an option, either way.
    pub option_clearing_usd: Decimal,
    /// Regulatory fee of an option, either way.
    pub option_regulatory_usd: Decimal,
    /// All fees of one future or one share, either way.
    pub outright_usd: Decimal,
    /// Exercise or assignment of one option into a future or shares.
    pub exercise_usd: Decimal,
}

impl PaperSettings {
    /// The fees of a product, where a row gives them.
    pub fn fees_of(&self, product: Product) -> Option<&FeeSettings> {
        self.fees.iter().find(|row| row.products.contains(&product))
    }

    /// What is wrong with the settings, in words with key and bound; nothing when all is right.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = self.fills.faults();
        if self.starting_balance_gbp <= Decimal::ZERO {
            let found = self.starting_balance_gbp;
            faults.push(format!("paper.starting_balance_gbp = {found}: must be above 0"));
        }
        for product in Product::ALL {
            let named = self.fees.iter().flat_map(|row| &row.products);
            let rows = named.filter(|named| *named == product).count();
            if rows != 1 {
                faults.push(format!("paper.fees: {rows} rows for {product}, must be 1"));
            }
        }
        faults.extend(self.assignment.faults());
        faults.extend(self.fees.iter().filter_map(FeeSettings::fault));
        faults
    }
}

impl FillSettings {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut check = |fine: bool, text: &str| {
            if !fine {
                faults.push(format!("paper.fills.{text}"));
            }
        };
        let (near, far) = (self.near_grid_seconds, self.far_grid_seconds);
        check(near > 0, "near_grid_seconds: must be above 0");
        check(
            near > 0 && far >= near && far % near == 0,
            "far_grid_seconds: must be a multiple of near_grid_seconds",
        );
        check(self.far_half_spreads > Decimal::ZERO, "far_half_spreads: must be above 0");
        let hundred = Decimal::ONE_HUNDRED;
        let percent = |value: Decimal| (Decimal::ZERO..=hundred).contains(&value);
        check(percent(self.chance_at_mid_percent), "chance_at_mid_percent: must be 0 to 100");
        check(
            percent(self.chance_near_natural_percent),
            "chance_near_natural_percent: must be 0 to 100",
        );
        check(self.open_interest_a_contract > 0, "open_interest_a_contract: must be above 0");
        check(self.displayed_contracts_max > 0, "displayed_contracts_max: must be above 0");
        check(self.stale_quote_seconds > 0, "stale_quote_seconds: must be above 0");
        check(percent(self.queue_start_percent), "queue_start_percent: must be 0 to 100");
        check(self.queue_seconds <= 3_600, "queue_seconds: must be 0 to 3600");
        check(self.size_back_seconds <= 3_600, "size_back_seconds: must be 0 to 3600");
        check(self.wide_quote_percent > Decimal::ZERO, "wide_quote_percent: must be above 0");
        check(percent(self.uneven_fill_percent), "uneven_fill_percent: must be 0 to 100");
        check(percent(self.reject_percent), "reject_percent: must be 0 to 100");
        faults
    }
}

impl AssignmentSettings {
    /// The stock market's opening: what is assigned early is booked before it.
    const BEFORE: NaiveTime = NaiveTime::from_hms_opt(9, 30, 0).expect("half past nine is a time");

    fn faults(&self) -> Vec<String> {
        let percents = [
            ("early_percent", self.early_percent),
            ("depth_percent", self.depth_percent),
            ("extrinsic_percent", self.extrinsic_percent),
        ];
        let wrong = percents
            .into_iter()
            .filter(|(_, value)| !(Decimal::ZERO..=Decimal::ONE_HUNDRED).contains(value));
        let text = |(key, value)| format!("paper.assignment.{key} = {value}: must be 0 to 100");
        let mut faults: Vec<String> = wrong.map(text).collect();
        if self.booked_at >= Self::BEFORE {
            let found = self.booked_at;
            faults.push(format!("paper.assignment.booked_at = {found}: must be before 09:30:00"));
        }
        faults
    }
}

impl FeeSettings {
    /// One contract of an option, without the commission: exchange, clearing, regulatory.
    pub fn option_pass_through(&self) -> Decimal {
        self.option_exchange_usd + self.option_clearing_usd + self.option_regulatory_usd
    }

    fn fault(&self) -> Option<String> {
        let figures = [
            self.option_open_usd,
            self.option_close_usd,
            self.option_exchange_usd,
            self.option_clearing_usd,
            self.option_regulatory_usd,
            self.outright_usd,
            self.exercise_usd,
        ];
        let below = figures.iter().find(|figure| **figure < Decimal::ZERO)?;
        let named = self.products.iter().map(|product| product.symbol()).collect::<Vec<_>>();
        Some(format!("paper.fees, {}: {below}: must be 0 or more", named.join(" ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedded() -> PaperSettings {
        let text = include_str!("../../config/default.toml");
        let file: toml::Table = toml::from_str(text).unwrap();
        file["paper"].clone().try_into().unwrap()
    }

    #[test]
    fn the_embedded_defaults_have_no_fault() {
        assert_eq!(embedded().faults(), Vec::<String>::new());
    }

    #[test]
    fn each_fault_names_its_key() {
        type Spoil = fn(&mut PaperSettings);
        let cases: [(Spoil, &str); 12] = [
            (|s| s.starting_balance_gbp = Decimal::ZERO, "paper.starting_balance_gbp"),
            (|s| s.fills.near_grid_seconds = 0, "paper.fills.near_grid_seconds"),
            (|s| s.fills.near_grid_seconds = 3, "paper.fills.far_grid_seconds"),
            (|s| s.fills.chance_at_mid_percent = Decimal::from(101), "chance_at_mid_percent"),
            (|s| s.fills.displayed_contracts_max = 0, "displayed_contracts_max"),
            (|s| s.fills.queue_seconds = 3_601, "queue_seconds"),
            (|s| s.fills.wide_quote_percent = Decimal::ZERO, "wide_quote_percent"),
            (|s| s.fills.uneven_fill_percent = Decimal::from(-1), "uneven_fill_percent"),
            (|s| s.assignment.early_percent = Decimal::from(101), "assignment.early_percent"),
            (
                |s| {
                    s.assignment.booked_at = NaiveTime::from_hms_opt(9, 30, 0).unwrap();
                },
                "assignment.booked_at",
            ),
            (|s| s.fees.truncate(4), "paper.fees: 0 rows for TLT"),
            (|s| s.fees[0].exercise_usd = Decimal::from(-1), "paper.fees, ES"),
        ];
        for (spoil, key) in cases {
            let mut settings = embedded();
            spoil(&mut settings);
            let faults = settings.faults();
            assert!(faults.iter().any(|fault| fault.contains(key)), "{key}: {faults:?}");
        }
    }

    #[test]
    fn fees_refuse_a_micro_condor_and_pass_the_full_one() {
        // Rulebook §4.1: fees at most 25 % of a target of half the credit. A condor of 3 points.
        let settings = embedded();
        for (product, fits) in [(Product::Es, true), (Product::Mes, false)] {
            let fees = settings.fees_of(product).unwrap();
            let commissions = fees.option_open_usd + fees.option_close_usd;
            let round_trip =
                Decimal::from(4) * (commissions + fees.option_pass_through() * Decimal::TWO);
            let target = Decimal::from(3) * product.multiplier() / Decimal::TWO;
            assert_eq!(round_trip * Decimal::from(4) <= target, fits, "{product} {round_trip}");
        }
    }
}
