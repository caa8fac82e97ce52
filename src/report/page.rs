//! A report as titled sections, and its two forms: plain text and HTML. Both say the same.

use comfy_table::{CellAlignment, Table, presets};
use maud::{DOCTYPE, PreEscaped, html};

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
    /// A head and rows; columns from the second on are figures.
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

    /// One self-contained HTML page: no script, nothing loaded from elsewhere.
    pub fn html(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    h1 { (self.title) }
                    @if !self.headline.is_empty() { p.headline { (self.headline) } }
                    @for section in &self.sections {
                        @if !section.title.is_empty() { h2 { (section.title) } }
                        (section.body.html())
                    }
                    footer { @for note in &self.notes { p { (note) } } }
                }
            }
        };
        page.into_string()
    }
}

const STYLE: &str = "body{font:16px/1.45 system-ui,sans-serif;max-width:46rem;margin:1.5rem auto;\
padding:0 1rem;color:#1b1f24;background:#fff}h1{font-size:1.3rem;margin:0}h2{font-size:1rem;\
margin:1.6rem 0 .4rem;border-bottom:1px solid #d0d7de}.headline{font-size:1.15rem;font-weight:600;\
margin:.3rem 0}.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;\
font-variant-numeric:tabular-nums}th,td{padding:.25rem .6rem .25rem 0;text-align:right;\
white-space:nowrap}th:first-child,td:first-child{text-align:left}th{font-weight:600;color:#57606a}\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:0}dt{color:#57606a}\
dd{margin:0}ul{padding-left:1.1rem;margin:0}ul ul{list-style:none;padding:0;color:#57606a}footer{margin-top:2rem;color:#57606a;font-size:.85rem;\
overflow-wrap:anywhere}footer p{margin:.2rem 0}@media(prefers-color-scheme:dark){\
body{color:#e6edf3;background:#0d1117}h2{border-color:#30363d}th,dt,ul ul,footer{color:#9198a1}}@media(max-width:30rem){table{font-size:.75rem}\
th,td{padding-right:.35rem}}";

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

    fn html(&self) -> maud::Markup {
        match self {
            Self::Facts(facts) => html! {
                dl { @for (name, value) in facts { dt { (name) } dd { (value) } } }
            },
            Self::Rows(head, rows) => html! {
                div.wide { table {
                    thead { tr { @for cell in head { th { (cell) } } } }
                    tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
                } }
            },
            Self::Chart(picture) => html! {
                figure { (PreEscaped(&picture.svg)) figcaption { (picture.title) } }
            },
            Self::Lines(lines) => html! { ul { @for line in lines { li { (line) } } } },
            Self::Outline(items) => html! {
                ul { @for (line, under) in items {
                    li {
                        (line)
                        @if !under.is_empty() { ul { @for line in under { li { (line) } } } }
                    }
                } }
            },
        }
    }
}

/// A plain table: the first column to the left, figures to the right.
pub fn table_text(head: &[String], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(head.to_vec());
    for row in rows {
        table.add_row(row.clone());
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    joined(table.lines().map(|line| format!(" {}", line.trim_end())))
}

/// Lines, each ended.
fn joined(lines: impl Iterator<Item = String>) -> String {
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page() -> Page {
        let text = str::to_owned;
        Page {
            title: text("Daily report"),
            headline: text("Up £12.00 <today>"),
            sections: vec![
                Section {
                    title: text("Account"),
                    body: Body::Facts(vec![(text("Net liquidation"), text("£35,012.00"))]),
                },
                Section {
                    title: text("Trades"),
                    body: Body::Rows(
                        vec![text("What"), text("P&L")],
                        vec![vec![text("ES iron condor"), text("$15.30")]],
                    ),
                },
            ],
            notes: vec![text("Option quotes are modelled.")],
        }
    }

    #[test]
    fn the_text_reads_from_the_headline_down() {
        insta::assert_snapshot!(page().text());
    }

    #[test]
    fn the_html_is_escaped_and_loads_nothing_from_elsewhere() {
        let html = page().html();
        assert!(html.contains("Up £12.00 &lt;today&gt;"));
        assert!(html.contains("P&amp;L"));
        for outside in ["http://", "https://", "<script", "src=", "@import"] {
            assert!(!html.contains(outside), "{outside}");
        }
    }
}
