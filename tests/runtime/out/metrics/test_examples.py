"""The alert rules and the Grafana dashboard of docs/examples, against what there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml
from promtool import needs_promtool, promtool
from statuses import STATUS

from fer_runtime.out.metrics.exposition import exposition

EXAMPLES = Path(__file__).parents[4] / "docs" / "examples"
PROMETHEUS = EXAMPLES / "prometheus"
DASHBOARD: dict[str, Any] = json.loads((EXAMPLES / "grafana.json").read_text("utf-8"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel.get("targets", [])]


def samples() -> set[str]:
    """Names of all samples, buckets included."""
    return set(re.findall(r"^(\w+)\{", exposition(STATUS), re.MULTILINE))


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))["groups"]
    return list(group["rules"])


def named(expressions: list[str]) -> set[str]:
    return set(re.findall(r"\bfer_\w+", " ".join(expressions)))


@needs_promtool
def test_promtool_accepts_rules_and_configuration() -> None:
    assert "5 rules found" in promtool("check", "rules", PROMETHEUS / "alerts.yml")
    assert "valid" in promtool("check", "config", PROMETHEUS / "prometheus.yml")


@needs_promtool
def test_each_alert_fires_when_it_should_and_only_then() -> None:
    said = promtool("test", "rules", PROMETHEUS / "alerts.test.yml")
    assert "SUCCESS" in said
    tested = yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text("utf-8"))["tests"]
    checks = [check for test in tested for check in test["alert_rule_test"]]
    for rule in rules():
        outcomes = {bool(c["exp_alerts"]) for c in checks if c["alertname"] == rule["alert"]}
        assert outcomes == {True, False}, rule["alert"]


def test_every_metric_of_a_rule_and_of_a_panel_exists() -> None:
    expressions = [rule["expr"] for rule in rules()]
    assert named(expressions) and named(expressions) <= samples()
    assert named(EXPRESSIONS) <= samples()
    # And nothing that can be graphed is left out.
    shown = {name.removesuffix("_bucket") for name in named(EXPRESSIONS)}
    every = {re.sub(r"_(bucket|sum|count)$", "", name) for name in samples()}
    assert every - shown == {
        "fer_readings_total", "fer_watched_seconds_total", "fer_last_frame_timestamp_seconds",
        "fer_csv_last_write_timestamp_seconds", "fer_uptime_seconds",
    }  # fmt: skip


def test_every_label_value_that_is_asked_for_exists() -> None:
    text = exposition(STATUS)
    asked = re.findall(
        r'(fer_\w+)\{[^}]*?\b(state|emotion|fate)="(\w+)"',
        " ".join(EXPRESSIONS),
    )
    assert asked
    for name, label, value in asked:
        assert re.search(rf'^{name}\{{.*{label}="{value}"', text, re.MULTILINE), (name, value)
    # The timeline numbers all states, in their order.
    (timeline,) = [panel for panel in PANELS if panel["type"] == "state-timeline"]
    numbered = re.findall(r'state="(\w+)"\} \* (\d)', timeline["targets"][0]["expr"])
    states = re.findall(r'^fer_state\{.*state="(\w+)"', text, re.MULTILINE)
    assert numbered == [(state, str(n)) for n, state in enumerate(states, 1)]
    texts = timeline["fieldConfig"]["defaults"]["mappings"][0]["options"]
    assert {n: option["text"] for n, option in texts.items()} == {n: s for s, n in numbered}


@needs_promtool
def test_every_expression_of_the_dashboard_is_promql(tmp_path: Path) -> None:
    variables = {"$__rate_interval": "1m", "$__range": "24h", "$device": ".*"}
    plain = EXPRESSIONS
    for variable, value in variables.items():
        plain = [expression.replace(variable, value) for expression in plain]
    assert not [expression for expression in plain if "$" in expression]
    recorded = [{"record": f"panel:{n}", "expr": e} for n, e in enumerate(plain)]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": recorded}]}), "utf-8")
    assert f"{len(recorded)} rules found" in promtool("check", "rules", path)


def test_the_dashboard_can_be_imported() -> None:
    assert DASHBOARD["schemaVersion"] >= 36 and DASHBOARD["id"] is None and DASHBOARD["uid"]
    variables = {v["name"]: v["type"] for v in DASHBOARD["templating"]["list"]}
    assert variables == {"datasource": "datasource", "device": "query"}
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    taken: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
        if panel["type"] == "row":
            continue
        assert panel["title"] and panel["description"] and panel["targets"]
        assert len({t["refId"] for t in panel["targets"]}) == len(panel["targets"])
        for target in (panel, *panel["targets"]):  # no data source of one machine
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
