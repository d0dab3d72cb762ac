//! Files of users that the programs of other servers have written: after an import, the same users log in with the same passwords.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Program, Setup, installed, login, wharf};

mod options;

const PASSWORD: &str = "correct horse";
const PURE_PW: &str = "servers/pure-ftpd/usr/bin/pure-pw";

/// What `wharf import` makes of these, which `wharf check` accepts.
#[track_caller]
fn imported(folder: &Path, arguments: &[&str]) -> String {
    let ran = wharf(["import"]).args(arguments).current_dir(folder).output().unwrap();
    let (yaml, told) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    assert!(ran.status.success(), "{told}");
    let file = folder.join("made.yaml");
    fs::write(&file, &yaml).unwrap();
    let checked = wharf(["check", "--config"]).arg(&file).output().unwrap();
    assert!(checked.status.success(), "{}\n{yaml}", String::from_utf8_lossy(&checked.stderr));
    yaml
}

/// A server with the storages and users of an import, at a port of the tests.
fn setup(yaml: &str) -> Setup {
    let at = yaml.find("\nbackends:").unwrap();
    Setup::new(&yaml[at..])
}

#[track_caller]
fn lets_in(yaml: &str, users: &[&str]) {
    let setup = setup(yaml);
    let server = setup.start();
    for user in users {
        assert_eq!(login(&server, user, PASSWORD), 230, "{user}");
        assert_eq!(login(&server, user, "wrong"), 530, "{user}");
    }
    assert_eq!(login(&server, "nobody", PASSWORD), 530);
}

/// Users of pure-pw with homes of their own, in its file and in its index.
fn with_pure_pw(folder: &Path) {
    for (user, more) in
        [("anna", &["-r", "127.0.0.0/8"][..]), ("bob", &["-r", "192.0.2.0/24"]), ("carl", &[])]
    {
        let home = folder.join("homes").join(user);
        fs::create_dir_all(&home).unwrap();
        // It is not theirs: what they may do there follows from its mode.
        fs::set_permissions(&home, Permissions::from_mode(0o777)).unwrap();
        installed(PURE_PW, folder)
            .args(["useradd", user, "-f", "pureftpd.passwd", "-u", "1000", "-g", "1000", "-d"])
            .arg(home)
            .args(more.iter().copied())
            .input(&format!("{PASSWORD}\n{PASSWORD}\n"))
            .run();
    }
    installed(PURE_PW, folder).args(["mkdb", "pureftpd.pdb", "-f", "pureftpd.passwd"]).run();
}

#[test]
fn users_of_pure_pw_log_in_from_where_they_may() {
    let folder = tempfile::tempdir().unwrap();
    with_pure_pw(folder.path());
    let of_file = imported(folder.path(), &["pure-ftpd", "pureftpd.passwd"]);
    let of_index = imported(folder.path(), &["pure-ftpd", "pureftpd.pdb"]);
    let without_comments = |yaml: &str| -> Vec<String> {
        yaml.lines().filter(|line| !line.trim_start().starts_with('#')).map(str::to_owned).collect()
    };
    assert_eq!(without_comments(&of_file), without_comments(&of_index));
    lets_in(&of_index, &["anna", "carl"]);
    let setup = setup(&of_file);
    let server = setup.start();
    assert_eq!(login(&server, "bob", PASSWORD), 530, "he may not come from here");
    let mut client = server.login_as("carl", PASSWORD);
    client.store("file", b"his own");
    assert_eq!(fs::read(folder.path().join("homes/carl/file")).unwrap(), b"his own");
}

#[test]
fn users_of_htpasswd_log_in() {
    let folder = tempfile::tempdir().unwrap();
    let libraries = format!(
        "{}/.test-tools/servers/apache2-utils/usr/lib/{}-linux-gnu",
        env!("CARGO_MANIFEST_DIR"),
        std::env::consts::ARCH
    );
    for (user, how) in [("anna", "-cbB"), ("bob", "-b5"), ("carl", "-b2")] {
        installed("servers/apache2-utils/usr/bin/htpasswd", folder.path())
            .env("LD_LIBRARY_PATH", &libraries)
            .args([how, "users", user, PASSWORD])
            .run();
        fs::create_dir_all(folder.path().join("homes").join(user)).unwrap();
    }
    let homes = folder.path().join("homes");
    let yaml = imported(folder.path(), &["passwd", "users", "--homes", homes.to_str().unwrap()]);
    lets_in(&yaml, &["anna", "bob", "carl"]);
}

#[test]
fn users_of_ftpasswd_log_in() {
    let folder = tempfile::tempdir().unwrap();
    for (user, uid, how) in [("anna", "1001", "--sha512"), ("bob", "1002", "--sha256")] {
        let home = folder.path().join("homes").join(user);
        fs::create_dir_all(&home).unwrap();
        installed("servers/proftpd/usr/sbin/ftpasswd", folder.path())
            .args(["--passwd", "--stdin", how, "--file", "users", "--name", user, "--uid", uid, "--gid", uid])
            .args(["--shell", "/bin/sh", "--home"])
            .arg(home)
            .input(&format!("{PASSWORD}\n"))
            .run();
    }
    let users = folder.path().join("users");
    fs::write(
        folder.path().join("proftpd.conf"),
        format!(
            "AuthUserFile {}\nAuthOrder mod_auth_file.c\nDefaultRoot ~\nRequireValidShell off\n\
             <Limit LOGIN>\n  Order allow,deny\n  DenyUser bob\n</Limit>\n",
            users.display()
        ),
    )
    .unwrap();
    let yaml = imported(folder.path(), &["proftpd", "proftpd.conf"]);
    lets_in(&yaml, &["anna"]);
    assert!(!yaml.lines().any(|line| line.trim() == "- name: bob"), "{yaml}");
}

