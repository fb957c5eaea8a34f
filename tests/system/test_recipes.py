"""Every recipe of the documentation, run as it stands on a machine of its own (harness/machine.py). A page's blocks of commands
are run in their order, after what the page takes for granted is there. What is not run is in NOT_RUN, with the reason."""
import itertools
import json
import re
import shlex
import shutil
import subprocess

import pytest
from harness.machine import Machine
from harness.recipes import COMMANDS, NOT_RUN, PAGES, ROOT, blocks, prints, recipes, steps
from harness.scheduler import BINARIES
from harness.util import wait_for

PROGRAMS = "/mnt/programs"
SERVERS = {"elves-scheduler": "--check-config --version --help", "elves-agent": "--check-config --version --help"}


LOOKS = re.compile("elvesctl (jobs|nodes|agents)|curl (?!.*-d )")


class Walk:
    """Goes through a page's commands on a machine."""

    def __init__(self, machine, folder="/root"):
        self.machine, self.folder = machine, folder
        self._exports = f"export PATH={PROGRAMS}:$PATH\n"
        self._ids = {}  # those of the page: those of this run
        self._units = itertools.count()
        self._running = {}  # program: unit

    def through(self, page, blocks_=None):
        for block in recipes(page) if blocks_ is None else blocks_:
            try:
                self._run(block)
            except AssertionError as fault:
                raise AssertionError(f"{block}: {fault}") from None

    def _run(self, block):
        if block.language == "sh":
            self.machine.do(self._exports + block.text, self.folder)
            return
        for command, expected in steps(block):
            if (block.page, command) in NOT_RUN:
                continue
            command = re.sub(r"\b[0-9A-F]{16}\b", lambda found: self._ids.get(found[0], found[0]), command)
            if command.startswith("export "):
                self._exports += command + "\n"
            elif self._serves(command):
                self._start(command, expected)
            else:
                self._once(command, expected)

    @staticmethod
    def _serves(command):
        name, *rest = shlex.split(command.split("#")[0]) or [""]
        return name in SERVERS and not any(word in SERVERS[name].split() for word in rest)

    def _start(self, command, expected):
        """What a reader starts in a terminal and leaves running, until the page starts the same program again."""
        name = command.split()[0]
        if name in self._running:
            self.machine.do(f"systemctl stop {self._running[name]}")
        self._running[name] = unit = f"terminal-{next(self._units)}"
        self.machine.do(f"{self._exports}systemd-run -q --unit {unit} --working-directory \"$PWD\" --setenv PATH=\"$PATH\" "
                        f"bash -c {shlex.quote('exec ' + command + ' >/tmp/' + unit + ' 2>&1')}", self.folder)
        wait_for(lambda: prints(expected, self.machine.do(f"cat /tmp/{unit} 2>/dev/null || true")) == "", 20,
                 f"{command}\nto print\n" + "\n".join(expected))

    def _once(self, command, expected):
        def run():
            return self.machine.try_to(f"{self._exports}exec 2>&1\n{command}", self.folder)
        ended = run()
        if LOOKS.match(command):  # a reader looks again, too
            wait_for(lambda: not prints(expected, run().stdout), 20, f"{command}\nto print\n" + "\n".join(expected))
            ended = run()
        wrong = prints(expected, ended.stdout)
        assert not wrong, f"{command}: {wrong}"
        assert ended.returncode == 0 or "elvesctl: " in "\n".join(expected), ended
        theirs = re.findall(r"\b[0-9A-F]{16}\b", "\n".join(expected))
        self._ids.update(zip(theirs, re.findall(r"\b[0-9A-F]{16}\b", ended.stdout)))


@pytest.fixture
def machine(request, program):
    made = Machine(*getattr(request, "param", ()), programs=BINARIES)
    yield made
    made.close()


def serve(machine, name, command, ready, folder="/root"):
    """Starts something the page takes for granted."""
    machine.do(f"systemd-run -q --unit {name} --working-directory {folder} bash -c {shlex.quote(command)}")
    try:
        wait_for(lambda: machine.try_to(ready, folder).returncode == 0, 180, name)
    except AssertionError as fault:
        raise AssertionError(f"{fault}\n{machine.do(f'journalctl --no-pager -u {name} | tail -n 30')}") from None


