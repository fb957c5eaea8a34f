"""What elves-agent does not forget: kill -9, instructions that come again, a full disk. Its scheduler is Python Thrift."""
import contextlib
import os
import pathlib
import signal
import subprocess
import time

import pytest
from harness.elves_agent import HOST, group_members, until

ONCE = {"app": "odd", "proxy": "sh|once.sh"}
LOST = "agent restarted while the job was running"


@pytest.fixture
def agent(start_agent, fake_scheduler):
    return start_agent(scheduler={"addr": HOST, "port": fake_scheduler.port})


@pytest.fixture
def note(tmp_path):
    return tmp_path / "runs"


def once(agent, note, **more):
    return agent.instruct(str(note), **{"type": "queue", **ONCE, **more})


def accepted(answers):
    return [(answer.flag, bool(answer.ins.reported)) for answer in answers]


def brought(scheduler):
    return [(result.ins.id, result.flag, result.result) for result in scheduler.results]


def is_gone(pid):
    stat = pathlib.Path("/proc/%d/stat" % pid)
    with contextlib.suppress(OSError):
        return stat.read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def ended(agent, count):
    until(lambda: agent.log_text().count("worker ended") == count, "%d workers to end" % count)


def settle(agent):
    """Everything that the agent was told before is durable: its answer comes after it."""
    agent.submit(agent.instruct("hello", app="nope"))


def test_what_was_running_at_kill_9_is_told_once_and_not_run_again(agent, fake_scheduler, note):
    agent.submit(agent.instruct(str(note), app="odd", proxy="sh|pid.sh", id="A", type="cron", exec_id="E1"))
    until(lambda: note.exists() and note.read_text().endswith("\n"), "the worker")
    pid = int(note.read_text())
    until(lambda: len(group_members(pid)) == 2, "its child")
    agent.restart()
    assert is_gone(pid)
    assert not group_members(pid)
    fake_scheduler.start()
    until(lambda: fake_scheduler.results, "the result")
    assert accepted(agent.submit(agent.instruct(str(note), app="odd", proxy="sh|pid.sh", id="A", type="cron",
                                                exec_id="E1")))[0][0] == 1
    agent.restart()
    settle(agent)
    agent.submit(agent.instruct("hello", "last", id="B", type="cron"))
    until(lambda: fake_scheduler.results[-1].ins.id == "B", "the last result")
    assert brought(fake_scheduler)[0] == ("A", -1, LOST)
    assert {one for one in brought(fake_scheduler) if one[0] == "A"} == {("A", -1, LOST)}
    assert fake_scheduler.results[0].ins.exec_id == "E1"
    assert note.read_text() == "%d\n" % pid


def test_the_worker_itself_does_not_outlive_its_agent(agent, note):
    """Also where nobody starts the agent again."""
    agent.submit(agent.instruct(str(note), app="odd", proxy="sh|pid.sh", id="A", type="cron"))
    until(lambda: note.exists() and note.read_text().endswith("\n"), "the worker")
    agent.kill()
    until(lambda: is_gone(int(note.read_text())), "the worker to be killed")


def test_a_synchronous_worker_is_killed_with_its_agent(agent, note):
    with agent.client() as client:
        client.send_instructionInvokeSync(agent.instruct(str(note), app="odd", proxy="sh|pid.sh"))
        until(lambda: note.exists() and note.read_text().endswith("\n"), "the worker")
        agent.restart()
    assert not group_members(int(note.read_text()))


def test_unreported_results_survive_kill_9_in_their_order(agent, fake_scheduler):
    for i in range(5):
        agent.submit(agent.instruct("hello", str(i), id=str(i), type="queue"))
        ended(agent, i + 1)
    settle(agent)
    agent.restart()
    assert "5 results are still to be reported" in agent.log_text()
    fake_scheduler.start()
    until(lambda: len(fake_scheduler.results) == 5, "the results")
    assert brought(fake_scheduler) == [(str(i), 1, "hello %d" % i) for i in range(5)]
    until(lambda: agent.log_text().count("result is with the scheduler") == 5, "the agent to know")
    settle(agent)
    agent.restart()
    agent.submit(agent.instruct("hello", id="last", type="queue"))
    until(lambda: fake_scheduler.results[-1].ins.id == "last", "the last result")
    assert len(fake_scheduler.results) == 6


def test_results_wait_for_the_next_start_after_sigterm(start_agent, fake_scheduler):
    agent = start_agent(scheduler={"addr": HOST, "port": fake_scheduler.port}, draintimeout=0)
    agent.submit(agent.instruct("hello", id="A", type="queue"))
    ended(agent, 1)
    agent.process.send_signal(signal.SIGTERM)
    assert agent.process.wait(20) == 0
    assert "1 results are kept for the next start" in agent.log_text()
    agent.start()
    fake_scheduler.start()
    until(lambda: fake_scheduler.results, "the result")
    assert brought(fake_scheduler) == [("A", 1, "hello world")]


