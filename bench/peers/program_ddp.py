"""Runs a program's script under torch.distributed with gloo: the peer of a job with as many ranks.

program_ddp.py SCRIPT STEPS BATCH SHARDS RANKS [arguments]. Each rank accumulates its part of the shards without communication, and the last one
carries the all-reduce, as DistributedDataParallel is meant to be used. Prints seconds of the steps on rank 0, without start and warm-up.
"""
import os
import random
import runpy
import sys
import time
import types

script, steps, batch, shards, ranks = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
arguments = [script] + sys.argv[6:]
WARM_UP = 2


def run(rank, port):
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    sys.argv = arguments
    import torch
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel

    torch.set_num_threads(int(os.environ.get("COORDINATOR_THREADS", "1")))
    torch.set_num_interop_threads(1)
    torch.use_deterministic_algorithms(True)
    torch.manual_seed(1)
    dist.init_process_group("gloo", rank=rank, world_size=ranks)

    class Shard:
        def __init__(self, model, step, number, indices, is_last):
            self.model, self.step, self.number, self.indices, self.is_last = model, step, number, indices, is_last

        def backward(self, loss, targets=None):
            Shard.targets += targets or len(self.indices)
            loss.backward()

    def join(model, optimizer, *, samples, scheduler=None, state=None, after_step=None, clip=None):
        # Buffers of type bool, which gloo cannot send, are the same on all ranks anyway.
        DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, [name for name, _ in model.named_buffers()])
        wrapped = DistributedDataParallel(model, broadcast_buffers=False)
        # The script calls its own module; the wrapper's forward prepares the all-reduce, so its call is put in the module's place.
        inner = model.forward
        wrapped.module.forward = inner
        draw = random.Random(1)
        own = range(rank * shards // ranks, (rank + 1) * shards // ranks)
        for step in range(1 - WARM_UP, steps + 1):
            if step == 1:
                dist.barrier()
                began = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            Shard.targets = 0
            for number in range(shards):
                indices = [draw.randrange(samples) for _ in range(batch // shards)]
                if number not in own:
                    continue
                torch.manual_seed(step * shards + number + WARM_UP * shards)
                is_last = number == own[-1]
                wrapped.require_backward_grad_sync = is_last
                if is_last:
                    wrapped.reducer.prepare_for_forward()
                    wrapped.reducer.prepare_for_backward([])
                yield Shard(model, step, number, indices, is_last)
            total = torch.tensor([float(Shard.targets)])
            dist.all_reduce(total)
            for parameter in model.parameters():
                if parameter.grad is not None:
                    # DistributedDataParallel has averaged over the ranks; the step divides by all targets.
                    parameter.grad *= ranks / total.item()
            if clip:
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
            if after_step is not None:
                after_step(step)
        if rank == 0:
            print(f"{time.perf_counter() - began:.6f}", flush=True)
        dist.barrier()

    module = types.ModuleType("coordinator")
    module.join = join
    sys.modules["coordinator"] = module
    sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    import multiprocessing
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=run, args=(rank, port)) for rank in range(ranks)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    sys.exit(max(process.exitcode != 0 for process in processes))
