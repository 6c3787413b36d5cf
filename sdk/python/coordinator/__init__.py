"""Trains a PyTorch model under the coordinator: the same bits whatever fails (docs/programs.md).

    import coordinator
    job = coordinator.join(model, optimizer, samples=len(dataset))
    for shard in job:
        x, y = collate(dataset[i] for i in shard.indices)
        shard.backward(loss(model(x), y))

The package needs PyTorch and nothing else. What it raises is a `ProgramError` where the script does what the promise cannot hold with.
"""
from ._errors import ProgramError

__all__ = ["Job", "ProgramError", "Shard", "join"]
__version__ = "1.0"


def __getattr__(name):
    """PyTorch is imported with the first name that needs it, so that an interpreter without it is told in a line."""
    if name in ("Job", "Shard", "join"):
        from . import _job
        return getattr(_job, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
