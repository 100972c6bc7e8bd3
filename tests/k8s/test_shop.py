"""The shop and its traces: what the manifests, Dockerfiles and the compose file say, and the shop itself, run from them: four
services, PostgreSQL, Jaeger and Kafka in pods, by the guides."""
import base64
import itertools
import json
import os
import re
import shutil
import threading
import time
import unittest
import urllib.request
from pathlib import Path

import yaml

import docs
import dockerfile
import local_kafka
import shop_images
from cluster import K8S, ROOT, ClusterTest, eventually, needs, pick, render, run, temporary_overlay, work_folder
from shop_images import SERVICES
from test_manifests import Pod, mebibytes, one_way, pod_specs

SHOP, JAEGER = K8S / "shop", K8S / "jaeger"
OVERLAYS = [*sorted((SHOP / "overlays").iterdir()), *sorted((JAEGER / "overlays").iterdir())]
DOCKERFILES = {service: ROOT / f"samples/Shop.{service.title()}/Dockerfile" for service in SERVICES}


def template_of(owner):
    return owner["spec"]["template"]


def container_of(owner):
    return template_of(owner)["spec"]["containers"][0]


def ports_of(owner):
    return {each["name"]: each["containerPort"] for each in container_of(owner).get("ports", [])}


def environment(owner):
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in container_of(owner)["env"]}


