"""WhatsApp messages, `<name>.whatsapp.yaml`: approved templates."""

from activities.templating.source import read_yaml
from activities.templating.vocabulary import Vocabulary
from activities.templating.whatsapp.approved import ApprovedTemplate


class WhatsAppTemplate:
    """A message on WhatsApp, as its file says it."""

    @staticmethod
    def read(file: str, text: str, vocabulary: Vocabulary) -> ApprovedTemplate:
        """From the file's text.

        Raises:
            TemplateError: the file cannot be used.
        """
        return ApprovedTemplate.of(read_yaml(file, text), vocabulary)


__all__ = ["ApprovedTemplate", "WhatsAppTemplate"]
