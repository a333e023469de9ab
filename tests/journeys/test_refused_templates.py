"""What `journeys check` says of WhatsApp messages that cannot be meant: a category for other messages."""

from pathlib import Path

import pytest

from journeys.rules import Rule
from tests.journeys import test_refusals as refusals
from tests.journeys.test_refusals import examined, journey_of, told

package = refusals.package
BILL = {"bill__whatsapp__yaml": "template: bill\nlanguage: en\ncategory: utility\n"}


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("await j.whatsapp('bill', transactional=True)", ""),
        (
            "await j.whatsapp('bill')",
            "a marketing message by the template bill, which is of the category utility",
        ),
    ],
)
def test_a_category_for_other_messages_is_refused_where_the_message_is_sent(package: Path, step: str, said: str) -> None:
    found = [text for text in told(package, journey_of(step), **BILL) if not text.startswith("1: warning")]
    assert len(found) == bool(said)
    assert all(said in text and text.startswith("3: journey trial: ") for text in found)
    assert {each.rule for each in examined(package, journey_of(step), **BILL).problems} <= {Rule.TEMPLATE_CATEGORY}
