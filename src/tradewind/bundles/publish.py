"""Stores what came of parsing: one transaction a file, from its DAGs to its import error."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection

from tradewind.bundles.results import FileError, ParseResult
from tradewind.bundles.state import BundleState, Changes, Job, KnownFile
from tradewind.core.clock import Clock
from tradewind.core.dag import (
    AssetOrTimeSchedule,
    AssetRef,
    AssetSchedule,
    PartitionedAssets,
    SerializedDag,
    structural_hash,
)
from tradewind.core.timetables import following_slot, needs_child
from tradewind.store import assets, bundles, dags, snapshots
from tradewind.store.engine import Store

Owner = tuple[str, str]  # bundle name and file


@dataclass(frozen=True)
class Outcome:
    """`blocked_by`: nothing was stored, because the file of that owner must be parsed first.
    `freed`: DAG ids are no longer where they were, so another file may have them now."""

    error: FileError | None = None
    blocked_by: Owner | None = None
    freed: bool = False


class Publisher:
    """`standing` says of a file that owns a DAG id whether it has it "now", "no" longer, or "maybe"
    (it has yet to be parsed)."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        paused_at_creation: bool,
        standing: Callable[[Owner, str], str],
    ) -> None:
        self._store = store
        self._clock = clock
        self._paused_at_creation = paused_at_creation
        self._standing = standing

    def refreshed(self, state: BundleState, changes: Changes) -> None:
        """The bundle is in a snapshot that is new, or in the old one again after an error."""
        now = self._clock.now()
        assert state.digest is not None
        with self._store.begin() as tx:
            bundles.record_refresh(
                tx,
                state.name,
                kind=state.bundle.kind,
                digest=state.digest,
                version=state.version,
                now=now,
            )
            bundles.add_snapshot(
                tx,
                state.digest,
                bundle_name=state.name,
                version=state.version,
                size_bytes=changes.scan.size_bytes,
                now=now,
            )
            snapshots.move_dags(tx, state.name, changes.unchanged, state.digest)
            bundles.remove_files(tx, state.name, changes.gone)
            if dags.mark_stale(tx, state.name, changes.gone):
                self._store.notify(tx, "scheduler")

    def failed(self, state: BundleState, error: str) -> None:
        with self._store.begin() as tx:
            bundles.record_error(tx, state.name, kind=state.bundle.kind, error=error)

    def publish(
        self, state: BundleState, job: Job, result: ParseResult, moving: Mapping[str, list[str]]
    ) -> Outcome:
        """Store a file's DAGs, its error or both.

        After an error the last good version of every DAG that is not in the result stays, on the
        snapshot that it was in. `moving`: fields that differ at each parse, by DAG id.
        """
        digest = state.input_digest(job.file, result.inputs)
        known = state.known.get(job.file)
        with self._store.begin() as tx:
            documents, conflict = self._without_conflicts(tx, state, job.file, result.dags)
            if isinstance(conflict, tuple):
                return Outcome(blocked_by=conflict)
            error = result.error or conflict
            if known is not None and known.digest == digest:
                documents = [_held(tx, d) if d.dag_id in moving else d for d in documents]
            documents = [_with_notes(d, result.warnings, moving) for d in documents]
            before = dags.listing(tx, bundle_name=state.name, file=job.file)
            made = {document.dag_id for document in documents}
            gone = [row for row in before if row.dag_id not in made]
            if error is None:
                self._put_dags(tx, state, job.file, documents)
                self._put_watchers(tx, state, documents, result)
            elif documents:
                others = [found for row in gone if (found := dags.document(tx, row.dag_id))]
                self._put_dags(tx, state, job.file, documents + others)
                for row in gone:
                    snapshots.hold_dag(tx, row.dag_id, row.digest)
            self._put_file(tx, state, job, result, digest, error)
        state.known[job.file] = KnownFile(
            digest, tuple(result.inputs), error.kind if error is not None else None
        )
        return Outcome(error, freed=error is None and bool(gone))

    def differs(self, documents: Sequence[SerializedDag]) -> bool:
        """Whether any of them is not what is published."""
        with self._store.read() as tx:
            return any(
                (published := dags.document(tx, document.dag_id)) is not None
                and structural_hash(published) != structural_hash(document)
                for document in documents
            )

    def _without_conflicts(
        self, tx: Connection, state: BundleState, file: str, documents: Sequence[SerializedDag]
    ) -> tuple[list[SerializedDag], FileError | Owner | None]:
        """The DAGs whose ids are free; and the error that names the other owners, or the owner that
        must be parsed before anybody can tell."""
        good: list[SerializedDag] = []
        taken: list[str] = []
        rows = dags.get_many(tx, [document.dag_id for document in documents])
        for document in documents:
            row = rows.get(document.dag_id)
            owner = (row.bundle_name, row.file) if row is not None and not row.is_stale else None
            if owner is None or owner == (state.name, file):
                good.append(document)
                continue
            standing = self._standing(owner, document.dag_id)
            if standing == "maybe":
                return [], owner
            if standing == "no":
                good.append(document)
            else:
                taken.append(_taken(document.dag_id, (state.name, file), owner))
        if not taken:
            return good, None
        return good, FileError(
            kind="duplicate_dag",
            message="\n".join(taken),
            file=file,
            hint="Give one of them another id. Until then the DAG of the file named last is used.",
        )

    def _put_dags(
        self, tx: Connection, state: BundleState, file: str, documents: Sequence[SerializedDag]
    ) -> None:
        now = self._clock.now()
        assert state.digest is not None
        dags.publish(
            tx,
            documents,
            bundle_name=state.name,
            file=file,
            digest=state.digest,
            bundle_version=state.version,
            now=now,
            paused_at_creation=self._paused_at_creation,
        )
        last = dags.last_automated_slots(tx, [document.dag_id for document in documents])
        slots = {d.dag_id: following_slot(d, last.get(d.dag_id), now) for d in documents}
        dry = [
            document.dag_id
            for document in documents
            if slots[document.dag_id] is None
            and needs_child(document.timetable, last.get(document.dag_id))
        ]
        dags.set_next_slots(tx, slots, dry=dry)
        self._store.notify(tx, "scheduler")

    def _put_watchers(
        self,
        tx: Connection,
        state: BundleState,
        documents: Sequence[SerializedDag],
        result: ParseResult,
    ) -> None:
        now = self._clock.now()
        rows = [
            {
                "asset_name": watcher.asset_name,
                "watcher_name": watcher.name,
                "classpath": watcher.classpath,
                "kwargs": watcher.kwargs,
                "bundle_name": state.name,
                "digest": state.digest,
                "created_at": now,
            }
            for watcher in result.watchers
        ]
        names = {name for document in documents for name in scheduling_assets(document)}
        if snapshots.replace_watchers(tx, state.name, names, rows):
            self._store.notify(tx, "triggerer")

    def _put_file(
        self,
        tx: Connection,
        state: BundleState,
        job: Job,
        result: ParseResult,
        digest: str,
        error: FileError | None,
    ) -> None:
        now = self._clock.now()
        row = {
            "bundle_name": state.name,
            "path": job.file,
            "input_digest": digest,
            "inputs": list(result.inputs),
            "parsed_at": now,
            "parse_seconds": result.seconds,
            "dag_count": len(result.dags),
            "reason": job.reason,
        }
        bundles.put_files(tx, [row])
        if error is None:
            bundles.clear_import_errors(tx, state.name, [job.file])
            return
        bundles.put_import_error(
            tx,
            state.name,
            job.file,
            message=error.message,
            stacktrace=error.traceback or error.message,
            line=error.line,
            hint=error.hint,
            now=now,
        )


