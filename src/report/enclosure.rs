//! A report as a mail carries it: subject, text, page with its pictures beside it, and the rows it is
//! made of as CSV. Nothing of it is kept: it is made anew from the kept report.

use chrono::NaiveDate;

use super::{KeptReport, Period, REPORTS, chart, parts::TradeLine, report_key, tearsheet::csv};
use crate::{
    alert::{Alert, Attachment, Enclosure, Enclosures, Picture},
    desk::read::{closed_positions, equity},
    notice::{Notice, OUTBOX},
    store::{Read, Store, StoreError},
};

/// Wide enough for the width of a mail on a screen of twice the density.
const WIDTH_PX: u32 = 1200;

/// Reports, for the alerts that point to them.
pub struct Reports {
    store: Store,
}

impl Reports {
    /// The reports of a store.
    pub fn new(store: Store) -> Self {
        Self { store }
    }
}

impl Enclosures for Reports {
    fn of(&self, alert: &Alert) -> Result<Option<Enclosure>, String> {
        if alert.kind != "report" {
            return Ok(None);
        }
        let found = self.store.read(|tx| found(tx, alert.id));
        found.map_err(|error| format!("the report of alert {}: {error}", alert.id))?.transpose()
    }
}

/// The enclosure of an outbox row; `None` for one that is of no report, or of none that is kept.
fn found(tx: &impl Read, id: u64) -> Result<Option<Result<Enclosure, String>>, StoreError> {
    let Some(row) = tx.get(&OUTBOX, &format!("{id:020}"))? else { return Ok(None) };
    let Notice::Report { period, date, .. } = row.notice else { return Ok(None) };
    let Some(period) = Period::by_name(&period) else { return Ok(None) };
    let Some(kept) = tx.get(&REPORTS, &report_key(period, date))? else { return Ok(None) };
    Ok(Some(enclosure(&kept, &rows(tx, &kept)?)))
}

/// What the CSV files are made of.
struct Rows {
    trades: Vec<TradeLine>,
    days: Vec<crate::desk::tables::EquityRow>,
}

fn rows(tx: &impl Read, kept: &KeptReport) -> Result<Rows, StoreError> {
    let from = first_day(kept);
    let closed = closed_positions(tx, from, kept.date)?;
    Ok(Rows {
        trades: closed.iter().filter_map(TradeLine::of).collect(),
        days: equity(tx, from, kept.date)?,
    })
}

/// The first day a report covers, as its document says.
fn first_day(kept: &KeptReport) -> NaiveDate {
    let named = ["from", "from_date"].iter().find_map(|name| kept.document[name].as_str());
    named.and_then(|text| text.parse().ok()).unwrap_or(kept.date)
}

fn enclosure(kept: &KeptReport, rows: &Rows) -> Result<Enclosure, String> {
    let KeptReport { period, date, .. } = kept;
    let page = kept.page();
    let drawn = |picture: &super::page::Picture| {
        let png = chart::png(&picture.svg, WIDTH_PX)?;
        Ok(Picture { name: picture.name.clone(), title: picture.title.clone(), png })
    };
    let pictures: Result<Vec<Picture>, String> =
        page.iter().flat_map(|page| page.pictures().map(drawn)).collect();
    let title = page.as_ref().map_or_else(|| format!("{period} report"), |page| page.title.clone());
    Ok(Enclosure {
        name: format!("report-{period}-{date}"),
        series: format!("report-{period}"),
        subject: format!("{title}: {}", kept.headline),
        text: kept.text.clone(),
        html: page.map_or_else(|| kept.html.clone(), |page| page.mail()),
        pictures: pictures?,
        files: files(kept, rows)?,
    })
}

