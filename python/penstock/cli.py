"""The command line: `penstock MODULE:CALLABLE [options]`, made from the table of settings."""

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from penstock import __version__, log, worker
from penstock._server import Scoreboard
from penstock.application import parse_reference
from penstock.bind import Bind, TcpAddress
from penstock.config import Config, Limits, Timeouts
from penstock.exits import ExitStatus, StartupError
from penstock.listener import open_listeners
from penstock.settings import SETTINGS, Setting
from penstock.signals import SignalQueue
from penstock.supervisor import SIGNALS, Supervisor

_DEFAULT_HOST = "127.0.0.1"
_DEFAULT_PORT = 8000

# A reload starts a worker's successor beside it, so there are never more than two for each.
_PROCESSES_PER_SEAT = 2

_EPILOG = """\
Signals: TERM and INT let every worker finish what it accepted and stop; a second INT, or QUIT, stops at once; HUP
starts new workers on the code as it is then, and lets the old ones finish when the new ones are ready.

Exit status: 0 stopped by a signal, 1 could not listen, 2 wrong use, 3 the application does not start.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns the exit status of this process, be it the supervisor's or one of its workers'."""
    try:
        config = read_command_line(arguments)
    except click.exceptions.Exit as done:  # --help, --version
        return done.exit_code
    except click.ClickException as error:
        print(f"penstock: {' '.join(error.format_message().split())}", file=sys.stderr)
        return ExitStatus.USAGE
    log.configure(config.log_level)
    try:
        return _run(config)
    except StartupError as error:
        log.startup_failed(error)
        return error.status


def read_command_line(arguments: Sequence[str] | None = None) -> Config:
    """The configuration that `arguments` (None: those of the process) ask for.

    Raises click's UsageError for what is wrong with them, and its Exit once --help or --version has been printed.
    """
    with _command().make_context("penstock", list(sys.argv[1:] if arguments is None else arguments)) as context:
        try:
            return _config_of(context.params)
        except ValueError as error:
            raise click.UsageError(str(error), context) from None


def _run(config: Config) -> int:
    # Signals first and last: one that comes while sockets are made or removed waits, instead of leaving a file behind.
    with SignalQueue(SIGNALS) as signals, open_listeners(config) as listeners:
        log.announce(config, listeners.of(0))
        supervisor = Supervisor(
            signals,
            seats=config.workers,
            graceful_timeout=config.timeouts.graceful,
            scoreboard=Scoreboard(_PROCESSES_PER_SEAT * config.workers),
            work=lambda place: worker.run(config, place, listeners.keep_only(place.seat)),
            all_draining=listeners.refuse,
        )
        return supervisor.run()


class _Command(click.Command):
    """A command whose help groups the options by the sections of the settings."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        by_flag = {param.opts[0]: param for param in self.get_params(ctx) if isinstance(param, click.Option)}
        sections: dict[str, list[click.Option]] = {}
        for setting in SETTINGS:
            sections.setdefault(setting.section, []).append(by_flag.pop(setting.flags[0]))
        sections["Other"] = list(by_flag.values())
        for title, params in sections.items():
            records = [record for param in params if (record := param.get_help_record(ctx)) is not None]
            with formatter.section(title):
                formatter.write_dl(records)


def _command() -> click.Command:
    application = click.Argument(["application"], metavar="MODULE:CALLABLE", callback=_reading(parse_reference))
    version = click.version_option(__version__, message="penstock %(version)s")
    command = _Command(
        "penstock",
        params=[application, *map(_option, SETTINGS)],
        help="Serve the WSGI application MODULE:CALLABLE over HTTP and FastCGI. CALLABLE may be an attribute of an "
        'attribute, or a factory with () behind it; without it, "application" and then "app" are tried.',
        epilog=_EPILOG,
    )
    return version(command)


def _option(setting: Setting) -> click.Option:
    declarations = [*setting.flags, _key(setting)]
    if setting.is_switch:
        return click.Option(declarations, is_flag=True, help=setting.help)
    return click.Option(
        declarations,
        callback=_reading(setting.kind.parse),
        metavar=setting.kind.metavar,
        multiple=setting.many,
        help=setting.help if setting.default is None else f"{setting.help} [{setting.default}]",
    )


def _reading(parse: Callable[[str], Any]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A callback rather than a type of click's: a type's ValueError would lose its text."""

    def read(context: click.Context, param: click.Parameter, value: Any) -> Any:
        try:
            if isinstance(value, tuple):
                return tuple(map(parse, value))
            return None if value is None else parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), context, param) from None

    return read


def _key(setting: Setting) -> str:
    return setting.name.lstrip("-").replace("-", "_")


def _config_of(values: Mapping[str, Any]) -> Config:
    """Builds the dataclasses; what was not given is left out, so that each default stands in one place only."""
    parts: dict[str, dict[str, Any]] = {"": {}, "limits": {}, "timeouts": {}}
    for setting in SETTINGS:
        value = values[_key(setting)]
        if setting.into is None or value is None or value is False or value == ():
            continue
        owner, _, name = setting.into.rpartition(".")
        parts[owner][name] = value
    if binds := _binds_of(values):
        parts[""]["binds"] = binds
    return Config(
        application=values["application"],
        limits=Limits(**parts["limits"]),
        timeouts=Timeouts(**parts["timeouts"]),
        **parts[""],
    )


def _binds_of(values: Mapping[str, Any]) -> tuple[Bind, ...]:
    binds = (*values["bind"], *values["uds"], *values["fd"])
    host, port = values["host"], values["port"]
    if host is None and port is None:
        return binds
    address = TcpAddress(host or _DEFAULT_HOST, _DEFAULT_PORT if port is None else port)
    return (*binds, Bind(address))
