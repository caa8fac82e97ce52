//! Whole mails, byte by byte: nothing in them is left to chance.

use std::sync::Arc;

use tomking::alert::{Channel as _, Outgoing};

use crate::{
    bodies::{Archive, report},
    house::{House, alert, on},
    server::Plan,
};

fn mail(out: &Outgoing) -> String {
    on(async {
        let house = House::new(Plan::default()).await;
        house.telling_of(Arc::new(Archive)).send(out).await.unwrap();
        house.server.mails().remove(0).data.replace("\r\n", "\n")
    })
}

#[test]
fn the_mail_of_an_alert() {
    insta::assert_snapshot!("alert", mail(&Outgoing::one(alert(17))));
}

#[test]
fn the_mail_of_a_report() {
    let out = Outgoing::one(report(40, "2026-10-16T20:30:00Z"));
    insta::assert_snapshot!("report", mail(&out));
}

#[test]
fn the_same_alert_makes_the_same_bytes() {
    let out = Outgoing::one(alert(17));
    assert_eq!(mail(&out), mail(&out));
}
