"""Tests of mkimage, on the archives alone; cluster_test.py runs one."""

import json
import pathlib
import subprocess
import sys
import tarfile

import pytest

MKIMAGE = pathlib.Path(__file__).resolve().parent / "mkimage"


def run(*args):
    return subprocess.run([MKIMAGE, *map(str, args)], capture_output=True, text=True, check=False, timeout=60)


def make_image(out, tmp_path, *options):
    program = tmp_path / "hello"
    program.write_text("the content does not matter")
    program.chmod(0o755)
    return run(out, "ringside.test/hello:1", "--entrypoint", '["/hello"]', *options, f"{program}=/hello")


def read_image(path):
    """(config, names of the layer's files) of an archive by mkimage."""
    with tarfile.open(path) as archive:
        def blob(descriptor):
            return archive.extractfile("blobs/sha256/" + descriptor["digest"].removeprefix("sha256:"))

        manifest = json.load(blob(json.load(archive.extractfile("index.json"))["manifests"][0]))
        with tarfile.open(fileobj=blob(manifest["layers"][0])) as layer:
            return json.load(blob(manifest["config"])), {member.name: member for member in layer}


def test_image_is_deterministic(tmp_path):
    one, two = tmp_path / "1.tar", tmp_path / "2.tar"
    assert make_image(one, tmp_path).returncode == 0
    assert make_image(two, tmp_path).returncode == 0
    assert one.read_bytes() == two.read_bytes()


def test_image_has_numeric_user_and_basic_files(tmp_path):
    make_image(tmp_path / "a.tar", tmp_path)
    config, files = read_image(tmp_path / "a.tar")
    assert config["config"]["User"] == "65532:65532"
    assert config["config"]["Entrypoint"] == ["/hello"]
    assert files["tmp"].mode == 0o1777 and files["etc"].isdir() and files["etc/passwd"].isreg()
    make_image(tmp_path / "b.tar", tmp_path, "--user", "0")
    assert read_image(tmp_path / "b.tar")[0]["config"]["User"] == "0:0"


def test_image_closure_and_trees(tmp_path):
    tree = tmp_path / "tree"
    (tree / "sub").mkdir(parents=True)
    (tree / "sub" / "file").write_text("x")
    (tree / "link").symlink_to("sub/file")
    assert make_image(tmp_path / "a.tar", tmp_path, "--closure", sys.executable, f"{tree}=/opt/tree").returncode == 0
    files = read_image(tmp_path / "a.tar")[1]
    assert any("libc.so" in name for name in files) and any("ld-linux" in name for name in files)
    assert files["opt/tree/link"].issym() and files["opt/tree/link"].linkname == "sub/file"
    assert files["opt/tree/sub/file"].isreg()


@pytest.mark.parametrize("arguments, message", [
    (["noslash", "--entrypoint", '["/x"]'], "'noslash' is not an image name"),
    (["a.test/x:1", "--entrypoint", "/x"], "is not JSON"),
    (["a.test/x:1", "--entrypoint", "[1]"], "is not a list of strings"),
    (["a.test/x:1", "--entrypoint", '["/x"]', "--user", "nobody"], "--user 'nobody'"),
    (["a.test/x:1", "--entrypoint", '["/x"]', "no-equals"], "'no-equals' is not SRC=DEST"),
    (["a.test/x:1", "--entrypoint", '["/x"]', "/missing=/x"], "cannot add '/missing'"),
    (["a.test/x:1", "--entrypoint", '["/x"]', "/bin/true=relative"], "'relative' is not an absolute path"),
    (["a.test/x:1", "--entrypoint", '["/x"]', "--closure", "/missing"], "--closure /missing: no such file"),
])
def test_image_bad_input(tmp_path, arguments, message):
    result = run(tmp_path / "out.tar", *arguments)
    assert result.returncode == 1 and message in result.stderr
    assert not (tmp_path / "out.tar").exists()
