"""penstock.listener: sockets made, taken over, refused, removed."""

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from penstock import listener as listener_module
from penstock.application import Reference
from penstock.bind import parse_bind
from penstock.config import Config
from penstock.exits import ExitStatus, StartupError
from penstock.listener import Listener, Listeners, open_listeners

HELLO = Reference("hello", ("app",))


def listen(*binds: str, workers: int = 1, reuse_port: bool = False) -> Listeners:
    config = Config(
        application=HELLO, binds=tuple(map(parse_bind, binds)), workers=workers, reuse_port=reuse_port, backlog=16
    )
    return open_listeners(config)


def why_not(*binds: str) -> str:
    """The reason the binds are refused with."""
    with pytest.raises(StartupError) as caught:
        listen(*binds)
    assert caught.value.status == ExitStatus.FAILURE
    line = str(caught.value)
    assert "\n" not in line
    return line


def connect(listener: Listener) -> None:
    name = listener.socket.getsockname()
    with socket.socket(listener.socket.family) as client:
        client.connect(name)


@pytest.fixture
def somebody(tmp_path: Path) -> Iterator[socket.socket]:
    """Another server's unix socket, at tmp_path / "sock"."""
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(tmp_path / "sock"))
        other.listen()
        yield other


# TCP


@pytest.mark.parametrize(
    ("bind", "family", "place"),
    [
        ("127.0.0.1:0", socket.AF_INET, "http://127.0.0.1:{}"),
        ("fcgi://[::1]:0", socket.AF_INET6, "fcgi://[::1]:{}"),
        (":0", socket.AF_INET, "http://127.0.0.1:{} and every other address of this machine"),
        ("[::]:0", socket.AF_INET6, "http://[::1]:{} and every other address of this machine"),
    ],
)
def test_tcp(bind: str, family: int, place: str) -> None:
    with listen(bind) as listeners:
        (made,) = listeners.of(0)
        assert made.socket.family == family
        assert str(made) == place.format(made.socket.getsockname()[1])
        assert made.protocol == str(made).partition(":")[0]
        connect(made)


def test_a_listener_does_not_block_and_is_not_inherited_by_programs() -> None:
    with listen("127.0.0.1:0") as listeners:
        (made,) = listeners.of(0)
        assert not made.socket.getblocking()
        assert not made.socket.get_inheritable()


def test_all_addresses_of_a_name_have_one_port() -> None:
    with listen("localhost:0") as listeners:
        ports = {made.socket.getsockname()[1] for made in listeners.of(0)}
        assert len(ports) == 1
        for made in listeners.of(0):
            connect(made)


def test_both_kinds_of_all_addresses_at_one_port() -> None:
    with listen(":0") as first:
        port = first.of(0)[0].socket.getsockname()[1]
        with listen(f"[::]:{port}") as second:
            connect(second.of(0)[0])


def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        assert why_not(bind) == f"cannot listen on http://{bind}: the address is in use by another process"


def test_an_address_of_another_machine() -> None:
    assert why_not("192.0.2.1:0").endswith("this machine has no such address")


def test_no_such_host(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert why_not("example.org:0") == "cannot listen on http://example.org:0: no such host"


def test_a_name_whose_ipv6_address_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    absent = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", 0, 0, 0))
    present = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [absent, present, present])
    with listen("name:0") as listeners:
        assert [made.socket.family for made in listeners.of(0)] == [socket.AF_INET]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [absent])
    assert why_not("name:0").endswith("this machine has no such address")


