"""Which catalogue this process serves. The one module that the workflow sandbox passes through, so that runs find it."""

module = "definitions"
