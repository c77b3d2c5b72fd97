"""scripts/fuzz, with shell scripts in the place of fuzz targets."""

import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

PASSES = """#!/bin/sh
for last; do :; done  # no corpus in the tree: the last argument is where inputs are kept
touch "$last/new-input"
echo "stat::number_of_executed_units: 1234567"
"""

FAILS = """#!/bin/sh
for argument; do
  case $argument in -artifact_prefix=*) artifact=${argument#*=}crash-1 ;; esac
done
echo "INFO: Seed: 1"
echo "==1==ERROR: AddressSanitizer: heap-buffer-overflow"
echo "    #0 in parse_something"
echo "artifact_prefix='x'; Test unit written to $artifact"
exit 77
"""


@pytest.fixture
def build(tmp_path):
    (tmp_path / "tests/fuzz").mkdir(parents=True)
    for name, text in {"good": PASSES, "better": PASSES, "bad": FAILS}.items():
        program = tmp_path / "tests/fuzz" / f"{name}_fuzz"
        program.write_text(text)
        program.chmod(0o755)
    return tmp_path


def fuzz(build, *targets):
    command = [ROOT / "scripts/fuzz", "--build", build, "1", *targets]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_one_line_for_each_target_and_the_sum(build):
    done = fuzz(build, "good", "better")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed, 0 failed" in done.stdout
    for name in ("good", "better"):
        line = next(line for line in done.stdout.splitlines() if name in line.split())
        assert "1,234,567 runs" in line and "1 new input kept" in line
    assert "nothing new" in fuzz(build, "good").stdout  # what was kept is known now


def test_a_finding_is_shown_with_its_input_while_the_others_go_on(build):
    done = fuzz(build, "bad", "good", "better")
    assert done.returncode == 1
    assert "2 passed, 1 failed: bad" in done.stdout
    assert "heap-buffer-overflow" in done.stdout and "INFO: Seed" not in done.stdout
    reproducer = build / "findings/bad-crash-1"
    assert f"{build / 'tests/fuzz/bad_fuzz'} {reproducer}" in done.stdout


def test_a_target_that_is_not_built_is_no_success(build):
    done = fuzz(build, "good", "unknown")
    assert done.returncode != 0 and "not built: unknown" in done.stderr


def test_every_target_has_a_corpus():
    targets = {path.stem.removesuffix("_fuzz") for path in (ROOT / "tests/fuzz").glob("*_fuzz.cc")}
    assert targets == {path.name for path in (ROOT / "tests/fuzz/corpus").iterdir()}
