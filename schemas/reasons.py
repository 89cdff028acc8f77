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
    "interleaved": "the sample's members do not lie beside each other in the shard: "
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
    "oversized_image": "the image declares over input.max_pixels, or a side over a million; not decoded",
    # dedup (dropped)
    "repeated_uid": "another sample has this uid; a uid names one sample",
    "exact_duplicate": "the same image bytes as the sample named",
    "near_duplicate": "nearly the same picture as the sample named (perceptual hash)",
    "evaluation_image": "the picture is in an evaluation set (dedup.decontaminate)",
    # annotate (failed)
    "empty_reply": "the worker's reply was empty",
    "bad_reply": "the worker's reply does not fit the recipe's schema, or its checks left nothing of it",
    "cut_reply": "the model's reply ends before it is complete; raise the tokens that a reply may have",
    "refusal": "the model declined to answer",
    "looping_reply": "the model's reply goes round in circles",
    "wrong_language": "the model's reply is in another language than asked for",
    "prompt_leak": "the model's reply copies the instruction or its examples",
    "lost_names": "the model's reply leaves out names or numbers that it had to keep",
    "lost_meaning": "the model's reply says too little of the text that it had to shorten, or something else",
    "unsupported": "the model's reply says what is in none of the texts that it was made from",
    "over_budget": "the model's reply is longer than the tokens that it may have",
    "refused_request": "the server refused this request and would again; its message is the value",
    # score (dropped, but for the first)
    "unreadable_picture": "the picture could be measured, but not decoded whole, so nothing scores it",
    "no_score": "the text that a rule of score.keep asks about has nothing to read",
    "clip_alt": "the alt text's cosine with the picture is under score.keep's",
    "clip_caption": "the caption's cosine with the picture is under score.keep's",
    "clip_best": "the better cosine of alt text and caption is under score.keep's",
    "clip_masked": "the alt text's cosine with the picture without its writing is under score.keep's",
    "text_printed": "a larger share of the alt text's words stands in the picture than score.ocr allows",
    "quality": "the picture's score along the direction of quality is under score.keep's",
    "semantic_duplicate": "the picture means nearly what that of the sample named does (embeddings)",
    "balanced_out": "all that the sample names is named too often; the value is what most samples name of it",
    "no_entry": "the sample names nothing that samples are balanced by",
}
"""Reasons of filters are named `<kind>` by the filter that objected (see `schemas.filters`)."""

MENDED: dict[str, str] = {
    "dotted_key": "the key has dots: by WebDataset's rule the sample would be merged with its neighbours",
    "image_ending:OLD->NEW": "the image is of another format than its ending says; its own is published",
    "name_encoding": "the member's name is not UTF-8; it was read as latin-1",
    "text_encoding:NAME": "the text is not UTF-8; it was read in that encoding, or without damaged bytes",
    "text_cut": "the text is longer than 1 MiB; the rest was left out",
    "json_unreadable": "the JSON is broken or no object; the sample goes without",
    "json_left_out": "the sample's own JSON is longer than 16,384 characters; the record goes without it",
    "uid_ignored": "the JSON's uid is no short text or integer; the sample has a hash for a uid",
    "url_ignored": "the JSON's url is no text of up to 8,192 characters",
    "gzip_named_tar": "the shard is compressed, but its name ends in .tar",
    "tar_named_gzip": "the shard is not compressed, but its name says so",
}
"""What can stand in `facts.mended` of a published sample."""
