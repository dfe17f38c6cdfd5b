from pathlib import Path

import pytest

from vgf_robot import config
from vgf_robot.commands.serve import Options, resolve_settings
from vgf_robot.errors import ConfigError
from vgf_robot.wire.settings import ServeSettings

CONFIGS = sorted((Path(__file__).parents[4] / "configs" / "serve").glob("*.yaml"))


def test_there_are_configurations():
    assert len(CONFIGS) == 2


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configurations_are_complete(path):
    settings = config.load(path, ServeSettings)
    keys = [line.split(":")[0] for line in path.read_text().splitlines() if not line.startswith("#")]
    assert keys == list(ServeSettings.__struct_fields__)
    assert not settings.insecure


def test_loopback_is_the_default():
    assert config.load(CONFIGS[0], ServeSettings) == ServeSettings()


def test_the_command_line_goes_before_the_file():
    options = Options(bundle="b", config=CONFIGS[0], bind="tcp://127.0.0.1:9", threads=2, insecure=True)
    settings = resolve_settings(options)
    assert (settings.bind, settings.threads, settings.insecure) == ("tcp://127.0.0.1:9", 2, True)
    assert settings.deadline_share == 0.9


@pytest.mark.parametrize("change", [{"deadline_share": 1.5}, {"deadline_share": 0.0}, {"threads": 0}])
def test_values_that_will_not_do_are_refused(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        resolve_settings(Options(bundle="b", **change))
