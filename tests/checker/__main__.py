"""python3 -m checker: judges an audit log. Exit code 0: nothing found, 1: violations, 2: it could not be judged."""

import argparse
import json
import pathlib
import sys

from . import Ring, check
from .journal import read_journal
from .ring import ChildLimit


def main(arguments=None):
    options = _parse(arguments)
    try:
        rings = [_ring(text, options) for text in options.ring]
        with open(options.log, encoding="utf-8") as log:
            results = check(_events(log), rings, read_journal(options.journal) if options.journal else ())
    except (OSError, ValueError, KeyError) as error:
        print(f"checker: {error}", file=sys.stderr)
        return 2
    for result in results:
        print(f"ring {result.ring}: {result.explain()}")
    for result in (each for each in results if not each.judged):
        print(f"checker: no write of a pod to an object of ring {result.ring} is in {options.log}: is it a log of whole "
              "requests and responses (level RequestResponse), and of this ring?", file=sys.stderr)
        return 2
    return 1 if any(result.faults for result in results) else 0


def _parse(arguments):
    parser = argparse.ArgumentParser(prog="checker", description="Reads an API server's audit log and reports what breaks the "
                                     "rule that every object has one owner.")
    parser.add_argument("--ring", action="append", required=True, metavar="FILE|NAME=MAIN+CONTROLLED,...",
                        help="manifest of a ControllerRing, or its name and resources (repeatable)")
    parser.add_argument("--namespace", action="append", metavar="NAME",
                        help="a namespace of the ring, if its selector does not name them (repeatable; default: all)")
    parser.add_argument("--children", action="append", default=[], type=_limit, metavar="PARENT/CHILD=NUMBER|FIELD",
                        help="how many children a parent may have, as in pools.example.test/members.example.test=spec.replicas")
    parser.add_argument("--journal", type=pathlib.Path, help="what was done to the cluster meanwhile; tests/chaos writes one")
    parser.add_argument("log", help="the audit log, of level RequestResponse")
    return parser.parse_args(arguments)


def _limit(text):
    try:
        return ChildLimit.of_text(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _ring(text, options):
    if pathlib.Path(text).exists():
        ring = Ring.of_file(text, namespaces=options.namespace)
    else:
        ring = Ring.of_text(text, namespaces=options.namespace)
    return ring.limited(options.children)


def _events(log):
    for number, line in enumerate(log, 1):
        try:
            yield json.loads(line)
        except ValueError:
            if line.endswith("\n"):
                raise ValueError(f"line {number} of the log is not JSON") from None
            return  # being written at this moment


if __name__ == "__main__":
    sys.exit(main())
