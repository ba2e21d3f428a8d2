"""One Aurora cluster: PostgreSQL servers for its members, and endpoints that follow the writer.

The writer's endpoint is 127.0.0.1, the readers' 127.0.0.2, on one port of the cluster's own; each member has an
endpoint of its own besides. Where 127.0.0.2 does not exist (macOS) the readers' endpoint is the writer's.
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Aurora.Overview.Endpoints.html
"""

from __future__ import annotations

import errno
import itertools
import socket
import threading
from dataclasses import dataclass

from local.database import Databases, Server
from local.engine.tls_front import Address, Front, Fronts

WRITER_HOST, READER_HOST = "127.0.0.1", "127.0.0.2"


@dataclass(frozen=True, kw_only=True)
class Member:
    server: Server
    front: Front
    port: int


class Cluster:
    """Servers by member. Before it has members a cluster has its writer's server already."""

    def __init__(self, *, databases: Databases, fronts: Fronts, writer: Server, force_tls: bool) -> None:
        self._databases = databases
        self._fronts = fronts
        self._force_tls = force_tls
        self._lock = threading.Lock()
        self._turns = itertools.count()
        self.writer = writer
        self.members: dict[str, Member] = {}
        self.port, self.reader_host = _free_port_of_both()
        addresses = [Address(host=WRITER_HOST, port=self.port, target=lambda: self.writer.port)]
        if self.reader_host != WRITER_HOST:
            addresses.append(Address(host=self.reader_host, port=self.port, target=self._next_reader))
        self._front = fronts.open(*addresses, force_tls=force_tls)

    @property
    def writer_name(self) -> str | None:
        return next((name for name, member in self.members.items() if member.server is self.writer), None)

    def add(self, name: str) -> Member:
        """The member `name`; a new one takes the writer's server if no member has it, else it is a standby."""
        with self._lock:
            if name not in self.members:
                server = self._databases.standby(self.writer) if self.writer_name else self.writer
                port = _free_port(WRITER_HOST)
                address = Address(host=WRITER_HOST, port=port, target=lambda: server.port)
                front = self._fronts.open(address, force_tls=self._force_tls)
                self.members[name] = Member(server=server, front=front, port=port)
            return self.members[name]

    def remove(self, name: str) -> None:
        """End a member. The writer's server goes on when it was the last: an empty cluster keeps its data."""
        member = self.members.get(name)
        if member is None:
            return
        if member.server is self.writer and len(self.members) > 1:
            self.fail_over(next(other for other in self.members if other != name))
        with self._lock:
            del self.members[name]
            self._fronts.close(member.front)
            if member.server is not self.writer:
                self._databases.remove(member.server)

    def fail_over(self, target: str) -> None:
        """Let `target` write and all others stream from it. Nothing that was committed is lost.

        Aurora's members share their storage; here the old writer ends in order, after its standbys have everything.
        """
        with self._lock:
            old, new = self.writer, self.members[target].server
            if new is old:
                return
            old.wait_for_standbys(len(self.members) - 1)
            old.stop()
            new.promote()
            self.writer = new
            for member in self.members.values():
                if member.server is not new:
                    member.server.follow(new)

    def restart(self, name: str) -> None:
        with self._lock:
            self.members[name].server.stop()
            self.members[name].server.start()

    def stop(self) -> None:
        """Keep the data and serve nobody."""
        with self._lock:
            for member in sorted(self.members.values(), key=lambda m: m.server is not self.writer):
                member.server.stop()

    def start(self) -> None:
        with self._lock:
            for member in sorted(self.members.values(), key=lambda m: m.server is not self.writer):
                member.server.start()

    def destroy(self) -> None:
        for member in self.members.values():
            self._fronts.close(member.front)
            if member.server is not self.writer:
                self._databases.remove(member.server)
        self._fronts.close(self._front)
        self._databases.remove(self.writer)

    def _next_reader(self) -> int:
        """The readers take turns; a cluster without one answers with its writer, as Aurora does."""
        standbys = [m.server for m in list(self.members.values()) if m.server is not self.writer and m.server.pid]
        return standbys[next(self._turns) % len(standbys)].port if standbys else self.writer.port


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def _free_port_of_both() -> tuple[int, str]:
    """A port that is free on the writer's address and on the readers', and the readers' address."""
    while True:
        port = _free_port(WRITER_HOST)
        with socket.socket() as reader:
            try:
                reader.bind((READER_HOST, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                return port, WRITER_HOST
            return port, READER_HOST
