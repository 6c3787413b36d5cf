"""The whole state of a training run in one shared memory, entry by entry: parameters, buffers, optimizer, schedules.

An entry has a name, a dtype and a shape, equal on all ranks, and whether it is there yet: what is not there is not zeros.
"""
import collections
import copy
import struct

import torch

from ._errors import ProgramError

ALIGN = 64
DTYPES = {
    torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32",
    torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL",
}
OPTIMIZERS = ("SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSprop", "Rprop", "Adagrad", "Adadelta", "ASGD")
NUMBER = struct.Struct("<qq")
REAL = struct.Struct("<qd")
SMALL = 4096
ABSENT, WHOLE, FLOATING, TRUTH = 0, 1, 2, 3


class Entry:
    """One named piece of the state and its place."""

    def __init__(self, name, dtype, shape, model=False):
        self.name, self.dtype, self.shape, self.model = name, dtype, tuple(shape), model
        self.count = 1
        for axis in self.shape:
            self.count *= axis
        self.bytes = self.count * torch.empty(0, dtype=dtype).element_size()
        self.offset = None
        self.view = None
        self.trained = False

    def describe(self):
        return {
            "name": self.name, "dtype": DTYPES[self.dtype], "shape": list(self.shape), "offset": self.offset, "model": self.model, "trained": self.trained}


