"""Runs one container as a process: namespaces, root file system, mounts, user, capabilities. Or enters a running one.

`container.py SPEC.json FD` runs what a spec says (see node.py, which writes it) and reports on FD: the process id, then
nothing, or why it could not start. enter() runs a command in a container that runs already.
What it does not: limits of memory and CPU, seccomp, AppArmor. The root file system is the machine's own, seen through a
writable layer, without its folders of users and temporary files; what an image would bring is bound into it.
"""
import ctypes
import json
import os
import signal
import stat
import sys

BIND, REC, RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, PRIVATE = 4096, 16384, 1, 2, 4, 8, 32, 1 << 18
DETACH = 2
NAMESPACES = {"mnt": 0x20000, "uts": 0x4000000, "ipc": 0x8000000, "net": 0x40000000, "pid": 0x20000000}
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
CAPABILITIES = """CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE
NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT
SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG
WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE""".split()
# What containers get that ask for nothing.
DEFAULT_CAPABILITIES = """CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT
KILL AUDIT_WRITE""".split()
# Of the machine's root; everything else of it is hidden.
SHOWN = {"bin", "etc", "lib", "lib32", "lib64", "libx32", "opt", "sbin", "usr", "var"}

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *arguments):
    arguments = [os.fsencode(each) if isinstance(each, str) else each for each in arguments]
    if getattr(libc, name)(*arguments) < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}({', '.join(str(each) for each in arguments)}): {os.strerror(error)}")


def mount(source, target, kind=None, flags=0, data=None):
    call("mount", source, target, kind, ctypes.c_ulong(flags), data)


def read_only(target):
    # In a user namespace, flags that the machine has set on a mount can't be taken away: they are repeated.
    has = os.statvfs(target).f_flag
    keep = has & (NOSUID | NODEV | NOEXEC | 1024 | 2048) | (1 << 21 if has & 4096 else 0)
    mount(None, target, None, BIND | REMOUNT | RDONLY | keep)


def bind(source, target, writable):
    if not os.path.lexists(target):
        os.makedirs(target if os.path.isdir(source) else os.path.dirname(target), exist_ok=True)
        if not os.path.isdir(source):
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(source, target, None, BIND | REC)
    if not writable:
        read_only(target)


def make_root(spec):
    """The container's root file system becomes /."""
    os.chdir(spec["layer"])
    os.mkdir("root")
    mount("root", "root", None, BIND)
    layered = []
    for entry in os.scandir("/"):
        target = f"root/{entry.name}"
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), target)
        elif entry.is_dir():
            os.mkdir(target)
            os.chmod(target, 0o1777 if entry.name == "tmp" else 0o755)
            if entry.name in SHOWN:
                # Folder by folder: in a user namespace, / as a whole can't be a layer.
                os.makedirs(f"upper/{entry.name}")
                os.makedirs(f"work/{entry.name}")
                mount("overlay", target, "overlay", 0, f"lowerdir=/{entry.name},upperdir=upper/{entry.name},workdir=work/{entry.name}"
                      + ("" if initial_user_namespace() else ",userxattr"))
                layered.append(f"/{entry.name}")
    os.mkdir("root/.old")
    call("pivot_root", "root", "root/.old")
    os.chdir("/")
    mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)
    mount("sysfs", "/sys", "sysfs", NOSUID | NODEV | NOEXEC | RDONLY)
    mount("dev", "/dev", "tmpfs", NOSUID, "mode=755")
    for device in ("null", "zero", "full", "random", "urandom", "tty"):
        bind(f"/.old/dev/{device}", f"/dev/{device}", True)
    for name, target in ("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2"):
        os.symlink(f"/proc/self/fd{target}", f"/dev/{name}")
    os.mkdir("/dev/shm")
    mount("shm", "/dev/shm", "tmpfs", NOSUID | NODEV, "mode=1777,size=64m")
    for each in spec["mounts"]:
        bind("/.old" + each["source"], each["target"], each["writable"])
    call("umount2", "/.old", DETACH)
    os.rmdir("/.old")
    if spec["read_only_root"]:
        for place in [*layered, "/"]:
            read_only(place)


def initial_user_namespace():
    return os.stat("/proc/self/ns/user").st_ino == 0xEFFFFFFD


def become(spec, argv):
    """Replaces this process by the container's: its user, groups and rights."""
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP, 32, 33):
            signal.signal(number, signal.SIG_DFL)
    for name_number, name in enumerate(CAPABILITIES):
        if name not in spec["capabilities"]:
            libc.prctl(PR_CAPBSET_DROP, name_number, 0, 0, 0)
    for stream in (0, 1, 2):
        # As container runtimes do: /dev/stdout can be opened by the user.
        if stat.S_ISFIFO(os.fstat(stream).st_mode):
            os.fchown(stream, spec["uid"], -1)
    try:
        os.setgroups(spec["groups"])
        os.setresgid(*[spec["gid"]] * 3)
        os.setresuid(*[spec["uid"]] * 3)
    except OSError as error:
        raise OSError(error.errno, f"user {spec['uid']}, groups {spec['gid']} {spec['groups']}: {error.strerror} "
                                   "(a user namespace has only the ids of /etc/subuid and /etc/subgid)") from None
    if spec["no_new_privileges"]:
        call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.umask(0o022)
    os.chdir(spec["cwd"])
    try:
        os.execvpe(argv[0], argv, spec["env"])
    except OSError as error:
        raise OSError(error.errno, f'exec "{argv[0]}": {error.strerror} (PATH {spec["env"].get("PATH")})') from None


def wait(child):
    """Waits for a child; 128 + signal when one ended it, as shells say it."""
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return 128 - code if code < 0 else code


def main(spec_file, report):
    with open(spec_file, encoding="utf-8") as file:
        spec = json.load(file)
    os.set_inheritable(report, False)
    with open(spec["netns"], "rb") as net:
        call("setns", net.fileno(), NAMESPACES["net"])
    call("unshare", sum(NAMESPACES.values()) - NAMESPACES["net"])
    child = os.fork()
    if child:
        os.write(report, f"{child}\n".encode())
        os.close(report)
        os._exit(wait(child))
    try:
        os.setsid()
        mount(None, "/", None, PRIVATE | REC)
        os.umask(0o022)
        make_root(spec)
        call("sethostname", spec["hostname"], len(spec["hostname"]))
        become(spec, spec["argv"])
    except Exception as error:
        os.write(report, str(error).encode())
        os._exit(128)


def enter(spec, pid, argv, env=None):
    """Runs a command in a running container with its user, rights and environment. Returns its exit code."""
    folders = [open(f"/proc/{pid}/ns/{name}", "rb") for name in ("uts", "ipc", "net", "pid", "mnt")]
    child = os.fork()
    if child:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: os.kill(child, signal.SIGKILL))
        return wait(child)
    # A child of a child: only those of a process that has entered a process namespace are in it.
    try:
        for folder in folders:
            call("setns", folder.fileno(), 0)
        call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        inner = os.fork()
        if inner:
            os._exit(wait(inner))
        become({**spec, "env": {**spec["env"], **(env or {})}}, argv)
    except OSError as error:
        print(f"OCI runtime exec failed: {error}", file=sys.stderr, flush=True)
        os._exit(127)


if __name__ == "__main__":
    if sys.argv[1] == "exec":
        with open(sys.argv[2], encoding="utf-8") as spec_of_container:
            sys.exit(enter(json.load(spec_of_container), int(sys.argv[3]), sys.argv[4:]))
    main(sys.argv[1], int(sys.argv[2]))
