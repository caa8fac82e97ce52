//! What a receiver's answer means. Of its body only so much is read as says why, or how long to
//! wait.

use chrono::{DateTime, TimeDelta};
use reqwest::{Response, StatusCode, Url, header::HeaderMap};

use crate::{alert::SendError, clock::Timestamp};

/// Bytes of a body that are read; the rest is left where it is.
const BODY_BYTES_MOST: usize = 4096;
/// Letters of it that an error shows.
const SAID_MOST: usize = 120;
/// No wait a receiver asks for is taken for longer.
const WAIT_MOST_SECONDS: f64 = 3600.0;

/// Any 2xx is taken, and given back with its body unread; what any other means
/// is [`refusal`]'s to say.
pub(super) async fn judge(
    answer: Response,
    now: Timestamp,
    url: &Url,
) -> Result<Response, SendError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let headers = answer.headers().clone();
    let body = beginning(answer).await;
    Err(refusal(status, &headers, &body, now, url))
}

/// What an answer other than a 2xx means: what another attempt may change is retried, after the wait
/// the receiver asks for where it does; all else is final. `body` is what is read of it.
pub fn refusal(
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
    url: &Url,
) -> SendError {
    let said = said(body, url).map(|said| format!(": {said}")).unwrap_or_default();
    let why = format!("the receiver answered {status}{said}");
    if !may_change(status) {
        return SendError::Permanent(why);
    }
    let wait = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
        .then(|| wait(headers, body, now))
        .flatten();
    match wait {
        Some(after) => SendError::RetryAfter { after, why },
        None => SendError::Retry(why),
    }
}

fn may_change(status: StatusCode) -> bool {
    status.is_server_error()
        || matches!(status, StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS)
        || status.as_u16() == 425
}

/// The first bytes of the body; what does not come within the wire's deadline is left out.
pub(super) async fn beginning(mut answer: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < BODY_BYTES_MOST
        && let Ok(Some(part)) = answer.chunk().await
    {
        let room = BODY_BYTES_MOST - body.len();
        body.extend_from_slice(&part[..part.len().min(room)]);
    }
    body
}

/// The wait a receiver asks for. Discord's `X-RateLimit-Reset-After` is in seconds in each version
/// of its API; its other forms were milliseconds once. Then `Retry-After` (RFC 9110: seconds or a
/// date), then `retry_after` of a JSON body.
fn wait(headers: &HeaderMap, body: &[u8], now: Timestamp) -> Option<TimeDelta> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let number = |name: &str| text(name).and_then(|text| text.parse::<f64>().ok());
    let date = || {
        let at = DateTime::parse_from_rfc2822(text("retry-after")?).ok()?;
        Some((at.to_utc() - now).as_seconds_f64())
    };
    let in_body = || {
        let value: serde_json::Value = serde_json::from_slice(body).ok()?;
        value.get("retry_after")?.as_f64()
    };
    let seconds = number("x-ratelimit-reset-after")
        .or_else(|| number("retry-after"))
        .or_else(date)
        .or_else(in_body)
        .filter(|seconds| seconds.is_finite())?;
    #[expect(clippy::cast_possible_truncation, reason = "0 to 3,600,000")]
    let millis = (seconds.clamp(0.0, WAIT_MOST_SECONDS) * 1000.0).ceil() as i64;
    Some(TimeDelta::milliseconds(millis))
}

/// The receiver's words, one short line of them: `invalid_payload`. None where they repeat a part
/// of the URL, which may be a secret.
fn said(body: &[u8], url: &Url) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let line: String = text.trim().chars().take_while(|c| !c.is_control()).collect();
    let repeats = |part: &str| part.len() > 3 && text.contains(part);
    let query = url.query_pairs().flat_map(|(key, value)| [key.into_owned(), value.into_owned()]);
    let parts = url.path_segments().into_iter().flatten().map(str::to_owned);
    let host = [url.host_str(), url.password(), Some(url.username())];
    let host = host.into_iter().flatten().map(str::to_owned);
    if parts.chain(query).chain(host).any(|part| repeats(&part)) {
        return None;
    }
    let short: String = line.chars().take(SAID_MOST).collect();
    (!short.is_empty()).then_some(short)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waited(headers: &[(&'static str, &str)], body: &str) -> Option<i64> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let now = "2015-10-21T07:27:30Z".parse().unwrap();
        wait(&map, body.as_bytes(), now).map(|wait| wait.num_milliseconds())
    }

    #[test]
    fn a_wait_is_read_in_each_of_its_forms() {
        // RFC 9110 §10.2.3; Discord's rate limits; Slack's rate limits.
        let discord =
            r#"{"message":"You are being rate limited.","retry_after":0.45,"global":false}"#;
        let date = "Wed, 21 Oct 2015 07:28:00 GMT";
        let past = "Wed, 21 Oct 2015 07:20:00 GMT";
        for (headers, body, wanted) in [
            (vec![("retry-after", "30")], "", Some(30_000)),
            (vec![("retry-after", " 1.337 ")], "", Some(1_337)),
            (vec![("retry-after", date)], "", Some(30_000)),
            (vec![("retry-after", past)], "", Some(0)),
            (vec![], discord, Some(450)),
            (
                vec![("retry-after", "64000"), ("x-ratelimit-reset-after", "64.5")],
                discord,
                Some(64_500),
            ),
            (vec![("retry-after", "86400")], "", Some(3_600_000)),
            (vec![("retry-after", "-5")], "", Some(0)),
            (vec![("retry-after", "soon")], "", None),
            (vec![("retry-after", "inf")], "", None),
            (vec![("retry-after", "NaN")], "", None),
            (vec![], r#"{"retry_after":"later"}"#, None),
            (vec![], "not json", None),
            (vec![], "", None),
        ] {
            assert_eq!(waited(&headers, body), wanted, "{headers:?} {body}");
        }
    }

    #[test]
    fn the_receivers_words_are_short_and_never_tell_the_url() {
        let url = "https://u5er:pa55@hooks.example/T00/SECRET?key=HIDDEN".parse().unwrap();
        let long = "x".repeat(500);
        for (body, wanted) in [
            ("invalid_payload", Some("invalid_payload")),
            ("  no_text\r\nmore", Some("no_text")),
            ("", None),
            ("no such path: /T00/SECRET", None),
            ("bad key HIDDEN", None),
            ("hooks.example says no", None),
            ("wrong pa55", None),
            (long.as_str(), Some(&long[..SAID_MOST])),
        ] {
            assert_eq!(said(body.as_bytes(), &url).as_deref(), wanted, "{body}");
        }
    }
}
