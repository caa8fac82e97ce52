use std::{fs, path::Path};

use rust_decimal::{Decimal, dec};

use super::*;
use crate::{
    account::{ExitReason, PositionId, StrategyId},
    money::Gbp,
    report::{
        fixture::closed,
        held::{Greeks, HeldLine},
        history::History,
    },
    risk::{Figure, RefusalRow, decision::DecisionOutcome},
    strategy::Filter,
};

fn day(date: &str, usd: Decimal) -> EquityRow {
    EquityRow {
        net_liquidation_gbp: Some(Gbp(usd / dec!(1.25))),
        phase: Some(1),
        requirement_usd: Usd(dec!(900)),
        cap_percent: Some(dec!(45)),
        peak_used_percent: Some(dec!(2.5)),
        fees_usd: Usd(dec!(1.5)),
        fees_total_usd: Usd(dec!(1.5)),
        ..closed(date.parse().unwrap(), usd)
    }
}

struct Data {
    days: Vec<EquityRow>,
    books: Vec<DayBook>,
    trades: Vec<TradeLine>,
    decisions: Vec<DecisionRecord>,
}

fn data() -> Data {
    let at = |text: &str| text.parse().unwrap();
    let held = HeldLine {
        position: PositionId("zdte-20240802-1".to_owned()),
        strategy: StrategyId::Friday0dte,
        what: "1 × ES put spread".to_owned(),
        pnl_usd: Some(Usd(dec!(-120))),
    };
    Data {
        days: vec![day("2024-08-01", dec!(45000)), day("2024-08-02", dec!(43650))],
        books: vec![DayBook {
            date: "2024-08-02".parse().unwrap(),
            at: at("2024-08-02T19:59:00Z"),
            net_liquidation_usd: Some(Usd(dec!(43650))),
            vix: Some(23.39),
            positions: vec![held],
            greeks: Some(Greeks { theta_day_usd: 12.5, ..Greeks::default() }),
        }],
        trades: vec![TradeLine {
            position: PositionId("zdte-20240802-1".to_owned()),
            strategy: StrategyId::Friday0dte,
            what: "1 × ES \"put spread\", <wide>".to_owned(),
            opened_at: at("2024-08-02T14:30:42Z"),
            closed_at: at("2024-08-02T17:00:00Z"),
            exit_reason: ExitReason::Stop,
            credit_usd: Usd(dec!(225)),
            pnl_usd: Usd(dec!(-1350)),
            pnl_gbp: None,
        }],
        decisions: vec![DecisionRecord {
            at: at("2024-08-02T14:30:00Z"),
            slot: at("2024-08-02T14:30:00Z"),
            strategy: StrategyId::Friday0dte,
            outcome: DecisionOutcome::Refused,
            filters: vec![Filter {
                name: "vix_ceiling".to_owned(),
                value: "23.39".to_owned(),
                bound: "<= 35".to_owned(),
                passed: true,
            }],
            refusals: vec![RefusalRow {
                limit: "buying_power".to_owned(),
                value: Figure::Number(47.2),
                bound: Figure::Number(45.0),
                unit: "percent".to_owned(),
                text: "Refused: buying power, 47.2 % > 45.0 %".to_owned(),
            }],
            intent: None,
            ended: None,
        }],
    }
}

fn sheet<'a>(data: &'a Data, history: &'a History) -> Sheet<'a> {
    Sheet {
        title: "Replay 2024-08-01 to 2024-08-02".to_owned(),
        headline: "-3.00 % in 2 sessions".to_owned(),
        modelled: vec!["Option quotes are modelled.".to_owned()],
        warnings: vec!["limits 6 to 11 of the gate were off".to_owned()],
        facts: vec![("Before".to_owned(), "$45,000.00".to_owned())],
        start: Some(Usd(dec!(45000))),
        days: &data.days,
        books: &data.books,
        trades: &data.trades,
        decisions: &data.decisions,
        history,
        events: vec!["Fri 2 Aug 10:55 REDUCING: VIX".to_owned()],
        day_by_day: true,
        notes: vec!["Digest 00".to_owned()],
    }
}

