"""elvesctl between people and pipes: what a terminal may see, what an exit code promises, what an interruption leaves."""
import os
import pty
import re
import signal
import socket
import subprocess

import pytest
from harness.jobs import new_id
from harness.scheduler import BINARIES, environment
from harness.thrift_peers import instruct, result_of, send_result
from harness.util import wait_for

HOSTILE = "one\ttwo\n\x1b]0;owned\a\x1b[2J\r\x9b2J\x7f \u202etxt"
SPELLED = "one\ttwo\n\\x1b]0;owned\\x07\\x1b[2J\\r\\u009b2J\\x7f \\u202etxt\n"
DOWN = "127.0.0.200"


@pytest.fixture(scope="module")
def site(make_site):
    return make_site().start()


def start(site, *words, **how):
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    return subprocess.Popen([BINARIES / "elvesctl", *words],
                            env=environment(ELVES_URL=f"http://127.0.0.1:{site.scheduler.admin_port}"), **options)


def run(site, *words, **how):
    """(exit code, standard output, standard error)."""
    process = start(site, *words, **how)
    out, err = process.communicate(timeout=60)
    return process.returncode, (out or b"").decode(errors="surrogateescape"), (err or b"").decode()


def on_a_terminal(site, *words):
    """(exit code, what the terminal got from both streams)."""
    ours, theirs = pty.openpty()
    process = start(site, *words, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # nobody holds the other end any more
            break
        shown += piece
    os.close(ours)
    return process.wait(60), shown.replace(b"\r\n", b"\n").decode()


def obeyed(text):
    return re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)


class TestTerminal:
    def test_a_workers_answer_is_only_read(self, site):
        assert on_a_terminal(site, "run", "127.0.0.2", "apptest", "echo", HOSTILE) == (0, SPELLED)

    def test_in_a_pipe_it_is_what_the_worker_said(self, site):
        assert run(site, "run", "127.0.0.2", "apptest", "echo", HOSTILE) == (0, HOSTILE + "\n", "")

    @pytest.mark.parametrize("words", [["jobs"], ["jobs", "--json"], ["agents"], ["job"], ["job", "--json"], ["job", "--wait"]])
    def test_every_command(self, site, words):
        answer = site.scheduler.http("POST", "/api/v1/jobs?wait=true", {
            "ip": "127.0.0.2", "app": "apptest", "func": "echo", "param": HOSTILE}).json
        words = words + [answer["log_id"]] if words[0] == "job" else words
        code, shown = on_a_terminal(site, *words)
        assert code == 0 and shown
        assert not obeyed(shown)

    def test_errors_too(self, site):
        code, shown = on_a_terminal(site, "run", "127.0.0.2", "apptest", "echo", "--mode", "\x1b[2J")
        assert code == 2 and "[403.4]" in shown
        assert not obeyed(shown)
        for words in (["run", "\x1b[2J"], ["job", "\x1b[2J"], ["jobs", "--ip", "\x1b[2J"], ["--url", "\x1b[2J", "jobs"],
                      ["send", "/\x1b[2J"], ["\x1b[2J"]):
            code, shown = on_a_terminal(site, *words)
            assert code in (2, 64) and shown
            assert not obeyed(shown), words

    def test_the_schedulers_log_is_one_line_an_entry(self, site):
        mark = new_id()
        site.scheduler.http("POST", f"/api/v1/jobs?wait=true&{mark}=%0A%1B%5B2J")
        run(site, "run", "127.0.0.2", f"{mark}\x1b[2J\nforged", "echo")
        assert mark in site.scheduler.log()
        assert not obeyed(site.scheduler.log())
        assert not re.search("^forged", site.scheduler.log(), re.MULTILINE)


