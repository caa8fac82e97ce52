//! Mails of every kind to their verdicts.

use super::*;

const NOW: &str = "2024-08-02T13:30:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn rules(authserv: Option<&str>) -> Rules {
    Rules {
        senders: vec!["Owner@example.org".to_owned(), "second@example.org".to_owned()],
        authserv: authserv.map(str::to_owned),
    }
}

fn judged(mail: &str) -> Verdict {
    judged_by(mail.as_bytes(), &rules(None))
}

fn judged_by(mail: &[u8], rules: &Rules) -> Verdict {
    let arrived = Arrived { bytes: mail, size: u32::try_from(mail.len()).unwrap(), at: now() };
    judge(&arrived, rules, now())
}

/// A plain mail of the owner.
fn plain(subject: &str, body: &str) -> String {
    with("", subject, body)
}

fn with(headers: &str, subject: &str, body: &str) -> String {
    format!(
        "{headers}From: The Owner <owner@example.org>\r\nTo: bot@example.org\r\nSubject: \
         {subject}\r\nMessage-ID: <m1@example.org>\r\nDate: Fri, 2 Aug 2024 13:29:00 \
         +0000\r\n\r\n{body}"
    )
}

/// What is asked for, with its code.
fn asked(verdict: &Verdict) -> Option<(Word, &Request, &str)> {
    match verdict {
        Verdict::Command { order, .. } => Some((order.word, &order.request, &order.code)),
        _ => None,
    }
}

#[test]
fn a_command_is_the_first_word_of_the_subject_and_its_code_stands_behind_it_or_in_the_text() {
    let halt = |reason: &str| Request::Halt { reason: reason.to_owned() };
    let none = "no reason given";
    let cases = [
        ("HALT 123456", "", Word::Halt, halt(none)),
        ("halt 123456", "", Word::Halt, halt(none)),
        ("Halt: 123456.", "", Word::Halt, halt(none)),
        ("/halt 123456", "", Word::Halt, halt(none)),
        ("HALT", "123456", Word::Halt, halt(none)),
        ("HALT 123 456", "", Word::Halt, halt(none)),
        ("HALT broker is down 123 456.", "Sent from my phone", Word::Halt, halt("broker is down")),
        ("HALT", "\r\n\r\n> 999999\r\n 123 456 \r\nSent from my phone", Word::Halt, halt(none)),
        ("HALT now!", "my code: 123456", Word::Halt, halt("now")),
        ("HALT broker is down 123456", "", Word::Halt, halt("broker is down")),
        ("HALT 999999", "123456", Word::Halt, halt(none)),
        ("HALT", "\u{feff}123456\r\n", Word::Halt, halt(none)),
        ("Re: HALT", "123456\r\n> HALTED", Word::Halt, halt(none)),
        ("RE: Fwd: AW: halt", "123456", Word::Halt, halt(none)),
        ("Re[2]: halt 999999", "123456", Word::Halt, halt(none)),
        ("=?utf-8?B?SEFMVCAxMjM0NTY=?=", "", Word::Halt, halt(none)),
        ("=?utf-8?Q?HALT?=\r\n =?utf-8?Q?_123456?=", "", Word::Halt, halt(none)),
        ("REDUCE 123456", "", Word::Reduce, Request::Reduce { reason: none.to_owned() }),
        ("FLATTEN 123456", "", Word::Flatten, Request::Flatten { reason: none.to_owned() }),
        ("STATUS 123456", "", Word::Status, Request::Status),
        ("ACK 123456", "", Word::Ack, Request::AlertsAck { id: None }),
        ("ACK 17 123456", "", Word::Ack, Request::AlertsAck { id: Some(17) }),
        ("ACK #17", "123456", Word::Ack, Request::AlertsAck { id: Some(17) }),
        ("ACK 999999", "123456", Word::Ack, Request::AlertsAck { id: Some(999_999) }),
    ];
    for (subject, body, word, request) in cases {
        let verdict = judged(&plain(subject, body));
        assert_eq!(asked(&verdict), Some((word, &request, "123456")), "{subject:?} {body:?}");
    }
}

