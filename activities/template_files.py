"""The templates of a catalogue as texts by their place in its folder, and what each of them is.

Promise: a file that stands there as a template, or was meant to, is read or told as wrong; everything else is left alone.
"""

import base64
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from babel import Locale, UnknownLocaleError

from activities.channels.kinds import KINDS
from activities.channels.kinds import Template as Written
from activities.templating.base import Template
from activities.templating.errors import Problem, TemplateError
from activities.templating.source import Text, read_yaml
from activities.templating.vocabulary import CONTEXT, Vocabulary
from journeys.contracts import Channel

_CONSTANTS = "shop.yaml"
_MEANT = {".yaml", ".yml"}
#: Folders of other programs, in which nothing is ours.
_OTHERS = {"node_modules"}
_PICTURE = ".png"
_CONTEXT = re.compile(rf"\b{CONTEXT}(?:\.|\[['\"])([a-z][a-z0-9-]*)")
_LANGUAGE = re.compile(r"[a-z]{2,3}([-_][A-Za-z]{4})?([-_][A-Z]{2})?")


class Translated(NamedTuple):
    """What a template's name says of a translation: of which template, and into which language (`es`, `es_MX`)."""

    of: str
    language: str


def translated(name: str) -> Translated | None:
    """Whether a template is a translation by its name, as `cart-reminder.es` and `cart-reminder.es-MX` are."""
    of, _, said = name.rpartition(".")
    if not of or not _LANGUAGE.fullmatch(said):
        return None
    try:
        return Translated(of, str(Locale.parse(said.replace("-", "_"))))
    except (ValueError, UnknownLocaleError):
        return None


def texts_in(folder: Path) -> dict[str, str | None]:
    """What stands below a folder as templates, by its place there; nothing instead of a text that is not UTF-8.

    Pictures of templates are in base64.
    """
    endings = _endings()
    paths = sorted(path for path in folder.rglob("*") if (path.suffix in endings or _is_picture(path.name)) and path.is_file())
    ours = [path for path in paths if not _OTHERS & set(path.relative_to(folder).parts)]
    return {path.relative_to(folder).as_posix(): _text(path) for path in ours}


