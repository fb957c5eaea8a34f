"""What happened to jobs, as values: the account is made from these alone."""
import dataclasses
import json
import re
import time

TOKEN = re.compile(r"T\d{7}\b")
CODE = re.compile(r"^\[([\d.]+)\]")
SENT, MAYBE, UNROUTED = "sent", "maybe sent", "unrouted"


@dataclasses.dataclass(slots=True)
class Job:
    """One request. `ident`: the id that its ending names, which crons share. Times are Unix seconds."""
    token: str
    kind: str        # sync, queue, cron
    variant: str
    ident: str = ""
    timeout: int = 10
    fails: bool = False
    transient: bool = False  # its reply goes to reply_to, and dies with the broker
    sent_at: float = 0.0
    state: str = MAYBE


@dataclasses.dataclass(slots=True)
class Message:
    """A reply or terminal message. `key`: the token that its envelope names; `echo`: the one that the worker printed."""
    at: float
    kind: str
    outcome: str     # ok, failed (the worker said so), unrun (flag -1), or a code: 410.2
    key: str = ""
    echo: str = ""
    ident: str = ""
    message_id: str = ""
    text: str = ""


@dataclasses.dataclass(slots=True)
class DeadLetter:
    at: float
    error: str
    routing_key: str
    token: str = ""
    message_id: str = ""


@dataclasses.dataclass(slots=True)
class Execution:
    token: str
    agent: str
    pid: int
    at: float


def first_token(text):
    found = TOKEN.search(text)
    return found.group(0) if found else ""


def outcome_of(error, flag):
    if error:
        found = CODE.match(error)
        return found.group(1) if found else "other"
    return {1: "ok", 0: "failed", -1: "unrun"}.get(flag, "other")


def read_message(queue, properties, body, at=None):
    """A delivery in a component's queue, or in the replies' one."""
    answer = json.loads(body)
    kind = queue if queue in ("cron", "queue") else "sync"
    message = Message(at or time.time(), kind, "other", message_id=properties.message_id or "")
    if "mqbody" in answer:
        ended = answer["mqbody"]
        result = ended["result"]
        error, flag, echo = ended["error"], result.get("worker_flag"), result.get("worker_message")
        message.ident = result.get("id", "") if kind != "sync" else ""
        message.key = first_token(properties.correlation_id or "") or first_token(message.ident)
    else:
        data = answer.get("data", {})
        error, flag, echo = answer["mqerror"] or data.get("error", ""), data.get("flag"), data.get("worker_message")
        message.ident = data.get("id", "") if kind != "sync" else ""
        message.key = first_token(data.get("rand_id") or answer["mqkey"])
    message.outcome, message.text = outcome_of(error, flag), error or echo or ""
    if message.outcome in ("ok", "failed"):
        message.echo = echo or ""
    return message


def read_dead_letter(properties, body, at=None):
    headers = properties.headers or {}
    text = body.decode(errors="replace")
    return DeadLetter(at or time.time(), headers.get("x-elves-error", ""), headers.get("x-elves-routing-key", ""),
                      first_token(text), properties.message_id or "")
