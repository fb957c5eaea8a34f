"""Registration in a real ZooKeeper, the list of schedulers, and everything that may happen to the two."""
import datetime
import json
import socket

import pytest
from harness.answers import jobs_going_on, warnings
from harness.proxy import Proxy
from harness.scheduler import elvesctl
from harness.util import wait_for
from harness.zoo import Ensemble, Server
from kazoo.exceptions import NoAuthError
from kazoo.security import OPEN_ACL_UNSAFE, make_digest_acl

ROOT = "/elves/scheduler"


def nodes(site):
    return site.scheduler.http("GET", "/api/v1/nodes").json


def state(site):
    return nodes(site)["zookeeper"]["state"]


def wait_registered(client, path, but=(), timeout=15):
    """The names below `path`, once there is one that is not in `but`, and what the new ones hold."""
    def found():
        names = client.get_children(path) if client.exists(path) else []
        return [name for name in names if name not in but]
    return wait_for(found, timeout, "a registration below " + path)


def wait_current(site, timeout=15):
    return wait_for(lambda: (lambda seen: seen if seen["zookeeper"]["state"] == "current" and seen["nodes"] else None)(
        nodes(site)), timeout, "the list of schedulers to be current")


class TestRegistration:
    def test_what_the_node_is_and_holds(self, zoo, chroot, start_registered):
        site = start_registered(zoo.hosts + chroot + "/deep")
        with zoo.client() as client:
            path = f"{chroot}/deep{ROOT}"
            name, = wait_registered(client, path)
            data, stat = client.get(f"{path}/{name}")
            seen = json.loads(data)
            assert name[-10:].isdigit() and stat.ephemeralOwner != 0
            started = datetime.datetime.strptime(seen.pop("start_time"), "%Y-%m-%dT%H:%M:%SZ")
            assert abs((datetime.datetime.utcnow() - started).total_seconds()) < 60
            assert len(seen.pop("instance")) == 16 and seen.pop("version")
            assert seen == {"host": "127.0.0.1", "thrift_port": site.scheduler.port,
                            "admin_port": site.scheduler.admin_port, "pid": site.scheduler.pid}
            listed = wait_current(site)
            assert listed["zookeeper"] == {"state": "current", "stale_since": "", "trouble": ""}
            assert [(node["node"], node["self"], node["data"]) for node in listed["nodes"]] == [
                (name, True, json.loads(data))]
            site.scheduler.stop()
            assert client.get_children(path) == []

    def test_listening_on_all_addresses_it_gives_its_host_name(self, zoo, chroot, start_registered):
        start_registered(zoo.hosts + chroot, **{"thrift.scheduler.host": "0.0.0.0"})
        with zoo.client() as client:
            name, = wait_registered(client, chroot + ROOT)
            assert json.loads(client.get(f"{chroot}{ROOT}/{name}")[0])["host"] == socket.gethostname()

    def test_a_node_that_somebody_deletes_is_made_again(self, zoo, chroot, start_registered):
        start_registered(zoo.hosts + chroot)
        with zoo.client() as client:
            name, = wait_registered(client, chroot + ROOT)
            client.delete(f"{chroot}{ROOT}/{name}")
            again, = wait_registered(client, chroot + ROOT, but=[name])
            client.delete(f"{chroot}{ROOT}/{again}")
            client.delete(chroot + ROOT)
            wait_registered(client, chroot + ROOT)

    def test_several_schedulers_and_elvesctl(self, zoo, chroot, start_registered):
        sites = [start_registered(zoo.hosts + chroot) for _ in range(2)]
        for site in sites:
            wait_for(lambda one=site: len(nodes(one)["nodes"]) == 2, 15, "both schedulers to be listed")
        pids = {str(site.scheduler.pid) for site in sites}
        shown = elvesctl(sites[0].scheduler, "nodes")
        heading, *rows = shown.stdout.splitlines()
        assert shown.returncode == 0 and shown.stderr == "" and heading.split()[:2] == ["NODE", "HOST"]
        assert len(rows) == 2 and all(any(pid in row for row in rows) for pid in pids)
        own, = (row for row in rows if " * " in row)
        assert str(sites[0].scheduler.pid) in own
        assert json.loads(elvesctl(sites[0].scheduler, "nodes", "--json").stdout)["nodes"] == nodes(sites[0])["nodes"]
        sites[1].scheduler.kill()
        wait_for(lambda: len(nodes(sites[0])["nodes"]) == 1, 15, "the killed one to be missing")

    def test_off(self, make_site):
        site = make_site().start()
        assert nodes(site) == {"zookeeper": {"state": "off", "stale_since": "", "trouble": ""}, "nodes": []}
        shown = elvesctl(site.scheduler, "nodes")
        assert shown.returncode == 0 and "zookeeper.host" in shown.stderr


