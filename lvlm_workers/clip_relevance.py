"""Gradient times attention in the last text layers: how much each word raises the cosine with a picture.

CLIP4DM (arXiv 2412.18404): of each of the last three layers the attention maps A, times the gradient of the
cosine by them, negative values kept, are averaged over heads and layers. The row of the token at which the
model pools is a text's relevance; a word's score is the mean over its tokens. For SigLIP, which pools at its
last place, padding as a rule, that place's row is taken: the paper has CLIP only.
Letters in the names of tensors: N texts, B of a batch, H heads, L tokens, E embedding.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lvlm_workers.clip_checkpoint import LAYERS, LoadedClip
from lvlm_workers.clip_embedder import Rows, computing, longest_first, to_rows, unit
from lvlm_workers.clip_texts import Tokens
from lvlm_workers.clip_words import WordScore, WordScores, find_words
from schemas.errors import ConfigError
from schemas.score import TEMPLATE


def score_words(
    clip: LoadedClip, image_NE: Rows, texts: Sequence[str], batch_size: int, *, template: str = TEMPLATE
) -> list[WordScores]:
    """Return the scores of each text's words against the picture of its row; only the text tower is run.

    Texts are independent of each other: the gradient of the sum of their cosines is each one's own.

    Args:
        image_NE: embeddings of pictures, of unit length.
        template: put before each text; its words have no scores.

    Raises:
        ConfigError: the tokenizer does not say where its tokens are, or dtype is float16.
        WorkerError: a batch takes more than the GPU's memory, or the weights give no numbers.
    """
    _check(clip)
    if len(image_NE) != len(texts):
        raise ValueError(f"{len(image_NE)} pictures for {len(texts)} texts; give one for each")
    found = [WordScores(words=(), cosine=None)] * len(texts)
    wordy = [n for n, text in enumerate(texts) if find_words(text)]
    tokens = clip.texts.read([template + texts[n] for n in wordy], spans=True)
    order = longest_first([len(one.ids) for one in tokens])
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        batch, rows = [tokens[place] for place in places], [wordy[place] for place in places]
        with computing(clip, batch_size):
            relevance_BL, cosine_B = _relevance(clip, image_NE[rows], batch)
        for n, one, relevance_L, cosine in zip(rows, batch, relevance_BL, cosine_B, strict=True):
            found[n] = _score(texts[n], len(template), one, relevance_L, float(cosine))
    return found


def _check(clip: LoadedClip) -> None:
    if not clip.texts.has_spans:
        raise ConfigError(
            f"checkpoint: {clip.name!r} has a tokenizer that does not say where in a text its tokens are; "
            "have words scored by a CLIP, a SigLIP 2 or a model of ours"
        )
    if clip.model.dtype == torch.float16:
        raise ConfigError("dtype: gradients of words vanish in float16; set it to float32 or bfloat16")


def _relevance(clip: LoadedClip, image_BE: Rows, batch: Sequence[Tokens]) -> tuple[list[Rows], Rows]:
    """Return the relevance of each text's tokens, and its cosine."""
    with torch.enable_grad():
        ids_BL = clip.texts.lay_out(batch, clip.device)
        read = clip.model.get_text_features(ids_BL, output_attentions=True)
        text_BE = unit(read.pooler_output)
        cosine_B = (text_BE * torch.from_numpy(image_BE).to(clip.device)).sum(dim=-1)
        maps = read.attentions[-LAYERS:]
        slopes = torch.autograd.grad(cosine_B.sum(), maps)
    to_rows(clip, text_BE.detach())
    row_B = torch.arange(len(batch), device=clip.device)
    pooled_B = torch.tensor(clip.texts.pooled_places(batch), device=clip.device)
    of_layers_BL = [
        (slope_BHLL[row_B, :, pooled_B].float() * map_BHLL[row_B, :, pooled_B].detach().float()).mean(dim=1)
        for map_BHLL, slope_BHLL in zip(maps, slopes, strict=True)
    ]
    relevance_BL: Tensor = torch.stack(of_layers_BL).mean(dim=0)
    rows = relevance_BL.cpu().numpy()
    firsts = clip.texts.first_places(batch)
    found = [
        relevance_L[first : first + len(tokens.ids)]
        for relevance_L, first, tokens in zip(rows, firsts, batch, strict=True)
    ]
    return found, cosine_B.detach().cpu().numpy()


def _score(text: str, shift: int, tokens: Tokens, relevance_L: Rows, cosine: float) -> WordScores:
    """Return the words of a text, `shift` characters into what was read, each with the mean relevance of the
    tokens that lie in it."""
    reach = max(end for _, end in tokens.spans) - shift
    spans = find_words(text)
    words = []
    for start, end in spans:
        inside = [
            place
            for place, (first, last) in enumerate(tokens.spans)
            if first < end + shift and last > start + shift and first < last
        ]
        if end <= reach and inside:
            score = float(np.mean(relevance_L[inside], dtype=np.float64))
            words.append(WordScore(word=text[start:end], start=start, end=end, score=score))
    return WordScores(words=tuple(words), cosine=cosine, unread=len(spans) - len(words))
