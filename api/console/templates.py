"""Templates of messages: which there are and who sends them, and one as it would look, for a customer or with values.

Promise: nothing is sent or kept. Values and names of customers go in forms; a letter's HTML stands in a frame of its own, in
which no script runs and which loads nothing but, where that is asked for, its pictures.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Query, Request
from starlette.responses import HTMLResponse, Response

from activities.channels.faces import face_of, the_rest
from activities.channels.message import EmailContent
from activities.channels.preview import Given, TemplateKnown
from api.config import ApiConfig
from api.console.frame import form, page, pages, read
from api.console.session import sees
from api.previews import PreviewIn, given_by, previewed
from api.problems import Problem
from api.state import Config, Db
from store import Database, campaigns
from store.keys import Caller, Right

router = pages("templates")

Looking = Annotated[Caller, sees(Right.READ)]
_CAMPAIGNS = 10
_VALUE = "value."
#: By which names a preview is asked for, besides values: what a form keeps.
_ASKED = ("user_id", "language", "timezone", "pictures")
#: What a template that asks for a product shows until somebody says another.
_PRODUCT: Mapping[str, str] = {
    "product.id": "p-1",
    "product.name": "Boots",
    "product.price": "59.9",
    "product.currency": "EUR",
    "product.url": "https://shop.example/boots",
    "bought.name": "Shoes",
}
#: Of a letter, in its frame. Its styles stand within it, as mail programs want them: hence `unsafe-inline`, where no script
#: runs, nothing is sent, and nobody is (`sandbox`).
_LETTER = "sandbox; default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; form-action 'none'; base-uri 'none'"
_PICTURES = "; img-src https: data:"


@dataclass(frozen=True, slots=True)
class Wish:
    """A preview as a form asks for it: for whom, in which language and zone, with which values; pictures of a letter or not."""

    said: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def values(self) -> dict[str, str]:
        """The values, by their variables; empty ones are not said."""
        return {name.removeprefix(_VALUE): text for name, text in self.said.items() if name.startswith(_VALUE) and text}

    @property
    def kept(self) -> dict[str, str]:
        """What another form must say to ask for the same."""
        return {name: text for name, text in self.said.items() if text and (name in _ASKED or name.startswith(_VALUE))}

    def given(self, caller: Caller) -> Given:
        """The same, as previews take it.

        Raises:
            Problem: 403, for a customer, whose data the caller may not see; 422, a value stands below another one.
            RequestValidationError: a value is none of its kind.
        """
        asked: dict[str, Any] = {name: self.said[name] for name in ("user_id", "timezone") if self.said.get(name)}
        for path, text in sorted(self.values.items()):
            _put(asked, path.split("."), _read(text))
        if language := self.said.get("language"):
            asked["customer"] = {**asked.get("customer", {}), "language": language}
        return given_by(read(PreviewIn, asked), caller)


def _put(values: dict[str, Any], path: Iterable[str], value: Any) -> None:
    *above, last = path
    for name in above:
        values = values.setdefault(name, {})
        if not isinstance(values, dict):
            raise Problem(422, f"{'.'.join(path)}: there is a value above it already; give only one of them")
    values[last] = value


def _read(text: str) -> Any:
    """A number, yes or no, a list or an object as JSON has it; everything else is a text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


@router.get("")
async def overview(
    request: Request,
    _: Looking,
    config: Config,
    channel: Annotated[str, Query(max_length=50)] = "",
    language: Annotated[str, Query(max_length=50)] = "",
) -> Response:
    """All of the catalogue, or those of a channel, or with a translation."""
    found = [
        each for each in config.templates if channel in ("", each.channel) and (not language or language in each.languages)
    ]
    return page(
        request,
        "templates",
        found=found,
        all=len(config.templates),
        channels=sorted({str(each.channel) for each in config.templates}),
        translated=sorted({each for one in config.templates for each in one.languages}),
        channel=channel,
        chosen=language,
    )


@router.get("/{channel}/{template}")
async def show(channel: str, template: str, request: Request, caller: Looking, config: Config, database: Db) -> Response:
    """One of them: fallbacks show, and what has none, since it is always given, stands there by its name."""
    known = known_template(config, channel, template)
    always = {f"params.{name}": name for name in known.params} | (dict(_PRODUCT) if known.product else {})
    wish = Wish({f"{_VALUE}{name}": text for name, text in always.items()})
    return await _shown(request, config, database, known, wish.given(caller), wish)


@router.post("/{channel}/{template}")
async def look(channel: str, template: str, request: Request, caller: Looking, config: Config, database: Db) -> Response:
    """One of them for a customer, or with values."""
    known, wish = known_template(config, channel, template), Wish(await form(request))
    return await _shown(request, config, database, known, wish.given(caller), wish)


@router.post("/{channel}/{template}/letter")
async def letter(channel: str, template: str, request: Request, caller: Looking, config: Config, database: Db) -> Response:
    """A letter's HTML, for its frame."""
    known, wish = known_template(config, channel, template), Wish(await form(request))
    found = await previewed(config, database, known.channel, known.template, wish.given(caller))
    if not isinstance(found.content, EmailContent):
        raise Problem(404, f"a message of {known.channel} is no letter", code="unknown-page")
    policy = _LETTER + (_PICTURES if wish.said.get("pictures") else "")
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return HTMLResponse(found.content.html, headers=headers | {"Referrer-Policy": "no-referrer"})


def known_template(config: ApiConfig, channel: str, template: str) -> TemplateKnown:
    """A template of the catalogue.

    Raises:
        Problem: 404, there is none.
    """
    for each in config.templates:
        if (each.channel, each.template) == (channel, template):
            return each
    raise Problem(404, f"the catalogue has no template {template[:100]} of {channel[:50]}", code="unknown-template")


async def _shown(
    request: Request, config: ApiConfig, database: Database, known: TemplateKnown, given: Given, wish: Wish
) -> Response:
    """The page of a template: the message, or why it cannot be shown with what is given."""
    found, wrong = None, ""
    try:
        found = await previewed(config, database, known.channel, known.template, given)
    except Problem as problem:
        wrong = problem.detail
    return page(
        request,
        "template",
        status=422 if wrong and request.method == "POST" else 200,
        known=known,
        wish=wish,
        found=found,
        wrong=wrong,
        face=face_of(found.content) if found else None,
        rest=the_rest(found) if found else [],
        campaigns=await campaigns.of_template(database, known.channel, known.template, _CAMPAIGNS),
    )
