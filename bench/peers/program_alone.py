"""Runs a program's script without a coordinator: the same shards, accumulated, and the same optimizer steps.

program_alone.py SCRIPT STEPS BATCH SHARDS [arguments]. Prints seconds and processor seconds of the steps, without start and warm-up.
"""
import os
import random
import resource
import runpy
import sys
import time
import types

script, steps, batch, shards = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
sys.argv = [script] + sys.argv[5:]
import torch

torch.set_num_threads(int(os.environ.get("COORDINATOR_THREADS", "1")))
torch.set_num_interop_threads(1)
torch.use_deterministic_algorithms(True)
torch.manual_seed(1)
WARM_UP = 2


class Shard:
    def __init__(self, step, number, indices):
        self.step, self.number, self.indices = step, number, indices

    def backward(self, loss, targets=None):
        loss.backward()
        Shard.targets += targets or len(self.indices)


def join(model, optimizer, *, samples, scheduler=None, state=None, after_step=None, clip=None):
    draw = random.Random(1)
    for step in range(1 - WARM_UP, steps + 1):
        if step == 1:
            began, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
        optimizer.zero_grad(set_to_none=True)
        Shard.targets = 0
        for number in range(shards):
            count = batch // shards
            torch.manual_seed(step * shards + number + WARM_UP * shards)
            yield Shard(step, number, [draw.randrange(samples) for _ in range(count)])
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.grad /= Shard.targets
        if clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        if scheduler is not None:
            scheduler.step()
        if after_step is not None:
            after_step(step)
    now = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{time.perf_counter() - began:.6f} {now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime:.6f}")


module = types.ModuleType("coordinator")
module.join = join
sys.modules["coordinator"] = module
sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
runpy.run_path(script, run_name="__main__")
