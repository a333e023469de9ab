"""The composition root: from settings, a database and a Temporal client to the activities that workers serve."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client

from activities.asking.acting import Acting
from activities.asking.choices import Choices
from activities.asking.expecting import Expecting
from activities.asking.fitting import Fitting
from activities.asking.questions import Questions
from activities.audiences.syncing import EVERY as AS_THEY_COME
from activities.audiences.syncing import Audiences
from activities.calling.calling import Calling
from activities.calling.lines import CONNECTIONS, PATIENT, Lines
from activities.calling.where import where_of
from activities.campaigns.campaigns import Campaigns
from activities.channels.carriers import Carriers
from activities.channels.kinds import sending
from activities.channels.tracking import Tracking
from activities.channels.wallet.wallets import wallets_of
from activities.channels.whatsapp.account import Account
from activities.contexts.asking import Providers
from activities.contexts.knowing import Knowing
from activities.contexts.looking import Looking
from activities.contexts.where import where_of as where_of_contexts
from activities.deliver.deliver import Delivery
from activities.deliver.doubt import Doubt
from activities.deliver.limits import Limits
from activities.dispatch.brakes import Brakes, Thresholds
from activities.dispatch.campaigning import Campaigner
from activities.dispatch.closing import Closer
from activities.dispatch.dispatch import Dispatcher
from activities.dispatch.ending import Ender
from activities.dispatch.erasing import Eraser
from activities.dispatch.line import Line
from activities.dispatch.mending import Mender
from activities.dispatch.moving import Mover
from activities.dispatch.pace import Pace
from activities.dispatch.repeating import Repeater
from activities.dispatch.undecided import Undecided
from activities.exporting.hours import Exporting
from activities.measuring.folding import EVERY, Folding
from activities.measuring.rewarding import Rewarding
from activities.notifying.notifying import EVERY as AS_IT_HAPPENS
from activities.notifying.notifying import Notifying
from activities.predicting.asking import EVERY as WANTED
from activities.predicting.asking import Predicting
from activities.privacy.erasing import Erasing
from activities.privacy.retaining import Retaining
from activities.products.reminding import EVERY as REMINDED
from activities.products.reminding import Reminding
from activities.products.rounds import EVERY as ROUNDS
from activities.products.rounds import Rounds
from activities.products.telling import EVERY as CHANGED
from activities.products.telling import Telling
from activities.sourcing.deriving import EVERY as SAID
from activities.sourcing.deriving import Deriving
from activities.sourcing.syncing import EVERY as ASKED
from activities.sourcing.syncing import Sourcing
from activities.versions import Versions
from activities.watch import Watch
from activities.web.guarded import guarded_client
from api.ingest.taking import Taking
from journeys.catalogue import Catalogue
from journeys.contracts import Ceilings, Channel
from store import Database
from store.exports.hourly import Hourly, bucket_at
from store.retention import Keep
from workers.definitions import load_definitions
from workers.replaying import why_not
from workers.settings import Settings
from workers.signing import deployers
from workers.versions import Library, library_of

#: Seconds from one look at how WhatsApp's templates stand to the next, and from one round of read receipts to the next.
_TEMPLATES, _READ = 300.0, 2.0


@dataclass(frozen=True)
class Parts:
    """Everything a worker process serves."""

    catalogue: Catalogue
    delivery: Delivery
    campaigns: Campaigns
    questions: Questions
    choices: Choices
    expecting: Expecting
    fitting: Fitting
    acting: Acting
    calling: Calling
    looking: Looking
    watch: Watch
    folding: Folding
    rewarding: Rewarding
    notifying: Notifying
    sourcing: Sourcing
    audiences: Audiences
    predicting: Predicting
    rounds: Rounds
    telling: Telling
    reminding: Reminding
    erasing: Erasing
    retaining: Retaining
    exporting: Exporting
    carriers: Mapping[Channel, Carriers]
    library: Library
    account: Account | None = None  # WhatsApp's, where there is one

    async def close(self) -> None:
        """Let go of the connections to providers and services."""
        for each in self.carriers.values():
            await each.close()
        await self.calling.lines.close()
        await self.notifying.http.aclose()
        await self.looking.knowing.providers.http.aclose()
        await self.audiences.http.aclose()
        if self.account is not None:
            await self.account.close()
        if self.erasing.wallets is not None:
            await self.erasing.wallets.close()


def assemble(settings: Settings, database: Database, client: Client) -> Parts:
    """Put the parts together.

    Raises:
        CatalogueError: the definitions or their templates do not load.
        Misconfigured: a provider is half set.
        NoArrow: there is a bucket, and pyarrow is not installed.
    """
    definitions, _ = load_definitions(settings.catalogue)
    library = library_of(settings.catalogue, database, definitions, deployers(settings))
    carriers, account = channels(settings), Account.configured(settings, database)
    folding, filled = Folding(database, library, settings.clock), hourly(settings, database)
    foretell = Predicting(database, client, settings.clock, definitions.predictions, definitions.segments, definitions.asks)
    worked_out = Rounds(database, client, settings.clock, {**definitions.together, **definitions.again})
    tell = Telling(database, settings.clock, definitions.changes)
    remind = Reminding(database, settings.clock, definitions.again)
    told, read = notifying(settings, database, client), sourcing(settings, database, client, definitions)
    knowing = Knowing(database, providers_of_contexts(settings), settings.clock.speed)
    passed = audiences(settings, database, client, definitions)
    delivering = delivery(settings, database, library, carriers, knowing)
    return Parts(
        catalogue=definitions,
        delivery=delivering,
        campaigns=Campaigns(database, library, delivering, settings.clock),
        questions=Questions(database, library),
        choices=Choices(database, library, delivering.questions),
        rewarding=Rewarding(database, settings.clock),
        expecting=Expecting(database, library),
        fitting=Fitting(library),
        acting=Acting(database, library),
        calling=Calling(database, library, lines(settings), lambda _: settings.clock.now(), settings.clock.speed),
        looking=Looking(knowing, library),
        watch=watch(
            settings,
            database,
            client,
            library,
            account,
            folding,
            told,
            read,
            Deriving(database, settings.clock, definitions.derived),
            passed,
            foretell,
            (worked_out, tell, remind),
        ),
        folding=folding,
        notifying=told,
        sourcing=read,
        audiences=passed,
        predicting=foretell,
        rounds=worked_out,
        telling=tell,
        reminding=remind,
        erasing=Erasing(database, client, settings.clock, settings.signing_secret, wallets_of(settings), filled),
        retaining=Retaining(database, settings.clock, keep(settings)),
        exporting=Exporting(filled, settings.export_tables, settings.export_lag),
        carriers=carriers,
        library=library,
        account=account,
    )


def keep(settings: Settings) -> Keep:
    """How long each kind of data is kept."""
    days = settings.keep_events, settings.keep_dead_letters, settings.keep_message_ids, settings.keep_inbox
    return Keep(*(timedelta(days=each) if each else None for each in days))


def hourly(settings: Settings, database: Database) -> Hourly | None:
    """What fills the bucket, where there is one.

    Raises:
        NoArrow: pyarrow is not installed.
    """
    return Hourly(database, bucket_at(settings.export_bucket), settings.clock.business) if settings.export_bucket else None


def channels(settings: Settings) -> dict[Channel, Carriers]:
    """The providers that are configured. A channel without one refuses its messages when they are due, and says why.

    Raises:
        Misconfigured: a provider is half set.
    """
    found = {kind.channel: kind.carriers(settings) for kind in sending()}
    return {channel: carriers for channel, carriers in found.items() if carriers is not None}


def lines(settings: Settings) -> Lines:
    """The ways to the company's services."""
    return Lines(where_of(settings.services_text), guarded_client(PATIENT, settings.opened, connections=CONNECTIONS))


