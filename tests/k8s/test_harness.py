"""The harness itself, with manifests of its own."""
import os
import socket
import unittest

import docs
import local_kafka
from cluster import ClusterTest, Failed, eventually, needs, run, work_folder


class Documents(unittest.TestCase):
    def setUp(self):
        self.guide = work_folder("docs") / "guide.md"
        self.guide.write_text("Text\n```bash run=guide\necho $GREETING\n```\n```sh\nls\n```\n"
                              "1. item\n   ```bash run=guide\n   false\n   ```\n```bash\n# Not run by the tests: needs a mill\n```\n")

    def test_blocks_of_a_suite_run_in_order_and_fail_with_their_place(self):
        first, second = docs.blocks(self.guide, "guide")
        self.assertEqual(docs.run_block(first, {"GREETING": "hello"}), "hello\n")
        with self.assertRaisesRegex(AssertionError, r"guide\.md:10: exit code 1"):
            docs.run_block(second)

    def test_a_block_that_is_neither_run_nor_excused_is_found(self):
        self.assertEqual([block.line for block in docs.untagged(self.guide)], [6])


@needs("KAFKA_HOME")
class LocalKafka(unittest.TestCase):
    def test_a_single_broker_answers_is_killed_and_keeps_its_topics(self):
        home = os.environ["KAFKA_HOME"]
        broker = local_kafka.single_node(home, work_folder("broker"))
        self.addCleanup(broker.kill)
        local_kafka.cli(home, "kafka-topics", "--bootstrap-server", broker.bootstrap, "--create", "--topic", "one")
        broker.kill()
        self.assertFalse(broker.serves())
        broker.start()
        self.assertIn("one", local_kafka.cli(home, "kafka-topics", "--bootstrap-server", broker.bootstrap, "--list"))
        broker.stop()

    def test_tools_that_a_trimmed_distribution_lacks_are_there(self):
        for home in os.environ["KAFKA_HOME"], os.environ.get("KAFKA_ZK_HOME"):
            if home:
                for tool in "features", "log-dirs", "delete-records", "dump-log", "reassign-partitions":
                    self.assertTrue(os.access(local_kafka.complete(home) / f"bin/kafka-{tool}.sh", os.X_OK), f"{tool} of {home}")


class Namespaces(unittest.TestCase):
    def test_the_network_of_the_machine_is_out_of_reach(self):
        links = [line.split(": ")[1].split("@")[0] for line in run(["ip", "-o", "link"]).splitlines()]
        self.assertEqual([name for name in links if name != "lo" and not name.startswith("pod")], [])


RESTRICTED = """
      securityContext: {runAsNonRoot: true, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000, seccompProfile: {type: RuntimeDefault}}
      automountServiceAccountToken: false
"""
LOCKED = "securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}"
WEB = f"""
apiVersion: v1
kind: Namespace
metadata: {{name: harness, labels: {{pod-security.kubernetes.io/enforce: restricted}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web-headless, namespace: harness}}
spec: {{clusterIP: None, publishNotReadyAddresses: true, selector: {{app: web}}, ports: [{{port: 8000}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: harness}}
spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: http}}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: page, namespace: harness}}
data: {{index.html: hello, pod: "$(POD)"}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: web, namespace: harness}}
spec:
  serviceName: web-headless
  replicas: 2
  podManagementPolicy: Parallel
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {RESTRICTED}
      terminationGracePeriodSeconds: 5
      initContainers:
      - {{name: note, image: "tests/plain:1", command: [sh, -c, "echo $POD >> /data/starts"], {LOCKED}, volumeMounts: [{{name: data, mountPath: /data}}],
         env: [{{name: POD, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}]}}
      containers:
      - name: web
        image: tests/plain:1
        {LOCKED}
        command: [bash, -c, 'trap "echo bye >> /data/ends; kill %1; exit 0" TERM; echo "$GREETING"; cd /page; python3 -m http.server 8000 & while :; do wait; done']
        env:
        - {{name: POD, valueFrom: {{fieldRef: {{fieldPath: metadata.name}}}}}}
        - {{name: GREETING, value: I am $(POD)}}
        ports: [{{name: http, containerPort: 8000}}]
        startupProbe: {{tcpSocket: {{port: http}}, periodSeconds: 1}}
        readinessProbe: {{exec: {{command: [test, "!", -e, /tmp/busy]}}, periodSeconds: 1, failureThreshold: 1}}
        livenessProbe: {{httpGet: {{port: http, path: /index.html}}, periodSeconds: 1}}
        volumeMounts:
        - {{name: data, mountPath: /data}}
        - {{name: page, mountPath: /page}}
        - {{name: tmp, mountPath: /tmp}}
      volumes:
      - {{name: page, configMap: {{name: page}}}}
      - {{name: tmp, emptyDir: {{medium: Memory, sizeLimit: 1Mi}}}}
  volumeClaimTemplates:
  - metadata: {{name: data}}
    spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1Gi}}}}}}
"""


