"""Characters that nobody sees, by what they can be used for. From the Unicode Character Database 17 and UTS 39."""

from __future__ import annotations

BIDI = "\u202a-\u202e\u2066-\u2069\u206a-\u206f"
"""Embeddings, overrides and isolates (UAX 9), and the deprecated format characters beside them."""
MARKS = "\u200e\u200f\u061c"
"""Left-to-right, right-to-left and Arabic letter mark."""
ZERO_WIDTH = "\u200b\ufeff\u180e"
JOINERS = "\u200c\u200d"
TAGS = "\U000e0000-\U000e007f"
VARIATION = "\ufe00-\ufe0f\U000e0100-\U000e01ef\u180b-\u180d\u180f"
PRIVATE = "\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"
INVISIBLE = (
    "\u2060-\u2065\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
)
"""Word joiner, invisible operators, fillers, annotations: default ignorable (DerivedCoreProperties)."""
SOFT_HYPHEN = "\u00ad"
CONTROLS = "\\x00-\\x08\\x0b\\x0e-\\x1f\\x7f\u0080-\u0084\u0086-\u009f"
"""C0 and C1 controls (ISO 6429), escape among them; not tab, line ends, form feed and next line."""

KINDS = {
    "bidi": BIDI + MARKS,
    "zero_width": ZERO_WIDTH + JOINERS,
    "tag": TAGS,
    "variation": VARIATION,
    "private": PRIVATE,
    "invisible": INVISIBLE,
    "soft_hyphen": SOFT_HYPHEN,
    "control": CONTROLS,
}

RIGHT_TO_LEFT = "\u0590-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff"
"""Blocks of scripts that run from right to left (Blocks.txt)."""
JOINED = (
    "\u0590-\u08ff\u0900-\u0dff\u0e00-\u0eff\u0f00-\u109f\u1780-\u18af\u1a20-\u1aaf\u1b00-\u1cff"
    "\ua840-\uaaff\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010a00-\U00011fff\U0001e900-\U0001e95f"
)
"""Blocks of scripts in whose words joiners shape letters: Arabic, Hebrew, Indic, Mongolian (RFC 5892, A.1, A.2)."""
UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u3040-\u30ff\u3400-\u9fff"
"""Scripts written without spaces, where U+200B says where a line may break (UAX 14)."""
PICTURES = "\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001faff"
"""Emoji and other pictures, arrows and signs that have an emoji form (emoji-data.txt), with their surroundings."""
FLAG, TAG_END = "\U0001f3f4", "\U000e007f"
FLAGS = ("gbeng", "gbsct", "gbwls")
"""The emoji flags that are spelled with tags (emoji-sequences.txt)."""
