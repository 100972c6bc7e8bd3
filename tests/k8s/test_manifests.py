"""Every overlay and component: accepted by a real API server field by field, under restricted Pod Security, twice; scheduled;
and what a control plane can't show, read off the rendered objects."""
import functools
import itertools
import re
import unittest

import yaml

from cluster import K8S, ClusterTest, eventually, needs, pick, render, run, temporary_overlay, work_folder

KAFKA = K8S / "kafka"
OVERLAYS = ("kraft", "kraft-secure", "zookeeper", "ai-platform", "ai-platform-zookeeper", "dev")
COMPONENTS = ("scram", "tls", "external", "rack-awareness", "rack-awareness-rbac", "metrics")


def pod_specs(objects):
    """Every pod template, with the name of what it belongs to."""
    for each in objects:
        spec = each.get("spec", {})
        template = spec.get("jobTemplate", {}).get("spec", {}).get("template") or spec.get("template")
        if template and "containers" in template.get("spec", {}):
            yield f"{each['kind']}/{each['metadata']['name']}", template["spec"]


def settings(objects):
    return next(each["data"] for each in objects if each["kind"] == "ConfigMap" and each["metadata"]["name"].startswith("kafka-settings"))


def brokers(objects):
    stateful = pick(objects, "StatefulSet", "kafka")
    return stateful, stateful["spec"]["template"]["spec"]["containers"][0]


def mebibytes(quantity):
    return {"Mi": 1, "Gi": 1024}[quantity[-2:]] * int(quantity[:-2])


def topics(name):
    """`name partitions retention` of a list of topics."""
    lines = (KAFKA / "topics" / name / "topics.txt").read_text().splitlines()
    return [tuple(line.split()[:3]) for line in lines if line and not line.startswith("#")]


def of_every_overlay(test):
    """Calls a test with the name and the objects of each overlay."""
    @functools.wraps(test)
    def run_all(self):
        for name, objects in self.overlays.items():
            with self.subTest(overlay=name):
                test(self, name, objects)
    return run_all


