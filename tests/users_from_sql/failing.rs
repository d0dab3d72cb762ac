//! A database that gives no answer.

use super::database::{Database, Kind, Relay};
use super::{login, not_now, questions, setup};
use crate::support::wait_until;

const BOTH: [Kind; 2] = [Kind::Postgresql, Kind::Mariadb];

#[test]
fn a_query_that_takes_too_long_is_given_up_by_the_server_too() {
    for kind in BOTH {
        let database = Database::with_users(kind);
        let setup = setup(&database.url(), database.query(), ", timeout: 500ms");
        let server = setup.start();
        assert_eq!(login(&server, "slow", "apple"), not_now(), "{kind:?}");
        let cause = "the service with the users gave no answer: there is no answer in time";
        server.log.expect_warning("login failed", &[("user", "slow"), ("cause", cause)]);
        wait_until("nothing runs any more", || database.running() == 0);
        assert_eq!(login(&server, "local", "sesame"), 230);
    }
}

#[test]
fn whoever_hangs_up_leaves_no_connection_behind() {
    let database = Database::with_users(Kind::Postgresql);
    let relay = Relay::to(database.address);
    let setup = setup(&database.url_at(&relay.address.to_string()), database.query(), "");
    let server = setup.start();
    let mut client = server.connect();
    client.expect("USER slow", 331);
    client.send("PASS apple");
    wait_until("the query runs", || database.running() == 1);
    drop(client);
    wait_until("its connection is closed", || relay.connections()[1] == 0);
    assert_eq!(login(&server, "anna", "apple"), 230);
}

#[test]
fn it_may_go_and_come_back_at_any_time() {
    for kind in BOTH {
        let database = Database::with_users(kind);
        let relay = Relay::to(database.address);
        let address = relay.address;
        let setup = setup(&database.url_at(&address.to_string()), database.query(), "");
        let server = setup.start();
        let mut session = server.login_as("anna", "apple");
        // A connection that is gone when it is used again is made anew.
        relay.cut();
        assert_eq!(login(&server, "anna", "apple"), 230, "{kind:?}");
        assert_eq!(relay.connections()[0], 2, "{kind:?}");
        // In the middle of a query.
        let mut client = server.connect();
        client.expect("USER slow", 331);
        client.send("PASS apple");
        wait_until("the query runs", || database.running() == 1);
        // The question is asked once more, over a new connection.
        relay.cut();
        wait_until("it is asked again", || relay.connections()[0] == 3);
        wait_until("the query runs again", || database.running() >= 1);
        relay.cut();
        client.expect_reply(not_now());
        drop(relay);
        for _ in 0..3 {
            assert_eq!(login(&server, "anna", "apple"), not_now(), "{kind:?}");
        }
        server.log.expect_warning("the service with the users gives no answer", &[("cause", "…")]);
        assert_eq!(server.log.count("the service with the users gives no answer"), 1, "{kind:?}");
        assert_eq!(questions(&server, "unreachable"), Some(4.0), "{kind:?}");
        session.expect("NOOP", 200);
        let _back = Relay::at(address, database.address);
        assert_eq!(login(&server, "anna", "apple"), 230, "{kind:?}");
        server.log.expect("the service with the users answers again", &[]);
    }
}

#[test]
fn what_the_database_refuses_is_in_the_log() {
    let database = Database::with_users(Kind::Postgresql);
    for (url, query, cause) in [
        (
            database.url(),
            "SELECT nothing FROM u WHERE name = $1",
            "the database reports: column \"nothing\" does not exist",
        ),
        (
            database.url().replace("p%40ss", "wrong"),
            database.query(),
            "the database reports: password authentication failed…",
        ),
    ] {
        let setup = setup(&url, query, "");
        let server = setup.start();
        assert_eq!(login(&server, "anna", "apple"), not_now());
        let cause = format!("the service with the users gave no answer: {cause}");
        server.log.expect_warning("login failed", &[("cause", &cause)]);
    }
    // Not even where the user of the database could.
    database.run("GRANT DELETE ON u TO wharf;");
    let query = "DELETE FROM u WHERE name = $1 RETURNING name, password";
    let setup = setup(&database.url(), query, "");
    let server = setup.start();
    assert_eq!(login(&server, "anna", "apple"), not_now());
    let cause = "…cannot execute DELETE in a read-only transaction";
    server.log.expect_warning("login failed", &[("cause", cause)]);
    assert_eq!(database.run("SELECT count(*) FROM u;"), "2");
}

#[test]
fn rows_that_are_known_let_users_in_meanwhile() {
    let database = Database::with_users(Kind::Mariadb);
    let relay = Relay::to(database.address);
    let setup = setup(&database.url_at(&relay.address.to_string()), database.query(), ", cache: 1h");
    let server = setup.start();
    assert_eq!(login(&server, "anna", "apple"), 230);
    drop(relay);
    assert_eq!((login(&server, "anna", "apple"), login(&server, "anna", "pear")), (230, 530));
    assert_eq!((login(&server, "bert", "x"), questions(&server, "cached")), (not_now(), Some(2.0)));
}
