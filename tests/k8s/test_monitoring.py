"""Alert rules, board, exporters: every query is asked of a real Prometheus that scrapes a real cluster, started from the
manifests, and every metric of others stands in the table of names that the guide keeps."""
import functools
import http.server
import json
import os
import re
import signal
import socket
import subprocess
import threading
import unittest
from pathlib import Path
from unittest import mock

import yaml

import docs
import local_kafka
from cluster import K8S, ROOT, ClusterTest, eventually, needs, pick, render, run, temporary_overlay, work_folder
from prometheus import Prometheus, names, needs_tools, promtool, scrape, selectors, series, tool

HERE = Path(__file__).parent / "monitoring"
MONITORING, KAFKA = K8S / "monitoring", K8S / "kafka"
JMX_RULES = KAFKA / "components/metrics/jmx-exporter-rules.yaml"
BOARD = MONITORING / "base/grafana/kafka-event-bus.json"
README = MONITORING / "README.md"
IMAGE = "registry.example.com/kafka-with-exporter:4.3.1"
KMINION = "redpandadata/kminion:v2.3.5"

# What the issue asks for, and the alert that is it.
ASKED = {
    "broker offline": "KafkaBrokerOffline", "under-replicated": "KafkaUnderReplicatedPartitions", "offline partitions": "KafkaOfflinePartitions",
    "active controllers": "KafkaActiveControllers", "consumer lag": "KafkaConsumerLag", "disk": "KafkaDiskUsage", "memory": "KafkaMemoryUsage",
    "ISR shrinking": "KafkaIsrShrinking", "rebalance rate": "KafkaRebalancing", "outbox oldest age": "EventBusOutboxAge",
    "dead letters": "KafkaDeadLettersArriving"}


def agent():
    """The exporter's jar, which stands beside the distributions or in JMX_EXPORTER_JAR."""
    found = sorted(Path(os.environ["KAFKA_HOME"]).resolve().parent.glob("jmx_prometheus_javaagent-*.jar")) if os.environ.get("KAFKA_HOME") else []
    return os.environ.get("JMX_EXPORTER_JAR") or (str(found[-1]) if found else None)


needs_agent = unittest.skipIf(not agent(), "no jmx_prometheus_javaagent-*.jar beside KAFKA_HOME, nor JMX_EXPORTER_JAR")


@functools.lru_cache
def rule_file():
    return yaml.safe_load((MONITORING / "operator/prometheusrule.yaml").read_text())["spec"]


def rules():
    return [rule for group in rule_file()["groups"] for rule in group["rules"]]


def alerts():
    return {rule["alert"]: rule for rule in rules() if "alert" in rule}


@functools.lru_cache
def board():
    return json.loads(BOARD.read_text())


def panels():
    return [panel for panel in board()["panels"] if panel["type"] != "row"]


def queries():
    """(where, expression) of every panel's query and of the annotation, with Grafana's variables filled in."""
    found = [(f"{panel['title']}, {target['legendFormat']}", target["expr"]) for panel in panels() for target in panel["targets"]]
    found += [(each["name"], each["expr"]) for each in board()["annotations"]["list"]]
    return [(where, fill(expression)) for where, expression in found]


def fill(expression):
    for variable, value in ("$namespace", "kafka"), ("$topic", ".*"), ("$group", ".*"), ("$service", ".*"), ("$__rate_interval", "1m"):
        expression = expression.replace(variable, value)
    return expression


def used():
    """Every metric that a rule or a panel asks for, except what rules record."""
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    everything = set().union(*(names(rule["expr"]) for rule in rules()), *(names(expression) for _, expression in queries()))
    return everything - recorded - {"ALERTS"}


def of_brokers(metrics):
    return {name for name in metrics if re.match("kafka_|jvm_|jmx_|process_", name)}


def table(title):
    """The rows below a heading of the guide, as lists of cells without their backquotes."""
    section = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", README.read_text(), re.M | re.S)
    if not section:
        raise AssertionError(f"The guide has no section {title}.")
    rows = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in section[1].split("\n") if line.startswith("|")]
    return rows[2:]


def code(cell):
    return re.findall(r"`([^`]+)`", cell)


