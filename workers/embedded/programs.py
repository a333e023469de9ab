"""Our own programs in the embedded stack: sandbox providers, API and workers, with ports and environment."""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Self

from journeys.catalogue import load
from journeys.clock import Clock
from journeys.errors import JourneyError
from journeys.walk.samples import sample
from workers.embedded.environment import Addresses, environment, insist_on_whole, may_deploy
from workers.embedded.parts import Program, Ready, answers, says
from workers.embedded.ports import LOCALHOST, Ports
from workers.embedded.processes import GRACE, Children
from workers.embedded.vault import secrets_in
from workers.settings import Settings

SANDBOX_PORT, SMTP_PORT, APNS_PORT, METRICS_PORT = 8090, 8025, 2197, 9464
WORKER_READY = "worker serves"  # what a worker logs once it polls its queues
WHATSAPP_WEBHOOK, TWILIO_WEBHOOK = "/v1/webhooks/whatsapp", "/v1/webhooks/twilio"
_WORKER_GRACE = timedelta(seconds=40)  # longer than the worker's own graceful shutdown


@dataclass(slots=True)
class Programs:
    """Makes the parts that are our own programs; their ports are chosen once and stay over restarts."""

    at: Addresses
    logs: Path
    children: Children
    environment: dict[str, str] = field(repr=False)
    ports: Ports
    api_dsn: str = field(repr=False)
    metrics_urls: dict[str, str] = field(default_factory=dict)
    #: What the sandbox's services answer.
    samples: dict[str, object] = field(default_factory=dict)
    #: Whether the catalogue has predictions.
    predicts: bool = False

    @classmethod
    def plan(
        cls,
        settings: Settings,
        children: Children,
        *,
        dsn: str,
        api_dsn: str,
        temporal: str,
        ui: str,
        extra: Mapping[str, str],
        ports: Ports,
    ) -> Self:
        """Choose the ports and write the environment.

        Raises:
            Misconfigured: the workers would not start with it.
        """
        directory = settings.data_dir
        at = Addresses(
            dsn=dsn,
            temporal=temporal,
            temporal_ui=ui,
            api=f"http://{LOCALHOST}:{ports.take('api', settings.api_port)}",
            sandbox=f"http://{LOCALHOST}:{ports.take('sandbox', SANDBOX_PORT)}",
            smtp=f"smtp://{LOCALHOST}:{ports.take('smtp', SMTP_PORT)}",
            service_account=directory / "sandbox" / "service-account.json",
            apns=f"http://{LOCALHOST}:{ports.take('apns', APNS_PORT)}",
        )
        told = environment(settings, at, secrets_in(directory)) | dict(extra)
        insist_on_whole(told)
        return cls(
            at,
            directory / "logs",
            children,
            told,
            ports,
            api_dsn,
            samples=_samples(settings.catalogue),
            predicts=_predicts(settings.catalogue),
        )

    def sandbox(self) -> Program:
        """The providers' stand-ins, with the page that shows the messages."""
        port, smtp_port = _port(self.at.sandbox), _port(self.at.smtp)
        arguments = ("--host", LOCALHOST, "--port", port, "--smtp-port", smtp_port, "--public-url", self.at.sandbox)
        told = {"--whatsapp-webhook-url": WHATSAPP_WEBHOOK, "--twilio-webhook-url": TWILIO_WEBHOOK}
        webhooks = (part for name, path in told.items() for part in (name, self.at.api + path))
        directory = ("--data-dir", str(self.at.service_account.parent))
        self.at.service_account.parent.mkdir(parents=True, exist_ok=True)
        (self.at.service_account.parent / "services.json").write_text(json.dumps(self.samples))
        apple = ("--apns-port", _port(self.at.apns))
        command = ("workers.sandbox", *arguments, *apple, *webhooks, *directory, *self._clock())
        return self._program("sandbox", command, answers(self.at.sandbox))

    def api(self) -> Program:
        """The HTTP API, which serves its own metrics, and is told neither who owns the database nor what signs versions.

        Whose signature it may trust it is told: it compares versions, and says what comes next in one that is not its own.
        """
        self.metrics_urls["api"] = f"{self.at.api}/metrics"
        told = {"JOURNEYS_DATABASE_URL": self.api_dsn, "JOURNEYS_API_DATABASE_URL": self.api_dsn, "JOURNEYS_DEPLOY_KEY": ""}
        told["JOURNEYS_DEPLOY_PUBLIC_KEYS"] = may_deploy(self.environment)
        return self._program("api", ("workers.cli.main", "api"), answers(f"{self.at.api}/readyz"), told)

    def worker(self, number: int) -> Program:
        """One worker process."""
        name = f"worker-{number}"
        ours = self.ports.take(f"metrics of {name}", METRICS_PORT + number)
        temporals = self.ports.take(f"Temporal's metrics of {name}", METRICS_PORT + number + 100)
        told = {"JOURNEYS_METRICS_PORT": str(ours), "JOURNEYS_TEMPORAL_METRICS_PORT": str(temporals)}
        self.metrics_urls[name] = f"http://{LOCALHOST}:{ours}/metrics"
        return self._program(name, ("workers.cli.main", "worker"), says(WORKER_READY), told, _WORKER_GRACE)

    def trainer(self) -> Program:
        """The process that trains the catalogue's predictions."""
        told = {"JOURNEYS_METRICS_PORT": "0", "JOURNEYS_TEMPORAL_METRICS_PORT": "0"}
        return self._program("trainer", ("workers.cli.main", "worker", "--train"), says(WORKER_READY), told, _WORKER_GRACE)

    def _clock(self) -> Iterator[str]:
        """Business time, where it is not real time: the sandbox takes it as an argument."""
        told = {name: self.environment.get(f"JOURNEYS_CLOCK_{name.upper()}") for name in Clock.model_fields}
        if told["real_origin"] and told["business_origin"]:
            yield from ("--clock", Clock.model_validate({k: v for k, v in told.items() if v}).model_dump_json())

    def _program(
        self,
        name: str,
        command: tuple[str, ...],
        ready: Ready,
        told: Mapping[str, str] = MappingProxyType({}),
        grace: timedelta = GRACE,
    ) -> Program:
        log = self.logs / f"{name}.log"
        return Program(name, command, self.environment | dict(told), log, self.children, ready, grace)


def _samples(catalogue: str) -> dict[str, object]:
    """What each service gives that the catalogue declares; nothing where it does not load, which its workers tell."""
    with suppress(JourneyError):
        return {name: sample(service) for name, service in load(catalogue).services.items()}
    return {}


def _predicts(catalogue: str) -> bool:
    """Whether there is something to train; not where it does not load, which its workers tell."""
    with suppress(JourneyError):
        return bool(load(catalogue).predictions)
    return False


def _port(url: str) -> str:
    return url.rpartition(":")[2]
