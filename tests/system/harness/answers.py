"""What the scheduler answers, and how tests take it apart."""
import contextlib
import re
import threading

from .jobs import async_job, new_id, send_sync
from .thrift_peers import instruct
from .util import wait_for

ERROR = re.compile(r"^\[(\d{3}(?:\.\d+)?)\]")
LOG_ID = re.compile(r"^[0-9A-F]{16}$")
FIELDS = {
    "flag": int, "error": str, "log_id": str, "agent_ip": str, "mode": str, "app": str, "func": str, "param": str,
    "timeout": int, "proxy": str, "starttime": str, "agent_sync_flag": int, "agent_sync_error": str,
    "agent_sync_costtime": int, "worker_message": str, "worker_costtime": int, "processor_sync_flag": int,
    "processor_sync_error": str, "processor_sync_costtime": int, "endtime": str, "result_flag": int,
}


def code_of(text):
    """ "403.1" of "[403.1]Request Params (ip) Illegal"."""
    found = ERROR.match(text)
    assert found, f"no error code in {text!r}"
    return found.group(1)


def error_of(message):
    """The error text of any reply, terminal message or dead letter; "" for none."""
    if "x-elves-error" in message.headers:
        return message.headers["x-elves-error"]
    answer = message.json
    if "mqbody" in answer:
        return answer["mqbody"]["error"]
    return answer["mqerror"] or answer.get("data", {}).get("error", "")


def fence(peer):
    """Returns when everything the scheduler had to say before has been said."""
    peer.call(send_sync())
    peer.nothing_left()


def accepted(site, **wanted):
    """The instruction as the agent has it, once it is there; its answer is the agent's acceptance."""
    call = site.farm.wait_call(**wanted)[-1]
    return instruct(**{key: call[key] for key in
                       ("id", "ip", "type", "mode", "app", "func", "param", "timeout", "proxy")})


def held(site, peer, count, **fields):
    """Queue tasks whose agent has accepted them and brings no result; with the instructions as it has them."""
    def journaled():
        return site.scheduler.http("GET", "/api/v1/jobs", query={"state": "accepted"}).text.count("log_id")

    before = journaled()
    jobs = [async_job(func="hold", param=new_id(), timeout=60, **fields) for _ in range(count)]
    for job in jobs:
        peer.publish(job)
    instructions = [accepted(site, param=job["mqbody"]["param"]) for job in jobs]
    wait_for(lambda: journaled() >= before + count, 10, "the journal to have them")
    return list(zip(jobs, instructions))


def ended(peer, job):
    """The terminal message of an asyncJob."""
    kind = job["mqbody"]["type"]
    message = peer.wait_message(kind, lambda m: m.json.get("mqbody", {}).get("result", {}).get("id")
                                == job["mqbody"]["id"])
    assert message.routing_key == f"scheduler.{kind}"
    assert message.json["mqkey"] == f"scheduler.{kind}." + {"cron": "cronResult", "queue": "taskResult"}[kind]
    assert message.json["mqtype"] == "cast"
    return message.json["mqbody"]


def ended_flat(peer, job):
    """The terminal message of a sendAsync."""
    kind = job["job_type"]
    key = f"scheduler.{kind}." + {"cron": "cronResult", "queue": "taskResult"}[kind] + "." + job["id"]
    message = peer.wait_message(kind, lambda m: m.json["mqkey"] == key)
    assert message.routing_key == f"scheduler.{kind}"
    return message.json


def warnings(site, text):
    """How many warnings of the scheduler hold the text."""
    return sum("warning" in line and text in line for line in site.scheduler.log().splitlines())


@contextlib.contextmanager
def jobs_going_on(site):
    """Synchronous jobs one after the other meanwhile; each must succeed."""
    peer = site.peer(components=())
    stop, failures, done = threading.Event(), [], []

    def run():
        while not stop.is_set():
            reply = peer.call(send_sync(func="echo", param="x")).json
            (done if reply["data"]["result_flag"] == 1 else failures).append(reply)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield done
        before = len(done)
        wait_for(lambda: failures or not thread.is_alive() or len(done) > before, 20, "another job")
    finally:
        stop.set()
        thread.join()
    assert not failures and done, failures
