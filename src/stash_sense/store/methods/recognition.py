"""What recognition stores, finds again and matches anew."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stash_sense.domain.decisions import Decision
from stash_sense.domain.images import PictureIdentity
from stash_sense.errors import StashSenseError
from stash_sense.store import adopt, faces, galleries, pictures, rematch, results
from stash_sense.store.methods.base import Methods

if TYPE_CHECKING:
    from stash_sense.errors import StashSenseError


class RecognitionMethods(Methods):
    """Whole results of images; what is read back has a person's decisions applied."""

    def store_image_result(self, result: results.ImageResult) -> results.StoredImage:
        """Store one image's run, all of it or nothing."""
        with self._pool.writing() as connection:
            return results.store_image_result(connection, result)

    def store_image_results(self, found: Sequence[results.ImageResult]) -> results.BatchOutcome:
        """Store many, in transactions of at most 64 images; a refused image takes only itself along."""
        stored: list[results.StoredImage] = []
        failed: list[tuple[str, StashSenseError]] = []
        for start in range(0, len(found), results.BATCH):
            with self._pool.writing() as connection:
                outcome = results.store_image_results(connection, found[start : start + results.BATCH])
            stored += outcome.stored
            failed += outcome.failed
        return results.BatchOutcome(tuple(stored), tuple(failed))

    def adopt_image_result(
        self, source_image_id: str, stash_image_id: str, gallery_ids: Sequence[str] = ()
    ) -> results.StoredImage:
        """Give an image the stored result of another image of the same picture."""
        with self._pool.writing() as connection:
            return adopt.adopt_image_result(connection, source_image_id, stash_image_id, gallery_ids)

    def note_gallery(self, gallery_id: str, stash_image_ids: Sequence[str]) -> int:
        """Note where images were seen whose stored results are used again; returns how many are known."""
        with self._pool.writing() as connection:
            return galleries.note_gallery(connection, gallery_id, stash_image_ids)

    def get_image_result(
        self, stash_image_id: str, *, embeddings: bool = False
    ) -> results.StoredResult | None:
        """An image's stored result, whichever picture, pack and database it was made with."""
        with self._pool.reading() as connection:
            return results.get_image_result(connection, stash_image_id, embeddings=embeddings)

    def get_image_results(
        self, wanted: Sequence[tuple[str, PictureIdentity]]
    ) -> dict[str, results.StoredResult]:
        """Of images (id, picture) those whose stored result shows the same picture, as found."""
        with self._pool.reading() as connection:
            return results.get_image_results(connection, wanted)

    def find_image_result(
        self,
        picture: PictureIdentity,
        pack: str,
        db_version: str | None,
        stash_image_id: str | None = None,
        *,
        any_version: bool = False,
        embeddings: bool = False,
    ) -> results.StoredResult | None:
        """A result of the same picture, pack and database version, to use instead of inference."""
        with self._pool.reading() as connection:
            return results.find_image_result(
                connection,
                picture,
                pack,
                db_version,
                stash_image_id,
                any_version=any_version,
                embeddings=embeddings,
            )

    def shows_picture(self, stash_image_id: str, picture: PictureIdentity) -> bool:
        """Whether an image's stored result was made of this picture."""
        with self._pool.reading() as connection:
            return pictures.shows(connection, stash_image_id, picture)

    def get_face(self, face_id: int) -> faces.StoredFace:
        """One face. Raises NotStored."""
        with self._pool.reading() as connection:
            return faces.get_face(connection, face_id)

    def read_embeddings(
        self,
        pack: str,
        *,
        gallery_id: str | None = None,
        unless_version: str | None = None,
        faces_in_a_batch: int = rematch.FACES_IN_A_BATCH,
    ) -> Iterator[rematch.EmbeddingBatch]:
        """All embeddings of a pack (or of one gallery's images), whole images at a time.

        Each batch is a read of its own: writing between two of them is allowed and meant.
        """
        after = 0
        while True:
            with self._pool.reading() as connection:
                batch = rematch.read_embeddings(
                    connection,
                    pack,
                    after=after,
                    gallery_id=gallery_id,
                    unless_version=unless_version,
                    faces=faces_in_a_batch,
                )
            if batch is None:
                return
            yield batch
            after = batch.last

    def decided_faces(self, stash_image_ids: Sequence[str]) -> dict[int, tuple[Decision, ...]]:
        """Of the faces of these images those that a person has spoken of, by face id."""
        with self._pool.reading() as connection:
            return rematch.decided_faces(connection, stash_image_ids)

    def update_matches(
        self,
        pack: str,
        db_version: str | None,
        stash_image_ids: Sequence[str],
        matches: Sequence[rematch.FaceMatches],
        settings: Mapping[str, Any] | None = None,
    ) -> rematch.MatchUpdate:
        """Write new verdicts and candidates of whole images; embeddings, boxes and decisions stay."""
        with self._pool.writing() as connection:
            return rematch.update_matches(connection, pack, db_version, stash_image_ids, matches, settings)
