//! The daily report: gathered once from the store, then shown.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    ahead::{SessionLine, next_session},
    brief::PlanBrief,
    closing, decisions,
    health::HealthLine,
    page::{Body, Page, Section},
    parts::{self, TradeLine, clock, long_date, percent, signed},
};
use crate::{
    account::{
        PositionId,
        hold::{Hold, Level},
    },
    calendar::NEW_YORK,
    clock::Timestamp,
    desk::{
        daybook::DayBook,
        dayend::{Ahead, DayEnd, Greeks},
        stage::StageRow,
    },
    market::Provenance,
    money::{Gbp, Usd},
    risk::{
        breaker::{Line, until_words},
        decision::DecisionRecord,
    },
};

/// Everything a daily report says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DailyReport {
    /// The session.
    pub date: NaiveDate,
    /// Where prices come from.
    pub prices: Provenance,
    /// The latch at the time of writing.
    pub latch: Level,
    /// Active holds.
    pub holds: Vec<Hold>,
    /// The deployment stage, with every override it was ever promoted by.
    #[serde(default)]
    pub stage: Option<StageRow>,
    /// Breakers near their bounds or tripped.
    #[serde(default)]
    pub breakers: Vec<Line>,
    /// The account at the close; `None` when the day was not reconciled.
    pub account: Option<AccountLine>,
    /// Ledger against broker after the close; `None` when they were not compared.
    #[serde(default)]
    pub books: Option<DayBook>,
    /// The book before the close: Greeks, limits near their bounds, stress, groups; `None` when it
    /// was not looked at.
    #[serde(default)]
    pub close: Option<DayEnd>,
    /// Positions closed in the session.
    pub trades: Vec<TradeLine>,
    /// Positions still open.
    pub positions: Vec<PositionLine>,
    /// What the entry jobs decided.
    pub decisions: Vec<DecisionRecord>,
    /// How the day's slots ended.
    pub jobs: JobsLine,
    /// The next session.
    #[serde(default)]
    pub next_session: Option<SessionLine>,
    /// The slots of the next session that matter.
    pub next: Vec<NextLine>,
    /// Events ahead; `None` when they were not asked for.
    #[serde(default)]
    pub ahead: Option<Ahead>,
    /// How the plan and the stage stand.
    #[serde(default)]
    pub plan: Option<PlanBrief>,
    /// How the program ran.
    #[serde(default)]
    pub health: Option<HealthLine>,
    /// The journal's head: a cut tail shows against it.
    pub journal: HeadLine,
}

/// The account at a close, against the close before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AccountLine {
    /// Cash plus everything held at its mark.
    pub net_liquidation_usd: Usd,
    /// The same in pounds at the rate below.
    pub net_liquidation_gbp: Option<Gbp>,
    /// Against the close before.
    pub change_usd: Option<Usd>,
    /// Against the close before, each at its own rate.
    pub change_gbp: Option<Gbp>,
    /// What of that is the rate's doing.
    pub currency_gbp: Option<Gbp>,
    /// The rate: dollars a pound, and its date.
    pub dollars_per_pound: Option<f64>,
    /// The date of the rate.
    pub rate_date: Option<NaiveDate>,
    /// Closed positions, after fees.
    pub realised_usd: Usd,
    /// Open positions at their mark.
    pub open_pnl_usd: Usd,
    /// Fees of the session.
    pub fees_usd: Usd,
    /// The most buying power in use, percent of sizing capital.
    pub peak_used_percent: Option<f64>,
    /// Its cap.
    pub cap_percent: Option<f64>,
}

/// An open position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PositionLine {
    /// Its id.
    pub position: PositionId,
    /// In words.
    pub what: String,
    /// First fill.
    pub opened_at: Timestamp,
    /// Credit received.
    pub credit_usd: Usd,
    /// Days to its nearest expiration.
    pub days_left: Option<i64>,
    /// What it has brought by the close, what is open at its mid; `None` when a leg had no price.
    #[serde(default)]
    pub open_pnl_usd: Option<Usd>,
    /// Its Greeks before the close; `None` when a leg had no price.
    #[serde(default)]
    pub greeks: Option<Greeks>,
}

/// How slots ended, and those that did not end well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobsLine {
    /// Done.
    pub done: u64,
    /// Skipped.
    pub skipped: u64,
    /// Failed.
    pub failed: u64,
    /// Missed.
    pub missed: u64,
    /// One line for each that failed or was missed.
    pub exceptions: Vec<String>,
}

/// A slot to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextLine {
    /// The job.
    pub job: String,
    /// Its instant.
    pub at: Timestamp,
}

/// The journal's head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeadLine {
    /// Entries so far.
    pub sequence: u64,
    /// The last entry's hash.
    pub hash: String,
}

impl DailyReport {
    /// The figure that matters.
    pub fn headline(&self) -> String {
        let Some(account) = &self.account else {
            return "Not reconciled: the account's figures are not known".to_owned();
        };
        let worth = account
            .net_liquidation_gbp
            .map_or_else(|| account.net_liquidation_usd.to_string(), |gbp| gbp.to_string());
        let change = account.change_gbp.map(|gbp| format!(" ({})", signed(gbp)));
        let trades = match self.trades.len() {
            0 => "no trades".to_owned(),
            n => format!("{}, {}", parts::counted(n, "trade"), account.realised_usd),
        };
        let latch = match self.latch {
            Level::Active => String::new(),
            level => format!(". {}", level.name()),
        };
        format!("{worth}{}, {trades}{latch}", change.unwrap_or_default())
    }

