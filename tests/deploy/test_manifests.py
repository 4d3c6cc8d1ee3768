"""The images, compose files and Kubernetes manifests: valid by their schemas, locked down, and true to the code."""

import json
import re
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import Draft202012Validator
from servers import S3

from gateway.bases import read_entries
from gateway.settings import Settings
from gateway.store.blobs import Blobs

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "deploy" / "manifests"
K8S = MANIFESTS / "k8s"
COMPOSE = ("compose.yaml", "compose.gpu.yaml")
PLUGINS = ("POLICY_RUBRIC",)
OURS = ("bucket", "api", "worker")


def documents() -> list[Any]:
    """Every object of the cluster."""
    listed = yaml.safe_load((K8S / "kustomization.yaml").read_text())["resources"]
    return [one for name in listed for one in yaml.safe_load_all((K8S / name).read_text())]


def pod() -> Any:
    (found,) = (one for one in documents() if one["kind"] == "StatefulSet")
    return found["spec"]["template"]["spec"]


def merged(under: Any, over: Any) -> Any:
    """A strategic merge, as kustomize makes it: what lists hold is known by its name."""
    if isinstance(under, dict) and isinstance(over, dict):
        return under | {name: merged(under.get(name), value) for name, value in over.items()}
    if isinstance(under, list) and isinstance(over, list):
        known = {one["name"]: one for one in under}
        return [*(known | {one["name"]: merged(known.get(one["name"]), one) for one in over}).values()]
    return over


def replicated() -> Any:
    """The stateful set of several pods."""
    (found,) = (one for one in documents() if one["kind"] == "StatefulSet")
    return merged(found, yaml.safe_load((K8S / "replicas" / "pods.yaml").read_text()))


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((MANIFESTS / "compose.yaml").read_text())["services"]
    return found


@pytest.mark.parametrize("version", ["1.31", kubernetes_validate.latest_version()])
def test_every_object_of_the_cluster_fits_its_schema(version: str) -> None:
    found = documents()
    assert {one["kind"] for one in found} >= {"StatefulSet", "Service", "NetworkPolicy", "ConfigMap", "Namespace"}
    for one in found:
        kubernetes_validate.validate(one, version, strict=True)


def test_every_manifest_is_listed_or_a_patch() -> None:
    listed = set(yaml.safe_load((K8S / "kustomization.yaml").read_text())["resources"])
    assert {path.name for path in K8S.glob("*.yaml")} == listed | {"kustomization.yaml"}
    (patch,) = yaml.safe_load((K8S / "gpu" / "kustomization.yaml").read_text())["patches"]
    patched = yaml.safe_load((K8S / "gpu" / patch["path"]).read_text())
    (container,) = patched["spec"]["template"]["spec"]["containers"]
    assert container["name"] in {one["name"] for one in pod()["containers"]}


def test_replicas_fit_their_schema_and_are_locked_down_as_one_pod_is() -> None:
    disruption = yaml.safe_load((K8S / "replicas" / "disruption.yaml").read_text())
    for one in (found := replicated(), disruption):
        kubernetes_validate.validate(one, kubernetes_validate.latest_version(), strict=True)
    assert disruption["spec"]["selector"] == found["spec"]["selector"]
    around, alone = found["spec"]["template"]["spec"], pod()
    assert around["securityContext"] == alone["securityContext"]
    assert [one["name"] for one in around["containers"]] == [one["name"] for one in alone["containers"]]
    mounted = {mount["name"] for one in around["containers"] for mount in one["volumeMounts"]} - {"home"}
    assert mounted <= {volume["name"] for volume in around["volumes"]}
    (first,) = around["initContainers"]
    assert first["securityContext"] == alone["containers"][0]["securityContext"]


def test_every_replica_gets_the_same_key_lists_and_policies(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "attestation.key").write_bytes(bytes(32))
    around = replicated()["spec"]["template"]["spec"]
    ((*shell, script),) = (one["command"] for one in around["initContainers"])
    script = script.replace("/shared", f"{tmp_path}/shared").replace("/var/lib/tunegate", str(tmp_path))
    subprocess.run([*shell, script], check=True)
    assert (tmp_path / "attestation.key").stat().st_mode & 0o777 == 0o600
    (made,) = yaml.safe_load((K8S / "replicas" / "kustomization.yaml").read_text())["configMapGenerator"]
    (lists,) = (volume["configMap"] for volume in around["volumes"] if volume["name"] == "lists")
    assert lists == {"name": made["name"]}
    named = {Path(entry["value"]).name for entry in around["containers"][0]["env"]}
    assert named == set(made["files"]) <= {path.name for path in (K8S / "replicas").iterdir()}
    assert [entry["name"] for entry in read_entries(K8S / "replicas" / "bases.toml")] == ["miniature"]


