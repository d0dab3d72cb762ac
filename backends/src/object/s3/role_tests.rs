use super::*;

#[test]
fn forms() {
    let mut role = Role {
        arn: "arn:aws:iam::1:role/a b".to_owned(),
        session_name: None,
        external_id: None,
        endpoint: None,
    };
    let start =
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%20b&RoleSessionName=";
    assert_eq!(role.form(), format!("{start}wharf&DurationSeconds=3600"));
    role.session_name = Some("ftp@a".to_owned());
    role.external_id = Some("x/1".to_owned());
    assert_eq!(role.form(), format!("{start}ftp%40a&DurationSeconds=3600&ExternalId=x%2F1"));
}

#[test]
fn token_services() {
    for (endpoint, host, region, expected) in [
        (None, "", "eu-west-1", "https://sts.eu-west-1.amazonaws.com"),
        (None, "", "cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"),
        (
            Some("https://s3.x"),
            "s3.fips.us-east-1.amazonaws.com",
            "us-east-1",
            "https://sts.us-east-1.amazonaws.com",
        ),
        (
            Some("https://s3.x"),
            "s3.cn-north-1.amazonaws.com.cn",
            "cn-north-1",
            "https://sts.cn-north-1.amazonaws.com.cn",
        ),
        (Some("https://minio:9000"), "minio", "us-east-1", "https://minio:9000"),
    ] {
        assert_eq!(token_service(endpoint, host, region), expected);
    }
}
