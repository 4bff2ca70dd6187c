"""A TCP gate on loopback, between a program and the server: everything goes through, until it is told
to refuse, to hold, to cut or to be slow. One event loop in one thread serves all gates of a run.
"""

import asyncio
import socket
import struct
import threading

CHUNK_BYTES = 64 << 10
HANDSHAKE_BYTES = 2000  # a connection that brought more than this back is past its TLS handshake
UP, DOWN = "up", "down"  # from the program to the server, and back


class GateLoop:
    """The thread in which gates live."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def call(self, function, *args):
        """Runs function in the loop's thread and waits for it."""
        async def run():
            return function(*args)
        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(10)

    def wait(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    def close(self):
        async def end():
            tasks = [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        asyncio.run_coroutine_threadsafe(end(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)


class _Connection:
    def __init__(self, near):
        self.near, self.far = near, None  # transports of the program's side, of the server's
        self.down_bytes = 0

    def reset(self, *sides):
        for writer in sides or (self.near, self.far):
            if writer is not None:
                _reset(writer)


def _reset(writer):
    """Closes with an RST, not with an orderly end."""
    plain = writer.get_extra_info("socket")
    if plain is not None:
        try:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
    writer.transport.abort()


class Gate:
    """Listens on a port of its own, which stays; leads to `target` (host, port), which may be set later.

    mode: pass; refuse (reset whoever connects); hold (nothing moves, either way, nobody is told);
    hold_up, hold_down (one direction only); half_open (the server's side is reset, the program's
    side stands there, silent). Faults may be set from any thread.
    """

    def __init__(self, gates, target=None):
        self._gates, self.target = gates, target
        self.mode, self.delay_s, self.bytes_per_s = "pass", 0.0, 0
        self._connections = set()
        self._losing = 0
        self.lost_answers = self.passed = 0
        self._changed = None
        self._server = gates.wait(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    async def _listen(self):
        self._changed = asyncio.Event()
        return await asyncio.start_server(self._accept, "127.0.0.1", 0)

    # ---- faults
    def set(self, mode="pass", delay_s=0.0, bytes_per_s=0):
        self._gates.call(self._set, mode, delay_s, bytes_per_s)

    def _set(self, mode, delay_s, bytes_per_s):
        was = self.mode
        self.mode, self.delay_s, self.bytes_per_s = mode, delay_s, bytes_per_s
        if mode == "refuse":
            self._cut()
        if mode == "half_open":
            for connection in self._connections:
                connection.reset(connection.far)
        elif was == "half_open":
            self._cut()
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def cut(self):
        """Resets what is connected now; the next connection is let through."""
        self._gates.call(self._cut)

    def _cut(self):
        for connection in list(self._connections):
            connection.reset()

    def lose_answers(self, count=1):
        """The next answers of the server are thrown away, and their connection is reset."""
        def add():
            self._losing += count
        self._gates.call(add)

    def heal(self):
        def end():
            self._losing = 0
            self._set("pass", 0.0, 0)
        self._gates.call(end)

    def close(self):
        def end():
            self._server.close()
            self._cut()
        self._gates.call(end)

    # ---- traffic
    async def _accept(self, reader, writer):
        connection = _Connection(writer)
        self._connections.add(connection)
        try:
            if self.mode == "refuse":
                return
            while self.mode in ("half_open", "hold"):
                await self._changed.wait()
            if writer.transport.is_closing() or self.target is None:
                return
            far_reader, connection.far = await asyncio.open_connection(*self.target)
            await asyncio.gather(self._pump(connection, reader, connection.far, UP),
                                 self._pump(connection, far_reader, writer, DOWN))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._connections.discard(connection)
            if self.mode == "half_open" and not writer.transport.is_closing():
                self._connections.add(connection)  # stands there, silent, until the fault is over
            else:
                connection.reset()

    async def _pump(self, connection, reader, writer, direction):
        """One direction, until its end; an orderly end is passed on as one."""
        try:
            while True:
                data = await reader.read(CHUNK_BYTES)
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if self.bytes_per_s and data:
                    await asyncio.sleep(len(data) / self.bytes_per_s)
                while self.mode in ("hold", "hold_" + direction):
                    await self._changed.wait()
                if not data:
                    if writer.can_write_eof() and self.mode != "half_open":
                        writer.write_eof()
                    return
                if direction == DOWN:
                    if self._losing and connection.down_bytes > HANDSHAKE_BYTES:
                        self._losing -= 1
                        self.lost_answers += 1
                        connection.reset()
                        return
                    connection.down_bytes += len(data)
                self.passed += len(data)
                writer.write(data)
                await writer.drain()
        except OSError:
            if self.mode != "half_open":
                connection.reset()
