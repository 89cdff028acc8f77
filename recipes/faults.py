"""What to tell a model whose reply was refused."""

from recipes.base import BadReply

FAULTS: dict[str, str] = {
    "empty_reply": "it was empty.",
    "cut_reply": "it did not end: it was too long. Write less, and close the JSON object.",
    "refusal": "it declined. The task is only to write about an ordinary picture or caption; do it as well "
    "as you can.",
    "looping_reply": "it repeated itself. Say each thing once, and stop.",
    "wrong_language": "it was in another language than the one asked for.",
    "prompt_leak": "it copied these instructions or their examples. Write about this one only.",
    "bad_reply": "it was not exactly the JSON object described above. Answer with that object alone.",
}
"""By reason; a reason that is not here is told as `bad_reply`."""


def ask_again(prompt: str, error: BadReply) -> str:
    """Return the prompt with what was wrong with the last answer; nothing of that answer is in it.

    The added part comes last, so that a server's prefix cache holds all before it.
    """
    fault = error.fault or FAULTS.get(error.reason, FAULTS["bad_reply"])
    return f"{prompt}\n\nYour last answer to this was refused: {fault} Answer once more, as told above."
