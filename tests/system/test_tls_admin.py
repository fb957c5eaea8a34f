"""The job API over HTTPS, its tokens, and elvesctl."""
import socket
import ssl
import subprocess

import pytest
from harness.certificates import client_context, outdated
from harness.scheduler import BINARIES, environment
from harness.util import wait_for

AGENT = "127.0.0.2"
JOB = {"ip": AGENT, "app": "apptest", "func": "echo", "param": "p"}
FULL, READ = "full-t0ken", "read-t0ken"


def settings(certificates, **more):
    return {"admin.tls.cert": certificates.local.cert, "admin.tls.key": certificates.local.key,
            "admin.token": FULL, "admin.token.readOnly": READ,
            **{key.replace("_", "."): value for key, value in more.items()}}


@pytest.fixture(scope="module")
def site(make_site, certificates):
    return make_site(agents=[AGENT], settings=settings(certificates)).start()


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def elvesctl(*arguments, **variables):
    return subprocess.run([BINARIES / "elvesctl", *map(str, arguments)], env=environment(**variables),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def test_python_speaks_https_with_it(site, certificates):
    scheduler = site.scheduler
    scheduler.https = client_context(certificates.ca)
    assert scheduler.health() == 200
    job = scheduler.http("POST", "/api/v1/jobs?wait=true", {**JOB, "param": "x" * 200_000}, bearer(FULL)).json
    assert job["worker_message"] == "x" * 200_000


def test_a_read_only_token_submits_nothing(site):
    scheduler = site.scheduler
    for token, get, post in ((FULL, 200, 202), (READ, 200, 403), ("other", 401, 401), ("", 401, 401)):
        assert scheduler.http("GET", "/api/v1/jobs", headers=bearer(token)).status == get
        answer = scheduler.http("POST", "/api/v1/jobs", JOB, bearer(token))
        assert answer.status == post, (token, answer.text)
    refusal = scheduler.http("POST", "/api/v1/jobs", JOB, bearer(READ)).json
    assert refusal == {"error": "this token may only read: admin.token is needed to submit jobs", "code": "403"}


def test_a_read_only_token_may_come_from_the_environment(make_site):
    scheduler = make_site(agents=[], variables={"ELVES_ADMIN_TOKEN_READONLY": READ}).start().scheduler
    assert scheduler.http("GET", "/metrics", headers=bearer(READ)).status == 200
    assert scheduler.http("GET", "/metrics").status == 401
    assert scheduler.http("POST", "/api/v1/jobs", JOB, bearer(READ)).status == 403
    assert READ not in scheduler.log()


def test_what_is_not_good_tls_is_refused(site):
    scheduler = site.scheduler
    before = scheduler.log().count("no TLS connection")
    with socket.create_connection(("127.0.0.1", scheduler.admin_port), timeout=10) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        assert b"ok" not in plain.recv(1000)
    wait_for(lambda: scheduler.log().count("127.0.0.1: no TLS connection: what it sends is not TLS") > before, 10,
             "the refusal in the log")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with socket.create_connection(("127.0.0.1", scheduler.admin_port), timeout=10) as old:
            outdated(client_context()).wrap_socket(old)
    wait_for(lambda: "elves_tls_refused_total 2" in scheduler.http("GET", "/metrics", headers=bearer(READ)).text, 10,
             "both counted")
    assert scheduler.health() == 200


def test_elvesctl_believes_whom_it_should(site, certificates):
    url = f"https://127.0.0.1:{site.scheduler.admin_port}"
    run = ("--url", url, "run", AGENT, "apptest", "echo", "hello")
    good = elvesctl(*run, ELVES_ADMIN_TOKEN=FULL, ELVES_CA=str(certificates.ca))
    assert (good.returncode, good.stdout) == (0, "hello\n"), good
    assert elvesctl("--insecure", *run, ELVES_ADMIN_TOKEN=FULL).returncode == 0
    for ca in ("--ca", certificates.other_ca), ():
        bad = elvesctl(*ca, *run, ELVES_ADMIN_TOKEN=FULL)
        assert bad.returncode == 2 and f"no TLS connection to {url}: its certificate is refused" in bad.stderr, bad
    reads = elvesctl(*run, ELVES_ADMIN_TOKEN=READ, ELVES_CA=str(certificates.ca))
    assert reads.returncode == 2 and "may only read" in reads.stderr
    missing = elvesctl("--ca", "/nonexistent", *run)
    assert missing.returncode == 64 and "/nonexistent cannot be read" in missing.stderr
    name = elvesctl("--ca", certificates.ca, "--url", url.replace("127.0.0.1", "127.0.0.9"), "jobs")
    assert name.returncode == 2


def test_clients_with_certificates_only(make_site, certificates):
    site = make_site(agents=[], settings=settings(certificates, admin_tls_ca=certificates.ca))
    site.scheduler.https = client_context(certificates.ca, certificates.client)
    scheduler = site.start().scheduler
    url = f"https://127.0.0.1:{scheduler.admin_port}"
    shown = {"ELVES_CA": str(certificates.ca), "ELVES_CERT": str(certificates.client.cert),
             "ELVES_CERT_KEY": str(certificates.client.key), "ELVES_ADMIN_TOKEN": READ}
    assert elvesctl("--url", url, "jobs", **shown).returncode == 0
    bad = elvesctl("--url", url, "jobs", **{**shown, "ELVES_CERT": "", "ELVES_CERT_KEY": ""})
    assert bad.returncode == 2 and "it refuses this side" in bad.stderr, bad
    assert "127.0.0.1: no TLS connection: it shows no certificate" in scheduler.log()


def test_off_loopback_a_token_without_tls_is_a_warning(make_site, certificates):
    site = make_site(agents=[])
    listen = f"0.0.0.0:{site.scheduler.admin_port}"
    site.scheduler.settings.update({"admin.listen": listen, "admin.token": FULL})
    warned = site.start().scheduler.log()
    assert "without admin.tls.cert the token and all jobs cross the network readable" in warned
    safe = make_site(agents=[], settings=settings(certificates))
    safe.scheduler.settings["admin.listen"] = f"0.0.0.0:{safe.scheduler.admin_port}"
    assert "cross the network" not in safe.start().scheduler.log()
