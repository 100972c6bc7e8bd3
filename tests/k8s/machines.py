"""Machines: this system's files, copy-on-write, in namespaces of their own with the real systemd, joined by a bridge.

So units, users and files in /etc are tried as they are, and gone afterwards.
What they do not: limit memory or processors, have devices of their own, start what this system would start at boot.
"""
import contextlib
import itertools
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# In the place of the system's own units: a boot that starts the journal and nothing else but what a test asks for.
UNITS = "/etc/systemd/system:/run/test-units"
TARGETS = ("sysinit", "basic", "multi-user", "network", "network-online", "remote-fs", "shutdown", "umount", "test")

# Makes a root in the folder $1, moves into it, becomes systemd.
BOOT = r"""
set -euo pipefail
folder=$1 name=$2
shift 2
mount -t tmpfs tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
root=$folder/root
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
while (($#)); do
    mkdir -p "$root$2"
    mount --bind "$1" "$root$2"
    mount -o remount,bind,ro "$root$2"
    shift 2
done
hostname "$name"
echo "$name" >"$root/etc/hostname"
# Names are those of /etc/hosts: nothing here could answer a question to a name server.
sed -i 's/^hosts:.*/hosts: files/' "$root/etc/nsswitch.conf"
mkdir -p "$root/run/test-units" "$root/run/old-root"
for target in @TARGETS@; do printf '[Unit]\nDescription=%s\n' "$target" >"$root/run/test-units/$target.target"; done
for unit in systemd-journald.service systemd-journald.socket systemd-journald-dev-log.socket; do ln -s "/lib/systemd/system/$unit" "$root/run/test-units/"; done
echo 'Wants=systemd-journald.service' >>"$root/run/test-units/test.target"
mkdir -p "$root/etc/systemd/journald.conf.d"
printf '[Journal]\nReadKMsg=no\nStorage=volatile\n' >"$root/etc/systemd/journald.conf.d/test.conf"
rm -rf "$root/var/log/journal"
tr -d - <"/proc/sys/kernel/random/uuid" >"$root/etc/machine-id"
cd "$root"
pivot_root . run/old-root
umount -l /run/old-root
exec /lib/systemd/systemd --system --unit=test.target --show-status=no
""".replace("@TARGETS@", " ".join(TARGETS))


def eventually(what, ask, limit=60):
    """The first true answer of ask. what says it in words, or is a function that does when it did not come."""
    until = time.monotonic() + limit
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > until:
            raise AssertionError(f"not within {limit} s: {what() if callable(what) else what}")
        time.sleep(0.1)


def why_no_network():
    """Why a network can't be had here, or "" when it can."""
    return "EVENTBUS_TEST_KUBECONFIG: the tests have no network of their own" if os.environ.get("EVENTBUS_TEST_KUBECONFIG") else ""


def why_no_machines():
    """Why machines can't be had here, or "" when they can."""
    if why_no_network():
        return why_no_network()
    if os.geteuid() != 0 or "0 4294967295" not in " ".join(Path("/proc/self/uid_map").read_text().split()[1:]):
        return "machines need root: overlay file systems and control groups"
    if not _cgroups():
        return "there is no cgroup2 hierarchy for systemd"
    return ""


def _cgroups():
    for line in Path("/proc/mounts").read_text().split("\n"):
        fields = line.split()
        if len(fields) > 2 and fields[2] == "cgroup2":
            return Path(fields[1])
    return None


