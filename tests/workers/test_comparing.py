"""What one deployed version does to people that another does not, over HTTP and for agents: only of what was signed."""

from pathlib import Path

import httpx
import pytest

from api import ApiConfig
from store import Database
from store.keys import Role, put_key
from store.versions import StoredVersion, deploy
from tests.api.agents.door import over_http
from tests.api.server import serving
from tests.workers.test_diff_cli import KEY, LATER, SOURCE
from workers.compared import Comparing, in_folder
from workers.signing import Deployers, private_key


async def deployed(database: Database, folder: Path, source: str, deployers: Deployers) -> str:
    """The id of a version with this source."""
    (folder / "acme").mkdir(parents=True)
    (folder / "acme" / "__init__.py").write_text(source)
    (folder / "acme" / "hello.push.yaml").write_text("title: Hello\nbody: there\n")
    (folder / "acme_words.py").write_text("NAME = 'hello'\n")
    archive = in_folder(folder, "acme")
    packed = archive.packed()
    await deploy(database, StoredVersion(archive.id, packed, deployers.sign(archive.id, packed)), "acme", ["hello"], "olga")
    return archive.id


@pytest.fixture
def olga() -> Deployers:
    key = private_key(KEY)
    return Deployers(key, (key.public_key(),))


async def test_two_deployed_versions_are_compared_and_none_that_nobody_signed(
    dsn: str, database: Database, tmp_path: Path, olga: Deployers
) -> None:
    old, new = [await deployed(database, tmp_path / name, text, olga) for name, text in (("a", SOURCE), ("b", LATER))]
    await put_key(database.pool, "reader", Role.READ, "jk_read")
    async with serving(ApiConfig(dsn=dsn, compared=Comparing(olga))) as url:
        async with httpx.AsyncClient(base_url=url, auth=("jk_read", "")) as http:
            assert [each["id"] for each in (await http.get("/v1/versions")).json()] == [new, old]
            unknown = await http.get("/v1/versions/changes", params={"before": "0000"})
            assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown-version")
            assert old in unknown.json()["detail"]
        async with over_http(url, "jk_read") as agent:
            told = await agent.asked("compare_versions", before=old[:8])
            assert (told["before"], told["after"]) == (old, new)
            assert [each["message"] for each in told["changes"]] == [
                "push hello, when: 1 h, and now 2 h",
                "how long it lasts: 1 h, and now 2 h",
            ]
            assert (await agent.asked("compare_versions", before=new, after=old))["changes"][0]["before"] == "2 h"
    other = private_key("f" * 64)
    config = ApiConfig(dsn=dsn, compared=Comparing(Deployers(other, (other.public_key(),))))
    async with serving(config) as url, over_http(url, "jk_read") as agent:
        assert "nobody who may deploy has signed" in await agent.refused("compare_versions", before=old, after=new)