#[test]
fn what_is_no_command_is_met_with_silence() {
    let cases = [
        ("", "123456", Why::NoCommand),
        ("Lunch on Friday", "123456", Why::NoCommand),
        ("Please HALT 123456", "", Why::NoCommand),
        ("HALTED: by the operator", "123456", Why::NoCommand),
        ("HALTE 123456", "", Why::NoCommand),
        // The code is not heard of in the subject of a reply: it is that of an earlier mail.
        ("Re: HALT 123456", "thanks", Why::Reply),
        ("Re: STATUS", "", Why::Reply),
        ("Re: [WARNING] Position zdte is open", "123456", Why::NoCommand),
        ("positions 123456", "", Why::NoCommand),
        // Cyrillic letters that look the same; digits of full width are no digits.
        ("Н\u{410}LT 123456", "", Why::NoCommand),
        ("=?utf-8?B?0J3QkExUIDEyMzQ1Ng==?=", "", Why::NoCommand),
        // An encoded word that would break the line.
        ("=?utf-8?Q?HALT=0D=0ABcc:_x@y.z_123456?=", "", Why::Malformed),
        ("=?utf-8?Q?HALT=00_123456?=", "", Why::Malformed),
    ];
    for (subject, body, why) in cases {
        assert_eq!(judged(&plain(subject, body)), Verdict::Ignored(why), "{subject:?} {body:?}");
    }
}

#[test]
fn a_command_that_is_not_done_says_why() {
    let cases = [
        ("HALT", "please", "HALT", "refused_no_code"),
        ("HALT 12345", "", "HALT", "refused_no_code"),
        ("HALT 12 3456", "", "HALT", "refused_no_code"),
        ("HALT 123 456 now", "", "HALT", "refused_no_code"),
        ("HALT １２３４５６", "", "HALT", "refused_no_code"),
        ("HALT 1234567", "", "HALT", "refused_no_code"),
        ("RESUME 123456", "", "RESUME", "refused_resume"),
        ("resume", "", "RESUME", "refused_resume"),
        ("STATUS of the house 123456", "", "STATUS", "refused_arguments"),
        ("ACK all 123456", "", "ACK", "refused_arguments"),
        ("ACK -1 2 123456", "", "ACK", "refused_arguments"),
    ];
    for (subject, body, wanted, name) in cases {
        match judged(&plain(subject, body)) {
            Verdict::Refused { sender, word, why } => {
                assert_eq!((word, why.name()), (wanted, name), "{subject:?}");
                assert_eq!(sender.address, "owner@example.org");
                assert!(!why.to_string().contains("123456"));
            }
            other => panic!("{subject:?}: {other:?}"),
        }
    }
}

