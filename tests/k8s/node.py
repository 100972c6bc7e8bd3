"""Plays the kubelet of every node object, so that pods really run: as processes with the pod's own command, environment,
volumes, user, read-only root and network namespace. The controllers of the control plane see their status and go on.

Tests use: image, kill, release, pause, resume, partition, heal, logs, pod.
What it does not: limits of memory and CPU, seccomp, NetworkPolicies, images' files other than those bound (see container.py),
hostNetwork and other shared namespaces, gRPC probes, resizing in place, the termination message.
"""
import http.client
import json
import math
import os
import pwd
import re
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
import traceback
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path

import network
from api import STRATEGIC, ApiError
from container import CAPABILITIES, DEFAULT_CAPABILITIES
from volumes import NotYet, Provisioner, Volumes, decoded, path_of, quantity

HERE = Path(__file__).parent
CONTAINER = ["/usr/bin/python3", "-I", "-S", str(HERE / "container.py")]
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# The kubelet's delays between restarts, 10 s to 5 min, would be most of what a test takes.
BACK_OFF, LONGEST_BACK_OFF = 0.5, 5


@dataclass
class Image:
    """What an image would bring: folders and files bound into the root, and its defaults."""
    binds: dict = field(default_factory=dict)       # path in the container → path on this machine
    env: dict = field(default_factory=dict)
    entrypoint: list = field(default_factory=list)
    cmd: list = field(default_factory=list)
    user: int = 0
    workdir: str = "/"


