use super::*;

const FILE: &str = "\
# of the team
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key=a/b+c=#;d
[Scans]
aws_access_key_id=AKIASCANS
aws_secret_access_key = secret
aws_session_token = token==
region = eu-west-1
[role]
role_arn = arn:aws:iam::111122223333:role/ftp
source_profile = default
[sso]
sso_session = corp
[half]
aws_access_key_id = AKIAHALF
[empty]
aws_access_key_id = AKIAEMPTY
aws_secret_access_key =
[odd]
aws_access_key_id = AKIA ODD
aws_secret_access_key = secret
";

fn read(name: &str) -> Result<AwsCredential, String> {
    Profile { file: PathBuf::new(), name: name.to_owned() }.parse(FILE)
}

#[test]
fn profiles() {
    let expect = |name: &str, id: &str, secret: &str, token: Option<&str>| {
        let expected = AwsCredential {
            key_id: id.to_owned(),
            secret_key: secret.to_owned(),
            token: token.map(str::to_owned),
        };
        assert!(read(name).unwrap() == expected, "{name}");
    };
    expect("default", "AKIADEFAULT", "a/b+c=#;d", None);
    expect("Scans", "AKIASCANS", "secret", Some("token=="));
    for (name, reason) in [
        ("scans", "there is no profile [scans] in it"),
        ("role", "the profile [role] names a role; `role_arn` of the backend does that"),
        ("sso", "the profile [sso] has its keys from elsewhere; only keys in the file do"),
        ("half", "the profile [half] has no aws_secret_access_key"),
        ("empty", "the profile [empty] has no aws_secret_access_key"),
        ("odd", "the profile [odd] has a key with signs that no key has"),
    ] {
        assert_eq!(read(name).unwrap_err(), reason);
    }
    let broken = Profile { file: PathBuf::new(), name: "a".to_owned() }.parse("[a\naws_secret = hunter2\n");
    assert_eq!(broken.unwrap_err(), "this is no file of profiles");
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| Profile { file: folder.path().join(name), name: "default".to_owned() };
    let reason = |name: &str| at(name).check().unwrap_err();
    assert!(
        reason("none").starts_with(&format!("{}: ", folder.path().join("none").display())),
        "{}",
        reason("none")
    );
    std::fs::write(folder.path().join("bytes"), b"[default]\n\xff").unwrap();
    assert!(reason("bytes").ends_with("it is not valid UTF-8"));
    std::fs::write(folder.path().join("long"), " ".repeat(2 << 20)).unwrap();
    assert!(reason("long").ends_with("the file is larger than 1048576 bytes"));
    std::fs::write(folder.path().join("right"), FILE).unwrap();
    at("right").check().unwrap();
}

/// The clock stands still but for what is told to it.
#[tokio::test(start_paused = true)]
async fn keys_that_change() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("credentials");
    let write = |id: &str| {
        std::fs::write(&file, format!("[p]\naws_access_key_id={id}\naws_secret_access_key=s\n")).unwrap();
    };
    let keys = ProfileKeys::new(Profile { file: file.clone(), name: "p".to_owned() });
    let error = keys.get_credential().await.unwrap_err();
    assert!(error.to_string().contains("the credentials file"), "{error}");
    write("one");
    let id = async || keys.get_credential().await.unwrap().key_id.clone();
    assert_eq!(id().await, "one");
    write("two");
    assert_eq!(id().await, "one");
    tokio::time::advance(FRESH).await;
    assert_eq!(id().await, "two");
    // Somebody writes it anew, and it is not whole for a moment.
    std::fs::write(&file, "[p]\naws_access").unwrap();
    tokio::time::advance(FRESH).await;
    assert_eq!(id().await, "two");
    std::fs::remove_file(&file).unwrap();
    tokio::time::advance(FRESH).await;
    assert_eq!(id().await, "two");
    write("three");
    tokio::time::advance(FRESH).await;
    assert_eq!(id().await, "three");
}
