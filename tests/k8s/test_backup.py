"""Backups of topics, offsets and access control lists: from one real cluster into another, and in pods as the guide says.

Two clusters are compared by what Kafka's own tools print, not by what the scripts say.
"""
import os
import re
import shutil
import subprocess
import time
import unittest
from pathlib import Path
from urllib.parse import unquote

import docs
import local_kafka
from cluster import K8S, ClusterTest, eventually, needs, pick, render, run, temporary_overlay, work_folder

SCRIPTS = K8S / "backup/base/scripts"
# What the tools print must not depend on the caller's language.
UTF8 = {"LC_ALL": "C.UTF-8", "KAFKA_OPTS": "-Dfile.encoding=UTF-8 -Dstdout.encoding=UTF-8", "KAFKA_HEAP_OPTS": "-Xmx128m",
        "KAFKA_JVM_PERFORMANCE_OPTS": local_kafka.QUICK}
HOSTILE = ["two words", " leads", "trails  ", "line\nbreak", "a line\nbreak in more than fifteen characters", "tab\there", "-dash",
           "../../etc/passwd", "%41%0A", "c:\\new\\n", '$(touch x)`id`"quoted", it\'s', "Bestellungen für 東京 😀", "é" * 120, "GROUP", "*"]
OPEN = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:ANONYMOUS"}


def alpine():
    """A folder with the programs that the image has, busybox and bash, and no others."""
    folder = work_folder("alpine")
    run(["busybox", "--install", "-s", folder])
    (folder / "bash").symlink_to("/bin/bash")
    folder.chmod(0o755)
    return folder


class Cluster:
    """One broker, and what Kafka's tools say of it."""

    def __init__(self, name, properties=None):
        self.home = local_kafka.complete(os.environ["KAFKA_HOME"])
        self.broker = local_kafka.single_node(os.environ["KAFKA_HOME"], work_folder(name), {**OPEN, **(properties or {})},
                                              cluster_id=name.ljust(22, "A"))

    def tool(self, name, *args, stdin=""):
        return run([self.home / f"bin/kafka-{name}.sh", "--bootstrap-server", self.broker.bootstrap, *args], env=UTF8, stdin=stdin)

    def topics(self):
        """Every topic's line and its partitions', without the id, which a new topic can't share."""
        text = re.sub(r"TopicId: \S+\t", "", self.tool("topics", "--describe", "--exclude-internal"))
        return sorted(re.findall(r"^Topic:.*\n(?:\t.*\n)*", re.sub(r"(Configs: )(.*)", lambda m: m[1] + ",".join(sorted(m[2].split(","))), text), re.M))

    def settings(self):
        return sorted(re.findall(r"^Dynamic configs for topic (?!__).*\n(?:  .*\n)*", self.tool("configs", "--describe", "--entity-type", "topics"), re.M))

    def groups(self):
        return self.tool("consumer-groups", "--describe", "--all-groups", "--offsets")

    def acls(self):
        return sorted(self.tool("acls", "--list").split("\n"))

    def everything(self):
        return self.topics(), self.settings(), self.groups(), self.acls()

    def create(self, topic, partitions=1, *configs):
        self.tool("topics", "--create", "--topic", topic, "--partitions", partitions, *(part for each in configs for part in ("--config", each)))

    def produce(self, topic, keys):
        self.tool("console-producer", "--topic", topic, "--property", "parse.key=true", "--property", "key.separator=:",
                  stdin="".join(f"{key}:{key}\n" for key in keys))

    def produce_at(self, topic, count, seconds_ago):
        """Records whose time is so long ago."""
        self.tool("verifiable-producer", "--topic", topic, "--max-messages", count, "--message-create-time", int((time.time() - seconds_ago) * 1000))

    def commit(self, offsets):
        """Sets the offsets of one topic's first partition: {group: (topic, offset)}."""
        plan = work_folder("plan") / "plan.csv"
        many = {group: place for group, place in offsets.items() if "\n" not in group}
        plan.write_text("".join('"{}",{},0,{}\n'.format(group.replace('"', '""'), *place) for group, place in many.items()))
        if len(many) > 1:
            self.reset(plan, many)
        for group, place in offsets.items():
            if group not in many or len(many) == 1:
                plan.write_text("{},0,{}\n".format(*place))
                self.reset(plan, [group])

    def reset(self, plan, groups):
        said = self.tool("consumer-groups", "--reset-offsets", "--execute", "--from-file", plan, *(f"--group={group}" for group in groups))
        assert "Error" not in said, said

    def offset(self, group, topic, partition=0):
        rows = self.tool("consumer-groups", "--describe", f"--group={group}", "--offsets")
        found = re.search(rf"^{re.escape(group)} +{re.escape(topic)} +{partition} +(\d+) ", rows, re.M)
        return int(found[1]) if found else None