#[test]
fn only_one_plain_sender_of_the_list_is_heard() {
    let from =
        |from: &str| format!("{from}Subject: HALT 123456\r\nMessage-ID: <m1@example.org>\r\n\r\n");
    let cases = [
        ("From: owner@example.org\r\n", None),
        ("From: <OWNER@Example.ORG>\r\n", None),
        ("From: \"owner@example.org\" <owner@example.org>\r\n", None),
        ("From: =?utf-8?Q?J=C3=BCrgen?= <owner@example.org>\r\n", None),
        ("from:\towner@example.org (on the road)\r\n", None),
        ("From: second@example.org\r\n", None),
        ("From: The Owner\r\n <owner@example.org>\r\n", None),
        ("From: evil@example.com\r\n", Some(Why::Unknown)),
        ("From: owner@example.org.evil.com\r\n", Some(Why::Unknown)),
        ("From: xowner@example.org\r\n", Some(Why::Unknown)),
        ("Sender: owner@example.org\r\nFrom: evil@example.com\r\n", Some(Why::Unknown)),
        ("Reply-To: owner@example.org\r\nFrom: evil@example.com\r\n", Some(Why::Unknown)),
        ("", Some(Why::NoSender)),
        ("From: \r\n", Some(Why::NoSender)),
        ("From: owner@example.org, evil@example.com\r\n", Some(Why::SeveralSenders)),
        ("From: evil@example.com, owner@example.org\r\n", Some(Why::SeveralSenders)),
        ("From: us: owner@example.org;\r\n", Some(Why::SeveralSenders)),
        ("From: owner@example.org\r\nFrom: evil@example.com\r\n", Some(Why::SeveralSenders)),
        ("From: evil@example.com\r\nFROM: owner@example.org\r\n", Some(Why::SeveralSenders)),
        ("From: \"owner@example.org\" <evil@example.com>\r\n", Some(Why::Disguised)),
        ("From: evil@example.com <owner@example.org>\r\n", Some(Why::Disguised)),
        ("From: =?utf-8?Q?evil=40example.com?= <owner@example.org>\r\n", Some(Why::Disguised)),
        ("From: =?utf-8?Q?owner=40example.org?=\r\n", Some(Why::Disguised)),
        ("From: own\u{435}r@example.org\r\n", Some(Why::Disguised)),
        ("From: owner@exam\0ple.org\r\n", Some(Why::Malformed)),
        ("From : owner@example.org\r\n", Some(Why::Malformed)),
        ("From: owner@example.org\r\n \r\nX: y\r\n", Some(Why::Malformed)),
        (" From: owner@example.org\r\n", Some(Why::Malformed)),
        ("From owner@example.org Fri Aug  2\r\nFrom: owner@example.org\r\n", Some(Why::Malformed)),
        ("From: owner@example.org\rBcc: x\r\n", Some(Why::Malformed)),
    ];
    for (header, why) in cases {
        let verdict = judged(&from(header));
        match why {
            None => assert!(asked(&verdict).is_some(), "{header:?}: {verdict:?}"),
            Some(Why::Disguised | Why::NoSender | Why::Unknown) => assert!(
                matches!(verdict, Verdict::Ignored(Why::Disguised | Why::NoSender | Why::Unknown)),
                "{header:?}: {verdict:?}"
            ),
            Some(why) => assert_eq!(verdict, Verdict::Ignored(why), "{header:?}"),
        }
    }
}

#[test]
fn a_field_given_twice_is_not_chosen_from() {
    for field in ["Subject: STATUS", "Message-ID: <x@y.z>", "Content-Type: text/plain", "Date: x"] {
        let mail = with(&format!("{field}\r\n{field}\r\n"), "HALT 123456", "");
        assert_eq!(judged(&mail), Verdict::Ignored(Why::Malformed), "{field}");
    }
    let mail = "From: owner@example.org\r\nSubject: HALT 123456\r\n\r\n";
    assert_eq!(judged(mail), Verdict::Ignored(Why::NoMessageId));
}

#[test]
fn what_a_program_sent_is_neither_done_nor_answered() {
    let cases = [
        ("Auto-Submitted: auto-replied\r\n", Some(Why::Automatic)),
        ("Auto-Submitted: auto-generated; owner-email=\"x\"\r\n", Some(Why::Automatic)),
        ("Auto-Submitted: no\r\n", None),
        ("Auto-Submitted: No (a person)\r\n", None),
        ("X-Autoreply: yes\r\n", Some(Why::Automatic)),
        ("List-Id: tomking <tomking.example.org>\r\n", Some(Why::List)),
        ("List-Unsubscribe: <https://example.org>\r\n", Some(Why::List)),
        ("Precedence: bulk\r\n", Some(Why::List)),
        ("Precedence: first-class\r\n", None),
        ("Return-Path: <>\r\n", Some(Why::Bounce)),
        ("Return-Path: <owner@example.org>\r\n", None),
        ("Content-Type: multipart/report; boundary=x\r\n", Some(Why::Bounce)),
    ];
    for (header, why) in cases {
        let verdict = judged(&with(header, "HALT 123456", ""));
        match why {
            Some(why) => assert_eq!(verdict, Verdict::Ignored(why), "{header}"),
            None => assert!(asked(&verdict).is_some(), "{header}: {verdict:?}"),
        }
    }
}

