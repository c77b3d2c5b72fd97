"""At the end, over everything that the other tests have done: nobody but an object's owner has ever written to it."""

import shutil

import pytest
import scaling_test
from world import ROOT, Moment

pytestmark = [pytest.mark.long, pytest.mark.always]


def test_the_orphaned_lease_was_deleted(world, measurements):
    scaling_test.deletion_of_the_orphan(world, measurements)


def test_no_write_by_a_non_owner(world, measurements):
    result = world.since(Moment())
    print(result.explain())
    if result.violations or result.unjudged:
        shutil.copy(world.cluster.audit_path, ROOT / "build/e2e-audit.log")  # for finding out why
    note = f"of {result.judged} judged, from the audit log; {len(result.unjudged)} not judged"
    measurements.record("writes by a non-owner", len(result.violations), "", note=note)
    assert result.judged and not result.violations, result.explain()
