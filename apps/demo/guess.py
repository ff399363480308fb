"""Which minor class a citizen's message is about, by the catalogue's keywords. A guess, and said to be one."""

from collections.abc import Mapping

VAGUE = "0804"
"""Questions and proposals: their words (希望, 建议, 请问) stand in nearly every message, so they count little."""
SUBJECT_WEIGHT = 4.0
VAGUE_WEIGHT = 0.25
MOST_REPEATS = 3


def guess_category(subject: str, text: str, keywords: Mapping[str, tuple[str, ...]], default: str) -> str:
    """The code with the best score; `default` where no keyword occurs. Equal scores: the lower code."""
    best, best_score = default, 0.0
    for code, words in sorted(keywords.items()):
        score = sum(_score(word, subject, text) for word in words)
        if code.startswith(VAGUE):
            score *= VAGUE_WEIGHT
        if score > best_score:
            best, best_score = code, score
    return best


def _score(word: str, subject: str, text: str) -> float:
    """Longer words say more; the subject says more than the text; repeating a word says a little more."""
    repeats = min(text.count(word), MOST_REPEATS)
    return (len(word) - 1) * (SUBJECT_WEIGHT * (word in subject) + repeats) + (len(word) == 1) * 0.5 * (word in subject)
