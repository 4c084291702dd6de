"""penstock.units: sizes and durations, read and written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from penstock.units import format_duration, format_size, parse_duration, parse_size

SIZES = {
    "0": 0,
    "8190": 8190,
    "64K": 65536,
    "64k": 65536,
    "64KB": 65536,
    "64KiB": 65536,
    "10M": 10 << 20,
    " 1 G ": 1 << 30,
}
DURATIONS = {"0": 0.0, "5": 5.0, "2.5": 2.5, "500ms": 0.5, "30s": 30.0, "2m": 120.0, "1h30m": 5400.0, "1d": 86400.0}


@pytest.mark.parametrize(("text", "size"), SIZES.items())
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "K", "-1", "1.5M", "1X", "64 K B", "1e3", "0x10", "٣", "9" * 16])
def test_not_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items())
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "-1s", "1 s", "1w", "1m30", "inf", "nan", "1e3", "٣"])
def test_not_durations(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@given(st.integers(0, 1 << 49))
def test_a_size_is_read_as_it_was_written(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.integers(0, 10**6))
def test_a_duration_is_read_as_it_was_written(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds
    assert parse_duration(format_duration(seconds / 4)) == seconds / 4


def test_the_shortest_text_is_written() -> None:
    assert [format_size(size) for size in (0, 1000, 1024, 8190, 1 << 20, 3 << 29)] == [
        "0",
        "1000",
        "1K",
        "8190",
        "1M",
        "1536M",
    ]
    assert [format_duration(s) for s in (0, 0.25, 30, 60, 90, 3600, 86400)] == [
        "0s",
        "250ms",
        "30s",
        "1m",
        "90s",
        "1h",
        "1d",
    ]
