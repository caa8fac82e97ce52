use chrono::TimeDelta;
use futures::executor::block_on;
use proptest::prelude::*;

use super::*;

/// RFC 6238 appendix B: the ASCII secret `12345678901234567890` in base32.
const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn codes() -> TimeCodes {
    TimeCodes::new(SECRET, Store::in_memory().unwrap()).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).unwrap()
}

fn taken(codes: &TimeCodes, code: &str, window: Window, now: Timestamp) -> Option<u64> {
    let steps = codes.matching(code, window, now);
    block_on(codes.store.write(move |tx| take(tx, &steps, &[], now))).unwrap()
}

#[test]
fn the_codes_are_those_of_rfc_6238() {
    // Appendix B, SHA-1; six digits are the last six of its eight.
    let cases = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];
    for (seconds, code) in cases {
        assert_eq!(codes().code(at(seconds)), code);
        let steps = codes().matching(code, Window::Now, at(seconds));
        assert_eq!(steps, [u64::try_from(seconds).unwrap() / 30]);
    }
}

#[test]
fn a_window_ends_where_it_says() {
    let (codes, now) = (codes(), at(1_700_000_010));
    let valid = |offset: i64, window| {
        let code = codes.code(now + TimeDelta::seconds(offset));
        !codes.matching(&code, window, now).is_empty()
    };
    let cases = [
        (Window::Now, -30, true),
        (Window::Now, 30, true),
        (Window::Now, -60, false),
        (Window::Now, 60, false),
        (Window::Minutes, -600, true),
        (Window::Minutes, 600, true),
        (Window::Minutes, -630, false),
        (Window::Minutes, 630, false),
        (Window::Day, -86_400, true),
        (Window::Day, 600, true),
        (Window::Day, -86_430, false),
        (Window::Day, 630, false),
        (Window::Day, 86_400, false),
    ];
    for (window, offset, wanted) in cases {
        assert_eq!(valid(offset, window), wanted, "{window:?} {offset}");
    }
}

#[test]
fn what_is_no_code_matches_nothing() {
    let codes = codes();
    for code in ["", "28708", "2870820", "+87082", "28708２", "287 82", "287082\0", "２８７０８２"]
    {
        assert_eq!(codes.matching(code, Window::Day, at(59)), [] as [u64; 0], "{code:?}");
    }
}

#[test]
fn a_code_is_taken_once_by_whatever_way() {
    let (codes, now) = (codes(), at(1_700_000_010));
    let code = codes.code(now);
    block_on(codes.spend(&code, now)).unwrap();
    assert_eq!(
        block_on(codes.spend(&code, now)),
        Err("that code is used; wait for the next one".to_owned())
    );
    assert_eq!(taken(&codes, &code, Window::Day, now), None);
    assert_eq!(taken(&codes, &code, Window::Minutes, now + TimeDelta::seconds(120)), None);
}

