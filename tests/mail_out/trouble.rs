//! What each failure comes to: tried again, or a dead letter; and never two different mails.

use tomking::alert::{Channel as _, Outgoing, SendError};

use crate::{
    house::{House, alert, header, on},
    server::{Act, At, Plan, Tls},
};

fn failing(at: At, act: Act) -> Plan {
    Plan { script: vec![vec![(at, act)]], ..Plan::default() }
}

fn says(at: At, line: &str) -> Plan {
    failing(at, Act::Say(line.to_owned()))
}

/// What a first attempt comes to, and that a second one goes well under the same id.
fn first_of_two(plan: Plan, arrived_before: usize) -> SendError {
    on(async {
        let house = House::new(plan).await;
        let channel = house.hasty();
        let first = channel.send(&Outgoing::one(alert(17))).await.unwrap_err();
        assert_eq!(house.server.mails().len(), arrived_before, "{first}");
        let again = house.channel().send(&Outgoing::one(alert(17))).await;
        assert_eq!(again, Ok(()), "after {first}");
        let mails = house.server.mails();
        assert_eq!(mails.len(), arrived_before + 1);
        for mail in &mails {
            assert_eq!(header(&mail.data, "Message-ID"), header(&mails[0].data, "Message-ID"));
        }
        first
    })
}

#[test]
fn a_5xx_about_the_mail_is_final_and_all_else_is_tried_again() {
    let retry = |text: &str| SendError::Retry(text.to_owned());
    let last = |text: &str| SendError::Permanent(text.to_owned());
    for (at, line, wanted) in [
        (At::Greeting, "554 no service here", retry("greeting the server: 554: no service here")),
        (At::Greeting, "421 busy", retry("greeting the server: 421: busy")),
        (At::Ehlo, "550 who are you", retry("greeting the server: 550: who are you")),
        (At::Mail, "451 later", retry("the sender was refused: 451: later")),
        (At::Mail, "550 not you", last("the sender was refused: 550: not you")),
        (At::Mail, "530 sign in", retry("the sender was refused: 530: sign in")),
        (
            At::Rcpt(0),
            "450 greylisted",
            retry("owner@example.org: the recipient was refused: 450: greylisted"),
        ),
        (
            At::Rcpt(0),
            "550 nobody",
            last("owner@example.org: the recipient was refused: 550: nobody"),
        ),
        (At::Data, "451 later", retry("the mail was refused: 451: later")),
        (At::Data, "554 no", last("the mail was refused: 554: no")),
        (At::Body, "452 disk full", retry("the mail was refused: 452: disk full")),
        (At::Body, "552 too long", last("the mail was refused: 552: too long")),
    ] {
        assert_eq!(first_of_two(says(at, line), 0), wanted);
    }
}

#[test]
fn a_connection_that_ends_anywhere_is_tried_again() {
    for at in [At::Greeting, At::Ehlo, At::Mail, At::Rcpt(0), At::Data, At::MidBody] {
        let error = first_of_two(failing(at, Act::Drop), 0);
        assert!(matches!(error, SendError::Retry(_)), "{at:?}: {error:?}");
    }
}

#[test]
fn a_mail_taken_without_an_answer_comes_again_under_its_id() {
    for act in [Act::Drop, Act::Hang, Act::Trickle] {
        let error = first_of_two(failing(At::Body, act), 1);
        assert!(matches!(error, SendError::Retry(_)), "{error:?}");
    }
}

#[test]
fn a_server_that_hangs_or_trickles_is_left_at_the_deadline() {
    for (at, act, doing) in [
        (At::Greeting, Act::Hang, "greeting it"),
        (At::Ehlo, Act::Hang, "greeting it"),
        (At::Mail, Act::Hang, "naming the recipients"),
        (At::Rcpt(0), Act::Trickle, "naming the recipients"),
        (At::Data, Act::Hang, "handing in the mail"),
        (At::MidBody, Act::Hang, "handing in the mail"),
        (At::Ehlo, Act::Trickle, "greeting it"),
    ] {
        let SendError::Retry(text) = first_of_two(failing(at, act.clone()), 0) else {
            panic!("{at:?} {act:?}")
        };
        let wanted = "the mail server was not done within 400 ms; this was under way: ";
        assert_eq!(text, format!("{wanted}{doing}"), "{at:?} {act:?}");
    }
}

#[test]
fn a_server_that_never_ends_its_line_is_left_before_it_fills_the_memory() {
    for tls in [Tls::None, Tls::Starttls] {
        let plan = Plan { tls, ..failing(At::Greeting, Act::Flood) };
        on(async {
            let house = House::new(plan).await;
            let error = house.send().await.unwrap_err().to_string();
            assert!(error.contains("the server says too much"), "{error}");
        });
    }
}

#[test]
fn nobody_at_the_port_is_tried_again() {
    on(async {
        let mut house = House::new(Plan::default()).await;
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        house.settings.server.port = Some(closed.local_addr().unwrap().port());
        drop(closed);
        let error = house.send().await.unwrap_err();
        let SendError::Retry(text) = error else { panic!("{error:?}") };
        assert!(text.starts_with("connecting to localhost:"), "{text}");
        house.settings.server.host = "nobody.invalid".to_owned();
        let error = house.send().await.unwrap_err();
        assert!(matches!(error, SendError::Retry(_)), "{error:?}");
    });
}

#[test]
fn each_mail_has_a_connection_of_its_own_and_says_goodbye() {
    on(async {
        let house = House::new(Plan::default()).await;
        let channel = house.channel();
        for id in 1..=3 {
            channel.send(&Outgoing::one(alert(id))).await.unwrap();
        }
        assert_eq!(house.server.connections(), 3);
        let goodbyes = house.server.lines().iter().filter(|line| *line == "QUIT").count();
        assert_eq!(goodbyes, 3);
    });
}
