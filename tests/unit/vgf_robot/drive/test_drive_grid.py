"""The grid of control periods on a fake clock."""

from hypothesis import given
from hypothesis import strategies as st

from tests.clocks import MS, FakeClock
from vgf_robot.drive import Grid

PERIOD_NS = 10 * MS


def make_grid(clock: FakeClock, late_ns: int = 0) -> Grid:
    """A grid whose sleeps end late."""
    return Grid(PERIOD_NS, clock, lambda seconds: clock.advance(round(seconds * 1e9) + late_ns))


def test_points_are_absolute_however_late_each_is_met():
    clock = FakeClock(7)
    grid = make_grid(clock, late_ns=300_000)
    points = [grid.wait() for _ in range(4)]
    assert [point.at_ns for point in points] == [7 + k * PERIOD_NS for k in range(4)]
    assert [point.late_ns for point in points] == [0, 300_000, 300_000, 300_000]
    assert [point.index for point in points] == [0, 1, 2, 3]


def test_a_period_that_began_late_is_met_at_once_and_the_next_is_on_the_grid():
    clock = FakeClock()
    grid = make_grid(clock)
    grid.wait()
    clock.advance(14 * MS)
    late, next_one = grid.wait(), grid.wait()
    assert (late.index, late.late_ns, late.skipped) == (1, 4 * MS, 0)
    assert (next_one.index, next_one.at_ns, next_one.late_ns) == (2, 20 * MS, 0)


def test_what_an_overrun_has_eaten_is_skipped_and_never_made_up_for():
    clock = FakeClock()
    grid = make_grid(clock)
    grid.wait()
    clock.advance(57 * MS)
    points = [grid.wait() for _ in range(3)]
    assert [point.index for point in points] == [5, 6, 7]
    assert [point.skipped for point in points] == [4, 0, 0]
    assert [point.late_ns for point in points] == [7 * MS, 0, 0]


def test_a_period_that_is_over_to_the_nanosecond_is_skipped():
    clock = FakeClock()
    grid = make_grid(clock)
    grid.wait()
    clock.advance(20 * MS)
    point = grid.wait()
    assert (point.index, point.skipped, point.late_ns) == (2, 1, 0)


def test_a_sleep_that_ends_early_is_slept_again():
    clock = FakeClock()
    grid = Grid(PERIOD_NS, clock, lambda seconds: clock.advance(max(1, round(seconds * 1e9) // 2)))
    grid.wait()
    assert grid.wait().late_ns == 0


def test_sleeping_until_a_moment_that_has_passed_takes_no_time():
    clock = FakeClock()
    grid = make_grid(clock)
    clock.advance(3 * MS)
    assert grid.sleep_until(2 * MS) == 3 * MS
    assert grid.sleep_until(4 * MS) == 4 * MS


@given(work_ns=st.lists(st.integers(0, 10 * PERIOD_NS), max_size=40))
def test_every_period_is_met_once_or_skipped_and_none_before_its_time(work_ns):
    clock = FakeClock()
    grid = make_grid(clock)
    seen = 0
    for duration_ns in work_ns:
        point = grid.wait()
        assert point.index == seen + point.skipped
        assert point.at_ns == point.index * PERIOD_NS
        assert clock() - point.at_ns == point.late_ns
        assert 0 <= point.late_ns < PERIOD_NS
        seen = point.index + 1
        clock.advance(duration_ns)
