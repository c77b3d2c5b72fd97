"""The order of writes, and how much is held in memory for it."""

import random

from .log_builder import A, Log
from .order import Sorter
from .writes import of_event


def test_shuffled_answers_come_out_by_revision():
    log, shuffled = Log(), random.Random(1)
    for number in range(500):
        log.secret(A, name=f"secret-{number}")
        log.now -= 0.95
    log.events.sort(key=lambda event: shuffled.random())
    writes = [write for event in log.events for write in of_event(event)]
    for write in writes:  # all overlapped
        write.began, write.time = 0.0, 1.0
    assert [write.revision for write in Sorter().sort(writes)] == list(range(1, 503))


def test_of_two_answers_with_one_revision_the_conditional_write_has_made_it():
    log = Log()
    log.secret(A)
    log.secret(A, "update")
    log.secret(A, "update")
    first, unchanged, acknowledged = [write for event in log.events for write in of_event(event)][-3:]
    unchanged.revision = acknowledged.revision
    unchanged.began = acknowledged.began = first.time
    unchanged.based_on, acknowledged.based_on = 0, first.revision
    assert list(Sorter().sort([first, unchanged, acknowledged])) == [first, acknowledged, unchanged]


def test_what_is_held_depends_on_the_window_and_not_on_the_log():
    held, sorter = 0, Sorter(window=10)
    log = Log()

    def writes():
        for _ in range(2000):
            log.events.clear()
            log.secret(A, "update")
            yield from of_event(log.events[0])

    for count, _ in enumerate(sorter.sort(writes()), 1):
        held = max(held, log.now - count)
    assert held <= 12
    assert len(sorter._latest_of) == 1  # an object has one place
