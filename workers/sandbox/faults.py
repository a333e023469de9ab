"""Faults on demand: which provider fails how, for whom and how often; a rule its provider cannot obey is rejected."""

import random
from collections import Counter
from fnmatch import fnmatchcase
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from workers.sandbox.messages import Provider

#: How a message that was accepted gets no whole answer.
UNANSWERED = {
    "timeout_after_accept": "accepted, then no answer and a dropped connection",
    "reset": "accepted, then the connection is reset (RST)",
    "truncated": "accepted, and its answer breaks off",
}
#: What any front end does.
_OVER_HTTP = {
    "502": "an HTML page from a front end, before acceptance",
    "503": "service unavailable, before acceptance",
    "html": "200 with an HTML page of some front end, before acceptance",
    **UNANSWERED,
    "drop_before_accept": "the connection drops and nothing was accepted",
    "slow": "accepted, and answered as it should be, but only after hold_seconds",
}

#: What each provider can be told to do, and what happens then.
FAULTS: dict[Provider, dict[str, str]] = {
    Provider.FCM: {
        "401": "the access token is refused (UNAUTHENTICATED)",
        "429": "QUOTA_EXCEEDED",
        "500": "INTERNAL, before acceptance",
        "502": "an HTML page from a front end, before acceptance",
        "503": "UNAVAILABLE, before acceptance",
        "unregistered": "404 UNREGISTERED: the app was removed",
        "sender_id_mismatch": "403 SENDER_ID_MISMATCH",
        "invalid_argument": "400: the token is not a registration token",
        **UNANSWERED,
        "drop_before_accept": "the connection drops and nothing was accepted",
        "slow": "accepted, and answered as it should be, but only after hold_seconds",
        "slow_token": "the token endpoint answers as it should, but only after hold_seconds",
        "html": "200 with an HTML page of some front end, before acceptance",
    },
    Provider.APNS: {
        "429": "TooManyRequests: to this device",
        "500": "InternalServerError, before acceptance",
        "503": "ServiceUnavailable, before acceptance",
        "shutdown": "503 Shutdown, before acceptance, and the connection takes no more",
        "unregistered": "410 Unregistered as of now: the app was removed",
        "unregistered_long_ago": "410 Unregistered as of a year ago",
        "expired_token": "410 ExpiredToken as of now",
        "bad_device_token": "400 BadDeviceToken: of another environment, or of none",
        "other_topic": "400 DeviceTokenNotForTopic: of another app",
        "expired_provider_token": "403 ExpiredProviderToken",
        "payload_too_large": "413 PayloadTooLarge",
        "timeout_after_accept": "accepted, then no answer and a dropped connection",
        "drop_before_accept": "the connection drops and nothing was accepted",
        "slow": "accepted, and answered as it should be, but only after hold_seconds",
        "html": "200 with an HTML page of some front end, before acceptance",
    },
    Provider.WEB_PUSH: {
        "400": "refused",
        "403": "refused: the key is not the one that the browser was given",
        "404": "the subscription is not there (any more)",
        "410": "the subscription is gone",
        "413": "the message is too large",
        "429": "too many requests, before acceptance",
        "500": "before acceptance",
        "502": "before acceptance",
        "503": "before acceptance",
        "redirect": "sent elsewhere, to an address inside",
        "html": "200 with an HTML page of some front end, before acceptance",
        **UNANSWERED,
        "drop_before_accept": "the connection drops and nothing was accepted",
        "slow": "accepted, and answered as it should be, but only after hold_seconds",
    },
    Provider.WHATSAPP: {
        "429": "130429 rate limit hit",
        "500": "131000 something went wrong, before acceptance",
        "502": "an HTML page from a front end, before acceptance",
        "503": "2 service temporarily unavailable, before acceptance",
        "190": "the access token has expired",
        "131000": "something went wrong",
        "131026": "message undeliverable",
        "131047": "re-engagement message: the 24 h window is closed",
        "131049": "not delivered to maintain healthy ecosystem engagement",
        "130429": "rate limit hit",
        "132001": "the template does not exist in the translation",
        **UNANSWERED,
        "drop_before_accept": "the connection drops and nothing was accepted",
        "slow": "accepted, and answered as it should be, but only after hold_seconds",
        "html": "200 with an HTML page of some front end, before acceptance",
        "failed_131026": "accepted, then a `failed` status by webhook: undeliverable",
        "failed_131047": "accepted, then a `failed` status by webhook: window closed",
        "failed_131049": "accepted, then a `failed` status by webhook: marketing limit",
        "statuses_out_of_order": "accepted; statuses arrive as read, delivered, sent",
        "statuses_twice": "accepted; every status arrives twice",
        "no_statuses": "accepted; no status ever arrives",
    },
    Provider.SMTP: {
        "550": "mailbox unavailable, at RCPT TO",
        "relay": "relaying denied, at RCPT TO",
        "451": "try again later, at RCPT TO",
        "421": "service not available, at RCPT TO, and the connection closes",
        "554": "rejected after DATA",
        "timeout_after_accept": "accepted after DATA, then no answer and a dropped connection",
        "drop_before_accept": "the connection drops after DATA and nothing was accepted",
        "slow": "accepted after DATA, and answered as it should be, but only after hold_seconds",
    },
    Provider.TWILIO: {
        "401": "20003: the credentials are refused",
        "429": "20429 too many requests",
        "500": "20500 internal error, before acceptance",
        "502": "an HTML page from a front end, before acceptance",
        "503": "20503 service unavailable, before acceptance",
        "21211": "the number is none",
        "21408": "the country is not enabled in the account",
        "21606": "the sender is none of the account's",
        "21610": "the recipient wrote STOP",
        "21611": "the sender's queue is full",
        "21612": "no way from this sender to this number",
        "21614": "the number is no mobile's",
        **UNANSWERED,
        "lost": "as timeout_after_accept, and it is not listed (yet)",
        "drop_before_accept": "the connection drops and nothing was accepted",
        "slow": "accepted, and answered as it should be, but only after hold_seconds",
        "html": "200 with an HTML page of some front end, before acceptance",
        "failed_30003": "accepted, then undelivered: the telephone is switched off",
        "failed_30005": "accepted, then undelivered: nobody has the number",
        "failed_30006": "accepted, then undelivered: a landline",
        "failed_30007": "accepted, then undelivered: filtered by the carrier",
        "failed_21610": "accepted, then failed: the recipient wrote STOP",
        "statuses_out_of_order": "accepted; statuses arrive as delivered, sent, queued",
        "statuses_twice": "accepted; every status arrives twice",
        "no_statuses": "accepted; no status ever arrives",
    },
    Provider.AWS_SMS: {
        "429": "ThrottlingException, before acceptance",
        "quota": "ServiceQuotaExceededException: the month's money is spent",
        "disabled": "AccessDeniedException: the account may not send",
        "country": "ValidationException: the country is not enabled",
        "opted_out": "ConflictException: the recipient wrote STOP",
        "500": "InternalServerException, with the message accepted or not",
        **_OVER_HTTP,
    },
    Provider.SES: {
        "429": "TooManyRequestsException, before acceptance",
        "quota": "LimitExceededException: the account's quota is used up",
        "paused": "SendingPausedException: the account may not send",
        "unverified": "MessageRejected: our own address is not verified",
        "rejected": "MessageRejected: the content is not taken",
        "500": "InternalFailure, with the letter accepted or not",
        **_OVER_HTTP,
    },
    Provider.RESEND: {
        "429": "rate_limit_exceeded, before acceptance",
        "quota": "daily_quota_exceeded: the account's quota is used up",
        "rejected": "422 validation_error",
        "403": "our own domain is not verified",
        "500": "application_error, with the letter accepted or not",
        "in_progress": "409: a request under the same key is on its way",
        **_OVER_HTTP,
    },
    Provider.WALLET: {
        "401": "Google: the access token is refused",
        "403": "Google: the service account may not issue passes",
        "429": "too many requests",
        "500": "before acceptance",
        "invalid": "Google: 400 INVALID_ARGUMENT",
        "unregistered": "APNs: 410, the pass is on the device no more",
        "unregistered_long_ago": "APNs: 410 as of a year ago",
        **_OVER_HTTP,
    },
    Provider.SERVICES: {
        "400": "refused",
        "401": "refused: the signature is not taken",
        "404": "refused: nobody is known by this id",
        "410": "refused: the service is gone",
        "422": "refused",
        "429": "too many requests, before acceptance",
        "500": "before acceptance",
        "502": "before acceptance",
        "503": "before acceptance",
        "redirect": "sent elsewhere, to an address inside",
        "html": "200 with an HTML page of some front end, before acceptance",
        **UNANSWERED,
        "drop_before_accept": "the connection drops and nothing was accepted",
        "slow": "accepted, and answered as it should be, but only after hold_seconds",
        "drip": "accepted, and answered byte by byte without an end",
        "huge": "accepted, and answered with 4 MB",
        "other_shape": "accepted, and answered with another object than was asked for",
    },
}
#: Only these answers carry a Retry-After header.
_WITH_RETRY_AFTER = frozenset({"429", "503"})


