"""The journal says what the audit log cannot: written and read again."""

import pytest

from . import Journal
from .journal import Killed, Listing, Outage, read_journal

ITEM = {"metadata": {"name": "foo", "namespace": "default", "uid": "1", "resourceVersion": "7", "labels": {"a": "b"},
                     "managedFields": [{}]}}


def test_what_is_written_is_read(tmp_path):
    journal = Journal(tmp_path / "journal")
    with pytest.raises(KeyError), journal.outage("etcd is paused"):
        journal.killed()
        raise KeyError
    journal.listed("secrets", "default", {"metadata": {"resourceVersion": "9"}, "items": [ITEM]})
    journal.listed("configmaps", "default", {"metadata": {"resourceVersion": "9"}, "items": None})
    begins, killed, ends, item, listing, nothing = read_journal(journal.path)
    assert isinstance(begins, Outage) and isinstance(ends, Outage) and (begins.begins, ends.begins) == (True, False)
    assert isinstance(killed, Killed) and begins.time <= killed.time <= ends.time
    assert (item.target, item.revision, item.based_on, item.labels) == ("secrets/foo", 9, 7, {"a": "b"})
    assert isinstance(listing, Listing) and (listing.revision, listing.uids) == (9, {"1"})
    assert nothing.uids == frozenset()
    assert "managedFields" not in journal.path.read_text()