#[test]
fn of_two_that_race_for_one_code_one_has_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(&directory.path().join("s.redb"), "test").unwrap();
    let now = at(1_700_000_010);
    let codes = TimeCodes::new(SECRET, store).unwrap();
    let code = codes.code(now);
    let results = std::thread::scope(|scope| {
        let racers: Vec<_> =
            (0..8).map(|_| scope.spawn(|| block_on(codes.spend(&code, now)))).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
}

#[test]
fn a_step_of_the_clock_opens_no_used_code() {
    let codes = codes();
    let now = at(1_700_000_010);
    let code = codes.code(now);
    assert!(taken(&codes, &code, Window::Day, now).is_some());
    // Three days ahead a code is used, what is older is forgotten, then the clock is put right.
    let ahead = now + TimeDelta::days(3);
    assert!(taken(&codes, &codes.code(ahead), Window::Day, ahead).is_some());
    assert_eq!(codes.store.read(|tx| tx.list(&USED, "")).unwrap().len(), 1, "pruned");
    assert_eq!(taken(&codes, &code, Window::Day, now), None, "below the floor");
    // Back before the code was made, and on to it again.
    for back in [0, 10, 86_000] {
        let then = now - TimeDelta::seconds(back);
        assert_eq!(taken(&codes, &code, Window::Day, then), None);
    }
}

#[test]
fn used_steps_are_kept_two_days_and_no_longer() {
    let codes = codes();
    let start = at(1_700_000_010);
    for hour in 0..120 {
        let now = start + TimeDelta::hours(hour);
        assert!(taken(&codes, &codes.code(now), Window::Now, now).is_some(), "hour {hour}");
    }
    assert_eq!(codes.store.read(|tx| tx.list(&USED, "")).unwrap().len(), 49);
}

#[test]
fn wrong_codes_lock_and_right_ones_are_not_heard_meanwhile() {
    let codes = codes();
    let now = at(1_700_000_010);
    for _ in 0..10 {
        let wrong = block_on(codes.spend("000000", now));
        assert_eq!(wrong, Err("that is not the code of the moment".to_owned()));
    }
    let right = codes.code(now);
    let refused = block_on(codes.spend(&right, now)).unwrap_err();
    assert_eq!(refused, "too many wrong codes; codes are heard from 23:13 UTC");
    let later = now + TimeDelta::hours(1);
    block_on(codes.spend(&codes.code(later), later)).unwrap();
}

#[test]
fn the_limits_of_mail_are_three_an_hour_six_a_day_twelve_in_thirty_days() {
    let store = Store::in_memory().unwrap();
    let mut heard = Vec::new();
    // One guess every ten minutes for 31 days.
    for minute in (0..31 * 24 * 60).step_by(10) {
        let now = at(1_700_000_000) + TimeDelta::minutes(minute);
        let one = store.write(move |tx| {
            if attempts::locked(tx, "email:a@b.c", &Limits::MAIL, now)?.is_some() {
                return Ok(false);
            }
            attempts::failed(tx, "email:a@b.c", now)?;
            Ok(true)
        });
        if block_on(one).unwrap() {
            heard.push(minute);
        }
    }
    let within = |minutes: i64| heard.iter().filter(|at| **at < minutes).count();
    assert_eq!((within(60), within(24 * 60), within(30 * 24 * 60)), (3, 6, 12));
    // The clock put back does not unlock.
    let back = at(1_690_000_000);
    let locked = store.read(|tx| attempts::locked(tx, "email:a@b.c", &Limits::MAIL, back));
    assert!(locked.unwrap().is_some());
}

#[test]
fn a_secret_is_read_as_authenticators_write_it_and_never_shown() {
    let store = || Store::in_memory().unwrap();
    let plain = TimeCodes::new(SECRET, store()).unwrap().code(at(59));
    for written in
        ["gezd gnbv gy3t qojq gezd gnbv gy3t qojq", "GEZDGNBVGY3TQOJQ-GEZDGNBVGY3TQOJQ==="]
    {
        assert_eq!(TimeCodes::new(written, store()).unwrap().code(at(59)), plain);
    }
    for wrong in ["", "GEZDGNBV", "not base32 0189!"] {
        let error = TimeCodes::new(wrong, store()).map(|_| ()).unwrap_err();
        assert!(error.starts_with("the secret ") && (wrong.is_empty() || !error.contains(wrong)));
    }
}

#[test]
fn a_new_secret_has_160_bits_and_is_never_the_same() {
    let (one, two) = (new_secret().unwrap(), new_secret().unwrap());
    assert_eq!((one.len(), two.len()), (32, 32));
    assert_ne!(one, two);
    let read = TimeCodes::new(&one, Store::in_memory().unwrap()).unwrap();
    assert_eq!(read.code(at(59)).len(), 6);
    assert_eq!(
        uri(SECRET, "desk at home"),
        format!(
            "otpauth://totp/tomking:desk%20at%20home?secret={SECRET}&issuer=tomking&\
             algorithm=SHA1&digits=6&period=30"
        )
    );
}

#[test]
fn a_code_tells_by_how_much_a_phone_is_off() {
    let now = at(1_700_000_010);
    for (offset, wanted) in [(0, Some(0)), (-90, Some(-90)), (300, Some(300)), (900, None)] {
        let code = codes().code(now + TimeDelta::seconds(offset));
        assert_eq!(ahead(SECRET, &code, now).unwrap(), wanted, "{offset}");
    }
}

proptest! {
    /// Whatever is spent in whatever order by whatever clock: no step twice.
    #[test]
    fn no_step_is_taken_twice(
        spends in prop::collection::vec((0_i64..4 * 86_400, -86_400_i64..86_400), 1..24)
    ) {
        let codes = codes();
        let mut seen = std::collections::BTreeSet::new();
        for (phone, skew) in spends {
            let made = at(1_700_000_000 + phone);
            let code = codes.code(made);
            let now = made + TimeDelta::seconds(skew);
            if let Some(step) = taken(&codes, &code, Window::Day, now) {
                prop_assert!(seen.insert(step), "step {step} twice");
            }
        }
    }
}

#[test]
fn steps_of_the_same_six_digits_go_together() {
    let store = Store::in_memory().unwrap();
    let now: Timestamp = "2024-08-02T13:30:00Z".parse().unwrap();
    let mut taken = Vec::new();
    for step in [57_000_009_u64, 57_000_002] {
        let alike = [57_000_009, 57_000_002];
        let write = store.write(move |tx| take(tx, &[step], &alike, now));
        taken.push(block_on(write).unwrap().is_some());
    }
    assert_eq!(taken, [true, false]);
}
