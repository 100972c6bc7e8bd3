"""A real Prometheus for tests, promtool, and what an expression is made of.

What it does not: find Kubernetes' pods. Debian's build has no such discovery; targets come from files that say the same.
"""
import json
import re
import shutil
import subprocess
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

from cluster import ROOT, eventually, run
from local_kafka import free_port


def tool(name):
    """prometheus or promtool: on the PATH, else where .build/setup.sh unpacks it. None where it is missing."""
    found = shutil.which(name)
    unpacked = [path for path in (ROOT / "artifacts/tools").rglob(name) if path.is_file()] if not found else []
    return found or (str(unpacked[0]) if unpacked else None)


def needs_tools(*names):
    missing = [name for name in names if not tool(name)]
    return unittest.skipIf(missing, f"{', '.join(missing)}: not installed (.build/setup.sh --k8s)")


def promtool(*arguments, **more):
    return run([tool("promtool"), *arguments], **more)


class Prometheus:
    """One server with the configuration file of a folder, ready when the constructor returns."""

    def __init__(self, folder, config="prometheus.yml"):
        self.address, self.log = f"http://127.0.0.1:{free_port()}", folder / "prometheus.log"
        with self.log.open("w") as log:
            self.process = subprocess.Popen([
                tool("prometheus"), f"--config.file={folder / config}", f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={self.address.removeprefix('http://')}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder)
        eventually(lambda: self.get("/-/ready"), limit=60, message=f"Prometheus is not ready: {self.log}")

    def get(self, path, **parameters):
        url = f"{self.address}{path}{'?' if parameters else ''}{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.read().decode()

    def query(self, expression):
        """What an instant query finds: a list of (labels, value). Raises with the server's words where it can't be parsed."""
        try:
            answer = json.loads(self.get("/api/v1/query", query=expression))
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{error.read().decode()}\n{expression}") from None
        return [(each["metric"], float(each["value"][1])) for each in answer["data"]["result"]]

    def targets(self):
        return json.loads(self.get("/api/v1/targets"))["data"]["activeTargets"]

    def stop(self):
        self.process.terminate()
        self.process.wait(30)


KEYWORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}
# Everything in an expression that looks like a name and isn't a metric's: texts, matchers, durations, lists of labels.
LABEL_LIST = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)")


def selectors(expression):
    """The metrics of an expression, with their matchers: {'up{job="kafka"}', …}."""
    strings, found = [], set()

    def keep(match):
        strings.append(match[0])
        return f"\0{len(strings) - 1}\0"

    text = re.sub(r'"(?:[^"\\]|\\.)*"', keep, expression)
    text = re.sub(r"\[[^\]]*\]", " ", LABEL_LIST.sub(" ", text))
    for match in re.finditer(r"(?<![\w\0.])([a-zA-Z_:][\w:]*)\s*(\{[^}]*\})?(\s*\()?", re.sub(r"offset\s+-?\w+", " ", text)):
        if not match[3] and match[1] not in KEYWORDS:
            found.add(re.sub("\0(\\d+)\0", lambda each: strings[int(each[1])], match[1] + (match[2] or "")))
    return found


def names(expression):
    return {selector.split("{")[0] for selector in selectors(expression)}


def series(exposition):
    """The lines of a scrape that are samples, as name → list of label texts."""
    found = {}
    for line in exposition.split("\n"):
        match = re.match(r"([a-zA-Z_:][\w:]*)(\{.*\})? \S+$", line)
        if match:
            found.setdefault(match[1], []).append(match[2] or "")
    return found


def scrape(url):
    """A scrape, and how long it took in seconds."""
    began = time.monotonic()
    with urllib.request.urlopen(url, timeout=30) as answer:
        text = answer.read().decode()
    return text, time.monotonic() - began
