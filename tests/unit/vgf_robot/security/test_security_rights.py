"""The list of clients: what it says, and what happens when it changes."""

import pytest

from vgf_robot.errors import ConfigError
from vgf_robot.security import Rights, Role


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def rights(keyring, told) -> Rights:
    keyring.list(robot="act", watcher="observe")
    return Rights(keyring.server / "clients.yaml", told.append)


def test_each_key_has_its_roles_and_no_others(keyring, rights):
    robot, watcher = keyring.publics["robot"], keyring.publics["watcher"]
    assert [rights.may(robot, role) for role in (None, *Role)] == [True, True, False, False]
    assert [rights.may(watcher, role) for role in (None, *Role)] == [True, False, True, False]
    for stranger in (keyring.publics["server"], "", "robot"):
        assert not any(rights.may(stranger, role) for role in (None, *Role))


def test_people_read_names_and_no_whole_keys(keyring, rights):
    robot = keyring.publics["robot"]
    assert rights.describe(robot) == f"'robot' ({robot[:8]}...)"
    assert "unlisted" in rights.describe("x" * 40)


def test_a_list_that_has_not_changed_is_not_read_again(keyring, rights, told, monkeypatch):
    monkeypatch.setattr("vgf_robot.security.rights._read", lambda _: pytest.fail("was read"))
    assert not rights.refresh()
    assert told == []


def test_a_key_that_is_taken_out_may_nothing_from_then_on(keyring, rights, told):
    keyring.list(watcher="observe")
    assert rights.refresh()
    assert not rights.may(keyring.publics["robot"], Role.ACT)
    assert rights.losses == {Role.ACT: 1}
    assert "1 clients" in told[0]
    keyring.list(watcher="observe", robot="act control")
    assert rights.refresh()
    assert rights.may(keyring.publics["robot"], Role.CONTROL)
    assert rights.losses == {Role.ACT: 1}
    keyring.list(watcher="observe", robot="act")
    assert rights.refresh()
    assert rights.losses == {Role.ACT: 1, Role.CONTROL: 1}


def test_what_is_written_again_without_a_change_changes_nothing(keyring, rights, told):
    keyring.list(robot="act", watcher="observe")
    assert not rights.refresh()
    assert told == []


@pytest.mark.parametrize("text", ["", "clients:\n- {name: robot", "clients: 3", "client: []", "[]"])
def test_a_list_that_will_not_do_changes_nothing_and_says_so_once(keyring, rights, told, text):
    keyring.write(text)
    assert not rights.refresh()
    assert not rights.refresh()
    assert rights.may(keyring.publics["robot"], Role.ACT)
    assert len(told) == 1
    assert "stay as they were" in told[0]


def test_a_list_that_is_gone_changes_nothing_and_says_so_once(keyring, rights, told):
    (keyring.server / "clients.yaml").unlink()
    for _ in range(3):
        assert not rights.refresh()
    assert rights.may(keyring.publics["robot"], Role.ACT)
    assert len(told) == 1
    keyring.list()
    assert rights.refresh()
    assert not rights.may(keyring.publics["robot"], None)


def test_expired_rights_are_read_again_though_nothing_seems_to_have_changed(keyring, rights, told):
    path = keyring.server / "clients.yaml"
    status = path.stat()
    text = path.read_text()
    path.write_text(text.replace("[act]", "[ ]  ".replace(" ", "", 1).ljust(5)))  # as long as before
    import os

    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert not rights.refresh()
    rights.expire()
    assert not rights.refresh()  # no roles: it will not do
    assert "no roles" in told[0]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda text: text.replace("act", "fly"), "fly"),
        (lambda text: text.replace("[act]", "[]"), "'robot' has no roles"),
        (lambda text: text.replace("name: robot", "nam: robot"), "did you mean 'name'"),
        (lambda text: text.replace("key: '", "key: 'x"), "no public key"),
        (lambda text: text.replace("name: watcher", "name: robot"), "listed twice"),
        (lambda text: text + text.splitlines()[1].replace("robot", "other"), "listed twice"),
    ],
)
def test_a_server_does_not_start_on_a_list_that_will_not_do(keyring, change, complaint):
    keyring.list(robot="act", watcher="observe")
    path = keyring.server / "clients.yaml"
    keyring.write(change(path.read_text()).rstrip())
    with pytest.raises(ConfigError, match=complaint):
        Rights(path)


def test_a_list_that_others_can_write_is_refused(keyring):
    path = keyring.server / "clients.yaml"
    path.chmod(0o666)
    with pytest.raises(ConfigError, match="chmod go-w"):
        Rights(path)
    path.unlink()
    with pytest.raises(ConfigError, match="does not exist"):
        Rights(path)