class TestAway:
    def test_not_there_at_the_start(self, tmp_path, chroot, start_registered):
        server = Server(tmp_path)
        site = start_registered(server.hosts + chroot)
        try:
            with jobs_going_on(site):
                wait_for(lambda: warnings(site, "ZooKeeper") == 1, 15, "the warning")
                assert state(site) == "stale" and site.scheduler.health() == 200
                server.start()
                wait_current(site)
            assert warnings(site, "ZooKeeper") == 1
        finally:
            server.stop()

    def test_a_name_nobody_knows(self, start_registered):
        site = start_registered("nowhere.invalid:2181")
        wait_for(lambda: warnings(site, "cannot be opened") == 1, 60, "the warning")
        assert site.scheduler.health() == 200
        site.scheduler.stop()

    def test_a_black_hole(self, start_registered):
        with socket.create_server(("127.0.0.1", 0), backlog=64) as hole:
            site = start_registered(f"127.0.0.1:{hole.getsockname()[1]}")
            with jobs_going_on(site):
                wait_for(lambda: warnings(site, "no session within") == 1, 20, "the warning")
            assert site.scheduler.health() == 200 and warnings(site, "ZooKeeper") == 1
            site.scheduler.stop(timeout=10)

    def test_stopped_for_a_while(self, tmp_path, chroot, start_registered):
        server = Server(tmp_path).start()
        site = start_registered(server.hosts + chroot)
        try:
            before = wait_current(site)["nodes"]
            with jobs_going_on(site):
                server.stop()
                wait_for(lambda: state(site) == "stale", 15, "the loss to be noticed")
                seen = nodes(site)
                assert [node["node"] for node in seen["nodes"]] == [node["node"] for node in before]
                assert seen["zookeeper"]["stale_since"] and seen["zookeeper"]["trouble"]
                shown = elvesctl(site.scheduler, "nodes")
                assert shown.returncode == 0 and seen["zookeeper"]["stale_since"] in shown.stderr
                server.start()
                wait_current(site)
            assert warnings(site, "ZooKeeper") == 1 and site.scheduler.health() == 200
            metrics = site.scheduler.http("GET", "/metrics").text
            assert "elves_zookeeper_losses_total 1" in metrics and "elves_zookeeper_connects_total 2" in metrics
        finally:
            server.stop()

    def test_the_end_is_not_held_up_by_a_server_that_hangs(self, tmp_path, chroot, start_registered):
        server = Server(tmp_path).start()
        site = start_registered(server.hosts + chroot)
        try:
            wait_current(site)
            server.pause()
            site.scheduler.stop(timeout=10)
        finally:
            server.resume()
            server.stop()


class TestSession:
    def test_expired_by_force(self, zoo, chroot, start_registered):
        """A network that carries nothing for longer than the session lasts."""
        relay = Proxy(zoo.port)
        site = start_registered(f"127.0.0.1:{relay.port}{chroot}")
        try:
            with zoo.client() as client, jobs_going_on(site):
                name, = wait_registered(client, chroot + ROOT)
                relay.freeze()
                relay.refuse(True)
                wait_for(lambda: client.get_children(chroot + ROOT) == [], 30, "the server to expire the session")
                relay.refuse(False)
                again, = wait_registered(client, chroot + ROOT, but=[name])
                assert [node["node"] for node in wait_current(site)["nodes"]] == [again]
            assert "elves_zookeeper_expirations_total 1" in site.scheduler.http("GET", "/metrics").text
        finally:
            site.close()
            relay.close()

    def test_the_leader_of_an_ensemble_is_killed(self, tmp_path, chroot, start_registered):
        ensemble = Ensemble(tmp_path).start()
        try:
            site = start_registered(ensemble.hosts + chroot, **{"zookeeper.outTime": 4000})
            wait_current(site)
            with jobs_going_on(site):
                leader = ensemble.leader()
                leader.kill()
                rest = [server for server in ensemble.servers if server is not leader]
                wait_for(lambda: any(server.mode() == "leader" for server in rest), 30, "another leader")
                wait_current(site)
            with rest[0].client() as client:
                assert len(wait_registered(client, chroot + ROOT)) == 1
        finally:
            ensemble.stop()


