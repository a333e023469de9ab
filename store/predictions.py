"""Predictions in Postgres: how each stands, the models that were fitted to the past, and what they say of customers.

Promise: a model is written whole, in the one transaction that makes it the champion; scores and the crossings that follow from
them are written together, some thousand customers at a time.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from math import inf, nextafter
from struct import pack
from typing import Any, Literal, Protocol
from uuid import UUID

from store.audit import note
from store.database import Connection, Database
from store.named import queries

#: Around the rows of COPY's binary format (https://www.postgresql.org/docs/current/sql-copy.html).
COPY_BEGINS, COPY_ENDS = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\xff\xff"
_SQL = queries("predictions")
_TENTHS = 10
#: What a row says of a customer.
_SAID = ("score", "version", "as_of", "low", "high", "label", "more")
ModelState = Literal["champion", "challenger", "former", "trial"]
_UNTRAINED = (
    "no model has been trained yet; a process of its own trains: is one running (`journeys worker --train`, which needs"
    " `pip install 'journeys[predictions]'`), and what does it say of the last training"
)
Standing = Literal["scoring", "held", "failing", "waiting", "training"]


@dataclass(frozen=True, slots=True)
class PredictionRow:
    """A prediction as it stands; `champion…`, `family` and `card` are of the model that scores, where there is one."""

    name: str
    kind: str
    declared: str
    retrain: timedelta
    score: timedelta
    max_age: timedelta
    asked_at: datetime | None
    score_asked_at: datetime | None
    trained_at: datetime | None
    scored_at: datetime | None
    people: int
    doing: str | None
    failed_at: datetime | None
    failure: str | None
    champion: int | None
    held_since: datetime | None
    held_why: str | None
    settled: list[str]
    champion_at: datetime | None
    champion_of: str | None
    family: str | None
    card: dict[str, Any] | None = field(repr=False)
    models: int

    def standing(self, now: datetime) -> Standing:
        """How it stands, in one word; that a first model is being trained says more than why the last try failed."""
        if self.champion is None and self.doing is not None:
            return "training"
        if self.failed_at is not None:
            return "failing"
        if self.champion is None:
            return "waiting"
        return "held" if self.held(now) else "scoring"

    def held(self, now: datetime) -> str | None:
        """Why nobody new comes over a threshold now, also where nobody scores any more that could have said so."""
        if self.champion is None or self.champion_at is None:
            return _UNTRAINED if self.failure is None else f"no model has been trained yet: {self.failure}"
        if now - self.champion_at > self.max_age:
            age, most = ((span / timedelta(days=1)) for span in (now - self.champion_at, self.max_age))
            return f"its model is {age:.1f} days old, and is trusted for {most:g}; see why no newer one was trained"
        return self.held_why


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model that was fitted, without its parameters."""

    version: int
    declared: str
    family: str
    sha256: str
    card: dict[str, Any] = field(repr=False)
    trained_at: datetime
    state: ModelState


@dataclass(frozen=True, slots=True)
class Champion:
    """The model that scores."""

    version: int
    declared: str
    family: str
    parameters: str = field(repr=False)
    sha256: str
    card: dict[str, Any] = field(repr=False)
    trained_at: datetime


@dataclass(frozen=True, slots=True)
class NewModel:
    """A model that is to be kept."""

    declared: str
    family: str
    parameters: str = field(repr=False)
    sha256: str
    card: Mapping[str, Any] = field(repr=False)
    trained_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """How true scores of an instant were: sums over people, squares those of what came less what was foretold.

    The log loss is one of probabilities only.
    """

    as_of: datetime
    people: int
    foretold: float
    came: float
    squares: float
    log_loss: float | None
    version: int = 0
    bins: Sequence[Sequence[float]] = ()  # by score, lowest first: people, sum of probabilities, of how many it came true


@dataclass(frozen=True, slots=True)
class Score:
    """What is foretold of a customer; version and date are those at which the score became what it is."""

    prediction: str
    score: float
    version: int
    as_of: datetime
    low: float | None = None
    high: float | None = None
    label: str | None = None
    more: Mapping[str, float] | None = None


@dataclass(frozen=True, slots=True)
class NewScores:
    """What is foretold of customers from now on.

    Attributes:
        columns: What `rows` has: `id`, `version`, `score` and any of `low`, `high`, `label`, `more`, in this or another order.
        rows: In the binary format of COPY.
        labels: The kinds, by their numbers in `label` from 1 on; of who is in none it is 0.
        more: The names of the numbers in `more`, in their order.
    """

    columns: Sequence[str]
    rows: bytes = field(repr=False)
    labels: Sequence[str] = ()
    more: Sequence[str] = ()

    @classmethod
    def of_one(cls, who: UUID, version: int, score: float, label: str | None) -> "NewScores":
        """What is foretold of one customer."""
        columns = {"id": who.bytes, "version": pack(">i", version), "score": pack(">d", score)}
        columns |= {"label": pack(">i", 1)} if label is not None else {}
        row = pack(">h", len(columns)) + b"".join(pack(">i", len(each)) + each for each in columns.values())
        return cls(list(columns), COPY_BEGINS + row + COPY_ENDS, [label] if label is not None else [])