def providers_of_contexts(settings: Settings) -> Providers:
    """The ways to those who tell what it is like where customers are."""
    return Providers(
        where_of_contexts(settings.contexts_text), guarded_client(PATIENT, settings.opened, connections=CONNECTIONS)
    )


def notifying(settings: Settings, database: Database, client: Client) -> Notifying:
    """What tells those who want to know by webhooks of theirs."""
    http = guarded_client(PATIENT, settings.opened, connections=CONNECTIONS)
    return Notifying(database, client, settings.clock, http, settings.signing_secret, settings.former_secrets_given)


def sourcing(settings: Settings, database: Database, client: Client, catalogue: Catalogue) -> Sourcing:
    """What reads the catalogue's sources."""
    take = Taking(database, settings.default_region, catalogue.readings).take
    return Sourcing(database, client, settings.clock, catalogue.sources, os.environ.get, take, settings.signing_secret)


def audiences(settings: Settings, database: Database, client: Client, catalogue: Catalogue) -> Audiences:
    """What tells the destinations of the catalogue's audiences."""
    http, graph = guarded_client(PATIENT, settings.opened), f"{settings.meta_url}/{settings.meta_version}"
    secrets = settings.signing_secret, settings.former_secrets_given
    return Audiences(database, client, settings.clock, catalogue.audiences, os.environ.get, http, graph, *secrets)


