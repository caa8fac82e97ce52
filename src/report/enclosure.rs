//! A report as a mail carries it: subject, text, page with its pictures beside it, and the rows it is
//! made of as CSV. It is made anew from the kept report, beside the threads that carry the desk, and
//! remembered for as long as another channel or another attempt may ask for it.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{NaiveDate, TimeDelta};
use futures::lock::Mutex;

use super::{KeptReport, Period, REPORTS, chart, parts::TradeLine, report_key, tearsheet::csv};
use crate::{
    alert::{
        Alert, Attachment, Enclosure, Enclosures, Picture, REPORT, SendError,
        telegram::markup::{bold, pre},
    },
    clock::Runtime,
    desk::read::{closed_positions, equity},
    notice::{Notice, OUTBOX},
    store::{Read, Store, StoreError},
};

/// Wide enough for the width of a mail on a screen of twice the density.
const WIDTH_PX: u32 = 1200;

/// Longer than the longest pause between two attempts: what is asked for again is not drawn again.
const REMEMBERED_FOR: TimeDelta = TimeDelta::minutes(10);

/// Reports, for the alerts that point to them.
pub struct Reports {
    rt: Runtime,
    store: Store,
    newest: Arc<Mutex<Newest>>,
}

/// The enclosure asked for last: one report and its pictures, some hundred kilobytes, and only while
/// it is being sent.
#[derive(Default)]
struct Newest {
    of: Option<(u64, Arc<Enclosure>)>,
    asked: u64,
}

impl Reports {
    /// The reports of a store.
    pub fn new(rt: Runtime, store: Store) -> Self {
        Self { rt, store, newest: Arc::default() }
    }

    /// Forgets the newest once nobody has asked for it for a while.
    fn forget_later(&self, asked: u64) {
        let (rt, newest) = (self.rt.clone(), Arc::clone(&self.newest));
        self.rt.spawn(async move {
            rt.sleep(REMEMBERED_FOR).await;
            let mut newest = newest.lock().await;
            if newest.asked == asked {
                newest.of = None;
            }
        });
    }
}

#[async_trait]
impl Enclosures for Reports {
    async fn of(&self, alert: &Alert) -> Result<Option<Arc<Enclosure>>, SendError> {
        if alert.kind != REPORT {
            return Ok(None);
        }
        // Held while it is made: channels that ask at once do not draw it twice.
        let mut newest = self.newest.lock().await;
        let known = newest.of.as_ref().filter(|(id, _)| *id == alert.id);
        if known.is_none() {
            let (store, id) = (self.store.clone(), alert.id);
            let made = self.rt.aside(move || made(&store, id)).await;
            let panicked = || Err(SendError::Permanent("making it panicked".to_owned()));
            let told = |error| told(alert.id, error);
            newest.of = made.unwrap_or_else(panicked).map_err(told)?.map(|of| (id, Arc::new(of)));
        }
        if newest.of.is_some() {
            newest.asked += 1;
            self.forget_later(newest.asked);
        }
        Ok(newest.of.as_ref().map(|(_, enclosure)| Arc::clone(enclosure)))
    }
}

/// An error with what it is of.
fn told(id: u64, error: SendError) -> SendError {
    let of = |why| format!("the report of alert {id}: {why}");
    match error {
        SendError::Permanent(why) => SendError::Permanent(of(why)),
        other => SendError::Retry(of(other.to_string())),
    }
}

/// Reads and draws it. What the store cannot give now it may give later; rows that cannot be read,
/// and charts that cannot be drawn, stay as they are.
fn made(store: &Store, id: u64) -> Result<Option<Enclosure>, SendError> {
    let found = store.read(|tx| found(tx, id)).map_err(|error| match error {
        StoreError::Codec { .. } | StoreError::Shape { .. } => {
            SendError::Permanent(error.to_string())
        }
        error => SendError::Retry(error.to_string()),
    })?;
    let Some((kept, rows)) = found else { return Ok(None) };
    enclosure(&kept, &rows).map(Some).map_err(SendError::Permanent)
}

/// The report of an outbox row, with its rows; `None` for one that is of no report, or of none that
/// is kept.
fn found(tx: &impl Read, id: u64) -> Result<Option<(KeptReport, Rows)>, StoreError> {
    let Some(row) = tx.get(&OUTBOX, &format!("{id:020}"))? else { return Ok(None) };
    let Notice::Report { period, date, .. } = row.notice else { return Ok(None) };
    let Some(period) = Period::by_name(&period) else { return Ok(None) };
    let Some(kept) = tx.get(&REPORTS, &report_key(period, date))? else { return Ok(None) };
    let rows = rows(tx, &kept)?;
    Ok(Some((kept, rows)))
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
        phone: page.as_ref().map_or_else(|| plain(&title, kept), super::page::Page::phone),
        html: page.map_or_else(|| kept.html.clone(), |page| page.mail()),
        pictures: pictures?,
        files: files(kept, rows)?,
    })
}

