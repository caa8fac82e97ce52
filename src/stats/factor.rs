use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// The sum of gains over the sum of losses: the profit factor of trades, the omega ratio (threshold
/// zero) of periods. Zero where there is neither gain nor loss.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub enum Factor {
    /// Gains over losses; at or above zero.
    Finite(f64),
    /// Gains, and nothing was lost.
    Infinite,
}

/// How `Factor::Infinite` is written, JSON having no such number.
const INFINITE: &str = "infinite";

impl Factor {
    /// Of a sum of gains and the size of a sum of losses, both at or above zero.
    pub fn of(gains: f64, losses: f64) -> Self {
        match (gains > 0.0, losses > 0.0) {
            (_, true) => {
                let ratio = gains / losses;
                if ratio.is_finite() { Self::Finite(ratio) } else { Self::Infinite }
            }
            (true, false) => Self::Infinite,
            (false, false) => Self::Finite(0.0),
        }
    }

    /// As a number; `None` when infinite.
    pub fn finite(self) -> Option<f64> {
        match self {
            Self::Finite(ratio) => Some(ratio),
            Self::Infinite => None,
        }
    }
}

/// `1.31`, or `no losses`.
impl fmt::Display for Factor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finite(ratio) => f.pad(&format!("{ratio:.2}")),
            Self::Infinite => f.pad("no losses"),
        }
    }
}

/// A number, or the word `infinite`.
impl Serialize for Factor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Finite(ratio) => serializer.serialize_f64(*ratio),
            Self::Infinite => serializer.serialize_str(INFINITE),
        }
    }
}

impl<'de> Deserialize<'de> for Factor {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Word(String),
        }
        match Written::deserialize(from)? {
            Written::Number(ratio) if ratio >= 0.0 && ratio.is_finite() => Ok(Self::Finite(ratio)),
            Written::Word(word) if word == INFINITE => Ok(Self::Infinite),
            Written::Number(ratio) => Err(D::Error::custom(format!(
                "a factor is 0 or more, or `{INFINITE}`, not {ratio}"
            ))),
            Written::Word(word) => {
                Err(D::Error::custom(format!("a factor is a number or `{INFINITE}`, not `{word}`")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_losses_it_is_infinite_and_without_anything_zero() {
        let cases = [
            (0.0, 0.0, Factor::Finite(0.0)),
            (0.0, 5.0, Factor::Finite(0.0)),
            (5.0, 0.0, Factor::Infinite),
            (3.0, 2.0, Factor::Finite(1.5)),
            (f64::MAX, f64::MIN_POSITIVE, Factor::Infinite),
        ];
        for (gains, losses, wanted) in cases {
            assert_eq!(Factor::of(gains, losses), wanted, "{gains} over {losses}");
        }
    }

    #[test]
    fn json_has_a_number_or_the_word() {
        for (factor, text) in [(Factor::Finite(1.5), "1.5"), (Factor::Infinite, "\"infinite\"")] {
            assert_eq!(serde_json::to_string(&factor).unwrap(), text);
            assert_eq!(serde_json::from_str::<Factor>(text).unwrap(), factor);
        }
        for text in ["-1", "\"inf\"", "null"] {
            assert!(serde_json::from_str::<Factor>(text).is_err(), "{text}");
        }
    }
}
