"""The package alone: a worker of the test's own at the other end of the connection. Run with: python3 -m unittest discover -s tests"""
import array
import copy
import mmap
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

import torch
from torch import nn
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import json

import coordinator
from coordinator import _launched, _wire

STEPS, SHARDS, COUNT = 3, 2, 4


class Connection(_wire.Worker):
    def __init__(self, end):
        self.socket = end

    def gone(self):
        raise ConnectionError("the other end is closed")


class FakeWorker(threading.Thread):
    """Orders shards and steps, and keeps what came of them."""

    def __init__(self, steps=STEPS, state=None, cancel=None, done=0, rank=None, coming=True):
        super().__init__(daemon=True)
        ours, theirs = socket.socketpair()
        self.end, self.steps, self.state, self.cancel, self.done = Connection(ours), steps, state, cancel, done
        _launched.worker, _launched.job = Connection(theirs), None
        self.rank, self.is_coming_told = rank, coming
        self.hooked = []
        self.gradients, self.states, self.norms, self.dropped, self.error = [], [], [], [], None

    def run(self):
        try:
            self.talk()
        except BaseException as error:
            self.error = error
        finally:
            self.end.socket.close()

    def talk(self):
        kind, body = self.end.receive()
        self.described = json.loads(body)
        up = lambda n: -(-n // 4096) * 4096
        self.gradient = up(self.described["state_bytes"])
        self.indices = self.gradient + up(4 * self.described["gradient_elements"])
        total = self.indices + 4096
        file = os.memfd_create("test")
        os.ftruncate(file, total)
        self.memory = mmap.mmap(file, total)
        socket.send_fds(self.end.socket, [_wire.HEADER.pack(32, _wire.MEMORY) + _wire.MEMORY_BODY.pack(total, self.gradient, self.indices, 0)], [file])
        os.close(file)
        kind, body = self.end.receive()
        assert kind == _wire.READY
        periods = array.array("I", body)
        place = 0 if self.rank is None else self.rank + 1
        self.first = self.memory[:self.described["state_bytes"]]
        flags = 0
        if self.state is not None:
            self.memory[:len(self.state)] = self.state
            flags = _wire.STATE_WRITTEN
        for step in range(self.done + 1, self.steps + 1):
            total = torch.zeros(self.described["gradient_elements"])
            targets = 0
            for shard in range(SHARDS):
                self.tell_samples(step, shard)
                self.end.send(_wire.COMPUTE, _wire.COMPUTE_BODY.pack(step, place_of(step, shard), 2 * (1000 * step + shard), shard, flags, COUNT, place))
                if (step, shard) == self.cancel:
                    self.end.send(_wire.CANCEL)
                kind, body = self.end.receive()
                flags = 0
                if kind == _wire.DROPPED:
                    self.dropped.append((step, shard))
                    continue
                assert kind == _wire.COMPUTED, kind
                targets += _wire.COMPUTED_BODY.unpack(body)[1]
                now = self.memory[self.gradient:self.gradient + 4 * len(total)]
                self.gradients.append(now)
                total += torch.frombuffer(bytearray(now), dtype=torch.float32)
            self.memory[self.gradient:self.gradient + 4 * len(total)] = total.numpy().tobytes()
            self.end.send(_wire.APPLY, _wire.APPLY_BODY.pack(step, float(total.double().pow(2).sum()), targets, 0, place))
            kind, body = self.end.receive()
            assert kind == _wire.APPLIED, kind
            self.norms.append(_wire.APPLIED_BODY.unpack(body)[0])
            self.states.append(self.memory[:self.described["state_bytes"]])
            if self.rank == 0 and any(step % period == 0 for period in periods):
                self.end.send(_wire.HOOK, _wire.HOOK_BODY.pack(step, 0, place))
                assert self.end.receive()[0] == _wire.HOOKED
                self.hooked.append((step, self.memory[:self.described["state_bytes"]] == self.states[-1]))
        self.end.send(_wire.END)

    def tell_samples(self, step, shard):
        numbers = indices_of(step, shard)
        coming = [(s, n) for s in range(step, step + 3) for n in range(SHARDS) if (s, n) > (step, shard)][:4] if self.is_coming_told else []
        numbers.append(len(coming))
        for later, other in coming:
            numbers += [later, other, place_of(later, other), COUNT, *indices_of(later, other)]
        told = array.array("q", numbers).tobytes()
        self.memory[self.indices:self.indices + len(told)] = told


def place_of(step, shard):
    return step * 8 + shard * COUNT


def indices_of(step, shard):
    return [(place_of(step, shard) + i) % 32 for i in range(COUNT)]


DATA = torch.randn(32, 6, generator=torch.Generator().manual_seed(3))
LABELS = torch.arange(32) % 3


class Noisy(torch.utils.data.Dataset):
    """Samples with noise from the global generators, as augmentations draw it."""

    def __len__(self):
        return 32

    def __getitem__(self, index):
        return DATA[index], torch.rand(()) + random.random(), index


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3))


