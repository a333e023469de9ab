"""What no second try of a training or a scoring mends: it fails at once, in words for operators."""

from segments.errors import TOO_MANY_PARTS, DefinitionError
from store.database import StatementRefused

#: Too little is known, too little memory, a definition of too many parts, or Postgres refuses a statement itself (class 42
#: of its errors): what was connected
#: badly or interrupted is tried again instead.
BEYOND_TRYING = (DefinitionError, MemoryError, RecursionError, StatementRefused)


def words(error: Exception, what: str) -> str:
    """Why `what` (training or scoring) has failed, told of the prediction, and what to do; nothing of a customer."""
    match error:
        case StatementRefused():
            said = str(error).splitlines()[0]
            return (
                f"Postgres refuses a statement of {what} ({error.sqlstate}: {said}); it will not take it the next time either:"
                " bring the schema up to date (`journeys migrate`), and if it is, report this as a fault of ours"
            )
        case RecursionError():
            return f"{what} asks too much at once: {TOO_MANY_PARTS}"
        case MemoryError() if not str(error):
            return f"{what} needs more memory than JOURNEYS_TRAIN_MEMORY lets it have"
        case DefinitionError(place="prediction"):
            return f"it {error.problem}"
        case _:
            return str(error)