@dataclass(frozen=True, slots=True)
class Shape:
    """How scores lie: customers by tenths of the score from 0 to 1, scores by tenths of the customers, customers by kind."""

    bands: list[int]
    spread: list[float]
    sizes: dict[str, int]


@dataclass(frozen=True, slots=True)
class Told:
    """By what customers were scored.

    Attributes:
        prediction: Its name.
        version: Of the model.
        as_of: What had happened by then is what the scores know.
    """

    prediction: str
    version: int
    as_of: datetime


class Threshold(Protocol):
    """What `segments.leaves.crossed.Crossed` is."""

    @property
    def kind(self) -> str:
        """The type of its events."""

    @property
    def up(self) -> float:
        """A score from here on is over it."""

    @property
    def back(self) -> float:
        """One that was over it is so until it is below this."""


Scores = Sequence[tuple[UUID, float | None]]
Labels = Sequence[tuple[UUID, str | None]]


async def found(source: "Database | Connection", name: str | None = None) -> list[PredictionRow]:
    """All of them by name, or the one of this name."""
    on = source.pool if isinstance(source, Database) else source
    return [PredictionRow(**dict(row)) for row in await on.fetch(_SQL["all"], name)]


async def declare(
    source: "Database | Connection",
    name: str,
    declared: str,
    retrain: timedelta,
    score: timedelta,
    max_age: timedelta,
    now: datetime,
    *,
    kind: str = "probability",
) -> None:
    """Write down a prediction that is declared; a new one, or one that means something else, is to be trained at once.

    One of another kind than before begins without a model, scores or anybody who is over a threshold.
    """
    if isinstance(source, Database):
        async with source.transaction() as connection:
            await declare(connection, name, declared, retrain, score, max_age, now, kind=kind)
        return
    was = await source.fetchval(_SQL["kind_before"], name, kind)
    await source.execute(_SQL["declare"], name, declared, retrain, score, max_age, now, kind)
    if was is not None:
        await _begin_anew(source, name, now)


async def _begin_anew(connection: Connection, name: str, now: datetime) -> None:
    """What was said by the kind before says nothing of the one that it is now."""
    await connection.execute(_SQL["step_down"], name, ["champion", "challenger", "trial"])
    await connection.execute(_SQL["begin_anew"], name, now)
    await connection.execute(queries("ingest")["ensure_week"], now)
    await connection.execute(_SQL["let_fall"], name, now)
    await connection.execute(_SQL["drop_all"], name)


async def means(connection: Connection, name: str) -> str | None:
    """What it means as it is declared, which stays so inside the caller's transaction; None where it is not known."""
    found: str | None = await connection.fetchval(_SQL["means"], name)
    return found


async def retire(source: "Database | Connection", names: Sequence[str], now: datetime) -> None:
    """Nobody declares them any more: they are not shown, trained or scored; models stay, and `clear` takes scores away."""
    on = source.pool if isinstance(source, Database) else source
    await on.execute(_SQL["retire"], list(names), now)


async def clear(database: Database, at_once: int = 5_000) -> int:
    """Take away the scores of predictions that nobody declares any more; returns how many."""
    count = 0
    for row in await database.pool.fetch(_SQL["left_over"]):
        while gone := await database.pool.fetchval(_SQL["drop_some"], row["name"], at_once):
            count += gone
    return count


async def ask_training(database: Database, name: str, now: datetime) -> bool:
    """Have a prediction trained now, and customers scored by it; whether there is one."""
    async with database.transaction() as connection:
        known = await connection.fetchval(_SQL["ask_training"], name, now) is not None
        if known:
            await note(connection, "train", "prediction", name)
        return known


async def ask_scoring(database: Database, name: str, now: datetime) -> bool:
    """Have customers scored now by a prediction; whether there is one."""
    async with database.transaction() as connection:
        known = await connection.fetchval(_SQL["ask_scoring"], name, now) is not None
        if known:
            await note(connection, "score", "prediction", name)
        return known


async def asked(database: Database) -> list[tuple[str, bool]]:
    """Those that somebody wants trained (true) or scored now."""
    return [(row["name"], row["trains"]) for row in await database.pool.fetch(_SQL["asked_for"])]


async def taken_up(database: Database, name: str, *, trains: bool) -> None:
    """What was asked for is on its way; a training scores, too."""
    await database.pool.execute(_SQL["taken_up"], name, trains)


