#!/usr/bin/env python3
"""A client of the program protocol in Python without PyTorch: linear regression, and on request one misdeed.

plain_program.py [misdeed [step [shard [file]]]]; the misdeed "hooks" is none: it wants to be called after every second step, and "waits" waits for the
file and says so
"""
import array
import json
import mmap
import os
import signal
import socket
import struct
import sys
import time

INPUTS = 8
COUNT = INPUTS + 1
MISDEED = sys.argv[1] if len(sys.argv) > 1 else "none"
AT = (int(sys.argv[2]) if len(sys.argv) > 2 else 1, int(sys.argv[3]) if len(sys.argv) > 3 else 0)
DESCRIBE, MEMORY, READY, COMPUTE, COMPUTED, CANCEL, APPLY, APPLIED, HOOK, HOOKED, END, FAILED = 1, 2, 3, 10, 11, 12, 20, 21, 30, 31, 50, 60

if MISDEED == "ends-before-joining":
    print("no licence was found", file=sys.stderr)
    sys.exit(3)

connection = socket.socket(socket.AF_UNIX)
connection.connect(os.environ["COORDINATOR_PROGRAM_SOCKET"])


def send(kind, body=b""):
    connection.sendall(struct.pack("<II", len(body), kind) + body)


def receive():
    length, kind = struct.unpack("<II", exactly(8))
    return kind, exactly(length)


def exactly(count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            sys.exit(0)
        data += part
    return data


def number(key):
    key = (key * 0x9E3779B97F4A7C15 + 0x1234567) % (1 << 64)
    key = ((key ^ (key >> 30)) * 0xBF58476D1CE4E5B9) % (1 << 64)
    return ((key ^ (key >> 31)) >> 40) / (1 << 23) - 1.0


def misbehave(when):
    if when == "kills-itself":
        os.kill(os.getpid(), signal.SIGKILL)
    elif when == "hangs":
        signal.pause()
    elif when == "waits":
        if not os.path.exists(sys.argv[4]):
            print(f"process {os.getpid()} waits", flush=True)
        while not os.path.exists(sys.argv[4]):
            time.sleep(0.02)
    elif when == "tells":
        def readable(path):
            try:
                with open(path, "rb") as file:
                    return len(file.read()) > 0
            except OSError:
                return False
        names = sorted(name for name in os.environ if name.startswith(("SECRET", "COORDINATOR_")))
        send(FAILED, json.dumps([os.getuid(), os.getgid(), names, [readable(path) for path in sys.argv[4:]], os.environ["HOME"]]).encode())
        sys.exit(1)
    elif when == "shrinks-its-memory":
        os.ftruncate(descriptor, 0)
    elif when == "answers-out-of-order":
        send(APPLIED, struct.pack("<d", 0))
    elif when == "sends-nonsense":
        send(77, b"what")
    elif when == "fails":
        send(FAILED, b"ValueError: the labels are of another task (train.py, line 12)")
        sys.exit(1)
    elif when == "counts-below-zero":
        send(COMPUTED, struct.pack("<dq", 0, -1))


tensors = [
    {"name": "weight", "dtype": "F32", "shape": [1, INPUTS], "offset": 0, "model": True},
    {"name": "bias", "dtype": "F32", "shape": [1], "offset": 4 * INPUTS, "model": True},
]
if MISDEED == "describes-too-much":
    tensors[1]["shape"] = [1 << 40]
send(DESCRIBE, json.dumps({
    "version": 2 if MISDEED == "speaks-another-version" else 1, "key": "wrong" if MISDEED == "has-no-key" else os.environ["COORDINATOR_PROGRAM_KEY"],
    "client": "plain", "device_class": os.environ.get("PLAIN_CLASS", "plain-1"), "samples": 64, "gradient_elements": COUNT, "state_bytes": 64,
    "model_bytes": 4 * COUNT, "tensors": tensors}).encode())
data, files, _, _ = socket.recv_fds(connection, 40, 1)
descriptor = files[0]
total, gradient, indices, _ = struct.unpack_from("<QQQQ", data, 8)
memory = mmap.mmap(descriptor, total)
weights = list(struct.unpack_from(f"<{COUNT}f", memory, 0))
print("joined", flush=True)
send(READY, struct.pack("<I", 0 if MISDEED == "hooks-after-nothing" else 2) if MISDEED.startswith("hook") else b"")
calls = 0
while True:
    kind, body = receive()
    if kind == COMPUTE:
        step, _, key, shard, flags, count, _ = struct.unpack("<qqQIIII", body)
        if (step, shard) == AT and not flags & 2:
            misbehave(MISDEED)
        weights = struct.unpack_from(f"<{COUNT}f", memory, 0)
        sums, loss = [0.0] * COUNT, 0.0
        for sample in array.array("q", memory[indices:indices + 8 * count]):
            x = [number(sample * INPUTS + i) for i in range(INPUTS)] + [1.0]
            error = sum(w * v for w, v in zip(weights, x)) - (sum(x) / 3)
            loss += error * error
            sums = [s + 2 * error * v for s, v in zip(sums, x)]
        calls += 1
        if MISDEED == "wavers" or (MISDEED == "wavers-once" and (step, shard) == AT and not flags & 2):
            sums[0] += calls
        struct.pack_into(f"<{COUNT}f", memory, gradient, *sums)
        send(COMPUTED, struct.pack("<dq", loss, count))
    elif kind == APPLY:
        step, squares, targets, flags, _ = struct.unpack("<qdqII", body)
        now, sums = struct.unpack_from(f"<{COUNT}f", memory, 0), struct.unpack_from(f"<{COUNT}f", memory, gradient)
        struct.pack_into(f"<{COUNT}f", memory, 0, *[w - 0.2 * s / max(targets, 1) for w, s in zip(now, sums)])
        if MISDEED == "leaves-infinity" and step == AT[0]:
            struct.pack_into("<f", memory, 0, float("inf"))
        send(APPLIED, struct.pack("<d", squares ** 0.5 / max(targets, 1)))
    elif kind == HOOK:
        step, flags, rank = struct.unpack("<qII", body)
        with open(os.environ["PLAIN_HOOKS"], "a") as done:
            done.write(f"hook {step} on rank {rank - 1}\n")
        if MISDEED == "hook-changes-state":
            struct.pack_into("<f", memory, 4 * INPUTS, 1234.5)
        send(HOOKED)
    elif kind == END:
        print("the job is done")
        break
