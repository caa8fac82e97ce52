//! Spans of time as job files write them and people read them.

use chrono::TimeDelta;

const UNITS: [(&str, i64); 4] = [("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];

/// `90s`, `150m`, `12h`, `3d`; `None` for anything else, zero and below included.
pub fn parse_span(text: &str) -> Option<TimeDelta> {
    let (unit, seconds) = UNITS.iter().find(|(unit, _)| text.ends_with(unit))?;
    let digits = text.strip_suffix(unit)?;
    let plain =
        !digits.is_empty() && digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_digit());
    let count: i64 = plain.then(|| digits.parse().ok())??;
    (count > 0).then(|| TimeDelta::seconds(count * seconds))
}

/// A span in the largest unit that divides it: `90s`, `150m`, `12h`.
pub fn span(of: TimeDelta) -> String {
    let total = of.num_seconds();
    let (unit, seconds) = UNITS.iter().find(|(_, s)| total % s == 0).unwrap_or(&("s", 1));
    format!("{}{unit}", total / seconds)
}

/// How late something is, for people: `850 ms`, `32 s`, `25 min`, `2 h 10 min`, `3 d 4 h`.
pub fn lateness(of: TimeDelta) -> String {
    let seconds = of.num_seconds();
    match seconds {
        ..1 => format!("{} ms", of.num_milliseconds()),
        1..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

/// The known word nearest to `found`, if it looks like a slip of the fingers.
pub fn nearest<'a>(found: &str, known: &[&'a str]) -> Option<&'a str> {
    let best = known.iter().map(|word| (edits(found, word), *word)).min()?;
    (best.0 <= 1 + found.chars().count() / 4).then_some(best.1)
}

/// The Levenshtein distance of two words.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, seconds) in [("90s", 90), ("25m", 1_500), ("12h", 43_200), ("3d", 259_200)] {
            assert_eq!(parse_span(text), Some(TimeDelta::seconds(seconds)), "{text}");
            assert_eq!(span(TimeDelta::seconds(seconds)), text);
        }
        for text in ["", "m", "0s", "-5m", "1.5h", "5", "5 m", "9999999s", "5min"] {
            assert_eq!(parse_span(text), None, "{text}");
        }
    }

    #[test]
    fn slips_of_the_fingers_are_recognised_and_other_words_are_not() {
        let known = ["session", "friday", "first_of_week"];
        assert_eq!(nearest("sesion", &known), Some("session"));
        assert_eq!(nearest("firday", &known), Some("friday"));
        assert_eq!(nearest("banana", &known), None);
    }
}
