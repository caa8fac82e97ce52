//! The mail as its reader's program finds it.

use std::sync::Arc;

use mail_parser::HeaderValue;
use tomking::{
    alert::{
        Alert, Channel as _, Outgoing,
        email::{EmailChannel, Letter, Origin, ids},
        setup::Bare,
    },
    config::voice::Severity,
};

use crate::{
    house::{House, alert, header, on, parsed, text, tree},
    server::Plan,
};

/// What arrives of each sending, in order.
fn arrived(outs: &[Outgoing]) -> Vec<String> {
    on(async {
        let house = House::new(Plan::default()).await;
        sent_by(&house.channel(), outs).await;
        house.server.mails().into_iter().map(|mail| mail.data).collect()
    })
}

async fn sent_by(channel: &EmailChannel, outs: &[Outgoing]) {
    for out in outs {
        channel.send(out).await.unwrap();
    }
}

fn one(alert: Alert) -> Outgoing {
    Outgoing::one(alert)
}

fn repeated(repeat: u32) -> Outgoing {
    Outgoing { repeat, ..one(alert(17)) }
}

#[test]
fn the_headers_say_what_sends_it_and_that_nothing_should_answer() {
    let mails = arrived(&[one(alert(17))]);
    let mail = &mails[0];
    for (name, wanted) in [
        ("From", "\"tomking\" <bot@example.org>"),
        ("To", "owner@example.org"),
        ("Date", "Fri, 16 Oct 2026 19:31:05 +0000"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
        ("List-Id", "tomking <tomking.example.org>"),
        ("Importance", "high"),
        ("MIME-Version", "1.0"),
    ] {
        let found = header(mail, name).unwrap_or_default().replace("\"tomking\"", "tomking");
        assert_eq!(found, wanted.replace("\"tomking\"", "tomking"), "{name}");
    }
    assert_eq!(
        header(mail, "Subject").unwrap(),
        "[CRITICAL] Position zdte-20261016-1 is open past its flat-by time"
    );
    assert_eq!(header(mail, "Precedence"), None, "bulk is what filters sort away");
    let id = header(mail, "Message-ID").unwrap();
    assert!(id.starts_with("<alert-17.") && id.ends_with("@example.org>"), "{id}");
    assert_eq!(ids::alert_number(&id), Some(17));
    assert_eq!(tree(&parsed(mail), 0), "mixed(alternative(plain, related(html)))");
}

#[test]
fn alerts_about_one_thing_are_one_thread_and_a_repeat_answers_the_first() {
    let later = Alert { id: 23, title: "It is closed".to_owned(), ..alert(23) };
    let other = Alert { key: "no_mark:zdte-20261016-1".to_owned(), ..alert(24) };
    let keyless = Alert { key: String::new(), ..alert(25) };
    let outs = [one(alert(17)), repeated(1), repeated(2), one(later), one(other), one(keyless)];
    let mails = arrived(&outs);
    let header = |nth: usize, name| header(&mails[nth], name);
    let root = header(0, "References").unwrap();
    assert_eq!(header(0, "In-Reply-To").as_ref(), Some(&root));
    let first = header(0, "Message-ID").unwrap();
    for nth in [1, 2] {
        assert_eq!(header(nth, "In-Reply-To").as_ref(), Some(&first));
        assert_eq!(header(nth, "References").unwrap(), format!("{root} {first}"));
        assert_eq!(header(nth, "Subject"), header(0, "Subject"), "some programs thread by it");
    }
    assert_eq!(header(3, "References").as_ref(), Some(&root));
    assert_ne!(header(4, "References").as_ref(), Some(&root));
    assert_eq!(header(5, "References"), None);
    let ids: std::collections::BTreeSet<_> = (0..6).map(|nth| header(nth, "Message-ID")).collect();
    assert_eq!(ids.len(), 6, "each mail has an id of its own");
    assert_ne!(header(1, "Date"), header(0, "Date"), "a repeat is of now");
    let text = parsed(&mails[2]).body_text(0).unwrap().into_owned();
    assert!(text.starts_with("Told again (2 before this): nobody has acknowledged it."), "{text}");
}

#[test]
fn the_same_number_in_a_new_store_is_another_mail() {
    let elsewhen = Alert { at: "2027-01-04T15:00:00Z".parse().unwrap(), ..alert(17) };
    let mails = arrived(&[one(alert(17)), one(elsewhen)]);
    assert_ne!(header(&mails[0], "Message-ID"), header(&mails[1], "Message-ID"));
}

#[test]
fn a_title_of_any_letters_arrives_whole() {
    let title = "Closed 1 ES condor: £146.80 – “profit target”, 日経 −3 %";
    let mails = arrived(&[one(Alert { title: title.to_owned(), ..alert(3) })]);
    let message = parsed(&mails[0]);
    assert_eq!(message.subject().unwrap(), format!("[CRITICAL] {title}"));
    assert!(message.body_text(0).unwrap().contains(title));
    assert!(message.body_html(0).unwrap().contains(title));
}

#[test]
fn nothing_in_an_alert_adds_a_header_or_a_recipient() {
    let title = "Halt\r\nBcc: thief@example.net\r\n\r\n<script>x</script>\u{202e}\u{0}\u{b}end";
    let hostile_text = "line\r\n.\r\nMAIL FROM:<thief@example.net>\r\n..dots\n.".to_owned();
    let hostile = Alert {
        title: title.to_owned(),
        text: hostile_text,
        kind: "k\r\nX-Evil: 1".to_owned(),
        key: "a>\r\nX-Evil: 2".to_owned(),
        ..alert(9)
    };
    on(async {
        let house = House::new(Plan::default()).await;
        sent_by(&house.channel(), &[one(hostile)]).await;
        let mails = house.server.mails();
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to, ["owner@example.org"]);
        let message = parsed(&mails[0].data);
        assert_eq!(
            message.subject().unwrap(),
            "[CRITICAL] Halt Bcc: thief@example.net <script>x</script> end"
        );
        assert!(message.header("Bcc").is_none() && message.header("X-Evil").is_none());
        let html = message.body_html(0).unwrap();
        assert!(!html.contains("<script>"), "{html}");
        let text = text(&message);
        assert!(text.contains("\n.\nMAIL FROM:<thief@example.net>\n..dots\n.\n"), "{text}");
    });
}

