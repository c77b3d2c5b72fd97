"""The ring of the wire protocol, written from its text and independent of the C++ code: where an object has to be.

    ring = HashRing(["pod-a", "pod-b"])
    ring.owner(object_key("", "Secret", "default", "foo"))      # "pod-a"
    ring.shard_of(secret)                                       # the same, of an object as the API server shows it

Pure Python and without state; hash_ring_test.py checks it against the vectors of the reference implementation.
"""

import bisect

TOKENS_PER_SHARD = 100

_MASK = (1 << 64) - 1
_PRIME_1 = 0x9E3779B185EBCA87
_PRIME_2 = 0xC2B2AE3D27D4EB4F
_PRIME_3 = 0x165667B19E3779F9
_PRIME_4 = 0x85EBCA77C2B2AE63
_PRIME_5 = 0x27D4EB2F165667C5


def xxhash64(text, seed=0):
    """XXH64 (github.com/Cyan4973/xxHash, doc/xxhash_spec.md) of a text's UTF-8 bytes."""
    data = text.encode()
    position = 0
    if len(data) >= 32:
        lanes = [seed + _PRIME_1 + _PRIME_2, seed + _PRIME_2, seed, seed - _PRIME_1]
        while position + 32 <= len(data):
            lanes = [_round(lane, _word(data, position + 8 * i, 8)) for i, lane in enumerate(lanes)]
            position += 32
        value = sum(_rotate(lane, bits) for lane, bits in zip(lanes, (1, 7, 12, 18))) & _MASK
        for lane in lanes:
            value = ((value ^ _round(0, lane)) * _PRIME_1 + _PRIME_4) & _MASK
    else:
        value = (seed + _PRIME_5) & _MASK
    return _avalanche(_absorb_tail(value + len(data), data, position))


def _absorb_tail(value, data, position):
    while position + 8 <= len(data):
        value = (_rotate(value ^ _round(0, _word(data, position, 8)), 27) * _PRIME_1 + _PRIME_4) & _MASK
        position += 8
    if position + 4 <= len(data):
        value = (_rotate(value ^ (_word(data, position, 4) * _PRIME_1), 23) * _PRIME_2 + _PRIME_3) & _MASK
        position += 4
    for byte in data[position:]:
        value = (_rotate(value ^ (byte * _PRIME_5), 11) * _PRIME_1) & _MASK
    return value


def _avalanche(value):
    value &= _MASK
    value = ((value ^ (value >> 33)) * _PRIME_2) & _MASK
    value = ((value ^ (value >> 29)) * _PRIME_3) & _MASK
    return value ^ (value >> 32)


def _round(lane, word):
    return (_rotate(lane + word * _PRIME_2, 31) * _PRIME_1) & _MASK


def _rotate(value, bits):
    value &= _MASK
    return ((value << bits) | (value >> (64 - bits))) & _MASK


def _word(data, position, size):
    return int.from_bytes(data[position:position + size], "little")


def object_key(group, kind, namespace, name):
    return f"{group}/{kind}/{namespace}/{name}"


def controller_of(metadata):
    """The owner reference with controller=true, or None."""
    return next((owner for owner in metadata.get("ownerReferences", []) if owner.get("controller")), None)


class HashRing:
    def __init__(self, shards):
        tokens = {}
        for shard in sorted(set(shards)):
            for index in range(TOKENS_PER_SHARD):
                tokens[xxhash64(f"{shard}{index}")] = shard  # of equal tokens the last one stays, as in the reference
        self._shards = tokens
        self._tokens = sorted(tokens)

    def owner(self, key):
        """The shard of a key; None if the ring is empty."""
        if not self._tokens:
            return None
        return self._shards[self._tokens[bisect.bisect_left(self._tokens, xxhash64(key)) % len(self._tokens)]]

    def shard_of(self, item, kind=None):
        """The shard of an object: its own key's, or that of the object which controls it. Items of a list have no kind."""
        metadata = item["metadata"]
        owner = controller_of(metadata) or {"apiVersion": item.get("apiVersion", "v1"),
                                            "kind": kind or item["kind"], "name": metadata["name"]}
        group = owner["apiVersion"].rpartition("/")[0]
        return self.owner(object_key(group, owner["kind"], metadata.get("namespace", ""), owner["name"]))
