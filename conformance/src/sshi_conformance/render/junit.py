"""JUnit XML: a suite for each host, a test for each case."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from sshi_conformance.render.text import because
from sshi_conformance.report import Report
from sshi_conformance.verdict import Status

_FORBIDDEN = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""What XML 1.0 cannot hold in any spelling."""


def junit(report: Report) -> str:
    """The report as CI systems read it; a declared deviation that was seen is a pass that says so."""
    root = ET.Element("testsuites", name=_clean(f"sshi conformance: {report.subject}"))
    for host in report.hosts:
        results = [(case, result) for case in report.cases for result in case.results if result.host == host.name]
        suite = ET.SubElement(
            root,
            "testsuite",
            name=host.name,
            tests=str(len(results)),
            failures=str(sum(result.status in (Status.FAILED, Status.XPASSED) for _, result in results)),
            errors=str(sum(result.status is Status.ERRORED for _, result in results)),
            skipped=str(sum(result.status is Status.SKIPPED for _, result in results)),
            time=f"{host.seconds:.6f}",
        )
        for case, result in results:
            test = ET.SubElement(
                suite, "testcase", classname=_clean(f"{host.name}.{case.area}"), name=_clean(case.id), time=f"{result.seconds:.6f}"
            )
            text = _clean(because(result))
            match result.status:
                case Status.FAILED | Status.XPASSED:
                    ET.SubElement(test, "failure", type=result.status.value, message=text).text = _clean(case.doc)
                case Status.ERRORED:
                    ET.SubElement(test, "error", type=f"blame-{result.blame}", message=text).text = _clean(case.doc)
                case Status.SKIPPED:
                    ET.SubElement(test, "skipped", message=text)
                case Status.XFAILED:
                    ET.SubElement(test, "system-out").text = f"declared: {', '.join(result.deviations)}"
                case Status.PASSED:
                    pass
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
