"""The volumes of pods, as folders: ConfigMaps, Secrets, claims (and the provisioner behind them), emptyDirs, projections.

A claim's data stays when a pod goes, and is wiped when the claim goes (reclaim policy Delete).
What it does not: zones of volumes, access modes (a claim can be mounted twice), sizes other than those of memory, CSI, NFS.
"""
import base64
import os
import shutil
import subprocess
import time
from pathlib import Path

from api import ApiError

PROVISIONER = "tests.eventbus/folder"
SELECTED, PROVISIONED = "volume.kubernetes.io/selected-node", "pv.kubernetes.io/provisioned-by"


class NotYet(Exception):
    """A pod has to wait, and for what."""


def storage_class(name, **annotations):
    return {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name, "annotations": annotations},
            "provisioner": PROVISIONER, "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer", "allowVolumeExpansion": True}


STORAGE_CLASSES = [storage_class("standard", **{"storageclass.kubernetes.io/is-default-class": "true"}), storage_class("managed-premium")]


class Provisioner:
    """Makes a folder for each claim that wants one, lets claims grow, and removes what is released."""

    def __init__(self, api, folder):
        self.api, self.folder, self.classes = api, folder, {}

    def sync(self, claims, volumes):
        for claim in claims:
            spec, status = claim["spec"], claim.get("status", {})
            if not spec.get("volumeName"):
                self.provision(claim)
            elif status.get("phase") == "Bound" and spec["resources"]["requests"]["storage"] != status["capacity"]["storage"]:
                size = {"capacity": {"storage": spec["resources"]["requests"]["storage"]}}
                self.api.patch(f"/api/v1/persistentvolumes/{spec['volumeName']}", {"spec": size})
                self.api.patch(path_of("persistentvolumeclaims", claim) + "/status", {"status": size})
        for volume in volumes:
            name, mine = volume["metadata"]["name"], volume["metadata"].get("annotations", {}).get(PROVISIONED) == PROVISIONER
            if mine and volume["status"].get("phase") == "Released" and volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
                shutil.rmtree(self.folder / name, ignore_errors=True)
                self.api.delete(f"/api/v1/persistentvolumes/{name}")

    def provision(self, claim):
        name = claim["spec"].get("storageClassName")
        if name and name not in self.classes:
            try:
                self.classes[name] = self.api.get(f"/apis/storage.k8s.io/v1/storageclasses/{name}")
            except ApiError:
                return
        storage = self.classes.get(name)
        if not storage or storage["provisioner"] != PROVISIONER:
            return
        meta = claim["metadata"]
        if storage.get("volumeBindingMode") == "WaitForFirstConsumer" and SELECTED not in meta.get("annotations", {}):
            return
        volume = f"pvc-{meta['uid']}"
        folder = self.folder / volume
        # A disk's file system is never quite empty.
        (folder / "lost+found").mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o755)
        try:
            self.api.create("/api/v1/persistentvolumes", {
                "apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume, "annotations": {PROVISIONED: PROVISIONER}},
                "spec": {"capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
                         "accessModes": claim["spec"]["accessModes"], "storageClassName": name, "hostPath": {"path": str(folder)},
                         "persistentVolumeReclaimPolicy": storage["reclaimPolicy"],
                         "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "namespace": meta["namespace"],
                                      "name": meta["name"], "uid": meta["uid"]}}})
        except ApiError as error:
            if error.status != 409:
                raise


def path_of(kind, item, group="/api/v1"):
    meta = item["metadata"]
    return f"{group}/namespaces/{meta['namespace']}/{kind}/{meta['name']}"


