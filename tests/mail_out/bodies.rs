//! A report: the mail is it, with its pictures inside and its files beside it.

use std::sync::Arc;

use mail_parser::MimeHeaders as _;
use tomking::{
    alert::{
        Alert, Attachment, Channel as _, Enclosure, Enclosures, Outgoing, Picture, SendError,
        email::Letter,
    },
    config::voice::Severity,
};

use crate::{
    house::{House, alert, header, on, parsed, text, tree},
    server::{Act, At, Plan},
};

/// The bytes every PNG begins with, and a few that no text has.
pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\x01\xff\xfe.\r\n.\r\n";
pub const CSV: &str = "date,what,pnl_gbp\r\n2026-10-16,1 ES condor – “a, b”,146.80\r\n";

/// An archive of one daily report.
pub struct Archive;

#[async_trait::async_trait]
impl Enclosures for Archive {
    async fn of(&self, alert: &Alert) -> Result<Option<Arc<Enclosure>>, SendError> {
        if alert.kind != "report" {
            return Ok(None);
        }
        match alert.id {
            98 => return Err(SendError::Permanent("its row cannot be read".to_owned())),
            99 => return Err(SendError::Retry("the store is busy".to_owned())),
            _ => {}
        }
        let picture = |name: &str| Picture {
            name: name.to_owned(),
            title: "Net liquidation".to_owned(),
            png: PNG.to_vec(),
        };
        let date = alert.at.format("%F");
        Ok(Some(Arc::new(Enclosure {
            name: format!("report-daily-{date}"),
            series: "report-daily".to_owned(),
            subject: format!("Daily report {date}: £48,120 (+£146, +0.3 %)"),
            text: "Net liquidation £48,120\n".to_owned(),
            phone: String::new(),
            html: "<!DOCTYPE html><title>Daily</title><p>£48,120</p><img src=\"cid:equity\" \
                   alt=\"Net liquidation\"><img src=\"cid:drawdown\" alt=\"\">"
                .to_owned(),
            pictures: vec![picture("equity"), picture("drawdown")],
            files: vec![Attachment {
                name: "trades.csv".to_owned(),
                media_type: "text/csv; charset=utf-8".to_owned(),
                bytes: CSV.as_bytes().to_vec(),
            }],
        })))
    }
}

pub fn report(id: u64, at: &str) -> Alert {
    Alert {
        at: at.parse().unwrap(),
        kind: "report".to_owned(),
        severity: Severity::Info,
        title: "The daily report of 2026-10-16: £48,120".to_owned(),
        ..alert(id)
    }
}

#[test]
fn a_report_has_its_pictures_inside_and_its_table_beside_it() {
    on(async {
        let house = House::new(Plan::default()).await;
        let channel = house.telling_of(Arc::new(Archive));
        let out = Outgoing::one(report(40, "2026-10-16T20:30:00Z"));
        channel.send(&out).await.unwrap();
        let mails = house.server.mails();
        let message = parsed(&mails[0].data);
        assert_eq!(tree(&message, 0), "mixed(alternative(plain, related(html, png, png)), csv)");
        assert_eq!(message.subject().unwrap(), "Daily report 2026-10-16: £48,120 (+£146, +0.3 %)");
        assert_eq!(text(&message), "Net liquidation £48,120\n");
        let html = message.body_html(0).unwrap().into_owned();
        let pictures: Vec<_> = message
            .parts
            .iter()
            .filter(|part| part.content_type().is_some_and(|kind| kind.c_type == "image"))
            .collect();
        for (part, name) in pictures.iter().zip(["equity", "drawdown"]) {
            assert_eq!(part.content_id().unwrap(), name);
            assert!(part.content_disposition().unwrap().is_inline());
            assert!(html.contains(&format!("cid:{name}")));
            assert_eq!(part.contents(), PNG);
        }
        assert_eq!(pictures.len(), html.matches("cid:").count());
        let file = message.parts.last().unwrap();
        assert_eq!(file.attachment_name().unwrap(), "trades.csv");
        assert_eq!(file.contents(), CSV.as_bytes());
        assert_eq!(header(&mails[0].data, "Importance"), None);
        assert_eq!(header(&mails[0].data, "Reply-To").unwrap(), "bot@example.org");
    });
}

