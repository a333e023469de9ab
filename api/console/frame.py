"""What every page of the console has: navigation, a language, headers that forbid what no page needs, files by their hash.

Promise: nothing is loaded from elsewhere, nothing runs or is styled that does not stand in a file of ours, and whatever a page
is given is escaped.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, quote, unquote

from babel.numbers import format_decimal
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.html import LANGUAGES, PAGES, spoken, texts_of
from api.problems import Problem
from store.keys import Caller, Right

B = TypeVar("B", bound=BaseModel)
PLACE = "/console"
#: What stands between the page and the browser: no script, style or frame of anybody else's, and none within the page.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Language, Cookie",
}
#: Which language somebody chose; before they sign on, too.
LANGUAGE_COOKIE = "journeys_language"
_A_YEAR = 365 * 24 * 3600
_FOLDER = Path(__file__).parents[1] / "pages"
_FILES = {
    "colours.css": _FOLDER / "colours.css",
    **{path.name: path for path in sorted((_FOLDER / "console").rglob("*.*")) if path.suffix in {".css", ".js", ".svg"}},
}
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_OURS = re.compile(r"/console(?:[/?][\w\-./?=&%:@~+,*#]*)?", re.ASCII)
_FORM = 16 * 1024  # bytes
_FIELDS = 5_000  # of a form: some twenty of each row of the largest that is drawn
_DECIMALS = 2
_WITHIN = re.compile(r"(.+) \((.+)\)")


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the navigation: where it leads, what it says (in English), and the right without which nobody sees it."""

    path: str
    name: str
    right: Right = Right.READ


#: The navigation: a page that people look for has a line here.
NAVIGATION = (
    Entry(PLACE, "Home"),
    Entry(f"{PLACE}/customers", "Customers"),
    Entry(f"{PLACE}/segments", "Segments"),
    Entry(f"{PLACE}/campaigns", "Campaigns"),
    Entry(f"{PLACE}/templates", "Templates"),
    Entry(f"{PLACE}/experiments", "Experiments"),
    Entry(f"{PLACE}/models", "Predictions"),
    Entry(f"{PLACE}/tasks", "Tasks", Right.PERSONAL),
    Entry(f"{PLACE}/trouble", "Trouble"),
    Entry(f"{PLACE}/data", "Data"),
    Entry(f"{PLACE}/deliverability", "Deliverability"),
    Entry(f"{PLACE}/keys", "Keys", Right.ADMIN),
    Entry(f"{PLACE}/audit", "Audit", Right.ADMIN),
)


def pages(name: str = "", *, most: int = _FORM) -> APIRouter:
    """A router for the pages below a name, or for the first one; `most`: bytes of a form. No API: in no description of it."""
    return APIRouter(prefix=f"{PLACE}/{name}" if name else PLACE, include_in_schema=False, max_body_size=most)


def page(request: Request, template: str, *, status: int = 200, **shown: Any) -> HTMLResponse:
    """A page: the template of that name in `api/pages/console` with what it shows."""
    language = language_of(request)
    caller: Caller | None = request.scope.get("caller")
    html = PAGES.get_template(f"console/{template}.html").render(
        t=partial(told, language),
        w=partial(word, language),
        number=partial(number, language),
        asset=asset,
        quoted=quote,
        language=language,
        languages=LANGUAGES,
        elsewhere=partial(_with_language, request),
        who=caller,
        can=partial(_can, caller),
        navigation=list(_navigation(request, caller)),
        accounts=request.app.state.config.oidc is not None,
        said=_known(request.query_params.get("said", "")),
        **shown,
    )
    answer = HTMLResponse(html, status, HEADERS | {"Content-Language": language})
    if request.query_params.get("lang") in LANGUAGES:
        keep(request, answer, LANGUAGE_COOKIE, language, _A_YEAR)
    return answer


def keep(request: Request, answer: Response, name: str, value: str, seconds: int) -> None:
    """Have the browser keep something, for the console alone: no script reads it, no other site's form sends it."""
    answer.set_cookie(name, value, seconds, path=PLACE, httponly=True, samesite="lax", secure=_is_safe(request))


def told(language: str, text: str, **values: Any) -> str:
    """A text in a language, with values in their places; English where nobody has put it into that language."""
    said: str = texts_of("console/texts")[language].get(text, text)
    return said.format(**values) if values else said


def word(language: str, text: str) -> str:
    """What code says in fixed words; also as they are put together: `refused: no consent`, `skipped (too late)`."""
    known: Mapping[str, str] = texts_of("console/texts")[language]
    if text in known:
        return known[text]
    begin, colon, rest = text.partition(": ")
    if colon:
        return f"{known.get(begin, begin)}: {word(language, rest)}"
    if within := _WITHIN.fullmatch(text):
        return f"{known.get(within[1], within[1])} ({known.get(within[2], within[2])})"
    return text


def _known(said: str) -> str:
    """A word about what was done, if it is one of ours: an address says nothing else on a page."""
    return said if said in texts_of("console/texts")["es"] else ""


@lru_cache(maxsize=10_000)
def number(language: str, value: float | None, decimals: int = _DECIMALS) -> str:
    """A number as people write it there; a dash where nobody knows it."""
    return "–" if value is None else format_decimal(round(value, decimals), locale=language, decimal_quantization=False)  # noqa: RUF001 - as print has it


