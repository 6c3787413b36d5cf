"""Do bits survive a restarted process?

Every shard's gradient is hashed in a process that runs from step 1 to the last one, and again in processes that
begin at other steps from the state that the first one had there, with or without warm-up shards. Prints which
hashes differ. Usage: restart.py [cnn|transformer|scripted] [steps] [restart every]; see docs/evidence/programs.
"""
import hashlib
import io
import json
import os
import subprocess
import sys

SHARDS = 4


def build(kind):
    import torch
    from torch import nn
    import torch.nn.functional as F
    torch.manual_seed(1)

    class Cnn(nn.Module):
        def __init__(self):
            super().__init__()
            self.a = nn.Conv2d(1, 16, 3, padding=1)
            self.b = nn.Conv2d(16, 32, 3, padding=1)
            self.norm = nn.GroupNorm(4, 32)
            self.out = nn.Linear(32 * 7 * 7, 10)

        def forward(self, x):
            x = F.max_pool2d(F.relu(self.a(x)), 2)
            x = F.max_pool2d(F.relu(self.norm(self.b(x))), 2)
            return self.out(x.flatten(1))

    class Block(nn.Module):
        def __init__(self, width, heads):
            super().__init__()
            self.heads = heads
            self.n1, self.n2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
            self.drop = nn.Dropout(0.1)

        def forward(self, x):
            b, t, c = x.shape
            q, k, v = self.qkv(self.n1(x)).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
            mask = torch.ones(t, t, dtype=torch.bool).tril()
            a = (q @ k.transpose(-1, -2) / (c // self.heads) ** 0.5).masked_fill(~mask, float("-inf")).softmax(-1)
            x = x + self.drop(self.proj((a @ v).transpose(1, 2).reshape(b, t, c)))
            return x + self.drop(self.down(F.gelu(self.up(self.n2(x)))))

    class Transformer(nn.Module):
        def __init__(self):
            super().__init__()
            self.tok, self.pos = nn.Embedding(256, 128), nn.Parameter(torch.zeros(64, 128))
            self.blocks = nn.Sequential(*[Block(128, 4) for _ in range(2)])
            self.out = nn.Linear(128, 256)

        def forward(self, x):
            return self.out(self.blocks(self.tok(x) + self.pos))

    class Scripted(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(64, 256), nn.Linear(256, 256), nn.Linear(256, 10)

        def forward(self, x):
            y = torch.tanh(self.a(x)) * torch.sigmoid(self.a(x)) + 1.5
            y = torch.tanh(self.b(y) * 0.7 + y * y) / (1.0 + torch.exp(-y))
            return self.c(y)

    if kind == "cnn":
        model = Cnn()
        sample = lambda g: (torch.randn(8, 1, 28, 28, generator=g), torch.randint(10, (8,), generator=g))
    elif kind == "transformer":
        model = Transformer()
        sample = lambda g: (torch.randint(256, (4, 64), generator=g), torch.randint(256, (4, 64), generator=g))
    else:
        model = torch.jit.script(Scripted())
        sample = lambda g: (torch.randn(32, 64, generator=g), torch.randint(10, (32,), generator=g))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)

    def shard(step, number):
        import random
        key = int.from_bytes(hashlib.sha256(f"{step} {number}".encode()).digest()[:8], "little") >> 1
        torch.manual_seed(key)
        x, y = sample(torch.Generator().manual_seed(key + 1))
        optimizer.zero_grad(set_to_none=True)
        out = model(x)
        F.cross_entropy(out.flatten(0, -2), y.flatten(), reduction="sum").backward()
        grads = [p.grad.clone() for p in model.parameters()]
        digest = hashlib.sha256()
        for grad in grads:
            digest.update(grad.numpy().tobytes())
        return grads, digest.hexdigest()[:16]

    return model, optimizer, shard


def run(kind, first, last, warm, state, save_at):
    import torch
    if os.environ.get("THREADS"):
        torch.set_num_threads(int(os.environ["THREADS"]))
    torch.use_deterministic_algorithms(True)
    model, optimizer, shard = build(kind)
    if state:
        saved = torch.load(state)
        model.load_state_dict(saved[0])
        optimizer.load_state_dict(saved[1])
    for i in range(warm):
        shard(first, i % SHARDS)
    hashes = []
    for step in range(first, last + 1):
        total = None
        for number in range(SHARDS):
            grads, digest = shard(step, number)
            hashes.append(digest)
            total = grads if total is None else [a + b for a, b in zip(total, grads)]
        for p, g in zip(model.parameters(), total):
            p.grad = g / 100
        optimizer.step()
        if step in save_at:
            torch.save((model.state_dict(), optimizer.state_dict()), save_at[step])
    print(json.dumps(hashes))


def spawn(env, *arguments):
    done = subprocess.run([sys.executable, __file__, "--child", json.dumps(arguments)], capture_output=True, text=True,
                          env={**os.environ, **env})
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    kind, steps, every = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    import tempfile
    folder = tempfile.mkdtemp()
    saves = {s: f"{folder}/{s}" for s in range(every, steps, every)}
    base = spawn({}, kind, 1, steps, 0, None, saves)
    print(f"{kind}: undisturbed {steps} steps of {SHARDS} shards")
    for warm in (0, 1, 2, 3):
        bad = []
        for at, path in saves.items():
            until = min(at + every, steps)
            got = spawn({}, kind, at + 1, until, warm, path, {})
            want = base[at * SHARDS:until * SHARDS]
            bad += [(at + 1 + i // SHARDS, i % SHARDS) for i, (a, b) in enumerate(zip(got, want)) if a != b]
        print(f"  fresh processes every {every} steps, {warm} warm-up shards: {len(bad)} shards differ {bad[:6]}")
    fresh = {n: spawn({}, kind, 1, 2, n, None, {})[:SHARDS * 2] == base[:SHARDS * 2] for n in (1, 2, 3)}
    print(f"  warm-up against none at step 1: {fresh}")
    for name, env in [("ATEN_CPU_CAPABILITY=default", {"ATEN_CPU_CAPABILITY": "default"}), ("ATEN_CPU_CAPABILITY=avx2", {"ATEN_CPU_CAPABILITY": "avx2"}),
                      ("ATEN_CPU_CAPABILITY=avx512", {"ATEN_CPU_CAPABILITY": "avx512"}), ("1 thread", {"THREADS": "1"}), ("2 threads", {"THREADS": "2"}),
                      ("DNNL_MAX_CPU_ISA=SSE41", {"DNNL_MAX_CPU_ISA": "SSE41"}), ("DNNL_MAX_CPU_ISA=AVX2", {"DNNL_MAX_CPU_ISA": "AVX2"}),
                      ("OPENBLAS_CORETYPE=Haswell", {"OPENBLAS_CORETYPE": "Haswell"}), ("OPENBLAS_CORETYPE=Prescott", {"OPENBLAS_CORETYPE": "Prescott"})]:
        got = spawn(env, kind, 1, 2, 0, None, {})
        print(f"  {name}: {'equal' if got == base[:len(got)] else 'other bits'}, {got[0]}")


if __name__ == "__main__":
    if sys.argv[1] == "--child":
        arguments = json.loads(sys.argv[2])
        arguments[5] = {int(k): v for k, v in arguments[5].items()}
        run(*arguments)
    else:
        main()
