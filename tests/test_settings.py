"""penstock.settings: the one table, and what is made from it."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from penstock.config import Config, Limits, Timeouts
from penstock.settings import SETTINGS, Setting

ROOT = Path(__file__).parent.parent

# Made of others, or not an option.
NOT_SET_BY_ONE = {"application", "limits", "timeouts"}


def test_every_field_of_the_configuration_can_be_set() -> None:
    names = {each.name for each in fields(Config)} - NOT_SET_BY_ONE
    names |= {f"limits.{each.name}" for each in fields(Limits)} | {f"timeouts.{each.name}" for each in fields(Timeouts)}
    assert names == {setting.into for setting in SETTINGS} - {None}


def test_no_two_settings_share_a_flag_or_a_field() -> None:
    flags = [flag for setting in SETTINGS for flag in setting.flags]
    assert len(flags) == len(set(flags))
    homes = [setting.into for setting in SETTINGS if setting.into is not None]
    assert len(homes) == len(set(homes))


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_default_is_read_as_it_is_shown(setting: Setting) -> None:
    if setting.default is None:
        return
    shown = setting.kind.show(setting.kind.parse(setting.default))
    assert shown == setting.default


def test_the_documentation_is_current() -> None:
    made = subprocess.run([sys.executable, ROOT / "tools" / "settings.py"], capture_output=True, text=True, check=True)
    assert (ROOT / "docs" / "settings.md").read_text() == made.stdout, (
        "run: python tools/settings.py > docs/settings.md"
    )
