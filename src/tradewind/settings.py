"""Typed settings: the environment, then ``tradewind.toml``, then defaults, with their sources.

``TRADEWIND_<SECTION>__<KEY>`` sets one value. Airflow's own names are read as aliases where they
mean the same. A setting that is unknown or malformed stops the start, with its name, its value and
what was expected.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from tradewind.core.errors import UserError
from tradewind.core.executor_names import EXECUTOR_NAMES

PREFIX = "TRADEWIND_"
FILE_NAME = "tradewind.toml"

PositiveInt = Annotated[int, Meta(ge=1)]
PositiveFloat = Annotated[float, Meta(gt=0)]


class BundleSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One source of DAG files."""

    name: str
    path: str
    kind: str = "folder"


class CoreSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    dags_folder: Annotated[
        str, Meta(description="The folder with DAG files, unless `bundles` says more.")
    ] = "{home}/dags"
    bundles: Annotated[
        list[BundleSettings],
        Meta(description="DAG bundles, each with `name` and `path`; replaces `dags_folder`."),
    ] = []
    executor: Annotated[
        str, Meta(description="Where tasks run unless they choose themselves: `local`.")
    ] = "local"
    parallelism: Annotated[
        PositiveInt, Meta(description="Most task attempts at once, over all schedulers.")
    ] = 32
    dags_are_paused_at_creation: Annotated[
        bool, Meta(description="Whether a new DAG waits for somebody to unpause it.")
    ] = True


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: Annotated[
        str, Meta(description="SQLite or PostgreSQL: `postgresql://user:password@host/name`.")
    ] = "sqlite:///{home}/tradewind.db"


class StorageSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    url: Annotated[
        str, Meta(description="Where logs and bundle archives are kept: a path or a URL.")
    ] = "file://{home}/storage"


class SchedulerSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    run_lease_seconds: Annotated[
        PositiveFloat, Meta(description="After so long without renewal others take over a run.")
    ] = 15.0
    attempt_lease_seconds: Annotated[
        PositiveFloat,
        Meta(description="After so long without renewal a task attempt counts as lost."),
    ] = 30.0
    idle_poll_seconds: Annotated[
        PositiveFloat, Meta(description="How often an idle scheduler looks around all the same.")
    ] = 10.0
    infra_retries: Annotated[
        int, Meta(ge=0, description="Attempts lost to infrastructure that cost a task no retry.")
    ] = 3


class DagProcessorSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    parsing_processes: Annotated[
        PositiveInt, Meta(description="How many DAG files are parsed at once.")
    ] = 2
    dag_file_processor_timeout: Annotated[
        PositiveFloat, Meta(description="Seconds that one DAG file may take to load.")
    ] = 30.0
    memory_limit_mb: Annotated[
        PositiveInt, Meta(description="Megabytes of memory that loading one DAG file may take.")
    ] = 2048


class TriggererSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    capacity: Annotated[
        PositiveInt, Meta(description="Most triggers that one triggerer runs at once.")
    ] = 1000


class LoggingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    logging_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        Meta(
            description="What Tradewind's own processes say: DEBUG, INFO, WARNING, ERROR, CRITICAL."
        ),
    ] = "INFO"


class Sections(msgspec.Struct, frozen=True, kw_only=True):
    core: CoreSettings = CoreSettings()
    database: DatabaseSettings = DatabaseSettings()
    storage: StorageSettings = StorageSettings()
    scheduler: SchedulerSettings = SchedulerSettings()
    dag_processor: DagProcessorSettings = DagProcessorSettings()
    triggerer: TriggererSettings = TriggererSettings()
    logging: LoggingSettings = LoggingSettings()


