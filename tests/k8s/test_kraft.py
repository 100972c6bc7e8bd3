"""The default overlay on a real Kafka: by the quick start, through its guide, through faults, and away again. In order:
each test goes on with the cluster that the one before left."""
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import docs
import local_kafka
from cluster import K8S, ROOT, ClusterTest, eventually, needs, run, temporary_overlay, work_folder

BOOTSTRAP = "kafka.kafka.svc.cluster.local:9092"


@needs("KAFKA_HOME")
class Kraft(ClusterTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The guide writes overlays of one's own beside the ones that are there.
        cls.k8s = work_folder("checkout") / "k8s"
        shutil.copytree(K8S, cls.k8s)
        cls.kafka = cls.k8s / "kafka"

    def script(self, name, *args, check=True, env=None, stdin="", limit=600):
        return run([self.kafka / name, *args], check=check, env=env, stdin=stdin, limit=limit)

    def fails(self, name, *args, says, env=None, stdin="", code=None):
        done = self.script(name, *args, check=False, env=env, stdin=stdin)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        if code is not None:
            self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        for each in [says] if isinstance(says, str) else says:
            self.assertIn(each, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def tool(self, name, *args):
        return local_kafka.cli(os.environ["KAFKA_HOME"], name, "--bootstrap-server", BOOTSTRAP, *args)

    def in_sync(self):
        return self.kubectl("exec", "-n", "kafka", self.any_broker(), "--", "bash", "/scripts/status.sh", "--replicas", check=False, limit=60).returncode == 0

    def any_broker(self):
        return eventually(lambda: self.kubectl("get", "pods", "-n", "kafka", "-l", "app.kubernetes.io/component=broker", "-o",
                                               "go-template={{range .items}}{{$n := .metadata.name}}{{range .status.conditions}}{{if and (eq .type \"Ready\") (eq .status \"True\")}}{{$n}} {{end}}{{end}}{{end}}").split(), 60)[0]

    # --- Before there is anything

    def test_what_is_missing_is_named_with_its_remedy_and_nothing_is_changed(self):
        self.fails("deploy.sh", "--overlay", "nonsense", says=["There is no overlay nonsense", "kraft-secure"])
        self.fails("deploy.sh", "--frobnicate", says="Unknown option --frobnicate")
        self.fails("deploy.sh", "--timeout", "soon", says="--timeout soon is not a number")
        self.fails("deploy.sh", env={"KUBECTL": "no-such-kubectl"}, says=["no-such-kubectl is not installed", "Install kubectl"])
        nowhere = work_folder("nowhere") / "kubeconfig"
        nowhere.write_text(self.kubeconfig().replace("16443", "1"))
        self.fails("deploy.sh", env={"KUBECONFIG": str(nowhere)}, says=["No Kubernetes cluster answers", "--context NAME"])
        self.assertIn("--keep-data", self.script("cleanup.sh", "--help"))
        self.fails("deploy.sh", "--overlay", "ai-platform", says=["needs an image of your own", "docker build"])
        self.fails("deploy.sh", "--overlay", "kraft-secure", says=["The Secret kafka-tls is not there", "certificates.sh"])
        self.fails("deploy.sh", "--overlay", "strimzi", says="applied with kubectl")
        self.fails("verify.sh", says="✗ namespace: kafka is not there", code=1)
        self.fails("roll.sh", says="There is no cluster in the namespace kafka")
        self.assertIn("nothing to delete", self.script("cleanup.sh", "--yes"))
        self.assertNotIn("namespace/kafka", self.kubectl("get", "namespaces", "-o", "name"))

    def kubeconfig(self):
        with open(os.environ["KUBECONFIG"]) as file:
            return file.read()

    def test_a_version_that_is_too_old_is_refused(self):
        wrapper = work_folder("old") / "kubectl"
        wrapper.write_text(f"""#!/bin/sh
case "$*" in
    *"--raw /version"*) echo '{{"gitVersion": "v1.24.3"}}' ;;
    "version --client"*) echo '{{"clientVersion": {{"gitVersion": "v1.22.1"}}}}' | sed 's/{{/\\n/g; s/, /\\n/g' ;;
    *) exec {os.environ['KUBECTL']} "$@" ;;
esac
""")
        wrapper.chmod(0o755)
        self.fails("deploy.sh", env={"KUBECTL": str(wrapper)}, says=["kubectl is v1.22.1", "Kubernetes is v1.24.3", "Upgrade it"])

    def test_missing_rights_are_named(self):
        self.kubectl("create", "serviceaccount", "visitor", "-n", "default")
        token = self.kubectl("create", "token", "visitor", "-n", "default").strip()
        visitor = work_folder("visitor") / "kubeconfig"
        visitor.write_text(re.sub(r"token: \"?[^\"}]+\"?", f"token: \"{token}\"", self.kubeconfig()))
        self.fails("deploy.sh", env={"KUBECONFIG": str(visitor)},
                   says=["You may not create or change", "statefulsets.apps", "namespaces (create)", "Ask an administrator"])

    def test_a_missing_storage_class_is_named_with_those_that_are_there(self):
        annotation = "storageclass.kubernetes.io/is-default-class"
        self.kubectl("annotate", "storageclass", "standard", f"{annotation}=false", "--overwrite")
        self.addCleanup(self.kubectl, "annotate", "storageclass", "standard", f"{annotation}=true", "--overwrite")
        self.fails("deploy.sh", says=["No storage class is the default", "standard", "kubectl annotate"])
        with temporary_overlay(K8S / "kafka/overlays/kraft", patches=[{"target": {"kind": "StatefulSet", "name": "kafka"}, "patch": "- {op: add, path: /spec/volumeClaimTemplates/0/spec/storageClassName, value: golden}"}]) as folder:
            self.fails("deploy.sh", "--overlay", str(folder), says="There is no storage class golden (there are:")

    def test_too_few_nodes_are_named(self):
        self.kubectl("cordon", "node-3")
        self.addCleanup(self.kubectl, "uncordon", "node-3")
        self.fails("deploy.sh", says=["2 nodes take pods, and 3 brokers go to one each", "--overlay dev"])

    # --- The guides

    def test_the_quick_start_leads_to_a_verified_cluster(self):
        for number, block in enumerate(docs.blocks(self.kafka / "QUICK_START.md", "kraft")):
            output = docs.run_block(block, cwd=self.kafka, limit=600)
            if number == 0:
                for said in "3 of 3 brokers ready", "dead-letter-queue: created, 3 partitions, 3 replicas", "✓ message sent and received", "All is well.":
                    self.assertIn(said, output)

    def test_verification_says_each_of_the_fourteen_things(self):
        checks = json.loads(self.script("verify.sh", "--json"))
        self.assertEqual(checks["failed"], 0)
        names = [each["name"] for each in checks["checks"]]
        for name in ("namespace", "brokers running", "brokers in the cluster", "quorum and controller", "service kafka", "service kafka-headless", "volumes bound",
                     "topic order-events", "topic payment-events", "topic inventory-events", "topic notification-events", "topic dead-letter-queue",
                     "message sent and received"):
            self.assertIn(name, names)
        self.assertTrue(all(each["remedy"] is None for each in checks["checks"]))

    def test_deploying_again_changes_nothing_and_restarts_nobody(self):
        before = self.kubectl("get", "pods", "-n", "kafka", "-l", "app.kubernetes.io/component=broker", "-o", "jsonpath={.items[*].metadata.uid}")
        output = self.script("deploy.sh", "--no-verify")
        self.assertEqual(self.kubectl("get", "pods", "-n", "kafka", "-l", "app.kubernetes.io/component=broker", "-o", "jsonpath={.items[*].metadata.uid}"), before)
        self.assertIn("order-events: as it should be", output)
        self.assertNotIn("Restart", output)

    def test_every_command_of_the_guide_works(self):
        for block in docs.blocks(self.kafka / "README.md", "kraft"):
            docs.run_block(block, cwd=self.kafka, limit=900)

    # --- Faults

    def test_the_topic_job_corrects_drift_and_refuses_what_needs_a_decision(self):
        self.tool("kafka-configs", "--alter", "--entity-type", "topics", "--entity-name", "payment-events", "--add-config", "retention.ms=1000,min.insync.replicas=1")
        self.tool("kafka-topics", "--delete", "--topic", "inventory-events")
        self.fails("verify.sh", says=["✗ topic payment-events", "✗ topic inventory-events: does not exist"], code=2)
        output = self.script("deploy.sh", "--overlay", "my-larger-cluster", "--no-verify")
        self.assertIn("payment-events: corrected retention.ms=604800000,min.insync.replicas=2", output)
        self.assertIn("inventory-events: created", output)
        self.assertIn("order-events: as it should be", output)

        self.tool("kafka-topics", "--create", "--topic", "ai-task-queue", "--partitions", "2", "--replication-factor", "2")
        self.kubectl("create", "configmap", "wrong-topics", "-n", "kafka", "--from-literal=topics.txt=ai-task-queue 16 604800000\n")
        job = self.job("wrong", "kafka-topics", "wrong-topics")
        self.assertEqual(job, "Failed")
        logs = self.kubectl("logs", "-n", "kafka", "job/wrong")
        for said in "has 2 partitions, not 16", "breaks their order", "has 2 replicas, not 3", "kafka-reassign-partitions", "2 problems":
            self.assertIn(said, logs)
        self.assertIn("PartitionCount: 2", self.tool("kafka-topics", "--describe", "--topic", "ai-task-queue"))
        self.kubectl("create", "configmap", "senseless-topics", "-n", "kafka", "--from-literal=topics.txt=good 1 1000\nbad/name 3 week\n")
        self.assertEqual(self.job("senseless", "kafka-topics", "senseless-topics"), "Failed")
        self.assertIn("topics.txt:2: 'bad/name 3 week' is not", self.kubectl("logs", "-n", "kafka", "job/senseless"))
        self.assertNotIn("good", self.tool("kafka-topics", "--list").split())
        self.tool("kafka-topics", "--delete", "--topic", "ai-task-queue")

    def job(self, name, like, topics):
        """A copy of a Job with another list of topics; how it ended."""
        job = self.get("job", like, "kafka")
        spec = job["spec"]["template"]["spec"]
        next(each for each in spec["volumes"] if each["name"] == "topics")["configMap"]["name"] = topics
        labels = {key: value for key, value in job["spec"]["template"]["metadata"]["labels"].items() if "controller-uid" not in key and "job-name" not in key}
        self.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": "kafka"},
                    "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": labels}, "spec": spec}}})
        return self.job_end(name)

    def job_end(self, name, limit=180):
        return eventually(lambda: [each["type"] for each in self.get("job", name, "kafka")["status"].get("conditions", []) if each["status"] == "True" and each["type"] in ("Complete", "Failed")], limit)[0]

    def test_a_killed_broker_loses_no_acknowledged_write_and_new_ones_are_taken(self):
        self.tool("kafka-topics", "--create", "--topic", "ledger", "--partitions", "3", "--replication-factor", "3", "--config", "min.insync.replicas=2")
        home = os.environ["KAFKA_HOME"]
        retries = work_folder("ledger") / "producer.properties"
        retries.write_text("retries=2147483647\n")      # every real producer's; this tool's own is none
        producer = subprocess.Popen([local_kafka.complete(home) / "bin/kafka-verifiable-producer.sh", "--bootstrap-server", BOOTSTRAP, "--topic", "ledger",
                                     "--command-config", retries, "--acks", "-1", "--throughput", "400", "--max-messages", "8000"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(producer.kill)
        acknowledged, refused, after_kill = set(), [], threading.Event()
        killed = False
        for line in producer.stdout:
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("name") == "producer_send_success":
                acknowledged.add(event["value"])
                if killed:
                    after_kill.set()
            elif event.get("name") == "producer_send_error":
                refused.append(event)
            if len(acknowledged) == 1500 and not killed:
                self.node.kill("kafka", "kafka-1", restart=False)
                killed = True
        self.assertEqual(producer.wait(), 0)
        self.assertTrue(killed and after_kill.is_set())
        self.assertEqual((len(acknowledged), refused[:3]), (8000, []))

        status = self.kubectl("exec", "-n", "kafka", "kafka-0", "--", "bash", "/scripts/status.sh", check=False)
        self.assertRegex(status.stdout, r"fail\tbrokers\t2 of 3")
        self.assertRegex(status.stdout, r"fail\tunder-replicated-partitions\t\d+ of \d+: ")
        self.assertRegex(status.stdout, r"ok\toffline-partitions")
        self.assertRegex(status.stdout, r"ok\tcontroller")

        consumed = set(local_kafka.cli(home, "kafka-console-consumer", "--bootstrap-server", BOOTSTRAP, "--topic", "ledger", "--from-beginning", "--max-messages", "8000",
                                     "--timeout-ms", "30000").split())
        self.assertLessEqual(acknowledged, consumed)

    def test_with_a_broker_down_everything_that_watches_says_so(self):
        output = self.fails("verify.sh", says=["✗ brokers running: 2 of 3 ready", "✗ replicas in sync", "✗ brokers in the cluster: 2 of 3", "✓ message sent and received"])
        self.assertIn("→", output)
        self.kubectl("create", "job", "-n", "kafka", "sick", "--from=cronjob/kafka-health-check")
        self.assertEqual(self.job_end("sick"), "Failed")
        self.assertIn("UNHEALTHY: brokers: 2 of 3", self.kubectl("logs", "-n", "kafka", "job/sick"))
        self.fails("roll.sh", "--all", "--timeout", "5", says="was not touched")
        # One is down: the budget lets no other go.
        eviction = json.dumps({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "kafka-2", "namespace": "kafka"}})
        done = self.kubectl("create", "--raw", "/api/v1/namespaces/kafka/pods/kafka-2/eviction", "-f", "-", stdin=eviction, check=False)
        self.assertIn("disruption budget", done.stderr)

    def test_the_broker_comes_back_and_all_is_well(self):
        self.node.release("kafka", "kafka-1")
        eventually(self.in_sync, 120, "every replica in sync again", every=1)
        self.kubectl("create", "job", "-n", "kafka", "healthy", "--from=cronjob/kafka-health-check")
        self.assertEqual(self.job_end("healthy"), "Complete")
        self.assertIn("All is well.", self.script("verify.sh"))

    def test_the_shop_balances_its_books_while_a_broker_is_killed_and_comes_back(self):
        demo = ROOT / f"samples/Shop.Demo/bin/{os.environ.get('Configuration', 'Release')}/net10.0/Shop.Demo.dll"
        command = ["dotnet", demo] if demo.exists() else [ROOT / "samples/run.sh"]
        log = work_folder("shop") / "log"
        with open(log, "w") as file:
            shop = subprocess.Popen([*command, "--orders", "3000", "--timeout", "300", "--kafka", BOOTSTRAP], stdout=file, stderr=subprocess.STDOUT, cwd=log.parent)
        self.addCleanup(lambda: shop.poll() is None and shop.send_signal(signal.SIGKILL))
        # Of all topics: the demo's begin with a name of its own, and are not there yet.
        records = lambda: sum(int(line.rsplit(":", 1)[1]) for line in self.tool("kafka-get-offsets").split() if "order-events:" in line)      # noqa: E731
        before = records()
        eventually(lambda: shop.poll() is not None or records() > before + 50, 120, "orders on their way", every=0.5)
        self.assertIsNone(shop.poll(), log.read_text()[-2000:])
        self.node.kill("kafka", "kafka-2", restart=False)
        time.sleep(5)      # the outage itself: nothing to wait for
        self.node.release("kafka", "kafka-2")
        try:
            code = shop.wait(330)
        except subprocess.TimeoutExpired:
            code = "still running"
        self.assertEqual(code, 0, log.read_text()[-3000:])
        eventually(self.in_sync, 120, "every replica in sync again", every=1)

    def test_half_a_deployment_is_seen_and_repaired(self):
        self.kubectl("delete", "service", "kafka-headless", "-n", "kafka")
        self.kubectl("delete", "networkpolicy", "default-deny", "-n", "kafka")
        self.fails("verify.sh", says="✗ service kafka-headless: is not there")
        self.script("deploy.sh", "--overlay", "my-larger-cluster", "--no-verify")
        self.assertIn("default-deny", self.kubectl("get", "networkpolicies", "-n", "kafka"))
        eventually(self.in_sync, 120, "names again", every=1)

    def test_the_other_kind_of_cluster_is_not_put_over_it(self):
        self.fails("deploy.sh", "--overlay", "zookeeper", says=["runs a cluster without ZooKeeper", "another --namespace"])

    # --- The end

    def test_declined_nothing_is_deleted(self):
        self.fails("cleanup.sh", says=["There is no terminal to ask at", "Nothing was deleted"])
        self.fails("cleanup.sh", env={"CLEANUP_ANSWER_FROM_STDIN": "1"}, stdin="yes\n", says=["data-kafka-0", "'yes' is not kafka. Nothing was deleted"])
        self.assertIn("kafka-2", self.kubectl("get", "pods", "-n", "kafka"))

    def test_kept_data_comes_back_with_the_cluster(self):
        output = self.script("cleanup.sh", "--keep-data", env={"CLEANUP_ANSWER_FROM_STDIN": "1"}, stdin="kafka\n")
        self.assertIn("keeps the namespace, the volumes", output)
        self.assertEqual(self.kubectl("get", "pods,services,configmaps", "-n", "kafka", "-l", "app.kubernetes.io/part-of=kafka-cluster", "-o", "name"), "")
        self.script("deploy.sh", "--overlay", "my-larger-cluster", "--no-verify")
        self.assertIn("ledger", self.tool("kafka-topics", "--list").split())

    def test_it_goes_with_everything_in_it(self):
        output = self.script("cleanup.sh", "--yes", "--keep-namespace")
        self.assertIn("ALL THAT IS IN THEM", output)
        self.assertEqual(self.kubectl("get", "pvc,pods,secrets", "-n", "kafka", "-o", "name"), "")
        self.script("cleanup.sh", "--yes")
        self.assertNotIn("namespace/kafka", self.kubectl("get", "namespaces", "-o", "name"))
