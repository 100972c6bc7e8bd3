"""The network of the pods: a bridge, a namespace with an address for each pod, cluster DNS, and what kube-proxy does.

The machine's side has 10.244.0.1, so the tests' own processes and pods reach each other. Service addresses (10.0.0.0/16, and
10.1.0.0/16 for load balancers) are local to that side, where a relay passes connections on to ready pods; node ports too.
What it does not: NetworkPolicies, UDP and session affinity of services, source addresses (a relayed connection comes from
10.244.0.1), names of the world outside.
"""
import asyncio
import itertools
import random
import socket
import struct
import subprocess
import threading

NODE = "10.244.0.1"
DNS = "10.0.0.10"
ZONE = ".svc.cluster.local"


def sh(command, script):
    done = subprocess.run(command, input=script, capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr}{script}")


def ip(script, netns=None):
    sh([*(["nsenter", f"--net={netns}"] if netns else []), "ip", "-batch", "-"], script)


def set_up():
    # A default route, because the API server wants an address of its own to announce.
    ip(f"link add pods type bridge\naddr add {NODE}/16 dev pods\nlink set pods up\nroute add default dev pods\n"
       "route add local 10.0.0.0/16 dev lo\nroute add local 10.1.0.0/16 dev lo\n")


class PodNetwork:
    """One pod's network namespace, as a file that keeps it."""

    numbers = itertools.count(1)

    def __init__(self, folder):
        number = next(self.numbers)
        self.ip, self.link, self.netns = f"10.244.{1 + number // 250}.{1 + number % 250}", f"pod{number}", f"{folder}/net"
        open(self.netns, "w").close()
        sh(["unshare", f"--net={self.netns}", "true"], "")
        ip(f"link add {self.link} type veth peer name eth0 netns {self.netns}\nlink set {self.link} master pods up\n")
        ip(f"link set lo up\naddr add {self.ip}/16 dev eth0\nlink set eth0 up\nroute add default via {NODE}\n", self.netns)

    def connect(self, up):
        """Plugs the cable in or out."""
        ip(f"link set {self.link} {'up' if up else 'down'}\n")

    def remove(self):
        subprocess.run(["ip", "link", "del", self.link], capture_output=True)
        subprocess.run(["umount", self.netns], capture_output=True)


