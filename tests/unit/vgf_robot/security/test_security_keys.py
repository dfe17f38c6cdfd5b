"""Key files: who can read them, and what is no key."""

import errno
import json
import os
import stat

import pytest

from vgf_robot.errors import ConfigError, MachineError
from vgf_robot.security import ClientKeys, ServerKeys, write_key_pair
from vgf_robot.security import keys as key_files
from vgf_robot.security.keys import is_key
from vgf_robot.verbs import main


def test_a_pair_is_two_files_and_the_secret_one_is_its_owners(tmp_path):
    before = os.umask(0)  # which would leave a plain file open to everybody
    try:
        pair = write_key_pair(tmp_path / "keys", "arm-1")
    finally:
        os.umask(before)
    secret, public = tmp_path / "keys" / "arm-1.secret", tmp_path / "keys" / "arm-1.public"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
    assert (secret.read_text().strip(), public.read_text().strip()) == (pair.secret, pair.public)
    assert is_key(pair.public)
    assert pair != write_key_pair(tmp_path / "keys", "arm-2")


def test_no_half_of_a_pair_is_left_where_the_disk_is_full(tmp_path, monkeypatch):
    write_new = key_files._write_new

    def full_at_the_second(path, key, mode):
        write_new(path, key, mode)
        if path.suffix == ".public":
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(key_files, "_write_new", full_at_the_second)
    with pytest.raises(MachineError, match="No space left on device"):
        write_key_pair(tmp_path, "arm-1")
    assert list(tmp_path.iterdir()) == []


def test_a_secret_shows_itself_nowhere(tmp_path):
    pair = write_key_pair(tmp_path, "arm-1")
    (tmp_path / "server.public").write_text(pair.public)
    for keys in (pair, ClientKeys.load(tmp_path), ServerKeys.load(tmp_path)):
        assert pair.secret not in f"{keys!r} {keys}"


@pytest.mark.parametrize("there", ["arm-1.secret", "arm-1.public"])
def test_keys_are_never_overwritten(tmp_path, there):
    (tmp_path / there).write_text("dear\n")
    with pytest.raises(ConfigError, match="not overwritten"):
        write_key_pair(tmp_path, "arm-1")
    assert (tmp_path / there).read_text() == "dear\n"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "/etc/key", "a b", "x" * 65, "a'b"])
def test_a_name_that_is_no_plain_one_is_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="no name for a key"):
        write_key_pair(tmp_path, name)


def test_both_ends_read_what_was_written(tmp_path):
    server, robot = write_key_pair(tmp_path / "server", "server"), write_key_pair(tmp_path / "robot", "robot")
    assert ServerKeys.load(tmp_path / "server").pair == server
    assert ServerKeys.load(tmp_path / "server" / "server.secret").clients == tmp_path / "server" / "clients.yaml"
    (tmp_path / "robot" / "server.public").write_text(server.public)
    found = ClientKeys.load(tmp_path / "robot")
    assert (found.pair, found.server) == (robot, server.public)
    assert ClientKeys.load(tmp_path / "robot" / "robot.secret", tmp_path / "server" / "server.public") == found


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_secret_that_others_can_read_is_refused_with_the_cure(tmp_path, mode):
    write_key_pair(tmp_path, "server")
    (tmp_path / "server.secret").chmod(mode)
    with pytest.raises(ConfigError, match=rf"mode {mode:04o}.*chmod 600"):
        ServerKeys.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [(b"", "holds no secret key"), (b"short", "no secret key"), (b"\xff" * 40, "no secret key"), (b"#" * 40, "no se")],
)
def test_what_is_no_key_is_refused_and_not_shown(tmp_path, content, complaint):
    path = tmp_path / "server.secret"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=complaint) as caught:
        ServerKeys.load(tmp_path)
    assert not content or content.decode("latin-1") not in str(caught.value)


def test_folders_without_a_key_or_with_several_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="keygen --out"):
        ServerKeys.load(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="keygen --out"):
        ServerKeys.load(tmp_path / "nowhere.secret")
    with pytest.raises(ConfigError, match="No secret key"):
        ServerKeys.load(tmp_path)
    for name in ("a", "b"):
        write_key_pair(tmp_path, name)
    with pytest.raises(ConfigError, match=r"2 secret keys \(a.secret, b.secret\)"):
        ServerKeys.load(tmp_path)
    assert ServerKeys.load(tmp_path / "b.secret").pair.public


def test_a_client_without_the_servers_key_is_told_where_it_was_looked_for(tmp_path):
    write_key_pair(tmp_path, "robot")
    with pytest.raises(ConfigError, match=r"not at .*server\.public.*--server-key"):
        ClientKeys.load(tmp_path)
    (tmp_path / "server.public").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        ClientKeys.load(tmp_path)


def test_the_verb_says_the_public_key_and_what_to_do_with_it(tmp_path, capsys):
    folder, result = tmp_path / "keys" / "arm-1", tmp_path / "keygen.json"
    assert main(["keygen", "--out", str(folder), "--json", str(result)]) == 0
    said, secret = capsys.readouterr().out, (folder / "arm-1.secret").read_text().strip()
    public = (folder / "arm-1.public").read_text().strip()
    assert f"- {{name: 'arm-1', key: '{public}', roles: [act]}}" in said
    assert secret not in said + result.read_text()
    (row,) = json.loads(result.read_text())["rows"]
    assert (row["name"], row["public_key"]) == ("arm-1", public)
    assert main(["keygen", "--out", str(folder)]) == 2
    assert "not overwritten" in capsys.readouterr().err
    assert main(["keygen", "--out", str(folder), "--name", "arm-2"]) == 0
