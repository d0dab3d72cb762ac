use super::Table;
use crate::object::front::Front;
use crate::object::measure::Figures;
use crate::object::work::Work;
use crate::place::Ground;
use crate::sizes::Sizes;

#[test]
fn times_are_the_best_of_the_rounds_and_memory_and_requests_the_worst() {
    let mut table = Table::new();
    let mut add = |front, speed, server_time, memory, requests| {
        table.add(Work::Stor, front, Figures { speed, server_time, store_time: 4.0, memory, requests });
    };
    add(Front::Wharf, 300.0, 1.5, Some(80.0), 130.0);
    add(Front::Wharf, 400.0, 1.0, Some(60.0), 131.0);
    add(Front::Rclone, 160.0, 3.0, Some(120.0), 208.0);
    add(Front::Sftpgo, 320.0, 2.0, Some(90.0), 210.0);
    add(Front::Curl, 500.0, 0.5, None, 1.0);
    table.fail(Work::Retr, Front::Wharf, 1, "it was closed");

    assert_eq!(
        table.markdown(&[Work::Stor, Work::Retr], &Front::ALL, &Sizes::FULL),
        "\
| | Wharf | rclone | SFTPGo | curl, no server between | Wharf to rclone | Wharf to sftpgo | Wharf to curl |
|---|--:|--:|--:|--:|--:|--:|--:|
| STOR 1 GiB, MB/s | 400 | 160 | 320 | 500 | 2.50× (at least 2) | 1.25× | 0.80× (missed: 0.9) |
| RETR 1 GiB, MB/s | failed | - | - | - | - | - | - |
| processor time of the server, STOR 1 GiB, s | 1.00 | 3.00 | 2.00 | 0.50 | 3.00× | 2.00× | 0.50× |
| processor time of the server, RETR 1 GiB, s | failed | - | - | - | - | - | - |
| processor time of the store, STOR 1 GiB, s | 4.00 | 4.00 | 4.00 | 4.00 | 1.00× | 1.00× | 1.00× |
| processor time of the store, RETR 1 GiB, s | failed | - | - | - | - | - | - |
| peak memory, STOR 1 GiB, MiB | 80.0 | 120 | 90.0 | - | 1.50× | 1.12× | - |
| peak memory, RETR 1 GiB, MiB | failed | - | - | - | - | - | - |
| requests for STOR 1 GiB | 131 | 208 | 210 | 1.00 | 1.59× | 1.60× | 0.01× |
| requests for RETR 1 GiB | failed | - | - | - | - | - | - |
"
    );
    let best = |table: &Table<Work>| {
        let standings = table.standings(&[Work::Stor, Work::Retr], &Sizes::FULL, Ground::Disk);
        let all = standings.into_iter().map(|it| (it.row, it.title, it.peer, it.ratio));
        all.collect::<Vec<_>>()
    };
    let title = || "STOR 1 GiB, MB/s".to_owned();
    assert_eq!(best(&table), [("object-stor", title(), "SFTPGo", 1.25)], "curl is no peer");
    table.add(
        Work::Stor,
        Front::Sftpgo,
        Figures { speed: 500.0, server_time: 1.0, store_time: 1.0, memory: None, requests: 1.0 },
    );
    assert_eq!(best(&table), [("object-stor", title(), "SFTPGo", 0.8)]);
    assert_eq!(table.failures(), ["Wharf, object-retr, round 1: it was closed"]);
}

#[test]
fn who_refuses_has_no_figure_and_who_was_late_a_bound() {
    let mut table = Table::new();
    let figures = |speed| Figures { speed, server_time: 1.0, store_time: 1.0, memory: None, requests: 1.0 };
    table.add(Work::List, Front::Wharf, figures(2.0));
    table.late(Work::List, Front::Rclone, 300.0, 300.0);
    table.refuse(Work::List, Front::Sftpgo, "550 no");
    table.add(Work::Up, Front::Wharf, figures(2.0));
    table.late(Work::Up, Front::Rclone, 3.0, 300.0);

    let fronts = [Front::Wharf, Front::Rclone, Front::Sftpgo];
    let text = table.markdown(&[Work::List, Work::Up], &fronts, &Sizes::FULL);
    let line = |number: usize| text.lines().nth(number).unwrap();
    assert_eq!(
        line(2),
        "| LIST of 1,000 entries, s (less is better) | 2.00 | over 300 | refused | over 150× | - |"
    );
    assert_eq!(line(3), "| 2,000 files of 16 KiB up, files/s | 2.00 | under 3.00 | - | over 0.67× | - |");
    assert!(table.failures().is_empty());
    assert_eq!(
        table.remarks(),
        [
            "rclone was not done with object-list after 300 s.",
            "SFTPGo refuses object-list: \"550 no\".",
            "rclone was not done with object-up after 300 s.",
        ]
    );
}
