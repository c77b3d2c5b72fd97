"""Watches through the sidecar: the same events, in the same bytes, as a direct watch of the shard's objects."""

import json
import time

import pytest
from sidecars import SHARD_LABEL, secret

from fidelity.world import THINGS, assert_same, comparable, fields, filtered

SECRETS = "/api/v1/namespaces/default/secrets"
SECOND = "timeoutSeconds=1"
BOOKMARKS = "allowWatchBookmarks=true"
WATCHLIST = f"sendInitialEvents=true&resourceVersionMatch=NotOlderThan&{BOOKMARKS}"
ACCEPTS = ["application/json", "application/vnd.kubernetes.protobuf", "application/vnd.kubernetes.protobuf;stream=watch",
           "application/cbor", "application/json;as=Table;g=meta.k8s.io;v=v1", "application/yaml",
           "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
           "application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;g=meta.k8s.io;v=v1", "text/html"]
FILTERED, AS_IT_IS = True, False


@pytest.fixture(scope="module", autouse=True)
def began(world):
    """Objects, and the revision before the first of them."""
    version = world.api.get(SECRETS)["metadata"]["resourceVersion"]
    for number in range(4):
        name, shard = (f"mine-{number}", "shard-a") if number < 3 else ("theirs", "shard-b")
        body = secret(name, shard, {"colour": "red" if number % 2 else "blue"})
        world.api.create(SECRETS, body)
        world.api.create(THINGS, {"apiVersion": "fidelity.example/v1", "kind": "Thing", "metadata": body["metadata"],
                                  "spec": {"colour": "red"}})
    world.api.patch(SECRETS + "/mine-0", {"metadata": {"labels": {SHARD_LABEL: "shard-b"}}})
    world.api.patch(SECRETS + "/mine-0", {"metadata": {"labels": {SHARD_LABEL: "shard-a"}}})
    world.api.patch(SECRETS + "/mine-1", {"metadata": {"annotations": {"a": "b"}}})
    world.api.delete(SECRETS + "/mine-2")
    return version


def watches(began):
    """(path, whether the sidecar filters it, Accept)"""
    since = f"watch=true&resourceVersion={began}&{SECOND}"
    for accept in ACCEPTS:
        for path in (SECRETS, "/api/v1/secrets", THINGS, THINGS.replace("/v1/", "/v1beta1/")):
            yield f"{path}?{since}", FILTERED, accept
            yield f"{path}?watch=1&{WATCHLIST}&{SECOND}", FILTERED, accept
            yield f"{path}?watch=1&{SECOND}&{BOOKMARKS}", FILTERED, accept
        yield f"{THINGS}?watch=1&{SECOND}&resourceVersion=1", FILTERED, accept
        yield f"{SECRETS}?{since}&fieldSelector=metadata.name%3Dmine-0", AS_IT_IS, accept
    for path in (SECRETS, "/api/v1/watch/secrets", "/api/v1/watch/namespaces/default/secrets"):
        for query in (since, SECOND, f"resourceVersion=1&{SECOND}&watch=1", f"resourceVersion=0&watch&{SECOND}",
                      f"resourceVersion=x&{SECOND}&watch=1", f"watch=1&sendInitialEvents=true&{SECOND}",
                      f"{since}&fieldSelector=type%3DOpaque", f"{since}&fieldSelector=metadata.name%21%3Dmine-0",
                      f"resourceVersion={2 ** 62}&watch=1&{SECOND}", f"watch=1&limit=1&{SECOND}", "watch=1&timeoutSeconds=x"):
            yield f"{path}?{query}", FILTERED, "application/json"
    for query in (f"watch=1&{SECOND}", since, f"watch=1&{WATCHLIST}&{SECOND}", f"watch=1&{SECOND}&resourceVersion=1"):
        for name in ("mine-0", "theirs", "nothing"):
            yield f"{SECRETS}?{query}&fieldSelector=metadata.name={name}", AS_IT_IS, "application/json"
            yield f"/api/v1/watch/namespaces/default/secrets/{name}?{query}", AS_IT_IS, "application/json"
            yield f"{THINGS}?{query}&fieldSelector=metadata.name%3D{name}", AS_IT_IS, "application/json"
    yield f"/api/v1/watch/namespaces/default?{SECOND}", AS_IT_IS, "application/json"
    yield f"/api/v1/namespaces?watch=1&{SECOND}", AS_IT_IS, "application/json"


def all_at_once(world, watches):
    """The answers to all by both ways, on as many connections as that takes."""
    opened, answers = [], []
    for begin in range(0, len(watches), 45):
        connections = {way: world.open(way) for way in ("direct", "sidecar")}
        for path, is_filtered, accept in watches[begin:begin + 45]:
            for way, connection in connections.items():
                target = filtered(path) if way == "direct" and is_filtered else path
                opened.append((connection, connection.start("GET", target, [*world.authorization(), ("accept", accept)])))
    for connection, stream in opened:
        answers.append(connection.finish(stream))
    for connection, _ in opened:
        connection.close()
    return list(zip(watches, answers[::2], answers[1::2]))


