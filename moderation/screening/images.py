"""Images in a file: whether a classifier saw them, and whether what it saw is what will be trained on."""

from collections.abc import Collection, Iterator, Sequence

from moderation.checks import Classifier, ImageReader
from moderation.screening.tallies import Lines
from moderation.types import Example, Verdict


class Images:
    """The examples with images that a person has to look at, whatever the policy."""

    def __init__(self, readers: Sequence[Classifier], sharing: Collection[str]) -> None:
        """`sharing` names the readers that read only a share of the file, which sees no image for certain."""
        self._seen = any(isinstance(r, ImageReader) and r.reads_images for r in readers if r.name not in sharing)
        self._unread, self._elsewhere = Lines(), Lines()

    def observe(self, example: Example) -> None:
        """Look at an example; lines come ascending."""
        urls = [url for message in example.messages for url in message.images]
        if urls and not self._seen:
            self._unread.add(example.line)
        elif any(not url.startswith("data:") for url in urls):
            self._elsewhere.add(example.line)

    def decisions(self) -> Iterator[tuple[Verdict, str]]:
        """What could not be read, and what may be another image by the time it is trained on."""
        if self._unread.n:
            yield (
                Verdict.REVIEW,
                f"{self._unread.n} example(s) hold images, which no classifier read, on lines {self._unread}",
            )
        if self._elsewhere.n:
            why = "show images by an address, where others may stand once they were screened, on lines"
            mend = "put them into the file as data URLs"
            yield Verdict.REVIEW, f"{self._elsewhere.n} example(s) {why} {self._elsewhere}; {mend}"
