"""What was measured of judges, kept in TUNEGATE_HOME by the judge's identity."""

import json
from dataclasses import asdict
from pathlib import Path

from evaluators.judging.calibration import Calibration
from evaluators.judging.labels import Question
from evaluators.replies import text_digest
from gateway.errors import SettingsError

FOLDER = "calibrations"


def keep(home: Path, calibration: Calibration) -> None:
    """Keep a calibration; an earlier one of the same judge and question is replaced."""
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = _path(home, calibration.judge, calibration.question)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(calibration), indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def every(home: Path) -> tuple[Calibration, ...]:
    """All that were kept."""
    return tuple(_read(path) for path in sorted((home / FOLDER).glob("*.json")))


def of_harm(home: Path) -> tuple[Calibration, ...]:
    """Those that reports are corrected by."""
    return tuple(one for one in every(home) if one.question is Question.HARM)


def _path(home: Path, judge: str, question: Question) -> Path:
    return home / FOLDER / f"{question}-{text_digest(judge)}.json"


def _read(path: Path) -> Calibration:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return Calibration(**{**document, "question": Question(document["question"])})
    except (ValueError, KeyError, TypeError) as exc:
        raise SettingsError(f"{path} is no calibration ({exc}); delete it and run `tunegate judge calibrate`") from exc
