"""Machines and containers: this system's files, copy-on-write, in namespaces of their own, joined by a bridge.

A machine runs the real systemd, so units, users and files in /etc are tried as they are and gone afterwards. A container
runs one program. What they do not: limit memory or processors, or start from an image's own files.
"""
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# In the place of the system's own units: a boot that starts the journal and nothing else but what a test asks for.
UNITS = "/etc/systemd/system:/run/test-units"
TARGETS = ("sysinit", "basic", "multi-user", "network", "network-online", "remote-fs", "shutdown", "umount", "test")

# $1 is the folder to build the root in. Waits for its network, then becomes the command.
BOOT = r"""
set -euo pipefail
folder=$1 name=$2 systemd=$3
shift 3
mount -t tmpfs tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$folder/root"
root=$folder/root
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
if [[ $systemd == true ]]; then mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"; fi
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
while [[ $1 != -- ]]; do
    # FROM TO FLAGS
    mkdir -p "$(dirname "$root$2")"
    if [[ $1 == tmpfs ]]; then
        mkdir -p "$root$2"
        mount -t tmpfs -o "$3" tmpfs "$root$2"
    else
        if [[ -d $1 ]]; then mkdir -p "$root$2"; else touch "$root$2"; fi
        mount --bind "$1" "$root$2"
        [[ $3 != ro ]] || mount -o remount,bind,ro "$root$2"
    fi
    shift 3
done
shift
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
read -r _
cd "$root"
pivot_root . run/old-root
umount -l /run/old-root
exec "$@"
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


def why_not():
    """Why machines can't be had here, or "" when they can."""
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

    def __init__(self, prefix="10.77.0", bridge="machines0"):
        self.prefix, self.bridge, self.members, self.hosts = prefix, bridge, [], {}
        self.gateway = f"{prefix}.1"
        _do("ip", "link", "add", bridge, "type", "bridge")
        _do("ip", "addr", "add", f"{self.gateway}/24", "dev", bridge)
        _do("ip", "link", "set", bridge, "up")

    def address(self):
        return f"{self.prefix}.{len(self.hosts) + 10}"

    def name(self, address, names):
        """Makes names known to every member, as a DNS server would."""
        self.hosts[address] = names
        text = "127.0.0.1 localhost\n" + "".join(f"{each} {' '.join(known)}\n" for each, known in self.hosts.items())
        for member in self.members:
            member.write("/etc/hosts", text)

    def close(self):
        for member in list(self.members):
            member.close()
        _do("ip", "link", "del", self.bridge)