async def doing(database: Database, name: str, what: str) -> None:
    """Say what is being done right now."""
    await database.pool.execute(_SQL["doing"], name, what)


async def fail(database: Database, name: str, now: datetime, what: Literal["train", "score"], why: str) -> None:
    """Write down that a training or scoring did not come to its end, and why."""
    await database.pool.execute(_SQL["failed"], name, now, what, why)


async def models(database: Database, name: str, most: int = 20) -> list[ModelRow]:
    """The models of a prediction, newest first."""
    return [ModelRow(**dict(row)) for row in await database.pool.fetch(_SQL["models"], name, most)]


async def champion(connection: Connection, name: str) -> Champion | None:
    """The model that scores."""
    row = await connection.fetchrow(_SQL["champion"], name)
    return None if row is None else Champion(**dict(row))


async def model(connection: Connection, name: str, version: int) -> tuple[str, str] | None:
    """The parameters of a model, as JSON, and their sha256."""
    row = await connection.fetchrow(_SQL["model"], name, version)
    return None if row is None else (row["parameters"], row["sha256"])


async def trained_then(database: Database, name: str, at: datetime) -> tuple[int, ModelState] | None:
    """The model of a training that began at this instant, where an earlier try has kept it."""
    row = await database.pool.fetchrow(_SQL["trained_then"], name, at)
    return None if row is None else (row["version"], row["state"])


async def keep(database: Database, name: str, model: NewModel, *, replacing: int | None, wins: bool) -> ModelState:
    """Keep a model, whole, and let it score from now on where it wins.

    Where another one than `replacing` has become the champion since, with which it was not compared, or something else
    has been declared, it is a challenger.
    """
    async with database.transaction() as connection:
        row = await connection.fetchrow(_SQL["lock"], name)
        wins = wins and row is not None and tuple(row) == (replacing, model.declared)
        await connection.execute(_SQL["step_down"], name, ["champion", "challenger"] if wins else ["challenger"])
        state: ModelState = "champion" if wins else "challenger"
        given = model.declared, model.family, model.parameters, model.sha256, model.card, model.trained_at
        version = await connection.fetchval(_SQL["keep_model"], name, *given, state)
        await connection.execute(_SQL["trained"], name, model.trained_at, version if wins else None)
        looks = {word: model.card.get(word) for word in ("never", "always")} | {"by": sorted(model.card.get("importance", ()))}
        await note(connection, "keep model", "prediction", name, became={"version": version, "state": state} | looks)
    return state


async def refuse(database: Database, name: str, why: str, never: Iterable[str]) -> None:
    """Leave in the audit that a prediction was refused, since it would look at what it never may."""
    async with database.transaction() as connection:
        await note(connection, "refuse", "prediction", name, became={"why": why, "never": sorted(never)})


async def standing_scores(connection: Connection, name: str) -> tuple[bytes, bytes]:
    """Of those in `asked` the rows that had a score (four bytes each) and the scores (eight), the highest byte first."""
    row = await connection.fetchrow(queries("known")["standing_scores"], name)
    assert row is not None, "an aggregate always answers"
    return row["rows"], row["scores"]


async def no_longer(connection: Connection, name: str) -> list[UUID]:
    """Who has a score, though the prediction is not of them any more (`asked`)."""
    return [row["profile_id"] for row in await connection.fetch(queries("known")["no_longer"], name)]


async def standing_labels(connection: Connection, name: str) -> list[str | None]:
    """The kinds that those in `asked` were sorted into before, a row each."""
    found: list[str | None] = await connection.fetchval(queries("known")["standing_labels"], name)
    return found


async def write(connection: Connection, name: str, as_of: datetime, scores: NewScores) -> None:
    """Write scores that are others than before, inside the caller's transaction."""
    await connection.execute(_SQL["make_given"])
    await connection.execute(_SQL["forget_given"])
    await connection.copy_to_table("given", source=BytesIO(scores.rows), columns=scores.columns, format="binary")
    await connection.execute(_SQL["write_scores"], name, as_of, list(scores.labels), list(scores.more))


async def drop(connection: Connection, name: str, who: Sequence[UUID]) -> None:
    """They have no score any more."""
    await connection.execute(_SQL["drop_scores"], name, list(who))


async def hold(database: Database, name: str, now: datetime, why: str | None) -> None:
    """Let nobody new come over a threshold, and say why; or let them again."""
    await database.pool.execute(_SQL["hold"], name, now, why)


async def scored(database: Database, name: str, now: datetime, people: int, settled: Sequence[str]) -> None:
    """Write down that a scoring came to its end."""
    await database.pool.execute(_SQL["scored"], name, now, people, list(settled))


