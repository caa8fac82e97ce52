//! The forms against what their receivers document: Slack's Block Kit reference, Discord's Execute
//! Webhook and embed limits, ntfy's "Publish as JSON" and limitations.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn alert(id: u64, severity: Severity, title: &str, text: &str) -> Alert {
    Alert {
        id,
        at: "2024-08-02T14:30:01Z".parse().unwrap(),
        kind: "not_flat".to_owned(),
        severity,
        title: title.to_owned(),
        text: text.to_owned(),
        key: "not_flat:zdte-20240802-1".to_owned(),
    }
}

fn out(alerts: Vec<Alert>) -> Outgoing {
    Outgoing { alerts, silent: false, repeat: 0 }
}

fn form(preset: Preset) -> Form {
    let mut url = "https://hooks.example/a/topic".parse().unwrap();
    Form::new(preset, &mut url, None).unwrap()
}

fn body(preset: Preset, out: &Outgoing) -> Value {
    let mut posts = form(preset).posts(out);
    assert_eq!(posts.len(), 1);
    posts.remove(0).body
}

#[test]
fn slack_has_a_header_the_text_and_small_print() {
    let out = out(vec![alert(7, Severity::Critical, "1 < 2 & *3*", "<!channel> a_b")]);
    let wanted = json!({
        "text": "🚨 1 &lt; 2 &amp; \u{2060}*3\u{2060}*",
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "🚨 1 < 2 & *3*", "emoji": false}},
            {"type": "section", "text": {
                "type": "mrkdwn", "text": "&lt;!channel&gt; a\u{2060}_b", "verbatim": true,
            }},
            {"type": "context", "elements": [{
                "type": "mrkdwn",
                "text": "critical · not\u{2060}_flat · #7 · Fri 2 Aug 10:30 ET",
                "verbatim": true,
            }]},
        ],
    });
    assert_eq!(body(Preset::Slack, &out), wanted);
}

#[test]
fn discord_calls_nobody_and_is_quiet_when_asked() {
    let mut out = out(vec![alert(7, Severity::Warning, "**a** @everyone", "x_y")]);
    let wanted = json!({
        "content": "⚠️ **\\*\\*a\\*\\* @everyone**\n-# warning · not\\_flat · \\#7 · Fri 2 Aug 10:30 ET",
        "allowed_mentions": {"parse": []},
        "embeds": [{"description": "x\\_y", "color": 0xd9_8e_04}],
    });
    assert_eq!(body(Preset::Discord, &out), wanted);
    out.silent = true;
    assert_eq!(body(Preset::Discord, &out)["flags"], 4096);
}

#[test]
fn discord_is_asked_to_answer_when_the_message_is_saved() {
    for (url, wanted) in [
        ("https://d.example/api/webhooks/1/x", "https://d.example/api/webhooks/1/x?wait=true"),
        ("https://d.example/w?thread_id=5", "https://d.example/w?thread_id=5&wait=true"),
        ("https://d.example/w?wait=false", "https://d.example/w?wait=false"),
    ] {
        let mut url: Url = url.parse().unwrap();
        Form::new(Preset::Discord, &mut url, None).unwrap();
        assert_eq!(url.as_str(), wanted);
    }
}

#[test]
fn ntfy_has_its_topic_in_the_body_and_a_priority_by_severity() {
    let mut url: Url = "https://:tk_1@ntfy.example/base/my_Topic-1/?auth=x".parse().unwrap();
    let click = Some("https://tomking.example/".to_owned());
    let form = Form::new(Preset::Ntfy, &mut url, click).unwrap();
    assert_eq!(url.as_str(), "https://:tk_1@ntfy.example/base/?auth=x");
    let mut out = out(vec![alert(7, Severity::Critical, "Open", "")]);
    let wanted = json!({
        "topic": "my_Topic-1",
        "title": "Open",
        "message": "critical · not_flat · #7 · Fri 2 Aug 10:30 ET",
        "priority": 5,
        "tags": ["rotating_light", "critical"],
        "click": "https://tomking.example/",
    });
    assert_eq!(form.posts(&out)[0].body, wanted);
    for (severity, priority) in [(Severity::Info, 3), (Severity::Warning, 4)] {
        out.alerts[0].severity = severity;
        assert_eq!(form.posts(&out)[0].body["priority"], priority);
    }
    out.silent = true;
    assert_eq!(form.posts(&out)[0].body["priority"], 2, "without a sound");
}

