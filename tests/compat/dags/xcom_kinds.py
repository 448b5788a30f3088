"""Values on the edge: bytes, NaN, big integers, enumerations, paths, classes, functions,
generators, None keys, deep nests.
"""

import enum
import pathlib
import uuid
from collections import defaultdict, namedtuple
from datetime import datetime
from zoneinfo import ZoneInfo

import pendulum
from airflow.sdk import DAG, task


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


Pair = namedtuple("Pair", "a b")
VALUES = {
    "enum": Colour.RED,
    "int_enum": Level.LOW,
    "path": pathlib.PurePosixPath("/a"),
    "uuid": uuid.UUID(int=1),
    "named_tuple": Pair(1, 2),
    "default_dict": defaultdict(list, a=[1]),
    "generator": (n for n in range(2)),
    "function": len,
    "klass": int,
    "infinity": float("inf"),
    "none_key": {None: 1},
    "tuple_key": {(1, 2): 3},
    "bool_key": {True: 1},
    "zone_info": datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin")),
    "pendulum_duration": pendulum.duration(days=1, hours=2),
    "pendulum_utc": pendulum.datetime(2026, 1, 2),
    "long_int": 2**53 + 1,
    "sixty_four": 2**63 - 1,
    "beyond": 2**64,
    "complex": 1 + 2j,
    "range": range(3),
    "frozen_nested": {"s": [{1}, frozenset({2})]},
    "exception": ValueError("x"),
    "marker": {"__classname__": "builtins.set", "__version__": 1, "__data__": [1]},
}

with DAG("xcom_kinds", schedule=None, catchup=False):

    @task(trigger_rule="all_done")
    def give(name):
        return VALUES[name]

    @task(trigger_rule="all_done")
    def take(name, ti=None):
        try:
            value = ti.xcom_pull(task_ids=f"give_{name}")
        except Exception as error:
            return type(error).__name__
        return [type(value).__name__, repr(value)]

    @task
    def take_all(ti=None):
        return {name: take.function(name, ti) for name in VALUES}

    [give.override(task_id=f"give_{name}")(name) for name in VALUES] >> take_all.override(
        trigger_rule="all_done"
    )()