#[test]
fn a_table_of_plain_letters_keeps_its_line_ends() {
    on(async {
        let house = House::new(Plan::default()).await;
        let csv = "date,pnl_gbp\n2026-10-16,146.80\n.\n";
        let mut letter = Letter::new(
            "one@example.org".to_owned(),
            vec!["owner@example.org".to_owned()],
            "A table",
            "It is beside this.",
            alert(1).at,
        );
        letter.files.push(Attachment {
            name: "a table \"é\"\r\n.csv".to_owned(),
            media_type: "text/csv; charset=utf-8".to_owned(),
            bytes: csv.as_bytes().to_vec(),
        });
        house.mailer().send(&letter).await.unwrap();
        let mails = house.server.mails();
        let message = parsed(&mails[0].data);
        assert_eq!(tree(&message, 0), "mixed(alternative(plain), csv)");
        let file = message.parts.last().unwrap();
        assert_eq!(file.contents(), csv.as_bytes());
        assert_eq!(file.attachment_name().unwrap(), "a-table------.csv");
    });
}

#[test]
fn a_report_in_a_burst_is_a_mail_by_itself_and_none_comes_twice() {
    on(async {
        let plan = Plan {
            script: vec![vec![], vec![(At::Body, Act::Say("451 later".into()))]],
            ..Plan::default()
        };
        let house = House::new(plan).await;
        let channel = house.telling_of(Arc::new(Archive));
        let alerts = vec![alert(38), alert(39), report(40, "2026-10-16T20:30:00Z"), alert(41)];
        let out = Outgoing { alerts, silent: true, repeat: 0 };
        let first = channel.send(&out).await.unwrap_err().to_string();
        assert_eq!(first, "the mail was refused: 451: later");
        assert_eq!(channel.send(&out).await, Ok(()));
        let mails = house.server.mails();
        let ids: Vec<String> =
            mails.iter().map(|mail| header(&mail.data, "Message-ID").unwrap()).collect();
        assert_eq!(ids.len(), 2, "{ids:?}");
        assert!(ids[0].starts_with("<digest-38-41."), "{ids:?}");
        assert!(ids[1].starts_with("<report-daily-2026-10-16.40-"), "{ids:?}");
        assert_eq!(header(&mails[0].data, "Importance"), None, "it is silent");
        assert!(!text(&parsed(&mails[0].data)).contains("daily report"));
    });
}

#[test]
fn reports_of_a_period_are_one_thread_and_one_sent_again_is_another_mail() {
    on(async {
        let house = House::new(Plan::default()).await;
        let channel = house.telling_of(Arc::new(Archive));
        for (id, at) in [
            (40, "2026-10-16T20:30:00Z"),
            (44, "2026-10-19T20:30:00Z"),
            (45, "2026-10-19T20:30:00Z"),
        ] {
            channel.send(&Outgoing::one(report(id, at))).await.unwrap();
        }
        let mails = house.server.mails();
        let header = |nth: usize, name| header(&mails[nth].data, name).unwrap();
        assert!(header(0, "Message-ID").starts_with("<report-daily-2026-10-16.40-"));
        assert!(header(1, "Message-ID").starts_with("<report-daily-2026-10-19.44-"));
        assert_ne!(header(1, "Message-ID"), header(2, "Message-ID"));
        assert_eq!(header(0, "References"), header(1, "References"));
        assert_eq!(header(0, "References"), header(2, "In-Reply-To"));
    });
}

#[test]
fn a_report_is_tried_again_where_that_may_help_and_given_up_where_it_cannot() {
    on(async {
        let house = House::new(Plan::default()).await;
        let channel = house.telling_of(Arc::new(Archive));
        let sent =
            async |id| channel.send(&Outgoing::one(report(id, "2026-10-16T20:30:00Z"))).await;
        assert_eq!(sent(99).await, Err(SendError::Retry("the store is busy".to_owned())));
        let never = SendError::Permanent("its row cannot be read".to_owned());
        assert_eq!(sent(98).await, Err(never));
        assert_eq!(house.server.connections(), 0);
        let burst = Outgoing {
            alerts: vec![alert(5), report(98, "2026-10-16T20:30:00Z")],
            silent: false,
            repeat: 0,
        };
        channel.send(&burst).await.unwrap();
        assert_eq!(house.server.mails().len(), 1, "the rest of a burst goes out");
    });
}
