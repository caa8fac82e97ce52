//! One self-contained page: no script, nothing loaded from elsewhere, light or dark as the reader
//! likes it, as narrow as a phone.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Body, Page};
use crate::report::chart;

impl Page {
    /// One self-contained HTML page, its charts inside.
    pub fn html(&self) -> String {
        let charts = if self.pictures().next().is_some() { chart::STYLE } else { "" };
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) (PreEscaped(charts)) }
                }
                body {
                    h1 { (self.title) }
                    @if !self.headline.is_empty() { p.headline { (self.headline) } }
                    @for section in &self.sections {
                        @if !section.title.is_empty() { h2 { (section.title) } }
                        (body(&section.body))
                    }
                    footer { @for note in &self.notes { p { (note) } } }
                }
            }
        };
        page.into_string()
    }
}

fn body(body: &Body) -> Markup {
    match body {
        Body::Facts(facts) => html! {
            dl { @for (name, value) in facts { dt { (name) } dd { (value) } } }
        },
        Body::Rows(head, rows) => html! {
            div.wide tabindex="0" { table {
                thead { tr { @for cell in head { th scope="col" { (cell) } } } }
                tbody { @for row in rows { tr { @for cell in row { td { (cell) } } } } }
            } }
        },
        Body::Chart(picture) => html! {
            figure { (PreEscaped(&picture.svg)) figcaption { (picture.title) } }
        },
        Body::Lines(lines) => html! { ul { @for line in lines { li { (line) } } } },
        Body::Outline(items) => html! {
            ul { @for (line, under) in items {
                li {
                    (line)
                    @if !under.is_empty() { ul { @for line in under { li { (line) } } } }
                }
            } }
        },
    }
}

const STYLE: &str = "body{font:16px/1.45 system-ui,sans-serif;max-width:46rem;margin:1.5rem auto;\
padding:0 1rem;color:#1b1f24;background:#fff;overflow-wrap:anywhere}h1{font-size:1.3rem;margin:0}\
h2{font-size:1rem;margin:1.6rem 0 .4rem;padding-bottom:.2rem;border-bottom:1px solid #d0d7de}\
.headline{font-size:1.15rem;font-weight:600;margin:.3rem 0}\
.wide{overflow-x:auto;overflow-wrap:normal}table{border-collapse:collapse;width:100%;\
font-variant-numeric:tabular-nums}th,td{padding:.25rem 0 .25rem .8rem;text-align:right;\
white-space:nowrap}th:first-child,td:first-child{text-align:left;padding-left:0}\
th{font-weight:600;color:#57606a}tbody tr+tr td{border-top:1px solid #eaeef2}\
dl{display:grid;grid-template-columns:minmax(auto,max-content) minmax(55%,1fr);gap:.15rem 1rem;\
margin:0;font-variant-numeric:tabular-nums}dt{color:#57606a}dd{margin:0}\
figure{margin:.6rem 0;max-width:34rem}figcaption{color:#57606a;font-size:.85rem}\
ul{padding-left:1.1rem;margin:0}ul ul{list-style:none;padding:0;color:#57606a}\
footer{margin-top:2rem;color:#57606a;font-size:.85rem}footer p{margin:.2rem 0}\
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}h2{border-color:#30363d}\
th,dt,figcaption,ul ul,footer{color:#9198a1}tbody tr+tr td{border-color:#21262d}}\
@media(max-width:30rem){body{margin:1rem auto}table{font-size:.76rem}\
th,td{padding-left:.35rem}}";
