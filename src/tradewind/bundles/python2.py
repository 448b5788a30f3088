"""What to write today for Python 2, which DAG files of Airflow 1.10 may still be."""

import re

_SYNTAX = (
    (r"Missing parentheses in call to 'print'", "write print(...) with parentheses"),
    (r"Missing parentheses in call to 'exec'", "write exec(...) with parentheses"),
    (r"multiple exception types must be parenthesized", "write `except Error as error:`"),
    (r"leading zeros in decimal integer literals", "write octal numbers as 0o755"),
    (r"inconsistent use of tabs", "indent with spaces only"),
)
_OLD_TEXT = (
    (r"^\s*raise\s+\w[\w.]*\s*,", "write `raise Error(message)`"),
    (r"<>", "write `!=`"),
    (r"`[^`]+`", "write repr(...)"),
    (r"\bur['\"]", "write r'...'"),
    (r"\b\d+[lL]\b", "write the number without L"),
)
_MODULES = {
    "__builtin__": "builtins",
    "BaseHTTPServer": "http.server",
    "commands": "subprocess",
    "ConfigParser": "configparser",
    "cPickle": "pickle",
    "cStringIO": "io",
    "HTMLParser": "html.parser",
    "httplib": "http.client",
    "Queue": "queue",
    "StringIO": "io",
    "thread": "_thread",
    "urllib2": "urllib.request",
    "urlparse": "urllib.parse",
}
_NAMES = {
    "basestring": "str",
    "cmp": "(a > b) - (a < b)",
    "execfile": "exec(open(...).read())",
    "file": "open",
    "long": "int",
    "raw_input": "input",
    "reduce": "functools.reduce",
    "unichr": "chr",
    "unicode": "str",
    "xrange": "range",
}
_METHODS = {
    "has_key": "`key in ...`",
    "iteritems": "items()",
    "iterkeys": "keys()",
    "itervalues": "values()",
}


def modern_form(error: BaseException) -> str | None:
    """A sentence on what takes the place of the Python 2 that raised `error`; None for others."""
    instead = _instead(error)
    return f"This is Python 2: {instead}." if instead else None


def _instead(error: BaseException) -> str | None:
    if isinstance(error, SyntaxError):
        return _first(_SYNTAX, error.msg) or _first(_OLD_TEXT, error.text or "")
    if isinstance(error, ModuleNotFoundError):
        module = _MODULES.get(error.name or "")
        return module and f"the module is called {module} now"
    known = {NameError: _NAMES, AttributeError: _METHODS}.get(type(error), {})
    written = known.get(getattr(error, "name", None) or "")
    return written and f"write {written}"


def _first(patterns: tuple[tuple[str, str], ...], text: str) -> str | None:
    return next((instead for pattern, instead in patterns if re.search(pattern, text)), None)
