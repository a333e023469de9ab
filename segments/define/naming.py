"""Whether a definition picks people by who they are, and the same without the values that say so.

Its size says something of them then, asks for somebody by name, and its words tell of somebody to whoever reads them: such a
definition is written by those who may look people up, the others read it with `…` in the place of these values, and so does the
audit.

Promise: pure. What else is narrow (a day of birth and a town, the number of an order) is not told apart from what is wide.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar, cast
from unicodedata import combining, normalize

from segments.language.moves import trait_names
from segments.language.predicate import Predicate
from segments.language.wire import predicate_from_json
from segments.leaves.amounts import MEASURES
from segments.predictions.declared import Declared
from segments.predictions.paths import looking
from segments.predictions.wire import declared_from_json

What = TypeVar("What", bound=Predicate | Declared)
#: What stands in the place of a value that names somebody.
VEIL = "…"
#: What says who somebody is, in events and of a customer: in any case, with or without accents and signs between the words.
NAMED = {
    "ids": "anonymousid clientid clienteid customerid customernumber externalid idcliente idusuario memberid numerocliente"
    " numerodecliente userid username usuario usuarioid",
    "names": "apellido apellidos customername displayname familyname firstname fullname givenname lastname middlename nombre"
    " nombrecliente nombrecompleto nombreyapellidos primerapellido segundoapellido surname",
    "mail": "correo correoelectronico direcciondecorreo email emailaddress emailhash mail mailaddress"
    " recipient destinatario to",
    "phones": "cell cellphone celular mobile mobilenumber mobilephone movil msisdn numerodetelefono phone phonenumber tel"
    " telefono telefonomovil telephone whatsapp",
    "homes": "address addressline address1 address2 calle direccion direccionpostal domicilio postaladdress street"
    " streetaddress",
    "papers": "cardnumber cif creditcard cuentabancaria dni documentnumber documento iban nationalid nie nif numerodecuenta"
    " numerodetarjeta pasaporte passport passportnumber socialsecuritynumber ssn taxid",
    "devices": "deviceid direccionip idfa imei ip ipaddress",
}
_IN_EVENTS = frozenset(" ".join(NAMED.values()).split())
_OF_CUSTOMERS = _IN_EVENTS | {"id", "name"}
#: As the last word of a name these say the same: `customerEmail`, `telefono_de_contacto_movil`.
_LAST = frozenset({
    "correo", "dni", "email", "iban", "ip", "mail", "movil", "nie", "nif", "passport", "phone", "surname", "telefono",
    "telephone",
})  # fmt: skip
#: Amounts of a property, which are the property itself where an event has it once; how many values it has tells of nobody.
_AMOUNTS = tuple(word for word in MEASURES if word not in ("distinct", "count"))
#: A place in a document leads on from these: `address.city` is a town, `phone.number` is a number.
_LEADING_ON = frozenset(NAMED["homes"].split()) | {"to", "id", "name"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def names_people(what: Predicate | Declared, own: Collection[str] = ()) -> bool:
    """Whether it lists customers, by their ids or on a list, or looks at what says who somebody is.

    `own`: traits and properties that do here, beside the usual ones.
    """
    plain = looking(what)
    if any(True for word in ("customers", "listed") for _ in _under(word, plain)):
        return True
    paths = [str(path) for path in _under("trait", plain)]
    beside = trait_names(what) if isinstance(what, Predicate) else frozenset[str]()
    traits = {*paths, *(beside - {path.partition(".")[0] for path in paths})}
    properties = (str(path) for word in ("property", *_AMOUNTS) for path in _under(word, plain))
    return any(_says_who(path, _OF_CUSTOMERS, own) for path in traits) or any(
        _says_who(path, _IN_EVENTS, own) for path in properties
    )


def veiled(plain: Any, own: Collection[str] = ()) -> Any:
    """A definition in JSON with `…` for every value that names somebody: ids, and what such a trait is compared with."""
    return _veiled(plain, own, VEIL)


def _veiled(plain: Any, own: Collection[str], amount: str | int) -> Any:
    """The same; what an amount of such a property is compared with is `amount`."""
    if isinstance(plain, list):
        return [_veiled(each, own, amount) for each in plain]
    if not isinstance(plain, Mapping):
        return plain
    hides, measures = _is_compared(plain, own), _is_measured(plain, own)
    told = {
        key: _covered(value)
        if key == "customers" or (hides and key == "value")
        else _covered(value, amount)
        if measures and key == "value"
        else _veiled(value, own, amount)
        for key, value in plain.items()
    }
    if "why" in told and told.get("when") != plain.get("when"):
        del told["why"]  # it may be the rule's own words, and is made of them again
    return told


def without_names(what: What, own: Collection[str] = ()) -> What:
    """The same of a predicate or a prediction, for its words: it keeps its shape, and is true of nobody."""
    plain = what.to_json()
    told = _veiled(plain, own, 0)  # an amount is compared with a number
    if told == plain:
        return what
    bare: Any = declared_from_json(told) if isinstance(what, Declared) else predicate_from_json(told)
    return cast("What", bare)


def _is_compared(plain: Mapping[str, Any], own: Collection[str]) -> bool:
    trait, of_event = plain.get("trait"), plain.get("property")
    if isinstance(trait, str):
        return _says_who(trait, _OF_CUSTOMERS, own)
    return isinstance(of_event, str) and _says_who(of_event, _IN_EVENTS, own)


def _is_measured(plain: Mapping[str, Any], own: Collection[str]) -> bool:
    return any(isinstance(path := plain.get(word), str) and _says_who(path, _IN_EVENTS, own) for word in _AMOUNTS)


def _covered(value: Any, by: str | int = VEIL) -> Any:
    """A flag says nothing; a list keeps two, because something may be between them."""
    if isinstance(value, list):
        return [_covered(each, by) for each in value[:2]]
    return value if value is None or isinstance(value, bool) else by


def _says_who(path: str, known: Collection[str], own: Collection[str]) -> bool:
    *leading, last = (_bare(step) for step in path.split("."))
    words = _WORD.findall(_unaccented(path.rpartition(".")[2]))
    ours = {_bare(each) for each in own}
    return (
        last in known
        or bool(words and words[-1].lower() in _LAST)
        or any(step in known and step not in _LEADING_ON for step in leading)
        or not ours.isdisjoint({*leading, last, _bare(path)})
    )


def _bare(name: str) -> str:
    return re.sub(r"[\W_]", "", _unaccented(name)).lower()


def _unaccented(name: str) -> str:
    return "".join(sign for sign in normalize("NFKD", name) if not combining(sign))


def _under(word: str, plain: Any) -> Iterator[Any]:
    """What stands under a word, however deep."""
    if isinstance(plain, dict):
        if word in plain:
            yield plain[word]
        plain = [*plain.values()]
    if isinstance(plain, list):
        for each in plain:
            yield from _under(word, each)
