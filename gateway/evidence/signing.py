"""The evidence pack as a file: the object in clear, and a signature that needs only the public key to check."""

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy import signing
from deploy.signing import NotSigned
from gateway.evidence.page import carried, page

TYPE = "tunegate evidence 1"
PAYLOAD_TYPE = "application/vnd.tunegate.evidence+json"


def signed(evidence: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    """`{"evidence", "payloadType", "signatures"}`: DSSE whose payload is the canonical JSON of `evidence`."""
    # As it will be read again: whoever checks a page makes it of the same values.
    plain = json.loads(json.dumps(evidence))
    envelope = signing.seal(signing.canonical(plain), PAYLOAD_TYPE, key)
    return {"evidence": plain, "payloadType": envelope["payloadType"], "signatures": envelope["signatures"]}


def verified(path: Path, public: bytes) -> Mapping[str, Any]:
    """The evidence in a file, the JSON or the page. Raises NotSigned when the owner of the key did not sign it so.

    A page has to be, to the letter, the one that is made of what is signed in it.
    """
    try:
        text = path.read_bytes().decode()
        inner = carried(text)
        document = json.loads(text if inner is None else inner)
        evidence: Mapping[str, Any] = document["evidence"]
        payload = base64.b64encode(signing.canonical(evidence)).decode()
        envelope = {
            "payload": payload,
            "payloadType": document["payloadType"],
            "signatures": document["signatures"],
        }
    except (ValueError, KeyError, TypeError) as exc:
        raise NotSigned("it is not an evidence pack") from exc
    signing.unseal(envelope, PAYLOAD_TYPE, public)
    if inner is not None and page(document).rstrip() != text.rstrip():
        raise NotSigned("what it carries is signed, and the page says something else, or another version made it")
    return evidence
