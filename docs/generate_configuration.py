"""Write docs/configuration.md from the settings: `python docs/generate_configuration.py`."""

from pathlib import Path

import msgspec

from tradewind.settings import AIRFLOW_ALIASES, Sections, describe

PAGE = Path(__file__).with_name("configuration.md")

HEADER = """\
# Configuration

<!-- Written by docs/generate_configuration.py from src/tradewind/settings.py: change it there. -->

A setting comes from the environment (`TRADEWIND_<SECTION>__<KEY>`), else from
`$TRADEWIND_HOME/tradewind.toml`, else it has its default. `tradewind config list` shows each value
and where it came from. An unknown or malformed setting stops the start and says what was expected.

`TRADEWIND_HOME` (or `AIRFLOW_HOME`) is the folder that everything lies in; `{home}` below.
Default: `~/tradewind`. Variables and connections for DAGs may be given as `TRADEWIND_VAR_<KEY>` and
`TRADEWIND_CONN_<ID>`, or under Airflow's names `AIRFLOW_VAR_<KEY>` and `AIRFLOW_CONN_<ID>`.

```toml
# tradewind.toml
[core]
parallelism = 16

[[core.bundles]]
name = "team_a"
path = "/srv/team_a/dags"
```
"""


def page() -> str:
    aliases: dict[tuple[str, str], list[str]] = {}
    for name, setting in AIRFLOW_ALIASES.items():
        aliases.setdefault(setting, []).append(f"`{name}`")
    lines = [HEADER]
    for section in msgspec.structs.fields(Sections):
        lines += [f"## {section.name}", "", "| setting | default | meaning | also read from |"]
        lines += ["|---|---|---|---|"]
        for field in msgspec.structs.fields(section.type):
            also = ", ".join(aliases.get((section.name, field.name), []))
            default = (
                field.default_factory() if field.default is msgspec.NODEFAULT else field.default
            )
            lines.append(f"| `{field.name}` | `{default}` | {describe(field.type)} | {also} |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page())
