"""A case: all that a simulated world is made of, spelled out so that parts can be left out."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tradewind.core.dag import SerializedDag


class _Part(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    pass


class Deed(_Part, frozen=True):
    """What a person or the DAG processor does at a moment (virtual seconds).

    `kind`: the name of a function in `simulation.deeds`. `dag`: the position of the DAG; `run`: of
    one of its runs, counted from the newest. `more`: whatever that kind needs beside.
    """

    kind: str
    at: float
    dag: int
    run: int = 0
    more: Mapping[str, Any] = {}


class Fault(_Part, frozen=True):
    """What goes wrong, from a moment on. `target`: which scheduler, counted around.

    `crash`, `pause`, `error`: at the `skip`th place of that kind (`begin`, `statement`, `commit`,
    `committed`; "" for any) that the target comes to. Others begin at once and last `seconds`.
    """

    kind: str
    at: float
    target: int = 0
    seconds: float = 0.0
    place: str = ""
    skip: int = 0


class Case(_Part, frozen=True):
    """`seed` decides what this does not say: who goes on when, and how tasks end."""

    seed: int
    schedulers: int
    dags: list[SerializedDag]
    pools: dict[str, int]
    parallelism: int
    deeds: list[Deed]
    faults: list[Fault]

    @property
    def in_cluster(self) -> bool:
        """Whether there is a database server, with a clock of its own."""
        return self.schedulers > 1
