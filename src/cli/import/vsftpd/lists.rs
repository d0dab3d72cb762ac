//! Files of names: those who may log in, and those who see the whole machine.

use std::collections::BTreeSet;

use super::super::Options;
use super::super::accounts::Account;
use super::super::accounts::pam::Rules;
use super::super::model::{Imported, Place, Remark};
use super::Conf;

/// The files of names.
pub(super) struct Lists {
    /// The list of those who are refused can't be read: vsftpd lets nobody in then.
    is_lost: bool,
    rules: Rules,
    userlist: Option<BTreeSet<String>>,
    userlist_denies: bool,
    chroot_list: Option<BTreeSet<String>>,
}

impl Lists {
    pub(super) fn read(
        conf: &Conf,
        main: &Place,
        options: &Options,
        imported: &mut Imported,
    ) -> Result<Self, String> {
        let mut remark = |place: &Place, text: String| {
            imported.remarks.push(Remark { place: place.clone(), text });
        };
        // `None` inside: the list can't be read.
        let mut wanted = |switch: &str, file: &str, default: &str| {
            if !conf.is_on(switch, false) {
                return None;
            }
            let place = conf.place(file).or(conf.place(switch)).unwrap_or(main);
            match options.finder.read(conf.get(file).unwrap_or(default)) {
                Ok(input) => {
                    let names = input.exact_lines();
                    // vsftpd compares whole lines.
                    if let Some(name) = names.iter().find(|name| name.trim() != name.as_str()) {
                        let text = format!(
                            "lines of {} end with a carriage return (CRLF) or have spaces around them, such as {name:?}: vsftpd takes \
                             these for a part of the names, which nobody has, and so does the import",
                            input.name
                        );
                        remark(place, text);
                    }
                    Some(Some(names))
                }
                Err(error) => {
                    remark(place, error);
                    Some(None)
                }
            }
        };
        let userlist = wanted("userlist_enable", "userlist_file", "/etc/vsftpd.user_list");
        let is_lost = matches!(userlist, Some(None));
        let userlist = userlist.map(Option::unwrap_or_default);
        let chroot_list = wanted("chroot_list_enable", "chroot_list_file", "/etc/vsftpd.chroot_list");
        let chroot_list = chroot_list.map(Option::unwrap_or_default);
        let service = conf.get("pam_service_name").unwrap_or("ftp");
        let place = conf.place("pam_service_name").unwrap_or(main);
        let rules = Rules::read(Some(service), place, &options.finder, &mut imported.remarks)?;
        let userlist_denies = conf.is_on("userlist_deny", true);
        Ok(Self { is_lost, rules, userlist, userlist_denies, chroot_list })
    }

    /// Why somebody may not log in.
    pub(super) fn refusal(&self, account: &Account, guests: bool) -> Option<String> {
        if self.is_lost {
            return Some("userlist_file can't be read, without which vsftpd lets nobody in".to_owned());
        }
        if let Some(list) = &self.userlist
            && list.contains(&account.name) == self.userlist_denies
        {
            return Some(match self.userlist_denies {
                true => "userlist_file refuses them".to_owned(),
                false => "userlist_file does not name them, and userlist_deny is NO".to_owned(),
            });
        }
        if guests { self.rules.refusal_of_lists(account) } else { self.rules.refusal(account) }
    }

    /// Whether somebody sees only the own directory.
    pub(super) fn is_confined(&self, account: &Account, conf: &Conf) -> bool {
        let is_listed = self.chroot_list.as_ref().is_some_and(|list| list.contains(&account.name));
        conf.is_on("chroot_local_user", false) != is_listed
    }
}
