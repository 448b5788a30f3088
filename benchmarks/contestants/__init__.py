"""Who is measured: one module a kind of contestant, and the table of all by name."""

from benchmarks.contestants.airflow import Airflow
from benchmarks.contestants.base import Contestant
from benchmarks.contestants.peers import PEERS
from benchmarks.contestants.tradewind import Tradewind

CONTESTANTS: dict[str, Contestant] = {
    contestant.name: contestant
    for contestant in (
        Tradewind("tradewind-sqlite"),
        Tradewind("tradewind-postgresql"),
        Airflow("airflow"),
        *PEERS,
    )
}
