"""The kit in an author's hands: what a shop says where a test expected something else, and what it leaves behind."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from workers.testing.shop import Shop

HOLDS = "import sys\nfrom workers.testing.folder import Folder\nprint(Folder().path, flush=True)\nsys.stdin.read()"


async def test_where_a_run_was_expected_the_shop_says_who_was_refused(trial: Shop) -> None:
    with pytest.raises(AssertionError, match=r"^nobody is in each_cart$"):
        await trial.run("each_cart")
    await trial.signs_up("ana")
    await trial.does("ana", "Cart Updated", cart="c-1")  # not cart_id
    await trial.look()
    with pytest.raises(AssertionError, match=r"^nobody is in each_cart; refused: no entry key \(1\)$"):
        await trial.run("each_cart")
    for cart in ("c-1", "c-2"):
        await trial.does("ana", "Cart Updated", cart_id=cart)
        await trial.look()
    with pytest.raises(AssertionError, match=r"^2 runs are in each_cart; refused: no entry key \(1\)$"):
        await trial.run("each_cart")


def test_what_a_killed_session_left_behind_is_swept_at_the_next_start(tmp_path: Path) -> None:
    def session() -> tuple[subprocess.Popen[str], Path]:
        environment = {"TMPDIR": str(tmp_path), "PYTHONPATH": ":".join(filter(None, sys.path))}
        command = [sys.executable, "-c", HOLDS]
        started = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert started.stdout is not None
        return started, Path(started.stdout.readline().strip())

    (killed, left), (living, used) = session(), session()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert left.is_dir()
    last, fresh = session()
    assert sorted(tmp_path.iterdir()) == sorted([used, fresh])
    for each in (living, last):
        each.communicate()