async def keep_outcome(database: Database, name: str, version: int, outcome: Outcome) -> None:
    """Write down how true a model's probabilities of an instant were."""
    sums = outcome.people, outcome.foretold, outcome.came, outcome.squares, outcome.log_loss, list(outcome.bins)
    await database.pool.execute(_SQL["keep_outcome"], name, version, outcome.as_of, *sums)


async def outcomes(database: Database, name: str, version: int) -> list[Outcome]:
    """How true a model's probabilities were, oldest first."""
    return [Outcome(**dict(row)) for row in await database.pool.fetch(_SQL["outcomes"], name, version)]


async def outcomes_since(database: Database, name: str, since: datetime) -> list[Outcome]:
    """How true the probabilities of all models were since an instant, oldest first."""
    return [Outcome(**dict(row)) for row in await database.pool.fetch(_SQL["outcomes_since"], name, since)]


async def scores_of(connection: Connection, customer: UUID) -> list[Score]:
    """What is foretold of a customer."""
    return [Score(**dict(row)) for row in await connection.fetch(_SQL["scores_of"], customer)]


async def trusted(connection: Connection, name: str, customer: UUID, at: datetime) -> Score | None:
    """What a prediction says of a customer; nothing while its model is not trusted."""
    row = await connection.fetchrow(_SQL["trusted"], name, customer, at)
    return None if row is None else Score(**dict(row))


async def in_band(
    connection: Connection, row: PredictionRow, tenth: int | None, label: str | None, most: int
) -> list[tuple[UUID, Score]]:
    """Some customers of a tenth (1 to 10) or of a kind, the highest score first.

    Of probabilities a tenth is one of the score, of what has no bounds one of the customers.
    """
    name, low, high = row.name, -inf, inf
    if tenth is not None:
        low, high = (tenth - 1) / _TENTHS, inf if tenth == _TENTHS else tenth / _TENTHS  # a score of one is of the last
        if row.kind != "probability" and (edges := await connection.fetchval(_SQL["spread"], name)):
            low, high = edges[tenth - 1], nextafter(edges[tenth], inf)  # many may have the same
    rows = await connection.fetch(_SQL["in_band"], name, low, high, label, most)
    return [(row["profile_id"], Score(name, **{each: row[each] for each in _SAID})) for row in rows]


async def shape(database: Database, row: PredictionRow) -> Shape:
    """How the scores of a prediction lie, as its kind has it: the others are empty."""
    if row.kind == "probability":
        return Shape(await _bands(database, row.name), [], {})
    sizes = {each["label"]: each["people"] for each in await database.pool.fetch(_SQL["sizes"], row.name)}
    return Shape([], [] if sizes else await database.pool.fetchval(_SQL["spread"], row.name) or [], sizes)


async def _bands(database: Database, name: str) -> list[int]:
    counted = {row["tenth"]: row["people"] for row in await database.pool.fetch(_SQL["bands"], name)}
    return [counted.get(tenth, 0) for tenth in range(1, _TENTHS + 1)]


async def told_of(database: Database, kind: str) -> bool:
    """Whether an event of this type has ever said of anybody that they crossed, or came to be of a kind."""
    found: bool = await database.pool.fetchval(_SQL["told_of"], kind)
    return found


async def cross(
    connection: Connection,
    threshold: Threshold,
    scores: Scores,
    told: Told,
    at: datetime,
    *,
    upwards: bool = True,
    since: datetime | None = None,
) -> int:
    """Say of who crossed a threshold, and only of them, that they did, inside the caller's transaction; returns how many.

    Who has no score any more falls below it; where it may not go `upwards`, nobody new comes over it. `since`: what was said
    before is looked for from then on, and anywhere where it is None.
    """
    await connection.execute(queries("ingest")["ensure_week"], at)
    ids, values = [who for who, _ in scores], [score for _, score in scores]
    by = told.version, told.as_of, at, f"prediction {told.prediction}", upwards, since
    crossed: int = await connection.fetchval(_SQL["cross"], threshold.kind, ids, values, threshold.up, threshold.back, *by)
    return crossed


async def sort(
    connection: Connection,
    kind: str,
    labels: Labels,
    told: Told,
    at: datetime,
    *,
    moves: bool = True,
    since: datetime | None = None,
) -> int:
    """Say of who is sorted into another kind than before, and only of them, into which, inside the caller's transaction.

    The events are of the type `kind`. A label is None of who is in none any more; where nobody `moves`, nobody else is told of.
    `since` is that of `cross`.
    """
    await connection.execute(queries("ingest")["ensure_week"], at)
    ids, values = [who for who, _ in labels], [label for _, label in labels]
    by = told.version, told.as_of, at, moves, f"prediction {told.prediction}", since
    moved: int = await connection.fetchval(_SQL["sort"], kind, ids, values, *by)
    return moved
