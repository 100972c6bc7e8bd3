"""The control plane that all suites of a run share, and the node that runs its pods.

shared() starts it when the first suite asks. The caller's own cluster is used only when EVENTBUS_TEST_KUBECONFIG names it on
purpose; then there is no node of ours, and nothing is removed at the end of a suite.
"""
import os
import shutil
import subprocess
import time
from pathlib import Path

import local_kafka
import network
from api import Api, ApiError
from node import PATH, Node
from volumes import STORAGE_CLASSES

PORT = 16443
SYSTEM = {"default", "kube-system", "kube-public", "kube-node-lease"}

_shared = None


def shared():
    global _shared
    if _shared is None:
        _shared = ControlPlane()
    return _shared


def running():
    """The one that runs, None when no suite has asked for it yet."""
    return _shared


class ControlPlane:
    def __init__(self):
        self.work, self.kubeconfig = Path(os.environ["EVENTBUS_K8S_INSIDE"]), os.environ["KUBECONFIG"]
        self.node = self.api = None
        external = os.environ.get("EVENTBUS_TEST_KUBECONFIG")
        if external:
            shutil.copy(external, self.kubeconfig)
            return
        network.set_up()
        folder = self.work / "control-plane"
        done = subprocess.run([f"{os.environ['KUBE_HOME']}/control-plane", "start", folder, str(PORT)], env={**os.environ, "NODES": "3"},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode:
            logs = "".join(f"{log.name}: {log.read_text()[-1000:]}\n" for log in (folder / "logs").glob("*.log"))
            raise RuntimeError(f"The control plane did not start: {done.stdout}{done.stderr}{logs}")
        shutil.copy(folder / "kubeconfig", self.kubeconfig)
        subprocess.run(["kubectl", "apply", "--server-side", "-f", f"{os.environ['KUBE_HOME']}/crds"], check=True, capture_output=True)
        self.api = Api(self.kubeconfig)
        for each in STORAGE_CLASSES:
            self.api.create("/apis/storage.k8s.io/v1/storageclasses", each)
        self.node = Node(self.api, self.work / "node")
        os.environ["EVENTBUS_K8S_STATE"] = str(self.node.run / "state")
        self.use_names()
        self.add_images()

    def use_names(self):
        """Processes of the tests find services and pods by their full names."""
        resolver = self.work / "resolv.conf"
        resolver.write_text(f"nameserver {network.DNS}\n")
        subprocess.run(["mount", "--bind", resolver, "/etc/resolv.conf"], check=True)

    def add_images(self):
        java = Path(shutil.which("java") or "/").resolve().parent.parent
        for name, home in ("apache/kafka:4.3.1", "KAFKA_HOME"), ("apache/kafka:3.9.2", "KAFKA_ZK_HOME"):
            if os.environ.get(home):
                binds = {f"/opt/kafka/{each.name}": each for each in local_kafka.complete(os.environ[home]).iterdir()}
                # The last one is of trimmed distributions only: starting is most of what tests wait for.
                env = {"JAVA_HOME": "/opt/java/openjdk", "PATH": f"/opt/java/openjdk/bin:{PATH}", "KAFKA_JIT_LEVEL": "1"}
                self.node.image(name, {**binds, "/opt/java/openjdk": java}, env, user=1000)

    def reset(self):
        """Removes what a suite has made: its namespaces, and with them pods and volumes."""
        if self.node is None:
            return
        for each in self.api.get("/api/v1/nodes")["items"]:
            self.api.patch(f"/api/v1/nodes/{each['metadata']['name']}", {"spec": {"unschedulable": None}})
        until = time.monotonic() + 90
        while names := {each["metadata"]["name"] for each in self.api.get("/api/v1/namespaces")["items"]} - SYSTEM:
            for name in names:
                self.clear(name)
            if time.monotonic() > until:
                raise AssertionError(f"namespaces {', '.join(names)} do not go")
            time.sleep(0.2)

    def clear(self, namespace):
        """Workloads, then pods, then the namespace: it takes its time when it has to end pods itself."""
        try:
            for kind in "batch/v1/%s/cronjobs", "batch/v1/%s/jobs", "apps/v1/%s/statefulsets", "apps/v1/%s/deployments", "apps/v1/%s/daemonsets":
                self.api.delete("/apis/" + kind % f"namespaces/{namespace}", {"propagationPolicy": "Background"})
            pods = f"/api/v1/namespaces/{namespace}/pods"
            self.api.delete(pods, {"gracePeriodSeconds": 0})
            if not self.api.get(pods)["items"]:
                self.api.delete(f"/api/v1/namespaces/{namespace}")
        except ApiError as error:
            if error.status not in (404, 409):
                raise