class Machine:
    """Up when the constructor returns.

    binds: (from, to, "ro" or "rw"), or ("tmpfs", to, mount options). command: what runs instead of systemd, as a container.
    """

    def __init__(self, network, name, aliases=(), binds=(), command=None, env=None):
        self.network, self.name, self.systemd = network, name, command is None
        self.folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=os.environ.get("EVENTBUS_K8S_INSIDE")))
        self.log = self.folder.with_suffix(".log")
        self.address, self.cgroup = network.address(), None
        # A name that systemd.exec's `container` detection knows: no devices, no kernel settings.
        self.env = {"PATH": PATH, "HOME": "/root", "LANG": "C.UTF-8", **(env or {})}
        if self.systemd:
            command = ["/lib/systemd/systemd", "--system", "--unit=test.target", "--show-status=no"]
            self.env.update(container="test", SYSTEMD_UNIT_PATH=UNITS, SYSTEMD_LOG_TARGET="journal", SYSTEMD_LOG_LEVEL="notice")
            self.cgroup = _cgroups() / f"machine-{os.getpid()}-{self.folder.name}"
            self.cgroup.mkdir()
        plan = [str(self.folder), name, str(self.systemd).lower(), *(str(part) for bind in binds for part in bind), "--", *command]
        # Enters its control group before the namespace of control groups is made, whose root it becomes.
        enter = f"echo $$ >{shlex.quote(str(self.cgroup))}/cgroup.procs; " if self.cgroup else ""
        flags = "--mount --pid --net --uts --ipc --fork --kill-child" + (" --cgroup" if self.cgroup else "")
        with self.log.open("wb") as log:
            self.holder = subprocess.Popen(["bash", "-c", f'{enter}exec unshare {flags} bash -c "$BOOT" boot "$@"', "boot", *plan],
                                           env={**self.env, "BOOT": BOOT}, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)
        children = Path(f"/proc/{self.holder.pid}/task/{self.holder.pid}/children")
        self.pid = int(eventually(f"{name} has its namespaces", lambda: self._alive() and children.read_text().split() and
                                  "unshare" == Path(f"/proc/{self.holder.pid}/comm").read_text().strip() and children.read_text().split())[0])
        link = f"m{self.pid}"
        eventually(f"{name} has its network", lambda: os.readlink(f"/proc/{self.pid}/ns/net") != os.readlink("/proc/self/ns/net"))
        _do("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(self.pid))
        _do("ip", "link", "set", link, "master", network.bridge, "up")
        inside = ["nsenter", "-t", str(self.pid), "-n"]
        _do(*inside, "ip", "link", "set", "lo", "up")
        _do(*inside, "ip", "addr", "add", f"{self.address}/24", "dev", "eth0")
        _do(*inside, "ip", "link", "set", "eth0", "up")
        _do(*inside, "ip", "route", "add", "default", "via", network.gateway)
        self.holder.stdin.write(b"go\n")
        self.holder.stdin.close()
        # Its root has become the one that was built.
        eventually(f"{name} has its files", lambda: self._alive() and self.try_run(["test", "-d", "/run/test-units"]).returncode == 0 and
                   not os.path.exists(f"/proc/{self.pid}/root{self.folder}/root/run/test-units"))
        network.members.append(self)
        network.name(self.address, [name, *aliases])
        if self.systemd:
            eventually(f"systemd of {name} answers", lambda: self.try_run(["systemctl", "is-active", "test.target"]).returncode == 0)

    def _alive(self):
        if self.holder.poll() is not None:
            raise AssertionError(f"{self.name} ended with {self.holder.returncode}:\n{self.log.read_text(errors='replace')}")
        return True

    def log_text(self):
        """What its program printed; on a machine, what its services did."""
        printed = self.log.read_text(errors="replace")
        return printed + self.try_run("journalctl --no-pager --quiet --no-hostname").stdout if self.systemd else printed

    def try_run(self, command, env=None, cwd="/root", stdin="", limit=120):
        """Runs a command (a list, or bash's text) inside and returns how it went."""
        if isinstance(command, str):
            command = ["bash", "-euo", "pipefail", "-c", command]
        environment = {**self.env, **(env or {})}
        flags = "-m -p -n -u -i -r".split() + (["-C"] if self.cgroup else [])
        return subprocess.run(["nsenter", "-t", str(self.pid), *flags, "env", "-i", *(f"{key}={value}" for key, value in environment.items()),
                               "bash", "-c", 'cd "$0" && exec "$@"', cwd, *map(str, command)],
                              input=stdin, capture_output=True, text=True, timeout=limit)

    def run(self, command, **more):
        done = self.try_run(command, **more)
        if done.returncode:
            raise AssertionError(f"{self.name}: exit code {done.returncode}\n{command}\n{done.stdout}{done.stderr}\n{self.tail()}")
        return done.stdout

    def write(self, path, text):
        Path(f"/proc/{self.pid}/root{path}").write_text(text)

    def read(self, path):
        return Path(f"/proc/{self.pid}/root{path}").read_text()

    def tail(self, lines=40):
        return "\n".join(self.log_text().rstrip().split("\n")[-lines:])

    def stop(self, limit=60):
        """TERM to its first process, as `docker stop` does; returns the exit code."""
        os.kill(self.pid, signal.SIGTERM)
        try:
            code = self.holder.wait(limit)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not stop within {limit} s:\n{self.tail()}") from None
        self.close()
        return code

    def close(self):
        """Pulls the plug: every process of its goes with its first one."""
        if self in self.network.members:
            self.network.members.remove(self)
        self.holder.kill()
        self.holder.wait()
        if self.cgroup:
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
