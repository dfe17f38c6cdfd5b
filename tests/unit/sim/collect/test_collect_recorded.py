import numpy as np
import pytest

from sim.collect.layouts import layout_of, write_pieces
from sim.collect.recorded import pieces_of
from tests.ticks import PERIOD_NS, make_tick, vector
from vgf_robot.errors import ConfigError, DatasetError


def lengths(ticks) -> list[int]:
    return [len(piece.actions) for piece in pieces_of(ticks).pieces]


def run(first: int, count: int, **changes):
    return [make_tick(number, **changes) for number in range(first, first + count)]


def test_a_row_is_an_observation_and_what_was_sent_after_it():
    (piece,) = pieces_of([make_tick(number, sent=vector(9, number)) for number in range(3)]).pieces
    assert piece.observations.tolist() == [np.float32([0.1, 0.2, number]).tolist() for number in range(3)]
    assert piece.actions.tolist() == [[9, 0], [9, 1], [9, 2]]
    assert (piece.observations.dtype, piece.actions.dtype) == (np.float32, np.float32)


def test_robots_that_alternate_are_kept_apart():
    ticks = [tick for pair in zip(run(0, 3), run(0, 3, identity="b2"), strict=True) for tick in pair]
    assert lengths(ticks) == [3, 3]


def test_a_new_episode_is_a_new_piece_and_no_gap():
    found = pieces_of([*run(0, 3), *run(0, 4, seed=8)])
    assert [len(piece.actions) for piece in found.pieces] == [3, 4]
    assert found.gaps == 0


def test_an_episode_that_counts_on_is_another_one_all_the_same():
    assert lengths([*run(0, 2), *run(2, 3, seed=8)]) == [2, 3]


def test_a_missing_tick_ends_a_piece():
    found = pieces_of([*run(0, 3), *run(4, 2)])
    assert [len(piece.actions) for piece in found.pieces] == [3, 2]
    assert found.gaps == 1


@pytest.mark.parametrize(("late", "expected"), [(0.4, [4]), (0.6, [2, 2]), (-0.4, [4]), (-0.6, [2, 2])])
def test_a_tick_too_soon_or_too_late_ends_a_piece(late, expected):
    ticks = run(0, 2) + [make_tick(number, arrived_ns=round((number + late) * PERIOD_NS)) for number in (2, 3)]
    assert lengths(ticks) == expected


def test_a_simulation_that_waits_has_no_time_of_its_own():
    assert lengths(run(0, 4, deadline_ns=None, arrived_ns=0)) == [4]


def test_the_same_observation_again_ends_a_piece():
    assert lengths([*run(0, 2), *run(2, 2, sequence=3)]) == [2]


def test_what_was_not_sent_is_left_out_and_counted():
    found = pieces_of([*run(0, 2), *run(2, 1, sent=None), *run(3, 1, observation=None), *run(4, 3), *run(9, 1)])
    assert [len(piece.actions) for piece in found.pieces] == [2, 3]
    assert (found.ticks, found.unsent, found.lone, found.gaps) == (8, 2, 1, 1)


@pytest.mark.parametrize("ticks", [[], run(0, 1), run(0, 3, sent=None)])
def test_a_recording_without_a_transition_is_refused(ticks):
    with pytest.raises(DatasetError, match="found none among"):
        pieces_of(ticks)


def test_robots_of_two_kinds_are_refused():
    with pytest.raises(DatasetError, match=r"\(1, 2\), \(3, 2\)"):
        pieces_of([*run(0, 2), *run(0, 2, identity="b2", observation=vector(1))])


@pytest.mark.parametrize(
    ("name", "layout", "expected"),
    [("a.npz", None, "ogbench"), ("a.hdf5", None, "d4rl"), ("a", "minari", "minari"), ("a.hdf5", "ogbench", "ogbench")],
)
def test_the_name_says_the_layout_unless_it_is_said(tmp_path, name, layout, expected):
    assert layout_of(tmp_path / name, layout) == expected


def test_no_layout_is_guessed(tmp_path):
    with pytest.raises(ConfigError, match=r"expected a name ending in \.npz"):
        layout_of(tmp_path / "data", None)


@pytest.mark.parametrize("layout", ["d4rl", "minari"])
def test_rewards_are_not_made_up(tmp_path, layout):
    pieces = pieces_of(run(0, 3)).pieces
    with pytest.raises(ConfigError, match="a recording has none"):
        write_pieces(pieces, tmp_path / "data", layout, None)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_there_is_not_written_over(tmp_path):
    pieces = pieces_of(run(0, 3)).pieces
    write_pieces(pieces, tmp_path / "data", "minari", 1.0)
    with pytest.raises(ConfigError, match="is there already"):
        write_pieces(pieces, tmp_path / "data", "minari", 1.0)
