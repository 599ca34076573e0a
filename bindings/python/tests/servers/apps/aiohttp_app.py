"""An asyncio service by aiohttp, in one process."""

import os

from aiohttp import web
from service import CONFIG, URLS, told

from splitio import get_factory_async
from splitio.impressions import ImpressionListener


class ToFile(ImpressionListener):
    async def log_impression(self, data):
        told(data["impression"].matching_key)


SPLIT = web.AppKey("split", object)


async def split(app):
    factory = await get_factory_async("a-key", config={**CONFIG, "impressionListener": ToFile()}, **URLS)
    await factory.block_until_ready(10)
    app[SPLIT] = factory.client()
    yield
    await factory.destroy()


async def pid(request):
    return web.json_response({"pid": os.getpid()})


async def treatment(request):
    answer = await request.app[SPLIT].get_treatment(request.query["key"], "checkout")
    return web.json_response({"pid": os.getpid(), "treatment": answer})


async def work(request):
    await request.app[SPLIT].track(request.query["key"], "user", "asked")
    return await treatment(request)


def application(_arguments):
    app = web.Application()
    app.cleanup_ctx.append(split)
    app.add_routes([web.get("/pid", pid), web.get("/treatment", treatment), web.get("/track", work)])
    return app
