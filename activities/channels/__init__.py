"""Channels: one file per provider, the same small interface behind each; what they promise is in `docs/channels.md`."""

from activities.channels.base import Provider
from activities.channels.email.resend import Resend
from activities.channels.email.ses import Ses
from activities.channels.email.smtp import Smtp
from activities.channels.email.unsubscribe import InvalidToken, read_unsubscribe, sign_unsubscribe
from activities.channels.errors import Ambiguous, ChannelError, EndpointGone, Refused, TryLater
from activities.channels.message import (
    Accepted,
    Address,
    EmailContent,
    InAppContent,
    Outgoing,
    PushContent,
    SmsContent,
    WebPushContent,
)
from activities.channels.push.fcm import Fcm
from activities.channels.sms.aws import AwsSms
from activities.channels.sms.twilio import Twilio
from activities.channels.suppression import suppression_digest, suppression_digests
from activities.channels.whatsapp.cloud import WhatsApp
from activities.channels.whatsapp.content import WhatsAppContent

__all__ = [
    "Accepted",
    "Address",
    "Ambiguous",
    "AwsSms",
    "ChannelError",
    "EmailContent",
    "EndpointGone",
    "Fcm",
    "InAppContent",
    "InvalidToken",
    "Outgoing",
    "Provider",
    "PushContent",
    "Refused",
    "Resend",
    "Ses",
    "SmsContent",
    "Smtp",
    "TryLater",
    "Twilio",
    "WebPushContent",
    "WhatsApp",
    "WhatsAppContent",
    "read_unsubscribe",
    "sign_unsubscribe",
    "suppression_digest",
    "suppression_digests",
]