/// An account of the system with this home and [`PASSWORD`].
fn with_account_of_the_system(folder: &Path) {
    let home = folder.join("home");
    fs::create_dir(&home).unwrap();
    fs::write(folder.join("passwd"), format!("anna:x:1000:1000:Anna:{}:/bin/sh\n", home.display())).unwrap();
    let hash = Program::new("openssl", folder).args(["passwd", "-6", "-stdin"]).input(PASSWORD).run();
    fs::write(folder.join("shadow"), format!("anna:{}:19000:0:99999:7:::\n", hash.trim())).unwrap();
}

/// The configurations that Debian's packages bring let users of the system in.
#[test]
fn users_of_the_system_log_in() {
    let folder = tempfile::tempdir().unwrap();
    with_account_of_the_system(folder.path());
    let servers = concat!(env!("CARGO_MANIFEST_DIR"), "/.test-tools/servers");
    for (source, file) in [
        ("vsftpd", "vsftpd/etc/vsftpd.conf"),
        ("proftpd", "proftpd/usr/share/proftpd/templates/proftpd.conf"),
        ("pure-ftpd", "pure-ftpd/etc/pure-ftpd/conf"),
    ] {
        let file = format!("{servers}/{file}");
        lets_in(&imported(folder.path(), &[source, &file, "passwd", "shadow"]), &["anna"]);
    }
}

#[test]
fn what_is_there_is_replaced_whole_if_at_all() {
    let folder = tempfile::tempdir().unwrap();
    with_account_of_the_system(folder.path());
    let import = |more: &[&str]| {
        let mut command = wharf(["import", "passwd", "passwd", "shadow"]);
        command.args(more).current_dir(folder.path());
        command
    };
    let made = folder.path().join("made.yaml");
    fs::write(&made, "before").unwrap();
    fs::set_permissions(&made, Permissions::from_mode(0o644)).unwrap();
    let refused = import(&["--output", "made.yaml"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("`--force` replaces it"));
    assert_eq!(fs::read_to_string(&made).unwrap(), "before");
    assert!(import(&["--output", "made.yaml", "--force"]).output().unwrap().status.success());
    assert!(fs::read_to_string(&made).unwrap().contains("name: anna"));
    let mode = fs::metadata(&made).unwrap().permissions().mode();
    assert_eq!(mode & 0o7, 0, "hashes are for nobody else to read: {mode:o}");
    // A disk that is full.
    let full = File::options().write(true).open("/dev/full").unwrap();
    let broken = import(&[]).stdout(full).output().unwrap();
    assert_eq!(broken.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&broken.stderr).contains("can't write to standard output"));
}

/// Other servers beside Wharf, which has what was imported of their configurations: the same commands, and the same files at the end.
mod native_only {
    mod everyday;
    mod machine;
    mod proftpd;
    mod pure_ftpd;
    mod script;
    mod vsftpd;

    /// The accounts of the machine.
    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash
daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
ftp:x:4000:4000::/srv/ftp:/usr/sbin/nologin
anna:x:4001:4001:Anna:/srv/homes/anna:/bin/sh
bob:x:4002:4002:Bob:/srv/homes/bob:/bin/sh
carl:x:4003:4003:Carl:/srv/homes/carl:/bin/sh
dora:x:4004:4004:Dora:/srv/homes/dora:/usr/sbin/nologin
emil:x:4005:4005:Emil:/srv/homes/emil:/bin/sh
";

    /// The hash of `correct`, which is the password of everybody.
    const HASH: &str =
        "$6$saltsalt$VFNygchiuqzGiJ9btXBYiRPWRSB8Mft4djhLapjuz82wz4q5uySRx4UUVvzmJaOudXyOkZbCLlWgcj/gdgAe.1";

    fn shadow() -> String {
        let of = |name: &str| format!("{name}:{HASH}:19000:0:99999:7:::\n");
        ["anna", "bob", "carl", "dora", "emil"].map(of).concat()
    }
}

/// Whoever may not look into a directory does not know what the modes in it refuse.
#[test]
fn somebody_who_may_not_look_everywhere_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("homes/anna");
    fs::create_dir_all(home.join("closed/in")).unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let users = format!("anna:x:4242:4242::{}:/bin/sh\n", home.display());
    fs::write(folder.path().join("passwd"), users).unwrap();
    fs::write(folder.path().join("vsftpd.conf"), "local_enable=YES\nwrite_enable=YES\n").unwrap();
    let told = |mode: u32| {
        fs::set_permissions(home.join("closed"), Permissions::from_mode(mode)).unwrap();
        // Root may look everywhere.
        let mut import = std::process::Command::new("setpriv");
        import.args(["--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]);
        let program = wharf(["import"]);
        let ran = import.arg(program.get_program()).args(["import", "vsftpd", "vsftpd.conf", "passwd"]);
        let ran = ran.current_dir(folder.path()).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        String::from_utf8(ran.stdout).unwrap().contains("could not be looked into, such as ")
    };
    assert!(told(0o311));
    assert!(!told(0o711));
}
