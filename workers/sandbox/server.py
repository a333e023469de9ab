"""The sandbox in one process: its HTTP and SMTP servers, on free ports, for as long as a block of code runs."""

import asyncio
import json
import socket
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Coroutine, Generator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from typing import Protocol

import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.routing import Mount, Route
from starlette.types import Receive, Scope, Send

from journeys.clock import Clock
from workers.sandbox.accounts import ServiceAccount
from workers.sandbox.connections import DroppableConnection
from workers.sandbox.faults import Faults
from workers.sandbox.fcm import Fcm
from workers.sandbox.inspection import inspection, invalid
from workers.sandbox.messages import Message, MessageLog, Stats
from workers.sandbox.page import page
from workers.sandbox.push.apns import Apns
from workers.sandbox.push.apns_account import KEY_ID, TEAM_ID, TOPIC, TeamKey
from workers.sandbox.push.http2 import Answer, Http2, Request
from workers.sandbox.push.web_push import WebPush
from workers.sandbox.resend import Resend
from workers.sandbox.services import Answers, Services
from workers.sandbox.ses import Ses
from workers.sandbox.sms.aws import AwsSms
from workers.sandbox.sms.twilio import Twilio
from workers.sandbox.sms.twilio_callbacks import ACCOUNT_SID, SENDER, Callbacks
from workers.sandbox.smtp import smtp_protocol
from workers.sandbox.wallet.account import ISSUER, PassFiles, pass_files
from workers.sandbox.wallet.passes import Wallet
from workers.sandbox.webhooks import ACCOUNT_ID, Webhooks
from workers.sandbox.whatsapp import WhatsApp

#: What a sender may use here; WhatsApp takes any token and any phone number id, Resend any key.
PHONE_NUMBER_ID = "100000000000001"
ACCESS_TOKEN = "sandbox-token"  # noqa: S105 - it opens nothing
APP_SECRET = "sandbox-app-secret"  # noqa: S105 - signs webhooks between two processes of one machine
TWILIO_TOKEN = "sandbox-twilio-token"  # noqa: S105 - as the app secret
SES_SECRET = "sandbox-ses-secret"  # noqa: S105 - as above
#: Signs messages to browsers that do not exist; everybody knows it.
WEB_PUSH_KEY = "HQY14X-D0x8lVEImVcNBjykzMgpFX_03wLzN4vWMC2o"
WEB_PUSH_PUBLIC_KEY = "BEEmBgyU-6aH1291M_vZxj-p46lus_Sty8YH5042g7FLdMjoSJAZYULofaJppsNm1zZSIkThoX0fqiz57TQNCQI"
WEB_PUSH_CONTACT = "mailto:push@shop.example"
SERVICE_SECRET = "whsec_" + b64encode(b"signs calls to sandbox services!").decode()
EMAIL_FROM = "Sandbox Shop <hello@shop.example>"
#: The networks that services here need opened.
LOOPBACK = "127.0.0.0/8,::1/128"
_BACKLOG = 1024


