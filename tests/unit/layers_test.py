"""The architecture that the compiler does not check: who may include whom, and where third-party headers may appear.

The rules are data; docs/design.md, "Layers" and "Libraries", says why. Run: /usr/bin/python3 -m pytest tests/unit/layers_test.py
"""

import pathlib
import re
from collections import defaultdict
from dataclasses import dataclass

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

LIBRARIES = ("base", "event", "net", "http", "kube", "ring", "sharding")  # below shared/
PROGRAMS = ("sidecar", "central", "injector", "cli")  # at the root; a missing one is no violation

# What each folder may include beside itself.
ALLOWED = {
    "base": set(),
    "event": {"base"},
    "net": {"base", "event"},
    "http": {"base", "event", "net"},
    "kube": {"base", "event", "net", "http"},
    "ring": {"base"},
    "sharding": {"base", "event", "net", "http", "kube", "ring"},
} | {program: set(LIBRARIES) for program in PROGRAMS}


@dataclass(frozen=True)
class ThirdParty:
    headers: str  # a regular expression for the name in #include
    folders: frozenset  # where it may be used


MAX_FILES = 3  # that use one library; behind them are types of ours

THIRD_PARTIES = {
    "libevent": ThirdParty(r"event2/|event\.h$", frozenset({"event"})),
    "OpenSSL": ThirdParty(r"openssl/", frozenset({"net"})),
    "nghttp2": ThirdParty(r"nghttp2/", frozenset({"http"})),
    "Boost": ThirdParty(r"boost/", frozenset({"http"})),
    "RapidJSON": ThirdParty(r"rapidjson/", frozenset({"base", "kube"})),
    "protobuf": ThirdParty(r"google/protobuf|.*\.pb\.h$", frozenset({"kube"})),
    "yaml-cpp": ThirdParty(r"yaml-cpp/", frozenset({"kube", "central"})),
    "CLI11": ThirdParty(r"CLI/", frozenset(PROGRAMS)),
    "xxHash": ThirdParty(r"xxhash\.h$|xxh3\.h$", frozenset({"ring"})),
}

# The only files with threads; `make test-threads` runs their tests under ThreadSanitizer.
THREADED = {"shared/net/resolver.cc"}
THREAD_HEADERS = {
    *("atomic", "barrier", "condition_variable", "future", "latch", "mutex", "pthread.h", "semaphore", "shared_mutex"),
    *("stop_token", "thread"),
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)
USING_NAMESPACE = re.compile(r"\busing[ \t]+namespace\b")
COMMENTS_AND_STRINGS = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def sources(root):
    """(folder, path) of every C++ file, `folder` as in ALLOWED."""
    folders = [(name, root / "shared" / name) for name in LIBRARIES] + [(name, root / name) for name in PROGRAMS]
    for name, folder in folders:
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield name, path


def includes(path):
    """(form, name) of every #include; form is '<' or '"'."""
    return INCLUDE.findall(path.read_text())


def unknown_folders(root):
    """A library that no rule is about would escape every check."""
    shared = root / "shared"
    present = {path.name for path in shared.iterdir() if path.is_dir()} if shared.is_dir() else set()
    return [f"shared/{name}: no layer is defined for it; add it to ALLOWED" for name in sorted(present - set(LIBRARIES))]


def layer_violations(root):
    found = []
    for folder, path in sources(root):
        where = path.relative_to(root)
        for form, name in includes(path):
            first = name.split("/")[0]
            ours = first in ALLOWED and ("/" in name)
            if form == "<" and ours:
                found.append(f"{where}: <{name}> is ours, include it in quotes")
            if form == '"' and not ours and third_party_of(name) is None:
                found.append(f'{where}: "{name}" does not begin with one of our folders')
            if ours and first != folder and first not in ALLOWED[folder]:
                found.append(f"{where}: {folder} must not include {name}")
    return found


def third_party_of(include):
    for library, rule in THIRD_PARTIES.items():
        if re.match(rule.headers, include):
            return library
    return None


def third_party_violations(root):
    found = []
    users = defaultdict(set)
    for folder, path in sources(root):
        where = path.relative_to(root)
        for _, name in includes(path):
            library = third_party_of(name)
            if library is None:
                continue
            users[library].add(where)
            if path.suffix == ".h":
                found.append(f"{where}: {name} of {library} in a header")
            if folder not in THIRD_PARTIES[library].folders:
                found.append(f"{where}: {library} does not belong in {folder}")
    for library, files in users.items():
        if len(files) > MAX_FILES:
            found.append(f"{library} is used in {len(files)} files: " + ", ".join(sorted(map(str, files))))
    return found


def unknown_third_party_violations(root):
    """Headers in angle brackets with a folder are a library's: it must be one that we have decided on."""
    system = {"arpa", "net", "netinet", "sys", "linux"}
    return [
        f"{path.relative_to(root)}: <{name}> is of no library in THIRD_PARTIES"
        for _, path in sources(root)
        for form, name in includes(path)
        if form == "<" and "/" in name and name.split("/")[0] not in system | set(ALLOWED) and third_party_of(name) is None
    ]


