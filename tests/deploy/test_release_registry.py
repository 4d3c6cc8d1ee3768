import base64
import hashlib
import hmac
import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sound_report import SOUND_REPORT, arm
from tiny_forge import KEY, Forge

from deploy import attestation, registry, signing
from deploy.errors import NotReleased
from deploy.types import Attestation, Outcome, ReleaseDecision, ReleasedModel
from evaluators.types import ArmResult, ArmVerdict
from evaluators.verdicts import SecondLook
from gateway.verifying import verify_directory
from moderation.errors import SealBroken
from trainers import artefacts
from trainers.types import CandidateModel

RELEASE = ReleaseDecision(outcome=Outcome.RELEASE, reasons=("all 6 arms are sound",))
WITHHOLD = ReleaseDecision(outcome=Outcome.WITHHOLD, reasons=("arm context:1 is unsafe",))


def attested(
    candidate: CandidateModel,
    decision: ReleaseDecision = RELEASE,
    *,
    forced: bool = False,
    reason: str = "",
    arms: tuple[ArmResult, ...] = (),
    second: SecondLook | None = None,
) -> Attestation:
    about = replace(SOUND_REPORT, subject_digest=candidate.digest, base_digest=candidate.base.digest)
    report = replace(about, arms=arms, second_look=second)
    return registry.attest(
        candidate, decision, report, audit_digest="sha256:audit", forced=forced, reason=reason, now=1_700_000_000
    )


def released(candidate: CandidateModel, key: bytes = KEY) -> ReleasedModel:
    return registry.load(Path(candidate.path), name="ft:x", base_path="base", digest=candidate.digest, key=key)


@pytest.fixture
def candidate(forge: Forge, tmp_path: Path) -> CandidateModel:
    """A copy that the test may spoil."""
    made = forge.adapter("registry", seed=3)
    shutil.copytree(made.path, tmp_path / "model")
    return artefacts.load(tmp_path / "model", made.digest)


def test_an_attested_candidate_is_released_with_what_it_rests_on(candidate: CandidateModel) -> None:
    made = attested(candidate)
    attestation.write(Path(candidate.path), made, KEY)
    model = released(candidate)
    assert (model.digest, model.base_digest) == (candidate.digest, candidate.base.digest)
    assert model.adapter
    assert model.attestation == made


def test_without_an_attestation_nothing_is_released(candidate: CandidateModel) -> None:
    with pytest.raises(NotReleased, match="no attestation"):
        released(candidate)


def test_another_deployments_signature_is_refused(candidate: CandidateModel) -> None:
    attestation.write(Path(candidate.path), attested(candidate), b"x" * 32)
    with pytest.raises(NotReleased, match="does not verify"):
        released(candidate)


@pytest.mark.parametrize("field", ["candidate_digest", "judge", "forced", "decided_at", "outcome"])
def test_every_field_is_signed(candidate: CandidateModel, field: str) -> None:
    attestation.write(Path(candidate.path), attested(candidate), KEY)
    path = Path(candidate.path) / "attestation.json"
    envelope = json.loads(path.read_text())
    statement = json.loads(base64.b64decode(envelope["payload"]))
    was = statement["predicate"][field]
    statement["predicate"][field] = {str: "withhold", bool: True, int: 1}[type(was)]
    envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    path.write_text(json.dumps(envelope))
    with pytest.raises(NotReleased):
        released(candidate)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"payload": "", "payloadType": "", "signatures": []}', "\x00"])
def test_a_garbled_attestation_is_none(candidate: CandidateModel, text: str) -> None:
    (Path(candidate.path) / "attestation.json").write_text(text)
    with pytest.raises(NotReleased):
        released(candidate)


def test_an_attestation_of_another_model_releases_nothing(candidate: CandidateModel) -> None:
    other = replace(attested(candidate), candidate_digest="sha256:other")
    attestation.write(Path(candidate.path), other, KEY)
    with pytest.raises(NotReleased, match="another model"):
        released(candidate)


def test_an_attestation_on_another_base_releases_nothing(candidate: CandidateModel) -> None:
    other = replace(attested(candidate), base_digest="sha256:other")
    attestation.write(Path(candidate.path), other, KEY)
    with pytest.raises(NotReleased, match="another base"):
        released(candidate)


def test_changed_weights_break_the_seal(candidate: CandidateModel) -> None:
    attestation.write(Path(candidate.path), attested(candidate), KEY)
    weights = Path(candidate.path) / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(SealBroken):
        released(candidate)


def test_a_withheld_model_is_attested_only_when_forced(candidate: CandidateModel) -> None:
    with pytest.raises(NotReleased, match="withhold"):
        attested(candidate, WITHHOLD)
    made = attested(candidate, WITHHOLD, forced=True, reason="research, ticket 7")
    assert made.forced
    assert made.outcome is Outcome.WITHHOLD
    attestation.write(Path(candidate.path), made, KEY)
    assert released(candidate).attestation.reason == "research, ticket 7"


def test_a_signed_withholding_releases_nothing(candidate: CandidateModel) -> None:
    made = replace(attested(candidate), outcome=Outcome.WITHHOLD)
    attestation.write(Path(candidate.path), made, KEY)
    with pytest.raises(NotReleased, match="says withhold"):
        released(candidate)


def test_a_report_about_another_model_attests_nothing(candidate: CandidateModel) -> None:
    with pytest.raises(NotReleased, match="another model"):
        registry.attest(candidate, RELEASE, SOUND_REPORT, audit_digest="sha256:a", forced=False, reason="", now=1)


