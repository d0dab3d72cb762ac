//! Whether this machine and the stores agree about the time: requests are signed with it.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use chrono::DateTime;
use reqwest::header::{DATE, HeaderMap};

use super::super::findings::Report;
use crate::config::Config;
use crate::web;

/// Stores refuse requests whose time is further off (Amazon: 15 minutes), and the certificates of others may seem to be over.
const REFUSED: Duration = Duration::from_secs(10 * 60);
const OFF: Duration = Duration::from_secs(10);

pub(super) async fn examine(config: &Config, timeout: Duration, report: &mut Report) {
    let mut asked = BTreeSet::new();
    for (name, backend) in &config.backends {
        let Some((url, authorities)) = backend.web() else { continue };
        if !asked.insert(url.clone()) {
            continue;
        }
        let client = web::client(&url, authorities.as_ref(), timeout, HeaderMap::new());
        let answer = async {
            let sent = SystemTime::now();
            let response = client?.get(&url).send().await.map_err(web::said)?;
            // Without credentials: a refusal has the time, too.
            let date = response.headers().get(DATE).and_then(|date| date.to_str().ok());
            let date = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
            Ok::<_, String>(date.map(|date| (SystemTime::from(date), sent, SystemTime::now())))
        };
        let answer = tokio::time::timeout(timeout, answer).await;
        match answer.unwrap_or_else(|_| Err(format!("no answer within {timeout:?}"))) {
            Ok(Some((theirs, sent, received))) => told(name, off(theirs, sent, received), report),
            Ok(None) => report.note("clock", format!("the store of {name} does not say what time it has")),
            Err(error) => {
                report.note("clock", format!("the store of {name} could not be asked for its time: {error}"))
            }
        }
    }
}

fn told(name: &str, off: Duration, report: &mut Report) {
    let says = format!("the clocks of this machine and of the store of {name} are {} s apart", off.as_secs());
    let cure = "have this machine's clock set by NTP (`timedatectl set-ntp true`)";
    match off {
        off if off >= REFUSED => {
            report.problem("clock", format!("{says}: it will refuse what is signed here"), cure)
        }
        off if off >= OFF => report.warning("clock", says, cure),
        _ => report.ok("clock", format!("this machine and the store of {name} have the same time")),
    }
}

/// How far a time in whole seconds lies outside of the moments in which it was said.
fn off(theirs: SystemTime, sent: SystemTime, received: SystemTime) -> Duration {
    let behind = sent.duration_since(theirs + Duration::from_secs(1));
    behind.or_else(|_| theirs.duration_since(received)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_compared() {
        let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for (theirs, expected) in [(1000, 0), (999, 0), (990, 9), (1003, 0), (1013, 10)] {
            assert_eq!(off(at(theirs), at(1000), at(1003)).as_secs(), expected, "{theirs}");
        }
    }
}
