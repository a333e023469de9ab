"""`journeys profiles` on a real database: what a worker has not done yet is told, and a forged certificate is found out."""

from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import UUID

import orjson

from activities.privacy.erasing import sign
from store import Database
from store.customers.certificate import certificate
from store.customers.erasure import erasures, finish, mark_started, purge
from store.ingest.batch import Memory, store
from tests.command_line import Finished, journeys
from tests.store.items import identify

SECRET = "nine ducks and five geese on a lake"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)


def run(database: Database, *arguments: str) -> Finished:
    return journeys("profiles", *arguments, database_url=database.dsn, secret=SECRET)


async def certified(database: Database, id_: UUID) -> None:
    """What a worker does."""
    await mark_started(database, id_, NOW)
    while (await purge(database, id_, NOW)).rows:
        pass
    about = {"requested_at": NOW, "requested_by": "command line", "finished_at": NOW, "in_flight": 0}
    seal = partial(sign, SECRET)
    counted = {"removed": {"identity": 1}, "emptied": {}, "kept": {}}
    await finish(database, id_, NOW, lambda told, _: certificate(told.id, **about, **counted, sign=seal))  # type: ignore[arg-type]


async def test_erase_certificate_and_check(database: Database, tmp_path: Path) -> None:
    await store(database, [identify("ana", traits={"plan": "pro"})], Memory())
    assert run(database, "erase", "nobody", "--yes").stderr.strip() == "journeys: no such customer"
    told = run(database, "erase", "ana", "--yes", "--wait", "0")
    assert told.returncode == 0, told.stderr
    assert "nothing more is sent; waiting, at a provider when it began: 0" in told.stdout
    (asked,) = await erasures(database, datetime(2999, 1, 1, tzinfo=UTC), 10)
    early = run(database, "certificate", str(asked.id))
    assert (early.returncode, early.stderr.strip()) == (1, "journeys: this erasure is not finished yet: waiting")

    await certified(database, asked.id)
    assert run(database, "erasures").stdout.startswith(f"{asked.id}\tfinished\tasked for ")
    assert "CERTIFICATE OF ERASURE" in run(database, "certificate", str(asked.id)).stdout
    again = run(database, "erase", str(asked.profile_id), "--by", "customer_id", "--yes")
    assert "CERTIFICATE OF ERASURE" in again.stdout, "asked again"
    written = run(database, "certificate", str(asked.id), "--json").stdout
    (tmp_path / "genuine.json").write_text(written)
    (tmp_path / "forged.json").write_text(orjson.dumps(orjson.loads(written) | {"requested_by": "me"}).decode())
    assert run(database, "check-certificate", str(tmp_path / "genuine.json")).stdout.strip() == "the certificate is genuine"
    (tmp_path / "answer.json").write_text(orjson.dumps({"id": "1", "certificate": orjson.loads(written)}).decode())
    assert run(database, "check-certificate", str(tmp_path / "answer.json")).stdout.strip() == "the certificate is genuine"
    (tmp_path / "text.txt").write_text(run(database, "certificate", str(asked.id)).stdout)
    text = run(database, "check-certificate", str(tmp_path / "text.txt"))
    assert (text.returncode, "journeys profiles certificate ID --json > " in text.stderr) == (1, True)
    forged = run(database, "check-certificate", str(tmp_path / "forged.json"))
    assert (forged.returncode, "was changed since" in forged.stderr) == (1, True)
