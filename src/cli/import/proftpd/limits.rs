//! What a user may use up.

use super::super::model::User;
use super::rights::Person;
use super::syntax::{Block, Directive};

pub(super) fn add(host: &Block, person: &Person<'_>, user: &mut User) {
    for directive in host.all("transferrate") {
        let Some(is_meant) = is_meant(directive, 2, person) else {
            user.remark(&directive.place, "TransferRate: classes of clients are not told apart");
            continue;
        };
        let kib = directive.word(1).split(':').next().and_then(|text| text.parse::<f64>().ok());
        let Some(kib) = kib.filter(|kib| is_meant && *kib > 0.0 && *kib < 1e12) else { continue };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is above 0 and far below the largest"
        )]
        let rate = (kib * 1024.0) as u64;
        for command in directive.word(0).split(',') {
            match command.to_ascii_uppercase().as_str() {
                "RETR" => user.limits.download = Some(rate),
                "STOR" | "APPE" | "STOU" => user.limits.upload = Some(rate),
                _ => {}
            }
        }
        user.remark(
            &directive.place,
            "TransferRate is for each transfer there, and for all transfers of the user together here",
        );
    }
    for directive in host.all("maxstorefilesize") {
        let number = directive.word(0).parse::<u64>().ok();
        let factor = match directive.word(1).to_ascii_lowercase().as_str() {
            "gb" => Some(1_u64 << 30),
            "mb" => Some(1 << 20),
            "kb" => Some(1 << 10),
            "b" => Some(1),
            _ => None,
        };
        if let (Some(number), Some(factor), Some(true)) = (number, factor, is_meant(directive, 2, person)) {
            user.limits.file_size = Some(number.saturating_mul(factor));
        }
    }
}

/// Whether a directive is about somebody: `user NAMES`, `group NAMES` or nothing behind its values. `None`: that can't be said.
fn is_meant(directive: &Directive, at: usize, person: &Person<'_>) -> Option<bool> {
    let rest = directive.words.get(at + 1..).unwrap_or_default();
    match directive.word(at).to_ascii_lowercase().as_str() {
        "" => Some(true),
        "user" => Some(
            rest.iter()
                .flat_map(|word| word.split(','))
                .any(|name| name == person.account.name || name == "*"),
        ),
        "group" => Some(person.is_in(rest)),
        _ => None,
    }
}