/// A report whose page cannot be made any more, for a phone: as it was written.
fn plain(title: &str, kept: &KeptReport) -> String {
    format!("{}\n{}", bold(&format!("{title}: {}", kept.headline)), pre(kept.text.trim_end()))
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
        clock::VirtualWorld,
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

    /// What one life encloses, asked once.
    fn enclosed(store: &Store, alert: &Alert) -> Result<Option<Arc<Enclosure>>, SendError> {
        let world = VirtualWorld::new("2026-10-17T12:00:00Z".parse().unwrap());
        block_on(Reports::new(world.runtime(), store.clone()).of(alert))
    }

    #[test]
    fn a_report_comes_whole_with_its_pictures_and_its_rows() {
        let (store, friday) = store();
        let alerts = alerts(&store);
        let found = enclosed(&store, &alerts[0]).unwrap().unwrap();
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
        assert_eq!(
            enclosed(&store, &alerts[1]).unwrap(),
            None,
            "another kind says everything itself"
        );
    }

    #[test]
    fn a_report_of_another_version_comes_as_it_was_written() {
        let (store, friday) = store();
        let key = report_key(Period::Weekly, friday);
        let mut kept = store.read(|tx| tx.get(&REPORTS, &key)).unwrap().unwrap();
        kept.document = serde_json::json!({ "from": 7 });
        let html = kept.html.clone();
        block_on(store.write(move |tx| tx.put(&REPORTS, &key, &kept))).unwrap();
        let found = enclosed(&store, &alerts(&store)[0]).unwrap().unwrap();
        assert_eq!((&found.html, found.pictures.len()), (&html, 0));
        assert!(found.phone.starts_with("<b>weekly report: £36,200.00"), "{}", found.phone);
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
        assert_eq!(enclosed(&store, &told[2]).unwrap(), enclosed(&store, &told[0]).unwrap());
        let error = again(friday.pred_opt().unwrap()).unwrap_err().to_string();
        assert!(error.contains("there is no weekly report of 2026-10-15 yet"), "{error}");
    }

    #[test]
    fn a_report_whose_row_cannot_be_read_is_given_up_and_not_tried_again() {
        const RAW: crate::store::Table<serde_json::Value> = crate::store::Table::new("reports", 1);
        let (store, friday) = store();
        let key = report_key(Period::Weekly, friday);
        block_on(store.write(move |tx| tx.put(&RAW, &key, &serde_json::json!({ "date": 7 }))))
            .unwrap();
        let Err(SendError::Permanent(why)) = enclosed(&store, &alerts(&store)[0]) else {
            panic!("it never can be read")
        };
        let wanted = "the report of alert 1: store: table `reports`, key `weekly/2026-10-16`:";
        assert!(why.starts_with(wanted), "{why}");
    }

    #[test]
    fn a_report_is_drawn_once_for_every_channel_and_attempt_and_forgotten_after_a_while() {
        let (store, _) = store();
        let alert = alerts(&store).remove(0);
        let mut world = VirtualWorld::new("2026-10-17T12:00:00Z".parse().unwrap());
        let rt = world.runtime();
        let reports = Arc::new(Reports::new(rt.clone(), store));
        let same = world.run(async move {
            let again = || async { reports.of(&alert).await.unwrap().unwrap() };
            let (one, other) = futures::join!(again(), again());
            let mut same = vec![Arc::ptr_eq(&one, &other)];
            drop(other);
            for minutes in [5, 9, 11] {
                rt.sleep(TimeDelta::minutes(minutes)).await;
                let held = Arc::strong_count(&one) > 1;
                same.push(held && Arc::ptr_eq(&again().await, &one));
            }
            same
        });
        assert_eq!(same.unwrap(), [true, true, true, false]);
    }

    #[test]
    fn a_report_that_cannot_be_made_keeps_no_other_in_memory() {
        const RAW: crate::store::Table<serde_json::Value> = crate::store::Table::new("reports", 1);
        let (store, friday) = store();
        let alert = alerts(&store).remove(0);
        let other = Alert { id: 3, ..alert.clone() };
        let mut world = VirtualWorld::new("2026-10-17T12:00:00Z".parse().unwrap());
        let rt = world.runtime();
        let reports = Reports::new(rt.clone(), store.clone());
        let held = world.run(async move {
            let found = reports.of(&alert).await.unwrap().unwrap();
            let row = store.read(|tx| tx.get(&OUTBOX, &format!("{:020}", 1))).unwrap().unwrap();
            let spoil = move |tx: &mut crate::store::WriteTx| {
                tx.put(&OUTBOX, &format!("{:020}", 3), &row)?;
                tx.put(&RAW, &report_key(Period::Weekly, friday), &serde_json::json!({ "date": 7 }))
            };
            store.write(spoil).await.unwrap();
            assert!(reports.of(&other).await.is_err());
            rt.sleep(TimeDelta::minutes(11)).await;
            Arc::strong_count(&found)
        });
        assert_eq!(held.unwrap(), 1);
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
