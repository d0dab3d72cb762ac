//! Each option of the manuals of other servers is known: carried over, of no effect for clients, or remarked on.

use std::fs;

use crate::support::{installed, wharf};

const SERVERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/.test-tools/servers");

/// What an import says of a configuration with all of these, which are many.
#[track_caller]
fn assert_known(source: &str, name: &str, text: &str, options: &[String]) {
    assert!(options.len() > 50, "the manual has more options than {options:?}");
    let folder = tempfile::tempdir().unwrap();
    let lines: Vec<String> = options.iter().map(|option| text.replace("NAME", option)).collect();
    fs::write(folder.path().join(name), lines.join("\n")).unwrap();
    let import = |file: &str| {
        let made = wharf(["import", source, file]).current_dir(folder.path()).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        String::from_utf8(made.stdout).unwrap()
    };
    let yaml = import(name);
    let unknown: Vec<&str> = yaml.lines().filter(|line| line.contains("that is known here")).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    // One that nobody has heard of is said.
    fs::write(folder.path().join(name), format!("{}\n{}", lines[0], text.replace("NAME", "UnheardOf")))
        .unwrap();
    assert!(import(name).contains("that is known here"));
}

#[test]
fn options_of_the_manual_of_vsftpd() {
    let folder = tempfile::tempdir().unwrap();
    let manual = format!("{SERVERS}/vsftpd/usr/share/man/man5/vsftpd.conf.5.gz");
    let manual = crate::support::Program::new("zcat", folder.path()).arg(manual).run();
    let names = manual.lines().filter_map(|line| line.strip_prefix(".B ")).map(str::trim);
    let is_option = |name: &&str| {
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    let options: Vec<String> = names.filter(is_option).map(str::to_owned).collect();
    assert_known("vsftpd", "vsftpd.conf", "NAME=YES", &options);
}

/// Debian's program has a table of them.
#[test]
fn options_of_pure_ftpd_in_debian() {
    let wrapper = fs::read_to_string(format!("{SERVERS}/pure-ftpd/usr/sbin/pure-ftpd-wrapper")).unwrap();
    let names = wrapper.lines().filter_map(|line| line.split_once('\'')?.1.split_once('\''));
    let entries = names.filter(|(_, rest)| rest.trim_start_matches([',', ' ']).starts_with("=> ["));
    let options: Vec<String> = entries.map(|(name, _)| name.to_owned()).collect();
    assert_known("pure-ftpd", "pure-ftpd.conf", "NAME yes", &options);
}

/// The manual of ProFTPD is not in its package, so the names are those of its own examples.
#[test]
fn directives_of_the_examples_of_proftpd() {
    let folder = tempfile::tempdir().unwrap();
    // The package is there.
    installed("servers/proftpd/usr/sbin/ftpasswd", folder.path());
    let mut options = Vec::new();
    for name in ["proftpd.conf", "tls.conf", "virtuals.conf"] {
        let text =
            fs::read_to_string(format!("{SERVERS}/proftpd/usr/share/proftpd/templates/{name}")).unwrap();
        for line in text.lines() {
            let line = line.trim_start_matches(['#', ' ', '\t']);
            let word = line.split_whitespace().next().unwrap_or_default();
            let is_name = word.chars().skip(1).any(char::is_uppercase)
                && word.chars().all(|c| c.is_ascii_alphanumeric())
                && line.split_whitespace().count() < 5;
            // The last one is a slip of the pen.
            if is_name && !["Include", "CA", "MultilineRFC2228on"].contains(&word) {
                options.push(word.to_owned());
            }
        }
    }
    options.sort();
    options.dedup();
    assert_known("proftpd", "proftpd.conf", "NAME yes", &options);
}
