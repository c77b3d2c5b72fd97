"""Where the demo runs.

Own      a cluster of tests/cluster that ends with the demo (or stays, with KEEP=1)
Yours    whatever the user's KUBECONFIG leads to

Both have: kubectl(args, input) and shell(line, input) -> text, or CommandError; popen(args) for a kubectl in the background;
bring_up(guide); kustomization(folder), the folder to give to `kubectl apply -k`; audit_events(); close(finished).
"""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys

from ringside_cluster import Cluster, ClusterError

ROOT = pathlib.Path(__file__).resolve().parents[2]
IMAGES = ("central", "injector", "sidecar", "checksum-controller")
KUBECTL_SECONDS = 150


class CommandError(Exception):
    """A command failed; the text says which and why."""


def choose(environment, terminal):
    keep = environment.get("KEEP", "") not in ("", "0", "no")
    kubeconfig = environment.get("KUBECONFIG")
    if kubeconfig:
        return Yours(kubeconfig, environment.get("IMAGE_PREFIX", "ringside.local"), environment.get("IMAGE_TAG", "latest"),
                     keep, terminal)
    return Own(environment.get("CLUSTER_NAME", "demo"), keep, terminal)


class _WithKubectl:
    def shell(self, line, input=None):
        """Runs a line as a user would type it: kubectl and its arguments. Returns what it prints."""
        program, *arguments = shlex.split(line)
        assert program == "kubectl", line
        return self.kubectl(*arguments, input=input)

    def kubectl(self, *arguments, input=None):
        source = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
        try:
            result = subprocess.run(self._command(*arguments), env=self._environment(), text=True, capture_output=True,
                                    timeout=KUBECTL_SECONDS, check=False, **source)
        except subprocess.TimeoutExpired:
            raise CommandError(f"kubectl {' '.join(arguments)} did not end within {KUBECTL_SECONDS} s") from None
        if result.returncode != 0:
            raise CommandError(f"kubectl {' '.join(arguments)} ended with {result.returncode}: "
                               f"{result.stderr.strip() or result.stdout.strip()}")
        return result.stdout

    def popen(self, *arguments):
        return subprocess.Popen(self._command(*arguments), env=self._environment(), text=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


class Own(_WithKubectl):
    own = True

    def __init__(self, name, keep, terminal):
        self.name, self.keeps, self._terminal = name, keep, terminal
        self._cluster = Cluster(name)
        self._cli = ROOT / "tests/cluster/cluster"
        self._ours = False

    def bring_up(self, guide):
        missing = [image for image in IMAGES if not self._archive(image).exists()]
        if missing:
            raise CommandError(f"build/images has no {', '.join(missing)}: run make build, then scripts/build-images")
        self._ours = True  # from here on there may be something to take down
        try:
            guide.own_command("up", *([] if self.keeps else ["--owner-pid", str(os.getpid())]))
        except CommandError as error:
            self._ours = "is up already" not in str(error)
            raise
        for image in IMAGES:
            guide.own_command("load", os.path.relpath(self._archive(image), ROOT))

    def run_cli(self, *arguments):
        """tests/cluster/cluster with these arguments -> (the line as a user would type it, its output)."""
        command, *rest = map(str, arguments)
        line = ["tests/cluster/cluster", command, "--name", self.name, *rest]
        result = subprocess.run(line, cwd=ROOT, text=True, capture_output=True, check=False, stdin=subprocess.DEVNULL,
                                start_new_session=True)
        if result.returncode != 0:
            raise CommandError(f"{' '.join(line)} ended with {result.returncode}: {result.stderr.strip()}")
        return " ".join(line), result.stdout

    def kustomization(self, folder):
        return folder

    def controller_pid(self, pod):
        """The main process of the controller's container, as the cluster's node sees it."""
        try:
            return self._cluster.container_pid("default", pod, "checksum-controller")
        except ClusterError as error:
            raise CommandError(str(error)) from error

    def audit_events(self):
        return self._cluster.audit_events()

    def close(self, finished):
        if not self._ours:
            return
        if self.keeps:
            self._tell_how_to_use_it()
            return
        if not finished:  # else a step has done it
            self._terminal.say(f"Taking the cluster '{self.name}' down.")
            self.run_cli("down")

    def _tell_how_to_use_it(self):
        if not self._cluster.kubeconfig.exists():
            return
        prefix = f"tests/cluster/cluster exec --name {self.name} kubectl"
        self._terminal.say(f"\nThe cluster '{self.name}' is up, as you asked (KEEP=1). To use it, from {ROOT}:\n\n"
                           f"    alias kubectl='{prefix}'\n"
                           "    kubectl get controllerring,pod,lease\n\n"
                           f"and to remove it, with everything in it:\n\n    tests/cluster/cluster down --name {self.name}")

    def _archive(self, image):
        return ROOT / "build/images" / f"{image}.tar"

    def _command(self, *arguments):
        return [str(self._cli), "exec", "--name", self.name, "kubectl", *arguments]

    def _environment(self):
        return os.environ


class Yours(_WithKubectl):
    own = False
    name = ""

    def __init__(self, kubeconfig, image_prefix, image_tag, keep, terminal):
        self._kubeconfig, self._prefix, self._tag = kubeconfig, image_prefix, image_tag
        self.keeps, self._terminal = keep, terminal
        self._installed = []
        self._program = shutil.which("kubectl")

    def bring_up(self, guide):
        if not self._program:
            raise CommandError("kubectl is not on PATH; it is needed for a cluster of yours")
        context = self.kubectl("config", "current-context").strip()
        names = ", ".join(f"{self._prefix}/{image}:{self._tag}" for image in IMAGES)
        self._terminal.say(f"Context '{context}' of {self._kubeconfig}. It gets a namespace sharding-system, a CRD, webhooks, and "
                           "in the namespace default\nthe checksum-controller and Secrets foo, foo1 ...; all of it is removed at "
                           f"the end (unless KEEP=1).\nImages it must be able to pull: {names}\n"
                           "(from elsewhere: IMAGE_PREFIX=registry.example/ringside, IMAGE_TAG=v1)")
        self._refuse_what_is_in_use()
        if not self._may():
            raise CommandError("not done, as you did not agree. YES=1 agrees beforehand; without KUBECONFIG the demo makes a "
                               "cluster of its own")
        guide.on_install = lambda folder: folder in self._installed or self._installed.append(folder)

    def kustomization(self, folder):
        """An overlay in build/demo that takes the images from the prefix."""
        if (self._prefix, self._tag) == ("ringside.local", "latest"):
            return folder
        overlay = ROOT / "build/demo" / folder.replace("/", "-")
        overlay.mkdir(parents=True, exist_ok=True)
        images = "".join(f"- {{name: ringside.local/{image}, newName: {self._prefix}/{image}, newTag: {self._tag}}}\n"
                         for image in IMAGES)
        shutil.copy(ROOT / "deploy/default/sidecar-image.yaml", overlay)
        (overlay / "kustomization.yaml").write_text(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nconfigurations: [sidecar-image.yaml]\n"
            f"resources: [{os.path.relpath(ROOT / folder, overlay)}]\nimages:\n{images}")
        return os.path.relpath(overlay, ROOT)

    def close(self, finished):
        if not self._installed:
            return
        secrets = " ".join(["foo", *(f"foo{i}" for i in range(1, 10)), "unsharded"])
        undo = [f"kubectl delete secret --ignore-not-found {secrets}",
                *(f"kubectl delete --ignore-not-found -k {folder}" for folder in reversed(self._installed)),
                "kubectl delete lease --ignore-not-found checksum-controller",
                "kubectl delete lease -l alpha.sharding.timebertt.dev/controllerring=checksum-controller"]
        if self.keeps:
            self._terminal.say("\nEverything is left as it is (KEEP=1). To remove it:\n\n    " + "\n    ".join(undo))
            return
        self._terminal.say("" if finished else "\nRemoving what the demo has installed.")
        for line in undo:
            self._terminal.command(line)
            self._terminal.output(self.shell(line))

    def _refuse_what_is_in_use(self):
        namespace = self.kubectl("config", "view", "--minify", "-o", "jsonpath={..namespace}").strip()
        if namespace not in ("", "default"):
            raise CommandError(f"this context's namespace is '{namespace}', and the guide works in 'default': "
                               "kubectl config set-context --current --namespace=default")
        found = self.kubectl("get", "namespace", "sharding-system", "--ignore-not-found", "-o", "name")
        found += self.kubectl("get", "deployment", "checksum-controller", "--ignore-not-found", "-o", "name")
        found += self.kubectl("get", "secret", "-o", "name")
        if found:
            raise CommandError(f"this cluster has {', '.join(found.split())} in use (in the namespace default, if it is not a "
                               "namespace itself), which the demo would label, change or remove")

    def _may(self):
        if os.environ.get("YES") == "1":
            return True
        if not sys.stdin.isatty():
            return False
        return input("Go on? [y/N] ").strip().lower() in ("y", "yes")

    def _command(self, *arguments):
        return [self._program, *arguments]

    def _environment(self):
        return {**os.environ, "KUBECONFIG": self._kubeconfig}