class Rules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = work_folder("rules")
        cls.file = cls.folder / "kafka-event-bus.rules.yml"
        cls.file.write_text(run([MONITORING / "rules.sh"]))

    def test_the_plain_rule_file_is_the_operators_rules(self):
        self.assertEqual(yaml.safe_load(self.file.read_text()), rule_file())
        linked = yaml.safe_load(run([MONITORING / "rules.sh", "https://git.example.com/bus/blob/main/"]))
        self.assertEqual(linked["groups"][0]["rules"][3]["annotations"]["runbook_url"],
                         "https://git.example.com/bus/blob/main/k8s/monitoring/RUNBOOK.md#kafkaconsumerlag")

    @needs_tools("promtool")
    def test_promtool_accepts_them(self):
        self.assertIn(f"{len(rules())} rules found", promtool("check", "rules", self.file))

    @needs_tools("promtool")
    def test_every_alert_fires_when_it_should_and_only_then(self):
        (self.folder / "rules.test.yaml").write_text((HERE / "rules.test.yaml").read_text())
        promtool("test", "rules", self.folder / "rules.test.yaml", cwd=self.folder)

    def test_every_alert_is_tested_firing_and_silent(self):
        checks = [check for test in yaml.safe_load((HERE / "rules.test.yaml").read_text())["tests"] for check in test.get("alert_rule_test", [])]
        self.assertEqual({check["alertname"] for check in checks if check["exp_alerts"]}, set(alerts()))
        self.assertEqual({check["alertname"] for check in checks if not check["exp_alerts"]}, set(alerts()))

    def test_what_was_asked_for_is_there(self):
        self.assertLessEqual(set(ASKED.values()), set(alerts()))

    def test_every_alert_says_how_bad_it_is_where_it_comes_from_and_what_to_do(self):
        sources = {"broker", "lag exporter", "kubelet", "cAdvisor", "kube-state-metrics", "bus", "cert-manager", "blackbox exporter"}
        for name, rule in alerts().items():
            with self.subTest(alert=name):
                self.assertIn(rule["labels"]["severity"], ("warning", "critical"))
                self.assertLessEqual(set(rule["labels"]["source"].split(", ")), sources)
                self.assertEqual(set(rule["annotations"]), {"summary", "description", "runbook_url"})
                self.assertLessEqual(len(rule["annotations"]["summary"]), 120)

    def test_the_source_of_an_alert_is_that_of_its_metrics(self):
        prefixes = {"kminion_": "lag exporter", "kubelet_": "kubelet", "container_": "cAdvisor", "kube_": "kube-state-metrics", "cuckoo_": "bus",
                    "certmanager_": "cert-manager", "probe_": "blackbox exporter", "kafka_group_partition:": "lag exporter",
                    "kafka_partition:": "lag exporter", "kafka_": "broker", "jvm_": "broker", "jmx_": "broker", "process_": "broker", "up": "broker"}
        for name, rule in alerts().items():
            found = {next(source for prefix, source in prefixes.items() if metric.startswith(prefix)) for metric in names(rule["expr"])}
            self.assertEqual(found, set(rule["labels"]["source"].split(", ")), name)

    def test_the_runbook_has_a_section_for_each_alert_and_no_other(self):
        text = (MONITORING / "RUNBOOK.md").read_text()
        sections = dict(re.findall(r"^### (\w+)\n(.*?)(?=^#|\Z)", text, re.M | re.S))
        self.assertEqual(set(sections), set(alerts()))
        for name, rule in alerts().items():
            self.assertEqual(rule["annotations"]["runbook_url"], f"k8s/monitoring/RUNBOOK.md#{name.lower()}")
            self.assertGreater(len(sections[name].strip()), 40, name)

    def test_the_runbook_speaks_of_alerts_and_panels_that_exist(self):
        text = (MONITORING / "RUNBOOK.md").read_text()
        self.assertLessEqual(set(re.findall(r"\b(?:Kafka|EventBus)[A-Z]\w+", text)), set(alerts()))
        titles = " ".join(panel["title"].lower() for panel in board()["panels"])
        quoted = {each for each in re.findall(r'"([^"\n]+)"', text) if each != board()["title"]}
        self.assertEqual({each for each in quoted if each.lower() not in titles}, set())

    def test_the_recorded_names_are_read_by_somebody(self):
        everything = set().union(*(names(rule["expr"]) for rule in rules()), *(names(expression) for _, expression in queries()))
        self.assertLessEqual({rule["record"] for rule in rules() if "record" in rule}, everything)