@pytest.mark.parametrize("place", [0, 1])
def test_every_container_is_locked_down_limited_and_probed(place: int) -> None:
    around, container = pod(), pod()["containers"][place]
    assert around["securityContext"]["runAsNonRoot"] is True
    assert around["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert around["automountServiceAccountToken"] is False
    locked = container["securityContext"]
    assert locked["readOnlyRootFilesystem"] is True
    assert locked["allowPrivilegeEscalation"] is False
    assert locked["capabilities"] == {"drop": ["ALL"]}
    assert {"memory", "ephemeral-storage"} <= container["resources"]["limits"].keys()
    ports = {port["name"] for port in container["ports"]}
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["port"] in ports


@pytest.mark.parametrize("name", COMPOSE)
def test_compose_fits_its_schema(name: str) -> None:
    document = yaml.safe_load((MANIFESTS / name).read_text())
    problems = Draft202012Validator(get_builtin_schema("vendor.compose-spec")).iter_errors(document)
    assert [problem.message for problem in problems] == []


@pytest.mark.parametrize("name", ["postgres", "s3", *OURS])
def test_every_service_is_locked_down_and_limited(name: str) -> None:
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "mem_limit" in service
    assert name in OURS or re.search(r":\d", service["image"])
    assert name not in OURS or service["user"] == "10001:10001"


def test_no_read_only_service_takes_what_compose_can_only_copy_in() -> None:
    document = yaml.safe_load((MANIFESTS / "compose.yaml").read_text())
    assert all(service["read_only"] for service in document["services"].values())
    sources = [*document.get("configs", {}).values(), *document.get("secrets", {}).values()]
    assert [source for source in sources if source.keys() & {"content", "environment"}] == []


def test_the_s3_service_starts_with_one_identity(tmp_path: Path) -> None:
    (tmp_path / "weed").write_text('#!/bin/sh\necho "$@"; exec cat "$FOUND"\n')
    (tmp_path / "weed").chmod(0o755)
    service = services()["s3"]
    (script,) = service["command"]
    script = script.replace("$$", "$").replace("/tmp/", f"{tmp_path}/")
    secret = {"PATH": f"{tmp_path}:/usr/bin:/bin", "S3_SECRET_KEY": "s3cret", "FOUND": f"{tmp_path}/s3.json"}
    said = subprocess.check_output([*service["entrypoint"], script], text=True, env=secret)
    flags, written = said.split("\n", 1)
    (identity,) = json.loads(written)["identities"]
    assert f"-s3.config={tmp_path}/s3.json" in flags.split()
    assert identity["credentials"] == [{"accessKey": "tunegate", "secretKey": "s3cret"}]
    assert (tmp_path / "s3.json").stat().st_mode & 0o77 == 0


def test_the_bucket_is_made_before_anything_uses_it(s3: S3, tmp_path: Path) -> None:
    service = services()["bucket"]
    for name in ("api", "worker"):
        assert services()[name]["depends_on"]["bucket"] == {"condition": "service_completed_successfully"}
    named = service["environment"] | {"FSSPEC_S3_ENDPOINT_URL": s3.endpoint, "FSSPEC_S3_SECRET": "s3cret"}
    subprocess.run([sys.executable, *service["command"][1:]], check=True, env=named)
    assert Blobs.open_store(named["TUNEGATE_BLOB_URL"], tmp_path).put("a/b", [b"x"]).bytes == 1


def test_the_dockerfile_passes_its_linter() -> None:
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    said = subprocess.run([hadolint, MANIFESTS / "Dockerfile"], capture_output=True, text=True, check=False)
    assert (said.returncode, said.stdout) == (0, "")


def test_images_are_not_roots_and_are_made_of_what_is_let_through() -> None:
    text = (MANIFESTS / "Dockerfile").read_text()
    stages = re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE)
    assert re.search(r"^USER 10001:10001$", text, re.MULTILINE)
    targets = {service["build"]["target"] for service in services().values() if "build" in service}
    assert targets <= set(stages)
    let_through = (MANIFESTS / "Dockerfile.dockerignore").read_text().splitlines()
    copied = " ".join(re.findall(r"^COPY (?!--)(.+) \S+$", text, re.MULTILINE)).split()
    assert {f"!{name.rstrip('/')}" for name in copied} == {line for line in let_through if line.startswith("!")}


def test_the_images_ask_for_extras_that_exist() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for asked in re.findall(r"'\.\[(.+)\]'", (MANIFESTS / "Dockerfile").read_text()):
        assert set(asked.split(",")) <= extras.keys()


def test_every_variable_that_is_set_is_a_setting() -> None:
    known = {f"TUNEGATE_{name.upper()}" for name in Settings.__slots__}
    for path in MANIFESTS.rglob("*"):
        if path.is_file():
            named = set(re.findall(r"\bTUNEGATE_[A-Z0-9_]+", path.read_text()))
            named = {name for name in named if not name.startswith(tuple(f"TUNEGATE_{name}_" for name in PLUGINS))}
            assert named <= known, path
