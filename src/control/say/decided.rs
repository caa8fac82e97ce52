//! Decisions as a page: how each came out and what stood in the way; in a terminal every filter, too.

use super::{
    Layout,
    words::{filled, lines, outline, page, rows},
};
use crate::{
    calendar::{NEW_YORK, new_york_date},
    report::{
        decisions::brief,
        page::{Page, Section},
    },
    risk::{RefusalRow, decision::DecisionRecord},
    strategy::Filter,
};

/// The decisions of a day.
pub fn why(found: &[DecisionRecord], layout: Layout) -> Page {
    let Some(first) = found.first() else { return page("Nothing was decided", Vec::new()) };
    let item = |record: &DecisionRecord| {
        let (head, mut under) = brief(record);
        if layout == Layout::Phone {
            under.push(counted(record));
        }
        (head, under)
    };
    let mut sections = vec![outline("", found.iter().map(item).collect())];
    if layout == Layout::Terminal {
        sections.extend(found.iter().flat_map(whole));
    }
    let date = new_york_date(first.slot).format("%A %-d %B %Y");
    page(format!("Decisions of {date}"), sections)
}

/// `35 of 36 filters passed`.
fn counted(record: &DecisionRecord) -> String {
    let passed = record.filters.iter().filter(|filter| filter.passed).count();
    format!("{passed} of {} filters passed", record.filters.len())
}

/// Everything that was looked at, and every limit that refused.
fn whole(record: &DecisionRecord) -> Vec<Section> {
    let at = record.slot.with_timezone(&NEW_YORK).format("%H:%M");
    let title = format!("{} {at}: {}", record.strategy, counted(record));
    let filter = |filter: &Filter| {
        let Filter { name, value, bound, passed } = filter;
        let verdict = if *passed { "pass" } else { "FAIL" };
        vec![name.clone(), value.clone(), bound.clone(), verdict.to_owned()]
    };
    let refusal = |row: &RefusalRow| {
        vec![row.limit.clone(), row.value.to_string(), row.bound.to_string(), row.unit.clone()]
    };
    let refusals = record.refusals.iter().map(refusal).collect();
    let filters = record.filters.iter().map(filter).collect();
    let sections = vec![
        rows(&title, &["Filter", "Value", "Limit", ""], filters),
        rows("The gate refused", &["Limit", "Value", "Bound", "Unit"], refusals),
    ];
    let found = filled(sections);
    if found.is_empty() {
        vec![lines(&title, vec!["Nothing was looked at.".to_owned()])]
    } else {
        found
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::dec;

    use super::*;
    use crate::{
        account::{IntentId, StrategyId},
        risk::{Figure, decision::DecisionOutcome},
        strategy::friday_0dte::{
            decide,
            fixture::{at, snapshot, vix},
        },
    };

    fn record(outcome: DecisionOutcome) -> DecisionRecord {
        let mut snapshot = snapshot();
        snapshot.products.retain(|product, _| product.symbol() == "ES");
        if outcome == DecisionOutcome::NoTrade {
            snapshot.vix = Some(vix(dec!(36.5)));
        }
        let refusal = RefusalRow {
            limit: "buying_power".to_owned(),
            value: Figure::Number(47.2),
            bound: Figure::Number(45.0),
            unit: "percent".to_owned(),
            text: "ES: Refused: buying power after the order 47.2 % > 45.0 % (VIX 12.6 < 13)"
                .to_owned(),
        };
        let refused = outcome == DecisionOutcome::Refused;
        let entered = outcome == DecisionOutcome::Entered;
        DecisionRecord {
            at: at("10:30:00"),
            slot: at("10:30:00"),
            strategy: StrategyId::Friday0dte,
            outcome,
            filters: decide(&snapshot).filters,
            refusals: if refused { vec![refusal] } else { Vec::new() },
            intent: entered.then(|| IntentId("zdte-20240802-1".to_owned())),
            ended: None,
        }
    }

    fn terminal(record: DecisionRecord) -> String {
        why(&[record], Layout::Terminal).text()
    }

    #[test]
    fn a_missed_entry_says_how_its_order_ended() {
        let missed = DecisionRecord {
            outcome: DecisionOutcome::Missed,
            intent: Some(IntentId("zdte-20240802-1".to_owned())),
            ended: Some("missed: price".to_owned()),
            ..record(DecisionOutcome::Entered)
        };
        let text = why(&[missed], Layout::Phone).text();
        let wanted = "Decisions of Friday 2 August 2024\n\n  \
            Fri 2 Aug 10:30 friday_0dte: missed\n    \
            its order zdte-20240802-1 ended unfilled: missed: price\n    \
            33 of 35 filters passed\n";
        assert_eq!(text, wanted);
    }

    #[test]
    fn in_a_terminal_a_trade_shows_every_filter_it_passed() {
        insta::assert_snapshot!(terminal(record(DecisionOutcome::Entered)));
    }

    #[test]
    fn a_non_trade_says_why_first_and_a_terminal_shows_the_rest() {
        let text = terminal(record(DecisionOutcome::NoTrade));
        let head = "Decisions of Friday 2 August 2024\n\n  \
            Fri 2 Aug 10:30 friday_0dte: no trade\n    \
            vix ceiling 36.5, needs <= 35\n";
        assert!(text.starts_with(head), "{text}");
        assert!(text.contains("es.put_credit"), "later filters are shown too");
        let phone = why(&[record(DecisionOutcome::NoTrade)], Layout::Phone).text();
        assert!(phone.starts_with(head) && !phone.contains("es.put_credit"), "{phone}");
    }

    #[test]
    fn a_refusal_shows_the_limit_with_its_figures() {
        let text = terminal(record(DecisionOutcome::Refused));
        let wanted = "ES: Refused: buying power after the order 47.2 % > 45.0 % (VIX 12.6 < 13)";
        assert!(text.contains(wanted), "{text}");
        let row = text.lines().find(|line| line.trim_start().starts_with("buying_power"));
        let row: Vec<&str> = row.unwrap().split_whitespace().collect();
        assert_eq!(row, ["buying_power", "47.2", "45", "percent"]);
    }

    #[test]
    fn a_late_decision_says_when_it_was_made() {
        let mut late = record(DecisionOutcome::Entered);
        late.at = at("10:35:00");
        let text = terminal(late);
        assert!(text.contains("decided at Fri 2 Aug 10:35:00\n"), "{text}");
    }
}