#[test]
fn ntfy_without_a_topic_is_refused() {
    let long = format!("https://ntfy.example/{}", "t".repeat(65));
    for url in ["https://ntfy.example", "https://ntfy.example/a%20b", long.as_str()] {
        let error = Form::new(Preset::Ntfy, &mut url.parse().unwrap(), None).err().unwrap();
        assert!(error.starts_with("the URL must end with the topic"), "{error}");
    }
}

#[test]
fn a_burst_is_one_post_for_people_and_single_ones_for_programs() {
    let alerts: Vec<Alert> = (1..=30)
        .map(|id| alert(id, if id == 4 { Severity::Warning } else { Severity::Info }, "a\nb", "t"))
        .collect();
    let out = out(alerts);
    let generic = form(Preset::Generic);
    assert!(!generic.digests());
    assert_eq!(generic.posts(&out).len(), 30);
    for preset in [Preset::Slack, Preset::Discord, Preset::Ntfy] {
        assert!(form(preset).digests());
        let text = body(preset, &out).to_string();
        for part in
            ["30 alerts at once, the worst warning", "and 5 more: tomking alerts list", "a b"]
        {
            assert!(text.replace('\\', "").contains(part), "{part} in {text}");
        }
    }
}

#[test]
fn a_message_keeps_its_id_and_a_reminder_has_one_of_its_own() {
    let of = |ids: &[u64], repeat| {
        let alerts: Vec<Alert> = ids.iter().map(|id| alert(*id, Severity::Info, "t", "")).collect();
        form(Preset::Slack).posts(&Outgoing { alerts, silent: false, repeat })[0].id.clone()
    };
    assert_eq!(of(&[7], 0), "tomking-7_1722609001");
    assert_eq!(of(&[7], 0), of(&[7], 0));
    assert_eq!(of(&[7, 8, 9], 0), "tomking-7-9_1722609001");
    assert_eq!(of(&[7], 2), "tomking-7_1722609001_again2");
}

#[test]
fn what_was_told_before_says_so() {
    let again = Outgoing { repeat: 2, ..out(vec![alert(7, Severity::Critical, "t", "")]) };
    assert_eq!(body(Preset::Generic, &again)["repeat"], 2);
    for preset in [Preset::Slack, Preset::Discord, Preset::Ntfy] {
        let text = body(preset, &again).to_string().replace('\\', "");
        assert!(text.contains("told again (2), nobody acknowledged it"), "{text}");
    }
}

#[test]
fn a_cut_leaves_no_half_of_an_escape() {
    let escaped = |letter, to: &mut String| {
        if letter == '&' { to.push_str("&amp;") } else { to.push(letter) }
    };
    for (most, wanted) in
        [(12, "a&amp;b&amp;"), (11, "a&amp;b…"), (7, "a&amp;…"), (6, "a…"), (1, "…")]
    {
        assert_eq!(fit("a&b&", most, escaped), wanted, "{most}");
    }
    assert_eq!(fit("", 5, plain), "");
}

/// The longest text anywhere in a value, in UTF-16 units, below a key.
fn longest(value: &Value, key: &str) -> usize {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(name, inner)| match inner {
                Value::String(text) if name == key => text.encode_utf16().count(),
                inner => longest(inner, key),
            })
            .max()
            .unwrap_or(0),
        Value::Array(list) => list.iter().map(|inner| longest(inner, key)).max().unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    #[test]
    fn every_limit_holds_whatever_the_texts(
        title in "[ -~]{0,40}|\\PC{0,400}|[*_`<>&🚨\n]{0,6000}",
        text in "\\PC{0,200}|[*_`<>&🚨\n]{0,20000}",
        count in 1_u64..60,
    ) {
        let alerts = (1..=count).map(|id| alert(id, Severity::Info, &title, &text)).collect();
        let out = out(alerts);
        let slack = body(Preset::Slack, &out);
        prop_assert!(slack["blocks"].as_array().unwrap().len() <= 50);
        prop_assert!(longest(&slack, "text") <= 3000);
        let header = &slack["blocks"][0];
        if header["type"] == "header" {
            prop_assert!(longest(header, "text") <= 150);
        }
        let discord = body(Preset::Discord, &out);
        prop_assert!(longest(&discord, "content") <= 2000);
        prop_assert!(longest(&discord, "description") <= 4096);
        let ntfy = body(Preset::Ntfy, &out);
        prop_assert!(ntfy["message"].as_str().unwrap().len() <= 4096);
        prop_assert!(longest(&ntfy, "title") <= 250);
    }
}
