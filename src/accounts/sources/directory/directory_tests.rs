use std::fs;
use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;
use crate::accounts::testing::{configured, storages};

/// A directory of users, and what is known of it.
struct Users {
    folder: TempDir,
    maker: Arc<Maker>,
    entries: Entries,
    above: Arc<HashMap<String, Arc<Account>>>,
}

impl Users {
    fn new() -> Self {
        let config = configured([]);
        let maker = Arc::new(Maker::new(&config, &storages(), &Arc::default()));
        let folder = tempfile::tempdir().unwrap();
        Self { folder, maker, entries: config.entries.clone(), above: Arc::default() }
    }

    fn open(&self, before: Option<&dyn Source>) -> Directory {
        self.try_open(before).unwrap()
    }

    fn try_open(&self, before: Option<&dyn Source>) -> io::Result<Directory> {
        Directory::open(self.folder.path(), &self.entries, &self.maker, &self.above, &[], before)
    }

    fn write(&self, file: &str, text: &str) {
        // Another file in its place, as a tool would do it: two versions within a tick of the clock differ all the same.
        let new = self.folder.path().join(".new");
        fs::write(&new, text).unwrap();
        fs::rename(new, self.folder.path().join(file)).unwrap();
    }

    fn user(&self, file: &str, name: &str, password: &str) {
        self.write(file, &format!("name: {name}\npassword: {password}\nplain: true\nbackend: memory\n"));
    }
}

/// The password of a user, if there is one.
fn password(directory: &Directory, name: &str) -> Option<String> {
    match directory.find(name)?.password.clone()? {
        Password::Plain(secret) => Some(secret.expose().to_owned()),
        Password::Hash(_) => None,
    }
}

fn look_at(directory: &Directory, files: &[&str]) -> Vec<String> {
    let names = files.iter().map(|name| (*name).to_owned()).collect();
    directory.look(&Look::Files { directory: directory.path.clone(), names })
}

#[test]
fn all_files_count_however_many_there_are() {
    let users = Users::new();
    for number in 0..PART {
        users.user(&format!("{number:06}.yaml"), &format!("user-{number}"), "p");
    }
    // The first one by its name counts.
    users.user("last.yaml", "user-0", "another");
    users.user("zoe.yaml", "zoe", "z");
    let directory = users.open(None);
    assert_eq!((directory.users(), directory.wrong()), (PART + 1, 1));
    assert_eq!(password(&directory, "user-0").as_deref(), Some("p"));
    assert_eq!(password(&directory, "zoe").as_deref(), Some("z"));
    assert_eq!(directory.look(&Look::All), Vec::<String>::new());
}

