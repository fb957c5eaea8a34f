"""A Debian machine of its own for recipes: the programs of this one, and for the rest a fresh root with systemd as process 1, a
network that holds only loopback, and a home. What is done there is gone with it. Needs root (namespaces, mounts)."""
import pathlib
import shlex
import subprocess
import tempfile

from .util import end_process, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[3]

# A control group of its own, named $2, for what $3 makes of the rest; $1 is a folder to work in.
GROUP = r"""
set -eu
mount --make-rprivate /
mount -t cgroup2 cgroup2 "$1"
mkdir "$1/$2"
echo $$ >"$1/$2/cgroup.procs"
umount "$1"
boot=$3 root=$1
shift 3
exec unshare --cgroup sh -c "$boot" boot "$root" "$@"
"""
# Takes the group away again, with those that systemd made in it.
UNGROUP = 'mount -t cgroup2 cgroup2 "$1" && find "$1/$2" -depth -type d -exec rmdir {} +'
# Makes the root below $1 and becomes its process 1. The sources of this repository are at /src, the programs at /mnt/programs.
BOOT = r"""
set -eu
root=$1 sources=$2 programs=$3
shift 3
mount -t tmpfs -o mode=755 root "$root"
cd "$root"
mkdir -p usr etc opt var/lib var/log var/cache tmp run proc dev sys root home src mnt srv
chmod 1777 tmp
mount --rbind -o ro /usr usr
for link in bin sbin lib lib64; do ln -s "usr/$link" "$link"; done
mount --rbind "$sources" src
mkdir mnt/programs
mount --bind "$programs" mnt/programs
cp -a /etc/. etc/
rm -rf etc/systemd/system etc/machine-id etc/fstab etc/init.d etc/rc*.d
mkdir -p etc/systemd/system
: >etc/machine-id
# Nothing of the kernel that this machine shares with others is touched.
for unit in systemd-sysctl systemd-udevd systemd-udev-trigger systemd-modules-load systemd-random-seed kmod-static-nodes \
  systemd-remount-fs systemd-update-utmp; do ln -s /dev/null "etc/systemd/system/$unit.service"; done
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,ro,bind proc/sys
mount -t sysfs -o ro sysfs sys
mount -t tmpfs cgroup sys/fs/cgroup
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 dev dev
mkdir dev/pts dev/shm
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for name in stdin:0 stdout:1 stderr:2; do ln -s "/proc/self/fd/${name#*:}" "dev/${name%:*}"; done
for name in null zero full random urandom tty; do
  : >"dev/$name"
  mount --bind "/dev/$name" "dev/$name"
done
mount -t tmpfs -o mode=755 run run
hostname machine
echo machine >etc/hostname
ip link set lo up
for address; do ip address add "$address/32" dev lo; done
# Not chroot: the kernel refuses user namespaces (PrivateUsers=) to who is in one.
mkdir old
pivot_root . old
cd /
umount -l old
rmdir old
exec env -i container=elves-test PATH=/usr/bin:/usr/sbin /usr/lib/systemd/systemd --unit=multi-user.target \
  --log-target=console --log-level=warning --show-status=0
"""
SPACES = ("--mount", "--net", "--pid", "--uts", "--ipc")


class Machine:
    """`addresses` are its own besides loopback."""

    def __init__(self, *addresses, programs):
        self._folder = tempfile.TemporaryDirectory(prefix="elves-machine-")
        self._console = open(pathlib.Path(self._folder.name) / "console", "w+b")
        self._root = pathlib.Path(self._folder.name) / "root"
        self._root.mkdir()
        self._group = pathlib.Path(self._folder.name).name
        self._holder = subprocess.Popen(
            ["unshare", *SPACES, "--fork", "--kill-child=KILL", "sh", "-c", GROUP, "group", self._root, self._group, BOOT, ROOT,
             programs, *addresses],
            stdin=subprocess.DEVNULL, stdout=self._console, stderr=self._console)
        try:
            wait_for(self._is_up, 60, "systemd in a machine of its own")
        except BaseException as fault:
            said = self.console()
            self.close()
            raise AssertionError(f"no machine could be made (this needs root and namespaces): {fault}\n{said}") from None

    def console(self):
        self._console.seek(0)
        return self._console.read().decode(errors="replace")

    def _first(self):
        """The number that its process 1 has on this machine."""
        assert self._holder.poll() is None, self.console()
        children = pathlib.Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text().split()
        return children[0] if children else None

    def _is_up(self):
        first = self._first()
        if not first or b"systemd" not in pathlib.Path(f"/proc/{first}/comm").read_bytes():
            return False
        return self._enter("systemctl is-system-running", {}, "/").stdout.strip() in ("running", "degraded")

    def _enter(self, script, variables, folder, shell="bash"):
        names = [f"{name}={value}" for name, value in variables.items()]
        return subprocess.run(
            ["nsenter", "-t", self._first(), "-m", "-n", "-p", "-C", "-u", "-i", "-r", "-w", "env", "-i", "HOME=/root", "LC_ALL=C.UTF-8",
             "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *names, shell, "-c",
             f"cd {shlex.quote(folder)} || exit 99\n{script}"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=300)

    def try_to(self, script, folder="/root", **variables):
        """Runs a script of bash there as root; the ended process."""
        return self._enter(script, variables, folder)

    def do(self, script, folder="/root", **variables):
        """The same with set -eu and pipefail; what it printed on standard output."""
        ended = self._enter(f"set -euo pipefail\n{script}", variables, folder)
        assert ended.returncode == 0, f"exit code {ended.returncode}\n{script}\n{ended.stdout}{ended.stderr}"
        return ended.stdout

    def write(self, path, text):
        name = pathlib.Path(f"/proc/{self._first()}/root") / path.lstrip("/")
        name.parent.mkdir(parents=True, exist_ok=True)
        name.write_text(text)

    def copy_in(self, source, path):
        target = pathlib.Path(f"/proc/{self._first()}/root") / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-rL", source, target], check=True)

    def close(self):
        first = self._first() if self._holder.poll() is None else None
        if first:
            subprocess.run(["kill", "-KILL", first], check=False)  # and the kernel ends all the others
        end_process(self._holder)
        subprocess.run(["unshare", "--mount", "sh", "-c", UNGROUP, "ungroup", self._root, self._group], check=False,
                       stderr=subprocess.DEVNULL)
        self._console.close()
        self._folder.cleanup()
