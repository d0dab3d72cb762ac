//! What is done for somebody, as a tree of spans: whoever wants to see where the time goes gives the work a [`Span`], and what is
//! done inside of it begins others.
//!
//! Without one nothing is made, and nothing is noted: it costs a look at a variable of the task.

use std::fmt;
use std::sync::Arc;

use futures_util::future::Either;
use tokio::task::futures::TaskLocalFuture;

tokio::task_local! {
    static CURRENT: Arc<dyn Span>;
}

/// A piece of work whose time somebody wants to see. It begins when it is made.
pub trait Span: Send + Sync + fmt::Debug {
    /// A piece of this one.
    fn begin(&self, name: &'static str, kind: SpanKind) -> Arc<dyn Span>;

    /// Something that is known of it.
    fn note(&self, key: &'static str, value: Note<'_>);

    /// It failed, for this reason.
    fn fail(&self, cause: &str);

    /// It is over; the first call counts. Without one it is over when nobody holds it any more.
    fn end(&self);

    /// The header `traceparent` of the W3C for a store that is to know of it.
    fn traceparent(&self) -> Option<String> {
        None
    }
}

/// What a piece of work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// Work of this program.
    Inside,
    /// A request to another server.
    Request,
}

/// What is noted of a piece of work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note<'a> {
    /// A text.
    Text(&'a str),
    /// A number.
    Number(i64),
}

/// A future inside of a span, or of none.
pub type Within<F> = Either<TaskLocalFuture<Arc<dyn Span>, F>, F>;

/// Does work inside of this span.
pub fn within<F: Future>(span: Option<Arc<dyn Span>>, work: F) -> Within<F> {
    match span {
        Some(span) => Either::Left(CURRENT.scope(span, work)),
        None => Either::Right(work),
    }
}

/// Does work of another task inside of the span of the task that calls this.
pub fn carry<F: Future>(work: F) -> Within<F> {
    within(CURRENT.try_with(Arc::clone).ok(), work)
}

/// A piece of the current span, if there is one. It is over when this is dropped.
pub(crate) fn begin(name: &'static str, kind: SpanKind) -> Piece {
    Piece(CURRENT.try_with(|span| span.begin(name, kind)).ok())
}

/// A piece of somebody's span, or nothing.
#[derive(Debug)]
pub(crate) struct Piece(Option<Arc<dyn Span>>);

impl Piece {
    /// Tells what is known of it, if somebody wants to hear it.
    pub(crate) fn tell(&self, tell: impl FnOnce(&dyn Span)) {
        if let Some(span) = &self.0 {
            tell(&**span);
        }
    }

    /// Does work inside of it.
    pub(crate) fn within<F: Future>(&self, work: F) -> Within<F> {
        within(self.0.clone(), work)
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.tell(|span| span.end());
    }
}
