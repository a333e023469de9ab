"""The span around a provider call: its name, the header it sends on, and nothing personal in it."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from activities.channels import EmailContent, EndpointGone, Smtp, WhatsAppContent
from activities.channels.tracing import sending
from tests.activities.channels.outgoing import to
from workers.sandbox import Sandbox

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
CONTENT = WhatsAppContent(template="hello_world", language="en_US")


@pytest.fixture
def spans() -> InMemorySpanExporter:
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):  # the process has one, and it is set once
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def test_without_a_current_span_the_stored_context_goes_on() -> None:
    with sending("whatsapp", to("+34600111222", CONTENT, traceparent=PARENT)) as headers:
        assert headers["traceparent"].split("-")[1] == PARENT.split("-")[1]


def test_a_current_span_wins_over_the_stored_context() -> None:
    context = SpanContext(0xABC, 0xDEF, is_remote=True, trace_flags=TraceFlags(1))
    with (
        trace.use_span(NonRecordingSpan(context)),
        sending("whatsapp", to("+34600111222", CONTENT, traceparent=PARENT)) as headers,
    ):
        assert headers["traceparent"].split("-")[1] == f"{0xABC:032x}"


async def test_the_span_is_named_and_holds_no_address(spans: InMemorySpanExporter, smtp: Smtp, sandbox: Sandbox) -> None:
    sandbox.faults.tell("smtp", "550", times=1)
    with pytest.raises(EndpointGone):
        await smtp.send(to("ana@mail.example", EmailContent(subject="s", html="h", text="t"), key="r/s/1"))
    [span] = spans.get_finished_spans()
    assert (span.name, span.status.description) == ("send smtp", "smtp 550 5.1.1 hard bounce")
    assert "ana@mail.example" not in span.to_json()


async def test_the_letter_carries_the_span(spans: InMemorySpanExporter, smtp: Smtp, sandbox: Sandbox) -> None:
    await smtp.send(to("ana@mail.example", EmailContent(subject="s", html="h", text="t"), traceparent=PARENT))
    [span] = spans.get_finished_spans()
    assert span.context is not None
    sent = dict(sandbox.messages[0].raw["headers"])["traceparent"]
    assert sent.split("-")[1:3] == [PARENT.split("-")[1], f"{span.context.span_id:016x}"]
