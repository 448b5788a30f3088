"""A person decides: tasks that wait for an answer given in the UI or through the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypedDict
from urllib.parse import quote, urlencode

from tradewind.core.protocol import CreateHitl, Ok
from tradewind.sdk.asking import ask
from tradewind.sdk.baseoperator import BaseOperator
from tradewind.sdk.configuration import conf
from tradewind.sdk.exceptions import AirflowException
from tradewind.sdk.old_names import note_old_name
from tradewind.sdk.operators.branch import BranchMixIn
from tradewind.sdk.operators.python import tasks_behind
from tradewind.sdk.operators.skip import SkipMixin
from tradewind.sdk.param import ParamsDict
from tradewind.sdk.timezone import utcnow
from tradewind.sdk.triggers.hitl import HITLTrigger


class HITLTriggerEventError(Exception):
    """The wait for an answer ended without one."""


class HITLTimeoutError(HITLTriggerEventError):
    """Nobody answered in time, and there are no defaults."""


class HITLRejectException(AirflowException):
    """The answer was "Reject", and `fail_on_reject` makes that a failure."""


class HITLUser(TypedDict):
    """Somebody who may answer."""

    id: str
    name: str


class HITLOperator(BaseOperator):
    """Asks a person to choose among `options`, and to fill in a form of its own `params`.

    The XCom is ``{"chosen_options", "params_input", "responded_at", "responded_by_user"}``.

    subject, body: what is asked; the body may be Markdown.
    defaults: the answer if nobody gives one within `response_timeout`; without, the task fails.
    multiple: several options may be chosen.
    assigned_users: who may answer; anybody who may edit task instances, if empty.
    notifiers: called with the context once the question is there.
    """

    template_fields: Sequence[str] = ("subject", "body")

    def __init__(
        self,
        *,
        subject: str,
        options: list[str],
        body: str | None = None,
        defaults: str | list[str] | None = None,
        multiple: bool = False,
        notifiers: Sequence[Callable[[Any], Any]] | Callable[[Any], Any] | None = None,
        assigned_users: HITLUser | list[HITLUser] | None = None,
        response_timeout: timedelta | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if self.execution_timeout and not response_timeout:
            note_old_name("The time to answer is not execution_timeout: write response_timeout=...")
            response_timeout, self.execution_timeout = self.execution_timeout, None
        self.subject = subject
        self.body = body
        self.options = options
        self.defaults = [defaults] if isinstance(defaults, str) else defaults
        self.multiple = multiple
        self.notifiers = [notifiers] if callable(notifiers) else list(notifiers or ())
        self.assigned_users = (
            [assigned_users] if isinstance(assigned_users, Mapping) else assigned_users
        )
        self.response_timeout = response_timeout
        # The DAG's params are the run's business; the form has those of this task.
        self.params = ParamsDict({name: self.params.get_param(name) for name in self.own_params})
        self._validate()

    def _validate(self) -> None:
        if not self.options:
            raise ValueError(f'"options" of {self.task_id!r} cannot be empty.')
        if "_options" in self.params:
            raise ValueError('"_options" is not allowed in params')
        if self.defaults is None:
            return
        if not set(self.defaults) <= set(self.options):
            raise ValueError(
                f'defaults "{self.defaults}" should be a subset of options "{self.options}"'
            )
        if not self.multiple and len(self.defaults) > 1:
            raise ValueError('More than one defaults given when "multiple" is set to False.')

    @property
    def serialized_params(self) -> dict[str, dict[str, Any]]:
        return {name: self.params.get_param(name).dump() for name in self.params}

    def execute(self, context: Any) -> Any:
        ti = context["ti"]
        ask(
            CreateHitl(
                attempt_id=ti.attempt_id,
                subject=self.subject,
                options=self.options,
                body=self.body,
                defaults=self.defaults,
                multiple=self.multiple,
                params=self.serialized_params,
                assignees=list(self.assigned_users or ()),
            ),
            Ok,
        )
        for notify in self.notifiers:
            notify(context)
        timeout = self.response_timeout
        self.log.info("Waiting for response")
        self.defer(
            trigger=HITLTrigger(
                ti_id=ti.id,
                defaults=self.defaults,
                params_defaults=self.params.dump(),
                timeout_datetime=utcnow() + timeout if timeout else None,
            ),
            method_name="execute_complete",
        )

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        if "error" in event:
            is_timeout = event["error_type"] == "timeout"
            raise (HITLTimeoutError if is_timeout else HITLTriggerEventError)(event["error"])
        chosen, params = event["chosen_options"], event["params_input"] or {}
        if unknown := set(chosen) - set(self.options):
            raise ValueError(f"Responses {unknown} not in {self.options}")
        self._check_params(params)
        return {
            "chosen_options": chosen,
            "params_input": params,
            "responded_at": event["responded_at"],
            "responded_by_user": event["responded_by_user"],
        }

    def _check_params(self, params: Mapping[str, Any]) -> None:
        if self.params and params and set(self.params) != set(params):
            raise ValueError(f"params_input {dict(params)} does not match params {self.params}")
        for name, value in params.items():
            self.params[name] = value  # raises when its schema refuses the value

    def generate_link_to_ui(
        self,
        *,
        task_instance: Any,
        base_url: str | None = None,
        options: str | list[str] | None = None,
        params_input: dict[str, Any] | None = None,
    ) -> str:
        """A link to the page where the answer is given, with an answer filled in if wanted."""
        options = [options] if isinstance(options, str) else options or []
        if unknown := set(options) - set(self.options):
            raise ValueError(f"options {unknown} are not valid options")
        if unknown := set(params_input or {}) - set(self.params):
            raise ValueError(f"params {unknown} are not valid params")
        base_url = base_url or conf.get("api", "base_url", fallback=None)
        if not base_url:
            raise ValueError("Pass base_url=, or set TRADEWIND_API__BASE_URL.")
        query = {**({"_options": options} if options else {}), **(params_input or {})}
        query["map_index"] = task_instance.map_index
        run = f"dags/{task_instance.dag_id}/runs/{quote(task_instance.run_id)}"
        page = f"{run}/tasks/{task_instance.task_id}/required_actions"
        return f"{base_url.rstrip('/')}/{page}?{urlencode(query)}"

    @staticmethod
    def generate_link_to_ui_from_context(*, context: Any, **kwargs: Any) -> str:
        """`generate_link_to_ui` for notifiers."""
        task = context["task"]
        if not isinstance(task, HITLOperator):
            raise ValueError("This method only supports HITLOperator")
        return task.generate_link_to_ui(task_instance=context["ti"], **kwargs)


class ApprovalOperator(HITLOperator, SkipMixin):
    """Asks to approve or reject.

    "Reject" skips the direct children, or with `ignore_downstream_trigger_rules` everything
    downstream; with `fail_on_reject` it fails the task instead.
    """

    inherits_from_skipmixin = True

    APPROVE = "Approve"
    REJECT = "Reject"

    def __init__(
        self,
        *,
        ignore_downstream_trigger_rules: bool = False,
        fail_on_reject: bool = False,
        **kwargs: Any,
    ) -> None:
        for name in ("options", "multiple"):
            if name in kwargs:
                raise ValueError(f"Passing {name} to ApprovalOperator is not allowed.")
        super().__init__(options=[self.APPROVE, self.REJECT], multiple=False, **kwargs)
        self.ignore_downstream_trigger_rules = ignore_downstream_trigger_rules
        self.fail_on_reject = fail_on_reject

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        answer = super().execute_complete(context, event)
        if answer["chosen_options"][0] == self.APPROVE:
            self.log.info("Approved. Proceeding with downstream tasks...")
            return answer
        if self.fail_on_reject:
            raise HITLRejectException('Receive "Reject"')
        self.skip(
            context["ti"],
            tasks_behind(context["task"], everything=self.ignore_downstream_trigger_rules is True),
        )
        return answer


class HITLBranchOperator(HITLOperator, BranchMixIn):
    """Follows the tasks or groups that a person chooses.

    options_mapping: option → id of the task to follow; an option that is not in it is an id.
    """

    inherits_from_skipmixin = True

    def __init__(self, *, options_mapping: dict[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.options_mapping = options_mapping or {}
        if unknown := sorted(set(self.options_mapping) - set(self.options)):
            raise ValueError(
                f"`options_mapping` contains keys that are not in `options`: {unknown}"
            )
        wrong = {k: v for k, v in self.options_mapping.items() if not isinstance(v, str)}
        if wrong:
            raise ValueError(f"`options_mapping` values must be strings (task_ids): {wrong}")

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        chosen = super().execute_complete(context, event)["chosen_options"]
        return self.do_branch(context, [self.options_mapping.get(o, o) for o in chosen])


class HITLEntryOperator(HITLOperator):
    """Asks for values of its params; the only option is "OK" unless others are given."""

    OK = "OK"

    def __init__(self, **kwargs: Any) -> None:
        if "options" not in kwargs:
            kwargs["options"] = [self.OK]
            kwargs.setdefault("defaults", [self.OK])
        super().__init__(**kwargs)
