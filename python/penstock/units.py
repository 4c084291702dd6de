"""Sizes and durations as people write them: 64K, 10M, 500ms, 1m30s."""

import re

_SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}

_SIZE = re.compile(r"(\d{1,15})\s*([KMGT]?)(?:i?B)?", re.ASCII | re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,9})?", re.ASCII)
_PART = re.compile(rf"({_NUMBER.pattern})(ms|s|m|h|d)", re.ASCII)
_DURATION = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)


def parse_size(text: str) -> int:
    """Bytes. K, M, G and T are powers of 1024, with or without B or iB. Raises ValueError."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a size: write bytes, or a number with K, M or G, such as 64K")
    return int(match[1]) * _SIZES[match[2].upper()]


def format_size(size: int) -> str:
    """The shortest text that parse_size reads back as exactly `size`."""
    for unit, factor in reversed(_SIZES.items()):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)


def parse_duration(text: str) -> float:
    """Seconds. A bare number is seconds; units may follow one another (1m30s). Raises ValueError."""
    text = text.strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    if _DURATION.fullmatch(text):
        return sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text))
    raise ValueError(f"{text!r} is not a duration: write seconds, or a number with ms, s, m or h, such as 30s")


def format_duration(seconds: float) -> str:
    """The shortest text with one unit that parse_duration reads back as `seconds`, to a millisecond."""
    if seconds != int(seconds):
        return f"{round(seconds * 1000)}ms"
    for unit in ("d", "h", "m"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{int(seconds / _SECONDS[unit])}{unit}"
    return f"{int(seconds)}s"