class Volumes:
    """What one pod mounts: prepare() makes everything, refresh() follows changed ConfigMaps and Secrets."""

    def __init__(self, node, pod, folder):
        self.node, self.pod, self.folder, self.paths, self.written = node, pod, Path(folder), {}, {}
        self.group = pod.spec.get("securityContext", {}).get("fsGroup")

    def prepare(self):
        for volume in self.pod.spec.get("volumes", []):
            if volume["name"] not in self.paths:
                self.paths[volume["name"]] = self.make(volume)

    def refresh(self):
        for volume in self.pod.spec.get("volumes", []):
            if volume["name"] in self.written:
                try:
                    self.make(volume)
                except (NotYet, OSError):
                    pass    # the object or the pod is gone meanwhile: what is there stays

    def make(self, volume):
        name = volume["name"]
        folder = self.folder / "volumes" / name
        if "persistentVolumeClaim" in volume or "ephemeral" in volume:
            claim_name = volume.get("persistentVolumeClaim", {}).get("claimName", f"{self.pod.name}-{name}")
            claim = self.node.claims.get((self.pod.namespace, claim_name))
            bound = self.node.volumes.get(("", claim["spec"].get("volumeName"))) if claim else None
            if not bound or "hostPath" not in bound["spec"]:
                raise NotYet(f"claim {claim_name} has no volume of the tests' provisioner")
            folder = Path(bound["spec"]["hostPath"]["path"])
            self.share(folder)
        elif "hostPath" in volume:
            folder = Path(volume["hostPath"]["path"])
        elif "emptyDir" in volume:
            folder.mkdir(parents=True, exist_ok=True)
            if volume["emptyDir"].get("medium") == "Memory":
                size = volume["emptyDir"].get("sizeLimit")
                subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={quantity(size)}" if size else "size=50%", "tmpfs", folder], check=True)
            folder.chmod(0o777)
            self.share(folder)
        else:
            self.write(name, folder, *self.files(volume))
        return folder

    def share(self, folder):
        """Gives a volume to the pod's group, as fsGroup asks for."""
        if self.group is None:
            return
        for place in [folder, *folder.rglob("*")]:
            if not place.is_symlink():
                os.chown(place, -1, self.group)
                place.chmod(place.stat().st_mode | (0o2770 if place.is_dir() else 0o660))

    def files(self, volume):
        """{path: (content, mode)} of a volume that is made of objects, and its default mode."""
        for kind in ("configMap", "secret", "downwardAPI", "projected"):
            if kind in volume:
                source = volume[kind]
                mode = source.get("defaultMode", 0o644)
                found = {}
                for each in source.get("sources", []) if kind == "projected" else [{kind: source}]:
                    found.update(self.source(each, mode))
                return (found,)
        raise NotYet(f"volume {volume['name']}: {', '.join(set(volume) - {'name'})} is not something that the tests' node can do")

    def source(self, source, mode):
        (kind, spec), = source.items()
        if kind in ("configMap", "secret"):
            data = self.node.data(kind, self.pod.namespace, spec.get("name") or spec.get("secretName"), spec.get("optional", False))
            items = spec.get("items") or [{"key": key, "path": key} for key in data]
            missing = [item["key"] for item in items if item["key"] not in data]
            if missing and not spec.get("optional"):
                raise NotYet(f"{kind} {spec.get('name') or spec.get('secretName')} has no key {missing[0]}")
            return {item["path"]: (data[item["key"]], item.get("mode", mode)) for item in items if item["key"] in data}
        if kind == "downwardAPI":
            return {item["path"]: (self.pod.field(item).encode(), item.get("mode", mode)) for item in spec.get("items", [])}
        if kind == "serviceAccountToken":
            return {spec["path"]: (self.token(spec), 0o600 if self.pod.user else mode)}
        raise NotYet(f"projected {kind} is not something that the tests' node can do")

    def token(self, spec):
        if not hasattr(self, "issued"):
            account = self.pod.spec.get("serviceAccountName", "default")
            request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {
                "audiences": [spec["audience"]] if "audience" in spec else [], "expirationSeconds": spec.get("expirationSeconds", 3600),
                "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": self.pod.name, "uid": self.pod.uid}}}
            path = f"/api/v1/namespaces/{self.pod.namespace}/serviceaccounts/{account}/token"
            self.issued = self.node.api.create(path, request)["status"]["token"].encode()
        return self.issued

    def write(self, name, folder, files):
        """All at once, through a link, as the kubelet does."""
        if self.written.get(name) == files:
            return
        folder.mkdir(parents=True, exist_ok=True)
        version = folder / f"..{time.time_ns()}"
        for path, (content, mode) in files.items():
            file = version / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            file.chmod(mode)
            if self.group is not None:
                os.chown(file, -1, self.group)
                file.chmod(mode | 0o440)
            elif mode == 0o600 and self.pod.user:
                os.chown(file, self.pod.user, -1)
        version.mkdir(exist_ok=True)
        (folder / "..next").symlink_to(version.name)
        old = (folder / "..data").resolve() if (folder / "..data").is_symlink() else None
        (folder / "..next").rename(folder / "..data")
        tops = {path.split("/")[0] for path in files}
        for entry in list(folder.iterdir()):
            if not entry.name.startswith("..") and entry.name not in tops:
                entry.unlink()
        for top in tops:
            if not (folder / top).is_symlink():
                (folder / top).symlink_to(f"..data/{top}")
        if old:
            shutil.rmtree(old)
        self.written[name] = files


def decoded(kind, item):
    """The data of a ConfigMap or a Secret, as bytes."""
    found = {key: base64.b64decode(value) if kind == "secret" else value.encode() for key, value in (item.get("data") or {}).items()}
    return {**found, **{key: base64.b64decode(value) for key, value in (item.get("binaryData") or {}).items()}}


UNITS = {"": 1, "m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def quantity(text):
    """A Kubernetes quantity as a number: 500m is 0.5, 1Gi is 1073741824."""
    number = str(text).rstrip("mkKMGTi")
    value = float(number) * UNITS[str(text)[len(number):]]
    return int(value) if value == int(value) else value
