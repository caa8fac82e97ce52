//! A page as messages that fit a phone.

use crate::{
    alert::telegram::{
        markup::{self, TEXT_MAX, aside, bold, escape, pre},
        send::Piece,
        words::caption,
    },
    report::page::{Body, Page, Picture, Section},
};

/// Characters of one width that a phone shows in a line.
const COLUMNS: usize = 34;
/// Text messages of one answer; what is longer is cut, and says so.
const TEXTS_MAX: usize = 8;
/// Pictures of one answer.
const PICTURES_MAX: usize = 8;

/// Makes a PNG of a chart.
pub type Draw = fn(&Picture) -> Result<Vec<u8>, String>;

/// The messages of a page: its text, cut where it must be, then its pictures. Drawing takes its
/// time: not on a thread that others wait for.
pub fn pieces(page: &Page, draw: Draw) -> Vec<Piece> {
    let mut texts = markup::split(&text(page), TEXT_MAX);
    if texts.len() > TEXTS_MAX {
        texts.truncate(TEXTS_MAX - 1);
        texts.push(aside("The rest is left out: it is too long for a phone."));
    }
    let mut pieces: Vec<Piece> = texts.into_iter().map(|text| Piece::Text(text, None)).collect();
    let charts = page.sections.iter().filter_map(|section| match &section.body {
        Body::Chart(picture) => Some(picture),
        _ => None,
    });
    for picture in charts.take(PICTURES_MAX) {
        match draw(picture) {
            Ok(png) => pieces.push(Piece::Photo {
                name: picture.name.clone(),
                png,
                caption: caption(&picture.title),
            }),
            Err(why) => tracing::warn!(chart = picture.name, "not drawn: {why}"),
        }
    }
    pieces
}

/// Whether a page has pictures.
pub fn has_pictures(page: &Page) -> bool {
    page.sections.iter().any(|section| matches!(section.body, Body::Chart(_)))
}

/// All of its text.
pub fn text(page: &Page) -> String {
    let mut lines = vec![bold(&page.title)];
    if !page.headline.is_empty() {
        lines.push(escape(&page.headline));
    }
    for Section { title, body } in &page.sections {
        if let Body::Chart(_) = body {
            continue; // its caption says it
        }
        if !title.is_empty() {
            lines.push(String::new());
            lines.push(bold(title));
        }
        lines.extend(words(body));
    }
    if !page.notes.is_empty() {
        lines.push(String::new());
        lines.extend(page.notes.iter().map(|note| aside(note)));
    }
    lines.join("\n")
}

fn words(body: &Body) -> Vec<String> {
    match body {
        Body::Facts(facts) => {
            facts.iter().map(|(name, value)| format!("{}: {}", escape(name), bold(value))).collect()
        }
        Body::Rows(head, rows) => table(head, rows),
        Body::Lines(lines) => lines.iter().map(|line| escape(line)).collect(),
        Body::Outline(items) => items
            .iter()
            .flat_map(|(line, under)| {
                let under = under.iter().map(|line| format!("   {}", escape(line)));
                std::iter::once(format!("• {}", escape(line))).chain(under)
            })
            .collect(),
        Body::Chart(_) => Vec::new(),
    }
}

/// A table as it is where a phone can show it, else each row folded: its first cell, and under it
/// the others with what they are.
fn table(head: &[String], rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).chain([head.len()]).max().unwrap_or(0);
    let cell = |row: &[String], at: usize| row.get(at).cloned().unwrap_or_default();
    let width = |at: usize| {
        let all = rows.iter().map(Vec::as_slice).chain([head]);
        all.map(|row| cell(row, at).chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    if widths.iter().sum::<usize>() + 2 * columns.saturating_sub(1) <= COLUMNS {
        let line = |row: &[String]| {
            let cells = widths.iter().enumerate().map(|(at, &width)| match at {
                0 => format!("{:<width$}", cell(row, at)),
                _ => format!("{:>width$}", cell(row, at)),
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        };
        let mut lines = vec![line(head)];
        lines.extend(rows.iter().map(|row| line(row)));
        return vec![pre(&lines.join("\n"))];
    }
    rows.iter().flat_map(|row| folded(head, row)).collect()
}

fn folded(head: &[String], row: &[String]) -> Vec<String> {
    let first = row.first().map_or_else(String::new, |cell| bold(cell));
    let rest = row.iter().enumerate().skip(1).filter(|(_, cell)| !cell.trim().is_empty());
    let rest: Vec<String> = rest
        .map(|(at, cell)| {
            let name = head.get(at).map(String::as_str).unwrap_or_default();
            format!("{} {}", escape(name), escape(cell)).trim().to_owned()
        })
        .collect();
    let mut lines = vec![first];
    if !rest.is_empty() {
        lines.push(format!("   {}", rest.join(" · ")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strings(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn a_table_that_fits_stands_as_it_is_and_a_wide_one_is_folded() {
        let head = strings(&["Strategy", "Trades", "Won"]);
        let row = strings(&["zdte", "12", "10"]);
        assert_eq!(
            table(&head, std::slice::from_ref(&row)),
            ["<pre>Strategy  Trades  Won\nzdte          12   10</pre>"]
        );
        let wide = strings(&["An ES iron condor of 4 legs", "$1,234.50", "<1"]);
        assert_eq!(
            table(&head, &[wide]),
            ["<b>An ES iron condor of 4 legs</b>", "   Trades $1,234.50 · Won &lt;1"]
        );
    }

    #[test]
    fn pictures_follow_the_text_and_one_that_cannot_be_drawn_costs_only_itself() {
        let chart = |name: &str| Section {
            title: "Equity".to_owned(),
            body: Body::Chart(Picture {
                name: name.to_owned(),
                title: "Equity £1 & more".to_owned(),
                svg: String::new(),
            }),
        };
        let page = Page {
            title: "P&L".to_owned(),
            headline: "Up".to_owned(),
            sections: vec![chart("bad"), chart("good")],
            notes: Vec::new(),
        };
        let draw: Draw = |picture| match picture.name.as_str() {
            "good" => Ok(vec![1]),
            _ => Err("no".to_owned()),
        };
        let photo = Piece::Photo {
            name: "good".to_owned(),
            png: vec![1],
            caption: "Equity £1 &amp; more".to_owned(),
        };
        assert_eq!(
            pieces(&page, draw),
            [Piece::Text("<b>P&amp;L</b>\nUp".to_owned(), None), photo]
        );
    }
}
