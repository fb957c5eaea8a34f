"""Fixtures of the black-box tests. They need the programs (folder: ELVES_BIN) and Debian's packages, no network."""
import logging
import resource
import signal

import pytest
from harness import elves_agent
from harness import generated as generator
from harness import scheduler as scheduler_module
from harness.certificates import Certificates
from harness.processors import AppProcessor
from harness.rabbit import RabbitMq
from harness.site import Site
from harness.zoo import Server

MANY_FILES = 20000
logging.getLogger("pika").setLevel(logging.CRITICAL)  # the tests close connections and queues under it on purpose


def pytest_configure():
    """A suite that is told to end still ends what it has started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for process in scheduler_module.running:
            report.sections.append((f"end of {process.log_file}", process.tail()))


@pytest.fixture(scope="session", autouse=True)
def many_files():
    """Thousands of connections need file descriptors: the processes started here inherit the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < MANY_FILES:
        wanted = MANY_FILES if hard == resource.RLIM_INFINITY else min(MANY_FILES, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    generator.generate(folder)
    return folder


@pytest.fixture(scope="session")
def certificates(tmp_path_factory):
    return Certificates(tmp_path_factory.mktemp("certificates"))


def run_broker(folder, certificates=None):
    rabbit = RabbitMq(folder, certificates)
    try:
        rabbit.start()
        yield rabbit
    finally:
        rabbit.close()


@pytest.fixture(scope="session")
def broker(tmp_path_factory):
    yield from run_broker(tmp_path_factory.mktemp("rabbit"))


@pytest.fixture(scope="module")
def tls_broker(tmp_path_factory, certificates):
    """One that speaks TLS on `tls_port`, too."""
    yield from run_broker(tmp_path_factory.mktemp("tls-rabbit"), certificates)


@pytest.fixture(scope="session")
def program():
    """The program under test; no test of it can pass without it."""
    assert scheduler_module.PROGRAM.is_file(), f"build it first: {scheduler_module.PROGRAM} is missing"
    return scheduler_module.PROGRAM


@pytest.fixture(scope="module")
def make_site(tmp_path_factory, generated, program):
    """Makes installations (see Site) that end with the module."""
    sites = []

    def make(**options):
        sites.append(Site(tmp_path_factory.mktemp("site"), generated, **options))
        return sites[-1]

    yield make
    failures = []
    for site in sites:
        try:
            site.close()
        except Exception as failure:  # noqa: BLE001, the others are to be closed all the same
            failures.append(failure)
    assert not failures, "\n".join(map(str, failures))


@pytest.fixture(scope="module")
def zoo(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("zoo"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def processor():
    """Makes processors that end with the test."""
    made = []

    def make(kind="ok", port=None):
        made.append(AppProcessor(kind, port))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def chroot(request):
    """Each test has a tree of its own."""
    return "/" + request.node.name.split("[")[0]


@pytest.fixture
def start_registered(make_site, broker):
    """Starts schedulers with broker and agents that register at a ZooKeeper."""
    sites = []

    def make(hosts, **settings):
        site = make_site(broker=broker, settings={"zookeeper.host": hosts, "zookeeper.outTime": 2000, **settings})
        sites.append(site)
        return site.start()

    yield make
    for site in sites:
        site.close()


@pytest.fixture
def peer(site):
    """A client of the module's installation with empty queues."""
    site.purge()
    client = site.peer()
    yield client
    client.close()


@pytest.fixture(scope="session")
def elves_idl(tmp_path_factory):
    return elves_agent.generate(tmp_path_factory.mktemp("idl"))


@pytest.fixture
def start_agent(elves_idl, tmp_path):
    """Starts elves-agents: start_agent(port=..., worker={...}) with anything of cfg.json. `launcher`: a command that
    becomes the program."""
    agents = []

    def make(launcher=(), **config):
        root = tmp_path / f"agent{len(agents)}"
        agents.append(elves_agent.Agent(elves_idl, root, elves_agent.install(root, **config), launcher))
        return agents[-1]

    yield make
    for agent in agents:
        agent.stop()


@pytest.fixture
def agent(start_agent):
    return start_agent()


@pytest.fixture
def fake_scheduler(elves_idl):
    made = elves_agent.FakeScheduler(elves_idl)
    yield made
    made.stop()
