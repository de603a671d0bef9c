"""DiagnosticReports: read through their results, conclusions and what they contain."""

from __future__ import annotations

from datetime import datetime

from .conftest import SNOMED, concept, observation


def report(**parts):
    return {
        "resourceType": "DiagnosticReport",
        "id": "r",
        "status": "final",
        "subject": {"reference": "Patient/p"},
        "effectiveDateTime": "2020-05-01",
        "code": {"text": "DXA"},
    } | parts


def test_reports_are_read_through_their_results(read):
    result = read(report(result=[{"reference": "Observation/o"}]), observation(), report())
    assert result.outcome("DiagnosticReport") == {
        "read through its results": 1,
        "says nothing the dictionary has": 1,
    }
    assert result.only("height_cm")


def test_conclusions_of_a_report(read):
    concluded = report(conclusionCode=[concept(SNOMED, "64859006", "Osteoporosis")])
    fact = read(concluded).only("osteoporosis_diagnosed")
    assert (fact["number"], fact["raw"], fact["field"]) == (
        1.0,
        "Osteoporosis",
        "DiagnosticReport/r",
    )
    assert (
        read(report(status="preliminary", conclusionCode=concluded["conclusionCode"])).of(
            "osteoporosis_diagnosed"
        )
        == []
    )


def test_observations_contained_in_a_report(read):
    inner = observation(subject=None, effectiveDateTime=None, status=None, id="i")
    result = read(report(contained=[inner], result=[{"reference": "#i"}]))
    assert result.only("height_cm")["effective_at"] == datetime(2020, 5, 1)
    assert result.outcome("Observation (contained)") == {"fact": 1}