def listens(port, address="127.0.0.1"):
    return f"exec 3<>/dev/tcp/{address}/{port}"


def start_broker(machine):
    serve(machine, "broker", "source /src/scripts/common.sh; source /src/scripts/broker.sh; "
          "start_broker /var/lib/broker 5672 25672 4369; wait", "grep -qs 'startup complete' /var/lib/broker/rabbitmq.log")


def start_zookeeper(machine):
    machine.write("/var/lib/zookeeper/zoo.cfg", "tickTime=200\ndataDir=/var/lib/zookeeper\nclientPort=2181\n"
                  "clientPortAddress=127.0.0.1\nadmin.enableServer=false\n")
    serve(machine, "zookeeper", "exec java -Xmx256m -XX:TieredStopAtLevel=1 -cp "
          "/etc/zookeeper/conf_example:/usr/share/java/zookeeper.jar org.apache.zookeeper.server.quorum.QuorumPeerMain "
          "/var/lib/zookeeper/zoo.cfg", listens(2181))


def start_agent(machine, ip, **more):
    machine.do("mkdir -p /srv/agent/conf && cp -R /src/apps /src/sdk /srv/agent/")
    machine.write("/srv/agent/conf/cfg.json", json.dumps(
        {"ip": ip, "scheduler": {"addr": "127.0.0.1", "port": 10101}, "apps": {"apptest": "1.0"}, **more}))
    serve(machine, "agent", f"exec {PROGRAMS}/elves-agent --config /srv/agent/conf/cfg.json", listens(11101, ip))


def start_scheduler(machine, settings="", *arguments):
    machine.write("/srv/scheduler/conf.properties", settings)
    serve(machine, "scheduler", f"exec {PROGRAMS}/elves-scheduler --config conf.properties {' '.join(arguments)}",
          "curl -sf http://127.0.0.1:10180/healthz", "/srv/scheduler")


def copy_of_the_clone(machine):
    machine.do("mkdir /root/elves-scheduler && cp -R /src/apps /src/conf /src/sdk /src/control /src/scripts /root/elves-scheduler/")
    return "/root/elves-scheduler"


