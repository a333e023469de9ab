"""Logs, traces and metrics of the real thing: one trace from the HTTP call to the provider, and nothing personal anywhere."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import REGISTRY

from store import Database
from workers.settings import Settings
from workers.telemetry import set_up_logs
from workers.testing.shop import Shop, open_shop

PERSONAL = ("ana@example.com", "Ana", "token-ana", "+346", "Snow boots")


@pytest.fixture(scope="module")
def exporter() -> InMemorySpanExporter:
    exporter = InMemorySpanExporter()
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):  # the process has one, and it is set once
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


@pytest.fixture
async def shop(
    exporter: InMemorySpanExporter, database: Database, dsn: str, temporal_address: str, tmp_path: Path
) -> AsyncIterator[Shop]:
    async with open_shop(database, dsn, temporal_address, tmp_path) as opened:
        exporter.clear()
        yield opened


@pytest.fixture
def log_lines() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    set_up_logs(Settings(log_format="json", log_level="DEBUG"))
    stream = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    yield stream
    root.handlers, root.level = before, level


async def one_journey(shop: Shop) -> None:
    await shop.signs_up("ana")
    await shop.does("ana", "Product Added", name="Snow boots", cart_id="c-1")
    await shop.look()
    await shop.over(await shop.run())


def attributes(span: ReadableSpan) -> str:
    return f"{span.name} {dict(span.attributes or {})} {[dict(event.attributes or {}) for event in span.events]}"


async def test_one_trace_leads_from_the_api_to_the_provider(shop: Shop, exporter: InMemorySpanExporter) -> None:
    await one_journey(shop)
    spans = exporter.get_finished_spans()
    by_trace: dict[int, list[str]] = {}
    for span in spans:
        by_trace.setdefault(span.context.trace_id, []).append(span.name)
    whole = next(names for names in by_trace.values() if "StartWorkflow:cart_abandonment" in names)
    assert any(name.startswith("ingest") for name in whole), whole
    for name in ("RunWorkflow:cart_abandonment", "StartActivity:deliver", "RunActivity:deliver"):
        assert name in whole
    assert {"send fcm", "send whatsapp", "send smtp"} <= set(whole)
    told = " ".join(map(attributes, spans))
    assert [word for word in PERSONAL if word in told] == []


async def test_logs_name_run_journey_and_customer_and_nobody(shop: Shop, log_lines: io.StringIO) -> None:
    await one_journey(shop)
    run = await shop.run()
    text = log_lines.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    sent = [line for line in lines if line["event"] == "message sent"]
    assert len(sent) == 3
    for line in sent:
        assert line["journey"] == "cart_abandonment"
        assert line["customer_id"] == str(run.profile_id)
        assert line["workflow_id"] == run.workflow_id
        assert line["run"] == str(run.id)
    assert [word for word in PERSONAL if word in text] == []


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


async def test_metrics_count_deliveries_refusals_and_entries(shop: Shop) -> None:
    deliveries = {"channel": "push", "outcome": "sent"}
    before = value("journeys_deliveries_total", **deliveries)
    entries = value("journeys_entries_total", journey="cart_abandonment", outcome="entered")
    refusals = value("journeys_gate_refusals_total", channel="email", reason="no consent")
    latencies = value("journeys_entry_latency_seconds_count")
    await shop.signs_up("bea", ["push"])
    await shop.does("bea", "Product Added", cart_id="c-2")
    await shop.look()
    await shop.over(await shop.run())
    assert value("journeys_deliveries_total", **deliveries) == before + 1
    assert value("journeys_entries_total", journey="cart_abandonment", outcome="entered") == entries + 1
    assert value("journeys_gate_refusals_total", channel="email", reason="no consent") == refusals + 1
    assert value("journeys_entry_latency_seconds_count") == latencies + 1
    page = (await shop.api.get("/metrics")).text
    assert "journeys_" in page


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_logged_error_is_named_by_its_kind_and_place(log_format: str) -> None:
    """E5: neither what it says, nor the variables around it."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    set_up_logs(Settings(log_format=log_format))
    stream = io.StringIO()
    handler = root.handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(stream)
    try:
        _fail_on("ana@example.com")
    except ValueError:
        logging.getLogger("temporalio.worker").warning("Failed activation", exc_info=True)
    finally:
        root.handlers, root.level = before, level
    assert "ValueError at " in stream.getvalue()
    assert "test_telemetry.py:" in stream.getvalue()
    assert "ana@example.com" not in stream.getvalue()


def _fail_on(address: str) -> None:
    try:
        {}[address]
    except KeyError as error:
        raise ValueError(f"{address} is not known") from error
