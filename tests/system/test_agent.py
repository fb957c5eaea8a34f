"""elves-agent as a service: limits, callers, asynchronous results, start and end. Its scheduler is Python Thrift."""
import concurrent.futures
import contextlib
import os
import signal
import socket
import struct

import pytest
from harness.elves_agent import HOST, ROOT, run_agent, until
from thrift.transport import TTransport


def test_200_synchronous_calls_at_once(agent):
    with concurrent.futures.ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda i: agent.run("hello", str(i), id="%016X" % i, timeout=300), range(200)))
    assert [answer.result for answer in answers] == ["hello %d" % i for i in range(200)]
    assert [answer.ins.id for answer in answers] == ["%016X" % i for i in range(200)]
    assert len(os.listdir("/proc/%d/task" % agent.process.pid)) == 2  # the loop's and the state's


def test_waiting_for_a_worker_is_bounded_and_counts_to_the_timeout(start_agent):
    agent = start_agent(worker={"max": 1, "queue": 1})
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        running = pool.submit(agent.run, "sleep", "4")
        until(lambda: "started as process" in agent.log_text(), "the first worker")
        waiting = pool.submit(agent.run, "hello", timeout=1)
        until(lambda: agent.log_text().count(": taken") == 2, "the second instruction")
        refused = agent.run("hello")
        assert refused.flag == -1
        assert refused.result.startswith("overloaded")
        assert waiting.result().flag == -1
        assert waiting.result().result.startswith("never started: 1 s passed")
        assert running.result().flag == 1


def test_garbage_on_the_port_hurts_nobody(agent):
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 4096, struct.pack(">i", 0x7FFFFFFF) + b"x",
                    b"\x80\x01\x00\x01\x7f\xff\xff\xff", b"\x80\x01\x00\x09" + bytes(9)):
        with socket.create_connection((HOST, agent.port)) as sock:
            sock.settimeout(20)
            with contextlib.suppress(ConnectionError, BrokenPipeError):
                sock.sendall(garbage)
                while sock.recv(4096):  # without an end of its own: the agent must hang up
                    pass
    assert agent.run("hello").flag == 1


def test_only_authips_may_call(start_agent):
    agent = start_agent(authips="127.0.0.9, 127.0.0.8")
    with agent.client() as client, pytest.raises(TTransport.TTransportException):
        client.aliveCheck()
    assert "127.0.0.1: connection closed, not in authips" in agent.log_text()
    assert start_agent(authips=[HOST]).run("hello").flag == 1


def test_results_wait_for_the_scheduler_and_go_in_order(start_agent, fake_scheduler):
    agent = start_agent(scheduler={"addr": HOST, "port": str(fake_scheduler.port), "timeout": 5})
    taken = agent.submit(agent.instruct("hello", "one", id="7:1", type="queue", exec_id="00000000000000A1"),
                         agent.instruct("hello", app="nope", id="8"))
    assert [answer.flag for answer in taken] == [1, -1]
    assert taken[1].result == "app [nope] not installed"
    assert [answer.ins.id for answer in taken] == ["7:1", "8"]
    until(lambda: "cannot report to the scheduler" in agent.log_text(), "a first failure")
    agent.submit(agent.instruct("fail", "two", id="9", type="cron", mode="P"))
    until(lambda: agent.log_text().count("worker ended") == 2, "both workers")
    fake_scheduler.start()
    until(lambda: len(fake_scheduler.results) == 2, "both results")
    first, second = fake_scheduler.results
    assert (first.flag, first.result, first.ins.id, first.ins.exec_id) == (1, "hello one", "7:1", "00000000000000A1")
    assert (first.ins.type, first.ins.mode, first.ins.param, first.ins.timeout) == ("queue", "sanp", "one", 30)
    assert first.costtime > 0
    assert (second.flag, second.result, second.ins.id, second.ins.mode) == (0, "failed as asked: two", "9", "P")
    assert fake_scheduler.connections == 1


def test_result_is_sent_again_until_success(start_agent, fake_scheduler):
    fake_scheduler.answers = ["busy", "busy"]
    fake_scheduler.start()
    agent = start_agent(scheduler={"addr": "localhost", "port": fake_scheduler.port})
    agent.submit(agent.instruct("hello", id="1"))
    until(lambda: "result is with the scheduler" in agent.log_text(), "the result to be taken")
    assert [result.ins.id for result in fake_scheduler.results] == ["1", "1", "1"]


