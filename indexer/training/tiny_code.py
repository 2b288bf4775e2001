"""Train tiny-code on places in the standard library and what is said of them: python -m indexer.training.tiny_code.

A snippet has many true descriptions and a description many true snippets; whatever is true of a pair counts as such,
so no true description is pushed away. Same Python, same torch: same weights.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import tokenizers
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from tokenizers import decoders, models, pre_tokenizers, trainers
from torch.nn import functional

from indexer.foundation_models.tiny_code import FOLDER, SPECIAL, VOCABULARY, WEIGHTS
from indexer.foundation_models.tiny_code.network import Towers
from indexer.foundation_models.tiny_code.reading import Reader
from indexer.training.code_measures import told
from indexer.training.code_places import RARE, Places, common_words, draw, read_source, shares_of, sources, split_files
from indexer.training.code_wordings import HELD_OUT, WORDINGS
from indexer.training.elsewhere import elsewhere

TOKENS, SEED, EVERY = 2048, 20_261_122, 10
POOL, MEASURED = 200_000, 10_000
"""Places to learn from, and of held-out files."""
ABSENT = 0.25
"""Share of the facts that hold nowhere in a batch which are put into words all the same."""
BATCH, WORDS, JUNK, RATE, STEPS = 160, 24, 8, 3e-3, 2600
FORMS = ("{}", "{}", "{}", "{}", "a {}", "the {}", "{} in Python", "Python {}", "{} token", "token: {}", "code with {}")
WORD_FORMS = ("{}", "the word {}", "the word {}", "word {}", "'{}'")
SHARPEST = 30.0


def trained_tokenizer(texts: list[str]) -> tokenizers.Tokenizer:
    """Byte pairs of source and of descriptions; no byte is unknown to it."""
    library = tokenizers.Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=TOKENS,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    said = [f" {wording.lower()}" for wordings in WORDINGS.values() for wording in wordings]
    library.train_from_iterator([*texts, *said * 100], trainer)
    return library


class Sayings:
    """Draws what is said of a batch: its facts in one of their wordings, some words, and things that are not code."""

    def __init__(self, places: Places, words: dict[str, int], chance: np.random.Generator) -> None:
        self._places, self._words, self._chance = places, list(words), chance
        self._wordings = list(WORDINGS.values())
        self._rarity = -np.log(np.maximum(places.facts.mean(axis=0), RARE))
        taken = {each for wordings in WORDINGS.values() for each in wordings}
        self._bare = [word not in taken for word in self._words]

    def of(self, rows: NDArray[np.int64]) -> tuple[list[str], torch.Tensor, torch.Tensor]:
        """Texts, the first of which is empty; which of the others are true of which rows [rows, texts − 1]; their
        weights."""
        true = self._places.facts[rows]
        told = np.flatnonzero(true.any(axis=0) | (self._chance.random(true.shape[1]) < ABSENT))
        facts = [self._formed(self._wordings[number]) for number in told]
        spoken, held = self._spoken(self._places.words[rows])
        junk = [elsewhere(self._chance) for _ in range(JUNK)]
        truth = np.concatenate([true[:, told], held, np.zeros((len(rows), JUNK), dtype=bool)], axis=1)
        weights = np.full(truth.shape[1], np.median(self._rarity))
        weights[: len(told)] = self._rarity[told]
        return ["", *facts, *spoken, *junk], torch.from_numpy(truth), torch.from_numpy(weights).float()

    def _formed(self, wordings: tuple[str, ...]) -> str:
        wording = wordings[int(self._chance.integers(len(wordings)))]
        return FORMS[int(self._chance.integers(len(FORMS)))].format(wording)

    def _spoken(self, words: NDArray[np.int32]) -> tuple[list[str], NDArray[np.bool_]]:
        texts, columns = [], []
        for before in (False, True):
            here = words[:, int(before)]
            known = np.unique(here[here >= 0])
            for number in self._chance.permutation(known)[: WORDS // 4 if before else WORDS].tolist():
                form = WORD_FORMS[int(self._chance.integers(0 if self._bare[number] else 1, len(WORD_FORMS)))]
                texts.append(f"after the word {self._words[number]}" if before else form.format(self._words[number]))
                columns.append(here == number)
        return texts, np.stack(columns, axis=1) if columns else np.zeros((len(words), 0), dtype=bool)


def loss_of(aligned: torch.Tensor, truth: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Contrastive loss of scaled alignments [snippets, texts], both ways, over several true ones.

    A snippet's target gives each true text its weight [texts], the higher the rarer it is; a text's target is even.
    """
    target = truth * weights
    told = target.sum(1) > 0
    target = target[told] / target[told].sum(1, keepdim=True)
    of_snippets = -(target * aligned[told].log_softmax(1)).sum(1).mean()
    counts = truth.sum(0)
    of_texts = -(truth * aligned.log_softmax(0)).sum(0)[counts > 0] / counts[counts > 0]
    return of_snippets + of_texts.mean()