#[test]
fn files_come_change_and_go() {
    let users = Users::new();
    users.user("anna.yaml", "anna", "a");
    users.write("more.json", r#"[{"name":"bert","password":"b","plain":true,"backend":"memory"},{"name":"carl","password":"c","plain":true,"backend":"memory"}]"#);
    users.write("README", "not read");
    users.write(".hidden.yaml", "not read");
    let directory = users.open(None);
    assert_eq!((directory.users(), directory.wrong()), (3, 0));
    users.user("anna.yaml", "anna", "x");
    users.user("dora.yaml", "dora", "d");
    fs::remove_file(users.folder.path().join("more.json")).unwrap();
    assert_eq!(look_at(&directory, &["anna.yaml"]), ["anna"]);
    assert_eq!(password(&directory, "anna").as_deref(), Some("x"));
    assert!(directory.find("dora").is_none(), "nobody looked there");
    assert_eq!(directory.look(&Look::All), ["bert", "carl", "dora"]);
    assert_eq!((directory.users(), password(&directory, "bert")), (2, None));
    assert_eq!(directory.look(&Look::All), Vec::<String>::new());
}

#[test]
fn a_wrong_file_changes_nothing_and_nobody_else() {
    let users = Users::new();
    users.user("anna.yaml", "anna", "a");
    users.user("bert.yaml", "bert", "b");
    let directory = users.open(None);
    users.write("anna.yaml", "name: anna\npassword: x\nplain: true\nbackend: nowhere\n");
    users.user("bert.yaml", "bert", "x");
    users.write("new.yaml", "name: [\n");
    assert_eq!(directory.look(&Look::All), ["bert"]);
    assert_eq!(password(&directory, "anna").as_deref(), Some("a"));
    assert_eq!(directory.wrong(), 2);
    // The next world keeps what was known of the wrong file.
    let next = users.open(Some(&directory));
    assert_eq!((password(&next, "anna").as_deref(), next.wrong()), (Some("a"), 2));
    assert_eq!(users.open(None).users(), 1, "without it nobody knows");
    users.user("anna.yaml", "anna", "y");
    fs::remove_file(users.folder.path().join("new.yaml")).unwrap();
    next.look(&Look::All);
    assert_eq!((password(&next, "anna").as_deref(), next.wrong()), (Some("y"), 0));
}

#[test]
fn of_several_that_define_a_user_the_first_counts() {
    let users = Users::new();
    users.user("b.yaml", "anna", "b");
    users.user("a.yaml", "anna", "a");
    let directory = users.open(None);
    assert_eq!((password(&directory, "anna").as_deref(), directory.wrong()), (Some("a"), 1));
    fs::remove_file(users.folder.path().join("a.yaml")).unwrap();
    assert_eq!(look_at(&directory, &["a.yaml"]), ["anna"]);
    assert_eq!((password(&directory, "anna").as_deref(), directory.wrong()), (Some("b"), 0));
    users.user("a.yaml", "other", "o");
    assert_eq!(look_at(&directory, &["a.yaml"]), ["other"]);
    assert_eq!(directory.users(), 2);
}

/// As Kubernetes mounts ConfigMaps and Secrets.
#[test]
fn all_files_are_swapped_by_one_link() {
    let users = Users::new();
    let at = |name: &str| users.folder.path().join(name);
    for (version, password) in [("..first", "one"), ("..second", "two")] {
        fs::create_dir(at(version)).unwrap();
        users.user(&format!("{version}/anna.yaml"), "anna", password);
    }
    symlink("..first", at("..data")).unwrap();
    symlink("..data/anna.yaml", at("anna.yaml")).unwrap();
    let directory = users.open(None);
    assert_eq!((password(&directory, "anna").as_deref(), directory.users()), (Some("one"), 1));
    symlink("..second", at("..data_tmp")).unwrap();
    fs::rename(at("..data_tmp"), at("..data")).unwrap();
    assert_eq!(directory.look(&Look::All), ["anna"]);
    assert_eq!(password(&directory, "anna").as_deref(), Some("two"));
}

#[test]
fn a_secret_that_changes_is_read_again() {
    let users = Users::new();
    users.write("secret", "first");
    users.write("anna.yaml", "{ name: anna, password: { file: secret }, plain: true, backend: memory }");
    let directory = users.open(None);
    assert_eq!(password(&directory, "anna").as_deref(), Some("first"));
    users.write("secret", "second");
    assert_eq!(directory.look(&Look::All), ["anna"]);
    assert_eq!(password(&directory, "anna").as_deref(), Some("second"));
}

#[test]
fn a_directory_that_is_gone_ends_nobody() {
    let users = Users::new();
    users.user("anna.yaml", "anna", "a");
    let directory = users.open(None);
    let path = users.folder.path().to_owned();
    drop(users);
    assert!(!path.exists());
    assert_eq!(directory.look(&Look::All), Vec::<String>::new());
    assert_eq!((directory.users(), directory.wrong()), (1, 1));
}

#[test]
fn many_files_are_read_by_many_threads() {
    let users = Users::new();
    for number in 0..300 {
        users.user(&format!("{number}.yaml"), &format!("user{number}"), "x");
    }
    assert_eq!(users.open(None).users(), 300);
}

/// Whoever may not look into a directory, or at its files, knows nothing of them: they are not gone.
#[test]
fn what_cannot_be_looked_at_is_not_gone() {
    use std::os::unix::fs::PermissionsExt;
    if rustix::process::geteuid().is_root() {
        // Root may look everywhere; a link in a circle can't be followed by anybody.
        let users = Users::new();
        users.user("anna.yaml", "anna", "a");
        let directory = users.open(None);
        let link = users.folder.path().join("anna.yaml");
        fs::remove_file(&link).unwrap();
        symlink(&link, &link).unwrap();
        assert_eq!(directory.look(&Look::All), Vec::<String>::new());
        assert_eq!((password(&directory, "anna").as_deref(), directory.wrong()), (Some("a"), 1));
        let after = users.open(Some(&directory));
        assert_eq!((password(&after, "anna").as_deref(), after.wrong()), (Some("a"), 1));
        fs::remove_file(&link).unwrap();
        assert_eq!(after.look(&Look::All), ["anna"]);
        assert_eq!((after.users(), after.wrong()), (0, 0));
        return;
    }
    let users = Users::new();
    users.user("anna.yaml", "anna", "a");
    let directory = users.open(None);
    let set = |mode| fs::set_permissions(users.folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    set(0o600);
    assert_eq!(directory.look(&Look::All), Vec::<String>::new());
    assert_eq!((password(&directory, "anna").as_deref(), directory.wrong()), (Some("a"), 1));
    set(0o000);
    assert!(users.try_open(Some(&directory)).is_err(), "nobody knows who is there");
    set(0o700);
}

#[test]
fn a_directory_that_is_gone_can_not_be_opened() {
    let users = Users::new();
    users.user("anna.yaml", "anna", "a");
    let directory = users.open(None);
    fs::remove_dir_all(users.folder.path()).unwrap();
    assert!(users.try_open(Some(&directory)).is_err(), "an empty reading would end the sessions of all");
    fs::create_dir(users.folder.path()).unwrap();
}

#[test]
fn a_pipe_is_wrong_and_nobody_waits_for_it() {
    let users = Users::new();
    let pipe = users.folder.path().join("pipe.yaml");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    assert_eq!(users.open(None).wrong(), 1);
}
