"""The API as a process: settings and catalogue in, app out; the target of `uvicorn --factory workers.serve:create_app`."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import structlog
from fastapi import FastAPI

import api
from activities.channels.email.letter import Sender
from activities.channels.message import Content, InAppContent
from activities.channels.wallet.wallets import wallets_of
from api import ApiConfig
from api.accounts import OAuth, Oidc, grants_of
from journeys import JourneyDefinition
from journeys.contracts import Channel
from segments import Segment
from segments.time.calendar import rules_of
from segments.time.zones import whereabouts
from workers.codes import Codes, Trying
from workers.compared import Comparing
from workers.settings import Settings
from workers.signing import trusted
from workers.waking import Wakings

if TYPE_CHECKING:
    from activities.templates import Context

log = structlog.get_logger(__name__)


def create_app() -> FastAPI:
    """The app of this process, with logs and traces set up; several processes may run it side by side."""
    from workers.definitions import experiments_of, load_definitions, previews_of, senders_of, templates_in
    from workers.telemetry import set_up
    from workers.versions import archive_now

    settings = Settings()
    set_up("journeys-api", settings)
    catalogue, templates = load_definitions(settings.catalogue)
    config = api_config(settings, catalogue.journeys, catalogue.segments, archive_now(settings.catalogue).id)
    senders = senders_of(catalogue)
    previews = previews_of(catalogue, templates, settings.public_url, senders)
    return api.create_app(
        replace(
            config,
            readings=catalogue.readings,
            hooks=catalogue.hooks,
            setting=os.environ.get,
            places=catalogue.places,
            predictions=catalogue.predictions,
            experiments=experiments_of(catalogue),
            holdout=catalogue.holdout,
            render=rendering(templates.render),
            preview=partial(previews, settings.clock),
            templates=[*templates_in(catalogue, templates, senders)],
            compared=Comparing(trusted(settings)),
            tried=Trying(settings.catalogue, trusted(settings), config.version),
        )
    )


def rendering(
    rendered: "Callable[[Channel, str, Context], Content]",
) -> Callable[[str, Mapping[str, Any], str | None], InAppContent | None]:
    """How what places show is rendered: for somebody with these traits, on their own clock; nothing where it cannot be."""
    from activities.templates import BrokenTemplate, Context

    def render(name: str, traits: Mapping[str, Any], language: str | None) -> InAppContent | None:
        zone = rules_of(whereabouts(traits, None, None, "UTC").likely("UTC"))
        try:
            context = Context(customer=traits, zone=zone, language=language)
            return cast("InAppContent", rendered(Channel.IN_APP, name, context))
        except BrokenTemplate as error:  # it names a variable, never its value
            log.debug("content passed over", template=name, why=str(error))  # strangers have no names: it is no fault
            return None

    return render


def api_config(
    settings: Settings,
    journeys: Mapping[str, JourneyDefinition],
    segments: Mapping[str, Segment] = MappingProxyType({}),
    version: str | None = None,
) -> ApiConfig:
    """What the API needs to know, out of all settings.

    Raises:
        StoreUnreachable: no database is set.
    """
    return ApiConfig(
        dsn=settings.dsn,
        pool_size=settings.database_pool,
        clock=settings.clock,
        secret=settings.signing_secret,
        former_secrets=settings.former_secrets_given,
        public_url=settings.public_url,
        default_region=settings.default_region,
        opened=settings.opened,
        stop_languages=settings.stop_languages,
        personal_traits=settings.personal_traits,
        in_flight=settings.ingest_in_flight,
        events_per_second=settings.ingest_events_per_second,
        soft_bounces=settings.soft_bounces,
        soft_bounce_window=settings.soft_bounce_window,
        mail_domain=Sender.parse(settings.email_from).domain if settings.email_from else "",
        ses_topic_arn=settings.ses_topic_arn,
        aws_sms_topic_arn=settings.aws_sms_topic_arn,
        resend_webhook_secret=settings.resend_webhook_secret.get_secret_value(),
        whatsapp_app_secret=settings.whatsapp_app_secret.get_secret_value(),
        whatsapp_verify_token=settings.whatsapp_verify_token.get_secret_value(),
        web_push_public_key=settings.web_push_public_key,
        wallets=wallets_of(settings),
        twilio_auth_token=settings.twilio_auth_token.get_secret_value(),
        approve_campaigns=settings.approve_campaigns,
        approve_predictions=settings.approve_predictions,
        catalogue=journeys,
        version=version,
        segments=segments,
        codes=Codes(settings.catalogue, journeys, trusted(settings), version),
        wakes=Wakings(settings),
        temporal_namespace=settings.temporal_namespace,
        temporal_ui_url=settings.temporal_ui_url,
        oidc=_oidc(settings),
        oauth=_oauth(settings),
    )


def _oidc(settings: Settings) -> Oidc | None:
    """Where people sign on with their company's account.

    Raises:
        BadRoles: what groups may cannot be read.
    """
    if not settings.oidc_issuer:
        return None
    secret, grants = settings.oidc_client_secret.get_secret_value(), grants_of(settings.oidc_roles)
    return Oidc(settings.oidc_issuer, settings.oidc_client_id, secret, grants, settings.oidc_groups)


def _oauth(settings: Settings) -> OAuth | None:
    """Whose access tokens are let in.

    Raises:
        BadIssuer: it is nobody who may vouch for them.
        BadRoles: what groups may cannot be read.
    """
    if not settings.oauth_issuer:
        return None
    more = settings.oauth_audiences, settings.oauth_per_minute or None
    return OAuth(settings.oauth_issuer, grants_of(settings.oidc_roles), settings.oidc_groups, *more)