@needs("kubectl")
class Rendered(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.overlays = {name: render(KAFKA / "overlays" / name) for name in OVERLAYS}

    @of_every_overlay
    def test_a_quorum_can_form_and_find_itself(self, _, objects):
        self.assertEqual(pick(objects, "StatefulSet", "kafka")["spec"]["podManagementPolicy"], "Parallel")
        self.assertTrue(pick(objects, "Service", "kafka-headless")["spec"]["publishNotReadyAddresses"])

    @of_every_overlay
    def test_a_broker_may_take_half_an_hour_to_recover_and_three_minutes_to_stop(self, _, objects):
        stateful, container = brokers(objects)
        probe = container["startupProbe"]
        self.assertGreaterEqual(probe["periodSeconds"] * probe["failureThreshold"], 1800)
        self.assertGreaterEqual(stateful["spec"]["template"]["spec"]["terminationGracePeriodSeconds"], 120)

    @of_every_overlay
    def test_probes_start_no_jvm(self, _, objects):
        script = (KAFKA / "base/scripts/probe.sh").read_text() + (KAFKA / "components/zookeeper/zookeeper-probe.sh").read_text()
        self.assertNotRegex(script, r"/opt/kafka|\bjava\b|common\.sh")
        for where, spec in pod_specs(objects):
            for container, probe in itertools.product(spec["containers"], ("startupProbe", "readinessProbe", "livenessProbe")):
                if probe in container:
                    self.assertRegex(container[probe]["exec"]["command"][1], r"^/scripts/(zookeeper-)?probe\.sh$", where)

    @of_every_overlay
    def test_brokers_are_restarted_by_roll_sh_and_evicted_one_at_a_time(self, _, objects):
        stateful, _ = brokers(objects)
        self.assertEqual(stateful["spec"]["updateStrategy"]["type"], "OnDelete")
        budget = pick(objects, "PodDisruptionBudget", "kafka")["spec"]
        self.assertEqual(budget["maxUnavailable"], 1)
        self.assertLessEqual(budget["selector"]["matchLabels"].items(), stateful["spec"]["template"]["metadata"]["labels"].items())

    @of_every_overlay
    def test_what_brokers_and_jobs_must_agree_on_agrees(self, name, objects):
        stateful, _ = brokers(objects)
        figures, replicas = settings(objects), stateful["spec"]["replicas"]
        self.assertEqual(int(figures["BROKERS"]), replicas)
        self.assertLessEqual(int(figures["REPLICATION_FACTOR"]), replicas)
        self.assertLessEqual(int(figures["MIN_INSYNC_REPLICAS"]), int(figures["REPLICATION_FACTOR"]))
        if "zookeeper" in name:
            self.assertEqual(figures["ZOOKEEPER"], "zookeeper:2181")
            zookeeper = pick(objects, "StatefulSet", "zookeeper")["spec"]
            servers = next(each["value"] for each in zookeeper["template"]["spec"]["containers"][0]["env"] if each["name"] == "ZOOKEEPER_SERVERS")
            self.assertEqual(int(servers), zookeeper["replicas"])
        else:
            self.assertEqual(int(figures["CONTROLLERS"]), min(replicas, 3))
            self.assertRegex(figures["CLUSTER_ID"], r"^[A-Za-z0-9_-]{22}$")

    def test_two_overlays_never_share_a_cluster_id(self):
        ids = [settings(objects)["CLUSTER_ID"] for name, objects in self.overlays.items() if "zookeeper" not in name and name != "kraft-secure"]
        self.assertEqual(len(ids), len(set(ids)))

    def test_the_overlays_have_the_figures_they_were_asked_for(self):
        def figures(name, stateful="kafka"):
            spec = pick(self.overlays[name], "StatefulSet", stateful)["spec"]
            resources = spec["template"]["spec"]["containers"][0]["resources"]
            claims = [each["spec"] for each in spec["volumeClaimTemplates"]]
            return (spec["replicas"], resources["requests"]["cpu"], resources["limits"]["cpu"], resources["requests"]["memory"],
                    resources["limits"]["memory"], [each["resources"]["requests"]["storage"] for each in claims], claims[0].get("storageClassName"))

        self.assertEqual(figures("kraft"), (3, "500m", "1", "2Gi", "2Gi", ["50Gi"], None))
        self.assertEqual(figures("zookeeper"), (3, "500m", "1", "1Gi", "2Gi", ["50Gi"], None))
        self.assertEqual(figures("zookeeper", "zookeeper"), (1, "250m", "500m", "512Mi", "1Gi", ["10Gi", "10Gi"], None))
        self.assertEqual(figures("ai-platform"), (3, "500m", "2", "2Gi", "4Gi", ["100Gi"], "managed-premium"))
        self.assertEqual(figures("ai-platform-zookeeper"), (3, "500m", "2", "2Gi", "4Gi", ["100Gi"], "managed-premium"))
        self.assertEqual(figures("ai-platform-zookeeper", "zookeeper"), (3, "250m", "500m", "512Mi", "1Gi", ["10Gi", "10Gi"], "managed-premium"))
        for name, replicas, in_sync in ("kraft", "3", "2"), ("zookeeper", "2", "2"), ("ai-platform", "3", "2"), ("dev", "1", "1"):
            values = settings(self.overlays[name])
            self.assertEqual((values["REPLICATION_FACTOR"], values["MIN_INSYNC_REPLICAS"]), (replicas, in_sync), name)
        self.assertEqual({each["metadata"].get("namespace", "middleware") for each in self.overlays["ai-platform"]}, {"middleware"})
        heap = [each["value"] for each in brokers(self.overlays["ai-platform"])[1]["env"] if each["name"] == "KAFKA_HEAP_OPTS"]
        self.assertEqual(heap, ["-Xms1g -Xmx1g"])
        self.assertLessEqual(mebibytes(brokers(self.overlays["dev"])[1]["resources"]["limits"]["memory"]), 1024)

    @of_every_overlay
    def test_the_heap_leaves_room_within_the_memory_that_is_requested(self, _, objects):
        for where, spec in pod_specs(objects):
            for container in spec["containers"]:
                heap = next((each["value"] for each in container.get("env", []) if each["name"] == "KAFKA_HEAP_OPTS"), "-Xmx0m")
                amount, unit = re.search(r"-Xmx(\d+)([mg])", heap).groups()
                self.assertLess(int(amount) * {"m": 1, "g": 1024}[unit], mebibytes(container["resources"]["requests"]["memory"]), where)

    @of_every_overlay
    def test_pods_are_locked_down_beyond_what_the_standard_asks(self, _, objects):
        for where, spec in pod_specs(objects):
            self.assertFalse(spec["automountServiceAccountToken"], where)
            self.assertFalse(spec["enableServiceLinks"], where)
            self.assertNotIn(spec.get("serviceAccountName", "default"), ("default",), where)
            for container in spec["containers"] + spec.get("initContainers", []):
                self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"], where)
                for kind, resource in itertools.product(("requests", "limits"), ("cpu", "memory")):
                    self.assertIn(resource, container["resources"][kind], where)
                self.assertRegex(container["image"], r":\d+\.\d+\.\d+$|@sha256:", where)
        for account in (each for each in objects if each["kind"] == "ServiceAccount"):
            self.assertFalse(account["automountServiceAccountToken"])

    def test_topics_are_those_that_were_asked_for(self):
        week, month = str(7 * 86_400_000), str(30 * 86_400_000)
        self.assertEqual(topics("shop"), [(name, "3", week) for name in ("order-events", "payment-events", "inventory-events", "notification-events")]
                         + [("dead-letter-queue", "3", month)])
        self.assertEqual(topics("ai-platform"), [("ai-task-queue", "16", week), ("model-events", "8", week), ("user-activities", "16", week),
                                                 ("system-metrics", "4", week), ("data-pipeline", "8", week)])

    def test_rights_name_only_topics_that_exist(self):
        for name in "shop", "ai-platform":
            known = {each[0] for each in topics(name)}
            for line in (KAFKA / "topics" / name / "acls.txt").read_text().splitlines():
                if line and not line.startswith("#"):
                    for resource in line.split()[2:]:
                        if resource.startswith("topic:") and resource != "topic:*":
                            self.assertIn(resource.removeprefix("topic:"), known, line)

    def test_rack_awareness_needs_no_rights_and_its_older_form_a_single_one(self):
        with temporary_overlay(KAFKA / "overlays/kraft", [KAFKA / "components/rack-awareness"]) as folder:
            objects = render(folder)
            self.assertFalse([each for each in objects if "Role" in each["kind"]])
            self.assertNotIn("serviceAccountToken", yaml.safe_dump(objects))
        with temporary_overlay(KAFKA / "overlays/kraft", [KAFKA / "components/rack-awareness-rbac"]) as folder:
            objects = render(folder)
            self.assertEqual(pick(objects, "ClusterRole", "kafka-rack")["rules"], [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["get"]}])
            spec = pick(objects, "StatefulSet", "kafka")["spec"]["template"]["spec"]
            self.assertNotIn("token", [mount["name"] for mount in spec["containers"][0]["volumeMounts"]])

    def test_every_yaml_file_is_clean(self):
        files = [path for path in K8S.rglob("*.y*ml")]
        rules = "{extends: default, rules: {line-length: disable, document-start: disable, braces: {max-spaces-inside: 1}, comments: {min-spaces-from-content: 1}, truthy: {check-keys: false}}}"
        done = run(["yamllint", "--strict", "-d", rules, *files], check=False)
        self.assertEqual(done.stdout, "")


