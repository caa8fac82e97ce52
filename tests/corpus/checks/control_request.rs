//! A line of the control socket: a request that is read is written back the same, and what only
//! reads is answered from the store of a day, bounded.

use std::sync::{Arc, LazyLock};

use tomking::{
    calendar::Calendar,
    config::{Rulebook, Settings},
    control::{Request, answer::Reader},
    schedule::JobSet,
    store::Store,
};

use super::{damaged_rows, text};

/// The longest line the socket reads (`control::socket`).
const REQUEST_BYTES_MAX: usize = 64 * 1024;
/// The longest answer the shell reads.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

static DAY: LazyLock<(Store, Reader)> = LazyLock::new(|| {
    let reader = Reader {
        calendar: Calendar::default(),
        jobs: JobSet::embedded().unwrap(),
        channels: vec!["log".to_owned()],
        data_dir: "/nowhere".into(),
        rulebook: Arc::new(Rulebook::embedded()),
        settings: Arc::new(Settings::default_embedded()),
    };
    (damaged_rows::store_of(include_str!("../seeds/damaged_rows/day")), reader)
});

pub fn check(data: &[u8]) {
    let Some(line) = text(data).filter(|line| line.len() <= REQUEST_BYTES_MAX) else { return };
    let Ok(request) = serde_json::from_str::<Request>(line) else { return };
    let written = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<Request>(&written).unwrap(), request);
    let (store, reader) = &*DAY;
    let now = "2024-08-02T21:00:00Z".parse().unwrap();
    let answer = store.read(|tx| reader.answer(tx, now, &request)).unwrap();
    let Some(answer) = answer else { return };
    assert!(serde_json::to_vec(&answer).unwrap().len() < ANSWER_BYTES_MAX);
}
