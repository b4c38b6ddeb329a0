"""Reads an Open Data Contract Standard file as others do: PyYAML, the standard's own JSON schema, and its Python model.

    odcs_check.py FILE      prints the document as JSON, or ends with what is wrong
"""

import json
import sys

import jsonschema
import yaml
from open_data_contract_standard.model import OpenDataContractStandard

text = open(sys.argv[1], encoding="utf-8").read()
document = yaml.safe_load(text)
schema = json.loads(OpenDataContractStandard.json_schema())
jsonschema.Draft201909Validator.check_schema(schema)
errors = sorted(jsonschema.Draft201909Validator(schema).iter_errors(document), key=lambda e: list(map(str, e.path)))
if errors:
    sys.exit("\n".join(f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in errors[:20]))
OpenDataContractStandard.from_string(text)
print(json.dumps(document))
