//! What the entry jobs decided, in as few lines as say it: what was opened, or what stood in the
//! way. Every filter of a decision is shown by `tomking why`.

use super::{
    daily::PositionLine,
    page::{Body, Section},
    parts::{TradeLine, clock},
};
use crate::{
    account::{IntentId, PositionId},
    calendar::NEW_YORK,
    money::Usd,
    risk::decision::{DecisionOutcome, DecisionRecord},
    strategy::Filter,
};

/// A position as a decision's line names it.
struct Opened<'a> {
    position: &'a PositionId,
    what: &'a str,
    credit_usd: Usd,
}

/// The section; `trades` and `positions` are where what entered is looked up.
pub fn section(
    decisions: &[DecisionRecord],
    trades: &[TradeLine],
    positions: &[PositionLine],
) -> Section {
    let closed = trades.iter().map(|trade| Opened {
        position: &trade.position,
        what: &trade.what,
        credit_usd: trade.credit_usd,
    });
    let open = positions.iter().map(|line| Opened {
        position: &line.position,
        what: &line.what,
        credit_usd: line.credit_usd,
    });
    let opened: Vec<Opened> = closed.chain(open).collect();
    let entered = |intent: &IntentId| entered(intent, &opened);
    let items = decisions.iter().map(|decision| item(decision, entered)).collect();
    Section { title: "Decisions".to_owned(), body: Body::Outline(items) }
}

/// How a decision came out and what stood in the way, where its position is not looked up.
pub fn brief(decision: &DecisionRecord) -> (String, Vec<String>) {
    let (head, mut under) = item(decision, |intent| format!("entered as {intent}"));
    if decision.at != decision.slot {
        let at = decision.at.with_timezone(&NEW_YORK).format("%a %-d %b %H:%M:%S");
        under.push(format!("decided at {at}"));
    }
    (head, under)
}

fn item(decision: &DecisionRecord, entered: impl Fn(&IntentId) -> String) -> (String, Vec<String>) {
    let head = format!("{} {}", clock(decision.slot), decision.strategy);
    if let Some(ended) = &decision.ended {
        let order = decision.intent.as_ref().map_or_else(String::new, |id| format!("{id} "));
        return (
            format!("{head}: missed"),
            vec![format!("its order {order}ended unfilled: {ended}")],
        );
    }
    if decision.outcome == DecisionOutcome::Adjusted {
        let order = decision.intent.as_ref().map_or_else(String::new, |id| format!(" by {id}"));
        return (format!("{head}: changed a position{order}"), Vec::new());
    }
    if let Some(intent) = &decision.intent {
        return (format!("{head}: {}", entered(intent)), Vec::new());
    }
    let outcome = decision.outcome.name().replace('_', " ");
    (format!("{head}: {outcome}"), reasons(decision))
}

/// A position has the id of the intent that opened it.
fn entered(intent: &IntentId, opened: &[Opened]) -> String {
    match opened.iter().find(|line| line.position.0 == intent.0) {
        Some(line) => format!("opened {} for {}", line.what, line.credit_usd),
        None => "entered; the order was not filled at its price".to_owned(),
    }
}

/// What stood in the way: refusals, then the filters that failed, those of a product in one line.
fn reasons(decision: &DecisionRecord) -> Vec<String> {
    let mut lines: Vec<String> = decision.refusals.iter().map(|row| row.text.clone()).collect();
    let mut last = "";
    for filter in decision.filters.iter().filter(|filter| !filter.passed) {
        let (product, name) = filter.name.split_once('.').unwrap_or(("", &filter.name));
        let said = said(name, filter);
        match lines.last_mut() {
            Some(line) if product == last && !product.is_empty() => {
                line.push_str("; ");
                line.push_str(&said);
            }
            _ if product.is_empty() => lines.push(said),
            _ => lines.push(format!("{}: {said}", product.to_uppercase())),
        }
        last = product;
    }
    lines
}

/// `short put delta 0.3412, needs 0.10 to 0.30`.
fn said(name: &str, filter: &Filter) -> String {
    let Filter { value, bound, .. } = filter;
    if name == "data" {
        return format!("{value}, needs {bound}"); // it says itself what is not there
    }
    format!("{} {value}, needs {bound}", name.replace(['_', '.'], " "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::StrategyId;

    fn filter(name: &str, value: &str, bound: &str, passed: bool) -> Filter {
        Filter { name: name.into(), value: value.into(), bound: bound.into(), passed }
    }

    fn decision(intent: Option<&str>) -> DecisionRecord {
        let slot = "2024-08-02T14:30:00Z".parse().unwrap();
        let outcome = match intent {
            Some(_) => DecisionOutcome::Entered,
            None => DecisionOutcome::NoTrade,
        };
        let filters = vec![
            filter("vix", "16", "present, above zero", true),
            filter("vix_crisis", "32, crisis = none", "<= 30", false),
            filter("es.move", "+0.1 %, iron condor", "any", true),
            filter("es.short_put.delta", "0.3412", "0.10 to 0.30", false),
            filter("es.call_credit", "0.85", ">= 1.00", false),
            filter("xsp.data", "none gathered", "a price", false),
        ];
        let intent = intent.map(|id| IntentId(id.to_owned()));
        let strategy = StrategyId::Friday0dte;
        DecisionRecord {
            at: slot,
            slot,
            strategy,
            outcome,
            filters,
            refusals: vec![],
            intent,
            ended: None,
        }
    }

    fn lines(
        decisions: &[DecisionRecord],
        positions: &[PositionLine],
    ) -> Vec<(String, Vec<String>)> {
        let Body::Outline(items) = section(decisions, &[], positions).body else { panic!() };
        items
    }

    #[test]
    fn no_trade_shows_what_failed_and_nothing_that_passed() {
        let found = lines(&[decision(None)], &[]);
        let wanted = [
            "vix crisis 32, crisis = none, needs <= 30",
            "ES: short put delta 0.3412, needs 0.10 to 0.30; call credit 0.85, needs >= 1.00",
            "XSP: none gathered, needs a price",
        ];
        assert_eq!(found[0].0, "Fri 2 Aug 10:30 friday_0dte: no trade");
        assert_eq!(found[0].1, wanted);
    }

    #[test]
    fn an_entry_is_one_line_with_what_was_opened() {
        let position = PositionLine {
            position: PositionId("zdte-20240802-1".to_owned()),
            what: "1 ES iron condor".to_owned(),
            opened_at: "2024-08-02T14:30:05Z".parse().unwrap(),
            credit_usd: Usd(rust_decimal::dec!(187.5)),
            days_left: Some(0),
            open_pnl_usd: None,
            greeks: None,
        };
        let both = [decision(Some("zdte-20240802-1")), decision(Some("zdte-20240809-1"))];
        let found = lines(&both, &[position]);
        let said = |text: &str| (format!("Fri 2 Aug 10:30 friday_0dte: {text}"), vec![]);
        assert_eq!(found[0], said("opened 1 ES iron condor for $187.50"));
        assert_eq!(found[1], said("entered; the order was not filled at its price"));
    }
}
