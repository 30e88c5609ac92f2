"""A record's folder, looked at byte by byte: it is what was signed, or it is refused."""

from pathlib import Path

from edge.errors import OtaError
from edge.ota.states import Code
from models.errors import RecordError
from models.record.files import artefact_problem
from models.record.reading import RECORD, read_record
from models.record.record import Record


def whole_record(folder: Path, sha256: str) -> Record:
    """The record of a folder whose every byte is as the record says.

    Raises:
        OtaError: it is not.
    """
    try:
        read = read_record(folder)
    except RecordError as error:
        raise OtaError(Code.TAMPERED, str(error)) from error
    if read.digest != sha256:
        told = f"{folder / RECORD}: its sha256 is {read.digest[:12]}..., not {sha256[:12]}..."
        raise OtaError(Code.TAMPERED, told)
    for one in read.record.artefacts:
        if problem := artefact_problem(folder, one):
            raise OtaError(Code.TAMPERED, problem)
    return read.record