def test_a_port_that_takes_root(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(listener_module, "_listen", refuse)
    assert "permission denied; a port below 1024 takes root" in why_not("127.0.0.1:80")


def test_all_or_none(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        why_not(f"unix:{tmp_path / 'sock'}", f"127.0.0.1:{other.getsockname()[1]}")
    assert not (tmp_path / "sock").exists()


# One socket for each seat


def test_reuse_port_gives_each_seat_its_own_sockets(tmp_path: Path) -> None:
    with listen("127.0.0.1:0", f"unix:{tmp_path / 'sock'}", workers=3, reuse_port=True) as listeners:
        tcp = [made for seat in range(3) for made in listeners.of(seat) if made.socket.family == socket.AF_INET]
        unix = {made for seat in range(3) for made in listeners.of(seat) if made.socket.family == socket.AF_UNIX}
        assert len({made.fileno() for made in tcp}) == 3
        assert len({made.socket.getsockname() for made in tcp}) == 1
        assert len(unix) == 1


def test_a_worker_keeps_what_is_its_own() -> None:
    with listen("127.0.0.1:0", workers=2, reuse_port=True) as listeners:
        (other,) = listeners.of(0)
        (own,) = listeners.keep_only(1)
        assert own.fileno() >= 0
        assert other.fileno() == -1


# Unix sockets


def test_a_unix_socket_is_removed_in_the_end(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with listen(f"fcgi://unix:{path}") as listeners:
        (made,) = listeners.of(0)
        assert str(made) == f"fcgi://unix:{path}"
        assert stat.S_ISSOCK(path.stat().st_mode)
        assert stat.S_IMODE(path.stat().st_mode) == 0o666  # nginx runs as another user
        connect(made)
    assert not path.exists()


def test_a_relative_path_is_removed_wherever_we_are_by_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with listen("unix:sock"):
        monkeypatch.chdir("/")
        assert (tmp_path / "sock").exists()
    assert not (tmp_path / "sock").exists()


def test_a_stale_socket_file_is_replaced(tmp_path: Path, somebody: socket.socket) -> None:
    somebody.close()
    assert (tmp_path / "sock").exists()
    with listen(f"unix:{tmp_path / 'sock'}") as listeners:
        connect(listeners.of(0)[0])


def test_a_live_socket_stays(tmp_path: Path, somebody: socket.socket) -> None:
    path = tmp_path / "sock"
    assert why_not(f"unix:{path}") == f"cannot listen on http://unix:{path}: the address is in use by another process"
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))


def test_a_live_socket_with_a_full_backlog_stays(tmp_path: Path, somebody: socket.socket) -> None:
    somebody.listen(0)
    with contextlib.ExitStack() as clients:
        with contextlib.suppress(BlockingIOError):
            while True:
                client = clients.enter_context(socket.socket(socket.AF_UNIX))
                client.setblocking(False)
                client.connect(str(tmp_path / "sock"))
        assert why_not(f"unix:{tmp_path / 'sock'}").endswith("in use by another process")
    assert (tmp_path / "sock").exists()


def test_what_is_not_a_socket_stays(tmp_path: Path) -> None:
    for name in ("file", "folder", "link"):
        path = tmp_path / name
        if name == "file":
            path.write_text("precious")
        elif name == "folder":
            path.mkdir()
        else:
            path.symlink_to(tmp_path / "nowhere")
        assert why_not(f"unix:{path}").endswith("there is a file of that name that is not a socket")
    assert (tmp_path / "file").read_text() == "precious"
    assert (tmp_path / "link").is_symlink()


def test_a_unix_socket_without_a_folder(tmp_path: Path) -> None:
    assert why_not(f"unix:{tmp_path / 'no' / 'sock'}").endswith("the folder does not exist")


def test_a_file_that_somebody_else_has_put_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with listen(f"unix:{path}"), contextlib.ExitStack() as later:
        path.unlink()
        other = later.enter_context(socket.socket(socket.AF_UNIX))
        other.bind(str(path))
        later.pop_all()
    assert path.exists()
    other.close()


def test_only_the_process_that_made_it_removes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "sock"
    with monkeypatch.context() as forked:
        listeners = listen(f"unix:{path}")
        forked.setattr(os, "getpid", lambda: -1)
        listeners.close()
    assert path.exists()


# Inherited descriptors


@pytest.mark.parametrize(("family", "host"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_an_inherited_socket(family: int, host: str) -> None:
    with socket.create_server((host, 0), family=family) as given:
        name = given.getsockname()
        with listen(f"fcgi://fd:{given.detach()}") as listeners:
            (made,) = listeners.of(0)
            assert made.socket.getsockname() == name
            assert not made.socket.getblocking()
            assert not made.socket.get_inheritable()
            assert str(name[1]) in str(made)
            connect(made)


def test_an_inherited_unix_socket_is_not_ours_to_remove(tmp_path: Path, somebody: socket.socket) -> None:
    with listen(f"fd:{somebody.detach()}") as listeners:
        assert str(listeners.of(0)[0]) == f"http://unix:{tmp_path / 'sock'}"
    assert (tmp_path / "sock").exists()


def test_inherited_descriptors_that_do_not_listen(tmp_path: Path) -> None:
    not_listening = "the descriptor is not a listening stream socket"
    with (
        socket.socket() as idle,
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
        (tmp_path / "file").open("w") as file,
    ):
        assert why_not(f"fd:{idle.fileno()}") == f"cannot listen on http://fd:{idle.fileno()}: {not_listening}"
        assert why_not(f"fd:{datagrams.fileno()}").endswith(not_listening)
        assert why_not(f"fd:{file.fileno()}").endswith("the descriptor is not a socket")
        assert why_not("fd:9999").endswith("no such descriptor is open")
        assert idle.fileno() >= 0
        file.write("still open")


# The end of a server


def test_refusing(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    with listen("127.0.0.1:0", f"unix:{path}") as listeners:
        listeners.refuse()
        for made in listeners.of(0):
            if made.socket.family == socket.AF_INET:
                with pytest.raises(ConnectionRefusedError):
                    connect(made)
        assert not path.exists()
        port = listeners.of(0)[0].socket.getsockname()[1]
        with listen(f"127.0.0.1:{port}", f"unix:{path}") as successor:
            for made in successor.of(0):
                connect(made)
    assert not path.exists()


def test_an_inherited_socket_goes_on_queueing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as given, listen(f"fd:{given.detach()}") as listeners:
        listeners.refuse()
        connect(listeners.of(0)[0])
