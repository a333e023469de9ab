"""What names people in a definition: recognised in English and Spanish, and left out of its words and its JSON."""

from typing import Any

import pytest

from segments import bucket, customers, did, prop, trait
from segments.ask.why import why
from segments.define.naming import VEIL, names_people, veiled, without_names
from segments.facts import Facts
from segments.language.predicate import Predicate
from segments.language.wire import predicate_from_json
from segments.leaves.score import points, score
from tests.segments.every_leaf import LEAVES
from tests.segments.shop import T0
from tests.segments.test_why import ANA

WHO = "ana@example.com"


@pytest.mark.parametrize(
    "name",
    [
        *("email", "mail", "correo", "Correo electrónico", "customerEmail", "email.value", "contact.phone.number", "teléfono"),
        *("telefono_movil", "móvil", "DNI", "n_i_f", "iban", "IP", "ip_address", "nombre", "Apellidos", "First Name", "id"),
        *("user-id", "dirección", "pasaporte", "billing_email"),
    ],
)
def test_a_trait_that_says_who_somebody_is(name: str) -> None:
    predicate = trait(name) == WHO
    assert names_people(predicate)
    assert WHO not in str(without_names(predicate)) + str(veiled(predicate.to_json()))


@pytest.mark.parametrize("name", ["to", "address", "recipient", "dni", "correo", "shipping.email"])
def test_a_property_that_does(name: str) -> None:
    predicate = did("Letter Sent").where(prop(name) == WHO)
    assert names_people(predicate)
    assert WHO not in str(without_names(predicate)) + str(veiled(predicate.to_json()))


@pytest.mark.parametrize(
    "predicate",
    [
        did("$identify").largest("phone") == 34600123456,
        did("Called").smallest("customer.phone").between(34600123456, 34600123457),
        (did("Called").total("telefono") > 34600123456) | (trait("tier") == "gold"),
    ],
)
def test_an_amount_of_such_a_property_is_that_property(predicate: Predicate) -> None:
    """Of one event the largest number of a property is the property."""
    assert names_people(predicate)
    bare = without_names(predicate)
    assert len(bare.parts) == len(predicate.parts)
    assert "34600" not in str(bare) + str(veiled(predicate.to_json()))
    assert VEIL in str(veiled(predicate.to_json()))
    assert not names_people(did("Called").distinct("phone") > 3)


@pytest.mark.parametrize(
    "predicate",
    [
        trait("tier") == "gold",
        trait("address.city") == "Madrid",
        trait("email_opens") > 3,
        trait("is_mobile") == True,  # noqa: E712 - a predicate
        did("Product Added").where(prop("name") == "boots"),
        bucket(10, "salt"),
    ],
)
def test_what_is_wide_stays_as_it_is(predicate: Predicate) -> None:
    assert not names_people(predicate)
    assert without_names(predicate) is predicate


def test_a_deployment_says_what_else_does() -> None:
    predicate = (trait("socio") == "s-77") & did("Visited").where(prop("Matrícula") == "1234 BCD")
    assert not names_people(predicate)
    assert names_people(predicate, ["Socio"])
    assert str(without_names(predicate, ["socio", "matricula"])).count(VEIL) == 2


@pytest.mark.parametrize(
    "predicate",
    [
        customers(WHO, "u-2", "u-3"),
        trait("email").in_(WHO, "b@example.com", "c@example.com"),
        trait("phone").between(34600, 34700),
        trait("email").starts_with(WHO) | ~(trait("tier") == "gold"),
        did("X").where(prop("email").contains(WHO)) & (score(points(3, trait("email") == WHO)) > 2),
    ],
)
def test_the_same_without_values_has_its_shape_and_reads_back(predicate: Predicate) -> None:
    bare = without_names(predicate)
    assert predicate_from_json(bare.to_json()) == bare
    told = str(bare) + str(bare.to_json())
    assert VEIL in told
    assert not any(value in told for value in (WHO, "u-2", "b@example.com", "34600"))
    facts = Facts.of({"email": WHO}, (), ANA)
    found = why(predicate, facts, T0, bare)
    assert found.holds == why(predicate, facts, T0).holds
    assert WHO not in str([found.text, [part.text for part in found.parts]])


def test_no_leaf_breaks_by_it() -> None:
    for leaf in LEAVES.values():
        bare: Any = without_names(leaf)
        assert len(bare.parts) == len(leaf.parts)
