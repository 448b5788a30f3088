"""Rendering of template fields. Jinja is imported when the first template is rendered.

Run-time interface: `task.render_template_fields(context)` renders in place what `template_fields`
names (XComArgs are resolved on the way); `task.resolve_template_files()` reads files named by
suffix, once the task is constructed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2

    from tradewind.sdk.dag import DAG


class ResolveMixin:
    """A stand-in for a value that exists at run time only."""

    def iter_references(self) -> Iterable[tuple[Any, str]]:
        """The operators, with XCom key, whose results are needed."""
        raise TypeError(f"{type(self).__name__} refers to nothing")

    def resolve(self, context: Mapping[str, Any]) -> Any:
        """The value. `context` is the running task's; only `context["ti"]` is used."""
        raise TypeError(f"{type(self).__name__} cannot be resolved")


@dataclass(frozen=True)
class LiteralValue(ResolveMixin):
    """Made by `literal(value)`: not a template even when it looks like one."""

    value: Any

    def iter_references(self) -> Iterable[tuple[Any, str]]:
        return ()

    def resolve(self, context: Mapping[str, Any]) -> Any:
        return self.value


def literal(value: Any) -> LiteralValue:
    """Keep Jinja away from `value`."""
    return LiteralValue(value)


class Templater:
    """Something with template fields: an operator, or an object inside one's template field."""

    template_fields: Sequence[str] = ()
    template_ext: Sequence[str] = ()
    render_template_as_native_obj: bool | None = None
    resolved_values: tuple[Any, ...] = ()
    """Results of other tasks that came in by mapping: they are values, not templates."""

    def get_dag(self) -> DAG | None:
        return None

    def get_template_env(self, dag: DAG | None = None) -> jinja2.Environment:
        """The Jinja environment: the DAG's, native or not as the task itself says."""
        dag = dag or self.get_dag()
        if dag is None:
            return create_template_env(native=bool(self.render_template_as_native_obj))
        return dag.get_template_env(native=self.render_template_as_native_obj)

    def prepare_template(self) -> None:
        """Override to change what was read from template files, before rendering."""

    def resolve_template_files(self) -> None:
        """Replace fields that name a template file by its content; a missing file is logged."""
        if self.template_ext:
            for field in self.template_fields:
                content = getattr(self, field, None)
                if isinstance(content, str) and content.endswith(tuple(self.template_ext)):
                    setattr(self, field, self._read_template_file(content))
                elif isinstance(content, list):
                    for position, item in enumerate(content):
                        if isinstance(item, str) and item.endswith(tuple(self.template_ext)):
                            content[position] = self._read_template_file(item)
        self.prepare_template()

    def _read_template_file(self, name: str) -> str:
        env = self.get_template_env()
        if env.loader is None:
            return name
        return env.loader.get_source(env, name)[0]

    def render_template(
        self,
        content: Any,
        context: Mapping[str, Any],
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """Render strings, also inside lists, tuples, sets, dicts and objects with template fields.

        `seen_oids`: ids of objects to leave alone, as values that come from upstream tasks.
        """
        seen = set() if seen_oids is None else seen_oids
        return _Rendering(self, context, jinja_env, seen).of(content)

    def render_template_fields(
        self, context: Mapping[str, Any], jinja_env: jinja2.Environment | None = None
    ) -> None:
        """Render every template field in place. Errors name the field."""
        seen = {id(value) for value in self.resolved_values}
        _Rendering(self, context, jinja_env, seen).fields(self, self.template_fields)

    def _do_render_template_fields(
        self,
        parent: Any,
        template_fields: Iterable[str],
        context: Mapping[str, Any],
        jinja_env: jinja2.Environment,
        seen_oids: set[int],
    ) -> None:
        """Airflow's hook that some operators call for nested objects."""
        _Rendering(self, context, jinja_env, seen_oids).fields(parent, template_fields)


@dataclass
class _Rendering:
    """One pass over an object's fields. Without a given environment the owner's is used."""

    owner: Templater
    context: Mapping[str, Any]
    given_env: jinja2.Environment | None
    seen: set[int]

    @cached_property
    def env(self) -> jinja2.Environment:
        """Made when the first text is met: many tasks have none, and it takes a while."""
        return self.given_env or self.owner.get_template_env()

    def fields(self, parent: Any, names: Iterable[str]) -> None:
        for name in names:
            try:
                value = getattr(parent, name)
            except AttributeError:
                raise AttributeError(
                    f"{name!r} is configured as a template field but "
                    f"{type(parent).__name__} does not have this attribute."
                ) from None
            if value is None or (isinstance(value, (str, list, tuple, dict, set)) and not value):
                continue
            try:
                if callable(value) and not isinstance(value, (ResolveMixin, type)):
                    rendered = value(context=self.context, jinja_env=self.env)
                else:
                    rendered = self.of(value)
            except Exception as error:
                error.add_note(f"while rendering template field {name!r} of {parent!r}")
                raise
            setattr(parent, name, rendered)

    def of(self, value: Any) -> Any:
        if id(value) in self.seen:
            return value
        if isinstance(value, str):
            return self._text(value)
        if not isinstance(value, os.PathLike) and hasattr(value, "resolve"):
            return value.resolve(self.context)
        if isinstance(value, tuple):
            items = [self.of(item) for item in value]
            return tuple(items) if type(value) is tuple else type(value)(*items)
        if isinstance(value, list):
            return [self.of(item) for item in value]
        if isinstance(value, dict):
            return {key: self.of(item) for key, item in value.items()}
        if isinstance(value, set):
            return {self.of(item) for item in value}
        return self._object(value)

    def _text(self, text: str) -> Any:
        is_file = bool(self.owner.template_ext) and text.endswith(tuple(self.owner.template_ext))
        if not is_file and not _may_be_template(text, self.env):
            return text
        template = self.env.get_template(text) if is_file else self.env.from_string(text)
        return render(template, self.context)

    def _object(self, value: Any) -> Any:
        render_itself: Callable[[Callable[[str], Any]], Any] | None
        render_itself = getattr(value, "render_with", None)
        if render_itself is not None:
            return render_itself(self._text)
        self.seen.add(id(value))
        names = getattr(value, "template_fields", None)
        if names:
            self.fields(value, names)
        return value


def _may_be_template(text: str, env: jinja2.Environment) -> bool:
    """False only when rendering would give `text` back; spares the compiler for plain text.

    A native environment turns "3" into 3, and Jinja drops one trailing newline.
    """
    if text.endswith("\n") or getattr(env, "is_native", False):
        return True
    if env.line_statement_prefix or env.line_comment_prefix:
        return True
    starts = (env.block_start_string, env.variable_start_string, env.comment_start_string)
    return any(start in text for start in starts) or "\r" in text


def render(template: jinja2.Template, context: Mapping[str, Any]) -> Any:
    """Render with the context as it is; `template.render` would evaluate its lazy entries."""
    env = template.environment
    variables = _WithGlobals(context, template.globals)
    try:
        nodes = template.root_render_func(
            env.context_class(env, variables, template.name, template.blocks)
        )
        if getattr(env, "is_native", False):
            from jinja2.nativetypes import native_concat

            return native_concat(nodes)
        return "".join(nodes)
    except Exception:
        env.handle_exception()


class _WithGlobals(dict[str, Any]):
    """Task context over Jinja globals, looked up on demand."""

    def __init__(self, context: Mapping[str, Any], template_globals: Mapping[str, Any]) -> None:
        super().__init__(template_globals)
        self._context = context

    def __contains__(self, key: object) -> bool:
        return key in self._context or super().__contains__(key)

    def __getitem__(self, key: str) -> Any:
        return self._context[key] if key in self._context else super().__getitem__(key)

    def get(self, key: str, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401  # dict.get ignores the context


def create_template_env(
    *,
    native: bool = False,
    searchpath: Sequence[str] | None = None,
    template_undefined: type[jinja2.Undefined] | None = None,
    jinja_environment_kwargs: Mapping[str, Any] | None = None,
    user_defined_macros: Mapping[str, Any] | None = None,
    user_defined_filters: Mapping[str, Any] | None = None,
) -> jinja2.Environment:
    """A Jinja environment with Airflow's filters: sandboxed, or native to keep types of values."""
    import jinja2

    options: MutableMapping[str, Any] = {
        "undefined": template_undefined or jinja2.StrictUndefined,
        "extensions": ["jinja2.ext.do"],
        "cache_size": 0,
    }
    if searchpath:
        options["loader"] = jinja2.FileSystemLoader(list(searchpath))
    options.update(jinja_environment_kwargs or {})
    env = _environment_class(native)(**options)
    env.filters.update(FILTERS)
    env.globals.update(user_defined_macros or {})
    env.filters.update(user_defined_filters or {})
    return env


def _environment_class(native: bool) -> type[jinja2.Environment]:
    from jinja2.nativetypes import NativeEnvironment
    from jinja2.sandbox import SandboxedEnvironment, is_internal_attribute

    class TaskEnvironment(SandboxedEnvironment):
        """Allows attributes with one leading underscore; dunders and internals stay closed."""

        is_native = False

        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            return not is_internal_attribute(obj, attr)

    class NativeTaskEnvironment(NativeEnvironment):
        is_native = True

    return NativeTaskEnvironment if native else TaskEnvironment


def _date_filter(form: str) -> Callable[[date | None], str | None]:
    return lambda value: None if value is None else value.strftime(form)


def _iso(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _iso_nodash_with_zone(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("-", "").replace(":", "")


FILTERS: dict[str, Callable[..., Any]] = {
    "ds": _date_filter("%Y-%m-%d"),
    "ds_nodash": _date_filter("%Y%m%d"),
    "ts": _iso,
    "ts_nodash": _date_filter("%Y%m%dT%H%M%S"),
    "ts_nodash_with_tz": _iso_nodash_with_zone,
}
