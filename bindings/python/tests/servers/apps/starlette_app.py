"""An asyncio service by Starlette. Its factory belongs to the event loop, so each worker makes one."""

import contextlib
import os

from service import CONFIG, URLS, told
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from splitio import get_factory_async
from splitio.impressions import ImpressionListener


class ToFile(ImpressionListener):
    async def log_impression(self, data):
        told(data["impression"].matching_key)


@contextlib.asynccontextmanager
async def lifespan(app):
    factory = await get_factory_async("a-key", config={**CONFIG, "impressionListener": ToFile()}, **URLS)
    await factory.block_until_ready(10)
    app.state.split = factory.client()
    yield
    await factory.destroy()


async def pid(request):
    return JSONResponse({"pid": os.getpid()})


async def treatment(request):
    key = request.query_params["key"]
    return JSONResponse({"pid": os.getpid(), "treatment": await request.app.state.split.get_treatment(key, "checkout")})


async def work(request):
    await request.app.state.split.track(request.query_params["key"], "user", "asked")
    return await treatment(request)


app = Starlette(
    routes=[Route("/pid", pid), Route("/treatment", treatment), Route("/track", work)],
    lifespan=lifespan,
)
