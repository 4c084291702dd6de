"""The application: what MODULE:CALLABLE names, imported, with errors that say what to change."""

import difflib
import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from penstock.exits import ExitStatus, StartupError

Application = Callable[..., Any]

# Tried in this order where only a module is named: what mod_wsgi wants, then what tutorials write.
_USUAL_NAMES = ("application", "app")

_NAME = r"[^\W\d]\w*"
_REFERENCE = re.compile(rf"(?P<module>{_NAME}(?:\.{_NAME})*)(?::(?P<path>{_NAME}(?:\.{_NAME})*)(?P<call>\(\))?)?")


@dataclass(frozen=True, slots=True)
class Reference:
    """MODULE[:ATTRIBUTE[.ATTRIBUTE...][()]] taken apart."""

    module: str
    path: tuple[str, ...] = ()  # empty: one of the usual names
    call: bool = False  # written with (): a factory

    def __str__(self) -> str:
        return f"{self.module}:{'.'.join(self.path)}" if self.path else self.module


def parse_reference(text: str) -> Reference:
    """Raises ValueError in one line where `text` cannot name a callable."""
    if text.partition(":")[0].endswith(".py") or "/" in text:
        raise ValueError(f"{text!r} is a path: name a module instead, such as hello:app, and its folder with --chdir")
    match = _REFERENCE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} names no application: write MODULE:CALLABLE, such as hello:app or shop.wsgi:make()")
    path = tuple(match["path"].split(".")) if match["path"] else ()
    return Reference(match["module"], path, bool(match["call"]))


def load(reference: Reference, *, factory: bool = False) -> Application:
    """Imports the module and returns its callable, or what the callable makes where it is a factory.

    Raises StartupError; where the application's own code failed, that exception is its cause.
    """
    module = _import(reference.module)
    path = reference.path or (_usual_name(module),)
    found = _attribute(module, path)
    name = f"{reference.module}:{'.'.join(path)}"
    if factory or reference.call:
        found, name = _make(found, name), f"{name}()"
    return _checked(found, name)


def _import(name: str) -> ModuleType:
    # The finders remember what a folder held when the supervisor looked; this worker may be here to see new files.
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise _failure(f"no module named {error.name!r}{_near_module(error.name)}") from None
        raise _failure(f"cannot import {name!r}: {_line(error)}") from error
    except (Exception, SystemExit) as error:
        raise _failure(f"cannot import {name!r}: {_line(error)}") from error


def _near_module(name: str) -> str:
    """What could have been meant: an attribute written with a dot, else a module of the same folder or package."""
    parent, _, last = name.rpartition(".")
    holder = sys.modules.get(parent)
    if hasattr(holder, last):
        return f"; did you mean '{parent}:{last}'?"
    folders = getattr(holder, "__path__", []) if parent else sys.path[:1]
    prefix = f"{parent}." if parent else ""
    return _near(name, (module.name for module in pkgutil.iter_modules(folders, prefix)))


def _usual_name(module: ModuleType) -> str:
    for name in _USUAL_NAMES:
        if hasattr(module, name):
            return name
    tried = " nor ".join(map(repr, _USUAL_NAMES))
    raise _failure(f"module {module.__name__!r} has neither {tried}: name the callable, {module.__name__}:CALLABLE")


def _attribute(module: ModuleType, path: tuple[str, ...]) -> object:
    found: object = module
    owner = f"module {module.__name__!r}"
    for name in path:
        try:
            found = getattr(found, name)
        except AttributeError:
            raise _failure(f"{owner} has no attribute {name!r}{_near(name, dir(found))}") from None
        except Exception as error:
            raise _failure(f"{owner} does not give its attribute {name!r}: {_line(error)}") from error
        owner = repr(name)
    return found


def _make(factory: object, name: str) -> object:
    if not callable(factory):
        raise _failure(f"{name!r} is {_kind(factory)}, so it cannot be called to make the application")
    try:
        return factory()
    except (Exception, SystemExit) as error:
        raise _failure(f"the factory {name!r} failed: {_line(error)}") from error


def _checked(found: object, name: str) -> Application:
    if not callable(found):
        raise _failure(f"{name!r} is {_kind(found)}, not a callable")
    if inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(found.__call__):
        raise _failure(f"{name!r} is a coroutine function: this version serves WSGI applications, not ASGI")
    return found


def _failure(message: str) -> StartupError:
    return StartupError(message, ExitStatus.BOOT)


def _near(name: str, others: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, others, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _kind(thing: object) -> str:
    name = type(thing).__name__
    if thing is None:
        return "None"
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _line(error: BaseException) -> str:
    """The exception in one line, as the end of a traceback shows it."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
