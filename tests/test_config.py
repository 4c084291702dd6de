"""penstock.config: what can be, what cannot, and the line that says why."""

from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest
from penstock.application import Reference
from penstock.bind import Bind, InheritedAddress, TcpAddress, UnixAddress
from penstock.config import Config, Limits, Timeouts

APPLICATION = Reference("hello", ("app",))


def test_the_defaults_hold_together() -> None:
    config = Config(application=APPLICATION)
    assert config.limits == Limits()
    assert config.timeouts == Timeouts()
    assert config.binds == (Bind(TcpAddress("127.0.0.1", 8000)),)


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Config(application=APPLICATION).workers = 2  # type: ignore[misc]


def test_the_longest_target_that_anybody_counts_on_fits() -> None:
    """RFC 9110, section 4.1: 8,000 octets at least."""
    assert Limits().request_line_bytes >= len("OPTIONS ") + 8000 + len(" HTTP/1.1")


@pytest.mark.parametrize("name", [each.name for each in fields(Limits)])
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_is_at_least_one(name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"the limit '{name}' must be at least 1"):
        Limits(**{name: value})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"low_watermark_bytes": 2048, "high_watermark_bytes": 2048}, r"low watermark \(2K\) must be below .* \(2K\)"),
        ({"low_watermark_bytes": 1 << 20}, r"low watermark \(1M\) must be below the high watermark \(256K\)"),
        ({"request_line_bytes": 128 << 10}, r"the request line \(128K\) is above that of the head \(64K\)"),
        ({"field_bytes": 128 << 10}, r"a header field \(128K\) is above that of the head \(64K\)"),
        ({"head_bytes": 1 << 30}, "at most 256M"),
        ({"fields": 100_000}, "at most 32768"),
    ],
)
def test_limits_that_cannot_work(values: dict[str, int], reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        Limits(**values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [each.name for each in fields(Timeouts)])
def test_timeouts(name: str) -> None:
    assert getattr(Timeouts(**{name: 0}), name) == 0
    for seconds in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"the timeout '{name}' must be 0 or more"):
            Timeouts(**{name: seconds})


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"workers": 0}, "'workers' must be at least 1"),
        ({"threads": 0}, "'threads' must be at least 1"),
        ({"backlog": 0}, "'backlog' must be at least 1"),
        ({"log_level": "loud"}, "no log level 'loud': there are debug"),
        ({"root_path": "shop"}, "must start with a slash"),
        ({"root_path": "/shop/"}, "end without one"),
        ({"chdir": Path("/no/such/folder")}, "no folder '/no/such/folder' to change to"),
        ({"app_dir": Path("/no/such/folder")}, "no folder '/no/such/folder' to import from"),
        ({"chdir": Path("/"), "app_dir": Path("no-such-folder")}, "no folder 'no-such-folder' to import from"),
        ({"binds": ()}, "nowhere to listen"),
        ({"binds": (Bind(InheritedAddress(3)), Bind(InheritedAddress(3), "fcgi"))}, "fd:3 is given twice"),
        ({"binds": (Bind(UnixAddress("a")), Bind(UnixAddress("a")))}, "unix:a is given twice"),
    ],
)
def test_configurations_that_cannot_work(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Config(application=APPLICATION, **values)


def test_two_free_ports_are_two_ports() -> None:
    free = Bind(TcpAddress("127.0.0.1", 0))
    assert Config(application=APPLICATION, binds=(free, free)).binds == (free, free)


@pytest.mark.parametrize("root_path", [None, "", "/shop", "/shop/de"])
def test_root_paths(root_path: str | None) -> None:
    assert Config(application=APPLICATION, root_path=root_path).root_path == root_path
