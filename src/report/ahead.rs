//! What comes: sessions with what is particular about them, events, and the slots that matter.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::{
    daily::NextLine,
    page::{Body, Section},
    parts,
};
use crate::{
    calendar::{Calendar, Exchange, NEW_YORK, new_york_date},
    desk::dayend::Ahead,
    market::{EventKind, MacroEvent},
};

/// One session to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLine {
    /// The date.
    pub date: NaiveDate,
    /// What is particular about it; empty for a usual session.
    pub note: String,
}

impl SessionLine {
    /// A weekday on a calendar.
    pub fn of(calendar: &Calendar, date: NaiveDate) -> Self {
        let note = match calendar.session(Exchange::Xnys, date) {
            None => "closed".to_owned(),
            Some(session) if session.early_close => {
                format!("closes early, {}", parts::clock(session.close))
            }
            Some(_) => String::new(),
        };
        Self { date, note }
    }
}

/// `CPI 08:30`.
fn event(event: &MacroEvent) -> String {
    let at = event.at.with_timezone(&NEW_YORK).format("%H:%M");
    format!("{} {at}", event.kind.name())
}

fn events_of(ahead: &Ahead, date: NaiveDate) -> Vec<String> {
    let of_date = |found: &&MacroEvent| new_york_date(found.at) == date;
    ahead.events.iter().filter(of_date).map(event).collect()
}

/// What the calendar of events does not cover; `None` when it covers everything.
fn unknown(ahead: &Ahead) -> Option<String> {
    let names: Vec<&str> = ahead.unknown.iter().map(|kind| kind.name()).collect();
    (!names.is_empty()).then(|| format!("{} not known: not in the calendar", names.join(", ")))
}

/// `No FOMC, CPI or NFP`, of the kinds that are known.
fn none(ahead: &Ahead) -> String {
    let known = EventKind::ALL.iter().filter(|kind| !ahead.unknown.contains(kind));
    let names: Vec<&str> = known.map(|kind| kind.name()).collect();
    match names.split_last() {
        None => "Events are not known.".to_owned(),
        Some((last, [])) => format!("No {last}"),
        Some((last, before)) => format!("No {} or {last}", before.join(", ")),
    }
}

/// The next session: its events first, then its slots.
pub fn next_session(session: &SessionLine, ahead: Option<&Ahead>, slots: &[NextLine]) -> Section {
    let mut lines = Vec::new();
    if !session.note.is_empty() {
        lines.push(capital(&session.note));
    }
    match ahead {
        None => lines.push("Events are not known.".to_owned()),
        Some(ahead) => {
            let events = events_of(ahead, session.date);
            lines.push(match events.as_slice() {
                [] => none(ahead),
                some => some.join(", "),
            });
            lines.extend(unknown(ahead));
        }
    }
    lines.extend(slots.iter().map(|slot| {
        let at = slot.at.with_timezone(&NEW_YORK).format("%H:%M");
        format!("{at}  {}", slot.job)
    }));
    let title = format!("Next session, {}", session.date.format("%a %-d %b"));
    Section { title, body: Body::Lines(lines) }
}

/// The sessions of the next week with their events.
pub fn next_week(sessions: &[SessionLine], ahead: Option<&Ahead>) -> Section {
    let line = |session: &SessionLine| {
        let note = Some(session.note.clone()).filter(|note| !note.is_empty());
        let events = ahead.map(|ahead| events_of(ahead, session.date)).unwrap_or_default();
        let told: Vec<String> = note.into_iter().chain(events).collect();
        let date = session.date.format("%a %-d %b");
        if told.is_empty() { date.to_string() } else { format!("{date}: {}", told.join(", ")) }
    };
    let mut lines: Vec<String> = sessions.iter().map(line).collect();
    lines.extend(ahead.map_or_else(|| Some("Events are not known.".to_owned()), unknown));
    Section { title: "Next week".to_owned(), body: Body::Lines(lines) }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(section: Section) -> Vec<String> {
        let Body::Lines(lines) = section.body else { panic!() };
        lines
    }

    #[test]
    fn events_stand_before_slots_and_what_is_unknown_is_told() {
        let date: NaiveDate = "2024-07-03".parse().unwrap();
        let session = SessionLine::of(&Calendar::default(), date);
        assert_eq!(session.note, "closes early, Wed 3 Jul 13:00");
        let release =
            MacroEvent { kind: EventKind::Cpi, at: "2024-07-03T12:30:00Z".parse().unwrap() };
        let ahead = Ahead { events: vec![release], unknown: vec![EventKind::Nfp] };
        let slot = NextLine {
            job: "pre-market-check".to_owned(),
            at: "2024-07-03T13:00:00Z".parse().unwrap(),
        };
        let section = next_session(&session, Some(&ahead), &[slot]);
        assert_eq!(section.title, "Next session, Wed 3 Jul");
        let wanted = [
            "Closes early, Wed 3 Jul 13:00",
            "CPI 08:30",
            "NFP not known: not in the calendar",
            "09:00  pre-market-check",
        ];
        assert_eq!(lines(section), wanted);
        let usual = SessionLine { date: "2024-07-05".parse().unwrap(), note: String::new() };
        let none = lines(next_session(&usual, Some(&Ahead::default()), &[]));
        assert_eq!(none, ["No FOMC, CPI or NFP"]);
        let week = lines(next_week(&[session, usual], Some(&ahead)));
        assert_eq!(week[0], "Wed 3 Jul: closes early, Wed 3 Jul 13:00, CPI 08:30");
        assert_eq!(week[1], "Fri 5 Jul");
        assert_eq!(week[2], "NFP not known: not in the calendar");
    }
}
