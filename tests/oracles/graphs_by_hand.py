"""Neuron to Graph as METHODS 3 writes it: one prompt at a time through the whole model, no batching, no tricks."""

import math

from indexer.graphs.settings import Example

WILDCARD, BEGINNING = -1, -2


class Plain:
    """The published steps for one neuron of a layer at a time."""

    def __init__(self, subject, layer, remeasured=False):
        self.subject, self.layer, self.remeasured, self.prompts = subject, layer, remeasured, 0
        self.module = subject.module.eval()

    def outputs(self, tokens):
        """(activations of the layer [tokens][units], logits [tokens][vocabulary]) of the text's own tokens."""
        import torch

        found = []
        hook = dict(self.module.named_modules())[self.layer].register_forward_hook(
            lambda _m, _i, out: found.append(out)
        )
        with torch.no_grad():
            logits = self.module(torch.tensor([self.subject.prompt(tokens)]))
        hook.remove()
        self.prompts += 1
        before = len(self.subject.tokenizer.prefix)
        return found[0][0, before : before + len(tokens)], logits[0]

    def activations(self, asked, tokens):
        return [asked.sign * float(value) for value in self.outputs(tokens)[0][:, asked.unit]]

    def prune(self, asked, example):
        """(tokens of the window, place of the pivot in it, a0)."""
        passage = self.activations(asked, example.tokens)
        whole, strongest = passage[example.pivot], [p for p, value in enumerate(passage) if value == max(passage)]
        for size in (5, 10, 15, 20, 25, 30):
            start = max(0, example.pivot + 1 - size)
            window = list(example.tokens[start : example.pivot + 1])
            values = self.activations(asked, window)
            if values[-1] >= 0.5 * whole and (values[-1] >= max(values) or example.pivot not in strongest):
                break
        return window, len(window) - 1, whole

    def tail(self, example):
        pieces, taken, place = self.subject.tokenizer.pieces, [], example.pivot
        while len(taken) < 5 and place + 1 < len(example.tokens):
            piece, following = pieces[example.tokens[place]], pieces[example.tokens[place + 1]]
            if b"\n" in piece or (piece[-1:] in (b".", b"!", b"?") and following[:1] in (b" ", b"\n", b"\t", b"\r")):
                break
            place += 1
            taken.append(example.tokens[place])
        return taken

    def importances(self, asked, tokens, base):
        """I[t][p] of every token; None where the neuron is silent."""
        table = []
        for t in range(len(tokens)):
            masked = [*tokens[:t], self.subject.tokenizer.mask, *tokens[t + 1 :]]
            values = self.activations(asked, masked)
            table.append([1 - values[p] / base[p] if base[p] > 0 else None for p in range(len(tokens))])
        return table

    def substitutes(self, tokens, place, count=5):
        """The likeliest other tokens, in the casing of the one there."""
        found = []
        for token in self.ranked(tokens, place)[: count + 64]:
            fitting = self.fitting(token, tokens[place])
            if fitting is not None and fitting != tokens[place] and fitting not in found:
                found.append(fitting)
            if len(found) == count:
                break
        return found

    def ranked(self, tokens, place):
        """The vocabulary by how likely it is there; nothing where there is nothing before it."""
        before = len(self.subject.tokenizer.prefix)
        if self.subject.causal and before + place == 0:
            return []
        if self.subject.causal:
            logits = self.outputs(tokens[:place])[1][before + place - 1]
        else:
            masked = [*tokens[:place], self.subject.tokenizer.mask, *tokens[place + 1 :]]
            logits = self.outputs(masked)[1][before + place]
        return sorted(range(len(logits)), key=lambda token: (-float(logits[token]), token))

    def fitting(self, token, old):
        pieces, special = self.subject.tokenizer.pieces, self.subject.tokenizer.special
        if token in special or not pieces[token] or _whole(pieces[token]) != _whole(pieces[old]):
            return None
        if not _whole(pieces[old]):
            return token
        cased = _cased(pieces[token].decode(), pieces[old].decode()).encode()
        return next((n for n, each in enumerate(pieces) if each == cased and n not in special), None)

    def observations(self, asked, example):
        """(tokens back from the activator, activation) of every firing token of the passage and its variants."""
        window, pivot, whole = self.prune(asked, example)
        tokens = window + self.tail(example)
        base = self.activations(asked, tokens)
        if whole <= 0.5 * asked.highest or base[pivot] <= 0:
            return []
        share = whole / base[pivot] / asked.highest
        table = self.importances(asked, tokens, base)
        begins = len(window) == example.pivot + 1 and len(tokens) < self.subject.room
        begin = self.of_beginning(asked, begins, tokens, base)
        found = self.walk(tokens, base, [*table, begin], share, range(len(tokens)))
        for t in range(len(tokens)):
            if table[t][pivot] < 0.8:
                continue
            for other in self.substitutes(tokens, t):
                changed = [*tokens[:t], other, *tokens[t + 1 :]]
                values = self.activations(asked, changed)
                if values[pivot] < 0.5 * base[pivot]:
                    continue  # negative: it fires no more
                if self.remeasured:
                    anew = self.importances(asked, changed, values)
                    anew.append(self.of_beginning(asked, begins, changed, values))
                    found += self.walk(changed, values, anew, share, range(len(tokens)))
                    continue
                places = [p for p in range(t, len(tokens)) if base[p] * share > 0.5]
                known = self.with_one_changed(asked, tokens, t, table, values)
                found += self.walk(changed, values, [*known, begin], share, places)
        return found

    def of_beginning(self, asked, begins, tokens, base):
        """Importances of nothing coming before, where that is so in the passage."""
        if not begins:
            return [0.0] * len(tokens)
        later = self.activations(asked, [self.subject.tokenizer.mask, *tokens])[1:]
        return [1 - later[p] / base[p] if base[p] > 0 else None for p in range(len(tokens))]

    def with_one_changed(self, asked, tokens, t, table, values):
        """Importances where the token at t is another: what masking that leaves is known already."""
        without = self.activations(asked, [*tokens[:t], self.subject.tokenizer.mask, *tokens[t + 1 :]])
        known = [list(row) for row in table]
        known[t] = [1 - without[p] / values[p] if values[p] > 0 else None for p in range(len(tokens))]
        return known

    def walk(self, tokens, values, table, share, places):
        found = []
        for p in places:
            if values[p] * share <= 0.5:
                continue
            path, last = [tokens[p]], 0
            for t in range(p - 1, -1, -1):
                if table[t][p] > 0.75:
                    path.append(tokens[t])
                    last = len(path)
                else:
                    path.append(WILDCARD)
            if table[len(tokens)][p] > 0.75:
                path.append(BEGINNING)
                last = len(path)
            found.append((tuple(path[: max(last, 1)]), min(1.0, values[p] * share)))
        return found

    def graph(self, asked):
        """Path → activations observed at its end, before wildcards absorb anything."""
        paths = {}
        for example in asked.build:
            for pivot in self.pivots(asked, example):
                for path, activation in self.observations(asked, Example(example.tokens, pivot)):
                    paths.setdefault(path, []).append(activation)
        return paths

    def pivots(self, asked, example, most=6):
        """The example's own, then other firing tokens, the strongest first."""
        values = self.activations(asked, example.tokens)
        firing = [place for place, value in enumerate(values) if value > 0.5 * asked.highest]
        others = sorted((place for place in firing if place != example.pivot), key=lambda p: (-values[p], p))
        return [*(place for place in firing if place == example.pivot), *others][:most]

    def tried(self, asked, means):
        """{path: mean} without those that are mostly silent where they decide, longest first, found anew each time."""
        texts = [(each.tokens, self.activations(asked, each.tokens)) for each in asked.build]
        order = sorted(means, key=lambda path: (-len(path), [step == WILDCARD for step in path]))
        kept = dict(means)
        for path in order:
            decided = [
                value / asked.highest
                for tokens, values in texts
                for place, value in enumerate(values)
                if decides(kept, tokens, place) == path
            ]
            if decided and sum(value >= 0.5 for value in decided) < 0.25 * len(decided):
                del kept[path]
            elif decided:
                means = {**means, path: max(0.5, math.fsum(decided) / len(decided))}
        return {path: means[path] for path in kept}

    def held_out(self, asked):
        """[(tokens, true share of the highest at each)]"""
        texts = [each.tokens for each in asked.held_out]
        return [(text, [value / asked.highest for value in self.activations(asked, text)]) for text in texts]

    def baseline(self, asked):
        best = {}
        for example in asked.build:
            for token, value in zip(example.tokens, self.activations(asked, example.tokens), strict=True):
                best[token] = max(best.get(token, 0.0), value / asked.highest)
        return best


