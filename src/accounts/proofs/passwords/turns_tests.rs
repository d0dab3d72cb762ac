use std::pin::Pin;
use std::sync::mpsc;

use super::*;

/// Its one thread is busy until it is let go, so that all that comes waits in lines.
struct Busy {
    turns: Arc<Turns>,
    done: Arc<Mutex<Vec<String>>>,
    go: mpsc::Sender<()>,
    first: Pin<Box<dyn Future<Output = Result<bool, LoginError>> + Send>>,
}

type Asked = Pin<Box<dyn Future<Output = Result<bool, LoginError>> + Send>>;

fn network(ip: &str) -> Network {
    Network::of(ip.parse().unwrap(), 64)
}

impl Busy {
    async fn new(most: usize) -> Self {
        let turns = Arc::new(Turns::with(1, most).unwrap());
        let (go, gone) = mpsc::channel();
        let (begin, begun) = oneshot::channel();
        let asked = Arc::clone(&turns);
        let first = tokio::spawn(async move {
            let work = move || {
                begin.send(()).unwrap();
                gone.recv().is_ok()
            };
            asked.run(network("192.0.2.1"), work).await
        });
        begun.await.unwrap();
        let first = Box::pin(async move { first.await.unwrap() });
        Self { turns, done: Arc::default(), go, first }
    }

    /// Waits in the line of `from`.
    fn ask(&self, from: &str, what: &str) -> Asked {
        let (turns, done) = (Arc::clone(&self.turns), Arc::clone(&self.done));
        let (from, what) = (network(from), what.to_owned());
        let work = move || {
            done.lock().unwrap().push(what);
            true
        };
        let mut asked: Asked = Box::pin(async move { turns.run(from, work).await });
        let waker = std::task::Waker::noop();
        // So far that it is in the line, or refused.
        match asked.as_mut().poll(&mut std::task::Context::from_waker(waker)) {
            std::task::Poll::Pending => asked,
            std::task::Poll::Ready(answer) => Box::pin(std::future::ready(answer)),
        }
    }

    /// Lets the thread go, and tells in which order the rest was done.
    async fn order(self, asked: Vec<Asked>) -> (Vec<String>, Vec<Result<bool, LoginError>>) {
        self.go.send(()).unwrap();
        assert_eq!(self.first.await, Ok(true));
        let answers = futures_util::future::join_all(asked).await;
        let state = self.turns.lines.state();
        assert!(state.waiting == 0 && state.lines.is_empty());
        assert!(state.turns.is_empty() && state.by_share.is_empty());
        drop(state);
        let order = std::mem::take(&mut *self.done.lock().unwrap());
        (order, answers)
    }
}

#[tokio::test]
async fn networks_take_turns() {
    let busy = Busy::new(100).await;
    let asked = [
        ("10.0.0.1", "flood 1"),
        ("10.0.0.1", "flood 2"),
        ("10.0.0.1", "flood 3"),
        ("10.0.0.2", "good 1"),
        ("2001:db8::1", "six 1"),
        ("2001:db8::2", "six 2"),
        ("::ffff:10.0.0.2", "good 2"),
    ]
    .map(|(from, what)| busy.ask(from, what));
    let (order, answers) = busy.order(asked.into()).await;
    assert_eq!(order, ["flood 1", "good 1", "six 1", "flood 2", "good 2", "six 2", "flood 3"]);
    assert!(answers.iter().all(|answer| *answer == Ok(true)));
}

