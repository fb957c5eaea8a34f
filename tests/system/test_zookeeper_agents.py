"""What a real ZooKeeper says about agents: shown, and minded when they are called."""
import json

import pytest
from harness.agents import addresses
from harness.answers import code_of, error_of, jobs_going_on, warnings
from harness.jobs import send_sync, sync_job
from harness.scheduler import elvesctl
from harness.sockets import DeadMachines
from harness.util import free_port, wait_for
from harness.zoo import Server

FOLDER = "/elves/heartbeat/agent"
GARBAGE = {"nothing": b"", "bytes": b"\xff\xfe", "list": b"[]", "text": b"nonsense",
           "types": b'{"version": {"a": 1}, "apps": 5}', "large": b'{"apps": "' + b"x" * 500_000 + b'"}'}


def agents(site, **query):
    return site.scheduler.http("GET", "/api/v1/agents", query=query).json


def by_ip(site, **query):
    return {agent["ip"]: agent for agent in agents(site, **query)["agents"]}


def wait_state(site, ip, state):
    return wait_for(lambda: (lambda found: found if found.get("state") == state else None)(by_ip(site).get(ip, {})), 15,
                    f"{ip} to be {state}")


class TestStates:
    def test_a_folder_that_comes_later(self, zoo, chroot, start_registered):
        site = start_registered(zoo.hosts + chroot)
        wait_for(lambda: agents(site)["zookeeper"]["state"] == "current", 15, "the first look")
        assert agents(site)["agents"] == []
        with zoo.client() as client:
            held = {"state": "ok", "version": "1.2.3", "apps": {"apptest": "1.0"}}
            client.create(f"{chroot}{FOLDER}/10.9.9.1", json.dumps(held).encode(), makepath=True)
            seen = wait_state(site, "10.9.9.1", "online")
            assert (seen["version"], seen["apps"], seen["reported_state"]) == ("1.2.3", {"apptest": "1.0"}, "ok")
            client.delete(f"{chroot}{FOLDER}/10.9.9.1")
            gone = wait_state(site, "10.9.9.1", "offline")
            assert gone["since"] and (gone["version"], gone["apps"]) == ("", None)
            client.create(f"{chroot}{FOLDER}/10.9.9.1", b"")
            wait_state(site, "10.9.9.1", "online")

    def test_what_the_pool_knows_is_there_too(self, zoo, chroot, start_registered):
        with zoo.client() as client:
            for ip in ("127.0.0.2", "10.9.9.1", "10.9.9.2"):
                client.create(f"{chroot}{FOLDER}/{ip}", b"{}", makepath=True)
            site = start_registered(zoo.hosts + chroot, **{"agent.breaker.failures": 2, "thrift.outTime": 200})
            peer = site.peer()
            wait_state(site, "10.9.9.2", "online")
            for ip in ("127.0.0.3", "127.0.0.2"):
                peer.call(send_sync(ip=ip))
            dead = DeadMachines(["127.0.0.200"], site.scheduler.agent_port)
            for _ in range(2):
                peer.call(send_sync(ip="127.0.0.200"))
            dead.close()
            running = sync_job(ip="127.0.0.2", func="sleep", param="2")
            peer.publish(running, reply_to="nowhere")
            wait_for(lambda: by_ip(site)["127.0.0.2"]["in_flight"] == 1, 5, "the job to be seen")
            seen = agents(site)["agents"]
            assert [(one["ip"], one["state"], one["failures"], one["breaker"]) for one in seen] == [
                ("127.0.0.2", "online", 0, "closed"), ("127.0.0.200", "unknown", 2, "open"),
                ("127.0.0.3", "unknown", 0, "closed"), ("10.9.9.1", "online", 0, "closed"),
                ("10.9.9.2", "online", 0, "closed")]
            assert [one["ip"] for one in agents(site, limit=4)["agents"]] == [one["ip"] for one in seen[:4]]
            assert list(by_ip(site, ip="10.9.9.2")) == ["10.9.9.2"] and by_ip(site, ip="10.9.9.3") == {}
            assert list(by_ip(site, state="unknown")) == ["127.0.0.200", "127.0.0.3"]
            shown = elvesctl(site.scheduler, "agents", "--state", "unknown", "--limit", "1")
            assert shown.returncode == 0 and shown.stderr == "" and len(shown.stdout.splitlines()) == 2
            assert shown.stdout.splitlines()[1].split() == ["127.0.0.200", "unknown", "0", "0", "2", "open"]

    def test_without_zookeeper(self, make_site):
        site = make_site().start()
        site.scheduler.http("POST", "/api/v1/jobs?wait=true", {"ip": "127.0.0.2", "app": "a", "func": "echo"})
        assert agents(site)["zookeeper"]["state"] == "off"
        assert by_ip(site)["127.0.0.2"]["state"] == "unknown"
        assert "zookeeper.host" in elvesctl(site.scheduler, "agents").stderr

    @pytest.mark.parametrize("kind", GARBAGE)
    def test_whatever_a_node_holds(self, zoo, chroot, start_registered, kind):
        path = f"{chroot}/{kind}"
        with zoo.client() as client:
            client.create(f"{path}{FOLDER}/10.9.9.1", GARBAGE[kind], makepath=True)
            client.create(f"{path}{FOLDER}/no address at all", GARBAGE[kind])
            site = start_registered(zoo.hosts + path)
            wait_state(site, "10.9.9.1", "online")
            assert len(elvesctl(site.scheduler, "agents").stdout.splitlines()) == 3

    def test_away_and_back(self, tmp_path, chroot, start_registered):
        server = Server(tmp_path).start()
        try:
            with server.client() as client:
                client.create(f"{chroot}{FOLDER}/10.9.9.1", b'{"version": "7"}', makepath=True)
                site = start_registered(server.hosts + chroot)
                wait_state(site, "10.9.9.1", "online")
            server.stop()
            wait_for(lambda: agents(site)["zookeeper"]["state"] == "stale", 15, "the loss to be noticed")
            assert by_ip(site)["10.9.9.1"]["state"] == "online"
            assert "is not known since" in elvesctl(site.scheduler, "agents").stderr
            server.start()
            wait_for(lambda: by_ip(site)["10.9.9.1"]["version"] == "7", 15, "it to be back")
        finally:
            server.stop()


