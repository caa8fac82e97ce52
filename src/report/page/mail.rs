//! The page as mail programs show it: tables where a browser has grids, what must hold in each of
//! them on the element itself, pictures by content id, nothing from elsewhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Body, Page};

/// Widest a mail is shown, pixels.
const WIDTH: &str = "600";
const FONT: &str = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;";
const CELL: &str = "padding:3px 0 3px 10px;text-align:right;vertical-align:top;";
const FIRST: &str = "padding:3px 0;text-align:left;vertical-align:top;";

impl Page {
    /// The page for a mail: its charts are `<img src="cid:NAME">`.
    pub fn mail(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    meta name="supported-color-schemes" content="light dark";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body style="margin:0;padding:0;" {
                    table role="presentation" width="100%" cellpadding="0" cellspacing="0"
                        border="0" {
                        tr { td.page align="center" style="padding:12px;" {
                            table role="presentation" width="100%" cellpadding="0" cellspacing="0"
                                border="0" style={ "max-width:" (WIDTH) "px;" } {
                                tr { td.text align="left"
                                    style={ (FONT) "font-size:15px;line-height:1.45;" } {
                                    (self.content())
                                } }
                            }
                        } }
                    }
                }
            }
        };
        page.into_string()
    }

    fn content(&self) -> Markup {
        html! {
            h1 style="font-size:19px;margin:0;" { (self.title) }
            @if !self.headline.is_empty() {
                p style="font-size:17px;font-weight:bold;margin:4px 0 0;" { (self.headline) }
            }
            @for section in &self.sections {
                @if !section.title.is_empty() {
                    h2.rule style="font-size:15px;margin:22px 0 6px;padding-bottom:3px;" {
                        (section.title)
                    }
                }
                (body(&section.body))
            }
            @for note in &self.notes {
                p.soft style="font-size:12px;margin:10px 0 0;word-break:break-word;" { (note) }
            }
        }
    }
}

fn body(body: &Body) -> Markup {
    match body {
        Body::Facts(facts) => table(
            "facts",
            &html! {
                @for (name, value) in facts {
                    tr {
                        td.soft style="padding:2px 12px 2px 0;vertical-align:top;width:40%;" { (name) }
                        td style="padding:2px 0;vertical-align:top;" { (value) }
                    }
                }
            },
        ),
        Body::Rows(head, rows) => table(
            "rows",
            &html! {
                tr { @for (place, cell) in head.iter().enumerate() {
                    th.soft style=(style(place)) { (cell) }
                } }
                @for row in rows {
                    tr { @for (place, cell) in row.iter().enumerate() {
                        td style=(style(place)) { (cell) }
                    } }
                }
            },
        ),
        Body::Chart(picture) => html! {
            img src={ "cid:" (picture.name) } alt=(picture.title) width=(WIDTH)
                style="display:block;width:100%;height:auto;border:0;";
            p.soft style="font-size:13px;margin:3px 0 0;" { (picture.title) }
        },
        Body::Lines(lines) => html! {
            ul style="margin:0;padding-left:18px;" { @for line in lines { li { (line) } } }
        },
        Body::Outline(items) => html! {
            ul style="margin:0;padding-left:18px;" { @for (line, under) in items {
                li {
                    (line)
                    @for line in under { div.soft style="font-size:14px;" { (line) } }
                }
            } }
        },
    }
}

fn table(class: &str, rows: &Markup) -> Markup {
    html! {
        table class=(class) width="100%" cellpadding="0" cellspacing="0" border="0"
            style="border-collapse:collapse;font-size:14px;" { (rows) }
    }
}

/// The first column is words, the others are figures.
fn style(place: usize) -> &'static str {
    if place == 0 { FIRST } else { CELL }
}

const STYLE: &str = ":root{color-scheme:light dark}.page{background:#ffffff}.text{color:#1b1f24}\
.soft{color:#57606a}.rule{border-bottom:1px solid #d0d7de}td,th{font-variant-numeric:tabular-nums}\
@media(prefers-color-scheme:dark){.page{background:#0d1117}.text{color:#e6edf3}.soft{color:#9198a1}\
.rule{border-color:#30363d}}@media(max-width:480px){table.rows{font-size:11px!important}\
.rows td,.rows th{padding-left:3px!important}.rows tr>:first-child{padding-left:0!important}}";
