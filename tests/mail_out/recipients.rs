//! Several owners: each is taken or refused alone.

use tomking::alert::{Channel as _, Outgoing, SendError};

use crate::{
    house::{House, alert, header, on},
    server::{Act, At, Plan},
};

fn refusing(turns: &[&[(usize, &str)]]) -> Plan {
    let act = |(nth, line): &(usize, &str)| (At::Rcpt(*nth), Act::Say((*line).to_owned()));
    let script = turns.iter().map(|turn| turn.iter().map(act).collect()).collect();
    Plan { script, ..Plan::default() }
}

#[test]
fn an_address_that_is_no_more_does_not_keep_the_mail_from_the_others() {
    on(async {
        let house = House::new(refusing(&[&[(0, "550 no such user")]])).await.for_two();
        let sent = house.send().await;
        let text = "delivered to 1 of 2, not to owner@example.org: the recipient was refused: \
                    550: no such user";
        assert_eq!(sent, Err(SendError::Permanent(text.to_owned())), "visible as a dead letter");
        let mails = house.server.mails();
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].to, ["partner@example.net"]);
    });
}

#[test]
fn who_took_it_does_not_get_it_again_when_it_is_tried_again_for_the_other() {
    on(async {
        let turns: &[&[(usize, &str)]] = &[&[(0, "451 greylisted")], &[(0, "451 still")]];
        let house = House::new(refusing(turns)).await.for_two();
        let channel = house.channel();
        for _ in 0..2 {
            let sent = channel.send(&Outgoing::one(alert(17))).await;
            let Err(SendError::Retry(text)) = sent else { panic!("{sent:?}") };
            assert!(text.starts_with("delivered to 1 of 2, not to owner@example.org"), "{text}");
        }
        assert_eq!(channel.send(&Outgoing::one(alert(17))).await, Ok(()));
        assert_eq!(channel.send(&Outgoing::one(alert(17))).await, Ok(()), "nobody is left");
        let mails = house.server.mails();
        let to: Vec<&str> = mails.iter().flat_map(|mail| &mail.to).map(String::as_str).collect();
        assert_eq!(to, ["partner@example.net", "owner@example.org"]);
        let id = |nth: usize| header(&mails[nth].data, "Message-ID");
        assert_eq!(id(0), id(1));
        assert_eq!(house.server.connections(), 3);
        let next = channel.send(&Outgoing::one(alert(18))).await;
        assert_eq!(next, Ok(()), "another mail goes to both");
        assert_eq!(house.server.mails()[2].to.len(), 2);
    });
}

#[test]
fn refused_by_all_for_good_is_final_and_by_one_for_now_is_not() {
    on(async {
        let both: &[&[(usize, &str)]] = &[&[(0, "550 no"), (1, "551 moved")]];
        let house = House::new(refusing(both)).await.for_two();
        assert!(matches!(house.send().await, Err(SendError::Permanent(_))));
        let mixed: &[&[(usize, &str)]] = &[&[(0, "550 no"), (1, "452 full")]];
        let house = House::new(refusing(mixed)).await.for_two();
        let sent = house.send().await;
        let Err(SendError::Retry(text)) = sent else { panic!("{sent:?}") };
        assert!(text.contains("owner@example.org") && text.contains("partner@example.net"));
        assert!(house.server.mails().is_empty());
    });
}
