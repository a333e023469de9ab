"""Versions in Postgres: signed, looked at before they are run, refused where touched, dropped when nobody needs them."""

from datetime import timedelta
from pathlib import Path

import pytest
from changing import AFTER, BEFORE, NAME, folder, forget, write  # noqa: F401 - fixtures

from activities.versions import UnknownVersion
from journeys.catalogue import load
from journeys.temporal import current
from store import Database
from store import versions as stored
from store.versions import StoredVersion
from workers.settings import Settings
from workers.signing import Deployers, DeployKeyMissing, DeployKeyUnusable, deployers, private_key, public_text
from workers.versions import Library, library_of

KEY = "b1946ac92492d2347c6235b4d2611184"
PUBLIC = public_text(private_key(KEY))
MAY = deployers(Settings.model_validate({"deploy_key": KEY}))
MAY_NOT = deployers(Settings.model_validate({"deploy_public_keys": PUBLIC}))


def library(database: Database, who: Deployers = MAY) -> Library:
    """A worker's, in a process that holds nothing yet."""
    forget()
    return library_of(NAME, database, load(NAME), who)


async def deployed(database: Database, folder: Path, *steps: str) -> str:  # noqa: F811 - the fixture
    write(folder, *steps)
    made = library(database)
    await made.deploy()
    return made.archive.id


async def test_a_worker_runs_what_another_one_deployed(database: Database, folder: Path) -> None:  # noqa: F811 - the fixture
    old = await deployed(database, folder, *BEFORE)
    new = await deployed(database, folder, *AFTER)
    later = library(database, MAY_NOT)
    await later.deploy()
    await later.refresh()
    assert {served.version for served in later.held} == {old, new}
    assert current.archives.keys() == {old, new}
    assert later.own.version == new


async def test_a_version_that_anybody_touched_is_refused_by_its_name(
    database: Database,
    folder: Path,  # noqa: F811 - the fixture
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    old = await deployed(database, folder, *BEFORE)
    other = await deployed(database, folder, *BEFORE, "await j.push('note')")
    await deployed(database, folder, *AFTER)
    pool = database.pool
    await pool.execute(
        "update catalogue_version set archive = (select archive from catalogue_version where id = $2) where id = $1", old, other
    )
    later = library(database)
    with pytest.raises(UnknownVersion, match=f"version {old} of the catalogue is refused: nobody who may deploy has signed"):
        await later.of(old)
    await later.refresh()
    assert old not in current.archives
    assert other in current.archives
    told = capsys.readouterr().out + caplog.text  # logging may have been set up by an earlier test of this process
    assert "a version of the catalogue is refused" in told
    assert old in told


async def test_what_was_signed_with_another_key_is_refused(database: Database, folder: Path) -> None:  # noqa: F811 - the fixture
    old = await deployed(database, folder, *BEFORE)
    packed = current.archives[old].packed()
    stranger = deployers(Settings.model_validate({"deploy_key": "5f4dcc3b5aa765d61d8327deb882cf99"}))
    await stored.deploy(database, StoredVersion(old, packed, stranger.sign(old, packed)), NAME, ["greets"], "a stranger")
    write(folder, *AFTER)
    with pytest.raises(UnknownVersion, match="refused"):
        await library(database).of(old)


async def test_a_version_does_not_pass_under_the_name_of_another(database: Database, folder: Path) -> None:  # noqa: F811 - the fixture
    """A signature is of the name and the archive: who moves a signed row cannot bring an old version back as a new one."""
    old = await deployed(database, folder, *BEFORE)
    new = await deployed(database, folder, *AFTER)
    await database.pool.execute("delete from catalogue_version where id = $1", new)
    await database.pool.execute("update catalogue_version set id = $1 where id = $2", new, old)
    write(folder, "await j.push('note')")
    with pytest.raises(UnknownVersion, match=f"version {new} of the catalogue is refused"):
        await library(database).of(new)


async def test_a_worker_that_may_not_deploy_waits_for_who_may(database: Database, folder: Path) -> None:  # noqa: F811 - the fixture
    write(folder, *BEFORE)
    worker = library(database, MAY_NOT)
    with pytest.raises(
        DeployKeyMissing, match=f"version {worker.archive.id} of the catalogue has not been deployed.*journeys deploy"
    ):
        await worker.handed_out()
    await deployed(database, folder, *BEFORE)
    assert (await library(database, MAY_NOT).handed_out()).version == worker.archive.id


async def test_nobody_runs_anything_where_nobody_is_named_who_may_deploy() -> None:
    with pytest.raises(DeployKeyMissing, match="JOURNEYS_DEPLOY_PUBLIC_KEYS is not set"):
        deployers(Settings.model_validate({"deploy_key": "", "deploy_public_keys": ""}))
    with pytest.raises(DeployKeyUnusable, match="no-key… is no public key"):
        deployers(Settings.model_validate({"deploy_public_keys": "no-key"}))


async def test_the_key_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    found = deployers(Settings.model_validate({"deploy_key": str(tmp_path / "key")}))
    assert found.private is not None
    assert public_text(found.private) == PUBLIC
    assert KEY not in repr(found)


async def test_a_version_goes_when_nobody_is_in_it_any_more(database: Database, folder: Path) -> None:  # noqa: F811 - the fixture
    needed = await deployed(database, folder, *BEFORE)
    unneeded = await deployed(database, folder, *BEFORE, "await j.push('note')")
    newest = await deployed(database, folder, *AFTER)
    await database.pool.execute(
        "with p as (insert into profile (id, created_at, updated_at) values (gen_random_uuid(), now(), now()) returning id)"
        " insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at, version)"
        " select gen_random_uuid(), 'greets', id, 'api', now(), 'w', now(), $1 from p",
        needed,
    )
    assert await stored.drop_unneeded(database, "CI") == [], "a worker may be starting runs with it right now"
    assert await stored.drop_unneeded(database, "CI", timedelta(0)) == [unneeded]
    known = await stored.in_use(database)
    assert [(each.id, each.people, each.dropped_by) for each in known] == [
        (newest, 0, None),
        (needed, 1, None),
        (unneeded, 0, "CI"),
    ]
    assert await stored.standing(database) == [needed, newest]
    with pytest.raises(UnknownVersion, match=f"version {unneeded} of the catalogue does not stand in Postgres"):
        await library(database).of(unneeded)
    assert await deployed(database, folder, *BEFORE, "await j.push('note')") == unneeded
    assert (await stored.in_use(database))[0].dropped_at is None, "it may come back"


async def test_a_version_that_is_deployed_again_is_the_newest(database: Database, folder: Path) -> None:  # noqa: F811 - the fixture
    old = await deployed(database, folder, *BEFORE)
    await deployed(database, folder, *AFTER)
    assert await deployed(database, folder, *BEFORE) == old
    assert next(each.id for each in await stored.in_use(database)) == old