def _known(rule: "FaultRule") -> "FaultRule":
    known = FAULTS[rule.provider]
    if rule.fault not in known:
        raise ValueError(f"{rule.provider} has no fault {rule.fault!r}; it has: {', '.join(known)}")
    if rule.retry_after is not None and (rule.provider is Provider.SMTP or rule.fault not in _WITH_RETRY_AFTER):
        raise ValueError("retry_after goes with 429 and 503 over HTTP only; leave it out")
    return rule


class FaultRule(BaseModel):
    """One fault to inject. Rules are tried in the order in which they came; the first that strikes wins."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: Provider
    fault: Annotated[str, BeforeValidator(lambda value: str(value) if isinstance(value, int) else value)]
    match: str = Field(
        default="*", min_length=1, max_length=200, description="glob on the address; of services on service/customer"
    )
    probability: float = Field(default=1.0, gt=0, le=1)
    times: int | None = Field(default=None, ge=1, description="how often it strikes; empty: always")
    retry_after: int | None = Field(default=None, ge=0, description="seconds, for 429 and 503")
    hold_seconds: float = Field(default=1.0, ge=0, le=600, description="silence before a slow answer, or a dropped connection")
    seed: int | None = Field(default=None, description="makes the probability repeatable")

    @model_validator(mode="after")
    def _possible(self) -> "FaultRule":
        return _known(self)


class ArmedFault(BaseModel):
    """A rule in force, and how often it struck."""

    id: int
    rule: FaultRule
    struck: int


class _Armed:
    def __init__(self, number: int, rule: FaultRule) -> None:
        self.number, self.rule, self.struck = number, rule, 0
        self._dice = random.Random(rule.seed)  # noqa: S311 - repeatable, not secret

    def strikes(self, provider: Provider, address: str, *, for_a_token: bool) -> bool:
        rule = self.rule
        if rule.provider is not provider or (rule.fault == "slow_token") is not for_a_token:
            return False
        if rule.times is not None and self.struck >= rule.times:
            return False
        return fnmatchcase(address, rule.match) and self._dice.random() < rule.probability


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
        self._armed: list[_Armed] = []
        self._count = 0
        #: Grows when rules come or go; the page asks whether it did.
        self.revision = 0
        #: (provider, fault) → how often it happened.
        self.struck: Counter[tuple[Provider, str]] = Counter()

    def add(self, rule: FaultRule) -> ArmedFault:
        """Put a rule in force."""
        self._count += 1
        self._armed.append(_Armed(self._count, rule))
        self.revision += 1
        return ArmedFault(id=self._count, rule=rule, struck=0)

    def tell(self, provider: str, fault: str, **how: object) -> ArmedFault:
        """`add`, as tests say it: `sandbox.faults.tell("fcm", "429", times=2)`."""
        return self.add(FaultRule.model_validate({"provider": provider, "fault": fault, **how}))

    def armed(self) -> list[ArmedFault]:
        """The rules in force, with how often each struck."""
        return [ArmedFault(id=a.number, rule=a.rule, struck=a.struck) for a in self._armed]

    def clear(self, number: int | None = None) -> None:
        """Remove one rule, or all."""
        self._armed = [a for a in self._armed if number is not None and a.number != number]
        self.revision += 1

    def draw(self, provider: Provider, address: str, *, for_a_token: bool = False) -> FaultRule | None:
        """The fault that this message, or request for an access token, meets, if any."""
        for armed in self._armed:
            if armed.strikes(provider, address, for_a_token=for_a_token):
                armed.struck += 1
                self.struck[provider, armed.rule.fault] += 1
                return armed.rule
        return None
