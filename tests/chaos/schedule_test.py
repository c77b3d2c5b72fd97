"""The schedule is repeatable, keeps to its time, and leaves no fault out."""

import chaos_test
from schedule import LANES, make_schedule


def test_a_seed_gives_the_same_again_and_another_seed_does_not():
    assert make_schedule(7, 600) == make_schedule(7, 600)
    assert make_schedule(7, 600) != make_schedule(8, 600)


def test_a_longer_run_begins_like_a_shorter_one():
    short = make_schedule(7, 180)
    assert set(short) <= set(make_schedule(7, 600))


def test_everything_ends_in_time_and_a_lane_does_one_thing_at_a_time():
    steps = make_schedule(3, 900)
    assert all(step.at + step.lasts <= 900 for step in steps)
    for lane in LANES:
        mine = [step for step in steps if step.lane == lane]
        assert all(one.at + one.lasts < other.at for one, other in zip(mine, mine[1:]))


def test_the_short_run_has_every_fault():
    faults = {step.fault for step in make_schedule(chaos_test.SEED, chaos_test.SECONDS)}
    assert faults == {fault for lane in LANES.values() for fault in lane}


def test_every_fault_comes_again_and_again():
    faults = [step.fault for step in make_schedule(1, 1200)]
    for lane in LANES.values():
        assert all(faults.count(fault) >= 5 for fault in lane)