def absorbed(paths):
    """Where all that may come before a token may come before any token too, the token is among the any."""
    paths = {path: list(values) for path, values in paths.items()}
    prefixes = {path[:length] for path in paths for length in range(1, len(path))}
    for prefix in sorted(prefixes, key=lambda each: (-len(each), each)):
        place = len(prefix)
        below = [path for path in paths if path[:place] == prefix and len(path) > place]
        for token in sorted({path[place] for path in below} - {WILDCARD, BEGINNING}):
            own = [path for path in below if path[place] == token]
            others = [(*prefix, WILDCARD, *path[place + 1 :]) for path in own]
            if all(other in paths for other in others):
                for path, other in zip(own, others, strict=True):
                    paths[other] += paths.pop(path)
    return paths


def predict(paths, tokens):
    """At each token the mean of the longest path that matches, literal before wildcard; paths: {path: mean}."""
    deciding = [decides(paths, tokens, place) for place in range(len(tokens))]
    return [0.0 if path is None else paths[path] for path in deciding]


def decides(paths, tokens, place):
    """The path that counts at a token; None where none matches."""
    preceded = [*reversed(tokens[: place + 1]), BEGINNING]
    matching = []
    for path in paths:
        if path[0] == WILDCARD or len(path) > len(preceded):
            continue
        steps = zip(path, preceded, strict=False)
        if all(step == there or (step == WILDCARD and there != BEGINNING) for step, there in steps):
            matching.append((len(path), [step != WILDCARD for step in path], path))
    return max(matching)[2] if matching else None


