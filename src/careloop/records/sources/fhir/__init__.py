"""The FHIR R4 reader: bundles, single resources and NDJSON become facts.

`read_fhir` is the way in for files, `read_resources` for resources in memory. `document` finds the
resources in a file, `code` leads their codes to the dictionary, one module for each kind of
resource makes facts, `account` counts what became of each.
"""

from careloop.records.sources.fhir.reading import FhirReading, read_fhir, read_resources

__all__ = ["FhirReading", "read_fhir", "read_resources"]
