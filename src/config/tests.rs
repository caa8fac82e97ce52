use rust_decimal::dec;

use super::*;

fn source(name: &str, text: &str) -> Option<Source> {
    (!text.is_empty()).then(|| Source { name: name.to_owned(), text: text.to_owned() })
}

fn with(config: &str, rulebook: &str) -> Result<Settings, ConfigError> {
    assemble(source("config.toml", config), source("rulebook.toml", rulebook))
}

fn refusal(config: &str, rulebook: &str) -> String {
    with(config, rulebook).unwrap_err().to_string()
}

#[test]
fn the_embedded_defaults_are_valid_for_both_profiles() {
    let settings = Settings::default_embedded();
    assert_eq!(settings.profile, Profile::Paper);
    assert_eq!(settings.paper.starting_balance_gbp, dec!(35000));
    assert_eq!(settings.rulebook.vix.crisis, rulebook::CrisisMode::PutsOnly);
    let live = with("profile = \"live\"", "").unwrap();
    assert_eq!(live.rulebook.vix.crisis, rulebook::CrisisMode::ManageOnly);
}

#[test]
fn a_users_files_override_key_by_key() {
    let config = "[paper]\nstarting_balance_gbp = 80000\n[log]\nfilter = \"debug\"\n\
                  [[calendar_override]]\nexchange = \"XNYS\"\ndate = 2027-01-06\n\
                  close = 13:00:00\nreason = \"mourning\"\n";
    let rules = "[friday_0dte]\nmove_percent = 0.7\nentry_at = \"10:31\"\n\
                 [vix]\nbands = [{ cap_percent = 30, strangles = false }]\n";
    let settings = with(config, rules).unwrap();
    let default = Settings::default_embedded();
    assert_eq!(settings.paper.starting_balance_gbp, dec!(80000));
    assert_eq!(settings.paper.fees, default.paper.fees);
    assert_eq!(settings.log.filter, "debug");
    assert_eq!(settings.log.format, default.log.format);
    assert_eq!(settings.calendar_override[0].date.to_string(), "2027-01-06");
    assert_eq!(settings.calendar_override[0].close.unwrap().to_string(), "13:00:00");
    assert_eq!(settings.rulebook.friday_0dte.move_percent, dec!(0.7));
    assert_eq!(settings.rulebook.friday_0dte.entry_at.to_string(), "10:31:00");
    assert_eq!(settings.rulebook.friday_0dte.exit_at, default.rulebook.friday_0dte.exit_at);
    assert_eq!(settings.rulebook.vix.bands.len(), 1, "arrays are replaced whole");
}

#[test]
fn a_users_crisis_mode_stands_over_the_profiles() {
    let settings = with("", "[vix]\ncrisis = \"manage_only\"").unwrap();
    assert_eq!(settings.rulebook.vix.crisis, rulebook::CrisisMode::ManageOnly);
}

#[test]
fn files_are_read_from_the_directory_and_missing_ones_left_out() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Settings::load(Some(dir.path())).unwrap(), Settings::default_embedded());
    std::fs::write(dir.path().join("config.toml"), "[market]\nseed = 9\n").unwrap();
    assert_eq!(Settings::load(Some(dir.path())).unwrap().market.seed, 9);
    assert_eq!(Settings::load(None).unwrap(), Settings::default_embedded());
    std::fs::write(dir.path().join("config.toml"), "profile = \"live\"\n").unwrap();
    assert_eq!(Settings::load(Some(dir.path())), Err(ConfigError::Live));
    std::fs::remove_file(dir.path().join("config.toml")).unwrap();
    std::fs::create_dir(dir.path().join("config.toml")).unwrap();
    let error = Settings::load(Some(dir.path())).unwrap_err();
    assert!(matches!(error, ConfigError::Read { .. }), "{error}");
}

#[test]
fn what_is_wrong_is_named_with_file_line_key_and_what_would_be_right() {
    let cases: &[(&str, &str)] = &[
        ("[paper]\nstarting_balence_gbp = 1", ""),
        ("\nseed = 4", ""),
        ("[telegramm]\ntoken = \"x\"", ""),
        ("[paper]\nmove_percent = 1", ""),
        ("[market]\nseed = \"four\"", ""),
        ("[market]\nseed = -1", ""),
        ("[paper]\nstarting_balance_gbp = nan", ""),
        ("[log]\nformat = \"pretty\"", ""),
        ("[log]\nfilter = \"tomking=loud\"", ""),
        ("profile = \"demo\"", ""),
        ("profile = 3", ""),
        ("[paper]\nstatus = true", ""),
        ("[paper]\nstarting_balance_gbp = \"lots\"", ""),
        ("[paper]\nstarting_balance_gbp = 0\n[paper.fills]\nnear_grid_seconds = 0", ""),
        ("[paper\nstarting_balance_gbp = 1", ""),
        ("[[calendar_override]]\nexchange = \"NYSE\"\ndate = \"2027-01-06\"\nreason = \"\"", ""),
        ("[[calendar_override]]\nexchange = \"XNYS\"\ndate = \"2027-01-06\"", ""),
        ("[[calendar_override]]\nexchange = \"XNYS\"\ndate = \"6 Jan 2027\"\nreason = \"\"", ""),
        ("", "[friday_0dte]\nentry_at = \"25:00\""),
        ("", "[friday_0dte]\nlast_entry_at = \"10:15:00\""),
        ("", "[friday_0dte]\nproducts = [\"ES\", \"LBS\"]"),
        ("", "[friday_0dte]\nproducts = [\"SPY\"]"),
        ("", "[friday_0dte]\ndelta_min = 0.4\nprofit_target_percent = 500"),
        (
            "",
            "[vix]\nbands = [\n  { below = 18, cap_percent = 145, strangles = true },\n  { below = 13, cap_percent = 45, strangles = true },\n  { cap_percent = 80, strangles = false },\n]",
        ),
        ("", "[vix]\nbands = []"),
        ("", "[vix]\nbands = [{ below = 13, cap_percent = 45, strangle = true }]"),
        (
            "",
            "[phases]\nphases = [{ from_gbp = 30000, cap_percent = 50, friday_0dte = 1, lt112 = 0, strangle = 1, ipmcc = 1, leap_ladder = 0, ratio = 0, butterfly = 0, diagonal = 0, box = 0, underlyings = [] }]",
        ),
        ("", "[common.entry_ladder]\nstep_seconds = 0"),
        ("", "[common.early_close]\nflat_minutes_before = 80"),
        ("", "[limits]\ntrade_loss_warn_percent = 6\norders_a_minute = 2.5"),
        ("", "[execution]\npoll_seconds = 86400\nabsent_after_seconds = 5"),
        ("", "[paper]\nstarting_balance_gbp = 1"),
    ];
    let mut shown = String::new();
    for (config, rulebook) in cases {
        let text = refusal(config, rulebook).replace('\n', "\n-> ");
        shown.extend([config.trim(), rulebook.trim(), "\n-> ", &text, "\n\n"]);
    }
    insta::assert_snapshot!(shown);
}

