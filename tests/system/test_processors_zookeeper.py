"""Processors whose address ZooKeeper has."""
import signal

from harness.answers import code_of, ended_flat, fence
from harness.jobs import send_sync
from harness.processors import MAY_HAVE, asynchronous, processor_of, settled
from harness.util import free_port, wait_for


def register(client, chroot, processor, app="apptest"):
    client.create(f"{chroot}/elves/processor/{app}", processor.address.encode(), makepath=True)


def test_it_wins_over_the_configuration_and_is_watched(zoo, chroot, start_registered, processor):
    first, second = processor(), processor()
    site = start_registered(zoo.hosts + chroot, **{"processor.apptest": first.address})
    peer = site.peer()
    assert processor_of(ended_flat(peer, asynchronous(peer))) == (1, "")
    assert len(first.told()) == 1
    with zoo.client() as client:
        register(client, chroot, second)
        wait_for(lambda: processor_of(ended_flat(peer, asynchronous(peer))) == (1, "") and second.told(), 15,
                 "a call at the registered address")
        known = len(first.told())
        assert processor_of(ended_flat(peer, asynchronous(peer))) == (1, "")
        assert len(first.told()) == known
        client.delete(chroot + "/elves/processor/apptest")
        wait_for(lambda: processor_of(ended_flat(peer, asynchronous(peer))) == (1, "") and len(first.told()) > known, 15,
                 "a call at the configured address")


def test_results_of_the_process_before_wait_for_it(zoo, chroot, start_registered, processor):
    held = processor("held")
    with zoo.client() as client:
        register(client, chroot, held)
    site = start_registered(zoo.hosts + chroot, **{"processor.timeout": 60000, "processor.maxInFlight": 1})
    peer = site.peer()
    jobs = settled(site, peer, 3)
    wait_for(held.told, 10, "the first call")
    site.scheduler.kill()
    held.let_go()
    site.scheduler.start()
    messages = {job["param"]: processor_of(ended_flat(peer, job)) for job in jobs}
    assert messages.pop(held.told()[0].ins.param) == (0, f"[413.3]Send Result To Processor Fail: {MAY_HAVE}")
    assert list(messages.values()) == [(1, "")] * 2
    fence(peer)


def test_while_it_was_never_heard_the_timeout_ends_the_wait(start_registered):
    site = start_registered(f"127.0.0.1:{free_port()}", **{"processor.timeout": 500})
    data = site.peer().call(send_sync(mode="sap")).json["data"]
    assert (data["flag"], data["result_flag"]) == (1, 0)
    assert code_of(data["processor_sync_error"]) == "413.2" and "known yet" in data["processor_sync_error"]


def test_a_wait_does_not_hold_up_the_end(start_registered):
    site = start_registered(f"127.0.0.1:{free_port()}", **{"processor.timeout": 60000, "drain.timeout": 0})
    settled(site, site.peer())
    site.scheduler.signal(signal.SIGTERM)
    site.scheduler.wait_end(15)
