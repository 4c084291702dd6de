"""penstock.application: what MODULE:CALLABLE finds, and the line that says why it does not."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from penstock.application import load, parse_reference
from penstock.exits import ExitStatus, StartupError
from penstock.trace import application_traceback

Write = Callable[[str, str], None]

HELLO = """
def app(environ, start_response): ...
def make(): return app
def needs(argument): ...
class Site:
    def app(self, environ, start_response): ...
    @property
    def broken(self): raise LookupError("no database")
site = Site()
number = 5
nothing = None
async def scope(scope, receive, send): ...
class Asgi:
    async def __call__(self, scope, receive, send): ...
asgi = Asgi()
def leave(): raise SystemExit(4)
"""


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes modules into the folder the application is imported from; they are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(name: str, text: str) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    yield write
    for name in set(sys.modules) - before:
        del sys.modules[name]


def found(text: str, *, factory: bool = False) -> str:
    application = load(parse_reference(text), factory=factory)
    return str(application.__name__)


def failure(text: str, *, factory: bool = False) -> StartupError:
    with pytest.raises(StartupError) as caught:
        load(parse_reference(text), factory=factory)
    assert caught.value.status == ExitStatus.BOOT
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("text", ["hello:app", "hello", "hello:site.app", "hello:make()"])
def test_callables(text: str, write: Write) -> None:
    write("hello.py", HELLO)
    assert found(text) == "app"


def test_the_factory_switch(write: Write) -> None:
    write("hello.py", HELLO)
    assert found("hello:make", factory=True) == "app"
    assert found("hello:make()", factory=True) == "app"
    assert found("hello:make") == "make"


def test_the_usual_names(write: Write) -> None:
    write("both.py", "def app(e, s): ...\ndef application(e, s): ...\n")
    assert found("both") == "application"
    write("neither.py", "def main(e, s): ...\n")
    reason = "module 'neither' has neither 'application' nor 'app': name the callable, neither:CALLABLE"
    assert str(failure("neither")) == reason


def test_a_package(write: Write) -> None:
    write("shop/__init__.py", "")
    write("shop/wsgi.py", HELLO)
    assert found("shop.wsgi:app") == "app"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("helo:app", "no module named 'helo'; did you mean 'hello'?"),
        ("xyzzy_plugh:app", "no module named 'xyzzy_plugh'"),
        ("hello.app", "no module named 'hello.app'; did you mean 'hello:app'?"),
        ("shop.wsgy:app", "no module named 'shop.wsgy'; did you mean 'shop.wsgi'?"),
        ("shap.wsgi:app", "no module named 'shap'; did you mean 'shop'?"),
        ("hello:ap", "module 'hello' has no attribute 'ap'; did you mean 'app'?"),
        ("hello:xyzzy", "module 'hello' has no attribute 'xyzzy'"),
        ("hello:site.ap", "'site' has no attribute 'ap'; did you mean 'app'?"),
        ("hello:number", "'hello:number' is an int, not a callable"),
        ("hello:nothing", "'hello:nothing' is None, not a callable"),
        ("hello:number()", "'hello:number' is an int, so it cannot be called to make the application"),
        ("hello:scope", "'hello:scope' is a coroutine function: this version serves WSGI applications, not ASGI"),
        ("hello:asgi", "'hello:asgi' is a coroutine function: this version serves WSGI applications, not ASGI"),
    ],
)
def test_mistakes(text: str, reason: str, write: Write) -> None:
    write("hello.py", HELLO)
    write("shop/__init__.py", "")
    write("shop/wsgi.py", HELLO)
    error = failure(text)
    assert str(error) == reason
    assert error.__cause__ is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "hello:needs()",
            "the factory 'hello:needs' failed: TypeError: needs() missing 1 required positional argument",
        ),
        ("hello:leave()", "the factory 'hello:leave' failed: SystemExit: 4"),
        ("hello:site.broken", "'site' does not give its attribute 'broken': LookupError: no database"),
    ],
)
def test_the_applications_own_faults_are_the_cause(text: str, reason: str, write: Write) -> None:
    write("hello.py", HELLO)
    error = failure(text)
    assert str(error).startswith(reason)
    assert error.__cause__ is not None


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("1 / 0", "cannot import 'broken': ZeroDivisionError: division by zero"),
        ("import no_such_thing", "cannot import 'broken': ModuleNotFoundError: No module named 'no_such_thing'"),
        ("from sys import no_such_thing", "cannot import 'broken': ImportError: cannot import name"),
        ("def (", "cannot import 'broken': SyntaxError: invalid syntax"),
        ("raise SystemExit('no settings')", "cannot import 'broken': SystemExit: no settings"),
        ("raise ValueError('two\\nlines')", "cannot import 'broken': ValueError: two lines"),
        ("raise ValueError", "cannot import 'broken': ValueError"),
    ],
)
def test_a_module_that_fails(source: str, reason: str, write: Write) -> None:
    write("broken.py", source)
    error = failure("broken:app")
    assert str(error).startswith(reason)
    assert error.__cause__ is not None


def test_a_module_that_came_after_we_looked(write: Write) -> None:
    failure("late:app")
    write("late.py", HELLO)
    assert found("late:app") == "app"


# Tracebacks


def traceback_of(text: str) -> str:
    cause = failure(text).__cause__
    assert cause is not None
    return application_traceback(cause)


def test_a_traceback_begins_in_the_application(write: Write, tmp_path: Path) -> None:
    write("outer.py", "import inner\n")
    write("inner.py", "def fail():\n    raise ValueError('deep')\nfail()\n")
    lines = [line for line in traceback_of("outer:app").splitlines() if "^" not in line and "~" not in line]
    assert lines == [
        "Traceback (most recent call last):",
        f'  File "{tmp_path}/outer.py", line 1, in <module>',
        "    import inner",
        f'  File "{tmp_path}/inner.py", line 3, in <module>',
        "    fail()",
        f'  File "{tmp_path}/inner.py", line 2, in fail',
        "    raise ValueError('deep')",
        "ValueError: deep",
    ]


def test_a_traceback_keeps_its_causes(write: Write) -> None:
    write(
        "broken.py",
        "try:\n    import no_such_thing\nexcept ImportError as error:\n    raise RuntimeError('no') from error\n",
    )
    text = traceback_of("broken:app")
    assert "ModuleNotFoundError: No module named 'no_such_thing'" in text
    assert "The above exception was the direct cause" in text
    assert text.endswith("RuntimeError: no\n")
    assert "importlib" not in text
    assert "penstock" not in text.replace(str(Path.cwd()), "")


def test_a_traceback_of_a_group(write: Write) -> None:
    write("broken.py", "raise ExceptionGroup('all', [ValueError('one'), TypeError('two')])\n")
    text = traceback_of("broken:app")
    assert "ValueError: one" in text
    assert "TypeError: two" in text


def test_a_syntax_error_shows_where(write: Write) -> None:
    write("broken.py", "def (\n")
    assert 'broken.py", line 1' in traceback_of("broken:app")