def job(name, command, kind="Job"):
    template = f"""
    backoffLimit: 0
    template:
     spec: {RESTRICTED}
      restartPolicy: Never
      containers:
      - {{name: main, image: "tests/plain:1", {LOCKED}, command: [sh, -c, "{command}"]}}
"""
    if kind == "Job":
        return f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: {name}, namespace: harness}}\nspec: {template}"
    return (f"apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: {name}, namespace: harness}}\n"
            f"spec:\n  schedule: 0 0 1 1 *\n  jobTemplate:\n   spec: {template}")


class Pods(ClusterTest):
    """In the order of a pod's life."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.node.image("tests/plain:1")
        cls.apply(WEB)
        cls.kubectl("rollout", "status", "statefulset/web", "-n", "harness", "--timeout=60s")

    def exec(self, command, pod="web-0", **more):
        return self.kubectl("exec", pod, "-n", "harness", "--", "bash", "-c", command, **more)

    def restarts(self, pod):
        return self.get("pod", pod, "harness")["status"]["containerStatuses"][0]["restartCount"]

    def ready(self):
        return self.kubectl("wait", "pod", "-l", "app=web", "-n", "harness", "--for=condition=Ready", "--timeout=30s")

    def test_logs_are_what_a_pod_has_printed(self):
        self.assertIn("I am web-1\n", self.kubectl("logs", "web-1", "-n", "harness"))

    def test_pods_run_as_their_user_without_capabilities_and_cannot_write_to_their_root(self):
        self.assertEqual(self.exec("id -u; id -G; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status | tr -d '\\n\\t'; echo; hostname").split("\n")[:-1],
                         ["1000", "1000", "CapEff:0000000000000000CapBnd:0000000000000000NoNewPrivs:1", "web-0"])
        for place in "/x", "/page/x", "/etc/x":
            with self.assertRaisesRegex(Failed, "Read-only file system"):
                self.exec(f"echo > {place}")
        with self.assertRaisesRegex(Failed, "No space left"):
            self.exec("head -c 2M /dev/zero > /tmp/large")
        self.exec("rm /tmp/large; echo x > /dev/stderr; ! ls /var/run/secrets/kubernetes.io; ! ls -A /home | grep .")

    def test_exec_passes_on_input_and_exit_codes(self):
        self.assertEqual(self.kubectl("exec", "-i", "-n", "harness", "statefulset/web", "-c", "web", "--", "cat", stdin="over there"), "over there")
        with self.assertRaises(Failed) as refused:
            self.exec("exit 7")
        self.assertEqual((refused.exception.code, refused.exception.errors), (7, "command terminated with exit code 7\n"))
        with self.assertRaisesRegex(Failed, 'pods "web-9" not found'):
            self.exec("true", "web-9")

    def test_pods_find_each_other_by_name_and_tests_find_pods(self):
        fetch = "python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())' "
        for address in "web-1.web-headless:8000", "web-1.web-headless.harness.svc.cluster.local:8000", "web", "web.harness", "web.harness.svc":
            self.assertEqual(self.exec(f"{fetch} http://{address}/index.html"), "hello\n")
        self.assertEqual(socket.gethostbyname("web-0.web-headless.harness.svc.cluster.local"), self.get("pod", "web-0", "harness")["status"]["podIP"])
        with self.assertRaises(socket.gaierror):
            socket.gethostbyname("nobody.harness.svc.cluster.local")

    def test_a_changed_config_map_reaches_running_pods(self):
        self.kubectl("patch", "configmap", "page", "-n", "harness", "-p", '{"data": {"index.html": "changed"}}')
        eventually(lambda: self.exec("cat /page/index.html") == "changed", 10)

    def test_a_pod_that_is_not_ready_leaves_the_service(self):
        self.exec("touch /tmp/busy")
        self.exec("touch /tmp/busy", "web-1")
        eventually(lambda: self.assertRaises(OSError, socket.create_connection, ("web.harness.svc.cluster.local", 80), 1) is None, 20)
        self.exec("rm /tmp/busy")
        eventually(lambda: socket.create_connection(("web.harness.svc.cluster.local", 80), 1).close() is None, 20)
        self.exec("rm /tmp/busy", "web-1")
        self.ready()

    def test_a_killed_pod_starts_again_and_one_that_is_held_only_when_released(self):
        before = self.restarts("web-0")
        self.node.kill("harness", "web-0")
        eventually(lambda: self.restarts("web-0") == before + 1, 20)
        self.node.kill("harness", "web-0", restart=False)
        eventually(lambda: "True" not in [each["status"] for each in self.get("pod", "web-0", "harness")["status"]["conditions"] if each["type"] == "Ready"], 10)
        with self.assertRaises(Failed):
            self.exec("true")
        self.node.release("harness", "web-0")
        self.ready()

    def test_a_pod_that_hangs_is_restarted_by_its_liveness_probe(self):
        before = self.restarts("web-1")
        self.node.pause("harness", "web-1")
        eventually(lambda: self.restarts("web-1") == before + 1, 30)
        self.ready()

    def test_a_partitioned_pod_cannot_be_reached_until_it_is_healed(self):
        address = self.node.pod("harness", "web-1").ip, 8000
        self.node.partition("harness", "web-1")
        self.assertRaises(OSError, socket.create_connection, address, 0.5)
        self.node.heal("harness", "web-1")
        eventually(lambda: socket.create_connection(address, 1).close() is None, 10)
        self.ready()

    def test_a_deleted_pod_ends_cleanly_and_its_successor_has_its_data(self):
        uid = self.get("pod", "web-0", "harness")["metadata"]["uid"]
        self.kubectl("delete", "pod", "web-0", "-n", "harness")
        eventually(lambda: self.get("pod", "web-0", "harness")["metadata"]["uid"] != uid, 20)
        self.ready()
        self.assertEqual(self.exec("cat /data/starts /data/ends"), "web-0\nweb-0\nbye\n")

    def test_claims_grow(self):
        self.kubectl("patch", "pvc", "data-web-0", "-n", "harness", "-p", '{"spec": {"resources": {"requests": {"storage": "2Gi"}}}}')
        eventually(lambda: self.get("pvc", "data-web-0", "harness")["status"]["capacity"]["storage"] == "2Gi", 20)

    def test_files_are_copied_and_ports_forwarded(self):
        folder = work_folder("copy")
        (folder / "there").write_text("there and back")
        self.kubectl("cp", folder / "there", "harness/web-0:/data/copied")
        self.kubectl("cp", "harness/web-0:/data/copied", folder / "back")
        self.assertEqual((folder / "back").read_text(), "there and back")
        script = ("coproc kubectl port-forward -n harness svc/web :80; read -r _ _ from _ <&${COPROC[0]}; kill_it() { kill $COPROC_PID; }; trap kill_it EXIT; "
                  "python3 -c 'import sys, urllib.request; print(urllib.request.urlopen(\"http://\" + sys.argv[1] + \"/index.html\").status)' $from")
        self.assertEqual(run(["bash", "-c", script]), "200\n")

    def test_jobs_complete_and_fail_and_cron_jobs_make_them(self):
        self.apply(job("good", "echo done"), job("bad", "exit 3"), job("nightly", "echo nightly", "CronJob"))
        self.kubectl("create", "job", "now", "--from=cronjob/nightly", "-n", "harness")
        for name, condition in ("good", "complete"), ("bad", "failed"), ("now", "complete"):
            self.kubectl("wait", f"job/{name}", "-n", "harness", f"--for=condition={condition}", "--timeout=30s")
        self.assertEqual(self.kubectl("logs", "job/now", "-n", "harness"), "nightly\n")
        status = self.kubectl("get", "pod", "-l", "job-name=bad", "-n", "harness", "-o", "jsonpath={.items[*].status.containerStatuses[*].state.terminated.exitCode}")
        self.assertEqual(status, "3")

    def test_an_attached_run_prints_and_passes_on_the_exit_code(self):
        with self.assertRaises(Failed) as failed:
            self.kubectl("run", "once", "--rm", "-i", "--restart=Never", "--image=tests/plain:1", "--", "sh", "-c", "echo out; exit 4")
        self.assertEqual((failed.exception.code, failed.exception.output.split("\n")[0]), (4, "out"))

    def test_an_unknown_image_is_named(self):
        self.kubectl("run", "unknown", "-n", "default", "--image=nobody/knows:1", "--restart=Never")
        self.addCleanup(self.kubectl, "delete", "pod", "unknown", "--force", "--grace-period=0")
        reason = eventually(lambda: self.get("pod", "unknown")["status"]["containerStatuses"][0]["state"]["waiting"], 10)
        eventually(lambda: "nobody/knows:1" in self.get("pod", "unknown")["status"]["containerStatuses"][0]["state"]["waiting"]["message"], 10, str(reason))
