//! The broker's symbols: OCC for options on indices and ETFs, CME's for futures and their options.
//!
//! `SPXW  260618P06400000` is the root padded to six, the date, the right and the strike in
//! thousandths, 21 characters. `/ESZ6` is a future. `./ESZ6 EW3U6 260918C9100` is a point, the
//! future padded to six, the option's root with month and year padded to six, the date, the right
//! and the strike.

use std::{fmt, str::FromStr};

use chrono::{Datelike, NaiveDate};
use rust_decimal::{Decimal, dec};

use super::{Instrument, OptionContract, Product, Right, expiration, future};
use crate::calendar::Calendar;

/// Decimals an OCC symbol holds of a strike, and those of the finest strikes of options on futures:
/// 0.00675 of the yen.
const OCC_STRIKE_PLACES: u32 = 3;
const FUTURE_STRIKE_PLACES: u32 = 6;

/// A symbol taken apart. Its parts are such that it can be written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Symbol {
    /// Shares: the ticker.
    Shares(String),
    /// A future: its code, without the slash.
    Future(String),
    /// An option on an index or ETF.
    Option(OptionParts),
    /// An option on a future.
    FutureOption {
        /// The future's code, without the slash: `ESZ6`.
        future: String,
        /// The option; its root carries month and year: `EW3U6`.
        option: OptionParts,
    },
}

/// What every option symbol says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct OptionParts {
    /// One to six capital letters and digits.
    root: String,
    /// Of the years 2000 to 2099.
    expiration: NaiveDate,
    right: Right,
    /// Above zero, without trailing zeros.
    strike: Decimal,
}

impl OptionParts {
    /// The root: `SPXW`, `EW3U6`.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The expiration date.
    pub fn expiration(&self) -> NaiveDate {
        self.expiration
    }

    /// Call or put.
    pub fn right(&self) -> Right {
        self.right
    }

    /// The strike.
    pub fn strike(&self) -> Decimal {
        self.strike
    }
}

/// What is wrong with a symbol, or with the parts of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("symbol `{symbol}`: {problem}")]
pub struct SymbolError {
    /// The symbol, or the root of one that could not be written; cut at 40 characters.
    pub symbol: String,
    /// The part that is wrong.
    pub problem: SymbolProblem,
}

/// The part of a symbol that is wrong, with what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SymbolProblem {
    /// Neither shares nor any of the longer forms.
    #[error("expected a ticker, `/ESZ6`, a 21-character OCC symbol or `./ESZ6 EW3U6 260918C9100`")]
    Form,
    /// A root of other characters or length.
    #[error("root `{0}` is not one to six capital letters and digits")]
    Root(String),
    /// A future's code that has no root, month letter and year digit.
    #[error("future `{0}` is not a root, a month letter (FGHJKMNQUVXZ) and a digit, 3 to 5 long")]
    Future(String),
    /// No date, or one outside 2000 to 2099.
    #[error("date `{0}` is not a day of 2000 to 2099 written yymmdd")]
    Date(String),
    /// Neither C nor P.
    #[error("right `{0}` is neither C nor P")]
    Right(String),
    /// A strike the form cannot hold.
    #[error(
        "strike `{0}` is not a positive number with at most three decimals (six on a future) below 100000"
    )]
    Strike(String),
    /// No product or series the program knows.
    #[error("the program knows no series `{0}` expiring that day")]
    Unknown(String),
}

impl Symbol {
    /// The symbol of an instrument.
    pub fn of(instrument: &Instrument) -> Result<Self, SymbolError> {
        match instrument {
            Instrument::Shares { product } => Ok(Self::Shares(product.symbol().to_owned())),
            Instrument::Future { code, .. } => {
                Ok(Self::Future(future_code(code).map_err(|p| error(code, p))?))
            }
            Instrument::Option(contract) => {
                Self::of_option(contract).map_err(|p| error(&contract.series.root, p))
            }
        }
    }

    fn of_option(contract: &OptionContract) -> Result<Self, SymbolProblem> {
        let OptionContract { series, strike, right } = contract;
        let Some(code) = &series.future else {
            let parts = parts(&series.root, series.expiration, *right, *strike, OCC_STRIKE_PLACES)?;
            return Ok(Self::Option(parts));
        };
        let month = expiration::named_month(series.product, series.expiration);
        let root = month.and_then(|month| future::month_code(&series.root, month));
        let root = root.ok_or_else(|| SymbolProblem::Date(series.expiration.to_string()))?;
        let option = parts(&root, series.expiration, *right, *strike, FUTURE_STRIKE_PLACES)?;
        Ok(Self::FutureOption { future: future_code(code)?, option })
    }

