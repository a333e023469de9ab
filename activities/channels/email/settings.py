"""Settings of email: who carries letters, what they say of their sender, what comes back, and what is measured."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode

from activities.channels.tracking import Track


class MailSettings(BaseSettings):
    """The part of the settings that is about letters."""

    smtp_url: SecretStr = Field(
        default=SecretStr(""), description="smtp://user:password@host:port (TLS required with a password; ?tls=) or smtps://…"
    )
    smtp_connections: int = Field(
        default=10, ge=1, description="connections to the relay per worker, and so letters on their way at once"
    )
    ses_region: str = Field(
        default="", pattern=r"^[a-z0-9-]*$", description="letters go by Amazon SES in this region, e.g. eu-west-1"
    )
    ses_access_key_id: str = Field(default="", description="the access key of a user who may ses:SendEmail")
    ses_secret_access_key: SecretStr = Field(default=SecretStr(""), description="its secret")
    ses_configuration_set: str = Field(default="", description="the one that publishes events; empty: the sender's own")
    ses_topic_arn: str = Field(default="", description="the SNS topic that posts SES's events to /v1/webhooks/ses")
    ses_url: str = Field(default="", description="base URL of SES's API; empty: Amazon's own for the region")
    resend_api_key: SecretStr = Field(default=SecretStr(""), description="letters go by Resend with this key (sending access)")
    resend_webhook_secret: SecretStr = Field(
        default=SecretStr(""), description="whsec_… that signs what Resend posts to /v1/webhooks/resend"
    )
    resend_url: str = Field(default="https://api.resend.com", description="base URL of Resend's API")
    track_clicks: Track = Field(
        default=Track.NEVER,
        description="links in letters are led over ours: never, consented, or always (but for who said no)",
    )
    track_opens: Track = Field(default=Track.NEVER, description="a picture in letters tells of openings: as for clicks")
    tracking_trait: str = Field(
        default="trackingConsent",
        min_length=1,
        description="the trait that says whether a customer agreed to that",
    )
    tracking_url: str = Field(
        default="", description="the API's address in tracked links, on a domain of your own; empty: public_url"
    )
    utm_sites: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="your sites, comma separated: links to them, in letters, carry utm_… parameters"
    )
    utm_source: str = Field(default="journeys", description="utm_source of these links")
    soft_bounces: int = Field(default=5, ge=1, description="so many soft bounces of an address, in a row, suppress it …")
    soft_bounce_window: timedelta = Field(
        default=timedelta(days=14), gt=timedelta(0), description="… when they come within this span"
    )
    email_from: str = Field(default="", description="From header, e.g. Shop <hello@shop.example>")
    dkim_keys: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="keys that sign letters by SMTP, where no relay does: selector=file.pem, comma separated"
    )
    dkim_domain: str = Field(default="", description="the domain that these keys are published in; empty: the sender's")
    email_reply_to: str = Field(default="", description="where answers go; empty: to the sender")
    email_unsubscribe: str = Field(
        default="", description="address of a mailbox that `journeys mailbox` reads: a second way out, beside the link"
    )
    email_bounces: str = Field(
        default="", description="address of a mailbox that `journeys mailbox` reads: what bounces returns to it, as bounces+…@"
    )

    @field_validator("utm_sites", "dkim_keys", mode="before")
    @classmethod
    def _listed(cls, given: object) -> object:
        return tuple(name.strip() for name in given.split(",") if name.strip()) if isinstance(given, str) else given
