//! Folders that cannot be read, and what the user is told.

use std::path::Path;

use tomking::{
    calendar::Calendar,
    market::{RecordedTape, recorded::DataError},
};

use crate::support::july;

fn copy() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(july()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    folder
}

fn load(folder: &Path) -> Result<RecordedTape, DataError> {
    RecordedTape::load(folder, 1, &Calendar::default())
}

/// What is told of a folder with one text in one file replaced, the folder's own name cut out.
fn told(file: &str, found: &str, replaced: &str) -> String {
    let folder = copy();
    let path = folder.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(found), "`{found}` is not in {file}");
    std::fs::write(&path, text.replacen(found, replaced, 1)).unwrap();
    let error = load(folder.path()).expect_err(replaced).to_string();
    error.replace(&format!("{}/", folder.path().display()), "")
}

#[test]
fn a_bad_row_is_told_with_file_line_column_what_was_found_and_what_is_right() {
    let row = "2024-07-02,4097.79,4123.19,4087.40,4104.01,1000006";
    let next = "2024-07-03,4098.85,4111.25,4088.54,4106.90,1000007";
    let cases = [
        (
            "2024-07-02,4097.79",
            "line 8, column `row`: found 2 columns, expected 6 columns (`date,open,high,low,close,volume`)",
        ),
        (
            "2024-07-02,4097.79,4123.19,4087.40,4104.01,1,2",
            "line 8, column `row`: found 7 columns, expected 6 columns (`date,open,high,low,close,volume`)",
        ),
        (
            "2024-13-02,4097.79,4123.19,4087.40,4104.01,1",
            "line 8, column `date`: found `2024-13-02`, expected a date like 2024-08-05",
        ),
        (
            "02/07/2024,4097.79,4123.19,4087.40,4104.01,1",
            "line 8, column `date`: found `02/07/2024`, expected a date like 2024-08-05",
        ),
        (
            "2024-7-2,4097.79,4123.19,4087.40,4104.01,1",
            "line 8, column `date`: found `2024-7-2`, expected a date like 2024-08-05",
        ),
        (
            "2024-07-02,n/a,4123.19,4087.40,4104.01,1",
            "line 8, column `open`: found `n/a`, expected a number above 0",
        ),
        (
            "2024-07-02,NaN,4123.19,4087.40,4104.01,1",
            "line 8, column `open`: found `NaN`, expected a number above 0",
        ),
        (
            "2024-07-02,inf,4123.19,4087.40,4104.01,1",
            "line 8, column `open`: found `inf`, expected a number above 0",
        ),
        (
            "2024-07-02,4097.79,,4087.40,4104.01,1",
            "line 8, column `high`: found nothing, expected a number above 0",
        ),
        (
            "2024-07-02,4097.79,4123.19,-4087.40,4104.01,1",
            "line 8, column `low`: found `-4087.40`, expected a number above 0",
        ),
        (
            "2024-07-02,4097.79,4123.19,4087.40,0,1",
            "line 8, column `close`: found `0`, expected a number above 0",
        ),
        (
            "2024-07-02,4097.79,4087.40,4123.19,4104.01,1",
            "line 8, column `high`: found `4087.40`, expected a price at or above the low of 4123.19",
        ),
        (
            "2024-07-02,4197.79,4123.19,4087.40,4104.01,1",
            "line 8, column `open`: found `4197.79`, expected a price from the low of 4087.40 to the high of 4123.19",
        ),
        (
            "2024-07-02,4097.79,4123.19,4087.40,4004.01,1",
            "line 8, column `close`: found `4004.01`, expected a price from the low of 4087.40 to the high of 4123.19",
        ),
        (
            "2024-07-02,4097.79,4123.19,4087.40,4104.01,many",
            "line 8, column `volume`: found `many`, expected a number at or above 0, or nothing",
        ),
        (
            "2024-07-01,4097.79,4123.19,4087.40,4104.01,1",
            "line 8, column `date`: found `2024-07-01`, expected a date after 2024-07-01: rows ascend, one a day",
        ),
        (
            "2024-06-20,4097.79,4123.19,4087.40,4104.01,1",
            "line 8, column `date`: found `2024-06-20`, expected a date after 2024-07-01: rows ascend, one a day",
        ),
    ];
    for (wrong, right) in cases {
        assert_eq!(told("prices.csv", row, wrong), format!("`prices.csv` {right}"));
    }
    let blank = told("prices.csv", &format!("{row}\n{next}"), &format!("{row}\n\n\nx"));
    assert!(blank.starts_with("`prices.csv` line 11, column `row`"), "{blank}");
}