@needs("KAFKA_HOME", "busybox")
class FromOneClusterIntoAnother(unittest.TestCase):
    """A story, in the order of its tests: one cluster, one export, and a second cluster that becomes its like."""

    @classmethod
    def setUpClass(cls):
        programs = alpine()
        (programs / "java").symlink_to(shutil.which("java"))
        cls.path = str(programs)
        cls.old, cls.new = Cluster("old"), Cluster("new")
        for each in cls.old, cls.new:
            cls.addClassCleanup(each.broker.kill)
        old = cls.old
        old.create("order-events", 3, "retention.ms=604800000", "cleanup.policy=compact,delete", "min.insync.replicas=1")
        old.create("dead.letter_queue-1", 2, "retention.ms=2592000000")
        old.create("plain")
        old.create("timed", 1, "retention.ms=-1")
        for topic in "order-events", "dead.letter_queue-1", "plain":
            old.produce(topic, range(60))
        old.produce_at("timed", 10, 3 * 3600)
        old.produce_at("timed", 10, 1800)
        old.tool("console-consumer", "--topic", "order-events", "--group", "orders", "--from-beginning", "--max-messages", "60", "--timeout-ms", "60000")
        old.commit({**{group: ("plain", number + 1) for number, group in enumerate(HOSTILE)},
                    "late": ("timed", 10), "very late": ("timed", 0), "done": ("timed", 20), "dead.letter": ("dead.letter_queue-1", 7)})
        old.tool("acls", "--add", "--allow-principal", "User:orders", "--operation", "Read", "--operation", "DescribeConfigs",
                 "--topic", "order-", "--topic", "payment-", "--resource-pattern-type", "prefixed")
        old.tool("acls", "--add", "--deny-principal", "User:CN=no one,OU=x", "--deny-host", "10.0.0.1", "--operation", "All", "--topic", "*")
        old.tool("acls", "--add", "--allow-principal", "User:orders", "--operation", "Read", "--group", "odd, patternType=LITERAL)`: name")
        old.tool("acls", "--add", "--allow-principal", "User:orders", "--operation", "IdempotentWrite", "--cluster")
        old.tool("configs", "--alter", "--entity-type", "users", "--entity-name", "orders", "--add-config", "SCRAM-SHA-512=[password=secret]")
        cls.exports = work_folder("exports")
        cls.export = cls.exports / "first"
        cls.said = cls.script("export.sh", cls.export, cluster=old)

    @classmethod
    def script(cls, name, *args, cluster=None, check=True, **env):
        """Runs one of the scripts with the image's programs. Returns what it says; with check=False the process."""
        done = run([SCRIPTS / name, *args], check=False, limit=300,
                   env={"PATH": cls.path, "KAFKA_HOME": str(cls.old.home), "BOOTSTRAP_SERVERS": (cluster or cls.new).broker.bootstrap, **env})
        if not check:
            return done
        assert done.returncode == 0, f"{name}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def refused(self, reason, *args):
        """A restore that ends with 1, says why, and has changed nothing."""
        before = self.new.everything()
        done = self.script("restore.sh", *args, check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        self.assertRegex(done.stdout + done.stderr, reason)
        self.assertEqual(self.new.everything(), before)

    def lines(self, file, export=None):
        return ((export or self.export) / file).read_text().split("\n")[1:-1]

    # --- exporting

    def test_an_export_is_plain_text_with_every_topic_group_and_rule(self):
        self.assertEqual([line.split("\t")[:3] for line in self.lines("topics.tsv")],
                         [["dead.letter_queue-1", "2", "1"], ["order-events", "3", "1"], ["plain", "1", "1"], ["timed", "1", "1"]])
        self.assertEqual(self.lines("topic-configs.tsv"), [
            "dead.letter_queue-1\tretention.ms\t2592000000", "order-events\tcleanup.policy\tcompact,delete",
            "order-events\tmin.insync.replicas\t1", "order-events\tretention.ms\t604800000", "timed\tretention.ms\t-1"])
        self.assertIn("order-events\t2\t1", self.lines("assignments.tsv"))
        self.assertEqual([line for line in self.lines("log-offsets.tsv") if line.startswith(("plain", "timed"))], ["plain\t0\t0\t60", "timed\t0\t0\t20"])
        self.assertEqual(len(self.lines("acls.tsv")), 7)
        self.assertIn("SCRAM-SHA-512", (self.export / "users.txt").read_text())
        self.assertNotIn("secret", "".join(each.read_text() for each in self.export.iterdir()))
        self.assertIn("4 topics and 20 groups", self.said)

    def test_names_of_groups_stand_whole_in_printable_characters(self):
        text = (self.export / "group-offsets.tsv").read_text()
        self.assertRegex(text, r"^[\x21-\x7e\t\n]*$")
        found = {unquote(line.split("\t")[0]): line.split("\t")[1:4] for line in self.lines("group-offsets.tsv")}
        for number, group in enumerate(HOSTILE):
            self.assertEqual(found[group], ["plain", "0", str(number + 1)])
        self.assertEqual(len({line.split("\t")[0] for line in self.lines("group-offsets.tsv")}), len(HOSTILE) + 5)

    def test_the_manifest_says_what_it_is_and_whence(self):
        manifest = dict(line.split(": ", 1) for line in (self.export / "MANIFEST").read_text().split("\n") if ": " in line)
        self.assertEqual(manifest["cluster"], "old".ljust(22, "A"))
        self.assertEqual(manifest["authorizer"], "yes")
        self.assertRegex(manifest["tools"], r"^4\.\d+\.\d+$")
        self.assertRegex(manifest["taken"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_ordinary_tools_make_the_same_export_which_takes_the_place_of_an_earlier_one(self):
        again = self.exports / "again"
        shutil.copytree(self.export, again)
        (again / "topics.tsv").write_text("old")
        self.script("export.sh", again, cluster=self.old, PATH=os.environ["PATH"])
        for file in "topics.tsv", "topic-configs.tsv", "assignments.tsv", "log-offsets.tsv", "acls.tsv", "users.txt":
            self.assertEqual((again / file).read_text(), (self.export / file).read_text())
        self.assertEqual([line.rsplit("\t", 1)[0] for line in self.lines("group-offsets.tsv", again)],
                         [line.rsplit("\t", 1)[0] for line in self.lines("group-offsets.tsv")])
        self.assertEqual(sorted(os.listdir(self.exports)), ["again", "first"])

    def test_a_folder_that_is_no_export_is_not_replaced(self):
        done = self.script("export.sh", K8S, cluster=self.old, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("is not an export", done.stderr)
        self.assertTrue((K8S / "README.md").exists())

    def home_with(self, tool, text):
        """A Kafka one of whose tools does something else."""
        home = work_folder("home")
        (home / "bin").mkdir()
        (home / "libs").symlink_to(self.old.home / "libs")
        for each in (self.old.home / "bin").iterdir():
            (home / "bin" / each.name).symlink_to(each)
        (home / "bin" / tool).unlink()
        (home / "bin" / tool).write_text(f"#!/usr/bin/env bash\n{text}\n")
        (home / "bin" / tool).chmod(0o755)
        return str(home)

    def test_an_export_that_breaks_off_leaves_nothing_that_looks_whole(self):
        folder = work_folder("broken")
        # A tool that fails; one that fails with exit code 0, as this one does; one that kills the export itself.
        for tool, text in [("kafka-acls.sh", "echo no >&2; exit 1"),
                           ("kafka-consumer-groups.sh", "echo; echo Error: Executing consumer group command failed; echo java.lang.Exception >&2"),
                           ("kafka-get-offsets.sh", "kill -KILL $PPID")]:
            done = self.script("export.sh", folder / "export", cluster=self.old, check=False, KAFKA_HOME=self.home_with(tool, text))
            self.assertNotEqual(done.returncode, 0)
            self.assertFalse((folder / "export").exists())
        # Only the killed one could not clean up.
        left, = folder.iterdir()
        self.refused("no MANIFEST, which is written last", left, "topics")

    def test_a_partition_without_offsets_ends_the_export(self):
        home = self.home_with("kafka-get-offsets.sh", f'"{self.old.home}/bin/kafka-get-offsets.sh" "$@" | grep -v ^plain:')
        folder = work_folder("leaderless")
        done = self.script("export.sh", folder / "export", cluster=self.old, check=False, KAFKA_HOME=home)
        self.assertEqual((done.returncode, os.listdir(folder)), (1, []))
        self.assertIn("it has no leader", done.stderr)

    def test_groups_that_cannot_be_told_apart_are_named_and_the_rest_is_exported(self):
        # With less than 15 characters, the tables show these two alike.
        twins = ("twin", "twin ")
        self.old.commit({group: ("plain", 3) for group in twins})
        export = self.exports / "twins"
        done = self.script("export.sh", export, cluster=self.old, check=False)
        for group in twins:
            self.old.tool("consumer-groups", "--delete", f"--group={group}")
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("missing: twin", (export / "MANIFEST").read_text())
        self.assertEqual([line.split("\t")[0] for line in self.lines("group-offsets.tsv", export)], [line.split("\t")[0] for line in self.lines("group-offsets.tsv")])

    def test_an_address_where_nobody_listens_is_told(self):
        hasty = work_folder("hasty") / "client.properties"
        hasty.write_text("default.api.timeout.ms=2000\nrequest.timeout.ms=1000\n")
        done = self.script("export.sh", "--command-config", hasty, "--bootstrap-server", f"127.0.0.1:{local_kafka.free_port()}", self.exports / "none", check=False)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr, r"kafka-cluster failed at 127\.0\.0\.1:\d+")
        self.assertNotIn("\tat ", done.stderr)

    # --- refusing

    def test_a_damaged_export_is_refused(self):
        for damage, reason in [(lambda e: (e / "topics.tsv").write_text((e / "topics.tsv").read_text().replace("\t3\t", "\t4\t")), "topics.tsv is not as it was exported"),
                               (lambda e: (e / "acls.tsv").unlink(), "acls.tsv is missing"),
                               (lambda e: (e / "more.tsv").write_text(""), "more.tsv was not exported"),
                               (lambda e: (e / "MANIFEST").write_text((e / "MANIFEST").read_text()[:-20]), "MANIFEST is cut off")]:
            export = work_folder("damaged") / "export"
            shutil.copytree(self.export, export)
            damage(export)
            done = self.script("restore.sh", export, "topics", check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(reason, done.stderr)
        self.assertEqual(self.new.topics(), [])

    def test_what_is_not_in_the_export_or_not_asked_rightly_is_refused(self):
        for args, reason in [((self.export,), "restore.sh .OPTION"), ((self.export, "records"), "no part records"),
                             ((self.export, "topics", "--topic", "nothing"), "no topic nothing"),
                             ((self.export, "offsets", "--group", "trails"), "no group trails"),
                             ((self.export, "offsets", "--positions", "guess"), "same, nearest, copied or time"),
                             ((self.export, "acls", "--topic", "plain"), "Restore acls by themselves"), ((self.exports / "none", "topics"), "no folder")]:
            done = self.script("restore.sh", *args, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertRegex(done.stderr, reason)

    def test_offsets_of_another_topic_are_refused_with_a_way_out(self):
        # The topics would be new here. Nothing at all is done, also not the topics.
        self.refused("plain is another topic than the one exported(.|\n)*--positions time", self.export, "topics", "offsets")

    def test_offsets_beyond_the_end_of_the_log_are_refused(self):
        self.refused("orders order-events/0: [1-9][0-9]* is outside of the log here, which holds 0 to 0", self.export, "topics", "offsets", "--positions", "copied")

    def test_a_dry_run_tells_everything_and_changes_nothing(self):
        before = self.new.everything()
        said = self.script("restore.sh", self.export, "topics", "offsets", "acls", "--positions", "time", "--dry-run")
        for each in ("order-events: to be created, 3 partitions, 1 replicas, cleanup.policy=compact,delete", "late timed/0: none -> 0 (was 10)",
                     "ALLOW READ on TOPIC order- (PREFIXED) for User:orders"):
            self.assertIn(each, said)
        self.assertEqual(self.new.everything(), before)

    # --- restoring

    def test_only_the_topics_asked_for_are_made(self):
        self.script("restore.sh", self.export, "topics", "--topic", "plain", "--topic", "order-events")
        self.assertEqual([each.split("\t")[0] for each in self.new.topics()], ["Topic: order-events", "Topic: plain"])

    def test_topics_and_rules_become_those_of_the_first_cluster(self):
        self.script("restore.sh", self.export, "topics", "acls")
        self.assertEqual(self.new.topics(), self.old.topics())
        self.assertEqual(self.new.settings(), self.old.settings())
        self.assertEqual(self.new.acls(), self.old.acls())

    def test_only_the_groups_asked_for_are_set_and_by_time_where_the_log_is_another_one(self):
        # Fewer of the old records than there, and a newer one before the first unread.
        self.new.produce_at("timed", 4, 3 * 3600)
        self.new.produce_at("timed", 10, 1800)
        self.script("restore.sh", self.export, "offsets", "--positions", "time", "--group", "late", "--group", "very late", "--group", "done")
        # late had the ten of three hours ago: it goes on with those of half an hour ago. The times tried reach back a week:
        # very late goes on with the first of three hours ago. done had read everything.
        self.assertEqual([self.new.offset(group, "timed") for group in ("late", "very late", "done")], [4, 0, 14])
        self.assertNotIn("dead.letter", self.new.groups())

    def test_offsets_are_those_of_the_first_cluster_where_the_records_are(self):
        for topic in "order-events", "dead.letter_queue-1", "plain":
            self.new.produce(topic, range(60))
        self.new.produce_at("timed", 6, 900)
        self.script("restore.sh", self.export, "offsets", "--positions", "copied")
        self.assertEqual(self.new.groups(), self.old.groups())

    def test_a_second_time_there_is_nothing_to_do(self):
        before = self.new.everything()
        said = self.script("restore.sh", self.export, "topics", "offsets", "acls", "--positions", "copied")
        self.assertIn("There is nothing to do.", said)
        self.assertEqual(self.new.everything(), before)

    def test_drift_is_corrected_and_other_topics_are_left_alone(self):
        wanted = self.new.settings()
        self.new.create("mine", 1, "retention.ms=1000")
        self.new.tool("configs", "--alter", "--entity-type", "topics", "--entity-name", "order-events", "--add-config", "retention.ms=3600000,segment.bytes=10485760", "--delete-config", "cleanup.policy")
        self.new.tool("configs", "--alter", "--entity-type", "topics", "--entity-name", "plain", "--add-config", "max.message.bytes=2000")
        said = self.script("restore.sh", self.export, "topics", "--without-config", "max.message.bytes")
        self.assertIn("order-events: cleanup.policy=compact,delete, retention.ms=604800000 (is 3600000), no segment.bytes (is 10485760)", said)
        self.assertIn("max.message.bytes=2000", "".join(self.new.settings()))
        self.script("restore.sh", self.export, "topics")
        self.assertEqual([each for each in self.new.settings() if " mine " not in each], wanted)
        self.assertIn("retention.ms=1000", "".join(self.new.settings()))

    def test_another_number_of_partitions_is_refused_before_anything_is_changed(self):
        self.new.tool("topics", "--alter", "--topic", "plain", "--partitions", "2")
        self.new.tool("configs", "--alter", "--entity-type", "topics", "--entity-name", "order-events", "--add-config", "retention.ms=3600000")
        self.refused("plain has 2 partitions here and 1 in the export", self.export, "topics")
        self.script("restore.sh", self.export, "topics", "--topic", "order-events")

    def test_a_group_with_members_is_refused_and_no_other_is_moved(self):
        self.new.commit({"orders": ("order-events", 1), "dead.letter": ("dead.letter_queue-1", 1)})
        consumer = subprocess.Popen([self.new.home / "bin/kafka-console-consumer.sh", "--bootstrap-server", self.new.broker.bootstrap, "--topic", "mine", "--group", "orders"],
                                    env={**os.environ, **UTF8}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            eventually(lambda: "Stable" in self.new.tool("consumer-groups", "--list", "--state", "stable"), 60)
            done = self.script("restore.sh", self.export, "offsets", "--positions", "copied", check=False)
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertRegex(done.stderr, r"orders is active \(Stable\)(.|\n)*Stop its consumers")
            self.assertEqual(self.new.offset("dead.letter", "dead.letter_queue-1"), 1)
            # Others don't have to wait for it.
            self.script("restore.sh", self.export, "offsets", "--positions", "copied", "--group", "dead.letter")
            self.assertEqual(self.new.offset("dead.letter", "dead.letter_queue-1"), 7)
        finally:
            consumer.terminate()
            consumer.wait()

    def test_a_lower_replication_factor_takes_the_in_sync_replicas_with_it(self):
        export = work_folder("replicated") / "export"
        shutil.copytree(self.export, export)
        for file, old, new in ("topics.tsv", "plain\t1\t1\t", "plain\t1\t3\t"), ("topic-configs.tsv", "timed\tret", "plain\tmin.insync.replicas\t2\ntimed\tret"):
            (export / file).write_text((export / file).read_text().replace(old, new))
            digest = run(["sha256sum", export / file]).split()[0]
            (export / "MANIFEST").write_text(re.sub(rf"sha256 \w+ {file}", f"sha256 {digest} {file}", (export / "MANIFEST").read_text()))
        self.new.tool("topics", "--delete", "--topic", "plain")
        eventually(lambda: "plain" not in self.new.tool("topics", "--list"))
        said = self.script("restore.sh", export, "topics", "--topic", "plain", "--replication-factor", "1")
        self.assertIn("plain: to be created, 1 partitions, 1 replicas, min.insync.replicas=1", said)

    def test_where_the_same_topic_has_lost_records_the_nearest_end_is_taken_when_asked(self):
        """A tail that a snapshot did not hold, and a head that retention took."""
        plan = work_folder("records") / "records.json"
        plan.write_text('{"partitions": [{"topic": "order-events", "partition": 1, "offset": 15}], "version": 1}')
        export = self.exports / "of the new"
        positions = work_folder("positions") / "plan.csv"
        positions.write_text("order-events,0,5\norder-events,1,5\n")
        self.new.reset(positions, ["orders"])
        self.script("export.sh", export)
        self.new.tool("delete-records", "--offset-json-file", plan)
        self.new.tool("consumer-groups", "--delete-offsets", "--group", "orders", "--topic", "order-events")
        self.new.broker.stop()
        for segment in (self.new.broker.folder / "data/order-events-0").glob("0*"):
            segment.unlink()
        self.new.broker.start()
        self.refused(r"orders order-events/0: \d+ is outside of the log here, which holds 0 to 0", export, "offsets", "--group", "orders")
        self.script("restore.sh", export, "offsets", "--group", "orders", "--positions", "nearest")
        self.assertEqual([self.new.offset("orders", "order-events", partition) for partition in range(3)], [0, 15, self.old.offset("orders", "order-events", 2)])

    def test_nights_are_kept_for_some_days_and_the_newest_seven_always(self):
        folder = work_folder("nights")
        for age in list(range(1, 8)) + [20, 30]:
            night = folder / time.strftime("%Y-%m-%dT013000Z", time.gmtime(time.time() - age * 86400))
            shutil.copytree(self.export, night)
        (folder / ".unfinished-killed").mkdir()
        os.utime(folder / ".unfinished-killed", (0, 0))
        kept = sorted(os.listdir(folder), reverse=True)[:7]
        self.script("nightly.sh", folder, cluster=self.old, KEEP_DAYS="14")
        names = sorted(os.listdir(folder), reverse=True)
        self.assertEqual(names[1:], kept)
        self.assertIn("Nothing" if not (folder / names[0] / "MANIFEST").exists() else "end", (folder / names[0] / "MANIFEST").read_text())
        # After a month's pause, as before it: the seven newest.
        for each in sorted(names)[:-1]:
            (folder / each).rename(folder / each.replace(each[:4], "2020"))
        before = len(os.listdir(folder))
        self.script("nightly.sh", folder, cluster=self.old, KEEP_DAYS="7")
        self.assertEqual((before, len(os.listdir(folder))), (8, 7))

    def test_less_than_a_week_is_refused(self):
        done = self.script("nightly.sh", self.exports, cluster=self.old, check=False, KEEP_DAYS="6")
        self.assertEqual(done.returncode, 1)
        self.assertIn("Set it to 7 or more", done.stderr)


@needs("KAFKA_HOME", "KAFKA_ZK_HOME")
class FromZooKeeperToKRaft(unittest.TestCase):
    """A cluster of 3.9 with ZooKeeper, read by the tools of both versions, comes back as one of 4.x."""

    def test_topics_and_positions_move_to_the_new_version(self):
        home, folder = os.environ["KAFKA_ZK_HOME"], work_folder("zookeeper")
        zookeeper_port, port = local_kafka.free_port(), local_kafka.free_port()
        (folder / "zookeeper.properties").write_text(f"dataDir={folder}/zookeeper\nclientPort={zookeeper_port}\nclientPortAddress=127.0.0.1\nadmin.enableServer=false\n")
        with (folder / "zookeeper.log").open("w") as log:
            zookeeper = subprocess.Popen([local_kafka.complete(home) / "bin/zookeeper-server-start.sh", folder / "zookeeper.properties"], stdout=log, stderr=log, env={**os.environ, **UTF8})
        self.addCleanup(zookeeper.kill)
        old = local_kafka.LocalBroker(home, {
            "broker.id": 1, "zookeeper.connect": f"127.0.0.1:{zookeeper_port}", "listeners": f"PLAINTEXT://127.0.0.1:{port}", "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 5, "auto.create.topics.enable": "false"}, folder / "broker")
        self.addCleanup(old.kill)
        new = Cluster("new")
        self.addCleanup(new.broker.kill)

        local_kafka.cli(home, "kafka-topics", "--bootstrap-server", old.bootstrap, "--create", "--topic", "order-events", "--partitions", "3", "--config", "retention.ms=604800000")
        (folder / "plan.csv").write_text("order-events,0,0\norder-events,2,0\n")
        local_kafka.cli(home, "kafka-consumer-groups", "--bootstrap-server", old.bootstrap, "--reset-offsets", "--execute", "--group", "orders", "--from-file", folder / "plan.csv")
        for tools in home, os.environ["KAFKA_HOME"]:
            run([SCRIPTS / "export.sh", "--bootstrap-server", old.bootstrap, folder / Path(tools).name], env={"KAFKA_HOME": str(local_kafka.complete(tools))}, limit=300)
        by_old, by_new = ({each.name: each.read_text() for each in (folder / Path(tools).name).iterdir() if each.name != "MANIFEST"} for tools in (home, os.environ["KAFKA_HOME"]))
        self.assertEqual({**by_old, "group-offsets.tsv": 0}, {**by_new, "group-offsets.tsv": 0})

        done = run([SCRIPTS / "restore.sh", "--bootstrap-server", new.broker.bootstrap, folder / Path(home).name, "topics", "offsets", "--positions", "time"],
                   env={"KAFKA_HOME": str(new.home)}, check=False, limit=300)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("PartitionCount: 3", new.topics()[0])
        self.assertIn("retention.ms=604800000", new.settings()[0])
        self.assertEqual([new.offset("orders", "order-events", partition) for partition in range(3)], [0, None, 0])
        # Access control lists were not there to be exported.
        done = run([SCRIPTS / "restore.sh", "--bootstrap-server", new.broker.bootstrap, folder / Path(home).name, "acls"], env={"KAFKA_HOME": str(new.home)}, check=False)
        self.assertIn("no access control lists", done.stderr)


@needs("KAFKA_HOME", "busybox")
class AsTheGuideSays(ClusterTest):
    """The guide's commands in a namespace that enforces the restricted standard, in pods that have only busybox."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # An image like the real one: pods that don't set PATH find busybox, bash and java.
        image = cls.node.images["apache/kafka:4.3.1"]
        cls.addClassCleanup(cls.node.images.__setitem__, "apache/kafka:4.3.1", image)
        cls.node.image("apache/kafka:4.3.1", {**image.binds, "/alpine": alpine()}, {**image.env, "PATH": "/alpine:/opt/java/openjdk/bin"}, user=1000)
        cls.folder = work_folder("guide")
        (cls.folder / "k8s").symlink_to(K8S)
        cls.new_cluster()

    @classmethod
    def new_cluster(cls):
        run([K8S / "kafka/deploy.sh", "--overlay", "dev", "--no-verify"], limit=600)

    @classmethod
    def kafka(cls, tool, *args, **more):
        return cls.kubectl("exec", "-i", "-n", "kafka", "kafka-0", "--", f"kafka-{tool}", "--bootstrap-server", "localhost:9092", *args, **more)

    def test_the_commands_of_the_guide_bring_topics_and_positions_into_a_new_cluster(self):
        self.kafka("topics", "--create", "--topic", "not-on-the-list", "--partitions", "2", "--config", "retention.ms=3600000")
        self.kafka("console-producer", "--topic", "order-events", stdin="one\ntwo\nthree\n")
        self.kafka("console-consumer", "--topic", "order-events", "--group", "orders", "--from-beginning", "--max-messages", "3", "--timeout-ms", "60000")
        here = {"KAFKA_HOME": str(local_kafka.complete(os.environ["KAFKA_HOME"])), "BOOTSTRAP_SERVERS": "kafka.kafka.svc.cluster.local:9092"}
        output = []
        for block in docs.blocks(K8S / "backup/README.md", "backup"):
            if "mkdir -p /backup/drill" in block.text:
                # The drill begins: a cluster that knows only what the manifests say.
                self.kubectl("delete", "namespace", "kafka", "--wait", "--timeout=120s", limit=130)
                self.new_cluster()
                self.assertNotIn("not-on-the-list", self.kafka("topics", "--list"))
            output.append(docs.run_block(block, here, self.folder))
        text = "".join(output)
        self.assertIn("6 topics and 1 groups of kafka:9092 are in /backup/20", text)
        self.assertIn("not-on-the-list: to be created, 2 partitions, 1 replicas, retention.ms=3600000", text)
        self.assertRegex(text, r"Topic: not-on-the-list\tTopicId: \S+\tPartitionCount: 2\tReplicationFactor: 1\tConfigs: .*retention.ms=3600000")
        self.assertRegex(text, r"orders +order-events +[0-2] +0 +0 +0 ")
        self.assertRegex(text, r"cronjob.batch/kafka-backup +30 1 \* \* \*")

    def test_velero_keeps_volumes_for_more_than_seven_days(self):
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "velero"}})
        for path in "velero", "velero/examples":
            how = "-k" if path == "velero" else "-f"
            self.kubectl("apply", "--server-side", "--validate=strict", how, K8S / "backup" / path)
        for schedule in "kafka", "kafka-middleware":
            template = self.get("schedules.velero.io", schedule, "velero")["spec"]["template"]
            self.assertGreaterEqual(int(re.match(r"(\d+)h", template["ttl"])[1]), 7 * 24)
            self.assertTrue(template["snapshotVolumes"])
        with temporary_overlay(K8S / "backup/velero", [K8S / "backup/velero/components/group-snapshots"]) as grouped:
            self.kubectl("apply", "--server-side", "--validate=strict", "--force-conflicts", "-k", grouped)
        self.assertEqual(self.get("schedules.velero.io", "kafka", "velero")["spec"]["template"]["volumeGroupSnapshotLabelKey"], "app.kubernetes.io/name")


@needs("KUBE_HOME")
class Manifests(ClusterTest):
    needs_node = False

    def test_every_overlay_is_accepted_strictly_under_the_restricted_standard(self):
        for overlay, namespace in ("shop", "kafka"), ("shop-secure", "kafka"), ("strimzi", "kafka"), ("ai-platform", "middleware"):
            self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": {
                f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}}})
            done = self.kubectl("apply", "--server-side", "--validate=strict", "--force-conflicts", "-k", K8S / "backup/overlays" / overlay, check=False)
            self.assertEqual((done.returncode, done.stderr), (0, ""), overlay)

    def test_with_the_operator_everything_comes_from_its_secrets(self):
        objects = render(K8S / "backup/overlays/strimzi")
        pods = [pick(objects, "CronJob", "kafka-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"], pick(objects, "Deployment", "kafka-restore")["spec"]["template"]["spec"]]
        for pod in pods:
            secrets = {each["name"]: each["secret"]["secretName"] for each in pod["volumes"] if "secret" in each}
            self.assertEqual(secrets, {"user": "backup", "tls": "kafka-cluster-ca-cert"})
        users = {each["metadata"]["name"] for each in render(K8S / "kafka/overlays/strimzi") if each["kind"] == "KafkaUser"}
        self.assertIn("backup", users)

    def test_pods_carry_the_label_that_the_cluster_lets_in(self):
        objects = render(K8S / "backup/base")
        for template in pick(objects, "CronJob", "kafka-backup")["spec"]["jobTemplate"]["spec"]["template"], pick(objects, "Deployment", "kafka-restore")["spec"]["template"]:
            self.assertEqual(template["metadata"]["labels"]["kafka-client"], "true")
            self.assertFalse(template["spec"]["automountServiceAccountToken"])

    def test_every_script_is_in_the_pods(self):
        scripts = next(each for each in render(K8S / "backup/base") if each["metadata"]["name"].startswith("kafka-backup-scripts"))
        self.assertEqual(set(scripts["data"]), {each.name for each in SCRIPTS.iterdir()})