class Board(unittest.TestCase):
    def test_it_shows_what_was_asked_for(self):
        rows = [panel["title"] for panel in board()["panels"] if panel["type"] == "row"]
        self.assertEqual(rows, ["Health", "Traffic", "Latency", "Lag", "Rebalances", "Event bus", "Resources"])
        titles = "\n".join(panel["title"] for panel in panels())
        for wanted in "Network I/O", "Consumption", "ISR shrinks and expands", "RequestsPerSec", "LogFlushRateAndTimeMs", "Disk used", "Memory", \
                "Lag of groups in time", "Rebalances", "Dead letters", "Outbox":
            self.assertIn(wanted, titles)

    def test_every_panel_says_where_its_figures_come_from(self):
        for panel in panels():
            self.assertRegex(panel["description"], r"^Sources?: ", panel["title"])

    def test_panels_have_numbers_of_their_own_and_do_not_overlap(self):
        everything = board()["panels"]
        self.assertEqual(len({panel["id"] for panel in everything}), len(everything))
        cells = [(x, y) for panel in everything for position in [panel["gridPos"]]
                 for x in range(position["x"], position["x"] + position["w"]) for y in range(position["y"], position["y"] + position["h"])]
        self.assertEqual(len(set(cells)), len(cells))
        self.assertLess(max(x for x, _ in cells), 24)

    def test_variables_that_are_used_are_there_and_the_other_way_round(self):
        text = json.dumps([board()["panels"], board()["annotations"]])
        defined = {each["name"] for each in board()["templating"]["list"]}
        self.assertEqual(set(re.findall(r"\$\{?([a-z]+)\}?", text)), defined)
        self.assertEqual({each["datasource"]["uid"] for panel in panels() for each in [panel, *panel["targets"]]}, {"${datasource}"})

    @needs_tools("promtool")
    def test_every_query_parses(self):
        file = work_folder("board") / "queries.yml"
        asked = [{"record": f"query:{number}", "expr": expression} for number, (_, expression) in enumerate(queries())]
        file.write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": asked}]}))
        self.assertIn(f"{len(asked)} rules found", promtool("check", "rules", file))


class Names(unittest.TestCase):
    """Metrics that are not the brokers' own, against the names that the guide has from their exporters."""

    def test_metrics_of_exporters_are_documented_ones(self):
        documented = {name: row[0] for row in table("Names of the others") for name in code(row[1])}
        bus = {row[2].strip("`") for row in table("Names of the bus")}
        for name in sorted(used() - of_brokers(used()) - {"up"}):
            base = re.sub(r"_(bucket|sum|count)$", "", name) if name.startswith(("cuckoo_", "messaging_")) else name
            self.assertTrue(base in bus or name in documented, f"{name} is in no table of the guide")

    def test_every_documented_metric_is_used(self):
        documented = {name for row in table("Names of the others") for name in code(row[1])}
        self.assertEqual(documented - used(), set())

    def test_names_of_the_bus_follow_from_its_instruments(self):
        for otel, instrument, prometheus, *_ in table("Names of the bus"):
            name, *unit = otel.replace("`", "").split(" ")
            suffix = {"(s)": "_seconds"}.get(unit[0] if unit else "", "")
            self.assertEqual(prometheus.strip("`"), name.replace(".", "_") + suffix + ("_total" if instrument == "counter" else ""), name)

    def test_the_guide_knows_which_instruments_the_bus_has(self):
        source = "\n".join((ROOT / "src/Cuckoo.EventBus" / file).read_text() for file in ("Telemetry/BusMetrics.cs", "Consuming/ConsumerGauges.cs"))
        kinds = {"Counter": "counter", "UpDownCounter": "gauge", "ObservableGauge": "gauge", "ObservableUpDownCounter": "gauge", "Gauge": "gauge",
                 "Histogram": "histogram", "ObservableCounter": "counter"}
        there = {name: (kinds[kind], unit) for kind, name, unit in re.findall(r'Create(\w+)(?:<\w+>)?\(\s*"([\w.]+)",\s*(?:\w+,\s*)?"([^"]+)"', source)}
        rows = {row[0].replace("`", "").split(" ")[0]: row for row in table("Names of the bus")}
        self.assertEqual(set(there) - set(rows), set(), "instruments of the bus that the guide doesn't list")
        for name, (otel, instrument, _, _, emitted) in rows.items():
            self.assertEqual(emitted, "yes" if name in there else "not yet", f"{name}: the guide says '{emitted}'")
            if name in there:
                self.assertEqual((instrument, "(s)" in otel), (there[name][0], there[name][1] == "s"), name)

    def test_labels_of_the_bus_are_tags_that_it_sets(self):
        source = "\n".join(path.read_text() for path in (ROOT / "src/Cuckoo.EventBus").rglob("*.cs"))
        for row in table("Names of the bus"):
            if row[4] == "yes":
                for tag in code(row[3]):
                    self.assertIn(f'"{tag}"', source, row[0])


