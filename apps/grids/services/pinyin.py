"""Latin initials of Chinese names, for people who type 'hylj' and mean 花园路街道."""

from pypinyin import Style, lazy_pinyin

LONGEST = 80


def initials(name: str) -> str:
    """Return the lower-case initials of a name; Latin letters and digits stay as they are, everything else goes."""
    letters = "".join(lazy_pinyin(name, style=Style.FIRST_LETTER))
    return "".join(letter for letter in letters if letter.isalnum() and letter.isascii()).lower()[:LONGEST]
