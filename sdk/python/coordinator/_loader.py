"""Shards with their samples, which processes beside this one load beforehand."""
import hashlib
import os
import sys

import torch
import torch.multiprocessing
from torch.utils.data import IterableDataset, default_collate

from ._errors import ProgramError
from ._job import seed

SAMPLE, BATCH = 1, 2


class Loader:
    """The loop over the shards, each with the batch of its samples."""

    def __init__(self, job, dataset, collate, workers):
        if isinstance(dataset, IterableDataset) or not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
            raise ProgramError(
                f"{type(dataset).__name__} is only iterated over: a shard names its samples by their numbers, so that each is used once whoever computes it; "
                "give a data set with __getitem__ and __len__")
        if len(dataset) != job.samples:
            raise ProgramError(f"the data set has {len(dataset)} samples, and coordinator.join was given samples={job.samples}")
        if isinstance(workers, bool) or not isinstance(workers, int) or not 0 <= workers <= 256:
            raise ProgramError(f"workers is {workers!r} and must be a number of processes, 0 to 256")
        self._job, self._work = job, _Work(dataset, collate or default_collate, int(os.environ.get("COORDINATOR_SEED", "1")))
        self._workers, self._pool, self._loading = workers, None, {}

    def __iter__(self):
        return self

    def __next__(self):
        try:
            shard = next(self._job)
        except StopIteration:
            self._end()
            raise
        batch = self._batch(shard) if self._workers else self._work(shard._first, shard.indices)
        # Loading has drawn from the generators that are the shard's.
        seed(shard._key)
        return shard, batch

    def _batch(self, shard):
        if self._pool is None:
            self._pool = _pool(self._workers, self._work)
        wanted = [(shard.step, shard.number, shard._first, shard.indices), *self._job._coming]
        now = {(step, number) for step, number, _, _ in wanted}
        for key in [key for key in self._loading if key not in now]:
            # It was guessed, and is not this rank's any more.
            self._loading.pop(key).cancel()
        for step, number, first, indices in wanted:
            if (step, number) not in self._loading:
                self._loading[(step, number)] = self._pool.submit(_load, first, indices)
        try:
            # The same shard may be asked for again, to be compared: it is loaded again then.
            return self._loading.pop((shard.step, shard.number)).result()
        except _broken() as gone:
            raise ProgramError(f"a process of the loader died while it loaded samples ({gone}); lack of memory ends processes so") from gone

    def _end(self):
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None


class _Work:
    """Makes the batch of a shard, the same in whichever process: one thread, and generators that are seeded for each sample."""

    def __init__(self, dataset, collate, job_seed):
        self.dataset, self.collate, self.seed = dataset, collate, job_seed

    def __call__(self, first, indices):
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            samples = []
            for position, index in enumerate(indices, first):
                seed(self._key(SAMPLE, position))
                samples.append(self.dataset[index])
            seed(self._key(BATCH, first))
            return self.collate(samples)
        finally:
            torch.set_num_threads(threads)

    def _key(self, purpose, position):
        return int.from_bytes(hashlib.sha256(b"%d %d %d" % (self.seed, purpose, position)).digest()[:8], "little")


def _pool(workers, work):
    from concurrent.futures import ProcessPoolExecutor
    return ProcessPoolExecutor(workers, torch.multiprocessing.get_context("fork"), _begin, (work,))


def _broken():
    from concurrent.futures.process import BrokenProcessPool
    return BrokenProcessPool


def _begin(work):
    """In a process of the loader: it has no business with the worker, whose connection it lets go of."""
    global _own
    from . import _launched
    if _launched.worker is not None:
        _launched.worker.socket.close()
        _launched.worker = None
    torch.set_num_threads(1)
    _own = work
    sys.stdout.flush()


def _load(first, indices):
    return _own(first, indices)
