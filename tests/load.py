"""Load on a server: clients in threads, each on a connection it keeps, every answer checked.

    with Load(site.connect, clients=8) as load:
        load.wait_for(100)
        server.send(signal.SIGHUP)
    assert load.failures == []

The application answers as apps/checks.py does at /hello.
"""

import threading
from collections.abc import Callable
from typing import Self

from http_client import PATIENCE_SECONDS, Client, request

_POST_EVERY = 8  # requests; the others are GET


class Load:
    """Asks /hello until the block is left, or until so many `requests` were answered."""

    def __init__(self, connect: Callable[[], Client], *, clients: int, requests: int | None = None) -> None:
        self._connect = connect
        self._requests = requests  # None: without end
        self._asked = 0
        self._news = threading.Condition()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        self._over = False
        self.answered = 0
        self.failures: list[str] = []

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        with self._news:
            self._over = self._requests is None or error[0] is not None
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int) -> None:
        """Waits until so many more answers have come."""
        with self._news:
            wanted = self.answered + more
            came = self._news.wait_for(lambda: self.answered >= wanted or bool(self.failures), PATIENCE_SECONDS)
        assert came, f"{more} answers did not come"
        assert not self.failures, self.failures

    def _run(self) -> None:
        try:
            with self._connect() as client:
                while (number := self._next()) is not None:
                    self._ask(client, number)
        except Exception as error:
            self._note(f"{error!r}, after {self.answered} answers")

    def _next(self) -> int | None:
        """The number of the request to ask; None: no more."""
        with self._news:
            if self._over or self._asked == self._requests or self.failures:
                return None
            self._asked += 1
            return self._asked

    def _ask(self, client: Client, number: int) -> None:
        body = f"body {number}".encode() if number % _POST_EVERY == 0 else None
        response = client.ask(request("GET" if body is None else "POST", f"/hello?{number}", body=body))
        wanted = f"hello {number}\n".encode() + (body or b"")
        if (response.status, response.body) != (200, wanted):
            self._note(f"request {number} was answered {response}")
        else:
            self._note()

    def _note(self, *failures: str) -> None:
        with self._news:
            self.answered += not failures
            self.failures += failures
            self._news.notify_all()
