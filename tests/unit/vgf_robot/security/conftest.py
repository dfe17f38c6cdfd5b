import pytest

from tests.unit.vgf_robot.security.keyrings import Keyring


@pytest.fixture
def keyring(tmp_path) -> Keyring:
    return Keyring(tmp_path)