def language_of(request: Request) -> str:
    """What was chosen here, now or earlier, else what the browser prefers."""
    chosen = request.query_params.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    return spoken(chosen, request.headers.get("accept-language"))


def _with_language(request: Request, language: str) -> str:
    """This very page in another language."""
    kept = [(name, value) for name, value in request.query_params.multi_items() if name not in ("lang", "said")]
    return "?" + "&".join(f"{quote(name)}={quote(value)}" for name, value in [*kept, ("lang", language)])


def _can(caller: Caller | None, right: str) -> bool:
    return caller is not None and caller.may(Right(right))


def _navigation(request: Request, caller: Caller | None) -> Iterator[tuple[Entry, bool]]:
    """What somebody may see, and whether they are there."""
    for entry in NAVIGATION if caller else ():
        if caller and caller.may(entry.right):
            here = request.url.path
            yield entry, here.rstrip("/") == entry.path or (entry.path != PLACE and here.startswith(f"{entry.path}/"))


def shown(request: Request, problem: Problem) -> Response:
    """A problem as whoever asked can read it: a page in the console, JSON elsewhere; without a session, where one signs on."""
    path = request.url.path
    if path != PLACE and not path.startswith(f"{PLACE}/"):
        return problem.response()
    if problem.status == HTTPStatus.UNAUTHORIZED:
        return _sign_on(request)
    answer = page(request, "problem", status=problem.status, problem=problem)
    answer.headers.update({name: value for name, value in (problem.headers or {}).items() if name == "Retry-After"})
    return answer


def _sign_on(request: Request) -> Response:
    """Where one signs on, and comes back to this page; what was to be sent is not kept."""
    query = f"?{request.url.query}" if request.url.query else ""
    back = f"{request.url.path}{query}" if request.method == "GET" else _referring(request)
    where = f"{PLACE}/login?to={quote(ours(back))}"
    if request.headers.get("hx-request"):  # a part of a page is asked for: the whole page goes there
        return Response(status_code=401, headers=HEADERS | {"HX-Redirect": where})
    return RedirectResponse(where, 303, HEADERS)


def _referring(request: Request) -> str:
    """The page on which a form stood, as far as the browser tells."""
    told = request.headers.get("referer", "")
    _, _, rest = told.partition("://")
    host, slash, path = rest.partition("/")
    return slash + path if host == request.headers.get("host") else PLACE


def ours(path: str) -> str:
    """A path, if it is of the console; else its first page. Nobody is sent elsewhere by a link that somebody made."""
    steps = unquote(path.partition("?")[0]).split("/")  # to a browser %2e%2e leads up, too
    return path if _OURS.fullmatch(path) and not {".", ".."} & {*steps} else PLACE


def seen(path: str, said: str = "") -> RedirectResponse:
    """After something was done: the page that shows it, by GET, with a word about it (in English, from `texts.toml`)."""
    return RedirectResponse(f"{path}?said={quote(said)}" if said else path, 303, HEADERS)


def read(model: type[B], said: Mapping[str, Any]) -> B:
    """What a form says, as the call of the API that does the same takes it.

    Raises:
        RequestValidationError: that takes nothing of the kind; answered by 422.
    """
    try:
        return model.model_validate(said)
    except ValidationError as error:
        raise RequestValidationError([{**fault, "loc": ("body", *fault["loc"])} for fault in error.errors()]) from None


async def form(request: Request) -> dict[str, str]:
    """What a form says: the first value of each field, without what surrounds it.

    Raises:
        Problem: 413, it has more fields than any page of ours.
    """
    text = (await request.body()).decode(errors="replace")
    try:
        fields = parse_qs(text, keep_blank_values=True, max_num_fields=_FIELDS)
    except ValueError:
        raise Problem(413, f"the form has more than {_FIELDS:,} fields; send less at once", code="too-large") from None
    return {name: values[0].strip() for name, values in fields.items()}


def _is_safe(request: Request) -> bool:
    """Whether people come by https, so that a cookie may insist on it."""
    public: str = request.app.state.config.public_url
    return request.url.scheme == "https" or public.startswith("https://")


@cache
def asset(name: str) -> str:
    """The address of a file of ours, which changes with its content."""
    return f"{PLACE}/assets/{name}?v={hashlib.sha256(_FILES[name].read_bytes()).hexdigest()[:12]}"


@cache
def file(name: str) -> tuple[bytes, str] | None:
    """A file of ours and its media type; None where there is none."""
    path = _FILES.get(name)
    return (path.read_bytes(), _KINDS[path.suffix]) if path else None


def minute(at: datetime) -> str:
    """An instant as tables have it, in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def plain(value: Any) -> str:
    """A value as it was sent or seen, without the marks of any language."""
    match value:
        case datetime():
            return minute(value)
        case dict():
            return ", ".join(f"{name} {plain(each)}" for name, each in value.items() if each is not None)
        case list() | tuple() | set() | frozenset():
            return ", ".join(map(plain, value))
        case bool():
            return "yes" if value else "no"
    return "" if value is None else str(value)


PAGES.filters |= {"minute": minute, "plain": plain}
