//! Words and forms the pages share: for a phone, figures first.

use std::fmt::Display;

use crate::{
    calendar::NEW_YORK,
    clock::Timestamp,
    money::{Gbp, Usd, round_half_up},
    report::{
        page::{Body, Page, Picture, Section, table_text},
        parts::signed,
    },
};

/// Columns of a phone held upright, in a fixed font.
pub const PHONE_COLUMNS: usize = 40;

/// A page without headline and notes.
pub fn page(title: impl Into<String>, sections: Vec<Section>) -> Page {
    Page { title: title.into(), headline: String::new(), sections, notes: Vec::new() }
}

/// Lines under a title.
pub fn lines(title: &str, lines: Vec<String>) -> Section {
    Section { title: title.to_owned(), body: Body::Lines(lines) }
}

/// Names with values under a title.
pub fn facts(title: &str, facts: Vec<(&str, String)>) -> Section {
    let facts = facts.into_iter().map(|(name, value)| (name.to_owned(), value));
    Section { title: title.to_owned(), body: Body::Facts(facts.collect()) }
}

/// A table under a title.
pub fn rows(title: &str, head: &[&str], rows: Vec<Vec<String>>) -> Section {
    let head = head.iter().map(|&cell| cell.to_owned()).collect();
    Section { title: title.to_owned(), body: Body::Rows(head, rows) }
}

/// Lines with lines under them, under a title.
pub fn outline(title: &str, items: Vec<(String, Vec<String>)>) -> Section {
    Section { title: title.to_owned(), body: Body::Outline(items) }
}

/// A chart.
pub fn picture(name: &str, title: String, svg: String) -> Section {
    let picture = Picture { name: name.to_owned(), title, svg };
    Section { title: String::new(), body: Body::Chart(picture) }
}

/// Without the sections in which nothing stands.
pub fn filled(mut sections: Vec<Section>) -> Vec<Section> {
    sections.retain(|section| match &section.body {
        Body::Facts(facts) => !facts.is_empty(),
        Body::Rows(_, rows) => !rows.is_empty(),
        Body::Lines(lines) => !lines.is_empty(),
        Body::Outline(items) => !items.is_empty(),
        Body::Chart(_) => true,
    });
    sections
}

/// `+$123.00 (+£96.10)`.
pub fn both(dollars: Usd, pounds: Option<Gbp>) -> String {
    match pounds {
        Some(pounds) => format!("{} ({})", signed(dollars), signed(pounds)),
        None => signed(dollars),
    }
}

/// `+1280`, `-16`, `0`: whole dollars.
pub fn whole(amount: Usd) -> String {
    let rounded = round_half_up(amount.0, 0);
    if rounded.is_zero() { "0".to_owned() } else { signed(rounded.normalize()) }
}

/// `-`, or the value.
pub fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// `1 position`, `3 positions`.
pub fn counted(count: usize, thing: &str) -> String {
    crate::report::parts::counted(count, thing)
}

/// How long: `45 s`, `12 min`, `3 h 12 min`, `2 d 3 h`.
pub fn lasting(seconds: i64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => format!("{hours} h {minutes} min"),
        _ => format!("{days} d {hours} h"),
    }
}

/// `Fri 2 Aug 10:30 ET`.
pub fn moment(at: Timestamp) -> String {
    format!("{} ET", crate::report::parts::clock(at))
}

/// `Fri 2024-08-02 10:30:00 ET`: with its year, where it may be long ago or far ahead.
pub fn dated(at: Timestamp) -> String {
    format!("{} ET", at.with_timezone(&NEW_YORK).format("%a %Y-%m-%d %H:%M:%S"))
}

/// The page with what is too wide for a phone turned into lines under lines.
pub fn narrow(mut page: Page) -> Page {
    for section in &mut page.sections {
        let Body::Rows(head, rows) = &section.body else { continue };
        let wide = |line: &str| line.chars().count() > PHONE_COLUMNS;
        if !table_text(head, rows).lines().any(wide) {
            continue;
        }
        let item = |row: &Vec<String>| {
            let cells = head.iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty());
            let said: Vec<String> = cells
                .map(
                    |(name, cell)| {
                        if name.is_empty() { cell.clone() } else { format!("{name} {cell}") }
                    },
                )
                .collect();
            (row.first().cloned().unwrap_or_default(), vec![said.join(", ")])
        };
        section.body = Body::Outline(rows.iter().map(item).collect());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_wider_than_a_phone_becomes_lines() {
        let text =
            |words: &[&str]| -> Vec<String> { words.iter().map(|&word| word.to_owned()).collect() };
        let wide = rows(
            "Wide",
            &["What", "Now", "Bound", ""],
            vec![text(&["a limit with a long name", "47.2 %", "45.0 %", "full"])],
        );
        let slim = rows("Slim", &["What", "Now"], vec![text(&["a", "1"])]);
        let found = narrow(page("Both", vec![wide, slim.clone()]));
        let item = (
            "a limit with a long name".to_owned(),
            vec!["Now 47.2 %, Bound 45.0 %, full".to_owned()],
        );
        assert_eq!(found.sections[0].body, Body::Outline(vec![item]));
        assert_eq!(found.sections[1], slim);
    }

    #[test]
    fn whole_dollars_are_rounded_and_nothing_has_no_sign() {
        use rust_decimal::dec;
        for (amount, words) in
            [(dec!(-1279.90), "-1280"), (dec!(0.5), "+1"), (dec!(-0.2), "0"), (dec!(1500), "+1500")]
        {
            assert_eq!(whole(Usd(amount)), words);
        }
    }

    #[test]
    fn a_time_is_told_by_its_two_largest_units() {
        let cases = [(5, "5 s"), (65, "1 min"), (11_520, "3 h 12 min"), (183_600, "2 d 3 h")];
        for (seconds, words) in cases {
            assert_eq!(lasting(seconds), words);
        }
    }
}
