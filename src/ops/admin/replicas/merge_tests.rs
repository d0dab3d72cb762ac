use super::*;

fn list(numbers: &[u64], count: u64) -> Value {
    let sessions: Vec<_> = numbers.iter().map(|number| json!({ "session": number })).collect();
    json!({ "sessions": sessions, "count": count, "next": null })
}

#[test]
fn pages_of_all_are_in_one_order() {
    let mut all = Listed::new("sessions", 3);
    all.add(list(&[1000, 3000, 5000], 7));
    all.add(list(&[1001, 2001, 9001], 3));
    all.add(json!("nonsense"));
    let page = all.done(&[2]);
    assert_eq!(page["sessions"], json!([{ "session": 1000 }, { "session": 1001 }, { "session": 2001 }]));
    assert_eq!((&page["count"], &page["next"], &page["away"]), (&json!(10), &json!(2001), &json!([2])));
    let mut last = Listed::new("sessions", 3);
    last.add(list(&[7000], 1));
    last.add(list(&[], 0));
    assert_eq!(last.done(&[])["next"], Value::Null);
}

#[test]
fn the_last_hour_is_put_together_from_its_end() {
    let mut all = json!({ "interval_seconds": 10, "backends": [
        { "backend": "lake", "received_bytes": [1, 2], "sent_bytes": [0, 0] },
    ] });
    throughput(
        &mut all,
        &json!({ "interval_seconds": 10, "backends": [
        { "backend": "lake", "received_bytes": [10, 20, 30], "sent_bytes": [1] },
        { "backend": "disk", "received_bytes": [5], "sent_bytes": [6] },
    ] }),
    );
    assert_eq!(
        all["backends"],
        json!([
            { "backend": "disk", "received_bytes": [5], "sent_bytes": [6] },
            { "backend": "lake", "received_bytes": [10, 21, 32], "sent_bytes": [0, 1] },
        ])
    );
    let network = |network: &str, failures: u64| json!({ "network": network, "failures": failures, "per_interval": [failures] });
    let error = |cause: &str| json!({ "of": "login", "cause": cause, "failures": 1, "per_interval": [1] });
    let mut all = json!({ "logins": [network("192.0.2.0/24", 3)], "errors": [error("wrong")] });
    let other = json!({ "logins": [network("10.0.0.0/24", 4), network("192.0.2.0/24", 2)], "errors": [error("late"), error("wrong")] });
    failures(&mut all, &other);
    assert_eq!(all["logins"], json!([network("192.0.2.0/24", 5), network("10.0.0.0/24", 4)]));
    assert_eq!(all["errors"][0]["failures"], 2);
    assert_eq!(all["errors"][1]["cause"], "late");
}

#[test]
fn a_snapshot_has_the_busiest_of_all() {
    let session = |number: u64, rate: Option<u64>| {
        json!({
            "session": number, "idle_seconds": number, "transfer": rate.map(|rate| json!({ "bytes_per_second": rate })),
        })
    };
    let of = |sessions: Vec<Value>, rate: f64| {
        json!({
            "sessions_count": 2, "sessions_logged_in": 1, "transfers_count": 1, "received_bytes_per_second": rate,
            "sent_bytes_per_second": 0.0, "sessions": sessions, "transfers": [],
        })
    };
    let mut all = of(vec![session(1, Some(5)), session(9, None)], 5.0);
    snapshot(&mut all, of(vec![session(2, Some(50)), session(3, None)], 50.5));
    let order: Vec<_> = all["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|session| session["session"].as_u64().unwrap())
        .collect();
    assert_eq!(order, [2, 1, 3, 9]);
    assert_eq!((&all["sessions_count"], &all["received_bytes_per_second"]), (&json!(4), &json!(55.5)));
    snapshot(&mut all, Value::Null);
    assert_eq!(all["sessions_count"], 4);
}
