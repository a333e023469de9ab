"""A push as Apple's devices take it: `aps`, and beside it what the app finds in the notification.

Sources: Apple's "Generating a remote notification" and "Sending notification requests to APNs".
"""

from typing import Any

import orjson

from activities.channels.errors import Refused
from activities.channels.message import Outgoing, PushContent
from activities.channels.push.size import LIMIT


def aps_of(content: PushContent) -> dict[str, Any]:
    """How it is shown, without its texts.

    `mutable-content` lets the app's notification extension fetch the picture, or change the text, before it is shown.
    """
    told = {"sound": content.sound, "badge": content.badge, "category": content.category}
    mutable = {"mutable-content": 1} if content.mutable or content.image else {}
    return {name: value for name, value in told.items() if value is not None} | mutable


def payload(outgoing: Outgoing, content: PushContent) -> bytes:
    """The whole body.

    Raises:
        Refused: it is larger than APNs takes, with the numbers for whoever wrote the template.
    """
    alert = {"title": content.title, "body": content.body}
    more = {"link": content.link, "image": content.image}
    told = content.data | {name: value for name, value in more.items() if value is not None} | {"message_key": outgoing.key}
    body = orjson.dumps({"aps": {"alert": alert} | aps_of(content)} | told)
    if len(body) > LIMIT:
        texts = len(orjson.dumps(alert))
        wrong = f"apns takes {LIMIT} bytes, and this push has {len(body)}, {texts} of them title and body"
        raise Refused(f"{wrong}; shorten the template's texts or its data")
    return body
