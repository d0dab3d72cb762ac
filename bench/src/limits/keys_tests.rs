use super::answer;

fn read(text: &str, answers: usize) -> Result<(), String> {
    let mut reader = text.as_bytes();
    (0..answers).try_for_each(|_| answer(&mut reader)).map_err(|problem| problem.to_string())
}

#[test]
fn answers_follow_one_another() {
    let one = "HTTP/1.1 201 Created\r\ncontent-length: 2\r\nETag: \"a\"\r\n\r\n{}";
    assert_eq!(read(&one.repeat(3), 3), Ok(()));
    assert_eq!(read(one, 2), Err("an answer of the store broke off".to_owned()));
}

#[test]
fn what_the_store_did_not_do_is_a_problem_with_its_words() {
    let full = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 8\r\n\r\nno room\n";
    assert_eq!(
        read(full, 1).unwrap_err(),
        "the store answered \"HTTP/1.1 500 Internal Server Error\": no room"
    );
    let endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(read(endless, 1).unwrap_err(), "\"HTTP/1.1 200 OK\" has no length");
}
