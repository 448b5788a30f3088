"""Statements about assets and aliases: which there are, which are active, and who uses them."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Connection, Insert, bindparam, delete, func, or_, select, tuple_, update

from tradewind.core.dag import (
    AnyAssetRef,
    AssetAliasRef,
    AssetAll,
    AssetAny,
    AssetCondition,
    AssetNameRef,
    AssetOrTimeSchedule,
    AssetRef,
    AssetSchedule,
    AssetUriRef,
    PartitionedAssets,
    SerializedDag,
)
from tradewind.store.engine import AnyRow, Rows, insert, insert_of
from tradewind.store.schema import (
    asset,
    asset_alias,
    asset_event,
    asset_reference,
)

Identity = tuple[str, str]  # name and URI

_LOCK = 0x747770756273  # "twpubs"


def lock(tx: Connection) -> None:
    """One at a time from here to the end of the transaction: who publishes DAGs or makes assets
    reads what there is before writing (version numbers, names that are free)."""
    if tx.dialect.name == "postgresql":
        tx.execute(select(func.pg_advisory_xact_lock(_LOCK)))


# --- publishing -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Use:
    dag_id: str
    task_id: str | None
    role: str
    ref: AnyAssetRef


def publish(tx: Connection, documents: Sequence[SerializedDag]) -> None:
    """Write down which assets these DAGs use, in place of what was known of them.

    An asset that nobody uses any more becomes inactive. One whose name or URI an active asset has
    already, together with another URI or name, stays inactive until that one is free.
    """
    dag_ids = [document.dag_id for document in documents]
    uses = [use for document in documents for use in _uses(document)]
    before = _remove_references(tx, dag_ids)
    ids = put_assets(tx, {_identity(u.ref): u.ref for u in uses if isinstance(u.ref, AssetRef)})
    alias_refs = [use.ref for use in uses if isinstance(use.ref, AssetAliasRef)]
    aliases = put_aliases(tx, {ref.name: ref.group for ref in alias_refs})
    if uses:
        tx.execute(insert(tx, asset_reference), [_reference(use, ids, aliases) for use in uses])
    _settle_activity(tx, before | set(ids.values()))


def forget_references(tx: Connection, dag_ids: Collection[str]) -> None:
    """These DAGs use nothing any more."""
    _settle_activity(tx, _remove_references(tx, dag_ids))


def _uses(document: SerializedDag) -> Iterator[_Use]:
    timetable = document.timetable
    if isinstance(timetable, AssetSchedule | AssetOrTimeSchedule | PartitionedAssets):
        for ref in condition_leaves(timetable.condition):
            yield _Use(document.dag_id, None, "schedule", ref)
    for task in document.tasks:
        for ref in task.inlets:
            yield _Use(document.dag_id, task.task_id, "inlet", ref)
        for ref in task.outlets:
            yield _Use(document.dag_id, task.task_id, "outlet", ref)


def condition_leaves(condition: AssetCondition) -> Iterator[AnyAssetRef]:
    if isinstance(condition, AssetAll | AssetAny):
        for part in condition.conditions:
            yield from condition_leaves(part)
    else:
        yield condition


def _identity(ref: AssetRef) -> Identity:
    return ref.name, ref.uri


def _reference(
    use: _Use, ids: dict[Identity, int], aliases: dict[str, int]
) -> dict[str, str | int | None]:
    ref = use.ref
    return {
        "dag_id": use.dag_id,
        "task_id": use.task_id,
        "role": use.role,
        "asset_id": ids[_identity(ref)] if isinstance(ref, AssetRef) else None,
        "alias_id": aliases[ref.name] if isinstance(ref, AssetAliasRef) else None,
        "ref_name": ref.name if isinstance(ref, AssetNameRef) else None,
        "ref_uri": ref.uri if isinstance(ref, AssetUriRef) else None,
    }


def _remove_references(tx: Connection, dag_ids: Collection[str]) -> set[int]:
    """Returns the assets that were referred to."""
    if not dag_ids:
        return set()
    removed = tx.execute(_remove, {"dag_ids": list(dag_ids)}).scalars()
    return {asset_id for asset_id in removed if asset_id is not None}


_remove = (
    delete(asset_reference)
    .where(asset_reference.c.dag_id.in_(bindparam("dag_ids", expanding=True)))
    .returning(asset_reference.c.asset_id)
)


def put_assets(tx: Connection, refs: dict[Identity, AssetRef]) -> dict[Identity, int]:
    """Their ids; group and extra become those of the refs. New ones are inactive at first."""
    if not refs:
        return {}
    tx.execute(
        _put_assets(tx.dialect.name),
        [
            {
                "name": ref.name,
                "uri": ref.uri,
                "group": ref.group,
                "extra": ref.extra,
                "is_active": False,
            }
            for ref in refs.values()
        ],
    )
    return ids_of(tx, refs)


@cache
def _put_assets(dialect: str) -> Insert:
    """Made once: with `excluded` SQLAlchemy copies the whole table."""
    statement = insert_of(dialect, asset)
    return statement.on_conflict_do_update(
        index_elements=["name", "uri"],
        set_={"group": statement.excluded.group, "extra": statement.excluded.extra},
    )


def ids_of(tx: Connection, identities: Collection[Identity]) -> dict[Identity, int]:
    rows = tx.execute(_ids_of, {"wanted": sorted(identities)})
    return {(row.name, row.uri): row.id for row in rows}


_ids_of = select(asset.c.name, asset.c.uri, asset.c.id).where(
    tuple_(asset.c.name, asset.c.uri).in_(bindparam("wanted", expanding=True))
)


def put_aliases(tx: Connection, groups: dict[str, str]) -> dict[str, int]:
    if not groups:
        return {}
    tx.execute(
        insert(tx, asset_alias).on_conflict_do_nothing(),
        [{"name": name, "group": group} for name, group in sorted(groups.items())],
    )
    rows = tx.execute(
        select(asset_alias.c.name, asset_alias.c.id).where(asset_alias.c.name.in_(groups))
    )
    return {row.name: row.id for row in rows}


def _settle_activity(tx: Connection, asset_ids: Collection[int]) -> None:
    if not asset_ids:
        return
    used = select(asset_reference.c.id).where(asset_reference.c.asset_id == asset.c.id).exists()
    tx.execute(
        update(asset)
        .where(asset.c.id.in_(asset_ids), asset.c.is_active, ~used)
        .values(is_active=False)
    )
    activate_free(tx, used)


def activate_free(tx: Connection, which: Any) -> None:
    """Make inactive assets active, oldest first, whose name and URI no active one has."""
    rival = asset.alias("rival")
    taken = (
        select(rival.c.id)
        .where(rival.c.is_active, or_(rival.c.name == asset.c.name, rival.c.uri == asset.c.uri))
        .exists()
    )
    candidates = tx.execute(
        select(asset.c.id).where(~asset.c.is_active, which).order_by(asset.c.id)
    ).scalars()
    for asset_id in candidates.all():  # one by one: two of them may want the same name
        tx.execute(update(asset).where(asset.c.id == asset_id, ~taken).values(is_active=True))


# --- reading --------------------------------------------------------------------------------------


def listing(tx: Connection, *, with_inactive: bool = False) -> Rows:
    """Assets by name, with `last_event_at`."""
    last = (
        select(func.max(asset_event.c.timestamp))
        .where(asset_event.c.asset_id == asset.c.id)
        .scalar_subquery()
    )
    statement = select(asset, last.label("last_event_at")).order_by(asset.c.name, asset.c.uri)
    return tx.execute(statement if with_inactive else statement.where(asset.c.is_active)).all()


def find(tx: Connection, *, name: str | None = None, uri: str | None = None) -> AnyRow | None:
    """The active asset of that name and URI (either may be left out)."""
    return tx.execute(select(asset).where(*named(name, uri), asset.c.is_active)).one_or_none()


def references(tx: Connection, asset_id: int) -> Rows:
    """Who uses an asset: rows of `asset_reference`, those by name or URI alone included."""
    return tx.execute(
        select(asset_reference)
        .join(
            asset,
            or_(
                asset_reference.c.asset_id == asset.c.id,
                asset_reference.c.ref_name == asset.c.name,
                asset_reference.c.ref_uri == asset.c.uri,
            ),
        )
        .where(asset.c.id == asset_id)
        .order_by(asset_reference.c.role, asset_reference.c.dag_id, asset_reference.c.task_id)
    ).all()


def inactive_of_task(tx: Connection, dag_id: str, task_id: str) -> Rows:
    """Inlets and outlets of a task that lost their name or URI to another asset: `name`, `uri`."""
    return tx.execute(
        select(asset.c.name, asset.c.uri)
        .join(asset_reference, asset_reference.c.asset_id == asset.c.id)
        .where(
            asset_reference.c.dag_id == dag_id,
            asset_reference.c.task_id == task_id,
            ~asset.c.is_active,
        )
        .distinct()
        .order_by(asset.c.name)
    ).all()


def named(name: str | None, uri: str | None) -> list[Any]:
    return [
        column == value
        for column, value in ((asset.c.name, name), (asset.c.uri, uri))
        if value is not None
    ]
