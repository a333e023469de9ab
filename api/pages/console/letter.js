// Shows each letter in its frame at once; without script its button does.
"use strict";

for (const form of document.querySelectorAll("form[data-shows]")) form.requestSubmit();
