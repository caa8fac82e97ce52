//! The store: its pages and rows, a backup that is really restored, a journal that verifies and
//! folds back to the state.

use std::path::PathBuf;

use super::{Found, Subject};
use crate::{
    desk::fold::{self, FoldOutcome},
    store,
};

/// How this program names itself to the stores it opens.
const PROGRAM: &str = "tomking validate";

/// The checks, and the restored store they leave behind for those that read it.
pub(super) fn all(subject: &Subject<'_>) -> (Vec<Found>, Option<PathBuf>) {
    let restored = restore(subject);
    let file = restored.as_ref().ok().map(|(file, _)| file.clone());
    let backup = restored.map(|(_, words)| (true, words));
    let found = vec![
        pages(subject),
        Found::new(
            "backup",
            "one made now is restored whole in a place of its own",
            backup,
            "a backup of the store, restored into an empty directory",
        ),
        journal(file.as_ref()),
    ];
    (found, file)
}

fn pages(subject: &Subject<'_>) -> Found {
    let looked = subject.copy.clone().and_then(|copy| {
        let found = store::check(&copy, PROGRAM).map_err(|error| error.to_string())?;
        let rows: u64 = found.tables.iter().map(|table| table.rows).sum();
        let tables = found.tables.len();
        Ok((
            found.holds(),
            format!("{rows} rows in {tables} tables, {} unreadable", found.unreadable.len()),
        ))
    });
    Found::new(
        "store",
        "every page, row and link of the journal is sound",
        looked,
        "store check of the backup",
    )
}

fn restore(subject: &Subject<'_>) -> Result<(PathBuf, String), String> {
    let copy = subject.copy.clone()?;
    let file = subject.scratch.join("restored").join("tomking.redb");
    let restored = store::restore(&copy, &file, PROGRAM, false);
    let restored = restored.map_err(|error| error.to_string())?.store;
    let words = format!(
        "{} rows in {} tables, journal at entry {}",
        restored.rows, restored.tables, restored.journal.sequence
    );
    Ok((file, words))
}

fn journal(restored: Option<&PathBuf>) -> Found {
    let outcome =
        restored.ok_or_else(|| "there is no restored store".to_owned()).and_then(|file| {
            let verified = store::look(file, PROGRAM, |tx| fold::verify(tx, &[]));
            let verified = verified.map_err(|error| error.to_string())?;
            let chain = match &verified.journal.broken {
                None => "the chain holds".to_owned(),
                Some(broken) => format!("the chain is broken at entry {}", broken.sequence),
            };
            let state = match verified.state.outcome {
                FoldOutcome::Same => "it folds to the state".to_owned(),
                FoldOutcome::Differs => format!("{} rows differ", verified.state.differences.len()),
                FoldOutcome::Unknown => verified.state.reason.unwrap_or_default(),
            };
            // A pruned journal cannot be folded from its beginning; its chain is what there is to verify.
            let holds =
                verified.journal.broken.is_none() && verified.state.outcome != FoldOutcome::Differs;
            Ok((holds, format!("{chain}; {state}")))
        });
    let evidence = "every entry of the restored store, against its rows";
    Found::new("journal", "verifies, and folds back to the state", outcome, evidence)
}