@dataclass(frozen=True)
class Sandbox:
    """The running providers, as tests and the embedded stack see them."""

    url: str
    smtp_host: str
    smtp_port: int
    apns_url: str
    account: ServiceAccount
    apns_key: Path
    log: MessageLog
    faults: Faults
    webhooks: Webhooks
    callbacks: Callbacks
    answers: Answers
    app_secret: str
    service_secret: str
    twilio_token: str
    whatsapp: WhatsApp
    passes: PassFiles
    wallet: Wallet

    @property
    def service_account(self) -> Path:
        """The service account's JSON file."""
        return self.account.path

    @property
    def messages(self) -> list[Message]:
        """What the providers accepted, oldest first."""
        return list(self.log)

    @property
    def stats(self) -> Stats:
        """Counts, and the keys that arrived twice."""
        return self.log.stats()

    @property
    def environment(self) -> dict[str, str]:
        """The `JOURNEYS_*` settings that point the channels here."""
        return {
            "JOURNEYS_FCM_URL": self.url,
            "JOURNEYS_FCM_SERVICE_ACCOUNT": str(self.service_account),
            "JOURNEYS_APNS_URL": self.apns_url,
            "JOURNEYS_APNS_KEY": str(self.apns_key),
            "JOURNEYS_APNS_KEY_ID": KEY_ID,
            "JOURNEYS_APNS_TEAM_ID": TEAM_ID,
            "JOURNEYS_APNS_TOPIC": TOPIC,
            **self.of_wallets,
            "JOURNEYS_WEB_PUSH_KEY": WEB_PUSH_KEY,
            "JOURNEYS_WEB_PUSH_PUBLIC_KEY": WEB_PUSH_PUBLIC_KEY,
            "JOURNEYS_WEB_PUSH_CONTACT": WEB_PUSH_CONTACT,
            "JOURNEYS_WHATSAPP_URL": self.url,
            "JOURNEYS_WHATSAPP_PHONE_NUMBER_ID": PHONE_NUMBER_ID,
            "JOURNEYS_WHATSAPP_BUSINESS_ACCOUNT_ID": ACCOUNT_ID,
            "JOURNEYS_WHATSAPP_TOKEN": ACCESS_TOKEN,
            "JOURNEYS_WHATSAPP_APP_SECRET": self.app_secret,
            "JOURNEYS_TWILIO_URL": self.url,
            "JOURNEYS_TWILIO_ACCOUNT_SID": ACCOUNT_SID,
            "JOURNEYS_TWILIO_AUTH_TOKEN": self.twilio_token,
            "JOURNEYS_SMS_SENDERS": SENDER,
            "JOURNEYS_SMTP_URL": f"smtp://{self.smtp_host}:{self.smtp_port}",
            "JOURNEYS_EMAIL_FROM": EMAIL_FROM,
            "JOURNEYS_SERVICES": json.dumps(services(self.url, self.service_secret)),
            "JOURNEYS_CONTEXTS": json.dumps({"*": {"url": f"{self.url}/contexts/{{name}}"}}),
            "JOURNEYS_PRIVATE_TARGETS": LOOPBACK,
        }

    @property
    def of_wallets(self) -> dict[str, str]:
        """Those of them that point passes here."""
        return wallet_settings(self.url, self.apns_url, self.service_account, self.passes)

    async def arrived(self, count: int, within: timedelta = timedelta(seconds=10)) -> list[Message]:
        """The messages, once there are `count`; raises `TimeoutError`."""
        async with asyncio.timeout(within.total_seconds()):
            while len(self.log) < count:  # noqa: ASYNC110 - for tests; a signal per message would serve nobody else
                await asyncio.sleep(0.01)
        return self.messages


def wallet_settings(url: str, apns_url: str, account: Path, passes: PassFiles) -> dict[str, str]:
    """The settings that point passes here."""
    return {
        "JOURNEYS_WALLET_APPLE_CERTIFICATE": str(passes.certificate),
        "JOURNEYS_WALLET_APPLE_KEY": str(passes.key),
        "JOURNEYS_WALLET_APPLE_INTERMEDIATE": str(passes.intermediate),
        "JOURNEYS_WALLET_APNS_URL": apns_url,
        "JOURNEYS_WALLET_GOOGLE_ISSUER": ISSUER,
        "JOURNEYS_WALLET_GOOGLE_SERVICE_ACCOUNT": str(account),
        "JOURNEYS_WALLET_GOOGLE_URL": url,
    }


def services(url: str, secret: str) -> dict[str, dict[str, object]]:
    """The setting that points every service here which is not configured."""
    return {"*": {"url": f"{url}/services/{{name}}", "secrets": [secret]}}


