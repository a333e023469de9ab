"""An FCM HTTP v1 message: its fields, limits and how Google words each violation.

Source: the FCM v1 discovery document and firebase.google.com/docs/reference/fcm/rest/v1/projects.messages.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, AliasChoices, AliasGenerator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from workers.sandbox.nesting import too_deep

#: Bytes of keys and values: to a device, and to a topic or condition.
_MAX_BYTES, _MAX_TOPIC_BYTES = 4096, 2048
_MAX_TOKEN = 4096
_RESERVED = re.compile(r"from|message_type|google.*|gcm\.notification\..*", re.IGNORECASE)
_TOPIC = re.compile(r"[a-zA-Z0-9\-_.~%]{1,900}")


class Violation(Exception):
    """The message breaks a rule; `field` is set where Google names one (google.rpc.BadRequest)."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def _matching(pattern: str, sentence: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(sentence)
        return value

    return AfterValidator(check)


def _enum(*names: str) -> AfterValidator:
    return _matching(f"(?i:{'|'.join(names)})", f"must be one of {', '.join(names)}")


Duration = Annotated[str, _matching(r"\d+(\.\d{1,9})?s", "Illegal duration format; duration must end with 's'")]
Label = Annotated[str, _matching(r"[a-zA-Z0-9\-_.~%]{1,50}", "must match ^[a-zA-Z0-9-_.~%]{1,50}$")]
Color = Annotated[str, _matching(r"#[0-9a-fA-F]{6}", "must be in the form #RRGGBB")]
HttpsLink = Annotated[str, _matching(r"https://\S+", "must be a valid HTTPS URL")]


