"""The span around a provider call and the header that carries it on; neither holds personal data.

Promise: a failed call marks its span with our own detail; the library's exception, which may name the recipient,
stays out.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.trace import SpanKind, Status, StatusCode

from activities.channels.errors import ChannelError
from activities.channels.message import Outgoing


@contextmanager
def sending(provider: str, outgoing: Outgoing) -> Iterator[dict[str, str]]:
    """A span named `send <provider>`; yields the headers (`traceparent`) for the request."""
    with requesting(f"send {provider}", outgoing.key, outgoing.traceparent) as headers:
        yield headers


@contextmanager
def requesting(name: str, key: str, traceparent: str | None) -> Iterator[dict[str, str]]:
    """A span around a request to others, known by its key; yields the headers that carry it on."""
    tracer = trace.get_tracer("journeys.channels")
    with tracer.start_as_current_span(
        name,
        context=_parent(traceparent),
        kind=SpanKind.CLIENT,
        attributes={"journeys.message_key": key},
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield _headers(traceparent)
        except ChannelError as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR, error.detail))
            raise


def _parent(traceparent: str | None) -> Context | None:
    if traceparent is None or trace.get_current_span().get_span_context().is_valid:
        return None
    return propagate.extract({"traceparent": traceparent})


def _headers(traceparent: str | None) -> dict[str, str]:
    headers: dict[str, str] = {}
    propagate.inject(headers)
    if "traceparent" not in headers and traceparent is not None:
        headers["traceparent"] = traceparent
    return {name: value for name, value in headers.items() if name in ("traceparent", "tracestate")}
