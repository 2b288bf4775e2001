"""Train the embedded text subject: python -m indexer.training.text_stdlib.

A tokenizer of byte pairs and a decoder, both on the source of Python's standard library; one token in fifty is masked
so that the model knows the mask. Same Python, same torch, same number of threads: same weights.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional

from indexer.corpora.stdlib import stdlib_files, stdlib_source
from indexer.errors import DatasetFault
from indexer.subjects.text_nets import BEGIN, MASK, SPECIAL, files_of
from indexer.subjects.text_nets.network import CONTEXT, Decoder

VOCABULARY = 4096
MASKED = 0.02
"""Share of the tokens that are masked in the input."""
STEPS, BATCH, RATE, WARMUP, SEED, THREADS = 6_000, 16, 3e-3, 200, 20_261_121, 2
HELD_OUT = 20
"""Every so many-th file measures, and is not trained on."""


def texts() -> list[str]:
    """Every module of the library that can be read."""
    found = []
    for name in stdlib_files():
        try:
            found.append(stdlib_source(name))
        except DatasetFault:
            continue
    return found


def trained_tokenizer(sources: list[str]) -> Tokenizer:
    """Byte pairs within words and runs of spaces; no byte is unknown to it."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(sources, trainer)
    return tokenizer


def stream(tokenizer: Tokenizer, sources: list[str]) -> NDArray[np.int64]:
    """All texts one after the other, each after the token that begins a text."""
    begin = SPECIAL.index(BEGIN)
    encoded = [each.ids for each in tokenizer.encode_batch(sources, add_special_tokens=False)]
    return np.concatenate([np.array([begin, *ids], dtype=np.int64) for ids in encoded])


def batch_of(tokens: NDArray[np.int64], chance: np.random.Generator, begin: int) -> torch.Tensor:
    """Windows [batch, context + 1] from anywhere, each begun as a text is."""
    starts = chance.integers(0, len(tokens) - CONTEXT, BATCH)
    windows = tokens[starts[:, None] + np.arange(CONTEXT)]
    return torch.from_numpy(np.concatenate([np.full((BATCH, 1), begin), windows], axis=1))


def train(tokenizer: Tokenizer, sources: list[str], steps: int) -> Decoder:
    """Adam with a warm-up and a cosine; prints the loss on held-out files."""
    begin, mask = (SPECIAL.index(each) for each in (BEGIN, MASK))
    learnt = stream(tokenizer, [text for number, text in enumerate(sources) if number % HELD_OUT])
    unseen = stream(tokenizer, sources[::HELD_OUT])
    print(f"{len(sources)} files, {len(learnt):,} tokens to learn, {len(unseen):,} held out", flush=True)
    torch.manual_seed(SEED)
    chance = np.random.default_rng(SEED)
    net = Decoder(tokenizer.get_vocab_size())
    for name, weights in net.named_parameters():
        if weights.ndim > 1:
            torch.nn.init.normal_(weights, std=0.02 if "embedding" in name else weights.shape[1] ** -0.5)
    optimizer = torch.optim.AdamW(net.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.05)
    began = time.monotonic()
    for step in range(steps):
        part = min((step + 1) / WARMUP, 0.5 + 0.5 * math.cos(math.pi * step / steps))
        for group in optimizer.param_groups:
            group["lr"] = RATE * part
        windows = batch_of(learnt, chance, begin)
        inputs = windows[:, :-1].clone()
        masked = torch.from_numpy(chance.random(inputs.shape) < MASKED)
        masked[:, 0] = False
        inputs[masked] = mask
        loss = functional.cross_entropy(net(inputs).flatten(0, 1), windows[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        if step % 250 == 249:
            told = measured(net, unseen, begin)
            print(f"{step + 1:6} {loss.item():.3f} held out {told:.3f} {time.monotonic() - began:.0f} s", flush=True)
    return net.eval()


@torch.no_grad()
def measured(net: Decoder, unseen: NDArray[np.int64], begin: int) -> float:
    """Nats per token on held-out files, on the same windows each time."""
    chance, losses = np.random.default_rng(0), []
    for _ in range(12):
        windows = batch_of(unseen, chance, begin)
        losses.append(functional.cross_entropy(net(windows[:, :-1]).flatten(0, 1), windows[:, 1:].flatten()).item())
    return float(np.mean(losses))


def main() -> None:
    """Train and store both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--out", type=Path, help="a folder; by default where the package keeps them")
    asked = parser.parse_args()
    torch.set_num_threads(THREADS)
    weights, vocabulary = files_of("stdlib", asked.out)
    weights.parent.mkdir(parents=True, exist_ok=True)
    sources = texts()
    tokenizer = trained_tokenizer(sources)
    tokenizer.save(str(vocabulary))
    net = train(tokenizer, sources, asked.steps)
    save_file({name: tensor.half() for name, tensor in net.state_dict().items()}, weights)


if __name__ == "__main__":
    main()