def firing_scores(predicted, true):
    """(precision, recall, F1)"""
    hits = sum(p >= 0.5 and t >= 0.5 for p, t in zip(predicted, true, strict=True))
    said, did = sum(p >= 0.5 for p in predicted), sum(t >= 0.5 for t in true)
    precision, recall = hits / said if said else 0.0, hits / did if did else 0.0
    return precision, recall, 2 * precision * recall / (precision + recall) if hits else 0.0


def correlation(a, b):
    if len(set(a)) < 2 or len(set(b)) < 2:
        return 0.0
    ma, mb = math.fsum(a) / len(a), math.fsum(b) / len(b)
    top = math.fsum((x - ma) * (y - mb) for x, y in zip(a, b, strict=True))
    return top / math.sqrt(math.fsum((x - ma) ** 2 for x in a) * math.fsum((y - mb) ** 2 for y in b))


def _whole(piece):
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True


def _cased(text, like):
    letters = [each for each in like if each.isalpha()]
    if not letters or not any(each.isupper() or each.islower() for each in letters):
        return text
    if all(each.islower() for each in letters):
        return text.lower()
    if letters[0].isupper() and not any(each.isupper() for each in letters[1:]):
        done, shown = False, ""
        for each in text:
            shown += each.lower() if done else each.upper() if each.isalpha() else each
            done = done or each.isalpha()
        return shown
    return text.upper() if all(each.isupper() for each in letters) else text
