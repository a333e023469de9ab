"""Every advisory lock that we take in Postgres, by its class: the first half of a lock's key, the second says which one of it.

Promise: no two ideas share a class, so nobody waits for somebody whom he has nothing to do with; `tests/test_laws.py` lets no
other module hold such a number. All of them are pairs of integers, a space that Postgres keeps apart from single big ones.
"""

from enum import IntEnum, unique


@unique
class Lock(IntEnum):
    """Classes of locks, and what the second half of the key is. Any constants of our own, so that we disturb nobody else's."""

    MIGRATION = 7_203_118  # 0: appliers of one database queue on it
    NAMES = 7_203_119  # a stripe of the names by which customers are known
    LOAD = 7_203_120  # a load of a segment's definition
    DEFINITIONS = 7_203_121  # 0: one change of the definitions at a time
    SNAPSHOT = 7_203_122  # the hash of a list's name: who makes the snapshot
    SHARD = 7_203_123  # shards * 256 + shard: the watch that looks after it
    LIST = 7_203_124  # the hash of a list's name
    CUSTOMER = 7_203_125  # the hash of a customer's id: one delivery at a time where caps are counted
    WEEK = 7_203_126  # 0: one partition of events is made at a time (written out in `ensure_event_week`)
    LINE = 7_203_127  # the hash of a journey's name: who lets people into it, where it has limits
    BUDGET = 7_203_128  # the hash of a journey's name: one claim at a time where its budget is counted
    SWITCH = 7_203_129  # 0: shared by every claim, alone for whoever throws an operator's switch
    SUMS = 7_203_130  # 0: who folds changes into the daily sums, recomputes them, or takes values of customers away
    FILES = 7_203_131  # the hash of a table and an hour: who writes its file into the bucket
    ONCE = 7_203_132  # the hash of a confirmation's number: one try at a time of what is done once
