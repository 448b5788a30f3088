"""Run ids, in Airflow's form: `<run type>__<moment>`, and which ids a person may choose."""

import re
from datetime import UTC, datetime

from tradewind.core.errors import UserError
from tradewind.core.states import DagRunType

_ALLOWED = re.compile(r"[A-Za-z0-9_.~:+-]+")  # as Airflow's allowed_run_id_pattern by default

MAX_LENGTH = 250


def generate(
    run_type: DagRunType,
    run_after: datetime,
    *,
    partition_key: str | None = None,
    suffix: str | None = None,
) -> str:
    """The run id of a new run that nobody chose one for.

    `suffix`: eight random letters and digits, for runs whose moment may not be unique. Airflow has
    one for runs that assets trigger, for those that an operator triggers without a logical date,
    and for those of `CronPartitionTimetable`, which bear their `partition_key` as well (the
    partition runs of assets do not).
    """
    parts = [f"{run_type}__{run_after.astimezone(UTC).isoformat()}"]
    if partition_key is not None:
        parts += ["", partition_key, ""]
    if suffix is not None:
        parts.append(suffix)
    return "_".join(parts)


def check(run_id: str, run_type: DagRunType) -> None:
    """Raise `UserError` for a run id that somebody chose and that a run may not have."""
    if len(run_id) > MAX_LENGTH:
        raise UserError(
            f"The run id {run_id[:40]!r}... has {len(run_id)} characters.",
            hint=f"At most {MAX_LENGTH} are stored.",
        )
    if ".." in run_id:
        raise UserError(
            f"The run id {run_id!r} contains '..'.",
            hint="It becomes part of log file names; leave the dots out.",
        )
    if not _ALLOWED.fullmatch(run_id):
        raise UserError(
            f"The run id {run_id!r} has characters that are not allowed, or none at all.",
            hint="It becomes part of log file names: use letters, digits and _ . ~ : + - only.",
        )
    if run_type is DagRunType.MANUAL and (reserved := type_of(run_id)) is not DagRunType.MANUAL:
        raise UserError(
            f"A manual run cannot have the id {run_id!r}: '{reserved}__' begins other runs' ids.",
            hint="Choose an id that begins differently.",
        )


def type_of(run_id: str) -> DagRunType:
    """The run type that an id's beginning stands for; any other is a manual run's."""
    for run_type in DagRunType:
        if run_id.startswith(f"{run_type}__"):
            return run_type
    return DagRunType.MANUAL
