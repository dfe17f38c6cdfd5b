from pathlib import Path

import pytest

from tests.bundles import make_bundle
from tests.integration.serve.servers import serving


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    return make_bundle(tmp_path_factory.mktemp("bundle"))


@pytest.fixture(scope="module")
def server(bundle):
    with serving(bundle) as served:
        yield served
