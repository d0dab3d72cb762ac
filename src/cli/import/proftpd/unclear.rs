//! Remarks on what limits ask for and Wharf can't tell: a refusal that is not understood refuses everybody, and a permission nobody gets.

use super::super::model::Imported;
use super::logins;
use super::rights::is_regex;
use super::syntax::{Block, Directive};

/// Remarks on all limits of a server. `has_groups`: the groups of people are known.
pub(super) fn remark(block: &Block, has_groups: bool, imported: &mut Imported) {
    if block.name == "limit" {
        let is_of_login = |word: &String| word.eq_ignore_ascii_case("LOGIN");
        let is_more = block.words.iter().any(|word| !is_of_login(word));
        for directive in &block.directives {
            let Some(why) = why(directive, is_more, has_groups) else { continue };
            let does = if directive.name.starts_with("deny") { "refuses everybody" } else { "allows nobody" };
            let text = format!("{} {}: {why}, so this {does}", directive.name, directive.words.join(" "));
            imported.remark(&directive.place, text);
        }
    }
    for directive in block.all("pathdenyfilter").chain(block.all("pathallowfilter")) {
        if super::rights::is_filter(directive) {
            let text = format!(
                "{} {}: names are not compared with regular expressions, so nobody may upload, overwrite, rename or make directories where \
                 this counts, and names are not compared for `delete`: add these permissions, and patterns of the shell in \
                 `limits.refuse_names`",
                directive.name,
                directive.words.join(" ")
            );
            imported.remark(&directive.place, text);
        }
    }
    for inner in &block.blocks {
        remark(inner, has_groups, imported);
    }
}

/// Why a directive of a limit can't be told. `is_more`: the limit is about more than logins.
fn why(directive: &Directive, is_more: bool, has_groups: bool) -> Option<&'static str> {
    let is_group = matches!(directive.name.as_str(), "allowgroup" | "denygroup");
    match directive.name.as_str() {
        "allowuser" | "denyuser" | "allowgroup" | "denygroup" if is_regex(&directive.words) => {
            Some("names are not compared with regular expressions")
        }
        _ if is_group && !has_groups => Some("no file of groups was read"),
        "allowclass" | "denyclass" => Some("classes of clients are not told apart"),
        "allowfilter" | "denyfilter" => Some("commands are not looked at by patterns"),
        "allow" | "deny" if is_more && logins::clients(directive).next().is_some() => {
            Some("networks count for LOGIN alone")
        }
        _ => None,
    }
}
