//! Golden files of the daily report and the weekly review: a week of the simulated market through
//! the jobs that write them, held as text, HTML and JSON.
//!
//! A change of the market, the venue or a strategy changes these figures. Look at the difference,
//! then take it over with `INSTA_UPDATE=always cargo test --test voice`.

use chrono::NaiveDate;
use tomking::{
    alert::telegram::markup,
    calendar::Calendar,
    config::{Rulebook, Settings},
    desk::read::last_equity,
    report::{
        KeptReport, Period, REPORTS,
        planning::{self, Worth},
        report_key,
    },
    schedule::JobSet,
    sim::replay::{self, Plan, Tape},
    store::{Read as _, Store},
};

/// A Friday on which, with the default seed, the strategy trades.
const FRIDAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 10, 16).unwrap();
const MONDAY: NaiveDate = NaiveDate::from_ymd_opt(2026, 10, 12).unwrap();

/// The store after a week.
fn replayed() -> Store {
    after(MONDAY, FRIDAY)
}

fn after(from: NaiveDate, to: NaiveDate) -> Store {
    let (settings, jobs) = (Settings::default_embedded(), JobSet::embedded().unwrap());
    let plan = Plan::new((from, to), settings, jobs, Tape::Simulated);
    replay::run(plan).unwrap().1
}

/// The reviews of September and of its quarter, which began with the ledger.
pub fn reviews() -> [KeptReport; 2] {
    let date = |month, day| NaiveDate::from_ymd_opt(2026, month, day).unwrap();
    let store = after(date(9, 8), date(10, 1));
    [Period::Monthly, Period::Quarterly].map(|period| {
        let key = report_key(period, date(9, 30));
        store.read(|tx| tx.get(&REPORTS, &key)).unwrap().expect("the job wrote it")
    })
}

/// The reports a week wrote.
fn week() -> [KeptReport; 3] {
    let store = replayed();
    [(Period::Daily, MONDAY), (Period::Daily, FRIDAY), (Period::Weekly, FRIDAY)].map(
        |(period, date)| {
            let key = report_key(period, date);
            store.read(|tx| tx.get(&REPORTS, &key)).unwrap().expect("the job wrote it")
        },
    )
}

/// The journal's hash depends on each byte of the week: it stands for itself elsewhere.
pub fn redacted(text: &str, report: &KeptReport) -> String {
    let hash = report.document["journal"]["hash"].as_str().unwrap();
    let sequence = &report.document["journal"]["sequence"];
    text.replace(&format!("entry {sequence}, {hash}"), "entry N, HASH")
}

/// The report as a mail has it, and the same as it was kept: a document is its whole page.
pub fn mail(report: &KeptReport) -> String {
    let page = report.page().expect("a document of this version");
    assert_eq!(page.html(), report.html);
    assert_eq!(page.text(), report.text);
    redacted(&page.mail(), report)
}

/// The report as Telegram shows it: nothing of one width is wider than a phone.
pub fn phone(report: &KeptReport) -> String {
    let said = report.page().expect("a document of this version").phone();
    for stretch in said.split("<pre>").skip(1) {
        let (fixed, _) = stretch.split_once("</pre>").unwrap();
        let wide = fixed.lines().find(|line| line.chars().count() > 34);
        assert_eq!(wide, None, "it wraps on a phone");
    }
    for message in markup::split(&said, markup::TEXT_MAX) {
        assert!(markup::length(&message) <= 4096);
    }
    redacted(&said, report)
}

#[test]
fn the_reports_of_a_week_say_what_happened() {
    let [monday, friday, weekly] = week();
    insta::assert_snapshot!("daily_without_trade", redacted(&monday.text, &monday));
    insta::assert_snapshot!("daily", redacted(&friday.text, &friday));
    insta::assert_snapshot!("daily_html", redacted(&friday.html, &friday));
    insta::assert_snapshot!("daily_mail", mail(&friday));
    insta::assert_snapshot!("daily_phone", phone(&friday));
    insta::assert_snapshot!("weekly", redacted(&weekly.text, &weekly));
    insta::assert_snapshot!("weekly_html", redacted(&weekly.html, &weekly));
    insta::assert_snapshot!("weekly_mail", mail(&weekly));
    insta::assert_snapshot!("weekly_phone", phone(&weekly));
    for mut report in [friday, weekly] {
        report.document["journal"] = serde_json::json!("redacted");
        insta::assert_json_snapshot!(format!("{}_document", report.period), report.document);
    }
}

#[test]
fn the_plan_after_a_week_says_how_it_stands() {
    let store = replayed();
    let found = store.read(|tx| {
        let last = last_equity(tx)?.expect("the week was reconciled");
        let worth = Worth {
            net_liquidation_gbp: last.net_liquidation_gbp,
            rate: last.fx,
            phase: last.phase,
        };
        planning::plan(tx, &Rulebook::embedded(), &Calendar::default(), FRIDAY, worth)
    });
    let found = found.unwrap();
    insta::assert_snapshot!("plan", found.page().text());
    insta::assert_json_snapshot!("plan_document", found);
}

#[test]
fn the_reviews_of_a_month_and_a_quarter_say_what_happened() {
    for mut report in reviews() {
        let name = report.period.name();
        insta::assert_snapshot!(name, redacted(&report.text, &report));
        insta::assert_snapshot!(format!("{name}_html"), redacted(&report.html, &report));
        insta::assert_snapshot!(format!("{name}_mail"), mail(&report));
        insta::assert_snapshot!(format!("{name}_phone"), phone(&report));
        report.document["journal"] = serde_json::json!("redacted");
        insta::assert_json_snapshot!(format!("{name}_document"), report.document);
    }
}
