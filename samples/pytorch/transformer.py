"""A small transformer on the bytes of its own source: coordinator train --program samples/pytorch/transformer.py

Arguments (--program.arguments): --layers --heads --width --block.
"""
import argparse
import copy

import torch
from torch import nn
import torch.nn.functional as F

import coordinator

parser = argparse.ArgumentParser()
parser.add_argument("--layers", type=int, default=2)
parser.add_argument("--heads", type=int, default=4)
parser.add_argument("--width", type=int, default=64)
parser.add_argument("--block", type=int, default=32)
options = parser.parse_args()


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.drop = nn.Dropout(0.1)

    def forward(self, x, mask):
        b, t, c = x.shape
        q, k, v = self.qkv(self.before(x)).view(b, t, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-1, -2) / (c // self.heads) ** 0.5).masked_fill(mask, float("-inf")).softmax(-1)
        x = x + self.drop(self.proj((weights @ v).transpose(1, 2).reshape(b, t, c)))
        return x + self.drop(self.down(F.gelu(self.up(self.between(x)))))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.places = nn.Embedding(256, options.width), nn.Embedding(options.block, options.width)
        self.blocks = nn.ModuleList([Block(options.width, options.heads) for _ in range(options.layers)])
        self.norm = nn.LayerNorm(options.width)
        self.register_buffer("mask", torch.ones(options.block, options.block).tril() == 0)

    def forward(self, x):
        x = self.tokens(x) + self.places(torch.arange(x.shape[1]))
        for block in self.blocks:
            x = block(x, self.mask[:x.shape[1], :x.shape[1]])
        return self.norm(x) @ self.tokens.weight.t()


with open(__file__, "rb") as source:
    text = torch.tensor(list(source.read()))
windows = len(text) - options.block - 1

model = Transformer()
mean = copy.deepcopy(model)
decay = [parameter for parameter in model.parameters() if parameter.dim() > 1]
others = [parameter for parameter in model.parameters() if parameter.dim() <= 1]
optimizer = torch.optim.AdamW([{"params": decay, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], lr=1e-3)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=2e-3, total_steps=100_000)


@torch.no_grad()
def average(step):
    """A moving average of the weights: part of the state, so it survives whatever the weights do."""
    for kept, parameter in zip(mean.parameters(), model.parameters()):
        kept.mul_(0.99).add_(parameter, alpha=0.01)


job = coordinator.join(model, optimizer, samples=windows, scheduler=schedule, state={"mean": mean}, after_step=average)
for shard in job:
    rows = torch.stack([text[i:i + options.block + 1] for i in shard.indices])
    scores = model(rows[:, :-1])
    shard.backward(F.cross_entropy(scores.flatten(0, 1), rows[:, 1:].flatten(), reduction="sum"), targets=rows[:, 1:].numel())