    /// The page.
    pub fn page(&self) -> Page {
        let mut sections = Vec::new();
        if !self.holds.is_empty() {
            sections.push(holds(&self.holds));
        }
        let vix = self.close.as_ref().and_then(|close| close.vix);
        sections.extend(self.account.as_ref().map(|account| account_section(account, vix)));
        sections.push(parts::trades(&self.trades));
        if !self.positions.is_empty() {
            sections.push(positions(&self.positions, self.close.as_ref()));
        }
        sections.extend(self.close.as_ref().and_then(closing::greeks));
        sections.extend(closing::near(&self.breakers, self.close.as_ref()));
        if !self.decisions.is_empty() {
            sections.push(decisions::section(&self.decisions, &self.trades, &self.positions));
        }
        sections.extend(
            self.next_session
                .as_ref()
                .map(|session| next_session(session, self.ahead.as_ref(), &self.next)),
        );
        sections.extend(self.plan.as_ref().map(PlanBrief::section));
        sections.extend(self.stage.as_ref().and_then(parts::stage));
        sections.extend(self.books.as_ref().map(books));
        sections.push(jobs(&self.jobs));
        sections.extend(self.health.as_ref().map(HealthLine::section));
        Page {
            title: format!("Daily report, {}", long_date(self.date)),
            headline: self.headline(),
            sections,
            notes: vec![
                format!("{} Times are New York.", prices_note(self.prices)),
                format!("Journal: entry {}, {}", self.journal.sequence, self.journal.hash),
            ],
        }
    }
}

/// What a reader must know of the prices.
pub fn prices_note(prices: Provenance) -> &'static str {
    match prices {
        Provenance::Simulated => "Prices are simulated; option quotes are modelled. Paper account.",
        Provenance::RecordedModelled => {
            "Underlyings are recorded; option quotes are modelled. Paper account."
        }
        Provenance::Live => "Prices are the broker's.",
    }
}

/// Active holds.
pub fn holds(holds: &[Hold]) -> Section {
    let line = |hold: &Hold| {
        let until = until_words(hold, clock);
        format!("{}: {}, since {}, {until}", hold.level.name(), hold.cause, clock(hold.since))
    };
    let lines = holds.iter().map(line).collect();
    Section { title: "Holds".to_owned(), body: Body::Lines(lines) }
}

fn account_section(account: &AccountLine, vix: Option<f64>) -> Section {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: Option<String>| {
        facts.extend(value.map(|value| (name.to_owned(), value)));
    };
    let usd = account.net_liquidation_usd;
    let worth = account.net_liquidation_gbp;
    let worth = worth.map_or_else(|| usd.to_string(), |gbp| format!("{gbp} ({usd})"));
    fact("Net liquidation", Some(worth));
    fact("Change", change(account));
    fact("of it the rate", account.currency_gbp.map(signed));
    fact("Realised", Some(account.realised_usd.to_string()));
    fact("Open", Some(account.open_pnl_usd.to_string()));
    fact("Fees", Some(account.fees_usd.to_string()));
    fact("Buying power", buying_power(account));
    fact("VIX", vix.map(|vix| format!("{vix:.2}")));
    let rate = account.dollars_per_pound.zip(account.rate_date);
    fact("Rate", rate.map(|(rate, date)| format!("{rate} dollars a pound, of {date}")));
    Section { title: "Account".to_owned(), body: Body::Facts(facts) }
}

fn change(account: &AccountLine) -> Option<String> {
    let usd = account.change_usd?;
    let Some(gbp) = account.change_gbp else { return Some(signed(usd)) };
    Some(format!("{} ({})", signed(gbp), signed(usd)))
}

fn buying_power(account: &AccountLine) -> Option<String> {
    let used = account.peak_used_percent.map(percent)?;
    let cap = account.cap_percent.map_or_else(|| "not known".to_owned(), percent);
    Some(format!("at most {used}, cap {cap}"))
}

/// Ledger against broker: the result, and each thing that is not as it should be.
fn books(books: &DayBook) -> Section {
    let lines = std::iter::once(books.headline()).chain(books.remarks()).collect();
    Section { title: "Books".to_owned(), body: Body::Lines(lines) }
}

/// What is still open, with what it had brought a moment before the close and its Greeks then: the
/// account is what the broker said after it.
pub fn positions(positions: &[PositionLine], close: Option<&DayEnd>) -> Section {
    let line = |line: &PositionLine| {
        let PositionLine { what, credit_usd, open_pnl_usd, greeks, .. } = line;
        let left = match line.days_left {
            Some(0) => "; expires today".to_owned(),
            Some(days) => {
                format!("; {} left", parts::counted(usize::try_from(days).unwrap_or(0), "day"))
            }
            None => String::new(),
        };
        let head = match open_pnl_usd {
            Some(pnl) => format!("{}: {what}", signed(pnl)),
            None => what.clone(),
        };
        let opened = clock(line.opened_at);
        let mut under = vec![format!("credit {credit_usd}; opened {opened}{left}")];
        under.extend(greeks.as_ref().map(closing::greeks_words));
        (head, under)
    };
    let body = Body::Outline(positions.iter().map(line).collect());
    let at = close.map(|close| close.at.with_timezone(&NEW_YORK).format(" at %H:%M").to_string());
    Section { title: format!("Open positions{}", at.unwrap_or_default()), body }
}

/// How the slots ended.
pub fn jobs(jobs: &JobsLine) -> Section {
    let JobsLine { done, skipped, failed, missed, exceptions } = jobs;
    let skipped = if *skipped > 0 { format!(", {skipped} skipped") } else { String::new() };
    let mut lines = vec![match failed + missed {
        0 => format!("{done} done{skipped}, none failed or missed"),
        _ => format!("{done} done{skipped}, {failed} failed, {missed} missed"),
    }];
    lines.extend(exceptions.iter().cloned());
    Section { title: "Jobs".to_owned(), body: Body::Lines(lines) }
}
