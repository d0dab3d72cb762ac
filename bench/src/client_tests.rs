use super::{extended_port, passive_port};

#[test]
fn the_port_of_a_passive_reply_is_found_in_any_wording() {
    assert_eq!(extended_port("229 Entering Extended Passive Mode (|||6446|)"), Some(6446));
    assert_eq!(extended_port("229 ok (!!!65535!)."), Some(65535));
    assert_eq!(extended_port("229 no port"), None);
    assert_eq!(extended_port("229 (|||70000|)"), None);
    assert_eq!(passive_port("227 Entering Passive Mode (127,0,0,1,200,10)."), Some(51210));
    assert_eq!(passive_port("227 (127,0,0,1,200)"), None);
    assert_eq!(passive_port("227 (127,0,0,1,256,1)"), None);
}
