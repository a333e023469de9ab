"""Logs, traces and metrics of a process, set up in one place. Ids, states and reasons only; never personal data."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from temporalio import activity, workflow
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from workers.redaction import in_words, places
from workers.settings import Settings

#: Libraries that tell too much below WARNING: every request, and (mail.log, aiosmtplib) who a message is for.
_NOISY = ("httpx", "httpcore", "hpack", "uvicorn.access", "asyncio", "mail.log", "aiosmtplib")


def set_up(service: str, settings: Settings) -> Runtime:
    """Configure logs, traces and metrics, and return Temporal's runtime for this process."""
    set_up_logs(settings)
    set_up_traces(service, settings)
    if settings.metrics_port:
        from prometheus_client import start_http_server

        start_http_server(settings.metrics_port, addr=settings.api_host)
    return temporal_runtime(settings)


def temporal_runtime(settings: Settings) -> Runtime:
    """Temporal's core, with its own metrics (task queue latency, slots, pollers…) on a Prometheus port where one is set."""
    if not settings.temporal_metrics_port:
        return Runtime.default()
    address = f"{settings.api_host}:{settings.temporal_metrics_port}"
    return Runtime(telemetry=TelemetryConfig(metrics=PrometheusConfig(bind_address=address)))


def set_up_logs(settings: Settings) -> None:
    """One stream for our loggers, Temporal's and every library's, as JSON or for a console."""
    console = settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        _name_the_run,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if console else structlog.processors.JSONRenderer()
    tail = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        _errors_by_kind_and_place,
        renderer,
    ]
    handler = logging.StreamHandler()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=tail))
    logging.basicConfig(handlers=[handler], level=settings.log_level, force=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    # Temporal's loggers put the run into `extra`, where _name_the_run finds it, rather than into the sentence.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False


def set_up_traces(service: str, settings: Settings) -> None:
    """Send spans to the OTLP collector, if one is set."""
    if not settings.otlp_endpoint:
        return
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({"service.name": service, "service.namespace": "journeys"}))
    exporter = OTLPSpanExporter(endpoint=f"{settings.otlp_endpoint.rstrip('/')}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def _name_the_run(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Turn what Temporal knows of the caller into three plain fields: journey, customer and workflow."""
    info = event.pop("temporal_activity", None) or event.pop("temporal_workflow", None)
    if info:
        event["workflow_id"] = info.get("workflow_id")
        event["journey"] = info.get("workflow_type")
        if "attempt" in info:
            event["attempt"] = info["attempt"]
        parts = str(info.get("workflow_id", "")).split("/")
        if len(parts) == 3:  # noqa: PLR2004 - journey / customer / run
            event["customer_id"] = parts[1]
    return event


def _errors_by_kind_and_place(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """An error's text may name a customer, and a console's traceback shows variables: neither is written."""
    told = event.pop("exc_info", None)
    found = (
        told if isinstance(told, BaseException) else told[1] if isinstance(told, tuple) else sys.exc_info()[1] if told else None
    )
    if found is not None:
        event["exception"] = "\n".join([in_words(found), *(f"  {line}" for line in places(found))])
    return event
