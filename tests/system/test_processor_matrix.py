"""Every mode of a job, every end of its worker, every end of its processor, synchronous and not: each field checked."""
import itertools
import re

import pytest
from harness.answers import FIELDS, code_of, ended_flat, fence
from harness.jobs import new_id, send_async, send_sync
from harness.processors import AppProcessor
from harness.util import free_port

MODES = ("", "sap", "ssp", "sanp", "ssnp", "SAP", "sSp", "SANP", "SsNp")
NOBODY, SILENT = "127.0.0.200", "127.0.0.9"
# What becomes of the worker: the fields of the request, the flag and the message of its answer, the error without one.
WORKERS = {
    "succeeds": ({"func": "echo"}, 1, None, None),
    "fails": ({"func": "fail"}, 0, "it failed", None),
    "cannot": ({"func": "cannot"}, -1, "app not installed", None),
    "unreachable": ({"func": "echo", "ip": NOBODY}, None, "", {"sync": "410.0", "async": "410.1"}),
    "times out": ({"func": "hold", "timeout": 1}, None, "", {"sync": "410.2", "async": "410.2"}),
}
# What becomes of the call of the processor: the error it ends with, and whether it came there.
PROCESSORS = {
    "ok": (None, True),
    "exception": (r"\[413\.3\]Send Result To Processor Fail: .*Internal error", True),
    "hang_up": (r"\[413\.3\]Send Result To Processor Fail: connection closed by the peer", True),
    "silent": (r"\[413\.3\]Send Result To Processor Fail: no answer within 4000 ms", True),
    "garbage": (r"\[413\.3\]Send Result To Processor Fail: .+", True),
    "refused": (r"\[413\.3\]Send Result To Processor Fail: connection refused", False),
    "nowhere": (r"\[413\.2\]App Not Found: no processor address known for nowhere", False),
}


class TestEveryCombination:
    """All jobs are sent at once: what one of them does to another shows."""

    @pytest.fixture(scope="class")
    def processors(self, generated):
        made = {kind: AppProcessor(kind) for kind in PROCESSORS if kind not in ("refused", "nowhere")}
        yield made
        for one in made.values():
            one.close()

    @pytest.fixture(scope="class")
    def site(self, make_site, broker, processors):
        settings = {f"processor.{app}": one.address for app, one in processors.items()}
        settings["processor.refused"] = f"127.0.0.1:{free_port()}"
        agents = {"127.0.0.2": "normal", SILENT: "silent"}
        return make_site(broker=broker, agents=agents, settings={
            **settings, "processor.timeout": 4000, "processor.breaker.failures": 0, "agent.breaker.failures": 0}).start()

    def request(self, call, mode, worker, app):
        fields = {**WORKERS[worker][0], "mode": mode, "app": app, "param": new_id(), "proxy": "p"}
        if call == "sync":
            return send_sync(**{**fields, **({"ip": SILENT} if worker == "times out" else {})})
        return send_async(**{**fields, "mqtype": "cast", "job_type": "queue"})

    def answer(self, call, peer, request):
        if call == "async":
            return ended_flat(peer, request)
        return peer.wait_reply(request["id"], 60).json

    @pytest.mark.parametrize("call", ["sync", "async"])
    def test_each_field(self, site, processors, call):
        site.purge()
        peer = site.peer()
        cases = list(itertools.product(MODES, WORKERS, PROCESSORS))
        requests = [self.request(call, *case) for case in cases]
        for request in requests:
            more = {"reply_to": peer.reply_queue, "correlation_id": request["id"]} if call == "sync" else {}
            peer.publish(request, **more)
        for case, request in zip(cases, requests):
            answer = self.answer(call, peer, request)
            assert (answer["mqflag"], answer["mqerror"]) == ("1", ""), case
            self.check(case, call, request, answer["data"], processors)
        fence(peer)

    def check(self, case, call, request, data, processors):
        mode, worker, app = case
        _, flag, message, codes = WORKERS[worker]
        error, comes_there = PROCESSORS[app]
        asked = mode.lower() in ("sap", "ssp") and flag is not None
        assert {key: type(data[key]) for key in FIELDS} == FIELDS, case
        for key in ("agent_ip", "mode", "app", "func", "param", "proxy", "timeout"):
            assert data[key] == request[key], (case, key)
        self.check_worker(case, call, data, flag, request["param"] if message is None else message)
        self.check_processor(case, data, asked, error)
        if codes:
            assert code_of(data["error"]) == codes[call], case
        else:
            assert data["error"] == data["processor_sync_error"], case
        assert data["result_flag"] == (flag == 1 and not (asked and error)), case
        if call == "async":
            assert [data[key] for key in ("id", "rand_id", "job_type")] == [
                request[key] for key in ("id", "rand_id", "job_type")], case
            assert bool(data["agent_callback_time"]) == (flag is not None), case
        told = processors[app].told(request["param"]) if app in processors else []
        assert len(told) == (asked and comes_there), case
        for reins in told:
            self.check_told(case, call, request, data, reins)

    def check_worker(self, case, call, data, flag, message):
        answered = flag is not None
        assert data["flag"] == (flag or 0), case
        assert data["agent_sync_flag"] == (answered or (call == "async" and case[1] == "times out")), case
        assert bool(data["agent_sync_error"]) == (not data["agent_sync_flag"]), case
        assert (data["worker_message"], data["worker_costtime"]) == (message, 7 if answered else 0), case

    def check_processor(self, case, data, asked, error):
        assert data["processor_sync_flag"] == (asked and error is None), case
        if asked and error:
            assert re.fullmatch(error, data["processor_sync_error"]), (case, data["processor_sync_error"])
        else:
            assert data["processor_sync_error"] == "", case
        least = 4000 - 100 if asked and case[2] == "silent" else 0
        assert least <= data["processor_sync_costtime"], case
        assert asked or data["processor_sync_costtime"] == 0, case

    def check_told(self, case, call, request, data, reins):
        ins = reins.ins
        for key in ("app", "func", "param", "mode", "proxy", "timeout"):
            assert getattr(ins, key) == request[key], (case, key)
        assert ins.ip == request["agent_ip"], case
        wire_id = data["log_id"] if call == "sync" else f"{request['id']}:{request['rand_id']}"
        assert (ins.id, ins.type) == (wire_id, "rt" if call == "sync" else "queue"), case
        assert (reins.flag, reins.costtime) == (data["flag"], data["worker_costtime"]), case
        assert reins.result == data["worker_message"], case
