"""A network namespace of the bench's own: what it and the programs that it starts say to each other shares no loopback with
what else runs on the machine, no ports and no rules of a packet filter either."""

import ctypes
import os
import subprocess

CLONE_NEWNET = 0x40000000


def enter():
    """For this thread and all that it starts from now on; the loopback is all that the network has. Fetch before what comes
    from elsewhere. SystemExit where it is not permitted."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        raise SystemExit(f"a bench needs a network namespace of its own: unshare: {os.strerror(ctypes.get_errno())}. "
                         "Run it as root")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
