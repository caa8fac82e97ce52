//! The page as messages of a phone show it: proportional letters, and what is of one width no wider
//! than the screen.

use super::{Body, Page, Section, are_figures};
use crate::alert::telegram::markup::{aside, bold, escape, pre};

/// Characters of one width that a phone shows in a line.
const COLUMNS: usize = 34;

impl Page {
    /// The page for a phone, in the markup of `alert::telegram::markup`: title and headline first,
    /// no line of one width wider than a phone. Its charts are not in it: they are messages of their
    /// own, whose captions say what the sections would.
    pub fn phone(&self) -> String {
        let mut lines = vec![bold(&self.title)];
        if !self.headline.is_empty() {
            lines.push(escape(&self.headline));
        }
        for Section { title, body } in &self.sections {
            if let Body::Chart(_) = body {
                continue;
            }
            if !title.is_empty() {
                lines.push(String::new());
                lines.push(bold(title));
            }
            lines.extend(words(body));
        }
        if !self.notes.is_empty() {
            lines.push(String::new());
            lines.extend(self.notes.iter().map(|note| aside(note)));
        }
        lines.join("\n")
    }
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
                at if at > 0 && are_figures(rows, at) => format!("{:>width$}", cell(row, at)),
                _ => format!("{:<width$}", cell(row, at)),
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
}
