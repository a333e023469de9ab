"""People sign on with their company's account: OpenID Connect, authorization code with PKCE, groups to roles (by Authlib).

Promise: what comes back is believed only with the provider's signature, for us, and for the very request that this browser
began. The session holds a name and the group that let it in; what that group may is asked of the settings at each request.
"""

import json
import secrets
import time
from collections.abc import Mapping
from typing import Any

import httpx
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from fastapi import Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from starlette.responses import RedirectResponse, Response

from activities.channels.sealed import InvalidToken, seal, unseal
from api.accounts import Oidc, group_in, name_in
from api.config import ApiConfig
from api.console.frame import HEADERS, PLACE, keep, ours, page, pages, seen
from api.console.session import COOKIE, LASTS, person_token
from api.problems import Problem
from api.state import Config, Db
from store.audit import Actor, act_as
from store.keys import note_sign_on

BEGUN_COOKIE = "journeys_signing_on"
_LABEL = "console-oidc/1"
_PATIENCE = 600  # seconds for somebody to sign on over there
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
_LEEWAY = 60  # seconds by which clocks may differ
_AWAY = "The provider of your company's accounts does not answer as it should; try again later."
_NOT_BELIEVED = "The provider of your company's accounts did not let you in, or not in a way we believe."
_NOT_BEGUN = "This sign-on was not begun here, or took too long; begin it again."
_NO_GROUP = "None of your groups may look at the console; ask whoever looks after JOURNEYS_OIDC_ROLES."
_log = structlog.get_logger(__name__)

router = pages()


@router.get("/oidc")
async def begin(request: Request, config: Config, to: str = PLACE) -> Response:
    """Send somebody to where their company's accounts are."""
    oidc = _configured(config)
    verifier, nonce = secrets.token_urlsafe(48), secrets.token_urlsafe(24)
    try:
        known = await _metadata(oidc)
        async with _client(config, oidc) as client:
            where, state = client.create_authorization_url(known["authorization_endpoint"], code_verifier=verifier, nonce=nonce)
    except (httpx.HTTPError, KeyError, ValueError) as error:
        return _not_let_in(request, error, _AWAY)
    answer = RedirectResponse(where, 303, HEADERS)
    begun = {"state": state, "nonce": nonce, "verifier": verifier, "to": ours(to), "until": time.time() + _PATIENCE}
    keep(request, answer, BEGUN_COOKIE, seal(config.secret, _LABEL, json.dumps(begun).encode()), _PATIENCE)
    return answer


@router.get("/oidc/back")
async def back(request: Request, config: Config, database: Db) -> Response:
    """Somebody comes back from there, with a code that only we can exchange."""
    oidc = _configured(config)
    begun = _begun(config, request.cookies.get(BEGUN_COOKIE, ""))
    if begun is None or not secrets.compare_digest(str(request.query_params.get("state", "")), begun["state"]):
        return _not_let_in(request, None, _NOT_BEGUN)
    try:
        claims = await _claims(config, oidc, request, begun)
    except (httpx.HTTPError, AuthlibBaseError, JoseError, KeyError, ValueError) as error:
        return _not_let_in(request, error, _NOT_BELIEVED)
    name, group = name_in(claims), group_in(claims, oidc.claim, oidc.grants)
    if group is None:
        return _not_let_in(request, None, _NO_GROUP)
    act_as(Actor(name, oidc.grants[group].role))
    await note_sign_on(database.pool, name)
    answer = seen(begun["to"])
    token = person_token(config, str(claims["sub"]), name, group, time.time() + LASTS.total_seconds())
    keep(request, answer, COOKIE, token, int(LASTS.total_seconds()))
    answer.delete_cookie(BEGUN_COOKIE, path=PLACE)
    return answer


def _configured(config: ApiConfig) -> Oidc:
    if config.oidc is None or not config.secret:
        raise Problem(404, "nobody signs on with another account here: JOURNEYS_OIDC_ISSUER is not set", code="no-oidc")
    return config.oidc


def _client(config: ApiConfig, oidc: Oidc) -> Any:
    return AsyncOAuth2Client(
        oidc.client_id,
        oidc.client_secret,
        scope="openid profile email",
        redirect_uri=f"{config.public_url.rstrip('/')}{PLACE}/oidc/back",
        code_challenge_method="S256",
        timeout=10,
    )


async def _metadata(oidc: Oidc) -> dict[str, Any]:
    """What the provider says of itself (OpenID Connect Discovery 1.0).

    Raises:
        ValueError: it says to be another.
    """
    async with httpx.AsyncClient(timeout=10) as http:
        answer = await http.get(f"{oidc.issuer.rstrip('/')}/.well-known/openid-configuration")
    known: dict[str, Any] = answer.raise_for_status().json()
    if known.get("issuer") != oidc.issuer:
        raise ValueError("the provider says to be another issuer")
    return known


async def _claims(config: ApiConfig, oidc: Oidc, request: Request, begun: Mapping[str, Any]) -> dict[str, Any]:
    """What the provider says of who signed on, for the code, once all of it is looked at (OpenID Connect Core 3.1.3.7)."""
    known = await _metadata(oidc)
    async with _client(config, oidc) as client:
        answered = f"{config.public_url.rstrip('/')}{PLACE}/oidc/back?{request.url.query}"
        token = await client.fetch_token(
            known["token_endpoint"],
            authorization_response=answered,
            state=begun["state"],
            code_verifier=begun["verifier"],
        )
    async with httpx.AsyncClient(timeout=10) as http:
        keys = KeySet.import_key_set((await http.get(known["jwks_uri"])).raise_for_status().json())
    read = jwt.decode(token["id_token"], keys, algorithms=_ALGORITHMS)
    options = {"iss": {"essential": True, "value": oidc.issuer}, "aud": {"essential": True, "value": oidc.client_id}}
    asked = {"nonce": begun["nonce"], "client_id": oidc.client_id}
    claims = CodeIDToken(read.claims, read.header, options, asked)
    claims.validate(leeway=_LEEWAY)
    return dict(claims)


def _begun(config: ApiConfig, token: str) -> dict[str, Any] | None:
    """What this browser began lately."""
    try:
        begun: dict[str, Any] = json.loads(unseal(config.secret, _LABEL, token))
    except (InvalidToken, ValueError):
        return None
    return begun if begun["until"] > time.time() else None


def _not_let_in(request: Request, error: Exception | None, wrong: str) -> Response:
    if error is not None:
        _log.warning("sign-on failed", error=type(error).__name__)
    return page(request, "login", status=403, to=PLACE, wrong=wrong)