#[test]
fn the_other_files_are_held_to_their_own_form() {
    let cases = [
        ("fear.csv", "2024-07-02,", "2024-07-02,-", "`fear.csv` line 8, column `open`: found `-"),
        (
            "fear.csv",
            "2024-07-02,16",
            "2024-07-02,1600",
            "`fear.csv` line 8, column `open`: found `1600.770000`, expected a VIX level below 200 (bars of an index have a column `volume`)",
        ),
        (
            "hours.csv",
            "2024-07-02,10:30",
            "2024-07-02,9:30",
            "`hours.csv` line 10, column `time`: found `9:30`, expected a time like 09:30",
        ),
        (
            "hours.csv",
            "2024-07-02,10:30",
            "2024-07-02,09:30",
            "`hours.csv` line 10, column `time`: found `2024-07-02 09:30`, expected a time after 2024-07-02 09:30: rows ascend",
        ),
        (
            "pound.csv",
            "1.260000",
            "0",
            "`pound.csv` line 3, column `usd_per_gbp`: found `0`, expected a number above 0",
        ),
        (
            "pound.csv",
            "1.260000",
            "126.0",
            "`pound.csv` line 3, column `usd_per_gbp`: found `126.0`, expected dollars for a pound, from 0.1 to 20",
        ),
        (
            "curve.csv",
            "90.10",
            "high",
            "`curve.csv` line 2, column `vvix`: found `high`, expected a number above 0",
        ),
        (
            "releases.csv",
            "2024-07-05,NFP,08:30",
            "2024-07-05,NFP,",
            "`releases.csv` line 4, column `time_et`: found nothing, expected a time like 09:30",
        ),
        (
            "releases.csv",
            "PPI",
            "CPI",
            "`releases.csv` line 6, column `date`: found `2024-07-11`, expected one row for a CPI of 2024-07-11",
        ),
    ];
    for (file, found, replaced, right) in cases {
        let told = told(file, found, replaced);
        assert!(told.starts_with(right), "{told}");
    }
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_line() {
    let folder = copy();
    let path = folder.path().join("prices.csv");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.windows(10).position(|w| w == b"2024-07-02").unwrap();
    bytes[at] = 0xFF;
    std::fs::write(&path, bytes).unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("line 8, column `row`: found bytes that are no text"), "{error}");
}

#[test]
fn a_folder_without_index_or_vix_is_refused_with_the_header_that_is_missing() {
    for (file, header) in [
        (
            "prices.csv",
            "daily index bars in `X`: its header would be `date,open,high,low,close,volume`",
        ),
        ("fear.csv", "daily VIX bars in `X`: its header would be `DATE,OPEN,HIGH,LOW,CLOSE`"),
    ] {
        let folder = copy();
        std::fs::remove_file(folder.path().join(file)).unwrap();
        let error = load(folder.path()).unwrap_err().to_string();
        let error = error.replace(&folder.path().display().to_string(), "X");
        assert_eq!(error, format!("no file with {header}"));
    }
}

#[test]
fn a_file_that_may_have_been_meant_is_named_with_its_header() {
    let folder = copy();
    std::fs::write(folder.path().join("prices.csv"), "Date;Open;High;Low;Close\n").unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.starts_with("no file with daily index bars in "), "{error}");
    assert!(error.ends_with("its header is `Date;Open;High;Low;Close`"), "{error}");
}

