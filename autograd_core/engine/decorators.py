"""Modes as decorators. Plain Python and never compiled: a generator of Cython's has no frame of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any


def decorated(function: Callable[..., Any], mode: Callable[..., Any], settings: tuple[Any, ...]) -> Any:
    """Return the function with a context manager, ``mode(*settings)``, around its code.

    Args:
        function: a function, or one that makes generators, coroutines or asynchronous generators. Around the
            code of those the context manager is open from the first time that they run to their end; while
            they are suspended it is the context manager's affair where it holds.
        mode: makes the context manager, anew for each call.
        settings: its arguments.
    """
    import inspect

    if inspect.isasyncgenfunction(function):

        async def asynchronous(*args: Any, **kwargs: Any) -> Any:
            generator = function(*args, **kwargs)
            with mode(*settings):
                step: Any = generator.__anext__()
                while True:
                    try:
                        item = await step
                    except StopAsyncIteration:
                        return
                    try:
                        sent = yield item
                    except GeneratorExit:
                        await generator.aclose()
                        raise
                    except BaseException as error:
                        step = generator.athrow(error)
                    else:
                        step = generator.asend(sent)

        return functools.wraps(function)(asynchronous)

    if inspect.isgeneratorfunction(function):

        def generator(*args: Any, **kwargs: Any) -> Any:
            with mode(*settings):
                return (yield from function(*args, **kwargs))

        return functools.wraps(function)(generator)

    if inspect.iscoroutinefunction(function):

        async def coroutine(*args: Any, **kwargs: Any) -> Any:
            with mode(*settings):
                return await function(*args, **kwargs)

        return functools.wraps(function)(coroutine)

    def plain(*args: Any, **kwargs: Any) -> Any:
        with mode(*settings):
            return function(*args, **kwargs)

    return functools.wraps(function)(plain)
