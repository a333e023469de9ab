"""What the API needs to know to start; the composition root fills it in, so that the API never imports the workers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from activities.channels.message import InAppContent
from activities.channels.preview import Given, Preview, TemplateKnown
from activities.channels.wallet.wallets import Wallets
from api.accounts import OAuth, Oidc
from api.runs.standing import Wakes, nobody_to_ask
from journeys.arms import Experiment
from journeys.clock import Clock
from journeys.onsite.places import Place
from journeys.policies import GlobalHoldout
from journeys.simulate.trial import Played, TrialRun
from journeys.sources.hook import WebhookSource
from segments import Segment
from segments.language.readings import Reading
from segments.predictions.declared import Declared
from store import Database
from store.rules import Rules


@dataclass(frozen=True, slots=True)
class ApiConfig:
    """The API's settings; sizes are bytes, rates are per second."""

    dsn: str = field(repr=False)
    pool_size: int = 10
    clock: Clock = field(default_factory=Clock)
    #: Signs unsubscribe links and users' identities, and hashes suppressed addresses; the former ones are still known.
    secret: str = field(default="", repr=False)
    former_secrets: tuple[str, ...] = field(default=(), repr=False)
    public_url: str = "http://127.0.0.1:8080"
    default_region: str = "ES"
    #: Networks inside that outgoing webhooks may go to.
    opened: tuple[IPv4Network | IPv6Network, ...] = ()
    #: In which languages STOP and START are understood; see `api.webhooks.wishes`.
    stop_languages: tuple[str, ...] = ("en", "es")
    #: Traits and properties that say who somebody is here, beside the usual ones (`segments.define.naming`).
    personal_traits: tuple[str, ...] = ()

    #: Requests stored at once by this process; more wait for their turn this many seconds before they are answered 429.
    in_flight: int = 64
    turn_seconds: float = 5.0
    #: How long a body may take to arrive, in seconds, and how many bodies may be unfinished at once: beyond, the oldest goes.
    body_seconds: float = 20.0
    unfinished_bodies: int = 256
    #: How long a request is in progress, in seconds, before Postgres must give a sign of life; without one it is answered 503.
    store_seconds: float = 5.0
    #: Events per second of one write key in this process; 0 is no limit.
    events_per_second: int = 0
    #: Statements that store events at once, each for many requests: a few hide the wait for the disk.
    lanes: int = 3
    #: Inboxes that apps keep open at once by this process, as streams of events; beyond, they ask now and then.
    inbox_streams: int = 1_000
    #: How long a key that was looked up is trusted without asking again, so how soon a revocation takes effect.
    key_ttl: float = 2.0

    #: So many soft bounces of an address within the span, with nothing that arrived, suppress it.
    soft_bounces: int = 5
    soft_bounce_window: timedelta = timedelta(days=14)
    #: The SNS topic that tells what becomes of SES's letters, and how to GET its certificate; Resend's signing secret.
    ses_topic_arn: str = ""
    #: The SNS topic that tells what becomes of AWS's text messages, and what customers text.
    aws_sms_topic_arn: str = ""
    #: The domain of our letters' `Message-ID`, for what bounces without saying it.
    mail_domain: str = ""
    sns_get: Callable[[str], Awaitable[bytes]] | None = None
    resend_webhook_secret: str = field(default="", repr=False)

    whatsapp_app_secret: str = field(default="", repr=False)
    whatsapp_verify_token: str = field(default="", repr=False)
    #: Pages hand it to the browser; what is sent is signed with the other half.
    web_push_public_key: str = ""
    twilio_auth_token: str = field(default="", repr=False)
    #: The wallets to which passes go, and how to GET the keys that sign Google's news of them.
    wallets: Wallets | None = field(default=None, repr=False)
    google_get: Callable[[str], Awaitable[bytes]] | None = None

    #: The journeys and segments of the catalogue by name.
    catalogue: Mapping[str, Any] = field(default_factory=dict)
    #: The catalogue's version: what is started here begins with it, as soon as it has been deployed.
    version: str | None = None
    segments: Mapping[str, Segment] = field(default_factory=dict)
    #: Whether a campaign or bulk start begins only once somebody else has approved it than who made it.
    approve_campaigns: bool = False
    #: Whether a prediction that is declared by API holds only once somebody else has approved it.
    approve_predictions: bool = False
    #: The experiments that journeys ask about, by journey, as they are declared.
    experiments: Mapping[str, Sequence[Experiment]] = field(default_factory=dict)
    #: The company's holdout.
    holdout: GlobalHoldout | None = None
    #: Places of pages and apps by name; and how a template is rendered there for somebody with these traits
    #: and this language, where it can be.
    places: Mapping[str, Place] = field(default_factory=dict)
    render: Callable[[str, Mapping[str, Any], str | None], InAppContent | None] | None = None
    #: How a message of the catalogue would look: by channel, template and values.
    preview: Callable[[Database, str, str, Given], Awaitable[Preview]] | None = None
    #: Whose webhooks are taken in, and what a setting that the catalogue names holds.
    hooks: Mapping[str, WebhookSource] = field(default_factory=dict)
    setting: Callable[[str], str | None] = field(default=lambda _: None, repr=False)
    #: The templates of the catalogue, in the order of their channels.
    templates: Sequence[TemplateKnown] = ()
    #: What a deployed version does to people compared with another: their ids, and the changes.
    compared: Callable[[Database, str, str | None], Awaitable[tuple[str, str, Sequence[Any]]]] | None = None
    #: What came of a made-up customer in a journey, at a time, in a version of the catalogue: which one that was, and it.
    tried: Callable[[Database, str, TrialRun, datetime, str | None], Awaitable[tuple[str | None, Played]]] | None = None
    #: What the catalogue foretells of customers; beside it is what is declared by API (`segments.ask.declared`).
    predictions: Mapping[str, Declared] = field(default_factory=dict)
    #: How the catalogue wants some traits to be read when they come in.
    readings: Mapping[str, Reading] = field(default_factory=dict)
    #: The journeys of a version of the catalogue, where its code may be executed here; for what comes next in a run.
    codes: Callable[[Database, str | None], Awaitable[Mapping[str, Any] | None]] | None = None
    #: When runs that merely sleep wake, which Temporal alone knows.
    wakes: Wakes = nobody_to_ask
    temporal_namespace: str = "default"
    #: Base URL of the Temporal UI, for links to runs.
    temporal_ui_url: str | None = None
    #: Where people sign on to the console with their company's account, beside keys.
    oidc: Oidc | None = field(default=None, repr=False)
    #: Whose access tokens are let in in place of keys.
    oauth: OAuth | None = None

    @property
    def rules(self) -> Rules:
        """What commands keep to as well."""
        opened = [str(each) for each in self.opened]
        return Rules(self.approve_campaigns, self.default_region, opened, self.approve_predictions)
