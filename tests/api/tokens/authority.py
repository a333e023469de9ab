"""An authorization server of its own, by Authlib on Flask, in a process of its own: what a company has, small and in memory.

RFC 8414 metadata, dynamic registration (RFC 7591), authorization code with PKCE (RFC 7636), resource indicators (RFC 8707), the
issuer in its answers (RFC 9207), client credentials, JWT access tokens (RFC 9068). Whoever comes is Olga, and consents. Below
`/test` a test says who she is, changes its keys, and has it sign what no honest server would. Run it with a port and a file,
which keeps its keys, so that it can be killed and started again.
"""

import base64
import hmac
import json
import os
import secrets
import sys
import time
from pathlib import Path
from typing import Any, ClassVar

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientMixin, grants
from authlib.oauth2.rfc7591 import ClientRegistrationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oauth2.rfc9207 import IssuerParameter
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from flask import Flask, Response, jsonify, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # it is on this machine
PORT, FILE = int(sys.argv[1]), Path(sys.argv[2])
ISSUER = f"http://127.0.0.1:{PORT}/company"
SCOPES = ["journeys:read", "journeys:operate", "journeys:admin", "journeys:personal", "other"]

app = Flask(__name__)
person: dict[str, Any] = {"sub": "u-17", "email": "olga@shop.example", "groups": ["people", "ops"]}
registered: dict[str, "Registered"] = {}
codes: dict[str, "Code"] = {}
asked: list[str] = []
state = {"keys": "told"}


