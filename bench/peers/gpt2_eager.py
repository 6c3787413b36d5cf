"""GPT-2 124M (block 1024) in PyTorch, eager, float32 without TF32: tokens a second of whole training steps on one GPU.

The peer of `bench ilgpu --model gpt2`: the same shape, micro-batch, global batch, loss, clipping and optimizer. Prints one line.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.ln_1, self.ln_2 = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv, self.proj = nn.Linear(channels, 3 * channels), nn.Linear(channels, channels)
        self.expand, self.contract = nn.Linear(channels, 4 * channels), nn.Linear(4 * channels, channels)

    def forward(self, x):
        batch, tokens, channels = x.shape
        q, k, v = self.qkv(self.ln_1(x)).view(batch, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.proj(y.transpose(1, 2).reshape(batch, tokens, channels))
        return x + self.contract(F.gelu(self.expand(self.ln_2(x)), approximate="tanh"))


class Gpt2(nn.Module):
    def __init__(self, vocab=50257, block=1024, layers=12, heads=12, channels=768):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocab, channels), nn.Embedding(block, channels)
        self.blocks = nn.Sequential(*(Block(channels, heads) for _ in range(layers)))
        self.ln_f = nn.LayerNorm(channels)

    def forward(self, tokens, targets):
        x = self.wte(tokens) + self.wpe(torch.arange(tokens.shape[1], device=tokens.device))
        logits = self.ln_f(self.blocks(x)) @ self.wte.weight.T
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--micro-batch", type=int, default=8)
    options.add_argument("--batch", type=int, default=32)
    options.add_argument("--steps", type=int, default=12)
    args = options.parse_args()
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    model = Gpt2().cuda()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    rates = []
    for step in range(args.steps + 1):
        torch.cuda.synchronize()
        began = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        for _ in range(args.batch // args.micro_batch):
            window = torch.randint(50257, (args.micro_batch, 1025), device="cuda")
            (model(window[:, :-1], window[:, 1:]) / (args.batch * 1024)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        torch.cuda.synchronize()
        if step > 0:  # the first one allocates
            rates.append(args.batch * 1024 / (time.perf_counter() - began))
    print(f"PyTorch {torch.__version__} eager float32 on {torch.cuda.get_device_name()}: median {statistics.median(rates):.0f} tokens/s")


if __name__ == "__main__":
    main()
