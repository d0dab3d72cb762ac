use super::Table;
use crate::limits::Limit;

#[test]
fn each_figure_stands_beside_its_limit() {
    let mut table = Table::default();
    table.all("uploads that were answered with 226", 1_000, 1_000);
    table.at_most("peak memory, MiB", 384.0, 384.0);
    table.told("time, s", 301.4);
    assert_eq!(
        table.markdown(),
        "\
| | value | limit | |
|---|--:|--:|---|
| uploads that were answered with 226 | 1,000 | 1,000 | kept |
| peak memory, MiB | 384 | 384 | kept |
| time, s | 301 | - | - |
"
    );
    assert!(table.is_well());
}

#[test]
fn a_limit_that_is_broken_and_a_row_that_failed_are_no_success() {
    let mut table = Table::default();
    table.all("entries", 499_999, 500_000);
    assert!(!table.is_well());
    assert!(table.markdown().ends_with("| entries | 499,999 | 500,000 | **broken** |\n"));

    let mut table = Table::default();
    table.at_most("peak memory, MiB", 384.01, 384.0);
    assert!(!table.is_well());

    let mut table = Table::default();
    table.fail(Limit::Listing, "it was closed");
    assert!(!table.is_well());
    assert_eq!(table.failures(), ["listing: it was closed"]);
}
