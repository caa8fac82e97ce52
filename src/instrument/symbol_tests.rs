use proptest::prelude::*;

use super::*;
use crate::instrument::{Series, Settlement};

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn option(product: Product, root: &str, expiration: &str, strike: Decimal) -> Instrument {
    let series = expiration::series(&Calendar::default(), product, root, date(expiration)).unwrap();
    Instrument::Option(OptionContract { series, strike, right: Right::Put })
}

#[test]
fn instruments_are_written_as_the_broker_writes_them() {
    // Forms seen in the broker's answers: domain/tastytrade.md §1.5, and for the micro future
    // `./MESU3EXM3  230630C4570` in public account exports.
    let cases = [
        (option(Product::Spx, "SPXW", "2026-06-18", dec!(6400)), "SPXW  260618P06400000"),
        (option(Product::Spx, "SPX", "2026-06-18", dec!(6400)), "SPX   260618P06400000"),
        (option(Product::Spy, "SPY", "2024-08-02", dec!(520.5)), "SPY   240802P00520500"),
        (option(Product::Es, "EW3", "2026-09-18", dec!(9100)), "./ESZ6 EW3U6 260918P9100"),
        (option(Product::Es, "ES", "2026-12-18", dec!(6300)), "./ESZ6 ESZ6  261218P6300"),
        (option(Product::Mes, "EX", "2023-06-30", dec!(4570)), "./MESU3EXM3  230630P4570"),
        (option(Product::Es, "E1A", "2024-08-05", dec!(5100.00)), "./ESU4 E1AQ4 240805P5100"),
        (option(Product::Cl, "LO", "2024-11-15", dec!(62.5)), "./CLZ4 LOZ4  241115P62.5"),
        (option(Product::Mcl, "MCO", "2024-11-15", dec!(62.5)), "./MCLZ4MCOZ4 241115P62.5"),
        (option(Product::Gc, "OG", "2024-12-26", dec!(2500)), "./GCG5 OGF5  241226P2500"),
        (option(Product::Zc, "OZC", "2024-11-22", dec!(430)), "./ZCZ4 OZCZ4 241122P430"),
        (option(Product::Zn, "OZN", "2024-12-27", dec!(108.25)), "./ZNH5 OZNF5 241227P108.25"),
        (option(Product::Eur, "EUU", "2024-12-06", dec!(1.0825)), "./6EZ4 EUUZ4 241206P1.0825"),
        (option(Product::Jpy, "JPU", "2024-12-06", dec!(0.00675)), "./6JZ4 JPUZ4 241206P0.00675"),
        (option(Product::Le, "LE", "2024-12-06", dec!(180)), "./LEZ4 LEZ4  241206P180"),
        (option(Product::Rty, "RTO", "2024-12-20", dec!(2200)), "./RTYZ4RTOZ4 241220P2200"),
        (Instrument::Future { product: Product::Jpy, code: "6JZ4".to_owned() }, "/6JZ4"),
        (Instrument::Future { product: Product::Mcl, code: "MCLZ4".to_owned() }, "/MCLZ4"),
        (Instrument::Future { product: Product::Es, code: "ESZ6".to_owned() }, "/ESZ6"),
        (Instrument::Shares { product: Product::Spy }, "SPY"),
    ];
    for (instrument, expected) in cases {
        let symbol = Symbol::of(&instrument).unwrap();
        assert_eq!(symbol.to_string(), expected);
        assert_eq!(expected.parse::<Symbol>().as_ref(), Ok(&symbol));
        let near = date("2024-06-03");
        assert_eq!(symbol.resolve(&Calendar::default(), near).as_ref(), Ok(&instrument));
    }
}

#[test]
fn a_bad_symbol_is_refused_by_the_part_that_is_wrong() {
    let cases = [
        ("", SymbolProblem::Form),
        ("spy", SymbolProblem::Form),
        ("SPXW 260618P06400000", SymbolProblem::Form),
        ("SPXW  260618P0640000é", SymbolProblem::Form),
        ("SP XW 260618P06400000", SymbolProblem::Root("SP XW ".to_owned())),
        ("      260618P06400000", SymbolProblem::Root("      ".to_owned())),
        ("spxw  260618P06400000", SymbolProblem::Root("spxw".to_owned())),
        ("SPXW  260631P06400000", SymbolProblem::Date("260631".to_owned())),
        ("SPXW  +60618P06400000", SymbolProblem::Date("+60618".to_owned())),
        ("SPXW  260618X06400000", SymbolProblem::Right("X".to_owned())),
        ("SPXW  260618P00000000", SymbolProblem::Strike("0".to_owned())),
        ("SPXW  260618P0640000-", SymbolProblem::Strike("0640000-".to_owned())),
        ("/", SymbolProblem::Future(String::new())),
        ("/ESA6", SymbolProblem::Future("ESA6".to_owned())),
        ("/ESZ26", SymbolProblem::Future("ESZ26".to_owned())),
        ("./ESZ6 EW3U6 260918C", SymbolProblem::Form),
        ("./ESZ6 EW3U6 260918C9.1.0", SymbolProblem::Strike("9.1.0".to_owned())),
        ("./ESZ6 EW3U6 260918C-9100", SymbolProblem::Strike("-9100".to_owned())),
        (".ESZ6  EW3U6 260918C9100", SymbolProblem::Future("ESZ6  ".to_owned())),
        ("./ESZ6 U6    260918C9100", SymbolProblem::Root("U6".to_owned())),
    ];
    for (text, problem) in cases {
        assert_eq!(text.parse::<Symbol>().unwrap_err().problem, problem, "{text:?}");
    }
}

