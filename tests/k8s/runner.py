"""Runs the suites: one line per test as it ends, reasons and a summary at the end.

A suite is a module test_NAME.py of unittest classes; a test's name is a sentence (test_a_killed_broker_comes_back).
What it does not: run suites in parallel. They share one control plane and two cores are soon full.
"""
import argparse
import inspect
import os
import shutil
import signal
import sys
import time
import traceback
import unittest
from pathlib import Path

HERE = Path(__file__).parent
STRICT = os.environ.get("EVENTBUS_REQUIRE_REAL") == "1"


def sentence(test):
    """What a test says, for the reader."""
    name = getattr(test, "_testMethodName", None)
    return name.removeprefix("test_").replace("_", " ") if name else str(test)


class Result(unittest.TestResult):
    """Prints as it goes, and keeps what has to be said again at the end."""

    def __init__(self, suite):
        super().__init__()
        self.suite, self.passed, self.failed, self.skipped_tests = suite, 0, [], []
        self.began, self.since = time.monotonic(), time.time()

    def startTest(self, test):
        super().startTest(test)
        self.began, self.since = time.monotonic(), time.time()

    def line(self, word, test, more=""):
        print(f"  {word:4} {sentence(test)} ({time.monotonic() - self.began:.1f} s){more}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        self.line("ok", test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.fail(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.fail(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.fail(subtest, err)

    def fail(self, test, err):
        # What runs tests and programs says nothing about the test.
        frames = [frame for frame in traceback.extract_tb(err[2]) if "/unittest/" not in frame.filename and Path(frame.filename).name != "cluster.py"]
        text = "".join(f"{frame.filename}:{frame.lineno}: {frame.line}\n" for frame in frames) + "".join(traceback.format_exception_only(err[0], err[1]))
        self.failed.append((test, str(err[1]).strip().split("\n")[0] or err[0].__name__))
        self.line("FAIL", test)
        print("\n".join("       " + each for each in text.rstrip().split("\n")), flush=True)
        show_logs(self.since)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        if STRICT:
            self.failed.append((test, f"skipped, which EVENTBUS_REQUIRE_REAL forbids: {reason}"))
        else:
            self.skipped_tests.append((test, reason))
        self.line("FAIL" if STRICT else "skip", test, f": {reason}")


def show_logs(since):
    """The ends of the logs of the pods, where there are any."""
    plane = sys.modules["control_plane"].running() if "control_plane" in sys.modules else None
    if plane and plane.node:
        print(plane.node.log_tails(since), flush=True)


def flatten(suite):
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from flatten(each)
        else:
            yield each


def as_written(test):
    """Sorts tests as they stand in their module: a guide's commands build on each other."""
    method = getattr(test, getattr(test, "_testMethodName", ""), None)
    return (inspect.getsourcelines(type(test))[1], inspect.getsourcelines(method)[1]) if method else (0, 0)


def main():
    parser = argparse.ArgumentParser(prog="tests/k8s.sh")
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    parser.add_argument("--list", action="store_true", help="name the suites and their tests")
    parser.add_argument("-k", dest="text", default="", help="only tests whose sentence contains the text")
    arguments = parser.parse_args()

    known = sorted(path.stem.removeprefix("test_") for path in HERE.glob("test_*.py"))
    for suite in arguments.suites:
        if suite not in known:
            sys.exit(f"No suite {suite}. There are: {', '.join(known)}.")

    # Background processes of a shell ignore Ctrl-C, and so would everything that tests start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("EVENTBUS_KUBECTL", shutil.which("kubectl") or "kubectl")
    if not os.environ.get("EVENTBUS_TEST_KUBECONFIG"):
        os.environ["PATH"] = f"{HERE / 'bin'}:{os.environ['PATH']}"
        os.environ["KUBECTL"] = str(HERE / "bin/kubectl")
    results = []
    for name in arguments.suites or known:
        tests = sorted(flatten(unittest.defaultTestLoader.loadTestsFromName(f"test_{name}")), key=as_written)
        tests = [test for test in tests if arguments.text.lower() in sentence(test).lower()]
        if not tests and arguments.text:
            continue
        print(f"\n== {name}")
        if arguments.list:
            print("\n".join(f"  {sentence(test)}" for test in tests))
            continue
        began, result = time.monotonic(), Result(name)
        results.append(result)
        skip = os.environ.get("EVENTBUS_K8S_SKIP")
        if skip:
            for test in tests:
                result.startTest(test)
                result.addSkip(test, skip)
        else:
            unittest.TestSuite(tests).run(result)
        print(f"-- {name}: {time.monotonic() - began:.0f} s", flush=True)
    if arguments.list:
        return

    for title, attribute in (("Skipped:", "skipped_tests"), ("Failed:", "failed")):
        lines = [f"  {result.suite}: {sentence(test)}: {reason}" for result in results for test, reason in getattr(result, attribute)]
        if lines:
            print("\n".join(["", title, *lines]))
    passed, failed, skipped = (sum(result.passed for result in results), sum(len(result.failed) for result in results),
                               sum(len(result.skipped_tests) for result in results))
    if not passed + failed + skipped:
        print("\nNo test ran.")
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped", flush=True)
    # At once: what the tests started ends with the process namespace.
    os._exit(0 if passed + skipped and not failed else 1)


if __name__ == "__main__":
    main()