class State:
    """What of model, optimizer, scheduler and further objects is kept, in the order of the schema."""

    def __init__(self, model, optimizer, scheduler, others):
        self.model, self.optimizer = model, optimizer
        self.objects = {name: thing for name, thing in [("scheduler", scheduler), *others.items()] if thing is not None}
        self.parameters = dict(model.named_parameters())
        self.trained = self._trained()
        self.entries = []
        self.tensors = {}
        self.numbers = {}
        for name, parameter in self.parameters.items():
            self._tensor(name, parameter, model=True)
        for name, buffer in model.named_buffers():
            self._tensor(name, buffer, model=True)
        for name in self.trained:
            self.tensors[name].trained = True
        self._optimizer_entries()
        self._object_entries = {name: dict(_leaves(thing.state_dict())) for name, thing in self.objects.items()}
        for name, leaves in self._object_entries.items():
            for path, leaf in leaves.items():
                if isinstance(leaf, torch.Tensor):
                    self._tensor(f"{name}/{path}", leaf)
                elif _is_number(leaf) or leaf is None:
                    self._number(f"{name}/{path}")
        offset = 0
        for entry in self.entries:
            entry.offset = offset
            offset = -(-(offset + entry.bytes) // ALIGN) * ALIGN
            if entry.model:
                self.model_bytes = offset
        self.bytes = max(offset, ALIGN)

    def describe(self):
        return [entry.describe() for entry in self.entries]

    def place(self, memory):
        """Moves everything into the shared memory: parameters and buffers become views of it."""
        self.memory = memory
        for entry in self.entries:
            entry.view = torch.frombuffer(memory, dtype=entry.dtype, count=entry.count, offset=entry.offset).view(entry.shape) if entry.count else torch.empty(entry.shape, dtype=entry.dtype)
        with torch.no_grad():
            for name, tensor in list(self.parameters.items()) + list(self.model.named_buffers()):
                view = self.tensors[name].view
                view.copy_(tensor)
                tensor.data = view
        self.store()
        self.note_versions()

    def store(self):
        """After a step: what the optimizer and the schedules changed or made goes into the shared memory."""
        for name, parameter in self.trained.items():
            kept = self.optimizer.state.get(parameter, {})
            for key in self._keys[name]:
                self._store(f"optimizer/{name}/{key}", kept.get(key), kept, key)
        for index, group in enumerate(self.optimizer.param_groups):
            for key, path, value in _group_numbers(group):
                self._store_number(f"optimizer/group {index}/{path}", value)
        for name, thing in self.objects.items():
            now = dict(_leaves(thing.state_dict()))
            for path, first in self._object_entries[name].items():
                if f"{name}/{path}" in self.tensors or f"{name}/{path}" in self.numbers:
                    self._store(f"{name}/{path}", now.get(path), None, None)
                elif now.get(path) != first:
                    raise ProgramError(f"{name}: {path} changed from {first!r} to {now.get(path)!r}; only numbers and tensors can change with the steps")
            if unknown := [path for path in now if path not in self._object_entries[name]]:
                raise ProgramError(f"{name}: {unknown[0]} appeared with a step; what the state consists of must be there from the start")

    def load(self):
        """The worker has written the shared memory: optimizer and schedules take over what is there."""
        for name, parameter in self.trained.items():
            kept = {}
            for key in self._keys[name]:
                full = f"optimizer/{name}/{key}"
                if full in self.tensors:
                    if self._is_there(full):
                        kept[key] = self.tensors[full].view
                elif (value := self._number_at(full)) is not None:
                    kept[key] = value
            if kept:
                self.optimizer.state[parameter] = kept
            else:
                self.optimizer.state.pop(parameter, None)
        for index, group in enumerate(self.optimizer.param_groups):
            values = {path: self._number_at(f"optimizer/group {index}/{path}") for _, path, _ in _group_numbers(group)}
            for key, value in list(group.items()):
                if key != "params":
                    group[key] = _rebuilt(value, key, values)
        for name, thing in self.objects.items():
            values = {}
            for path in self._object_entries[name]:
                full = f"{name}/{path}"
                if full in self.tensors:
                    values[path] = self.tensors[full].view.clone()
                elif full in self.numbers:
                    values[path] = self._number_at(full)
            state = thing.state_dict()
            thing.load_state_dict({key: _rebuilt(value, str(key), values) for key, value in state.items()})
        self.note_versions()

    def set_buffers_aside(self):
        """Buffers become copies until they are put back: what changes them meanwhile changes nothing of the state."""
        self._aside = [(tensor, tensor.data) for _, tensor in self.model.named_buffers()]
        for tensor, view in self._aside:
            tensor.data = view.clone()

    def put_buffers_back(self):
        for tensor, view in self._aside:
            tensor.data = view
        self._aside = []

    def moved(self):
        """The first parameter or buffer that does not lie in the shared memory any more; None: all do."""
        for name, tensor in list(self.model.named_parameters()) + list(self.model.named_buffers()):
            if name not in self.tensors or tensor.data_ptr() != self.tensors[name].view.data_ptr():
                return name
        return None

    def note_versions(self):
        self._versions = {name: parameter._version for name, parameter in self.parameters.items()}
        self._buffer_versions = {name: buffer._version for name, buffer in self.model.named_buffers()}
        # Some operations change a buffer and do not count it: small ones are compared as they are.
        self._buffer_values = {name: buffer.clone() for name, buffer in self.model.named_buffers() if buffer.numel() <= SMALL}

    def check(self):
        """Nothing but a step may change the state."""
        now = dict(self.model.named_parameters())
        for name, parameter in self.parameters.items():
            if now.pop(name, None) is not parameter:
                raise ProgramError(f"parameter {name} was replaced or taken out: after coordinator.join the model may not be moved, cast or have its parameters replaced")
            if parameter.data_ptr() != self.tensors[name].view.data_ptr():
                raise ProgramError(f"parameter {name} lies elsewhere than before: after coordinator.join the model may not be moved, cast or have its parameters replaced")
            if parameter._version != self._versions[name]:
                raise ProgramError(f"parameter {name} was changed between the steps; change it in after_step=, which every rank runs after every step")
        if now:
            raise ProgramError(f"the parameter {next(iter(now))} appeared after coordinator.join; what the state consists of must be there from the start")
        for name, buffer in self.model.named_buffers():
            if name not in self.tensors:
                raise ProgramError(f"the buffer {name} appeared after coordinator.join; what the state consists of must be there from the start")
            if (buffer._version != self._buffer_versions.get(name) or buffer.data_ptr() != self.tensors[name].view.data_ptr()
                    or (name in self._buffer_values and not _same(buffer, self._buffer_values[name]))):
                raise ProgramError(
                    f"the forward pass changed the buffer {name}, so that what a shard computes would depend on the shards before it on its rank; "
                    "use layers without running statistics (GroupNorm or LayerNorm in place of BatchNorm), or put them in eval mode")

    def _trained(self):
        names = {id(parameter): name for name, parameter in self.parameters.items()}
        trained = {}
        for group in self.optimizer.param_groups:
            for parameter in group["params"]:
                if id(parameter) not in names:
                    raise ProgramError(f"the optimizer has a parameter of shape {tuple(parameter.shape)} that is none of the model's; give coordinator.join the module that holds all of them")
                if parameter.requires_grad:
                    trained[names[id(parameter)]] = parameter
        if not trained:
            raise ProgramError("no parameter of the optimizer requires a gradient; there is nothing to train")
        return {name: parameter for name, parameter in self.parameters.items() if name in trained}

    def _tensor(self, name, tensor, model=False):
        if tensor.dtype not in DTYPES:
            raise ProgramError(f"{name} has the type {tensor.dtype}, which no safetensors file holds")
        if tensor.layout != torch.strided:
            raise ProgramError(f"{name} is sparse; the state is of dense tensors")
        if not model:
            self._number(name)
        entry = Entry(name, tensor.dtype, tensor.shape, model)
        self.tensors[name] = entry
        self.entries.append(entry)

    def _number(self, name):
        entry = Entry(f"{name}#", torch.int64, (2,))
        self.numbers[name] = entry
        self.entries.append(entry)

    def _optimizer_entries(self):
        """What the optimizer keeps is seen by a step of a copy: many make it only then."""
        kind = type(self.optimizer)
        if kind.__module__.split(".")[0] != "torch" or kind.__name__ not in OPTIMIZERS:
            reason = "it needs a closure that computes the loss again" if kind.__name__ == "LBFGS" else "its gradients are sparse" if kind.__name__ == "SparseAdam" else "it is none of those that are tested"
            raise ProgramError(f"the optimizer {kind.__name__} cannot be used: {reason}; use one of {', '.join(OPTIMIZERS)}")
        trial = copy.deepcopy(self.optimizer)
        before = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]
        after = [parameter for group in trial.param_groups for parameter in group["params"]]
        twins = {id(old): new for old, new in zip(before, after)}
        for parameter in after:
            parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
        trial.step()
        self._keys = {}
        for name, parameter in self.trained.items():
            kept = trial.state.get(twins[id(parameter)], {})
            self._keys[name] = [key for key, value in kept.items() if value is not None]
            for key in self._keys[name]:
                if isinstance(kept[key], torch.Tensor):
                    self._tensor(f"optimizer/{name}/{key}", kept[key])
                elif _is_number(kept[key]):
                    self._number(f"optimizer/{name}/{key}")
                else:
                    raise ProgramError(f"the optimizer keeps {key} of type {type(kept[key]).__name__} for {name}; only tensors and numbers can be kept")
        for index, group in enumerate(self.optimizer.param_groups):
            for _, path, _ in _group_numbers(group):
                self._number(f"optimizer/group {index}/{path}")

    def _store(self, name, value, holder, key):
        if name not in self.tensors:
            self._store_number(name, value)
            return
        entry = self.tensors[name]
        if value is None:
            self._store_number(name, None)
            return
        if value.dtype != entry.dtype or tuple(value.shape) != entry.shape:
            raise ProgramError(f"{name} became {value.dtype} {tuple(value.shape)}, and was {entry.dtype} {entry.shape} in the schema")
        if value.data_ptr() != entry.view.data_ptr() or not entry.count:
            entry.view.copy_(value.detach())
            if holder is not None:
                holder[key] = entry.view
        self._store_number(name, True)

    def _store_number(self, name, value):
        at = self.numbers[name].offset
        if value is None:
            NUMBER.pack_into(self.memory, at, ABSENT, 0)
        elif isinstance(value, bool):
            NUMBER.pack_into(self.memory, at, TRUTH, value)
        elif isinstance(value, int):
            NUMBER.pack_into(self.memory, at, WHOLE, value)
        else:
            REAL.pack_into(self.memory, at, FLOATING, float(value))

    def _is_there(self, name):
        return NUMBER.unpack_from(self.memory, self.numbers[name].offset)[0] != ABSENT

    def _number_at(self, name):
        at = self.numbers[name].offset
        kind, whole = NUMBER.unpack_from(self.memory, at)
        return None if kind == ABSENT else bool(whole) if kind == TRUTH else whole if kind == WHOLE else REAL.unpack_from(self.memory, at)[1]


def _same(one, other):
    return one.numpy().tobytes() == other.numpy().tobytes() if one.device.type == "cpu" and one.dtype != torch.bfloat16 else torch.equal(one, other)


def _is_number(value):
    return isinstance(value, (bool, int, float))


def _group_numbers(group):
    """The numbers of a parameter group, which schedules change: key, path, value."""
    for key, value in group.items():
        if key == "params":
            continue
        for path, leaf in _leaves(value, key):
            if _is_number(leaf) or leaf is None:
                yield key, path, leaf


def _leaves(value, path=""):
    """Everything in nested dictionaries and lists that is none itself, by its path."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}.{index}" if path else str(index))
    else:
        yield path, value


def _rebuilt(value, path, values):
    if type(value) in (dict, collections.OrderedDict):
        return type(value)((key, _rebuilt(inner, f"{path}.{key}", values)) for key, inner in value.items())
    if isinstance(value, (list, tuple)):
        return type(value)(_rebuilt(inner, f"{path}.{index}", values) for index, inner in enumerate(value))
    return values[path] if path in values else value
