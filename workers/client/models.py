"""What is sent and answered as pydantic models, by datamodel-code-generator."""

import json
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from segments.errors import SegmentError
from workers.client.document import in_bodies

_HEAD = '"""What is sent and answered, as the deployment\'s OpenAPI describes it."""\n'


class NoGenerator(SegmentError):
    """datamodel-code-generator is not installed; the message says how it is."""


def models(document: Mapping[str, Any]) -> str:
    """A module with a class for each schema of a prepared document.

    Raises:
        NoGenerator: it is not installed.
    """
    if find_spec("datamodel_code_generator") is None:
        raise NoGenerator("this writes code, which needs an extra: pip install 'journeys[client]'")
    from datamodel_code_generator import InputFileType, LiteralType, generate
    from datamodel_code_generator.enums import DataModelType, OpenAPIScope
    from datamodel_code_generator.format import DatetimeClassType, Formatter, PythonVersion

    made = generate(
        json.dumps(in_bodies(document)),
        input_file_type=InputFileType.OpenAPI,
        openapi_scopes=[OpenAPIScope.Schemas],
        output_model_type=DataModelType.PydanticV2BaseModel,
        target_python_version=PythonVersion.PY_311,
        output_datetime_class=DatetimeClassType.Datetime,  # each customer's own clock is one without an offset
        custom_file_header=_HEAD,
        enum_field_as_literal=LiteralType.All,
        collapse_root_models=True,
        strict_nullable=True,
        allow_population_by_field_name=True,
        use_annotated=True,
        use_union_operator=True,
        use_standard_collections=True,
        use_generic_container_types=True,  # a list of one kind of call is a sequence of calls
        use_schema_description=True,
        use_field_description=True,
        use_double_quotes=True,
        formatters=[Formatter.BUILTIN],
    )
    assert isinstance(made, str), "one document without dots in its names is one module"
    return made
