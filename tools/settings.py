"""Prints docs/settings.md from the table of settings: `python tools/settings.py > docs/settings.md`."""

from itertools import groupby

from penstock.settings import SETTINGS, Setting

HEAD = """\
# Settings

`penstock MODULE:CALLABLE [options]`. `penstock --help` says the same; both are made from `python/penstock/settings.py`.

A SIZE is bytes, or a number with `K`, `M` or `G` (powers of 1024): `64K`. A DURATION is seconds, or numbers with `ms`,
`s`, `m`, `h` or `d`: `500ms`, `1m30s`; 0 turns the limit off. Where several names stand in one row they mean the same.
"""


def document() -> str:
    sections = (section(title, tuple(group)) for title, group in groupby(SETTINGS, lambda setting: setting.section))
    return "\n".join((HEAD, *sections))


def section(title: str, settings: tuple[Setting, ...]) -> str:
    rows = "".join(map(row, settings))
    return f"## {title}\n\n| option | default | meaning |\n|---|---|---|\n{rows}"


def row(setting: Setting) -> str:
    value = f" {setting.kind.metavar}" if setting.kind.metavar else ""
    names = ", ".join(f"`{flag}{value}`" for flag in setting.flags)
    default = f"`{setting.default}`" if setting.default else ""
    return f"| {names} | {default} | {setting.help} |\n"


if __name__ == "__main__":
    print(document(), end="")