#[test]
fn a_route_of_a_kind_that_does_not_exist_is_named_with_its_line() {
    let config = "[voice.routes.log]\ninfo = \"silent\"\n\n[voice.routes.log.kinds]\nopened = \
                  \"on\"\nopend = \"off\"";
    let found = refusal(config, "");
    assert!(found.contains("config.toml:6: "), "{found}");
    assert!(found.contains("voice.routes.log.kinds.opend"), "{found}");
    assert!(found.contains("must be a kind of alert: started, stopping, job_failed"), "{found}");
    let elsewhere = refusal("[voice.routes.phone]\ninfo = \"off\"", "");
    assert!(elsewhere.contains("must be one of the channels in force: log"), "{elsewhere}");
}

mod merging {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::config::tree::{Node, Value};

    /// A file as people mean it: keys to whole numbers, lists and further tables.
    #[derive(Debug, Clone, PartialEq)]
    enum Plain {
        Number(i64),
        List(Vec<i64>),
        Table(BTreeMap<String, Plain>),
    }

    fn any_table() -> impl proptest::strategy::Strategy<Value = Plain> {
        let leaf = prop_oneof![
            any::<i64>().prop_map(Plain::Number),
            proptest::collection::vec(any::<i64>(), 0..3).prop_map(Plain::List),
        ];
        let table =
            |inner| proptest::collection::btree_map("[a-d]", inner, 0..4).prop_map(Plain::Table);
        let nested =
            leaf.prop_recursive(3, 16, 4, move |inner| prop_oneof![inner.clone(), table(inner)]);
        proptest::collection::btree_map("[a-d]", nested, 0..4).prop_map(Plain::Table)
    }

    /// Inline TOML of a value.
    fn written(plain: &Plain) -> String {
        match plain {
            Plain::Number(number) => number.to_string(),
            Plain::List(numbers) => format!("{numbers:?}"),
            Plain::Table(table) => {
                let rows: Vec<String> = table
                    .iter()
                    .map(|(key, value)| format!("{key} = {}", written(value)))
                    .collect();
                format!("{{ {} }}", rows.join(", "))
            }
        }
    }

    fn node(plain: &Plain) -> Node {
        let Plain::Table(table) = plain else { panic!("a file is a table") };
        let rows = table.iter().map(|(key, value)| format!("{key} = {}\n", written(value)));
        let source = Source { name: "made.toml".to_owned(), text: rows.collect() };
        source.parse(0).unwrap()
    }

    fn plain(node: &Node) -> Plain {
        let number = |node: &Node| match node.value {
            Value::Integer(number) => i64::try_from(number).unwrap(),
            _ => panic!("only whole numbers were written"),
        };
        match &node.value {
            Value::Array(items) => Plain::List(items.iter().map(number).collect()),
            Value::Table(table) => Plain::Table(
                table.iter().map(|(key, entry)| (key.clone(), plain(&entry.node))).collect(),
            ),
            _ => Plain::Number(number(node)),
        }
    }

    /// What laying one over the other means, in three lines.
    fn laid(below: Plain, above: Plain) -> Plain {
        let (Plain::Table(mut below), Plain::Table(above)) = (below, above.clone()) else {
            return above;
        };
        for (key, value) in above {
            let value = match below.remove(&key) {
                Some(old) => laid(old, value),
                None => value,
            };
            below.insert(key, value);
        }
        Plain::Table(below)
    }

    proptest! {
        #[test]
        fn tables_merge_key_by_key_and_everything_else_is_replaced(
            below in any_table(), middle in any_table(), above in any_table(),
        ) {
            let mut merged = node(&below);
            merged.merge(node(&middle));
            prop_assert_eq!(plain(&merged), laid(below.clone(), middle.clone()));
            merged.merge(node(&above));
            prop_assert_eq!(plain(&merged), laid(laid(below, middle), above));
            // Laid over itself it is itself, and nothing on top changes nothing.
            let before = plain(&merged);
            let again = merged.clone();
            merged.merge(again);
            merged.merge(node(&Plain::Table(BTreeMap::new())));
            prop_assert_eq!(plain(&merged), before);
        }
    }
}
