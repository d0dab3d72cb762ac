use super::*;

#[test]
fn only_whole_addresses_are_read() {
    assert_eq!(parse("127,0,0,1,7,208").unwrap().to_string(), "127.0.0.1:2000");
    for bad in ["", "127,0,0,1,7", "127,0,0,1,7,208,1", "127,0,0,256,7,208", "127.0.0.1:2000", "a,b,c,d,e,f"]
    {
        assert_eq!(parse(bad), None, "{bad}");
    }
}
