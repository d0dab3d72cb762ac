use super::*;

#[test]
fn only_whole_addresses_are_read() {
    let read = |text: &str| parse(text).ok().map(|address| address.to_string());
    assert_eq!(read("|1|127.0.0.1|2000|").unwrap(), "127.0.0.1:2000");
    assert_eq!(read("|2|::1|2000|").unwrap(), "[::1]:2000");
    assert_eq!(read("!2!::1!2000!").unwrap(), "[::1]:2000");
    for bad in [
        "",
        "|",
        "||||",
        "|1|::1|2000|",
        "|2|127.0.0.1|2000|",
        "|3|x|1|",
        "|1|127.0.0.1|65536|",
        "1|127.0.0.1|1|",
    ] {
        assert_eq!(read(bad), None, "{bad}");
    }
}
