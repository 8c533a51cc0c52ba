"""Readers of the formats that CI systems take, written after what these publish and not after how reports are made."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes
from xml.etree import ElementTree

REGISTERED = {
    "add-mask", "add-matcher", "add-path", "debug", "echo", "endgroup", "error", "group", "notice", "remove-matcher",
    "save-state", "set-env", "set-output", "stop-commands", "warning",
}  # fmt: skip
"""commands that a runner of GitHub Actions obeys"""


@dataclass(frozen=True)
class Command:
    """A workflow command as the runner takes it from the log."""

    name: str
    properties: dict[str, str]
    data: str


def commands(output: str) -> Iterator[Command]:
    """The workflow commands in a log, by the rules of the runner: ``::`` first, else ``##[`` anywhere in a line."""
    for line in re.split(r"\r\n|\r|\n", output):
        command = _second_syntax(line) or _first_syntax(line)
        if command is not None:
            yield command


def _second_syntax(line: str) -> Command | None:
    line = line.lstrip()
    if not line.startswith("::"):
        return None
    end = line.find("::", 2)
    if end < 0:
        return None
    name, _, rest = line[2:end].partition(" ")
    if name not in REGISTERED:
        return None
    properties = {}
    for part in filter(None, rest.strip().split(",")):
        pair = [piece for piece in part.split("=", 1) if piece]
        if len(pair) == 2:
            properties[pair[0]] = _unescaped(pair[1], "%0D", "%0A", "%3A", "%2C", "%25")
    return Command(name, properties, _unescaped(line[end + 2 :], "%0D", "%0A", "%25"))


def _first_syntax(line: str) -> Command | None:
    start = line.find("##[")
    end = line.find("]", start)
    if start < 0 or end < 0:
        return None
    name, _, rest = line[start + 3 : end].partition(" ")
    if name not in REGISTERED:
        return None
    pairs = (part.split("=", 1) for part in rest.split(";"))
    properties = {pair[0]: pair[1] for pair in pairs if len(pair) == 2 and all(pair)}
    return Command(name, properties, line[end + 1 :])


def _unescaped(text: str, *tokens: str) -> str:
    for token in tokens:
        text = text.replace(token, unquote_to_bytes(token).decode())
    return text


def check_sarif(document: Any) -> None:
    """What SARIF 2.1.0 and GitHub's code scanning demand of a document with one run."""
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-2.1.0.json")
    (run,) = document["runs"]
    assert run["columnKind"] in ("unicodeCodePoints", "utf16CodeUnits")
    driver = run["tool"]["driver"]
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", driver["semanticVersion"])
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(set(ids)) == len(ids)
    for rule in [*driver["rules"], *driver["notifications"]]:
        assert re.fullmatch(r"([A-Z][a-z]+)+", rule["name"])
        assert 0 < len(rule["shortDescription"]["text"]) < 1024
        assert 0 < len(rule["fullDescription"]["text"]) < 1024
        assert rule["help"]["text"]
        assert rule["help"]["markdown"]
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
        assert "security-severity" not in rule.get("properties", {})
    for invocation in run["invocations"]:
        assert invocation["executionSuccessful"] is not any(
            note["level"] == "error" for note in invocation["toolExecutionNotifications"]
        )
        for note in invocation["toolExecutionNotifications"]:
            assert note["message"]["text"]
            assert driver["notifications"][note["descriptor"]["index"]]["id"] == note["descriptor"]["id"]
            for place in note["locations"]:
                _check_artifact(place["physicalLocation"]["artifactLocation"], run)
    said = {"suppressions" in result for result in run["results"]}
    assert len(said) <= 1, "suppressions must be said of all results or of none"
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"].endswith((".", "!", "?"))
        assert result["locations"]
        for place in result["locations"]:
            _check_place(place, run)
        related = [place["id"] for place in result.get("relatedLocations", ())]
        assert related == list(range(1, len(related) + 1))
        for flow in result.get("codeFlows", ()):
            for thread in flow["threadFlows"]:
                assert thread["locations"]
                for step in thread["locations"]:
                    assert step["location"]["message"]["text"]
                    _check_place(step["location"], run)
        assert all(isinstance(value, str) and value for value in result["partialFingerprints"].values())
        for fix in result.get("fixes", ()):
            for change in fix["artifactChanges"]:
                _check_artifact(change["artifactLocation"], run)
                for replacement in change["replacements"]:
                    _check_region(replacement["deletedRegion"])
        for suppression in result.get("suppressions", ()):
            assert suppression["kind"] in ("inSource", "external")