fn files() -> Vec<(&'static str, Vec<u8>)> {
    let data = data();
    let history = History::of(Some(Usd(dec!(45000))), &data.days, &data.trades, &data.decisions);
    sheet(&data, &history).files().unwrap()
}

fn text(name: &str) -> String {
    let found = files().into_iter().find(|(file, _)| *file == name).unwrap();
    String::from_utf8(found.1).unwrap()
}

#[test]
fn the_page_says_first_what_is_modelled_and_loads_nothing() {
    let page = text(place::PAGE);
    let (head, _) = page.split_once("<h2>").unwrap();
    assert!(head.contains("What is modelled") && head.contains("Option quotes are modelled."));
    assert!(head.contains("Warning: </strong>limits 6 to 11"));
    for outside in ["http://", "https://", "<script", "src=", "href", "@import", "url("] {
        assert!(!page.contains(outside), "{outside}");
    }
    assert!(page.contains("default-src 'none'"));
    for title in [
        "Net liquidation",
        "Under water",
        "Month by month",
        "Strategies",
        "Buying power",
        "Greeks",
        "Worst days",
        "Refused by the gate",
        "Day by day",
        "Breakers",
        "Trades",
    ] {
        assert!(page.contains(&format!("<h2>{title}")), "{title}");
    }
    assert!(page.contains("&lt;wide&gt;") && !page.contains("<wide>"), "escaped");
}

#[test]
fn every_table_can_be_read_by_keyboard_and_by_ear() {
    let page = text(place::PAGE);
    let tables = page.matches("<table>").count();
    assert!(tables >= 6);
    assert_eq!(page.matches("<caption>").count(), tables);
    assert_eq!(page.matches("tabindex=\"0\"").count(), tables);
    assert!(page.matches("scope=\"row\"").count() >= tables);
    assert_eq!(page.matches("<svg").count(), page.matches("role=\"img\"").count());
    let ids: Vec<&str> =
        page.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let unique: std::collections::BTreeSet<&&str> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len(), "{ids:?}");
}

#[test]
fn the_csv_files_have_a_head_and_a_row_for_each() {
    let trades = text(place::TRADES);
    let lines: Vec<&str> = trades.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[1].contains("\"1 × ES \"\"put spread\"\", <wide>\""), "{}", lines[1]);
    assert!(lines[1].ends_with(",stop,225.00,-1350.00,"), "{}", lines[1]);
    let equity = text(place::EQUITY);
    let last = equity.lines().last().unwrap();
    assert!(last.starts_with("2024-08-02,43650.00,34920.00,,3.0000,900.00,2.5,45,"), "{last}");
    assert!(last.ends_with(",1,0.00,12.50,0.00"), "{last}");
    let decisions = text(place::DECISIONS);
    let last = decisions.lines().last().unwrap();
    assert!(
        last.contains(",refused,,1,0,,buying_power,\"Refused: buying power, 47.2 % > 45.0 %\",")
    );
}

#[test]
fn a_report_replaces_a_report_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let names = |place: &Path| -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(place)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let place = home.path().join("deep/report");
    place::write(&place, &files()).unwrap();
    let ours = [".tomking-report", "decisions.csv", "equity.csv", "index.html", "trades.csv"];
    assert_eq!(names(&place), ours);
    place::write(&place, &[(place::PAGE, b"again".to_vec())]).unwrap();
    assert_eq!(names(&place), [".tomking-report", "index.html"]);
    assert_eq!(names(place.parent().unwrap()), ["report"], "nothing is left beside it");

    fs::write(place.join("notes.txt"), "mine").unwrap();
    let error = place::write(&place, &files()).unwrap_err().to_string();
    assert!(error.contains("notes.txt") && error.contains("nothing was changed"), "{error}");
    assert_eq!(fs::read_to_string(place.join("index.html")).unwrap(), "again");

    let other = home.path().join("other");
    fs::create_dir(&other).unwrap();
    place::check(&other).unwrap();
    fs::write(other.join("index.html"), "mine").unwrap();
    assert!(place::check(&other).is_err(), "a page without our mark is somebody's");
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(place::check(&file), Err(place::PlaceError::NoDirectory(_))));
}
