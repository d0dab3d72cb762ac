//! `passwd`: accounts alone, of the system or of htpasswd.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::Options;
use super::accounts::{Account, Accounts};
use super::inputs::{Input, normalised};
use super::model::{Imported, Modes, Place, Tree, User, View};
use crate::config::Permissions;

/// What files of no server say of new files.
const MODES: Modes = Modes { file: 0o640, directory: 0o750 };

pub(super) fn read(files: &[PathBuf], options: &Options) -> Result<Imported, String> {
    let (mut imported, mut accounts) = (Imported::default(), Accounts::default());
    for file in files {
        let input = Input::read(file)?;
        if !accounts.add(&input, &mut imported.remarks)? {
            return Err(format!(
                "{} is no file of accounts: lines such as NAME:HASH, or those of passwd and shadow, are needed",
                file.display()
            ));
        }
    }
    accounts.finish();
    add_users(&mut imported, &accounts, |account| {
        let home = match &account.home {
            Some(home) => normalised(home),
            None => normalised(&format!("{}/{}", options.homes, account.name)),
        };
        if home == "/" {
            return Err("the home is `/`, which is the whole machine".to_owned());
        }
        Ok(View::new(Tree::Local { path: home, modes: MODES }, Permissions::FULL))
    });
    let place = Place {
        file: files.first().map(|file| file.display().to_string()).unwrap_or_default().into(),
        line: 0,
    };
    if accounts.list.iter().any(|account| account.home.is_none()) {
        let text = format!("no homes stand there: each user has a directory in {} (--homes)", options.homes);
        imported.remark(&place, text);
    }
    imported.remark(
        &place,
        "what users may do does not stand there: each has all permissions in the user's own directory",
    );
    Ok(imported)
}

/// Makes a user of each account that may log in. Those who may not are named in one remark for each reason.
pub(super) fn add_users(
    imported: &mut Imported,
    accounts: &Accounts,
    view: impl Fn(&Account) -> Result<View, String>,
) {
    let mut refused: BTreeMap<String, Vec<&Account>> = BTreeMap::new();
    for account in &accounts.list {
        if account.is_locked() {
            refused.entry("nobody can log in with a password".to_owned()).or_default().push(account);
            continue;
        }
        if account.uid == Some(0) {
            let reason = "the administrator of the machine is no user of Wharf";
            refused.entry(reason.to_owned()).or_default().push(account);
            continue;
        }
        match view(account) {
            Ok(view) => {
                let mut user = User::new(&account.name, &account.place, account.verified_hash(), view);
                user.expires.clone_from(&account.expires);
                imported.users.push(user);
            }
            Err(reason) => refused.entry(reason).or_default().push(account),
        }
    }
    for (reason, accounts) in refused {
        let Some(first) = accounts.first() else { continue };
        let names: Vec<_> = accounts.iter().map(|account| account.name.as_str()).collect();
        imported.remark(&first.place, format!("left out, as {reason}: {}", names.join(", ")));
    }
}
