"""An archive: all that a version of a catalogue is, as text: its modules, the author's own beside it, and its templates.

Promise: its id is a hash over every letter of it, so that the same text is the same version wherever and whenever it is made.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from types import CodeType, MappingProxyType

from journeys.catalogue import source_in, sources, sources_in
from journeys.check.beside import beside
from journeys.errors import CatalogueError
from journeys.place import ROOMS

#: Enough of the hash that no two versions of a company meet, short enough for a table and a traceback.
_ID = 16
_LARGEST = 16 * 1024 * 1024  # characters; sources and templates of a company are some hundred thousand
_MODULE = ".py"


@dataclass(frozen=True)
class Archive:
    """One version: the package's name, and texts by their place (`shop/welcome/__init__.py`, `shop/hello.push.yaml`)."""

    package: str
    texts: Mapping[str, str]

    @cached_property
    def id(self) -> str:
        """The version."""
        return hashlib.sha256(self._plain).hexdigest()[:_ID]

    @cached_property
    def modules(self) -> Mapping[str, str]:
        """The place of each module, by its name."""
        return {_module(place): place for place in self.texts if place.endswith(_MODULE)}

    @property
    def templates(self) -> dict[str, str]:
        """The texts of its templates, by their place in the package's folder."""
        folder = PurePosixPath(self.package.replace(".", "/"))
        places = {place: PurePosixPath(place) for place in self.texts if not place.endswith(_MODULE)}
        return {path.relative_to(folder).as_posix(): self.texts[place] for place, path in places.items()}

    def shown(self, name: str) -> str:
        """The file that tracebacks name for a module: no file there is, but its version and its place."""
        return f"{self.id}/{self.modules[name]}"

    def code(self, name: str) -> CodeType:
        """A module, compiled once for all that load it."""
        if name not in self._compiled:
            text = self.texts[self.modules[name]]
            self._compiled[name] = compile(text, self.shown(name), "exec", dont_inherit=True)
        return self._compiled[name]

    def packed(self) -> bytes:
        """The archive as it is stored."""
        return zlib.compress(self._plain, 9)

    @cached_property
    def _plain(self) -> bytes:
        return json.dumps([self.package, dict(sorted(self.texts.items()))], ensure_ascii=False).encode()

    @cached_property
    def _compiled(self) -> dict[str, CodeType]:
        return {}


def unpacked(packed: bytes) -> Archive:
    """An archive as it was packed.

    Raises:
        CatalogueError: it is none.
    """
    try:
        unpacking = zlib.decompressobj()
        plain = unpacking.decompress(packed, 4 * _LARGEST)
        package, texts = json.loads(plain) if unpacking.eof else (None, None)
    except (zlib.error, ValueError, TypeError):
        package, texts = None, None
    if not isinstance(package, str) or not isinstance(texts, dict) or not all(isinstance(t, str) for t in texts.values()):
        raise CatalogueError("a stored version of the catalogue is damaged: it is no archive; deploy it again")
    return Archive(package, MappingProxyType(texts))


def archive_of(module: str, templates: Mapping[str, str]) -> Archive:
    """The version that a catalogue is now; `templates` are their texts by their place in the package's folder.

    Raises:
        CatalogueError: there is no such catalogue, or it is far too large.
    """
    files = sources(module)
    return _archive(module, files | beside(files), templates)


def archive_in(root: Path, module: str, templates: Mapping[str, str]) -> Archive:
    """The version that a catalogue is in another checkout, or at another commit, whose folders stand below `root`.

    Raises:
        CatalogueError: there is no such catalogue, or it is far too large.
    """
    files = sources_in(root, module)
    return _archive(module, files | beside(files, partial(_beside, root)), templates)


def _beside(root: Path, module: str) -> Path | None:
    """Where a module of the author's is; a checkout of ours brings no other engine than this one."""
    return None if module.partition(".")[0] in ROOMS else source_in(root, module)


def _archive(module: str, files: Mapping[str, Path], templates: Mapping[str, str]) -> Archive:
    folder = module.replace(".", "/")
    texts = {_place(name, file): file.read_text(encoding="utf-8") for name, file in files.items()}
    texts |= {f"{folder}/{place}": text for place, text in templates.items()}
    if sum(map(len, texts.values())) > _LARGEST:
        raise CatalogueError(
            f"catalogue '{module}' has more than {_LARGEST:,} letters; keep data out of its modules and templates"
        )
    return Archive(module, MappingProxyType(texts))


def _place(name: str, file: Path) -> str:
    within = name.replace(".", "/")
    return f"{within}/__init__.py" if file.name == "__init__.py" else f"{within}.py"


def _module(place: str) -> str:
    return place.removesuffix(_MODULE).removesuffix("/__init__").replace("/", ".")