def make_release(folder):
    """What ./control pack makes, of the programs as they are built."""
    script = ("source scripts/common.sh; source scripts/build.sh; source scripts/packages.sh; source scripts/pack.sh\n"
              "need_packages() { :; }; build_programs() { :; }; bin_folder() { echo \"$BIN\"; }\ncommand_pack")
    for name in ("conf", "sdk", "apps", "docs", "scripts", "src/base", "cmake", "idl"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in [*(ROOT / name for name in ("control", "LICENSE", "CMakeLists.txt", "CMakePresets.json")), *ROOT.glob("*.md")]:
        shutil.copy2(file, folder)
    git = ["git", "-c", "user.name=Tester", "-c", "user.email=tester@localhost"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run(git + command, cwd=folder, check=True)
    packed = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True,
                            env={"BIN": str(BINARIES), "PATH": "/usr/bin:/bin"}, check=False)
    assert packed.returncode == 0, packed
    return folder / "dist"


@pytest.mark.parametrize("machine", [("10.0.0.5",)], indirect=True)
def test_elvesctl(machine):
    start_broker(machine)
    start_zookeeper(machine)
    start_scheduler(machine, "mq.ip=127.0.0.1\nzookeeper.host=127.0.0.1:2181\n")
    start_agent(machine, "10.0.0.5")
    Walk(machine).through("docs/elvesctl.md")


@pytest.mark.parametrize("machine", [("10.0.0.5",)], indirect=True)
def test_http_api(machine):
    start_scheduler(machine, "mq.ip=127.0.0.1\n", "--standalone")
    start_agent(machine, "10.0.0.5")
    Walk(machine).through("docs/http-api.md")


def test_agent(machine):
    [block] = recipes("docs/agent.md")
    folder = copy_of_the_clone(machine)
    start_scheduler(machine, "mq.ip=127.0.0.1\n", "--standalone")
    serve(machine, "as-written", f"export PATH={PROGRAMS}:$PATH; {block.text}", listens(11101), folder)
    assert machine.do(f"{PROGRAMS}/elvesctl run 127.0.0.1 apptest hello world") == "hello world\n"


def test_operations(machine, tmp_path):
    """The units under a real systemd: installed as written, with the limits they ask for, and a job through both."""
    machine.copy_in(str(make_release(tmp_path)) + "/.", "/root")
    start_broker(machine)
    Walk(machine).through("docs/operations.md")
    assert machine.do("systemctl is-active elves-scheduler elves-agent") == "active\nactive\n"
    for name in ("elves-scheduler", "elves-agent"):
        assert machine.do(f"ps -o user:32= -C {name}").strip() == name
        said = machine.try_to(f"systemd-analyze verify /etc/systemd/system/{name}.service")
        assert (said.returncode, said.stdout + said.stderr) == (0, "")
    submitted = machine.do("/opt/elves-scheduler/bin/elvesctl submit 127.0.0.1 apptest hello there").strip()
    assert "hello there" in machine.do(f"/opt/elves-scheduler/bin/elvesctl job --wait {submitted}")
    machine.do("systemctl reload elves-scheduler; systemctl restart elves-agent elves-scheduler")
    wait_for(lambda: machine.try_to("curl -sf http://127.0.0.1:10180/healthz").returncode == 0, 20, "it to be back")
    assert "hello there" in machine.do(f"/opt/elves-scheduler/bin/elvesctl job {submitted}")
    for file in ("/var/lib/elves-scheduler/var/journal.db", "/var/lib/elves-agent/var/elves-agent.db"):
        machine.do(f"test -s {file}")
    assert machine.do("find /etc/elves -mindepth 1 | sort") == "/etc/elves/cfg.json\n/etc/elves/conf.properties\n"


@pytest.mark.parametrize("machine", [("10.0.0.1", "10.0.0.17")], indirect=True)
def test_tls(machine):
    """The certificates of the page, the lines of the page for both programs, and a job that takes both TLS ports."""
    walk = Walk(machine)
    authority, of_the_agent = recipes("docs/tls.md")
    walk.through("docs/tls.md", [authority, of_the_agent])
    of_the_agent.text = of_the_agent.text.replace("agent.", "scheduler.").replace("agent-17", "scheduler").replace("10.0.0.17", "10.0.0.1")
    walk.through("docs/tls.md", [of_the_agent])
    machine.do("openssl verify -CAfile ca.pem agent.pem scheduler.pem; mkdir -p /etc/elves /srv/agent/conf; "
               "cp ca.pem scheduler.pem scheduler.key /etc/elves/; cp ca.pem agent.pem agent.key /srv/agent/conf/")
    [settings] = [block for block in blocks("docs/tls.md") if block.language == "properties"]
    [section] = [block for block in blocks("docs/tls.md") if block.language == "json"]
    start_scheduler(machine, settings.text + "\nagent.allow=10.0.0.0/8\n", "--standalone")
    start_agent(machine, "10.0.0.17", **json.loads("{" + section.text + "}"))
    assert machine.do(f"{PROGRAMS}/elvesctl run 10.0.0.17 apptest hello tls") == "hello tls\n"
    log_id = machine.do(f"{PROGRAMS}/elvesctl submit 10.0.0.17 apptest hello back").strip()
    assert "hello back" in machine.do(f"{PROGRAMS}/elvesctl job --wait {log_id}")
    assert "elves_agent_plain_connections_total 0" in machine.do("curl -s http://127.0.0.1:10180/metrics")


@pytest.mark.parametrize("page", ["README.md", "README.zh-CN.md"])
def test_readme(machine, page):
    folder = copy_of_the_clone(machine)
    [app] = [block for block in blocks(page) if block.language == "python"]
    machine.write(f"{folder}/apps/disk/worker.py", app.text + "\n")
    config = json.loads((ROOT / "conf/cfg.json").read_text())
    config["apps"]["disk"] = "1.0"
    machine.write(f"{folder}/conf/cfg.json", json.dumps(config))
    Walk(machine, folder).through(page)


def test_quick_start(machine):
    folder = copy_of_the_clone(machine)
    [settings] = [block for block in blocks("docs/quick-start.md") if block.language == "properties"]
    [message] = [block for block in blocks("docs/quick-start.md") if block.language == "json"]
    machine.write(f"{folder}/conf/conf.properties", settings.text + "\n")
    machine.write(f"{folder}/sendSync.json", message.text + "\n")
    start_broker(machine)
    Walk(machine, folder).through("docs/quick-start.md")


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_run_is_read(page, tmp_path):
    for number, block in enumerate(blocks(page)):
        if block.language == "json":
            read_json(block)
        elif block.language == "python":
            compile(block.text, repr(block), "exec")
        elif block.language == "properties":
            read_properties(block, tmp_path / f"{number}.properties")
        elif block.language == "thrift":
            idl = re.sub(r"\s+", " ", (ROOT / "idl/elves.thrift").read_text())
            for part in re.split(r"[,{}\n]", re.sub("//.*", "", block.text)):
                assert re.sub(r"\s+", " ", part.strip()) in idl, f"{block}: not in idl/elves.thrift: {part}"


def read_json(block):
    """An object or several, one a line, or members of one."""
    for attempt in (block.text, "{" + block.text + "}", "[" + ",".join(filter(None, block.text.split("\n"))) + "]"):
        try:
            return json.loads(attempt)
        except ValueError as fault:
            error = fault
    raise AssertionError(f"{block}: {error}")


def read_properties(block, file):
    """Its keys are known and its values right; files that it names are another matter."""
    secret = file.with_suffix(".secret")
    secret.write_text("secret")
    file.write_text(re.sub(r"=\s*/etc/\S+", f"= {secret}", block.text))
    ended = subprocess.run([BINARIES / "elves-scheduler", "--config", file, "--check-config"], capture_output=True, text=True,
                           timeout=30, check=False)
    wrong = [line for line in ended.stderr.split("\n") if "unknown" in line.lower() or (line.startswith("error") and "PEM" not in line)]
    assert not [line for line in wrong if "certificate" not in line], f"{block}: {ended.stderr}"


def told_by(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture(scope="session")
def helps():
    """What each program says about itself, with its commands."""
    ctl = BINARIES / "elvesctl"
    commands = re.findall(r"^  (\w+) ", told_by(ctl, "--help").split("Subcommands:")[1].split("Examples:")[0], re.MULTILINE)
    control = re.findall(r"^  (\w+) ", told_by(ROOT / "control", "help"), re.MULTILINE)
    return {"elves-scheduler": told_by(BINARIES / "elves-scheduler", "--help"),
            "elves-agent": told_by(BINARIES / "elves-agent", "--help"),
            "elvesctl": told_by(ctl, "--help") + "".join(told_by(ctl, name, "--help") for name in commands),
            "./control": told_by(ROOT / "control", "help") + "".join(told_by(ROOT / "control", "help", name) for name in control)}


@pytest.mark.parametrize("page", PAGES)
def test_options_that_a_page_names_exist(page, helps):
    """Also those of commands inside a sentence or a table, which are not run."""
    text = (ROOT / page).read_text(encoding="utf-8")
    commands = re.findall(r"`((?:elves-scheduler|elves-agent|elvesctl|\./control) [^`\n]+)`", text)
    commands += [line.removeprefix("$ ") for block in blocks(page) if block.language in COMMANDS for line in block.text.split("\n")]
    for command in commands:
        name, _, rest = command.partition(" ")
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", rest.replace("--param=--like-this", "")) if name in helps else ():
            assert re.search(rf"{option}(?![a-z-])", helps[name]), f"{page}: {command}: {name} has no {option}"
