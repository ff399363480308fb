"""Translations without system tools: `python -m tools.messages add|check|compile`.

add      reads {"English msgid": "中文", …} as JSON from standard input ("context|msgid" for a context) and merges it
check    finds every msgid in code and templates; exit 1 when one has no Chinese, or a Chinese entry is used nowhere
compile  writes the .mo files that Django reads
"""

import fcntl
import json
import os
import re
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import polib

ROOT = Path(__file__).resolve().parent.parent
CATALOGUE = ROOT / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
PLACES = re.compile(r"%\(\w+\)s|%s|%d|\{\w*\}")

Key = tuple[str | None, str]


def open_catalogue() -> polib.POFile:
    """Return the Chinese catalogue, new if there is none."""
    if CATALOGUE.exists():
        return polib.pofile(str(CATALOGUE), wrapwidth=110)
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    catalogue = polib.POFile(wrapwidth=110)
    catalogue.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Language": "zh_Hans",
        "Plural-Forms": "nplurals=1; plural=0;",
    }
    return catalogue


def save(catalogue: polib.POFile) -> None:
    """Write sorted, in one rename, so that a reader never sees half a file."""
    catalogue.sort(key=lambda entry: (entry.msgid.lower(), entry.msgctxt or ""))
    draft = CATALOGUE.with_suffix(f".{os.getpid()}")
    catalogue.save(str(draft))
    draft.replace(CATALOGUE)


def add(pairs: dict[str, str]) -> int:
    """Merge translations under a lock; return how many are new or changed."""
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    changed = 0
    with (CATALOGUE.parent / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        catalogue = open_catalogue()
        for key, chinese in pairs.items():
            context, _, msgid = key.rpartition("|")
            changed += _set(catalogue, context or None, msgid, chinese)
        save(catalogue)
    return changed


def _set(catalogue: polib.POFile, context: str | None, msgid: str, chinese: str) -> bool:
    entry = catalogue.find(msgid, msgctxt=context) if context else _find_plain(catalogue, msgid)
    if entry is None:
        catalogue.append(entry := polib.POEntry(msgid=msgid, msgctxt=context))
    if entry.msgid_plural:
        plural_before, entry.msgstr_plural = entry.msgstr_plural, {0: chinese}
        return bool(plural_before != entry.msgstr_plural)
    before, entry.msgstr = entry.msgstr, chinese
    return bool(before != chinese)


def _find_plain(catalogue: polib.POFile, msgid: str) -> polib.POEntry | None:
    return next((e for e in catalogue if e.msgid == msgid and e.msgctxt is None), None)


def used_messages() -> Iterator[tuple[Key, str]]:
    """Yield ((context, msgid), file) of every message in our Python files and templates."""
    from babel.messages.extract import DEFAULT_KEYWORDS, extract  # noqa: PLC0415 - Babel is a developer's tool
    from django.conf import settings  # noqa: PLC0415
    from django.utils.translation.template import templatize  # noqa: PLC0415

    if not settings.configured:
        settings.configure(USE_I18N=True)
    keywords = dict(DEFAULT_KEYWORDS) | {
        "gettext_lazy": None,
        "ngettext_lazy": (1, 2),
        "pgettext_lazy": ((1, "c"), 2),
        "translate": None,
        "gettext_noop": None,
    }
    sources = [*ROOT.glob("apps/**/*.py"), *ROOT.glob("grid_mgmt/*.py"), *ROOT.glob("templates/**/*.html")]
    sources += ROOT.glob("templates/**/*.txt")
    for file in sorted(sources):
        text = file.read_text(encoding="utf-8")
        code = _unindented(templatize(text)) if file.suffix in (".html", ".txt") else text
        found = extract("python", BytesIO(code.encode()), keywords=keywords, options={"encoding": "utf-8"})
        for _, message, _, context in found:
            msgid = message[0] if isinstance(message, tuple) else message
            if msgid:
                yield (context, msgid), str(file.relative_to(ROOT))


def _unindented(code: str) -> str:
    """Templates are not indented like Python; the tokenizer minds."""
    return "\n".join(line.strip() for line in code.splitlines())


def check() -> list[str]:
    """Return one sentence per fault of the Chinese catalogue."""
    catalogue: dict[Key, polib.POEntry] = {(e.msgctxt, e.msgid): e for e in open_catalogue()}
    faults, used = [], set()
    for key, file in used_messages():
        if key in used:
            continue
        used.add(key)
        entry = catalogue.get(key)
        chinese = (entry.msgstr or "".join(entry.msgstr_plural.values())) if entry else ""
        if not chinese or (entry and entry.fuzzy):
            faults.append(f"{file}: no Chinese for {key[1]!r}" + (f" (context {key[0]})" if key[0] else ""))
        elif sorted(PLACES.findall(key[1])) != sorted(PLACES.findall(chinese)) and not (entry and entry.msgid_plural):
            faults.append(f"{file}: the places of {key[1]!r} and {chinese!r} differ")
    faults += [f"used nowhere: {key[1]!r}" for key in catalogue if key not in used]
    return faults


def compile_catalogues() -> int:
    """Write a .mo beside each .po; return how many."""
    files = sorted(ROOT.glob("locale/*/LC_MESSAGES/*.po"))
    for file in files:
        polib.pofile(str(file)).save_as_mofile(str(file.with_suffix(".mo")))
    return len(files)


def main(arguments: list[str]) -> int:
    """Run one of add, check, compile; return the exit code."""
    match arguments:
        case ["add"]:
            print(f"{add(json.load(sys.stdin))} translations added or changed")  # noqa: T201
        case ["check"]:
            faults = check()
            print("\n".join(faults) or "Translations are complete.")  # noqa: T201
            return 1 if faults else 0
        case ["compile"]:
            print(f"{compile_catalogues()} catalogues compiled")  # noqa: T201
        case _:
            print(__doc__)  # noqa: T201
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
