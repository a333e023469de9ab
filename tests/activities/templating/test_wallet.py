"""Wallet templates: what a pass shows, and what is refused before anybody could get it."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from shutil import copy

import pytest

from activities.channels.wallet.content import PassContent
from activities.templates import BrokenTemplate, Context, TemplateError, load_templates
from journeys.contracts import Channel

ICON = Path(__file__).parents[2] / "trial_catalogue" / "card.wallet.icon.png"
PLAIN = """\
style: coupon
organization: Shop
description: A coupon
"""
FIELDS = """\
fields:
  {area}:
"""


def written(folder: Path, text: str, *pictures: str, name: str = "deal") -> Path:
    (folder / f"{name}.wallet.yaml").write_text(text)
    for picture in pictures:
        copy(ICON, folder / f"{name}.wallet.{picture}.png")
    return folder


def rendered(folder: Path, text: str, context: Context | None = None) -> PassContent:
    content = load_templates(written(folder, text, "icon")).render(Channel.WALLET, "deal", context or Context())
    assert isinstance(content, PassContent)
    return content


def fields(area: str, count: int) -> str:
    return f"fields:\n  {area}:\n" + "".join(f'    f{n}: {{value: "{n}"}}\n' for n in range(count))


def test_instants_have_a_zone_and_blank_is_none(tmp_path: Path) -> None:
    text = PLAIN + "expires: \"{{ entry.name | default: '' }}\"\n"
    zone = timezone(timedelta(hours=2))
    assert rendered(tmp_path, text).expires_at is None
    told = rendered(tmp_path, text, Context(entry={"name": "2026-07-01T12:00:00Z"}, zone=zone)).expires_at
    assert told == datetime(2026, 7, 1, 12, tzinfo=UTC)
    told = rendered(tmp_path, text, Context(entry={"name": "2026-07-01T12:00"}, zone=zone)).expires_at
    assert told == datetime(2026, 7, 1, 10, tzinfo=UTC), "on the customer's clock"
    with pytest.raises(BrokenTemplate, match="expires is not an instant"):
        rendered(tmp_path, text, Context(entry={"name": "tomorrow"}))


def test_voided_is_a_yes_or_a_no(tmp_path: Path) -> None:
    text = "params: [used]\n" + PLAIN + 'voided: "{{ params.used }}"\n'
    for used, voided in ((True, True), (False, False), ("yes", True)):
        assert rendered(tmp_path, text, Context(params={"used": used})).voided is voided
    with pytest.raises(BrokenTemplate, match="voided is neither"):
        rendered(tmp_path, text, Context(params={"used": "perhaps"}))


def test_pictures_are_kept_once_each_by_what_they_are(tmp_path: Path) -> None:
    folder = written(tmp_path, PLAIN, "icon", "icon@2x", "strip")
    content = load_templates(folder).render(Channel.WALLET, "deal", Context())
    assert isinstance(content, PassContent)
    assert {*content.images} == {"icon", "icon@2x", "strip"}
    assert list(content.pictures.values()) == [ICON.read_bytes()]
    assert {*content.kept["images"].values()} == {*content.pictures}


@pytest.mark.parametrize(
    ("text", "pictures", "why"),
    [
        (PLAIN, (), "a pass needs an icon: put deal.wallet.icon.png beside it"),
        (PLAIN, ("icon", "thumbnail"), "a coupon shows icon, logo, strip, and no thumbnail"),
        (PLAIN.replace("coupon", "boardingPass"), ("icon",), "style must be storeCard or coupon"),
        (PLAIN.replace("coupon", "eventTicket"), ("icon", "strip", "background"), "a strip, or a background and a thumbnail"),
        (PLAIN + fields("header", 4), ("icon",), "room for 3 header fields, and there are 4"),
        (PLAIN + fields("primary", 2), ("icon",), "room for 1 primary field, and there are 2"),
        (PLAIN + fields("back", 11), ("icon",), "room for 10 back fields"),
        (PLAIN + fields("auxiliary", 5), ("icon",), "room for 4 secondary and auxiliary"),
        (PLAIN + fields("front", 1), ("icon",), "unknown field front"),
        (PLAIN + 'fields:\n  back:\n    a: {value: "1", change: "new"}\n', ("icon",), "change says %@"),
        (
            PLAIN + 'fields:\n  back:\n    a: {value: "1"}\n  header:\n    a: {value: "2"}\n',
            ("icon",),
            "two fields are called a",
        ),
        (PLAIN + "colours: {background: green}\n", ("icon",), "background must be a colour such as"),
        (PLAIN + "colours: {border: '#000000'}\n", ("icon",), "unknown colour border"),
        (PLAIN + "barcode: {format: ean, message: x}\n", ("icon",), "format must be qr"),
        (PLAIN + "barcode: {format: qr}\n", ("icon",), "message is missing"),
        (PLAIN + "places:\n  - {latitude: 91, longitude: 0}\n", ("icon",), "latitude is a number from -90 to 90"),
        (PLAIN + "places:\n" + "  - {latitude: 1, longitude: 2}\n" * 11, ("icon",), "at most 10 places"),
        (PLAIN.replace("organization: Shop\n", ""), ("icon",), "organization is missing"),
        (PLAIN + "logo: '{{ customer.nick }}'\n", ("icon",), "unknown variable customer.nick"),
    ],
)
def test_what_a_wallet_would_not_show_is_refused_when_it_is_loaded(
    tmp_path: Path, text: str, pictures: tuple[str, ...], why: str
) -> None:
    with pytest.raises(TemplateError, match=why):
        load_templates(written(tmp_path, text, *pictures))


def test_a_picture_that_is_none_or_nobodys_is_refused(tmp_path: Path) -> None:
    written(tmp_path, PLAIN, "icon")
    (tmp_path / "deal.wallet.logo.png").write_bytes(b"GIF89a")
    copy(ICON, tmp_path / "other.wallet.icon.png")
    with pytest.raises(
        TemplateError, match=r"(?s)deal.wallet.logo.png is no PNG.*other.wallet.icon.png:1: a picture of no template"
    ):
        load_templates(tmp_path)


def test_messages_may_link_to_the_passes_that_there_are(tmp_path: Path) -> None:
    written(tmp_path, PLAIN, "icon")
    text = 'text: "Your coupon: {{ wallet.deal }}"\n'
    (tmp_path / "hi.sms.yaml").write_text(text)
    content = load_templates(tmp_path).render(Channel.SMS, "hi", Context(wallet={"deal": "https://shop.example/p/x"}))
    assert "https://shop.example/p/x" in content.model_dump()["text"]
    assert load_templates(tmp_path).links_to_passes(Channel.SMS, "hi")
    assert not load_templates(tmp_path).links_to_passes(Channel.WALLET, "deal")
    with pytest.raises(BrokenTemplate, match=r"wallet\.deal"):
        load_templates(tmp_path).render(Channel.SMS, "hi", Context())
    (tmp_path / "hi.sms.yaml").write_text(text.replace("deal", "dael"))
    with pytest.raises(TemplateError, match=r"unknown variable wallet.dael; did you mean wallet.deal\?"):
        load_templates(tmp_path)
