"""Who wrote what while who owned it, from the API server's audit log: the proof that no two shards ever own one object.

    from checker import Ring, replay
    result = replay(cluster.audit_events(), Ring.of_file("controllerring.yaml"))
    assert result.judged and not result.violations, result.explain()

From the command line, in the folder above: python3 -m checker --ring controllerring.yaml audit.log. README.md says what it
finds, and what it cannot.

| module | what |
|---|---|
| ring | the ring that is judged: its resources, its namespaces, how many children a parent may have |
| writes | one event of the log as a Write |
| order | all of them in the order in which they took effect, with memory for a time window only |
| journal | what no audit log has: kills of the API server, outages, objects as they were read |
| ownership | what is known of every object, and the verdict on every write |
| unowned | how long objects were without owner |
| siblings | how many children a parent has |
| result | what was found, for tests and for people |
"""

from .journal import Journal, observed
from .result import Result
from .replay import check, in_order, replay
from .ring import Ring

__all__ = ["Journal", "Result", "Ring", "check", "in_order", "observed", "replay"]
