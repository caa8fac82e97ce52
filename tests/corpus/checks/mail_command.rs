//! A mail as any stranger writes it: a command comes only from an allowed address, with a code of six
//! digits, and asks for no more than its word says; what the server vouches for only takes away.

use tomking::{
    clock::Timestamp,
    control::{
        Request,
        mail::{Arrived, Order, Rules, Sender, Verdict, Why, Word, judge, limits},
    },
};

use super::is_readable;

const OWNER: &str = "owner@example.org";

fn rules(authserv: Option<&str>) -> Rules {
    Rules { senders: vec![OWNER.to_owned()], authserv: authserv.map(str::to_owned) }
}

pub fn check(data: &[u8]) {
    let now: Timestamp = "2024-08-02T14:30:00Z".parse().unwrap();
    let size = u32::try_from(data.len()).unwrap_or(u32::MAX);
    let arrived = Arrived { bytes: data, size, at: now };
    let open = judge(&arrived, &rules(None), now);
    assert_eq!(judge(&arrived, &rules(None), now), open);
    is_sound(&open);
    assert!(!matches!(open, Verdict::Unproven { .. }), "nobody was to vouch");

    let vouched = judge(&arrived, &rules(Some("mx.example.org")), now);
    is_sound(&vouched);
    match &vouched {
        Verdict::Unproven { address } => assert_eq!(address, OWNER),
        vouched => assert_eq!(*vouched, open),
    }

    // What lies behind the part that is read changes nothing, and too large or too old is not read.
    let begin = &data[..data.len().min(limits::READ)];
    assert_eq!(judge(&Arrived { bytes: begin, ..arrived }, &rules(None), now), open);
    let large = Arrived { size: limits::SIZE + 1, ..arrived };
    assert_eq!(judge(&large, &rules(None), now), Verdict::Ignored(Why::Large));
    let late = now + limits::AGE + chrono::TimeDelta::seconds(1);
    if size <= limits::SIZE {
        assert_eq!(judge(&arrived, &rules(None), late), Verdict::Ignored(Why::Old));
    }
}

fn is_sound(verdict: &Verdict) {
    match verdict {
        Verdict::Ignored(why) => assert!(!why.name().is_empty()),
        Verdict::Unproven { .. } => {}
        Verdict::Refused { sender, word, why } => {
            is_the_owners(sender);
            let known = Word::ALL.iter().any(|known| known.name() == *word);
            assert!(known || *word == "RESUME", "{word}");
            is_readable(&why.to_string());
        }
        Verdict::Command { sender, order } => {
            is_the_owners(sender);
            is_of_its_word(order);
        }
    }
}

fn is_the_owners(sender: &Sender) {
    assert_eq!(sender.address, OWNER);
    let ids = sender.references.iter().chain([&sender.message_id]);
    for id in ids {
        let plain = id.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'<' | b'>'));
        assert!(plain && (3..=limits::ID).contains(&id.len()), "{id:?}");
    }
    assert!(sender.references.len() <= 10);
}

fn is_of_its_word(order: &Order) {
    assert!(order.code.len() == 6 && order.code.bytes().all(|b| b.is_ascii_digit()));
    let reason = match (order.word, &order.request) {
        (Word::Halt, Request::Halt { reason })
        | (Word::Reduce, Request::Reduce { reason })
        | (Word::Flatten, Request::Flatten { reason }) => reason,
        (Word::Status, Request::Status) | (Word::Ack, Request::AlertsAck { .. }) => return,
        (word, request) => panic!("{word:?} asks for {request:?}"),
    };
    assert!(reason.chars().count() <= limits::REASON && !reason.is_empty(), "{reason:?}");
    assert!(!reason.chars().any(char::is_control), "{reason:?}");
    assert!(!reason.split_whitespace().any(|word| word == order.code), "{reason:?}");
}
