"""Providers of which only half is set, or of which a file or a value is wrong: one sentence that names the setting."""

from pathlib import Path

import pytest

from activities.channels.errors import Misconfigured
from activities.channels.kinds import sending
from workers.assembly import channels
from workers.settings import Settings

WHOLE = {
    "smtp": {"smtp_url": "smtp://relay:25", "email_from": "a@shop.example"},
    "ses": {
        "ses_region": "eu-west-1",
        "ses_access_key_id": "AKIA",
        "ses_secret_access_key": "s3cret",
        "email_from": "a@shop.example",
    },
    "resend": {"resend_api_key": "re_s3cret", "email_from": "a@shop.example"},
    "twilio": {"twilio_account_sid": "AC0", "twilio_auth_token": "s3cret", "sms_senders": "Shop"},
    "aws-sms": {
        "aws_sms_region": "eu-west-1",
        "aws_sms_access_key_id": "AKIA",
        "aws_sms_secret_access_key": "s3cret",
        "sms_senders": "Shop",
    },
    "whatsapp": {"whatsapp_phone_number_id": "1", "whatsapp_token": "s3cret"},
}
CLASSES = {each.name: each for kind in sending() for each in kind.provider_classes}


def given(**settings: str) -> Settings:
    return Settings(_env_file=None, **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", WHOLE)
def test_a_provider_with_all_that_it_needs_is_one(name: str) -> None:
    made = channels(given(**WHOLE[name]))
    assert [each.name for carriers in made.values() for each in carriers.all if each.name == name] == [name]


@pytest.mark.parametrize(("name", "left_out"), [(name, each) for name, whole in WHOLE.items() for each in list(whole)[1:]])
def test_a_provider_without_one_of_them_names_it(name: str, left_out: str) -> None:
    half = {setting: value for setting, value in WHOLE[name].items() if setting != left_out}
    with pytest.raises(Misconfigured, match=f"{CLASSES[name].needs} is set.* JOURNEYS_{left_out.upper()}") as told:
        channels(given(**half))
    assert "s3cret" not in str(told.value)


@pytest.mark.parametrize("name", ["ses", "twilio", "aws-sms", "whatsapp"])
def test_what_is_a_provider_s_alone_is_not_passed_over_without_its_first(name: str) -> None:
    first, *rest = WHOLE[name]
    sentence = f" is set, and not JOURNEYS_{first.upper()}, without which {name} is not used"
    with pytest.raises(Misconfigured, match=sentence) as told:
        channels(given(**{setting: WHOLE[name][setting] for setting in rest}))
    assert "s3cret" not in str(told.value)
    assert channels(given(email_from="a@shop.example", sms_senders="Shop")), "what others share says nothing of one"


def test_what_goes_with_a_provider_is_a_setting() -> None:
    named = {name for each in CLASSES.values() for names in (each.needs, *each.goes_with) for name in names.split(" or ")}
    assert named - {f"JOURNEYS_{name.upper()}" for name in Settings.model_fields} <= {""}


def test_a_key_without_its_secret_is_not_passed_over() -> None:
    with pytest.raises(Misconfigured, match="JOURNEYS_TWILIO_API_KEY and JOURNEYS_TWILIO_API_SECRET go together"):
        channels(given(**WHOLE["twilio"], twilio_api_key="SK0"))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"smtp_url": "relay:25"}, "JOURNEYS_SMTP_URL must be smtp://"),
        ({"smtp_url": "smtp://relay:25", "email_from": "Shop"}, "JOURNEYS_EMAIL_FROM must be an address"),
        ({"smtp_url": "smtp://relay:25", "email_reply_to": "us"}, "JOURNEYS_EMAIL_REPLY_TO must be an address"),
        ({"fcm_service_account": "nowhere.json"}, r"JOURNEYS_FCM_SERVICE_ACCOUNT: nowhere.json cannot be read \(No such file"),
        (
            {"apns_key": "nowhere.p8", "apns_key_id": "A", "apns_team_id": "B", "apns_topic": "C"},
            r"JOURNEYS_APNS_KEY: nowhere.p8 cannot be read \(No such file",
        ),
        (
            {"wallet_google_issuer": "1", "wallet_google_service_account": "nowhere.json"},
            r"JOURNEYS_WALLET_GOOGLE_SERVICE_ACCOUNT: nowhere.json cannot be read \(No such file",
        ),
    ],
)
def test_a_value_that_makes_no_provider_is_told(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(Misconfigured, match=f"^{sentence}"):
        channels(given(**({"email_from": "a@shop.example"} | settings)))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "no client_email, private_key, token_uri, project_id"),
        ('["s3cret"]', "no client_email, private_key, token_uri, project_id"),
        ('{"client_email": "a@b", "private_key": "s3cret", "token_uri": "https://t"}', "no project_id"),
    ],
)
def test_a_file_that_is_no_service_account_is_told_without_its_text(text: str, why: str, tmp_path: Path) -> None:
    file = tmp_path / "account.json"
    file.write_text(text)
    with pytest.raises(Misconfigured, match=rf"JOURNEYS_FCM_SERVICE_ACCOUNT: .*account.json is no service .*\({why}\)") as told:
        channels(given(fcm_service_account=str(file)))
    assert "s3cret" not in str(told.value)
