"""Where services are: what the setting may say, and that nothing of it is repeated."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from activities.calling.where import where_of
from activities.web.where import located
from workers.settings import Settings

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CRM = {"url": "https://crm.example/hooks", "secrets": [SECRET]}


def test_services_by_name_and_all_others() -> None:
    known = where_of(json.dumps({"crm": CRM, "*": CRM | {"url": "https://any.example/{name}"}}))
    places = [place.url for name in ("crm", "points") if (place := located(known, name))]
    assert places == ["https://crm.example/hooks", "https://any.example/points"]
    assert located(where_of(""), "crm") is None
    assert SECRET not in repr(known)
    assert "crm.example" not in repr(known)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("{", "JSON"),
        ("[]", "all of it"),
        ({"crm": {"url": "https://crm.example"}}, "crm.secrets: Field required"),
        ({"crm": CRM | {"secrets": []}}, "crm.secrets"),
        ({"crm": CRM | {"secrets": ["hush-hush"]}}, "openssl rand -base64 32"),
        ({"crm": CRM | {"url": "ftp://crm.example"}}, "crm.url: an address begins with https://"),
        ({"crm": CRM | {"url": "https://u:hush-hush@crm.example"}}, "authorization"),
        ({"crm": CRM | {"secret": "hush-hush"}}, "crm.secret: Extra inputs"),
    ],
)
def test_what_is_wrong_is_told_without_a_secret(given: object, told: str) -> None:
    text = given if isinstance(given, str) else json.dumps(given)
    with pytest.raises(ValidationError) as wrong:
        Settings(services=text, _env_file=None)  # type: ignore[arg-type,call-arg]
    (problem,) = wrong.value.errors(include_input=False)
    assert told in problem["msg"]
    assert "hush-hush" not in problem["msg"]


def test_a_file_holds_it_as_well(tmp_path: Path) -> None:
    (tmp_path / "services.json").write_text(json.dumps({"crm": CRM}))
    settings = Settings(services=str(tmp_path / "services.json"), _env_file=None)  # type: ignore[arg-type,call-arg]
    assert set(where_of(settings.services_text)) == {"crm"}
    with pytest.raises(ValidationError, match="no such file"):
        Settings(services=str(tmp_path / "nothing.json"), _env_file=None)  # type: ignore[arg-type,call-arg]


def test_networks_inside_are_opened_by_name() -> None:
    opened = Settings(private_targets="127.0.0.0/8, fd00:1::/64", _env_file=None)  # type: ignore[arg-type,call-arg]
    assert opened.private_targets == ("127.0.0.0/8", "fd00:1::/64")
    assert Settings(_env_file=None).private_targets == ()  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="not within"):
        Settings(private_targets="169.254.0.0/16", _env_file=None)  # type: ignore[arg-type,call-arg]
