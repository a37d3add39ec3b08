"""The compose example: its files are there and each is taken by whom it is for."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import yaml

from fer_runtime import __version__
from fer_runtime.out.web.address import host_is_ours, parse_listen, parse_origins
from fer_runtime.settings.file import load

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/examples"
COMPOSE = yaml.safe_load((FOLDER / "compose.yaml").read_text("utf-8"))
SERVICES = COMPOSE["services"]
sys.path.insert(0, str(ROOT / "packaging"))

from headless import needs  # noqa: E402 - it stands beside the Containerfile


def test_what_it_mounts_is_there_and_its_hosts_are_services() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            if volume.startswith("."):
                assert (FOLDER / volume.split(":")[0]).is_file(), volume
    settings = load(FOLDER / "compose/kiosk.yaml")
    fer = SERVICES["fer-edge"]
    assert settings.mqtt.host in SERVICES
    assert f"{settings.source.source}:{settings.source.source}" in fer["devices"]
    written = [v.split(":")[1] for v in fer["volumes"]] + [t.split(":")[0] for t in fer["tmpfs"]]
    for path in (settings.csv.path, settings.status.path):
        assert str(Path(path).parent) in written
    assert fer["image"] == f"fer-edge:{__version__}"


def test_prometheus_asks_the_port_that_the_settings_open() -> None:
    scrape = yaml.safe_load((FOLDER / "compose/prometheus.yml").read_text("utf-8"))
    port = parse_listen(load(FOLDER / "compose/kiosk.yaml").web.listen).port
    (job,) = scrape["scrape_configs"]
    assert job["static_configs"] == [{"targets": [f"127.0.0.1:{port}"]}]
    # Loopback is the same one in a shared network only, which must be there first.
    assert SERVICES["prometheus"]["network_mode"] == "service:fer-edge"
    assert "fer-edge" in SERVICES["prometheus"]["depends_on"]
    assert not any("9090" in p for p in SERVICES["prometheus"].get("ports", []))


def test_the_page_is_for_this_machine_and_under_its_names_only() -> None:
    web = load(FOLDER / "compose/kiosk.yaml").web
    port = parse_listen(web.listen).port
    # A published port leads to the container's own address, not to its loopback.
    assert not parse_listen(web.listen).loopback
    for service in SERVICES.values():
        assert all(p.startswith("127.0.0.1:") for p in service.get("ports", []))
    assert f"127.0.0.1:{port}:{port}" in SERVICES["fer-edge"]["ports"]
    origins = parse_origins(web.origins)
    for host, answered in (
        (f"127.0.0.1:{port}", True),
        (f"localhost:{port}", True),
        ("evil.example", False),
        (f"mosquitto:{port}", False),
    ):
        assert host_is_ours(host, "172.18.0.2", origins) == answered, host


def test_the_image_is_neither_root_nor_without_a_health_check() -> None:
    text = (ROOT / "Containerfile").read_text("utf-8")
    assert re.search(r"^USER 970:970$", text, re.MULTILINE)
    # In memory and the image's user's own: a tmpfs of the service is root's in some runtimes.
    assert "state:/run/fer-edge" in SERVICES["fer-edge"]["volumes"]
    state = COMPOSE["volumes"]["state"]["driver_opts"]
    assert state["type"] == "tmpfs" and "uid=970,gid=970" in state["o"].split(",mode")[0]
    every, timeout, retries = (
        int(re.search(rf"--{name}=(\d+)", text)[1]) for name in ("interval", "timeout", "retries")
    )
    # Lost within lost_after_s; a camera may be lost right after a look.
    assert load(ROOT / "systemd/kiosk.yaml").source.lost_after_s + (every + timeout) * retries <= 30


def test_what_the_image_installs() -> None:
    lines = [
        "numpy>=1.23.5",
        "opencv-python<5,>=4.11",
        'paho-mqtt>=2.0; extra == "mqtt"',
        "pylsl>=1.16.2; extra == 'lsl'",
    ]
    assert needs(lines, ["mqtt"]) == [
        "numpy>=1.23.5",
        "opencv-python-headless<5,>=4.11",
        "paho-mqtt>=2.0",
    ]
    with pytest.raises(ValueError, match=r"expected extras of.*lsl.*received.*nope"):
        needs(lines, ["nope"])
