use object_store::client::HttpRequestBody;

use super::*;

/// A store that has nothing.
#[derive(Debug)]
struct Empty;

#[async_trait]
impl HttpService for Empty {
    async fn call(&self, _: HttpRequest) -> Result<HttpResponse, HttpError> {
        Ok(http::Response::builder().status(404).body(String::new().into()).unwrap())
    }
}

/// What was heard of requests, and of those that were sent again.
#[derive(Debug, Default)]
struct Heard(Mutex<Vec<(Request, Answer)>>);

impl observe::Observer for Heard {
    fn request(&self, request: Request, answer: Answer, _: std::time::Duration) {
        self.0.lock().unwrap().push((request, answer));
    }

    fn retry(&self, _: Request) {}
}

#[tokio::test]
async fn a_request_counts_as_what_it_says_and_the_library_asks_for_credentials() {
    let heard = Arc::new(Heard::default());
    let observers = Observers::new(Arc::clone(&heard) as Arc<dyn observe::Observer>);
    let counted = Counted { inner: HttpClient::new(Empty), observers };
    let request = |kind: Option<Request>| {
        let mut request = HttpRequest::new(HttpRequestBody::empty());
        if let Some(kind) = kind {
            request.extensions_mut().insert(Kind(kind));
        }
        request
    };
    for kind in Request::ALL.into_iter().map(Some).chain([None]) {
        counted.call(request(kind)).await.unwrap();
        let expected = (kind.unwrap_or(Request::Credentials), Answer::NotFound);
        assert_eq!(heard.0.lock().unwrap().pop(), Some(expected));
    }
}
