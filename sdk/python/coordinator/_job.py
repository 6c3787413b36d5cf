"""The loop over a job's shards, as a script sees it."""
import array
import hashlib
import math
import os
import platform
import random
import struct
import sys

import torch

from . import _launched, _wire
from ._errors import ProgramError
from ._state import State


def join(model, optimizer, *, samples, scheduler=None, state=None, after_step=None, clip=None):
    """Joins the job that started this process, and returns the loop over its shards.

    model       a torch.nn.Module whose parameters and buffers are all there; afterwards it may not be moved, cast or replaced.
    optimizer   one of torch.optim that is tested, over parameters of the model.
    samples     how many samples the data set has: a shard's indices are drawn from them, each once in an epoch.
    scheduler   a schedule of torch.optim.lr_scheduler; it takes a step after each of the optimizer's.
    state       a dict of further objects with state_dict and load_state_dict that belong to the state: a moving average, say.
    after_step  called with the step's number after each step, on every rank: it may change what `state` and the model hold.
    clip        largest norm of a step's gradient; a larger one is scaled down to it. None: no clipping.
    """
    worker = _launched.connect()
    if worker is None:
        raise ProgramError("this process was not started by a coordinator: start it with 'coordinator train --program " + os.path.basename(sys.argv[0]) + "'")
    if _launched.job is not None:
        raise ProgramError("this process has joined already: a program trains one model")
    if not isinstance(samples, int) or samples < 1:
        raise ProgramError(f"samples is {samples!r} and must be the number of samples of the data set, 1 or more; data sets that are only iterated over cannot be used, since a shard names its samples")
    _launched.job = Job(worker, State(model, optimizer, scheduler, state or {}), model, optimizer, scheduler, after_step, clip, samples)
    return _launched.job


class Shard:
    """One shard of a step: which samples, and where its gradient goes. What is computed for it depends on the state, its step and its number alone."""

    def __init__(self, job, step, number, indices, first, key):
        self._job, self.step, self.number, self.indices = job, step, number, indices
        self._first, self._key = first, key
        self._loss, self._targets, self._is_done = 0.0, 0, False

    def backward(self, loss, targets=None):
        """Adds the gradient of `loss`, the sum (not the mean) over the shard's samples. May be called for several parts of the shard.

        targets  what the step's mean is over where it is not samples: tokens, say. Once given, it is given at each call.
        """
        if not isinstance(loss, torch.Tensor) or loss.dim() != 0 or not loss.requires_grad:
            raise ProgramError("shard.backward takes a loss of one number that depends on the model's parameters")
        if _is_mean(loss):
            raise ProgramError("the loss is a mean over the shard; give the sum (reduction='sum'): the step divides by all of its targets")
        loss.backward()
        self._loss += float(loss.detach())
        self._targets += len(self.indices) if targets is None and not self._is_done else int(targets or 0)
        self._is_done = True

    def skip(self):
        """The shard counts as a gradient of zeros over no targets."""
        self._is_done = True


