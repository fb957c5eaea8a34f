"""The peers of a fault run: sends a mix of jobs at a rate, with confirms, and takes every reply and terminal message."""
import json
import random
import threading
import time

import pika
from pika.adapters.select_connection import IOLoop

from harness.rabbit import PASSWORD, USER
from history import MAYBE, SENT, UNROUTED, Job, first_token, read_dead_letter, read_message

REPLIES = "fault.replies"
REPLY_KEY = "fault.reply"
CRONS = 40        # ids that repeat
TICK = 0.02       # seconds between two looks at what is due
MOST_AT_ONCE = 50
VARIANTS = {      # with weights
    "sendSync": 3, "sendSync reply_to": 2, "syncJob reply_to": 2, "syncJob call.key": 1,
    "asyncJob queue": 4, "sendAsync queue": 2, "asyncJob cron": 4, "sendAsync cron": 2}


def make_job(seed, number, ips, timeouts):
    """Job `number` of this seed: its record, its request, and the AMQP properties that go with it."""
    chance = random.Random(f"{seed}:{number}")
    token = f"T{number:07d}"
    variant = chance.choices(list(VARIANTS), list(VARIANTS.values()))[0]
    kind = "sync" if "ync" in variant and variant.startswith(("sendSync", "syncJob")) else variant.split()[1]
    job = Job(token, kind, variant, timeout=chance.randint(*timeouts), fails=chance.random() < 0.05,
              transient="reply_to" in variant)
    pause = chance.choice((0, 0, 0, 0, 0, 0, 20, 100, 500, 2000))
    common = {"mode": "sanp" if variant.startswith("send") else "NP", "app": "fault", "func": token,
              "param": f"{token} {pause} {'fail' if job.fails else 'ok'}", "timeout": job.timeout, "proxy": "work"}
    ip = chance.choice(ips)
    if kind != "sync":
        job.ident = f"cron-{chance.randrange(CRONS)}" if kind == "cron" else token
    properties = {"reply_to": REPLIES, "correlation_id": token} if job.transient else {}
    if variant.startswith("sendSync"):
        request = {"mqkey": f"openapi.scheduler.sendSync.{token}", "mqtype": "cast", "id": token, "agent_ip": ip, **common}
    elif variant.startswith("sendAsync"):
        request = {"mqkey": f"{kind}.scheduler.sendAsync.{token}", "mqtype": "cast", "job_type": kind, "id": job.ident,
                   "rand_id": token, "agent_ip": ip, **common}
    elif kind == "sync":
        request = {"mqkey": "openapi.scheduler.syncJob", "mqtype": "call" if job.transient else f"call.{REPLY_KEY}",
                   "mqbody": {"ip": ip, **common}}
    else:
        request = {"mqkey": f"{kind}.scheduler.asyncJob", "mqtype": "cast",
                   "mqbody": {"id": job.ident, "ip": ip, "type": kind, **common}}
    return job, request, properties