@dataclass(frozen=True, slots=True)
class Folder:
    """Texts by their place, and the name of the folder as problems tell it."""

    name: str
    texts: Mapping[str, str | None]

    def templates(self, vocabulary: Vocabulary) -> tuple[dict[tuple[Channel, str], Template], list[Problem]]:
        """All of them, and what is wrong with the others."""
        found: dict[tuple[Channel, str], Template] = {}
        problems: list[Problem] = []
        for place in self.texts:
            try:
                self._add(place, vocabulary, found)
            except TemplateError as error:
                problems += error.problems
        return found, problems

    def with_constants(self, vocabulary: Vocabulary) -> Vocabulary:
        """What `shop.yaml` says, for all of them."""
        if _CONSTANTS not in self.texts:
            return vocabulary
        fields = read_yaml(self._file(_CONSTANTS), self._text(_CONSTANTS)).fields
        shop = {name: value.value for name, value in fields.items() if isinstance(value, Text)}
        return replace(vocabulary, shop={**shop, **vocabulary.shop})

    def with_passes(self, vocabulary: Vocabulary) -> Vocabulary:
        """The passes that messages may link to."""
        suffix = _kinds()[Channel.WALLET].suffix
        files = (PurePosixPath(place).name for place in self.texts)
        names = (file.removesuffix(suffix) for file in files if file.endswith(suffix))
        return replace(vocabulary, wallet=frozenset(name for name in names if translated(name) is None))

    def linking(self, found: Mapping[tuple[Channel, str], Template]) -> frozenset[tuple[Channel, str]]:
        """Those in whose texts a pass is named."""
        return frozenset(key for key, template in found.items() if "wallet." in self._text_of(template.file, _kinds()[key[0]]))

    def around(
        self, found: Mapping[tuple[Channel, str], Template], known: Collection[str]
    ) -> dict[tuple[Channel, str], frozenset[str]]:
        """Those in whose texts contexts are named, and which."""
        contexts = {name.partition(".")[0] for name in known}
        texts = {key: self._text_of(template.file, _kinds()[key[0]]) for key, template in found.items()} if contexts else {}
        named = {key: frozenset(_CONTEXT.findall(text)) & contexts for key, text in texts.items()}
        return {key: names for key, names in named.items() if names}

    def _text_of(self, file: str, kind: Written) -> str:
        """What stands in a template's file and in the one beside it."""
        place = file.removeprefix(f"{self.name}/")
        beside = place.removesuffix(kind.suffix) + (kind.beside or "")
        return "\n".join(self.texts.get(each) or "" for each in dict.fromkeys((place, beside)))

    def _add(self, place: str, vocabulary: Vocabulary, found: dict[tuple[Channel, str], Template]) -> None:
        name = PurePosixPath(place).name
        if name == _CONSTANTS or self._beside_another(place):
            return
        if _is_picture(name):
            raise TemplateError(Problem(self._file(place), 1, "a picture of no template: none of its name stands beside it"))
        kinds = _kinds()
        channel = next((channel for channel, kind in kinds.items() if name.endswith(kind.suffix)), None)
        if channel is None:
            suffixes = ", ".join(kind.suffix for kind in kinds.values())
            raise TemplateError(Problem(self._file(place), 1, f"not a template; a name ends with {suffixes}"))
        key = (channel, name.removesuffix(kinds[channel].suffix))
        if key in found:
            taken = f"the name is taken by {found[key].file}; all journeys share names"
            raise TemplateError(Problem(self._file(place), 1, taken))
        found[key] = self._read(place, vocabulary, kinds[channel])

    def _read(self, place: str, vocabulary: Vocabulary, kind: Written) -> Template:
        beside = place.removesuffix(kind.suffix) + kind.beside if kind.beside else None
        texts = [self._text(each, place) for each in (place, beside) if each and each in self.texts]
        return kind.kind.read(self._file(place), texts[0], vocabulary, *texts[1:], **self._pictures(place, kind))

    def _pictures(self, place: str, kind: Written) -> dict[str, str]:
        """The pictures that belong to a template, by their names; a translation shows those of the template, or its own."""
        if kind.pictures is None:
            return {}
        into = translated(place.removesuffix(kind.suffix))
        shared = self._pictures(into.of + kind.suffix, kind) if into else {}
        first = place.removesuffix(kind.suffix) + kind.pictures
        named = {each: each.removeprefix(first).removesuffix(_PICTURE) for each in self.texts if each.startswith(first)}
        return shared | {name: self._text(each) for each, name in sorted(named.items()) if each.endswith(_PICTURE)}

    def _text(self, place: str, of: str | None = None) -> str:
        text = self.texts[place]
        if text is None:
            raise TemplateError(Problem(self._file(of or place), 1, "not UTF-8"))
        return text

    def _beside_another(self, place: str) -> bool:
        return any(
            place.removesuffix(kind.beside) + kind.suffix in self.texts
            for kind in _kinds().values()
            if kind.beside and place.endswith(kind.beside)
        ) or any(
            place.rpartition(kind.pictures)[0] + kind.suffix in self.texts
            for kind in _kinds().values()
            if kind.pictures and place.endswith(_PICTURE)
        )

    def _file(self, place: str) -> str:
        return f"{self.name}/{place}"


def file_of(channel: Channel, name: str) -> str:
    """The name of the file that a template of a channel stands in."""
    return f"{name}{_kinds()[Channel(channel)].suffix}"


def _kinds() -> dict[Channel, Written]:
    return {kind.channel: kind.template for kind in KINDS.values() if kind.template}


def _endings() -> set[str]:
    """How the names of files end that stand there as templates, or were meant to."""
    names = [name for kind in _kinds().values() for name in (kind.suffix, kind.beside) if name]
    return {Path(name).suffix for name in names} | _MEANT


def _is_picture(name: str) -> bool:
    """Whether a file is, by its name, a picture of a template."""
    return name.endswith(_PICTURE) and any(kind.pictures in name for kind in _kinds().values() if kind.pictures)


def _text(path: Path) -> str | None:
    if path.suffix == _PICTURE:
        return base64.b64encode(path.read_bytes()).decode()
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
