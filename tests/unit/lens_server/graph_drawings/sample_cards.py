"""Token graphs, snippets and predictions to draw."""

from indexer.domain.states import State
from lens_server.answers import Neuron, Snippet
from lens_server.text_answers import GraphScores, PathToken, Prediction, TokenGraphCard, TokenPath

NEURON = Neuron(
    "blocks.1.mlp.act/17", "blocks.1.mlp.act", 17, 1, State.ALIVE, 0.031, 4.2, 30, 0.71, 0.2, 0.5, "imports"
)
SCORES = GraphScores(0.8, 0.64, 0.711, 0.63, 0.55, 0.41, 10)


def token(text, importance=1.0):
    return PathToken(text, False, importance, ())


def wildcard(*absorbed):
    return PathToken("", True, 0.0, absorbed)


def path(*tokens, count=3, mean=0.8, maximum=None):
    return TokenPath(tuple(tokens), count, mean if maximum is None else maximum, mean)


def card(*paths, scores=SCORES, failed="", neuron=NEURON):
    activating = tuple(dict.fromkeys(each.tokens[0].text for each in paths))
    context = tuple(
        dict.fromkeys(
            text
            for each in paths
            for step in each.tokens[1:]
            for text in (step.absorbed if step.wildcard else (step.text,))
        )
    )
    both = tuple(each for each in activating if each in context)
    return TokenGraphCard(neuron, tuple(paths), activating, context, both, 1, scores, failed)


SMALL = card(
    path(
        token(" import"), wildcard("os", "sys", ".path", "json"), token("from", 0.9), count=12, mean=0.87, maximum=1.0
    ),
    path(token(" import"), count=4, mean=0.55),
    path(token(" import"), wildcard(), token("\n", 0.78), count=2, mean=0.71),
    path(token("import"), token("\n", 0.82), count=7, mean=0.62),
    path(token(")"), wildcard(), wildcard(), wildcard(), token("import", 0.8), count=1, mean=0.52),
)
STRANGE = card(
    path(token('"<&>\'"'), token("\t\t", 0.8), mean=0.9),
    path(token("*"), token("        ", 0.95), mean=0.85),
    path(token("\\xE2\\x96"), token("שלום", 0.8), mean=0.8),
    path(token("\u202eevil\x00\x1b[31m"), token("日本語", 0.8), mean=0.75),
    path(token(" ]]> [bold]x[/] --> </svg>"), token("\\", 0.8), token("e\u0301", 0.9), mean=0.7),
    path(token("averylongtokenthatgoesonandonandonforever"), token("مرحبا", 0.8), mean=0.65),
    path(token(" "), token("\r\n", 0.8), mean=0.6),
    path(token("\u00a0\u2028"), token("👩‍💻", 0.8), mean=0.6),
)
MANY = card(
    *(
        path(
            token(f"word{n % 9}"), *([wildcard()] * (n % 4)), token(f"ctx{n}", 0.76 + n % 20 / 100), mean=0.5 + n / 200
        )
        for n in range(90)
    )
)
FAILED = card(scores=GraphScores(0, 0, 0, 0, 0.5, 0.4, 10), failed="its pivot does not fire alone")
TOKENS = ("\n", "from", " os", " import", " path", "\n", "\t", "x", " =", " ", '"<b>"', "\\xE2", "שלום")
SNIPPET = Snippet("os.py:120", 0, 4.2, TOKENS, (0.0, 0.1, 0.4, 4.2, 2.2, -0.3, 0.0, 0.2, 0.0, 0.0, 1.1, 0.6, 3.0), 3)
PREDICTION = Prediction(
    NEURON.id,
    TOKENS,
    (0, 0, 0, 0.87, 0, 0, 0, 0, 0, 0, 0, 0, 0.6),
    (0, 0.02, 0.1, 1.0, 0.5, 0, 0, 0, 0, 0, 0.3, 0.1, 0.7),
)
