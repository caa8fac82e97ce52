//! A report as titled sections, and its forms: plain text, HTML for a screen, HTML for a mail and messages for
//! a phone. All say the same.

/// The page for a mail.
mod mail;
/// The page for a phone.
mod phone;
/// The page for a screen.
mod screen;

use comfy_table::{CellAlignment, Table, presets};

/// A page of sections.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// What it is and of when.
    pub title: String,
    /// The figure that matters, in one line.
    pub headline: String,
    /// The rest, in the order read.
    pub sections: Vec<Section>,
    /// Said at the foot: where prices come from, the journal's head.
    pub notes: Vec<String>,
}

/// One titled part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its title.
    pub title: String,
    /// Its content.
    pub body: Body,
}

/// What a section holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// Names with values.
    Facts(Vec<(String, String)>),
    /// A head and rows; columns of figures stand to the right.
    Rows(Vec<String>, Vec<Vec<String>>),
    /// Plain lines.
    Lines(Vec<String>),
    /// Lines with lines under them.
    Outline(Vec<(String, Vec<String>)>),
    /// A picture.
    Chart(Picture),
}

/// A chart of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Small letters and hyphens: its file name and content id.
    pub name: String,
    /// What it shows, in one line, with its last figure.
    pub title: String,
    /// As SVG, by `report::chart`.
    pub svg: String,
}

impl Page {
    /// Plain text, for a terminal, a mail or a pager.
    pub fn text(&self) -> String {
        let headline = if self.headline.is_empty() { "" } else { "\n" };
        let mut parts = vec![format!("{}{headline}{}\n", self.title, self.headline)];
        for Section { title, body } in &self.sections {
            match title.as_str() {
                "" => parts.push(body.text()),
                title => parts.push(format!("{}\n{}", title.to_uppercase(), body.text())),
            }
        }
        if !self.notes.is_empty() {
            parts.push(self.notes.join("\n") + "\n");
        }
        parts.join("\n")
    }

    /// The pictures, in order.
    pub fn pictures(&self) -> impl Iterator<Item = &Picture> {
        self.sections.iter().filter_map(|section| match &section.body {
            Body::Chart(picture) => Some(picture),
            _ => None,
        })
    }
}

impl Body {
    fn text(&self) -> String {
        match self {
            Self::Facts(facts) => {
                let width = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
                joined(facts.iter().map(|(name, value)| format!("  {name:<width$}  {value}")))
            }
            Self::Rows(head, rows) => table_text(head, rows),
            Self::Lines(lines) => joined(lines.iter().map(|line| format!("  {line}"))),
            Self::Outline(items) => joined(items.iter().flat_map(|(line, under)| {
                let under = under.iter().map(|line| format!("    {line}"));
                std::iter::once(format!("  {line}")).chain(under)
            })),
            Self::Chart(picture) => format!("  {}\n", picture.title),
        }
    }
}

/// A plain table: the first column and words to the left, columns of figures to the right.
pub fn table_text(head: &[String], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.to_vec());
    for row in rows {
        table.add_row(row.clone());
    }
    for (at, column) in table.column_iter_mut().enumerate().skip(1) {
        if are_figures(rows, at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    joined(table.lines().map(|line| format!(" {}", line.trim_end())))
}

/// Whether a column holds nothing but figures.
fn are_figures(rows: &[Vec<String>], at: usize) -> bool {
    rows.iter().filter_map(|row| row.get(at)).all(|cell| is_figure(cell))
}

/// A figure, with its unit at most: `-$16.00`, `7.3 %`, `3/4`, `>= 65 %`, and what stands for none.
fn is_figure(cell: &str) -> bool {
    let bare = cell.trim_start_matches([' ', '<', '>', '=', '+', '-', '$', '£']);
    let begins = bare.is_empty() || bare.starts_with(|c: char| c.is_ascii_digit());
    begins && bare.split_whitespace().count() <= 2
}

/// Lines, each ended.
fn joined(lines: impl Iterator<Item = String>) -> String {
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests;
