use super::super::Source;
use super::super::tests::{assert_remark, import};
use crate::config::Permissions;

const SERVER: &str = r#"{
    "Server": {
        "Arn": "arn:aws:transfer:eu-west-1:111122223333:server/s-01234567890abcdef",
        "Certificate": "arn:aws:acm:eu-west-1:111122223333:certificate/aa",
        "ProtocolDetails": { "PassiveIp": "192.0.2.10", "TlsSessionResumptionMode": "ENFORCED", "SetStatOption": "DEFAULT" },
        "Domain": "S3",
        "EndpointType": "VPC",
        "IdentityProviderType": "AWS_LAMBDA",
        "LoggingRole": "arn:aws:iam::111122223333:role/log",
        "PreAuthenticationLoginBanner": "Welcome\nto acme",
        "Protocols": ["FTPS", "SFTP"],
        "SecurityPolicyName": "TransferSecurityPolicy-2018-11",
        "ServerId": "s-01234567890abcdef",
        "State": "ONLINE",
        "Tags": [],
        "UserCount": 2
    }
}"#;

const USER: &str = r#"{
    "ServerId": "s-01234567890abcdef",
    "User": {
        "Arn": "arn:aws:transfer:eu-west-1:111122223333:user/s-01234567890abcdef/anna",
        "HomeDirectoryMappings": [
            { "Entry": "/", "Target": "/acme-lake/homes/${Transfer:UserName}" },
            { "Entry": "/archive", "Target": "/acme-archive", "Type": "DIRECTORY" },
            { "Entry": "/one.txt", "Target": "/acme-archive/one.txt", "Type": "FILE" }
        ],
        "HomeDirectoryType": "LOGICAL",
        "Policy": "{\"Statement\": [{\"Effect\": \"Allow\", \"Action\": [\"s3:ListBucket\", \"s3:GetObject\"], \"Resource\": \"*\"}]}",
        "Role": "arn:aws:iam::111122223333:role/ftp",
        "SshPublicKeys": [{ "SshPublicKeyId": "key-1", "SshPublicKeyBody": "ssh-rsa AAAA" }],
        "Tags": [],
        "UserName": "anna"
    }
}"#;

const USERS: &str = r#"{
    "ServerId": "s-01234567890abcdef",
    "Users": [
        { "Arn": "arn:aws:transfer:eu-west-1:111122223333:user/s-01/anna", "HomeDirectoryType": "LOGICAL", "UserName": "anna" },
        { "Arn": "arn:aws:transfer:eu-west-1:111122223333:user/s-01/bob",
          "HomeDirectory": "/acme-lake/homes/bob", "HomeDirectoryType": "PATH", "Role": "arn:aws:iam::111122223333:role/ftp",
          "SshPublicKeyCount": 1, "UserName": "bob" }
    ]
}"#;

#[test]
fn mappings_are_trees_of_buckets() {
    let (text, imported) = import(
        Source::TransferFamily,
        &[("server.json", SERVER), ("anna.json", USER), ("users.json", USERS)],
    )
    .unwrap();
    let names: Vec<_> = imported.users.iter().map(|user| user.name.as_str()).collect();
    assert_eq!(names, ["anna", "bob"]);
    let anna = &imported.users[0];
    assert_eq!(anna.view.permissions, Permissions::READ_ONLY);
    assert_eq!(anna.view.mounts.len(), 1);
    assert!(text.contains("path: homes/anna") && text.contains("path: homes/bob"), "{text}");
    assert!(
        text.contains("region: eu-west-1")
            && text.contains("role_arn: \"arn:aws:iam::111122223333:role/ftp\""),
        "{text}"
    );
    assert!(text.contains("password: { file: secrets/anna.hash }"), "{text}");
    // One bucket by one role is one backend.
    assert_eq!(imported.stores.len(), 2);
    assert!(text.contains("mode: required\n"), "{text}");
    assert!(text.contains("passive: { ports: 8192-8200, address: \"192.0.2.10\" }"), "{text}");
    assert!(text.contains("greeting: Welcome\n"), "{text}");
    assert_remark(&text, "anna.json", 15, "/one.txt");
    assert_remark(&text, "anna.json", 15, "SFTP");
    assert_remark(&text, "users.json", 7, "only listed");
    assert!(text.contains("AWS_LAMBDA"), "{text}");
}

#[test]
fn file_systems_are_directories() {
    let server = SERVER.replace("\"S3\"", "\"EFS\"");
    let user = USER.replace("/acme-lake", "/fs-1");
    let (text, imported) =
        import(Source::TransferFamily, &[("server.json", &server), ("anna.json", &user)]).unwrap();
    assert!(text.contains("root: /srv/efs/fs-1/homes/anna"), "{text}");
    assert!(imported.stores.is_empty());
}

#[test]
fn another_shape_is_an_error() {
    for text in ["{}", "[]", r#"{"User": 7}"#, r#"{"users": []}"#] {
        import(Source::TransferFamily, &[("file.json", text)]).map(|_| ()).unwrap_err();
    }
}
