//! Spans as the messages of OTLP.

use std::time::{Duration, SystemTime};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value as OfValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;

use super::recorded::{Finished, Role, Value};

/// A request with these spans, whose server has this name among its replicas.
pub(super) fn request(spans: &[Finished], instance: Option<&str>) -> Vec<u8> {
    let of_server = [
        Some(("service.name", Value::Text("wharf".to_owned()))),
        Some(("service.version", Value::Text(env!("CARGO_PKG_VERSION").to_owned()))),
        instance.map(|name| ("service.instance.id", Value::Text(name.to_owned()))),
    ];
    let resource = Resource {
        attributes: of_server.into_iter().flatten().map(|(key, value)| fact(key, &value)).collect(),
        ..Resource::default()
    };
    let scope = InstrumentationScope {
        name: "wharf".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    };
    let spans = spans.iter().map(span).collect();
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let resource_spans = ResourceSpans { resource: Some(resource), scope_spans, ..ResourceSpans::default() };
    ExportTraceServiceRequest { resource_spans: vec![resource_spans] }.encode_to_vec()
}

/// How many spans the collector has refused, and why; `None` if it has taken all, or the answer is none.
pub(super) fn refused(answer: &[u8]) -> Option<(u64, String)> {
    let partial = ExportTraceServiceResponse::decode(answer).ok()?.partial_success?;
    let spans = u64::try_from(partial.rejected_spans).ok().filter(|spans| *spans > 0)?;
    Some((spans, partial.error_message))
}

fn span(finished: &Finished) -> Span {
    let began = finished.began.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let status = finished
        .failure
        .as_ref()
        .map(|cause| Status { message: cause.clone(), code: StatusCode::Error.into() });
    Span {
        trace_id: finished.trace.to_be_bytes().to_vec(),
        span_id: finished.id.get().to_be_bytes().to_vec(),
        parent_span_id: finished.parent.map(|id| id.get().to_be_bytes().to_vec()).unwrap_or_default(),
        name: finished.name.to_owned(),
        kind: match finished.role {
            Role::Command => SpanKind::Server,
            Role::Inside => SpanKind::Internal,
            Role::Request => SpanKind::Client,
        }
        .into(),
        start_time_unix_nano: nanoseconds(began),
        end_time_unix_nano: nanoseconds(began + finished.took),
        attributes: finished.facts.iter().map(|(key, value)| fact(key, value)).collect(),
        status,
        // Traced: as in `traceparent`.
        flags: 1,
        ..Span::default()
    }
}

fn fact(key: &str, value: &Value) -> KeyValue {
    let value = match value {
        Value::Text(text) => OfValue::StringValue(text.clone()),
        Value::Number(number) => OfValue::IntValue(*number),
    };
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn nanoseconds(since: Duration) -> u64 {
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
