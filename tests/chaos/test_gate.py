"""The gate does what its faults say, and lets everything through when there is none."""

import socket
import threading
import time

import pytest

from gate import HANDSHAKE_BYTES, Gate, GateLoop

SILENT_S = 0.3  # nothing may come for so long
COMES_S = 10


class Echo:
    """A server that sends everything back; keeps its connections, to look at them."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.connections, self.received = [], b""
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection):
        try:
            while data := connection.recv(65536):
                self.received += data
                connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.fixture
def echo():
    made = Echo()
    yield made
    made.listener.close()


@pytest.fixture
def gate(echo):
    loop = GateLoop()
    made = Gate(loop, echo.address)
    yield made
    made.close()
    loop.close()


def connect(gate):
    plain = socket.create_connection(("127.0.0.1", gate.port), timeout=COMES_S)
    return plain


def exchange(plain, text):
    plain.sendall(text)
    got = b""
    while len(got) < len(text):
        got += plain.recv(65536) or pytest.fail("the connection ended")
    return got


def is_silent(plain):
    plain.settimeout(SILENT_S)
    try:
        return plain.recv(1) is None
    except TimeoutError:
        return True
    finally:
        plain.settimeout(COMES_S)


def test_everything_passes_and_an_end_is_an_end(gate):
    plain, text = connect(gate), bytes(range(256)) * 4000
    sender = threading.Thread(target=plain.sendall, args=(text,))
    sender.start()
    got = b""
    while len(got) < len(text):
        got += plain.recv(65536)
    sender.join()
    assert got == text
    plain.shutdown(socket.SHUT_WR)
    assert plain.recv(1) == b""


def test_a_cut_is_a_reset_and_the_next_connection_passes(gate):
    plain = connect(gate)
    assert exchange(plain, b"one") == b"one"
    gate.cut()
    with pytest.raises(ConnectionResetError):
        plain.recv(1)
    assert exchange(connect(gate), b"two") == b"two"


def test_a_refusing_gate_resets_whoever_connects(gate):
    gate.set("refuse")
    with pytest.raises(ConnectionError):
        plain = connect(gate)
        plain.sendall(b"one")
        plain.recv(1)
        plain.recv(1)
    gate.heal()
    assert exchange(connect(gate), b"two") == b"two"


def test_what_is_held_comes_when_the_gate_heals(gate, echo):
    plain = connect(gate)
    assert exchange(plain, b"one") == b"one"
    gate.set("hold")
    plain.sendall(b"two")
    assert is_silent(plain) and echo.received == b"one"
    gate.heal()
    assert plain.recv(3) == b"two"


@pytest.mark.parametrize("mode, heard", [("hold_up", b"one"), ("hold_down", b"onetwo")])
def test_one_direction_alone_can_be_held(gate, echo, mode, heard):
    plain = connect(gate)
    assert exchange(plain, b"one") == b"one"
    gate.set(mode)
    plain.sendall(b"two")
    assert is_silent(plain) and echo.received == heard
    gate.heal()
    assert plain.recv(3) == b"two"


def test_half_open_the_server_is_gone_and_the_program_is_not_told(gate, echo):
    plain = connect(gate)
    assert exchange(plain, b"one") == b"one"
    gate.set("half_open")
    with pytest.raises(OSError):
        echo.connections[0].settimeout(COMES_S)
        while echo.connections[0].recv(1):
            pass
        raise OSError("an orderly end, seen as one")
    assert is_silent(plain)
    late = connect(gate)
    late.sendall(b"two")
    assert is_silent(late) and echo.received == b"one"
    gate.heal()
    with pytest.raises(ConnectionResetError):
        plain.recv(1)
    assert exchange(connect(gate), b"three") == b"three"


def test_an_answer_is_lost_after_the_question_was_heard(gate, echo):
    plain = connect(gate)
    assert exchange(plain, b"h" * (HANDSHAKE_BYTES + 1))
    gate.lose_answers()
    plain.sendall(b"question")
    with pytest.raises(ConnectionResetError):
        plain.recv(1)
    assert echo.received.endswith(b"question") and gate.lost_answers == 1
    assert exchange(connect(gate), b"again") == b"again"


@pytest.mark.parametrize("slow", [dict(delay_s=0.2), dict(bytes_per_s=100)])
def test_slow_is_slow_and_nothing_is_missing(gate, slow):
    plain = connect(gate)
    gate.set(**slow)
    began = time.monotonic()
    assert exchange(plain, b"x" * 20) == b"x" * 20
    assert time.monotonic() - began >= 0.39
