//! Whether a rulebook in force is as strict as the defaults, figure by figure. A figure that differs
//! and whose direction is not known here does not pass: a person has to look.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde_json::Value;

/// Looser when higher.
const AT_MOST: &[&str] = &[
    "cap_percent",
    "friday_0dte",
    "lt112",
    "lt112_mes_from_stage_2",
    "strangle",
    "ipmcc",
    "leap_ladder",
    "ratio",
    "butterfly",
    "diagonal",
    "box",
    "capital_gbp",
    "positions",
    "ack_hours",
    "validate_hours",
    "trade_loss_percent",
    "trade_loss_warn_percent",
    "orders_a_minute",
    "orders_a_day",
    "rejections_a_day",
    "data_age_seconds",
    "quote_age_seconds",
    "fx_age_days",
    "clock_skew_seconds",
    "reconciliation_cash_usd",
    "model_value_percent",
    "model_value_ticks",
    "size_percent_of_open_interest",
    "concentration_percent",
    "concentration_0dte_percent",
    "worst_percent",
    "stop_credits",
    "stop_credits_rich",
    "delta_max",
    "evaluation_delta",
    "alert_percent",
    "half_percent",
    "half_until_percent",
    "reducing_percent",
    "flatten_percent",
    "percent",
    "stops",
    "rise_percent",
    "rise_points",
    "gap_seconds",
    "reducing_minutes",
    "halted_minutes",
    "silent_seconds",
    "unknown_halts_after_seconds",
    "spread_percent_of_mid",
    "percent_of_mid",
    "ticks",
    "spread_ticks",
    "fees_percent_of_target",
    "nothing_above_vix",
    "puts_only_above_vix",
    "limit",
    "most",
    "above_vix",
    "warn_same_expiration",
    "warn_bullish",
    "contracts",
    "contracts_high_vix",
];

/// Looser when lower.
const AT_LEAST: &[&str] = &[
    "days",
    "window_days",
    "trades",
    "win_percent",
    "positive_days_percent",
    "live_sessions",
    "minutes_after_open",
    "fomc_hours_before",
    "fomc_hours_after",
    "open_interest",
    "open_interest_futures",
    "margin_multiple",
    "delta_min",
    "minimum_credit",
    "lock_days",
    "hold_hours",
    "clean_minutes",
    "from_gbp",
    "kept_for_0dte",
    "less",
    "skip_below_vix",
    "observations",
    "blind_minutes_after_open",
    "iv_floor",
];

/// A switch, and the setting of it that is the stricter one.
const SWITCHES: &[(&str, &str)] = &[
    ("enabled", "false"),
    ("crisis", "manage_only"),
    ("ack", "true"),
    ("small_account", "false"),
    ("paper_opens", "false"),
    ("skip_cpi", "true"),
    ("strangles", "false"),
];

/// Lists from which leaving out is stricter.
const LISTS: &[&str] = &["products", "underlyings", "strategies"];

/// Sections that bound nothing: the plan only tells, and where other ledgers lie is no figure.
const FREE: &[&str] = &["plan.", "stages.paper_ledgers"];

/// What in `found` is not as strict as `wanted`, each with both figures, and how many differ.
pub fn looser(found: &Value, wanted: &Value) -> (Vec<String>, usize) {
    let (mut ours, mut theirs) = (BTreeMap::new(), BTreeMap::new());
    leaves(found, "", &mut ours);
    leaves(wanted, "", &mut theirs);
    let mut keys: Vec<&String> = ours.keys().chain(theirs.keys()).collect();
    keys.sort();
    keys.dedup();
    let (mut wrong, mut differ) = (Vec::new(), 0);
    for key in keys.into_iter().filter(|key| !FREE.iter().any(|free| key.starts_with(free))) {
        let (found, wanted) = (ours.get(key), theirs.get(key));
        if found == wanted {
            continue;
        }
        differ += 1;
        if !stricter(key, found, wanted) {
            let text = |value: Option<&Value>| value.map_or("none".to_owned(), Value::to_string);
            wrong.push(format!("{key} = {} (default {})", text(found), text(wanted)));
        }
    }
    (wrong, differ)
}

/// Values by their path. Lists of plain values are values, for their order matters.
fn leaves(value: &Value, path: &str, into: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(value, &format!("{path}{dot}{name}"), into);
            }
        }
        Value::Array(items) if items.iter().any(Value::is_object) => {
            for (place, item) in items.iter().enumerate() {
                leaves(item, &format!("{path}[{place}]"), into);
            }
        }
        Value::Null => {}
        leaf => {
            into.insert(path.to_owned(), leaf.clone());
        }
    }
}

fn stricter(key: &str, found: Option<&Value>, wanted: Option<&Value>) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key);
    if LISTS.contains(&name) {
        let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned();
        return match (list(found), list(wanted)) {
            (Some(found), Some(wanted)) => found.iter().all(|item| wanted.contains(item)),
            (found, wanted) => found.is_some() && wanted.is_none(),
        };
    }
    if let Some((_, strict)) = SWITCHES.iter().find(|(switch, _)| *switch == name) {
        return match found {
            Some(Value::Bool(on)) => *strict == if *on { "true" } else { "false" },
            Some(Value::String(text)) => strict == text,
            _ => false,
        };
    }
    let most = AT_MOST.contains(&name);
    if !most && !AT_LEAST.contains(&name) {
        return false;
    }
    match (found.and_then(number), wanted.and_then(number)) {
        (Some(found), Some(wanted)) => {
            if most {
                found <= wanted
            } else {
                found >= wanted
            }
        }
        // A cap where there was none is stricter; a missing one is not.
        (Some(_), None) => most,
        _ => false,
    }
}

fn number(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Rulebook;

    #[test]
    fn the_defaults_are_as_strict_as_themselves_and_each_looser_figure_is_named() {
        let default = serde_json::to_value(Rulebook::embedded()).unwrap();
        assert_eq!(looser(&default, &default), (Vec::new(), 0));
        // Where, to what, and whether it is as strict.
        let cases = [
            ("/limits/trade_loss_percent", "\"5.1\"", false),
            ("/limits/trade_loss_percent", "\"4\"", true),
            ("/limits/fomc_hours_before", "23", false),
            ("/limits/fomc_hours_before", "48", true),
            ("/vix/crisis", "\"manage_only\"", true),
            ("/phases/phases/0/friday_0dte", "2", false),
            ("/phases/phases/0/underlyings", "[\"XSP\"]", true),
            ("/phases/phases/0/underlyings", "[\"XSP\", \"VX\"]", false),
            ("/stages/stages/1/ack", "false", false),
            ("/stages/stages/4/cap_percent", "\"50\"", true),
            ("/stages/stages/1/cap_percent", "null", false),
            ("/friday_0dte/entry_at", "\"10:31:00\"", false), // neither way is stricter
            ("/plan/target_gbp", "\"1\"", true),
        ];
        for (at, value, holds) in cases {
            let mut found = default.clone();
            *found.pointer_mut(at).unwrap() = serde_json::from_str(value).unwrap();
            let (wrong, _) = looser(&found, &default);
            assert_eq!(wrong.is_empty(), holds, "{at} = {value}: {wrong:?}");
        }
    }
}
