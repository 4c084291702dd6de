"""An application's traceback, without the frames that led to it."""

import importlib
import os
from collections.abc import Iterator
from traceback import FrameSummary, StackSummary, TracebackException

_PACKAGE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_IMPORTLIB = os.path.dirname(os.path.abspath(importlib.__file__)) + os.sep


def application_traceback(error: BaseException) -> str:
    """The text of the traceback, causes and all, from the first frame that is not Penstock's own."""
    trace = TracebackException.from_exception(error)
    for each in _chain(trace):
        each.stack = StackSummary.from_list(list(_without_ours(each.stack)))
    return "".join(trace.format())


def _chain(trace: TracebackException) -> Iterator[TracebackException]:
    waiting: list[TracebackException | None] = [trace]
    while waiting:
        each = waiting.pop()
        if each is not None:
            yield each
            waiting += (each.__cause__, each.__context__, *(getattr(each, "exceptions", None) or ()))


def _without_ours(frames: StackSummary) -> Iterator[FrameSummary]:
    leading = True
    for frame in frames:
        leading = leading and _is_ours(frame.filename)
        if not leading and not frame.filename.startswith("<frozen importlib"):
            yield frame


def _is_ours(filename: str) -> bool:
    if filename.endswith(".pyx"):  # Cython names its source, wherever it was built
        return True
    return filename.startswith((_PACKAGE, _IMPORTLIB, "<frozen importlib"))
