//! Charts as plain SVG, drawn here: lines, areas and bars on one frame. They carry no script, no
//! font and no colour of their own beyond a style sheet, so a page that holds them loads nothing.
//!
//! A chart says in words what it shows (`title` and `desc`), lines differ by dash as well as by
//! colour, and what cannot be drawn (a figure that is not finite) leaves a gap.

mod frame;
mod path;
mod png;
mod scale;

use maud::{Markup, html};

use self::{
    frame::Canvas,
    path::{area_path, line_path},
    scale::Scale,
};
pub use self::{
    frame::{Frame, Guide, Size, Unit, day_number},
    png::png,
    scale::ticks,
};

/// Lines a chart can tell apart.
pub const SERIES_MAX: usize = 6;
/// Bars nearer to each other than this carry no figure of their own, only the axis does.
const LABELLED_BAR: f64 = 41.0;
/// Room for a label beside the next.
const LABEL: f64 = 56.0;

/// One line: its name and its points, by `x` ascending; a point that is not finite breaks it.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// In the legend.
    pub name: String,
    /// `(x, y)` in the units of the frame's axes.
    pub points: Vec<(f64, f64)>,
}

/// One bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Bar {
    /// Under it.
    pub label: String,
    /// Its height, below zero downwards.
    pub value: f64,
}

/// Lines on one frame, at most [`SERIES_MAX`] of them, with a legend when there are two or more.
pub fn line(frame: &Frame, series: &[Series]) -> Markup {
    let series = &series[..series.len().min(SERIES_MAX)];
    let points = || series.iter().flat_map(|line| line.points.iter().copied());
    let Some(canvas) = Canvas::over(frame, points()) else { return empty(frame) };
    let drawn = html! {
        @for (index, line) in series.iter().enumerate() {
            path class={ "line s" (index) } d=(line_path(&canvas, &line.points)) {}
        }
    };
    svg(frame, &canvas, &drawn, &legend(series))
}

/// One line with the space between it and `base` filled: a drawdown under zero, a payoff over it.
pub fn area(frame: &Frame, series: &Series, base: f64) -> Markup {
    let reach = series.points.iter().copied().chain(
        // The base belongs to the picture, wherever the line runs.
        series.points.first().map(|(x, _)| (*x, base)),
    );
    let Some(canvas) = Canvas::over(frame, reach) else { return empty(frame) };
    let drawn = html! {
        path class="fill s0" d=(area_path(&canvas, &series.points, base)) {}
        path class="line s0" d=(line_path(&canvas, &series.points)) {}
    };
    svg(frame, &canvas, &drawn, &html! {})
}

/// Bars from zero, in the order given.
pub fn bars(frame: &Frame, bars: &[Bar]) -> Markup {
    let finite: Vec<&Bar> = bars.iter().filter(|bar| bar.value.is_finite()).collect();
    let reach = finite.iter().map(|bar| (0.0, bar.value)).chain([(1.0, 0.0)]);
    let Some(canvas) = Canvas::over(frame, reach).filter(|_| !finite.is_empty()) else {
        return empty(frame);
    };
    let slot = (canvas.width() / finite.len() as f64).min(frame.size.bar());
    let every = (finite.len() * 64).div_ceil(frame.size.width() as usize).max(1);
    let drawn = html! {
        @for (index, bar) in finite.iter().enumerate() {
            @let left = canvas.left() + slot * (index as f64 + 0.1);
            @let (zero, end) = (canvas.y.at(0.0), canvas.y.at(bar.value));
            @let middle = left + slot * 0.4;
            rect class=(if bar.value < 0.0 { "down" } else { "up" }) x=(place(left))
                y=(place(zero.min(end))) width=(place(slot * 0.8)) height=(place((zero - end).abs())) {
                title { (bar.label) ": " (frame.y.exact(bar.value)) }
            }
            @if slot >= LABELLED_BAR {
                @let above = if bar.value < 0.0 { end + 13.0 } else { end - 4.0 };
                text.middle x=(place(middle)) y=(place(above)) { (frame.y.exact(bar.value)) }
            }
            @if index % every == 0 {
                text.middle x=(place(middle)) y=(place(canvas.bottom() + 17.0)) { (bar.label) }
            }
        }
    };
    svg(frame, &canvas, &drawn, &html! {})
}

/// The same picture as a file of its own, with its style inside: for pages that only link to it.
pub fn standalone(chart: &Markup) -> String {
    let (open, rest) = ("<svg ", chart.0.strip_prefix("<svg ").unwrap_or_default());
    let (head, body) = rest.split_once('>').unwrap_or_default();
    let space = "http://www.w3.org/2000/svg";
    format!("{open}xmlns=\"{space}\" {head}><style>{STYLE}{STANDALONE}</style>{body}\n")
}

fn empty(frame: &Frame) -> Markup {
    html! { p.nothing { (frame.title) ": nothing to draw." } }
}

fn svg(frame: &Frame, canvas: &Canvas, drawn: &Markup, legend: &Markup) -> Markup {
    let (title, desc) = (format!("{}-title", frame.id), format!("{}-desc", frame.id));
    html! {
        svg.chart viewBox={ "0 0 " (frame.size.width()) " " (frame.size.height()) } role="img"
            aria-labelledby={ (title) " " (desc) } {
            title id=(title) { (frame.title) }
            desc id=(desc) { (frame.says) }
            (grid(frame, canvas))
            (drawn)
            (guides(frame, canvas))
            (legend)
        }
    }
}

