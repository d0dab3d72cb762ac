//! `proftpd`: `proftpd.conf` with all that it includes, the accounts of its files, or of the system.

mod access_files;
mod anonymous;
mod conditions;
mod limits;
mod logins;
mod rights;
mod settings;
mod syntax;
mod tls;
mod unclear;
mod users;

use std::path::PathBuf;

use self::syntax::Block;
use super::Options;
use super::accounts::Accounts;
use super::inputs::Input;
use super::model::Imported;

pub(super) fn read(files: &[PathBuf], options: &Options) -> Result<Imported, String> {
    let (mut imported, mut accounts, mut root) = (Imported::default(), Accounts::default(), None);
    let mut main = None;
    for file in files {
        let input = Input::read(file)?;
        if accounts.add(&input, &mut imported.remarks)? {
            continue;
        }
        if root.is_some() {
            return Err(format!(
                "{} is neither a file of accounts nor the first proftpd.conf",
                file.display()
            ));
        }
        root = Some(syntax::read(&input, options, &mut imported)?);
        main = Some(input.place(0));
    }
    let (Some(root), Some(main)) = (root, main) else {
        return Err("none of the files is a proftpd.conf".to_owned());
    };
    if !root.directives.iter().any(|directive| settings::is_known(&directive.name)) && root.blocks.is_empty()
    {
        return Err(format!("{main} has no directive of ProFTPD"));
    }
    accounts.finish();
    let hosts = hosts(&root);
    for (number, host) in hosts.iter().enumerate() {
        settings::server(host, number == 0, &mut imported);
    }
    settings::left_out(&root, &mut imported);
    for host in &hosts {
        users::add(host, &accounts, &main, options, &mut imported)?;
    }
    Ok(imported)
}

/// The servers: the one outside of all blocks, and each `<VirtualHost>`, all with what `<Global>` says. A server that speaks SFTP
/// is none of ours.
fn hosts(root: &Block) -> Vec<Block> {
    let is_named = |block: &&Block, name: &str| block.name == name;
    let global: Vec<&Block> = root.blocks.iter().filter(|block| is_named(block, "global")).collect();
    let mut first = root.clone();
    first.blocks.retain(|block| !matches!(block.name.as_str(), "global" | "virtualhost"));
    let mut hosts = vec![first];
    hosts.extend(root.blocks.iter().filter(|block| is_named(block, "virtualhost")).cloned());
    for host in &mut hosts {
        for global in &global {
            // What stands in the server itself counts before it.
            let more: Vec<_> = global
                .directives
                .iter()
                .filter(|directive| host.get(&directive.name).is_none())
                .cloned()
                .collect();
            host.directives.extend(more);
            host.blocks.extend(global.blocks.iter().cloned());
        }
    }
    hosts.retain(|host| !host.is_on("sftpengine", false));
    hosts
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