def test_same_execution_again_is_taken_but_not_run(start_agent, fake_scheduler, tmp_path):
    agent = start_agent(scheduler={"addr": HOST, "port": fake_scheduler.port})
    note = tmp_path / "runs"
    ins = agent.instruct(str(note), app="odd", proxy="sh|once.sh", id="1", type="cron", exec_id="00000000000000B2")
    assert agent.submit(ins)[0].flag == 1
    assert [answer.flag for answer in agent.submit(ins, ins)] == [1, 1]
    until(lambda: "worker ended" in agent.log_text(), "the worker")
    assert agent.submit(ins)[0].flag == 1  # its result is still waiting
    fake_scheduler.start()
    until(lambda: fake_scheduler.results, "the result")
    other = agent.instruct(str(note), app="odd", proxy="sh|once.sh", id="1", type="cron", exec_id="00000000000000B3")
    assert agent.submit(other)[0].flag == 1  # the cron's next firing
    until(lambda: len(fake_scheduler.results) == 2, "the second firing's result")
    assert note.read_text() == "ran\nran\n"


def test_without_a_scheduler_asynchronous_instructions_are_refused(agent):
    answer = agent.submit(agent.instruct("hello"))[0]
    assert answer.flag == -1
    assert "no scheduler" in answer.result


def test_sigterm_lets_workers_end_and_brings_their_results(start_agent, fake_scheduler):
    fake_scheduler.start()
    agent = start_agent(scheduler={"addr": HOST, "port": fake_scheduler.port})
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(agent.run, "sleep", "2")
        agent.submit(agent.instruct("sleep", "2", id="A"))
        until(lambda: agent.log_text().count("started as process") == 2, "both workers")
        agent.process.send_signal(signal.SIGTERM)
        assert running.result().result == "slept 2 s"
    assert agent.process.wait(20) == 0
    assert [(result.ins.id, result.result) for result in fake_scheduler.results] == [("A", "slept 2 s")]
    assert "elves-agent has left" in agent.log_text()


def test_sigterm_kills_workers_after_draintimeout(start_agent, fake_scheduler):
    fake_scheduler.start()
    agent = start_agent(scheduler={"addr": HOST, "port": fake_scheduler.port}, draintimeout=1)
    agent.submit(agent.instruct("sleep", "1000", id="A", timeout=2000))
    until(lambda: "started as process" in agent.log_text(), "the worker")
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(20) == 0
    results = [(result.flag, result.result) for result in fake_scheduler.results]
    assert results == [(-1, "killed: the agent was stopped")]


def test_second_signal_does_not_wait_for_workers(start_agent, fake_scheduler):
    fake_scheduler.start()
    agent = start_agent(scheduler={"addr": HOST, "port": fake_scheduler.port}, draintimeout=1000)
    agent.submit(agent.instruct("sleep", "1000", id="A", timeout=2000))
    until(lambda: "started as process" in agent.log_text(), "the worker")
    agent.process.send_signal(signal.SIGTERM)
    until(lambda: "leaving" in agent.log_text(), "the first signal")
    agent.process.send_signal(signal.SIGINT)
    assert agent.process.wait(20) == 0
    assert len(fake_scheduler.results) == 1


def test_exit_codes(agent, tmp_path):
    assert run_agent("--version").stdout.startswith("elves-agent ")
    assert run_agent("--help").returncode == 0
    assert run_agent("--no-such-flag").returncode == 64
    twin = tmp_path / "twin.json"
    twin.write_text((agent.root / "conf/cfg.json").read_text())
    taken = run_agent("--config", twin)
    assert taken.returncode == 69
    assert "cannot listen on 127.0.0.1:%d" % agent.port in taken.stderr
    bad = tmp_path / "bad.json"
    bad.write_text('{"ip": "here", "port": 0}')
    wrong = run_agent("--config", bad)
    assert wrong.returncode == 78
    assert "bad.json: ip: 'here' is no IP address" in wrong.stderr
    assert "bad.json: port: 0 is no port" in wrong.stderr
    good = run_agent("--check-config", "--config", ROOT / "conf/cfg.json")
    assert (good.returncode, good.stderr) == (0, "")


def test_what_is_not_supported_is_said_once(start_agent):
    agent = start_agent(heartbeat={"enabled": True, "port": 11102}, http={"enabled": False},
                        agentcron={"enabled": True}, appsdownloadaddr="http://127.0.0.1/")
    agent.run("hello")
    said = [line for line in agent.log_text().splitlines() if "not supported yet" in line]
    assert len(said) == 1
    assert all(key in said[0] for key in ("heartbeat", "agentcron", "appsdownloadaddr"))
    assert "http (" not in said[0]
