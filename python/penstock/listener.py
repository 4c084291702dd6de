"""Listening sockets: made or taken over by the supervisor, inherited by its workers, removed when it ends."""

import errno
import os
import socket
import stat
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

from penstock.bind import Address, Bind, InheritedAddress, TcpAddress, UnixAddress
from penstock.config import Config
from penstock.exits import StartupError

_REASONS = {
    errno.EADDRINUSE: "the address is in use by another process",
    errno.EADDRNOTAVAIL: "this machine has no such address",
    errno.EAFNOSUPPORT: "this machine has no addresses of that kind",
    errno.ENOENT: "the folder does not exist",
    errno.ENOTDIR: "the folder is not a folder",
    errno.EBADF: "no such descriptor is open",
    errno.ENOTSOCK: "the descriptor is not a socket",
}

# A name may stand for an IPv6 address on a machine without IPv6: then the others are enough.
_FAMILY_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)

# Open to every local user, as gunicorn's and uvicorn's are: nginx runs as another. Permissions of the folder can narrow it.
_UNIX_MODE = 0o666

_EVERY_ADDRESS = {"0.0.0.0": TcpAddress("127.0.0.1", 0), "::": TcpAddress("::1", 0)}


class Listener:
    """One listening socket, not blocking and closed on exec, with the protocol spoken there."""

    def __init__(self, sock: socket.socket, protocol: str) -> None:
        sock.setblocking(False)
        sock.set_inheritable(False)
        self.socket = sock
        self.protocol = protocol

    def fileno(self) -> int:
        return self.socket.fileno()

    def close(self) -> None:
        self.socket.close()

    def __str__(self) -> str:
        """Where it is, as a person can open it."""
        address = _address_of(self.socket)
        if isinstance(address, TcpAddress) and address.host in _EVERY_ADDRESS:
            local = TcpAddress(_EVERY_ADDRESS[address.host].host, address.port)
            return f"{Bind(local, self.protocol)} and every other address of this machine"
        return str(Bind(address, self.protocol))

    def refuse(self) -> None:
        """From now on nobody can connect, in whatever process it is open; what still queues is reset."""
        self.socket.shutdown(socket.SHUT_RDWR)


class SocketFile:
    """The file of a unix socket we made: removed by whoever made it, and only while it is still that one."""

    def __init__(self, path: str) -> None:
        self._path = os.path.abspath(path)
        self._identity = _identity(self._path)
        self._owner = os.getpid()

    def remove(self) -> None:
        if os.getpid() != self._owner:
            return
        try:
            if _identity(self._path) == self._identity:
                os.unlink(self._path)
        except FileNotFoundError:
            pass


class Listeners:
    """Every listener of a server. With reuse_port a TCP listener belongs to one seat, any other to all workers.

    A seat's sockets stay open in the supervisor, so that what they queue waits for the next worker when one dies.
    """

    def __init__(self, seats: int) -> None:
        self._shared: list[Listener] = []
        self._inherited: list[Listener] = []
        self._own: list[list[Listener]] = [[] for _ in range(seats)]
        self._files: list[SocketFile] = []

    def open(self, bind: Bind, *, backlog: int, reuse_port: bool) -> None:
        """Raises StartupError in one line."""
        try:
            match bind.address:
                case TcpAddress() as address if reuse_port:
                    self._open_for_each_seat(address, bind.protocol, backlog)
                case TcpAddress() as address:
                    for sock in _open_tcp(address, backlog, reuse_port=False):
                        self._shared.append(Listener(sock, bind.protocol))
                case UnixAddress(path):
                    sock = _open_unix(path, backlog)
                    self._files.append(SocketFile(path))
                    self._shared.append(Listener(sock, bind.protocol))
                case InheritedAddress(fd):
                    self._inherited.append(Listener(_take_over(fd), bind.protocol))
        except OSError as error:
            raise StartupError(f"cannot listen on {bind}: {_reason(error, bind)}") from None

    def _open_for_each_seat(self, address: TcpAddress, protocol: str, backlog: int) -> None:
        for first in _open_tcp(address, backlog, reuse_port=True):
            self._own[0].append(Listener(first, protocol))
            for own in self._own[1:]:
                again = _listen(first.family, first.getsockname(), backlog, reuse_port=True)
                own.append(Listener(again, protocol))

    def of(self, seat: int) -> list[Listener]:
        """The listeners of one seat's worker."""
        return self._shared + self._inherited + self._own[seat]

    def keep_only(self, seat: int) -> list[Listener]:
        """For a worker: its own listeners, those of the other seats being closed in this process."""
        for number, own in enumerate(self._own):
            if number != seat:
                _close_all(own)
        return self.of(seat)

    def refuse(self) -> None:
        """Once no worker accepts any more: a front server shall know at once, and another server may take the place.

        What was inherited goes on queueing, for whoever gave it to us gives it to the next one too.
        """
        for listeners in (self._shared, *self._own):
            for listener in listeners:
                listener.refuse()
        self._remove_files()

    def close(self) -> None:
        self._remove_files()
        for listeners in (self._shared, self._inherited, *self._own):
            _close_all(listeners)

    def _remove_files(self) -> None:
        while self._files:
            self._files.pop().remove()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_listeners(config: Config) -> Listeners:
    """Listens at every bind, or at none: raises StartupError in one line for the first that cannot be."""
    listeners = Listeners(config.workers)
    try:
        for bind in config.binds:
            listeners.open(bind, backlog=config.backlog, reuse_port=config.reuse_port)
    except StartupError:
        listeners.close()
        raise
    return listeners