def test_what_was_certainly_not_started_is_run_after_kill_9(start_agent, fake_scheduler, note):
    agent = start_agent(scheduler={"addr": HOST, "port": fake_scheduler.port}, worker={"max": 1})
    agent.submit(agent.instruct("sleep", "1000", id="long", type="queue", timeout=2000))
    until(lambda: "started as process" in agent.log_text(), "the first worker")
    taken = time.time()
    assert accepted(agent.submit(once(agent, note, id="late", timeout=3), once(agent, note, id="good"))) == [
        (1, False), (1, False)]
    agent.kill()
    until(lambda: time.time() > taken + 4, "its timeout to pass")
    agent.start()
    fake_scheduler.start()
    until(lambda: len(fake_scheduler.results) == 3, "the results")
    assert sorted(brought(fake_scheduler)) == [
        ("good", 1, "once"), ("late", -1, "agent restarted before the job was started"), ("long", -1, LOST)]
    assert note.read_text() == "ran\n"


def test_the_same_execution_in_every_state(agent, fake_scheduler, note):
    slow = agent.instruct("sleep", "2", id="S", type="cron", exec_id="E0")
    quick = once(agent, note, id="Q", type="cron", exec_id="E1")
    agent.submit(slow)
    until(lambda: "started as process" in agent.log_text(), "the slow worker")
    assert accepted(agent.submit(slow, quick, quick)) == [(1, False)] * 3
    ended(agent, 2)
    assert accepted(agent.submit(slow, quick)) == [(1, False)] * 2
    agent.restart()
    assert accepted(agent.submit(slow, quick)) == [(1, False)] * 2
    fake_scheduler.start()
    until(lambda: agent.log_text().count("result is with the scheduler") == 2, "the results")
    assert accepted(agent.submit(slow, quick)) == [(1, True)] * 2
    agent.restart()
    assert accepted(agent.submit(slow, quick)) == [(1, True)] * 2
    assert sorted(brought(fake_scheduler)) == [("Q", 1, "once"), ("S", 1, "slept 2 s")]
    assert all(result.ins.may_be_repeat for result in fake_scheduler.results)
    assert note.read_text() == "ran\n"


def test_a_cron_runs_again_unless_it_may_be_a_repeat_of_the_same_request(agent, fake_scheduler, note):
    fake_scheduler.start()
    firing = {"id": "C", "type": "cron", "request": "00000000000000AA"}
    agent.submit(once(agent, note, exec_id="E1", **firing), once(agent, note, exec_id="E2", **firing))
    until(lambda: agent.log_text().count("result is with the scheduler") == 2, "both firings")
    again = once(agent, note, exec_id="E3", may_be_repeat=True, **firing)
    assert accepted(agent.submit(again)) == [(1, True)]
    other = {**firing, "request": "00000000000000BB"}
    assert accepted(agent.submit(once(agent, note, exec_id="E4", may_be_repeat=True, **other))) == [(1, False)]
    until(lambda: len(fake_scheduler.results) == 3, "the third run")
    assert note.read_text() == "ran\n" * 3
    assert not fake_scheduler.results[2].ins.may_be_repeat


def test_a_queue_task_is_told_by_its_id(agent, fake_scheduler, note):
    assert accepted(agent.submit(once(agent, note, id="T", exec_id="E1"))) == [(1, False)]
    ended(agent, 1)
    assert accepted(agent.submit(once(agent, note, id="T", exec_id="E2", may_be_repeat=True))) == [(1, False)]
    fake_scheduler.start()
    until(lambda: "result is with the scheduler" in agent.log_text(), "the result")
    assert accepted(agent.submit(once(agent, note, id="T", exec_id="E3"))) == [(1, True)]
    assert [(one.ins.exec_id, one.ins.may_be_repeat) for one in fake_scheduler.results] == [("E1", True)]
    assert note.read_text() == "ran\n"


def test_100_copies_in_one_call_and_some_in_others(agent, fake_scheduler, note):
    fake_scheduler.start()
    ins = once(agent, note, id="T", exec_id="E1")
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(agent.client()) for _ in range(8)]
        for client in clients:
            client.send_instructionInvokeAsync([ins] * 100)
        answers = [accepted(client.recv_instructionInvokeAsync()) for client in clients]
    assert all([flag for flag, _ in answer] == [1] * 100 for answer in answers)
    until(lambda: "result is with the scheduler" in agent.log_text(), "the result")
    assert accepted(agent.submit(ins)) == [(1, True)]
    assert note.read_text() == "ran\n"
    assert {one[1:] for one in brought(fake_scheduler)} == {(1, "once")}


