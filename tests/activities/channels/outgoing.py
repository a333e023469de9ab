"""Messages on their way, as tests write them."""

from uuid import uuid4

from activities.channels import Address, Outgoing
from activities.channels.email.letter import Sender
from activities.channels.message import Content

SENDER_TEXT = "Northwind Outdoor <hello@shop.example>"
SENDER = Sender.parse(SENDER_TEXT)


def to(value: str, content: Content, key: str = "", traceparent: str | None = None) -> Outgoing:
    address = Address(endpoint_id=uuid4(), value=value)
    return Outgoing(key=key or f"{uuid4()}/step/1", address=address, content=content, traceparent=traceparent)
