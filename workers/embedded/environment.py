"""What the stack's programs are told: `JOURNEYS_*` variables made of settings, found addresses and secrets."""

import hashlib
import json
import os
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from activities.channels.kinds import sending
from activities.channels.web_push.vapid import private_key, private_text, public_text
from workers.embedded.vault import Secrets, secrets_in
from workers.sandbox.push.apns_account import KEY_ID, TEAM_ID, TOPIC
from workers.sandbox.push.apns_account import NAME as APNS_KEY
from workers.sandbox.server import LOOPBACK, SES_SECRET, WEB_PUSH_CONTACT, services, wallet_settings
from workers.sandbox.sms.twilio_callbacks import ACCOUNT_SID, SENDER
from workers.sandbox.wallet.account import pass_files
from workers.settings import Settings
from workers.signing import trusted


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything is."""

    dsn: str
    temporal: str
    temporal_ui: str
    api: str
    sandbox: str
    smtp: str
    service_account: Path
    apns: str


def environment(settings: Settings, addresses: Addresses, private: Secrets) -> dict[str, str]:
    """The environment of the API and the workers.

    Providers that are configured stay; the others are the sandbox's. Those that share a channel with another one are the
    sandbox's as long as nobody has said where they are, whatever else is said of them.
    """
    found = {
        "DATABASE_URL": addresses.dsn,
        "TEMPORAL_ADDRESS": addresses.temporal,
        "TEMPORAL_UI_URL": addresses.temporal_ui,
        "DATA_DIR": str(settings.data_dir),
    } | _listening(addresses)
    if settings.temporal_address is None:  # a cloud's key in the environment is not for the embedded server
        found |= {"TEMPORAL_API_KEY": "", "TEMPORAL_TLS": "false"}
    found |= _services(settings, addresses, private) | _seconds(settings, addresses.sandbox)
    kept = _own_names(settings, addresses, private) | _sandbox(settings, addresses, private)
    return {**os.environ, **_prefixed({**kept, **given(settings), **found})}


def insist_on_whole(environ: Mapping[str, str]) -> None:
    """See that the workers would start with this environment.

    Raises:
        Misconfigured: a provider is half set; says which setting it lacks.
    """
    told = _read(environ)
    for kind in sending():
        kind.insist(told)


def may_deploy(environ: Mapping[str, str]) -> str:
    """The public halves of the keys whose versions run, as JOURNEYS_DEPLOY_PUBLIC_KEYS takes them."""
    return trusted(_read(environ)).told


def _read(environ: Mapping[str, str]) -> Settings:
    ours: dict[str, Any] = {
        name.removeprefix("JOURNEYS_").lower(): value for name, value in environ.items() if name.startswith("JOURNEYS_")
    }
    return Settings(_env_file=None, **ours)


def signing_secret(settings: Settings) -> str:
    """What the stack's programs sign with: the configured secret, or the one of the data directory."""
    return settings.secret.get_secret_value() or secrets_in(settings.data_dir).secret


def given(settings: Settings) -> dict[str, str]:
    """The settings that were set, as the text that would set them again."""
    spoken = settings.model_dump(mode="json")
    return {
        name.upper(): _text(getattr(settings, name), spoken[name])
        for name in settings.model_fields_set
        if spoken[name] is not None
    }


def _text(value: object, spoken: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, Mapping):
        return ",".join(f"{name}={each}" for name, each in value.items())
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(spoken)


def _own_names(settings: Settings, addresses: Addresses, private: Secrets) -> dict[str, str]:
    ours = {"PUBLIC_URL": addresses.api, "SECRET": settings.secret.get_secret_value() or private.secret}
    deploys = settings.deploy_key.get_secret_value() or not settings.deploy_public_keys
    return ours | ({"DEPLOY_KEY": settings.deploy_key.get_secret_value() or private.deploy_key} if deploys else {})


def _listening(addresses: Addresses) -> dict[str, str]:
    host, _, port = addresses.api.removeprefix("http://").rpartition(":")
    return {"API_HOST": host, "API_PORT": port}