class Network:
    """A bridge with names. This process is on it too, as `gateway`."""

    links = itertools.count(1)

    def __init__(self, prefix="10.77.0", bridge="machines0"):
        self.prefix, self.bridge, self.members, self.hosts, self.given = prefix, bridge, [], {}, 0
        self.gateway = f"{prefix}.1"
        _do("ip", "link", "add", bridge, "type", "bridge")
        _do("ip", "addr", "add", f"{self.gateway}/24", "dev", bridge)
        _do("ip", "link", "set", bridge, "up")

    def address(self):
        self.given += 1
        return f"{self.prefix}.{self.given + 10}"

    def join(self, netns, address):
        """A network namespace on the bridge, kept by a file."""
        # Never the same again: the kernel takes the last one away some time after its namespace ended.
        link = f"n{next(self.links)}"
        Path(netns).touch()
        _do("unshare", f"--net={netns}", "true")
        _do("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(netns))
        _do("ip", "link", "set", link, "master", self.bridge, "up")
        for command in ("link set lo up", f"addr add {address}/24 dev eth0", "link set eth0 up", f"route add default via {self.gateway}"):
            _do("nsenter", f"--net={netns}", "ip", *command.split())

    def leave(self, member):
        """A member is gone, and its names with it."""
        if member in self.members:
            self.members.remove(member)
        self.hosts.pop(member.address, None)
        subprocess.run(["umount", str(member.netns)], capture_output=True)

    def name(self, address, names):
        """Makes names known to every member, as a DNS server would."""
        self.hosts[address] = names
        text = "127.0.0.1 localhost\n" + "".join(f"{each} {' '.join(known)}\n" for each, known in self.hosts.items())
        for member in self.members:
            member.know(text)

    def close(self):
        for member in list(self.members):
            member.close()
        _do("ip", "link", "del", self.bridge)


class Machine:
    """Up when the constructor returns. binds: folder → where it stands on the machine, for reading."""

    def __init__(self, network, name, aliases=(), binds=None):
        self.network, self.name, self.address = network, name, network.address()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=os.environ.get("EVENTBUS_K8S_INSIDE")))
        self.log, self.netns = self.folder.with_suffix(".log"), self.folder.with_suffix(".net")
        self.env = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", "SYSTEMD_UNIT_PATH": UNITS}
        self.cgroup = _cgroups() / f"machine-{os.getpid()}-{self.folder.name}"
        self.cgroup.mkdir()
        network.join(self.netns, self.address)
        # It enters its control group before the namespace of control groups is made, whose root that becomes. `container`
        # tells systemd to leave devices and the kernel's settings alone.
        begin = (f"echo $$ >{shlex.quote(str(self.cgroup))}/cgroup.procs; exec nsenter --net={shlex.quote(str(self.netns))} "
                 'unshare --mount --pid --uts --ipc --cgroup --fork --kill-child bash -c "$BOOT" boot "$@"')
        with self.log.open("wb") as log:
            self.holder = subprocess.Popen(
                ["bash", "-c", begin, "boot", str(self.folder), name, *(str(part) for bind in (binds or {}).items() for part in bind)],
                env={**self.env, "BOOT": BOOT, "container": "test", "SYSTEMD_LOG_TARGET": "journal", "SYSTEMD_LOG_LEVEL": "notice"},
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        try:
            self.pid = eventually(lambda: f"{name} has its files: {self.log.read_text()}", self._systemd)
            network.members.append(self)
            network.name(self.address, [name, *aliases])
            eventually(f"systemd of {name} answers", lambda: self.try_run(["systemctl", "is-active", "test.target"]).returncode == 0)
        except BaseException:
            self.close()
            raise

    def _systemd(self):
        """The id of its first process, once that is systemd."""
        if self.holder.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.holder.returncode}:\n{self.log.read_text(errors='replace')}")
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children").read_text().split()
        found = [int(child) for child in children if Path(f"/proc/{child}/comm").read_text() == "systemd\n"]
        return found[0] if found else None

    def log_text(self):
        return self.log.read_text(errors="replace") + self.try_run("journalctl --no-pager --quiet --no-hostname").stdout

    def try_run(self, command, env=None, cwd="/root", stdin="", limit=120):
        """Runs a command (a list, or bash's text) inside and returns how it went."""
        if isinstance(command, str):
            command = ["bash", "-euo", "pipefail", "-c", command]
        environment = {**self.env, **(env or {})}
        inside = ["nsenter", "-t", str(self.pid), *"-m -p -n -u -i -C -r".split(), "env", "-i", *(f"{key}={value}" for key, value in environment.items())]
        return subprocess.run([*inside, "bash", "-c", 'cd "$0" && exec "$@"', cwd, *map(str, command)],
                              input=stdin, capture_output=True, text=True, timeout=limit)

    def run(self, command, **more):
        done = self.try_run(command, **more)
        if done.returncode:
            raise AssertionError(f"{self.name}: exit code {done.returncode}\n{command}\n{done.stdout}{done.stderr}\n{self.tail()}")
        return done.stdout

    def know(self, hosts):
        self.write("/etc/hosts", hosts)

    def write(self, path, text):
        Path(f"/proc/{self.pid}/root{path}").write_text(text)

    def read(self, path):
        return Path(f"/proc/{self.pid}/root{path}").read_text()

    def tail(self, lines=40):
        return "\n".join(self.log_text().rstrip().split("\n")[-lines:])

    def close(self):
        """Pulls the plug: every process of its goes with its first one."""
        self.holder.kill()
        self.holder.wait()
        self.network.leave(self)

        def gone():
            for each, _, _ in os.walk(self.cgroup, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(each)
            return not self.cgroup.exists()
        eventually(f"the control groups of {self.name} are empty", gone)
        shutil.rmtree(self.folder, ignore_errors=True)


def _do(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        raise AssertionError(f"{' '.join(command)}: {done.stdout}")
    return done.stdout
