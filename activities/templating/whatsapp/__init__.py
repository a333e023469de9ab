"""WhatsApp messages, `<name>.whatsapp.yaml`: an approved template where the file names one, else a message of one's own."""

from activities.templating.source import read_yaml
from activities.templating.vocabulary import Vocabulary
from activities.templating.whatsapp.approved import ApprovedTemplate
from activities.templating.whatsapp.free_form import SAYING, FreeFormTemplate


class WhatsAppTemplate:
    """A message on WhatsApp, as its file says it."""

    @staticmethod
    def read(file: str, text: str, vocabulary: Vocabulary) -> ApprovedTemplate | FreeFormTemplate:
        """From the file's text.

        Raises:
            TemplateError: the file cannot be used.
        """
        source = read_yaml(file, text)
        kind = FreeFormTemplate if "template" not in source.fields and SAYING & set(source.fields) else ApprovedTemplate
        return kind.of(source, vocabulary)


__all__ = ["ApprovedTemplate", "FreeFormTemplate", "WhatsAppTemplate"]
