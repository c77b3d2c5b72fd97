"""The same story for several rings at the same time.

    told = side_by_side(rings, RingEdits)     # makes RingEdits(ring) for each, and calls its live()
    told["python-kopf"].failure               # "" if it went well, else why it did not, and the ring's logs
"""

import concurrent.futures
import traceback


class Story:
    """What happens to one ring. A failure is reported by the test of this ring; the others go on."""

    def __init__(self, ring):
        self.ring, self.failure = ring, ""

    def tell(self):
        try:
            self.live()
        except Exception as error:  # whatever it is, it belongs to this ring's report
            self.failure = f"{''.join(traceback.format_exception(error, limit=-6))}\n{self.ring.logs()}"

    def live(self):
        raise NotImplementedError


def side_by_side(rings, kind):
    """-> name of the ring -> its story"""
    told = {ring.name: kind(ring) for ring in rings}
    with concurrent.futures.ThreadPoolExecutor(max(1, len(told))) as pool:
        list(pool.map(kind.tell, told.values()))
    return told
