"""How ``fer_runtime/screen/font.otf`` is made: a subset of Inter SemiBold.

Inter is by The Inter Project Authors, SIL Open Font License 1.1 (``OFL.txt`` beside the font).
Run by ``make font``, which fetches Debian's package fonts-inter: python runtime/make_font.py
Inter-SemiBold.otf. Needs fonttools.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from fontTools import subset

TARGET = Path(__file__).parent / "fer_runtime" / "screen" / "font.otf"
NAME = "FerEdgeSans"

RANGES = (
    (0x0020, 0x007E),  # ASCII
    (0x00A0, 0x017F),  # Latin-1 and Latin Extended-A
    (0x0218, 0x021B),  # Romanian
    (0x0370, 0x03FF),  # Greek
    (0x0400, 0x045F),  # Cyrillic
    (0x0490, 0x0491),  # Ukrainian
    (0x1E80, 0x1EF9),  # Welsh and Vietnamese
    (0x2010, 0x2026),  # dashes, quotation marks, dots
    (0x202F, 0x203A),
    (0x20AC, 0x20AC),  # euro
    (0x2190, 0x2193),  # arrows
    (0x2212, 0x2212),  # minus
)


def main(source: str) -> None:
    """Write the subset of the font file `source` to its place in the runtime."""
    options = subset.Options()
    # Letters are set one after the other, without shaping: no layout tables, no hints, as text
    # is drawn large and reduced. The name of a changed font must not be the original's.
    options.layout_features = []
    options.drop_tables += ["GDEF", "GPOS", "GSUB"]
    options.hinting = False
    options.obfuscate_names = True
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    font: Any = subset.load_font(source, options)
    # Figures of one width, so that a changing number does not move what stands behind it.
    even = _substitutes(font, "tnum")
    for table in font["cmap"].tables:
        for digit in range(ord("0"), ord("9") + 1):
            glyph = table.cmap[digit]
            table.cmap[digit] = even.get(glyph, glyph)  # tables may share one mapping
    made = subset.Subsetter(options)
    made.populate(unicodes=[code for first, last in RANGES for code in range(first, last + 1)])
    made.subset(font)
    font["CFF "].cff.fontNames = [NAME]
    subset.save_font(font, str(TARGET), options)


def _substitutes(font: Any, feature: str) -> dict[str, str]:
    """Return which glyph stands for which with an OpenType feature switched on."""
    rules = font["GSUB"].table
    found: dict[str, str] = {}
    for record in rules.FeatureList.FeatureRecord:
        if record.FeatureTag == feature:
            for index in record.Feature.LookupListIndex:
                for rule in rules.LookupList.Lookup[index].SubTable:
                    found |= getattr(rule, "ExtSubTable", rule).mapping
    return found


if __name__ == "__main__":
    main(sys.argv[1])
