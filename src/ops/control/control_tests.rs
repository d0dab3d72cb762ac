use std::os::unix::fs::PermissionsExt;
use std::{fs, io};

use super::*;

#[test]
fn a_socket_is_for_its_owner_alone_and_takes_the_place_of_one_that_is_left_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    let first = bind(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse, "it is in use");
    drop(first);
    bind(&path).unwrap();
}

#[test]
fn a_file_of_another_kind_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control.sock");
    fs::write(&path, "mine").unwrap();
    assert!(bind(&path).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

#[test]
fn names_are_unique_and_arguments_stand_beside_the_command() {
    let mut names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), ROWS.len());
    let request: Request = serde_json::from_str(r#"{"command":"x","name":"anna"}"#).unwrap();
    assert_eq!((request.command.as_str(), &request.arguments["name"]), ("x", &Value::from("anna")));
}
