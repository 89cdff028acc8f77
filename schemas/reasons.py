"""Every reason a sample can be rejected for: what it means and what to do about it."""

REASONS: dict[str, str] = {
    # reading (failed)
    "unreadable_shard": "the shard could not be opened as what its ending says; nothing of it was read",
    "truncated_shard": "the shard ends in mid-member; what lies before it was read. Download it again",
    "damaged_shard": "a header of the shard is broken; what lies before it was read",
    "oversized_member": "a member declares more bytes than input.max_member_bytes and was not read",
    "expands_too_far": "a bomb: the compressed shard expands over input.max_expansion times; reading stopped",
    "not_a_file": "a link, device or sparse file: a WebDataset shard holds plain files only",
    "no_key": "the member's name begins with a dot, so it has no key (macOS archives hold such files)",
    "missing_image": "the sample has none of the members of input.image, or they are not beside each other: "
    "`pairwright doctor --repair` brings them together",
    "missing_text": "the sample has none of input.text, and no recipe writes from the picture alone",
    "empty_text": "the sample's text is empty, and no recipe writes from the picture alone",
    "bad_text": "the sample's text is in no encoding that could be recognised",
    "repeated_member": "the sample has the same member twice",
    "empty_image": "the image has no bytes",
    "null_row": "the Parquet row has no image bytes (a failed download)",
    # decoding (failed)
    "unknown_format": "the bytes are no image of a known kind",
    "unsupported_format": "the image's real format is not in input.formats",
    "truncated_image": "the image ends before its pixels do",
    "damaged_image": "the image's data are broken",
    "oversized_image": "the image declares more pixels than input.max_pixels and was not decoded",
    # dedup (dropped)
    "repeated_uid": "another sample has this uid; a uid names one sample",
    "exact_duplicate": "the same image bytes as the sample named",
    "near_duplicate": "nearly the same picture as the sample named (perceptual hash)",
    "evaluation_image": "the picture is in an evaluation set (dedup.decontaminate)",
    # annotate (failed)
    "empty_reply": "the worker's reply was empty",
    "bad_reply": "the worker's reply does not fit the recipe's schema",
}
"""Reasons of filters are named `<kind>` by the filter that objected (see `schemas.filters`)."""