def events(answer):
    """The events of a watch in JSON."""
    return [json.loads(line) for line in bytes(answer.body).splitlines()]


def test_every_kind_of_watch(world, began):
    """Those that differ are asked again: a revision, or a bookmark, may have come between the two."""
    differing = total = list(watches(began))
    for _ in range(6):
        pairs = all_at_once(world, differing)
        for watch, one, other in pairs:
            assert watch[1] is AS_IT_IS or b"theirs" not in other.body, watch
        pairs = [(watch, one, other) for watch, one, other in pairs if not same(one, other)]
        differing = [watch for watch, _, _ in pairs]
        if not differing:
            break
    print(f"\nmeasured: {len(total)} kinds of watches")
    for watch, one, other in pairs:
        print(watch)
        assert_same(one, other)


def same(one, other):
    return (one.status, one.ended, one.trailers) == (other.status, other.ended, other.trailers) and \
        fields(one) == fields(other) and comparable(one) == comparable(other)


def test_an_expired_revision_is_gone(world):
    """Of a resource that was not there then."""
    answer = world.ask("sidecar", "GET", f"{THINGS}?watch=1&resourceVersion=1&{SECOND}")
    assert events(answer)[0]["type"] == "ERROR" and events(answer)[0]["object"]["code"] == 410


def test_an_object_that_leaves_the_shard_is_deleted_for_it(world, began):
    answer = world.ask("sidecar", "GET", f"{SECRETS}?watch=1&resourceVersion={began}&{SECOND}")
    seen = [(event["type"], event["object"]["metadata"]["name"]) for event in events(answer)]
    assert seen == [("ADDED", "mine-0"), ("ADDED", "mine-1"), ("ADDED", "mine-2"), ("DELETED", "mine-0"), ("ADDED", "mine-0"),
                    ("MODIFIED", "mine-1"), ("DELETED", "mine-2")]


def test_initial_events_end_with_a_bookmark(world):
    answer = world.ask("sidecar", "GET", f"{SECRETS}?watch=1&{WATCHLIST}&{SECOND}")
    last = [event for event in events(answer) if event["type"] == "BOOKMARK"][0]
    assert last["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def live(world, path, accept="application/json"):
    """The same watch by both ways: connections and answers."""
    opened = []
    for way, target in (("direct", filtered(path)), ("sidecar", path)):
        connection = world.open(way)
        stream = connection.start("GET", target, [*world.authorization(), ("accept", accept)])
        opened.append((connection, connection.answers[stream]))
    for connection, answer in opened:
        connection.wait(lambda answer=answer: answer.status)
    return opened


@pytest.mark.parametrize("accept", ACCEPTS[:3])
def test_events_as_they_happen(world, accept):
    opened = live(world, SECRETS + f"?watch=true&resourceVersion={world.api.get(SECRETS)['metadata']['resourceVersion']}", accept)
    began = time.monotonic()
    world.api.create(SECRETS, secret("live", "shard-a"))
    for connection, answer in opened:
        connection.wait(lambda answer=answer: len(answer.body) > 0, 5)
    print(f"\nmeasured: an event is there {1000 * (time.monotonic() - began):.0f} ms after the create began")
    for label in ("shard-b", "shard-a"):
        world.api.patch(SECRETS + "/live", {"metadata": {"labels": {SHARD_LABEL: label}}})
    world.api.delete(SECRETS + "/live")
    direct, sidecar = opened
    direct[0].wait(lambda: b"live" in direct[1].body and direct[1].body.count(b"DELETED") == 2, 5)
    sidecar[0].wait(lambda: len(sidecar[1].body) >= len(direct[1].body), 5)
    assert sidecar[1].body == direct[1].body and not sidecar[1].ended
    for connection, _ in opened:
        connection.close()


def test_an_event_of_a_megabyte_and_a_half(world):
    opened = live(world, THINGS + "?watch=true&resourceVersion=" + world.api.get(THINGS)["metadata"]["resourceVersion"])
    big = {"apiVersion": "fidelity.example/v1", "kind": "Thing", "spec": {"text": "x" * 1_480_000},
           "metadata": {"name": "big", "labels": {SHARD_LABEL: "shard-a"}}}
    world.api.create(THINGS, big)
    for connection, answer in opened:
        connection.wait(lambda answer=answer: answer.body.endswith(b"\n"), 10)
    assert len(opened[0][1].body) > 1_480_000 and opened[0][1].body == opened[1][1].body
    for connection, _ in opened:
        connection.close()