def keys() -> list[RSAKey]:
    """The newest first."""
    if not FILE.exists():
        FILE.write_text(
            json.dumps([RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"}).as_dict(private=True)])
        )
    return [RSAKey.import_key(each) for each in json.loads(FILE.read_text())]


class Registered(ClientMixin):
    """A client, by what it said of itself."""

    def __init__(self, info: dict[str, Any], told: dict[str, Any]) -> None:
        self.info, self.told = info, told

    def get_client_id(self) -> str:
        return str(self.info["client_id"])

    def get_default_redirect_uri(self) -> str:
        return str(self.told["redirect_uris"][0])

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(each for each in (scope or "").split() if each in SCOPES)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.told["redirect_uris"]

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(str(self.info["client_secret"]), client_secret)

    def check_endpoint_auth_method(self, method: str, _: str) -> bool:
        return method in {"none", "client_secret_post", "client_secret_basic"}

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.told.get("grant_types", ["authorization_code"])


class Code:
    """What was consented to."""

    def __init__(self, code: str, asks: Any) -> None:
        told = asks.payload.data
        self.code, self.client_id, self.scope = code, asks.client.get_client_id(), told.get("scope", "")
        self.redirect_uri, self.resource = told.get("redirect_uri"), told.get("resource")
        self.code_challenge, self.code_challenge_method = told["code_challenge"], told["code_challenge_method"]

    def get_redirect_uri(self) -> Any:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


class Olga:
    def get_user_id(self) -> str:
        return str(person["sub"])


class ByCode(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS: ClassVar = ["none", "client_secret_basic", "client_secret_post"]

    def save_authorization_code(self, code: str, asks: Any) -> None:
        codes[code] = Code(code, asks)

    def query_authorization_code(self, code: str, client: Registered) -> Code | None:
        found = codes.get(code)
        same = found and found.client_id == client.get_client_id() and found.resource == request.form.get("resource")
        return found if same else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        codes.pop(authorization_code.code)

    def authenticate_user(self, _: Code) -> Olga:
        return Olga()


class Own(JWTBearerTokenGenerator):
    def get_jwks(self) -> RSAKey:
        return keys()[0]

    def get_audiences(self, client: Registered, _user: Any, _scope: Any) -> Any:
        return request.form.getlist("resource") or client.get_client_id()

    def get_extra_claims(self, _client: Registered, _grant_type: str, user: Any, _scope: Any) -> dict[str, Any]:
        return {name: value for name, value in person.items() if name != "sub"} if user else {"groups": ["machines"]}

    def access_token_generator(self, client: Registered, grant_type: str, user: Any, scope: Any) -> str:
        plain = super().access_token_generator(client, grant_type, user, scope)
        key = keys()[0]
        return jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": key.kid}, jwt.decode(plain, key).claims, key)


class Registration(ClientRegistrationEndpoint):
    def authenticate_token(self, _: Any) -> str:
        return "open"

    def get_server_metadata(self) -> dict[str, Any]:
        return described()

    def save_client(self, client_info: dict[str, Any], client_metadata: dict[str, Any], _: Any) -> Registered:
        registered[client_info["client_id"]] = client = Registered(client_info, client_metadata)
        return client


class Named(IssuerParameter):
    def get_issuer(self) -> str:
        return ISSUER


server = AuthorizationServer()
server.init_app(app, query_client=registered.get, save_token=lambda *_: None)
server.register_token_generator("default", Own(ISSUER))
server.register_grant(ByCode, [CodeChallenge(required=True)])
server.register_grant(grants.ClientCredentialsGrant)
server.register_endpoint(Registration)
server.register_extension(lambda _: Named()(server))


def described() -> dict[str, Any]:
    return {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": f"{ISSUER}/token",
        "registration_endpoint": f"{ISSUER}/register",
        "jwks_uri": f"{ISSUER}/keys",
        "scopes_supported": SCOPES,
        "response_types_supported": ["code"],
        "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_post", "client_secret_basic"],
        "authorization_response_iss_parameter_supported": True,
    }


@app.get("/.well-known/oauth-authorization-server/company")
def metadata() -> Response:
    return jsonify(described())


@app.get("/company/keys")
def jwks() -> Any:
    asked.append("keys")
    if state["keys"] == "slow":
        time.sleep(60)
    if state["keys"] == "broken":
        return "no", 500
    return jsonify({"keys": [key.as_dict(private=False) for key in keys()]})


@app.get("/company/authorize")
def authorize() -> Any:
    grant = server.get_consent_grant(end_user=Olga())
    return server.create_authorization_response(grant_user=Olga(), grant=grant)


@app.post("/company/token")
def token() -> Any:
    return server.create_token_response()


@app.post("/company/register")
def register() -> Any:
    return server.create_endpoint_response("client_registration")


@app.post("/test/person")
def become() -> Any:
    person.update(request.json)
    return ""


@app.post("/test/keys/<how>")
def tell_keys(how: str) -> Any:
    state["keys"] = how
    return ""


@app.get("/test/asked")
def how_often() -> Any:
    return jsonify(len(asked))


@app.post("/test/rotate")
def rotate() -> Any:
    """Sign with a new key; the one before is told no more."""
    FILE.write_text(json.dumps([RSAKey.generate_key(2048, {"kid": secrets.token_hex(4)}).as_dict(private=True)]))
    return ""


@app.post("/test/sign")
def sign() -> Any:
    """Anything, with a key of its own, of somebody else's, or with its public key as if it were a secret."""
    told, own = request.json, keys()[0]
    header = {"alg": "RS256", "typ": "at+jwt", "kid": own.kid} | told.get("header", {})
    claims = {name: value for name, value in told["claims"].items() if value is not None}
    signed = f"{plain(header)}.{plain(claims)}".encode()
    if told["with"] == "public":
        return jsonify(f"{signed.decode()}.{encoded(hmac.digest(own.as_pem(private=False), signed, 'sha256'))}")
    key = own if told["with"] == "own" else RSAKey.generate_key(2048)
    return jsonify(f"{signed.decode()}.{encoded(key.private_key.sign(signed, PKCS1v15(), SHA256()))}")


def plain(told: Any) -> str:
    return encoded(json.dumps(told).encode())


def encoded(told: bytes) -> str:
    return base64.urlsafe_b64encode(told).decode().rstrip("=")


if __name__ == "__main__":
    keys()
    make_server("127.0.0.1", PORT, app, threaded=True).serve_forever()
