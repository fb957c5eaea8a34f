"""elves-agent runs workers: what they answer, what may be run, how they are ended."""
import pathlib
import time

import pytest
from harness.elves_agent import group_members, until, zombies_of


def test_hello_answers_and_echoes_the_instruction(agent):
    sent = agent.instruct("hello", "Elf\n\u4f60", id="0123456789ABCDEF", timeout=7, mode="SAP")
    with agent.client() as client:
        answer = client.instructionInvokeSync(sent)
    assert (answer.flag, answer.result) == (1, "hello Elf\n\u4f60")
    assert answer.costtime > 0
    for field in ("id", "ip", "type", "mode", "app", "func", "param", "timeout", "proxy"):
        assert getattr(answer.ins, field) == getattr(sent, field), field


def test_connection_is_kept_for_several_calls_of_both_kinds(agent):
    for framed in (False, True):
        with agent.client(framed) as client:
            assert client.aliveCheck() == "success"
            for name in ("a", "b"):
                assert client.instructionInvokeSync(agent.instruct("hello", name)).result == "hello " + name
            assert client.aliveCheck() == "success"


def test_failures_of_workers(agent):
    answer = agent.run("fail", "x")
    assert (answer.flag, answer.result) == (0, "failed as asked: x")
    answer = agent.run("crash", "exception")
    assert (answer.flag, answer.result) == (0, "RuntimeError: crashed as asked")
    answer = agent.run("crash")
    assert answer.flag == -1
    assert "signal 9" in answer.result
    answer = agent.run("no_such_function")
    assert (answer.flag, answer.result) == (0, "app [apptest] has no function no_such_function")


def test_worker_that_reports_nothing_is_quoted(agent):
    answer = agent.odd("sh|silent.sh")
    assert answer.flag == -1
    for part in ("worker printed no <ElvesWFlag>", "exit status 3", "a last word", "a complaint"):
        assert part in answer.result


def test_large_result_and_too_large_result(agent):
    answer = agent.run("big", "8000000")
    assert (answer.flag, len(answer.result)) == (1, 8000000)
    answer = agent.odd("sh|flood.sh")
    assert answer.flag == -1
    assert answer.result.startswith("output larger than 16")
    answer = agent.odd("sh|flood_errors.sh")
    assert answer.flag == -1
    assert answer.result.endswith("END")
    assert len(answer.result) < 3000


def test_param_larger_than_an_argument_may_be(agent):
    for size in (98301, 98303, 98304, 1000000):
        answer = agent.odd("python3|size.py", param="p" * size)
        assert (answer.flag, answer.result) == (1, str(size))
    assert agent.run("hello", "q" * 200000).result == "hello " + "q" * 200000


def test_timeout_kills_the_whole_group(agent, tmp_path):
    note = tmp_path / "group"
    began = time.monotonic()
    answer = agent.odd("python3|family.py", func=str(note), timeout=1)
    assert (answer.flag, answer.result) == (-1, "killed on timeout after 1 s")
    assert 1 <= time.monotonic() - began < 10
    assert 1000 <= answer.costtime < 10000
    pgid = int(note.read_text().split()[0])
    until(lambda: not group_members(pgid), "the group to be gone")
    assert not zombies_of(agent.process.pid)


def test_what_a_worker_leaves_behind_is_killed(agent, tmp_path):
    note = tmp_path / "group"
    answer = agent.odd("python3|orphans.py", func=str(note))
    assert (answer.flag, answer.result) == (1, "left them")
    until(lambda: not group_members(int(note.read_text())), "the group to be gone")


def test_worker_gets_no_descriptors_and_agent_leaks_none(agent):
    descriptors = pathlib.Path("/proc/%d/fd" % agent.process.pid)
    agent.run("hello")
    until(lambda: len(list(descriptors.iterdir())) < 17, "connections to be closed")
    before = len(list(descriptors.iterdir()))
    for _ in range(8):
        assert agent.odd("python3|descriptors.py").result == "[0, 1, 2]"
    agent.odd("python3|no_such.py")
    agent.odd("apptest-of-2017.txt")
    until(lambda: len(list(descriptors.iterdir())) <= before, "descriptors to be closed")
    assert not zombies_of(agent.process.pid)


def test_app_that_is_not_installed(agent):
    for app in ("nope", "hidden", "gone", "", "..", "../apps/apptest", "apptest/."):
        answer = agent.run("hello", app=app)
        assert (answer.flag, answer.result) == (-1, "app [%s] not installed" % app)


def test_every_folder_is_an_app_when_none_is_listed(start_agent):
    agent = start_agent(apps={})
    assert agent.run("hello").flag == 1
    assert agent.run("hello", app="hidden").result.startswith("app [hidden] has neither worker.py")
    assert agent.run("hello", app="..").result == "app [..] not installed"


def test_proxy_runs_a_program_of_the_app_in_its_folder(agent):
    folder = agent.root / "apps/odd"
    for proxy in ("folder", "sh|folder", "./folder", "python|size.py"):
        answer = agent.odd(proxy, param="1")
        assert answer.flag == 1
        assert answer.result == ("odd f MQ== %s" % folder if "folder" in proxy else "1")


@pytest.mark.parametrize("proxy, why", [
    ("../apptest/worker.py", "no path inside"),
    ("python3|../apptest/worker.py", "no path inside"),
    ("sh|x/../../apptest/worker.py", "no path inside"),
    ("/bin/true", "no path inside"),
    ("sh|/etc/passwd", "no path inside"),
    ("way_out/true", "leads out"),
    ("sh|way_out/true", "leads out"),
    ("/usr/bin/python3|size.py", "must be a name that PATH knows"),
    ("../odd/folder|size.py", "must be a name that PATH knows"),
    ("no-such-interpreter|size.py", "no program 'no-such-interpreter' in PATH"),
    ("sh|", "no path inside"),
    ("|size.py", "no program"),
    ("sh|.", "leads out"),
    ("sh|room", "no file"),
    ("sh|nothing.sh", "the app has no 'nothing.sh'"),
    ("size.py", "cannot start"),
])
def test_proxy_does_not_leave_the_app(agent, proxy, why):
    answer = agent.odd(proxy)
    assert answer.flag == -1
    assert why in answer.result


@pytest.mark.parametrize("text, mode, why", [
    ("#!/bin/bash\r\necho\r\n", 0o755, "names the interpreter '/bin/bash\\r': the script has the line ends of Windows"),
    ("#!/opt/none/perl\n", 0o755, "names the interpreter '/opt/none/perl', which is not there"),
    ("#!/usr/bin/env python3\r\nprint()\r\n", 0o755, "likely cause"),
    ("#!/bin/sh\nexit\n", 0o644, "chmod +x it"),
    ("echo hello\n", 0o755, "a script's first line names its interpreter"),
    ("", 0o755, "the file is empty"),
    ("\x7fELF\x02\x01\x01" + "\0" * 11 + "\xb7" + "\0" * 60, 0o755, "it was built for aarch64"),
], ids=["CRLF", "no interpreter", "CRLF for env", "mode", "no first line", "empty", "other machine"])
def test_what_cannot_be_started_says_why(agent, text, mode, why):
    file = agent.root / "apps/odd/broken"
    file.write_bytes(text.encode("latin-1"))
    file.chmod(mode)
    answer = agent.odd("broken")
    assert answer.flag == -1
    assert str(file) in answer.result and why in answer.result, answer.result