def test_kill_9_again_and_again_forgets_nothing_and_runs_nothing_twice(agent, fake_scheduler, tmp_path):
    fake_scheduler.start()
    taken = set()
    for i in range(15):
        names = ["%08X%08X" % (i, j) for j in range(30)]
        agent.submit(*(once(agent, tmp_path / name, id=name, exec_id=name) for name in names))
        taken.update(names)
        agent.restart()
    until(lambda: taken == {result.ins.exec_id for result in fake_scheduler.results}, "all the results")
    for result in fake_scheduler.results:
        assert (result.flag, result.result) in ((1, "once"), (-1, LOST))
        assert result.flag == -1 or (tmp_path / result.ins.exec_id).read_text() == "ran\n"
    assert {file.read_text() for file in tmp_path.iterdir() if file.name in taken} <= {"", "ran\n"}


@pytest.fixture
def small_disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_a_full_disk_refuses_what_is_new_and_keeps_the_results(small_disk, start_agent, fake_scheduler, note):
    agent = start_agent(scheduler={"addr": HOST, "port": fake_scheduler.port}, statedir=str(small_disk / "state"))
    running = agent.instruct("sleep", "3", id="R", type="queue")
    assert accepted(agent.submit(running)) == [(1, False)]
    until(lambda: "started as process" in agent.log_text(), "the worker")
    with contextlib.suppress(OSError), open(small_disk / "filler", "wb", buffering=0) as filler:
        while filler.write(bytes(4096)):
            pass
    large = once(agent, note, id="N", param="x" * 200000)
    refused = agent.submit(large)[0]
    assert refused.flag == -1
    assert refused.result.startswith("overloaded: the agent's state cannot be written: ")
    assert agent.run("hello").flag == 1
    assert accepted(agent.submit(running)) == [(1, False)]
    fake_scheduler.start()
    until(lambda: brought(fake_scheduler) == [("R", 1, "slept 3 s")], "the result that waits in memory")
    assert agent.log_text().count("new asynchronous instructions are refused") == 1
    os.unlink(small_disk / "filler")
    until(lambda: agent.submit(once(agent, note, id="N"))[0].flag == 1, "the agent to go on")
    until(lambda: fake_scheduler.results[-1].ins.id == "N", "its result")
    until(lambda: agent.log_text().count("result is with the scheduler") == 2, "the agent to know")
    settle(agent)
    agent.restart()
    assert accepted(agent.submit(running, large)) == [(1, True)] * 2
    assert note.read_text() == "ran\n"


def test_the_limit_refuses_what_is_new(start_agent, fake_scheduler, note):
    agent = start_agent(scheduler={"addr": HOST, "port": fake_scheduler.port}, state={"maxbytes": 1 << 20})
    for i in range(3):
        assert accepted(agent.submit(agent.instruct("hello", "x" * 200000, id=str(i), type="queue"))) == [(1, False)]
    ended(agent, 3)
    for _ in range(3):
        refused = agent.submit(once(agent, note))[0]
        assert (refused.flag, refused.result) == (-1, "overloaded: 3 results wait for the scheduler")
    assert agent.log_text().count("state.maxbytes is reached") == 1
    fake_scheduler.start()
    until(lambda: agent.submit(once(agent, note))[0].flag == 1, "the agent to take it")
    assert agent.log_text().count("asynchronous instructions are taken again") == 1


def leave_of(agent):
    process = agent.launch()
    assert process.wait(20) == 78
    return agent.log_text()


def test_a_second_agent_on_the_same_folder_is_refused(agent):
    assert "var/elves-agent.db: another process has it open; " in leave_of(agent)
    assert agent.run("hello").flag == 1


def test_a_damaged_state_stops_the_start(agent):
    agent.kill()
    for name in ("elves-agent.db", "elves-agent.db-wal"):
        (agent.root / "var" / name).write_bytes(os.urandom(20000))
    log = leave_of(agent)
    assert "%s: file is not a database; " % (agent.root / "var/elves-agent.db") in log
    assert "move it away" in log


def test_a_folder_that_cannot_be_written_stops_the_start(agent):
    agent.kill()
    config = agent.root / "conf/cfg.json"
    config.write_text(config.read_text().replace('{"ip"', '{"statedir": "/proc/nowhere", "ip"'))
    assert "statedir in cfg.json must name a folder that this user may write" in leave_of(agent)