def said_by(towers: Towers, reader: Reader, texts: list[str]) -> torch.Tensor:
    """Unit rows of texts, which are run with others of like length."""
    order = np.argsort([len(text) for text in texts], kind="stable")
    parts = [towers.texts(reader.texts([texts[number] for number in part])) for part in np.array_split(order, 4)]
    return torch.cat(parts)[torch.from_numpy(np.argsort(order))]


def train(reader: Reader, places: Places, sayings: Sayings, steps: int) -> Towers:
    """AdamW with a warm-up and a cosine."""
    torch.manual_seed(SEED)
    chance = np.random.default_rng(SEED)
    towers = Towers(reader.size)
    for part in (towers.embedding, towers.slots, towers.places):
        torch.nn.init.normal_(part.weight, std=0.3)
    sharpness = torch.nn.Parameter(torch.tensor(math.log(10.0)))
    optimizer = torch.optim.AdamW([*towers.parameters(), sharpness], lr=RATE, betas=(0.9, 0.98), weight_decay=0.02)
    ids = torch.cat([reader.snippets(places.snippets[at : at + 4096]) for at in range(0, len(places.snippets), 4096)])
    ids, began, order = ids.to(torch.int16), time.monotonic(), np.empty(0, dtype=np.int64)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min((step + 1) / 100, 0.5 + 0.5 * math.cos(math.pi * step / steps))
        if len(order) < BATCH:
            order = chance.permutation(len(ids))
        rows, order = order[:BATCH], order[BATCH:]
        texts, truth, weights = sayings.of(rows)
        said = said_by(towers, reader, texts)
        probes = functional.normalize(said[1:] - said[:1], dim=-1)
        aligned = sharpness.exp() * towers.snippets(ids[rows].long()) @ probes.T
        loss = loss_of(aligned, truth.float(), weights)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(towers.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            sharpness.clamp_(max=math.log(SHARPEST))
        if step % 100 == 99:
            print(f"{step + 1:6} loss {loss.item():.3f} {time.monotonic() - began:.0f} s", flush=True)
    return towers.eval()


def main() -> None:
    """Train, measure on held-out files, and store."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--pool", type=int, default=POOL, help="places to learn from")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write (default: the package's own)")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    asked.out.mkdir(parents=True, exist_ok=True)
    to_learn, unseen = (sources(names) for names in split_files(EVERY))
    library = trained_tokenizer(to_learn)
    library.save(str(asked.out / VOCABULARY))
    reader, words = Reader(library), common_words(to_learn)
    numbers = {name: number for number, name in enumerate(WORDINGS)}
    learnt, held = (
        [read for text in texts if (read := read_source(text, numbers, library, words))] for texts in (to_learn, unseen)
    )
    chance = np.random.default_rng(SEED)
    places = draw(learnt, asked.pool, chance, shares_of(learnt, len(numbers)))
    print(f"{len(learnt)} files, {len(places.snippets):,} places, {len(words):,} words", flush=True)
    towers = train(reader, places, Sayings(places, words, chance), asked.steps)
    save_file({name: tensor.half() for name, tensor in towers.state_dict().items()}, asked.out / WEIGHTS)
    measured = draw(held, MEASURED, np.random.default_rng(0), None)
    for line in told(towers, reader, measured, WORDINGS, HELD_OUT):
        print(line, flush=True)


if __name__ == "__main__":
    main()
