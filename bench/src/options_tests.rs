use super::Options;
use crate::far::Trip;
use crate::growth::Series;
use crate::limits::Limit;
use crate::object::{Front, Work};
use crate::rows::Row;
use crate::servers::Kind;

fn parse(line: &str) -> Result<Option<Options>, String> {
    Options::parse(line.split_whitespace().map(str::to_owned)).map_err(|problem| problem.to_string())
}

#[test]
fn servers_and_rows_keep_the_order_of_the_table() {
    let options =
        parse("--servers vsftpd,wharf-libunftp --rows list,retr --rounds 2 --quick").unwrap().unwrap();
    assert_eq!(options.servers, [Kind::WharfLibunftp, Kind::Vsftpd]);
    assert_eq!(options.rows, [Row::Retr, Row::List]);
    assert_eq!(options.sizes.rounds, 2);
}

#[test]
fn one_list_of_names_chooses_from_both_tables() {
    let options = parse("--servers rclone,curl --rows object-list,object-stor").unwrap().unwrap();
    assert_eq!(options.servers, [Kind::Rclone]);
    assert_eq!(options.fronts, [Front::Rclone, Front::Curl]);
    assert!(options.rows.is_empty());
    assert_eq!(options.works, [Work::Stor, Work::List]);

    let options = parse("--tables object").unwrap().unwrap();
    assert!(options.rows.is_empty());
    assert_eq!(options.works, Work::ALL);

    assert!(parse("--servers vsftpd").unwrap().unwrap().works.is_empty());
}

#[test]
fn limits_are_measured_only_where_they_are_named() {
    let limits = |line: &str| parse(line).unwrap().unwrap().limits;
    assert_eq!(limits(""), []);
    assert_eq!(limits("--tables local,object"), []);
    assert_eq!(limits("--rows stor,object-stor"), []);
    assert_eq!(limits("--tables limits"), Limit::ALL);
    assert_eq!(limits("--tables limits --rows listing"), [Limit::Listing]);

    let options = parse("--rows uploads").unwrap().unwrap();
    assert_eq!(options.limits, [Limit::Uploads]);
    assert!(options.rows.is_empty() && options.works.is_empty());

    let problem = parse("--tables limits --servers rclone").err().unwrap();
    assert_eq!(problem, "nothing is left to measure");
}

#[test]
fn a_store_far_away_is_measured_only_where_it_is_named() {
    let trips = |line: &str| parse(line).unwrap().unwrap().trips;
    assert_eq!(trips(""), []);
    assert_eq!(trips("--tables local,object,limits"), []);
    assert_eq!(trips("--tables far"), Trip::ALL);
    assert_eq!(trips("--rows far-list,object-list"), [Trip::List]);

    let options = parse("--tables far --rows far-list --servers curl").unwrap().unwrap();
    assert_eq!((options.fronts, options.trips), (vec![Front::Curl], vec![Trip::List]));
    assert!(options.rows.is_empty() && options.works.is_empty() && options.limits.is_empty());
}

#[test]
fn how_far_it_is_can_be_chosen() {
    let distance = |line: &str| {
        let distance = parse(line).unwrap().unwrap().distance;
        (distance.delay.as_micros(), distance.bandwidth)
    };
    assert_eq!(distance(""), (15_000, 30_000_000));
    assert_eq!(distance("--delay 2.5ms --bandwidth 0.5"), (2_500, 500_000));
    assert_eq!(distance("--delay 1s --bandwidth 1250"), (1_000_000, 1_250_000_000));
    assert_eq!(distance("--delay 0ms"), (0, 30_000_000));

    let problem = |line: &str| parse(line).err().unwrap();
    assert_eq!(problem("--delay 15"), "15 is not a delay of at most 10 s, such as 15ms");
    assert_eq!(problem("--delay 11s"), "11s is not a delay of at most 10 s, such as 15ms");
    assert_eq!(problem("--bandwidth 0"), "0 is not a bandwidth of 0.001 to 10000 MB/s");
    assert_eq!(problem("--bandwidth 30MB"), "30MB is not a bandwidth of 0.001 to 10000 MB/s");
}

#[test]
fn growth_is_measured_only_where_it_is_named() {
    let growth = |line: &str| parse(line).unwrap().unwrap().growth;
    assert_eq!(growth(""), []);
    assert_eq!(growth("--tables local,limits"), []);
    assert_eq!(growth("--rows stor,listing"), []);
    assert_eq!(growth("--tables growth"), Series::ALL);

    let options = parse("--rows growth-users,growth-file --pictures docs/pictures").unwrap().unwrap();
    assert_eq!(options.growth, [Series::File, Series::Users]);
    assert_eq!(options.pictures, std::path::Path::new("docs/pictures"));
    assert!(options.rows.is_empty() && options.works.is_empty() && options.limits.is_empty());

    let problem = parse("--tables growth --servers vsftpd").err().unwrap();
    assert_eq!(problem, "nothing is left to measure");
}

#[test]
fn a_place_and_a_program_of_sftpgo_are_taken_only_where_they_are_named() {
    let options = parse("").unwrap().unwrap();
    assert_eq!((options.place, options.tools.sftpgo), (None, None));

    let options = parse("--place /dev/shm --sftpgo /opt/sftpgo --servers sftpgo").unwrap().unwrap();
    assert_eq!(options.place.unwrap(), std::path::Path::new("/dev/shm"));
    assert_eq!(options.tools.sftpgo.unwrap(), std::path::Path::new("/opt/sftpgo"));
    assert_eq!(options.servers, [Kind::Sftpgo]);
    assert_eq!(options.fronts, [Front::Sftpgo]);
}

#[test]
fn what_it_does_not_know_is_refused_by_name() {
    let problem = |line: &str| parse(line).err().unwrap();
    assert_eq!(problem("--servers wuftpd"), "there is no wuftpd; --help lists what there is");
    assert_eq!(problem("--fast"), "unknown argument --fast");
    assert_eq!(problem("--rounds"), "--rounds needs a value");
    assert_eq!(problem("--rounds 0"), "0 is not a number of rounds");
    assert_eq!(problem("--tables bucket"), "there is no bucket; --help lists what there is");
    assert_eq!(problem("--tables local --rows object-list"), "nothing is left to measure");
    assert!(parse("--help").unwrap().is_none());
}
