"""Text subjects: what would be wrong without a word."""

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from indexer.errors import SubjectFault  # noqa: E402
from indexer.subjects.text_nets.network import Decoder  # noqa: E402
from indexer.subjects.token_runs import TokenRuns  # noqa: E402
from tests.nets import text_subject  # noqa: E402


class Hidden(nn.Module):
    """Gives hidden states [batch, tokens, 8], bare or in a tuple, where others give logits."""

    def __init__(self, wrapped):
        super().__init__()
        self.embedding, self.wrapped = nn.Embedding(40, 8), wrapped

    def forward(self, ids):
        stream = self.embedding(ids)
        return (stream,) if self.wrapped else stream


@pytest.mark.parametrize("wrapped", [False, True])
def test_hidden_states_are_no_logits(wrapped):
    with pytest.raises(SubjectFault, match="gives no logits"):
        TokenRuns(text_subject(Hidden(wrapped)), []).logits([[1, 2]], [1])


def test_logits_of_prompts_of_any_length_are_in_the_order_given():
    torch.manual_seed(0)
    subject = text_subject(Decoder(40, width=16, blocks=1, heads=2, neurons=8), prefix=(0,))
    prompts, places = [[1, 2, 3, 4], [5], [6, 7]], [3, 0, -1]
    found = TokenRuns(subject, []).logits(prompts, places)
    for row, (prompt, place) in enumerate(zip(prompts, places, strict=True)):
        with torch.inference_mode():
            expected = subject.module(torch.tensor([[0, *prompt]]))[0, place + 1]
        torch.testing.assert_close(found[row], expected, rtol=1e-4, atol=1e-5)
