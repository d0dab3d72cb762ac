use super::*;

#[test]
fn tuning_has_limits() {
    assert_eq!(Tuning::default().check(), Ok(()));
    let cases = [
        Tuning { part_size: (5 << 20) - 1, ..Tuning::default() },
        Tuning { part_size: (5 << 30) + 1, ..Tuning::default() },
        Tuning { upload_concurrency: 0, ..Tuning::default() },
        Tuning { read_timeout: Duration::ZERO, ..Tuning::default() },
        Tuning { connect_timeout: Duration::ZERO, ..Tuning::default() },
    ];
    for tuning in cases {
        assert!(tuning.check().is_err(), "{tuning:?}");
    }
}