@needs("kubectl")
class Rendered(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.overlays = {f"{each.parent.parent.name}/{each.name}": render(each) for each in OVERLAYS}
        cls.shop = cls.overlays["shop/default"]
        cls.deployments = {service: pick(cls.shop, "Deployment", f"shop-{service}") for service in SERVICES}

    def test_pods_are_locked_down_beyond_what_the_standard_asks(self):
        for overlay, objects in self.overlays.items():
            for where, spec in pod_specs(objects):
                with self.subTest(overlay=overlay, pod=where):
                    self.assertFalse(spec["automountServiceAccountToken"])
                    self.assertFalse(spec["enableServiceLinks"])
                    self.assertIn(spec["serviceAccountName"], [each["metadata"]["name"] for each in objects if each["kind"] == "ServiceAccount"])
                    self.assertGreaterEqual(spec["securityContext"]["runAsUser"], 999)
                    container, = spec["containers"]
                    self.assertTrue(container["securityContext"]["readOnlyRootFilesystem"])
                    for kind, resource in itertools.product(("requests", "limits"), ("cpu", "memory")):
                        self.assertIn(resource, container["resources"][kind])
                    self.assertRegex(container["image"], r":\d+\.\d+(\.\d+)?(-[a-z]+)?$|@sha256:")
            for account in (each for each in objects if each["kind"] == "ServiceAccount"):
                self.assertFalse(account["automountServiceAccountToken"])

    def test_no_password_and_no_secret_is_among_the_manifests(self):
        for overlay, objects in self.overlays.items():
            self.assertNotIn("Secret", {each["kind"] for each in objects}, overlay)
            self.assertNotRegex(yaml.safe_dump(objects), r"(?i)password: *[^\s{]|password=[^$]", overlay)

    def test_the_services_differ_in_name_image_and_database_only(self):
        def without_name(objects, service):
            mine = [each for each in objects if each["metadata"]["name"] == f"shop-{service}"]
            self.assertEqual({each["kind"] for each in mine}, {"Deployment", "Service", "ServiceAccount", "PodDisruptionBudget"})
            return re.sub(rf"(?<![a-z]){service}(?![a-z])", "SERVICE", yaml.safe_dump(mine))
        for objects in self.shop, self.overlays["shop/secure"]:
            self.assertEqual(len({without_name(objects, service) for service in SERVICES}), 1)

    def test_a_service_gets_its_own_secret_and_no_other(self):
        for service, deployment in self.deployments.items():
            text = yaml.safe_dump(deployment)
            self.assertEqual(set(re.findall(r"[\w-]+-database", text)), {f"{service}-database"})
            self.assertEqual(environment(deployment)[f"ConnectionStrings__{service}"],
                             {"secretKeyRef": {"name": f"{service}-database", "key": "connection-string"}})
        secure = {service: yaml.safe_dump(pick(self.overlays["shop/secure"], "Deployment", f"shop-{service}")) for service in SERVICES}
        for service, text in secure.items():
            self.assertEqual(set(re.findall(r"\b(\w+)-kafka\b", text)), {service})

    def test_every_user_of_the_services_has_its_rights_in_the_cluster(self):
        rights = (K8S / "kafka/topics/shop/acls.txt").read_text()
        for service, deployment in self.deployments.items():
            self.assertRegex(rights, rf"(?m)^{service} +Read .* group:{service}\b")
            self.assertEqual(environment(deployment)["EventBus__ServiceName"], {"fieldRef": {"fieldPath": "metadata.labels['app.kubernetes.io/name']"}})
            self.assertEqual(template_of(deployment)["metadata"]["labels"]["app.kubernetes.io/name"], service)

    def test_budgets_services_and_spread_concern_the_pods_of_one_service(self):
        for service, deployment in self.deployments.items():
            labels = template_of(deployment)["metadata"]["labels"]
            own = [pick(self.shop, "Service", f"shop-{service}")["spec"]["selector"], deployment["spec"]["selector"]["matchLabels"],
                   pick(self.shop, "PodDisruptionBudget", f"shop-{service}")["spec"]["selector"]["matchLabels"],
                   *[each["labelSelector"]["matchLabels"] for each in template_of(deployment)["spec"]["topologySpreadConstraints"]]]
            for selector in own:
                self.assertEqual(selector["app.kubernetes.io/name"], service)
                self.assertLessEqual(selector.items(), labels.items())

    def test_there_are_always_two_and_connections_for_those_that_overlap(self):
        server = container_of(pick(self.shop, "StatefulSet", "postgres"))["args"]
        most = int(re.search(r"max_connections=(\d+)", " ".join(server))[1])
        pool = int(re.search(r"Maximum Pool Size=(\d+)", (SHOP / "deploy.sh").read_text())[1])
        instances = 0
        for deployment in self.deployments.values():
            rolling = deployment["spec"]["strategy"]["rollingUpdate"]
            self.assertEqual((deployment["spec"]["replicas"], rolling["maxUnavailable"], rolling["maxSurge"]), (2, 0, 1))
            instances += 3
        # Three are kept for the server's administrator.
        self.assertLess(instances * pool, most - 3)

    def test_a_stop_has_the_time_it_needs(self):
        bus = int(re.search(r"StopTimeout \{ get; set; \} = TimeSpan\.FromSeconds\((\d+)\)", (ROOT / "src/Cuckoo.EventBus/Registration/EventBusOptions.cs").read_text())[1])
        for deployment in self.deployments.values():
            spec = template_of(deployment)["spec"]
            waits = spec["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
            # .NET's host gives up after 30 s.
            self.assertGreater(spec["terminationGracePeriodSeconds"], waits + bus + 10)

    def test_probes_that_restart_ask_nobody_else(self):
        for deployment in self.deployments.values():
            container = container_of(deployment)
            self.assertEqual([container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")],
                             ["/health/live", "/health/ready", "/health/live"])

    def test_prometheus_is_told_where_metrics_are(self):
        for deployment in self.deployments.values():
            annotations = template_of(deployment)["metadata"]["annotations"]
            self.assertEqual(annotations, {"prometheus.io/scrape": "true", "prometheus.io/port": str(ports_of(deployment)["http"])})

    def test_the_laptop_has_one_of_each(self):
        dev = self.overlays["shop/dev"]
        self.assertEqual([pick(dev, "Deployment", f"shop-{service}")["spec"]["replicas"] for service in SERVICES], [1] * 4)
        requested = sum(mebibytes(spec["containers"][0]["resources"]["requests"]["memory"]) for where, spec in pod_specs(dev) if not where.startswith("Job"))
        self.assertLessEqual(requested, 1536)

    def test_addresses_and_ports_are_those_of_the_others_manifests(self):
        broker = pick(render(K8S / "kafka/overlays/kraft"), "Service", "kafka")
        jaeger = pick(self.overlays["jaeger/badger"], "Service", "jaeger")
        ports = {each["name"]: each["port"] for each in jaeger["spec"]["ports"]}
        self.assertEqual(ports, {"otlp-grpc": 4317, "otlp-http": 4318, "query": 16686})
        for deployment in self.deployments.values():
            env = environment(deployment)
            self.assertEqual(env["ConnectionStrings__kafka"], f"kafka.{broker['metadata']['namespace']}.svc.cluster.local:{broker['spec']['ports'][0]['port']}")
            self.assertEqual(env["OTEL_EXPORTER_OTLP_ENDPOINT"], f"http://jaeger.{jaeger['metadata']['namespace']}.svc.cluster.local:{ports['otlp-grpc']}")

    def test_jaegers_configuration_names_only_what_it_describes(self):
        for overlay in "memory", "badger":
            objects = self.overlays[f"jaeger/{overlay}"]
            stateful = pick(objects, "StatefulSet", "jaeger")
            files = next(each["data"] for each in objects if each["kind"] == "ConfigMap")
            merged = {}
            for argument in container_of(stateful)["args"]:
                self.assertTrue(argument.startswith("--config=/etc/jaeger/"))
                merge(merged, yaml.safe_load(files[argument.rpartition("/")[2]]))
            service = merged["service"]
            self.assertEqual(set(service["extensions"]), set(merged["extensions"]))
            for kind in "receivers", "processors", "exporters":
                self.assertEqual(set(service["pipelines"]["traces"][kind]), set(merged[kind]))
            self.assertEqual(service["pipelines"]["traces"]["processors"][0], "memory_limiter")
            stores = merged["extensions"]["jaeger_storage"]["backends"]
            self.assertEqual({merged["extensions"]["jaeger_query"]["storage"]["traces"], merged["exporters"]["jaeger_storage_exporter"]["trace_storage"]}, set(stores))
            listens = {"otlp-grpc": merged["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"],
                       "otlp-http": merged["receivers"]["otlp"]["protocols"]["http"]["endpoint"],
                       "query": merged["extensions"]["jaeger_query"]["http"]["endpoint"],
                       "health": merged["extensions"]["healthcheckv2"]["http"]["endpoint"],
                       "metrics": "0.0.0.0:{port}".format(**service["telemetry"]["metrics"]["readers"][0]["pull"]["exporter"]["prometheus"])}
            self.assertEqual({name: f"0.0.0.0:{port}" for name, port in ports_of(stateful).items()}, listens)
            if overlay == "badger":
                mounts = {each["mountPath"] for each in container_of(stateful)["volumeMounts"]}
                for folder in stores["traces"]["badger"]["directories"].values():
                    self.assertIn(str(Path(folder).parent), mounts)
                self.assertFalse(stores["traces"]["badger"]["ephemeral"])

    def test_figures_of_the_guide_are_those_of_the_manifests(self):
        guide = (JAEGER / "README.md").read_text()
        memory, badger = (yaml.safe_load((JAEGER / f"overlays/{each}/storage.yaml").read_text())["extensions"]["jaeger_storage"]["backends"]["traces"]
                          for each in ("memory", "badger"))
        self.assertIn(f"newest {memory['memory']['max_traces']} traces", guide)
        self.assertIn(f"on a volume of 10 GB | {int(badger['badger']['ttl']['spans'][:-1]) // 24} days |", guide)
        claim = pick(self.overlays["jaeger/badger"], "StatefulSet", "jaeger")["spec"]["volumeClaimTemplates"][0]["spec"]
        self.assertEqual(claim["resources"]["requests"]["storage"], "10Gi")


def merge(onto, more):
    for key, value in more.items():
        onto[key] = merge(onto.get(key) or {}, value) if isinstance(value, dict) else value
    return onto


@needs("kubectl")
class Network(unittest.TestCase):
    """Who reaches whom, worked out from the policies as a network plugin does it."""

    @classmethod
    def setUpClass(cls):
        objects = [each for overlay in (SHOP / "overlays/default", JAEGER / "overlays/badger", K8S / "kafka/overlays/kraft") for each in render(overlay)]
        cls.policies = [each for each in objects if each["kind"] == "NetworkPolicy"]
        labels = {each["metadata"]["name"]: each["metadata"]["labels"] for each in objects if each["kind"] == "Namespace"}
        cls.pods = {}
        for each in objects:
            if each["kind"] in ("Deployment", "StatefulSet", "Job"):
                namespace = each["metadata"]["namespace"]
                cls.pods[each["metadata"]["name"]] = Pod(namespace, template_of(each)["metadata"]["labels"], labels[namespace], ports_of(each))

    def reaches(self, source, target, port):
        return one_way(self.policies, "Egress", source, target, target, port) and one_way(self.policies, "Ingress", target, source, target, port)

    def test_the_services_reach_what_they_need_and_not_each_other(self):
        for service in SERVICES:
            pod = self.pods[f"shop-{service}"]
            for target, port in ("postgres", 5432), ("kafka", 9092), ("jaeger", 4317):
                self.assertTrue(self.reaches(pod, self.pods[target], port), target)
            for target, port in ("kafka", 9093), ("jaeger", 16686), ("jaeger", 8888), ("shop-orders", 8080), ("databases", 5432):
                self.assertFalse(self.reaches(pod, self.pods[target], port), target)
            self.assertFalse(self.reaches(pod, Pod("anywhere", {}), 443))

    def test_customers_come_through_a_namespace_that_is_let_in(self):
        for service in SERVICES:
            target = self.pods[f"shop-{service}"]
            self.assertTrue(self.reaches(Pod("gateway", {}, {"shop-clients": "allowed"}), target, 8080))
            self.assertTrue(self.reaches(Pod("monitoring", {}, {"kafka-metrics": "allowed"}), target, 8080))
            self.assertFalse(self.reaches(Pod("gateway", {}), target, 8080))
            self.assertFalse(self.reaches(Pod("shop", {}), target, 8080))

    def test_only_services_and_the_job_reach_the_databases_which_reach_nobody(self):
        server = self.pods["postgres"]
        self.assertTrue(self.reaches(self.pods["databases"], server, 5432))
        for stranger in Pod("shop", {}), Pod("other", {}), self.pods["jaeger"]:
            self.assertFalse(self.reaches(stranger, server, 5432))
        for target, port in ("kafka", 9092), ("jaeger", 4317), ("shop-orders", 8080):
            self.assertFalse(self.reaches(server, self.pods[target], port))
            self.assertFalse(self.reaches(self.pods["databases"], self.pods[target], port))

    def test_jaeger_takes_traces_from_those_let_in_shows_them_to_few_and_asks_nobody(self):
        jaeger = self.pods["jaeger"]
        for port in 4317, 4318:
            self.assertTrue(self.reaches(Pod("my-service", {}, {"jaeger-clients": "allowed"}), jaeger, port))
            self.assertFalse(self.reaches(Pod("my-service", {}), jaeger, port))
        self.assertTrue(self.reaches(Pod("grafana", {}, {"jaeger-readers": "allowed"}), jaeger, 16686))
        self.assertFalse(self.reaches(Pod("observability", {}), jaeger, 16686))
        self.assertTrue(self.reaches(Pod("monitoring", {}, {"kafka-metrics": "allowed"}), jaeger, 8888))
        self.assertFalse(self.reaches(jaeger, Pod("kube-system", {}, {"kubernetes.io/metadata.name": "kube-system"}), 53))


class Dockerfiles(unittest.TestCase):
    def test_they_differ_in_the_services_name_only(self):
        texts = {re.sub(rf"\b{service}\b", "SERVICE", path.read_text(), flags=re.I) for service, path in DOCKERFILES.items()}
        self.assertEqual(len(texts), 1)

    def test_packages_are_restored_before_the_code_is_there(self):
        for path in DOCKERFILES.values():
            steps = list(dockerfile.instructions(path))
            restore = next(number for number, (name, text) in enumerate(steps) if name == "RUN" and "restore" in text)
            for name, text in steps[:restore]:
                if name == "COPY":
                    for source in text.split()[:-1]:
                        self.assertTrue((ROOT / source).is_file(), f"{source} changes with the code")

    def test_every_project_that_a_service_is_made_of_is_copied(self):
        def projects(path):
            for each in re.findall(r'<ProjectReference Include="([^"]+)"', path.read_text()):
                yield (path.parent / each).resolve()
                yield from projects((path.parent / each).resolve())
        for service, path in DOCKERFILES.items():
            text = path.read_text()
            for project in {*projects(path.parent / f"{path.parent.name}.csproj"), path.parent / f"{path.parent.name}.csproj"}:
                relative = project.relative_to(ROOT)
                self.assertIn(f"COPY {relative} {relative.parent}/\n", text, service)
                self.assertIn(f"COPY {relative.parent} {relative.parent}\n", text, service)

    def test_the_context_has_the_sources_and_nothing_else(self):
        context = dockerfile.Context(ROOT)
        for seen in "global.json", ".editorconfig", "samples/Shop.Orders/Program.cs", "src/Cuckoo.EventBus/Cuckoo.EventBus.csproj":
            self.assertTrue(context.has(seen), seen)
        for hidden in (".git/config", "k8s/shop/deploy.sh", "artifacts/native/librdkafka.so", "samples/Shop.Orders/bin/Debug/x.dll", "src/Cuckoo.EventBus/obj/x",
                       "kafka-ca/ca.key", "samples/Shop.Orders/orders.db", "tests/k8s.sh"):
            self.assertFalse(context.has(hidden), hidden)

    def test_they_run_as_the_user_that_the_manifests_say_on_the_port_that_they_say(self):
        deployments = {each["metadata"]["name"]: each for each in render(SHOP / "overlays/default") if each["kind"] == "Deployment"}
        for service, path in DOCKERFILES.items():
            steps = dict(dockerfile.instructions(path))
            deployment = deployments[f"shop-{service}"]
            self.assertEqual(int(steps["USER"]), template_of(deployment)["spec"]["securityContext"]["runAsUser"])
            self.assertEqual(int(steps["EXPOSE"]), ports_of(deployment)["http"])
            self.assertIn(f"URLS=http://+:{steps['EXPOSE']}", steps["ENV"])
            self.assertEqual(json.loads(steps["ENTRYPOINT"]), ["dotnet", f"Shop.{service.title()}.dll"])


class Compose(unittest.TestCase):
    file = SHOP / "compose.yml"

    def setUp(self):
        self.services = yaml.safe_load(self.file.read_text())["services"]

    @needs("docker-compose")
    def test_docker_compose_understands_it(self):
        shown = yaml.safe_load(run(["docker-compose", "-f", self.file, "config"]))
        self.assertLessEqual({*SERVICES, "kafka", "topics", "postgres", "databases", "jaeger"}, set(shown["services"]))

    def test_it_builds_runs_and_mounts_what_is_there(self):
        for name, service in self.services.items():
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                if source.startswith("."):
                    self.assertTrue((SHOP / source).exists(), f"{name}: {source}")
            if "build" in service:
                self.assertEqual((SHOP / service["build"]["context"]).resolve(), ROOT)
                self.assertEqual(ROOT / service["build"]["dockerfile"], DOCKERFILES[name])

    def test_it_has_the_images_and_variables_of_the_manifests(self):
        objects = [each for overlay in (SHOP / "overlays/default", JAEGER / "overlays/memory", K8S / "kafka/overlays/kraft") for each in render(overlay)]
        images = {container_of(each)["image"] for each in objects if each["kind"] in ("Deployment", "StatefulSet", "Job")}
        self.assertEqual({each["image"] for each in self.services.values()}, images)
        for service in SERVICES:
            wanted = environment(pick(objects, "Deployment", f"shop-{service}"))
            # The service's name stands in its appsettings.json, pods have names of their own.
            self.assertEqual(set(self.services[service]["environment"]), set(wanted) - {"EventBus__ServiceName", "POD_NAME"})
            self.assertEqual(self.services[service]["environment"]["EventBus__EnsureTopics"], wanted["EventBus__EnsureTopics"])

    def test_nothing_listens_on_other_addresses_than_this_machines_own(self):
        for name, service in self.services.items():
            for port in service.get("ports", []):
                self.assertTrue(port.startswith("127.0.0.1:"), f"{name}: {port}")

    @needs("KAFKA_HOME")
    def test_its_broker_starts_with_these_settings_and_tells_each_listener_its_address(self):
        environment = self.services["kafka"]["environment"]
        # As the image's entrypoint does: KAFKA_NODE_ID is node.id.
        properties = {key[6:].lower().replace("_", "."): str(value) for key, value in environment.items() if key.startswith("KAFKA_") and key != "KAFKA_HEAP_OPTS"}
        folder = work_folder("compose")
        broker = local_kafka.LocalBroker(os.environ["KAFKA_HOME"], {**properties, "log.dirs": str(folder / "data")}, folder)
        try:
            shown = local_kafka.cli(os.environ["KAFKA_HOME"], "kafka-broker-api-versions", "--bootstrap-server", "127.0.0.1:19092")
            self.assertRegex(shown, r"^localhost:9092 \(id: 1")
        finally:
            broker.stop()


@needs("KAFKA_HOME", "JAEGER_HOME", "dotnet")
class Running(ClusterTest):
    """What the suites with a shop that runs have in common."""

    components = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        shop_images.shop(cls.node)
        shop_images.postgres(cls.node, image_of("shop", "postgres"))
        shop_images.jaeger(cls.node, image_of("jaeger", "jaeger"))
        # The guides write overlays of one's own beside the ones that are there.
        cls.k8s = work_folder("checkout") / "k8s"
        shutil.copytree(K8S, cls.k8s)
        cls.shop, cls.jaeger, cls.kafka = (cls.k8s / each for each in ("shop", "jaeger", "kafka"))

    def deploy(self, *args, check=True, env=None):
        return run([self.shop / "deploy.sh", *args], check=check, env=env, limit=600)

    def fails(self, *args, says, env=None):
        done = self.deploy(*args, check=False, env=env)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        for each in says:
            self.assertIn(each, done.stdout + done.stderr)

    def request(self, service, path, body=None, port=80):
        """JSON of the answer; a refused connection or a status that is no success is an error."""
        url = f"http://{service}.svc.cluster.local:{port}{path}"
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data, {"Content-Type": "application/json"}), timeout=30) as answer:
            text = answer.read().decode()
        return json.loads(text) if text[:1] in "{[" else text

    def place(self, **more):
        return self.request("shop-orders.shop", "/orders", {"email": "ada@example.com", "sku": "book", "quantity": 1, **more})["id"]

    def status(self, order):
        return self.request("shop-orders.shop", f"/orders/{order}")["status"]

    def completes(self, order, limit=90):
        eventually(lambda: self.status(order) == "Completed", limit, f"order {order} completed")

    def pods(self, selector):
        return json.loads(self.kubectl("get", "pods", "-n", "shop", "-l", selector, "-o", "json"))["items"]

    def instances(self, service):
        return [each["metadata"]["name"] for each in self.pods(f"app.kubernetes.io/name={service}") if "deletionTimestamp" not in each["metadata"]]

    def ready(self, service):
        return sum(each["type"] == "Ready" and each["status"] == "True" for pod in self.pods(f"app.kubernetes.io/name={service}")
                   if "deletionTimestamp" not in pod["metadata"] for each in pod["status"]["conditions"])

    def restarts(self):
        return {each["metadata"]["name"]: each["status"]["containerStatuses"][0]["restartCount"] for each in self.pods("app.kubernetes.io/component=service")}

    def secret(self, name, key, namespace="shop"):
        return base64.b64decode(self.get("secret", name, namespace)["data"][key]).decode()


def image_of(folder, stateful):
    overlay = "default" if folder == "shop" else "badger"
    return container_of(pick(render(K8S / folder / "overlays" / overlay), "StatefulSet", stateful))["image"]


class Shop(Running):
    """The default overlay, by the guides. In order: each test goes on with the shop that the one before left."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.guide = docs.blocks(cls.shop / "README.md", "shop")

    def blocks_until(self, *words):
        """Runs the next blocks of the guide, up to the one that holds all the words."""
        output = ""
        while self.guide:
            block = Shop.guide.pop(0)
            output += docs.run_block(block, cwd=self.shop, limit=600)
            if all(word in block.text for word in words):
                return output
        raise AssertionError(f"No block of the guide holds {words}.")

    def test_what_is_missing_is_named_with_its_remedy(self):
        self.fails("--overlay", "nonsense", says=["There is no overlay nonsense", "default, secure, dev"])
        self.fails("--frobnicate", says=["Unknown option --frobnicate"])
        self.fails("--timeout", "soon", says=["--timeout soon is not a number"])
        self.fails(env={"KUBECTL": "no-such-kubectl"}, says=["no-such-kubectl is not installed"])
        nowhere = work_folder("nowhere") / "kubeconfig"
        nowhere.write_text(Path(os.environ["KUBECONFIG"]).read_text().replace("16443", "1"))
        self.fails(env={"KUBECONFIG": str(nowhere)}, says=["No Kubernetes cluster answers", "--context NAME"])
        self.fails(says=["There is no Kafka", "../kafka/deploy.sh"])
        self.assertIn("--registry", self.deploy("--help"))
        self.assertNotIn("namespace/shop", self.kubectl("get", "namespaces", "-o", "name"))

    def test_kafka_and_jaeger_are_deployed_by_their_guides(self):
        run([self.kafka / "deploy.sh", "--overlay", "dev", "--no-verify"], limit=400)
        output = "".join(docs.run_block(block, cwd=self.jaeger) for block in docs.blocks(self.jaeger / "README.md", "shop"))
        self.assertIn('"data":', output)

    def test_a_cluster_without_users_is_nothing_for_services_that_log_in(self):
        self.fails("--overlay", "secure", says=["There is no Secret kafka-users", "kraft-secure"])

    def test_the_guide_leads_to_a_completed_order(self):
        output = self.blocks_until("port-forward", "Completed")
        self.assertIn('"status":"Completed"', output)
        self.assertEqual({service: self.ready(service) for service in SERVICES}, dict.fromkeys(SERVICES, 2))
        self.assertIn("orders: user and database as they should be", output)

    def test_its_trace_goes_through_all_services_and_names_the_pods(self):
        order = self.place()
        self.completes(order)
        trace = self.request("shop-orders.shop", f"/orders/{order}")["traceId"]

        def through_all():
            found = self.request("jaeger.observability", f"/api/traces/{trace}", port=16686)["data"][0]
            seen = {(found["processes"][each["processID"]]["serviceName"], each["operationName"]) for each in found["spans"]}
            way = {("orders", "POST /orders/"), ("payments", "process order-events"), ("inventory", "process payment-events"),
                   ("orders", "process inventory-events"), ("notifications", "process order-events")}
            return found if way <= seen else None

        complete = eventually(through_all, 60, "a trace through four services")
        instances = {tag["value"] for each in complete["processes"].values() for tag in each["tags"] if tag["key"] == "service.instance.id"}
        self.assertLessEqual(instances, {name for service in SERVICES for name in self.instances(service)})
        roots = [each for each in complete["spans"] if not each["references"]]
        self.assertEqual([each["operationName"] for each in roots], ["POST /orders/"])

    def test_probes_and_idle_relays_leave_no_traces(self):
        for service in SERVICES:
            names = self.request("jaeger.observability", f"/api/services/{service}/operations", port=16686)["data"]
            found = self.request("jaeger.observability", f"/api/traces?service={service}&limit=200", port=16686)["data"]
            self.assertTrue(found)
            self.assertNotIn("/health", " ".join(names))
            for trace in found:
                self.assertTrue(any("postgresql" != span["operationName"] for span in trace["spans"]), trace["traceID"])

    def test_traces_outlive_a_restart_of_jaeger(self):
        order = self.place()
        self.completes(order)
        trace = self.request("shop-orders.shop", f"/orders/{order}")["traceId"]
        kept = lambda: self.request("jaeger.observability", f"/api/traces/{trace}", port=16686)["data"]     # noqa: E731
        eventually(kept, 60, "the trace is there")
        self.kubectl("delete", "pod", "-n", "observability", "jaeger-0")
        self.kubectl("rollout", "status", "-n", "observability", "statefulset/jaeger", "--timeout=120s", limit=130)
        eventually(kept, 60, "the trace is there again")

    def test_the_services_see_their_own_databases_only(self):
        for service, other in itertools.pairwise(SERVICES):
            password = self.secret(f"{service}-database", "password")
            psql = ["exec", "-i", "-n", "shop", "postgres-0", "--", "env", f"PGPASSWORD={password}", "psql", "-h", "postgres", "-U", service]
            self.assertIn("outbox_messages", self.kubectl(*psql, "-d", service, "-c", r"\dt"))
            refused = self.kubectl(*psql, "-d", other, "-c", "SELECT 1", check=False)
            self.assertIn("permission denied for database", refused.stderr)

    def test_passwords_are_long_different_and_in_no_log_or_description(self):
        passwords = [self.secret("postgres", "password"), *(self.secret(f"{service}-database", "password") for service in SERVICES)]
        self.assertEqual(len(set(passwords)), 5)
        text = self.kubectl("describe", "pods,jobs,deployments,statefulsets", "-n", "shop")
        for pod in self.pods(""):
            text += self.node.logs("shop", pod["metadata"]["name"])
        for password in passwords:
            self.assertGreaterEqual(len(password), 32)
            self.assertNotIn(password, text)

    def test_pods_have_no_token_no_writable_root_and_no_root(self):
        pod = self.instances("orders")[0]
        shown = self.kubectl("exec", "-n", "shop", pod, "--", "sh", "-c",
                             "id -u; ls /var/run/secrets 2>&1; touch /app/x 2>&1; touch /tmp/x && echo writable")
        self.assertRegex(shown, r"^1654\n.*No such file.*\n.*Read-only file system\nwritable\n$")

    def test_deployed_again_nothing_changes(self):
        def state():
            return self.kubectl("get", "deployments,statefulsets,secrets,services,networkpolicies,pdb,configmaps", "-n", "shop", "-o",
                                "go-template={{range .items}}{{.kind}}/{{.metadata.name}} {{.metadata.uid}} {{.metadata.generation}}{{\"\\n\"}}{{end}}")
        before, pods = state(), {name for service in SERVICES for name in self.instances(service)}
        self.deploy()
        self.assertEqual(state(), before)
        self.assertEqual({name for service in SERVICES for name in self.instances(service)}, pods)

    def test_instances_that_are_killed_are_made_up_for_by_the_others_and_come_back(self):
        victims = {service: self.instances(service)[0] for service in SERVICES}
        before = self.restarts()
        for victim in victims.values():
            self.node.kill("shop", victim, restart=False)
        try:
            eventually(lambda: [self.ready(service) for service in SERVICES] == [1] * 4, 60, "one of each is ready")
            # Events of a killed consumer's partitions wait until Kafka has given it up, after 45 s.
            for order in [self.place() for _ in range(6)]:
                self.completes(order)
        finally:
            for victim in victims.values():
                self.node.release("shop", victim)
        eventually(lambda: [self.ready(service) for service in SERVICES] == [2] * 4, 90, "two of each are ready")
        self.assertEqual({name: count - before[name] for name, count in self.restarts().items()},
                         {name: int(name in victims.values()) for name in before})
        self.completes(self.place())

    def test_a_database_that_is_away_takes_readiness_and_restarts_nobody(self):
        before = self.restarts()
        self.node.kill("shop", "postgres-0", restart=False)
        try:
            eventually(lambda: [self.ready(service) for service in SERVICES] == [0] * 4, 60, "no service is ready")
            address = self.pods("app.kubernetes.io/name=orders")[0]["status"]["podIP"]
            with urllib.request.urlopen(f"http://{address}:8080/health/live", timeout=10) as answer:
                self.assertEqual(answer.read(), b"Healthy")
        finally:
            self.node.release("shop", "postgres-0")
        eventually(lambda: [self.ready(service) for service in SERVICES] == [2] * 4, 120, "all services are ready")
        self.assertEqual(self.restarts(), before)
        self.completes(self.place())

    def test_while_instances_are_replaced_no_request_is_refused_and_each_ends_in_order(self):
        old, ended, failures, orders = self.instances("orders"), threading.Event(), [], []

        def customers():
            while not ended.wait(0.1):
                try:
                    orders.append(self.place())
                except (OSError, ValueError) as failure:
                    failures.append(f"{time.monotonic()}: {failure!r}")

        thread = threading.Thread(target=customers)
        thread.start()
        try:
            self.kubectl("rollout", "restart", "-n", "shop", "deployment/shop-orders")
            self.kubectl("rollout", "status", "-n", "shop", "deployment/shop-orders", "--timeout=180s", limit=190)
            eventually(lambda: len(self.pods("app.kubernetes.io/name=orders")) == 2, 60, "the old ones are gone")
        finally:
            ended.set()
            thread.join()
        self.assertEqual(failures, [])
        self.assertGreater(len(orders), 20)
        for order in orders:
            self.completes(order)
        for name in old:
            log = self.node.logs("shop", name)
            self.assertIn("Application is shutting down", log)
            self.assertNotRegex(log.partition("Application is shutting down")[2], r"(?m)^(fail|crit): ")

    def test_customers_are_let_in_as_the_guide_says(self):
        self.blocks_until("shop-clients=allowed")

    def test_an_overlay_of_ones_own_sets_what_the_bus_reads(self):
        output = self.blocks_until("overlays/mine")
        self.assertIn("In the cluster: http://shop-orders.shop/orders", output)
        env = environment(self.get("deployment", "shop-notifications", "shop"))
        self.assertEqual(env["EventBus__Consumers__tell-customer__Concurrency"], "4")
        self.assertEqual(self.ready("notifications"), 2)

    def test_a_changed_password_is_the_one_that_counts(self):
        old = self.secret("payments-database", "password")
        self.blocks_until("delete secret", "payments-database")
        self.assertEqual(self.guide, [], "every block of the guide has run")
        self.assertNotEqual(self.secret("payments-database", "password"), old)
        refused = self.kubectl("exec", "-n", "shop", "postgres-0", "--", "env", f"PGPASSWORD={old}", "psql", "-h", "postgres", "-U", "payments", "-d", "payments", "-c", "SELECT 1", check=False)
        self.assertIn("password authentication failed", refused.stderr)
        self.completes(self.place())

    def test_a_service_whose_topics_are_missing_says_so_and_deploy_tells(self):
        overlay = self.shop / "overlays/elsewhere"
        overlay.mkdir()
        (overlay / "kustomization.yaml").write_text(yaml.safe_dump({
            "resources": ["../default"],
            "patches": [{"target": {"kind": "Deployment", "name": "shop-inventory"},
                         "patch": "- op: add\n  path: /spec/template/spec/containers/0/env/-\n  value: {name: EventBus__TopicPrefix, value: elsewhere.}\n"}]}))
        self.fails("--overlay", str(overlay), "--timeout", "25", says=["has no topic 'elsewhere.", "deployment/shop-inventory is not ready after 25 s"])
        # The two that were there are still.
        self.assertEqual(self.ready("inventory"), 2)
        self.deploy()


class SecureShop(Running):
    """Services that log in, each as its own user, over TLS: on a Kafka of one node with the components of kraft-secure."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        overlay(cls.kafka / "overlays/dev-secure", "../dev", ["../../components/scram", "../../components/tls"], namespace="kafka")
        overlay(cls.shop / "overlays/one-of-each", "../secure", replicas=[{"name": f"shop-{each}", "count": 1} for each in SERVICES])
        run([cls.kafka / "certificates.sh"], cwd=cls.k8s)
        cls.deploy_kafka()

    @classmethod
    def deploy_kafka(cls):
        run([cls.kafka / "deploy.sh", "--overlay", "dev-secure", "--no-verify"], limit=600)

    def test_an_order_completes_with_each_service_as_its_own_user(self):
        self.deploy("--overlay", "one-of-each")
        self.completes(self.place())
        for service in SERVICES:
            self.assertEqual(self.secret(f"{service}-kafka", "username"), service)
            self.assertEqual(self.secret(f"{service}-kafka", "password"), self.secret("kafka-users", service, "kafka"))

    def test_a_password_changed_in_the_cluster_reaches_the_service_by_deploying_again(self):
        before = self.instances("payments")
        self.kubectl("patch", "secret", "kafka-users", "-n", "kafka", "--type", "merge", "-p", '{"stringData":{"payments":"another-password-of-payments"}}')
        self.deploy_kafka()
        self.deploy("--overlay", "one-of-each")
        self.assertEqual(self.secret("payments-kafka", "password"), "another-password-of-payments")
        eventually(lambda: not set(before) & set(self.instances("payments")), 60, "payments was restarted")
        self.completes(self.place())

    def test_a_service_with_a_wrong_password_says_so_and_orders_wait(self):
        self.kubectl("patch", "secret", "payments-kafka", "-n", "shop", "--type", "merge", "-p", '{"stringData":{"password":"not-the-password"}}')
        self.kubectl("rollout", "restart", "-n", "shop", "deployment/shop-payments")
        pod = eventually(lambda: [each for each in self.instances("payments") if "uthentication" in self.node.logs("shop", each)], 90, "payments is refused")[0]
        self.assertNotIn("not-the-password", self.node.logs("shop", pod))


def overlay(folder, base, components=(), **more):
    folder.mkdir()
    text = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": [base], "components": list(components), **more}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(text))


class Applied(ClusterTest):
    """Under strict validation, twice; what runs in the pods is the other suites' business."""

    def test_every_overlay_is_accepted_twice_and_its_pods_find_a_node(self):
        names = ["postgres", "jaegertracing/jaeger", *(f"shop-{service}" for service in SERVICES)]
        for folder in OVERLAYS:
            namespace = f"accepted-{folder.parent.parent.name}-{folder.name}"
            images = [{"name": name, "newName": "not-run/it"} for name in names]
            with self.subTest(overlay=namespace), temporary_overlay(folder, images=images, namespace=namespace) as temporary:
                expected = sum(each["spec"].get("replicas", 1) for each in render(temporary) if each["kind"] in ("Deployment", "StatefulSet", "Job"))
                apply = ["apply", "--server-side", "--validate=strict", "-k", temporary]
                generations = ["get", "-k", temporary, "-o", "go-template={{range .items}}{{.kind}}/{{.metadata.name}} {{.metadata.generation}}{{\"\\n\"}}{{end}}"]
                self.kubectl(*apply)
                before = self.kubectl(*generations)
                self.kubectl(*apply)
                self.assertEqual(self.kubectl(*generations), before)
                eventually(lambda: len(self.kubectl("get", "pods", "-n", namespace, "-o", "jsonpath={.items[*].spec.nodeName}").split()) == expected,      # noqa: B023
                           30, f"{expected} pods scheduled")
                if "shop" in namespace:
                    budget = self.get("pdb", "shop-orders", namespace)["status"]
                    self.assertEqual(budget["expectedPods"], 1 if folder.name == "dev" else 2)
