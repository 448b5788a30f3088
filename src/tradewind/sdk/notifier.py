"""`BaseNotifier`: a callback that sends a message, with templates in its fields."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tradewind.sdk.logging_mixin import LoggingMixin
from tradewind.sdk.templater import Templater

if TYPE_CHECKING:
    import jinja2


class BaseNotifier(LoggingMixin, Templater):
    """Derive, name your `template_fields`, and define `notify` (or `async_notify` for deadlines).

    An instance is a callback: called with the context, it renders its fields and notifies.
    """

    template_fields: Sequence[str] = ()
    template_ext: Sequence[str] = ()

    def __init__(self, context: dict[str, Any] | None = None) -> None:
        self.context = context or {}
        self.resolve_template_files()

    def notify(self, context: Any) -> None:
        """Send it."""
        raise TypeError(f"{type(self).__name__} does not define notify()")

    async def async_notify(self, context: Any) -> None:
        """Send it from an event loop."""
        raise TypeError(f"{type(self).__name__} does not define async_notify()")

    def render_template_fields(
        self, context: Mapping[str, Any], jinja_env: jinja2.Environment | None = None
    ) -> None:
        env = jinja_env or self.get_template_env(context.get("dag"))
        super().render_template_fields(context, env)

    def __call__(self, *args: Any) -> None:
        """With the context; the four arguments of Airflow 1 and 2's SLA callbacks are taken too."""
        names = ("dag", "task_list", "blocking_task_list", "blocking_tis")
        context = args[0] if len(args) == 1 else dict(zip(names, args, strict=False))
        self._prepare(context)
        self.notify(context)

    def __await__(self) -> Generator[Any, None, None]:
        self._prepare(self.context)
        return self.async_notify(self.context).__await__()

    def _prepare(self, context: Any) -> None:
        context.update({name: getattr(self, name) for name in self.template_fields})
        self.render_template_fields(context)