#[test]
fn only_what_the_trusted_server_wrote_on_top_vouches_for_a_sender() {
    let rules = rules(Some("mx.example.org"));
    let pass = "Authentication-Results: mx.example.org; dkim=pass header.d=example.org\r\n";
    let received = "Received: from a by mx.example.org; Fri, 2 Aug 2024 13:29:00 +0000\r\n";
    let good = [
        pass.to_owned(),
        "Authentication-Results: MX.example.org 1;\r\n spf=fail smtp.mailfrom=x;\r\n dmarc=pass \
         (p=reject; dis=none) header.from=Example.org\r\n"
            .to_owned(),
        "Authentication-Results: mx.example.org; dkim=fail header.d=list.example; dkim = pass \
         reason=\"good; really\" header.d = \"example.org\"\r\n"
            .to_owned(),
        // Two fields above the topmost Received are both of the server.
        format!("Authentication-Results: mx.example.org; spf=pass\r\n{pass}{received}"),
        format!("Return-Path: <owner@example.org>\r\n{received}{pass}"),
        format!("Authentication-Results: other.example; dkim=fail\r\n{received}{pass}"),
    ];
    for header in good {
        let verdict = judged_by(with(&header, "HALT 123456", "").as_bytes(), &rules);
        assert!(asked(&verdict).is_some(), "{header}: {verdict:?}");
    }
    let bad = [
        String::new(),
        // By another server, even one that looks alike.
        pass.replace("mx.", "mx2."),
        pass.replace("mx.example.org", "mx.example.org.evil.com"),
        pass.replace("mx.example.org", "(mx.example.org) evil.com"),
        pass.replace("mx.example.org", "evil.com; x=mx.example.org"),
        // Forged ones below the server's own, next to it or further down.
        format!("Authentication-Results: mx.example.org; dkim=none\r\n{pass}"),
        format!(
            "Authentication-Results: mx.example.org; dmarc=fail header.from=example.org\r\n{received}{pass}"
        ),
        format!("{received}Authentication-Results: mx.example.org; spf=pass\r\n{pass}"),
        // For another domain, or the result of something else.
        pass.replace("header.d=example.org", "header.d=evil.com"),
        pass.replace("header.d=example.org", "header.d=evil.com header.i=@example.org"),
        pass.replace("header.d=example.org", "header.d=evil.com header.d=example.org"),
        pass.replace("header.d=example.org", "header.d=sub.example.org"),
        pass.replace("header.d=example.org", "header.d=org"),
        pass.replace("dkim=pass", "spf=pass"),
        pass.replace("dkim=pass", "dkim=passed"),
        pass.replace("dkim=pass", "dkim=fail (dkim=pass)"),
        pass.replace("dkim=pass", "dkim=fail reason=\"; dkim=pass header.d=example.org\""),
        pass.replace("dkim=pass", "dmarc=pass"),
        pass.replace("dkim=pass header.d=example.org", "dkim=pass header.d=example.org ("),
        pass.replace("Authentication-Results", "ARC-Authentication-Results"),
    ];
    for header in bad {
        let verdict = judged_by(with(&header, "HALT 123456", "").as_bytes(), &rules);
        let unproven = Verdict::Unproven { address: "owner@example.org".to_owned() };
        assert_eq!(verdict, unproven, "{header}");
    }
}

