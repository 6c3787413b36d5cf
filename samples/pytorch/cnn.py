"""A convolutional network on pictures that it draws itself: coordinator train --program samples/pytorch/cnn.py"""
import torch
from torch import nn
import torch.nn.functional as F

import coordinator


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.norm, self.drop = nn.GroupNorm(4, 16), nn.Dropout(0.1)
        self.out = nn.Linear(16 * 4 * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.first(x)), 2)
        x = F.max_pool2d(F.relu(self.norm(self.second(x))), 2)
        return self.out(self.drop(x.flatten(1)))


# Ten patterns with noise, each sample keyed by its number: the same on every rank.
generator = torch.Generator().manual_seed(5)
patterns = torch.randn(10, 1, 16, 16, generator=generator)
labels = torch.randint(10, (2000,), generator=generator)
pictures = patterns[labels] + torch.randn(2000, 1, 16, 16, generator=generator)

model = Net()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 200)

job = coordinator.join(model, optimizer, samples=len(labels), scheduler=schedule, clip=1.0)
for shard in job:
    scores = model(pictures[shard.indices])
    shard.backward(F.cross_entropy(scores, labels[shard.indices], reduction="sum"))
