# A PyTorch script with DistributedDataParallel over gloo, as it would run under torchrun: it saves every tenth step and goes on from there. Of the
# coordinator it knows nothing but the line that tells its step.
import hashlib
import os
import time

folder, steps, rank = os.environ["GANG_FOLDER"], int(os.environ["GANG_STEPS"]), int(os.environ["RANK"])
generation = os.environ.get("COORDINATOR_GENERATION") or os.environ["TORCHELASTIC_RESTART_COUNT"]
record = open(os.path.join(folder, f"record-{rank}-{os.getpid()}"), "a")


def note(what=""):
    record.write(f"{generation} {time.clock_gettime(time.CLOCK_BOOTTIME):.3f} {what}".rstrip() + "\n")
    record.flush()


note()
import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

torch.set_num_threads(1)
dist.init_process_group("gloo")
torch.manual_seed(1)
model = torch.nn.Sequential(torch.nn.Linear(32, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
first, saved = 1, os.path.join(folder, "saved.pt")
if os.path.exists(saved):
    state = torch.load(saved)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    first = state["step"] + 1
trained = DistributedDataParallel(model)
for step in range(first, steps + 1):
    draw = torch.Generator().manual_seed(1000 * step + rank)
    x = torch.randn(16, 32, generator=draw)
    loss = (trained(x) - x.sum(1, keepdim=True)).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    note(step)
    if rank == 0:
        print(f"COORDINATOR_STEP={step}", flush=True)
        if step % 10 == 0 or step == steps:
            torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, saved + ".new")
            os.replace(saved + ".new", saved)
    time.sleep(0.05)
digest = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest()
with open(os.path.join(folder, f"result-{rank}.new"), "w") as result:
    result.write(digest + "\n")
os.replace(os.path.join(folder, f"result-{rank}.new"), os.path.join(folder, f"result-{rank}"))
dist.barrier()
