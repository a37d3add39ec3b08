"""Settings: ranges, YAML with line numbers, the commented sample."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_runtime.errors import ConfigError
from fer_runtime.settings.file import RETIRED, dump, load
from fer_runtime.settings.schema import Settings, all_settings, check


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "kiosk.yaml"
    path.write_text(text, "utf-8")
    return path


def test_defaults_are_within_their_own_limits() -> None:
    for key, (item, _) in all_settings().items():
        assert check(key, item.default) == item.default


def test_every_setting_is_explained() -> None:
    for key, (_, limits) in all_settings().items():
        assert len(limits.help) > 10, key


def test_dump_and_load_agree(tmp_path: Path) -> None:
    notice = "one\ntwo  three\ttabs \u2028 \x7f " + "long " * 80 + "ñ"
    values = {"source.source": 'a"b\\c', "csv.interval_s": 0.25, "window.notice": notice}
    settings = Settings().with_values(values)
    assert load(write(tmp_path, dump(settings))) == settings
    assert load(write(tmp_path, dump(Settings()))) == Settings()


def test_dump_names_the_default_where_another_value_is_in_force() -> None:
    assert "default " not in dump(Settings()).partition("\n\n")[2]
    text = dump(Settings().with_values({"csv.path": "a.csv", "tracker.max_gap_s": 1}))
    assert '[--csv, default ""]\n  path: "a.csv"\n' in text
    assert "[0 to 60 s, default 2.0] (reload)\n  max_gap_s: 1.0\n" in text
    assert text.count("default ") == dump(Settings()).count("default ") + 2


def test_file_goes_over_defaults(tmp_path: Path) -> None:
    settings = load(write(tmp_path, "csv:\n  path: a.csv\nsource:\n  source: 2\ndetector:\n"))
    assert settings.csv.path == "a.csv" and settings.source.source == "2"
    assert settings.detector == Settings().detector


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    assert load(write(tmp_path, "# nothing\n")) == Settings()


def test_all_errors_in_one_go_with_lines_and_the_nearest_key(tmp_path: Path) -> None:
    text = "source:\n  widht: 640\n  fps: fast\ncvs:\n  path: x\ncsv:\n  interval: 3\n  gzip: 7\n"
    with pytest.raises(ConfigError) as error:
        load(write(tmp_path, text))
    message = str(error.value)
    assert "line 2: unknown key in source: widht, did you mean width?" in message
    assert "line 3: source.fps: expected a number from 1 to 240 1/s, received 'fast'" in message
    assert "line 4: unknown section: cvs, did you mean csv?" in message
    assert "line 7: unknown key in csv: interval, did you mean interval_s?" in message
    assert "line 8: csv.gzip: expected true or false, received 7" in message
    assert "\n" not in message


def test_a_key_in_the_wrong_section_names_the_right_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"did you mean smoothing\.dwell_s\?"):
        load(write(tmp_path, "csv:\n  dwell_s: 1\n"))


def test_a_key_given_twice(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"line 3: source\.fps: given twice, first in line 2"):
        load(write(tmp_path, "source:\n  fps: 10\n  fps: 20\n"))


@pytest.mark.parametrize(
    "text",
    [
        "a: [1",
        "- 1\n- 2\n",
        "source: 5\n",
        "\x00",
        "source:\n\tx: 1\n",
        "csv:\n  path: !!python/name:os.system\n",
        "csv:\n  gzip: !!bool maybe\n",
        "csv:\n  keep_days: !!int ''\n",
        "csv:\n  path: !!timestamp soon\n",
        "csv:\n  path: [[1]]\n",
        "csv:\n  path: {a: [1]}\n",
        # Nine times nine times nine ... words, were it ever written out.
        "csv:\n  path:\n  - &a0 [x]\n"
        + "".join(f"  - &a{n + 1} [{', '.join([f'*a{n}'] * 9)}]\n" for n in range(12)),
    ],
)
def test_what_is_not_a_config(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match=r"config .*kiosk\.yaml"):
        load(write(tmp_path, text))


def test_numbers_with_an_exponent_are_numbers(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.yaml"
    path.write_text("tracker: {max_gap_s: 5e-1}\nrun: {max_frames: 1e3, duration_s: 1.0E+02}\n")
    settings = load(path)
    assert settings.tracker.max_gap_s == 0.5 and settings.run.duration_s == 100.0
    assert settings.run.max_frames == 1000 and isinstance(settings.run.max_frames, int)
    for bad in ("run: {max_frames: 1e-3}", "run: {max_frames: 1e999}", "run: {duration_s: '1e3'}"):
        path.write_text(bad)
        with pytest.raises(ConfigError, match=r"line 1: run\.\w+: expected a (whole )?number"):
            load(path)


def test_sixties_are_not_taken_for_a_number(tmp_path: Path) -> None:
    (tmp_path / "kiosk.yaml").write_text("run:\n  duration_s: 1:30\n")
    with pytest.raises(ConfigError, match=r"line 2: run\.duration_s: .*received 1:30"):
        load(tmp_path / "kiosk.yaml")


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "k.yaml"
    path.write_bytes(b"\xff\xfe\x00source")
    with pytest.raises(ConfigError, match="expected text in UTF-8"):
        load(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("classifier.threads", 0),
        ("classifier.threads", 1.5),
        ("classifier.threads", True),
        ("csv.interval_s", float("nan")),
        ("csv.interval_s", "1"),
        ("csv.path", "a\0b"),
        ("csv.path", "a\ud800"),
        ("source.source", "rtsp://cam/\udcff"),
        ("source.source", "/dev/\udcff"),
        ("mqtt.device", "\udcff"),
        ("source.rotate", 45),
        ("window.language", "fr"),
        ("classifier.labels", "happy,sad"),
        ("csv.path", "~nosuchuser/x.csv"),
        ("mqtt.device", "k" * 1001),
        ("status.path", "~nosuchuser/status.json"),
    ],
)
def test_values_out_of_range(key: str, value: object) -> None:
    with pytest.raises(ConfigError, match=f"{key}: expected .*received"):
        check(key, value)


def test_the_sample_of_an_earlier_version_still_starts_the_service(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # As an installer left it on kiosks: a full file, with every key of its time.
    settings = load(Path(__file__).parent / "kiosk-0.1.0.yaml")
    assert settings.csv.path == "/var/log/fer-edge/log.csv"
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == len(RETIRED)
    for key in RETIRED:
        assert any(f"{key} is no longer a setting" in line for line in told)
    assert not set(RETIRED) & set(all_settings())
