//! What goes out, as messages: how bad it is first, then what, then what can be done.

use teloxide::types::{InlineKeyboardButton, InlineKeyboardMarkup};

use super::{
    markup::{self, CAPTION_MAX, TEXT_MAX, aside, bold, escape},
    send::Piece,
};
use crate::{
    alert::{Alert, Enclosure, Outgoing},
    calendar::NEW_YORK,
    notice::Severity,
};

/// The most a button carries, bytes (Bot API: `callback_data`).
pub const DATA_MAX: usize = 64;
/// Text messages of one alert; what is longer is cut, and says so.
const TEXTS_MAX: usize = 10;
/// Pictures of one alert.
const PICTURES_MAX: usize = 6;
/// Buttons of a digest.
const BUTTONS_MAX: usize = 8;

/// The messages of what goes out, in order; never none.
pub fn pieces(out: &Outgoing, enclosure: Option<&Enclosure>) -> Vec<Piece> {
    let html = match &out.alerts[..] {
        [one] => single(one, out.repeat, enclosure),
        many => digest(many, out.repeat),
    };
    let mut texts = markup::split(&html, TEXT_MAX);
    if texts.len() > TEXTS_MAX {
        texts.truncate(TEXTS_MAX - 1);
        texts.push(aside("The rest is left out; it is too long for a phone."));
    }
    let last = texts.len().saturating_sub(1);
    let mut buttons = acknowledge(&out.alerts);
    let mut pieces: Vec<Piece> = Vec::new();
    for (index, text) in texts.into_iter().enumerate() {
        let under = if index == last { buttons.take() } else { None };
        pieces.push(Piece::Text(text, under));
    }
    pieces.extend(enclosure.into_iter().flat_map(photos));
    pieces
}

/// How bad it is, in a mark and a word.
fn mark(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "🔴 <b>CRITICAL</b> ",
        Severity::Warning => "🟠 <b>WARNING</b> ",
        Severity::Info => "",
    }
}

fn single(alert: &Alert, repeat: u32, enclosure: Option<&Enclosure>) -> String {
    let said = enclosure.map_or_else(|| bold(&alert.title), |enclosure| enclosure.phone.clone());
    let mut lines = vec![format!("{}{said}", mark(alert.severity))];
    if enclosure.is_none() && !alert.text.is_empty() {
        lines.push(escape(&alert.text));
    }
    lines.push(aside(&foot(alert, repeat)));
    lines.join("\n")
}

fn foot(alert: &Alert, repeat: u32) -> String {
    let when = alert.at.with_timezone(&NEW_YORK).format("%a %-d %b %H:%M ET");
    let again = if repeat == 0 {
        String::new()
    } else {
        format!(", told {repeat} times before and not acknowledged")
    };
    format!("{when}, alert {}{again}", alert.id)
}

fn digest(alerts: &[Alert], repeat: u32) -> String {
    let count = |severity| alerts.iter().filter(|alert| alert.severity == severity).count();
    let worst = alerts.iter().map(|alert| alert.severity).max().unwrap_or(Severity::Info);
    let named = [
        (count(Severity::Critical), "critical"),
        (count(Severity::Warning), "to look at"),
        (count(Severity::Info), "for the record"),
    ];
    let named: Vec<String> =
        named.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let again = if repeat == 0 { "" } else { ", again" };
    let head = format!("{} alerts{again}: {}", alerts.len(), named.join(", "));
    let mut lines = vec![format!("{}{}", mark(worst), bold(&head))];
    lines.extend(alerts.iter().map(|alert| {
        let when = alert.at.with_timezone(&NEW_YORK).format("%H:%M");
        format!("{}{when} {}", mark(alert.severity), escape(&alert.title))
    }));
    lines.join("\n")
}

/// A button for what waits to be acknowledged; several where one cannot carry all numbers.
fn acknowledge(alerts: &[Alert]) -> Option<InlineKeyboardMarkup> {
    let open = alerts.iter().filter(|alert| alert.severity > Severity::Info);
    let mut buttons: Vec<(String, usize)> = Vec::new();
    for id in open.map(|alert| alert.id.to_string()) {
        match buttons.last_mut() {
            Some((data, count)) if data.len() + 1 + id.len() <= DATA_MAX => {
                data.push(',');
                data.push_str(&id);
                *count += 1;
            }
            _ => buttons.push((format!("ack:{id}"), 1)),
        }
    }
    let row = |(data, count)| {
        let label = match count {
            1 => "Acknowledge".to_owned(),
            count => format!("Acknowledge {count}"),
        };
        vec![InlineKeyboardButton::callback(label, data)]
    };
    (!buttons.is_empty())
        .then(|| InlineKeyboardMarkup::new(buttons.into_iter().take(BUTTONS_MAX).map(row)))
}

fn photos(enclosure: &Enclosure) -> impl Iterator<Item = Piece> {
    enclosure.pictures.iter().take(PICTURES_MAX).map(|picture| Piece::Photo {
        name: picture.name.clone(),
        png: picture.png.clone(),
        caption: caption(&picture.title),
    })
}

/// A picture's line, cut to what Telegram takes.
pub fn caption(title: &str) -> String {
    markup::split(&escape(title), CAPTION_MAX).into_iter().next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