class Load(threading.Thread):
    """One connection on a thread of its own, made again whenever it breaks. All lists only grow."""

    def __init__(self, port, vhost, seed, rate, ips, timeouts):
        super().__init__(daemon=True)
        self.jobs, self.messages, self.dead, self.faults = [], [], [], []
        self.settled = 0
        self._make = lambda number: make_job(seed, number, ips, timeouts)
        self._rate, self._number, self._due, self._looked = rate, 0, 0.0, time.monotonic()
        self._unconfirmed, self._by_token, self._ended, self._taken = {}, {}, set(), set()
        self._sending, self._stopping, self._channel = True, False, None
        self._connection = None
        self._loop = IOLoop()
        self._parameters = pika.ConnectionParameters(
            "127.0.0.1", port, vhost, pika.PlainCredentials(USER, PASSWORD), heartbeat=30, socket_timeout=5,
            stack_timeout=8)

    @property
    def outstanding(self):
        """How many sent jobs have no ending yet, as far as messages name them."""
        return max(0, sum(job.state == SENT for job in list(self.jobs)) - self.settled)

    def run(self):
        self._connect()
        self._tick()
        self._loop.start()

    def stop_sending(self):
        """What is not confirmed by now stays "maybe sent"."""
        self._sending = False

    def stop(self):
        self._stopping = True
        self._loop.add_callback_threadsafe(self._loop.stop)
        self.join()

    def _connect(self):
        self._connection = pika.SelectConnection(
            self._parameters, on_open_callback=self._opened, on_open_error_callback=self._lost,
            on_close_callback=self._lost, custom_ioloop=self._loop)

    def _lost(self, _connection, _reason):
        self._channel = None
        self._due += len(self._unconfirmed)  # each is sent again as a job of its own
        self._unconfirmed.clear()
        self._loop.call_later(0.3, self._connect)

    def _opened(self, connection):
        connection.channel(on_open_callback=self._set_up)
        connection.channel(on_open_callback=self._take_dead_letters)

    def _set_up(self, channel):
        channel.exchange_declare("elves", "topic", durable=True)
        for queue, key in (("cron", "*.cron"), ("queue", "*.queue"), ("openapi", "*.openapi"), (REPLIES, REPLY_KEY)):
            channel.queue_declare(queue, durable=True)
            channel.queue_bind(queue, "elves", key)
            channel.basic_consume(queue, self._taker(queue))
        channel.add_on_return_callback(self._returned)
        channel.confirm_delivery(self._confirmed)
        self._tag, self._channel = 0, channel

    def _take_dead_letters(self, channel):
        def take(_, method, properties, body):
            letter = read_dead_letter(properties, body)
            if self._is_new(method, ("scheduler.dead", letter.message_id, body)):
                self.dead.append(letter)
            channel.basic_ack(method.delivery_tag)
        channel.basic_consume("scheduler.dead", take)

    def _taker(self, queue):
        def take(channel, method, properties, body):
            try:
                message = read_message(queue, properties, body)
                if self._is_new(method, (queue, message.message_id, message.text)):
                    self._book(message)
            except (ValueError, LookupError, TypeError) as fault:
                self.faults.append(f"unreadable message in {queue}: {fault!r}: {body[:300]!r}")
            channel.basic_ack(method.delivery_tag)
        return take

    # What the broker delivers again because our acknowledgement was lost was sent once.
    def _is_new(self, method, what):
        name = hash(what)
        again = method.redelivered and name in self._taken
        self._taken.add(name)
        return not again

    def _book(self, message):
        self.messages.append(message)
        names = {message.echo or message.key, message.message_id} - {""}
        self.settled += not names & self._ended
        self._ended |= names

    def _tick(self):
        now = time.monotonic()
        passed, self._looked = now - self._looked, now
        if self._channel is not None and self._channel.is_open and self._sending:
            self._due += passed * self._rate
            for _ in range(min(int(self._due), MOST_AT_ONCE)):
                self._send()
                self._due -= 1
        if not self._stopping:
            self._loop.call_later(TICK, self._tick)

    def _send(self):
        self._number += 1
        job, request, properties = self._make(self._number)
        job.sent_at = time.time()
        self.jobs.append(job)
        self._by_token[job.token] = job
        self._tag += 1
        self._unconfirmed[self._tag] = job
        self._channel.basic_publish(
            "elves", request["mqkey"].split(".")[0] + ".scheduler", json.dumps(request).encode(), mandatory=True,
            properties=pika.BasicProperties(content_type="application/json", delivery_mode=2, **properties))

    def _confirmed(self, frame):
        method = frame.method
        tags = [method.delivery_tag]
        if method.multiple:
            tags = [tag for tag in self._unconfirmed if tag <= method.delivery_tag]
        for tag in tags:
            job = self._unconfirmed.pop(tag, None)
            if job and isinstance(method, pika.spec.Basic.Ack) and job.state == MAYBE:
                job.state = SENT

    def _returned(self, _channel, _method, _properties, body):
        self._by_token[first_token(body.decode())].state = UNROUTED