#[test]
fn a_long_title_is_cut_and_a_longer_text_bounded() {
    let long = Alert {
        title: "wörd ".repeat(400),
        text: format!("{}\n", "x".repeat(9000)).repeat(300),
        ..alert(5)
    };
    let mails = arrived(&[one(long)]);
    let subject = parsed(&mails[0]).subject().unwrap().to_owned();
    assert_eq!(subject.chars().count(), 150, "{subject}");
    assert!(subject.ends_with("wör…"));
    assert!(mails[0].len() < 400_000, "{}", mails[0].len());
}

#[test]
fn a_burst_is_one_mail_with_the_worst_first() {
    let told =
        |id: u64, severity, title: &str| Alert { severity, title: title.to_owned(), ..alert(id) };
    let alerts = vec![
        told(30, Severity::Info, "Opened a condor"),
        told(31, Severity::Warning, "No mark for 120 s"),
        told(32, Severity::Critical, "Ledger and broker differ"),
        told(33, Severity::Warning, "Job late"),
    ];
    let out = Outgoing { alerts, silent: false, repeat: 0 };
    let mails = arrived(&[out.clone(), Outgoing { repeat: 1, ..out }]);
    let message = parsed(&mails[0]);
    assert_eq!(message.subject().unwrap(), "[CRITICAL] 4 alerts, first: Ledger and broker differ");
    for body in [message.body_text(0).unwrap(), message.body_html(0).unwrap()] {
        assert!(body.contains("4 alerts: 1 critical, 2 warning, 1 info."), "{body}");
        let places: Vec<usize> = ["Ledger and broker", "No mark", "Job late", "Opened a condor"]
            .map(|title| body.rfind(title).unwrap())
            .to_vec();
        assert!(places.is_sorted(), "{body}");
    }
    assert_ne!(header(&mails[0], "Message-ID"), header(&mails[1], "Message-ID"));
}

#[test]
fn a_mail_can_be_answered_by_one_touch_where_commands_are_read() {
    on(async {
        let house = House::new(Plan::default()).await;
        sent_by(&house.channel(), &[one(alert(17))]).await;
        sent_by(&house.telling_of(Arc::new(Bare)), &[one(alert(17))]).await;
        let mails = house.server.mails();
        let html = |nth: usize| parsed(&mails[nth].data).body_html(0).unwrap().into_owned();
        assert!(!html(0).contains("mailto:"), "nobody reads what is sent there");
        for subject in ["ACK%2017%20", "STATUS%20", "REDUCE%20", "HALT%20"] {
            let link = format!("<a href=\"mailto:bot@example.org?subject={subject}\">");
            assert!(html(1).contains(&link), "{link}");
        }
        let text = |nth: usize| text(&parsed(&mails[nth].data));
        assert!(!text(0).contains("bot@example.org"));
        assert!(text(1).contains("a mail to bot@example.org with the subject `ACK 17 CODE`"));
    });
}

#[test]
fn the_answer_to_a_mail_refers_to_it_and_is_marked_as_one() {
    let asked = "CAF+abc@mail.example.com";
    let mut letter = Letter::new(
        "answer-1@example.org".to_owned(),
        vec!["owner@example.org".to_owned()],
        "Re: HALT",
        "Halted.\n",
        alert(1).at,
    );
    letter.in_reply_to = Some(format!("<{asked}>"));
    letter.references = vec!["first@example.com".to_owned(), format!("<{asked}>\r\nBcc: x@y.z")];
    letter.origin = Origin::Replied;
    on(async {
        let house = House::new(Plan::default()).await;
        house.mailer().send(&letter).await.unwrap();
        let mails = house.server.mails();
        let mail = &mails[0].data;
        assert_eq!(header(mail, "Auto-Submitted").unwrap(), "auto-replied");
        assert_eq!(header(mail, "List-Id"), None);
        assert_eq!(header(mail, "In-Reply-To").unwrap(), format!("<{asked}>"));
        assert_eq!(header(mail, "Bcc"), None);
        let message = parsed(mail);
        let HeaderValue::TextList(references) = message.references() else { panic!() };
        assert_eq!(references[0], "first@example.com");
        assert_eq!(text(&message), "Halted.\n");
        assert_eq!(tree(&message, 0), "plain");
    });
}
