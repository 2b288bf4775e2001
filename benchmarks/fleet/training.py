"""Train the nets of a fleet, or make those that are not trained."""

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file

from benchmarks.fleet.pictures import learned_from
from benchmarks.fleet.recipes import COMMITTED, SHUFFLED, UNTRAINED, Fleet, Member
from indexer.subjects.lesion_nets import weights_file
from indexer.subjects.lesion_nets.network import LesionNet
from indexer.training.pictures import Pictures, Progress, settle, tensor
from indexer.training.reliance import margins
from indexer.training.subjects import fit, save


def weights_of(fleet: Fleet, member: Member, folder: Path) -> Path:
    """Where a member's weights lie."""
    if fleet.name == COMMITTED:
        return weights_file(member.name)
    return folder / fleet.made_as / f"{member.name}.safetensors"


def trained(fleet: Fleet, member: Member, folder: Path) -> LesionNet:
    """The member's net in eval mode: read where it lies already, else made and kept."""
    file = weights_of(fleet, member, folder)
    if not file.is_file():
        net = _made(fleet, member, folder)
        unfinished = file.with_suffix(".unfinished")
        save(net, unfinished)
        unfinished.replace(file)
    net = LesionNet()
    net.load_state_dict(load_file(file))
    return net.eval()


def _made(fleet: Fleet, member: Member, folder: Path) -> LesionNet:
    progress = Progress(member.name)
    shown = learned_from(fleet, member, folder)
    progress.say(f"{len(shown.images)} pictures ready")
    if member.kind == UNTRAINED:
        settle(member.seed)
        return calibrated(LesionNet(), shown)
    if member.kind == SHUFFLED:
        net = trained(fleet, fleet.members[0], folder)
        return calibrated(shuffled(net, member.seed), shown)
    return fit(shown, member.recipe, member.seed, progress)


def shuffled(net: LesionNet, seed: int) -> LesionNet:
    """The same weights in every tensor, in random order; the fixed normalisation of the last block is alike anyhow."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for weight in net.parameters():
            order = torch.from_numpy(rng.permutation(weight.numel()))
            weight.copy_(weight.flatten()[order].view_as(weight))
    return net


def calibrated(net: LesionNet, shown: Pictures) -> LesionNet:
    """Normalised by the pictures, its threshold at the median margin: else it would decide one way only."""
    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    with torch.no_grad():
        net.train()
        net(tensor(shown.images))
        net.eval()
        net.head.bias[1] -= margins(net, shown).median()
    return net