def _check_place(place: Any, run: Any) -> None:
    _check_artifact(place["physicalLocation"]["artifactLocation"], run)
    _check_region(place["physicalLocation"]["region"])


def _check_artifact(artifact: Any, run: Any) -> None:
    uri = artifact["uri"]
    assert re.fullmatch(r"(?:[A-Za-z0-9._~/!$&'()*+,;=@:-]|%[0-9A-F]{2})+", uri), uri
    if "uriBaseId" in artifact:
        assert artifact["uriBaseId"] in run["originalUriBaseIds"]
        assert not re.match(r"/|[A-Za-z][A-Za-z0-9+.-]*:", uri), uri
        assert ".." not in uri.split("/")
    else:
        assert uri.startswith("file:///")


def _check_region(region: Any) -> None:
    start = (region["startLine"], region["startColumn"])
    end = (region["endLine"], region["endColumn"])
    assert (1, 1) <= start <= end


def check_gitlab(document: Any) -> None:
    """What GitLab's documentation of code quality reports demands."""
    assert isinstance(document, list)
    fingerprints = [issue["fingerprint"] for issue in document]
    assert len(set(fingerprints)) == len(fingerprints)
    for issue in document:
        assert issue["severity"] in ("info", "minor", "major", "critical", "blocker")
        assert all(isinstance(issue[key], str) and issue[key] for key in ("description", "check_name", "fingerprint"))
        assert not issue["location"]["path"].startswith("./")
        lines = issue["location"]["lines"]
        assert 1 <= lines["begin"] <= lines.get("end", lines["begin"])


def check_rdjson(document: Any) -> None:
    """What reviewdog's schema of ``DiagnosticResult`` demands."""
    assert set(document) <= {"source", "severity", "diagnostics"}
    for diagnostic in document["diagnostics"]:
        keys = {
            "message",
            "location",
            "severity",
            "source",
            "code",
            "suggestions",
            "original_output",
            "related_locations",
        }
        assert set(diagnostic) <= keys
        assert diagnostic["message"]
        assert diagnostic["severity"] in ("ERROR", "WARNING", "INFO", "UNKNOWN_SEVERITY")
        assert diagnostic["code"]["value"]
        places = [diagnostic["location"], *(place["location"] for place in diagnostic.get("related_locations", ()))]
        for place in places:
            assert place["path"]
        ranges = [place["range"] for place in places if "range" in place]
        ranges += [suggestion["range"] for suggestion in diagnostic.get("suggestions", ())]
        for span in ranges:
            start, end = span["start"], span.get("end", span["start"])
            assert (start["line"], start.get("column", 1)) >= (1, 1)
            assert (start["line"], start.get("column", 1)) <= (end["line"], end.get("column", 1))


def check_junit(text: str) -> ElementTree.Element:
    """What the schema of Jenkins' xUnit plugin demands of elements, attributes and counts; returns the root."""
    assert text.isascii()
    root = ElementTree.fromstring(text)
    attributes = {
        "testsuites": {"name", "time", "tests", "failures", "errors"},
        "testsuite": {
            "name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id", "package",
            "file", "log", "url",
        },
        "testcase": {"name", "time", "classname", "group"},
        "failure": {"type", "message"},
        "error": {"type", "message"},
        "skipped": {"type", "message"},
    }  # fmt: skip
    assert root.tag == "testsuites"
    for element in root.iter():
        assert set(element.attrib) <= attributes[element.tag]
    for suite in root:
        assert {"name", "tests", "failures", "errors"} <= set(suite.attrib)
        cases = [(case.get("classname"), case.get("name")) for case in suite]
        assert len(set(cases)) == len(cases)
        assert all(name for _, name in cases)
        counted = {"tests": "testcase", "failures": "failure", "errors": "error", "skipped": "skipped"}
        for attribute, tag in counted.items():
            assert int(suite.get(attribute, "0")) == len(list(suite.iter(tag)))
    for attribute in ("tests", "failures", "errors"):
        assert int(root.get(attribute, "0")) == sum(int(suite.get(attribute, "0")) for suite in root)
    return root
