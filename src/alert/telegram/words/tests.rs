use super::*;
use crate::alert::Picture;

fn alert(id: u64, severity: Severity, title: &str) -> Alert {
    Alert {
        id,
        at: "2024-08-02T14:30:00Z".parse().unwrap(),
        kind: "difference".to_owned(),
        severity,
        title: title.to_owned(),
        text: String::new(),
        key: String::new(),
    }
}

fn texts(pieces: &[Piece]) -> Vec<&str> {
    let texts = pieces.iter().filter_map(|piece| match piece {
        Piece::Text(text, _) => Some(text.as_str()),
        Piece::Photo { .. } => None,
    });
    texts.collect()
}

fn data(pieces: &[Piece]) -> Vec<String> {
    let markups = pieces.iter().filter_map(|piece| match piece {
        Piece::Text(_, buttons) => buttons.as_ref(),
        Piece::Photo { .. } => None,
    });
    let buttons = markups.flat_map(|markup| markup.inline_keyboard.iter().flatten());
    buttons
        .map(|button| match &button.kind {
            teloxide::types::InlineKeyboardButtonKind::CallbackData(data) => data.clone(),
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn the_first_line_says_how_bad_it_is() {
    let critical = Outgoing::one(alert(7, Severity::Critical, "ES <+1> & more"));
    let pieces = pieces(&critical, None);
    assert_eq!(
        texts(&pieces),
        ["🔴 <b>CRITICAL</b> <b>ES &lt;+1&gt; &amp; more</b>\n<i>Fri 2 Aug 10:30 ET, alert 7</i>"]
    );
    assert_eq!(data(&pieces), ["ack:7"]);
}

#[test]
fn what_is_for_the_record_has_no_button() {
    let info = pieces(&Outgoing::one(alert(7, Severity::Info, "Opened")), None);
    assert_eq!(data(&info), Vec::<String>::new());
}

#[test]
fn a_digest_is_one_message_whose_buttons_carry_every_number_that_waits() {
    let mut alerts: Vec<Alert> =
        (100..160).map(|id| alert(id, Severity::Warning, "JobLate")).collect();
    alerts.push(alert(160, Severity::Info, "Opened"));
    let pieces = pieces(&Outgoing { alerts, silent: false, repeat: 0 }, None);
    assert_eq!(pieces.len(), 1);
    let head = texts(&pieces)[0].lines().next().unwrap();
    assert_eq!(head, "🟠 <b>WARNING</b> <b>61 alerts: 60 to look at, 1 for the record</b>");
    let data = data(&pieces);
    assert!(data.iter().all(|data| data.len() <= DATA_MAX));
    let ids: Vec<u64> = data
        .iter()
        .flat_map(|data| data.trim_start_matches("ack:").split(','))
        .map(|id| id.parse().unwrap())
        .collect();
    assert_eq!(ids, (100..160).collect::<Vec<_>>());
}

#[test]
fn a_report_is_its_text_and_its_pictures() {
    let picture =
        Picture { name: "equity".to_owned(), title: "Equity <£>".to_owned(), png: vec![1] };
    let enclosure = Enclosure {
        name: "report".to_owned(),
        series: "report".to_owned(),
        subject: "Daily report".to_owned(),
        text: "as wide as a mail".to_owned(),
        phone: format!("<b>Daily report</b>\n{}", "line\n".repeat(2000)),
        html: String::new(),
        pictures: vec![picture],
        files: Vec::new(),
    };
    let out = Outgoing::one(alert(7, Severity::Info, "The daily report"));
    let pieces = pieces(&out, Some(&enclosure));
    let texts = texts(&pieces);
    assert_eq!(texts.len(), 3);
    assert!(texts.iter().all(|text| markup::length(text) <= TEXT_MAX));
    assert!(texts[0].starts_with("<b>Daily report</b>\nline\n"), "{}", texts[0]);
    assert!(texts[1].starts_with("line\n") && texts[1].ends_with("line"), "cut at a line end");
    let Some(Piece::Photo { caption, .. }) = pieces.last() else { panic!("no picture") };
    assert_eq!(caption, "Equity &lt;£&gt;");
}
