"""Settings: every `JOURNEYS_*` variable, its meaning and its default; a wrong one gets a sentence that names it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode, SettingsConfigDict

from activities.channels.email.settings import MailSettings
from activities.channels.wallet.settings import WalletSettings
from activities.web.addresses import Network, network_of
from journeys.clock import Clock
from store import StoreUnreachable
from store.exports.tables import Name
from workers.strength import weakness


class SecretMissing(Exception):
    """JOURNEYS_SECRET is not set."""


class Settings(MailSettings, WalletSettings):
    """What a deployment can set, from the environment or a `.env` file."""

    model_config = SettingsConfigDict(env_prefix="JOURNEYS_", env_file=".env", extra="ignore", frozen=True)

    catalogue: str = Field(default="definitions", description="Python module that holds journeys, segments and templates")
    data_dir: Path = Field(default=Path(".journeys"), description="where the embedded stack keeps its state")

    database_url: SecretStr | None = Field(default=None, description="Postgres DSN; empty: the embedded server")
    api_database_url: SecretStr | None = Field(
        default=None, description="`journeys migrate` makes the API's role as it stands here; the API is given it as its own"
    )
    database_pool: int = Field(default=10, ge=1, description="connections per process")
    temporal_address: str | None = Field(default=None, description="host:port of Temporal; empty: the embedded dev server")
    temporal_namespace: str = Field(default="default", description="Temporal namespace")
    temporal_api_key: SecretStr | None = Field(default=None, description="Temporal Cloud API key (turns TLS on)")
    temporal_tls: bool = Field(default=False, description="use TLS towards Temporal")
    temporal_ui_url: str | None = Field(default=None, description="base URL of the Temporal UI, for links")
    temporal_ui_port: int = Field(default=8233, description="the embedded Temporal UI's port, if it is free")

    api_host: str = Field(default="127.0.0.1", description="address on which the API listens")
    api_port: int = Field(default=8080, description="port on which the API listens")
    public_url: str = Field(
        default="http://127.0.0.1:8080", description="the API's address as customers see it (unsubscribe links)"
    )
    mcp_key: SecretStr | None = Field(default=None, description="the API key with which `journeys mcp` serves an agent")
    secret: SecretStr = Field(
        default=SecretStr(""),
        description="signs unsubscribe links and identities and hashes suppressed addresses: long, random, and kept",
    )
    former_secrets: SecretStr = Field(
        default=SecretStr(""),
        description="what JOURNEYS_SECRET was before, comma separated: old links still work, and suppressions are still found",
    )
    deploy_key: SecretStr = Field(
        default=SecretStr(""),
        description="signs versions of the catalogue: a long random text, or the path of a file with it; workers need none",
    )
    deploy_public_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="whose versions workers run, comma separated: `journeys deploy --public-key` prints one"
    )
    ingest_in_flight: int = Field(default=64, ge=1, description="batches taken at once per API process before 429")
    ingest_events_per_second: int = Field(default=0, ge=0, description="per write key and API process; 0: no limit")
    default_region: str = Field(default="ES", description="ISO 3166 region of phone numbers without a country code")

    stop_languages: Annotated[tuple[str, ...], NoDecode] = Field(
        default=("en", "es"), description="languages in which customers write STOP and START, comma separated"
    )

    personal_traits: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="traits and properties that say who somebody is here, beside the usual ones, comma separated"
    )

    fcm_service_account: Path | None = Field(default=None, description="Google service-account JSON file for FCM")
    fcm_url: str = Field(default="https://fcm.googleapis.com", description="base URL of FCM HTTP v1")
    apns_key_id: str = Field(default="", description="the id of Apple's token signing key, ten characters")
    apns_team_id: str = Field(default="", description="the id of the developer's team, ten characters")
    apns_topic: str = Field(default="", description="the app's bundle id, e.g. example.shop.app")
    apns_key: Path | None = Field(
        default=None, description="Apple's token signing key (.p8 file): pushes to iOS go by APNs; empty: by FCM, as all others"
    )
    apns_url: str = Field(
        default="https://api.push.apple.com", description="APNs; for development builds https://api.sandbox.push.apple.com"
    )
    web_push_contact: str = Field(
        default="",
        pattern=r"^$|^(mailto:.+@.+|https://.+)$",
        description="whom push services may write to: mailto:… or https://…",
    )
    web_push_key: SecretStr = Field(
        default=SecretStr(""), description="signs messages to browsers (VAPID): `journeys keys web-push` prints a pair"
    )
    web_push_public_key: str = Field(default="", description="its public half, which the API hands to pages")
    whatsapp_url: str = Field(default="https://graph.facebook.com", description="base URL of the Graph API")
    whatsapp_version: str = Field(default="v21.0", description="Graph API version")
    whatsapp_phone_number_id: str = Field(default="", description="the business phone number's id")
    whatsapp_business_account_id: str = Field(default="", description="holds the templates; empty: nobody asks how they stand")
    whatsapp_token: SecretStr = Field(default=SecretStr(""), description="system-user access token")
    whatsapp_app_secret: SecretStr = Field(default=SecretStr(""), description="signs webhooks (X-Hub-Signature-256)")
    whatsapp_verify_token: SecretStr = Field(default=SecretStr(""), description="answers Meta's webhook verification")
    meta_url: str = Field(default="https://graph.facebook.com", description="base URL of the Graph API, for custom audiences")
    meta_version: str = Field(default="v25.0", description="Graph API version, for custom audiences")
    sms_senders: Annotated[Mapping[str, str], NoDecode] = Field(
        default_factory=dict,
        description="who text messages come from, by country: *=+34600000001, US=+15550001234, FR=Shop; one alone is for all",
    )
    twilio_url: str = Field(default="https://api.twilio.com", description="base URL of Twilio's REST API")
    twilio_account_sid: str = Field(default="", description="Twilio account that sends text messages (AC…)")
    twilio_auth_token: SecretStr = Field(
        default=SecretStr(""), description="signs webhooks (X-Twilio-Signature), and is the login where no API key is given"
    )
    twilio_api_key: str = Field(default="", description="SID of the API key that sends (SK…)")
    twilio_api_secret: SecretStr = Field(default=SecretStr(""), description="its secret")

    aws_sms_region: str = Field(default="", description="AWS region whose End User Messaging sends text messages")
    aws_sms_access_key_id: str = Field(default="", description="access key of a user who may sms-voice:SendTextMessage")
    aws_sms_secret_access_key: SecretStr = Field(default=SecretStr(""), description="its secret")
    aws_sms_configuration_set: str = Field(default="", description="configuration set whose events tell what became of them")
    aws_sms_topic_arn: str = Field(
        default="", description="the SNS topic that posts these events, and what customers text, to /v1/webhooks/aws-sms"
    )
    aws_sms_url: str = Field(default="", description="base URL of its API; empty: Amazon's of the region")

    provider_weights: Annotated[Mapping[str, int], NoDecode] = Field(
        default_factory=dict,
        description="how several providers of a channel share its messages: twilio=3, aws-sms=1; 0: it only stands in;"
        " a channel of which none is named goes by the first of its providers, and the others stand in",
    )

    services: SecretStr = Field(
        default=SecretStr(""),
        description='where the services are that journeys call, as JSON or the path of a file with it: {"crm": {"url": "https://…",'
        ' "secrets": ["whsec_…"]}}; a second secret while one is replaced, "authorization" for what else it wants to see',
    )
    contexts: SecretStr = Field(
        default=SecretStr(""),
        description="what providers of contexts want besides what the catalogue says, as JSON or the path of a file with it:"
        ' {"weather": {"query": {"apikey": "…"}}}; "authorization", or another "url"',
    )
    private_targets: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="networks inside that services, providers of contexts and receivers of webhooks may be in, comma separated;"
        " empty: none",
    )

    doubt_pause: timedelta = Field(
        default=timedelta(seconds=30),
        gt=timedelta(0),
        description="before the second copy of a transactional message in doubt; each further one waits four times as long",
    )
    most_per_run: int = Field(
        default=100, ge=1, le=32_000, description="messages that a run may ask for, sent or not, before it is ended (`most=`)"
    )
    most_per_day: int = Field(
        default=20, ge=1, description="marketing messages to a customer in 24 h, over all journeys; the next one waits"
    )

    keep_events: int = Field(default=0, ge=0, description="days that events are kept, by whole weeks; 0: for ever")
    keep_dead_letters: int = Field(default=0, ge=0, description="days that calls not taken in are kept; 0: for ever")
    keep_message_ids: int = Field(default=0, ge=0, description="days that a repeated call is known by its id; 0: for ever")
    keep_inbox: int = Field(default=0, ge=0, description="days that in-app messages are kept after they expired; 0: for ever")
    export_bucket: str = Field(
        default="",
        description="where each hour's rows go as files: s3://bucket/prefix, gs://…, abfss://…, file:///folder; empty: nowhere;"
        " credentials are where the provider's own programs look: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a role, …",
    )
    export_tables: Annotated[tuple[Name, ...], NoDecode] = Field(
        default=tuple(Name), description="which tables go there, comma separated: events, deliveries, …; empty: all"
    )
    export_lag: timedelta = Field(
        default=timedelta(minutes=5), ge=timedelta(0), description="how long an hour is over before its files are written"
    )
    stop_complaints: float = Field(
        default=0.003, gt=0, le=1, description="a journey is paused by itself beyond this share of complaints in a day, …"
    )
    stop_bounces: float = Field(default=0.1, gt=0, le=1, description="… of dead addresses, …")
    stop_errors: float = Field(default=0.5, gt=0, le=1, description="… or of errors: refused, or not renderable, …")
    stop_least: int = Field(default=100, ge=1, description="… of at least so many messages; 1 as a share: never")

    release_per_second: float = Field(
        default=50.0,
        gt=0,
        le=10_000,
        description="messages that leave after a pause, over all journeys; each passes the gate anew",
    )

    oidc_issuer: str = Field(default="", description="where people's accounts are, who sign on to the console (OpenID Connect)")
    oidc_client_id: str = Field(default="", description="what the console is called there")
    oidc_client_secret: SecretStr = Field(default=SecretStr(""), description="its secret there")
    oidc_groups: str = Field(default="groups", description="the claim that has somebody's groups")
    oidc_roles: str = Field(
        default="",
        description="what groups may, the first counts: marketing=read, ops=operate+personal, carts=read:journey",
    )
    oauth_issuer: str = Field(
        default="", description="the authorization server whose access tokens are let in beside keys (OAuth 2.1); empty: none"
    )
    oauth_audiences: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="what its tokens for this API are made out to beside its own addresses, comma separated"
    )
    oauth_per_minute: int = Field(
        default=600, ge=0, description="requests a minute of one subject of tokens, per API process; 0: no limit"
    )
    approve_campaigns: bool = Field(
        default=False, description="campaigns and bulk starts wait until another key than the one that made them approves them"
    )
    approve_predictions: bool = Field(
        default=False,
        description="predictions by API hold only once another key than the one that wrote them approves",
    )
    worker_queues: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="task queues this worker serves, comma separated; empty: all but train, which has a process of its own",
    )
    train_memory: int = Field(
        default=6144, ge=0, description="MiB of addresses that a process which trains predictions may have (0: no limit)"
    )
    build_id: str = Field(
        default="",
        description="this release of the engine, as a version of the Temporal Worker Deployment `journeys`; empty: unversioned",
    )
    watch_shards: int = Field(default=1, ge=1, le=256, description="how many watches share the customers")
    watch_tick: timedelta = Field(default=timedelta(milliseconds=100), description="pause between two looks for changes")
    sandboxed: bool = Field(default=False, description="run workflows in Temporal's strict sandbox (slower; tests do)")

    log_format: Literal["auto", "console", "json"] = Field(default="auto", description="auto: console on a terminal, else JSON")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="lowest level that is logged")
    otlp_endpoint: str | None = Field(default=None, description="OTLP/HTTP collector for traces, e.g. http://localhost:4318")
    metrics_port: int = Field(default=0, description="Prometheus port of this process (0: none)")
    temporal_metrics_port: int = Field(default=0, description="Prometheus port of Temporal's runtime in this process (0: none)")

    clock_real_origin: datetime | None = Field(
        default=None, description="demo only: real instant at which business time starts"
    )
    clock_business_origin: datetime | None = Field(default=None, description="demo only: business time at that instant")
    clock_speed: float = Field(default=1.0, gt=0, description="demo only: how much faster business time runs")

    @field_validator(
        *(
            "worker_queues",
            "stop_languages",
            "personal_traits",
            "deploy_public_keys",
            "private_targets",
            "export_tables",
            "oauth_audiences",
        ),
        mode="before",
    )
    @classmethod
    def _split(cls, given: object) -> object:
        return tuple(name.strip() for name in given.split(",") if name.strip()) if isinstance(given, str) else given

    @field_validator("stop_languages")
    @classmethod
    def _understood(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        from api.webhooks.wishes import LANGUAGES  # with the API behind it: only who sets it pays for that

        if unknown := sorted(set(given) - set(LANGUAGES)):
            raise ValueError(f"STOP is not known in {', '.join(unknown)}; use some of {', '.join(LANGUAGES)}")
        return given

    @field_validator("apns_key")
    @classmethod
    def _with_ids(cls, given: Path | None, info: ValidationInfo) -> Path | None:
        missing = [name for name in ("apns_key_id", "apns_team_id", "apns_topic") if not info.data.get(name)]
        if given and missing:
            named = " and ".join(f"JOURNEYS_{name.upper()}" for name in missing)
            raise PydanticCustomError("apns_ids", "it goes with {named}, which are not set", {"named": named})
        return given

    @field_validator("web_push_key")
    @classmethod
    def _signs(cls, given: SecretStr, info: ValidationInfo) -> SecretStr:
        from activities.channels.web_push.vapid import private_key  # only who sets it pays for cryptography

        if text := given.get_secret_value():
            try:
                private_key(text)
            except ValueError as error:
                raise PydanticCustomError("no_key", "{why}", {"why": str(error)}) from None
            if not info.data.get("web_push_contact"):
                raise PydanticCustomError("no_contact", "it goes with JOURNEYS_WEB_PUSH_CONTACT, which is not set")
        return given

    @field_validator("export_tables")
    @classmethod
    def _all_unless_named(cls, given: tuple[Name, ...]) -> tuple[Name, ...]:
        return given or tuple(Name)

    @field_validator("export_bucket")
    @classmethod
    def _is_one(cls, given: str) -> str:
        kinds = ("s3", "gs", "abfss", "file")
        if not given:
            return given
        try:
            where = urlsplit(given)
        except ValueError:
            raise PydanticCustomError("no_bucket", "it is no URL") from None
        if where.scheme not in kinds or not (where.path.startswith("/") if where.scheme == "file" else where.hostname):
            raise PydanticCustomError("no_bucket", "it is none of s3://bucket/prefix, gs://…, abfss://… and file:///folder")
        if where.password is not None:
            raise PydanticCustomError(
                "no_bucket", "it holds a password; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead"
            )
        return given

    @field_validator("private_targets")
    @classmethod
    def _may_be_opened(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for each in given:
            network_of(each)
        return given

    @field_validator("sms_senders", mode="before")
    @classmethod
    def _by_country(cls, given: object) -> object:
        from activities.channels.sms.senders import read_senders  # with the channels behind it: only who sets it pays for that

        return read_senders(given) if isinstance(given, str) else given

    @field_validator("provider_weights", mode="before")
    @classmethod
    def _by_provider(cls, given: object) -> object:
        from activities.channels.carriers import read_weights
        from activities.channels.kinds import provider_names  # with the channels behind them: only who sets it pays for that

        return read_weights(given, provider_names()) if isinstance(given, str) else given

    @field_validator("services", "contexts")
    @classmethod
    def _says_where(cls, given: SecretStr, info: ValidationInfo) -> SecretStr:
        from activities.calling.where import where_of as services_of  # with httpx behind it: only who sets it pays for that
        from activities.contexts.where import where_of as contexts_of

        where_of = contexts_of if info.field_name == "contexts" else services_of
        text = given.get_secret_value().strip()
        if text.startswith(("/", ".")) and not Path(text).is_file():
            raise PydanticCustomError("no_file", "there is no such file")
        if text:
            try:
                where_of(_text_or_file(text))
            except ValueError as error:
                raise PydanticCustomError("no_service", "{why}", {"why": str(error)}) from None
        return given

    @field_validator("secret")
    @classmethod
    def _strong(cls, given: SecretStr) -> SecretStr:
        """Former ones may be weak: what they signed is to be recognised, and nothing is signed with them any more."""
        if (text := given.get_secret_value()) and (why := weakness(text)):
            raise PydanticCustomError("weak_secret", "{why}", {"why": why})
        return given

    @property
    def opened(self) -> tuple[Network, ...]:
        """Networks inside that requests may go to."""
        return tuple(network_of(each) for each in self.private_targets)

    @property
    def former_secrets_given(self) -> tuple[str, ...]:
        """The former secrets, in the order given."""
        given = (secret.strip() for secret in self.former_secrets.get_secret_value().split(","))
        return tuple(secret for secret in given if secret)

    @field_validator("deploy_key")
    @classmethod
    def _strong_or_a_file(cls, given: SecretStr) -> SecretStr:
        text = given.get_secret_value().strip()
        in_a_file = text.startswith(("/", "."))
        if in_a_file and not Path(text).is_file():
            raise PydanticCustomError("no_file", "there is no such file")
        if text and not in_a_file and (why := weakness(text)):
            raise PydanticCustomError("weak_secret", "{why}", {"why": why})
        return given

    @property
    def deploy_key_text(self) -> str:
        """The deploy key, from its file if it is one; empty: this process may not deploy."""
        return _text_or_file(self.deploy_key.get_secret_value().strip())

    @property
    def contexts_text(self) -> str:
        """What providers of contexts want, as JSON, from its file if it is one."""
        return _text_or_file(self.contexts.get_secret_value().strip())

    @property
    def services_text(self) -> str:
        """Where services are, as JSON, from its file if it is one."""
        return _text_or_file(self.services.get_secret_value().strip())

    @property
    def signing_secret(self) -> str:
        """The secret.

        Raises:
            SecretMissing: none is set.
        """
        if not self.secret.get_secret_value():
            raise SecretMissing(
                "JOURNEYS_SECRET is not set: it signs unsubscribe links; make one with `openssl rand -hex 32` and keep it"
            )
        return self.secret.get_secret_value()

    @property
    def clock(self) -> Clock:
        """Business time; real time unless the demo says otherwise."""
        if self.clock_real_origin is None or self.clock_business_origin is None:
            return Clock()
        return Clock(real_origin=self.clock_real_origin, business_origin=self.clock_business_origin, speed=self.clock_speed)

    @property
    def dsn(self) -> str:
        """The Postgres DSN.

        Raises:
            StoreUnreachable: none is set.
        """
        if self.database_url is None:
            raise StoreUnreachable("JOURNEYS_DATABASE_URL is not set; run `journeys dev` for an embedded Postgres")
        return self.database_url.get_secret_value()


def _text_or_file(given: str) -> str:
    """What is given, or what stands in the file whose path it is."""
    return Path(given).read_text().strip() if given.startswith(("/", ".")) else given
