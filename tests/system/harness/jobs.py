"""Requests as the peers in the field send them."""
import itertools

_mids = itertools.count(1)


def new_id():
    return f"{next(_mids):015X}"


def send_sync(ip="127.0.0.2", sender="openapi", mid=None, **fields):
    """The flat envelope's synchronous request; a field given as ... is left out."""
    mid = mid or new_id()
    return _with({"mqkey": f"{sender}.scheduler.sendSync.{mid}", "mqtype": "cast", "id": mid, "agent_ip": ip,
                  "mode": "sanp", "app": "apptest", "func": "echo", "param": "", "timeout": 10, "proxy": ""}, fields)


def send_async(ip="127.0.0.2", sender="openapi", mid=None, **fields):
    """The flat envelope's asynchronous request."""
    mid = mid or new_id()
    return _with({"mqkey": f"{sender}.scheduler.sendAsync.{mid}", "mqtype": "call", "job_type": "cron", "id": new_id(),
                  "rand_id": new_id(), "agent_ip": ip, "mode": "sanp", "app": "apptest", "func": "echo", "param": "",
                  "timeout": 10, "proxy": ""}, fields)


def sync_job(ip="127.0.0.2", sender="openapi", mqtype="call", **fields):
    """The body envelope's synchronous request."""
    return {"mqkey": f"{sender}.scheduler.syncJob", "mqtype": mqtype,
            "mqbody": _with({"ip": ip, "mode": "NP", "app": "apptest", "func": "echo", "param": "", "timeout": 10,
                             "proxy": ""}, fields)}


def async_job(ip="127.0.0.2", sender="queue", **fields):
    """The body envelope's asynchronous request."""
    return {"mqkey": f"{sender}.scheduler.asyncJob", "mqtype": "cast",
            "mqbody": _with({"id": new_id(), "ip": ip, "type": "queue", "mode": "NP", "app": "apptest",
                             "func": "echo", "param": "", "timeout": 10, "proxy": ""}, fields)}


def _with(request, fields):
    return {key: value for key, value in {**request, **fields}.items() if value is not ...}