# NetworkPolicies: who may reach whom, worked out from the rendered policies as a network plugin does it.

def selects(selector, labels):
    if not set((selector.get("matchLabels") or {}).items()) <= set(labels.items()):
        return False
    return all({"In": labels.get(each["key"]) in each.get("values", []), "Exists": each["key"] in labels}[each["operator"]]
               for each in selector.get("matchExpressions") or [])


class Pod:
    def __init__(self, namespace, labels, namespace_labels=None, ports=None):
        self.namespace, self.labels, self.ports = namespace, labels, ports or {}
        self.namespace_labels = {"kubernetes.io/metadata.name": namespace, **(namespace_labels or {})}


def matches(peers, home, other):
    for peer in peers or [{}]:
        if "namespaceSelector" in peer:
            if not selects(peer["namespaceSelector"], other.namespace_labels):
                continue
        elif "podSelector" in peer and other.namespace != home:
            continue
        if selects(peer.get("podSelector", {}), other.labels):
            return True
    return False


def one_way(policies, direction, pod, other, target, port):
    """Do the policies that select the pod let it talk in this direction with the other, to the target's port?"""
    key, peers = ("ingress", "from") if direction == "Ingress" else ("egress", "to")
    mine = [each["spec"] for each in policies if each["metadata"]["namespace"] == pod.namespace
            and direction in each["spec"]["policyTypes"] and selects(each["spec"]["podSelector"], pod.labels)]
    return not mine or any(matches(rule.get(peers), pod.namespace, other)
                           and ("ports" not in rule or port in [target.ports.get(each["port"], each["port"]) for each in rule["ports"]])
                           for spec in mine for rule in spec.get(key) or [])


