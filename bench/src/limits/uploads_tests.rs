use std::time::Duration;

use super::{Upload, reasons};
use crate::problem::Problem;

#[test]
fn uploads_that_failed_are_counted_and_the_first_one_is_told() {
    let upload = |outcome| Upload { slow: false, took: Duration::ZERO, wait: Duration::ZERO, outcome };
    let failed = |why: &str| upload(Err(Problem::new(why)));
    assert_eq!(reasons(&[upload(Ok(()))]), None);
    assert_eq!(
        reasons(&[upload(Ok(())), failed("it was closed"), failed("426 no")]).unwrap(),
        "2 uploads failed; the first: it was closed"
    );
}
