"""What suites need all the time: rendering overlays, running programs, waiting.

What it does not: hide kubectl. A test reads best when it says what a user would type.
"""
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

import yaml

import control_plane

ROOT = Path(os.environ["EVENTBUS_ROOT"])
K8S = ROOT / "k8s"


def needs(*names):
    """Class or test decorator: skips, with the reason, where an environment variable or a program is missing."""
    missing = [name for name in names if not (os.environ.get(name) if name.isupper() else shutil.which(name))]
    return unittest.skipIf(missing, f"{', '.join(missing)}: not set or not installed")


def work_folder(name):
    """A fresh folder that goes with the run."""
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=os.environ["EVENTBUS_K8S_INSIDE"]))


@needs("KUBE_HOME", "kubectl", "openssl", "xz")
class ClusterTest(unittest.TestCase):
    """Tests with a cluster: self.node runs its pods, self.kubectl() talks to it. What a class makes goes when it is through.

    A class that says needs_node = False also runs against the caller's own cluster, where there is one.
    """

    needs_node = True

    @classmethod
    def setUpClass(cls):
        if cls.needs_node and os.environ.get("EVENTBUS_TEST_KUBECONFIG"):
            raise unittest.SkipTest("needs the node of the tests, which EVENTBUS_TEST_KUBECONFIG replaces")
        cls.plane = control_plane.shared()
        cls.node = cls.plane.node
        cls.addClassCleanup(cls.plane.reset)

    @staticmethod
    def kubectl(*args, **more):
        return run(["kubectl", *args], **more)

    @classmethod
    def apply(cls, *objects, namespace=None):
        """Applies dicts or YAML, strictly."""
        text = "\n---\n".join(each if isinstance(each, str) else yaml.safe_dump(each) for each in objects)
        return cls.kubectl(*(["-n", namespace] if namespace else []), "apply", "--server-side", "--validate=strict", "-f", "-", stdin=text)

    @classmethod
    def get(cls, kind, name, namespace="default"):
        """One object as a dict."""
        return json.loads(cls.kubectl("get", kind, name, "-n", namespace, "-o", "json"))


class Failed(AssertionError):
    """A program that did not do what it should, with everything it said."""

    def __init__(self, command, done):
        super().__init__(f"exit code {done.returncode}: {' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
        self.code, self.output, self.errors = done.returncode, done.stdout, done.stderr


def run(command, limit=120, check=True, env=None, stdin="", cwd=None):
    """Runs a program. Returns its standard output; with check=False the CompletedProcess instead, whatever its exit code."""
    try:
        done = subprocess.run([str(part) for part in command], input=stdin, capture_output=True, text=True, timeout=limit,
                              env={**os.environ, **(env or {})}, cwd=cwd)
    except subprocess.TimeoutExpired as late:
        output = ((late.stdout or b"") + (late.stderr or b"")).decode(errors="replace")
        raise AssertionError(f"not done after {limit} s: {' '.join(map(str, command))}\n{output}") from None
    if not check:
        return done
    if done.returncode:
        raise Failed(command, done)
    return done.stdout


def eventually(condition, limit=60, message="", every=0.2):
    """Waits until condition() is true, and returns what it returned. Failed programs and assertions count as not yet."""
    until, last = time.monotonic() + limit, None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except (AssertionError, OSError, LookupError) as failure:
            last = failure
        if time.monotonic() > until:
            raise AssertionError(f"not within {limit} s: {message or condition.__name__}. Last: {last!r}")
        time.sleep(every)


def render(overlay):
    """The objects that `kubectl kustomize` makes of a folder."""
    text = run(["kubectl", "kustomize", "--load-restrictor=LoadRestrictionsRootOnly", overlay])
    return [each for each in yaml.safe_load_all(text) if each]


def pick(objects, kind, name):
    """The one object of that kind and name."""
    found = [each for each in objects if each["kind"] == kind and each["metadata"]["name"] == name]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} objects {kind}/{name} among {sorted(each['kind'] + '/' + each['metadata']['name'] for each in objects)}")
    return found[0]


@contextlib.contextmanager
def temporary_overlay(overlay, components=(), patches=(), **more):
    """A kustomization on top of a folder of k8s/: with `temporary_overlay(K8S / "kafka/overlays/kraft", [K8S / "…"]) as folder`.

    patches are dicts (strategic merge) or kustomize's own {"target": …, "patch": …}; more are other fields of kustomization.yaml.
    """
    folder = Path(tempfile.mkdtemp(prefix="overlay-", dir=os.environ["EVENTBUS_K8S_INSIDE"]))
    patches = [each if "patch" in each else {"patch": yaml.safe_dump(each)} for each in patches]
    kustomization = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
                     "resources": [os.path.relpath(overlay, folder)],
                     "components": [os.path.relpath(each, folder) for each in components], "patches": patches, **more}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
