"""`journeys diff`: folders, commits and what is deployed, for a terminal, a pull request and programs."""

import json
import subprocess
from pathlib import Path
from secrets import token_hex
from uuid import UUID

import pytest

from store import Database
from tests.command_line import in_thread, journeys
from workers.signing import private_key, public_text

KEY = token_hex()
SOURCE = """\
from acme_words import NAME
from journeys import Journey, journey, purchases

@journey(goal=purchases)
async def hello(j: Journey) -> None:
    await j.wait(hours=1)
    await j.push(NAME)
"""
LATER = SOURCE.replace("hours=1", "hours=2")


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    folder = tmp_path / "shop" / "acme"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text(SOURCE)
    (folder / "hello.push.yaml").write_text("title: Hello\nbody: there\n")
    (folder.parent / "acme_words.py").write_text("NAME = 'hello'\n")
    return folder.parent


def git(folder: Path, *arguments: str) -> None:
    told = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *told, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_commit_against_the_folder_here(shop: Path) -> None:
    """The repository may hold more than the shop: what is compared is the same folder at the commit."""
    git(shop.parent, "init", "-q")
    git(shop.parent, "add", ".")
    git(shop.parent, "commit", "-qm", "first")
    same = journeys("diff", "HEAD", cwd=shop, catalogue="acme")
    assert (same.returncode, same.stdout) == (0, "the folder here does to people what HEAD does\n"), same.stderr
    (shop / "acme" / "__init__.py").write_text(LATER)
    told = journeys("diff", "HEAD", "--as", "markdown", "--exit-code", cwd=shop, catalogue="acme")
    assert told.returncode == 1
    assert told.stdout.splitlines() == [
        "**What the folder here does to people, compared with HEAD**",
        "",
        "| journey | what | before | now |",
        "|---|---|---|---|",
        "| hello | push hello, when | 1 h | 2 h |",
        "| hello | how long it lasts | 1 h | 2 h |",
    ]
    (change, _) = json.loads(journeys("diff", "HEAD", "--json", cwd=shop, catalogue="acme").stdout)
    assert change == {
        "journey": "hello",
        "file": "acme/__init__.py",
        "line": 7,
        "rule": "message-moved",
        "message": "push hello, when: 1 h, and now 2 h",
        "before": "1 h",
        "after": "2 h",
        "remedy": "",
    }


def test_two_folders_and_what_is_neither(shop: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "acme"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text(LATER.replace("from acme_words import NAME", "NAME = 'bye'"))
    for named in (other, other.parent):
        shown = journeys("diff", ".", str(named), cwd=shop, catalogue="acme")
        assert "push bye" in shown.stdout, shown.stderr
    nothing = journeys("diff", "nowhere", cwd=shop, catalogue="acme")
    assert (
        nothing.returncode,
        "'nowhere' is no folder and no commit of git here; set JOURNEYS_DATABASE_URL" in nothing.stderr,
    ) == (
        1,
        True,
    )
    (other / "__init__.py").write_text("import nowhere_at_all\n")
    broken = journeys("diff", ".", str(other), cwd=shop, catalogue="acme")
    assert (broken.returncode, "there is no module 'nowhere_at_all'" in broken.stderr) == (1, True)


async def test_what_is_deployed_against_the_folder_here_with_the_people_in_it(
    database: Database, dsn: str, shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shop)
    public = public_text(private_key(KEY))
    known = {"database_url": dsn, "catalogue": "acme"}
    assert (await in_thread("deploy", **known, deploy_key=KEY)).returncode == 0
    customer, run = UUID(int=1), UUID(int=2)
    await database.pool.execute("insert into profile (id, created_at, updated_at) values ($1, now(), now())", customer)
    await database.pool.execute(
        "insert into run (id, journey, profile_id, entered_by, entered_at, workflow_id, created_at, version)"
        " select $1, 'hello', $2, 'api', now(), 'w', now(), id from catalogue_version",
        run,
        customer,
    )
    (shop / "acme" / "__init__.py").write_text(LATER)
    shown = await in_thread("diff", **known, deploy_public_keys=public)
    assert shown.returncode == 0, shown.stderr
    assert "push hello, when" in shown.stdout
    assert "1 people are in hello; they end as they began (version " in shown.stdout
    unknown = await in_thread("diff", "0123", **known, deploy_public_keys=public)
    assert "'0123' is no folder, no commit of git here, and no version that is deployed" in unknown.stderr

    refused = await in_thread("diff", **known)  # nobody is named who may deploy
    assert (refused.returncode, "is not looked into: nobody who may deploy has signed" in refused.stderr) == (1, True)
    await database.pool.execute("update catalogue_version set signature = decode(repeat('00', 64), 'hex')")
    refused = await in_thread("diff", **known, deploy_public_keys=public)
    assert (refused.returncode, "is not looked into: nobody who may deploy has signed" in refused.stderr) == (1, True)
