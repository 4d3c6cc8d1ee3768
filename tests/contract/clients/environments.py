"""An environment for each client, made once and kept in a cache folder."""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

INSTALL_TIMEOUT_S = 60.0
LONG_TIMEOUT_S = 900.0


class CannotInstall(Exception):
    """The registry does not answer, or not in time."""


@dataclass(frozen=True)
class Client:
    """A client, what it needs, and the script that drives it."""

    name: str
    packages: tuple[str, ...]
    script: str
    beside: tuple[str, ...] = ()
    """Installed without what they declare."""
    shares: bool = False
    """Only its packages are its own; what they need is the gateway's. Seconds to install."""

    @property
    def is_node(self) -> bool:
        """Whether it runs under node."""
        return self.script.endswith(".mjs")


def cache() -> Path:
    """`TUNEGATE_CLIENTS_CACHE`, by default in the user's cache folder."""
    return Path(os.environ.get("TUNEGATE_CLIENTS_CACHE") or Path.home() / ".cache" / "tunegate" / "clients")


def command(client: Client) -> tuple[list[str], dict[str, str]]:
    """What runs the client's script, and the variables it needs. Raises CannotInstall."""
    script = Path(__file__).parent / "scripts" / client.script
    if not client.packages:
        return [sys.executable, str(script)], {}
    home = _ready(client)
    if client.is_node:
        # Modules are looked up beside the script.
        placed = home / client.script
        shutil.copyfile(script, placed)
        return ["node", str(placed)], {}
    if client.shares:
        return [sys.executable, str(script)], {"PYTHONPATH": str(home)}
    return [str(home / "bin" / "python"), str(script)], {}


def _ready(client: Client) -> Path:
    """The environment's folder. The stamp is written last, so its existence says that all is there."""
    wanted = " ".join((*client.packages, *client.beside, sys.version.split()[0]))
    home = cache() / f"{client.name}-{hashlib.sha256(wanted.encode()).hexdigest()[:8]}"
    stamp = home / ".installed"
    if stamp.exists():
        return home
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip"]
    quiet = ["install", "--quiet", "--no-compile", "--disable-pip-version-check", "--retries", "1"]
    if client.is_node:
        if shutil.which("npm") is None:
            raise CannotInstall("there is no npm on this machine")
        (home / "package.json").write_text("{}")
        _run(["npm", "install", "--no-audit", "--no-fund", "--silent", *client.packages], home, LONG_TIMEOUT_S)
    elif client.shares:
        _run([*pip, *quiet, "--no-deps", "--target", str(home), *client.packages], home, INSTALL_TIMEOUT_S)
    else:
        venv.create(home, with_pip=False)
        here = [*pip, "--python", str(home / "bin" / "python"), *quiet]
        _run([*here, *client.packages], home, LONG_TIMEOUT_S)
        if client.beside:
            _run([*here, "--no-deps", *client.beside], home, LONG_TIMEOUT_S)
    stamp.touch()
    return home


def _run(command: list[str], home: Path, timeout_s: float) -> None:
    try:
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired as exc:
        raise CannotInstall(f"not installed in {timeout_s:g} s") from exc
    if done.returncode:
        raise CannotInstall(done.stderr[-500:])