/// Who has asked for nothing lately does not wait for all who have been asking for a while, and these go on all the same.
#[tokio::test]
async fn every_other_turn_is_for_who_has_had_the_fewest() {
    let busy = Busy::new(1000).await;
    let crowd: Vec<_> = (0..20).map(|number| format!("10.0.1.{number}")).collect();
    for from in &crowd {
        busy.turns.lines.state().count_turn(network(from));
    }
    let mut asked: Vec<_> = crowd.iter().map(|from| busy.ask(from, "crowd")).collect();
    for number in 0..10 {
        asked.push(busy.ask(&format!("10.0.2.{number}"), "new"));
    }
    let (order, _) = busy.order(asked).await;
    let (first, rest) = order.split_at(20);
    assert!(first.iter().step_by(2).all(|what| what == "crowd"), "{order:?}");
    assert!(first.iter().skip(1).step_by(2).all(|what| what == "new"), "{order:?}");
    assert!(rest.iter().all(|what| what == "crowd"), "{order:?}");
}

#[tokio::test]
async fn what_networks_have_had_takes_little_room() {
    let turns = Turns::with(1, 10).unwrap();
    let mut state = turns.lines.state();
    for number in 0..40_000_u32 {
        state.count_turn(Network::of(std::net::Ipv4Addr::from(number).into(), 64));
    }
    assert!(state.had.len() <= MOST_KNOWN);
}

#[tokio::test]
async fn work_of_whoever_is_gone_is_not_begun() {
    let busy = Busy::new(100).await;
    let mut asked: Vec<_> = (0..50).map(|number| busy.ask("10.0.0.1", &format!("gone {number}"))).collect();
    let mut others: Vec<_> = (0..50).map(|n| busy.ask(&format!("10.0.1.{n}"), "gone, too")).collect();
    let last = busy.ask("10.0.0.2", "stays");
    asked.clear();
    others.clear();
    assert_eq!(busy.turns.lines.state().waiting, 1);
    assert_eq!(busy.order(vec![last]).await.0, ["stays"]);
}

#[tokio::test]
async fn a_flood_takes_room_from_itself() {
    let busy = Busy::new(4).await;
    let mut asked: Vec<_> = (0..4).map(|number| busy.ask("10.0.0.1", &format!("flood {number}"))).collect();
    // One more of the longest line is refused, and one of another network gets in.
    asked.push(busy.ask("10.0.0.1", "flood 4"));
    asked.push(busy.ask("10.0.0.2", "good 1"));
    asked.push(busy.ask("10.0.0.2", "good 2"));
    // As long as the longest line is its own: nobody is driven out by as many.
    asked.push(busy.ask("10.0.0.2", "good 3"));
    let (order, answers) = busy.order(asked).await;
    assert_eq!(order, ["flood 0", "good 1", "flood 1", "good 2"]);
    let busy = Err(LoginError::Busy);
    assert_eq!(answers, [Ok(true), Ok(true), busy, busy, busy, Ok(true), Ok(true), busy]);
}

#[tokio::test]
async fn a_panic_is_the_end_of_one() {
    let turns = Turns::with(1, 10).unwrap();
    let from = network("10.0.0.1");
    let answer = turns.run(from, || std::panic::resume_unwind(Box::new("a defect"))).await;
    assert_eq!(answer, Err(LoginError::GivenUp));
    assert_eq!(turns.run(from, || true).await, Ok(true));
}

#[tokio::test]
async fn threads_are_as_many_as_may_be() {
    let turns = Arc::new(Turns::with(2, 1000).unwrap());
    let running = Arc::new(Mutex::new((0, 0)));
    let asked = (0..200).map(|number: u32| {
        let (turns, running) = (Arc::clone(&turns), Arc::clone(&running));
        async move {
            let work = move || {
                let mut now = running.lock().unwrap();
                now.0 += 1;
                now.1 = now.0.max(now.1);
                drop(now);
                std::thread::yield_now();
                running.lock().unwrap().0 -= 1;
                true
            };
            turns.run(network(&format!("10.0.0.{number}")), work).await
        }
    });
    let answers = futures_util::future::join_all(asked).await;
    assert!(answers.iter().all(|answer| *answer == Ok(true)));
    let (left, most) = *running.lock().unwrap();
    assert!(left == 0 && most <= 2, "{most} at once");
}