def scheduling_assets(document: SerializedDag) -> list[str]:
    """Names of the assets that the DAG is scheduled on."""
    timetable = document.timetable
    if not isinstance(timetable, AssetSchedule | AssetOrTimeSchedule | PartitionedAssets):
        return []
    leaves = assets.condition_leaves(timetable.condition)
    return [leaf.name for leaf in leaves if isinstance(leaf, AssetRef)]


def _taken(dag_id: str, mine: Owner, other: Owner) -> str:
    if mine[0] == other[0]:
        return f"The DAG id {dag_id!r} is in two files: {mine[1]} and {other[1]}."
    return (
        f"The DAG id {dag_id!r} is in two bundles: {mine[1]} of bundle {mine[0]!r} and"
        f" {other[1]} of bundle {other[0]!r}."
    )


def _held(tx: Connection, document: SerializedDag) -> SerializedDag:
    """The version that is published already: nothing that the file depends on has changed."""
    return dags.document(tx, document.dag_id) or document


def _with_notes(
    document: SerializedDag, notes: Iterable[str], moving: Mapping[str, list[str]]
) -> SerializedDag:
    warnings = [*document.warnings, *notes]
    if fields := moving.get(document.dag_id):
        warnings.append(
            f"These differ at each import of the file: {', '.join(fields)}. Use fixed values"
            " (no current time, no chance, sets sorted)."
        )
    return msgspec.structs.replace(document, warnings=list(dict.fromkeys(warnings)))
