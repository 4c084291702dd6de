"""What every test shares."""

import re

import pytest

# The tests that every supported interpreter runs (make test-core): codecs, server and gateway, whose extensions differ by
# version; the rest of the package is plain Python.
CORE = re.compile(r"test_(codec|fcgi|http1?|malformed|server|threads|wsgi)(_\w+)?")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if CORE.fullmatch(item.path.stem):
            item.add_marker(pytest.mark.core)


@pytest.fixture(params=["http", "fcgi"])
def protocol(request: pytest.FixtureRequest) -> str:
    """For what holds over every protocol."""
    name: str = request.param
    return name
