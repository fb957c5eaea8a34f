"""Holds what happened to jobs against what is promised. Pure: no clock, no file, no network."""
import collections
import dataclasses

from history import MAYBE, UNROUTED

RESULTS = ("ok", "failed", "unrun")
IN_TIME = ("410.2", "410.3", "410.4")      # what an asynchronous job ends with when its result does not come in time
NEVER_RAN = ("410.0", "410.1", "410.5")    # each says that the agent has not got it
COLUMNS = ("ok", "failed", "unrun", "410.0/1", "410.2", "410.3", "410.5", "other")
IN_THE_BROKER = 20  # seconds after its job's end within which a transient reply may be lost with the broker
CLOCKS = 0.2  # seconds by which two readings of the clock may seem to be in the wrong order


@dataclasses.dataclass
class Account:
    """`table`: {kind: Counter}; `violations`: [(what, token, detail)] in the order of the tokens."""
    table: dict
    violations: list
    dead: collections.Counter

    def counts(self):
        return collections.Counter(what for what, _, _ in self.violations)


class Accountant:
    """`log_tokens`: {log id: token}, `settled`: {token: when}, as the logs tell it. `outages`: [(begin, end)] of the broker."""

    def __init__(self, jobs, messages, executions, dead=(), log_tokens=None, outages=(), settled=None):
        self._jobs = {job.token: job for job in jobs}
        self._log_tokens, self._outages, self._settled = log_tokens or {}, outages, settled or {}
        self._violations = []
        self._endings = collections.defaultdict(list)
        self._runs = collections.defaultdict(list)
        for execution in executions:
            self._runs[execution.token].append(execution)
        self._dead = [(self._log_tokens.get(d.message_id) or d.token, d) for d in dead]
        self._attribute(sorted(messages, key=lambda message: message.at))

    def account(self):
        table = {kind: collections.Counter() for kind in ("sync", "queue", "cron")}
        for token, runs in self._runs.items():
            if token not in self._jobs:
                self._violate("a job nobody sent was run", token, f"on {runs[0].agent}")
        for job in self._jobs.values():
            self._judge(job, table[job.kind])
        for token, letter in self._dead:
            if not letter.routing_key.endswith(".scheduler") and letter.routing_key != "dataTransport":
                self._violate("ending in scheduler.dead", token, f"{letter.error} {letter.routing_key}")
        self._violations.sort(key=lambda violation: violation[1])
        dead = collections.Counter((letter.error, letter.routing_key) for _, letter in self._dead)
        return Account(table, self._violations, dead)

    def _violate(self, what, token, detail=""):
        self._violations.append((what, token, detail))

    def _attribute(self, messages):
        unnamed = []
        for message in messages:
            names = {name for name in (message.echo, message.key, self._log_tokens.get(message.message_id)) if name}
            if len(names) > 1:
                self._violate("result of another job", message.key or message.echo, " and ".join(sorted(names)))
            elif not names:
                unnamed.append(message)
            elif (token := names.pop()) not in self._jobs:
                self._violate("stray message", token, message.text)
            else:
                self._file(self._jobs[token], message)
        for message in unnamed:
            self._attribute_by_ident(message)

    # A cron's error names nothing but the cron's id: the oldest of its firings that has not ended.
    def _attribute_by_ident(self, message):
        alike = [job for job in self._jobs.values() if job.kind == message.kind and job.ident == message.ident]
        owed = [job for job in alike if not self._endings[job.token] and job.sent_at <= message.at]
        if owed:
            self._file(min(owed, key=lambda job: (job.state == MAYBE, job.sent_at)), message)
        else:
            what = "surplus ending" if alike else "stray message"
            self._violate(what, "", f"{message.kind} {message.ident} {message.message_id}: {message.text}")

    def _file(self, job, message):
        if message.kind != job.kind or (message.ident and job.ident != message.ident):
            self._violate("result of another job", job.token, f"it came as {message.kind} {message.ident}")
        self._endings[job.token].append(message)

    def _judge(self, job, row):
        endings, runs = self._endings[job.token], self._runs.get(job.token, ())
        row["executed " + ("0", "1", ">1")[min(len(runs), 2)]] += 1
        if len(runs) > 1:
            where = ", ".join(f"{run.agent} pid {run.pid}" for run in runs)
            self._violate("executed more than once", job.token, f"{job.variant}: {len(runs)} times: {where}")
        known = job.state not in (MAYBE, UNROUTED) or endings or runs
        row["sent" if known else "maybe"] += 1
        if not known:
            return
        distinct = {(m.message_id, m.outcome, m.text): m for m in reversed(endings)}
        distinct = sorted(distinct.values(), key=lambda message: message.at)
        if not distinct:
            return self._judge_missing(job, row, runs)
        row["ended"] += 1
        row["repeated"] += len(endings) - len(distinct)
        outcome = "410.0/1" if distinct[0].outcome in ("410.0", "410.1") else distinct[0].outcome
        row[outcome if outcome in COLUMNS else "other"] += 1
        self._judge_order(job, row, distinct)
        for message in distinct:
            self._judge_ending(job, message, runs)

    def _judge_missing(self, job, row, runs):
        answered = self._settled.get(job.token)
        if job.transient and answered and any(
                answered - CLOCKS <= begin <= answered + IN_THE_BROKER for begin, _ in self._outages):
            row["reply died with the broker"] += 1
            return
        row["LOST"] += 1
        self._violate("LOST", job.token, f"{job.variant}, {'run' if runs else 'not run'}")

    def _judge_order(self, job, row, distinct):
        story = " then ".join(message.outcome for message in distinct)
        if len(distinct) == 1:
            return
        if (len(distinct) == 2 and job.kind != "sync" and distinct[0].outcome in IN_TIME
                and distinct[1].outcome in RESULTS and not self._early(job, distinct[0])):
            row["late"] += 1
            return
        if job.kind == "sync" and self._only_doubted(distinct):
            row["doubted"] += 1
            return
        row["several"] += 1
        what = "two results" if sum(m.outcome in RESULTS for m in distinct) > 1 else "several endings"
        self._violate(f"{what} ({story})", job.token, job.variant)

    # A synchronous request delivered again is not run again: its caller hears so, perhaps from another scheduler, and
    # perhaps before or after the one answer.
    @staticmethod
    def _only_doubted(distinct):
        return sum(not (m.outcome == "410.3" and "was delivered before" in m.text) for m in distinct) <= 1

    def _judge_ending(self, job, message, runs):
        outcome = message.outcome
        if outcome == "410.2" and self._early(job, message):
            self._violate("410.2 too early", job.token, f"{message.at - job.sent_at:.1f} s of {job.timeout} s")
        if outcome in NEVER_RAN and runs:
            self._violate(f"{outcome}, but it was run", job.token, f"{job.variant}: {message.text}")
        if outcome in ("ok", "failed"):
            if not runs:
                self._violate("a result, but it was not run", job.token)
            if message.echo != job.token:
                self._violate("result changed", job.token, repr(message.text[:80]))
            if (outcome == "failed") != job.fails:
                self._violate("flag changed", job.token, outcome)

    @staticmethod
    def _early(job, message):
        return message.at < job.sent_at + job.timeout - CLOCKS