@asynccontextmanager
async def running_sandbox(
    data_dir: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    smtp_port: int = 0,
    apns_port: int = 0,
    whatsapp_webhook_url: str | None = None,
    whatsapp_app_secret: str = APP_SECRET,
    twilio_webhook_url: str | None = None,
    twilio_token: str = TWILIO_TOKEN,
    service_secret: str = SERVICE_SECRET,
    public_url: str | None = None,
    clock: Clock | None = None,
    status_delays: tuple[float, float, float] = (0.05, 0.25, 1.0),
    message_limit: int = 50_000,
) -> AsyncIterator[Sandbox]:
    """Serve until the block ends. Port 0 takes a free one; `status_delays` are seconds to sent, delivered, read.

    State is kept in `data_dir` and found again by the next run. `public_url` is the address that senders use, where it
    is not the listening one. Raises `OSError` when a port is taken.
    """
    data_dir.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - once, at the start
    async with AsyncExitStack() as stack:
        http, smtp = stack.enter_context(_listening(host, port)), stack.enter_context(_listening(host, smtp_port))
        apple, key = stack.enter_context(_listening(host, apns_port)), TeamKey(data_dir)
        url = (public_url or f"http://{host}:{_port(http)}").rstrip("/")
        clock = clock or Clock()
        log, faults = MessageLog(data_dir / "messages.jsonl", message_limit), Faults()
        stack.callback(log.close)
        webhooks = Webhooks(log, clock, whatsapp_app_secret, whatsapp_webhook_url, status_delays)
        callbacks = Callbacks(log, twilio_token, twilio_webhook_url, status_delays)
        stack.push_async_callback(callbacks.close)
        account = ServiceAccount(data_dir, f"{url}/token")
        answers = Answers(data_dir / "services.json")
        called = Services(log, faults, answers, clock, service_secret)
        texts = Twilio(log, faults, callbacks, clock, twilio_token)
        mails, aws = (Ses(log, faults, clock, SES_SECRET), Resend(log, faults, clock)), AwsSms(log, faults, clock, SES_SECRET)
        whatsapp = WhatsApp(log, faults, webhooks, clock)
        pushes, wallet, passes = Apns(key, log, faults, clock), Wallet(account, log, faults, clock), pass_files(data_dir)
        told = Fcm(account, log, faults, clock), WebPush(log, faults, clock, url), whatsapp, texts, *mails, aws, called, wallet
        app = _app(told, lambda: _looked_at(log, faults, whatsapp, callbacks, answers))
        await stack.enter_async_context(_served(lambda: Http2(partial(_by_topic, pushes, wallet)), apple))
        await stack.enter_async_context(_served(smtp_protocol(log, faults, clock), smtp))
        await stack.enter_async_context(_in_background(webhooks.run()))
        await stack.enter_async_context(_http_served(app, http))
        secrets = whatsapp_app_secret, service_secret, twilio_token
        apns_url = f"http://{host}:{_port(apple)}"
        kept = log, faults, webhooks, callbacks, answers
        yield Sandbox(url, host, _port(smtp), apns_url, account, key.path, *kept, *secrets, whatsapp, passes, wallet)


async def _by_topic(pushes: Apns, wallet: Wallet, request: Request) -> Answer | None:
    """APNs has one address for apps and for passes."""
    passes = request.headers.get("apns-topic", "").startswith("pass.")
    return await (wallet.push(request) if passes else pushes.answer(request))


class _GraphVersion(Convertor[str]):
    regex = r"v\d+\.\d+"

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


class _Routed(Protocol):
    def routes(self) -> list[Route]: ...


def _app(providers: Iterable[_Routed], looked_at: Callable[[], FastAPI]) -> Starlette:
    """The providers, and what is looked at when somebody does: most sandboxes of tests are never opened in a browser."""
    register_url_convertor("graph_version", _GraphVersion())
    made = cache(looked_at)

    async def look(scope: Scope, receive: Receive, send: Send) -> None:
        await made()(scope, receive, send)

    return Starlette(routes=[*(route for each in providers for route in each.routes()), Mount("", app=look)])


def _looked_at(log: MessageLog, faults: Faults, whatsapp: WhatsApp, callbacks: Callbacks, answers: Answers) -> FastAPI:
    """What arrived, as a page and under `/_sandbox`."""
    app = FastAPI(title="Sandbox providers", docs_url="/_sandbox/docs", openapi_url="/_sandbox/openapi.json")
    app.add_exception_handler(RequestValidationError, invalid)
    app.include_router(inspection(log, faults, whatsapp, callbacks, answers))
    app.include_router(page(log, faults))
    return app


@contextmanager
def _listening(host: str, port: int) -> Generator[socket.socket, None, None]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(_BACKLOG)
        except (OSError, OverflowError) as error:
            raise OSError(f"cannot listen on {host}:{port}: {getattr(error, 'strerror', None) or error}") from error
        yield listener


def _port(listener: socket.socket) -> int:
    return int(listener.getsockname()[1])


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: who starts the sandbox decides when it stops."""

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


@asynccontextmanager
async def _http_served(app: Starlette, listener: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(
        app, http=DroppableConnection, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started and not serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.005)
    try:
        yield
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def _served(protocol: Callable[[], asyncio.Protocol], listener: socket.socket) -> AsyncIterator[None]:
    server = await asyncio.get_running_loop().create_server(protocol, sock=listener, backlog=_BACKLOG)
    try:
        yield
    finally:
        server.close()


@asynccontextmanager
async def _in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
