"""Where to listen, as it is written on the command line: [PROTO://]HOST:PORT, unix:PATH or fd:N."""

import ipaddress
import re
from dataclasses import dataclass

PROTOCOLS = ("http", "fcgi")

# What the kernel's sockaddr_un holds, less the closing NUL.
_UNIX_PATH_BYTES = 107

_PROTOCOL = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.ASCII | re.IGNORECASE | re.DOTALL)
_HOST_PORT = re.compile(r"(?:\[([^\[\]]+)\]|([^\[\]:/\s]*)):(\d{1,5})", re.ASCII)
_FORMS = "write [PROTO://]HOST:PORT, [PROTO://]unix:PATH or [PROTO://]fd:N"


@dataclass(frozen=True, slots=True)
class TcpAddress:
    """A host name or address, IPv6 without its brackets, and a port; port 0 lets the kernel choose."""

    host: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class UnixAddress:
    """The path of a unix socket, to be created. Raises ValueError for one the kernel cannot hold."""

    path: str

    def __post_init__(self) -> None:
        if not self.path:
            raise ValueError("a unix socket needs a path: unix:PATH")
        if len(self.path.encode(errors="surrogateescape")) > _UNIX_PATH_BYTES:
            raise ValueError(f"the path of a unix socket holds {_UNIX_PATH_BYTES} bytes at most: {self.path}")

    def __str__(self) -> str:
        return f"unix:{self.path}"


@dataclass(frozen=True, slots=True)
class InheritedAddress:
    """The number of a listening socket that was open when Penstock was started."""

    fd: int

    def __str__(self) -> str:
        return f"fd:{self.fd}"


Address = TcpAddress | UnixAddress | InheritedAddress


@dataclass(frozen=True, slots=True)
class Bind:
    """One place to listen and the protocol spoken there."""

    address: Address
    protocol: str = "http"

    def __str__(self) -> str:
        return f"{self.protocol}://{self.address}"


def parse_bind(text: str) -> Bind:
    """Reads one --bind. Raises ValueError with a line that shows the text and what is wrong with it."""
    protocol, rest = _split_protocol(text)
    kind, colon, value = rest.partition(":")
    if kind == "unix" and colon:
        return Bind(UnixAddress(value), protocol)
    if kind == "fd" and colon:
        return Bind(_inherited(text, value), protocol)
    return Bind(_tcp(text, rest), protocol)


def _split_protocol(text: str) -> tuple[str, str]:
    match = _PROTOCOL.fullmatch(text)
    if match is None:
        return "http", text
    protocol, rest = match[1].lower(), match[2]
    if protocol in ("unix", "fd"):  # as gunicorn writes them: unix:///run/app.sock, fd://3
        return "http", f"{protocol}:{rest}"
    if protocol not in PROTOCOLS:
        known = ", ".join(PROTOCOLS)
        raise ValueError(f"unknown protocol {protocol!r} in {text!r}: this version speaks {known}")
    return protocol, rest


def _inherited(text: str, number: str) -> InheritedAddress:
    if not (number.isascii() and number.isdigit()):
        raise ValueError(f"{text!r} names no descriptor: write fd:N, such as fd:3")
    return InheritedAddress(int(number))


def _tcp(text: str, rest: str) -> TcpAddress:
    match = _HOST_PORT.fullmatch(rest)
    if match is None:
        if rest.count(":") > 1 and "[" not in rest:
            raise ValueError(f"{text!r} is ambiguous: write an IPv6 address in brackets, such as [::1]:8000")
        raise ValueError(f"{text!r} is not a place to listen at: {_FORMS}")
    bracketed, plain, port = match[1], match[2], int(match[3])
    if bracketed is not None and not _is_ipv6(bracketed):
        raise ValueError(f"{bracketed!r} in {text!r} is not an IPv6 address")
    if port > 65535:
        raise ValueError(f"no port {port} in {text!r}: 65535 is the highest")
    return TcpAddress(bracketed or plain or "0.0.0.0", port)


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
