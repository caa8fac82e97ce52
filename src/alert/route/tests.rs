use super::*;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn alert(severity: Severity, kind: &str) -> Alert {
    let (title, text, key) = (String::new(), String::new(), String::new());
    Alert {
        id: 1,
        at: at("2024-08-02T13:30:00Z"),
        kind: kind.to_owned(),
        severity,
        title,
        text,
        key,
    }
}

fn quiet(from: &str, to: &str, zone: Tz) -> Rules {
    let quiet = Quiet { from: from.parse().unwrap(), to: to.parse().unwrap(), zone };
    Rules { quiet: Some(quiet), ..Rules::default() }
}

/// Clock changes of 2024 from the IANA time zone database: London 31 March 01:00Z and 27 October
/// 01:00Z, New York 10 March 07:00Z and 3 November 06:00Z.
#[test]
fn quiet_hours_are_civil_hours_over_both_clock_changes() {
    let night = quiet("22:00:00", "07:00:00", Tz::Europe__London);
    let skipped = quiet("02:30:00", "06:00:00", Tz::America__New_York);
    let twice = quiet("21:00:00", "01:30:00", Tz::America__New_York);
    let day = quiet("09:00:00", "17:00:00", Tz::Europe__London);
    let cases = [
        (&night, "2024-08-02T20:59:59Z", None),
        (&night, "2024-08-02T21:00:00Z", Some("2024-08-03T06:00:00Z")),
        (&night, "2024-08-03T05:59:59Z", Some("2024-08-03T06:00:00Z")),
        (&night, "2024-08-03T06:00:00Z", None),
        (&night, "2024-03-30T22:00:00Z", Some("2024-03-31T06:00:00Z")),
        (&night, "2024-03-31T05:59:59Z", Some("2024-03-31T06:00:00Z")),
        (&night, "2024-03-31T21:00:00Z", Some("2024-04-01T06:00:00Z")),
        (&night, "2024-10-26T21:00:00Z", Some("2024-10-27T07:00:00Z")),
        (&night, "2024-10-27T06:59:59Z", Some("2024-10-27T07:00:00Z")),
        (&night, "2024-10-27T21:30:00Z", None),
        (&skipped, "2024-03-10T06:59:59Z", None),
        (&skipped, "2024-03-10T07:00:00Z", Some("2024-03-10T10:00:00Z")),
        (&twice, "2024-11-03T05:45:00Z", Some("2024-11-03T06:30:00Z")),
        (&twice, "2024-11-03T06:29:59Z", Some("2024-11-03T06:30:00Z")),
        (&twice, "2024-11-03T06:30:00Z", None),
        (&day, "2024-08-02T08:00:00Z", Some("2024-08-02T16:00:00Z")),
        (&day, "2024-08-02T07:59:59Z", None),
        (&day, "2024-08-02T16:00:00Z", None),
    ];
    for (rules, now, until) in cases {
        let found = rules.still_until(&alert(Severity::Warning, "latch"), &[], at(now));
        assert_eq!(found, until.map(at), "{now}");
    }
}

#[test]
fn the_way_follows_route_quiet_hours_and_mutes_and_critical_overrides_them_all() {
    use Severity::{Critical, Info, Warning};
    let mut rules = quiet("22:00:00", "07:00:00", Tz::UTC);
    let kinds = [("decided".to_owned(), Mode::Off), ("latch".to_owned(), Mode::Silent)].into();
    let route = Route { info: Mode::Silent, warning: Mode::On, kinds };
    rules.routes.insert("phone".to_owned(), route);
    let (noon, night) = (at("2024-08-02T12:00:00Z"), at("2024-08-02T23:00:00Z"));
    let morning = Way::Later(at("2024-08-03T07:00:00Z"));
    let muted_until = at("2024-08-02T12:30:00Z");
    let mute = |kind: Option<&str>| Mute {
        kind: kind.map(str::to_owned),
        since: noon,
        until: muted_until,
        by: "operator".to_owned(),
    };
    let cases = [
        ("phone", true, Info, "opened", None, noon, Way::Silent),
        ("phone", true, Warning, "no_mark", None, noon, Way::Sound),
        ("phone", true, Warning, "latch", None, noon, Way::Silent),
        ("phone", false, Warning, "latch", None, noon, Way::Silent),
        ("phone", true, Info, "decided", None, noon, Way::Off),
        ("mail", false, Info, "decided", None, noon, Way::Sound),
        ("phone", true, Warning, "no_mark", None, night, Way::Silent),
        ("mail", false, Warning, "no_mark", None, night, morning),
        ("mail", false, Info, "report", None, night, morning),
        ("mail", false, Critical, "not_flat", None, night, Way::Sound),
        ("phone", true, Critical, "decided", None, night, Way::Sound),
        (LOG, false, Info, "report", None, night, Way::Sound),
        ("phone", true, Warning, "no_mark", Some(mute(Some("no_mark"))), noon, Way::Silent),
        ("phone", true, Warning, "stage", Some(mute(Some("no_mark"))), noon, Way::Sound),
        ("mail", false, Warning, "no_mark", Some(mute(None)), noon, Way::Later(muted_until)),
        ("mail", false, Warning, "no_mark", Some(mute(None)), muted_until, Way::Sound),
        ("mail", false, Critical, "no_mark", Some(mute(None)), noon, Way::Sound),
    ];
    for (channel, hushes, severity, kind, mute, now, wanted) in cases {
        let mutes: Vec<Mute> = mute.into_iter().collect();
        let found = rules.way(channel, hushes, &alert(severity, kind), &mutes, now);
        assert_eq!(found, wanted, "{channel} {severity:?} {kind} {now} {mutes:?}");
    }
}