/// The trades, where there were any; the days, where there is more than one.
fn files(kept: &KeptReport, rows: &Rows) -> Result<Vec<Attachment>, String> {
    let KeptReport { period, date, .. } = kept;
    let file = |what: &str, bytes| Attachment {
        name: format!("{period}-{date}-{what}.csv"),
        media_type: "text/csv; charset=utf-8".to_owned(),
        bytes,
    };
    let mut files = Vec::new();
    if !rows.trades.is_empty() {
        files.push(file("trades", csv::trades(&rows.trades)?));
    }
    if *period != Period::Daily {
        files.push(file("days", csv::equity(None, &rows.days, &[])?));
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use rust_decimal::dec;

    use super::*;
    use crate::{
        alert::render,
        desk::tables::{EQUITY, EquityRow},
        notice::{OutboxRow, raise},
        report::fixture::closed_at,
    };

    /// A store with a written week and the notice of it.
    fn store() -> (Store, NaiveDate) {
        let store = Store::in_memory().unwrap();
        let friday: NaiveDate = "2026-10-16".parse().unwrap();
        let days: Vec<NaiveDate> =
            friday.week(chrono::Weekday::Mon).first_day().iter_days().take(5).collect();
        let rows: Vec<EquityRow> = days
            .iter()
            .zip([45_000, 45_200, 45_100, 45_300, 45_250])
            .map(|(date, usd)| closed_at(*date, usd.into(), dec!(1.25)))
            .collect();
        block_on(store.write(move |tx| {
            rows.iter().try_for_each(|row| tx.put(&EQUITY, &row.date.to_string(), row))
        }))
        .unwrap();
        let gatherer = crate::report::gather::Gatherer {
            calendar: crate::calendar::Calendar::default(),
            jobs: crate::schedule::JobSet::embedded().unwrap(),
            prices: crate::market::Provenance::Simulated,
            rulebook: std::sync::Arc::new(crate::config::Rulebook::embedded()),
        };
        let at = "2026-10-16T21:00:00Z".parse().unwrap();
        let review = store.read(|tx| gatherer.weekly(tx, friday, at)).unwrap();
        let page = review.page();
        let kept = KeptReport {
            period: Period::Weekly,
            date: friday,
            at,
            headline: page.headline.clone(),
            text: page.text(),
            html: page.html(),
            document: serde_json::to_value(&review).unwrap(),
        };
        block_on(store.write(move |tx| {
            tx.put(&REPORTS, &report_key(Period::Weekly, friday), &kept)?;
            let headline = kept.headline.clone();
            let period = "weekly".to_owned();
            raise(tx, at, Notice::Report { period, date: friday, headline })?;
            raise(tx, at, Notice::Stopping)
        }))
        .unwrap();
        (store, friday)
    }

    fn alerts(store: &Store) -> Vec<Alert> {
        let rows: Vec<(String, OutboxRow)> = store.read(|tx| tx.list(&OUTBOX, "")).unwrap();
        rows.iter().map(|(key, row)| render(key.parse().unwrap(), row)).collect()
    }

    #[test]
    fn a_report_comes_whole_with_its_pictures_and_its_rows() {
        let (store, friday) = store();
        let alerts = alerts(&store);
        let reports = Reports::new(store);
        let found = reports.of(&alerts[0]).unwrap().unwrap();
        assert_eq!(
            (found.name.as_str(), found.series.as_str()),
            ("report-weekly-2026-10-16", "report-weekly")
        );
        assert!(
            found.subject.starts_with("Weekly review, 2026-10-12 to 2026-10-16: £36,200.00"),
            "{}",
            found.subject
        );
        assert!(found.text.starts_with("Weekly review"));
        let names: Vec<&str> = found.pictures.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["equity", "drawdown"]);
        for picture in &found.pictures {
            assert!(picture.png.starts_with(b"\x89PNG") && picture.png.len() < 150_000);
            assert!(found.html.contains(&format!("cid:{}", picture.name)));
        }
        let [days] = found.files.as_slice() else { panic!("{:?}", found.files) };
        assert_eq!(days.name, format!("weekly-{friday}-days.csv"));
        assert_eq!(String::from_utf8_lossy(&days.bytes).lines().count(), 6);
        assert_eq!(reports.of(&alerts[1]).unwrap(), None, "another kind says everything itself");
    }

    #[test]
    fn a_report_of_another_version_comes_as_it_was_written() {
        let (store, friday) = store();
        let key = report_key(Period::Weekly, friday);
        let mut kept = store.read(|tx| tx.get(&REPORTS, &key)).unwrap().unwrap();
        kept.document = serde_json::json!({ "from": 7 });
        let html = kept.html.clone();
        block_on(store.write(move |tx| tx.put(&REPORTS, &key, &kept))).unwrap();
        let found = Reports::new(store.clone()).of(&alerts(&store)[0]).unwrap().unwrap();
        assert_eq!((found.html, found.pictures.len()), (html, 0));
        assert!(found.subject.starts_with("weekly report: "));
    }

    #[test]
    fn a_report_sent_again_is_told_anew_and_one_that_is_not_kept_is_refused() {
        let (store, friday) = store();
        let again = |date: NaiveDate| {
            let at = "2026-10-17T12:00:00Z".parse().unwrap();
            block_on(store.write(move |tx| {
                let channels = ["log".to_owned(), "mail".to_owned()];
                crate::report::send::again(
                    tx,
                    Period::Weekly,
                    Some(date),
                    &channels,
                    "operator",
                    at,
                )
            }))
        };
        let sent = again(friday).unwrap();
        assert_eq!(sent.page().title, "The weekly report of 2026-10-16 goes out again");
        let told = alerts(&store);
        assert_eq!(told.len(), 3);
        let reports = Reports::new(store.clone());
        assert_eq!(reports.of(&told[2]).unwrap(), reports.of(&told[0]).unwrap());
        let error = again(friday.pred_opt().unwrap()).unwrap_err().to_string();
        assert!(error.contains("there is no weekly report of 2026-10-15 yet"), "{error}");
    }

    #[test]
    fn rows_of_older_versions_still_read() {
        let (store, friday) = store();
        let kept = store.read(|tx| tx.get(&REPORTS, &report_key(Period::Weekly, friday)));
        let mut kept = kept.unwrap().unwrap();
        let fields = kept.document.as_object_mut().unwrap();
        for new in [
            "breakers",
            "closes",
            "strategies",
            "usd_returns_ever",
            "trades_stats_ever",
            "close",
            "decisions_by_strategy",
            "incidents",
            "criteria",
            "ahead",
            "health",
        ] {
            fields.remove(new).unwrap();
        }
        let page = kept.page().expect("a document without what is new is one of before");
        assert_eq!(page.pictures().count(), 0);
    }
}
