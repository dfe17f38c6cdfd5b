from pathlib import Path

import msgspec
import pytest
import yaml

from vgf_robot import config
from vgf_robot.commands.serve import Options, resolve_settings
from vgf_robot.errors import ConfigError
from vgf_robot.realtime import RealTimeSettings
from vgf_robot.wire.settings import ServeSettings

CONFIGS = sorted((Path(__file__).parents[4] / "configs" / "serve").glob("*.yaml"))


def test_there_are_configurations():
    assert len(CONFIGS) == 2


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configurations_are_complete(path):
    settings = config.load(path, ServeSettings)
    content, complete = yaml.safe_load(path.read_text()), msgspec.to_builtins(settings)
    assert list(content) == list(complete)
    assert list(content["realtime"]) == list(complete["realtime"])
    assert not settings.insecure


def test_loopback_is_the_default():
    assert config.load(CONFIGS[0], ServeSettings) == ServeSettings()


def test_the_command_line_goes_before_the_file():
    options = Options(bundle="b", config=CONFIGS[0], bind="tcp://127.0.0.1:9", threads=2, insecure=True)
    settings = resolve_settings(options)
    assert (settings.bind, settings.threads, settings.insecure) == ("tcp://127.0.0.1:9", 2, True)
    assert settings.deadline_share == 0.9


def test_real_time_is_asked_for_in_the_file_and_on_the_command_line(tmp_path):
    path = tmp_path / "serve.yaml"
    path.write_text("realtime:\n  fifo_priority: 40\n  cores: [0]\n  lock_memory: true\n")
    assert resolve_settings(Options(bundle="b")).realtime == RealTimeSettings()
    asked = RealTimeSettings(fifo_priority=40, cores=(0,), lock_memory=True)
    assert resolve_settings(Options(bundle="b", config=path)).realtime == asked
    spoken = Options(bundle="b", config=path, fifo=50, cores="1,2")
    assert resolve_settings(spoken).realtime == RealTimeSettings(fifo_priority=50, cores=(1, 2), lock_memory=True)
    assert resolve_settings(Options(bundle="b", lock_memory=True)).realtime == RealTimeSettings(lock_memory=True)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"fifo": 0}, "fifo_priority"),
        ({"fifo": 99}, "fifo_priority"),
        ({"cores": ""}, "cores"),
        ({"cores": "a"}, "'a'"),
    ],
)
def test_real_time_that_will_not_do_is_refused(change, complaint):
    with pytest.raises(ConfigError, match=complaint):
        resolve_settings(Options(bundle="b", **change))


@pytest.mark.parametrize("change", [{"deadline_share": 1.5}, {"deadline_share": 0.0}, {"threads": 0}])
def test_values_that_will_not_do_are_refused(change):
    with pytest.raises(ConfigError, match=next(iter(change))):
        resolve_settings(Options(bundle="b", **change))
