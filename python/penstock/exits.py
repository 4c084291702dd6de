"""How a Penstock process ends: the exit statuses, and the error that carries one."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """What the command and its workers end with."""

    OK = 0
    FAILURE = 1  # could not listen, or something of ours broke
    USAGE = 2  # command line or configuration
    BOOT = 3  # the application does not start


class StartupError(Exception):
    """Penstock cannot start; the message is one line that tells an operator what to change.

    Raised `from` an exception of the application where there is one: its traceback is then worth showing.
    """

    def __init__(self, message: str, status: ExitStatus = ExitStatus.FAILURE) -> None:
        super().__init__(message)
        self.status = status