@needs("kubectl")
class Network(unittest.TestCase):
    def reaches(self, source, target, port):
        return one_way(self.policies, "Egress", source, target, target, port) and one_way(self.policies, "Ingress", target, source, target, port)

    def pods(self, overlay, components=(), namespace="kafka"):
        with temporary_overlay(KAFKA / "overlays" / overlay, [KAFKA / "components" / each for each in components], namespace=namespace) as folder:
            objects = render(folder)
        self.policies = [each for each in objects if each["kind"] == "NetworkPolicy"]
        pods = {}
        for each in objects:
            template = each.get("spec", {}).get("jobTemplate", {}).get("spec", {}).get("template") or each.get("spec", {}).get("template")
            if template and "containers" in template["spec"]:
                ports = {port["name"]: port["containerPort"] for port in template["spec"]["containers"][0].get("ports", [])}
                pods[each["metadata"]["name"]] = Pod(each["metadata"]["namespace"], template["metadata"]["labels"], ports=ports)
        return pods

    def test_the_way_of_everyone_who_needs_one_is_open_and_no_other(self):
        pods = self.pods("kraft", ["metrics"])
        broker = pods["kafka"]
        client = Pod("shop", {"kafka-client": "true"}, {"kafka-clients": "allowed"})
        prometheus = Pod("monitoring", {}, {"kafka-metrics": "allowed"})
        for port in 9092, 9093, 9094:
            self.assertTrue(self.reaches(broker, broker, port), port)
        for job in pods["kafka-topics"], pods["kafka-health-check"], client:
            self.assertTrue(self.reaches(job, broker, 9092))
            for port in 9093, 9094, 9404:
                self.assertFalse(self.reaches(job, broker, port), port)
        self.assertTrue(self.reaches(prometheus, broker, 9404))
        self.assertFalse(self.reaches(prometheus, broker, 9092))
        for stranger in (Pod("shop", {}, {"kafka-clients": "allowed"}), Pod("shop", {"kafka-client": "true"}), Pod("kafka", {}), Pod("other", {})):
            for port in 9092, 9093, 9094, 9404:
                self.assertFalse(self.reaches(stranger, broker, port))
        self.assertFalse(self.reaches(broker, Pod("anywhere", {}), 443))

    def test_only_brokers_the_health_check_and_members_reach_zookeeper(self):
        pods = self.pods("ai-platform-zookeeper", namespace="middleware")
        zookeeper = pods["zookeeper"]
        for name in "kafka", "kafka-health-check":
            self.assertTrue(self.reaches(pods[name], zookeeper, 2181), name)
            self.assertFalse(self.reaches(pods[name], zookeeper, 3888), name)
        for port in 2888, 3888:
            self.assertTrue(self.reaches(zookeeper, zookeeper, port))
        for stranger in pods["kafka-topics"], Pod("shop", {"kafka-client": "true"}, {"kafka-clients": "allowed"}), Pod("middleware", {}):
            self.assertFalse(self.reaches(stranger, zookeeper, 2181))


