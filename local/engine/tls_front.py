"""TLS before PostgreSQL: the wheel's build has none, and clients of the real service insist on it.

Speaks the start of PostgreSQL's protocol (https://www.postgresql.org/docs/16/protocol-flow.html#PROTOCOL-FLOW-SSL),
then copies bytes. Certificates are self-signed: `sslmode=require` works, verification does not.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
MAX_STARTUP_BYTES = 10_000
CHUNK = 65_536


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where the front listens, and for whom: `target` is asked for PostgreSQL's port at every connection."""

    host: str
    port: int
    target: Callable[[], int]


@dataclass(kw_only=True)
class Front:
    """Listens for PostgreSQL servers on 127.0.0.1. `force_tls` as in rds.force_ssl."""

    tls: ssl.SSLContext
    force_tls: bool
    servers: list[asyncio.Server]

    async def listen(self, address: Address) -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._serve(reader, writer, address.target)
            writer.close()

        self.servers.append(await asyncio.start_server(serve, address.host, address.port))

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: Callable[[], int]
    ) -> None:
        encrypted = False
        while True:
            code, packet = await _startup_packet(reader)
            if code == SSL_REQUEST:
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(self.tls)
                encrypted = True
            elif code == GSS_REQUEST:
                writer.write(b"N")
                await writer.drain()
            else:
                break
        if self.force_tls and not encrypted and code != CANCEL_REQUEST:
            writer.write(_fatal("28000", "no pg_hba.conf entry for host, no encryption"))
            await writer.drain()
            return
        backend_reader, backend_writer = await asyncio.open_connection("127.0.0.1", target())
        backend_writer.write(struct.pack("!I", len(packet) + 4) + packet)
        await _copy_both_ways((reader, backend_writer), (backend_reader, writer))


async def _startup_packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The code of the next untyped packet, and the packet without its length."""
    (length,) = struct.unpack("!I", await reader.readexactly(4))
    if not 8 <= length <= MAX_STARTUP_BYTES:
        raise ConnectionError("no startup packet of PostgreSQL")
    packet = await reader.readexactly(length - 4)
    return struct.unpack("!I", packet[:4])[0], packet


def _fatal(code: str, message: str) -> bytes:
    fields = b"".join(
        kind + value.encode() + b"\0"
        for kind, value in ((b"S", "FATAL"), (b"V", "FATAL"), (b"C", code), (b"M", message))
    )
    return b"E" + struct.pack("!I", len(fields) + 5) + fields + b"\0"


async def _copy_both_ways(*ways: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    """Copy until one side ends, then close both: PostgreSQL has no half-open connections."""

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(CHUNK):
                sink.write(data)
                await sink.drain()

    tasks = [asyncio.ensure_future(copy(*way)) for way in ways]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    for _, sink in ways:
        sink.close()


class Fronts:
    """Runs fronts on an event loop and a thread of their own."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True, name="database-fronts").start()

    def open(self, *addresses: Address, force_tls: bool) -> Front:
        """Listen; raises OSError when an address is taken or not of this machine."""
        front = Front(tls=self._tls, force_tls=force_tls, servers=[])

        async def listen() -> None:
            for address in addresses:
                await front.listen(address)

        self._wait(asyncio.run_coroutine_threadsafe(listen(), self._loop))
        return front

    def close(self, front: Front) -> None:
        for server in front.servers:
            self._loop.call_soon_threadsafe(server.close)

    def _wait(self, future: Future[None]) -> None:
        future.result(timeout=10)