class Job:
    """The loop over the shards that this process is given: `for shard in job`. It ends when the job does.

    Between two shards the state may take steps, or be another rank's: whatever the script reads of the model is that of the shard at hand.

    step     the step that the model has behind it; 0: none.
    rank     this process's rank in the job's newest plan; None before there is one, as for the uncounted shards at the start.
    resumed  whether the job had steps behind it when this process took part first; None before it does.
    """

    def __init__(self, worker, state, model, optimizer, scheduler, after_step, clip, samples):
        self._worker, self._state = worker, state
        self._model, self._optimizer, self._scheduler, self._after_step, self._clip = model, optimizer, scheduler, after_step, clip
        self._shard, self._hooks, self._is_ready, self._coming = None, [], False, []
        self.step, self.rank, self.resumed, self.samples = 0, None, None, samples
        self.has_ended = False
        elements = sum(parameter.numel() for parameter in state.trained.values())
        _wire.describe(
            worker, key=os.environ.get("COORDINATOR_PROGRAM_KEY", ""), client=_client(), device_class=device_class(), samples=samples,
            gradient_elements=elements, state_bytes=state.bytes, model_bytes=state.model_bytes, tensors=state.describe())
        self._memory, gradient, self._indices = worker.receive_memory()
        flat = torch.frombuffer(self._memory, dtype=torch.float32, count=elements, offset=gradient)
        self._gradients, at = [], 0
        for name, parameter in state.trained.items():
            self._gradients.append((name, parameter, flat[at:at + parameter.numel()].view(parameter.shape)))
            at += parameter.numel()
        state.place(self._memory)

    def every(self, steps):
        """Has the function below called with the step's number after every so many steps, on rank 0: for evaluation, logging, saves of one's own.

        It is called once the step is recorded, with the state of that step, and the other ranks wait for it. It is called at least once for each
        of those steps that the final model has behind it, and once more where a rank 0 dies or steps are computed again. It may change nothing:
        random generators, buffers and the mode of the model are put back, and a changed state is a fault that names what was changed.
        """
        if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps < 1 << 32:
            raise ProgramError(f"every({steps!r}): a number of steps, 1 or more, is needed")
        if self._is_ready:
            raise ProgramError("every() comes before the loop over the shards: the worker is told at its start what is to be called")

        def register(function):
            self._hooks.append((steps, function))
            return function
        return register

    def loader(self, dataset, collate=None, workers=0):
        """The loop with each shard's samples: `for shard, batch in job.loader(dataset, collate, workers=4)`.

        dataset  has a length, the `samples` that were given to join, and gives a sample for its number.
        collate  makes a batch of a list of samples; by default torch's own. What it makes has to be what can be sent between processes.
        workers  processes that load the samples of this rank's coming shards beforehand; 0: this process loads them when they are due.

        Random numbers that a sample is made with are keyed by the sample's place in the job, and neither by rank nor by worker: the generators of
        Python, NumPy and torch are seeded before each sample is asked for, so a batch is the same whoever loads it, and when.
        """
        from ._loader import Loader
        return Loader(self, dataset, collate, workers)

    def __iter__(self):
        return self

    def __next__(self):
        if not self._is_ready:
            self._is_ready = True
            periods = sorted({steps for steps, _ in self._hooks})
            self._worker.send(_wire.READY, struct.pack(f"<{len(periods)}I", *periods))
        self._finish()
        while True:
            kind, body = self._worker.receive()
            if kind == _wire.COMPUTE:
                return self._begin(body)
            if kind == _wire.APPLY:
                self._apply(body)
            elif kind == _wire.HOOK:
                self._call_hooks(body)
            elif kind == _wire.CANCEL:
                # The shard was answered for already: the two crossed on their way.
                continue
            elif kind == _wire.END:
                self.has_ended = True
                raise StopIteration
            else:
                raise ProgramError(f"the worker sent message {kind}, which this version of the package does not know")

    def _begin(self, body):
        step, first, key, flags, number, count, rank = _unpack_compute(body)
        if flags & _wire.STATE_WRITTEN:
            self._state.load()
        self.step, self.rank = step - 1, rank
        if self.resumed is None and not flags & _wire.UNCOUNTED:
            self.resumed = step > 1
        indices = self._numbers(0, count)
        self._coming = self._read_coming(count)
        seed(key)
        for parameter in self._state.parameters.values():
            parameter.grad = None
        self._shard = Shard(self, step, number, indices, first, key)
        return self._shard

    def _numbers(self, at, count):
        numbers = array.array("q")
        numbers.frombytes(bytes(self._memory[self._indices + 8 * at:self._indices + 8 * (at + count)]))
        return list(numbers)

    def _read_coming(self, at):
        """Shards that this rank will probably be given next: step, number, first position, indices."""
        coming = []
        count, = self._numbers(at, 1)
        at += 1
        for _ in range(count):
            step, number, first, length = self._numbers(at, 4)
            coming.append((step, number, first, self._numbers(at + 4, length)))
            at += 4 + length
        return coming

    def _finish(self):
        """Hands over what the loop's body made of its shard."""
        shard, self._shard = self._shard, None
        if shard is None:
            return
        self._state.check()
        if self._worker.has_message():
            kind, _ = self._worker.receive()
            if kind != _wire.CANCEL:
                raise ProgramError(f"the worker sent message {kind} while it waits for a shard")
            self._worker.send(_wire.DROPPED)
            return
        if not shard._is_done:
            raise ProgramError(f"shard {shard.number} of step {shard.step} came to its end without shard.backward; a shard without a loss is skipped by shard.skip()")
        with torch.no_grad():
            for name, parameter, place in self._gradients:
                if parameter.grad is None:
                    place.zero_()
                elif parameter.grad.layout != torch.strided:
                    raise ProgramError(f"the gradient of {name} is sparse; make it dense (sparse=False)")
                else:
                    place.copy_(parameter.grad)
                parameter.grad = None
        self._worker.send(_wire.COMPUTED, _wire.COMPUTED_BODY.pack(shard._loss, shard._targets))

    def _apply(self, body):
        step, squares, targets, flags, rank = _wire.APPLY_BODY.unpack(body)
        if flags & _wire.STATE_WRITTEN:
            self._state.load()
        mean = 1.0 / targets if targets else 0.0
        norm = math.sqrt(squares) * mean
        scale = mean * (self._clip / norm if self._clip and norm > self._clip else 1.0)
        with torch.no_grad():
            for _, parameter, place in self._gradients:
                parameter.grad = (place * scale).to(parameter.dtype)
        torch.manual_seed(step)
        self._optimizer.step()
        if self._scheduler is not None:
            self._scheduler.step()
        for parameter in self._state.parameters.values():
            parameter.grad = None
        self.step, self.rank = step, _rank(rank)
        if self._after_step is not None:
            self._after_step(step)
        self._state.store()
        self._state.note_versions()
        self._worker.send(_wire.APPLIED, _wire.APPLIED_BODY.pack(norm))

    def _call_hooks(self, body):
        """The step is recorded. The worker looks for changes of the state; here everything else is put back."""
        step, flags, rank = _wire.HOOK_BODY.unpack(body)
        if flags & _wire.STATE_WRITTEN:
            self._state.load()
        self.step, self.rank = step, _rank(rank)
        self._state.set_buffers_aside()
        modes = [(module, module.training) for module in self._model.modules()]
        numbers = sys.modules.get("numpy")
        drawn = random.getstate(), torch.get_rng_state(), numbers.random.get_state() if numbers else None
        for steps, function in self._hooks:
            if step % steps == 0:
                function(step)
        random.setstate(drawn[0])
        torch.set_rng_state(drawn[1])
        if numbers and drawn[2] is not None:
            numbers.random.set_state(drawn[2])
        for module, mode in modes:
            module.training = mode
        for parameter in self._state.parameters.values():
            parameter.grad = None
        self._state.put_buffers_back()
        if moved := self._state.moved():
            raise ProgramError(f"what every() calls after step {step} replaced {moved}; it may change nothing of the state")
        self._worker.send(_wire.HOOKED)
        self._state.note_versions()