class TestMany:
    def test_a_hundred_thousand(self, zoo, chroot, start_registered, capsys):
        """More than fits into one packet of ZooKeeper's default limit; jobs go on."""
        count = 100_000
        site = start_registered(zoo.hosts + chroot, **{"zookeeper.outTime": 4000})
        names = [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(count)]
        with zoo.client() as client, jobs_going_on(site):
            client.ensure_path(chroot + FOLDER)
            for first in range(0, count, 5000):
                transaction = client.transaction()
                for name in names[first:first + 5000]:
                    transaction.create(f"{chroot}{FOLDER}/{name}", b"{}")
                transaction.commit()
            wait_for(lambda: by_ip(site, ip=names[-1]), 60, "the last one to be known")
            wait_for(lambda: len(agents(site, limit=10000, state="online")["agents"]) == 10000, 10, "a long list")
            zoo_connects = "elves_zookeeper_connects_total 1\n"
            assert zoo_connects in site.scheduler.http("GET", "/metrics").text
            for path in names[:10]:
                client.delete(f"{chroot}{FOLDER}/{path}")
            wait_for(lambda: len(by_ip(site, state="offline")) == 10, 30, "ten to be offline")

    def test_more_than_the_limit(self, zoo, chroot, start_registered):
        with zoo.client() as client:
            for number in range(20):
                client.create(f"{chroot}{FOLDER}/10.0.0.{number}", b"{}", makepath=True)
            site = start_registered(zoo.hosts + chroot, **{"zookeeper.maxAgents": 5})
            wait_for(lambda: len(by_ip(site)) == 5, 15, "the first to be known")
            wait_for(lambda: warnings(site, "zookeeper.maxAgents") == 1, 10, "the warning")


class TestCalls:
    @pytest.fixture
    def dead(self):
        machines = DeadMachines(addresses(2, first=240), port := free_port())
        yield port
        machines.close()

    def test_those_known_to_be_offline_are_tried_for_a_short_time(self, zoo, chroot, make_site, broker, dead):
        offline, unknown = addresses(2, first=240)
        with zoo.client() as client:
            client.create(f"{chroot}{FOLDER}/{offline}", b"{}", makepath=True)
            site = make_site(broker=broker, agents=addresses(1), settings={
                "zookeeper.host": zoo.hosts + chroot, "thrift.agent.port": dead, "thrift.outTime": 1500,
                "agent.offlineAfter": 0, "agent.offlineConnect": 150}).start()
            peer = site.peer()
            wait_state(site, offline, "online")
            assert "within 1500 ms" in error_of(peer.call(send_sync(ip=offline)))
            client.delete(f"{chroot}{FOLDER}/{offline}")
            wait_state(site, offline, "offline")
            reply = peer.call(send_sync(ip=offline))
            assert code_of(error_of(reply)) == "410.0" and "within 150 ms" in error_of(reply)
            assert "within 1500 ms" in error_of(peer.call(send_sync(ip=unknown)))
            assert "elves_agent_offline_tries_total 1" in site.scheduler.http("GET", "/metrics").text

    def test_one_that_is_there_all_the_same_is_called(self, zoo, chroot, start_registered):
        with zoo.client() as client:
            client.create(f"{chroot}{FOLDER}/127.0.0.2", b"{}", makepath=True)
            site = start_registered(zoo.hosts + chroot, **{"agent.offlineAfter": 0})
            wait_state(site, "127.0.0.2", "online")
            client.delete(f"{chroot}{FOLDER}/127.0.0.2")
            wait_state(site, "127.0.0.2", "offline")
            assert site.peer().call(send_sync(ip="127.0.0.2", param="here")).json["data"]["worker_message"] == "here"
