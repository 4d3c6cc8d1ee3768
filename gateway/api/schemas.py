"""Request bodies. Every optional field may be null, and unknown ones are ignored unless they change an answer."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr, StringConstraints

Auto = Literal["auto"]
MAX_SEED = 2_147_483_647


class Wire(BaseModel):
    """Reads what clients really send."""

    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


def _number(low: float, high: float, *, integral: bool, open_low: bool = False) -> Callable[[Any], Any]:
    """A validator of a number in a range, or `"auto"`; integers may come as floats."""
    kind = "an integer" if integral else "a number"
    bounds = f"above {low:g} and at most {high:g}" if open_low else f"from {low:g} to {high:g}"

    def validate(value: Any) -> Any:
        if value is None or value == "auto":
            return "auto"
        right = isinstance(value, int | float) and not isinstance(value, bool)
        inside = right and (low < value if open_low else low <= value) and value <= high
        if not inside or (integral and value != int(value)):
            raise ValueError(f'expected "auto" or {kind} {bounds}')
        return int(value) if integral else float(value)

    return validate


class Hyperparameters(Wire):
    """How to train; `"auto"` leaves it to the gateway."""

    n_epochs: Annotated[int | Auto, BeforeValidator(_number(1, 50, integral=True))] = "auto"
    batch_size: Annotated[int | Auto, BeforeValidator(_number(1, 256, integral=True))] = "auto"
    learning_rate_multiplier: Annotated[
        float | Auto, BeforeValidator(_number(0, 1_000, integral=False, open_low=True))
    ] = "auto"

    def asked(self) -> dict[str, Any]:
        """What was set to something."""
        return {name: value for name, value in self.model_dump().items() if value != "auto"}


class PreferenceHyperparameters(Hyperparameters):
    """How to train on preferences."""

    beta: Annotated[float | Auto, BeforeValidator(_number(0, 2, integral=False, open_low=True))] = "auto"


class MethodSettings(Wire):
    """Settings of one method."""

    hyperparameters: Hyperparameters | None = None


class PreferenceSettings(Wire):
    """Settings of DPO."""

    hyperparameters: PreferenceHyperparameters | None = None


class Method(Wire):
    """How to train. Clients may send the settings of every method at once; `type` decides."""

    type: Literal["supervised", "dpo", "reinforcement"] = "supervised"
    supervised: MethodSettings | None = None
    dpo: PreferenceSettings | None = None


class WandbSettings(Wire):
    """A project at Weights & Biases."""

    project: StrictStr
    name: StrictStr | None = None
    entity: StrictStr | None = None
    tags: list[Annotated[StrictStr, StringConstraints(max_length=64)]] | None = Field(default=None, max_length=50)


class Integration(Wire):
    """Something that should hear of the job."""

    type: Literal["wandb"]
    wandb: WandbSettings


Metadata = Annotated[
    dict[
        Annotated[StrictStr, StringConstraints(max_length=64)],
        Annotated[StrictStr, StringConstraints(max_length=512)],
    ],
    Field(max_length=16),
]


class JobRequest(Wire):
    """`POST /v1/fine_tuning/jobs`."""

    model: Annotated[StrictStr, StringConstraints(min_length=1, max_length=512)]
    training_file: StrictStr
    validation_file: StrictStr | None = None
    suffix: Annotated[StrictStr, StringConstraints(min_length=1, max_length=64)] | None = None
    seed: Annotated[StrictInt, Field(ge=0, le=MAX_SEED)] | None = None
    hyperparameters: Hyperparameters | None = None
    method: Method | None = None
    integrations: Annotated[list[Integration], Field(max_length=5)] | None = None
    metadata: Metadata | None = None

    def resolved_hyperparameters(self) -> dict[str, Any]:
        """Numbers and `"auto"`; those under `method` go before the older ones beside it."""
        older = self.hyperparameters or Hyperparameters()
        preference = self.method is not None and self.method.type == "dpo"
        settings = (self.method.dpo if preference else self.method.supervised) if self.method else None
        newer = (settings.hyperparameters if settings else None) or Hyperparameters()
        default = PreferenceHyperparameters() if preference else Hyperparameters()
        return default.model_dump() | older.asked() | newer.asked()


class ExpiresAfter(Wire):
    """When a file is deleted."""

    anchor: Literal["created_at"]
    seconds: Annotated[StrictInt, Field(ge=3_600, le=2_592_000)]


class NewUpload(Wire):
    """`POST /v1/uploads`."""

    filename: Annotated[StrictStr, StringConstraints(max_length=4_096)]
    purpose: StrictStr
    bytes: Annotated[StrictInt, Field(ge=1)]
    mime_type: Annotated[StrictStr, StringConstraints(max_length=255)]
    expires_after: ExpiresAfter | None = None


class CompleteUpload(Wire):
    """`POST /v1/uploads/{id}/complete`."""

    part_ids: Annotated[list[StrictStr], Field(min_length=1, max_length=10_000)]
    md5: StrictStr | None = None


class ReviewRequest(Wire):
    """`POST /v1/fine_tuning/jobs/{id}/review`."""

    decision: Annotated[StrictStr, StringConstraints(min_length=1, max_length=32)]
    reason: Annotated[StrictStr, StringConstraints(min_length=1, max_length=4_000)]


class ReasonRequest(Wire):
    """`POST /v1/fine_tuning/jobs/{id}/contest` and `.../release`."""

    reason: Annotated[StrictStr, StringConstraints(min_length=1, max_length=4_000)]


class TextPart(Wire):
    """A piece of text."""

    type: Literal["text"]
    text: StrictStr


class ImagePart(Wire):
    """A picture, which no classifier here can see."""

    type: Literal["image_url"]
    image_url: dict[str, Any]


class ModerationRequest(Wire):
    """`POST /v1/moderations`."""

    input: StrictStr | list[StrictStr] | list[Annotated[TextPart | ImagePart, Field(discriminator="type")]]
    model: StrictStr | None = None
