"""Old names in Jinja templates, as text: `{{ execution_date }}` becomes `{{ logical_date }}`.

The text may be that of a string literal as it stands in the file, escapes and doubled braces of
f-strings included: only names are replaced, by expressions without quotes.
"""

import re
from collections.abc import Iterator

SAME = {
    "execution_date": "logical_date",
    "tomorrow_ds": "macros.ds_add(ds, 1)",
    "tomorrow_ds_nodash": "(logical_date + macros.timedelta(days=1)) | ds_nodash",
    "yesterday_ds": "macros.ds_add(ds, -1)",
    "yesterday_ds_nodash": "(logical_date - macros.timedelta(days=1)) | ds_nodash",
    "triggering_dataset_events": "triggering_asset_events",
}
"""Name → what means the same in every run."""

SAME_WITH_INTERVALS = {
    "next_execution_date": "data_interval_end",
    "next_ds": "data_interval_end | ds",
    "next_ds_nodash": "data_interval_end | ds_nodash",
    "prev_execution_date_success": "prev_data_interval_start_success",
}
"""Name → what means the same in a run that covers a data interval, from one slot to the next."""

WITHOUT_MODERN_FORM = ("prev_execution_date", "prev_ds", "prev_ds_nodash")

_OWNERS = {"ti", "task_instance", "dag_run"}

_CODE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_TOKEN = re.compile(
    r"""
      (?P<string> '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" )
    | (?P<escape> \\. )
    | (?P<number> \d[\w.]* )
    | (?P<name> [^\W\d]\w* )
    | (?P<space> \s+ )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_BOUND = re.compile(r"\{%[-+]?\s*(?:set|for|macro)\b(.*?)(?:=|\bin\b|%\})", re.DOTALL)


def modernise_template(text: str, *, intervals: bool) -> tuple[str, set[str]]:
    """The text with modern names, and the old names that are left in it.

    `intervals`: the DAGs' runs cover data intervals. Names that the template binds itself stay.
    """
    known = SAME | (SAME_WITH_INTERVALS if intervals else {})
    bound = {name for part in _BOUND.findall(text) for name in re.findall(r"\w+", part)}
    known = {old: new for old, new in known.items() if old not in bound}
    left: set[str] = set()

    def code(match: "re.Match[str]") -> str:
        return "".join(_rewritten(match[0], known, left))

    return _CODE.sub(code, text), left - bound


def _rewritten(code: str, known: dict[str, str], left: set[str]) -> Iterator[str]:
    tokens = [(match.lastgroup, match[0]) for match in _TOKEN.finditer(code)]
    for i, (kind, text) in enumerate(tokens):
        before, after = _beside(tokens[:i][::-1]), _beside(tokens[i + 1 :])
        if kind != "name" or (after[:1] == ["="] and after[1:2] != ["="]):
            yield text
        elif before[:1] == ["."]:
            yield "logical_date" if _is_date_of_run(text, before) else text
        elif text in known:
            new = known[text]
            yield f"({new})" if " | " in new and after[:1] in (["."], ["["]) else new
        else:
            if text in SAME_WITH_INTERVALS or text in WITHOUT_MODERN_FORM:
                left.add(text)
            yield text


def _beside(tokens: list[tuple[str | None, str]]) -> list[str]:
    """The next two tokens but for space."""
    return [text for kind, text in tokens if kind != "space"][:2]


def _is_date_of_run(name: str, before: list[str]) -> bool:
    return name == "execution_date" and before[1:] != [] and before[1] in _OWNERS
