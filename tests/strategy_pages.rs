//! The pages of the strategies say what the program does: each figure they give is the rulebook's,
//! and each payoff is the one the program draws. `TOMKING_WRITE_PAGES=1 cargo test --test
//! strategy_pages` draws them anew.

use std::{fs, path::PathBuf};

use rust_decimal::{Decimal, dec};
use tomking::{
    config::Rulebook,
    instrument::Right::{self, Call, Put},
    report::payoff::Structure,
};

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/strategies"))
}

/// Each page with the structure of its worked example.
fn pages() -> Vec<(&'static str, Structure)> {
    let page = |name, title: &str, legs: &[(i64, Right, Decimal)], credit, multiplier, prices| {
        let (title, legs) = (title.to_owned(), legs.to_vec());
        (name, Structure { title, legs, credit, multiplier, prices })
    };
    vec![
        page(
            "friday-0dte",
            "ES iron condor 4470/4500 P, 4580/4610 C for 6.75",
            &[
                (1, Put, dec!(4470)),
                (-1, Put, dec!(4500)),
                (-1, Call, dec!(4580)),
                (1, Call, dec!(4610)),
            ],
            dec!(6.75),
            dec!(50),
            (dec!(4440), dec!(4640)),
        ),
        page(
            "lt112",
            "MES LT112: 3900 P bought, 3850 P sold, two 3150 P sold, for 24.75",
            &[(1, Put, dec!(3900)), (-1, Put, dec!(3850)), (-2, Put, dec!(3150))],
            dec!(24.75),
            dec!(5),
            (dec!(2950), dec!(4100)),
        ),
        page(
            "strangle",
            "GLD strangle 255 P, 357 C for 1.60",
            &[(-1, Put, dec!(255)), (-1, Call, dec!(357))],
            dec!(1.60),
            dec!(100),
            (dec!(240), dec!(372)),
        ),
        page(
            "ratio",
            "ES put ratio: 5200 P bought, two 5100 P sold, for 6.00",
            &[(1, Put, dec!(5200)), (-2, Put, dec!(5100))],
            dec!(6),
            dec!(50),
            (dec!(4900), dec!(5300)),
        ),
    ]
}

#[test]
fn each_payoff_is_the_one_the_program_draws() {
    for (name, structure) in pages() {
        let file = folder().join(format!("{name}.svg"));
        let drawn = structure.svg();
        if std::env::var_os("TOMKING_WRITE_PAGES").is_some() {
            fs::write(&file, &drawn).unwrap();
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), drawn, "{}", file.display());
        let page = fs::read_to_string(folder().join(format!("{name}.md"))).unwrap();
        assert!(page.contains(&format!("]({name}.svg)")), "{name}.md does not show its payoff");
    }
}

#[test]
fn the_payoff_bends_at_the_strikes() {
    let pages = pages();
    let profit = |page: usize, price: Decimal| pages[page].1.profit(price);
    // The condor keeps its credit between the shorts and loses the wing less it beyond the longs.
    assert_eq!(profit(0, dec!(4550)), dec!(337.50));
    assert_eq!(profit(0, dec!(4400)), (dec!(6.75) - dec!(30)) * dec!(50));
    // LT112: the spread at its best, and two naked puts below.
    assert_eq!(profit(1, dec!(3500)), (dec!(24.75) + dec!(50)) * dec!(5));
    assert_eq!(profit(1, dec!(3112.625)), dec!(0), "3150 less half of 74.75");
    assert_eq!(profit(2, dec!(253.40)), dec!(0));
    assert_eq!(profit(3, dec!(5100)), (dec!(6) + dec!(100)) * dec!(50));
}

/// Each row of a page that begins with a key gives the figure of the rulebook itself.
#[test]
fn each_figure_of_a_page_is_the_rulebooks() {
    let rulebook = serde_json::to_value(Rulebook::embedded()).unwrap();
    let mut rows = 0;
    for (name, _) in pages() {
        let page = fs::read_to_string(folder().join(format!("{name}.md"))).unwrap();
        for line in page.lines().filter(|line| line.starts_with("| `")) {
            let cells: Vec<&str> =
                line.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
            let pointer = format!("/{}", cells[1].replace('.', "/"));
            let found =
                rulebook.pointer(&pointer).unwrap_or_else(|| panic!("{name}: {}", cells[1]));
            let found = found.as_str().map_or_else(|| found.to_string(), str::to_owned);
            assert_eq!(found, cells[2], "{name}: {}", cells[1]);
            rows += 1;
        }
    }
    assert!(rows >= 40, "only {rows} figures");
}
