//! `transfer-family`: what `aws transfer` prints of `describe-server`, `describe-user` and `list-users`.

mod policy;

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde::Deserialize;

use super::inputs::{Input, lines_of_names, normalised};
use super::model::{Imported, Modes, Mount, Password, Place, Quota, Remark, Tree, User, View};
use super::yaml::Node;
use crate::config::Permissions;

/// One answer: of which command it is, its keys say.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Answer {
    server: Option<Server>,
    user: Option<Described>,
    users: Option<Vec<Described>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Server {
    arn: String,
    certificate: Option<String>,
    domain: Option<String>,
    endpoint_type: Option<String>,
    identity_provider_type: Option<String>,
    logging_role: Option<String>,
    post_authentication_login_banner: Option<String>,
    pre_authentication_login_banner: Option<String>,
    protocol_details: Option<Details>,
    protocols: Option<Vec<String>>,
    workflow_details: Option<serde_json::Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Details {
    passive_ip: Option<String>,
    tls_session_resumption_mode: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Described {
    arn: String,
    home_directory: Option<String>,
    home_directory_mappings: Option<Vec<Mapping>>,
    policy: Option<String>,
    posix_profile: Option<serde_json::Value>,
    role: Option<String>,
    ssh_public_keys: Option<Vec<serde_json::Value>>,
    user_name: String,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Mapping {
    entry: String,
    target: String,
    #[serde(rename = "Type")]
    kind: Option<String>,
}

/// The modes of new files on a file system.
const MODES: Modes = Modes { file: 0o640, directory: 0o750 };

pub(super) fn read(files: &[PathBuf]) -> Result<Imported, String> {
    let mut imported = Imported::default();
    let (mut server, mut users, mut listed) = (None, Vec::new(), Vec::new());
    for file in files {
        let input = Input::read(file)?;
        let answer: Answer = serde_json::from_slice(&input.bytes)
            .map_err(|error| format!("{} is not what `aws transfer` prints as JSON: {error}", input.name))?;
        if answer.server.is_none() && answer.user.is_none() && answer.users.is_none() {
            return Err(format!(
                "{} has none of the keys Server, User and Users of `aws transfer`",
                input.name
            ));
        }
        let lines = lines_of_names(&input.bytes, "UserName");
        let place = |name: &str| input.place(lines.get(name).copied().unwrap_or(0));
        if let Some(found) = answer.server {
            server = Some((found, input.place(0)));
        }
        if let Some(found) = answer.user {
            users.push((found.clone(), place(&found.user_name)));
        }
        listed
            .extend(answer.users.into_iter().flatten().map(|found| (found.clone(), place(&found.user_name))));
    }
    // What is described says more than what is listed.
    let mut only_listed = BTreeSet::new();
    let described: BTreeSet<String> = users.iter().map(|(user, _)| user.user_name.clone()).collect();
    for (user, place) in listed {
        if !described.contains(&user.user_name) {
            only_listed.insert(user.user_name.clone());
            users.push((user, place));
        }
    }
    let domain = server.as_ref().and_then(|(server, _)| server.domain.clone());
    let is_efs = domain.as_deref() == Some("EFS");
    if let Some((found, place)) = &server {
        settings(found, place, &mut imported);
    }
    let region = server.as_ref().map_or("", |(server, _)| region(&server.arn)).to_owned();
    if !users.is_empty() {
        let place = users.first().map(|(_, place)| place.clone());
        let text = "there are no passwords in Transfer Family: write what `wharf hash-password` prints to the file of each user";
        imported.remarks.extend(place.map(|place| Remark { place, text: text.to_owned() }));
    }
    for (found, place) in users {
        let mut user = user(&found, &place, &region, is_efs, &mut imported);
        if only_listed.contains(&found.user_name) {
            user.leave_out("the user is only listed, without mappings and the policy, which may take rights away: `aws transfer describe-user` prints them");
        }
        imported.users.push(user);
    }
    Ok(imported)
}

/// `eu-west-1` of `arn:aws:transfer:eu-west-1:111122223333:server/s-…`.
fn region(arn: &str) -> &str {
    arn.split(':').nth(3).unwrap_or_default()
}

fn settings(server: &Server, place: &Place, imported: &mut Imported) {
    let protocols: Vec<&str> = server.protocols.iter().flatten().map(String::as_str).collect();
    imported.settings.listen = vec!["0.0.0.0:21".to_owned(), "[::]:21".to_owned()];
    imported.settings.passive_ports = Some((8192, 8200));
    imported.settings.greeting.clone_from(&server.pre_authentication_login_banner);
    let details = server.protocol_details.clone().unwrap_or_default();
    imported.settings.passive_address =
        details.passive_ip.filter(|address| !matches!(address.as_str(), "" | "AUTO" | "0.0.0.0"));
    if protocols.contains(&"FTPS") {
        let tls = imported.tls();
        tls.certificate = Some("tls/tls.crt".to_owned());
        tls.key = Some("tls/tls.key".to_owned());
        tls.required_control = !protocols.contains(&"FTP");
        tls.required_data = tls.required_control;
        tls.require_session_reuse = details.tls_session_resumption_mode.as_deref() == Some("ENFORCED");
        let name = server.certificate.as_deref().unwrap_or("the certificate");
        imported.remark(place, format!("{name} stays in the certificate manager: put a certificate and its key to tls/tls.crt and tls/tls.key"));
    }
    for protocol in protocols.iter().filter(|protocol| !matches!(**protocol, "FTP" | "FTPS")) {
        imported.remark(place, format!("Wharf does not speak {protocol}"));
    }
    if let Some(kind) = server.identity_provider_type.as_deref().filter(|kind| *kind != "SERVICE_MANAGED") {
        let text = format!(
            "users of the identity provider {kind} are not printed: `users_from` asks a service (http), a directory service or a database"
        );
        imported.remark(place, text);
    }
    if server.endpoint_type.as_deref().is_some_and(|kind| kind != "PUBLIC") {
        imported
            .remark(place, "the networks around the endpoint are a matter of the machine that Wharf runs on");
    }
    if server.post_authentication_login_banner.as_deref().is_some_and(|text| !text.is_empty()) {
        imported.remark(place, "the reply to a login has no text of your own");
    }
    if server.logging_role.is_some() {
        imported.remark(place, "the log goes to standard error; `audit` writes who did what");
    }
    if server.workflow_details.as_ref().is_some_and(|details| details.to_string().contains("WorkflowId")) {
        imported.remark(place, "`events` tells other programs of files that arrive, in place of workflows");
    }
}

fn user(found: &Described, place: &Place, region: &str, is_efs: bool, imported: &mut Imported) -> User {
    let region = if region.is_empty() { self::region(&found.arn) } else { region };
    let mappings = found.home_directory_mappings.as_deref().unwrap_or_default();
    let targets: Vec<String> = mappings
        .iter()
        .filter(|mapping| mapping.kind.as_deref() != Some("FILE"))
        .map(|mapping| mapping.target.as_str())
        .chain(found.home_directory.as_deref().filter(|_| mappings.is_empty()))
        .map(|target| normalised(&target.replace("${Transfer:UserName}", &found.user_name)))
        .collect();
    let scope =
        policy::Scope { user: &found.user_name, targets: &targets, home: found.home_directory.as_deref() };
    let policy = found.policy.as_deref().filter(|policy| !policy.is_empty());
    let policy = policy.map(|policy| policy::permissions(policy, &scope));
    let (permissions, unclear) = policy.unwrap_or((Permissions::FULL, Vec::new()));
    let filled = |text: &str| text.replace("${Transfer:UserName}", &found.user_name);
    let mut tree =
        |target: &str| tree(&filled(target), region, found.role.as_deref(), is_efs, place, imported);
    let (mut root, mut mounts) = (None, Vec::new());
    let (mut files, mut twice) = (Vec::new(), Vec::new());
    for mapping in mappings {
        let at = normalised(&filled(&mapping.entry));
        if mapping.kind.as_deref() == Some("FILE") {
            files.push(at);
        } else if at == "/" {
            root = Some(tree(&mapping.target));
        } else if mounts.iter().any(|mount: &Mount| mount.at == at) {
            twice.push(at);
        } else {
            mounts.push(Mount { at, tree: tree(&mapping.target), permissions, quota: Quota::default() });
        }
    }
    if mappings.is_empty() {
        root = found.home_directory.as_deref().filter(|home| *home != "/").map(tree);
    }
    let (root, root_permissions) = match root {
        Some(root) => (root, permissions),
        None => {
            let keys = vec![("kind", Node::word("memory")), ("capacity", Node::word("1MiB"))];
            let store = imported.store("nothing", keys, Vec::new());
            (Tree::Stored { store, path: String::new() }, Permissions::LIST)
        }
    };
    let mut user = User::new(&found.user_name, place, Ok(String::new()), View::new(root, root_permissions));
    user.password = Some(Password::File(format!("secrets/{}.hash", found.user_name)));
    user.view.mounts = mounts;
    if user.view.mounts.is_empty() && root_permissions == Permissions::LIST && mappings.is_empty() {
        user.remark(place, "no directory stands there, or all buckets of the role: nothing is shown");
    }
    for at in files {
        user.remark(place, format!("{at} is mapped to a single file, and left out: mounts show directories"));
    }
    for at in twice {
        user.remark(place, format!("{at} is mapped twice: the second one is left out"));
    }
    if found.policy.is_none() {
        user.remark(place, "what the role permits is not printed: the permissions are `full`, and the store refuses what the role may not do");
    }
    for text in unclear {
        user.remark(place, text);
    }
    if found.ssh_public_keys.iter().flatten().next().is_some() {
        user.remark(place, "SshPublicKeys are for SFTP, which Wharf does not speak");
    }
    if found.posix_profile.as_ref().is_some_and(|profile| !profile.is_null()) {
        user.remark(
            place,
            "PosixProfile: Wharf writes as its own account of the machine, for whichever user",
        );
    }
    user
}

/// `/bucket/path`, or `/fs-…/path`.
fn tree(
    target: &str,
    region: &str,
    role: Option<&str>,
    is_efs: bool,
    place: &Place,
    imported: &mut Imported,
) -> Tree {
    let target = normalised(target);
    let (bucket, path) =
        target.trim_start_matches('/').split_once('/').unwrap_or((target.trim_start_matches('/'), ""));
    if is_efs {
        let text = format!("{bucket} is a file system of EFS: mount it at /srv/efs/{bucket}");
        if !imported.remarks.iter().any(|remark| remark.text == text) {
            imported.remark(place, text);
        }
        return Tree::Local { path: normalised(&format!("/srv/efs{target}")), modes: MODES };
    }
    let mut keys = vec![("kind", Node::word("s3")), ("bucket", Node::text(bucket))];
    if !region.is_empty() {
        keys.push(("region", Node::text(region)));
    }
    keys.push(("ambient_credentials", Node::word(true)));
    let mut remarks = Vec::new();
    let mut remark = |text: &str| remarks.push(Remark { place: place.clone(), text: text.to_owned() });
    match role.filter(|role| !role.is_empty()) {
        Some(role) => {
            keys.push(("role_arn", Node::text(role)));
            remark(
                "the role trusts transfer.amazonaws.com: have it trust the role of the machine that Wharf runs on, too",
            );
        }
        None => remark("no role stands there: the credentials are those of the machine that Wharf runs on"),
    }
    if region.is_empty() {
        remark("no region stands there: write `region`");
    }
    Tree::Stored { store: imported.store(bucket, keys, remarks), path: path.to_owned() }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
