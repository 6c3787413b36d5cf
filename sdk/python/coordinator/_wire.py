"""The messages between worker and program, version 1: docs/programs.md is the reference."""
import array
import json
import mmap
import os
import socket
import struct

VERSION = 1
LONGEST = 1 << 24

DESCRIBE, MEMORY, READY = 1, 2, 3
COMPUTE, COMPUTED, CANCEL, DROPPED = 10, 11, 12, 13
APPLY, APPLIED = 20, 21
HOOK, HOOKED = 30, 31
END, FAILED = 50, 60

HEADER = struct.Struct("<II")
MEMORY_BODY = struct.Struct("<QQQQ")
COMPUTE_BODY = struct.Struct("<qqQIIII")
COMPUTED_BODY = struct.Struct("<dq")
APPLY_BODY = struct.Struct("<qdqII")
APPLIED_BODY = struct.Struct("<d")
HOOK_BODY = struct.Struct("<qII")

STATE_WRITTEN = 1
UNCOUNTED = 2
RANK_0 = 4


class Worker:
    """The connection to the worker. Its end is the end of this process: nobody else has a use for what it computes."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)

    def send(self, kind, body=b""):
        self.socket.sendall(HEADER.pack(len(body), kind) + body)

    def receive(self):
        """The next message, as kind and body; waits for it."""
        length, kind = HEADER.unpack(self._exactly(HEADER.size))
        if length > LONGEST:
            raise ConnectionError(f"the worker announced a message of {length} bytes")
        return kind, self._exactly(length)

    def receive_memory(self):
        """The shared memory, which comes with its message as an open file; and the places in it."""
        ancillary = socket.CMSG_SPACE(array.array("i", [0]).itemsize)
        data, control, _, _ = self.socket.recvmsg(HEADER.size + MEMORY_BODY.size, ancillary)
        while len(data) < HEADER.size + MEMORY_BODY.size:
            data += self._exactly(HEADER.size + MEMORY_BODY.size - len(data))
        length, kind = HEADER.unpack_from(data)
        if kind != MEMORY or length != MEMORY_BODY.size or not control:
            raise ConnectionError(f"the worker sent message {kind} where it should send the memory")
        descriptor = array.array("i", control[0][2])[0]
        total, gradient, indices, spare = MEMORY_BODY.unpack_from(data, HEADER.size)
        memory = mmap.mmap(descriptor, total)
        os.close(descriptor)
        return memory, gradient, indices

    def has_message(self):
        """Whether the worker has said something meanwhile: what it says while a shard is computed is that nobody wants it any more."""
        try:
            return len(self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)) == 1
        except BlockingIOError:
            return False

    def gone(self):
        os._exit(0)

    def _exactly(self, count):
        parts = bytearray()
        while len(parts) < count:
            part = self.socket.recv(count - len(parts))
            if not part:
                self.gone()
            parts += part
        return bytes(parts)


def describe(worker, **what):
    worker.send(DESCRIBE, json.dumps({"version": VERSION, **what}).encode())
