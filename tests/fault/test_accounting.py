"""The account finds what it is for: each of these histories is invented."""
import json
import types

from accounting import Accountant
from history import MAYBE, SENT, DeadLetter, Execution, Job, Message, read_message

ONE, TWO = "T0000001", "T0000002"


def job(token=ONE, kind="queue", **more):
    return Job(token, kind, "test", **{"ident": token if kind != "sync" else "", "sent_at": 100.0, "state": SENT, **more})


def ended(token=ONE, outcome="ok", at=101.0, **more):
    values = {"kind": "queue", "key": token, "echo": token if outcome in ("ok", "failed") else "", "message_id": "A",
              "text": token, **more}
    return Message(at, outcome=outcome, **values)


def run(token=ONE, pid=1):
    return Execution(token, "agent1", pid, 100.5)


def account(jobs, messages=(), executions=(), **more):
    return Accountant(jobs, messages, executions, **more).account()


def found(*arguments, **more):
    return [what for what, _, _ in account(*arguments, **more).violations]


def test_a_job_that_ended_once_is_in_order():
    whole = account([job(), job(TWO, fails=True)], [ended(), ended(TWO, "failed")], [run(), run(TWO)])
    assert not whole.violations
    assert whole.table["queue"] == {"sent": 2, "ended": 2, "ok": 1, "failed": 1, "repeated": 0, "executed 1": 2}


def test_a_lost_job_is_found():
    assert found([job(), job(TWO)], [ended()], [run()]) == ["LOST"]


def test_a_job_that_was_perhaps_not_sent_is_not_lost():
    assert found([job(state=MAYBE)]) == []
    assert found([job(state=MAYBE)], executions=[run()]) == ["LOST"]


def test_a_transient_reply_may_die_with_the_broker():
    lost = job(kind="sync", transient=True)
    assert found([lost], executions=[run()], outages=[(103.0, 110.0)], settled={ONE: 102.0}) == []
    assert found([lost], executions=[run()], outages=[(300.0, 310.0)], settled={ONE: 102.0}) == ["LOST"]
    assert found([lost], executions=[run()], outages=[(103.0, 110.0)]) == ["LOST"]


def test_a_double_execution_is_found():
    assert found([job()], [ended()], [run(), run(pid=2)]) == ["executed more than once"]


def test_a_swapped_result_is_found():
    swapped = [ended(ONE, echo=TWO), ended(TWO, echo=ONE)]
    whole = found([job(), job(TWO)], swapped, [run(), run(TWO)])
    assert whole.count("result of another job") == 2


def test_a_result_under_another_cron_is_found():
    assert "result of another job" in found([job(kind="cron", ident="c1")], [ended(kind="cron", key="", ident="c2")], [run()])


def test_a_changed_result_and_flag_are_found():
    assert found([job()], [ended(echo="", text="else")], [run()]) == ["result changed"]
    assert found([job(fails=True)], [ended()], [run()]) == ["flag changed"]


def test_a_repeated_message_is_permitted():
    whole = account([job()], [ended(), ended(at=105.0)], [run()])
    assert not whole.violations and whole.table["queue"]["repeated"] == 1


def test_a_second_terminal_message_is_found():
    assert found([job()], [ended(), ended(message_id="B")], [run()]) == ["two results (ok then ok)"]
    assert found([job()], [ended(), ended(outcome="410.2", at=115.0)], [run()]) == ["several endings (ok then 410.2)"]


def test_a_late_result_is_permitted_once_and_only_after_the_deadline():
    late = [ended(outcome="410.2", at=112.0), ended(at=120.0)]
    assert found([job()], late, [run()]) == []
    assert found([job()], [*late, ended(at=121.0, message_id="B")], [run()]) == ["two results (410.2 then ok then ok)"]
    assert found([job()], [ended(outcome="410.3", at=102.0), ended(at=103.0)], [run()]) == [
        "several endings (410.3 then ok)"]
    assert found([job(kind="sync")], [ended(outcome="410.2", at=112.0, kind="sync"), ended(at=120.0, kind="sync")],
                 [run()]) == ["several endings (410.2 then ok)"]


