"""How much of the machine went to others meanwhile: a benchmark on a busy machine says so."""

import os
import time

import psutil


class Meter:
    """Runs from when it is made; read it after our processes have ended, because only then their CPU is known."""

    def __init__(self) -> None:
        self._began, self._busy, self._ours = time.monotonic(), _busy(), _ours()

    def others(self) -> float:
        """The share of all cores that processes other than ours have used."""
        capacity = (time.monotonic() - self._began) * (psutil.cpu_count() or 1)
        return max(0.0, (_busy() - self._busy) - (_ours() - self._ours)) / capacity


def _busy() -> float:
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def _ours() -> float:
    """This process and all those below it that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
