use super::{Table, rounded};
use crate::rows::Row;
use crate::servers::Kind;
use crate::sizes::Sizes;

#[test]
fn the_best_of_the_rounds_is_compared_with_vsftpd_so_that_more_than_one_is_better() {
    let mut table = Table::new(
        &[Row::Retr, Row::Stor, Row::StorSynced, Row::List],
        &[Kind::WharfLibunftp, Kind::Vsftpd, Kind::Rclone],
    );
    for (row, wharf, vsftpd) in [(Row::Retr, 900.0, 500.0), (Row::Retr, 1000.0, 400.0), (Row::List, 0.5, 2.0)]
    {
        table.add(row, Kind::WharfLibunftp, wharf);
        table.add(row, Kind::Vsftpd, vsftpd);
    }
    table.add(Row::Stor, Kind::Vsftpd, 200.0);
    table.fail(Row::Stor, Kind::WharfLibunftp, 2, "it was closed");
    table.add(Row::StorSynced, Kind::WharfLibunftp, 100.0);

    assert_eq!(
        table.markdown(&Sizes::FULL),
        "\
| | Wharf, libunftp | vsftpd | rclone |
|---|--:|--:|--:|
| RETR 1 GiB, MB/s | 1000 (2.00×) | 500 (1.00×) | - |
| STOR 1 GiB, MB/s | failed | 200 (1.00×) | - |
| STOR 1 GiB, `sync: true`, MB/s | 100 (0.50×) | - | - |
| LIST of 100,000 entries, s (less is better) | 0.50 (4.00×) | 2.00 (1.00×) | - |
"
    );
    assert_eq!(table.failures(), ["Wharf, libunftp, stor, round 2: it was closed"]);
}

#[test]
fn without_vsftpd_there_are_no_ratios() {
    let mut table = Table::new(&[Row::Logins], &[Kind::Rclone]);
    table.add(Row::Logins, Kind::Rclone, 1234.5);
    assert_eq!(table.markdown(&Sizes::FULL).lines().nth(2), Some("| logins/s, 8 at once | 1234 |"));
}

#[test]
fn rows_that_few_can_do_are_theirs() {
    let who =
        |row: Row| -> Vec<Kind> { Kind::ALL.into_iter().filter(|kind| row.can_be_done_by(*kind)).collect() };
    let wharf = [Kind::WharfNative, Kind::WharfLibunftp];
    assert_eq!(who(Row::UpSynced), wharf);
    let and_sftpgo = [wharf.as_slice(), &[Kind::Sftpgo]].concat();
    assert_eq!(who(Row::LoginsHashed), and_sftpgo);
    assert_eq!(who(Row::LoginsRemembered), and_sftpgo);
    assert_eq!(who(Row::Logins), Kind::ALL);
    // Only one of both checks each time.
    assert!(!Row::LoginsHashed.variant().remembers && Row::LoginsRemembered.variant().remembers);
}

#[test]
fn figures_have_as_many_digits_as_mean_something() {
    assert_eq!([0.123, 9.994, 9.996, 99.96, 1234.5].map(rounded), ["0.12", "9.99", "10.0", "100", "1234"]);
}
