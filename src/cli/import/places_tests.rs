use super::*;
use crate::config::Permissions;

const MODES: Modes = Modes { file: 0o600, directory: 0o700 };

fn of(directories: &[&str]) -> Imported {
    let mut imported = Imported::default();
    for path in directories {
        let tree = Tree::Local { path: (*path).to_owned(), modes: MODES };
        let place = super::super::model::Place { file: "passwd".into(), line: 1 };
        let view = View::new(tree, Permissions::FULL);
        imported.users.push(super::super::model::User::new("name", &place, Ok(String::new()), view));
    }
    imported
}

/// Each directory as backend, root and path.
fn shown(directories: &[&str]) -> Vec<String> {
    let imported = of(directories);
    let places = Places::of(&imported);
    let show = |user: &super::super::model::User| {
        let spot = places.spot(&user.view.tree);
        let disk = places.disks.iter().find(|disk| disk.name == spot.backend).unwrap();
        format!("{} {} {}", disk.name, disk.root, spot.path).trim_end().to_owned()
    };
    imported.users.iter().map(show).collect()
}

#[test]
fn homes_beside_each_other_share_a_backend() {
    assert_eq!(shown(&["/home/anna", "/home/bob"]), ["home /home anna", "home /home bob"]);
}

#[test]
fn a_directory_that_stands_alone_is_a_root() {
    assert_eq!(shown(&["/srv/ftp", "/srv/ftp"]), ["ftp /srv/ftp", "ftp /srv/ftp"]);
}

#[test]
fn the_root_of_the_machine_is_no_backend_by_accident() {
    assert_eq!(shown(&["/data", "/srv"]), ["data /data", "srv /srv"]);
    assert_eq!(shown(&["/", "/srv"]), ["machine /", "srv /srv"]);
}

#[test]
fn what_lies_in_a_root_has_none_of_its_own() {
    assert_eq!(
        shown(&["/srv/ftp", "/srv/ftp/in/a", "/var/x", "/opt/x"]),
        ["ftp /srv/ftp", "ftp /srv/ftp in/a", "x-2 /var/x", "x /opt/x"]
    );
}
