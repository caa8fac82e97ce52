//! What is held and owed, in figures and in words.

use rust_decimal::dec;

use super::*;
use crate::account::hold::{Hold, Level, strictest};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn fill(instrument: Instrument, side: Side, quantity: u32, price: Decimal) -> Fill {
    let at = at("2024-08-02T14:30:00Z");
    Fill { id: "f".to_owned(), instrument, side, quantity, price, fees: Usd(dec!(1.20)), at }
}

#[test]
fn a_sale_brings_and_a_purchase_costs_price_times_quantity_times_multiplier() {
    let future = Instrument::Future { product: Product::Es, code: "ESU4".to_owned() };
    let shares = Instrument::Shares { product: Product::Spy };
    let cases = [
        (future.clone(), Side::Sell, 2, dec!(10.25), dec!(1025)),
        (future, Side::Buy, 3, dec!(0.05), dec!(-7.5)),
        (shares, Side::Buy, 3, dec!(520.5), dec!(-1561.5)),
    ];
    for (instrument, side, quantity, price, cash) in cases {
        assert_eq!(fill(instrument, side, quantity, price).cash(), Usd(cash));
    }
}

#[test]
fn a_net_price_says_whether_it_is_paid_or_received() {
    let cases = [(dec!(6.350), "6.35 credit"), (dec!(-0.05), "0.05 debit"), (dec!(0), "0 credit")];
    for (price, words) in cases {
        assert_eq!(NetPrice(price).to_string(), words);
    }
}

#[test]
fn profit_is_cash_less_fees_and_in_pounds_at_the_closing_rate() {
    let opened_at = at("2024-08-02T14:30:00Z");
    let mut position = Position {
        id: PositionId("zdte-20240802-1".to_owned()),
        strategy: StrategyId::Friday0dte,
        product: Product::Es,
        legs: Vec::new(),
        units: 1,
        credit: dec!(8.9),
        width: Some(dec!(30)),
        opened_at,
        closed_at: None,
        exit_reason: None,
        cash_usd: Usd(dec!(222.50)),
        fees_usd: Usd(dec!(16.96)),
        closing_rate: None,
        next_close: 1,
    };
    assert!(position.is_open());
    assert_eq!(position.pnl_usd(), Usd(dec!(205.54)));
    assert_eq!(position.pnl_gbp(), None);
    position.closed_at = Some(opened_at);
    position.closing_rate = FxRate::new("2024-08-01".parse().unwrap(), dec!(1.2744));
    assert!(!position.is_open());
    assert_eq!(position.pnl_gbp(), Some(Gbp(dec!(161.28)))); // 161.2837… to the penny
}

#[test]
fn names_and_words_are_those_of_files_and_reports() {
    assert_eq!(StrategyId::Friday0dte.to_string(), "friday_0dte");
    assert_eq!(format!("{:>12}", StrategyId::External), "    external");
    let words = [
        (ExitReason::ProfitTarget, "profit target"),
        (ExitReason::Stop, "stop"),
        (ExitReason::TimeExit, "time exit"),
        (ExitReason::External, "closed outside"),
    ];
    for (reason, said) in words {
        assert_eq!(reason.words(), said);
    }
    assert_eq!(PositionId("p".to_owned()).to_string(), "p");
}

#[test]
fn the_strictest_of_several_holds_is_the_one_that_stops_most() {
    let hold = |level| Hold {
        name: "h".to_owned(),
        level,
        cause: String::new(),
        since: at("2024-08-02T14:30:00Z"),
        until: None,
    };
    assert_eq!(strictest([]), Level::Active);
    assert_eq!(strictest(&[hold(Level::Halted), hold(Level::Reducing)]), Level::Halted);
    assert_eq!(strictest(&[hold(Level::Reducing), hold(Level::Flattening)]), Level::Flattening);
    assert_eq!(Level::Reducing.name(), "REDUCING");
}