def seed(key):
    """Seeds the global generators of Python, NumPy and torch."""
    random.seed(key)
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed(key % (1 << 32))
    torch.manual_seed(key >> 1)


def device_class():
    """What decides the bits of this process beside the script: its libraries, threads, instructions and hardware, in words without spaces."""
    parts = [f"torch{torch.__version__}", f"python{platform.python_version()}"]
    if "numpy" in sys.modules:
        parts.append(f"numpy{sys.modules['numpy'].__version__}")
    configuration = torch.__config__.show()
    level = next((line.split(":", 1)[1] for line in configuration.splitlines() if "CPU capability usage" in line), "unknown")
    parts += [f"build{hashlib.sha256(configuration.encode()).hexdigest()[:8]}", f"level{level}", f"threads{torch.get_num_threads()}", *_blas()]
    if torch.cuda.is_initialized():
        properties = torch.cuda.get_device_properties(torch.cuda.current_device())
        parts += [f"gpu{properties.name}", f"sm{properties.major}{properties.minor}", f"units{properties.multi_processor_count}", f"cuda{torch.version.cuda}"]
    else:
        parts.append(f"cpu{_cpu()}")
    return "-".join("".join(c.lower() if c.isalnum() or c == "." else "_" for c in part.strip()) for part in parts)


def _blas():
    """The libraries for matrices that this process has loaded: the linker may have found others than on another machine."""
    found = set()
    try:
        with open("/proc/self/maps") as maps:
            for line in maps:
                name = os.path.basename(line.split()[-1]) if "/" in line else ""
                if ".so" in name and any(word in name for word in ("blas", "mkl", "dnnl", "lapack")):
                    found.add(os.path.basename(os.path.realpath(line.split()[-1])))
    except OSError:
        pass
    return sorted(found)


def _cpu():
    """The processor by its maker, family, model and name."""
    wanted = {}
    try:
        with open("/proc/cpuinfo") as facts:
            for line in facts:
                name, _, value = line.partition(":")
                if name.strip() in ("vendor_id", "cpu family", "model", "model name"):
                    wanted.setdefault(name.strip(), value.strip())
                if not line.strip() and wanted:
                    break
    except OSError:
        pass
    return "_".join(wanted.values()) or platform.machine()


def _client():
    from . import __version__
    return f"coordinator-python {__version__}"


def _unpack_compute(body):
    step, first, key, number, flags, count, rank = _wire.COMPUTE_BODY.unpack(body)
    return step, first, key, flags, number, count, _rank(rank)


def _rank(said):
    return said - 1 if said else None


def _is_mean(loss):
    """Whether the outermost operation is a mean, where the graph says so."""
    function = loss.grad_fn
    if function is None:
        return False
    return type(function).__name__.startswith("MeanBackward") or getattr(function, "_saved_reduction", None) == 1
