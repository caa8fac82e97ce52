//! By which ways a mail may go, and by which never.

use tomking::alert::SendError;

use crate::{
    house::{House, on},
    server::{PASSWORD, Plan, Shows, Tls, USER},
};

#[test]
fn a_mail_goes_by_tls_by_starttls_and_in_the_open_on_this_machine() {
    for (tls, auth, mechanism) in [
        (Tls::Implicit, "PLAIN LOGIN", Some("PLAIN")),
        (Tls::Implicit, "LOGIN", Some("LOGIN")),
        (Tls::Starttls, "LOGIN PLAIN", Some("PLAIN")),
        (Tls::Starttls, "LOGIN XOAUTH2", Some("LOGIN")),
        (Tls::Starttls, "", None),
        (Tls::None, "PLAIN", Some("PLAIN")),
        (Tls::None, "", None),
    ] {
        on(async {
            let house = House::new(Plan { tls, auth, ..Plan::default() }).await;
            assert_eq!(house.send().await, Ok(()), "{tls:?} {auth}");
            let mails = house.server.mails();
            let [mail] = mails.as_slice() else { panic!("{} mails", mails.len()) };
            assert_eq!(mail.encrypted, tls != Tls::None);
            let account = mechanism.map(|name| (USER.to_owned(), name.to_owned()));
            assert_eq!(mail.account, account, "{tls:?} {auth}");
            assert_eq!(mail.from, "bot@example.org");
            assert_eq!(mail.to, ["owner@example.org"]);
        });
    }
}

/// The words of a refusal that another attempt may mend.
fn retried(plan: Plan, password: &str) -> (String, House) {
    on(async {
        let house = House::with_password(plan, password).await;
        let sent = house.send().await;
        let Err(SendError::Retry(text)) = sent else { panic!("{sent:?}") };
        assert!(!text.contains(password), "{text}");
        assert!(house.server.mails().is_empty());
        (text, house)
    })
}

#[test]
fn without_starttls_nothing_is_said_in_the_open() {
    let plan = Plan { tls: Tls::Stripped, auth: "PLAIN", ..Plan::default() };
    let (text, house) = retried(plan, PASSWORD);
    assert_eq!(text, "the server offers no STARTTLS; nothing was sent");
    let lines = house.server.lines();
    assert!(matches!(lines.as_slice(), [hello] if hello.starts_with("EHLO ")), "{lines:?}");
}

#[test]
fn words_put_in_before_the_handshake_are_not_taken_for_the_servers() {
    let plan = Plan { tls: Tls::Injected, auth: "PLAIN", ..Plan::default() };
    let (text, house) = retried(plan, PASSWORD);
    assert_eq!(text, "someone spoke between STARTTLS and TLS; nothing was sent");
    assert!(house.server.lines().iter().all(|line| !line.starts_with("MAIL")));
}

#[test]
fn a_certificate_that_signs_itself_is_taken_where_the_owner_names_it() {
    for tls in [Tls::Implicit, Tls::Starttls] {
        on(async {
            let plan = Plan { tls, shows: Shows::SignsItself, auth: "PLAIN", ..Plan::default() };
            let mut house = House::new(plan).await;
            assert_eq!(house.send().await, Ok(()), "{tls:?}");
            house.settings.server.ca_file = None;
            let error = house.send().await.unwrap_err().to_string();
            assert!(error.starts_with("TLS with localhost: invalid peer certificate"), "{error}");
            assert_eq!(house.server.mails().len(), 1);
        });
    }
}

#[test]
fn a_certificate_of_another_name_or_authority_gets_neither_password_nor_mail() {
    for (shows, cause) in [
        (Shows::AnotherName, "not valid for name"),
        (Shows::SignsItselfForAnotherName, "not valid for name"),
        (Shows::SignsItselfAndRanOut, "certificate expired"),
        (Shows::Unknown, "BadSignature"),
    ] {
        for tls in [Tls::Implicit, Tls::Starttls] {
            let plan = Plan { tls, shows, auth: "PLAIN", ..Plan::default() };
            let (text, house) = retried(plan, PASSWORD);
            assert!(text.starts_with("TLS with localhost: invalid peer certificate"), "{text}");
            assert!(text.contains(cause), "{text}");
            let lines = house.server.lines();
            assert!(lines.iter().all(|line| !line.starts_with("AUTH")), "{lines:?}");
        }
    }
}

#[test]
fn a_refused_password_is_tried_again_and_never_told() {
    for auth in ["PLAIN", "LOGIN"] {
        let plan = Plan { tls: Tls::Starttls, auth, ..Plan::default() };
        let (text, _) = retried(plan, "a wrong password");
        let wanted = "signing in as bot@example.org: 535: 5.7.8 [hidden] ([hidden]) is not the \
                      password";
        assert_eq!(text, wanted);
    }
}

#[test]
fn a_server_that_lets_nobody_sign_in_is_tried_again() {
    let plan = Plan { tls: Tls::Starttls, auth: "XOAUTH2", ..Plan::default() };
    let (text, _) = retried(plan, PASSWORD);
    assert_eq!(text, "signing in: the server offers neither AUTH PLAIN nor AUTH LOGIN");
}