class TestOutput:
    @pytest.mark.parametrize("words", [
        ["run", "127.0.0.2", "apptest", "echo", "x"], ["run", "127.0.0.2", "apptest", "big", "1000000"], ["jobs"],
        ["jobs", "--json"], ["agents"], ["nodes"], ["submit", "127.0.0.2", "apptest", "echo"], ["--help"], ["--version"]])
    def test_a_full_disk_is_an_error(self, site, words):
        with open("/dev/full", "w") as full:
            code, _, err = run(site, *words, stdout=full)
        assert code == 74
        assert "standard output cannot be written: No space left on device" in err

    def test_a_closed_pipe_is_an_error(self, site):
        for restore in (False, True):  # whatever the parent ignored
            ours, theirs = os.pipe()
            os.close(ours)
            ended = run(site, "run", "127.0.0.2", "apptest", "echo", "x", stdout=theirs, restore_signals=restore)
            os.close(theirs)
            assert ended[0] == -signal.SIGPIPE, ended

    def test_the_worst_news_wins(self, site):
        with open("/dev/full", "w") as full:
            assert run(site, "run", "127.0.0.2", "apptest", "fail", stdout=full)[0] == 1
            assert run(site, "run", DOWN, "apptest", "echo", stdout=full)[0] == 2

    def test_a_log_id_is_not_lost(self, site):
        with open("/dev/full", "w") as full:
            _, _, err = run(site, "submit", "127.0.0.2", "apptest", "echo", stdout=full)
        log_id = re.search("its log id is ([0-9A-F]{16})", err)[1]
        assert run(site, "job", "--wait", log_id)[0] == 0


def waits_for(site, param):
    return site.farm.wait_call(param=param)[0]


class TestInterruption:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_run_says_which_job_goes_on(self, site, number):
        param = "1." + str(int(new_id(), 16))
        process = start(site, "run", "127.0.0.2", "apptest", "sleep", param)
        waits_for(site, param)
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
        assert process.returncode == -number  # so that a shell's loop ends, too
        assert out == b""
        said = re.fullmatch(r"elvesctl: interrupted; the job goes on: elvesctl (job --wait [0-9A-F]{16}) shows how it ends\n",
                            err.decode())
        assert said, err
        code, out, _ = run(site, *said[1].split())
        assert code == 0 and "slept" in out

    def test_what_an_older_scheduler_does_not_say(self, site):
        with socket.create_server(("127.0.0.1", 0)) as server:
            process = start(site, "--url", f"http://127.0.0.1:{server.getsockname()[1]}", "run", "127.0.0.2", "apptest", "echo")
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                process.send_signal(signal.SIGINT)
                _, err = process.communicate(timeout=20)
        assert process.returncode == -signal.SIGINT
        assert b"elvesctl jobs --state open --ip 127.0.0.2 lists" in err