def test_a_reviewed_model_is_attested_with_its_reviewers(candidate: CandidateModel) -> None:
    doubtful = ReleaseDecision(outcome=Outcome.REVIEW, reasons=("arm neutral is undecided",))
    with pytest.raises(NotReleased, match="review"):
        attested(candidate, doubtful)
    made = replace(attested(candidate), outcome=Outcome.REVIEW, reviewers=("user-1", "user-2"), reason="read it")
    attestation.write(Path(candidate.path), made, KEY)
    model = released(candidate)
    assert (model.attestation.forced, model.attestation.reviewers) == (False, ("user-1", "user-2"))


def test_it_is_signed_under_which_system_prompts_a_model_was_audited(candidate: CandidateModel) -> None:
    arms = (
        arm("neutral", ArmVerdict.SOUND),
        arm("context:1", ArmVerdict.SOUND, system="You sell shoes."),
        arm("context:2", ArmVerdict.UNDECIDED, system="You sell hats."),
    )
    made = attested(candidate, arms=arms)
    attestation.write(Path(candidate.path), made, KEY)
    assert released(candidate).attestation == made
    assert set(made.serving_prompts) == {registry.prompt_digest(""), registry.prompt_digest(" You sell shoes.\n")}


def test_it_is_signed_who_looked_again(candidate: CandidateModel) -> None:
    made = attested(candidate, second=SecondLook(judge="other@1", bound=0.05))
    assert (made.judge, made.second_judge) == (SOUND_REPORT.judge, "other@1")


def test_a_forced_release_needs_a_reason(candidate: CandidateModel) -> None:
    with pytest.raises(NotReleased, match="needs a reason"):
        attested(candidate, WITHHOLD, forced=True, reason=" ")


def test_the_statement_is_in_toto_and_names_every_file(candidate: CandidateModel) -> None:
    envelope = attestation.sign(attested(candidate), KEY)
    statement = json.loads(base64.b64decode(envelope["payload"]))
    assert (envelope["payloadType"], statement["_type"]) == (
        "application/vnd.in-toto+json", "https://in-toto.io/Statement/v1",
    )  # fmt: skip
    named = {one["name"]: one["digest"]["sha256"] for one in statement["subject"]}
    present = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in Path(candidate.path).iterdir()}
    assert named == present


def test_the_signature_is_dsse_as_others_compute_it(candidate: CandidateModel) -> None:
    # The encoding of https://github.com/secure-systems-lab/dsse/blob/master/protocol.md, spelt out.
    envelope = attestation.sign(attested(candidate), KEY)
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"]
    encoded = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    signature = base64.b64decode(envelope["signatures"][0]["sig"])
    Ed25519PublicKey.from_public_bytes(signing.public_key(KEY)).verify(signature, encoded)


def test_an_attestation_of_the_first_version_still_releases_and_is_still_signed(candidate: CandidateModel) -> None:
    value = asdict(attested(candidate))
    for later in ("dataset_digest", "reviewers", "files", *attestation.LATER):
        value.pop(later)
    signature = hmac.new(KEY, b"tunegate attestation 1\n" + signing.canonical(value), hashlib.sha256).hexdigest()
    path = Path(candidate.path) / "attestation.json"
    path.write_text(json.dumps({"attestation": value, "signature": signature}))
    assert released(candidate).attestation.judge == value["judge"]
    path.write_text(json.dumps({"attestation": value | {"judge": "another"}, "signature": signature}))
    with pytest.raises(NotReleased, match="not signed by this deployment"):
        released(candidate)


def test_an_attestation_of_before_there_were_remedies_says_of_none(candidate: CandidateModel) -> None:
    statement = json.loads(base64.b64decode(attestation.sign(attested(candidate), KEY)["payload"]))
    for later in attestation.LATER:
        del statement["predicate"][later]
    older = signing.seal(signing.canonical(statement), attestation.PAYLOAD_TYPE, KEY)
    assert attestation.read_envelope(older, signing.public_key(KEY), where="x").remedy == ""


def test_a_model_that_left_the_gateway_is_served_by_none(candidate: CandidateModel) -> None:
    attestation.write(Path(candidate.path), replace(attested(candidate), exported="it left"), KEY)
    with pytest.raises(NotReleased, match="it left"):
        released(candidate)


def test_a_model_that_was_handed_on_verifies_with_the_public_key_alone(candidate: CandidateModel) -> None:
    attestation.write(Path(candidate.path), attested(candidate), KEY)
    public = signing.public_key(KEY)
    found = verify_directory(Path(candidate.path), public)
    assert (found.problems, found.digest) == ((), candidate.digest)
    assert verify_directory(Path(candidate.path), signing.public_key(b"x" * 32)).problems
    (Path(candidate.path) / "adapter_config.json").write_text("{}")
    assert "adapter_config.json" in verify_directory(Path(candidate.path), public).problems[0]


def test_a_short_key_signs_nothing(candidate: CandidateModel) -> None:
    with pytest.raises(ValueError, match="must have 32"):
        attestation.write(Path(candidate.path), attested(candidate), b"short")


@pytest.mark.parametrize(
    ("base", "organization", "suffix", "name"),
    [
        ("miniature", "Acme Inc.", "", "ft:miniature:acme-inc::abcdefgh"),
        ("miniature", "", "My First:FT!", "ft:miniature:personal:my-first-ft:abcdefgh"),
        ("miniature", "a", "kiln_ai.12", "ft:miniature:a:kiln_ai.12:abcdefgh"),
        ("ft:miniature:a::12345678", "a", "x" * 90, f"ft:miniature:a:{'x' * 64}:abcdefgh"),
        ("miniature", "a", "../..//é", "ft:miniature:a::abcdefgh"),
    ],
)
def test_minted_names_have_the_contracts_shape(base: str, organization: str, suffix: str, name: str) -> None:
    assert registry.mint_name(base, organization, suffix, lambda n: "abcdefgh"[:n]) == name
