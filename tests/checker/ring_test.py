"""Rings from manifests and from the command line, and the command line itself."""

import json
import pathlib

import pytest

from . import Ring
from .__main__ import main
from .log_builder import RING, A, B, Log
from .ring import ChildLimit

MANIFEST = pathlib.Path(__file__).resolve().parents[2] / "examples/checksum-controller/manifests/sharded/controllerring.yaml"


def controller_ring(selector):
    return {"kind": "ControllerRing", "metadata": {"name": "x"}, "spec": {
        "namespaceSelector": selector, "resources": [{"group": "example.test", "resource": "pools"}]}}


def test_of_a_manifest():
    ring = Ring.of_file(MANIFEST)
    assert (ring.name, ring.mains, ring.controlled) == (RING, {"secrets"}, {"configmaps"})
    assert ring.has_namespace("default") and not ring.has_namespace("elsewhere")


def test_of_a_selector_by_name():
    ring = Ring.of_object(controller_ring({"matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["a", "b"]}]}))
    assert ring.mains == {"pools.example.test"} and ring.namespaces == {"a", "b"}


def test_of_no_selector():
    ring = Ring.of_object(controller_ring(None))
    assert ring.has_namespace("any") and ring.has_namespace("") and not ring.has_namespace("kube-system")


def test_of_another_selector():
    ring = controller_ring({"matchLabels": {"team": "x"}})
    with pytest.raises(ValueError, match="--namespace"):
        Ring.of_object(ring)
    assert Ring.of_object(ring, namespaces=["a"]).namespaces == {"a"}


def test_of_text():
    ring = Ring.of_text("r=secrets+configmaps+pods,pools.example.test")
    assert ring.mains == {"secrets", "pools.example.test"} and ring.controlled == {"configmaps", "pods"}


@pytest.mark.parametrize("text", ["r", "r=", "=secrets", "r=secrets+"])
def test_of_text_that_is_none(text):
    with pytest.raises(ValueError, match="NAME=MAIN"):
        Ring.of_text(text)


@pytest.mark.parametrize("text", ["a/b", "a=1", "/b=1"])
def test_a_limit_that_is_none(text):
    with pytest.raises(ValueError, match="PARENT/CHILD"):
        ChildLimit.of_text(text)


def run(tmp_path, log, *arguments):
    path = tmp_path / "audit.log"
    path.write_text("".join(json.dumps(event) + "\n" for event in log.events) + '{"verb": "cre')  # being written
    return main([*arguments, str(path)])


def test_command_line(tmp_path, capsys):
    log = Log()
    log.secret(A)
    log.secret(A, "update", user=A)
    assert run(tmp_path, log, "--ring", str(MANIFEST)) == 0
    assert "1 writes judged, 0 by a non-owner" in capsys.readouterr().out
    log.secret(A, "update", user=B)
    assert run(tmp_path, log, "--ring", f"{RING}=secrets+configmaps") == 1
    assert f"{B} update secrets/foo: owner {A}" in capsys.readouterr().out


def test_command_line_with_nothing_to_judge(tmp_path, capsys):
    assert run(tmp_path, Log(), "--ring", str(MANIFEST)) == 2
    assert "RequestResponse" in capsys.readouterr().err


def test_command_line_with_a_file_that_is_no_log(tmp_path, capsys):
    path = tmp_path / "x"
    path.write_text("no json\n")
    assert main(["--ring", str(MANIFEST), str(path)]) == 2
    assert "line 1" in capsys.readouterr().err
