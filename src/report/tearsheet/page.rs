//! The page: what is modelled first, then the account, then why.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Sheet, tables};
use crate::report::chart;

/// Nothing is loaded, nothing runs: only the page's own style applies.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

impl Sheet<'_> {
    /// The whole page.
    pub(super) fn page(&self) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    title { (self.title) }
                    style { (PreEscaped(STYLE)) (PreEscaped(chart::STYLE)) }
                }
                body {
                    (self.top())
                    main {
                        (section("Net liquidation", &self.equity()))
                        (section("Under water", &html! {
                            (self.drawdown()) (tables::falls(&self.history.drawdowns))
                        }))
                        (section("Month by month", &tables::heat(&self.history.months)))
                        (section("Strategies", &html! {
                            (tables::strategies(self.history)) (self.strategies())
                        }))
                        (section("Buying power", &self.buying_power()))
                        (section("Greeks a minute before each close", &self.greeks()))
                        (section("Worst days", &tables::worst_days(self.history)))
                        (section("Refused by the gate", &tables::refusals(self.history)))
                        @if self.day_by_day {
                            (section("Day by day", &self.day_by_day()))
                        }
                        (section("Breakers and the operator", &self.events()))
                        (section("Trades", &tables::trades(self.trades)))
                    }
                    footer { @for note in &self.notes { p { (note) } } }
                }
            }
        };
        page.into_string()
    }

    fn top(&self) -> Markup {
        html! {
            header {
                h1 { (self.title) }
                @for warning in &self.warnings { p.warning { strong { "Warning: " } (warning) } }
                p.headline { (self.headline) }
                div.modelled role="note" {
                    strong { "What is modelled" }
                    ul { @for line in &self.modelled { li { (line) } } }
                }
                dl { @for (name, value) in &self.facts { dt { (name) } dd { (value) } } }
            }
        }
    }

    fn events(&self) -> Markup {
        html! {
            @if self.events.is_empty() { p { "None acted." } }
            @else { ul { @for event in &self.events { li { (event) } } } }
        }
    }
}

fn section(title: &str, body: &Markup) -> Markup {
    html! { section { h2 { (title) } (body) } }
}

const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1b1f24;--page:#fff;--soft:#57606a;--rule:#d0d7de;--red:#b3261e;\
--note:#fff8e1;--g:0,122,90;--l:179,38,30}\
body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:1.5rem auto;padding:0 1rem;\
color:var(--text);background:var(--page)}h1{font-size:1.35rem;margin:0}\
h2{font-size:1.1rem;margin:2rem 0 .5rem;border-bottom:1px solid var(--rule)}\
h3{font-size:.95rem;font-weight:600;color:var(--soft);margin:1rem 0 .2rem}\
.headline{font-size:1.15rem;font-weight:600;margin:.3rem 0}\
.warning{color:var(--red);border:2px solid var(--red);padding:.4rem .7rem;font-weight:600}\
.modelled{background:var(--note);border-left:4px solid var(--soft);padding:.4rem .8rem;margin:.6rem 0}\
ul{padding-left:1.1rem;margin:.2rem 0}dl{display:grid;grid-template-columns:max-content 1fr;\
gap:.15rem 1rem;margin:.6rem 0}dt{color:var(--soft)}dd{margin:0}\
.wide{overflow-x:auto}.wide:focus-visible{outline:2px solid var(--soft)}\
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.88rem}\
caption{text-align:left;color:var(--soft);padding:.3rem 0}\
th,td{padding:.2rem .55rem;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule)}\
th{font-weight:600}thead th{color:var(--soft)}tr>:first-child{text-align:left;padding-left:0}\
td.words{white-space:normal;text-align:left;min-width:12rem}\
.g1{background:rgba(var(--g),.12)}.g2{background:rgba(var(--g),.28)}.g3{background:rgba(var(--g),.48)}\
.g4{background:rgba(var(--g),.68)}.l1{background:rgba(var(--l),.12)}.l2{background:rgba(var(--l),.28)}\
.l3{background:rgba(var(--l),.46)}.l4{background:rgba(var(--l),.62)}\
footer{margin-top:2rem;color:var(--soft);font-size:.85rem;overflow-wrap:anywhere}footer p{margin:.2rem 0}\
@media screen and (prefers-color-scheme:dark){:root{--text:#e6edf3;--page:#0d1117;--soft:#9198a1;\
--rule:#30363d;--red:#ff7b72;--note:#2a2410;--g:63,185,80;--l:248,81,73}}\
@media print{body{max-width:none;font-size:11px}section{break-inside:avoid-page}.wide{overflow:visible}\
td{white-space:normal}}";