def delivery(
    settings: Settings, database: Database, versions: Versions, carriers: Mapping[Channel, Carriers], knowing: Knowing
) -> Delivery:
    """The delivery activity."""
    clock = settings.clock

    return Delivery(
        database=database,
        versions=versions,
        carriers=carriers,
        clock=lambda _: clock.now(),
        limits=Limits(database),
        knowing=knowing,
        secret=settings.signing_secret,
        former_secrets=settings.former_secrets_given,
        public_url=settings.public_url,
        tracking=Tracking.of(settings),
        link_life=settings.wallet_link_life,
        doubt=Doubt(settings.doubt_pause, clock.speed),
        ceilings=Ceilings(settings.most_per_run, settings.most_per_day),
        marketing=asyncio.Semaphore(max(1, settings.database_pool // 2)),
    )


def thresholds(settings: Settings) -> Thresholds:
    """When a journey does harm."""
    return Thresholds(settings.stop_complaints, settings.stop_bounces, settings.stop_errors, settings.stop_least)


def watch(
    settings: Settings,
    database: Database,
    client: Client,
    versions: Versions,
    account: Account | None = None,
    folding: Folding | None = None,
    told: Notifying | None = None,
    read: Sourcing | None = None,
    derive: Deriving | None = None,
    passed: Audiences | None = None,
    foretell: Predicting | None = None,
    of_products: tuple[Rounds, Telling, Reminding] | None = None,
) -> Watch:
    """The watch activity with its dispatcher and closer."""
    clock = settings.clock
    closer = Closer(database, client, clock)
    dispatcher = Dispatcher(
        database=database,
        client=client,
        versions=versions,
        clock=clock,
        closer=closer,
        ender=Ender(database, client, clock, closer),
        mender=Mender(database, client, clock, versions, why_not),
        mover=Mover(database, client, clock),
        line=Line(database, versions, clock),
        undecided=Undecided(database, versions, clock, closer.look),
        eraser=Eraser(database, client, clock),
        repeater=Repeater(database, client, clock),
        campaigner=Campaigner(database, client, clock),
        brakes=Brakes(database, clock, thresholds(settings)),
        pace=Pace(settings.release_per_second),
    )
    return Watch(
        database=database,
        segments=tuple(versions.own.segments.values()),
        versions=versions,
        dispatcher=dispatcher,
        clock=clock,
        pause=settings.watch_tick,
        chores=(
            *(((account.look, _TEMPLATES), (account.show_as_read, _READ)) if account else ()),
            *(((folding.fold, EVERY),) if folding else ()),
            *(((told.wake, AS_IT_HAPPENS),) if told else ()),
            *(((read.wake, ASKED),) if read and read.declared else ()),
            *(((derive.derive, SAID),) if derive else ()),
            *(((passed.wake, AS_THEY_COME),) if passed else ()),
            *(((foretell.wake, WANTED),) if foretell else ()),
            *(_chores_of(*of_products) if of_products else ()),
        ),
    )


def _chores_of(worked_out: Rounds, tell: Telling, remind: Reminding) -> list[tuple[Callable[[], Awaitable[None]], float]]:
    """What is done now and then of products."""
    found: list[tuple[Callable[[], Awaitable[None]], float]] = [(tell.tell, CHANGED)]
    found += [(worked_out.wake, ROUNDS)] if worked_out.declared else []
    return found + ([(remind.remind, REMINDED)] if remind.declared else [])
