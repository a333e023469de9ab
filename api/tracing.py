"""Spans around requests, and the W3C traceparent that goes with stored events into the watch; no personal data in either."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry.trace import SpanKind, get_tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_tracer = get_tracer("journeys.api")
_w3c = TraceContextTextMapPropagator()


@contextmanager
def span(name: str, headers: Mapping[str, str]) -> Iterator[str | None]:
    """A span below the caller's, and its traceparent; without a tracer of ours, the caller's own traceparent."""
    with _tracer.start_as_current_span(name, context=_w3c.extract(headers), kind=SpanKind.SERVER):
        carrier: dict[str, str] = {}
        _w3c.inject(carrier)
        yield carrier.get("traceparent")