# Airflow's names that mean the same, in the environment.
AIRFLOW_ALIASES = {
    "AIRFLOW__CORE__DAGS_FOLDER": ("core", "dags_folder"),
    "AIRFLOW__CORE__EXECUTOR": ("core", "executor"),
    "AIRFLOW__CORE__PARALLELISM": ("core", "parallelism"),
    "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": ("core", "dags_are_paused_at_creation"),
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": ("database", "url"),
    "AIRFLOW__CORE__SQL_ALCHEMY_CONN": ("database", "url"),
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": ("dag_processor", "parsing_processes"),
    "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": (
        "dag_processor",
        "dag_file_processor_timeout",
    ),
    "AIRFLOW__TRIGGERER__CAPACITY": ("triggerer", "capacity"),
    "AIRFLOW__LOGGING__LOGGING_LEVEL": ("logging", "logging_level"),
}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All settings, and where each came from ("default", a file's path or an environment name)."""

    home: Path
    sections: Sections
    sources: dict[tuple[str, str], str]

    @property
    def bundles(self) -> list[BundleSettings]:
        core = self.sections.core
        return core.bundles or [BundleSettings(name="dags", path=core.dags_folder)]

    def bundle_root(self, path: Path) -> Path | None:
        """The root of the bundle that a file or folder is in."""
        roots = [Path(bundle.path).absolute() for bundle in self.bundles]
        return next((root for root in roots if path.absolute().is_relative_to(root)), None)

    @property
    def log_folder(self) -> Path:
        """Where task logs are written as they come."""
        return self.home / "logs"

    def rows(self) -> list[tuple[str, str, Any, str]]:
        """(section, key, value, source) of every setting, in order."""
        return [
            (section, key, getattr(getattr(self.sections, section), key), source)
            for (section, key), source in self.sources.items()
        ]


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read everything; raises `UserError` for the first setting that is unknown or malformed."""
    env = os.environ if environ is None else environ
    home = Path(env.get("TRADEWIND_HOME") or env.get("AIRFLOW_HOME") or "~/tradewind")
    home = home.expanduser().absolute()
    raw: dict[str, dict[str, Any]] = {section: {} for section in Sections.__struct_fields__}
    sources = {
        (section, key): "default"
        for section in raw
        for key in _section_type(section).__struct_fields__
    }
    _take_file(home / FILE_NAME, raw, sources)
    _refuse_xcom_backend(env)
    for name in AIRFLOW_ALIASES.keys() & env.keys():
        section, key = AIRFLOW_ALIASES[name]
        _take_text(section, key, env[name], name, raw, sources)
    for name in sorted(env):
        if name.startswith(PREFIX) and "__" in name and not name.startswith(_NOT_SETTINGS):
            section, _, key = name.removeprefix(PREFIX).lower().partition("__")
            _take_text(section, key, env[name], name, raw, sources)
    sections = {
        section: _expand(_convert(section, values, sources), home)
        for section, values in raw.items()
    }
    settings = Settings(home=home, sections=Sections(**sections), sources=sources)
    _check_executor(settings)
    return settings


def _refuse_xcom_backend(env: Mapping[str, str]) -> None:
    """Values that are meant for another store must not go to the database unnoticed."""
    backend = env.get("AIRFLOW__CORE__XCOM_BACKEND", "")
    if backend and not backend.endswith(".BaseXCom"):
        raise UserError(
            f"AIRFLOW__CORE__XCOM_BACKEND: {backend} cannot be used, there are no XCom backends.",
            hint="Unset it, and XComs are kept in the database. Hand large data over as files: "
            "write them to an ObjectStoragePath and return the path.",
        )


_NOT_SETTINGS = (f"{PREFIX}VAR_", f"{PREFIX}CONN_")  # variables and connections for DAGs


def _section_type(section: str) -> type[msgspec.Struct]:
    return type(getattr(Sections(), section))


def _take_file(
    path: Path, raw: dict[str, dict[str, Any]], sources: dict[tuple[str, str], str]
) -> None:
    try:
        document = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UserError(f"{path} is not valid TOML: {error}") from error
    for section, values in document.items():
        if not isinstance(values, dict):
            raise UserError(
                f"{path}: `{section}` stands outside of a section.",
                hint=f"Put it below a heading such as [core]. Sections: {', '.join(raw)}.",
            )
        for key, value in values.items():
            _take(section, key, value, str(path), raw, sources)


def _take_text(
    section: str,
    key: str,
    text: str,
    source: str,
    raw: dict[str, dict[str, Any]],
    sources: dict[tuple[str, str], str],
) -> None:
    """A value from the environment: text as it is; lists and the like as JSON."""
    value: Any = text
    if text.lstrip().startswith(("[", "{")):
        try:
            value = msgspec.json.decode(text)
        except (msgspec.DecodeError, RecursionError) as error:
            raise UserError(f"{source} is not valid JSON: {error}. Its value: {text!r}") from error
    _take(section, key, value, source, raw, sources)


def _take(
    section: str,
    key: str,
    value: Any,
    source: str,
    raw: dict[str, dict[str, Any]],
    sources: dict[tuple[str, str], str],
) -> None:
    if (section, key) not in sources:
        known = raw if section not in raw else _section_type(section).__struct_fields__
        what = "section" if section not in raw else f"setting in [{section}]"
        raise UserError(
            f"{source}: there is no {what} named {section if section not in raw else key!r}"
            f" (value {value!r}).",
            hint=f"Known: {', '.join(known)}. `tradewind config list` shows all.",
        )
    raw[section][key] = value
    sources[section, key] = source


def _convert(
    section: str, values: dict[str, Any], sources: dict[tuple[str, str], str]
) -> msgspec.Struct:
    kind = _section_type(section)
    fields = {field.name: field.type for field in msgspec.structs.fields(kind)}
    good = {}
    for key, value in values.items():
        try:
            good[key] = msgspec.convert(value, fields[key], strict=False)
        except (
            ValueError
        ) as error:  # msgspec's own, or of bytes in the environment that are no text
            raise UserError(
                f"{sources[section, key]}: {value!r} is not a valid value for"
                f" {section}.{key}: {error}.",
                hint=describe(fields[key]),
            ) from error
    return kind(**good)


def describe(annotation: Any) -> str:
    """The description of a setting's type, as written beside it."""
    for extra in get_args(annotation)[1:]:
        if isinstance(extra, Meta) and extra.description:
            return extra.description
    return ""


def _expand(section: msgspec.Struct, home: Path) -> Any:
    """Put the home folder where a default says ``{home}``."""
    texts = {
        key: value.replace("{home}", str(home))
        for key, value in msgspec.structs.asdict(section).items()
        if isinstance(value, str)
    }
    return msgspec.structs.replace(section, **texts)


def _check_executor(settings: Settings) -> None:
    for name in settings.sections.core.executor.split(","):
        if name.strip() not in EXECUTOR_NAMES:
            source = settings.sources["core", "executor"]
            raise UserError(
                f"{source}: there is no executor named {name.strip()!r}.",
                hint=f"Known executors: {', '.join(EXECUTOR_NAMES)}.",
            )