def using_namespace_violations(root):
    found = []
    for _, path in sources(root):
        if path.suffix != ".h":
            continue
        if USING_NAMESPACE.search(COMMENTS_AND_STRINGS.sub(" ", path.read_text())):
            found.append(f"{path.relative_to(root)}: `using namespace` in a header")
    return found


def thread_violations(root):
    """What has threads is tested under ThreadSanitizer, and is meant to be little."""
    return [
        f"{path.relative_to(root)}: <{name}> is for threads; they belong in {', '.join(sorted(THREADED))} alone"
        for _, path in sources(root)
        for form, name in includes(path)
        if form == "<" and name in THREAD_HEADERS and str(path.relative_to(root)) not in THREADED
    ]


CHECKS = [
    unknown_folders,
    layer_violations,
    third_party_violations,
    unknown_third_party_violations,
    using_namespace_violations,
    thread_violations,
]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_tree_obeys(check):
    violations = check(ROOT)
    assert not violations, "\n" + "\n".join(violations)


def test_tree_is_seen():
    seen = {folder for folder, _ in sources(ROOT)}
    assert seen >= set(LIBRARIES) | {"sidecar", "central", "injector"}
    # Each rule has something to be about: a pattern with a mistake in it would find nothing.
    used = {third_party_of(name) for _, path in sources(ROOT) for _, name in includes(path)} - {None}
    assert used == set(THIRD_PARTIES)


def plant(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_sound_tree_passes(tmp_path):
    plant(
        tmp_path,
        {
            "shared/base/error.h": "#pragma once\n#include <string>\n// using namespace std; is for others\n",
            "shared/net/resolver.cc": "#include <thread>\n",
            "shared/net/tls.cc": '#include "net/tls.h"\n#include <openssl/ssl.h>\n#include <sys/socket.h>\n',
            "shared/sharding/keys.h": '#include "kube/meta.h"\n#include "ring/ring.h"\n',
            "central/central.cc": '#include "central/central.h"\n#include "sharding/keys.h"\nusing namespace std::literals;\n',
        },
    )
    assert [violation for check in CHECKS for violation in check(tmp_path)] == []


@pytest.mark.parametrize(
    ("check", "files", "message"),
    [
        (layer_violations, {"shared/base/a.h": '#include "event/loop.h"\n'}, "base must not include event/loop.h"),
        (layer_violations, {"shared/net/a.cc": '#include "http/server.h"\n'}, "net must not include http/server.h"),
        (layer_violations, {"shared/kube/a.cc": '#include "ring/ring.h"\n'}, "kube must not include ring/ring.h"),
        (layer_violations, {"shared/kube/a.cc": '#include "sharding/keys.h"\n'}, "kube must not include sharding/keys.h"),
        (layer_violations, {"shared/ring/a.cc": '#include "event/loop.h"\n'}, "ring must not include event/loop.h"),
        (layer_violations, {"shared/ring/a.cc": '#include "kube/meta.h"\n'}, "ring must not include kube/meta.h"),
        (layer_violations, {"shared/http/a.cc": '#include "central/config.h"\n'}, "http must not include central/config.h"),
        (layer_violations, {"sidecar/a.cc": '#include "central/config.h"\n'}, "sidecar must not include central/config.h"),
        (layer_violations, {"injector/deep/a.cc": '  # include "sidecar/a.h"\n'}, "injector must not include sidecar/a.h"),
        (layer_violations, {"central/a.cc": "#include <sidecar/a.h>\n"}, "central must not include sidecar/a.h"),
        (layer_violations, {"central/a.cc": '#include "../sidecar/a.h"\n'}, "does not begin with one of our folders"),
        (layer_violations, {"central/a.cc": "#include <base/error.h>\n"}, "include it in quotes"),
        (third_party_violations, {"shared/net/a.h": "#include <openssl/ssl.h>\n"}, "of OpenSSL in a header"),
        (third_party_violations, {"sidecar/a.cc": "#include <openssl/ssl.h>\n"}, "OpenSSL does not belong in sidecar"),
        (third_party_violations, {"central/a.cc": '#include "kube/kube.pb.h"\n'}, "protobuf does not belong in central"),
        (
            third_party_violations,
            {f"shared/net/{name}.cc": "#include <openssl/bio.h>\n" for name in "abcd"},
            "OpenSSL is used in 4 files",
        ),
        (unknown_third_party_violations, {"shared/net/a.cc": "#include <curl/curl.h>\n"}, "of no library"),
        (using_namespace_violations, {"shared/base/a.h": "using namespace std;\n"}, "`using namespace` in a header"),
        (thread_violations, {"shared/net/tcp.cc": "#include <thread>\n"}, "they belong in shared/net/resolver.cc alone"),
        (unknown_folders, {"shared/misc/a.h": "\n"}, "no layer is defined"),
    ],
)
def test_planted_violation_is_found(tmp_path, check, files, message):
    plant(tmp_path, files)
    violations = check(tmp_path)
    assert any(message in violation for violation in violations), violations