class TestWaiting:
    def test_the_head_of_the_answer_names_the_job(self, site):
        param = "1." + str(int(new_id(), 16))
        with socket.create_connection(("127.0.0.1", site.scheduler.admin_port), timeout=20) as client:
            body = b'{"ip":"127.0.0.2","app":"apptest","func":"sleep","param":"%s"}' % param.encode()
            client.sendall(b"POST /api/v1/jobs?wait=true HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
                           b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n" % (len(body), body))
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(1)
            log_id = re.search(rb"Location: /api/v1/jobs/([0-9A-F]{16})\r\n", head)[1].decode()
            assert site.scheduler.http("GET", "/api/v1/jobs/" + log_id).json["worker_message"] == ""
            rest = b""
            while piece := client.recv(65536):
                rest += piece
        assert b'"worker_message":"slept"' in rest
        assert rest.endswith(b"}") and b"200 OK" in rest  # the next answer follows on the same connection

    def test_http_1_0_gets_it_in_one_piece(self, site):
        with socket.create_connection(("127.0.0.1", site.scheduler.admin_port), timeout=20) as client:
            body = b'{"ip":"127.0.0.2","app":"apptest","func":"echo","param":"x"}'
            client.sendall(b"POST /api/v1/jobs?wait=true HTTP/1.0\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
                           % (len(body), body))
            answer = b""
            while piece := client.recv(65536):
                answer += piece
        assert b"chunked" not in answer and b'"worker_message":"x"' in answer

    def test_job_survives_a_restart(self, make_site):
        site = make_site().start()
        param = new_id()
        log_id = run(site, "submit", "127.0.0.2", "apptest", "hold", param)[1].strip()
        call = waits_for(site, param)
        wait_for(lambda: site.scheduler.http("GET", "/api/v1/jobs/" + log_id).json["state"] == "accepted", 10, "acceptance")
        process = start(site, "job", "--wait", log_id, stderr=subprocess.PIPE)
        wait_for(lambda: site.scheduler.log().count("GET /api/v1/jobs/" + log_id) > 3, 10, "it to ask")
        site.scheduler.kill()
        said = process.stderr.readline().decode()
        assert "asked again for 5 min" in said
        site.scheduler.start()
        ins = instruct(**{key: call[key] for key in ("id", "ip", "type", "mode", "app", "func", "param")})
        assert send_result(site.scheduler.port, result_of(ins, result="after all")) == "success"
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        assert "after all" in out.decode()

    def test_job_that_was_never_answered_fails_at_once(self, site):
        code, _, err = run(site, "--url", "http://127.0.0.1:1", "job", "--wait", "0123456789ABCDEF")
        assert code == 2 and "no scheduler answers" in err


class TestWhetherRepeatingIsSafe:
    def test_a_scheduler_that_dies_leaves_it_open(self, make_site):
        site = make_site().start()
        param = "30." + str(int(new_id(), 16))
        process = start(site, "run", "127.0.0.2", "apptest", "sleep", param)
        waits_for(site, param)
        site.scheduler.kill()
        _, err = process.communicate(timeout=20)
        assert process.returncode == 3, err
        assert re.search("the job may run all the same: elvesctl job --wait [0-9A-F]{16} ", err.decode())

    def test_an_agent_that_hangs_up_leaves_it_open(self, make_site):
        site = make_site(agents={"127.0.0.2": "half", "127.0.0.3": "silent"}, settings={"job.grace": 0}).start()
        code, _, err = run(site, "run", "127.0.0.2", "apptest", "echo")
        assert (code, err[:17]) == (3, "elvesctl: [410.3]"), err
        code, _, err = run(site, "run", "127.0.0.3", "apptest", "echo", "--timeout", "1")
        assert (code, err[:17]) == (3, "elvesctl: [410.2]"), err

    def test_what_was_not_sent_did_not_run(self, site):
        assert run(site, "run", DOWN, "apptest", "echo")[0] == 2
        assert run(site, "run", "nonsense", "apptest", "echo")[0] == 2
        assert run(site, "--url", "http://127.0.0.1:1", "run", "127.0.0.2", "apptest", "echo")[0] == 2

    def test_a_message_that_nobody_answers(self, broker, make_site):
        vhost = broker.new_vhost()
        connection = broker.connect(vhost)
        channel = connection.channel()
        channel.exchange_declare("elves", "topic", durable=True)
        words = ["send", "--amqp", f"amqp://{broker_login()}@127.0.0.1:{broker.port}/{vhost}", "--timeout", "1", "-"]
        message = b'{"mqkey":"openapi.scheduler.sendSync.1"}'

        def send():
            ended = subprocess.run([BINARIES / "elvesctl", *words], env=environment(), input=message, capture_output=True,
                                   timeout=60)
            return ended.returncode, ended.stderr

        assert send()[0] == 2  # it reached no queue
        channel.queue_declare("somewhere")
        channel.queue_bind("somewhere", "elves", "*.scheduler")
        assert send() == (3, b"elvesctl: no reply within 1 s\n")
        connection.close()


def broker_login():
    from harness.rabbit import PASSWORD, USER
    return f"{USER}:{PASSWORD}"


def test_help_names_every_exit_code(site):
    code, out, _ = run(site, "--help")
    assert code == 0
    for number in (0, 1, 2, 3, 64, 74, 130, 143):
        assert re.search(rf"^ +(130, )?{number}\b", out, re.MULTILINE), number
