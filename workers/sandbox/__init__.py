"""Sandbox providers: FCM, APNs, WhatsApp, Twilio and SMTP on localhost, speaking the real protocols.

Promise: a channel that works here meets the same requests, answers, error shapes and webhooks at the real provider;
only the base URL and the credentials differ. Faults are told through `Sandbox.faults` or `POST /_sandbox/faults`.
"""

from workers.sandbox.faults import FaultRule
from workers.sandbox.messages import Message, Provider
from workers.sandbox.server import Sandbox, running_sandbox

__all__ = ["FaultRule", "Message", "Provider", "Sandbox", "running_sandbox"]
