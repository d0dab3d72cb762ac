use super::*;

#[test]
fn the_entity_tag_of_parts_is_the_one_that_stores_give() {
    let tag = |text: &str| format!("\"{text}\"");
    // The MD5 of nothing, twice; computed with md5sum over the 32 bytes.
    let empty = "d41d8cd98f00b204e9800998ecf8427e";
    assert_eq!(e_tag_of_parts([tag(empty)].iter()).unwrap(), "\"59adb24ef3cdbe0297f05b395827453f-1\"");
    assert_eq!(e_tag_of_parts([tag(empty), tag("not one")].iter()), None);
}
