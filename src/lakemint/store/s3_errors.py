"""What S3 and its clients say is wrong, in our words."""

from lakemint.errors import ObjectExists, ObjectNotFound, StoreError, StoreUnavailable


class Conflict(ObjectExists):
    """Another conditional write of the same key is under way; which one wins is open."""


class translated:
    """Turns the errors of botocore, and of the connection below it, into ours, with the key named."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None:
            return
        from botocore import exceptions as boto
        from urllib3.exceptions import HTTPError

        if isinstance(error, boto.ClientError):
            code = error.response.get("Error", {}).get("Code", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise _from_status(self._key, code, status) from error
        cut = (boto.IncompleteReadError, boto.FlexibleChecksumError, HTTPError, OSError)
        if isinstance(error, (boto.HTTPClientError, boto.ConnectionError, *cut)):
            raise StoreUnavailable(
                f"{self._key}: the object store does not answer ({error}); is it up? `lakemint doctor` tells"
            ) from error
        if isinstance(error, boto.BotoCoreError):
            raise StoreError(f"{self._key}: {error}") from error


def _from_status(key: str, code: str, status: int) -> StoreError:
    if code == "NoSuchBucket":
        return StoreError(f"{key}: the bucket does not exist; create it, or mend LAKEMINT_LAKE")
    if status == 501:
        return StoreError(f"{key}: the object store cannot do this ({code or status})")
    if status >= 500 or code in ("SlowDown", "RequestTimeout"):
        return StoreUnavailable(f"{key}: the object store failed ({code or status}); try again later")
    meanings: dict[int, tuple[type[StoreError], str]] = {
        403: (StoreError, f"the object store refuses these credentials ({code})"),
        404: (ObjectNotFound, "no such object"),
        409: (Conflict, "another writer is at it; run this again"),
        412: (ObjectExists, "taken by other bytes, or not the expected ones"),
    }
    kind, words = meanings.get(status, (StoreError, f"the object store refused ({code or status})"))
    return kind(f"{key}: {words}")
