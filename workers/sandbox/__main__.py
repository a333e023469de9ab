"""`python -m workers.sandbox`: the providers as a process; prints `ready` when they listen, stops on SIGTERM.

What signs webhooks and calls comes by the environment (JOURNEYS_WHATSAPP_APP_SECRET, JOURNEYS_TWILIO_AUTH_TOKEN,
JOURNEYS_SERVICES): a command line is for everybody to read.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from journeys.clock import Clock
from workers.sandbox.server import APP_SECRET, SERVICE_SECRET, TWILIO_TOKEN, running_sandbox


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8025, help="HTTP: FCM, WhatsApp, Twilio and the message page")
    parser.add_argument("--smtp-port", type=int, default=2525)
    parser.add_argument("--apns-port", type=int, default=2197, help="HTTP/2: APNs")
    parser.add_argument("--data-dir", type=Path, default=Path(".journeys/sandbox"))
    parser.add_argument("--whatsapp-webhook-url", default=None, help="where statuses and replies are posted")
    parser.add_argument("--twilio-webhook-url", default=None, help="where text messages from customers are posted")
    parser.add_argument("--public-url", default=None, help="the address that senders use, if not the listening one")
    parser.add_argument("--clock", type=Clock.model_validate_json, default=None, help="business time, as Clock's JSON")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    secret = os.environ.get("JOURNEYS_WHATSAPP_APP_SECRET") or APP_SECRET
    token = os.environ.get("JOURNEYS_TWILIO_AUTH_TOKEN") or TWILIO_TOKEN
    signs = _service_secret() or SERVICE_SECRET
    async with running_sandbox(**vars(arguments), whatsapp_app_secret=secret, twilio_token=token, service_secret=signs):
        print("ready", flush=True)  # noqa: T201 - who starts us waits for this line
        await stop.wait()


def _service_secret() -> str | None:
    """What calls to services are signed with that are not configured: those are ours."""
    with suppress(ValueError, KeyError, TypeError):
        found: str = json.loads(os.environ["JOURNEYS_SERVICES"])["*"]["secrets"][0]
        return found
    return None


def main() -> None:
    """Serve until told to stop; a port that is taken ends with one sentence."""
    try:
        asyncio.run(_serve(_arguments()))
    except OSError as error:
        sys.exit(f"sandbox: {error}; --port, --smtp-port, --apns-port and --data-dir choose others")


if __name__ == "__main__":
    main()
