//! Reads the configuration again.

use super::{Answer, Row};
use crate::ops::reload::Failure;

/// The row of this command.
pub(super) const ROW: Row = Row {
    name: "reload",
    run: |desk, _| {
        Box::pin(async move {
            // Whoever asked may be gone before it is done.
            let reloading = tokio::spawn(async move { desk.reloader.reload("wharf reload").await });
            match reloading.await {
                Ok(Ok(done)) => {
                    let warnings: String =
                        done.warnings.iter().map(|warning| format!("warning: {warning}\n")).collect();
                    Answer::fine(format!("{warnings}{done}"))
                }
                Ok(Err(failure @ (Failure::Problems(_) | Failure::Restart(_)))) => Answer::unusable(failure),
                Ok(Err(failure)) => Answer::failed(failure),
                Err(error) => Answer::failed(error),
            }
        })
    },
};
