"""How the tests here send: one short call per provider, over the real protocols."""

from email.message import EmailMessage
from typing import Any

import aiosmtplib
import httpx

from workers.sandbox import Sandbox

TOKEN = "d:APA91bEx4mple"
PHONE = "+34600111222"
MAILBOX = "ana@mail.example"
SHOP = "Shop <hello@shop.example>"


async def push(http: httpx.AsyncClient, sandbox: Sandbox, message: Any = None, **changes: Any) -> httpx.Response:
    """`messages:send`, with a fresh access token."""
    headers = {"Authorization": f"Bearer {sandbox.account.access_token()}"}
    body = {"message": {"token": TOKEN, **changes} if message is None else message}
    return await http.post("/v1/projects/sandbox/messages:send", json=body, headers=headers)


def template(**changes: Any) -> dict[str, Any]:
    """A template message's body."""
    what = {"name": "cart_link", "language": {"code": "en"}}
    return {"messaging_product": "whatsapp", "to": PHONE, "type": "template", "template": what} | changes


async def chat(http: httpx.AsyncClient, body: Any = None) -> httpx.Response:
    """`POST /{phone_number_id}/messages`."""
    headers = {"Authorization": "Bearer any"}
    return await http.post("/v21.0/100000000000001/messages", json=template() if body is None else body, headers=headers)


def mail(to: str = MAILBOX, html: str = "<p>Olé</p>", **headers: str) -> EmailMessage:
    """A mail with a text and an HTML form; `X_Message_Key` becomes the header `X-Message-Key`."""
    written = EmailMessage()
    written["From"], written["To"], written["Message-ID"] = SHOP, to, "<1@shop.example>"
    for name, value in ({"Subject": "Your boots ☃"} | headers).items():
        written[name.replace("_", "-")] = value
    written.set_content("Olé")
    written.add_alternative(html, subtype="html")
    return written


async def post(sandbox: Sandbox, written: EmailMessage | None = None) -> tuple[dict[str, aiosmtplib.SMTPResponse], str]:
    """One SMTP session: refused recipients, and the server's last words."""
    return await aiosmtplib.send(written or mail(), hostname=sandbox.smtp_host, port=sandbox.smtp_port, timeout=5)