    /// The instrument a symbol names. A code's single year digit is read in the decade around
    /// `near`.
    pub fn resolve(&self, calendar: &Calendar, near: NaiveDate) -> Result<Instrument, SymbolError> {
        let unknown =
            |what: &str| error(&self.to_string(), SymbolProblem::Unknown(what.to_owned()));
        match self {
            Self::Shares(ticker) => {
                let product = ticker.parse().map_err(|_| unknown(ticker))?;
                Ok(Instrument::Shares { product })
            }
            Self::Future(code) => {
                let product = product_of_code(code).ok_or_else(|| unknown(code))?;
                let found = future::find_future(calendar, product, code, near);
                let code = found.ok_or_else(|| unknown(code))?.code;
                Ok(Instrument::Future { product, code })
            }
            Self::Option(parts) => {
                let product = match parts.root.as_str() {
                    "SPXW" | "SPXPM" | "JXA" | "JXB" | "JXD" | "JXE" => Product::Spx,
                    root => root.parse().map_err(|_| unknown(root))?,
                };
                parts.contract(calendar, product, &parts.root).ok_or_else(|| unknown(&parts.root))
            }
            Self::FutureOption { future, option } => {
                let product = product_of_code(future).ok_or_else(|| unknown(future))?;
                let root = option.root.get(..option.root.len() - 2).unwrap_or_default();
                let found = option.contract(calendar, product, root);
                // The month and the future in the symbol must be those of the series found.
                let same = |found: &Instrument| Self::of(found).is_ok_and(|known| known == *self);
                found.filter(same).ok_or_else(|| unknown(&option.root))
            }
        }
    }
}

impl OptionParts {
    fn contract(&self, calendar: &Calendar, product: Product, root: &str) -> Option<Instrument> {
        let series = expiration::series(calendar, product, root, self.expiration)?;
        let (strike, right) = (self.strike, self.right);
        Some(Instrument::Option(OptionContract { series, strike, right }))
    }

    /// The date and the right, `260618P`.
    fn date_and_right(&self) -> String {
        format!("{}{}", self.expiration.format("%y%m%d"), self.right.letter())
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shares(ticker) => f.pad(ticker),
            Self::Future(code) => f.pad(&format!("/{code}")),
            Self::Option(parts) => {
                let thousandths = (parts.strike * dec!(1000)).normalize();
                f.pad(&format!("{:<6}{}{thousandths:0>8}", parts.root, parts.date_and_right()))
            }
            Self::FutureOption { future, option } => f.pad(&format!(
                ".{:<6}{:<6}{}{}",
                format!("/{future}"),
                option.root,
                option.date_and_right(),
                option.strike
            )),
        }
    }
}

impl FromStr for Symbol {
    type Err = SymbolError;

    fn from_str(text: &str) -> Result<Self, SymbolError> {
        let parsed = if !text.is_ascii() {
            Err(SymbolProblem::Form)
        } else if let Some(rest) = text.strip_prefix('.') {
            future_option(rest)
        } else if let Some(code) = text.strip_prefix('/') {
            future_code(code).map(Self::Future)
        } else if text.len() == 21 {
            occ(text)
        } else if is_ticker(text) {
            Ok(Self::Shares(text.to_owned()))
        } else {
            Err(SymbolProblem::Form)
        };
        parsed.map_err(|problem| error(text, problem))
    }
}

fn error(symbol: &str, problem: SymbolProblem) -> SymbolError {
    SymbolError { symbol: symbol.chars().take(40).collect(), problem }
}

/// An OCC symbol of 21 ASCII characters.
fn occ(text: &str) -> Result<Symbol, SymbolProblem> {
    let (root, rest) = text.split_at(6);
    let (date, rest) = rest.split_at(6);
    let (right, strike) = rest.split_at(1);
    let bad_strike = || SymbolProblem::Strike(strike.to_owned());
    if !strike.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad_strike());
    }
    let thousandths: i64 = strike.parse().map_err(|_| bad_strike())?;
    let strike = Decimal::new(thousandths, 3);
    let root = unpadded(root).ok_or_else(|| SymbolProblem::Root(root.to_owned()))?;
    let (expiration, right) = (parse_date(date)?, parse_right(right)?);
    Ok(Symbol::Option(parts(root, expiration, right, strike, OCC_STRIKE_PLACES)?))
}

