"""A remark has a code for programs, a text for people and a level."""

from __future__ import annotations

import json

import numpy as np
import pytest

from qspin import SampleSet
from qspin.errors import InputError
from qspin.provenance import run_info
from qspin.remarks import UNSPECIFIED, Level, Remark, by_level, remarks_from
from qspin.sealed import sealed


def test_it_comes_back_from_json():
    remark = Remark("r-hat-energy", "replicas disagree", Level.SERIOUS)
    assert Remark.of(json.loads(json.dumps(remark.plain()))) == remark
    assert remarks_from([remark.plain()]) == [remark]


def test_the_most_serious_stand_first_and_others_keep_their_order():
    note, first, second, serious = (
        Remark(code, "text", level)
        for code, level in (("a", "note"), ("b", "caution"), ("c", "caution"), ("d", "serious"))
    )
    assert by_level([note, first, second, serious]) == [serious, first, second, note]


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({"code": "Few Draws", "text": "a", "level": "note"}, "joined by hyphens.*'Few Draws'"),
        ({"code": 3, "text": "a", "level": "note"}, "joined by hyphens.*got 3"),
        ({"code": "a", "text": " ", "level": "note"}, "is a sentence; got ' '"),
        ({"code": "a", "text": "a", "level": "grave"}, "one of serious, caution, note; got 'grave'"),
        ({"code": "a", "text": "a"}, "mapping of code, text and level"),
        ("careful", "mapping of code, text and level; got 'careful'"),
    ],
)
def test_what_is_none_is_refused(plain, message):
    with pytest.raises(InputError, match=message):
        Remark.of(plain)


def test_warnings_of_earlier_versions_are_remarks_without_a_code(glass, tmp_path):
    """Files of format 2, sealed as they were then."""
    samples = SampleSet.from_spins(glass, np.ones((1, 2, 3, 10)), [1.0], run_info(object(), 1))
    info = {k: v for k, v in samples.info.items() if k not in ("remarks", "headline", "ignored")}
    path = tmp_path / "old.nc"

    def store(**changes):
        dataset = samples.dataset.assign_attrs(info=json.dumps({**info, **changes}))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("qspin.sealed.FORMAT", 2)
            path.write_bytes(sealed(dataset, {}))

    store(warnings=["beware", "of me"])
    old = SampleSet.load(path, glass)
    assert old.remarks == [Remark(UNSPECIFIED, "beware"), Remark(UNSPECIFIED, "of me")]
    assert "warnings" not in old.info
    old.save(tmp_path / "new.nc")
    assert SampleSet.load(tmp_path / "new.nc", glass).remarks == old.remarks
    store()
    with pytest.raises(InputError, match="remarks are a list; got None"):
        SampleSet.load(path)
