//! What a notice is about: the key its alerts fold, repeat and end by.

use crate::notice::Notice;

/// The longest key, in characters: what differs is told in words of any length.
const KEY_MOST: usize = 120;

/// The key of a notice: its kind, and what it is of that kind. The same for each notice about the
/// same matter.
pub fn key(notice: &Notice) -> String {
    let of = match notice {
        Notice::Started { .. } | Notice::Stopping => return "daemon".to_owned(),
        Notice::Latch { .. } => return "latch".to_owned(),
        Notice::Stage { .. } => return "stage".to_owned(),
        Notice::Phase { .. } => return "phase".to_owned(),
        Notice::HeartbeatFailed { .. } | Notice::HeartbeatBack { .. } => {
            return "heartbeat".to_owned();
        }
        Notice::EarDeaf { ear, .. } | Notice::EarBack { ear, .. } => return format!("ear:{ear}"),
        Notice::JobFailed { job, .. }
        | Notice::JobMissed { job, .. }
        | Notice::JobLate { job, .. } => job.clone(),
        Notice::Decided { strategy, .. } => strategy.to_string(),
        Notice::Opened { position, .. }
        | Notice::Closed { position, .. }
        | Notice::NotFlat { position, .. }
        | Notice::NoMark { position, .. }
        | Notice::Prepare { position, .. }
        | Notice::Delivered { position, .. }
        | Notice::AssignmentRisk { position, .. }
        | Notice::HeldBack { position, .. } => position.0.clone(),
        Notice::EntryMissed { intent, .. }
        | Notice::Rejected { intent, .. }
        | Notice::OrderUnknown { intent }
        | Notice::LegsUneven { intent, .. }
        | Notice::CancelUnconfirmed { intent, .. } => intent.0.clone(),
        Notice::Breaker { breaker, .. } => breaker.clone(),
        Notice::Difference { what } => differing(what).to_owned(),
        Notice::Report { period, .. } => period.clone(),
        Notice::Limit { limit, .. } => limit.clone(),
        Notice::Hung { what, .. } => what.clone(),
        Notice::MailCommands { about, .. } => about.clone(),
        Notice::NotDelivered { line, .. } => line.clone(),
    };
    format!("{}:{of}", notice.kind()).chars().take(KEY_MOST).collect()
}

/// What differs, without the figures: differences that stand have a name before the colon.
fn differing(what: &str) -> &str {
    what.split_once(':').map_or(what, |(name, _)| name)
}

/// What a notice says is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    /// The matter of this key.
    Key(String),
    /// Matters of this kind of a position, or of an order of it.
    Of(&'static str, String),
    /// Every matter of this kind.
    Every(&'static str),
}

impl Over {
    /// Whether the matter of a key is over by it.
    pub fn ends(&self, key: &str) -> bool {
        match self {
            Self::Key(over) => over == key,
            Self::Every(kind) => key.strip_prefix(kind).is_some_and(|rest| rest.starts_with(':')),
            Self::Of(kind, id) => {
                let rest = key.strip_prefix(kind).and_then(|rest| rest.strip_prefix(':'));
                // An order's id is its position's, with an ordinal after a hyphen.
                let rest = rest.and_then(|rest| rest.strip_prefix(id.as_str()));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("-x"))
            }
        }
    }
}

/// What is over by a notice, where it says so.
pub fn over(notice: &Notice) -> Vec<Over> {
    let of = |kinds: &[&'static str], id: &str| {
        kinds.iter().map(|kind| Over::Of(kind, id.to_owned())).collect()
    };
    match notice {
        // What hung has been started anew.
        Notice::Started { .. } => vec![Over::Every("hung")],
        Notice::HeartbeatBack { .. } => vec![Over::Key("heartbeat".to_owned())],
        Notice::EarBack { ear, .. } => vec![Over::Key(format!("ear:{ear}"))],
        Notice::Latch { level, .. } if level == "ACTIVE" => vec![Over::Key("latch".to_owned())],
        Notice::Opened { position, .. } => {
            of(&["order_unknown", "cancel_unconfirmed"], &position.0)
        }
        Notice::EntryMissed { intent, .. } | Notice::Rejected { intent, .. } => {
            of(&["order_unknown", "cancel_unconfirmed"], &intent.0)
        }
        Notice::Closed { position, .. } => of(
            &[
                "not_flat",
                "no_mark",
                "prepare",
                "delivered",
                "assignment_risk",
                "held_back",
                "legs_uneven",
                "order_unknown",
                "cancel_unconfirmed",
                "rejected",
            ],
            &position.0,
        ),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_that_closed_ends_what_was_told_of_it_and_of_its_orders_alone() {
        let over = Over::Of("cancel_unconfirmed", "zdte-20240802-1".to_owned());
        for (key, ends) in [
            ("cancel_unconfirmed:zdte-20240802-1", true),
            ("cancel_unconfirmed:zdte-20240802-1-x2", true),
            ("cancel_unconfirmed:zdte-20240802-10", false),
            ("cancel_unconfirmed:zdte-20240802-10-x1", false),
            ("not_flat:zdte-20240802-1", false),
        ] {
            assert_eq!(over.ends(key), ends, "{key}");
        }
    }

    #[test]
    fn a_difference_is_named_without_its_figures() {
        let told = |what: &str| key(&Notice::Difference { what: what.to_owned() });
        assert_eq!(told("d7: cash: the broker has $1.00"), "difference:d7");
        assert_eq!(told("d7: cash: the broker has $2.00; since Fri 10:00:00"), "difference:d7");
        assert!(told(&"x".repeat(500)).chars().count() <= KEY_MOST);
    }
}