class Applied(ClusterTest):
    """With an image that the node doesn't know, so that pods are scheduled and wait: what runs in them is other suites' business."""

    def test_every_overlay_is_accepted_twice_and_its_pods_find_a_node_each(self):
        images = [{"name": name, "newName": "not-run/kafka"} for name in ("apache/kafka", "registry.example.com/kafka-with-exporter")]
        for overlay in OVERLAYS:
            namespace = f"accepted-{overlay}"
            with self.subTest(overlay=overlay), temporary_overlay(KAFKA / "overlays" / overlay, images=images, namespace=namespace) as folder:
                expected = pick(render(folder), "StatefulSet", "kafka")["spec"]["replicas"]
                apply = ["apply", "--server-side", "--validate=strict", "-k", folder]
                generations = ["get", "-k", folder, "-o", "go-template={{range .items}}{{.kind}}/{{.metadata.name}} {{.metadata.generation}}{{\"\\n\"}}{{end}}"]
                self.kubectl(*apply)
                before = self.kubectl(*generations)
                self.kubectl(*apply)
                self.assertEqual(self.kubectl(*generations), before)

                def nodes():
                    return self.kubectl("get", "pods", "-n", namespace, "-l", "app.kubernetes.io/component=broker",      # noqa: B023
                                        "-o", "jsonpath={.items[*].spec.nodeName}").split()
                eventually(lambda: len(nodes()) == expected, 30, f"{expected} pods scheduled")      # noqa: B023
                self.assertEqual(len(set(nodes())), expected)
                budget = self.get("pdb", "kafka", namespace)["status"]
                self.assertEqual(budget["expectedPods"], expected)

    def test_every_component_is_accepted_on_the_default_and_on_the_ai_platform(self):
        for overlay in "kraft", "ai-platform":
            for components in [[each] for each in COMPONENTS] + [["scram", "tls", "external", "rack-awareness"]]:
                if overlay == "ai-platform" and "metrics" in components:
                    continue    # it has them
                with self.subTest(overlay=overlay, components=components):
                    with temporary_overlay(KAFKA / "overlays" / overlay, [KAFKA / "components" / each for each in components]) as folder:
                        namespace = next(each["metadata"]["name"] for each in render(folder) if each["kind"] == "Namespace")
                        self.kubectl("create", "namespace", namespace, check=False)
                        self.kubectl("apply", "--server-side", "--validate=strict", "--dry-run=server", "-k", folder)

    def test_pods_of_these_namespaces_must_be_restricted(self):
        self.kubectl("apply", "--server-side", "-f", KAFKA / "base/namespace.yaml")
        done = self.kubectl("run", "root", "-n", "kafka", "--image=x", check=False)
        self.assertIn("violates PodSecurity", done.stderr)

    def test_the_older_rack_awareness_may_read_nodes_and_nothing_else(self):
        with temporary_overlay(KAFKA / "overlays/kraft", [KAFKA / "components/rack-awareness-rbac"], images=[{"name": "apache/kafka", "newName": "not-run/kafka"}]) as folder:
            self.kubectl("apply", "--server-side", "--validate=strict", "-k", folder)
            self.addCleanup(self.kubectl, "delete", "-f", KAFKA / "components/rack-awareness-rbac/rights.yaml")
        account = "--as=system:serviceaccount:kafka:kafka-broker"
        self.assertEqual(self.kubectl("auth", "can-i", "get", "nodes", account).strip(), "yes")
        for denied in ("list nodes", "get secrets", "get pods", "patch nodes"):
            self.assertEqual(self.kubectl("auth", "can-i", *denied.split(), account, check=False).stdout.strip(), "no", denied)
        # The init container's own script, against the real API with a token of that account.
        token = self.kubectl("create", "token", "kafka-broker", "-n", "kafka")
        script = (KAFKA / "components/rack-awareness-rbac/find-rack.sh").read_text()
        self.run_find_rack(script, token)

    def run_find_rack(self, script, token):
        folder = work_folder("rack")
        (folder / "token").write_text(token)
        ca = self.kubectl("get", "configmap", "kube-root-ca.crt", "-n", "kafka", "-o", "go-template={{index .data \"ca.crt\"}}")
        (folder / "ca.crt").write_text(ca)
        local = script.replace("/var/run/secrets/kubernetes.io/serviceaccount", str(folder)).replace("/run/kafka", str(folder))
        server = self.kubectl("config", "view", "-o", "jsonpath={.clusters[0].cluster.server}")
        self.assertEqual(run(["sh", "-c", local], env={"NODE_NAME": "node-2", "KUBERNETES_API": server}), "node-2 is in zone-2\n")
        self.assertEqual((folder / "rack").read_text(), "zone-2")


@needs("kubectl")
class Guide(unittest.TestCase):
    def setUp(self):
        self.readme = (KAFKA / "README.md").read_text()

    def test_the_tables_of_topics_are_the_lists(self):
        rows = re.findall(r"^\| `([a-z-]+)` \| (\d+) \| (\d+) days \|", self.readme, re.M)
        self.assertEqual([(name, partitions, str(int(days) * 86_400_000)) for name, partitions, days in rows], topics("shop") + topics("ai-platform"))

    def test_the_table_of_rights_is_the_list(self):
        listed = {}
        for line in (KAFKA / "topics/shop/acls.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                user, _, *resources = line.split()
                listed.setdefault(user, set()).update(each.split(":")[1] for each in resources if ":" in each and "*" not in each)
        for user, resources in listed.items():
            row = re.search(rf"^\| `{user}` \| (.*) \|.*\|$", self.readme, re.M)
            self.assertTrue(row, user)
            self.assertLessEqual(resources, set(re.findall(r"`([^`]+)`", row[1])), user)

    def test_the_sizing_table_adds_up(self):
        def cores(quantity):
            return int(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)

        for overlay in "zookeeper", "kraft", "ai-platform":
            cpu = memory = disk = 0
            for each in render(KAFKA / "overlays" / overlay):
                if each["kind"] == "StatefulSet":
                    requests = each["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]
                    replicas = each["spec"]["replicas"]
                    cpu += replicas * cores(requests["cpu"])
                    memory += replicas * mebibytes(requests["memory"]) / 1024
                    disk += replicas * sum(int(claim["spec"]["resources"]["requests"]["storage"][:-2]) for claim in each["spec"]["volumeClaimTemplates"])
            row = re.search(rf"^\| `{overlay}`: requests \| ([\d.]+) cores.* \| ([\d.]+) GiB.* \| (\d+) GB", self.readme, re.M)
            self.assertEqual((float(row[1]), float(row[2]), int(row[3])), (cpu, memory, disk), overlay)
