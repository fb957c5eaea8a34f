"""A foreign AMQP client (pika) in the part of openapi, cron and queue."""
import contextlib
import json
import time
import uuid

import pika

COMPONENTS = ("openapi", "cron", "queue")
DEAD = "scheduler.dead"


class Message:
    """A delivery: `body` as bytes, `json` the object it holds."""

    def __init__(self, method, properties, body):
        self.routing_key = method.routing_key
        self.properties = properties
        self.headers = properties.headers or {}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body.decode("utf-8"))

    @property
    def correlation_id(self):
        return self.properties.correlation_id

    def __repr__(self):
        return f"<{self.routing_key} {self.properties.correlation_id} {self.headers} {self.body[:600]!r}>"


class Peer:
    """Owns the components' queues in one virtual host; everything delivered is kept in `inbox` by queue name.

    `reply_queue`: the name of a durable queue for replies; without it they go to an exclusive one. With `components`
    empty it takes no other's messages.
    """

    def __init__(self, broker, vhost, exchange="elves", reply_queue=None, components=COMPONENTS):
        self.exchange = exchange
        self.connection = broker.connect(vhost)
        self.channel = self.connection.channel()
        self.channel.exchange_declare(exchange, "topic", durable=True)
        self.inbox = {}
        for component in components:
            self.channel.queue_declare(component, durable=True)
            self.channel.queue_bind(component, exchange, f"*.{component}")
            self.consume(component)
        declared = self.channel.queue_declare(reply_queue or "", durable=bool(reply_queue), exclusive=not reply_queue)
        self.reply_queue = declared.method.queue
        self.consume(self.reply_queue)

    def close(self):
        """Also when the broker has closed it, or is gone."""
        with contextlib.suppress(pika.exceptions.AMQPError):
            self.connection.close()

    def consume(self, queue):
        """Also takes what comes into this queue."""
        self.inbox[queue] = []
        self.channel.basic_consume(
            queue, lambda _channel, method, properties, body:
            self.inbox[queue].append(Message(method, properties, body)), auto_ack=True)

    def publish(self, request, reply_to=None, routing_key=None, **properties):
        """Sends a request (an object or raw bytes) to the scheduler, by default as the component its mqkey names."""
        body = request if isinstance(request, bytes) else json.dumps(request).encode()
        if routing_key is None:
            mqkey = request.get("mqkey", "") if isinstance(request, dict) else ""
            routing_key = (mqkey.split(".")[0] if isinstance(mqkey, str) and mqkey else "openapi") + ".scheduler"
        self.channel.basic_publish(self.exchange, routing_key, body, pika.BasicProperties(
            content_type="application/json", delivery_mode=2, reply_to=reply_to, **properties))

    def call(self, request, timeout=15.0, **properties):
        """Sends a request with reply_to and answers with the reply."""
        correlation_id = uuid.uuid4().hex
        self.publish(request, reply_to=self.reply_queue, correlation_id=correlation_id, **properties)
        return self.wait_reply(correlation_id, timeout)

    def wait_reply(self, correlation_id, timeout=15.0):
        return self.wait_message(self.reply_queue, lambda message: message.correlation_id == correlation_id, timeout,
                                 f"the reply to {correlation_id}")

    def wait_message(self, queue, wanted=lambda message: True, timeout=15.0, what="a message"):
        """Takes the oldest wanted message out of the inbox of `queue`."""
        def found():
            return next((message for message in self.inbox[queue] if wanted(message)), None)
        self.pump(found, timeout, f"{what} in {queue}")
        message = found()
        self.inbox[queue].remove(message)
        return message

    def collect(self, queue, count, timeout=30.0):
        """Takes everything out of the inbox of `queue` once there are `count` messages."""
        self.pump(lambda: len(self.inbox[queue]) >= count, timeout, f"{count} messages in {queue}")
        messages, self.inbox[queue] = self.inbox[queue], []
        return messages

    def pump(self, condition, timeout, what):
        """Lets the connection work until `condition()` is true."""
        deadline = time.monotonic() + timeout
        self.connection.process_data_events(0)
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"waited {timeout} s in vain for {what}; there is {self.inbox}"[:4000]
            self.connection.process_data_events(min(left, 0.05))

    def dead_letter(self, timeout=15.0):
        """The next message of the dead letter queue, which the scheduler has declared."""
        if DEAD not in self.inbox:
            self.consume(DEAD)
        return self.wait_message(DEAD, timeout=timeout, what="a dead letter")

    def nothing_left(self):
        """Fails if a message that no test asked for has come."""
        self.connection.process_data_events(0)
        left = {queue: messages for queue, messages in self.inbox.items() if messages}
        assert not left, left

    def queue_state(self, queue):
        """(messages ready, consumers) of a queue, None when there is no such queue."""
        channel = self.connection.channel()
        try:
            answer = channel.queue_declare(queue, passive=True).method
            channel.close()
            return answer.message_count, answer.consumer_count
        except pika.exceptions.ChannelClosedByBroker:
            return None
