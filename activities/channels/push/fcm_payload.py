"""A push as FCM's `Message`: what all devices show, then what only Android, Apple's or browsers understand.

Promise: a device gets no more than its own platform's part, where the platform is known; one tag stands for all attempts.
Sources: FCM "REST Resource: projects.messages" and "Set the lifespan of a message"; Apple's "Sending notification requests to
APNs"; RFC 8030 (headers to browsers).
"""

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from activities.channels.errors import Refused
from activities.channels.message import Outgoing, PushContent, tag_of
from activities.channels.push.apns_payload import aps_of
from activities.channels.push.size import LIMIT

_LONGEST_LIFE = timedelta(days=28)  # that FCM keeps a message
_APPLES = {"high": "10", "normal": "5"}


def message(outgoing: Outgoing, content: PushContent) -> dict[str, Any]:
    """FCM's `Message`.

    Raises:
        Refused: it is larger than FCM takes.
    """
    parts = {"android": _android, "ios": _apple, "web": _browser}
    names = {"ios": "apns", "web": "webpush"}
    platform = outgoing.address.platform
    told = {"token": outgoing.address.value, "notification": _shown(content), "data": _data(outgoing, content)}
    _fits(told)
    return told | {names.get(each, each): part(outgoing, content) for each, part in parts.items() if platform in (None, each)}


def _shown(content: PushContent) -> dict[str, str]:
    return {"title": content.title, "body": content.body} | given(image=content.image)


def _data(outgoing: Outgoing, content: PushContent) -> dict[str, str]:
    return content.data | given(link=content.link) | {"message_key": outgoing.key}


def _fits(told: Mapping[str, Any]) -> None:
    """Refuse what FCM would, with numbers for whoever wrote the template.

    Counted as FCM counts for Android: the bytes of all keys and values of notification and data.
    """
    shown, data = (sum(len(f"{key}{value}".encode()) for key, value in told[part].items()) for part in ("notification", "data"))
    if shown + data > LIMIT:
        wrong = f"fcm takes {LIMIT} bytes, and this push has {shown} of notification and {data} of data"
        raise Refused(f"{wrong}; shorten the template's texts or its data")


def _android(outgoing: Outgoing, content: PushContent) -> dict[str, Any]:
    """High priority unless told otherwise, as FCM's default: a sleeping phone shows it when it was meant to."""
    shown = {"tag": tag_of(outgoing.key, content.collapse)} | given(
        click_action=content.click_action, sound=content.sound, channel_id=content.category, notification_count=content.badge
    )
    left = outgoing.useful_for
    life = {} if left is None else {"ttl": f"{_seconds(min(left, _LONGEST_LIFE))}s"}
    # FCM keeps four of these keys a phone, so only what an author wants replaced has one.
    kept = {} if content.collapse is None else {"collapse_key": tag_of(outgoing.key, content.collapse)}
    return {"priority": content.priority.upper(), "notification": shown} | life | kept


def _apple(outgoing: Outgoing, content: PushContent) -> dict[str, Any]:
    headers = {"apns-collapse-id": tag_of(outgoing.key, content.collapse), "apns-priority": _APPLES[content.priority]}
    if outgoing.useful_for is not None:
        headers["apns-expiration"] = str(int(time.time() + outgoing.useful_for.total_seconds()))
    aps = aps_of(content)
    picture = {} if content.image is None else {"fcm_options": {"image": content.image}}
    return {"headers": headers} | ({"payload": {"aps": aps}} if aps else {}) | picture


def _browser(outgoing: Outgoing, content: PushContent) -> dict[str, Any]:
    tag, left = tag_of(outgoing.key, content.collapse), outgoing.useful_for
    headers = {"Urgency": content.priority, "Topic": tag} | ({} if left is None else {"TTL": str(_seconds(left))})
    shown = {"tag": tag} | given(image=content.image)
    link = content.link if content.link and content.link.startswith("https://") else None  # FCM takes no other there
    return {"headers": headers, "notification": shown} | ({"fcm_options": {"link": link}} if link else {})


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def given(**fields: Any) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}
