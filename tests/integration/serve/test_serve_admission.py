"""Many robots at one server, and one too many."""

from contextlib import suppress

import pytest

from tests.integration.serve.servers import COSTLY, OBSERVATION, PATIENCE_S, serving
from vgf_robot.controller import Rung
from vgf_robot.wire import Client, ErrorKind, RefusedError, ServerFaultError

pytestmark = pytest.mark.realtime


@pytest.fixture
def robots():
    """Make clients that are closed at the end."""
    made = []

    def make(endpoint, count=1, **named):
        added = [Client(endpoint, timeout_s=PATIENCE_S, name=f"robot {len(made) + i}", **named) for i in range(count)]
        made.extend(added)
        return added

    yield make
    for client in made:
        client.close()


def answers(clients):
    """Ask for all of them at once; return what came."""
    for client in clients:
        client.send(OBSERVATION, deadline_s=PATIENCE_S)
    return [client.poll(PATIENCE_S) for client in clients]


def test_one_more_than_fits_is_refused_in_words_and_the_others_go_on(bundle, robots):
    with serving(bundle, program=(COSTLY,)) as served:
        four = robots(served.endpoint, 4)
        for seed, client in enumerate(four):
            client.connect()
            client.begin_episode(seed)
        (late,) = robots(served.endpoint)
        with pytest.raises(ServerFaultError, match="expected clients that need at most 80% of the server's time") as no:
            late.connect()
        assert no.value.kind is ErrorKind.OVERLOADED
        for words in ("found 94% with this one (4 others", "8.5 ms", "rate_hz"):
            assert words in str(no.value)
        for tick in (1, 2, 3):
            found = answers(four)
            assert [answer.command.rung for answer in found] == [Rung.TRANSPORT] * 4
            assert [answer.episode_tick for answer in found] == [tick] * 4
        assert late.ping().counters["error.overloaded"] == 1
        four.pop().close()
        for _ in range(1000):  # the bye is on its way
            with suppress(ServerFaultError):
                late.connect()
                break
        late.begin_episode(seed=9)
        assert all(answer.command.rung is Rung.TRANSPORT for answer in answers([*four, late]))


def test_slower_clients_fit_where_others_do_not(bundle, robots):
    with serving(bundle, program=(COSTLY,)) as served:
        for client in robots(served.endpoint, 7, rate_hz=10.0):
            assert client.connect().default_deadline_us == 90_000
        (usual,) = robots(served.endpoint)
        with pytest.raises(ServerFaultError, match="overloaded"):
            usual.connect()
        (slow,) = robots(served.endpoint, rate_hz=10.0)
        slow.connect()


def test_a_rate_above_the_bundles_is_refused(server, robots):
    (hasty,) = robots(server.endpoint, rate_hz=25.0)
    with pytest.raises(RefusedError, match="at most 20 Hz"):
        hasty.connect()
