"""Train tiny-clip on rendered lesions and their captions: python -m indexer.training.tiny_clip."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import open_clip
import torch
from numpy.typing import NDArray
from open_clip.model import CLIP
from safetensors.torch import save_file
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from torch.nn import functional

from indexer.datasets.lesions import ARTEFACTS, CONCEPTS, TRAINING_SEEDS, Rate, World, caption, present
from indexer.datasets.lesions.world import Stream, generator
from indexer.foundation_models.tiny_clip import FOLDER
from indexer.foundation_models.tiny_clip import tokenizer as words
from indexer.training.elsewhere import elsewhere
from indexer.training.pictures import Pictures, Progress, batches, pictures, settle, turned

SEED = TRAINING_SEEDS[0]
VOCABULARY = 600
CAPTIONS = 8
"""Different captions of each picture."""
UNKNOWN = 0.15
"""Share of captions that talk of other things, so that words of no meaning here come to lie near no concept."""
BATCH = 256
EMBEDDING = 128
LEAD = 4.0
"""Weight of a linear head that reads every concept off the image vector during training: it leads the image tower to
what captions talk of, far sooner than captions alone, and is dropped afterwards."""
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
WEIGHTS, CONFIG = "open_clip_model.safetensors", "open_clip_config.json"


def training_world() -> World:
    """The world that tiny-clip learns from: each artefact on three pictures in ten, whatever the lesion."""
    return World(seed=SEED, artefact_rates=dict.fromkeys(ARTEFACTS, Rate(0.3, 0.3)), photos=1)


def config(vocabulary: int) -> dict[str, dict[str, object]]:
    """open_clip's description of the model and of its preprocessing."""
    vision: dict[str, object] = {"image_size": 64, "layers": [1, 1, 1, 1], "width": 16}
    text: dict[str, object] = {"context_length": words.CONTEXT_LENGTH, "vocab_size": vocabulary}
    text |= {"width": 128, "heads": 4, "layers": 2, "hf_tokenizer_name": "tiny-clip"}
    preprocess: dict[str, object] = {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "shortest"}
    return {"model_cfg": {"embed_dim": EMBEDDING, "vision_cfg": vision, "text_cfg": text}, "preprocess_cfg": preprocess}


