"""Whether DAG files load, without publishing anything: what `tradewind dags check` reports."""

import select
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from msgspec import structs

from tradewind.bundles.discovery import Discovery
from tradewind.bundles.parser import AnswerRequest, Parser
from tradewind.bundles.results import FileError, Limits, ParseResult
from tradewind.bundles.scan import Scanner
from tradewind.bundles.steady import compared


class Verdict(StrEnum):
    LOADS = "loads"
    WARNINGS = "loads with warnings"
    PROVIDER = "missing provider"
    PACKAGE = "missing package"
    VARIABLE = "missing variable"
    CONNECTION = "missing connection"
    FAILS = "fails"


_BY_KIND = {
    "missing_provider": Verdict.PROVIDER,
    "missing_module": Verdict.PACKAGE,
    "missing_variable": Verdict.VARIABLE,
    "missing_connection": Verdict.CONNECTION,
}


def notes(result: ParseResult) -> list[str]:
    """The warnings about the file, each once."""
    of_dags = (note for dag in result.dags for note in dag.warnings)
    return list(dict.fromkeys([*result.warnings, *of_dags]))


def verdict(result: ParseResult) -> Verdict:
    if result.error is None:
        return Verdict.WARNINGS if notes(result) else Verdict.LOADS
    if result.error.missing is None:
        return Verdict.FAILS
    return _BY_KIND[result.error.kind]


def dag_files(root: Path, below: Path) -> list[str]:
    """The files below a folder of the bundle `root` that may hold DAGs, relative to `root`.

    As the DAG processor finds them. Raises `BundleUnavailable` and `FileGone`.
    """
    candidates = Discovery().candidates(root, Scanner().scan(root).hashes)
    return [file for file in candidates if (root / file).is_relative_to(below)]


@dataclass(frozen=True)
class _Look:
    """At one file. `first`: what the file gave before, if it may give something else each time."""

    index: int
    first: ParseResult | None = None


def check(
    root: Path, files: Sequence[str], *, answer: AnswerRequest, limits: Limits, processes: int
) -> Iterator[ParseResult]:
    """Parse each file as the DAG processor does; yields the results in the files' order.

    A DAG id that an earlier file has is an error of the later one.
    """
    parser: Parser[_Look] = Parser(answer, processes=processes, limits=limits)
    waiting = [_Look(index) for index in reversed(range(len(files)))]
    finished: dict[int, ParseResult] = {}
    owners: dict[str, str] = {}
    following = 0
    try:
        while following < len(files):
            while waiting and parser.free:
                look = waiting.pop()
                parser.start(root, files[look.index], look)
            select.select(parser.descriptors, [], [], parser.seconds_to_next())
            for look, result in parser.step():
                if result.unsteady and result.error is None and look.first is None:
                    waiting.append(replace(look, first=result))
                else:
                    finished[look.index], _ = compared(look.first, result)
            while following in finished:
                yield _with_free_ids(finished.pop(following), owners)
                following += 1
    finally:
        parser.close()


def _with_free_ids(result: ParseResult, owners: dict[str, str]) -> ParseResult:
    taken = {dag.dag_id: owners.setdefault(dag.dag_id, result.file) for dag in result.dags}
    others = {dag_id: owner for dag_id, owner in taken.items() if owner != result.file}
    if not others or result.error is not None:
        return result
    error = FileError(
        kind="duplicate_dag",
        message=" ".join(
            f"The DAG id {dag_id!r} is also used in {owner}." for dag_id, owner in others.items()
        ),
        file=result.file,
        hint="Give one of them another id: only one of them would run.",
    )
    return structs.replace(result, error=error)
