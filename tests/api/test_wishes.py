"""FAULTS B16: STOP and START as people write them, and the sentences that merely contain such a word."""

import pytest
from pydantic import ValidationError

from api.webhooks.wishes import LANGUAGES, Wish, wish_of
from workers.settings import Settings

SHOP = ("en", "es")
STOPS = """
STOP
stop
 Stop.
STOP 🙏
🛑
🛑🛑🛑
S T O P
S.T.O.P.
¡STOP!
*STOP*
"stop"
Stop?
stop stop stop
Stop, please
please stop!!!
Please stop sending me messages
stop messaging me
Hi, stop this. Thanks
Stop promotions
STOPALL
unsubscribe me
UNSUBSCRIBE
opt out
opt-out
Cancel
remove me from this list
I want to unsubscribe
baja
BAJA
¡Baja ya!
baja por favor
Hola, quiero darme de baja, gracias
Dar de baja
dame de baja de la lista
alto
parar
Para
cancelar
CANCELAR por favor
no más mensajes
No quiero recibir más publicidad
no me envíes más mensajes
Detener promociones
DETÉN
stop por favor
start stop
remove me
Please remove me from your list
take me off
Take me off your mailing list, please
don't text me anymore
no me mandes más mensajes
no quiero más mensajes
Déjenme en paz
"""
REPLIES = """

🙏
ok
thanks
please
Don't stop
STOP by my house
Stop sending me the wrong size
I can't stop laughing
non-stop
nonstop
Is there a stop near the shop?
When does the offer end, please?
How do I cancel my order 123?
bajamos
altos
¿Me dais de baja el precio?
la talla es baja
quiero cancelar mi pedido
no quiero
no
para mi hermana
¿Es para hoy?
parking
Startup
"""
STARTS = """
START
start 🙂
Start, please
UNSTOP
alta
Quiero darme de alta, por favor
"""


def lines(text: str) -> list[str]:
    return text.strip("\n").split("\n")


@pytest.mark.parametrize(
    "said",
    [
        *lines(STOPS),
        "\uff33\uff34\uff2f\uff30",  # full width
        "ST\u200bOP",
        "ST\u00adOP",
        "\u202eSTOP\u202c",
        "STOP\nSent from my iPhone",
        "\r\n Stop please \r\n--\r\nAna, +34 600 000 001",
    ],
)
def test_it_says_stop(said: str) -> None:
    assert wish_of(said, SHOP) is Wish.STOP


@pytest.mark.parametrize(
    "said",
    [
        "",
        "don\u2019t stop sending me offers",
        *lines(REPLIES),
        "alta no, baja",
        "stop it, don't stop it",
        "a" * 4096,
        "ﷺ",
        "stop 123",
        "S.T.O.P by my house",
        "START\nSent from my iPhone",
        "Hi\nSTOP by my house",
    ],
)
def test_it_is_a_reply(said: str) -> None:
    assert wish_of(said, SHOP) is None


@pytest.mark.parametrize("said", lines(STARTS))
def test_it_takes_a_stop_back(said: str) -> None:
    assert wish_of(said, SHOP) is Wish.START


@pytest.mark.parametrize(
    ("said", "languages"),
    [
        ("Arrêtez, s'il vous plaît", "fr"),
        ("désabonner", "fr"),
        ("Cancelar suscripción", "es"),
        ("¡Cancelar mi suscripción!", "es"),
        ("Annuler mon abonnement.", "fr"),
        ("cancelar assinatura", "pt"),
        ("Bitte abmelden", "de"),
        ("Kündigen", "de"),
        ("Cancellami, grazie", "it"),
        ("donar-me de baixa", "ca"),
        ("Cancel·lar", "ca"),
        ("Quero parar", "pt"),
        ("sair", "pt"),
        ("gelditu, mesedez", "eu"),
        ("darme de baixa", "gl"),
    ],
)
def test_a_shop_declares_its_languages(said: str, languages: str) -> None:
    assert wish_of(said, [languages]) is Wish.STOP
    assert wish_of(said, ["en"]) is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_stop_is_understood_in_every_language(language: str) -> None:
    assert wish_of("Stop", [language]) is Wish.STOP
    assert wish_of("stop", []) is Wish.STOP


def test_a_language_that_nobody_taught_us_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOURNEYS_STOP_LANGUAGES", "en, pt")
    assert Settings().stop_languages == ("en", "pt")
    monkeypatch.setenv("JOURNEYS_STOP_LANGUAGES", "en,xx")
    with pytest.raises(ValidationError, match="STOP is not known in xx; use some of en, es"):
        Settings()
