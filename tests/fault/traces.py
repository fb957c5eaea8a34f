"""What the parts' logs and files say about single jobs."""
import collections
import datetime
import re
import time

from history import Execution, first_token

RECEIVED = re.compile(r"job ([0-9A-F]{16}) (?:received: \w+|was delivered before:) fault\.(T\d{7}) ")
TAKEN = re.compile(r"job ([^ :]+): taken, fault\.(T\d{7}),")
SETTLED = re.compile(r"(\d\S+T\S+) \w+ +job ([0-9A-F]{16}) settled:")
NAMED = re.compile(r"\bjob ([^ :]+)|\b([0-9A-F]{16})\b")
MOST_LINES = 40


def read_executions(lines_by_agent):
    return [Execution(token, agent, int(pid), float(at))
            for agent, lines in lines_by_agent.items() for token, pid, at in lines]


def read_log_tokens(logs):
    """{log id: token}, from the lines in which a job is received or taken; {token: when it was last settled}."""
    found, settled = {}, {}
    for file in logs.values():
        with open(file, errors="replace") as lines:
            for line in lines:
                match = RECEIVED.search(line) or TAKEN.search(line)
                if match:
                    found[match.group(1)] = match.group(2)
                elif match := SETTLED.match(line):
                    token, at = found.get(match.group(2), ""), datetime.datetime.fromisoformat(match.group(1)).timestamp()
                    settled[token] = max(settled.get(token, 0), at)
    return found, settled


def clock(at):
    return time.strftime("%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03d}"


def trace(tokens, load, executions, logs, log_tokens):
    """{token: lines}: what was sent, run and received, and the log lines of its log ids, in the order of time (UTC)."""
    told = collections.defaultdict(list)
    for job in load.jobs:
        if job.token in tokens:
            told[job.token].append((clock(job.sent_at), "peer", f"{job.state}: {job.variant}, timeout {job.timeout} s"))
    for run in executions:
        if run.token in tokens:
            told[run.token].append((clock(run.at), run.agent, f"EXECUTED, pid {run.pid}"))
    for message in load.messages:
        token = message.key or message.echo or log_tokens.get(message.message_id)
        if token in tokens:
            told[token].append((clock(message.at), "peer", f"got {message.outcome} {message.message_id}: {message.text}"))
    for letter in load.dead:
        token = letter.token or log_tokens.get(letter.message_id)
        if token in tokens:
            told[token].append((clock(letter.at), "peer", f"dead letter {letter.error} {letter.routing_key}"))
    _read_logs(tokens, logs, log_tokens, told)
    return {token: [" ".join(parts) for parts in sorted(lines)[:MOST_LINES]] for token, lines in told.items()}


def _read_logs(tokens, logs, log_tokens, told):
    for name, file in logs.items():
        with open(file, errors="replace") as lines:
            for line in lines:
                owners = {first_token(line)}
                owners.update(log_tokens.get(one or other) for one, other in NAMED.findall(line))
                for token in owners & tokens:
                    at = re.search(r"\d\d:\d\d:\d\d[.,]\d+", line)
                    told[token].append((at.group(0) if at else "", name, line.strip()))
