"""The cluster as Strimzi's resources: accepted strictly, and the same as the other overlays where it claims to be."""
import os
import unittest

import yaml

import docs
import local_kafka
from cluster import K8S, ClusterTest, Failed, needs, pick, render, run, work_folder

OVERLAY = K8S / "kafka/overlays/strimzi"


def listed(file):
    """The lines of a list, in words."""
    return [line.split() for line in (K8S / "kafka/topics/shop" / file).read_text().split("\n") if line.strip() and not line.startswith("#")]


class TheSameCluster(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.objects = render(OVERLAY)
        cls.kafka = pick(cls.objects, "Kafka", "kafka")["spec"]["kafka"]
        cls.pool = pick(cls.objects, "KafkaNodePool", "brokers")["spec"]
        cls.kraft = render(K8S / "kafka/overlays/kraft")
        cls.stateful = pick(cls.kraft, "StatefulSet", "kafka")["spec"]

    def of(self, kind):
        return [each for each in self.objects if each["kind"] == kind]

    def test_topics_are_those_of_the_list(self):
        topics = {each["metadata"]["name"]: each["spec"] for each in self.of("KafkaTopic")}
        self.assertEqual(topics, {name: {"partitions": int(partitions), "replicas": 3, "config": {
            "retention.ms": int(retention), "min.insync.replicas": 2, "cleanup.policy": "delete"}} for name, partitions, retention, *_ in listed("topics.txt")})

    def test_users_have_the_rights_of_the_list_and_no_more(self):
        rights = {}
        for user in self.of("KafkaUser"):
            self.assertEqual(user["spec"]["authentication"], {"type": "scram-sha-512"})
            rights[user["metadata"]["name"]] = {(operation, rule["resource"]["type"] + (":" + rule["resource"]["name"] if "name" in rule["resource"] else ""))
                                                for rule in user["spec"].get("authorization", {}).get("acls", []) for operation in rule["operations"]}
        wanted = {"admin": set(), "backup": {("Describe", "topic:*"), ("DescribeConfigs", "topic:*"), ("Describe", "group:*"), ("Describe", "cluster"), ("DescribeConfigs", "cluster")}}
        for user, operation, *resources in listed("acls.txt"):
            wanted.setdefault(user, set()).update((operation, resource) for resource in resources)
        self.assertEqual(rights, wanted)
        self.assertEqual(self.kafka["authorization"], {"type": "simple", "superUsers": ["admin"]})

    def test_resources_that_belong_to_a_cluster_say_so(self):
        for each in self.of("KafkaTopic") + self.of("KafkaUser") + self.of("KafkaNodePool"):
            self.assertEqual(each["metadata"]["labels"]["strimzi.io/cluster"], "kafka")

    def test_settings_are_those_of_the_other_overlays(self):
        lines = (K8S / "kafka/base/config/10-base.properties").read_text().split("\n")
        base = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        for mine in "inter.broker.listener.name", "log.dirs":       # the operator's business
            del base[mine]
        replication = {"default.replication.factor", "min.insync.replicas", "offsets.topic.replication.factor", "transaction.state.log.replication.factor", "transaction.state.log.min.isr"}
        config = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in self.kafka["config"].items()}
        self.assertEqual({key: value for key, value in config.items() if key not in replication}, base)
        settings = next(each for each in self.kraft if each["kind"] == "ConfigMap" and each["metadata"]["name"].startswith("kafka-settings"))["data"]
        self.assertEqual({key: config[key] for key in replication}, {key: settings["MIN_INSYNC_REPLICAS" if "min" in key else "REPLICATION_FACTOR"] for key in replication})

    def test_nodes_have_the_size_of_the_other_overlay(self):
        container = self.stateful["template"]["spec"]["containers"][0]
        self.assertEqual(self.pool["replicas"], self.stateful["replicas"])
        self.assertEqual(self.pool["resources"], container["resources"])
        self.assertEqual("-Xms{-Xms} -Xmx{-Xmx}".format(**self.pool["jvmOptions"]), next(each["value"] for each in container["env"] if each["name"] == "KAFKA_HEAP_OPTS"))
        self.assertEqual(self.pool["storage"]["volumes"][0]["size"], self.stateful["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"])
        self.assertEqual(self.pool["template"]["pod"]["terminationGracePeriodSeconds"], self.stateful["template"]["spec"]["terminationGracePeriodSeconds"])
        self.assertEqual({"controller", "broker"}, set(self.pool["roles"]))

    def test_no_volume_goes_with_a_resource(self):
        self.assertTrue(all(volume["deleteClaim"] is False for volume in self.pool["storage"]["volumes"]))

    def test_the_namespace_is_the_same(self):
        ours, theirs = (pick(objects, "Namespace", "kafka")["metadata"]["labels"] for objects in (self.objects, self.kraft))
        self.assertEqual(ours, theirs)

    def test_brokers_tell_what_the_rules_of_the_metrics_component_say(self):
        reference = self.kafka["metricsConfig"]["valueFrom"]["configMapKeyRef"]
        rules = pick(self.objects, "ConfigMap", reference["name"])["data"][reference["key"]]
        self.assertEqual(rules, (K8S / "kafka/components/metrics/jmx-exporter-rules.yaml").read_text())
        self.assertNotEqual(reference["name"], "kafka-metrics", "a changed rule must reach the brokers")
        self.assertEqual(self.of("NetworkPolicy"), [])

    def test_the_certificate_is_good_for_the_address_that_clients_know(self):
        service = pick(self.objects, "Service", "kafka")
        self.assertEqual([each["port"] for each in service["spec"]["ports"]], [each["port"] for each in self.kafka["listeners"]])
        for listener in self.kafka["listeners"]:
            self.assertIn("kafka.kafka.svc.cluster.local", listener["configuration"]["bootstrap"]["alternativeNames"])

    def test_one_broker_at_a_time_may_be_evicted(self):
        self.assertEqual(self.kafka["template"]["podDisruptionBudget"]["maxUnavailable"], 1)


