"""How long a CDS Hooks card takes: service time of each hook, from request bytes to reply bytes.

    python benchmarks/hooks.py --calls 200

The person is the one of `examples/hooks-patient.json`; HTTP itself is not counted.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

from careloop.dictionary.catalogue import load
from careloop.programmes.hook_desk import endpoint
from careloop.programmes.programme import programme

ROOT = Path(__file__).resolve().parent.parent
TODAY = date(2026, 11, 22)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--calls", type=int, default=200)
    calls = arguments.parse_args().calls
    sys.path.insert(0, str(ROOT / "tests" / "guidance"))
    import hooks_client  # type: ignore[import-not-found]  # noqa: PLC0415

    bundle = json.loads((ROOT / "examples" / "hooks-patient.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        served = endpoint(
            programme("osteoporosis"),
            load(),
            feedback_log=Path(folder) / "feedback.ndjson",
            today=lambda: TODAY,
        )
        client = hooks_client.Client("", bundle)
        drafted = hooks_client.draft("example-1", "M05BX08")
        for service in served.offered:
            context = {"userId": "Practitioner/1", "patientId": "example-1"}
            if service.hook != "patient-view":
                context = hooks_client.order_context(
                    "example-1", drafted, select=service.hook == "order-select"
                )
            request = {
                "hook": service.hook,
                "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
                "context": context,
                "prefetch": {
                    name: client.resolve(template, context)
                    for name, template in service.prefetch.items()
                },
            }
            body = json.dumps(request).encode()
            times = []
            for number in range(calls + 10):
                start = time.perf_counter()
                reply = served.answer("POST", f"/cds-services/{service.id}", {}, body)
                if number >= 10:
                    times.append((time.perf_counter() - start) * 1000)
                assert reply.status == 200
            times.sort()
            print(
                f"{service.hook:13} median {statistics.median(times):6.1f} ms   "
                f"p95 {times[int(0.95 * len(times))]:6.1f} ms   reply {len(reply.body):,} bytes"
            )


if __name__ == "__main__":
    main()