def _close_all(listeners: Iterable[Listener]) -> None:
    for listener in listeners:
        listener.close()


def _open_tcp(address: TcpAddress, backlog: int, *, reuse_port: bool) -> Iterator[socket.socket]:
    """Listens at every address that a name stands for, at one port. Raises OSError."""
    absent: OSError | None = None
    made, port = 0, address.port
    for family, (host, _, *scope) in _resolve(address):
        try:
            sock = _listen(family, (host, port, *scope), backlog, reuse_port=reuse_port)
        except OSError as error:
            if error.errno not in _FAMILY_ABSENT:
                raise
            absent = error
        else:
            made, port = made + 1, sock.getsockname()[1]
            yield sock
    if absent is not None and not made:
        raise absent


def _resolve(address: TcpAddress) -> Iterable[tuple[int, tuple[Any, ...]]]:
    """(family, socket address) of every address, each once. Raises OSError."""
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return dict.fromkeys((family, sockaddr) for family, _, _, _, sockaddr in found)


def _listen(family: int, sockaddr: tuple[Any, ...] | str, backlog: int, *, reuse_port: bool = False) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family != socket.AF_UNIX:
            # A restart must not wait for the connections of the last run to leave TIME_WAIT.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # [::] beside 0.0.0.0 at one port is two listeners, whatever the machine's own default is.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(sockaddr)
        if isinstance(sockaddr, str):
            os.chmod(sockaddr, _UNIX_MODE)  # before anybody can connect
        sock.listen(backlog)
    except OSError:
        sock.close()
        raise
    return sock


def _open_unix(path: str, backlog: int) -> socket.socket:
    """Raises OSError, or StartupError where something stands in the way."""
    try:
        return _listen(socket.AF_UNIX, path, backlog)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
    _remove_stale(path)
    return _listen(socket.AF_UNIX, path, backlog)


def _remove_stale(path: str) -> None:
    """Removes the socket file that a server left behind when it was killed; anything else stays. Raises OSError."""
    found = os.lstat(path)
    if not stat.S_ISSOCK(found.st_mode):
        raise FileExistsError(errno.EEXIST, "there is a file of that name that is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:  # nobody holds it open any more
            os.unlink(path)
            return
        except BlockingIOError:  # somebody does, with a full backlog
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _take_over(fd: int) -> socket.socket:
    """Raises OSError where `fd` is not a listening stream socket."""
    sock = socket.socket(fileno=fd)
    if _is_listening(sock):
        return sock
    sock.detach()
    raise OSError(errno.EINVAL, "the descriptor is not a listening stream socket")


def _is_listening(sock: socket.socket) -> bool:
    if sock.type != socket.SOCK_STREAM or sock.family not in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX):
        return False
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


def _address_of(sock: socket.socket) -> Address:
    name = sock.getsockname()
    if sock.family == socket.AF_UNIX:
        return UnixAddress(os.fsdecode(name) or "unnamed")
    return TcpAddress(name[0], name[1])


def _identity(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def _reason(error: OSError, bind: Bind) -> str:
    if isinstance(error, socket.gaierror):
        return "no such host"
    if isinstance(error, PermissionError) and isinstance(bind.address, TcpAddress):
        return "permission denied; a port below 1024 takes root or CAP_NET_BIND_SERVICE"
    return _REASONS.get(error.errno or 0) or error.strerror or str(error)