class Node:
    def __init__(self, api, folder):
        self.api, self.folder = api, Path(folder)
        self.run, self.log_folder = self.folder / "run", self.folder / "logs"
        for each in (self.run, self.log_folder, self.folder / "disks"):
            each.mkdir(parents=True)
        # The writable layers of containers can't be on the file system that is their lower layer.
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self.run], check=True)
        (self.run / "state").mkdir()
        self.images, self.known = {}, {}
        self.changed = threading.Event()

        def mirror(path):
            return api.mirror(path, self.changed.set)

        self.claims, self.volumes = mirror("/api/v1/persistentvolumeclaims"), mirror("/api/v1/persistentvolumes")
        self.config_maps, self.secrets = mirror("/api/v1/configmaps"), mirror("/api/v1/secrets")
        self.services, self.slices = mirror("/api/v1/services"), mirror("/apis/discovery.k8s.io/v1/endpointslices")
        self.pods = mirror("/api/v1/pods")
        self.provisioner = Provisioner(api, self.folder / "disks")
        self.network = network.Services(self.services, self.slices)
        threading.Thread(target=self.follow, daemon=True, name="node").start()

    def follow(self):
        while True:
            self.changed.wait(5)
            self.changed.clear()
            for step in (self.sync_pods, lambda: self.provisioner.sync(self.claims.all(), self.volumes.all()), lambda: self.network.sync(self.api)):
                try:
                    step()
                except ApiError as error:
                    # The object changed or went meanwhile: the next event brings the new state.
                    if error.status not in (404, 409):
                        traceback.print_exc()
                except Exception:
                    traceback.print_exc()

    def sync_pods(self):
        present = set()
        for item in self.pods.all():
            meta, pod = item["metadata"], self.known.get(item["metadata"]["uid"])
            present.add(meta["uid"])
            if pod is None and item["spec"].get("nodeName"):
                pod = self.known[meta["uid"]] = Pod(self, item)
                pod.start()
            if pod:
                pod.item = item
                pod.volumes.refresh()
                pod.publish()
                if "deletionTimestamp" in meta:
                    pod.end(meta.get("deletionGracePeriodSeconds", 30))
        for uid in set(self.known) - present:
            # Deleted by force: nothing to wait for.
            self.known.pop(uid).end(0)

    def data(self, kind, namespace, name, optional=False):
        item = {"configMap": self.config_maps, "secret": self.secrets}[kind].get((namespace, name))
        if not item and not optional:
            raise NotYet(f'{kind} "{name}" not found')
        return decoded(kind, item or {})

    # --- what tests use

    def image(self, name, root_binds=None, env=None, entrypoint=(), cmd=(), user=0, workdir="/"):
        """Makes an image known. Pods with unknown images wait with ErrImagePull."""
        self.images[name] = Image({key: str(value) for key, value in (root_binds or {}).items()}, {"PATH": PATH, **(env or {})},
                                  list(entrypoint), list(cmd), user, workdir)

    def pod(self, namespace, name):
        """The newest pod of that name."""
        for pod in reversed(list(self.known.values())):
            if (pod.namespace, pod.name) == (namespace, name):
                return pod
        raise LookupError(f"The node runs no pod {namespace}/{name}.")

    def kill(self, namespace, name, restart=True):
        """SIGKILL to every process of the pod. restart=False keeps it down until release()."""
        pod = self.pod(namespace, name)
        if not restart:
            pod.released.clear()
        pod.signal(signal.SIGKILL)

    def release(self, namespace, name):
        """Lets a pod that was killed with restart=False start again."""
        self.pod(namespace, name).released.set()

    def pause(self, namespace, name):
        """SIGSTOP to every process of the pod: it hangs, and its connections stay open."""
        self.pod(namespace, name).signal(signal.SIGSTOP)

    def resume(self, namespace, name):
        self.pod(namespace, name).signal(signal.SIGCONT)

    def partition(self, namespace, name):
        """Pulls the pod's network cable: its own loopback is all it reaches."""
        self.pod(namespace, name).network.connect(False)

    def heal(self, namespace, name):
        self.pod(namespace, name).network.connect(True)

    def logs(self, namespace, name, container=None):
        """What a container has printed over all its restarts."""
        files = sorted((self.log_folder / namespace / name).glob(f"{container or '*'}.*.log"), key=lambda file: file.stat().st_mtime)
        return "".join(file.read_text(errors="replace") for file in files)

    def log_tails(self, since=0.0, lines=15):
        """What pods wait for, and the ends of the logs that were written to, for the report of a failed test."""
        parts = []
        for pod in list(self.known.values()):
            waits = [f"{each.name}: {each.state}" for each in pod.all() if not each.ready and "running" not in each.state]
            seen = [f"{reason} {count['count']} times: {message}" for (reason, message), count in list(pod.events.items())]
            if waits:
                parts.append("\n       | ".join([f"       -- pod {pod.namespace}/{pod.name}: {pod.phase}", *waits, *seen[-lines // 3:]]))
        for file in sorted(self.log_folder.rglob("*.log")):
            tail = file.read_text(errors="replace").split("\n")[-lines - 1:]
            if file.stat().st_mtime >= since and any(tail):
                parts.append(f"       -- log of {file.relative_to(self.log_folder)}\n" + "\n".join("       | " + line[:300] for line in tail))
        return "\n".join(parts)


def now():
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Pod:
    """The life of one pod."""

    def __init__(self, node, item):
        self.node, self.item, self.spec = node, item, item["spec"]
        self.namespace, self.name, self.uid = (item["metadata"][each] for each in ("namespace", "name", "uid"))
        self.folder = node.run / self.uid
        self.folder.mkdir()
        self.security = self.spec.get("securityContext", {})
        self.user = self.security.get("runAsUser", 0)
        self.volumes, self.network = Volumes(node, self, self.folder), None
        self.ending, self.released, self.lock = threading.Event(), threading.Event(), threading.RLock()
        self.released.set()
        self.grace, self.phase, self.sent, self.conditions, self.events = 30, "Pending", None, {}, {}
        self.inits = [Container(self, spec, True) for spec in self.spec.get("initContainers", [])]
        self.containers = [Container(self, spec, False) for spec in self.spec["containers"]]
        self.initialized = not self.inits

    def start(self):
        threading.Thread(target=self.run, daemon=True, name=f"{self.namespace}/{self.name}").start()

    @property
    def ip(self):
        return self.network.ip if self.network else ""

    def all(self):
        return self.inits + self.containers

    def run(self):
        try:
            self.network = network.PodNetwork(self.folder)
            self.write_etc()
            self.live()
        except Exception:
            traceback.print_exc()
        for container in self.inits:
            container.stop(self.grace)
        self.finish()
        self.publish()
        self.ending.wait()
        if self.network:
            self.network.remove()
        subprocess.run(["umount", "-q", *self.folder.glob("volumes/*")], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.node.run / "state" / self.namespace / f"{self.name}.json").unlink(missing_ok=True)
        self.node.api.delete(path_of("pods", self.item), {"gracePeriodSeconds": 0, "preconditions": {"uid": self.uid}})

    def live(self):
        unsupported = [each for each in ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace") if self.spec.get(each)]
        if unsupported:
            return self.wait_for(lambda: False, f"{unsupported[0]} is not something that the tests' node can do")
        self.publish()
        if not self.wait_for(self.volumes.prepare):
            return
        for container in self.inits:
            container.start()
            while not (container.over.wait(0.05) or container.sidecar and container.started):
                pass
            if self.ending.is_set() or not container.sidecar and container.exit_code:
                self.phase = "Failed"
                return
        self.initialized, self.phase = True, "Running"
        for container in self.containers:
            container.start()
        for container in self.containers:
            container.over.wait()

    def wait_for(self, step, message=""):
        """Repeats a step until it has what it needs. False when the pod ends before."""
        while not self.ending.is_set():
            try:
                if step() is not False:
                    return True
            except NotYet as reason:
                message = str(reason)
            for container in self.all():
                container.waiting("ContainerCreating", message)
            self.publish()
            self.ending.wait(0.2)
        return False

    def finish(self):
        codes = [container.exit_code for container in self.containers]
        if self.phase == "Running":
            self.phase = "Succeeded" if codes.count(0) == len(codes) else "Failed"

    def write_etc(self):
        """The files of /etc that a container runtime writes."""
        names = "".join(f"{alias['ip']}\t{' '.join(alias['hostnames'])}\n" for alias in self.spec.get("hostAliases", []))
        own = f"{self.spec['hostname']}.{self.spec['subdomain']}.{self.namespace}.svc.cluster.local " if self.spec.get("subdomain") else ""
        search = f"{self.namespace}.svc.cluster.local svc.cluster.local cluster.local"
        for name, text in {"hosts": f"127.0.0.1\tlocalhost\n{self.ip}\t{own}{self.hostname}\n{names}", "hostname": self.hostname + "\n",
                           "resolv.conf": f"search {search}\nnameserver {network.DNS}\noptions ndots:5\n"}.items():
            (self.folder / name).write_text(text)

    @property
    def hostname(self):
        return self.spec.get("hostname", self.name)[:63]

    def end(self, grace):
        """Begins the end of the pod. Called again with less grace, it is in more of a hurry."""
        hurry = self.ending.is_set() and grace < self.grace
        if not self.ending.is_set() or hurry:
            self.grace = grace
            self.ending.set()
            self.released.set()
            # Sidecars last: run() ends them when the others are through.
            for container in [each for each in self.all() if not each.sidecar]:
                threading.Thread(target=container.stop, args=(grace,), daemon=True).start()

    def signal(self, number):
        # pids are those of the namespaces' first processes; the others of a namespace share its inode.
        spaces = {os.readlink(f"/proc/{each.pid}/ns/pid") for each in self.all() if each.pid}
        for process in os.listdir("/proc"):
            try:
                if process.isdigit() and os.readlink(f"/proc/{process}/ns/pid") in spaces:
                    os.kill(int(process), number)
            except (FileNotFoundError, ProcessLookupError):
                pass

    def field(self, item):
        """What a fieldRef or a resourceFieldRef stands for."""
        if "resourceFieldRef" in item:
            ref = item["resourceFieldRef"]
            owner = next(each for each in self.all() if each.name == ref.get("containerName", item.get("container")))
            kind, resource = ref["resource"].split(".")
            value = quantity(owner.spec.get("resources", {}).get(kind, {}).get(resource, {"cpu": "4", "memory": "16Gi"}.get(resource, "0")))
            return str(math.ceil(value / (quantity(ref.get("divisor", "1")) or 1)))
        path, meta = item["fieldRef"]["fieldPath"], self.item["metadata"]
        one = re.fullmatch(r"metadata\.(labels|annotations)\['(.+)'\]", path)
        if one:
            return meta.get(one[1], {}).get(one[2], "")
        if path in ("metadata.labels", "metadata.annotations"):
            return "\n".join(f"{key}={json.dumps(value)}" for key, value in sorted(meta.get(path[9:], {}).items()))
        return {"metadata.name": self.name, "metadata.namespace": self.namespace, "metadata.uid": self.uid, "spec.nodeName": self.spec["nodeName"],
                "spec.serviceAccountName": self.spec.get("serviceAccountName", ""), "status.podIP": self.ip, "status.podIPs": self.ip,
                "status.hostIP": network.NODE, "status.hostIPs": network.NODE}[path]

    def publish(self):
        """Tells the API server, and the kubectl of the tests, how things are."""
        with self.lock:
            ready = self.phase == "Running" and all(each.ready for each in self.containers)
            for kind, value in (("Initialized", self.initialized), ("ContainersReady", ready), ("Ready", ready)):
                text = "True" if value else "False"
                if self.conditions.get(kind, {}).get("status") != text:
                    self.conditions[kind] = {"type": kind, "status": text, "lastTransitionTime": now()}
            status = {"phase": self.phase, "conditions": list(self.conditions.values()), "hostIP": network.NODE,
                      "containerStatuses": [each.status() for each in self.containers],
                      "initContainerStatuses": [each.status() for each in self.inits]}
            if self.ip:
                status.update(podIP=self.ip, podIPs=[{"ip": self.ip}])
            if "startTime" not in self.item.get("status", {}):
                status["startTime"] = now()
            if status == self.sent:
                return
            state = self.node.run / "state" / self.namespace
            state.mkdir(exist_ok=True)
            text = json.dumps({"netns": f"{self.folder}/net", "containers": {each.name: each.access() for each in self.all()}})
            (state / f"{self.uid}.next").write_text(text)
            (state / f"{self.uid}.next").rename(state / f"{self.name}.json")
            try:
                self.node.api.patch(path_of("pods", self.item) + "/status", {"metadata": {"uid": self.uid}, "status": status}, STRATEGIC)
            except ApiError as error:
                if error.status not in (404, 409):      # gone, or another pod of this name
                    raise
            except (OSError, http.client.HTTPException):
                return      # the node publishes again
            self.sent = json.loads(json.dumps(status))

    def event(self, kind, reason, message):
        """For `kubectl get events`; the same thing again only counts."""
        path, known = f"/api/v1/namespaces/{self.namespace}/events", self.events.setdefault((reason, message), {"count": 0})
        known["count"] += 1
        try:
            if known["count"] > 1:
                self.node.api.patch(f"{path}/{known['name']}", {"count": known["count"], "lastTimestamp": now()})
                return
            known["name"] = self.node.api.create(path, {
                "metadata": {"generateName": f"{self.name}."}, "type": kind, "reason": reason, "message": message, "count": 1,
                "firstTimestamp": now(), "lastTimestamp": now(), "source": {"component": "kubelet", "host": self.spec["nodeName"]},
                "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": self.name, "namespace": self.namespace, "uid": self.uid},
            })["metadata"]["name"]
        except (ApiError, OSError, LookupError):
            pass    # the namespace is going


class Container:
    """One container of a pod: runs, is probed, runs again."""

    def __init__(self, pod, spec, init):
        self.pod, self.spec, self.name = pod, spec, spec["name"]
        self.sidecar = init and spec.get("restartPolicy") == "Always"
        self.policy = "Always" if self.sidecar else "OnFailure" if init and pod.spec["restartPolicy"] == "Always" else pod.spec["restartPolicy"]
        self.probed = not init or self.sidecar
        self.over, self.ended = threading.Event(), threading.Event()
        self.pid, self.exit_code, self.restarts, self.runs = None, None, 0, 0
        self.started = self.ready = False
        self.state, self.last = {"waiting": {"reason": "PodInitializing"}}, {}
        self.spec_file = self.log_file = self.previous = ""

    def start(self):
        threading.Thread(target=self.live, daemon=True, name=f"{self.pod.namespace}/{self.pod.name}/{self.name}").start()

    def live(self):
        delay = BACK_OFF
        while not self.pod.ending.is_set():
            began = time.monotonic()
            try:
                self.run_once()
            except NotYet as reason:
                self.waiting("CreateContainerConfigError", str(reason))
            except LookupError as missing:
                self.waiting("ErrImagePull", str(missing.args[0]))
            except Exception as failure:
                traceback.print_exc()
                self.waiting("CreateContainerError", repr(failure))
            ran = "terminated" in self.state
            if ran and not (self.policy == "Always" or self.policy == "OnFailure" and self.exit_code):
                break
            delay = BACK_OFF if time.monotonic() - began > 10 else delay
            self.pod.publish()
            self.pod.released.wait()
            if self.pod.ending.wait(delay if ran else 0.2):
                break
            if ran:
                self.restarts, self.last, delay = self.restarts + 1, self.state, min(2 * delay, LONGEST_BACK_OFF)
                self.waiting("CrashLoopBackOff", "starts again")
        self.over.set()
        self.pod.publish()

    def run_once(self):
        """Starts the container and returns when it has ended."""
        pod = self.pod
        container = self.prepare()
        self.previous, self.log_file = self.log_file, str(pod.node.log_folder / pod.namespace / pod.name / f"{self.name}.{self.runs}.log")
        Path(self.log_file).parent.mkdir(parents=True, exist_ok=True)
        self.spec_file = f"{container['layer']}/spec.json"
        Path(self.spec_file).write_text(json.dumps(container))
        report, write = os.pipe()
        process = subprocess.Popen([*CONTAINER, self.spec_file, str(write)], pass_fds=[write], stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/")
        os.close(write)
        threading.Thread(target=copy, args=(process.stdout, self.log_file), daemon=True).start()
        with os.fdopen(report) as lines:
            self.ended.clear()
            self.pid = int(lines.readline())
            failure = lines.read()
        began = now()
        if failure:
            pod.event("Warning", "Failed", f"{self.name}: {failure}")
        else:
            self.state = {"running": {"startedAt": began}}
            self.started, self.ready = "startupProbe" not in self.spec, "startupProbe" not in self.spec and "readinessProbe" not in self.spec
            if pod.ending.is_set():
                os.kill(self.pid, signal.SIGKILL)    # ended while it started
            pod.publish()
            if self.probed:
                self.watch(process)
        code = process.wait()
        self.ended.set()
        self.pid, self.started, self.ready, self.exit_code = None, False, False, code
        reason = failure and "StartError" or ("Completed" if code == 0 else "Error")
        self.state = {"terminated": {"exitCode": code, "reason": reason, "startedAt": began, "finishedAt": now(), "message": failure}}

    def watch(self, process):
        if "postStart" in self.spec.get("lifecycle", {}):
            self.check(self.spec["lifecycle"]["postStart"], 60)
        gate = threading.Event()
        for kind in ("startup", "readiness", "liveness"):
            probe = self.spec.get(f"{kind}Probe")
            if probe:
                threading.Thread(target=self.probe, args=(kind, probe, process, gate), daemon=True).start()
        if "startupProbe" not in self.spec:
            gate.set()

    def probe(self, kind, probe, process, gate):
        """Repeats one probe for as long as this run of the container lasts."""
        def alive():
            return process.poll() is None and self.pid and not self.pod.ending.is_set()

        while kind != "startup" and not gate.wait(0.1):
            if not alive():
                return
        good = bad = 0
        delay = probe.get("initialDelaySeconds", 0)
        while not self.ended.wait(delay) and alive():
            delay = probe.get("periodSeconds", 10)
            problem = self.check(probe, probe.get("timeoutSeconds", 1))
            if not alive():
                return
            good, bad = (0, bad + 1) if problem else (good + 1, 0)
            if problem:
                self.pod.event("Warning", "Unhealthy", f"{kind} probe of {self.name} failed: {problem}")
            if kind == "startup" and not problem:
                self.started = True
                self.ready = "readinessProbe" not in self.spec
                self.pod.publish()
                gate.set()
                return
            if kind == "readiness" and (good >= probe.get("successThreshold", 1) or bad >= probe.get("failureThreshold", 3)):
                self.ready = not problem
                self.pod.publish()
            elif kind != "readiness" and bad >= probe.get("failureThreshold", 3):
                self.pod.event("Normal", "Killing", f"{self.name} failed its {kind} probe and is restarted")
                self.stop(probe.get("terminationGracePeriodSeconds", self.pod.spec.get("terminationGracePeriodSeconds", 30)))
                return

    def check(self, action, timeout):
        """Runs an exec, tcpSocket, httpGet or sleep. Returns what is wrong, "" when nothing is."""
        try:
            if "exec" in action:
                done = subprocess.run([*CONTAINER, "exec", self.spec_file, str(self.pid), *action["exec"]["command"]], timeout=timeout,
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/")
                return f"exit code {done.returncode}: {done.stdout.decode(errors='replace').strip()}" if done.returncode else ""
            if "tcpSocket" in action:
                socket.create_connection((self.pod.ip, self.port(action["tcpSocket"]["port"])), timeout).close()
            elif "httpGet" in action:
                return self.http_get(action["httpGet"], timeout)
            elif "sleep" in action:
                self.ended.wait(action["sleep"]["seconds"])
            else:
                return "this kind of probe is not something that the tests' node can do"
            return ""
        except subprocess.TimeoutExpired:
            return f"no answer within {timeout} s"
        except (OSError, http.client.HTTPException) as failure:
            return str(failure)

    def http_get(self, get, timeout):
        host, port = get.get("host", self.pod.ip), self.port(get["port"])
        if get.get("scheme") == "HTTPS":
            connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=ssl._create_unverified_context())
        else:
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
        try:
            connection.request("GET", get.get("path", "/"), headers={each["name"]: each["value"] for each in get.get("httpHeaders", [])})
            status = connection.getresponse().status
            return "" if 200 <= status < 400 else f"HTTP status {status}"
        finally:
            connection.close()

    def port(self, port):
        return port if isinstance(port, int) else next(each["containerPort"] for each in self.spec.get("ports", []) if each.get("name") == port)

    def stop(self, grace):
        """The pod's way to end: preStop, TERM to the first process, and KILL when its time is over."""
        until, pid = time.monotonic() + grace, self.pid
        if not pid or self.ended.is_set():
            return
        hook = self.spec.get("lifecycle", {}).get("preStop")
        if hook and grace > 0:
            problem = self.check(hook, grace)
            if problem:
                self.pod.event("Warning", "FailedPreStopHook", f"{self.name}: {problem}")
        try:
            if grace > 0:
                os.kill(pid, signal.SIGTERM)
                if self.ended.wait(max(until - time.monotonic(), 2)):
                    return
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass

    # --- what it is made of

    def prepare(self):
        """Everything that container.py has to know."""
        pod, image = self.pod, self.pod.node.images.get(self.spec["image"])
        if image is None:
            raise LookupError(f"image {self.spec['image']} is not in the table of the tests: node.image(\"{self.spec['image']}\", …)")
        security = {**pod.security, **self.spec.get("securityContext", {})}
        uid, gid = security.get("runAsUser", image.user), security.get("runAsGroup", 0)
        if security.get("runAsNonRoot") and uid == 0:
            raise NotYet("container has runAsNonRoot and image will run as root")
        wanted = security.get("capabilities", {})
        dropped, added = wanted.get("drop", []), [each.removeprefix("CAP_") for each in wanted.get("add", [])]
        capabilities = [] if "ALL" in dropped else [each for each in DEFAULT_CAPABILITIES if each not in dropped]
        env = self.environment(image, uid)
        argv = [substitute(word, env) for word in self.spec.get("command") or []] or list(image.entrypoint)
        argv += [substitute(word, env) for word in self.spec.get("args") or []] or ([] if self.spec.get("command") else list(image.cmd))
        if not argv:
            raise NotYet("no command specified")
        self.runs += 1
        layer = pod.folder / f"{self.name}.{self.runs}"
        layer.mkdir()
        mounts = [{"source": str(Path(source).resolve()), "target": target, "writable": False} for target, source in image.binds.items()]
        mounts += [{"source": f"{pod.folder}/{name}", "target": f"/etc/{name}", "writable": True} for name in ("hosts", "hostname", "resolv.conf")]
        mounts += sorted(map(self.mount, self.spec.get("volumeMounts", [])), key=lambda each: each["target"].count("/"))
        return {"netns": f"{pod.folder}/net", "layer": str(layer), "mounts": mounts, "hostname": pod.hostname, "env": env, "argv": argv,
                "read_only_root": security.get("readOnlyRootFilesystem", False), "uid": uid, "gid": gid,
                "groups": sorted({gid, *security.get("supplementalGroups", []), *([security["fsGroup"]] if "fsGroup" in security else [])}),
                "capabilities": CAPABILITIES if security.get("privileged") else capabilities + added,
                "no_new_privileges": security.get("allowPrivilegeEscalation") is False, "cwd": self.spec.get("workingDir", image.workdir)}

    def mount(self, mount):
        volume = next(each for each in self.pod.spec["volumes"] if each["name"] == mount["name"])
        part = substitute(mount["subPathExpr"], self.environment(Image(), 0)) if "subPathExpr" in mount else mount.get("subPath", "")
        source = self.pod.volumes.paths[mount["name"]] / part
        made = any(kind in volume for kind in ("configMap", "secret", "projected", "downwardAPI"))
        if not source.exists():
            source.mkdir(parents=True)
        claim_read_only = volume.get("persistentVolumeClaim", {}).get("readOnly", False)
        return {"source": str(source.resolve()), "target": mount["mountPath"], "writable": not (made or claim_read_only or mount.get("readOnly", False))}

    def environment(self, image, uid):
        pod, node = self.pod, self.pod.node
        try:
            home = pwd.getpwuid(uid).pw_dir
        except KeyError:
            home = "/"
        env = {"HOME": home, "HOSTNAME": pod.hostname, **image.env, **self.service_links()}
        for source in self.spec.get("envFrom", []):
            for kind in ("configMap", "secret"):
                if f"{kind}Ref" in source:
                    ref = source[f"{kind}Ref"]
                    data = node.data(kind, pod.namespace, ref["name"], ref.get("optional", False))
                    env.update({source.get("prefix", "") + key: value.decode() for key, value in data.items()})
        for each in self.spec.get("env", []):
            ref = each.get("valueFrom", {})
            keyed = next((kind for kind in ("configMap", "secret") if f"{kind}KeyRef" in ref), None)
            if keyed:
                key = ref[f"{keyed}KeyRef"]
                data = node.data(keyed, pod.namespace, key["name"], key.get("optional", False))
                if key["key"] in data:
                    env[each["name"]] = data[key["key"]].decode()
                elif not key.get("optional"):
                    raise NotYet(f"couldn't find key {key['key']} in {keyed} {pod.namespace}/{key['name']}")
            else:
                env[each["name"]] = pod.field({**ref, "container": self.name}) if ref else substitute(each.get("value", ""), env)
        return env

    def service_links(self):
        """The variables that a pod gets for every service of its namespace, wanted or not."""
        env = {}
        for (namespace, name), service in self.pod.node.services.copy().items():
            linked = namespace == self.pod.namespace and self.pod.spec.get("enableServiceLinks", True)
            address = service["spec"].get("clusterIP")
            if address in (None, "None", "") or not (linked or (namespace, name) == ("default", "kubernetes")):
                continue
            name, ports = name.upper().replace("-", "_"), service["spec"]["ports"]
            first = f"{ports[0].get('protocol', 'TCP').lower()}://{address}:{ports[0]['port']}"
            env.update({f"{name}_SERVICE_HOST": address, f"{name}_SERVICE_PORT": str(ports[0]["port"]), f"{name}_PORT": first})
            for port in ports:
                protocol, number = port.get("protocol", "TCP"), str(port["port"])
                if port.get("name"):
                    env[f"{name}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = number
                prefix = f"{name}_PORT_{number}_{protocol}"
                env.update({prefix: f"{protocol.lower()}://{address}:{number}", f"{prefix}_PROTO": protocol.lower(),
                            f"{prefix}_PORT": number, f"{prefix}_ADDR": address})
        return env

    # --- what it says of itself

    def waiting(self, reason, message):
        self.state = {"waiting": {"reason": reason, "message": message}}

    def status(self):
        return {"name": self.name, "image": self.spec["image"], "imageID": self.spec["image"], "state": self.state, "lastState": self.last,
                "ready": self.ready or not self.probed and self.over.is_set() and self.exit_code == 0,
                "started": self.started, "restartCount": self.restarts, "containerID": f"tests://{self.pod.uid}/{self.name}/{self.runs}"}

    def access(self):
        """What kubectl needs for exec and logs."""
        return {"pid": self.pid, "spec": self.spec_file, "log": self.log_file, "previous": self.previous,
                "state": next(iter(self.state)), "over": self.over.is_set(), "init": not self.probed or self.sidecar}


def copy(stream, file):
    """Keeps what a container prints. A pipe, so that a program that opens /dev/stdout anew does not cut its own log short."""
    with open(file, "ab", buffering=0) as log:
        while data := os.read(stream.fileno(), 65536):
            log.write(data)
    stream.close()


def substitute(text, env):
    """$(NAME) becomes the variable's value, $$(NAME) becomes $(NAME), what isn't known stays."""
    return re.sub(r"\$\$|\$\(([^)]+)\)", lambda match: "$" if match[1] is None else env.get(match[1], match[0]), text)
