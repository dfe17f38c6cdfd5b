from pathlib import Path

import msgspec
import pytest
import yaml

from vgf_robot import config
from vgf_robot.commands.drive import Options, main, resolve_settings
from vgf_robot.controller import Budget
from vgf_robot.drive import DriveSettings
from vgf_robot.errors import ConfigError
from vgf_robot.realtime import RealTimeSettings

CONFIGS = sorted((Path(__file__).parents[4] / "configs" / "drive").glob("*.yaml"))


def test_there_are_configurations():
    assert len(CONFIGS) == 2


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_configurations_are_complete(path):
    settings = config.load(path, DriveSettings)
    content, complete = yaml.safe_load(path.read_text()), msgspec.to_builtins(settings)
    assert list(content) == list(complete)
    for part in ("engagement", "realtime"):
        assert list(content[part]) == list(complete[part])
    assert not settings.insecure


def test_loopback_is_the_default():
    assert config.load(CONFIGS[0], DriveSettings) == DriveSettings()


def test_the_command_line_goes_before_the_file():
    options = Options(
        bundle="b", config=CONFIGS[1], commands="ipc:///tmp/c", release="when-ready", fifo=40, cores="1,2"
    )
    settings = resolve_settings(options)
    assert (settings.commands, settings.release) == ("ipc:///tmp/c", "when-ready")
    assert settings.budget == Budget(max_distance=0.1)
    assert settings.engage
    assert settings.realtime == RealTimeSettings(fifo_priority=40, cores=(1, 2))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("release: at-once", "release"),
        ("deadline_share: 1.5", "deadline_share"),
        ("engagement: {blend: 1}", r"unknown key 'engagement\.blend'"),
        ("engagement: {max_outside_share: 1.5}", "max_outside_share"),
        ("engagement: {max_stale_periods: 0}", "max_stale_periods"),
        ("max_repeats: -1", "max_repeats"),
    ],
)
def test_values_that_will_not_do_are_refused(tmp_path, text, complaint):
    path = tmp_path / "drive.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=complaint):
        resolve_settings(Options(bundle="b", config=path))


def test_a_plant_has_no_sockets():
    with pytest.raises(ConfigError, match="without sockets"):
        main(["hopper-replay", "--plant", "--commands", "tcp://127.0.0.1:*"])


def test_one_endpoint_for_both_ways_is_refused():
    with pytest.raises(ConfigError, match="two endpoints, found ipc:///tmp/x for both"):
        main(["cube-single-play", "--observations", "ipc:///tmp/x", "--commands", "ipc:///tmp/x", "--seconds", "1"])


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_time_that_is_none_is_refused(seconds):
    with pytest.raises(ConfigError, match="--seconds"):
        main(["hopper-replay", "--seconds", seconds])
