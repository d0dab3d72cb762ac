use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::super::{DiskThreads, Operation};
use super::*;

const LONG: Duration = Duration::from_secs(600);

fn disk() -> DiskThreads {
    DiskThreads::new("disk", LONG)
}

fn is_on_the_disk() -> bool {
    std::thread::current().name() == Some("wharf-disk")
}

/// Waits for a disk that answers when the sender is dropped, and has other work.
async fn answered(threads: &DiskThreads, held: mpsc::Receiver<()>) {
    let (other, is_held) = mpsc::channel::<()>();
    let _job = threads.begin(Operation::Read, move || is_held.recv().is_ok());
    threads.run(Operation::Stat, move || held.recv().is_ok()).await.unwrap();
    drop(other);
}

#[tokio::test]
async fn a_task_goes_on_where_its_disk_has_answered_and_then_where_it_was() {
    let (answer, held) = mpsc::channel();
    let (tell, told) = oneshot::channel();
    let task = tokio::spawn(carried(Box::pin(async move {
        let threads = disk();
        assert!(!is_on_the_disk());
        answered(&threads, held).await;
        // Others may have its place now, beside the other work.
        assert!(threads.load().running <= 1);
        tell.send(is_on_the_disk() && is_carried()).unwrap();
        // It is polled there only once.
        tokio::task::yield_now().await;
        is_on_the_disk() || is_carried()
    })));
    tokio::task::yield_now().await;
    drop(answer);
    assert!(told.await.unwrap());
    assert!(!task.await.unwrap());
}

#[tokio::test]
async fn the_only_task_of_a_disk_goes_on_in_the_runtime() {
    let (answer, held) = mpsc::channel();
    let task = tokio::spawn(carried(Box::pin(async move {
        disk().run(Operation::Stat, move || held.recv().is_ok()).await.unwrap();
        is_on_the_disk()
    })));
    tokio::task::yield_now().await;
    drop::<mpsc::Sender<()>>(answer);
    assert!(!task.await.unwrap());
}

#[tokio::test]
async fn a_result_comes_from_there_and_so_does_a_panic() {
    for panics in [false, true] {
        let (answer, held) = mpsc::channel();
        let task = tokio::spawn(carried(Box::pin(async move {
            answered(&disk(), held).await;
            assert!(!panics, "a defect");
            is_on_the_disk()
        })));
        tokio::task::yield_now().await;
        drop(answer);
        match task.await {
            Ok(on_the_disk) => assert!(on_the_disk && !panics),
            Err(error) => assert!(error.is_panic() && panics),
        }
    }
}

#[tokio::test]
async fn one_that_always_has_work_goes_on_in_the_runtime() {
    let (answer, held) = mpsc::channel();
    let task = tokio::spawn(carried(Box::pin(async move {
        answered(&disk(), held).await;
        assert!(is_on_the_disk());
        // Each takes a part of the budget.
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        for number in 0..1000 {
            sender.send(number).unwrap();
            assert_eq!(receiver.recv().await, Some(number));
        }
        is_on_the_disk()
    })));
    tokio::task::yield_now().await;
    drop(answer);
    assert!(!task.await.unwrap());
}

/// A task that waits for the disk, and is then kept by the thread of the disk until it is let go.
struct Held {
    task: tokio::task::JoinHandle<bool>,
    waker: Waker,
    let_go: mpsc::Sender<()>,
}

impl Held {
    async fn new(alive: impl Send + 'static) -> Self {
        let (answer, held) = mpsc::channel();
        let (tell, told) = oneshot::channel();
        let (let_go, kept) = mpsc::channel::<()>();
        let task = tokio::spawn(carried(Box::pin(async move {
            let _alive = alive;
            answered(&disk(), held).await;
            let mut tell = Some(tell);
            poll_fn(move |context| match tell.take() {
                Some(tell) => {
                    tell.send(context.waker().clone()).unwrap();
                    let _ = kept.recv();
                    Poll::Pending
                }
                None => Poll::Ready(()),
            })
            .await;
            is_on_the_disk()
        })));
        tokio::task::yield_now().await;
        drop(answer);
        Self { task, waker: told.await.unwrap(), let_go }
    }
}

#[tokio::test]
async fn what_happens_while_it_is_there_is_not_missed() {
    let held = Held::new(()).await;
    held.waker.wake_by_ref();
    // The runtime does not wait for it.
    tokio::task::yield_now().await;
    assert!(!held.task.is_finished());
    drop(held.let_go);
    assert!(!held.task.await.unwrap());
}

#[tokio::test]
async fn one_that_is_given_up_while_it_is_there_is_dropped() {
    let (alive, dropped) = mpsc::channel::<()>();
    let held = Held::new(alive).await;
    held.task.abort();
    assert!(held.task.await.unwrap_err().is_cancelled());
    assert_eq!(dropped.try_recv(), Err(mpsc::TryRecvError::Empty));
    drop(held.let_go);
    assert_eq!(dropped.recv_timeout(LONG), Err(mpsc::RecvTimeoutError::Disconnected));
}