def train(worker, model, optimizer, body=None, **more):
    worker.start()
    job = coordinator.join(model, optimizer, samples=32, **more)
    for shard in job:
        (body or plain)(shard, model)
    worker.join(10)
    if worker.error:
        raise worker.error
    return worker


def plain(shard, model):
    shard.backward(F.cross_entropy(model(DATA[shard.indices]), LABELS[shard.indices], reduction="sum"))


class Training(unittest.TestCase):
    def test_a_newcomer_that_takes_the_state_of_another_goes_on_with_the_same_bits(self):
        for make in (
            lambda p: torch.optim.SGD(p, lr=0.1), lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True), lambda p: torch.optim.Adam(p, amsgrad=True),
            lambda p: torch.optim.AdamW(p), lambda p: torch.optim.Adamax(p), lambda p: torch.optim.NAdam(p), lambda p: torch.optim.RAdam(p),
            lambda p: torch.optim.RMSprop(p, momentum=0.5, centered=True), lambda p: torch.optim.Rprop(p), lambda p: torch.optim.Adagrad(p),
            lambda p: torch.optim.Adadelta(p), lambda p: torch.optim.ASGD(p),
        ):
            model = network()
            optimizer = make(model.parameters())
            with self.subTest(type(optimizer).__name__):
                whole = train(FakeWorker(4), model, optimizer)
                model = network()
                half = train(FakeWorker(2), model, make(model.parameters()))
                model = network()
                rest = train(FakeWorker(4, half.states[1], done=2), model, make(model.parameters()))
                self.assertEqual(half.states, whole.states[:2])
                self.assertEqual(rest.states, whole.states[2:])
                self.assertEqual(rest.gradients, whole.gradients[4:])

    def test_schedules_and_moving_averages_are_part_of_the_state(self):
        def setup():
            model = network()
            mean = copy.deepcopy(model)
            optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
            schedule = torch.optim.lr_scheduler.SequentialLR(
                optimizer, [torch.optim.lr_scheduler.LinearLR(optimizer), torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 10)], milestones=[2])

            def average(step):
                with torch.no_grad():
                    for kept, now in zip(mean.parameters(), model.parameters()):
                        kept.mul_(0.5).add_(now, alpha=0.5)
            return model, optimizer, dict(scheduler=schedule, state={"mean": mean}, after_step=average)
        model, optimizer, more = setup()
        whole = train(FakeWorker(4), model, optimizer, **more)
        model, optimizer, more = setup()
        half = train(FakeWorker(2), model, optimizer, **more)
        model, optimizer, more = setup()
        rest = train(FakeWorker(4, half.states[1], done=2), model, optimizer, **more)
        self.assertEqual(rest.states, whole.states[2:])

    def test_the_step_is_the_one_that_the_optimizer_takes_alone(self):
        model = network()
        worker = train(FakeWorker(1), model, torch.optim.SGD(model.parameters(), lr=0.1), clip=0.01)
        alone = network()
        optimizer = torch.optim.SGD(alone.parameters(), lr=0.1)
        total = torch.zeros(sum(p.numel() for p in alone.parameters()))
        for gradient in worker.gradients:
            total += torch.frombuffer(bytearray(gradient), dtype=torch.float32)
        norm = float(total.double().pow(2).sum().sqrt()) / 8
        at = 0
        for parameter in alone.parameters():
            parameter.grad = (total[at:at + parameter.numel()] * (0.01 / norm / 8)).view(parameter.shape)
            at += parameter.numel()
        optimizer.step()
        self.assertAlmostEqual(worker.norms[0], norm)
        for ours, theirs in zip(model.parameters(), alone.parameters()):
            self.assertTrue(torch.allclose(ours, theirs, atol=1e-7))

    def test_tied_frozen_and_unused_weights_and_groups_and_bfloat16(self):
        class Tied(nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = nn.Linear(6, 6), nn.Linear(6, 6)
                self.b.weight = self.a.weight
                self.frozen, self.unused = nn.Linear(6, 6), nn.Parameter(torch.ones(3))
                self.frozen.requires_grad_(False)
                self.short = nn.Parameter(torch.full((6,), 0.5, dtype=torch.bfloat16))

            def forward(self, x):
                return self.frozen(self.b(self.a(x))) * self.short.float()
        torch.manual_seed(1)
        model = Tied()
        optimizer = torch.optim.SGD([{"params": [model.a.weight, model.a.bias]}, {"params": [model.b.bias, model.unused, model.short], "lr": 0.01}], lr=0.1)
        frozen = model.frozen.weight.clone()
        worker = train(FakeWorker(), model, optimizer, lambda shard, m: shard.backward(m(DATA[shard.indices]).pow(2).sum()))
        names = [entry["name"] for entry in worker.described["tensors"] if entry["trained"]]
        self.assertEqual(sorted(names), ["a.bias", "a.weight", "b.bias", "short", "unused"])
        self.assertTrue(torch.equal(model.frozen.weight, frozen))
        self.assertTrue(torch.equal(model.unused, torch.ones(3)))
        self.assertEqual(model.short.dtype, torch.bfloat16)
        self.assertFalse(torch.equal(model.short, torch.full((6,), 0.5, dtype=torch.bfloat16)))

    def test_a_shard_that_is_not_wanted_is_dropped_silently(self):
        model = network()

        def wait(shard, m):
            while (shard.step, shard.number) == (2, 1) and not _launched.worker.has_message():
                pass
            plain(shard, m)
        worker = train(FakeWorker(cancel=(2, 1)), model, torch.optim.SGD(model.parameters(), lr=0.1), wait)
        self.assertEqual(worker.dropped, [(2, 1)])

    def test_hooks_run_on_rank_0_and_change_nothing(self):
        seen = []

        def with_hook(worker, model, hook):
            worker.start()
            job = coordinator.join(model, torch.optim.SGD(model.parameters(), lr=0.1), samples=32)
            job.every(2)(hook)
            for shard in job:
                plain(shard, model)
            worker.join(10)
            return job

        def evaluate(step):
            seen.append((step, model.training))
            model.eval()
            model.seen.add_(1)
            torch.rand(5)

        def counted():
            made = network()
            made.register_buffer("seen", torch.zeros(1))
            return made
        model = counted()
        plain_run = train(FakeWorker(4), model, torch.optim.SGD(model.parameters(), lr=0.1))
        model = counted()
        first = FakeWorker(4, rank=0)
        job = with_hook(first, model, evaluate)
        self.assertEqual(seen, [(2, True), (4, True)])
        self.assertEqual(first.hooked, [(2, True), (4, True)])
        self.assertEqual(first.states, plain_run.states)
        self.assertEqual((job.step, job.rank), (4, 0))
        with self.assertRaisesRegex(coordinator.ProgramError, "before the loop"):
            job.every(3)
        model = counted()
        with_hook(FakeWorker(4, rank=1), model, evaluate)
        self.assertEqual(len(seen), 2)

        def replace(step):
            model[0].weight = nn.Parameter(model[0].weight.detach() + 1)
        model = counted()
        with self.assertRaisesRegex(coordinator.ProgramError, "after step 2 replaced 0.weight"):
            with_hook(FakeWorker(4, rank=0), model, replace)

    def test_the_script_can_ask_for_step_rank_and_whether_the_job_had_begun_before(self):
        def asked(worker, model):
            worker.start()
            job, said = coordinator.join(model, torch.optim.SGD(model.parameters(), lr=0.1), samples=32), []
            said.append((job.step, job.rank, job.resumed))
            for shard in job:
                said.append((job.step, job.rank, job.resumed))
                plain(shard, model)
            worker.join(10)
            return said
        self.assertEqual(asked(FakeWorker(2, rank=3), network()), [(0, None, None), (0, 3, False), (0, 3, False), (1, 3, False), (1, 3, False)])
        half = train(FakeWorker(1), model := network(), torch.optim.SGD(model.parameters(), lr=0.1))
        self.assertEqual(asked(FakeWorker(2, half.states[0], done=1), network())[1:], [(1, None, True)] * 2)

    def test_a_loader_gives_the_same_batches_with_any_number_of_processes(self):
        def batches(workers, coming=True):
            model, seen = network(), []
            worker = FakeWorker(3, coming=coming)
            worker.start()
            job = coordinator.join(model, torch.optim.SGD(model.parameters(), lr=0.1), samples=32)
            for shard, (x, noise, index) in job.loader(Noisy(), workers=workers):
                seen.append((shard.step, shard.number, noise.tolist(), index.tolist(), torch.rand(1).item()))
                shard.backward(model(x).sum())
            worker.join(10)
            if worker.error:
                raise worker.error
            return seen, worker.states
        alone, states = batches(0)
        self.assertEqual([index for _, _, _, index, _ in alone], [indices_of(step, shard) for step in (1, 2, 3) for shard in range(SHARDS)])
        self.assertEqual(len({noise for _, _, noises, _, _ in alone for noise in noises}), 3 * SHARDS * COUNT)
        self.assertEqual(batches(2), (alone, states))
        self.assertEqual(batches(1, coming=False), (alone, states))

    def test_what_fails_in_a_process_of_the_loader_fails_here(self):
        def load(dataset):
            model = network()
            FakeWorker(2).start()
            job = coordinator.join(model, torch.optim.SGD(model.parameters(), lr=0.1), samples=32)
            for _, _ in job.loader(dataset, workers=1):
                pass

        class Bad(Noisy):
            def __getitem__(self, index):
                raise KeyError("no such picture")

        class Dying(Noisy):
            def __getitem__(self, index):
                os.kill(os.getpid(), 9)
        with self.assertRaisesRegex(KeyError, "no such picture"):
            load(Bad())
        with self.assertRaisesRegex(coordinator.ProgramError, "a process of the loader died"):
            load(Dying())

    def test_a_skipped_shard_is_zeros_over_no_targets(self):
        model = network()
        before = [parameter.clone() for parameter in model.parameters()]
        worker = train(FakeWorker(), model, torch.optim.SGD(model.parameters(), lr=0.1), lambda shard, m: shard.skip())
        self.assertEqual(set(worker.gradients), {bytes(len(worker.gradients[0]))})
        self.assertTrue(all(torch.equal(a, b) for a, b in zip(before, model.parameters())))

    def test_dropout_is_keyed_by_the_shard(self):
        model = network()
        masks = {}

        def note(shard, m):
            masks.setdefault(shard.number, []).append(torch.rand(3).tolist())
            plain(shard, m)
        train(FakeWorker(1), model, torch.optim.SGD(model.parameters(), lr=0.1), note)
        first = dict(masks)
        masks.clear()
        model = network()
        train(FakeWorker(1), model, torch.optim.SGD(model.parameters(), lr=0.1), note)
        self.assertEqual(first, masks)
        self.assertNotEqual(masks[0], masks[1])


class Interpreters(unittest.TestCase):
    def test_one_without_pytorch_is_told_in_a_line_and_what_would_do_instead(self):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
        code = "import sys; sys.modules['torch'] = None; from coordinator import run; run.prepare(1)"
        done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
        last = done.stderr.strip().splitlines()[-1]
        self.assertIn("has no PyTorch", last)
        self.assertIn("name another interpreter with --python", last)


class Scripts(unittest.TestCase):
    """Scripts as the launcher runs them: what the worker is told of their end."""

    def failure(self, text):
        root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
            script = os.path.join(folder, "train.py")
            with open(script, "w") as file:
                file.write(text)
            listener.bind(os.path.join(folder, "worker"))
            listener.listen(1)
            listener.settimeout(60)
            environment = {**os.environ, "COORDINATOR_PROGRAM_SOCKET": os.path.join(folder, "worker"), "PYTHONPATH": root}
            with subprocess.Popen([sys.executable, "-W", "ignore", "-m", "coordinator.run", script], env=environment, stderr=subprocess.PIPE, text=True) as process:
                end, _ = listener.accept()
                with end:
                    kind, body = Connection(end).receive()
                    error = process.communicate(timeout=60)[1]
        self.assertEqual(kind, _wire.FAILED)
        return body.decode(), error, process.returncode

    def test_an_error_in_the_script_is_told_with_its_line_and_its_traceback_is_the_log(self):
        said, error, code = self.failure("import torch\n\ndef load(path):\n    return open(path)\n\nload('/no/such/data')\n")
        self.assertEqual(said, "FileNotFoundError: [Errno 2] No such file or directory: '/no/such/data' (train.py, line 4: return open(path))")
        self.assertIn("Traceback (most recent call last)", error)
        self.assertEqual(code, 1)

    def test_a_script_that_never_joins_is_told(self):
        said, _, _ = self.failure("print('done')\n")
        self.assertIn("the script ended without coordinator.join", said)


class Refusals(unittest.TestCase):
    def refused(self, words, model=None, optimizer=None, body=None, **more):
        model = model or network()
        optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.1)
        with self.assertRaises(coordinator.ProgramError) as caught:
            train(FakeWorker(), model, optimizer, body, **more)
        self.assertIn(words, str(caught.exception))

    def test_a_mean_loss(self):
        self.refused("the loss is a mean", body=lambda shard, m: shard.backward(F.cross_entropy(m(DATA[shard.indices]), LABELS[shard.indices])))
        self.refused("the loss is a mean", body=lambda shard, m: shard.backward(m(DATA[shard.indices]).mean()))

    def test_a_missing_backward(self):
        self.refused("came to its end without shard.backward", body=lambda shard, m: None)

    def test_running_statistics(self):
        self.refused("the forward pass changed the buffer 1.", nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3)))

    def test_running_statistics_that_no_counter_tells(self):
        class Silent(nn.Module):
            def __init__(self):
                super().__init__()
                self.out = nn.Linear(6, 3)
                self.register_buffer("mean", torch.zeros(3))
                self.register_buffer("variance", torch.ones(3))

            def forward(self, x):
                return F.batch_norm(self.out(x), self.mean, self.variance, training=True)
        self.refused("the forward pass changed the buffer mean", Silent())

    def test_optimizers_that_cannot_be_kept(self):
        model = network()
        self.refused("LBFGS cannot be used: it needs a closure", model, torch.optim.LBFGS(model.parameters()))
        self.refused("SparseAdam cannot be used", model, torch.optim.SparseAdam(model.parameters()))

        class Mine(torch.optim.SGD):
            pass
        self.refused("Mine cannot be used: it is none of those that are tested", model, Mine(model.parameters(), lr=0.1))

    def test_sparse_gradients(self):
        model = nn.Sequential(nn.Embedding(32, 3, sparse=True))
        self.refused("the gradient of 0.weight is sparse", model, torch.optim.SGD(model.parameters(), lr=0.1),
                     lambda shard, m: shard.backward(m(torch.tensor(shard.indices)).sum()))

    def test_a_parameter_that_is_none_of_the_models(self):
        self.refused("none of the model's", optimizer=torch.optim.SGD([nn.Parameter(torch.ones(3))], lr=0.1))

    def test_data_sets_that_are_only_iterated_over(self):
        model = network()
        FakeWorker()
        with self.assertRaisesRegex(coordinator.ProgramError, "only iterated over"):
            coordinator.join(model, torch.optim.SGD(model.parameters(), lr=0.1), samples=None)

    def test_loaders_of_data_sets_that_are_only_iterated_over_or_are_of_another_length(self):
        class Stream(torch.utils.data.IterableDataset):
            def __iter__(self):
                return iter(DATA)
        for dataset, words in ((Stream(), "Stream is only iterated over"), (list(range(7)), "the data set has 7 samples, and coordinator.join was given samples=32")):
            model = network()
            FakeWorker().start()
            job = coordinator.join(model, torch.optim.SGD(model.parameters(), lr=0.1), samples=32)
            with self.assertRaisesRegex(coordinator.ProgramError, words):
                job.loader(dataset)

    def test_weights_that_change_between_steps(self):
        def change(shard, m):
            plain(shard, m)
            with torch.no_grad():
                m[0].weight.clamp_(-1, 1)
        self.refused("parameter 0.weight was changed between the steps", body=change)

    def test_a_layout_that_changes(self):
        def replace(shard, m):
            plain(shard, m)
            m[0].weight = nn.Parameter(m[0].weight.detach().clone())
        self.refused("parameter 0.weight was replaced", body=replace)

        def add(shard, m):
            plain(shard, m)
            m[0].more = nn.Parameter(torch.ones(3))
        self.refused("the parameter 0.more appeared after coordinator.join", body=add)

        def add_buffer(shard, m):
            plain(shard, m)
            m[0].register_buffer("seen", torch.ones(3))
        self.refused("the buffer 0.seen appeared after coordinator.join", body=add_buffer)

        class Growing(dict):
            def state_dict(self):
                return dict(self)
        kept = Growing(mean=torch.zeros(2))
        self.refused("kept/mean became torch.float32 (3,), and was torch.float32 (2,) in the schema", state={"kept": kept},
                     after_step=lambda step: kept.update(mean=torch.zeros(3)))

    def test_weights_that_move(self):
        def move(shard, m):
            plain(shard, m)
            m[0].weight.data = m[0].weight.data.clone()
        self.refused("parameter 0.weight lies elsewhere", body=move)


if __name__ == "__main__":
    unittest.main()