def train_tokenizer(texts: list[str], file: Path) -> None:
    """Learn words and pieces of words from captions; any text can be written with the pieces."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"[^\p{L}\p{N}]+"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 1,
        special_tokens=[words.PAD, words.START],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens([words.END])
    ends = [(name, tokenizer.token_to_id(name)) for name in (words.START, words.END)]
    tokenizer.post_processor = processors.TemplateProcessing(f"{words.START} $A {words.END}", special_tokens=ends)
    tokenizer.save(str(file))
    described = {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": words.CONTEXT_LENGTH}
    described |= {"pad_token": words.PAD, "bos_token": words.START, "eos_token": words.END}
    _write_json(file.with_name("tokenizer_config.json"), described)


def captions(shown: Pictures) -> list[list[str]]:
    """CAPTIONS sentences of each picture."""
    result = []
    for lesion in shown.lesions:
        rng = generator(lesion.seed, Stream.CAPTION, lesion.number)
        result.append([caption(lesion, rng) for _ in range(CAPTIONS)])
    return result


def train(count: int, epochs: int, folder: Path = FOLDER) -> CLIP:
    """Write tokenizer and config to the folder and train the model."""
    progress = Progress("tiny-clip")
    rng = settle(SEED)
    shown = pictures(training_world(), count)
    texts = captions(shown)
    progress.say(f"{count} pictures and {count * CAPTIONS} captions")
    train_tokenizer([text for row in texts[:8000] for text in row], folder / "tokenizer.json")
    tokens = tokenized([[elsewhere(rng) if rng.random() < UNKNOWN else text for text in row] for row in texts], folder)
    model = create(folder)
    head, truth = torch.nn.Linear(EMBEDDING, len(CONCEPTS)), _truth(shown)
    optimizer = _optimizer(model, head)
    steps = epochs * (count // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.08)
    for epoch in range(epochs):
        losses = []
        for batch in batches(count, BATCH, rng):
            chosen = torch.from_numpy(tokens[batch, rng.integers(CAPTIONS, size=len(batch))]).long()
            seen, contrast = _contrast(model, normalised(turned(shown.images[batch], rng)), chosen)
            loss = contrast + functional.binary_cross_entropy_with_logits(head(10 * seen), truth[batch]) * LEAD
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            with torch.no_grad():
                model.logit_scale.clamp_(0, np.log(50))
            losses.append((contrast.item(), loss.item()))
        scale = model.logit_scale.exp().item()
        progress.say(f"epoch {epoch + 1}/{epochs} losses {np.mean(losses, axis=0).round(4)} scale {scale:.1f}")
    return model.to(memory_format=torch.contiguous_format).eval()


def create(folder: Path) -> CLIP:
    """An untrained model of our config, which is written beside the tokenizer."""
    described = config(words.Tokenizer(folder / "tokenizer.json").vocab_size)
    _write_json(folder / CONFIG, described)
    return CLIP(**described["model_cfg"]).to(memory_format=torch.channels_last)


def tokenized(texts: list[list[str]], folder: Path) -> NDArray[np.int16]:
    """Token ids [pictures, CAPTIONS, context length]."""
    tokenizer = words.Tokenizer(folder / "tokenizer.json")
    flat = tokenizer([text for row in texts for text in row]).numpy().astype(np.int16)
    return flat.reshape(len(texts), CAPTIONS, -1)


def normalised(pixels: torch.Tensor) -> torch.Tensor:
    """Bytes [n, 3, height, width] as the image tower wants them."""
    mean, std = (torch.tensor(each).view(1, 3, 1, 1) for each in (MEAN, STD))
    return ((pixels.float() / 255 - mean) / std).contiguous(memory_format=torch.channels_last)


def text_features(model: CLIP, tokens: torch.Tensor) -> torch.Tensor:
    """`model.encode_text` trimmed to the longest text: the same vectors, sooner."""
    length = int((tokens != words.PAD_ID).sum(1).max())
    tokens = tokens[:, :length]
    hidden = model.token_embedding(tokens) + model.positional_embedding[:length]
    hidden = model.ln_final(model.transformer(hidden, attn_mask=model.attn_mask[:length, :length]))
    features: torch.Tensor = hidden[torch.arange(len(tokens)), tokens.argmax(1)] @ model.text_projection
    return features


def _write_json(file: Path, content: Mapping[str, object]) -> None:
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _contrast(model: CLIP, images: torch.Tensor, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Normalised image vectors and open_clip's loss; texts of like length are read together."""
    order = (tokens != words.PAD_ID).sum(1).argsort(stable=True)
    with torch.autocast("cpu", torch.bfloat16):
        seen = model.encode_image(images)
        read = torch.cat([text_features(model, part) for part in tokens[order].chunk(4)])
    seen, read = (functional.normalize(each.float(), dim=-1) for each in (seen, read))
    return seen, open_clip.ClipLoss()(seen[order], read, model.logit_scale.exp())


def _truth(shown: Pictures) -> torch.Tensor:
    """Which concepts hold, 0 or 1 [pictures, concepts]."""
    return torch.tensor([[float(name in seen) for name in CONCEPTS] for seen in map(present, shown.lesions)])


def _optimizer(model: CLIP, head: torch.nn.Module) -> torch.optim.Optimizer:
    parameters = [*model.parameters(), *head.parameters()]
    matrices = [each for each in parameters if each.ndim >= 2]
    others = [each for each in parameters if each.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.05}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=2e-3, betas=(0.9, 0.98), eps=1e-6)


def main() -> None:
    """Train tiny-clip and write its files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="training pictures (default: 20000)")
    parser.add_argument("--epochs", type=int, default=20, help="passes over them (default: 20)")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder to write (default: the package's own)")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    model = train(chosen.count, chosen.epochs, chosen.out)
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, chosen.out / WEIGHTS)
    (chosen.out / WEIGHTS).chmod(0o644)


if __name__ == "__main__":
    main()