fn grid(frame: &Frame, canvas: &Canvas) -> Markup {
    let across = |scale: &Scale, unit: Unit, room: usize| match unit {
        Unit::Date => scale::date_ticks(scale.from, scale.to, room),
        Unit::None => Vec::new(),
        _ => ticks(scale.from, scale.to, room)
            .into_iter()
            .map(|at| (at, unit.tick(at, scale.to - scale.from)))
            .collect(),
    };
    let (right, up) = frame.size.marks();
    html! {
        @for (at, label) in across(&canvas.y, frame.y, up) {
            @let y = canvas.y.at(at);
            path class=(if at == 0.0 { "zero" } else { "grid" })
                d={ "M" (place(canvas.left())) " " (place(y)) "H" (place(canvas.right())) } {}
            text.end x=(place(canvas.left() - 6.0)) y=(place(y + 4.0)) { (label) }
        }
        @for (at, label) in across(&canvas.x, frame.x, right) {
            @let x = canvas.x.at(at);
            path.grid d={ "M" (place(x)) " " (place(canvas.top())) "V" (place(canvas.bottom())) } {}
            text.middle x=(place(x)) y=(place(canvas.bottom() + 17.0)) { (label) }
        }
    }
}

fn guides(frame: &Frame, canvas: &Canvas) -> Markup {
    let mut last = f64::NEG_INFINITY;
    // Labels too near to each other take turns in two rows.
    let mut lift = |x: f64| {
        let near = frame.size == Size::Small && x - last < LABEL;
        last = if near { f64::NEG_INFINITY } else { x };
        if near { 12.0 } else { 0.0 }
    };
    html! {
        @for guide in &frame.guides {
            @match guide {
                Guide::Across { at, label } => @if canvas.y.holds(*at) {
                    @let y = canvas.y.at(*at);
                    path.guide d={ "M" (place(canvas.left())) " " (place(y)) "H" (place(canvas.right())) } {}
                    text.end x=(place(canvas.right() - 2.0)) y=(place(y - 4.0)) { (label) }
                },
                Guide::Down { at, label } => @if canvas.x.holds(*at) {
                    @let x = canvas.x.at(*at);
                    path.guide d={ "M" (place(x)) " " (place(canvas.top())) "V" (place(canvas.bottom())) } {}
                    text.middle x=(place(x)) y=(place(canvas.top() - 4.0 - lift(x))) { (label) }
                },
            }
        }
    }
}

fn legend(series: &[Series]) -> Markup {
    let mut from = 64.0;
    html! {
        @if series.len() > 1 {
            @for (index, line) in series.iter().enumerate() {
                @let left = from;
                path class={ "line s" (index) } d={ "M" (place(left)) " 9h24" } {}
                text x=(place(left + 29.0)) y="13" { (line.name) }
                ({ from += 52.0 + 6.5 * line.name.chars().count() as f64; html! {} })
            }
        }
    }
}

/// A coordinate, to a tenth of a unit.
fn place(at: f64) -> String {
    let text = format!("{at:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// The style sheet of every chart; a page includes it once.
pub const STYLE: &str = "\
.chart{display:block;width:100%;height:auto;--ink:#57606a;--grid:#d8dee4;--c0:#0072b2;--c1:#b85000;\
--c2:#007a5a;--c3:#a33e78;--c4:#6b5b00;--c5:#444c56;--up:#007a5a;--down:#b3261e}\
.chart text{font:12px system-ui,sans-serif;fill:var(--ink);font-variant-numeric:tabular-nums}\
.chart .middle{text-anchor:middle}.chart .end{text-anchor:end}\
.chart .grid,.chart .zero{stroke:var(--grid);fill:none}.chart .zero{stroke:var(--ink)}\
.chart .guide{stroke:var(--ink);stroke-dasharray:3 3;fill:none}\
.chart .line{fill:none;stroke-width:1.6;stroke-linejoin:round}.chart .fill{fill:var(--c0);opacity:.18}\
.chart .line.s0{stroke:var(--c0)}.chart .line.s1{stroke:var(--c1);stroke-dasharray:7 3}\
.chart .line.s2{stroke:var(--c2);stroke-dasharray:2 2}\
.chart .line.s3{stroke:var(--c3);stroke-dasharray:9 2 2 2}\
.chart .line.s4{stroke:var(--c4);stroke-dasharray:4 4}\
.chart .line.s5{stroke:var(--c5);stroke-dasharray:1 3}\
.chart .up{fill:var(--up)}.chart .down{fill:var(--down)}\
@media screen and (prefers-color-scheme:dark){.chart{--ink:#9198a1;--grid:#30363d;--c0:#58a6ff;\
--c1:#f0883e;--c2:#3fb950;--c3:#e083b8;--c4:#d3b73d;--c5:#adbac7;--up:#3fb950;--down:#f85149}}";

/// What a picture outside a page needs besides.
const STANDALONE: &str = ".chart{background:#fff}\
@media screen and (prefers-color-scheme:dark){.chart{background:#0d1117}}";

#[cfg(test)]
mod tests;