class Services:
    """Names and addresses of services, from the objects that the controllers keep."""

    def __init__(self, services, slices):
        self.services, self.slices = services, slices
        self.balancers = itertools.count(1)
        self.targets, self.listening, self.relays = {}, {}, set()
        threading.Thread(target=self.answer_names, daemon=True, name="dns").start()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True, name="relay").start()

    def endpoints(self, namespace, service):
        """(hostname, address, {port name: port}) of the ready endpoints; of all where the service publishes them all."""
        for each in list(self.slices.copy().values()):
            if each["metadata"]["namespace"] == namespace and each["metadata"].get("labels", {}).get("kubernetes.io/service-name") == service:
                ports = {port.get("name") or "": port["port"] for port in each.get("ports") or []}
                for endpoint in each.get("endpoints") or []:
                    if endpoint.get("conditions", {}).get("ready") is not False:
                        yield endpoint.get("hostname"), endpoint["addresses"][0], ports

    # --- names

    def resolve(self, name):
        """The addresses of a full name: [] when it has none (of this kind), None when there is no such name."""
        if name.endswith(".in-addr.arpa"):
            return None
        *host, service, namespace = [""] + name.removesuffix(ZONE).split(".") if name.endswith(ZONE) else ["", "", ""]
        found = self.services.get((namespace, service))
        if not found or len(host) > 2:
            return None
        addresses = [(hostname, address) for hostname, address, _ in self.endpoints(namespace, service)]
        if len(host) == 2:
            return sorted({address for hostname, address in addresses if hostname == host[1]}) or None
        if found["spec"].get("clusterIP") not in (None, "None", ""):
            return [found["spec"]["clusterIP"]]
        return sorted({address for _, address in addresses}) or None

    def reverse(self, name):
        """The name of a pod's address, where a headless service gives it one."""
        address = ".".join(reversed(name.removesuffix(".in-addr.arpa").split(".")))
        for namespace, service in list(self.services.copy()):
            for hostname, each, _ in self.endpoints(namespace, service):
                if each == address and hostname:
                    return f"{hostname}.{service}.{namespace}{ZONE}"
        return None

    def answer_names(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind((DNS, 53))
            while True:
                question, client = server.recvfrom(512)
                try:
                    server.sendto(self.answer(question), client)
                except (IndexError, struct.error, UnicodeError, OSError):
                    continue

    def answer(self, question):
        labels, at = [], 12
        while question[at]:
            labels.append(question[at + 1:at + 1 + question[at]].decode().lower())
            at += 1 + question[at]
        kind, = struct.unpack_from(">H", question, at + 1)
        name, records = ".".join(labels), []
        known = self.resolve(name)
        if kind == 1 and known:
            records = [socket.inet_aton(address) for address in random.sample(known, len(known))]
        elif kind == 12 and name.endswith(".in-addr.arpa"):
            known = self.reverse(name)
            if known:
                records = [b"".join(bytes([len(part)]) + part.encode() for part in known.split(".")) + b"\0"]
        flags = 0x8580 | (3 if known is None else 0)
        head = question[:2] + struct.pack(">HHHHH", flags, 1, len(records), 0, 0) + question[12:at + 5]
        return head + b"".join(struct.pack(">HHHIH", 0xC00C, kind, 1, 5, len(data)) + data for data in records)

    # --- addresses

    def sync(self, api):
        """Listens where services have ready endpoints, and nowhere else: without any, a connection is refused."""
        targets = {}
        for (namespace, name), service in self.services.copy().items():
            spec = service["spec"]
            if spec.get("type") == "LoadBalancer" and not service.get("status", {}).get("loadBalancer", {}).get("ingress"):
                api.patch(f"/api/v1/namespaces/{namespace}/services/{name}/status",
                          {"status": {"loadBalancer": {"ingress": [{"ip": f"10.1.0.{next(self.balancers)}"}]}}})
            if spec.get("clusterIP") in (None, "None", ""):
                continue
            addresses = [spec["clusterIP"], *(each["ip"] for each in service.get("status", {}).get("loadBalancer", {}).get("ingress", []))]
            ready = list(self.endpoints(namespace, name))
            for port in spec["ports"]:
                found = [(address, ports[port.get("name") or ""]) for _, address, ports in ready if (port.get("name") or "") in ports]
                if (namespace, name) == ("default", "kubernetes"):
                    # The API server of the tests announces this address, but listens on loopback only.
                    found = [("127.0.0.1", target) for _, target in found]
                if found:
                    targets.update({(address, port["port"]): found for address in addresses})
                    if port.get("nodePort"):
                        targets["0.0.0.0", port["nodePort"]] = found
        self.targets = targets
        asyncio.run_coroutine_threadsafe(self.listen(), self.loop).result()

    async def listen(self):
        for place in set(self.listening) - set(self.targets):
            self.listening.pop(place).close()
        for place in set(self.targets) - set(self.listening):
            self.listening[place] = await asyncio.start_server(lambda *pair, place=place: self.relay(place, *pair), *place, backlog=1024)

    async def relay(self, place, reader, writer):
        # The loop itself knows its tasks only weakly.
        self.relays.add(asyncio.current_task())
        try:
            onward = await asyncio.open_connection(*random.choice(self.targets[place]))
            await asyncio.gather(self.pump(reader, onward[1]), self.pump(onward[0], writer))
        except (OSError, LookupError):
            pass
        writer.close()
        self.relays.discard(asyncio.current_task())

    @staticmethod
    async def pump(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.write_eof()
        except OSError:
            writer.close()
