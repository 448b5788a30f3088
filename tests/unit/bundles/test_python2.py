"""Python 2 in DAG files: each old form gets the new one."""

import pytest

from tradewind.bundles.python2 import modern_form


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("print 'hello'", "print(...)"),
        ("exec 'x = 1'", "exec(...)"),
        ("try:\n    pass\nexcept ValueError, error:\n    pass", "except Error as error"),
        ("mode = 0755", "0o755"),
        ("raise ValueError, 'text'", "raise Error(message)"),
        ("if 1 <> 2: pass", "!="),
        ("x = `1`", "repr(...)"),
        ("x = ur'a'", "r'...'"),
        ("x = 10L", "without L"),
        ("if True:\n        a = 1\n\tb = 2", "spaces"),
        ("import urllib2", "urllib.request"),
        ("import ConfigParser", "configparser"),
        ("unicode('x')", "write str"),
        ("xrange(3)", "write range"),
        ("reduce(max, [1])", "functools.reduce"),
        ("{}.iteritems()", "items()"),
        ("{}.has_key(1)", "key in"),
    ],
)
def test_the_new_form_is_named(source: str, says: str) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011  # of any kind
        exec(compile(source, "f.py", "exec"), {})
    form = modern_form(raised.value)
    assert form is not None
    assert form.startswith("This is Python 2: ")
    assert says in form


@pytest.mark.parametrize(
    "source",
    ["def f(:", "x = (", "import nothing_of_that_name", "undefined", "''.nothing", "1 / 0"],
)
def test_other_mistakes_are_left_alone(source: str) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011  # of any kind
        exec(compile(source, "f.py", "exec"), {})
    assert modern_form(raised.value) is None
