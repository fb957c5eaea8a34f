"""Who may connect to elves-agent, and how many at a time."""
import contextlib

from harness.sockets import connect, hung_up
from harness.util import wait_for

ALIVE_CHECK = b"\x80\x01\x00\x01\x00\x00\x00\x0aaliveCheck\x00\x00\x00\x01\x00"
OTHER = "127.0.0.2"


def let_in(port, source):
    """A connection to an elves-agent that has answered a call; None when there is no room."""
    connection = connect(port, source)
    with contextlib.suppress(ConnectionError):
        connection.sendall(ALIVE_CHECK)
        if b"success" in connection.recv(4096):
            return connection
    connection.close()
    return None


def test_connections_to_an_elves_agent(start_agent):
    agent = start_agent(maxconnections=4, maxconnectionsperaddress=3, authips="127.0.0.0/8")
    silent = [connect(agent.port, OTHER) for _ in range(3)]
    assert hung_up(connect(agent.port, OTHER)) == b""
    assert "127.0.0.2: connection closed, maxconnectionsperaddress (3)" in agent.log_text()
    assert agent.run("hello").flag == 1
    with wait_for(lambda: let_in(agent.port, "127.0.0.3"), 10, "room for the fourth"):
        assert hung_up(connect(agent.port, "127.0.0.4")) == b""
        assert ": connection closed, maxconnections (4)" in agent.log_text()
    for connection in silent:
        connection.close()


def test_strangers_of_an_elves_agent_are_closed_at_once(start_agent):
    agent = start_agent(authips=["127.0.0.1", "127.0.0.8/30"])
    assert hung_up(connect(agent.port, "127.0.0.12")) == b""
    assert "127.0.0.12: connection closed, not in authips" in agent.log_text()
    with connect(agent.port, "127.0.0.9") as known:
        known.sendall(ALIVE_CHECK)
        assert b"success" in known.recv(4096)
    assert agent.run("hello").flag == 1