class TestIdentity:
    def test_what_it_makes_is_its_own(self, zoo, chroot, start_registered):
        start_registered(zoo.hosts + chroot, **{"zookeeper.auth": "elves:s3cret-of-zoo"})
        with zoo.client(auth_data=[("digest", "elves:s3cret-of-zoo")]) as client:
            name, = wait_registered(client, chroot + ROOT)
            for path in (chroot, chroot + "/elves", chroot + ROOT, f"{chroot}{ROOT}/{name}"):
                acl, = client.get_acls(path)[0]
                assert acl.id.scheme == "digest" and acl.id.id.startswith("elves:") and acl.perms == 31, path
        with zoo.client() as stranger, pytest.raises(NoAuthError):
            stranger.delete(f"{chroot}{ROOT}/{name}")

    @pytest.mark.parametrize("auth", [None, "elves:wrong"])
    def test_refused(self, zoo, chroot, start_registered, auth):
        with zoo.client(auth_data=[("digest", "elves:right")]) as client:
            path = chroot + ("1" if auth else "2")
            client.ensure_path(path + ROOT)
            for node in (path + ROOT, path + "/elves"):
                client.set_acls(node, [make_digest_acl("elves", "right", all=True)])
            site = start_registered(zoo.hosts + path, **{"zookeeper.auth": auth})
            with jobs_going_on(site):
                wait_for(lambda: warnings(site, "is refused: not authenticated") == 1, 15, "the warning")
                assert "not authenticated" in nodes(site)["zookeeper"]["trouble"] and site.scheduler.health() == 200
                client.set_acls(path + ROOT, [make_digest_acl("elves", "right", all=True), *OPEN_ACL_UNSAFE])
                wait_registered(client, path + ROOT, timeout=40)
                wait_current(site, timeout=60)
            assert warnings(site, "is refused") == 1

    def test_the_secret_may_come_from_the_environment_and_is_never_logged(self, zoo, chroot, make_site, broker):
        site = make_site(broker=broker, settings={"zookeeper.host": zoo.hosts + chroot, "log.level": "trace"},
                         variables={"ELVES_ZOOKEEPER_AUTH": "elves:s3cret-of-zoo"}).start()
        with zoo.client(auth_data=[("digest", "elves:s3cret-of-zoo")]) as client:
            wait_registered(client, chroot + ROOT)
        assert "s3cret" not in site.scheduler.log()
        site.close()


class TestGarbage:
    def test_nodes_of_others_are_listed_whatever_they_hold(self, zoo, chroot, start_registered):
        with zoo.client() as client:
            for name, data in {"a": b"", "b": b"\xff\xfe", "c": b"[]", "d": b'{"host": 5, "x": [1]}',
                               "e": b'{"host": "' + b"x" * 100_000 + b'"}', "f": b"[" * 5000}.items():
                client.create(f"{chroot}{ROOT}/{name}", data, makepath=True)
            site = start_registered(zoo.hosts + chroot)
            wait_for(lambda: len(nodes(site)["nodes"]) == 7, 15, "all to be listed")
            listed = {node["node"]: node["data"] for node in nodes(site)["nodes"]}
            assert [listed[name] for name in "abcef"] == [None] * 5 and listed["d"] == {"host": 5, "x": [1]}
            assert len(elvesctl(site.scheduler, "nodes").stdout.splitlines()) == 8

    def test_processors_without_an_address(self, zoo, chroot, start_registered):
        with zoo.client() as client:
            folder = chroot + "/elves/processor"
            site = start_registered(zoo.hosts + chroot)
            client.create(folder + "/good", b"127.0.0.1:9000", makepath=True)
            client.create(folder + "/bad", b"somewhere")
            wait_for(lambda: warnings(site, folder + "/bad: holds no host:port") == 1, 15, "the warning")
            client.set(folder + "/bad", b"127.0.0.1:9001")
            client.set(folder + "/good", b"\xff")
            wait_for(lambda: warnings(site, folder + "/good: holds no host:port") == 1, 15, "the other warning")
            assert warnings(site, "holds no host:port") == 2
            assert "elves_zookeeper_bad_data_total 2" in site.scheduler.http("GET", "/metrics").text

    def test_more_nodes_than_the_limit(self, zoo, chroot, start_registered):
        with zoo.client() as client:
            for number in range(20):
                client.create(f"{chroot}{ROOT}/a{number:02}", b"{}", makepath=True)
            site = start_registered(zoo.hosts + chroot, **{"zookeeper.maxWatched": 10})
            wait_for(lambda: len(nodes(site)["nodes"]) == 10, 15, "the first to be listed")
            wait_for(lambda: warnings(site, "zookeeper.maxWatched") == 1, 10, "the warning")
            wait_for(lambda: any(name.startswith("scheduler-") for name in client.get_children(chroot + ROOT)), 10,
                     "the registration")