def test_a_synchronous_caller_may_hear_of_a_doubt_beside_its_one_answer():
    doubt = "[410.3]Job Outcome Unknown: the request was delivered before and may have run"
    doubts = [ended(outcome="410.3", at=at, kind="sync", message_id=name, text=doubt, echo="")
              for at, name in ((102.0, "B"), (103.0, "C"))]
    answer = ended(at=104.0, kind="sync")
    whole = account([job(kind="sync")], [*doubts, answer], [run()])
    assert not whole.violations and whole.table["sync"]["doubted"] == 1
    assert found([job(kind="sync")], [*doubts, answer, ended(at=105.0, kind="sync", message_id="D")], [run()]) == [
        "two results (410.3 then 410.3 then ok then ok)"]
    assert found([job()], [ended(outcome="410.3", at=102.0, text=doubt), ended(at=103.0)], [run()]) == [
        "several endings (410.3 then ok)"]


def test_an_early_timeout_is_found():
    assert found([job()], [ended(outcome="410.2", at=105.0)]) == ["410.2 too early"]


def test_what_was_not_sent_must_not_have_run_and_what_ran_not_must_have_no_result():
    assert found([job()], [ended(outcome="410.1")], [run()]) == ["410.1, but it was run"]
    assert found([job()], [ended()]) == ["a result, but it was not run"]


def test_strangers_are_found():
    assert found([], [ended(TWO)]) == ["stray message"]
    assert found([], executions=[run(TWO)]) == ["a job nobody sent was run"]


def test_an_error_of_a_cron_is_told_by_its_log_id_or_goes_to_the_oldest_firing():
    firings = [job(ONE, "cron", ident="c", sent_at=100.0), job(TWO, "cron", ident="c", sent_at=101.0)]
    error = ended("", "410.1", kind="cron", ident="c", at=102.0)
    assert [token for _, token, _ in account(firings, [error], log_tokens={"A": TWO}).violations] == [ONE]
    assert [token for _, token, _ in account(firings, [error]).violations] == [TWO]
    assert found(firings, [error] * 3) == ["surplus ending"]
    assert found(firings, [ended("", "410.1", kind="cron", ident="d")])[0] == "stray message"


def test_an_ending_among_the_dead_letters_is_found():
    whole = account([job()], [ended()], [run()], dead=[DeadLetter(1.0, "[500]", "scheduler.queue", ONE),
                                                       DeadLetter(1.0, "[400.1]", "openapi.scheduler")])
    assert [what for what, _, _ in whole.violations] == ["ending in scheduler.dead"]
    assert sum(whole.dead.values()) == 2


def test_envelopes_are_read():
    def read(queue, answer, **properties):
        values = {"message_id": "ID", "correlation_id": None, **properties}
        return read_message(queue, types.SimpleNamespace(**values), json.dumps(answer))

    body = {"mqkey": "scheduler.cron.cronResult", "mqbody": {
        "flag": "true", "error": "", "result": {"id": "c1", "worker_flag": 1, "worker_message": ONE}}}
    message = read("cron", body)
    assert (message.kind, message.outcome, message.echo, message.key, message.ident) == ("cron", "ok", ONE, "", "c1")
    failure = {"mqkey": "scheduler.openapi", "mqbody": {"flag": "false", "error": "[410.0]Send", "result": {"id": "F"}}}
    message = read("fault.replies", failure, correlation_id=ONE)
    assert (message.kind, message.outcome, message.key, message.ident) == ("sync", "410.0", ONE, "")
    flat = {"mqkey": "scheduler.queue.taskResult." + ONE, "mqerror": "", "data": {
        "id": ONE, "rand_id": TWO, "flag": 0, "error": "", "worker_message": TWO}}
    message = read("queue", flat)
    assert (message.kind, message.outcome, message.key, message.ident) == ("queue", "failed", TWO, ONE)