class Manifests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base, cls.operator = render(MONITORING / "base"), render(MONITORING / "operator")

    def test_the_base_needs_no_custom_resource_and_the_operator_folder_adds_only_such(self):
        kinds = lambda objects: {each["kind"] for each in objects}      # noqa: E731
        self.assertEqual(kinds(self.base), {"ServiceAccount", "Deployment", "Service", "NetworkPolicy", "ConfigMap"})
        self.assertEqual(kinds(self.operator) - kinds(self.base), {"PodMonitor", "ServiceMonitor", "PrometheusRule"})
        self.assertEqual([each for each in self.operator if each in self.base], self.base)

    def test_the_board_is_provisioned_by_its_label(self):
        board_map = pick(self.base, "ConfigMap", "grafana-kafka-event-bus")
        self.assertEqual(board_map["metadata"]["labels"]["grafana_dashboard"], "1")
        self.assertEqual(json.loads(board_map["data"]["kafka-event-bus.json"]), board())

    def test_the_monitors_select_what_is_there(self):
        broker = pick(render(KAFKA / "overlays/ai-platform"), "StatefulSet", "kafka")["spec"]["template"]
        monitor = pick(self.operator, "PodMonitor", "kafka")["spec"]
        self.assertLessEqual(monitor["selector"]["matchLabels"].items(), broker["metadata"]["labels"].items())
        self.assertIn(monitor["podMetricsEndpoints"][0]["port"], [port["name"] for port in broker["spec"]["containers"][0]["ports"]])
        service = pick(self.operator, "Service", "kafka-lag-exporter")
        monitor = pick(self.operator, "ServiceMonitor", "kafka-lag-exporter")["spec"]
        self.assertLessEqual(monitor["selector"]["matchLabels"].items(), service["metadata"]["labels"].items())
        self.assertEqual([each["port"] for each in monitor["endpoints"]], [each["name"] for each in service["spec"]["ports"]])
        # What rules call the job is that label's value.
        self.assertEqual({broker["metadata"]["labels"]["app.kubernetes.io/name"], service["metadata"]["labels"]["app.kubernetes.io/name"]},
                         {"kafka", "kafka-lag-exporter"})

    def test_the_exporter_logs_in_and_trusts_the_authority_where_the_brokers_ask_for_it(self):
        with temporary_overlay(MONITORING / "base", [MONITORING / "components/scram", MONITORING / "components/tls"]) as folder:
            pod = pick(render(folder), "Deployment", "kafka-lag-exporter")["spec"]["template"]["spec"]
        env = {each["name"]: each for each in pod["containers"][0]["env"]}
        self.assertEqual(env["KAFKA_SASL_PASSWORD"]["valueFrom"]["secretKeyRef"], {"name": "kafka-users", "key": "monitoring"})
        self.assertEqual(env["KAFKA_TLS_CAFILEPATH"]["value"], "/ca/ca.crt")
        self.assertEqual([each["secret"]["items"] for each in pod["volumes"] if "secret" in each], [[{"key": "ca.crt", "path": "ca.crt"}]])
        for acls in KAFKA.glob("topics/*/acls.txt"):
            self.assertRegex(acls.read_text(), r"(?m)^monitoring ")

    @needs_tools("promtool")
    def test_the_example_configuration_is_accepted(self):
        folder = work_folder("prometheus")
        (folder / "kafka-event-bus.rules.yml").write_text(run([MONITORING / "rules.sh"]))
        config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
        text = (MONITORING / "prometheus.yml").read_text()
        (folder / "prometheus.yml").write_text(text)
        done = promtool("check", "config", "--syntax-only", folder / "prometheus.yml", check=False)
        if "kubernetes_sd_configs not found" in done.stderr:
            # Debian's build can't discover Kubernetes: everything else is checked with another discovery in its place.
            for job in config["scrape_configs"]:
                discovery = job.pop("kubernetes_sd_configs", None)
                if discovery:
                    self.assertEqual([set(each) for each in discovery], [{"role"}])
                    self.assertIn(discovery[0]["role"], ("node", "pod"))
                    job["file_sd_configs"] = [{"files": ["targets.json"]}]
            (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
            (folder / "targets.json").write_text("[]")
            done = promtool("check", "config", "--syntax-only", folder / "prometheus.yml", check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    @needs("yamllint")
    def test_the_unit_tests_are_clean_yaml(self):
        done = run(["yamllint", "--strict", "-d", "{extends: default, rules: {line-length: disable, document-start: disable}}", HERE], check=False)
        self.assertEqual(done.stdout, "")


class Sources:
    """Serves what the exporters that aren't here would say: monitoring/sources/NAME.prom as /NAME."""

    def __init__(self, address="127.0.0.1"):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                file = HERE / f"sources{self.path}.prom"
                self.send_response(200 if file.is_file() else 404)
                self.end_headers()
                self.wfile.write(file.read_bytes() if file.is_file() else b"")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.address = f"{address}:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


# In the place of KMinion, which isn't here: reads the configuration that is mounted, reaches Kafka by it, and serves.
STAND_IN = '''
import http.server, os, socket, time, yaml
config = yaml.safe_load(open(os.environ["CONFIG_FILEPATH"]))
host, port = config["kafka"]["brokers"][0].split(":")
assert config["kafka"]["retryInitConnection"]
while True:
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
        break
    except OSError:
        time.sleep(1)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(open("/kminion.prom", "rb").read() if self.path == "/metrics" else b"{}")
http.server.HTTPServer(("", config["exporter"]["port"]), Handler).serve_forever()
'''


@needs("KAFKA_HOME")
@needs_agent
@needs_tools("prometheus")
class RealCluster(ClusterTest):
    """Three brokers from the manifests with the exporter, the guide's commands, and a Prometheus that scrapes it all."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        kafka = cls.node.images["apache/kafka:4.3.1"]
        cls.node.image(IMAGE, {**kafka.binds, "/opt/jmx-exporter/jmx_prometheus_javaagent.jar": agent()}, kafka.env, user=kafka.user)
        folder = work_folder("stand-in")
        folder.chmod(0o755)
        (folder / "main.py").write_text(STAND_IN)
        cls.node.image(KMINION, {"/app/main.py": folder / "main.py", "/kminion.prom": HERE / "sources/kminion.prom"},
                       entrypoint=["/usr/bin/python3", "/app/main.py"])
        with temporary_overlay(KAFKA / "overlays/kraft", [KAFKA / "components/metrics"], namespace="kafka") as overlay:
            cls.kubectl("apply", "--server-side", "--validate=strict", "-k", overlay)
        cls.kubectl("create", "namespace", "monitoring")
        for block in docs.blocks(MONITORING / "README.md", "monitoring"):
            docs.run_block(block, {"PATH": cls.path()}, cwd=ROOT)
        cls.kubectl("wait", "-n", "kafka", "--for=condition=Ready", "pod", "-l", "app.kubernetes.io/component=broker", "--timeout=180s", limit=200)
        cls.kubectl("wait", "-n", "kafka", "--for=condition=Complete", "job", "--all", "--timeout=180s", limit=200)
        cls.kubectl("wait", "-n", "kafka", "--for=condition=Available", "deployment/kafka-lag-exporter", "--timeout=60s")

        cls.sources = Sources()
        cls.addClassCleanup(cls.sources.stop)
        cls.folder = work_folder("prometheus")
        cls.configure()
        cls.prometheus = Prometheus(cls.folder)
        cls.addClassCleanup(cls.prometheus.stop)
        cls.use_kafka()

    @staticmethod
    def path():
        """With promtool on it, wherever it stands."""
        return f"{os.environ['PATH']}:{Path(tool('promtool') or '/').parent}"

    @classmethod
    def configure(cls):
        """The guide's own configuration, in which files say what Kubernetes would; scraped and evaluated every second."""
        config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        for job in config["scrape_configs"]:
            job.pop("scrape_timeout", None)
            if job.pop("kubernetes_sd_configs", [{}])[0].get("role") == "pod":
                job["file_sd_configs"] = [{"files": ["pods.json"], "refresh_interval": "1s"}]
            else:
                # These speak https and need a token where they really are.
                for key in "scheme", "tls_config", "authorization":
                    job.pop(key, None)
                job.update({"metrics_path": f"/{job['job_name']}", "static_configs": [{"targets": [cls.sources.address]}]})
        config["scrape_configs"] += [
            {"job_name": "orders", "metrics_path": "/bus", "static_configs": [{"targets": [cls.sources.address]}]},
            {"job_name": "blackbox-kafka", "metrics_path": "/certificates", "static_configs": [{"targets": [cls.sources.address]}]}]
        (cls.folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        (cls.folder / "kafka-event-bus.rules.yml").write_text(run([MONITORING / "rules.sh"]).replace("interval: 30s", "interval: 1s"))
        cls.discover()

    @classmethod
    def discover(cls):
        """What Kubernetes' discovery makes of pods: a target per container port, with everything about the pod as labels."""
        targets = []
        for pod in json.loads(cls.kubectl("get", "pods", "-A", "-o", "json"))["items"]:
            clean = lambda text: re.sub(r"\W", "_", text)       # noqa: E731
            labels = {"__meta_kubernetes_namespace": pod["metadata"]["namespace"], "__meta_kubernetes_pod_name": pod["metadata"]["name"],
                      "__meta_kubernetes_pod_ip": pod["status"].get("podIP", ""), "__meta_kubernetes_pod_container_init": "false",
                      **{f"__meta_kubernetes_pod_label_{clean(key)}": value for key, value in pod["metadata"].get("labels", {}).items()},
                      **{f"__meta_kubernetes_pod_annotation_{clean(key)}": value for key, value in pod["metadata"].get("annotations", {}).items()}}
            for container in pod["spec"]["containers"]:
                for port in container.get("ports", [{"containerPort": 80}]):
                    if labels["__meta_kubernetes_pod_ip"]:
                        targets.append({"targets": [f"{labels['__meta_kubernetes_pod_ip']}:{port['containerPort']}"], "labels": labels})
        (cls.folder / "pods.json").write_text(json.dumps(targets))

    @classmethod
    def in_broker(cls, *command, stdin="", check=True, broker="kafka-0"):
        return cls.kubectl("exec", *(["-i"] if stdin else []), "-n", "kafka", broker, "--", *command, stdin=stdin, check=check)

    @classmethod
    def use_kafka(cls):
        """Some of everything that brokers count: records, groups of both protocols, and an error."""
        server = ["--bootstrap-server", "localhost:9092"]
        cls.in_broker("kafka-console-producer", *server, "--topic", "order-events", stdin="".join(f"event {n}\n" for n in range(300)))
        for protocol in "classic", "consumer":
            cls.in_broker("kafka-console-consumer", *server, "--topic", "order-events", "--group", protocol, "--from-beginning", "--max-messages", "300",
                          "--command-property", f"group.protocol={protocol}")

    @classmethod
    def fail_once(cls):
        cls.in_broker("kafka-console-producer", "--bootstrap-server", "localhost:9092", "--topic", "no-such-topic", "--command-property", "max.block.ms=1000",
                      stdin="lost\n", check=False)

    def raised(self):
        """The alerts that are pending or firing."""
        return {labels["alertname"] for labels, _ in self.prometheus.query("ALERTS")}

    def exposition(self, pod="kafka-0"):
        return scrape(f"http://{self.node.pod('kafka', pod).ip}:9404/metrics")

    def test_the_annotations_lead_prometheus_to_every_broker_and_the_lag_exporter(self):
        wanted = [("kafka", "kafka-0"), ("kafka", "kafka-1"), ("kafka", "kafka-2"), ("kafka-lag-exporter", "kafka-lag-exporter")]

        def found():
            targets = [each for each in self.prometheus.targets() if each["scrapePool"] == "annotated-pods"]
            self.assertEqual({each["health"] for each in targets}, {"up"}, [each["lastError"] for each in targets])
            return sorted((each["labels"]["job"], re.sub(r"-[a-f0-9]+-\w{5}$", "", each["labels"]["pod"])) for each in targets) == wanted
        eventually(found, limit=60)

    def test_every_broker_metric_of_rules_and_board_is_in_a_scrape(self):
        there = set().union(*(series(self.exposition(f"kafka-{n}")[0]) for n in range(3)))
        only_zookeeper = {name for row in table("KRaft and ZooKeeper") if row[1] == "ZooKeeper" for name in code(row[0])}
        missing = {name for name in of_brokers(used()) if not name.startswith("kafka_zoo")} - there
        self.assertEqual(missing, only_zookeeper)

    def test_every_query_of_the_board_returns_data(self):
        # No alert is firing, so that the annotation has nothing to show.
        with_data = [(where, expression) for where, expression in queries() if where != "Alerts"]

        def all_of_them():
            # An error has to be a fresh one.
            self.fail_once()
            self.assertEqual([where for where, expression in with_data if not self.prometheus.query(expression)], [])
            return True
        eventually(all_of_them, limit=120, message="queries without data", every=2)

    def test_every_variable_of_the_board_has_values(self):
        for variable in board()["templating"]["list"][1:]:
            selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", fill(variable["query"]["query"])).groups()
            eventually(lambda: any(label in labels for labels, _ in self.prometheus.query(selector)), limit=30, message=variable["name"])

    def test_every_selector_of_the_rules_finds_series_with_the_labels_it_asks_for(self):
        # Those that need a failure are seen below, ZooKeeper's elsewhere.
        failures = {each for name in ("KafkaWritesRefused", "KafkaZooKeeperSessionExpired") for each in selectors(alerts()[name]["expr"])}

        def all_of_them():
            self.assertEqual({each for rule in rules() for each in selectors(rule["expr"]) - failures if not self.prometheus.query(each)}, set())
            return True
        eventually(all_of_them, limit=60, message="selectors without series", every=2)

    def test_every_label_that_rules_group_by_is_on_what_they_sum(self):
        for rule in rules():
            for labels, inner in grouped(rule["expr"]):
                for labels_found, _ in self.prometheus.query(inner):
                    self.assertLessEqual(set(labels), set(labels_found), f"{rule.get('alert') or rule['record']}: {inner}")

    def test_a_healthy_cluster_raises_no_alert(self):
        eventually(lambda: self.assertEqual(self.raised(), set()) or True, limit=90)

    def test_a_scrape_is_small_and_grows_with_topics_and_replicas_only(self):
        before = series(self.exposition()[0])
        count = lambda found: sum(len(each) for each in found.values())     # noqa: E731
        self.assertTrue(400 <= count(before) <= 600, f"the guide says some 500 series, here are {count(before)}")
        self.in_broker("kafka-topics", "--bootstrap-server", "localhost:9092", "--create", "--topic", "grows", "--partitions", "12")
        self.in_broker("kafka-console-producer", "--bootstrap-server", "localhost:9092", "--topic", "grows", stdin="a record\n" * 50)
        after = series(self.exposition()[0])
        grown = {name for name in after if len(after[name]) > len(before.get(name, []))}
        mine = {name for name in grown if any('topic="grows"' in labels for labels in after[name])}
        self.assertEqual({name: sum('topic="grows"' in labels for labels in after[name]) for name in mine if "topicmetrics" not in name},
                         {"kafka_cluster_partition_underreplicated": 12, "kafka_log_log_size": 12})
        self.assertLessEqual(grown - mine, {"kafka_network_requestmetrics_requests_total", "kafka_network_requestmetrics_errors_total"})
        self.in_broker("kafka-topics", "--bootstrap-server", "localhost:9092", "--delete", "--topic", "grows")

    def test_a_scrape_is_done_long_before_its_limit(self):
        self.assertLess(min(self.exposition()[1] for _ in range(5)), 5, "the monitors allow ten seconds")

    def test_the_commands_of_the_runbook_work_on_a_healthy_cluster(self):
        self.in_broker("kafka-console-producer", "--bootstrap-server", "localhost:9092", "--topic", "dead-letter-queue", stdin="gone wrong\n")
        outputs = {block.text: docs.run_block(block, cwd=ROOT) for block in docs.blocks(MONITORING / "RUNBOOK.md", "monitoring")}
        self.assertIn("gone wrong", next(output for text, output in outputs.items() if "dead-letter-queue" in text))
        self.assertIn("classic", next(output for text, output in outputs.items() if "--all-groups" in text))
        self.assertEqual("", next(output for text, output in outputs.items() if "--under-replicated-partitions" in text).strip())

    def test_a_killed_broker_raises_the_alerts_about_it_until_it_is_back(self):
        self.in_broker("kafka-topics", "--bootstrap-server", "localhost:9092", "--create", "--topic", "strict", "--partitions", "3",
                       "--config", "min.insync.replicas=3")
        self.node.kill("kafka", "kafka-2", restart=False)
        self.addCleanup(self.node.release, "kafka", "kafka-2")
        wanted = {"KafkaBrokerOffline", "KafkaUnderReplicatedPartitions", "KafkaUnderMinIsr", "KafkaBrokerMetricsDown"}
        eventually(lambda: self.assertLessEqual(wanted, self.raised()) or True, limit=120, every=1)
        self.assertEqual(self.prometheus.query(alerts()["KafkaBrokerOffline"]["expr"]), [({"namespace": "kafka"}, 1.0)])

        # Refused for as long as the producer tries.
        producer = subprocess.Popen(["kubectl", "exec", "-i", "-n", "kafka", "kafka-0", "--", "kafka-console-producer", "--bootstrap-server",
                                     "localhost:9092", "--topic", "strict", "--command-property", "delivery.timeout.ms=60000"],
                                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(producer.wait)
        self.addCleanup(producer.send_signal, signal.SIGKILL)
        producer.stdin.write("refused\n")
        producer.stdin.close()
        eventually(lambda: "KafkaWritesRefused" in self.raised(), limit=60, every=1)
        errors = {labels["error"] for labels, _ in self.prometheus.query(alerts()["KafkaWritesRefused"]["expr"])}
        self.assertIn("NOT_ENOUGH_REPLICAS", errors)

        self.node.release("kafka", "kafka-2")
        self.kubectl("wait", "-n", "kafka", "--for=condition=Ready", "pod/kafka-2", "--timeout=180s", limit=200)
        self.discover()
        eventually(lambda: self.assertEqual(wanted & self.raised(), set()) or True, limit=120, every=1)


def grouped(expression):
    """(labels, what is summed by them) of an expression, innermost parentheses matched by counting."""
    for match in re.finditer(r"\bby \(([^)]*)\) \(", expression):
        depth, end = 1, match.end()
        while depth:
            depth += {"(": 1, ")": -1}.get(expression[end], 0)
            end += 1
        yield [label.strip() for label in match[1].split(",")], expression[match.end():end - 1]


@needs("KAFKA_ZK_HOME")
@needs_agent
class WithZooKeeper(unittest.TestCase):
    def test_the_guide_knows_which_metrics_are_only_there_with_one_or_the_other(self):
        home, folder = os.environ["KAFKA_ZK_HOME"], work_folder("zookeeper")
        zookeeper, port, metrics = local_kafka.free_port(), local_kafka.free_port(), local_kafka.free_port()
        (folder / "zookeeper.properties").write_text(f"dataDir={folder}/zk\nclientPort={zookeeper}\nadmin.enableServer=false\n")
        with (folder / "zookeeper.log").open("w") as log:
            process = subprocess.Popen([local_kafka.complete(home) / "bin/zookeeper-server-start.sh", folder / "zookeeper.properties"],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        broker = local_kafka.LocalBroker(home, {
            "broker.id": "0", "zookeeper.connect": f"127.0.0.1:{zookeeper}", "listeners": f"PLAINTEXT://127.0.0.1:{port}",
            "offsets.topic.replication.factor": "1", "offsets.topic.num.partitions": "1", "group.initial.rebalance.delay.ms": "0",
            "zookeeper.connection.timeout.ms": "60000"}, folder / "broker", opts=f"-javaagent:{agent()}=127.0.0.1:{metrics}:{JMX_RULES}")
        self.addCleanup(broker.kill)
        server = ["--bootstrap-server", broker.bootstrap]
        local_kafka.cli(home, "kafka-topics", *server, "--create", "--topic", "order-events")
        local_kafka.cli(home, "kafka-console-producer", *server, "--topic", "order-events", stdin="one\n")
        local_kafka.cli(home, "kafka-console-consumer", *server, "--topic", "order-events", "--group", "orders", "--from-beginning", "--max-messages", "1")
        text, _ = scrape(f"http://127.0.0.1:{metrics}/metrics")
        self.assertIn("jmx_scrape_error 0.0", text)
        rows = table("KRaft and ZooKeeper")
        only = {where: {name for row in rows if row[1] == where for name in code(row[0])} for where in ("KRaft", "ZooKeeper")}
        self.assertEqual(of_brokers(used()) - set(series(text)), only["KRaft"])
        self.assertLessEqual(only["ZooKeeper"], set(series(text)))


@needs("KAFKA_HOME", "ss")
class Jmx(unittest.TestCase):
    """What the guide says about JMX_PORT."""

    def broker(self, **environment):
        with mock.patch.dict(os.environ, environment):
            broker = local_kafka.single_node(os.environ["KAFKA_HOME"], work_folder("jmx"))
        self.addCleanup(broker.kill)
        return broker

    def listens_on(self, port):
        return {line.split()[3].rsplit(":", 1)[0] for line in run(["ss", "-Hltn", f"sport = :{port}"]).strip().split("\n") if line}

    def test_jmx_port_opens_every_address_and_ends_every_tool_beside_the_broker(self):
        port = str(local_kafka.free_port())
        # What Kafka's script sets by itself, and an address for this machine's name, which means nothing in here.
        hosts = work_folder("jmx") / "hosts"
        hosts.write_text(f"127.0.0.1 {socket.gethostname()}\n")
        options = f"-Dcom.sun.management.jmxremote.authenticate=false -Dcom.sun.management.jmxremote.ssl=false -Djdk.net.hosts.file={hosts}"
        variables = {"JMX_PORT": port, "KAFKA_JMX_OPTS": options}
        broker = self.broker(**variables)
        self.assertEqual(self.listens_on(port), {"*"})
        with mock.patch.dict(os.environ, variables), self.assertRaisesRegex(AssertionError, "Port already in use"):
            local_kafka.cli(os.environ["KAFKA_HOME"], "kafka-topics", "--bootstrap-server", broker.bootstrap, "--list")

    def test_the_options_of_the_guide_open_loopback_only(self):
        patch = next(yaml.safe_load(block.text) for block in docs.all_blocks(README) if "KAFKA_JMX_OPTS" in block.text)
        variable = patch["spec"]["template"]["spec"]["containers"][0]["env"][0]
        port = str(local_kafka.free_port())
        self.broker(**{variable["name"]: variable["value"].replace("9999", port)})
        self.assertEqual(self.listens_on(port), {"[::ffff:127.0.0.1]"})
