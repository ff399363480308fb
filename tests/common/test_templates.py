"""What no page may hold: inline code, inline style, an address abroad, an icon that does not exist."""

import re
from pathlib import Path

import pytest
from lucide import IconDoesNotExist
from lucide.templatetags.lucide import lucide

from apps.common.embedded import paths

ROOT = Path(paths.project_dir())
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
SOURCES = sorted([*(ROOT / "static").rglob("*.css"), *(ROOT / "static").rglob("*.js")])
COMMENT = re.compile(r"\{#.*?#\}|<!--.*?-->|\{% comment %\}.*?\{% endcomment %\}", re.DOTALL)
SCRIPT_WITH_BODY = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>", re.IGNORECASE)
DATA_SCRIPT = re.compile(r'<script[^>]*type="application/json"', re.IGNORECASE)
HANDLER = re.compile(r"\son[a-z]+\s*=\s*[\"']", re.IGNORECASE)
STYLE = re.compile(r"<style|\sstyle\s*=", re.IGNORECASE)
EVALUATED = re.compile(r"\shx-(?:on|vals=[\"']js:|trigger=[\"'][^\"']*\[)|javascript:", re.IGNORECASE)
FOREIGN = re.compile(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", re.IGNORECASE)
ICON = re.compile(r'\{% icon "([^"]+)"')


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("template", TEMPLATES, ids=name)
def test_a_template_holds_no_inline_code_and_no_inline_style(template: Path) -> None:
    text = COMMENT.sub("", template.read_text())
    scripts = [found for found in SCRIPT_WITH_BODY.findall(text) if not DATA_SCRIPT.match(found)]
    found = [*scripts, *HANDLER.findall(text), *STYLE.findall(text), *EVALUATED.findall(text)]
    assert not found


@pytest.mark.parametrize("source", [*TEMPLATES, *SOURCES], ids=name)
def test_nothing_is_asked_of_a_foreign_host(source: Path) -> None:
    text = COMMENT.sub("", source.read_text())
    assert not FOREIGN.findall(text.replace("http://www.w3.org/2000/svg", ""))


def test_every_icon_named_in_a_template_exists() -> None:
    named = {icon for template in TEMPLATES for icon in ICON.findall(template.read_text())}
    assert named
    unknown = set()
    for icon in named:
        try:
            lucide(icon)
        except IconDoesNotExist:
            unknown.add(icon)
    assert not unknown
