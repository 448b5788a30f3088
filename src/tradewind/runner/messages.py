"""What executor, host, zygotes and attempts say to each other, beyond `core.protocol`.

executor ⇄ host ⇄ zygote for starting and ending; attempt ⇄ host for the work itself. A request of
user code travels as `Ask` with the encoded message inside, which the host passes on unread.
"""

import msgspec

from tradewind.core.protocol import (
    CallbackOrder,
    Failure,
    Finished,
    Json,
    Message,
    Request,
    Started,
    Usage,
    WorkOrder,
)

# --- executor → host -------------------------------------------------------------------------
#
# `lease_end` is a moment of the monotonic clock, which all processes of a machine share: time that
# a message spends on its way, or a process stopped, counts.


class RunAttempt(Message, frozen=True):
    order: WorkOrder
    lease_end: float


class RunCallback(Message, frozen=True):
    order: CallbackOrder


class CancelAttempt(Message, frozen=True):
    attempt_id: int
    reason: str


class RenewLeases(Message, frozen=True):
    """Answered with a `Batch`, be it empty, as a sign of life."""

    attempt_ids: list[int]
    lease_end: float


class Answer(Message, frozen=True):
    """The reply to the `Ask` of that id; also host → attempt and host → zygote."""

    id: int
    body: msgspec.Raw


# --- attempt or zygote → host → executor -----------------------------------------------------


class Ask(Message, frozen=True):
    """`body`: an encoded `protocol.Request`. `reply` False: nobody waits for the answer.

    The id is the asker's own on its way to the host, and the host's from there on, where
    `attempt_id` is known (None: asked while a file was imported, or by a callback).
    """

    id: int
    body: msgspec.Raw
    reply: bool = True
    attempt_id: int | None = None


_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)


def request_in(ask: Ask) -> Request | Failure:
    """What is asked for, or the answer when nobody can read it: user code may have written it."""
    try:
        return _requests.decode(ask.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return Failure(kind="invalid", message=f"The request cannot be read: {error}")


class Secrets(Message, frozen=True):
    """Mask these in what the process writes past Python (attempt → host)."""

    values: list[str]


class CallbackDone(Message, frozen=True):
    """`error` None: all callbacks ran."""

    callback_id: int
    error: str | None = None


# --- host → executor -------------------------------------------------------------------------


class Ended(Message, frozen=True):
    """An attempt's process is gone; fields as in `executors.base.AttemptEnded`."""

    attempt_id: int
    category: str | None = None
    reason: str | None = None
    exit_code: int | None = None
    usage: Usage | None = None


class Batch(Message, frozen=True):
    """Several at once, in order: the executor wakes the scheduler once for all of them."""

    items: list[Started | Finished | Ended | CallbackDone | Ask]


# --- host ⇄ zygote ---------------------------------------------------------------------------


class Fork(Message, frozen=True):
    """Fork a child for the job. With three descriptors: its channel, its raw output, its log."""

    job: str


class Loaded(Message, frozen=True):
    """The DAG file is imported; children can be forked."""


class LoadFailed(Message, frozen=True):
    """The DAG file raised; the zygote ends."""

    error: str  # "<type>: <message>"
    detail: str  # the traceback


class Forked(Message, frozen=True):
    job: str
    pid: int


class NotForked(Message, frozen=True):
    """The machine has no room for another process."""

    job: str
    reason: str


class Exited(Message, frozen=True):
    """`status` as from waitpid."""

    job: str
    status: int
    usage: Usage


# --- triggerer ⇄ trigger child ----------------------------------------------------------------


class Deferred(Message, frozen=True):
    """The task instance that waits for a trigger, under Airflow's names."""

    id: int
    dag_id: str
    task_id: str
    run_id: str
    map_index: int
    try_number: int


class RunTrigger(Message, frozen=True):
    """Run a trigger until its first event, or with `continuous` (asset watchers) for ever.

    `file`: the DAG file, for a class that is defined in one. `kwargs` are in the XCom encoding.
    `task_instance`: None for an asset's watcher.
    """

    trigger_id: int
    classpath: str
    kwargs: dict[str, Json]
    file: str
    log_file: str = ""
    continuous: bool = False
    task_instance: Deferred | None = None


class CancelTrigger(Message, frozen=True):
    """`killed`: somebody stopped the task, so the trigger's `on_kill` is to be called."""

    trigger_id: int
    killed: bool = False


class TriggerFired(Message, frozen=True):
    """`event` is in the XCom encoding. `ends_as`: the state in which it ends the task itself."""

    trigger_id: int
    event: Json = None
    ends_as: str | None = None
    xcoms: dict[str, Json] = msgspec.field(default_factory=dict)


class TriggerFailed(Message, frozen=True):
    """It raised, or ended without an event. `error` is the traceback."""

    trigger_id: int
    error: str


ToHost = RunAttempt | RunCallback | CancelAttempt | RenewLeases | Answer
FromZygote = Loaded | LoadFailed | Forked | NotForked | Exited | Ask
FromJob = Started | Finished | CallbackDone | Secrets | Ask
ToJob = WorkOrder | CallbackOrder | Answer
ToZygote = Fork | Answer
ToTriggerChild = RunTrigger | CancelTrigger | Answer
FromTriggerChild = TriggerFired | TriggerFailed | Ask