proptest::proptest! {
    /// Whatever stands in a file is read or refused, never the end of the program.
    #[test]
    fn no_file_can_end_the_program(
        bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..40),
        at in 0_usize..700,
        file in 0_usize..6,
    ) {
        let names = ["prices", "fear", "hours", "curve", "pound", "releases"];
        let folder = copy();
        let path = folder.path().join(format!("{}.csv", names[file]));
        let mut text = std::fs::read(&path).unwrap();
        let at = at.min(text.len());
        let end = (at + bytes.len()).min(text.len());
        text.splice(at..end, bytes);
        let lines = text.split(|b| *b == b'\n' || *b == b'\r').count() as u64;
        std::fs::write(&path, &text).unwrap();
        if let Err(DataError::Row { line, .. }) = load(folder.path()) {
            // Lines end with a line feed; what a lone return parts from the header is still line 1.
            proptest::prop_assert!(1 <= line && line <= lines, "line {line} of {lines}");
        }
    }
}

#[test]
fn two_files_of_one_kind_an_empty_one_and_no_folder_are_refused() {
    let folder = copy();
    std::fs::copy(folder.path().join("prices.csv"), folder.path().join("more.csv")).unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("both hold daily index bars; keep one of them"), "{error}");

    let folder = copy();
    std::fs::write(folder.path().join("pound.csv"), "date,usd_per_gbp\n").unwrap();
    let error = load(folder.path()).unwrap_err().to_string();
    assert!(error.ends_with("has a header of pound-dollar rates and no rows"), "{error}");

    let error = load(Path::new("no/such/folder")).unwrap_err().to_string();
    assert!(error.starts_with("cannot read `no/such/folder`: "), "{error}");
}

#[test]
fn unknown_files_are_warned_of_and_others_are_not_looked_at() {
    let folder = copy();
    std::fs::write(folder.path().join("notes.csv"), "when,what\n1,2,3\n").unwrap();
    std::fs::write(folder.path().join("prices.bak"), "nothing\n").unwrap();
    let tape = load(folder.path()).unwrap();
    let warnings = &tape.summary().warnings;
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("notes.csv") && warnings[0].contains("`when,what`"));
}

#[test]
fn headers_may_stand_in_any_order_and_case_with_more_beside_them() {
    let folder = copy();
    let text = "\u{feff}Volume,Adj Close,Close,Low,High,Open,Date\r\n\
                1,1,4088.16,4012.45,4089.97,4013.90,2024-07-01\r\n";
    std::fs::write(folder.path().join("prices.csv"), text).unwrap();
    let tape = load(folder.path()).unwrap();
    assert!(tape.check_range("2024-07-01".parse().unwrap(), "2024-07-01".parse().unwrap()).is_ok());
}

#[test]
fn known_wrong_figures_are_replaced_only_where_they_stand() {
    let prices = |close: &str| {
        format!("date,open,high,low,close,volume\n2021-08-11,4442.18,4449.44,4436.42,{close},1\n")
    };
    let vix = "DATE,OPEN,HIGH,LOW,CLOSE\n2021-08-11,16.6,16.9,16,16.06\n\
               2024-07-19,16.44,17.19,10.62,16.52\n2024-08-05,23.39,65.73,23.39,38.57\n";
    let corrections = |close: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.csv"), prices(close)).unwrap();
        std::fs::write(folder.path().join("b.csv"), vix).unwrap();
        load(folder.path()).unwrap().summary().corrections.clone()
    };
    let prints = [
        "VIX 2024-07-19 low 10.62 read as 16.44 (a bad print)",
        "VIX 2024-08-05 high 65.73 read as 38.57 (printed before the regular session)",
    ];
    let close = "SPX 2021-08-11 close 4442.41 read as 4447.70 (the vendor's close is not the \
                 official one)";
    assert_eq!(corrections("4442.41"), [close, prints[0], prints[1]]);
    assert_eq!(corrections("4442.4102"), [close, prints[0], prints[1]], "read to the cent");
    assert_eq!(corrections("4447.70"), prints);
}
