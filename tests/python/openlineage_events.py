"""Reads OpenLineage events, one JSON document a line, into the classes of the real client, which refuse unknown and missing
fields, and writes them again: what comes out must be what went in. Prints a line for every event."""

import json
import sys

from openlineage.client import event_v2 as ol
from openlineage.client.generated import (
    data_quality_metrics_input_dataset as quality,
    dataset_type_dataset,
    dataset_version_dataset,
    datasource_dataset,
    documentation_dataset,
    documentation_job,
    error_message_run,
    job_type_job,
    ownership_dataset,
    processing_engine_run,
    schema_dataset,
    tags_dataset,
)
from openlineage.client.serde import Serde

FACETS = {
    ("dataset", "schema"): schema_dataset.SchemaDatasetFacet,
    ("dataset", "version"): dataset_version_dataset.DatasetVersionDatasetFacet,
    ("dataset", "dataSource"): datasource_dataset.DatasourceDatasetFacet,
    ("dataset", "datasetType"): dataset_type_dataset.DatasetTypeDatasetFacet,
    ("dataset", "documentation"): documentation_dataset.DocumentationDatasetFacet,
    ("dataset", "ownership"): ownership_dataset.OwnershipDatasetFacet,
    ("dataset", "tags"): tags_dataset.TagsDatasetFacet,
    ("input", "dataQualityMetrics"): quality.DataQualityMetricsInputDatasetFacet,
    ("run", "errorMessage"): error_message_run.ErrorMessageRunFacet,
    ("run", "processing_engine"): processing_engine_run.ProcessingEngineRunFacet,
    ("job", "jobType"): job_type_job.JobTypeJobFacet,
    ("job", "documentation"): documentation_job.DocumentationJobFacet,
}
PARTS = {
    "fields": schema_dataset.SchemaDatasetFacetFields,
    "owners": ownership_dataset.Owner,
    "tags": tags_dataset.TagsDatasetFacetFields,
}


def facet(where, name, body):
    cls = FACETS[(where, name)]
    body = dict(body)
    # The version of a facet may be older than the client's; which facet it is may not differ.
    assert body["_schemaURL"].split("#")[1] == cls._get_schema().split("#")[1], body["_schemaURL"]
    assert body.pop("_schemaURL").startswith("https://openlineage.io/spec/facets/")
    producer = body.pop("_producer")
    for key, part in PARTS.items():
        if key in body:
            body[key] = [part(**item) for item in body[key]]
    if name == "dataQualityMetrics":
        body["columnMetrics"] = {k: quality.ColumnMetrics(**v) for k, v in body["columnMetrics"].items()}
    return cls(producer=producer, **body)


def facets(where, bodies):
    return {name: facet(where, name, body) for name, body in bodies.items()}


def dataset(cls, body):
    extra = {"inputFacets": facets("input", body["inputFacets"])} if "inputFacets" in body else {}
    return cls(namespace=body["namespace"], name=body["name"], facets=facets("dataset", body["facets"]), **extra)


def bare(value):
    """Without what is empty and without the versions of the schemas."""
    if isinstance(value, dict):
        kept = {k: bare(v) for k, v in value.items() if k not in ("_schemaURL", "schemaURL")}
        return {k: v for k, v in kept.items() if v not in (None, {}, [])}
    return [bare(v) for v in value] if isinstance(value, list) else value


for line in open(sys.argv[1], encoding="utf-8"):
    body = json.loads(line)
    event = ol.RunEvent(
        eventType=ol.RunState[body["eventType"]],
        eventTime=body["eventTime"],
        producer=body["producer"],
        run=ol.Run(runId=body["run"]["runId"], facets=facets("run", body["run"]["facets"])),
        job=ol.Job(body["job"]["namespace"], body["job"]["name"], facets("job", body["job"]["facets"])),
        inputs=[dataset(ol.InputDataset, d) for d in body["inputs"]],
        outputs=[dataset(ol.OutputDataset, d) for d in body["outputs"]],
    )
    assert body["schemaURL"] == event.schemaURL, body["schemaURL"]
    again = json.loads(Serde.to_json(event))
    assert bare(again) == bare(body), f"\n{bare(again)}\n{bare(body)}"
    print(body["eventType"], body["job"]["name"], len(body["inputs"]), len(body["outputs"]))