#[test]
fn a_well_formed_symbol_of_nothing_known_does_not_resolve() {
    let near = date("2026-01-05");
    for text in ["AAPL", "/ESX6", "AAPL  260618P00100000", "SPXW  260619P06400000"] {
        let symbol: Symbol = text.parse().unwrap();
        assert!(symbol.resolve(&Calendar::default(), near).is_err(), "{text}");
    }
    // The right series with the wrong future, and with the wrong month.
    for text in ["./ESU6 EW3U6 260918C9100", "./ESZ6 EW3V6 260918C9100"] {
        let symbol: Symbol = text.parse().unwrap();
        assert!(symbol.resolve(&Calendar::default(), near).is_err(), "{text}");
    }
}

#[test]
fn an_instrument_no_symbol_can_hold_is_an_error() {
    let series = Series {
        product: Product::Spx,
        root: "SPXW".to_owned(),
        expiration: date("2026-06-18"),
        settlement: Settlement::Pm,
        last_trade: "2026-06-18T20:00:00Z".parse().unwrap(),
        future: None,
    };
    for strike in [dec!(0), dec!(-5), dec!(100_000), dec!(1.2345)] {
        let series = series.clone();
        let contract = OptionContract { series, strike, right: Right::Call };
        let error = Symbol::of(&Instrument::Option(contract)).unwrap_err();
        assert!(matches!(error.problem, SymbolProblem::Strike(_)), "{strike}");
    }
}

fn any_parts(root: &'static str) -> impl Strategy<Value = OptionParts> {
    (root, 0_u64..36_000, any::<bool>(), 1_i64..100_000_000).prop_map(
        |(root, day, call, thousandths)| {
            let expiration = date("2000-01-01") + chrono::Days::new(day);
            let right = if call { Right::Call } else { Right::Put };
            parts(&root, expiration, right, Decimal::new(thousandths, 3), OCC_STRIKE_PLACES)
                .unwrap()
        },
    )
}

fn any_symbol() -> impl Strategy<Value = Symbol> {
    prop_oneof![
        "[A-Z][A-Z0-9]{0,4}".prop_map(Symbol::Shares),
        "[A-Z0-9]{1,3}[FGHJKMNQUVXZ][0-9]".prop_map(Symbol::Future),
        any_parts("[A-Z0-9]{1,6}").prop_map(Symbol::Option),
        ("[A-Z0-9]{1,3}[FGHJKMNQUVXZ][0-9]", any_parts("[A-Z0-9]{1,4}[FGHJKMNQUVXZ][0-9]"))
            .prop_map(|(future, option)| Symbol::FutureOption { future, option }),
    ]
}

proptest! {
    #[test]
    fn every_symbol_reads_back_as_written(symbol in any_symbol()) {
        prop_assert_eq!(symbol.to_string().parse::<Symbol>(), Ok(symbol));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in any::<String>(), near in "[-./ A-Z0-9é]{0,34}") {
        for text in [text, near] {
            if let Ok(symbol) = text.parse::<Symbol>() {
                prop_assert_eq!(symbol.to_string().parse::<Symbol>(), Ok(symbol.clone()));
                let near = date("2026-01-05");
                let _ = symbol.resolve(&Calendar::default(), near);
            }
        }
    }

    #[test]
    fn a_symbol_with_one_character_changed_never_panics(
        symbol in any_symbol(),
        at in any::<prop::sample::Index>(),
        with in any::<char>(),
    ) {
        let mut text: Vec<char> = symbol.to_string().chars().collect();
        let place = at.index(text.len());
        text[place] = with;
        let _ = text.into_iter().collect::<String>().parse::<Symbol>();
    }
}