#[test]
fn a_body_is_read_through_its_encodings_but_never_as_html() {
    let typed = |head: &str, body: &str| {
        judged(&with(&format!("MIME-Version: 1.0\r\n{head}\r\n"), "HALT", body))
    };
    let good = [
        (
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: \
          quoted-printable",
            "=31=32=33=\r\n=34=35=36\r\n",
        ),
        (
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64",
            "MTIzNDU2Cg==\r\n",
        ),
        (
            "Content-Type: text/plain; charset=utf-16le\r\nContent-Transfer-Encoding: base64",
            "MQAyADMANAA1ADYA\r\n",
        ),
        ("Content-Type: text/plain; charset=no-such-thing", "123456\r\n"),
        (
            "Content-Type: multipart/alternative; boundary=b",
            "--b\r\nContent-Type: text/plain\r\n\r\n123456\r\n--b\r\nContent-Type: \
          text/html\r\n\r\n<p>654321</p>\r\n--b--\r\n",
        ),
        (
            "Content-Type: multipart/mixed; boundary=a",
            "--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: \
          text/plain\r\n\r\n123456\r\n--b--\r\n--a--\r\n",
        ),
    ];
    for (head, body) in good {
        let verdict = typed(head, body);
        assert_eq!(asked(&verdict).map(|asked| asked.2), Some("123456"), "{head}: {verdict:?}");
    }
    let html = typed("Content-Type: text/html", "<p>123456</p>\r\n");
    assert!(matches!(html, Verdict::Refused { why: Refusal::NoCode, .. }), "{html:?}");
    let attached = typed(
        "Content-Type: multipart/mixed; boundary=a",
        "--a\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n123456\r\n--a--\r\n",
    );
    assert!(matches!(attached, Verdict::Refused { why: Refusal::NoCode, .. }), "{attached:?}");
}

#[test]
fn bombs_are_put_away_by_their_limits() {
    let nested = (0..60).fold(String::from("deep"), |inner, level| {
        format!(
            "Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n{inner}\r\n\
             --b{level}--\r\n"
        )
    });
    let chained = "Content-Type: message/rfc822\r\n\r\n".repeat(2_000);
    let flat = "--b\r\n\r\nx\r\n".repeat(2_000);
    let some = (0..12).fold(String::from("\r\n123456"), |inner, level| {
        format!("Content-Type: multipart/mixed; boundary=c{level}\r\n\r\n--c{level}\r\n{inner}\r\n")
    });
    let mime = |body: &str| {
        with(
            "Content-Type: multipart/mixed; boundary=b\r\n",
            "HALT 123456",
            &format!("--b\r\n{body}"),
        )
    };
    let cases = [
        (mime(&nested), Why::ManyParts),
        (mime(&chained), Why::ManyParts),
        (mime(&flat), Why::ManyParts),
        (mime(&some), Why::ManyParts),
        (with(&"X-Pad: y\r\n".repeat(300), "HALT 123456", ""), Why::LargeHeader),
        (with(&format!("X-Pad: {}\r\n", "y".repeat(40_000)), "HALT 123456", ""), Why::LargeHeader),
        (plain(&format!("HALT 123456 {}", "x".repeat(600)), ""), Why::Malformed),
        ("y".repeat(70_000), Why::LargeHeader),
        (String::new(), Why::Malformed),
        ("no header at all".to_owned(), Why::Malformed),
    ];
    for (mail, why) in cases {
        let head: String = mail.chars().take(60).collect();
        assert_eq!(judged(&mail), Verdict::Ignored(why), "{head}");
    }
    let huge = Arrived { bytes: b"", size: 10 * 1024 * 1024, at: now() };
    assert_eq!(judge(&huge, &rules(None), now()), Verdict::Ignored(Why::Large));
}

#[test]
fn a_mail_of_yesterday_is_not_looked_at() {
    let mail = plain("HALT 123456", "");
    let of = |hours: i64| {
        let at = now() - chrono::TimeDelta::hours(hours);
        judge(&Arrived { bytes: mail.as_bytes(), size: 300, at }, &rules(None), now())
    };
    assert!(asked(&of(24)).is_some() && asked(&of(-1)).is_some());
    assert_eq!(of(25), Verdict::Ignored(Why::Old));
}

#[test]
fn an_answer_to_an_alert_acknowledges_that_one() {
    let header = "In-Reply-To: <alert-17.0123456789ab@example.org>\r\n";
    let verdict = judged(&with(header, "ACK 123456", ""));
    assert_eq!(asked(&verdict).unwrap().1, &Request::AlertsAck { id: Some(17) });
    let verdict = judged(&with(header, "ACK 3 123456", ""));
    assert_eq!(asked(&verdict).unwrap().1, &Request::AlertsAck { id: Some(3) });
    let Verdict::Command { sender, .. } = verdict else { panic!() };
    assert_eq!(sender.references, ["alert-17.0123456789ab@example.org"]);
    assert_eq!(sender.message_id, "m1@example.org");
}