/// The part of a future option's symbol after the point.
fn future_option(rest: &str) -> Result<Symbol, SymbolProblem> {
    // Future, root, date, right, and at least one digit.
    if rest.len() < 20 || rest.len() > 32 {
        return Err(SymbolProblem::Form);
    }
    let (future, rest) = rest.split_at(6);
    let (root, rest) = rest.split_at(6);
    let (date, rest) = rest.split_at(6);
    let (right, strike) = rest.split_at(1);
    let code = unpadded(future).and_then(|text| text.strip_prefix('/'));
    let future = future_code(code.ok_or_else(|| SymbolProblem::Future(future.to_owned()))?)?;
    let root = unpadded(root).ok_or_else(|| SymbolProblem::Root(root.to_owned()))?;
    if !is_code(root) {
        return Err(SymbolProblem::Root(root.to_owned()));
    }
    let bad_strike = || SymbolProblem::Strike(strike.to_owned());
    if !strike.bytes().all(|b| b.is_ascii_digit() || b == b'.') || strike.starts_with('.') {
        return Err(bad_strike());
    }
    let strike = Decimal::from_str_exact(strike).map_err(|_| bad_strike())?;
    let (expiration, right) = (parse_date(date)?, parse_right(right)?);
    let option = parts(root, expiration, right, strike, FUTURE_STRIKE_PLACES)?;
    Ok(Symbol::FutureOption { future, option })
}

/// Checked parts of an option symbol.
fn parts(
    root: &str,
    expiration: NaiveDate,
    right: Right,
    strike: Decimal,
    places: u32,
) -> Result<OptionParts, SymbolProblem> {
    if root.is_empty() || root.len() > 6 || !is_capital_or_digit(root) {
        return Err(SymbolProblem::Root(root.to_owned()));
    }
    if !(2000..=2099).contains(&expiration.year()) {
        return Err(SymbolProblem::Date(expiration.to_string()));
    }
    let strike = strike.normalize();
    if strike <= Decimal::ZERO || strike >= dec!(100_000) || strike.scale() > places {
        return Err(SymbolProblem::Strike(strike.to_string()));
    }
    Ok(OptionParts { root: root.to_owned(), expiration, right, strike })
}

/// A future's code: root, month letter, digit.
fn future_code(code: &str) -> Result<String, SymbolProblem> {
    if code.len() <= 5 && is_code(code) {
        return Ok(code.to_owned());
    }
    Err(SymbolProblem::Future(code.to_owned()))
}

/// A root of at least one character, then a month letter and a digit.
fn is_code(code: &str) -> bool {
    let Some((head, [letter, digit])) = code.as_bytes().split_last_chunk::<2>() else {
        return false;
    };
    !head.is_empty()
        && is_capital_or_digit(code)
        && future::letter_month(char::from(*letter)).is_some()
        && digit.is_ascii_digit()
}

fn is_capital_or_digit(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// One to eight characters, the first a capital, then capitals, digits, points and slashes.
fn is_ticker(text: &str) -> bool {
    let rest_fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'.' || b == b'/';
    text.len() <= 8
        && text.bytes().next().is_some_and(|b| b.is_ascii_uppercase())
        && text.bytes().all(rest_fits)
}

/// The text without the spaces after it, when there is any and no other space.
fn unpadded(text: &str) -> Option<&str> {
    let bare = text.trim_end_matches(' ');
    (!bare.is_empty() && !bare.contains(' ')).then_some(bare)
}

fn parse_date(text: &str) -> Result<NaiveDate, SymbolProblem> {
    let bad = || SymbolProblem::Date(text.to_owned());
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(bad());
    }
    let number: u32 = text.parse().map_err(|_| bad())?;
    let year = i32::try_from(2000 + number / 10_000).map_err(|_| bad())?;
    NaiveDate::from_ymd_opt(year, number / 100 % 100, number % 100).ok_or_else(bad)
}

fn parse_right(text: &str) -> Result<Right, SymbolProblem> {
    match text {
        "C" => Ok(Right::Call),
        "P" => Ok(Right::Put),
        other => Err(SymbolProblem::Right(other.to_owned())),
    }
}

/// The product of a future's code.
fn product_of_code(code: &str) -> Option<Product> {
    let product: Product = code.get(..code.len().checked_sub(2)?)?.parse().ok()?;
    (product.kind() == super::ProductKind::Future).then_some(product)
}

#[cfg(test)]
#[path = "symbol_tests.rs"]
mod tests;
