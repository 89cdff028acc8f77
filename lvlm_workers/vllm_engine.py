"""vLLM's asynchronous engine, behind the few calls that are needed of it.

`AsyncLLM` is what `vllm serve` runs on: it takes requests one by one, while `LLM` waits for a whole batch,
and it tokenises and reads pictures in threads, beside the process in which the model computes.
"""

import base64
from contextlib import suppress
from itertools import count
from typing import Any

from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.exceptions import VLLMClientError
from vllm.platforms import current_platform
from vllm.renderers import ChatParams
from vllm.sampling_params import RequestOutputKind, SamplingParams, StructuredOutputsParams
from vllm.v1.engine.async_llm import AsyncLLM

from lvlm_workers.base import Request
from lvlm_workers.chat_api import Completion, RefusedError, TryAgainError
from lvlm_workers.vllm_keeper import EngineDiedError, Question
from lvlm_workers.vllm_watch import Watch
from schemas.workers import VllmWorkerConfig

PICTURE_CACHE_GB = 1.0
"""Of pictures made ready, kept in this process and once more in the engine's: few are asked about twice."""

# vLLM 0.32 on a CPU dies of a seed in a batch ("CPU Generator does not use offset").
_SEEDS = not current_platform.is_cpu()
_BROKEN = ("error", "abort")


class VllmEngine:
    """One engine in a process of its own, which ends when this one does."""

    def __init__(self, config: VllmWorkerConfig) -> None:
        self._watch = Watch()
        try:
            with self._watch.over_start():
                self._llm = AsyncLLM.from_engine_args(_arguments(config))
        except BaseException:
            self._watch.close()
            raise
        self._defaults = self._llm.model_config.get_diff_sampling_param()
        self._ids = count()

    async def ask(self, question: Question) -> Completion:
        """Return the reply; what it raises is said in `lvlm_workers.vllm_keeper.Engine`."""
        name = f"pairwright-{next(self._ids)}"
        try:
            _, (prompt,) = await self._llm.renderer.render_chat_async([[_message(question)]], _CHAT)
            sampling = _sampling(question.request, self._defaults)
            outputs = [output async for output in self._llm.generate(prompt, sampling, name)]
        except Exception as error:
            if self._llm.errored:
                raise EngineDiedError("vLLM's engine died") from error
            if isinstance(error, VLLMClientError | ValueError):
                raise RefusedError(str(error)) from error
            raise TryAgainError(f"{type(error).__name__}: {error}") from error
        if not outputs or outputs[-1].outputs[0].finish_reason in _BROKEN:
            raise TryAgainError("vLLM's engine gave the request up")
        (output,) = outputs[-1].outputs
        return Completion(
            text=output.text,
            model="",
            finish_reason=output.finish_reason or "unknown",
            tokens_in=len(outputs[-1].prompt_token_ids),
            tokens_out=len(output.token_ids),
        )

    def shutdown(self) -> None:
        """End the engine's processes."""
        with suppress(OSError):
            self._llm.shutdown()
        self._watch.close()


_CHAT = ChatParams(chat_template_kwargs={"add_generation_prompt": True})


def _arguments(config: VllmWorkerConfig) -> Any:
    return AsyncEngineArgs(
        model=config.model,
        revision=config.revision,
        max_model_len=config.max_model_len,
        dtype=config.dtype,
        quantization=config.quantization,
        gpu_memory_utilization=config.gpu_memory_utilization,
        tensor_parallel_size=config.tensor_parallel,
        enable_prefix_caching=True,
        limit_mm_per_prompt={"image": 1, "video": 0, "audio": 0},
        mm_processor_cache_gb=PICTURE_CACHE_GB,
        # Without this a model may write white space until its tokens are spent, which the grammar allows.
        structured_outputs_config={"backend": "xgrammar", "disable_any_whitespace": True},
        disable_log_stats=True,
        enforce_eager=current_platform.is_cpu(),  # there, compiling takes longer than it saves
    )


def _message(question: Question) -> dict[str, Any]:
    """Return the user's message in the layout of `lvlm_workers.chat_api.write_body`, for the same reason."""
    if question.jpeg is None:
        return {"role": "user", "content": question.request.prompt}
    url = "data:image/jpeg;base64," + base64.b64encode(question.jpeg).decode("ascii")
    text = {"type": "text", "text": question.request.prompt}
    return {"role": "user", "content": [text, {"type": "image_url", "image_url": {"url": url}}]}


def _sampling(request: Request, defaults: dict[str, Any]) -> Any:
    own: dict[str, Any] = {
        "temperature": request.sampling.temperature,
        "top_p": request.sampling.top_p,
        "max_tokens": request.sampling.max_tokens,
        "seed": request.seed if _SEEDS and request.sampling.temperature > 0 else None,
        "output_kind": RequestOutputKind.FINAL_ONLY,
    }
    if request.schema is not None:
        own["structured_outputs"] = StructuredOutputsParams(json=dict(request.schema))
    return SamplingParams(**(defaults | own))