class _Part(BaseModel):
    """Protobuf's JSON: names in snake_case or camelCase, nothing unknown, no conversions."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        frozen=True,
        alias_generator=AliasGenerator(validation_alias=lambda name: AliasChoices(name, to_camel(name))),
    )


class FcmOptions(_Part):
    """Options for every platform."""

    analytics_label: Label | None = None


class Notification(_Part):
    """The basic notification for all platforms."""

    title: str | None = None
    body: str | None = None
    image: str | None = None


class AndroidNotification(Notification):
    """A notification on Android devices."""

    icon: str | None = None
    color: Color | None = None
    sound: str | None = None
    tag: str | None = None
    click_action: str | None = None
    body_loc_key: str | None = None
    body_loc_args: list[str] | None = None
    title_loc_key: str | None = None
    title_loc_args: list[str] | None = None
    channel_id: str | None = None
    ticker: str | None = None
    sticky: bool | None = None
    event_time: str | None = None
    local_only: bool | None = None
    notification_priority: str | None = None
    default_sound: bool | None = None
    default_vibrate_timings: bool | None = None
    default_light_settings: bool | None = None
    vibrate_timings: list[Duration] | None = None
    visibility: Annotated[str, _enum("VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET")] | None = None
    notification_count: int | None = None
    light_settings: dict[str, Any] | None = None
    bypass_proxy_notification: bool | None = None
    proxy: str | None = None


class Android(_Part):
    """What Android devices get."""

    collapse_key: str | None = None
    priority: Annotated[str, _enum("NORMAL", "HIGH")] | None = None
    ttl: Duration | None = None
    restricted_package_name: str | None = None
    data: dict[str, str] = Field(default_factory=dict)
    notification: AndroidNotification | None = None
    fcm_options: FcmOptions | None = None
    direct_boot_ok: bool | None = None
    bandwidth_constrained_ok: bool | None = None
    restricted_satellite_ok: bool | None = None


class ApnsOptions(FcmOptions):
    """Options for Apple devices."""

    image: str | None = None


class Apns(_Part):
    """What Apple devices get."""

    headers: dict[str, str] = Field(default_factory=dict)
    payload: dict[str, Any] = Field(default_factory=dict)
    fcm_options: ApnsOptions | None = None
    live_activity_token: str | None = None


class WebpushOptions(FcmOptions):
    """Options for browsers."""

    link: HttpsLink | None = None


class Webpush(_Part):
    """What browsers get."""

    headers: dict[str, str] = Field(default_factory=dict)
    data: dict[str, str] = Field(default_factory=dict)
    notification: dict[str, Any] = Field(default_factory=dict)
    fcm_options: WebpushOptions | None = None


class PushMessage(_Part):
    """`google.firebase.fcm.v1.Message`."""

    name: str | None = None
    token: str | None = None
    topic: str | None = None
    condition: str | None = None
    data: dict[str, str] = Field(default_factory=dict)
    notification: Notification | None = None
    android: Android | None = None
    apns: Apns | None = None
    webpush: Webpush | None = None
    fcm_options: FcmOptions | None = None

    @property
    def target(self) -> str:
        """Where it goes."""
        return self.token or (f"/topics/{self.topic}" if self.topic else None) or self.condition or ""

    @property
    def size(self) -> int:
        """Bytes of the keys and values that travel to the device."""
        shown = self.notification.model_dump(exclude_none=True) if self.notification else {}
        return sum(len(key.encode()) + len(value.encode()) for key, value in [*self.data.items(), *shown.items()])


class SendRequest(_Part):
    """`SendMessageRequest`."""

    message: PushMessage
    validate_only: bool = False


def parsed(payload: Any) -> SendRequest:
    """The request, or the first `Violation` as Google would word it."""
    if too_deep(payload):
        raise Violation("Invalid JSON payload received. Message too deep. Max recursion depth reached.")
    try:
        request = SendRequest.model_validate(payload)
    except ValidationError as error:
        raise _violation(error.errors()[0], payload) from error
    _check_target(request.message)
    _check_data(request.message)
    return request


def _check_target(message: PushMessage) -> None:
    targets = [name for name in ("token", "topic", "condition") if getattr(message, name) is not None]
    if not targets or not message.target:
        raise Violation("Recipient of the message is not set.")
    if len(targets) > 1:
        sentence = f"Invalid value at 'message' (oneof), oneof field 'target' is already set. Cannot set '{targets[1]}'"
        raise Violation(sentence, "message")
    if message.token is not None and (re.search(r"\s", message.token) or len(message.token) > _MAX_TOKEN):
        raise Violation("The registration token is not a valid FCM registration token")
    if message.topic is not None and not _TOPIC.fullmatch(message.topic):
        raise Violation("Malformed topic name")


def _check_data(message: PushMessage) -> None:
    for key in message.data:
        if _RESERVED.fullmatch(key):
            raise Violation(f"Invalid data payload key: {key}")
    if message.size > (_MAX_BYTES if message.token else _MAX_TOPIC_BYTES):
        raise Violation("Android message is too big")


def _violation(error: ErrorDetails, payload: Any) -> Violation:
    """A pydantic error in the words of Google's JSON parser."""
    loc, kind = error["loc"], error["type"]
    if kind == "extra_forbidden":
        where = _path(loc[:-1], payload)
        at = f" at '{where}'" if where else ""
        sentence = f'Invalid JSON payload received. Unknown name "{loc[-1]}"{at}: Cannot find field.'
        return Violation(sentence, where)
    where = _path(loc, payload)
    if kind == "missing":
        return Violation(f"Invalid value at '{where}': the field is required", where)
    shown = error["input"] if isinstance(error["input"], str | int | float | bool) else type(error["input"]).__name__
    if kind == "value_error":
        return Violation(f"Invalid value at '{where}': {error['ctx']['error']}, {shown!r}", where)
    return Violation(f"Invalid value at '{where}' ({_proto(kind)}), {shown}", where)


def _proto(kind: str) -> str:
    return {"string_type": "TYPE_STRING", "bool_type": "TYPE_BOOL", "int_type": "TYPE_INT32"}.get(kind, "TYPE_MESSAGE")


def _path(loc: Sequence[int | str], payload: Any) -> str:
    """`message.data[0].value`: protobuf counts the entries of a map."""
    path, node = "", payload
    for step in loc:
        if path.endswith(("data", "headers")) and isinstance(node, Mapping) and step in node:
            path += f"[{list(node).index(step)}].value"
        else:
            path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
        node = node.get(step) if isinstance(node, Mapping) else None
    return path