def _sandbox(settings: Settings, addresses: Addresses, private: Secrets) -> dict[str, str]:
    ours: dict[str, str] = {}
    if settings.fcm_service_account is None:
        ours |= {"FCM_URL": addresses.sandbox, "FCM_SERVICE_ACCOUNT": str(addresses.service_account)}
    if settings.fcm_service_account is None and settings.apns_key is None:  # who has their own FCM may reach iOS by it
        ours |= _apns(addresses)
    if settings.wallet_apple_certificate is None and settings.wallet_google_service_account is None:
        ours |= _wallet(addresses)
    if not settings.web_push_key.get_secret_value():
        ours |= _web_push(private)
    if not settings.whatsapp_token.get_secret_value():
        ours |= _whatsapp(addresses.sandbox, private)
    if not settings.twilio_account_sid:
        ours |= _twilio(addresses.sandbox, private)
    if not settings.smtp_url.get_secret_value():
        ours |= {"SMTP_URL": addresses.smtp} | ({} if settings.email_from else {"EMAIL_FROM": "Shop <hello@shop.example>"})
    return ours


def _seconds(settings: Settings, url: str) -> dict[str, str]:
    """Whoever tries how two providers share a channel sends nothing out of the house by it; an address says that they may."""
    ours: dict[str, str] = {}
    if "resend_url" not in settings.model_fields_set:
        ours |= {"RESEND_URL": url}
    if not settings.ses_url:
        ours |= {"SES_URL": url} | (_sandbox_login("SES") if settings.ses_region else {})
    if not settings.aws_sms_url:
        ours |= {"AWS_SMS_URL": url} | (_sandbox_login("AWS_SMS") if settings.aws_sms_region else {})
    return ours


def _sandbox_login(service: str) -> dict[str, str]:
    """It checks signatures, and no real key goes there."""
    return {f"{service}_ACCESS_KEY_ID": "AKIASANDBOX", f"{service}_SECRET_ACCESS_KEY": SES_SECRET}


def _apns(addresses: Addresses) -> dict[str, str]:
    key = addresses.service_account.with_name(APNS_KEY)
    return {
        "APNS_URL": addresses.apns,
        "APNS_KEY": str(key),
        "APNS_KEY_ID": KEY_ID,
        "APNS_TEAM_ID": TEAM_ID,
        "APNS_TOPIC": TOPIC,
    }


def _wallet(addresses: Addresses) -> dict[str, str]:
    folder = addresses.service_account.parent
    told = wallet_settings(addresses.sandbox, addresses.apns, addresses.service_account, pass_files(folder))
    return {name.removeprefix("JOURNEYS_"): value for name, value in told.items()}


def _web_push(private: Secrets) -> dict[str, str]:
    """Real browsers may be written to as well: only the key is ours."""
    digest = hashlib.sha256(private.web_push.encode()).digest()
    key = private_key(urlsafe_b64encode(b"\0" + digest[1:]).decode())  # a number below the curve's order
    pair = {"WEB_PUSH_KEY": private_text(key), "WEB_PUSH_PUBLIC_KEY": public_text(key)}
    return pair | {"WEB_PUSH_CONTACT": WEB_PUSH_CONTACT}


def _services(settings: Settings, addresses: Addresses, private: Secrets) -> dict[str, str]:
    """Services that are configured stay where they are; the others are the sandbox's, on this machine."""
    secret = "whsec_" + b64encode(hashlib.sha256(private.service_secret.encode()).digest()).decode()
    configured = json.loads(settings.services_text or "{}")
    opened = dict.fromkeys([*settings.private_targets, *LOOPBACK.split(",")])
    return {"SERVICES": json.dumps(services(addresses.sandbox, secret) | configured), "PRIVATE_TARGETS": ",".join(opened)}


def _whatsapp(url: str, private: Secrets) -> dict[str, str]:
    return {
        "WHATSAPP_URL": url,
        "WHATSAPP_PHONE_NUMBER_ID": "100000000000001",
        "WHATSAPP_TOKEN": private.whatsapp_token,
        "WHATSAPP_APP_SECRET": private.whatsapp_app_secret,
        "WHATSAPP_VERIFY_TOKEN": private.whatsapp_verify_token,
    }


def _twilio(url: str, private: Secrets) -> dict[str, str]:
    return {
        "TWILIO_URL": url,
        "TWILIO_ACCOUNT_SID": ACCOUNT_SID,
        "TWILIO_AUTH_TOKEN": private.twilio_token,
        "SMS_SENDERS": SENDER,
    }


def _prefixed(values: Mapping[str, str]) -> dict[str, str]:
    return {f"JOURNEYS_{name}": value for name, value in values.items()}