@needs("KAFKA_HOME")
class OnARealBroker(unittest.TestCase):
    def test_the_version_knows_every_setting(self):
        home, kafka = os.environ["KAFKA_HOME"], pick(render(OVERLAY), "Kafka", "kafka")["spec"]["kafka"]
        self.assertTrue((local_kafka.complete(home) / f"libs/kafka-clients-{kafka['version']}.jar").exists(), "another version than the one tested here")
        config = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in kafka["config"].items()}
        broker = local_kafka.single_node(home, work_folder("strimzi"), config, format_args=["--release-version", kafka["metadataVersion"]])
        self.addCleanup(broker.kill)
        told = local_kafka.cli(home, "kafka-configs", "--bootstrap-server", broker.bootstrap, "--describe", "--all", "--entity-type", "brokers", "--entity-name", "1")
        for key, value in config.items():
            self.assertIn(f"  {key}={value} sensitive=false", told)


@needs("KUBE_HOME")
class Definitions(ClusterTest):
    needs_node = False

    def test_the_guide_s_commands_apply_it_strictly_and_twice(self):
        for _ in range(2):
            done = self.kubectl("apply", "--server-side", "--validate=strict", "-k", OVERLAY, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        folder = work_folder("guide")
        (folder / "k8s").symlink_to(K8S)
        said = "".join(docs.run_block(block, cwd=folder) for block in docs.blocks(OVERLAY / "README.md", "strimzi"))
        for each in "kafka.kafka.strimzi.io/kafka", "kafkatopic.kafka.strimzi.io/dead-letter-queue", "kafkauser.kafka.strimzi.io/notifications":
            self.assertIn(each, said)
        self.assertEqual(docs.untagged(OVERLAY / "README.md"), [])

    def test_a_misspelt_field_is_refused(self):
        wrong = run(["kubectl", "kustomize", OVERLAY]).replace("deleteClaim: false", "deleteClaims: false")
        with self.assertRaisesRegex(Failed, r'unknown field "spec\.storage\.volumes\[0\]\.deleteClaims"|volumes\[0\]\.deleteClaims: field not declared'):
            self.kubectl("apply", "--server-side", "--validate=strict", "-f", "-", stdin=wrong)

    def test_pods_made_by_these_templates_are_let_in_by_the_restricted_standard(self):
        """Pods as the operator would make them: the templates' parts in place."""
        objects = render(OVERLAY)
        self.apply(pick(objects, "Namespace", "kafka"))
        kafka, pool = pick(objects, "Kafka", "kafka")["spec"], pick(objects, "KafkaNodePool", "brokers")["spec"]["template"]
        entity = kafka["entityOperator"]["template"]
        for name, pod, init, containers in [("brokers", pool["pod"], [pool["initContainer"]], [pool["kafkaContainer"]]),
                                            ("entity-operator", entity["pod"], [], [entity["topicOperatorContainer"], entity["userOperatorContainer"]])]:
            container = lambda number, template: {"name": f"c{number}", "image": "strimzi", **template}     # noqa: E731
            self.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=yaml.safe_dump({
                "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "kafka"},
                "spec": {**pod, "initContainers": [container(n, each) for n, each in enumerate(init, 10)], "containers": [container(n, each) for n, each in enumerate(containers)]}}))
